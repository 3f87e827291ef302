#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What we cost beside our peers, all in one run: a table, and build/bench.json. Medians of interleaved runs; ratios, not times, are
# what to compare between machines.
set -euo pipefail
RUNS=${RUNS:-200}
BANDWIDTH=${BANDWIDTH:-/usr/lib/cni/bandwidth}
. "$(dirname "$0")/../net/lib.bash"

SPAWN=$TOP/build/bench/spawn
NET="CNI_CONTAINERID=web CNI_NETNS=/run/netns/web CNI_IFNAME=eth0 CNI_PATH=/ CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_UID=u"
results=$TMPDIR/results
: >"$results"

# row NAME VALUE UNIT PEER PEER-VALUE GOAL: GOAL is '<=X of peer', '<=X' or '-'
row() {
	jq -cn --arg name "$1" --argjson value "$2" --arg unit "$3" --arg peer "$4" --argjson peer_value "${5:-null}" --arg goal "$6" '
		(if $peer_value then ($value / $peer_value * 1000 | round / 1000) else null end) as $ratio |
		($goal | capture("^<=(?<x>[0-9.]+)(?<of> of peer)?$") // null) as $g |
		{name: $name, value: $value, unit: $unit, peer: (if $peer == "" then null else $peer end), peer_value: $peer_value,
		 ratio: $ratio, goal: $goal,
		 holds: (if $g == null then true elif $g.of then $ratio <= ($g.x | tonumber) else $value <= ($g.x | tonumber) end)}' >>"$results"
}

# medians < TABLE: fills the array 'us' by name
declare -A us=()
medians() {
	local name value
	while read -r name value; do us[$name]=$value; done < <("$SPAWN" "$RUNS")
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
	local name value
	declare -A ns=()
	while read -r name value; do ns[$name]=$value; done < <("$TOP/build/bench/packet")
	row "packet, 1 rule on another CIDR, over a program that does nothing" "${ns[other_cidr_1]}" ns "" "" "<=60"
	row "packet, 64 rules on other CIDRs" "${ns[other_cidr_64]}" ns "1 rule" "${ns[other_cidr_1]}" "<=1.5 of peer"
	row "packet, 1 rule that matches, probability 0" "${ns[matching_1]}" ns "" "" -
	row "maps for 1,024 slots of 64 rules" "${ns[map_bytes]}" bytes "" "" -
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

bench_unannotated
bench_add
bench_packet
bench_abort
jq -s . "$results" >"$TOP/build/bench.json"
jq -r '.[] | [.name, "\(.value) \(.unit)", (.peer // "-"), (.peer_value // "-" | tostring), (.ratio // "-" | tostring), .goal,
	(if .goal == "-" then "-" elif .holds then "holds" else "MISSED" end)] | @tsv' "$TOP/build/bench.json" |
	{ printf 'what\tvalue\tpeer\tpeer value\tratio\tgoal\t\n'; cat; } | column -t -s "$(printf '\t')"
jq -e 'all(.holds)' "$TOP/build/bench.json" >/dev/null
