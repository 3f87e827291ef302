#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# faultwire.dev/io in the kernel's file hooks: what fails in real containers, from when on, what ends it, what is left.
#
#     tests/hook/files.sh lsm|fmod_ret [main|v1]      the backend that this kernel is to have; main: not all of it, v1: what cgroup v1 changes
#
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

BACKEND=${1:-lsm}
PINS=/sys/fs/bpf/faultwire
VOLUME=$E2E_RUN/volume

# The root file system is an overlay, as engines have it.
rootfs() {
	local layers=$BUNDLE/layers
	cp build/tests/files "$BUNDLE/rootfs/bin/"
	mkdir -p "$BUNDLE/rootfs"/{data/m,data/deep/a/b/c,other,vol,real} "$layers"/{upper,work} "$VOLUME/sub"
	mv "$BUNDLE/rootfs" "$layers/lower"
	mkdir "$BUNDLE/rootfs"
	mount -t overlay -o "lowerdir=$layers/lower,upperdir=$layers/upper,workdir=$layers/work" overlay "$BUNDLE/rootfs"
	for file in data/f data/deep/f data/deep/a/b/c/f data/deep/a/b/c/g data/a.log data/b.txt real/f; do
		echo content >"$BUNDLE/rootfs/$file"
	done
	ln -s real "$BUNDLE/rootfs/link"
	ln -s real/f "$BUNDLE/rootfs/current"
	echo content | tee "$VOLUME/f" >"$VOLUME/sub/f"
	echo content >"$E2E_RUN/single"
	touch "$BUNDLE/rootfs/data/single"
}

bind() { # FROM TO: a mount for $MOUNTS
	echo "{\"type\":\"bind\",\"source\":\"$1\",\"destination\":\"$2\",\"options\":[\"rbind\",\"rw\"]}"
}

with_io() { # COMMAND FAULTS PROGRAM...
	ANNOTATIONS=$(jq -cn --arg io "$2" '{"faultwire.dev/io": $io}') "$1" "" "${@:3}"
}

answers() { # WANTED FAULTS PROGRAM...: what the program in the container printed, in one line
	local got
	got=$(with_io container "$2" "${@:3}" 2>&1) || true
	got=${got//$'\n'/}
	equals "${got% }" "$1"
}

fault() { # METHODS PATH [MORE]: methods with a comma between them
	echo "{\"action\":\"fault\",\"backend\":\"lsm\",\"errno\":\"EIO\",\"methods\":[\"${1//,/\",\"}\"],\"path\":\"$2\"${3:+,$3}}"
}

list() { # FAULT...
	local IFS=,
	echo "[$*]"
}

refused() { # FAULTS TEXT...
	local out text
	rm -f "$HOOK_STDERR"
	if out=$(with_io container "$1" /bin/files open /data/f 2>&1); then
		echo "was created: $out"
		return 1
	fi
	# runc shows it, crun keeps it where it was told to
	[[ ! -s $HOOK_STDERR ]] || out=$(<"$HOOK_STDERR")
	for text in "${@:2}"; do
		contains "$out" "$text" || return 1
	done
	nothing_left
}

nothing_left() {
	[[ ! -e $PINS && -z $(ls "$CONTAINERS" 2>/dev/null) ]]
}

gone() {
	"$RT" kill "$ID" KILL 2>/dev/null
	e2e_wait 20 "$RT" delete -f "$ID" && e2e_wait 30 nothing_left
}

# One rule a method, each of its own path and error: what is done elsewhere is left alone.
each_method() {
	local method rules=() IFS=' '
	for method in open read write getattr setattr create unlink rename mkdir rmdir link symlink readlink readdir truncate statfs mmap exec; do
		rules+=("$(fault $method "/data/m/$method*")")
		case $method in
		mkdir | create | symlink) ;;
		readlink) ln -s x "$BUNDLE/rootfs/data/m/$method" ;;
		readdir | rmdir) mkdir "$BUNDLE/rootfs/data/m/$method" ;;
		exec) cp build/tests/files "$BUNDLE/rootfs/data/m/$method" ;;
		*) echo content >"$BUNDLE/rootfs/data/m/$method" ;;
		esac
	done
	ln -s x "$BUNDLE/rootfs/data/m/x"
	mkdir "$BUNDLE/rootfs/data/m/d"
	with_io background "$(list "${rules[@]}")" /bin/files -s 1000 -n 100 open /data/m/open read /data/m/read pread /data/m/read \
		preadv /data/m/read sendfile /data/m/read write /data/m/write stat /data/m/getattr fstat /data/m/getattr \
		chmod /data/m/setattr create /data/m/create unlink /data/m/unlink rename /data/m/rename:/data/m/x1 rename /data/f:/data/m/rename2 \
		mkdir /data/m/mkdir rmdir /data/m/rmdir link /data/m/link:/data/m/x2 link /data/f:/data/m/link2 symlink x:/data/m/symlink \
		readlink /data/m/readlink readdir /data/m/readdir truncate /data/m/truncate ftruncate /data/m/truncate statfs /data/m/statfs \
		mmap /data/m/mmap exec /data/m/exec \
		open /data/m/read read /data/m/write write /data/m/read stat /data/m/setattr chmod /data/m/getattr readlink /data/m/x \
		readdir /data/m/d truncate /data/m/read mmap /data/m/read statfs /data/m/read exec /bin/files write /data/m/mmap || return 1
	e2e_wait 20 test -s "$OUT"
	equals "$(head -1 "$OUT")" "$(printf 'EIO %.0s' {1..25})$(printf '0 %.0s' {1..12})" || return 1
	# the stat of a mkdir or a create that failed finds nothing there
	equals "$("$FAULTWIRE" status --json | jq -c '[.containers[0].faults[] | select(.inKernel | not)] | length')" 0 || return 1
	gone
}

