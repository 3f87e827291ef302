#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Many pods: 100 ADDs in parallel, 10,000 ADD and DEL in a row, 500 pods at once, namespaces that die without a DEL, plugins that are
# killed. Afterwards programs, maps, pins, records, slots and links are what they were.
set -euo pipefail
. "$(dirname "$0")/lib.bash"

PODS=100
FAULTS='[{"action":"loss","loss":{"loss":"1"},"direction":"both"},{"action":"partition","target":{"cidrs":["192.0.2.0/24"]}},
	{"action":"dns","dns":{"patterns":["*.example.com"]}},{"action":"http","http":{"code":503},"direction":"from"},
	{"action":"partition","firstConnections":2,"target":{"hosts":["*.example.com",{"name":"db.test","ip":"192.0.2.1"}]}},
	{"action":"partition","schedule":"@daily","duration":"1s","target":{"cidrs":["192.0.2.0/24"]}}]'
SHAPED='[{"action":"loss","loss":{"loss":"1"}},{"action":"bandwidth","bandwidth":{"rate":"10mbit"},"direction":"both"}]'

# Programs and maps of ours alone: other tests on this machine have some too. All that were ever pinned, by id.
seen=()
remember() {
	local pin kind id
	for pin in /sys/fs/bpf/faultwire/control /sys/fs/bpf/faultwire/*/*; do
		for kind in prog map; do
			id=$(bpftool -j $kind show pinned "$pin" 2>/dev/null | jq -r '.id // empty') || continue
			[ -z "$id" ] || seen+=("$kind $id")
		done
	done
}

objects() {
	local object
	for object in "${seen[@]}"; do
		# shellcheck disable=SC2086
		! bpftool ${object% *} show id ${object#* } >/dev/null 2>&1 || echo "$object"
	done
	find /sys/fs/bpf/faultwire /run/faultwire/pods /run/faultwire/slots -mindepth 1 2>/dev/null | sort || true
}

# Of maps that hold entries for those only that have them.
entries() {
	local pin
	for pin in /sys/fs/bpf/faultwire/*/*; do
		case $(bpftool -j map show pinned "$pin" 2>/dev/null | jq -r .type) in
		hash | lpm_trie) echo "$pin has $(bpftool -j map dump pinned "$pin" | jq length) entries" ;;
		esac
	done
}

leftovers() {
	objects
	entries
	local ns
	for ns in $(ip netns list | cut -d' ' -f1); do
		echo "$ns" $(ip -n "$ns" -br link | cut -d' ' -f1) $(tc -n "$ns" qdisc show dev eth0 2>/dev/null)
	done
}

net_up
for i in $(seq $PODS); do pod "p$i"; done
before=$(leftovers)

all() { # COMMAND-PREFIX: for every pod, in parallel; fails if one fails
	local i pids=() rc=0
	for i in $(seq $PODS); do
		"$@" "p$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || rc=1; done
	return $rc
}

add_faults() {
	add "$1" "$FAULTS"
}

