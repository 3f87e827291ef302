#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make demo, in a real containerd. Act one: three pods, of which one carries the article's fault with shorter windows. A line a second shows
# their round trips while windows open and close, an abort and its resume, and kill -9 of the runtime. Act two: disk.sh. What is shown is
# checked.
#
#	e2e/demo.sh [--act 1|2] [--duration 6s] [--every 12s] [--length 40]
#
# Windows, and the seconds of the faulty pod's life to be shown (more if it takes more to see all of this).
# Left in build/demo: demo.svg, result.json. Exit code 1 if a check fails. Where the kernel can hold no packets back (neither fq nor
# netem) this runs itself in the test VM.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "$0")/env.sh"

OUT=$E2E_TOP/build/demo
PROBES=50 # ms between packets

usage() {
	echo "usage: ${0##*/} [--act 1|2] [--duration SECONDSs] [--every SECONDSs] [--length SECONDS]" >&2
	exit 2
}

# Whether this kernel can hold packets back.
can_shape() {
	local qdisc
	for qdisc in fq netem; do
		unshare --net tc qdisc add dev lo root "$qdisc" 2>/dev/null && return
	done
	return 1
}

# In the VM only $FW_OUT outlives it, and isolation covers /run, where that is.
find_out() {
	mkdir -p "$OUT"
	[[ -n ${FW_OUT-} ]] || return 0
	mount --bind "$FW_OUT" "$OUT"
}

options() {
	duration=6 every=12 length=40 acts=12
	while (($#)); do
		(($# > 1)) && [[ $2 =~ ^[1-9][0-9]*s?$ ]] || usage
		case $1 in
		--duration) duration=${2%s} ;;
		--every) every=${2%s} ;;
		--length) length=${2%s} ;;
		--act) acts=$2 ;;
		*) usage ;;
		esac
		shift 2
	done
	((duration >= 4 && every >= duration + 2)) || {
		echo "${0##*/}: windows of at least 4 s with at least 2 s between them, or there is little to see" >&2
		exit 2
	}
}

options "$@"
if [[ -z ${E2E_ISOLATED-} ]]; then
	[[ $EUID == 0 ]] || e2e_fail "needs root"
	if can_shape; then
		find_out
	elif [[ -z ${FW_OUT-} ]]; then
		echo "this kernel ($(uname -r)) has neither fq nor netem: the demo runs in the test VM"
		bash "$E2E_DIR/image.sh"
		exec "$E2E_TOP/tests/vm/run" -m 1536 -t 900 -o "$OUT" -- bash "$0" "$@"
	else
		e2e_fail "neither fq nor netem in this kernel"
	fi
fi
e2e_isolate "$@"
# shellcheck source-path=SCRIPTDIR source=containerd.sh
. "$E2E_DIR/containerd.sh"
# shellcheck source-path=SCRIPTDIR source=disk.sh
. "$E2E_DIR/disk.sh"

FAULTWIRE=$E2E_TOP/build/faultwire
FW_HOOK=$E2E_TOP/build/faultwire-hook
SHARED=$E2E_RUN/demo
export PYTHONDONTWRITEBYTECODE=1
fault="{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\",\"correlation\":\"100\"},\"duration\":\"${duration}s\",\"schedule\":\"@every ${every}s\"}"

say() {
	printf '%s\n' "$*"
}

# sender NAME SANDBOX: creates the container whose first instruction sends the first packet. Its lines outlive the runtime.
sender() {
	CTR_CONFIG="mounts { host_path: \"$SHARED\" container_path: \"/out\" }" ctr_create "$2" "$1" \
		sh -c "exec firstpacket -m -n 1000000 -i $PROBES -t 3000 $target_ip 7 >/out/$1"
}

now_ms() {
	local up
	read -r up _ </proc/uptime
	echo $((${up/./} * 10))
}

first_ms() { # NAME: when its first packet was sent
	e2e_wait 30 test -s "$SHARED/$1"
	sed -n '1s/\..*//p' "$SHARED/$1"
}

phase() { # MS: how long a window was open then, or what follows it
	echo $((($1 - created) % (every * 1000)))
}

# A container takes a while to its first packet, and the packet is to meet an open window: calm's container tells how long.
start_calm() {
	local before
	before=$(now_ms)
	ctr_start "$1"
	startup=$(($(first_ms calm) - before))
}

wait_for_window() {
	local met
	met=$(phase $(($(now_ms) + startup)))
	((met > duration * 700)) || return 0
	local ms=$((every * 1000 - met + duration * 300))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}

# start_stormy: sets stormy, created, pause. Fails if the first packet missed the windows after all.
start_stormy() {
	local container
	rm -f "$SHARED/stormy"
	stormy=$(pod_run stormy "$(jq -cn --arg n "$fault" '{"faultwire.dev/network": $n}')") || e2e_fail "pod stormy was not started"
	cp "/run/faultwire/pods/$stormy@eth0.json" "$SHARED/record.json" || e2e_fail "pod stormy has no record"
	[[ $(<"$SHARED/record.json") =~ \"createdMonoNs\":[[:space:]]*\"?([0-9]+)[0-9]{6} ]]
	created=${BASH_REMATCH[1]}
	container=$(sender stormy "$stormy") || e2e_fail "pod stormy has no container"
	pause=$(pause_pid "$stormy")
	wait_for_window
	ctr_start "$container"
	(($(phase "$(first_ms stormy)") < duration * 1000 - 100))
}

pause_pid() { # SANDBOX
	cri PodSandboxStatus <<<"pod_sandbox_id: \"$1\" verbose: true" | cri_info | jq -er .pid
}

fact() { # NAME VALUE
	printf '%s\t%s\n' "$1" "$2" >>"$SHARED/facts"
}

network_act() {
	fact kernel "$(uname -r)"

	target=$(pod_run target)
	ctr_run "$target" echo firstpacket -s 7 >/dev/null
	target_ip=$(pod_ip "$target")
	calm=$(pod_run calm)
	say "pod target answers; pod calm has no annotation; pod stormy has faultwire.dev/network ="
	say "  $fault"
	fact calmQdisc "$(nsenter --net="$(pod_netns "$calm")" tc qdisc show dev eth0 | cut -d' ' -f2)"
	start_calm "$(sender calm "$calm")"
	for try in 1 2 3; do
		start_stormy && break
		((try < 3)) || break # the report will say so
		say "this machine was too slow to start the pod within a window: once more"
		pod_remove "$stormy"
	done
	fact records "$(find /run/faultwire/pods -name '*.json' | wc -l)"
	mapfile -t victims < <(ctrd_shims)
	victims=("$ctrd_pid" "${victims[@]}" "$pause") # containerd first: it ends the containers of a shim that it sees dying

	python3 "$E2E_DIR/demo.py" watch "$SHARED" "$length" "$FAULTWIRE" "${victims[@]}"

	containerd_restart
	for pod in $(pod_list); do
		pod_remove "$pod" || true
	done
	e2e_wait 10 eval '[[ -z $(node_left) ]]' || true
	fact left "$(node_left | tr '\n' ' ')"
	python3 "$E2E_DIR/demo.py" report "$SHARED" "$OUT" || failed=1
}

mkdir -p "$SHARED"
say "Linux $(uname -r), containerd $(containerd --version | cut -d' ' -f3), chain: bridge, faultwire"
containerd_up
failed=0
[[ $acts != *1* ]] || network_act
[[ $acts != *2* ]] || disk_act
exit "$failed"
