#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Chains with the plugins of containernetworking: ours below each that makes an interface, before and after each that changes one, in a
# conflist of version 0.3.1, on a second interface of the same pod. What others set up stands byte for byte around our ADD and our DEL.
#
#     chains.sh [NAME...]      of the sections below; all of them without
set -euo pipefail
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
PLUGINS=/usr/lib/cni
OWN=$TMPDIR/plugins
VERSION=1.0.0
SHAPED='[{"action":"loss","loss":{"loss":"100"},"name":"lost","target":{"protocol":"icmp"},"includeNode":true},
	{"action":"bandwidth","bandwidth":{"rate":"100mbit"},"direction":"both","name":"slow"}]'
sections=("$@")

# ---- what a runtime does with a conflist

# run_plugin VERB TYPE POD INTERFACE < NETCONF
run_plugin() {
	local binary=$PLUGINS/$2
	[ -x "$OWN/$2" ] && binary=$OWN/$2
	[ "$2" != faultwire ] || binary=$PLUGIN
	CNI_COMMAND=$1 CNI_CONTAINERID=$3 CNI_NETNS=$(netns_path "$3") CNI_IFNAME=$4 CNI_PATH=$PLUGINS \
		CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=$3;K8S_POD_UID=uid-$3" "$binary"
}

