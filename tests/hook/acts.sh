#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is done to real containers by the clock, made by runc and crun without an engine around them: killed, frozen, out of memory, ended at their
# start, limited; what ends it, and what is as before afterwards, byte for byte, whoever was killed meanwhile. On cgroup v1 or v2, as the machine has it.
#
#     tests/hook/acts.sh [RUNTIME...]
#
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

RUNTIMES=("$@")
((${#RUNTIMES[@]})) || RUNTIMES=(runc crun)
GROUP=faultwire-acts-$$ # others' containers are called 'web' too
V1=true
[[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || V1=false

# In place of lib.bash's: FAULTS are those of ANNOTATION, in a cgroup of the container's own.
acts() { # ANNOTATION FAULTS PROGRAM...
	ANNOTATIONS=$(jq -cn --arg a "faultwire.dev/$1" --arg f "$2" --argjson more "${MORE:-{\}}" '{($a): $f} + $more') bundle '' "${@:3}" || return 1
	jq --arg group "/$GROUP" '.linux.cgroupsPath = $group | .linux.resources = {devices: [{allow: true, access: "rwm"}]}' \
		"$BUNDLE/config.json" >"$BUNDLE/new" && mv "$BUNDLE/new" "$BUNDLE/config.json"
}

start() { # ANNOTATION FAULTS PROGRAM...: in the background, its output in $OUT
	acts "$@" || return 1
	: >"$OUT"
	"$RT" run -d -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 || {
		cat "$OUT"
		return 1
	}
}

code_of() { # ANNOTATION FAULTS PROGRAM...: how it ends
	local rc=0
	acts "$@" || return 1
	timeout 20 "$RT" run -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 || rc=$?
	echo "$rc"
}

ends() { # CODE OUTPUT ANNOTATION FAULTS PROGRAM...
	equals "$(code_of "${@:3}") $(xargs <"$OUT")" "$1 $2" && nothing_left
}

end() {
	end_container
}

file() { # v1 controller, v1 file, v2 file
	if $V1; then
		echo "/sys/fs/cgroup/$1/$GROUP/$2"
	else
		echo "/sys/fs/cgroup/$GROUP/$3"
	fi
}

FREEZER=$(file freezer freezer.state cgroup.freeze)
CPU=$(file cpu cpu.cfs_quota_us cpu.max)
MEMORY=$(file memory memory.limit_in_bytes memory.max)
PIDS=$(file pids pids.max pids.max)

says() { # FILE TEXT
	[[ $(<"$1") == "$2" ]]
}

frozen() {
	[[ $(<"$FREEZER") == @(1|FROZEN) ]]
}

thawed() {
	[[ $(<"$FREEZER") == @(0|THAWED) ]]
}

for RT in "${RUNTIMES[@]}"; do
	holds "$RT: 'exit' ends the program with its code before it does anything" ends 42 "" process '{"action":"exit","code":42}' /bin/busybox echo begun
	holds "$RT: 'exit' with code 0 too" ends 0 "" process '{"action":"exit","code":0}' /bin/busybox echo begun
	holds "$RT: a program that is not there is the runtime's error as ever" eval \
		'[[ $(code_of process "{\"action\":\"exit\",\"code\":42}" /bin/none) != 42 ]] && nothing_left'
	holds "$RT: 'kill' at once" ends 137 "" process '{"action":"kill"}' /bin/sh -c 'echo begun; exec /bin/busybox sleep 20'
done
finish
