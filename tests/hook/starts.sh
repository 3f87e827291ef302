#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Containers with faults, started again and again, the runtime of every other one killed at a random moment: no hang, no leak, and those that were
# let live have their fault from the first call.
#
#     [STARTS=600] tests/hook/starts.sh [RUNTIME...]
#
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

RUNTIMES=("$@")
((${#RUNTIMES[@]})) || RUNTIMES=(runc crun)
STARTS=${STARTS:-40}
FAULTS='[{"syscalls":["getppid"],"errno":"EIO","when":1},{"syscalls":["read","openat","close","mmap"],"errno":"ENOMEM","when":"1000000"},{"syscalls":["fsync"],"delayExit":"1ms"}]'

killed() {
	local pid
	setsid "$RT" run -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 &
	pid=$!
	sleep "0.0$((RANDOM % 70 + 10))"
	kill -9 "$pid" 2>/dev/null
	((RANDOM % 3)) || pkill -9 -x faultwire-hook
	wait "$pid" 2>/dev/null
	"$RT" delete -f "$ID" >/dev/null 2>&1
	e2e_wait 10 supervisors_gone
}

# The runtime's own processes too, which a hang would leave.
processes() {
	pgrep -cf "$RT (run|init|create)|calls getppid" || true
}

starts() { # N
	local i out
	bundle "$FAULTS" /bin/calls getppid 2 || return 1
	for ((i = 0; i < $1; i++)); do
		if ((i % 2)); then
			killed || {
				echo "start $i: $(ps -o pid,ppid,stat,args -C faultwire-super)"
				return 1
			}
		else
			out=$(timeout 20 "$RT" run -b "$BUNDLE" "$ID" </dev/null 2>&1) || true
			# a runtime that was killed may have left its own init dying, of which runc warns
			[[ $(grep -v level=warning <<<"$out" | xargs) =~ ^EIO\ [01]$ ]] || {
				echo "start $i: $out $(tail -1 "$HOOK_STDERR" 2>/dev/null)"
				return 1
			}
		fi
	done
	e2e_wait 10 eval '[[ $(processes) == 0 ]]' || return 1
	# what dies before its first word leaves its files to the next one
	container "$FAULTS" /bin/calls getppid 1 >/dev/null && nothing_left
}

for RT in "${RUNTIMES[@]}"; do
	holds "$RT: $STARTS starts with faults, half of them with the runtime killed: no hang, no leak" starts "$STARTS"
done
finish
