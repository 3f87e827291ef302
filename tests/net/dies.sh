#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Faults end on time whatever dies: the pod's process by the OOM killer, its last process and the namespace with it; and when the node's
# clock steps (in the VM: a machine's own clock is not ours to set).
set -euo pipefail
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
SHAPED='[{"action":"partition","direction":"both"},{"action":"rate","rate":{"rate":"10mbit"},"direction":"both"}]'

# in_windows ORIGIN-NS DURATION-MS PERIOD-MS: of the packets in $FILE those are lost that were sent in a window, and no others. What was
# sent within a ms of a window's end may be either.
in_windows() {
	python3 - "$FILE" "$@" <<-'PY'
		import sys
		origin, on, period = int(sys.argv[2]), int(sys.argv[3]) * 10**6, int(sys.argv[4]) * 10**6
		lost = kept = wrong = 0
		for line in open(sys.argv[1]):
		    n, sent, delay, copies, bad = map(int, line.split())
		    phase = (sent - origin) % period
		    if min(phase, abs(phase - on), period - phase) < 10**6:
		        continue
		    wrong += (phase < on) != (copies == 0)
		    lost += copies == 0
		    kept += copies > 0
		print(wrong, "wrong of", lost, "lost and", kept, "kept")
		sys.exit(wrong != 0 or not lost or not kept)
	PY
}

created() { # POD
	jq -r .createdMonoNs "/run/faultwire/pods/$1@eth0.json"
}

# ---- the OOM killer

memory_group() { # prints a new one of 16 MB, whichever version there is
	local v1=/sys/fs/cgroup/memory/faultwire-test v2=/sys/fs/cgroup/faultwire-test
	if [ -d /sys/fs/cgroup/memory ]; then
		mkdir -p $v1 && echo 16M >$v1/memory.limit_in_bytes && echo $v1
	else
		mkdir -p $v2 && echo 16M >$v2/memory.max && echo 0 >$v2/memory.swap.max && echo $v2
	fi
}

oom() { # GROUP
	local rc=0
	nsenter --net="$(netns_path web)" bash -c "echo 0 >$1/cgroup.procs && exec tail /dev/zero" 2>/dev/null || rc=$?
	equals "$rc" 137
}

# ---- a namespace that only processes hold

last_process() {
	local pid before
	before=$(ip -br link | cut -d' ' -f1)
	unshare --net sleep 1000 &
	pid=$!
	e2e_wait 5 bash -c "[[ \$(readlink /proc/$pid/ns/net) != \$(readlink /proc/self/ns/net) ]]"
	ip link add vdying type veth peer name eth0 netns "$pid"
	nsenter --net=/proc/$pid/ns/net ip link set eth0 up
	netconf web "$(annotations "$SHAPED")" | CNI_COMMAND=ADD CNI_CONTAINERID=dying CNI_NETNS=/proc/$pid/ns/net CNI_IFNAME=eth0 CNI_PATH=/ \
		"$PLUGIN" >/dev/null || return 1
	[ -e /run/faultwire/pods/dying@eth0.json ] || return 1
	kill -KILL "$pid"
	wait "$pid" || true
	e2e_wait 10 not ip link show vdying || return 1 # the kernel has taken the namespace apart, faults and all
	rm -f /run/faultwire/last-sweep # it is due
	add peer '{"action":"partition"}' || return 1
	[ ! -e /run/faultwire/pods/dying@eth0.json ] || return 1
	del peer
	equals "$(ip -br link | cut -d' ' -f1)" "$before" && equals "$(find /run/faultwire/pods /run/faultwire/slots /sys/fs/bpf/faultwire -mindepth 1 2>/dev/null)" ""
}

# ---- the clock

monotonic_of_epoch() { # when the epoch was, by the monotonic clock
	python3 -c 'import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC) - time.clock_gettime_ns(time.CLOCK_REALTIME))'
}

step_clock() { # SECONDS
	python3 -c 'import sys, time; time.clock_settime(time.CLOCK_REALTIME, time.time() + float(sys.argv[1]))' "$1"
}

by_clock() { # the fault of port 9999, which is anchored to it
	packets web peer -n 3000 -g 1000 -w 300
	in_windows "$(monotonic_of_epoch)" 500 1000
}

by_pod() {
	packets web peer -p 9998 -n 3000 -g 1000 -w 300
	in_windows "$(created web)" 500 1000
}

net_up
pod web
pod peer
neighbours web peer

add web '{"action":"partition","duration":"200ms","schedule":"@every 400ms"}'
packets web peer -n 1500 -g 500 -w 200 &
sender=$!
if group=$(memory_group 2>/dev/null); then
	e2e_defer rmdir "$group"
	holds "the pod's process is killed for want of memory" oom "$group"
	wait "$sender"
	holds "its fault ends and comes again on time all the same" in_windows "$(created web)" 200 400
	packets web peer -n 1500 -g 500 -w 200
	holds "windows stay on time when the process is gone" in_windows "$(created web)" 200 400
else
	skip "the pod's process is killed for want of memory" "no memory cgroup to be made here"
fi
wait
del web

holds "a namespace that dies with its last process takes its faults along, the next ADD its record" last_process

sentences=("windows by the clock follow it when it steps an hour and 300 ms ahead" "windows by the clock follow it when it steps two hours back" "windows from the pod's creation do not care")
if [[ -n ${FW_OUT-} ]]; then
	windows='"duration":"500ms","schedule":"@every 1s"'
	add web "[{\"action\":\"partition\",\"target\":{\"ports\":[9999]},$windows,\"anchor\":\"clock\"},
		{\"action\":\"partition\",\"target\":{\"ports\":[9998]},$windows}]"
	holds "windows by the clock are its seconds' first halves" by_clock
	step_clock 3600.3
	holds "${sentences[0]}" by_clock
	step_clock -7200.45
	holds "${sentences[1]}" by_clock
	holds "${sentences[2]}" by_pod
	del web
else
	for sentence in "${sentences[@]}"; do skip "$sentence" "not on a machine's own clock"; done
fi
finish