# In which a file gets its name in the end.
created_and_renamed() {
	answers "0 EIO 0 0 0 EIO" "$(fault write '/data/m/**')" /bin/files create /data/m/new write /data/m/new rename /data/m/new:/data/out \
		write /data/out rename /data/out:/data/m/in write /data/m/in
}

globs() {
	answers "EIO 0 EIO 0 EIO EIO 0 EIO" "$(list "$(fault read '/data/*.log')" "$(fault read '/data/?')" "$(fault read '/data/deep/**/f')" \
		"$(fault open '/real/f' '"schedule":"* * * * *","duration":"60s"')")" /bin/files read /data/a.log read /data/b.txt read /data/f read /data/single read /data/deep/f \
		read /data/deep/a/b/c/f read /data/deep/a/b/c/g open /real/f
}

volumes() { # FAULT WANTED
	MOUNTS="[$(bind "$VOLUME" /vol),$(bind "$E2E_RUN/single" /data/single)]" answers "$2" "$1" \
		/bin/files read /vol/f read /vol/sub/f read /data/f read /data/single read /proc/self/stat
}

a_bind_below() {
	MOUNTS="[$(bind "$VOLUME" /vol),$(bind "$VOLUME/sub" /other)]" answers "EIO EIO 0" "$(fault read '/vol/sub/**')" \
		/bin/files read /vol/sub/f read /other/f read /vol/f
}

# Whose directories get other numbers whenever the kernel has forgotten them.
overlay_of_two() {
	local over=$E2E_RUN/over
	mkdir -p "$over"/{layers,mount}
	mount -t tmpfs upper "$over/layers"
	mkdir "$over/layers"/{upper,work}
	mount -t overlay -o "lowerdir=$VOLUME,upperdir=$over/layers/upper,workdir=$over/layers/work,xino=off" overlay "$over/mount"
	MOUNTS="[$(bind "$over/mount" /vol)]" with_io background "$(fault read '/vol/sub/**')" \
		/bin/files -n 100000 -s 100 read /vol/sub/f read /vol/f || return 1
	e2e_wait 10 in_program "EIO 0" || return 1
	echo 3 >/proc/sys/vm/drop_caches
	: >"$OUT"
	e2e_wait 10 test -s "$OUT" && e2e_wait 10 in_program "EIO 0" || return 1
	! grep -q '^0' "$OUT" || return 1
	gone
}

in_program() { # WANTED: the last line of a program that runs on
	[[ $(tail -1 "$OUT") == "$1 " ]]
}

