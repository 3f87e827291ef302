#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Many pods: 100 ADDs in parallel, 1,000 ADD and DEL in a row, namespaces that die without a DEL, plugins that are killed. Afterwards
# programs, maps, pins, records, slots and links are what they were.
set -euo pipefail
. "$(dirname "$0")/lib.bash"

PODS=100
FAULTS='[{"action":"loss","loss":{"loss":"1"},"direction":"both"},{"action":"partition","target":{"cidrs":["192.0.2.0/24"]}}]'
SHAPED='[{"action":"loss","loss":{"loss":"1"}},{"action":"bandwidth","bandwidth":{"rate":"10mbit"},"direction":"both"}]'

net_up
for i in $(seq $PODS); do pod "p$i"; done
sleep 1 # what a test before this one left to the kernel to free
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
holds "100 DELs in parallel succeed" all del
holds "nothing of them is left" leaves_nothing "$before"

add p2 "$FAULTS" # keeps the programs loaded
sleep 0.5
kept=$(leftovers)
thousand() {
	local env="CNI_CONTAINERID=p1 CNI_NETNS=/run/netns/p1 CNI_IFNAME=eth0 CNI_PATH=/" i
	netconf p1 "$(annotations "$FAULTS")" >"$TMPDIR/faults"
	netconf p1 "$(annotations "$SHAPED")" >"$TMPDIR/shaped"
	for i in $(seq 9) shaped; do
		echo "add|$TMPDIR/$([ "$i" = shaped ] && echo shaped || echo faults)|CNI_COMMAND=ADD $env|$PLUGIN"
		echo "del|$TMPDIR/faults|CNI_COMMAND=DEL $env|$PLUGIN"
	done | "$TOP/build/bench/spawn" 100
}
holds "1,000 ADD and DEL in a row succeed" thousand
holds "1,000 ADD and DEL leave nothing" leaves_nothing "$kept"

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
# p3's namespace is gone by now, and nothing else
objects() {
	leftovers | grep -v '^p[0-9]' || true
}
gone() {
	local i
	for i in $(seq 40); do
		[[ $(objects) == "$1" ]] && return
		sleep 0.05
	done
	equals "$(objects)" "$1"
}
holds "after the last DEL no program, map or pin is there" gone "$(grep -v '^p[0-9]' <<<"$before" || true)"
finish
