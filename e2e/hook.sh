#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Faults in containers under a real containerd, by CRI, as it comes: the hook is in base_runtime_spec, and pods' annotations are not passed
# on to containers, so that the hook has them from the plugin alone.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../tests/net/lib.bash
. "$(dirname "$0")/../tests/net/lib.bash"
# shellcheck source-path=SCRIPTDIR source=containerd.sh
. "$E2E_DIR/containerd.sh"

FW_HOOK=$TOP/build/faultwire-hook
FW_PASS=false
CTR_CONFIG="mounts { host_path: \"$TOP/build/tests/calls\" container_path: \"/calls\" readonly: true }"

syscalls() { # FAULTS: the annotations that carry them
	jq -cn --arg f "$1" '{"faultwire.dev/syscall": $f}'
}

supervisors() {
	pgrep -x -r D,R,S faultwire-super >/dev/null
}

left() {
	node_left
	supervisors && echo "a supervisor" || true
}

leaves() { # BEFORE
	e2e_wait 20 leaves_now "$1" || equals "$(left)" "$1"
}

leaves_now() {
	[[ $(left) == "$1" ]]
}

answers() { # WANTED POD CONTAINER COMMAND...
	local main
	main=$(ctr_run "${@:2}") && ctr_wait "$main" || return 1
	equals "$(ctr_logs "$main" | xargs)" "$1"
}

untouched() {
	answers "0 0" "$plain" main /calls getppid 2 && [[ ! -e /run/faultwire ]] && ! supervisors
}

exec_is_spared() {
	equals "$(ctr_exec "$long" /calls getppid 1)" 0
}

has_faults() {
	e2e_wait 20 eval '[[ $(ctr_logs "$long") == *EIO* ]]'
}

survives_the_daemon() {
	kill -9 "$ctrd_pid"
	containerd_restart
	equals "$("$FAULTWIRE" status --json "shop/web" | jq -c '.containers[] | select(.container == "long") | [.supervised, .running]')" '[true,true]' || return 1
	"$FAULTWIRE" abort shop/web || return 1
	sleep 0.2
	equals "$(ctr_logs "$long" | tail -n 1)" 0
}

refused() {
	local said
	if said=$(pod_run bad "$(syscalls '{"syscalls":["conect"],"errno":"EIO"}')" 2>&1); then
		echo "the pod was started: $said"
		return 1
	fi
	contains "$said" "faultwire.dev/syscall.syscalls[0]: unknown system call 'conect', did you mean 'connect'?"
}

# One whose supervisor and whose runtime's hook were not there at its end.
removed() {
	# shellcheck disable=SC2046
	kill -STOP $(pgrep -x faultwire-super) && kill -9 $(pgrep -x faultwire-super) || return 1
	kill -9 "$(ctr_pid "$long")"
	pod_stop "$web" && pod_remove "$web" && pod_stop "$plain" && pod_remove "$plain" && leaves "$before"
}

containerd_up
before=$(left)
plain=$(pod_run plain)
holds "containerd: a pod without annotations has no supervisor, and no file of ours" untouched
holds "containerd: a mistake is in the pod's own error" refused
web=$(pod_run web "$(syscalls '[{"syscalls":["getppid"],"errno":"EIO","when":"3+2","containers":["init","web","long"]}]')" shop)
holds "containerd: an init container has its fault from the first call on" answers "0 0 EIO 0 EIO" "$web" init /calls getppid 5
holds "containerd: every container counts for itself" answers "0 0 EIO 0 EIO" "$web" web /calls getppid 5
holds "containerd: a container that is not named has none" answers "0 0 0 0 0" "$web" db /calls getppid 5
long=$(ctr_run "$web" long /calls -s 20 getppid 100000)
holds "containerd: a container that runs on has faults" has_faults
holds "containerd: a process that is exec'd into it has none" exec_is_spared
holds "containerd: a fault survives the daemon, and ends by 'abort' of its pod" survives_the_daemon
holds "containerd: nothing is left of pods that are removed, even if their supervisors were killed" removed
containerd_down
finish
