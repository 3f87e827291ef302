# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A world of its own for an end-to-end test. To be sourced, by a script that starts with
#
#	. "$(dirname "$0")/env.sh"
#	e2e_isolate "$@"
#
# From then on the script is the first process of new namespaces (network, mounts, processes): it sees neither the host's
# network nor another test's files, and when it ends, however it ends, the kernel ends what it started and forgets its mounts.
# The same on a host and in the test VM. What is left for a script to undo is cgroups: containerd_down does.

E2E_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
E2E_TOP=$(dirname "$E2E_DIR")

# A place on a tmpfs, of this test alone. Storage of containers must be there: in the VM / is an overlay, and an overlay cannot
# hold the upper directory of another.
E2E_RUN=/run/e2e

e2e_cleanups=()
e2e_started=${EPOCHREALTIME/[^0-9]/}

e2e_log() {
	printf '# [%6d ms] %s\n' $(((${EPOCHREALTIME/[^0-9]/} - e2e_started) / 1000)) "$*"
}

e2e_fail() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# e2e_need COMMAND...: ends the test with exit code 77, which means skipped, if one is not installed
e2e_need() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null && continue
		echo "${0##*/}: skipped: no $command" >&2
		exit 77
	done
}

# e2e_wait SECONDS COMMAND...: runs COMMAND until it succeeds. Its output of failed attempts is not shown.
e2e_wait() {
	local deadline=$((${EPOCHREALTIME/[^0-9]/} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/[^0-9]/} < deadline)) || return 124
		sleep 0.02
	done
}

# e2e_defer COMMAND...: runs it when the script ends, the last deferred first
e2e_defer() {
	local word line=
	for word in "$@"; do
		printf -v word '%q ' "$word"
		line+=$word
	done
	e2e_cleanups=("$line" "${e2e_cleanups[@]}")
}

# What runs in here must not say "return" without a number: in a trap that is the status of what came before the trap.
e2e_cleanup() {
	local rc=$? line
	trap - EXIT
	# The first process of the namespace must not be stopped half way by a second signal.
	trap '' INT TERM HUP
	for line in "${e2e_cleanups[@]}"; do
		eval "$line" || true
	done
	exit "$rc"
}

# /var/lib and /etc get a writable layer in memory first, so that the mount points need not exist on the host.
e2e_cover() {
	local dir layers=/run/.e2e-layers
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p "$E2E_RUN/tmp" /run/lock
	for dir in /etc /var/lib; do
		mkdir -p "$layers$dir"/{upper,work}
		mount -t overlay -o "lowerdir=$dir,upperdir=$layers$dir/upper,workdir=$layers$dir/work" overlay "$dir"
	done
	for dir in /etc/faultwire /var/lib/faultwire /var/lib/cni; do
		mkdir -p "$dir"
		mount -t tmpfs -o mode=755 tmpfs "$dir"
	done
	mount -t bpf -o mode=700 bpf /sys/fs/bpf
}

# e2e_isolate ARGUMENTS...: starts the calling script anew, with ARGUMENTS, in its own world; returns in there. Scripts that it
# starts share that world, and their call of e2e_isolate does nothing but set up their own cleaning.
e2e_isolate() {
	if [[ -z ${E2E_ISOLATED-} ]]; then
		[[ $EUID == 0 ]] || e2e_fail "needs root"
		# Killing unshare, which ignores gentler signals, must not leave the rest running: --kill-child.
		E2E_ISOLATED=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
			bash "$0" "$@"
	fi
	# The first process of a namespace gets those signals only that it handles.
	trap 'exit 143' TERM
	trap 'exit 130' INT
	trap 'exit 129' HUP
	trap e2e_cleanup EXIT
	export TMPDIR=$E2E_RUN/tmp
	[[ $$ == 1 ]] || return 0
	e2e_cover
	ip link set lo up
}