by_hand() {
	with_io background "$(list "$(fault open '/data/**' '"name":"one","armed":false')" "$(fault read '/data/f' '"name":"two"')")" \
		/bin/files -n 100000 -s 20 open /data/a.log read /data/f || return 1
	e2e_wait 10 in_program "0 EIO" || return 1
	contains "$("$FAULTWIRE" status)" "two" || return 1
	"$FAULTWIRE" arm "$ID" one && e2e_wait 10 in_program "EIO open:EIO" || return 1
	"$FAULTWIRE" disarm "$ID" two && "$FAULTWIRE" disarm "$ID" one && e2e_wait 10 in_program "0 0" || return 1
	"$FAULTWIRE" arm "$ID" && e2e_wait 10 in_program "EIO open:EIO" || return 1
	"$FAULTWIRE" abort "$1" && e2e_wait 10 in_program "0 0" || return 1
	contains "$("$FAULTWIRE" status)" "off by" || return 1
	"$FAULTWIRE" resume "$1" && e2e_wait 10 in_program "EIO open:EIO" || return 1
	gone
}

born_aborted() {
	"$FAULTWIRE" abort --all >/dev/null
	with_io background "$(fault open '/data/**')" /bin/files -n 100000 -s 20 open /data/f || return 1
	e2e_wait 10 in_program 0 || return 1
	"$FAULTWIRE" resume --all >/dev/null && e2e_wait 10 in_program EIO || return 1
	gone
}

counted() {
	local counts='[.containers[0].running, (.containers[0].faults[] | .matched, .injected)]'
	with_io background "$(fault open '/data/f' '"when":"3+2"')" /bin/sh -c '/bin/files -n 7 open /data/f; /bin/busybox sleep 1000' || return 1
	e2e_wait 10 eval '[[ $(wc -l <"$OUT") == 7 ]]' || return 1
	equals "$(tr -d ' \n' <"$OUT" | sed 's/EIO/x/g')" 00x0x0x || return 1
	equals "$("$FAULTWIRE" status --json | jq -c "$counts")" '[true,7,3]' || return 1
	gone
}

seeded() { # SEED
	with_io container "$(fault open '/data/f' "\"percent\":50,\"seed\":$1")" /bin/files -n 64 open /data/f | tr -d ' \n' | sed 's/EIO/x/g'
}

same_seed() {
	local one two other
	one=$(seeded 7) two=$(seeded 7) other=$(seeded 8)
	equals "$one" "$two" && [[ $one == *x*0*x*0* && $one != "$other" ]]
}

ends() {
	with_io background "$(fault open '/data/f' '"duration":"8s"')" /bin/files -n 100000 -s 20 open /data/f || return 1
	e2e_wait 10 in_program EIO && e2e_wait 30 in_program 0 || return 1
	gone
}

# One list of rules of the kernel's, one of a supervisor's; which faults are whose is io's choice.
beside_a_supervisor() {
	local io counts='[.containers[0] | .supervised, .running, (.faults | sort_by(.name)[] | .name, .inKernel, .injected)]'
	io=$(list "$(fault open '/data/f')" '{"action":"fault","methods":["fsync"],"path":"/data/**","errno":"ENOSPC"}')
	ANNOTATIONS=$(jq -cn --arg io "$io" '{"faultwire.dev/io": $io}') background '{"syscalls":["getppid"],"errno":"EPERM"}' /bin/sh -c \
		'/bin/files open /data/f fsync /data/a.log; /bin/calls getppid 1; exec /bin/busybox sleep 1000' || return 1
	e2e_wait 20 grep -q EPERM "$OUT" || return 1
	equals "$(tr '\n' ' ' <"$OUT")" "EIO ENOSPC  EPERM " || return 1
	contains "$("$FAULTWIRE" status --json | jq -c "$counts")" '[true,true,"io[0]",true,1,"io[1]",false,1,"syscall[0]",false,' || return 1
	"$FAULTWIRE" disarm "$ID" 'io[0]' && equals "$("$FAULTWIRE" status --json | jq -c '[.containers[0].faults[].armed]')" '[false,true,true]' || return 1
	gone && e2e_wait 10 supervisors_gone
}

execs() {
	with_io background "$(fault open '/data/**')" /bin/busybox sleep 1000 || return 1
	e2e_wait 10 running || return 1
	equals "$("$RT" exec "$ID" /bin/files open /data/f)" "EIO " || return 1
	gone
}

running() {
	[[ $("$FAULTWIRE" status --json | jq '.containers[0].running') == true ]]
}

