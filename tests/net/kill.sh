#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kill -9 of the plugin at every system call of ADD and of DEL: packets pass once the windows are over, and DEL, GC, a repeated ADD, the
# next pod's ADD or the namespace's end leaves nothing. With the programs loaded already, and on a node that has none.
set -euo pipefail
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

# All that ADD can do to a pod, in windows that are over when ADD is. A corruption without netem switches the checksum offload.
WINDOW='"duration":"1ms"'
FAULTS="[{\"action\":\"loss\",\"loss\":{\"loss\":\"100\"},\"direction\":\"both\",$WINDOW},
	{\"action\":\"partition\",\"direction\":\"both\",$WINDOW},
	{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"10mbit\"},\"direction\":\"both\",$WINDOW},
	{\"action\":\"reset\",\"direction\":\"both\",\"firstConnections\":3,$WINDOW},
	{\"action\":\"dns\",\"dns\":{\"patterns\":[\"*.example.com\"]},$WINDOW},
	{\"action\":\"http\",\"http\":{\"code\":503,\"path\":\"/api/*\"},\"direction\":\"from\",$WINDOW},
	{\"action\":\"partition\",\"target\":{\"hosts\":[\"*.example.com\",{\"name\":\"db.test\",\"ip\":\"192.0.2.1\"}]},$WINDOW},
	{\"action\":\"partition\",\"target\":{\"cidrs\":[\"192.0.2.0/24\"]},\"schedule\":\"30 4 * * *\",\"duration\":\"1s\"},
	{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"100\"},\"perSegment\":true,$WINDOW}]"

prepare() {
	local pod
	mkdir -p "$DIR"
	for pod in victim other; do netconf $pod "$(annotations "$FAULTS")" >"$DIR/$pod"; done
	printf '{"cniVersion":"1.1.0","name":"%s","type":"faultwire","cni.dev/valid-attachments":[{"containerID":"keeper","ifname":"eth0"}]}' \
		"$NETWORK" >"$DIR/gc"
	cat >"$DIR/renew" <<-'END'
		set -e
		ip netns add victim
		ip link add eth0 netns victim type veth peer name eth1 netns victim
		ip -n victim link set eth0 up
	END
}

killed() { # VERB AFTER [CALL]
	"$TOP/build/tests/killat" "$PLUGIN" "$DIR" "$1" "$2" "$(ip4 victim)" "$(ip4 peer)" "${@:3}"
}

declare -rA WHAT=([del]="DEL" [gc]="GC" [again]="ADD once more and DEL" [next]="the next pod's ADD" [dies]="the next pod's ADD, the namespace gone,"
	[turns]="GC or the next pod's ADD")

every_call() { # SENTENCE AFTER...
	local sentence=$1 verb after
	shift
	for after; do
		for verb in ADD DEL; do
			holds "$verb killed at every call, $sentence: ${WHAT[$after]} leaves nothing" killed $verb "$after" ${BEGIN[$verb]-}
		done
	done
}

net_up
for i in victim peer other keeper; do pod $i; done
neighbours victim peer
DIR=$TMPDIR/kill
prepare

# The first and the last pod of a node. But for ADD from its first bpf(2) to its last pin, and DEL from its unlink(2) of the record, they
# are as any other's.
declare -A BEGIN=([ADD]=321 [DEL]=87)
every_call "programs loaded and unloaded" del
BEGIN=()

# With another pod, whose faults stay.
add keeper '{"action":"partition"}'
every_call "programs in use" del gc next
# The offload that was off before stays off, wherever it is killed.
ip netns exec victim ethtool -K eth0 tx off >/dev/null
ip -n victim link set eth0 gso_max_segs 100
every_call "offloads as somebody else set them" again
ip netns del victim
sh "$DIR/renew"
every_call "programs in use" dies
holds "the other pod's faults stand" cni CHECK keeper < <(netconf keeper '{}')
finish
