#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# faultwire in a real containerd, by CRI: pods with and without annotations, from a container's first instruction to a node on which
# everything was killed. Where the kernel can hold packets back (fq or netem: the VM) the fault is the article's delay; elsewhere a
# partition of one address takes its place.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../tests/net/lib.bash
. "$(dirname "$0")/../tests/net/lib.bash"
# shellcheck source-path=SCRIPTDIR source=containerd.sh
. "$E2E_DIR/containerd.sh"

OUT=$E2E_RUN/out
RECORD=$OUT/record.json
TRIPS=$OUT/trips
EVERY=50 # ms between packets

trips() {
	python3 "$E2E_DIR/trips.py" "$@"
}

network() { # FAULTS: the annotations that carry them
	jq -cn --arg n "$1" '{"faultwire.dev/network": $n}'
}

in_pod() { # SANDBOX COMMAND...: in its network namespace
	nsenter --net="$(pod_netns "$1")" "${@:2}"
}

record_of() { # SANDBOX
	echo "/run/faultwire/pods/$1@eth0.json"
}

# The kernel's programs are everybody's, and so looked at only where nobody else is: in the VM.
left() {
	node_left
	[[ -z ${FW_OUT-} ]] || bpftool prog show | grep -E 'name fw_' || true
}

# The kernel and the runtime forget a moment after they say so.
leaves() { # BEFORE
	e2e_wait 20 leaves_now "$1" || equals "$(left)" "$1"
}

leaves_now() {
	[[ $(left) == "$1" ]]
}

# ---- a pod without annotations

untouched_pod() {
	equals "$(left | grep -v -e ^cni- -e ^veth || true)" "" || return 1
	[[ ! -e /run/faultwire ]] || {
		echo "/run/faultwire is there"
		return 1
	}
	equals "$(in_pod "$server" tc -j qdisc show dev eth0 | jq -r '.[].kind')" noqueue
}

# ---- the first packet

first_delayed() { # FAMILY
	local main us
	main=$(ctr_run "$first" "delayed$1" firstpacket "$(pod_ip "$server" "$1")" 7) || return 1
	ctr_wait "$main" || return 1
	us=$(ctr_logs "$main")
	echo "first packet: $us us"
	((us >= 200000 && us < 400000))
}

first_dropped() { # FAMILY
	local main
	main=$(ctr_run "$first" "dropped$1" firstpacket -n 4 -i 50 -t 500 "$(pod_ip "$server" "$1")" 7) || return 1
	ctr_wait "$main" || return 1
	ctr_logs "$main" | sort -n >"$OUT/first"
	cat "$OUT/first"
	[[ $(head -n 1 "$OUT/first") == "0.000 lost" ]] && equals "$(grep -c lost "$OUT/first")" 1
}

first_faults() {
	if $shapes; then
		echo '{"action":"delay","delay":{"latency":"200ms"}}'
	else
		jq -cn --arg a "$(pod_ip "$server" 4)" --arg b "$(pod_ip "$server" 6)" \
			'[$a, $b | {action: "loss", loss: {loss: 100}, when: "1", target: {cidrs: [.]}}]'
	fi
}

# ---- refusals

# refused NAME ANNOTATIONS NAMESPACE WORD...: the runtime's error has the words, and nothing is left
refused() {
	local before word said
	before=$(left)
	if said=$(pod_run "$1" "$2" "$3" 2>&1); then
		echo "the pod was started: $said"
		return 1
	fi
	for word in "${@:4}"; do
		contains "$said" "$word" || return 1
	done
	leaves "$before"
}

ignored() {
	local pod
	echo '{"onError":"ignore"}' >/etc/faultwire/policy.json
	pod=$(pod_run careless "$(network "$NO_UNIT")") || return 1
	[[ ! -e $(record_of "$pod") ]] || return 1
	rm /etc/faultwire/policy.json
	pod_stop "$pod" && pod_remove "$pod"
}

# ---- windows

window_faults() {
	local windows='"duration":"2s","schedule":"@every 4s"'
	if $shapes; then
		echo "{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\",\"correlation\":\"100\"},$windows}"
	else
		echo "{\"action\":\"partition\",\"target\":{\"cidrs\":[\"$(pod_ip "$server")\"]},$windows}"
	fi
}

sender() { # NAME FAMILY FILE: packets for as long as the pod is there, whatever becomes of the runtime
	CTR_CONFIG="mounts { host_path: \"$OUT\" container_path: \"/out\" }" ctr_run "$stormy" "$1" \
		sh -c "exec firstpacket -m -n 1000000 -i $EVERY -t $TIMEOUT $(pod_ip "$server" "$2") 7 >/out/$3"
}

# Packets of the last moments are on their way, or not yet called lost.
held() { # CHECK [SINCE [UNTIL]]
	trips "$1" "$TRIPS" "$RECORD" "${@:2}"
}

last_trip() { # ms of the newest packet that is told of
	awk 'NF == 2 && $1 > last { last = $1 } END { printf "%.3f\n", last }' "$TRIPS"
}

# ---- the operator

status_shows() {
	local fault matched injected
	contains "$("$FAULTWIRE" status)" "default/stormy" || return 1
	fault=$("$FAULTWIRE" status --json | jq -c '.pods[] | select(.namespace == "default" and .name == "stormy") | .faults[0]')
	echo "$fault"
	matched=$(jq .matched <<<"$fault") injected=$(jq .injected <<<"$fault")
	((matched >= 20 && injected == matched))
}