# Another container sees the same volume without faults.
neighbour() {
	local other=$E2E_RUN/other
	MOUNTS="[$(bind "$VOLUME" /vol)]"
	export MOUNTS
	bundle "" /bin/files open /vol/f read /vol/f || return 1
	mkdir -p "$other"
	jq --arg root "$BUNDLE/rootfs" --arg cgroup "/$CGROUP-other" '.root.path = $root | .linux.cgroupsPath = $cgroup' \
		"$BUNDLE/config.json" >"$other/config.json"
	with_io background "$(fault open,read '/**')" /bin/files -n 100000 -s 20 open /vol/f || return 1
	e2e_wait 10 in_program EIO || return 1
	equals "$("$RT" run -b "$other" other </dev/null)" "0 0 " || return 1
	unset MOUNTS
	gone
}

# The runtime's state is lost with its process: the next container's end puts it right.
poststop_never_ran() {
	local pid
	with_io background "$(fault open '/data/**')" /bin/busybox sleep 1000 || return 1
	pid=$("$RT" state "$ID" | jq .pid)
	kill -9 "$pid"
	rm -rf "/run/$RT/$ID"
	e2e_wait 10 eval '! kill -0 '"$pid" || return 1
	[[ -e $PINS ]] || return 1
	"$1"
	nothing_left
}

next_container() {
	container "" /bin/files open /data/f
}

plugin() { # VERB [NETWORK-CONFIGURATION]
	CNI_COMMAND=$1 CNI_CONTAINERID=pod1 CNI_NETNS=/proc/self/ns/net CNI_IFNAME=eth0 CNI_PATH=/ "$PLUGIN" <<<"$2" >/dev/null
}

# The pod's own end, whose annotations the plugin kept.
of_a_pod() {
	local conf pid
	conf=$(jq -cn --arg io "$(fault open '/data/**')" '{cniVersion: "1.0.0", name: "n", type: "faultwire", prevResult: {},
		runtimeConfig: {"io.kubernetes.cri.pod-annotations": {"faultwire.dev/io": $io}}}')
	plugin ADD "$conf" || return 1
	ANNOTATIONS='{"io.kubernetes.cri.sandbox-id":"pod1","io.kubernetes.cri.container-name":"web"}' background '' /bin/files -n 100000 -s 20 open /data/f
	e2e_wait 10 in_program EIO || return 1
	pid=$("$RT" state "$ID" | jq .pid)
	kill -9 "$pid"
	rm -rf "/run/$RT/$ID"
	e2e_wait 10 eval '! kill -0 '"$pid" || return 1
	[[ -e $PINS ]] || return 1
	plugin DEL "$conf" || return 1
	nothing_left
}

next_gc() {
	CNI_COMMAND=GC CNI_NETNS='' CNI_PATH=/ "$PLUGIN" <<<'{"cniVersion":"1.1.0","name":"n","type":"faultwire","cni.dev/valid-attachments":[]}'
}

# The hook in the midst of it: what is left goes with the next container.
killed_hooks() { # N
	local i runtime
	for ((i = 0; i < $1; i++)); do
		ANNOTATIONS=$(jq -cn --arg io "$(fault open,read,write '/data/**')" '{"faultwire.dev/io": $io}') bundle "" /bin/files open /data/f
		setsid "$RT" run -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 &
		runtime=$!
		e2e_wait 10 pgrep -x faultwire-hook
		sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
		pkill -9 -x faultwire-hook
		wait "$runtime" 2>/dev/null
		"$RT" delete -f "$ID" >/dev/null 2>&1
	done
	next_container >/dev/null || return 1
	nothing_left
}

many() { # N
	local i config
	ANNOTATIONS=$(jq -cn --arg io "$(fault open '/data/**')" '{"faultwire.dev/io": $io}') bundle "" /bin/busybox sleep 10000
	config=$(<"$BUNDLE/config.json")
	for ((i = 0; i < $1; i++)); do
		jq --arg cgroup "/$CGROUP-$i" '.linux.cgroupsPath = $cgroup' <<<"$config" >"$BUNDLE/config.json"
		"$RT" run -d -b "$BUNDLE" "many$i" </dev/null >/dev/null 2>&1 || return 1
	done
	equals "$(ls "$PINS"/files-*/link_* | xargs -n1 basename | xargs)" "link_fw_begin link_fw_open" || return 1
	"$RT" exec many0 /bin/files open /data/f
	"$RT" exec "many$(($1 - 1))" /bin/files -n 2 open /data/f open /bin/files
	equals "$("$FAULTWIRE" status --json | jq -c '[.containers[].faults[0].injected] | [length, add, max]')" "[$1,3,2]" || return 1
	for ((i = 0; i < $1; i++)); do
		"$RT" delete -f "many$i" || return 1
	done
	nothing_left
}

