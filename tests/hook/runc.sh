#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# System calls of real containers, made by runc and crun without an engine around them: what fails, from when on, what ends it,
# what is left.
#
#     tests/hook/runc.sh [RUNTIME...]
#
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

RUNTIMES=("$@")
((${#RUNTIMES[@]})) || RUNTIMES=(runc crun)

answers() { # WANTED FAULTS PROGRAM...: what the program in the container printed, in one line
	local wanted=$1 faults=$2 got
	shift 2
	got=$(container "$faults" "$@" 2>&1) || true
	equals "${got//$'\n'/ }" "$wanted"
}

refused() { # FAULTS TEXT...
	local out text
	rm -f "$HOOK_STDERR"
	if out=$(container "$1" /bin/calls getppid 1 2>&1); then
		echo "was created: $out"
		return 1
	fi
	# runc shows it, crun keeps it where it was told to
	[[ ! -s $HOOK_STDERR ]] || out=$(<"$HOOK_STDERR")
	for text in "${@:2}"; do
		contains "$out" "$text" || return 1
	done
	! supervisors
}

seccomp_filters() { # FAULTS: how many the program has
	container "$1" /bin/sh -c '/bin/busybox grep Seccomp_filters /proc/self/status' | tr -dc 0-9
}

# Milliseconds at least, and the answer: "EIO 201".
took() { # ANSWER MS FAULTS PROGRAM...
	local answer ms
	read -r answer ms <<<"$(container "$3" "${@:4}" 2>&1)"
	echo "$answer after ${ms-} ms"
	[[ $answer == "$1" ]] && ((ms >= $2))
}

no_more_than() { # N COMMAND...
	local n
	n=$("${@:2}")
	((n <= $1)) || {
		echo "$n"
		return 1
	}
}

faults_of_threads() { # N of getppid's calls, by 8 threads of 3 each
	local lines line n=0 i
	lines=$(container "$2" /bin/calls threads 8)
	for line in $lines; do
		for i in 0 1 2; do
			n=$((n + (line >> i & 1)))
		done
	done
	equals "$n" "$1"
}

# The runtime, its hook and what else it started, in the midst of it: nothing hangs, nothing stays.
killed_runtimes() { # N
	local i runtime
	for ((i = 0; i < $1; i++)); do
		bundle '{"syscalls":["getppid","read","openat","close"],"errno":"EIO","when":"100000"}' /bin/calls getppid 1 || return 1
		setsid "$RT" run -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 &
		runtime=$!
		sleep "0.0$((RANDOM % 50 + 10))"
		kill -9 "$runtime" 2>/dev/null
		((i % 2)) && pkill -9 -x faultwire-hook
		wait "$runtime" 2>/dev/null
		"$RT" delete -f "$ID" >/dev/null 2>&1
		e2e_wait 30 supervisors_gone || return 1
	done
	# what dies before its first word leaves its files to the next one
	container '{"syscalls":["getppid"],"errno":"EIO"}' /bin/calls getppid 1 || return 1
	[[ -z $(ls "$CONTAINERS") ]]
}

few_capabilities() {
	local pid
	background '{"syscalls":["getppid"],"errno":"EIO"}' /bin/calls -s 20 getppid 1000
	e2e_wait 30 grep -q EIO "$OUT" || return 1
	for pid in $(pgrep -x faultwire-super); do
		# CAP_KILL, CAP_SYS_PTRACE
		equals "$(awk '/^Cap(Prm|Eff|Inh)/ { print $2 }' "/proc/$pid/status" | xargs)" "0000000000000000 0000000000080020 0000000000080020" || return 1
	done
	end_container
}

# Nobody else's cgroup holds it, freezes it or ends it; a filter of its own; what protects it from the memory killer is as it was given.
kept_apart() {
	local pid
	background '{"syscalls":["getppid"],"errno":"EIO"}' /bin/calls -s 20 getppid 1000
	e2e_wait 30 grep -q EIO "$OUT" || return 1
	for pid in $(pgrep -x faultwire-super); do
		e2e_wait 30 eval '! grep -v -e ":/$" -e ":/faultwire$" "/proc/$pid/cgroup"' || {
			cat "/proc/$pid/cgroup"
			return 1
		}
		e2e_wait 30 grep -qx $'Seccomp:\t2' "/proc/$pid/status" || return 1
		equals "$(<"/proc/$pid/oom_score_adj")" "$(</proc/self/oom_score_adj)" || return 1
	done
	end_container
}

exec_is_spared() {
	background '{"syscalls":["getppid"],"errno":"EIO"}' /bin/calls -s 20 getppid 1000
	e2e_wait 30 grep -q EIO "$OUT"
	equals "$("$RT" exec "$ID" /bin/calls getppid 1)" 0 || return 1
	end_container
}

abort_ends_a_delay() {
	background '{"syscalls":["getppid"],"delayEnter":"1h"}' /bin/sh -c '/bin/calls getppid 1; echo done; /bin/busybox sleep 100'
	e2e_wait 30 injected 1 || return 1
	[[ ! -s $OUT ]] || return 1
	"$FAULTWIRE" abort "$@" || return 1
	e2e_wait 30 grep -q '^done$' "$OUT" || return 1
	end_container
}

off_until_resumed() {
	"$FAULTWIRE" abort --all >/dev/null || return 1
	background '{"syscalls":["getppid"],"errno":"EIO"}' /bin/calls -s 20 getppid 1000
	e2e_wait 30 test -s "$OUT" || return 1
	contains "$("$FAULTWIRE" status)" "off by the abort of the node" || return 1
	"$FAULTWIRE" resume --all >/dev/null || return 1
	e2e_wait 30 grep -q EIO "$OUT" || return 1
	equals "$(head -1 "$OUT")" 0 || return 1
	end_container
}

armed_and_disarmed() {
	background '[{"syscalls":["getppid"],"errno":"EIO","armed":false,"name":"one"},{"syscalls":["fsync"],"errno":"EIO"}]' /bin/calls -s 20 getppid 1000
	e2e_wait 30 test -s "$OUT" || return 1
	! "$FAULTWIRE" arm "$ID" two 2>/dev/null || return 1
	equals "$("$FAULTWIRE" arm "$ID" one)" "container web: 1 fault armed" || return 1
	e2e_wait 30 grep -q EIO "$OUT" || return 1
	equals "$("$FAULTWIRE" disarm "$ID")" "container web: 2 faults disarmed" || return 1
	sleep 0.1
	e2e_wait 30 eval '[[ $(tail -1 "$OUT") == 0 ]]' || return 1
	end_container
}

# A page's counters, as people see them.
status_counts() {
	local json
	background '{"syscalls":["getppid"],"errno":"EIO","when":"1+2","name":"parent"}' /bin/sh -c '/bin/calls getppid 4; echo done; /bin/busybox sleep 100'
	e2e_wait 30 grep -q done "$OUT" || return 1
	json=$("$FAULTWIRE" status --json "$ID")
	# the shell asks once, for itself
	equals "$(jq -c '.containers[] | [.id, .container, .supervised, .running, .faults[0].matched, .faults[0].injected]' <<<"$json")" \
		'["web","web",true,true,5,3]' || return 1
	contains "$("$FAULTWIRE" status)" "parent" || return 1
	end_container
}

killed_in_a_delay() {
	background '{"syscalls":["getppid"],"delayEnter":"1h"}' /bin/calls getppid 1
	e2e_wait 30 injected 1 || return 1
	end_container
}

both_killed() {
	# shellcheck disable=SC2046
	kill -STOP $(pgrep -x faultwire-super) && kill -9 $(pgrep -x faultwire-super)
	e2e_wait 30 supervisors_gone
}

# Without no_new_privs the kernel lets nobody put a new one in.
fails_closed() {
	WITHOUT_NNP=1 background '{"syscalls":["getppid"],"errno":"EIO"}' /bin/calls -s 20 getppid 1000
	e2e_wait 30 grep -q EIO "$OUT" || return 1
	both_killed && e2e_wait 30 grep -q ENOSYS "$OUT" || return 1
	contains "$("$FAULTWIRE" status)" "its intercepted calls fail with ENOSYS; no new one can be put in" || return 1
	contains "$("$FAULTWIRE" status)" "restart the container" || return 1
	"$FAULTWIRE" abort "$ID" >/dev/null || return 1
	equals "$("$FAULTWIRE" status --json | jq -c '.containers[0].supervised')" false || return 1
	end_container
}

others_hook() { # as of another container, which ends
	jq -n '{ociVersion: "1.0", id: "other", status: "stopped", pid: 0, bundle: "/"}' | "$HOOK" poststop
}

# With it the next run of anything does, into each of its processes and all their threads, and what was counted goes on.
mended() { # COMMAND...: of that run
	background '[{"syscalls":["getppid"],"errno":"EIO"},{"syscalls":["fsync"],"delayEnter":"1h"}]' /bin/sh -c \
		'/bin/busybox sleep 1000 & /bin/calls -s 20 getppid 1000 & /bin/calls thread 20 & wait'
	e2e_wait 30 grep -q EIO "$OUT" && e2e_wait 30 grep -q 'thread EIO' "$OUT" || return 1
	both_killed && e2e_wait 30 grep -q '^ENOSYS' "$OUT" && e2e_wait 30 grep -q 'thread ENOSYS' "$OUT" || return 1
	contains "$("$FAULTWIRE" status)" "its intercepted calls fail with ENOSYS; 'faultwire abort'" || return 1
	"$@" >/dev/null || return 1
	equals "$("$FAULTWIRE" status --json | jq -c '.containers[0].supervised')" true || return 1
	: >"$OUT"
	e2e_wait 30 eval '(($(grep -c "^EIO" "$OUT") > 5 && $(grep -c "thread EIO" "$OUT") > 5))' || return 1
	! tail -n 5 "$OUT" | grep ENOSYS || return 1
	(($(page_word $((RULE + 200))) > 10)) || return 1
	equals "$(pgrep -c faultwire-super)" 2 || return 1
	"$FAULTWIRE" abort --all >/dev/null && e2e_wait 30 eval 'tail -n 1 "$OUT" | grep -q " *[0-9]$"' && "$FAULTWIRE" resume --all >/dev/null || return 1
	end_container
}

# Either half, again and again: what the program gets is the fault, or the call, never ENOSYS, and a delay stays one.
survives_kills() {
	local pid i
	background '[{"syscalls":["getppid"],"errno":"EIO"},{"syscalls":["fsync"],"delayEnter":"1h"}]' /bin/sh -c \
		'(/bin/calls fsync 1; echo let go) & /bin/calls -s 2 getppid 300; echo done; /bin/busybox sleep 100'
	e2e_wait 30 test -s "$OUT" || return 1
	for ((i = 0; i < 20; i++)); do
		# oldest first: keeper, then worker
		pid=$(pgrep -x -r D,R,S faultwire-super | sort -n | sed -n "$((i % 2 + 1))p")
		[[ -z $pid ]] || { kill -9 "$pid" && e2e_wait 30 is_dead "$pid"; } || return 1
		e2e_wait 30 two_supervisors || {
			echo "after kill $i of $pid: $(ps -o pid,ppid,stat,comm -C faultwire-super | tr "\n" ";"), $(sort "$OUT" | uniq -c | tr "\n" ";")"
			return 1
		}
	done
	e2e_wait 30 grep -q '^done$' "$OUT" || return 1
	sort "$OUT" | uniq -c
	! grep -qE 'ENOSYS|let go' "$OUT" || return 1
	(($(grep -c EIO "$OUT") >= 280)) || return 1
	equals "$("$FAULTWIRE" status --json | jq -c '[.containers[0].supervised, .containers[0].running]')" '[true,true]' || return 1
	"$FAULTWIRE" abort "$ID" && e2e_wait 30 grep -q 'let go' "$OUT" || return 1
	end_container
}

is_dead() {
	[[ $(ps -o stat= -p "$1") == @(|Z*) ]]
}

two_supervisors() {
	[[ $(pgrep -cx -r D,R,S faultwire-super) == 2 ]]
}

small() {
	background '{"syscalls":["getppid"],"errno":"EIO"}' /bin/calls -s 20 getppid 1000
	e2e_wait 30 grep -q EIO "$OUT" || return 1
	local pid
	for pid in $(pgrep -x faultwire-super); do
		awk '/^VmRSS/ { print; exit $2 > 2048 }' "/proc/$pid/status" || return 1
	done
	end_container
}

counts_an_interrupted_call_once() {
	local answer ms signals
	background '{"syscalls":["getppid"],"delayEnter":"200ms","errno":"EIO"}' /bin/calls alarm 30
	e2e_wait 30 test -s "$OUT" || return 1
	read -r answer ms signals <"$OUT"
	echo "$answer after $ms ms with $signals signals; $(page_word $((RULE + 192))) $(page_word $((RULE + 200)))"
	[[ $answer == EIO ]] && ((ms >= 200 && signals >= 1)) && injected 1 && matched 1 || return 1
	end_container
}

# The plugin keeps what containerd does not hand on; another pod's is not found.
kept_by_the_plugin() {
	local conf
	conf=$(jq -cn --arg f '{"syscalls":["getppid"],"errno":"EIO"}' '{cniVersion: "1.0.0", name: "n", type: "faultwire", prevResult: {},
		runtimeConfig: {"io.kubernetes.cri.pod-annotations": {"faultwire.dev/syscall": $f}}}')
	plugin() {
		CNI_COMMAND=$1 CNI_CONTAINERID=pod1 CNI_NETNS=/proc/self/ns/net CNI_IFNAME=eth0 CNI_PATH=/ build/cni/faultwire <<<"$conf" >/dev/null
	}
	of_pod() { ANNOTATIONS='{"io.kubernetes.cri.sandbox-id":"'$1'","io.kubernetes.cri.container-name":"web"}' container '' /bin/calls getppid 1; }
	plugin ADD || return 1
	equals "$(of_pod pod1)" EIO || return 1
	equals "$(of_pod pod2)" 0 || return 1
	plugin DEL || return 1
	equals "$(of_pod pod1)" 0
}

# Another container of the pod, whose faults it has none of, is on record as long as it lives.
names_nobody() {
	local who='"io.kubernetes.cri.sandbox-id":"pod1","io.kubernetes.cri.sandbox-name":"p","io.kubernetes.cri.sandbox-namespace":"n","io.kubernetes.cri.container-name":"web"'
	ANNOTATIONS="{$who}" background '{"syscalls":["getppid"],"errno":"EIO","containers":["wbe","web"]}' /bin/calls -s 20 getppid 1000
	e2e_wait 30 grep -q EIO "$OUT" || return 1
	contains "$("$FAULTWIRE" status)" "pod n/p: no container is named 'wbe'" || return 1
	equals "$("$FAULTWIRE" status --json | jq -c .unmet)" '[{"namespace":"n","pod":"p","name":"wbe"}]' || return 1
	end_container
	ANNOTATIONS="{$who}" background '{"syscalls":["getppid"],"errno":"EIO","containers":["wbe"]}' /bin/calls -s 20 getppid 1000
	e2e_wait 30 grep -q '^0$' "$OUT" || return 1
	contains "$("$FAULTWIRE" status)" "no container is named 'wbe'" || return 1
	end_container || return 1
	equals "$("$FAULTWIRE" status)" "no pods with faults on this node"
}

# The hook alone, of a process that stands for a container of another kernel.
foreign_is_refused() {
	local out pid name=$1
	cp /bin/sleep "$E2E_RUN/$1"
	"$E2E_RUN/$1" 20 &
	pid=$!
	e2e_wait 30 eval '[[ $(readlink /proc/$pid/exe) == */$name ]]' || return 1
	out=$(jq -n --argjson pid "$pid" '{ociVersion: "1.0", id: "x", status: "created", pid: $pid, bundle: "/", annotations: {"faultwire.dev/syscall": "{\"syscalls\":[\"getppid\"],\"errno\":\"EIO\"}"}}' |
		"$HOOK" createRuntime 2>&1) && return 1
	kill "$pid"
	contains "$out" "run by '$1'" && contains "$out" "use runc or crun" && [[ -z $(ls "$CONTAINERS" 2>/dev/null) ]]
}

opens_only_the_lookup() {
	local opened
	opened=$(echo '{"ociVersion":"1.0","id":"a","status":"creating","pid":1,"bundle":"/","annotations":{"io.kubernetes.cri.sandbox-id":"nobody"}}' |
		strace -f -e trace=open,openat,openat2,socket,fork,vfork,clone,clone3 "$HOOK" 2>&1 >/dev/null | grep -v '+++')
	equals "$(wc -l <<<"$opened")" 1 && contains "$opened" '"/run/faultwire/sandboxes/nobody"'
}

as_strace() { # EXPRESSION: when=
	local when=$1 theirs ours
	theirs=$(strace -o /dev/null -e trace=connect -e "inject=connect:error=ETIMEDOUT:when=$when" "$TOP/build/tests/calls" connect 12)
	ours=$(container "{\"syscalls\":[\"connect\"],\"errno\":\"ETIMEDOUT\",\"when\":\"$when\"}" /bin/calls connect 12)
	equals "$ours" "$theirs"
}

# But for those that are refused.
EVERY=$(sed -n 's/^{ "\([a-z_0-9]*\)".*/\1/p' build/lib/syscall_names.h | grep -vxE 'exit|exit_group|restart_syscall|rt_sigreturn|seccomp|sigreturn|uretprobe|uprobe' |
	jq -Rn '[inputs]' -c)

holds "hook: a container without annotations costs one look for its pod's record" opens_only_the_lookup
for name in runsc-sandbox qemu-system-x86_64; do
	holds "hook: a container that $name stands for is refused" foreign_is_refused "$name"
done
for RT in "${RUNTIMES[@]}"; do
	holds "$RT: 'when 3+2' of connect fails the third call after the exec and every second from there" \
		answers "0 0 ETIMEDOUT 0 ETIMEDOUT 0 ETIMEDOUT 0" '{"syscalls":["connect"],"errno":"ETIMEDOUT","when":"3+2"}' /bin/calls connect 8
	for when in 1 2+ 3+2 2..4 1..9+3; do
		holds "$RT: 'when $when' is strace's" as_strace "$when"
	done
	holds "$RT: the very first call of the program fails" \
		answers "EIO" '{"syscalls":["openat"],"errno":5,"path":"/etc/**"}' /bin/calls open /etc/x 1
	holds "$RT: retval answers in place of the call" answers "77 77" '{"syscalls":["getppid"],"retval":77}' /bin/calls getppid 2
	holds "$RT: two faults: the first that answers a call wins, the one behind it does not count" answers "EIO EPERM EIO" \
		'[{"syscalls":["getppid"],"errno":"EIO","when":"1+2"},{"syscalls":["getppid"],"errno":"EPERM","when":1}]' /bin/calls getppid 3
	holds "$RT: delayEnter delays the call and lets it go on" took 0 200 '{"syscalls":["getppid"],"delayEnter":"200ms"}' /bin/calls -t getppid 1
	holds "$RT: a delay with an error is both" took EIO 200 \
		'{"syscalls":["getppid"],"delayEnter":"150ms","delayExit":"50ms","errno":"EIO"}' /bin/calls -t getppid 1
	holds "$RT: a path matches relative and through '..'" answers "EACCES" \
		'{"syscalls":["@file"],"errno":"EACCES","path":"/tmp/*"}' /bin/calls open etc/../tmp/./x 1
	holds "$RT: another path is left alone" answers "0" '{"syscalls":["openat"],"errno":"EACCES","path":"/tmp/*"}' /bin/calls open /bin/calls 1
	holds "$RT: a descriptor's path counts" answers "EIO EIO" '{"syscalls":["fsync"],"errno":"EIO","path":"/tmp/**"}' /bin/calls fsync 2
	holds "$RT: threads share one count" faults_of_threads 10 '{"syscalls":["getppid"],"errno":"EIO","when":"1..10"}'
	holds "$RT: or have each its own, as with strace" faults_of_threads 8 '{"syscalls":["getppid"],"errno":"EIO","when":2,"counter":"thread"}'
	holds "$RT: a fault that is over leaves calls alone" answers "0" \
		'{"syscalls":["getppid"],"errno":"EIO","duration":"1ms"}' /bin/calls -s 50 getppid 1
	holds "$RT: a fault that is not armed does nothing" answers "0" '{"syscalls":["getppid"],"errno":"EIO","armed":false}' /bin/calls getppid 1
	holds "$RT: a signal comes with the call" answers "" '{"syscalls":["getppid"],"signal":"SIGKILL"}' /bin/calls getppid 1
	holds "$RT: every system call of the architecture in the set, and the container starts" answers "0" \
		"{\"syscalls\":$EVERY,\"errno\":\"EIO\",\"when\":\"1000000\"}" /bin/calls getppid 1
	holds "$RT: another container's faults put nothing into this one" equals \
		"$(seccomp_filters '{"syscalls":["getppid"],"errno":"EIO","containers":["other"]}')" 0
	holds "$RT: a name that no container has is said in 'status'" names_nobody
	holds "$RT: prestart and createRuntime together put one filter in" equals "$(seccomp_filters '{"syscalls":["getppid"],"errno":"EIO"}')" 1
	holds "$RT: annotations that the plugin kept under the sandbox's id are found until DEL" kept_by_the_plugin
	holds "$RT: a call interrupted by signals is one event with one deadline" counts_an_interrupted_call_once
	holds "$RT: processes that are exec'd into the container are spared" exec_is_spared
	holds "$RT: 'abort' of a container ends a delay of an hour" abort_ends_a_delay "$ID"
	holds "$RT: so does that of the node" abort_ends_a_delay --all
	"$FAULTWIRE" resume --all >/dev/null
	holds "$RT: a container born under the node's abort is off until resumed" off_until_resumed
	holds "$RT: 'arm' and 'disarm' switch single faults" armed_and_disarmed
	holds "$RT: 'status' shows what was matched and injected" status_counts
	holds "$RT: a container killed in a delay leaves no supervisor" killed_in_a_delay
	holds "$RT: a supervisor's halves make each other again, and calls held back stay so" survives_kills
	holds "$RT: both halves killed at once leave a container that fails closed, and is said to" fails_closed
	holds "$RT: with no_new_privs the operator's next command mends it" mended "$FAULTWIRE" arm "$ID"
	holds "$RT: or another container's end" mended others_hook
	holds "$RT: each half of a supervisor takes 2 MB at most" small
	holds "$RT: they have two capabilities" few_capabilities
	holds "$RT: they are in no cgroup of others, and under a filter" kept_apart
	holds "$RT: a runtime killed at any moment leaves nothing" killed_runtimes 12
	holds "$RT: a call that does not exist is refused with the nearest name" refused '{"syscalls":["conect"],"errno":"EIO"}' "did you mean 'connect'?"
	holds "$RT: exit_group is refused by name" refused '{"syscalls":["exit_group"],"errno":"EIO"}' "'exit_group' cannot be faulted"
	# crun connects to the listener before it comes to us
	[[ $RT == crun ]] || PROFILE='{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/run/none"}' holds "$RT: a profile with a listener of its own is refused" \
		refused '{"syscalls":["getppid"],"errno":"EIO"}' "has a listener of its own ('/run/none')"
	holds "$RT: nothing is left" nothing_left
done
finish
