#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What we cost beside our peers, all in one run: a table, and build/bench.json. Medians of interleaved runs; ratios, not times, are
# what to compare between machines.
set -euo pipefail
RUNS=${RUNS:-200}
BANDWIDTH=${BANDWIDTH:-/usr/lib/cni/bandwidth}
DELAYS=$(dirname "$0")/../../build/bench/delays
PREADS=$(dirname "$0")/../../build/bench/preads
# Before there is a world without the Internet: the VM's kernel may be missing.
[[ -n ${E2E_ISOLATED-} ]] ||
	"$(dirname "$0")/../vm/run" -k 6.12 -i -t 600 -- bash "$(dirname "$0")/delay.sh" >"$DELAYS"
[[ -n ${E2E_ISOLATED-} ]] ||
	"$(dirname "$0")/../vm/run" -k 6.12 -i -m 1024 -t 1200 -- bash "$(dirname "$0")/files.sh" >"$PREADS"
# shellcheck source=tests/bench/lib.bash
. "$(dirname "$0")/lib.bash"

SPAWN=$TOP/build/bench/spawn
NET="CNI_CONTAINERID=web CNI_NETNS=/run/netns/web CNI_IFNAME=eth0 CNI_PATH=/ CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_UID=u"
results=$TMPDIR/results
: >"$results"

# row NAME VALUE UNIT PEER PEER-VALUE GOAL: GOAL is '<=X of peer', '>=X of peer', the same without the peer, or '-'
row() {
	jq -cn --arg name "$1" --argjson value "$2" --arg unit "$3" --arg peer "$4" --argjson peer_value "${5:-null}" --arg goal "$6" '
		(if $peer_value then ($value / $peer_value * 1000 | round / 1000) else null end) as $ratio |
		($goal | capture("^(?<op>[<>])=(?<x>[0-9.]+)(?<of> of peer)?$") // null) as $g |
		(if $g and $g.of then $ratio else $value end) as $judged |
		{name: $name, value: $value, unit: $unit, peer: (if $peer == "" then null else $peer end), peer_value: $peer_value,
		 ratio: $ratio, goal: $goal,
		 holds: (if $g == null then true elif $g.op == "<" then $judged <= ($g.x | tonumber) else $judged >= ($g.x | tonumber) end)}' >>"$results"
}

# read_into ARRAY: lines of a name and a value
read_into() {
	local -n array=$1
	local name value
	while read -r name value; do array[$name]=$value; done
}

# medians < TABLE: fills the array 'us' by name
declare -A us=()
medians() {
	read_into us < <("$SPAWN" "$RUNS")
}

calc() { # EXPRESSION: to one decimal
	awk "BEGIN { printf \"%.1f\", $1 }"
}

# faults FORMAT: a list of as many as a pod may have; %d in the format is the number
faults() {
	local i list=
	for ((i = 0; i < 64; i++)); do
		# shellcheck disable=SC2059
		list+=,$(printf "$1" "$i")
	done
	echo "[${list:1}]"
}

net_up
pod web
pod keeper
pod peer

bench_unannotated() {
	local plain=$TMPDIR/plain.json bandwidth=$TMPDIR/bandwidth.json
	netconf web '{"app":"web","kubernetes.io/config.source":"api"}' >"$plain"
	printf '{"cniVersion":"1.0.0","name":"n","type":"bandwidth","prevResult":%s}' "$(prev_result web)" >"$bandwidth"
	medians <<-TABLE
		true|/dev/null||/bin/true
		ours|$plain|CNI_COMMAND=ADD $NET|$PLUGIN
		bandwidth|$bandwidth|CNI_COMMAND=ADD $NET|$BANDWIDTH
	TABLE
	row "plugin, pod without annotation" "${us[ours]}" us /bin/true "${us[true]}" "<=1.0 of peer"
	row "plugin, pod without annotation" "${us[ours]}" us "bandwidth without arguments" "${us[bandwidth]}" "<=0.3 of peer"
}

bench_add() {
	local ours=$TMPDIR/add.json theirs=$TMPDIR/theirs.json first
	netconf web "$(annotations '[{"action":"loss","loss":{"loss":"1"}},{"action":"partition","target":{"cidrs":["192.0.2.0/24"]}},
		{"action":"bandwidth","bandwidth":{"rate":"100mbit"},"direction":"both"}]')" >"$ours"
	printf '{"cniVersion":"1.0.0","name":"n","type":"bandwidth","runtimeConfig":{"bandwidth":{"ingressRate":100000000,"ingressBurst":800000,"egressRate":100000000,"egressBurst":800000}},"prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"vweb"},{"name":"eth0","sandbox":"/run/netns/web"}],"ips":[{"address":"%s/16","interface":1}]}}' \
		"$(ip4 web)" >"$theirs"
	first=$(date +%s%N)
	cni ADD web <"$ours" >/dev/null
	first=$((($(date +%s%N) - first) / 1000))
	del web
	add keeper '{"action":"partition","target":{"cidrs":["192.0.2.0/24"]}}'
	RUNS=100
	medians <<-TABLE
		ours|$ours|CNI_COMMAND=ADD $NET|$PLUGIN
		ours-del|$ours|CNI_COMMAND=DEL $NET|$PLUGIN
		theirs|$theirs|CNI_COMMAND=ADD $NET|$BANDWIDTH
		theirs-del|$theirs|CNI_COMMAND=DEL $NET|$BANDWIDTH
		tidy|/dev/null||$(command -v tc) qdisc del dev vweb root
		tidy-in|/dev/null||$(command -v tc) qdisc del dev vweb ingress
	TABLE
	row "ADD: loss, partition, bandwidth both ways" "${us[ours]}" us "bandwidth both ways" "${us[theirs]}" "<=0.4 of peer"
	row "DEL of it" "${us[ours-del]}" us "bandwidth both ways" "${us[theirs-del]}" -
	row "first ADD on a node (loads the programs)" "$first" us "bandwidth both ways" "${us[theirs]}" -
	del keeper
}