shows() { # in 'plan'
	contains "$(jq -n --arg io "$(fault open '/data/**')" '{"faultwire.dev/io": $io}' | "$FAULTWIRE" plan)" "$1"
}

# Containers counted in hierarchies of cgroup v1, as far as this kernel lets them go.
cgroup_v1() {
	local controller
	find /sys/fs/cgroup -name cgroup.subtree_control | sort -r | while read -r file; do
		for controller in $(<"$file"); do
			echo "-$controller" >"$file"
		done
	done
	umount -l /sys/fs/cgroup
	mount -t tmpfs cgroups /sys/fs/cgroup
	for controller in pids devices freezer cpu blkio; do
		mkdir "/sys/fs/cgroup/$controller"
		mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" || return 1
	done
}

rootfs
RT=runc
if [[ ${2-} == v1 ]]; then
	holds "files, cgroup v1: there are hierarchies" cgroup_v1
	holds "files, cgroup v1: the program's first open fails" answers "EIO" "$(fault open '/**')" /bin/files open /data/f
	holds "files, cgroup v1: processes that are exec'd into the container are hit" execs
	holds "files, cgroup v1: a neighbour on the same volume is left alone" neighbour
	holds "files, cgroup v1: nothing is left" nothing_left
	finish
fi
if [[ $BACKEND == lsm ]]; then
	holds "files: 'plan' says that BPF LSM does it" shows "by BPF LSM"
else
	holds "files: where bpf is not an active LSM, 'plan' says that fmod_ret does it" shows "by fmod_ret"
fi
# crun, which is quicker, stays for the rest
for RT in runc crun; do
	holds "files, $RT: open /** EIO leaves create and start alone, and fails the program's first open" \
		answers "EIO" "$(fault open '/**')" /bin/files open /data/f
done
holds "files: every method fails on its path, and there alone" each_method
holds "files: a file that was created later, renamed out and in" created_and_renamed
holds "files: processes that are exec'd into the container are hit" execs
holds "files: a volume, a file's mount and proc are under /**" volumes "$(fault read '/**')" "EIO EIO EIO EIO EIO"
holds "files: nothing is left of all that" nothing_left
if [[ ${2-} == main ]]; then
	finish
fi
holds "files: globs" globs
holds "files: volumePath is one mount" volumes '{"action":"fault","errno":"EIO","methods":["read"],"volumePath":"/vol"}' "EIO EIO 0 0 0"
holds "files: of it a path" volumes '{"action":"fault","errno":"EIO","methods":["read"],"volumePath":"/vol","path":"/**/sub/*"}' "0 EIO 0 0 0"
holds "files: volumePath that is no mount is refused" refused \
	'{"action":"fault","errno":"EIO","methods":["read"],"volumePath":"/data"}' "'/data' is not a mount of the container"
holds "files: a link's target is what it leads to" answers "EIO EIO EIO" "$(fault read '/link/**')" /bin/files read /link/f read /real/f read /current
holds "files: a file behind a link" answers "EIO EIO" "$(fault read '/current')" /bin/files read /current read /real/f
holds "files: a bind of a directory below is that directory" a_bind_below
holds "files: a hard link elsewhere is another path" answers "EIO 0 0" "$(fault read '/data/f')" \
	/bin/files read /data/f link /data/f:/data/m/hard read /data/m/hard
holds "files: overlayfs' own calls are not counted" answers "0 EIO" "$(fault read,write '/data/f' '"when":"2"')" /bin/files read /data/f write /data/f
holds "files: an overlay of two file systems" overlay_of_two
holds "files: 'when' and the counters" counted
holds "files: the same seed decides alike" same_seed
holds "files: a fault that is over leaves calls alone" ends
holds "files: abort, resume, arm and disarm of a container" by_hand "$ID"
holds "files: abort and resume of the node" by_hand --all
holds "files: a container born under an abort" born_aborted
holds "files: a neighbour on the same volume is left alone" neighbour
holds "files: beside a supervisor's faults in one container" beside_a_supervisor
holds "files: a poststop that never ran: the next container puts it right" poststop_never_ran next_container
holds "files: a poststop that never ran: GC puts it right" poststop_never_ran next_gc
holds "files: a pod's annotations are kept by the plugin, and its DEL puts right what no poststop did" of_a_pod
holds "files: a hook that is killed at any moment" killed_hooks 5
holds "files: 50 containers share the programs, and each counts its own" many 50
finish
