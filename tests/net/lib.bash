# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Pods by hand for tests with real packets: a bridge as the node has it, network namespaces as pods, the plugin called as a runtime
# calls it. The same natively and in the VM. A test sources this first; it then runs in a world of its own (e2e/env.sh).
#
#     pod web                       a namespace 'web' with eth0: $(ip4 web), $(ip6 web)
#     add web '{"action":...}'      ADD with the fault in faultwire.dev/network; fails as the plugin does
#     packets web peer -n 1000      traffic(1) between them; the lines are in $FILE
#     holds "sentence" COMMAND...   a check: prints 'ok - sentence' or 'not ok - sentence'
#
# shellcheck source=e2e/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/env.sh"
e2e_isolate "$@"

TOP=$E2E_TOP
PLUGIN=${FW_PLUGIN:-$TOP/build/cni/faultwire}
FAULTWIRE=${FW_COMMAND:-$TOP/build/faultwire}
STATS=$TOP/tests/net/stats.py
FILE=$E2E_RUN/packets
NETWORK=testnet
failed=0
declare -A pod_number=()

holds() { # SENTENCE COMMAND...
	local sentence=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "ok - $sentence"
	else
		echo "not ok - $sentence"
		printf '%s\n' "$out" | sed 's/^/#   /'
		failed=1
	fi
}

skip() { # SENTENCE REASON
	echo "skip - $1 # $2"
}

# At the end of a test.
finish() {
	exit "$failed"
}

not() {
	! "$@"
}

contains() { # TEXT PATTERN
	[[ $1 == *"$2"* ]] || {
		echo "'$1' does not contain '$2'"
		return 1
	}
}

equals() { # GOT WANT
	[[ $1 == "$2" ]] || {
		printf 'got:    %s\nwanted: %s\n' "$1" "$2"
		return 1
	}
}

has_qdisc() { # KIND: whether this kernel has it
	ip netns add qprobe
	local rc=0
	ip netns exec qprobe tc qdisc add dev lo root "$1" ${2-} >/dev/null 2>&1 || rc=1
	ip netns del qprobe
	return $rc
}

# ---- pods

# What a test before this one left to the kernel to free is not this one's.
settle() {
	local i
	for i in $(seq 50); do
		bpftool prog show 2>/dev/null | grep -q 'name fw_' || bpftool map show 2>/dev/null | grep -q 'name fw_' || return 0
		sleep 0.1
	done
}

# The bridge is the node's side, with addresses of the node; everything else talks through it.
net_up() {
	settle
	ip link add br0 type bridge
	ip addr add 10.88.0.1/16 dev br0
	ip addr add fd88::1/64 dev br0 nodad
	ip link set br0 up
}

ip4() {
	echo "10.88.$((pod_number[$1] / 250)).$((pod_number[$1] % 250 + 2))"
}

ip6() {
	printf 'fd88::%x\n' $((pod_number[$1] + 2))
}

netns_path() {
	echo "/run/netns/$1"
}

