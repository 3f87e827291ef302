#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a call that we intercept costs, beside the bare notification and strace; what a supervisor takes; how soon an abort ends a delay. A line
# each: "<name> <value>".
#
#     tests/bench/calls.sh [RUNTIME]
#
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/../hook/lib.bash"

RT=${1:-runc}
N=5000
EIO='{"syscalls":["getppid"],"errno":"EIO"}'

best() { # COMMAND...: of five runs
	for _ in 1 2 3 4 5; do
		"$@"
	done | sort -n | head -1
}

# In cgroups of its own, as a container is: a switch to another cgroup costs more, whoever is on the other side.
mkdir -p "$E2E_RUN"
cat >"$E2E_RUN/apart" <<-'SCRIPT'
	#!/bin/sh
	for c in /sys/fs/cgroup /sys/fs/cgroup/*/; do
		[ ! -e "$c/cgroup.procs" ] || { mkdir -p "$c/$GROUP"; echo $$ >"$c/$GROUP/cgroup.procs"; }
	done 2>/dev/null
	exec "$@"
SCRIPT
chmod +x "$E2E_RUN/apart"
export GROUP=$CGROUP-apart

apart_end() {
	rmdir "/sys/fs/cgroup/$GROUP" /sys/fs/cgroup/*/"$GROUP"
} 2>/dev/null

strace_loop() {
	"$E2E_RUN/apart" strace -f -o /dev/null -e trace=getppid -e inject=getppid:error=EIO build/tests/calls loop $((N / 5))
}

rss() { # kB of the larger half
	background "$EIO" /bin/calls -s 20 getppid 10000
	e2e_wait 5 grep -q EIO "$OUT"
	pgrep -x faultwire-super | sed 's|.*|/proc/&/status|' | xargs awk '/^VmRSS/ { print $2 }' | sort -n | tail -1
	end_container >/dev/null
}

abort_ms() {
	local before
	background '{"syscalls":["getppid"],"delayEnter":"1h"}' /bin/calls clock
	e2e_wait 5 injected 1
	before=${EPOCHREALTIME/[^0-9]/}
	"$FAULTWIRE" abort --all >/dev/null
	e2e_wait 5 test -s "$OUT"
	echo "$(($(<"$OUT") - before))" | awk '{ printf "%.1f\n", $1 / 1000 }'
	"$FAULTWIRE" resume --all >/dev/null
	end_container >/dev/null
}

echo "none $(best build/tests/calls loop $N)"
echo "notify $(best build/bench/notify "$E2E_RUN/apart" build/tests/calls loop $N)"
echo "ours $(best container "$EIO" /bin/calls loop $N)"
echo "continued $(best container '{"syscalls":["getppid"],"errno":"EIO","when":"100000000"}' /bin/calls loop $N)"
echo "strace $(best strace_loop)"
echo "rss $(rss)"
echo "abort $(best abort_ms)"
apart_end || true