bench_packet() {
	declare -A ns=()
	read_into ns < <("$TOP/build/bench/packet")
	row "packet, pod without rules, over a program that does nothing" "${ns[empty_slot]}" ns "" "" "<=60"
	row "packet, 1 rule on another CIDR, over a program that does nothing" "${ns[other_cidr_1]}" ns "" "" "<=60"
	row "packet, 64 rules on other CIDRs" "${ns[other_cidr_64]}" ns "1 rule" "${ns[other_cidr_1]}" "<=1.5 of peer"
	row "packet, 1 rule on another port" "${ns[other_port_1]}" ns "" "" "<=60"
	row "packet, 64 rules on other ports" "${ns[other_port_64]}" ns "1 rule" "${ns[other_port_1]}" "<=1.5 of peer"
	row "packet, 1 rule that matches, probability 0" "${ns[matching_1]}" ns "" "" -
	row "packet, 64 rules that match, probability 0" "${ns[matching_64]}" ns "" "" "<=1000"
	row "  of it: each rule but the first (window, gate, counters)" "$(calc "(${ns[matching_64]} - ${ns[matching_1]}) / 63")" ns "" "" -
	row "  of it: the first (call, clock, switch of the node and the pod)" "$(calc "${ns[matching_1]} - ${ns[other_cidr_1]}")" ns "" "" -
	row "  of it: to know which rules want the packet" "${ns[other_cidr_1]}" ns "" "" -
	row "maps for 1,024 slots of 64 rules" "${ns[map_bytes]}" bytes "" "" -
}