abort_and_resume() {
	local times
	times=$(trips at "$RECORD" 0.5 "$FAULTWIRE" abort default/stormy)
	read -r abort_from aborted <<<"$times"
	trips past "$RECORD" 0.2
	times=$(trips at "$RECORD" 0.5 "$FAULTWIRE" resume default/stormy)
	read -r resume_from resumed <<<"$times"
	trips past "$RECORD" 1.5
}

ends_at_once() {
	held "$faulty" 0 "$abort_from" && held spared-in "$aborted" "$resume_from" && held spared "$aborted" "$resume_from"
}

# ---- everything dies

plugins() { # pids of running plugins
	local process
	for process in /proc/[0-9]*; do
		[[ $process/exe -ef $PLUGIN ]] && echo "${process##*/}"
	done || true
}

plugin_runs() {
	[[ -n $(plugins) ]]
}

unlock() {
	kill "$locker" 2>/dev/null || true
}

# A pod whose plugin waits for the lock that we hold.
start_halfway() {
	flock --no-fork /run/faultwire/lock sleep 1000 &
	locker=$!
	disown "$locker"
	e2e_defer unlock
	pod_run halfway "$(network '{"action":"partition"}')" >/dev/null 2>&1 &
	halfway=$!
	e2e_wait 60 plugin_runs
}

kill_all() {
	local times pause
	pause=$(cri PodSandboxStatus <<<"pod_sandbox_id: \"$stormy\" verbose: true" | cri_info | jq -er .pid)
	mapfile -t victims < <(plugins && ctrd_shims)
	victims=("$ctrd_pid" "${victims[@]}" "$pause") # containerd first: it ends the containers of a shim that it sees dying
	times=$(trips at "$RECORD" 0.5 kill -KILL "${victims[@]}")
	read -r _ killed <<<"$times"
	unlock
	wait "$halfway" || true
	# The end of that window, all of the next one, its end.
	trips past "$RECORD" 3
	trips past "$RECORD" 1.5
}

all_dead() {
	((${#victims[@]} >= 5)) || { # containerd, two shims, pause, plugin
		echo "killed only: ${victims[*]}"
		return 1
	}
	ctrd_gone && [[ -z $(ctrd_shims) && -z $(plugins) ]]
}

ends_on_time() {
	echo "killed at $killed ms, in the window that closed at $(window_end "$killed")"
	held "$faulty" "$(window_start "$killed")" "$(last_trip)"
}

window_start() {
	jq --argjson t "$1" '(.createdMonoNs | tonumber / 1e6) as $c | $c + (($t - $c) / 4000 | floor) * 4000' "$RECORD"
}

window_end() {
	jq -n "$(window_start "$1") + 2000"
}

comes_back() {
	containerd_restart
	[[ -e $(record_of "$stormy") ]] || return 1
	pod_stop "$stormy" && [[ ! -e $(record_of "$stormy") ]] && pod_remove "$stormy" && [[ ! -e $stormy_netns ]]
}

# ---- the test

mkdir -p "$OUT"
shapes=false faulty=dropped TIMEOUT=1000 # ms after which a packet is lost
if has_qdisc fq || has_qdisc netem; then
	shapes=true faulty=delayed TIMEOUT=3000 # an emulated machine may pause for a second
fi
NO_UNIT='{"action":"delay","delay":{"latency":"200"}}'

containerd_up
server=$(pod_run server)
ctr_run "$server" echo firstpacket -s 7 >/dev/null
holds "a pod without annotations is untouched: no record, no pin, no qdisc" untouched_pod
calm=$(left)

first=$(pod_run first "$(network "$(first_faults)")")
for family in 4 6; do
	if $shapes; then
		holds "the first packet of a container's first instruction is delayed, IPv$family" first_delayed "$family"
	else
		holds "the first packet of a container's first instruction is dropped and no other, IPv$family" first_dropped "$family"
	fi
done

holds "a bad annotation fails the pod with path and remedy, and leaves nothing" refused careless "$(network "$NO_UNIT")" default \
	"faultwire.dev/network" ".delay.latency: '200' needs a unit"
holds "onError ignore starts the pod without the fault" ignored
holds "kube-system is refused, with the rule's name" refused dns "$(network '{"action":"partition"}')" kube-system \
	"kube-system" "namespaces.deny"
pod_stop "$first"
pod_remove "$first"
holds "StopPodSandbox and RemovePodSandbox leave nothing" leaves "$calm"

stormy=$(pod_run stormy "$(network "$(window_faults)")")
stormy_netns=$(pod_netns "$stormy")
cp "$(record_of "$stormy")" "$RECORD"
sender main 4 trips >/dev/null
$shapes || sender other 6 spared >/dev/null
trips past "$RECORD" 3
trips past "$RECORD" 1.5
if $shapes; then
	holds "the article's fault: 150..250 ms and one delay a window, nothing of it outside" held delayed
else
	holds "a partition's packets are lost in its windows and in no other moment" held dropped
	holds "an address that is no target is spared" trips spared "$OUT/spared" "$RECORD"
fi
holds "status shows the pod with its counters" status_shows
abort_and_resume
holds "abort ends the fault at the next packet" ends_at_once
holds "resume brings it back" held "$faulty" "$resumed"

start_halfway
kill_all
holds "containerd, its shims, the pause process and a running plugin were killed while the fault is on" all_dead
holds "the fault ends at its time all the same, and opens again" ends_on_time
holds "containerd comes back and StopPodSandbox takes the fault's record away" comes_back
pods=$(pod_list)
for pod in $pods; do
	pod_stop "$pod"
	pod_remove "$pod"
done
holds "nothing is left on the node" equals "$(left | grep -v ^cni- || true)" ""
finish