pod() { # NAME
	pod_number[$1]=${#pod_number[@]}
	ip netns add "$1"
	ip link add "v$1" type veth peer name eth0 netns "$1"
	ip link set "v$1" master br0 up
	ip -n "$1" link set lo up
	ip -n "$1" addr add "$(ip4 "$1")/16" dev eth0
	ip -n "$1" addr add "$(ip6 "$1")/64" dev eth0 nodad
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via 10.88.0.1
}

# Static neighbours: no packet of a measurement waits for ARP.
neighbours() { # NAME NAME
	local a b
	for a in "$1:$2" "$2:$1"; do
		b=${a#*:} a=${a%:*}
		local mac
		mac=$(ip -n "$b" -j link show eth0 | jq -r '.[0].address')
		ip -n "$a" neigh replace "$(ip4 "$b")" lladdr "$mac" dev eth0 nud permanent
		ip -n "$a" neigh replace "$(ip6 "$b")" lladdr "$mac" dev eth0 nud permanent
	done
}

# ---- the plugin, as a runtime calls it

prev_result() { # NAME
	printf '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"%s"}],"ips":[{"address":"%s/16","interface":0}]}' \
		"$(netns_path "$1")" "$(ip4 "$1")"
}

# netconf NAME ANNOTATIONS-OBJECT [MORE]: stdin of the plugin; MORE is inserted as further members
netconf() {
	printf '{"cniVersion":"1.0.0","name":"%s","type":"faultwire",%s"runtimeConfig":{"io.kubernetes.cri.pod-annotations":%s},"prevResult":%s}' \
		"$NETWORK" "${3-}" "$2" "$(prev_result "$1")"
}

# cni VERB NAME < NETCONF
cni() {
	CNI_COMMAND=$1 CNI_CONTAINERID="${CID_PREFIX-}$2" CNI_NETNS=$(netns_path "$2") CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin \
		CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=${POD_NAMESPACE-default};K8S_POD_NAME=$2;K8S_POD_UID=uid-$2" "$PLUGIN"
}

# By hand: jq takes longest to start of all that a test runs.
annotations() { # FAULTS-JSON
	local text=${1//\\/\\\\}
	text=${text//\"/\\\"} text=${text//$'\n'/\\n} text=${text//$'\t'/\\t}
	printf '{"faultwire.dev/network":"%s"%s}' "$text" "${MORE_ANNOTATIONS:+,${MORE_ANNOTATIONS:1:-1}}"
}

add() { # NAME FAULTS-JSON
	netconf "$1" "$(annotations "$2")" | cni ADD "$1" >/dev/null
}

del() { # NAME
	netconf "$1" '{}' | cni DEL "$1"
}

# Everything that a pod's faults could leave behind: to be compared before and after.
leftovers() {
	bpftool prog show 2>/dev/null | grep -E '^[0-9]+:' | grep -E 'name fw_' || true
	bpftool map show 2>/dev/null | grep -E 'name fw_' || true
	find /sys/fs/bpf /run/faultwire/pods /run/faultwire/slots /var/lib/faultwire/aborts -mindepth 1 2>/dev/null | sort || true
	local ns
	for ns in $(ip netns list | cut -d' ' -f1); do
		ip -n "$ns" -o link | sed -E 's/^[0-9]+: ([^:@]+).*/\1/' | sed "s/^/$ns /"
		tc -n "$ns" qdisc show dev eth0 2>/dev/null | sed "s/^/$ns /" || true
	done
}

# The kernel frees programs and maps a moment after the last reference is gone.
leaves_nothing() { # BEFORE
	local i
	for i in $(seq 40); do
		[[ $(leftovers) == "$1" ]] && return
		sleep 0.1
	done
	equals "$(leftovers)" "$1"
}

# ---- packets

# packets FROM TO [traffic options]: IPv4, or IPv6 with FAMILY=6; a line a packet in $FILE
packets() {
	local from=$1 to=$2 address
	shift 2
	address=$([[ ${FAMILY-4} == 6 ]] && ip6 "$to" || ip4 "$to")
	"$TOP/build/tests/traffic" -a "$(netns_path "$from")" -b "$(netns_path "$to")" -d "$address" "$@" >"$FILE"
}

# stats.py over $FILE. One process answers all: in the VM Python takes longer to start than to check.
stats() { # CHECK ARGUMENTS...
	local answers line
	if [[ ! -p $E2E_RUN/stats.in ]]; then
		mkfifo "$E2E_RUN/stats.in" "$E2E_RUN/stats.out"
		python3 -SE "$STATS" serve <>"$E2E_RUN/stats.in" >"$E2E_RUN/stats.out" 2>&1 &
	fi
	exec {answers}<>"$E2E_RUN/stats.out"
	echo "$1" "$FILE" "${@:2}" >"$E2E_RUN/stats.in"
	while IFS= read -r -t 120 line <&"$answers"; do
		case $line in
		"exit 0") break ;;
		"exit "*)
			line=
			break
			;;
		*) echo "$line" ;;
		esac
	done
	exec {answers}<&-
	[[ $line == "exit 0" ]]
}

# ---- a check of packets under a fault

# ADD; what the plugin printed is in $SAID
add_said() { # NAME FAULTS-JSON
	local rc=0
	SAID=$(netconf "$1" "$(annotations "$2")" | cni ADD "$1" 2>/dev/null) || rc=$?
	return $rc
}

# with FAULTS SENTENCE CHECK...: ADD to 'web', run the check, DEL
with() {
	local faults=$1 sentence=$2
	shift 2
	if ! add_said web "$faults"; then
		holds "$sentence" false
		echo "#   ADD said: $SAID"
		return
	fi
	holds "$sentence" "$@"
	del web
}

# The parts of a suite one after another, and its end. While one pod has faults the programs stay loaded.
run_parts() { # PART...
	local part
	add holder '{"action":"partition"}'
	for part; do
		echo "# $part"
		"$part"
	done
	finish
}

# after N GAP-US FROM TO CHECK...: packets, then a check of stats.py
after() {
	local n=$1 gap=$2 from=$3 to=$4
	shift 4
	packets "$from" "$to" -n "$n" -g "$gap" -w "${WAIT_MS-200}"
	stats "$@"
}

both_families() {
	after "$@" && FAMILY=6 after "$@"
}

rule_json() { # NAME: the first rule as the state file has it
	jq -c '.plan.ops[0].rules[0]' "/run/faultwire/pods/${CID_PREFIX-}$1@eth0.json"
}

# counter POD FAULT FIELD
counter() {
	"$FAULTWIRE" status --json | jq -r --arg p "$1" --arg f "$2" --arg k "$3" \
		'.pods[] | select(.name == $p) | .faults[] | select(.name == $f) | .[$k]'
}