slots_differ() {
	local n
	n=$(jq -r .slot /run/faultwire/pods/*.json | sort -u | wc -l)
	equals "$n" "$PODS"
}

holds "100 ADDs in parallel succeed" all add_faults
holds "each has a slot of its own" slots_differ
remember
holds "100 DELs in parallel succeed" all del
holds "nothing of them is left" leaves_nothing "$before"

add p2 "$FAULTS" # keeps the programs loaded
remember
sleep 0.5
kept=$(leftovers)
env="CNI_CONTAINERID=p1 CNI_NETNS=/run/netns/p1 CNI_IFNAME=eth0 CNI_PATH=/"
in_a_row() { # TIMES-TEN FAULTS
	local i
	netconf p1 "$(annotations "$2")" >"$TMPDIR/faults"
	for i in $(seq 10); do
		echo "add|$TMPDIR/faults|CNI_COMMAND=ADD $env|$PLUGIN"
		echo "del|$TMPDIR/faults|CNI_COMMAND=DEL $env|$PLUGIN"
	done | "$TOP/build/bench/spawn" $(($1 - 1)) # and once to warm up
}
holds "9,800 ADD and DEL in a row succeed" in_a_row 980 "$FAULTS"
holds "200 with shaping both ways succeed" in_a_row 20 "$SHAPED"
holds "10,000 ADD and DEL leave nothing" leaves_nothing "$kept"

slot_of() {
	jq -r .slot "/run/faultwire/pods/$1@eth0.json"
}
rotates() {
	local first second
	add p1 "$FAULTS" && first=$(slot_of p1) && del p1 && add p1 "$FAULTS" && second=$(slot_of p1) && del p1
	((first != second))
}
holds "a slot just freed is not the next one given" rotates

# Killed at a random moment of ADD: the next DEL takes away whatever was done.
killed() {
	local i pid
	for i in $(seq 100); do
		# shellcheck disable=SC2016
		netconf p1 "$(annotations "$SHAPED")" >"$TMPDIR/in"
		CNI_COMMAND=ADD CNI_CONTAINERID=p1 CNI_NETNS=/run/netns/p1 CNI_IFNAME=eth0 CNI_PATH=/ "$PLUGIN" <"$TMPDIR/in" >/dev/null 2>&1 &
		pid=$!
		sleep "0.00$((RANDOM % 60 / 10))$((RANDOM % 10))"
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
		del p1 || return 1
	done
}
holds "a plugin killed in the middle of ADD is undone by DEL, 100 times" killed
holds "killed ADDs leave nothing" leaves_nothing "$kept"

# ---- 500 pods at once

MANY=500
more_pods() { # without addresses: nobody talks to them
	local i
	for i in $(seq $((PODS + 1)) $MANY); do
		printf 'netns add p%d\nlink add vp%d type veth peer name eth0 netns p%d\n' "$i" "$i" "$i"
	done | ip -batch -
}

many() { # COMMAND...: for pods 3 to $MANY, ten at a time; p2 has its faults already
	local i pids=() pid rc=0
	for i in $(seq 3 $MANY) p1; do
		"$@" "p${i#p}" &
		pids+=($!)
		((${#pids[@]} < 10)) && continue
		for pid in "${pids[@]}"; do wait "$pid" || rc=1; done
		pids=()
	done
	for pid in "${pids[@]}"; do wait "$pid" || rc=1; done
	return $rc
}

map_bytes() {
	local pin
	for pin in /sys/fs/bpf/faultwire/control /sys/fs/bpf/faultwire/*/*; do bpftool -j map show pinned "$pin" 2>/dev/null || true; done |
		jq -s 'map(.bytes_memlock // 0) | add'
}

partition_of() { # POD
	add "$1" '[{"action":"partition","target":{"ports":[9999]}},{"action":"loss","loss":{"loss":"1"},"direction":"from"}]'
}

one_in_500() { # lost|untouched: what the first and another of them show
	local i
	for i in p1 p77; do
		packets $i p2 -n 20 -g 100 -w 200
		if [ "$1" = lost ]; then stats lost 20; else stats untouched; fi || return 1
	done
}

listed() {
	equals "$("$FAULTWIRE" status --json | jq '[.pods[] | select(.faults[0].window == "open")] | length')" $MANY
}

more_pods
bytes=$(map_bytes)
holds "$MANY pods have faults at once" many partition_of
holds "status lists $MANY" listed
holds "the maps' memory is what it was with one pod: it does not grow" equals "$(map_bytes)" "$bytes"
echo "# maps: $bytes bytes for 1,024 pods of 64 rules"
neighbours p1 p2
neighbours p77 p2
holds "they lose their packets" one_in_500 lost
"$FAULTWIRE" abort --all >/dev/null
holds "abort of all ends them at once" one_in_500 untouched
"$FAULTWIRE" resume --all >/dev/null
holds "resume brings them back" one_in_500 lost
holds "$MANY DELs succeed" many del
records() {
	find /run/faultwire/pods /run/faultwire/slots -mindepth 1
}
holds "one record and one slot are left, the other pod's" equals "$(records | wc -l)" 2
for i in $(seq $((PODS + 1)) $MANY); do echo "netns del p$i"; done | ip -batch -
holds "$MANY pods leave nothing" leaves_nothing "$kept"

# ---- namespaces that die

orphan() {
	ip link add vorphan type veth peer name eth0 netns p3 2>/dev/null || true
	add p3 "$SHAPED" || return 1
	ip netns del p3
	printf '{"cniVersion":"1.1.0","name":"other","type":"faultwire","cni.dev/valid-attachments":null}' |
		CNI_COMMAND=GC CNI_PATH=/ "$PLUGIN" || return 1
	[ ! -e /run/faultwire/pods/p3@eth0.json ]
}
holds "a namespace that died without a DEL is cleaned by GC" orphan
del p2
gone() {
	local i
	for i in $(seq 40); do
		[[ $(objects) == "$1" ]] && return
		sleep 0.05
	done
	equals "$(objects)" "$1"
}
holds "after the last DEL no program, map or pin is there" gone ""
finish
