#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Calls that the supervisor makes in a container's place: what they do is what they do without us, whatever the file, and whoever is killed.
#
#     tests/hook/made.sh [RUNTIME...]
#
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

RUNTIMES=("$@")
((${#RUNTIMES[@]})) || RUNTIMES=(runc crun)
cp build/tests/inout "$BUNDLE/rootfs/bin/"
ALL='"read","readv","pread64","preadv","preadv2","write","writev","pwrite64","pwritev","pwritev2","fsync","fdatasync","ftruncate","fallocate","lseek","getdents64"'

# The same lines with the fault as without.
same_as_without() { # FAULTS PROGRAM...
	local faults=$1 without with
	shift
	without=$(container '' "$@" 2>&1) || true
	with=$(container "$faults" "$@" 2>&1) || true
	[[ $(wc -l <<<"$without") -gt 5 ]] || {
		echo "$without"
		return 1
	}
	diff <(echo "$without") <(echo "$with")
}

# What is written is there while its writer waits, and an abort lets it go on with the result.
delay_is_behind() {
	: >"$BUNDLE/rootfs/tmp/there"
	background '{"syscalls":["write"],"path":"/tmp/there","delayExit":"1h"}' /bin/sh -c 'echo written >/tmp/there; echo done; /bin/busybox sleep 100'
	e2e_wait 5 grep -q written "$BUNDLE/rootfs/tmp/there" || return 1
	injected 1 || return 1
	[[ ! -s $OUT ]] || return 1
	"$FAULTWIRE" abort "$ID" || return 1
	e2e_wait 5 grep -q '^done$' "$OUT" || return 1
	equals "$(<"$BUNDLE/rootfs/tmp/there")" written || return 1
	end_container
}

# Milliseconds at least, and the answer.
took() { # ANSWER MS FAULTS PROGRAM...
	local answer ms
	read -r answer ms <<<"$(container "$3" "${@:4}" 2>&1)"
	echo "$answer after ${ms-} ms"
	[[ $answer == "$1" ]] && ((ms >= $2))
}

# A read of a pipe that nobody writes to, made; all others go on.
stalled_holds_nobody() {
	rm -f "$BUNDLE/rootfs/tmp/pipe" && mkfifo "$BUNDLE/rootfs/tmp/pipe"
	background '{"syscalls":["read","fsync"],"delayExit":"1ms"}' /bin/sh -c \
		'for i in 1 2 3; do /bin/busybox dd bs=5 count=1 if=/tmp/pipe 2>/dev/null >/tmp/got.$i & done; /bin/busybox sleep 0.2; /bin/calls fsync 20; echo done; wait; echo all; /bin/busybox sleep 100'
	e2e_wait 5 grep -q '^done$' "$OUT" || return 1
	echo 'helloworldagain' | timeout 5 tee "$BUNDLE/rootfs/tmp/pipe" >/dev/null
	e2e_wait 5 grep -q '^all$' "$OUT" || return 1
	equals "$(sort "$BUNDLE"/rootfs/tmp/got.* | tr -d '\n' | fold -w 5 | sort | xargs)" "again hello world" || return 1
	end_container
}

# Killed by a signal while its read is made; what comes later is for others.
gone_takes_nothing() {
	rm -f "$BUNDLE/rootfs/tmp/pipe" && mkfifo "$BUNDLE/rootfs/tmp/pipe"
	background '{"syscalls":["read"],"delayExit":"1ms"}' /bin/sh -c \
		'exec 3<>/tmp/pipe; /bin/busybox timeout 0.3 /bin/busybox cat <&3; echo killed; /bin/busybox sleep 0.2; echo kept >&3; /bin/busybox head -c 5 <&3; /bin/busybox sleep 100'
	e2e_wait 5 grep -q '^kept$' "$OUT" || return 1
	end_container
}

# A worker, or its keeper, killed in the midst of reading: every block is the right one, and none is left out.
survives_kills() {
	local pid i
	cp "$BUNDLE/rootfs/tmp/file" "$BUNDLE/rootfs/tmp/blocks"
	background '{"syscalls":["read"],"delayExit":"100us"}' /bin/inout -r /tmp/blocks 1048576
	e2e_wait 5 test -s "$OUT" || return 1
	for ((i = 0; i < 20; i++)); do
		pid=$(pgrep -x -r D,R,S faultwire-super | sort -n | sed -n "$((i % 2 + 1))p")
		[[ -z $pid ]] || kill -9 "$pid"
		e2e_wait 5 two_supervisors || return 1
		sleep 0.05
	done
	pid=$(wc -l <"$OUT")
	e2e_wait 5 eval '(($(wc -l <"$OUT") > pid + 100))' || return 1
	sort "$OUT" | uniq -c
	! grep -qv right "$OUT" || return 1
	end_container
}

two_supervisors() {
	[[ $(pgrep -cx -r D,R,S faultwire-super) == 2 ]]
}

for RT in "${RUNTIMES[@]}"; do
	holds "$RT: every kind of read and write, made for the container, is as without us" \
		same_as_without "{\"syscalls\":[$ALL],\"delayExit\":\"1us\"}" /bin/inout /tmp
	holds "$RT: signals neither lose what was read nor have it read twice" \
		same_as_without "{\"syscalls\":[$ALL],\"delayExit\":\"1ms\"}" /bin/inout -s /tmp
	holds "$RT: delayExit delays a call that was made" took 0 200 '{"syscalls":["fsync"],"delayExit":"200ms"}' /bin/calls -t fsync 1
	holds "$RT: and adds to delayEnter" took 0 300 '{"syscalls":["fsync"],"delayEnter":"100ms","delayExit":"200ms"}' /bin/calls -t fsync 1
	holds "$RT: what was done is there while its caller waits, and an abort ends that" delay_is_behind
	holds "$RT: a read that stalls holds nobody else" stalled_holds_nobody
	holds "$RT: a reader that is gone takes nothing from the next one" gone_takes_nothing
	holds "$RT: workers killed in the midst of it neither lose nor repeat" survives_kills
	holds "$RT: nothing is left" nothing_left
done
finish
