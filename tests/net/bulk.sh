#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Bulk TCP through a delay by departure time, beside netem's: both ways, 50 and 200 ms, IPv4 and IPv6, a pod on the bridge and one that
# is routed to. Medians of interleaved runs; with virtual time (tests/vm/run -i) a figure is what the instructions cost, whatever the
# machine is doing meanwhile. bulk.sh [CASE...]: those of the cases by number, all without.
set -euo pipefail
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
declare FAMILY WARM

bulk() { # POD DIRECTION LATENCY BACKEND: Mbit/s
	local options=(-t 1 -O "$WARM") address
	[ "$2" = to ] || options+=(-R)
	address=$([[ $FAMILY == 6 ]] && ip6 peer || ip4 peer)
	add "$1" "{\"action\":\"delay\",\"delay\":{\"latency\":\"$3\"},\"backend\":\"$4\",\"direction\":\"$2\"}"
	ip netns exec "$1" iperf3 -c "$address" "${options[@]}" -J >"$FILE.json"
	jq -e '.end.sum_received.bits_per_second / 1e6' "$FILE.json"
	del "$1"
}

served() {
	ip netns exec peer ss -ltn | grep -q :5201
}

median() {
	sort -g | sed -n "$((rounds / 2 + 1))p"
}

compare() { # ROUNDS POD DIRECTION LATENCY: the medians' ratio is in $ratio, the figures in $FILE.<backend>
	local backend rounds=$1
	shift
	rm -f "$FILE".netem "$FILE".edt
	for ((round = 0; round < rounds; round++)); do
		for backend in netem edt; do
			bulk "$@" "$backend" >>"$FILE.$backend"
		done
	done
	ratio=$(awk -v e="$(median <"$FILE.edt")" -v n="$(median <"$FILE.netem")" 'BEGIN { printf "%.3f", e / n }')
	echo "$*, IPv$FAMILY: netem $(xargs printf '%.0f ' <"$FILE.netem")edt $(xargs printf '%.0f ' <"$FILE.edt")Mbit/s, ratio $ratio" | tee -a "$FILE.said"
}

at_least() { # LEAST
	awk -v r="$ratio" -v l="$1" 'BEGIN { print "ratio", r; exit r < l }'
}

has_qdisc netem || {
	skip "bulk TCP through EDT beside netem" "this kernel has no sch_netem: tests/vm/run -i"
	finish
}
# A pod that no bridge leads to: a route on the node, and the node as its only neighbour.
routed() { # NAME
	pod "$1"
	ip link set "v$1" nomaster
	ip -n "$1" addr flush dev eth0 scope global
	ip -n "$1" addr add "$(ip4 "$1")/32" dev eth0
	ip -n "$1" addr add "$(ip6 "$1")/128" dev eth0 nodad
	ip -n "$1" route replace default via 10.88.0.1 dev eth0 onlink
	ip -n "$1" route replace default via fd88::1 dev eth0 onlink
	ip route add "$(ip4 "$1")/32" dev "v$1"
	ip route add "$(ip6 "$1")/128" dev "v$1"
	local mac
	mac=$(ip -j link show "v$1" | jq -r '.[0].address')
	ip -n "$1" neigh replace 10.88.0.1 lladdr "$mac" dev eth0 nud permanent
	ip -n "$1" neigh replace fd88::1 lladdr "$mac" dev eth0 nud permanent
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n peer route add "$(ip4 "$1")/32" via 10.88.0.1
	ip -n peer route add "$(ip6 "$1")/128" via fd88::1
}

net_up
for name in web peer holder; do
	pod "$name"
done
neighbours web peer
routed far
# The window must not be the limit.
for name in web peer far; do
	ip netns exec "$name" sysctl -qw net.ipv4.tcp_wmem="4096 16777216 67108864" net.ipv4.tcp_rmem="4096 16777216 67108864"
done
ip netns exec peer iperf3 -s -D >/dev/null
e2e_wait 30 served
add holder '{"action":"partition"}'

# One round tells as a rule; where it does not, the median of three does.
bulk_is_close() { # POD DIRECTION LATENCY
	compare 1 "$@"
	at_least 0.95 || { compare 3 "$@" && at_least 0.95; }
}

CASES=${*:-1 2 3 4 5}
# number, family, pod, direction, latency, seconds before it counts (slow start)
while read -r number FAMILY pod direction latency WARM <&3; do
	[[ " $CASES " == *" $number "* ]] || continue
	holds "bulk TCP through EDT is at least 0.95 of netem's: $pod, IPv$FAMILY, $latency, direction $direction" bulk_is_close "$pod" "$direction" "$latency"
	sed 's/^/# /' "$FILE.said"
	rm "$FILE.said"
done 3<<-'END'
	1 4 web to 50ms 1
	2 4 web from 50ms 1
	3 6 web to 200ms 3
	4 4 far from 200ms 3
	5 6 far to 50ms 1
END
finish
