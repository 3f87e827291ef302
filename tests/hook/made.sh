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
# A file system of a disk, for direct I/O.
DISK=$(mktemp -d "$TOP/build/made.XXXXXX")
e2e_defer rm -rf "$DISK"
MOUNTS=$(jq -n --arg d "$DISK" '[{destination: "/disk", type: "bind", source: $d, options: ["bind", "rw"]}]')
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
	e2e_wait 30 grep -q written "$BUNDLE/rootfs/tmp/there" || return 1
	injected 1 || return 1
	[[ ! -s $OUT ]] || return 1
	"$FAULTWIRE" abort "$ID" || return 1
	e2e_wait 30 grep -q '^done$' "$OUT" || return 1
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
	e2e_wait 30 grep -q '^done$' "$OUT" || return 1
	echo 'helloworldagain' | timeout 5 tee "$BUNDLE/rootfs/tmp/pipe" >/dev/null
	e2e_wait 30 grep -q '^all$' "$OUT" || return 1
	equals "$(sort "$BUNDLE"/rootfs/tmp/got.* | tr -d '\n' | fold -w 5 | sort | xargs)" "again hello world" || return 1
	end_container
}

# Killed by a signal while its read is made; what comes later is for others.
gone_takes_nothing() {
	rm -f "$BUNDLE/rootfs/tmp/pipe" && mkfifo "$BUNDLE/rootfs/tmp/pipe"
	background '{"syscalls":["read"],"delayExit":"1ms"}' /bin/sh -c \
		'exec 3<>/tmp/pipe; /bin/busybox timeout 0.3 /bin/busybox cat <&3; echo killed; /bin/busybox sleep 0.2; echo kept >&3; /bin/busybox head -c 5 <&3; /bin/busybox sleep 100'
	e2e_wait 30 grep -q '^kept$' "$OUT" || return 1
	end_container
}

# A worker, or its keeper, killed in the midst of reading: every block is the right one, and none is left out.
survives_kills() {
	local pid i
	cp "$BUNDLE/rootfs/tmp/file" "$BUNDLE/rootfs/tmp/blocks"
	background '{"syscalls":["read"],"delayExit":"100us"}' /bin/inout -r /tmp/blocks 1048576
	e2e_wait 30 test -s "$OUT" || return 1
	for ((i = 0; i < 20; i++)); do
		pid=$(pgrep -x -r D,R,S faultwire-super | sort -n | sed -n "$((i % 2 + 1))p")
		[[ -z $pid ]] || kill -9 "$pid"
		e2e_wait 20 two_supervisors || {
			echo "after kill $i of $pid: $(ps -o pid,ppid,stat,wchan:20 -C faultwire-super | tr "\n" ";")"
			return 1
		}
		sleep 0.05
	done
	pid=$(wc -l <"$OUT")
	e2e_wait 20 eval '(($(wc -l <"$OUT") > pid + 20))' || return 1
	sort "$OUT" | uniq -c
	! grep -qv right "$OUT" || return 1
	end_container
}

two_supervisors() {
	[[ $(pgrep -cx -r D,R,S faultwire-super) == 2 ]]
}

# ---- faultwire.dev/io by the supervisor

io() { # FAULTS PROGRAM...
	ANNOTATIONS=$(jq -n --argjson f "$1" '{"faultwire.dev/io": ($f | if type == "array" then map(. + {backend: "seccomp"}) else . + {backend: "seccomp"} end | tojson)}') container '' "${@:2}"
}

io_answers() { # WANTED FAULTS PROGRAM...
	local got
	got=$(io "${@:2}" 2>&1) || true
	equals "${got//$'\n'/ }" "$1"
}

shell() { # WANTED FAULTS SCRIPT
	io_answers "$1" "$2" /bin/sh -c "$3"
}

io_took() { # ANSWER MS FAULTS PROGRAM...
	local answer ms
	read -r answer ms <<<"$(io "$3" "${@:4}" 2>&1)"
	echo "$answer after ${ms-} ms"
	[[ $answer == "$1" ]] && ((ms >= $2))
}

MISTAKE='{"action":"mistake","path":"/tmp/file","mistake":{"filling":"zero","maxLength":20000,"maxOccurrences":3}}'

# What is read is wrong, as long as it should be, and nothing of that is on the medium.
reads_wrong() {
	local before=$(cksum <"$BUNDLE/rootfs/tmp/file") size wrong=$BUNDLE/rootfs/tmp/wrong
	io "$MISTAKE" /bin/sh -c "/bin/busybox dd bs=65536 if=/tmp/file of=/tmp/wrong 2>/dev/null" || return 1
	equals "$(cksum <"$BUNDLE/rootfs/tmp/file")" "$before" || return 1
	size=$(stat -c %s "$wrong")
	equals "$size" "$(stat -c %s "$BUNDLE/rootfs/tmp/file")" || return 1
	# every difference is a zero
	cmp -l "$BUNDLE/rootfs/tmp/file" "$wrong" | awk '$3 != 0 { bad = 1 } END { print NR " bytes differ"; exit bad || NR < 10000 }'
}

same_seed_same_mistakes() {
	local fault='{"action":"mistake","path":"/tmp/file","seed":7,"mistake":{"filling":"random","maxLength":10,"maxOccurrences":5}}' first
	first=$(io "$fault" /bin/inout -h /tmp/file) || return 1
	equals "$(io "$fault" /bin/inout -h /tmp/file)" "$first" || return 1
	[[ $(container '' /bin/inout -h /tmp/file) != "$first" ]]
}

