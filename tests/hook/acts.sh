#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is done to real containers by the clock, made by runc and crun without an engine around them: killed, frozen, out of memory, ended at their
# start, limited; what ends it, and what is as before afterwards, byte for byte, whoever was killed meanwhile. On cgroup v1 or v2, as the machine has it.
#
#     tests/hook/acts.sh [--brief] [RUNTIME...]      --brief: only what the version of cgroups makes a difference to
#
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

BRIEF=false
[[ ${1-} != --brief ]] || BRIEF=true
$BRIEF && shift
RUNTIMES=("$@")
((${#RUNTIMES[@]})) || RUNTIMES=(runc crun)
GROUP=faultwire-acts-${EPOCHREALTIME#*.} # others' containers are called 'web' too
V1=true
leave_no_group() {
	local dir pids
	for dir in /sys/fs/cgroup/{,*/}"$GROUP"; do
		[[ ! -e $dir/freezer.state ]] || echo THAWED >"$dir/freezer.state"
		pids=$(cat "$dir/cgroup.procs" 2>/dev/null)
		# shellcheck disable=SC2086
		[[ -z $pids ]] || kill -9 $pids 2>/dev/null
	done
	e2e_wait 2 eval 'rmdir /sys/fs/cgroup/{,*/}"$GROUP" 2>/dev/null; ! ls -d /sys/fs/cgroup/{,*/}"$GROUP"'
}
e2e_defer leave_no_group
[[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || V1=false

# In place of lib.bash's: FAULTS are those of ANNOTATION, in a cgroup of the container's own.
acts() { # ANNOTATION FAULTS PROGRAM...
	ANNOTATIONS=$(jq -cn --arg a "faultwire.dev/$1" --arg f "$2" --argjson more "${MORE:-{\}}" '{($a): $f} + $more') bundle '' "${@:3}" || return 1
	jq --arg group "/$GROUP" --argjson more "${RESOURCES:-{\}}" --argjson mounts "${MOUNTS:-[]}" --argjson process "${PROCESS:-{\}}" \
		'.linux.cgroupsPath = $group | .linux.resources = {devices: [{allow: true, access: "rwm"}]} + $more | .mounts += $mounts | .process += $process' \
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

# A check that is the same on both versions.
also() {
	$BRIEF || holds "$@"
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

# Prints a word every 20 ms for ever.
TICKS=(/bin/sh -c 'while :; do echo tick; /bin/busybox usleep 20000; done')

goes_on() { # FILE
	local before
	before=$(wc -l <"$1")
	e2e_wait 30 is_longer "$1" $((before + 2))
}

is_longer() { # FILE LINES
	(($(wc -l <"$1") > $2))
}

stands_still() { # FILE
	local before
	e2e_wait 30 frozen || return 1
	before=$(wc -l <"$1")
	sleep 0.2
	equals "$(wc -l <"$1")" "$before"
}

fault() { # FIELD: of the first fault, as 'status' has it
	"$FAULTWIRE" status --json "$ID" | jq -c ".containers[0].faults[0].$1"
}

paused_from_the_start() {
	local before=${EPOCHREALTIME/[^0-9]/}
	start process '{"action":"pause","duration":"1500ms"}' "${TICKS[@]}" || return 1
	e2e_wait 30 frozen && [[ ! -s $OUT ]] || return 1
	e2e_wait 30 test -s "$OUT" || return 1
	echo "$(((${EPOCHREALTIME/[^0-9]/} - before) / 1000)) ms"
	((${EPOCHREALTIME/[^0-9]/} - before >= 1500000)) && thawed || return 1
	goes_on "$OUT" && end
}

paused_again_and_again() {
	start process '{"action":"pause","duration":"200ms","schedule":"@every 500ms","start":"200ms"}' "${TICKS[@]}" || return 1
	for _ in 1 2 3; do
		e2e_wait 30 frozen && e2e_wait 30 thawed || return 1
	done
	"$FAULTWIRE" status --json "$ID" | jq -e '.containers[0].faults[0] | .matched == .injected and .injected >= 3' || return 1
	goes_on "$OUT" && end
}

paused_sometimes() { # COUNT FAULTS: of windows seen, how often it was
	start process "$2" "${TICKS[@]}" || return 1
	e2e_wait 10 matched_so_often 6 || return 1
	"$FAULTWIRE" disarm "$ID" >/dev/null
	echo "$(fault injected) of $(fault matched)"
	(($(fault injected) == $1)) || return 1
	end
}

matched_so_often() { # N
	(($(fault matched) >= $1))
}

exec_is_frozen_too() {
	start process '{"action":"pause","duration":"1h","armed":false}' "${TICKS[@]}" || return 1
	: >"$E2E_RUN/exec"
	"$RT" exec "$ID" "${TICKS[@]}" >"$E2E_RUN/exec" 2>&1 &
	goes_on "$E2E_RUN/exec" || return 1
	"$FAULTWIRE" arm "$ID" >/dev/null && stands_still "$E2E_RUN/exec" && stands_still "$OUT" || return 1
	"$FAULTWIRE" abort "$ID" >/dev/null && e2e_wait 30 thawed && goes_on "$E2E_RUN/exec" && end
}

switched_while_paused() {
	start process '{"action":"pause","duration":"1h"}' "${TICKS[@]}" || return 1
	e2e_wait 30 frozen || return 1
	contains "$("$FAULTWIRE" status "$ID")" "pause" || return 1
	"$FAULTWIRE" abort "$ID" >/dev/null && e2e_wait 30 thawed && goes_on "$OUT" || return 1
	"$FAULTWIRE" resume "$ID" >/dev/null && e2e_wait 30 frozen || return 1
	"$FAULTWIRE" disarm "$ID" >/dev/null && e2e_wait 30 thawed && goes_on "$OUT" || return 1
	equals "$(fault matched) $(fault injected)" "1 1" || return 1
	"$FAULTWIRE" arm "$ID" >/dev/null && e2e_wait 30 frozen || return 1
	end
}

# The node's word reaches it, and what is born under it is born off.
off_by_the_node() {
	start process '{"action":"pause","duration":"1h"}' "${TICKS[@]}" || return 1
	e2e_wait 30 frozen && "$FAULTWIRE" abort --all >/dev/null && e2e_wait 30 thawed && goes_on "$OUT" && end || return 1
	equals "$(code_of process '{"action":"exit","code":42}' /bin/busybox echo begun) $(<"$OUT")" "0 begun" || return 1
	"$FAULTWIRE" resume --all >/dev/null && nothing_left
}

status_says() { # TEXT
	[[ $("$FAULTWIRE" status "$ID") == *"$1"* ]]
}

# Somebody else's pause is not ended by ours.
paused_by_another() {
	start process '{"action":"pause","duration":"1h","armed":false}' "${TICKS[@]}" || return 1
	goes_on "$OUT" && "$RT" pause "$ID" && e2e_wait 30 frozen || return 1
	"$FAULTWIRE" arm "$ID" >/dev/null && e2e_wait 30 matched_so_often 1 || return 1
	e2e_wait 30 status_says "is frozen by somebody else already" || return 1
	"$FAULTWIRE" disarm "$ID" >/dev/null || return 1
	sleep 0.2
	frozen && equals "$(fault injected)" 0 || return 1
	"$RT" resume "$ID" && goes_on "$OUT" && end
}

super() { # keeper|worker: its pid
	pgrep -x -r D,R,S faultwire-super | sort -n | if [[ $1 == keeper ]]; then head -1; else tail -1; fi
}

kill_both() {
	# shellcheck disable=SC2046
	kill -STOP $(pgrep -x faultwire-super) && kill -9 $(pgrep -x faultwire-super) && e2e_wait 30 supervisors_gone
}

half_killed_while_paused() { # keeper|worker
	start process '{"action":"pause","duration":"1h"}' "${TICKS[@]}" || return 1
	e2e_wait 30 frozen && kill -9 "$(super "$1")" && e2e_wait 30 two_supervisors && frozen || return 1
	"$FAULTWIRE" abort "$ID" >/dev/null && e2e_wait 30 thawed && goes_on "$OUT" || return 1
	"$FAULTWIRE" resume "$ID" >/dev/null && e2e_wait 30 frozen || return 1
	equals "$(fault matched) $(fault injected)" "1 1" && end
}

two_supervisors() {
	[[ $(pgrep -cx -r D,R,S faultwire-super) == 2 ]]
}

both_killed_while_paused() { # COMMAND...: who puts it right
	start process '{"action":"pause","duration":"1h"}' "${TICKS[@]}" || return 1
	e2e_wait 30 frozen && kill_both && frozen || return 1
	contains "$("$FAULTWIRE" status "$ID")" "its supervisor is gone, and left changed: ${FREEZER##*/}" || return 1
	frozen || return 1
	"$@" || return 1
	thawed && goes_on "$OUT" || return 1
	! grep -q 'left changed' <<<"$("$FAULTWIRE" status "$ID")" || return 1
	end
}

# A systemd that only writes down what it is told, and how the container is meanwhile.
by_systemd() {
	local fake=$E2E_RUN/systemd
	mkdir -p /run/systemd/system "$fake"
	printf '#!/bin/sh\necho "$0 $*" >>%s/told\ncat %s >>%s/told\n' "$fake" "$FREEZER" "$fake" >"$fake/systemd-run"
	printf '#!/bin/sh\n' >"$fake/systemctl"
	chmod +x "$fake"/*
	PATH=$fake:$PATH start process '{"action":"pause","duration":"1h"}' "${TICKS[@]}" || return 1
	e2e_wait 30 frozen || return 1
	rmdir /run/systemd/system
	cat "$fake/told"
	grep -qE -- '--on-active=360[0-9]{4}ms .*faultwire-hook undo '"$ID"'$' "$fake/told" && grep -qxE '0|THAWED' "$fake/told" || return 1
	! grep -qxE '1|FROZEN' "$fake/told" || return 1
	"$HOOK" undo "$ID" && return 1 # its supervisor lives
	frozen && kill_both && "$HOOK" undo "$ID" && thawed && goes_on "$OUT" && end
}

hook_of() { # PID FAULT: as a runtime runs it
	jq -cn --argjson pid "$1" --arg f "$2" --arg bundle "$BUNDLE" '{ociVersion: "1.0", id: "another", status: "creating", pid: $pid, bundle: $bundle,
		annotations: {"faultwire.dev/process": $f}}' | "$HOOK"
}

by_another_hook() {
	local other rc=0
	sleep 100 &
	other=$!
	hook_of $other '{"action":"exit","code":300}' 2>/dev/null && return 1
	frozen || return 1 # refused before anything was done
	hook_of $other '{"action":"kill","start":"1h"}' || rc=1
	kill $other
	return $rc
}

cni() { # VERB
	CNI_COMMAND=$1 CNI_CONTAINERID=pod1 CNI_NETNS=/proc/self/ns/net CNI_IFNAME=eth0 CNI_PATH=/ build/cni/faultwire <<<"$(jq -cn --arg f '{"action":"kill","start":"1h"}' '{cniVersion: "1.1.0", name: "n", type: "faultwire", prevResult: {}, "cni.dev/valid-attachments": [], "cni.dev/attachments": [],
		runtimeConfig: {"io.kubernetes.cri.pod-annotations": {"faultwire.dev/process": $f}}}')"
}

# What v1's freezer holds back counts when it comes.
killed_while_paused() {
	start process '{"action":"pause","duration":"1h"}' "${TICKS[@]}" || return 1
	e2e_wait 30 frozen && kill -9 "$(<"/proc/$(container_pid)/stat" cut -d' ' -f1)" || return 1
	e2e_wait 30 nothing_left || return 1
	"$RT" delete -f "$ID"
}

container_pid() {
	jq .init_process_pid "/run/$RT/$ID/state.json" 2>/dev/null | grep -v null || jq .pid "/run/$RT/$ID/status"
}

# ---- limits

# What the runtime set, as bytes: limits below are lower than these.
RESOURCES='{"memory":{"limit":268435456},"cpu":{"quota":80000,"period":100000},"pids":{"limit":200}}'
LIMITS='"cpu":"200m","memory":"64Mi","pids":20'
FILES=("$CPU" "$MEMORY" "$PIDS")

all_files() {
	cat "${FILES[@]}"
}

limited() {
	says "$MEMORY" 67108864 && says "$PIDS" 20 && [[ $(<"$CPU") == 20000* ]]
}

as_before() { # WHAT THE FILES SAID
	[[ $(all_files) == "$1" ]]
}

# A container without our limits: what its files say.
plain() {
	acts experiment '' "${TICKS[@]}" || return 1
	jq 'del(.annotations)' "$BUNDLE/config.json" >"$BUNDLE/new" && mv "$BUNDLE/new" "$BUNDLE/config.json"
	"$RT" run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 && all_files && "$RT" delete -f "$ID"
}

limited_for_a_window() {
	local before
	before=$(plain) || return 1
	start resource "{$LIMITS,\"start\":\"1s\",\"duration\":\"1500ms\"}" "${TICKS[@]}" || return 1
	e2e_wait 30 limited || return 1
	e2e_wait 30 as_before "$before" || return 1
	equals "$(fault matched) $(fault injected)" "1 1" && goes_on "$OUT" && end
}

switched_while_limited() {
	local before
	before=$(plain) || return 1
	start resource "{$LIMITS}" "${TICKS[@]}" || return 1
	e2e_wait 30 limited || return 1
	contains "$("$FAULTWIRE" status "$ID")" "cpu 200m, memory 64Mi, pids 20" || return 1
	"$FAULTWIRE" abort "$ID" >/dev/null && e2e_wait 30 as_before "$before" || return 1
	"$FAULTWIRE" resume "$ID" >/dev/null && e2e_wait 30 limited || return 1
	"$FAULTWIRE" disarm "$ID" >/dev/null && e2e_wait 30 as_before "$before" || return 1
	end
}

limited_again_and_again() {
	local before
	before=$(plain) || return 1
	start resource "{$LIMITS,\"duration\":\"200ms\",\"schedule\":\"@every 400ms\"}" "${TICKS[@]}" || return 1
	for _ in 1 2 3; do
		e2e_wait 30 limited && e2e_wait 30 as_before "$before" || return 1
	done
	end
}

# Two windows over one file: the lower limit, then the other, then as before.
two_limits() {
	local before
	before=$(plain) || return 1
	start resource '[{"pids":40,"start":"500ms","duration":"4s"},{"pids":20,"start":"1500ms","duration":"1s"}]' "${TICKS[@]}" || return 1
	e2e_wait 30 says "$PIDS" 40 && e2e_wait 30 says "$PIDS" 20 && e2e_wait 30 says "$PIDS" 40 && e2e_wait 30 as_before "$before" || return 1
	end
}

never_higher() {
	local before
	before=$(plain) || return 1
	start resource '{"cpu":"900m","memory":"1Gi","pids":201}' "${TICKS[@]}" || return 1
	e2e_wait 30 eval '[[ $(fault matched) == 1 ]]' || return 1
	as_before "$before" && equals "$(fault injected)" 0 || return 1
	e2e_wait 30 status_says "the container has no more than that already" || return 1
	end
}

# What kubelet or an administrator sets meanwhile is theirs.
set_by_another() {
	start resource "{$LIMITS}" "${TICKS[@]}" || return 1
	e2e_wait 30 limited || return 1
	echo 100 >"$PIDS"
	"$FAULTWIRE" disarm "$ID" >/dev/null
	e2e_wait 30 eval '[[ $(<"$MEMORY") == 268435456 ]]' || return 1
	equals "$(<"$PIDS")" 100 && end
}

both_killed_while_limited() {
	local before
	before=$(plain) || return 1
	start resource "{$LIMITS}" "${TICKS[@]}" || return 1
	e2e_wait 30 limited && kill_both && limited || return 1
	contains "$("$FAULTWIRE" status "$ID")" "left changed" || return 1
	"$FAULTWIRE" resume "$ID" >/dev/null && as_before "$before" || return 1
	end
}

# At any moment of windows that come and go: whoever comes next finds it as it was.
killed_anywhere() { # N
	local before i
	before=$(plain) || return 1
	for ((i = 0; i < $1; i++)); do
		start resource "{$LIMITS,\"duration\":\"30ms\",\"schedule\":\"@every 60ms\"}" "${TICKS[@]}" || return 1
		sleep "0.$((RANDOM % 200 + 100))"
		kill_both
		"$FAULTWIRE" resume "$ID" >/dev/null
		as_before "$before" || {
			echo "after kill $i:" && all_files
			return 1
		}
		end || return 1
	done
}

no_more_processes() {
	start resource '{"pids":3}' /bin/sh -c 'for i in 1 2 3 4 5 6; do /bin/busybox sleep 50 & done; echo all; wait' || return 1
	e2e_wait 30 grep -q "can't fork" "$OUT" || return 1
	end
}

# The kernel's own killer, and what it says itself; its limit is as before. oomScoreAdj: a best-effort pod's.
out_of_memory() {
	local events
	events=$(file memory memory.oom_control memory.events)
	PROCESS='{"oomScoreAdj":1000}' start process '{"action":"oom","start":"300ms"}' /bin/busybox sleep 100 || return 1
	e2e_wait 10 eval '! "$RT" state "$ID" | grep -q running' || return 1
	e2e_wait 30 says "$MEMORY" 268435456 || return 1
	grep -E '^oom_kill [1-9]' "$events" || return 1
	end
}

each() { # COMMAND...: under each runtime
	for RT in "${RUNTIMES[@]}"; do
		"$@" || return 1
	done
}

on_no_disk() {
	local said
	rm -f "$HOOK_STDERR"
	said=$(start resource '{"io":{"path":"'"$1"'","rbps":"1Mi"}}' "${TICKS[@]}") && return 1
	[[ ! -s $HOOK_STDERR ]] || said=$(<"$HOOK_STDERR")
	contains "$said" "$2" && nothing_left
}

# A disk of the test's own, mounted at /data of the container.
DISK=$E2E_RUN/disk
with_disk() { # COMMAND...
	local rc=0 loop
	[[ -e /dev/loop-control ]] || modprobe loop || return 1
	truncate -s 16M "$DISK.img" && mkfs.ext4 -q "$DISK.img" && mkdir -p "$DISK" && loop=$(losetup -f --show "$DISK.img") || return 1
	mount "$loop" "$DISK"
	MOUNTS=$(jq -cn --arg d "$DISK" '[{destination: "/data", type: "bind", source: $d, options: ["bind"]}]') KEY=$(lsblk -dno MAJ:MIN "$loop" | tr -d ' ') "$@" || rc=1
	"$RT" delete -f "$ID" 2>/dev/null
	umount "$DISK"
	losetup -d "$loop"
	return $rc
}

slow_disk() {
	local files before
	files=("$(file blkio blkio.throttle.read_bps_device io.max)" "$(file blkio blkio.throttle.write_iops_device io.max)")
	start resource '{"io":{"path":"/data","rbps":"1Mi","wiops":"10"},"armed":false}' "${TICKS[@]}" || return 1
	before=$(cat "${files[@]}")
	"$FAULTWIRE" arm "$ID" >/dev/null || return 1
	if $V1; then
		e2e_wait 30 grep -qx "$KEY 1048576" "${files[0]}" && e2e_wait 30 grep -qx "$KEY 10" "${files[1]}" || return 1
	else
		e2e_wait 30 grep -qx "$KEY rbps=1048576 wbps=max riops=max wiops=10" "${files[0]}" || return 1
	fi
	"$FAULTWIRE" abort "$ID" >/dev/null || return 1
	e2e_wait 30 eval '[[ $(cat "${files[@]}") == "$before" ]]' && end
}

# Between create and start, when its init is traced.
killed_before_its_start() { # keeper|worker
	acts process '{"action":"exit","code":42}' /bin/busybox echo begun && : >"$OUT" || return 1
	"$RT" create -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 || return 1
	e2e_wait 30 two_supervisors && kill -9 "$(super "$1")" && e2e_wait 30 two_supervisors || return 1
	e2e_wait 30 is_traced "$(container_pid)" && "$RT" start "$ID" && e2e_wait 30 nothing_left || return 1
	equals "$(<"$OUT")" "" && "$RT" delete -f "$ID"
}

is_traced() { # PID
	! grep -q '^TracerPid:\s*0$' "/proc/$1/status"
}

# Killed, until it is; a v1 freezer holds that back, and who froze it sees it.
group_is_empty() {
	local pids
	pids=$(cat "${FREEZER%/*}/cgroup.procs" 2>/dev/null)
	# shellcheck disable=SC2086
	[[ -z $pids ]] || ! kill -9 $pids
}

# The runtime, in the midst of it: nothing hangs, nothing stays.
killed_runtimes() { # N
	local i runtime
	for ((i = 0; i < $1; i++)); do
		acts process '[{"action":"pause","duration":"1h"},{"action":"kill","start":"1h"}]' "${TICKS[@]}" || return 1
		setsid "$RT" run -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 &
		runtime=$!
		sleep "0.0$((RANDOM % 80 + 10))"
		kill -9 "$runtime" 2>/dev/null
		wait "$runtime" 2>/dev/null
		"$RT" delete -f "$ID" >/dev/null 2>&1
		# crun may have been killed before it knew of the container, which then lives on, and we with it
		e2e_wait 30 group_is_empty && e2e_wait 30 supervisors_gone || {
			echo "start $i: $(ps -o pid,stat,args | tr '\n' ';')"
			return 1
		}
	done
	[[ $(code_of process '{"action":"exit","code":0}' /bin/busybox true) == 0 ]] && nothing_left
}

# Both sorts in one container: each has its own counters.
beside_system_calls() {
	MORE='{"faultwire.dev/syscall":"{\"syscalls\":[\"getppid\"],\"errno\":\"EIO\",\"when\":\"1+2\",\"name\":\"parent\"}"}' \
		start resource '[{"pids":20,"armed":false},{"pids":30}]' /bin/sh -c '/bin/calls getppid 4; echo done; /bin/busybox sleep 100' || return 1
	e2e_wait 30 grep -q done "$OUT" && e2e_wait 30 says "$PIDS" 30 || return 1
	# the shell asks once, for itself
	equals "$("$FAULTWIRE" status --json "$ID" | jq -c '.containers[0].faults | map([.name, .matched, .injected])')" \
		'[["parent",5,3],["resource[0]",0,0],["resource[1]",1,1]]' || return 1
	"$FAULTWIRE" arm "$ID" 'resource[0]' >/dev/null && e2e_wait 30 says "$PIDS" 20 || return 1
	end
}

for RT in "${RUNTIMES[@]}"; do
	holds "$RT: 'exit' ends the program with its code before it does anything" ends 42 "" process '{"action":"exit","code":42}' /bin/busybox echo begun
	also "$RT: 'exit' with code 0 too" ends 0 "" process '{"action":"exit","code":0}' /bin/busybox echo begun
	also "$RT: a program that is not there is the runtime's error as ever" eval \
		'[[ $(code_of process "{\"action\":\"exit\",\"code\":42}" /bin/none) != 42 ]] && nothing_left'
	also "$RT: 'exit' comes though the worker was killed before the start" killed_before_its_start worker
	also "$RT: 'exit' comes though the keeper was killed before the start" killed_before_its_start keeper
	holds "$RT: 'kill' at once" ends 137 "" process '{"action":"kill"}' /bin/sh -c 'echo begun; exec /bin/busybox sleep 20'
	also "$RT: 'kill' by another signal, later" ends 3 "begun got it" process '{"action":"kill","signal":"TERM","start":"500ms"}' \
		/bin/sh -c 'trap "echo got it; exit 3" TERM; echo begun; while :; do /bin/busybox usleep 20000; done'
	holds "$RT: 'pause' holds the program back before its first instruction, and lets it go" paused_from_the_start
	holds "$RT: a schedule pauses it again and again" paused_again_and_again
	also "$RT: 'when' chooses windows" paused_sometimes 2 '{"action":"pause","duration":"100ms","schedule":"@every 250ms","when":"2..5+3"}'
	holds "$RT: exec'd processes are frozen too, and abort lets them go" exec_is_frozen_too
	holds "$RT: abort, resume, disarm and arm while it is paused" switched_while_paused
	also "$RT: 'abort --all' ends a pause, and an 'exit' born under it does not happen" off_by_the_node
	holds "$RT: a pause of somebody else's is not ended by ours" paused_by_another
	also "$RT: the worker killed while it is paused: it stays so, until 'abort'" half_killed_while_paused worker
	also "$RT: the keeper killed while it is paused: it stays so, until 'abort'" half_killed_while_paused keeper
	holds "$RT: both killed while it is paused: 'abort' thaws it" both_killed_while_paused "$FAULTWIRE" abort "$ID"
	also "$RT: both killed while it is paused: another container's hook thaws it" both_killed_while_paused by_another_hook
	also "$RT: both killed while it is paused: ADD of another pod thaws it" both_killed_while_paused cni ADD
	also "$RT: both killed while it is paused: GC thaws it" both_killed_while_paused cni GC
	also "$RT: systemd is told before it is paused, and thaws it once both are killed" by_systemd
	holds "$RT: a kill of a paused container takes effect" killed_while_paused
	holds "$RT: limits hold for their window, and are as before afterwards" limited_for_a_window
	holds "$RT: abort, resume and disarm while it is limited" switched_while_limited
	also "$RT: a schedule limits it again and again" limited_again_and_again
	holds "$RT: of two limits on one thing the lower is in force" two_limits
	holds "$RT: a limit only lowers what is there" never_higher
	holds "$RT: what somebody else sets meanwhile stays" set_by_another
	holds "$RT: both killed while it is limited: 'resume' puts it back" both_killed_while_limited
	also "$RT: both killed at random moments: it is put back, byte for byte" killed_anywhere 3
	also "$RT: acts and system calls in one container" beside_system_calls
	also "$RT: the runtime killed at random moments: nothing hangs, nothing is left" killed_runtimes 6
	holds "$RT: 'pids' makes fork fail" no_more_processes
	holds "$RT: 'io' limits the disk of a volume" with_disk slow_disk
	also "$RT: 'io' refuses a path that is on no disk" on_no_disk /tmp "is on no disk of this node (tmpfs)"
	also "$RT: 'io' refuses a path that is not there" on_no_disk /none "the container has no '/none'"
	holds "$RT: nothing is left" nothing_left
done
holds "'oom' is the kernel's own killer" each out_of_memory
finish