# Pods alike but for what is on their interface, several of each: where a pod's memory lies makes more of a difference than a rule.
path_pods() {
	local k name
	for k in 1 2 3 4; do
		for name in none nop nop_too one both many all; do
			sender "$name$k" receiver
		done
		nop "nop$k" egress
		nop "nop_too$k" egress ingress
		add "one$k" '{"action":"partition","target":{"cidrs":["192.0.2.0/24"]}}'
		add "both$k" '{"action":"partition","direction":"both","target":{"cidrs":["192.0.2.0/24"]}}'
		add "many$k" "$(faults '{"action":"partition","target":{"cidrs":["192.%d.0.0/16"]}}')"
		add "all$k" "$(faults '{"action":"partition","percent":0,"name":"n%d"}')"
	done
}

# path NAME:BASE... [-- OPTION...]: path(1) between those pods. Several times and the middle of them, as a socket that lies badly in the
# caches stays where it is.
path() {
	local k way ways=()
	while (($#)) && [[ $1 != -- ]]; do
		ways+=("$1")
		shift
	done
	for k in 1 2 3 4; do
		for way in "${ways[@]}"; do
			way "${way%:*}" "${way#*:}" "${way%:*}$k" receiver
		done
	done >"$TMPDIR/ways"
	for k in 1 2 3 4 5; do
		"$TOP/build/bench/path" "${@:2}" <"$TMPDIR/ways"
	done | sort -k1,1 -k2,2g | awk 'NR % 5 == 3'
}

bench_path() {
	declare -A ns=() tcp=()
	receiver receiver
	path_pods
	read_into ns < <(path nop: none:nop nop_too:nop one:nop many:nop all:nop -- -r 50)
	row "packet from socket to socket, program that does nothing, over no program" "$(calc "-(${ns[none]})")" ns "all of the way" "${ns[nop]}" -
	row "  the same program in other pods, over it (the error of these rows)" "${ns[nop_too]}" ns "all of the way" "${ns[nop]}" -
	row "  1 rule on another CIDR, over it" "${ns[one]}" ns "all of the way" "${ns[nop]}" "<=60"
	row "  64 rules on other CIDRs, over it" "${ns[many]}" ns "all of the way" "${ns[nop]}" "<=60"
	row "  64 rules that match, probability 0, over it" "${ns[all]}" ns "all of the way" "${ns[nop]}" "<=1000"
	read_into tcp < <(path none: one:none nop_too:none both:none -- -t -r 80 -n 10)
	tcp_row "TCP on one CPU, 1 rule on another CIDR" one ">=0.97 of peer"
	tcp_row "TCP on one CPU, 1 rule on another CIDR, both ways" both ">=0.97 of peer"
	tcp_row "  of it: a program that does nothing, both ways" nop_too -
	forget
}

# Takes all pods' faults away.
forget() {
	local record
	for record in /run/faultwire/pods/*; do
		record=${record##*/}
		del "${record%@*}"
	done
}

# The factors are medians of pairs: throughput is what there is without us times that.
tcp_row() { # TEXT NAME GOAL
	row "$1" "$(calc "${tcp[none]} * ${tcp[$2]}")" Mbit/s "without us" "${tcp[none]}" "$3"
}

# delay_row TEXT WAY PEER PEER-WAY GOAL: instructions
delay_row() {
	row "$1" "$(calc "${insns[$2]} / 2")" instructions "$3" "$(calc "${insns[$4]} / 2")" "$5"
}

bench_delay() {
	declare -A insns=()
	read_into insns <"$DELAYS"
	delay_row "VM, packet delayed by netem alone, over none" netem "all of the way" plain -
	delay_row "  not matched, delay by departure time" edt_other "Chaos Mesh's chain" chain_other "<=0.5 of peer"
	delay_row "  not matched, delay by our netem" leaf_other "Chaos Mesh's chain" chain_other "<=0.5 of peer"
	delay_row "  of it: without the shaper" unshaped_other "Chaos Mesh's chain" chain_other -
	delay_row "  of it: a program that does nothing" nop "Chaos Mesh's chain" chain_other -
	delay_row "  matched, not delayed" match "Chaos Mesh's chain" chain -
	delay_row "  matched, delayed by our netem" leaf "Chaos Mesh's chain" chain -
	delay_row "  matched, delayed by departure time" edt "Chaos Mesh's chain" chain -
}

# pread_row TEXT WAY PEER PEER-WAY GOAL: instructions
pread_row() {
	row "$1" "$(calc "${preads[$2]} / 2")" instructions "$3" "$(calc "${preads[$4]} / 2")" "$5"
}

bench_files() {
	declare -A preads=()
	read_into preads <"$PREADS"
	pread_row "VM, pread of a container without annotations, 50 others have io faults" others "no container has" none "<=1.2 of peer"
	pread_row "  the same when they have ended" after "no container has" none "<=1.0 of peer"
	pread_row "VM, pread of a container with 1 rule for another path" one "no container has" none -
	pread_row "VM, pread of a container with 64 rules for other paths" many "1 rule" one "<=2.0 of peer"
}

bench_abort() {
	local i
	export WATCH=/sys/fs/bpf/faultwire/control
	add web '{"action":"partition"}'
	RUNS=50
	medians <<-TABLE
		@$(jq -r .slot /run/faultwire/pods/web@eth0.json)one|/dev/null||$FAULTWIRE abort web
		resume|/dev/null||$FAULTWIRE resume web
	TABLE
	row "abort of 1 pod, command to effect" "${us[one]}" us "" "" "<=1000"
	for i in $(seq 500); do
		CID_PREFIX=$i. add web '{"action":"partition"}' &
		((i % 10)) || wait
	done
	wait
	medians <<-TABLE
		@0all|/dev/null||$FAULTWIRE abort --all
		resume|/dev/null||$FAULTWIRE resume --all
	TABLE
	row "abort of 500 pods, command to effect" "${us[all]}" us "" "" "<=1000"
}

# Creation's tenth percentiles: in milliseconds over the hook that does nothing.
bench_create() {
	local rt what p10 rest
	declare -A at=()
	while read -r what p10 rest; do at[$what]=$p10; done < <("$TOP/tests/bench/create.sh" "${CREATES:-60}")
	for rt in runc crun; do
		row "$rt create, our hook and no annotation, p10" "${at[$rt-plain]}" us "hook /bin/true" "${at[$rt-true]}" "<=1.2 of peer"
		row "$rt create, a system call's fault, over hook /bin/true, p10" "$(calc "(${at[$rt-syscall]} - ${at[$rt-true]}) / 1000")" ms "" "" "<=3"
	done
}

bench_calls() {
	declare -A of=()
	read_into of < <("$TOP/tests/bench/calls.sh")
	row "call, without us" "${of[none]}" ns "" "" -
	row "call, intercepted and failed" "${of[ours]}" ns "bare notification" "${of[notify]}" "<=1.2 of peer"
	row "call, intercepted and failed" "${of[ours]}" ns "strace inject" "${of[strace]}" "<=0.35 of peer"
	row "call, intercepted and let through" "${of[continued]}" ns "bare notification" "${of[notify]}" -
	row "supervisor's memory, the larger half" "${of[rss]}" kB "" "" "<=2048"
	row "abort of the node, command to the end of a delay of 1 h" "${of[abort]}" ms "" "" "<=10"
}

bench_unannotated
bench_create
bench_calls
bench_add
bench_packet
bench_path
bench_delay
bench_files
bench_abort
jq -s . "$results" >"$TOP/build/bench.json"
jq -r '.[] | [.name, "\(.value) \(.unit)", (.peer // "-"), (.peer_value // "-" | tostring), (.ratio // "-" | tostring), .goal,
	(if .goal == "-" then "-" elif .holds then "holds" else "MISSED" end)] | @tsv' "$TOP/build/bench.json" |
	{ printf 'what\tvalue\tpeer\tpeer value\tratio\tgoal\t\n'; cat; } | column -t -s "$(printf '\t')"
jq -e 'all(.holds)' "$TOP/build/bench.json" >/dev/null