# All that there is to reads but what is in them.
mistaken_as_without() {
	local without with hash=' [0-9a-f]{16}$'
	without=$(container '' /bin/inout /disk | sed -E "s/$hash//")
	with=$(io '{"action":"mistake","path":"/disk/*","mistake":{"filling":"random","maxLength":100,"maxOccurrences":5}}' /bin/inout /disk | sed -E "s/$hash//")
	diff <(grep -v ^threads <<<"$without") <(grep -v ^threads <<<"$with")
}

latency_ends_with_its_window() {
	io_took 0 300 '{"action":"latency","methods":["fsync"],"path":"/tmp/**","delay":"1h","duration":"1s"}' /bin/calls -t -s 500 fsync 1
}

# Both name the same calls: strace by -P, we by path.
as_strace() { # SYSCALL METHOD WHEN PROGRAM...
	local theirs ours
	mkdir -p /tmp
	theirs=$(strace -o /dev/null -e "trace=$1" -e "inject=$1:error=ENOSPC:when=$3" "$TOP/build/tests/${4##*/}" "${@:5}")
	ours=$(io "{\"action\":\"fault\",\"methods\":[\"$2\"],\"path\":\"/**\",\"errno\":\"ENOSPC\",\"when\":\"$3\"}" "${@:4}")
	equals "$ours" "$theirs"
}

for RT in "${RUNTIMES[@]}"; do
	holds "$RT: every kind of read and write, made for the container, is as without us" \
		same_as_without "{\"syscalls\":[$ALL],\"delayExit\":\"1us\"}" /bin/inout /disk
	holds "$RT: signals neither lose what was read nor have it read twice" \
		same_as_without "{\"syscalls\":[$ALL],\"delayExit\":\"1ms\"}" /bin/inout -s /tmp
	holds "$RT: delayExit delays a call that was made" took 0 200 '{"syscalls":["fsync"],"delayExit":"200ms"}' /bin/calls -t fsync 1
	holds "$RT: and adds to delayEnter" took 0 300 '{"syscalls":["fsync"],"delayEnter":"100ms","delayExit":"200ms"}' /bin/calls -t fsync 1
	holds "$RT: what was done is there while its caller waits, and an abort ends that" delay_is_behind
	holds "$RT: a read that stalls holds nobody else" stalled_holds_nobody
	holds "$RT: a reader that is gone takes nothing from the next one" gone_takes_nothing
	holds "$RT: workers killed in the midst of it neither lose nor repeat" survives_kills
	holds "$RT: io 'fault' by the supervisor fails a method on its files" shell "sh: write error: No space left on device 1 0" \
		'{"action":"fault","methods":["write"],"path":"/tmp/full*","errno":"ENOSPC"}' 'echo x 2>&1 >/tmp/full; echo $?; echo x >/tmp/other; echo $?'
	holds "$RT: both paths of a rename count, relative and by descriptor too" shell "1 1 0" \
		'{"action":"fault","methods":["rename"],"path":"/tmp/b","errno":"EXDEV"}' \
		'cd /tmp; echo >a; echo >b; /bin/calls rename a b >/dev/null; echo $?; /bin/calls rename ../tmp/b c >/dev/null; echo $?; /bin/calls rename a c >/dev/null; echo $?'
	holds "$RT: 'create' is an open that may create" shell "1 0" \
		'{"action":"fault","methods":["create"],"path":"/tmp/new","errno":"EDQUOT"}' 'rm -f /tmp/new; echo x 2>/dev/null >/tmp/new; echo $?; [ ! -e /tmp/new ]; echo $?'
	holds "$RT: rmdir is not unlink" shell "1 0" \
		'{"action":"fault","methods":["rmdir"],"path":"/tmp/**","errno":"EBUSY"}' 'mkdir -p /tmp/d; /bin/busybox rmdir /tmp/d 2>/dev/null; echo $?; echo >/tmp/f; /bin/busybox rm /tmp/f; echo $?'
	holds "$RT: a file that was removed has the path that it had" shell "EIO" \
		'{"action":"fault","methods":["fsync"],"path":"/tmp/gone","errno":"EIO"}' '/bin/calls gone /tmp/gone 1'
	holds "$RT: 'volumePath' is one mount" shell "EROFS 0" \
		'{"action":"fault","methods":["open"],"volumePath":"/dev/shm","errno":"EROFS"}' '/bin/calls create /dev/shm/x 1; /bin/calls create /tmp/x 1'
	for when in 2+ 3+2; do
		holds "$RT: openat fails as under strace, 'when $when'" as_strace openat open "$when" /bin/calls open /etc/x 8
	done
	holds "$RT: io 'latency' delays" io_took 0 200 '{"action":"latency","methods":["fsync"],"path":"/tmp/**","delay":"200ms"}' /bin/calls -t fsync 1
	holds "$RT: and ends with its window" latency_ends_with_its_window
	holds "$RT: io 'mistake' changes what is read and nothing on the medium" reads_wrong
	holds "$RT: the same seed makes the same mistakes" same_seed_same_mistakes
	holds "$RT: but for that, reads are as without us" mistaken_as_without
	holds "$RT: nothing is left" nothing_left
done
finish