# chain VERB POD INTERFACE LIST: the plugins' netconfs in their order for ADD, the other way round for DEL, as libcni's. With $WATCH a
# command that is called with 'before' and 'after' around ours.
chain() {
	local verb=$1 pod=$2 ifname=$3 list=$4 conf type result=$TMPDIR/$2-$3.result prev=
	local -a confs
	mapfile -t confs < <(jq -c --arg text "${FAULTS-}" '
		{"io.kubernetes.cri.pod-annotations": {"faultwire.dev/network": $text},
			portMappings: [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]} as $can
		| {name, cniVersion} as $head
		| .plugins[] | (.capabilities // {}) as $c | ($can | with_entries(select($c[.key]))) as $run
		| . + $head + if $run == {} then {} else {runtimeConfig: $run} end' <<<"$list")
	[ "$verb" = ADD ] || {
		mapfile -t confs < <(printf '%s\n' "${confs[@]}" | tac)
		[[ $list == *'"0.3.1"'* ]] || prev=$(<"$result")
	}
	for conf in "${confs[@]}"; do
		type=${conf#*\"type\":\"} type=${type%%\"*}
		[ -z "$prev" ] || conf="${conf%\}},\"prevResult\":$prev}"
		[ "$type" != faultwire ] || ${WATCH-:} before "$verb"
		prev_new=$(run_plugin "$verb" "$type" "$pod" "$ifname" <<<"$conf" 2>>"$TMPDIR/stderr") || {
			echo "$type $verb: $prev_new"
			return 1
		}
		[ "$type" != faultwire ] || ${WATCH-:} after "$verb"
		[ "$verb" = DEL ] || prev=$prev_new
	done
	[ "$verb" = DEL ] || printf '%s' "$prev" >"$result"
}

conflist() { # PLUGIN-JSON...
	local IFS=,
	printf '{"cniVersion":"%s","name":"%s","plugins":[%s]}' "$VERSION" "$NETWORK" "$*"
}

OURS='{"type":"faultwire","capabilities":{"io.kubernetes.cri.pod-annotations":true}}'

ipam() { # SUBNET-NUMBER
	printf '"ipam":{"type":"host-local","dataDir":"%s","ranges":[[{"subnet":"10.%s.0.0/16"}]],"routes":[{"dst":"0.0.0.0/0"}]}' \
		"$TMPDIR/ipam" "$1"
}

declare -A MAIN=(
	[bridge]='{"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,'$(ipam 90)'}'
	[ptp]='{"type":"ptp","ipMasq":true,'$(ipam 91)'}'
	[macvlan]='{"type":"macvlan","master":"m0","mode":"bridge",'$(ipam 92)'}'
	[ipvlan]='{"type":"ipvlan","master":"m0",'$(ipam 92)'}'
	[host-device]='{"type":"host-device","device":"hd0",'$(ipam 93)'}'
	[dummy]='{"type":"dummy"}'
)
declare -A META=(
	[bandwidth]='{"type":"bandwidth","ingressRate":80000000,"ingressBurst":8000000,"egressRate":80000000,"egressBurst":8000000}'
	[portmap]='{"type":"portmap","capabilities":{"portMappings":true}}'
	[tuning]='{"type":"tuning","sysctl":{"net.core.somaxconn":"500"},"mtu":1400}'
	[firewall]='{"type":"firewall","backend":"iptables"}'
	[sbr]='{"type":"sbr"}'
)

# ---- what others see of the node and of the pod

links() { # [-n NETNS]
	ip "$@" -o link | sed -E 's/^[0-9]+: ([^:@]+).*/\1/'
}

see() { # POD
	local args link
	iptables-save
	ip6tables-save
	for args in "" "-n $1"; do
		# shellcheck disable=SC2086
		{
			ip $args -d -o link
			ip $args -o addr
			ip $args route show table all
			ip $args -6 route show table all
			ip $args rule
			tc $args qdisc show
			for link in $(links $args); do
				tc $args filter show dev "$link" root
				tc $args filter show dev "$link" ingress
				tc $args filter show dev "$link" egress
			done
		}
	done 2>/dev/null
}

# Without counters, times, and what the kernel adds when it comes to it (a link gets a queue length with its first qdisc).
steady() {
	sed -E '/^#/d; /^ *$/d; s/ bridge(_slave)? (state|forward_delay) .*//; s/( qlen [0-9]+)? *\\/\\/; /fe80::|ff00::|multicast ff/d; s/\[[0-9]+:[0-9]+\]//; s/(valid|preferred)_lft [a-z0-9]+//g; s/(promiscuity|allmulti|used|expires) [0-9a-z]+//g; s/ refcnt [0-9]+//; s/NO-CARRIER,|,LOWER_UP| state [A-Z]+| linkdown//g'
}

# And without ours: an ifb, a root with its leaves in the place of none, clsact and what hangs there.
foreign() {
	steady | grep -vE '^[0-9]+: fwifb|dev fwifb|^qdisc (htb|tbf) fa[0-9a-f]{2}:|^qdisc (clsact|noqueue) |faultwire|^filter protocol all pref [12] bpf chain 0 *$|action order 1: mirred \(Egress Redirect to device fwifb|^\s*index [0-9]+ ref [0-9]+ bind' |
		sed -E 's/ qdisc [a-z_]+ / /'
}

watched() { # before|after VERB
	see "$pod" | foreign >"$TMPDIR/$1"
	[ "$1" = before ] || diff "$TMPDIR/before" "$TMPDIR/after" >>"$TMPDIR/differs" || echo "# in $2" >>"$TMPDIR/differs"
}

# ---- checks

gateway() { # POD INTERFACE
	ip -n "$1" -o -4 addr show dev "$2" | sed -E 's/.* inet ([0-9]+\.[0-9]+)\..*/\1.0.1/'
}

lost() { # POD INTERFACE: a ping is lost, and it was us
	ip netns exec "$1" ping -c 1 -W 0.3 -I "$2" "$(gateway "$1" "$2")" >/dev/null && return 1
	"$FAULTWIRE" status --json | jq -e --arg i "$2" '[.pods[] | select(.interface == $i) | .faults[] | select(.name == "lost")][0].injected > 0' >/dev/null
}

passes() { # POD INTERFACE
	ip netns exec "$1" ping -c 1 -W 2 -I "$2" "$(gateway "$1" "$2")" >/dev/null
}

# A whole life: without faults first, which makes what other plugins never take away again.
life() { # LIST
	lived "$1" && return
	chain DEL web eth0 "$1" || true
	return 1
}

lived() { # LIST
	local list=$1 FAULTS=$SHAPED pod=web
	FAULTS='{"action":"partition","armed":false,"target":{"cidrs":["192.0.2.1"]}}' chain ADD web eth0 "$list" &&
		chain DEL web eth0 "$list" || return 1
	see web | steady >"$TMPDIR/start"
	: >"$TMPDIR/differs"
	WATCH=watched chain ADD web eth0 "$list" || return 1
	lost web eth0 || {
		echo "the fault does not show"
		return 1
	}
	"$FAULTWIRE" abort web >/dev/null
	[ -n "${ALONE-}" ] || passes web eth0 || {
		echo "after abort no ping passes"
		return 1
	}
	"$FAULTWIRE" resume web >/dev/null
	WATCH=watched chain DEL web eth0 "$list" && equals "$(<"$TMPDIR/differs")" "" && as_at_start && nothing_of_ours
}

as_at_start() {
	see web | steady | diff "$TMPDIR/start" -
}

nothing_of_ours() {
	equals "$(find /run/faultwire/pods /run/faultwire/slots /sys/fs/bpf/faultwire -mindepth 1 2>/dev/null)" ""
}

wants() { # SECTION
	((${#sections[@]} == 0)) || [[ " ${sections[*]} " == *" $1 "* ]]
}

has_link() { # KIND
	case $1 in
	macvlan | ipvlan) ip link add link m0 name probe type "$1" ;;
	dummy) ip link add probe type dummy ;;
	*) return 0 ;;
	esac 2>/dev/null || return 1
	[ "$1" = host-device ] || ip link del probe
}

# ---- the node

mkdir -p "$OWN"
ip netns add web
ip -n web link set lo up
# Neither a link that comes up nor its addresses' checks are to change what is compared.
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.disable_ipv6=0 net.ipv4.ip_forward=1
ip netns add outside
for i in m0:92 hd0:93; do
	ip link add "${i%:*}" type veth peer name "${i%:*}" netns outside
	ip link set "${i%:*}" up
	ip -n outside addr add "10.${i#*:}.0.1/16" dev "${i%:*}"
	ip -n outside link set "${i%:*}" up
done
# Debian's containernetworking-plugins are older than the plugin 'dummy'.
cat >"$OWN/dummy" <<-'END'
	#!/bin/bash
	set -e
	conf=$(cat)
	ns=${CNI_NETNS##*/}
	if [ "$CNI_COMMAND" = DEL ]; then
		ip -n "$ns" link del "$CNI_IFNAME" 2>/dev/null || true
		exit
	fi
	ip -n "$ns" link add "$CNI_IFNAME" type dummy
	ip -n "$ns" addr add 10.94.0.2/16 dev "$CNI_IFNAME"
	ip -n "$ns" link set "$CNI_IFNAME" up
	printf '{"cniVersion":"1.0.0","interfaces":[{"name":"%s","sandbox":"%s"}],"ips":[{"address":"10.94.0.2/16","interface":0}]}' \
		"$CNI_IFNAME" "$CNI_NETNS"
END
chmod +x "$OWN/dummy"

# ---- below each plugin that makes an interface

for main in bridge ptp macvlan ipvlan host-device dummy; do
	wants "$main" || continue
	sentence="faults on $main: they show, abort ends them, and others' state is byte for byte as it was"
	if ! has_link "$main"; then
		skip "$sentence" "this kernel has no $main"
	elif [ "$main" = dummy ]; then
		ALONE=1 holds "$sentence" life "$(conflist "${MAIN[$main]}" "$OURS")"
	else
		holds "$sentence" life "$(conflist "${MAIN[$main]}" "$OURS")"
	fi
done

# ---- beside each plugin that changes one

for meta in bandwidth portmap tuning firewall sbr; do
	wants $meta || continue
	holds "before $meta: faults show, and what is others' is byte for byte as it was" life \
		"$(conflist "${MAIN[bridge]}" "$OURS" "${META[$meta]}")"
	holds "after $meta: faults show, and what is others' is byte for byte as it was" life \
		"$(conflist "${MAIN[bridge]}" "${META[$meta]}" "$OURS")"
done

if wants all; then
	holds "among all of them at once" life "$(conflist "${MAIN[ptp]}" "${META[portmap]}" "${META[tuning]}" "$OURS" "${META[bandwidth]}" "${META[firewall]}" "${META[sbr]}")"
fi

# ---- versions and interfaces

if wants 0.3.1; then
	VERSION=0.3.1
	holds "a conflist of version 0.3.1: no prevResult on DEL" life "$(conflist "${MAIN[bridge]}" "${META[portmap]}" "$OURS")"
	VERSION=1.0.0
	result_031() {
		jq . "$TMPDIR/web-eth0.result"
		jq -e '.cniVersion == "0.3.1" and .ips[0].version == "4"' "$TMPDIR/web-eth0.result"
	}
	holds "the result of a 0.3.1 chain is one of 0.3.1" result_031
fi

two_interfaces() {
	local first second FAULTS=$SHAPED
	first=$(conflist "${MAIN[bridge]}" "$OURS")
	second=$(NETWORK=second conflist "${MAIN[ptp]}" "$OURS")
	see web | steady >"$TMPDIR/start"
	chain ADD web eth0 "$first" && chain ADD web net1 "$second" && lost web eth0 && lost web net1 || return 1
	equals "$("$FAULTWIRE" status --json | jq -r '[.pods[].interface] | sort | join(" ")')" "eth0 net1" || return 1
	chain DEL web net1 "$second" && lost web eth0 || return 1
	equals "$("$FAULTWIRE" status --json | jq -r '[.pods[].interface] | join(" ")')" eth0 || return 1
	chain DEL web eth0 "$first" && nothing_of_ours && as_at_start
}
if wants second; then
	holds "two interfaces of one pod have faults of their own, and DEL of one leaves the other's" two_interfaces
fi
finish
