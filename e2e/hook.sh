#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Faults in containers under a real engine, by CRI, as it comes and set up as config/ says. A pod's life: what it gets, what it is refused,
# what stops its faults, and what is left.
#
#	e2e/hook.sh [containerd-1.6|containerd-1.7|containerd-2|containerd-2-nri|cri-o [RUNTIME]]
#
# containerd-1.6 is Debian 12's: the hook in every container, annotations by the plugin alone. containerd-1.7: the hook in a runtime class's.
# containerd-2: the hook in every container, annotations passed on too; containerd-2-nri: by NRI, annotations by
# the plugin alone. cri-o: hooks.d.
set -euo pipefail

ENGINE=${1:-containerd-1.6}
declare -A FROM=([containerd-1.7]=trixie [containerd-2]=forky [containerd-2-nri]=forky [cri-o]='forky cri-o')
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR source=engines.sh
. e2e/engines.sh
# shellcheck disable=SC2086
engines_fetch "$ENGINE" ${FROM[$ENGINE]-}

# shellcheck source-path=SCRIPTDIR source=../tests/net/lib.bash
. tests/net/lib.bash
# shellcheck source-path=SCRIPTDIR source=crio.sh
. "$E2E_DIR/crio.sh"

HOOK=$TOP/build/faultwire-hook
FW_CALLS=$E2E_RUN/plugin-calls
CTR_CONFIG="mounts { host_path: \"$TOP/build/tests/calls\" container_path: \"/calls\" readonly: true }"
ENGINES=$TOP/build/engines
N=$ENGINE${2:+, $2}

case $ENGINE in
containerd-1.6)
	FW_PASS=false
	CTRD_RUNTIME=${2:-runc}
	;;
containerd-1.7)
	CTRD_BIN=$ENGINES/trixie/bin
	CTRD_RUNTIME=${2:-crun}
	FW_CLASS=true
	POD_HANDLER=faultwire
	;;
containerd-2)
	CTRD_BIN=$ENGINES/forky/bin
	CTRD_RUNTIME=${2:-runc}
	CTRD_CONFIG=3
	;;
containerd-2-nri)
	CTRD_BIN=$ENGINES/forky/bin
	CTRD_RUNTIME=${2:-runc}
	CTRD_CONFIG=3
	FW_NRI=true
	FW_PASS=false
	;;
cri-o)
	CRIO_BIN=$ENGINES/cri-o/bin:$ENGINES/forky/bin
	CRIO_RUNTIME=${2:-crun}
	E2E_CNI_BIN=$ENGINES/forky/cni
	;;
*) e2e_fail "no engine '$ENGINE'" ;;
esac
RUNTIME=${CRIO_RUNTIME-}${CTRD_RUNTIME-}
KIND=${ENGINE%%-[0-9]*}

engine_up() {
	if [[ ${FW_NRI-} == true ]]; then
		containerd_up && nri_up
	elif [[ $KIND == cri-o ]]; then
		FW_HOOK=$HOOK crio_up
	else
		FW_HOOK=$HOOK containerd_up
	fi
}

engine_restart() {
	if [[ $KIND == cri-o ]]; then crio_restart; else containerd_restart; fi
	[[ ${FW_NRI-} != true ]] || nri_up
}

# In the place of upstream's hook-injector; it ends with its connection.
nri_up() {
	engines_hooks "$HOOK" "$ctrd_dir/hooks.d"
	python3 "$E2E_DIR/nri.py" "$ctrd_dir/nri.sock" "$ctrd_dir"/hooks.d/*.json >"$ctrd_dir/log/nri" 2>&1 &
	e2e_wait 20 grep -q ready "$ctrd_dir/log/nri" || {
		cat "$ctrd_dir/log/nri" >&2
		e2e_fail "no plugin of NRI"
	}
}

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

# ---- a pod without annotations

ours() {
	find /run/faultwire /sys/fs/bpf /var/lib/faultwire 2>/dev/null | sort
}

untouched() {
	local before pod
	before=$(ours)
	pod=$(pod_run none) && answers "0 0" "$pod" main /calls getppid 2 && ! supervisors && equals "$(ours)" "$before" && pod_remove "$pod"
}

# What its container is made from, but what is its own.
specification() { # CONTAINER
	cri ContainerStatus <<<"container_id: \"$1\" verbose: true" | cri_info | jq -S '.runtimeSpec | del(.hooks, .annotations, .linux.cgroupsPath)
		| walk(if type == "string" then gsub("[0-9a-f]{64}"; "ID") else . end)
		| .linux.namespaces |= map(if .path then .path = "PATH" else . end)
		| .process.env |= map(select(startswith("HOSTNAME=") | not))'
}

as_without_hook() {
	local with without other
	with=$(ctr_run "$plain" spec sleep 100) && other=$(POD_HANDLER=plain pod_run plain '{}' other) && without=$(ctr_run "$other" spec sleep 100) || return 1
	diff <(specification "$with") <(specification "$without") || return 1
	[[ $(cri ContainerStatus <<<"container_id: \"$with\" verbose: true" | cri_info | jq '.runtimeSpec.hooks | length') == 2 ]] || return 1
	pod_remove "$other" && ctr_stop "$with" && ctr_remove "$with"
}

no_hook() {
	local main
	main=$(ctr_run "$plain" spec sleep 100) || return 1
	equals "$(cri ContainerStatus <<<"container_id: \"$main\" verbose: true" | cri_info | jq -c .runtimeSpec.hooks)" null || return 1
	ctr_stop "$main" && ctr_remove "$main"
}

# ---- one with

counted() { # FAULT MATCHED INJECTED: of the container that runs on
	equals "$("$FAULTWIRE" status --json shop/web | jq -c --arg f "$1" '.containers[] | select(.container == "calm") | [.supervised, .running,
		(.faults[] | select(.name == $f) | .matched, .injected)]')" "[true,true,$2,$3]"
}

counters() {
	local main
	main=$(ctr_run "$web" calm sh -c '/calls getppid 6; echo done; sleep 100') && e2e_wait 20 eval '[[ $(ctr_logs "$main") == *done* ]]' || return 1
	# the shell asks once, for itself
	counted parent 7 3 && contains "$("$FAULTWIRE" status)" parent || return 1
	ctr_stop "$main" && ctr_remove "$main"
}

very_first() {
	answers EIO "$web" first /calls open /etc/x 1
}

probed() {
	local i
	for i in 1 2 3; do
		equals "$(ctr_exec "$long" /calls getppid 1)" 0 || return 1
	done
}

# The kernel's file hooks reach them, a supervisor does not.
files_of_execd() {
	local main wanted=0
	[[ $("$FAULTWIRE" doctor --json | jq -r '.checks[] | select(.name == "file hooks") | .level') != ok ]] || wanted=EACCES
	main=$(ctr_run "$web" files sleep 1000) && equals "$(ctr_exec "$main" /calls open /pause 1)" "$wanted" || return 1
	equals "$(ctr_exec "$calm" /calls open /pause 1)" 0 && ctr_stop "$main" && ctr_remove "$main"
}

has_faults() {
	e2e_wait 20 eval '[[ $(ctr_logs "$long") == *EIO* ]]'
}

# Its network fault beside the others: the node's own address does not answer, as it does to the other pod.
no_gateway() {
	! gateway_answers "$long" 1 && gateway_answers "$calm" 20 || return 1
	equals "$("$FAULTWIRE" status --json shop/web | jq -c '[.pods[0].faults[0].injected > 0, (.containers | length > 0)]')" '[true,true]'
}

gateway_answers() { # CONTAINER SECONDS: with the news that nobody listens
	contains "$(ctr_exec "$1" nc -w "$2" 10.77.0.1 9 2>&1)" refused
}

stays_off() { # what it printed last, after three lines more
	local lines
	lines=$(ctr_logs "$long" | wc -l)
	e2e_wait 20 eval '(( $(ctr_logs "$long" | wc -l) > lines + 3 ))' && equals "$(ctr_logs "$long" | tail -n 3 | xargs)" "0 0 0"
}

survives_the_daemon() {
	kill -9 "$ctrd_pid"
	engine_restart
	equals "$("$FAULTWIRE" status --json "shop/web" | jq -c '.containers[] | select(.container == "long") | [.supervised, .running]')" '[true,true]'
}

aborted() {
	"$FAULTWIRE" abort shop/web && stays_off && gateway_answers "$long" 20
}

# ---- refusals

refused() {
	local said
	if said=$(pod_run bad "$(syscalls '{"syscalls":["conect"],"errno":"EIO"}')" 2>&1); then
		echo "the pod was started: $said"
		return 1
	fi
	contains "$said" "faultwire.dev/syscall.syscalls[0]: unknown system call 'conect', did you mean 'connect'?"
}

# A pod of the node's network has no plugin to refuse it.
refused_by_the_hook() {
	local pod main said before
	before=$(left)
	pod=$(POD_NETWORK=NODE pod_run host "$(syscalls '{"syscalls":["conect"],"errno":"EIO"}')") || return 1
	if main=$(ctr_create "$pod" main /calls getppid 1 2>"$E2E_RUN/said") && ctr_start "$main" 2>"$E2E_RUN/said"; then
		echo "was started: $(ctr_logs "$main")"
		return 1
	fi
	said=$(<"$E2E_RUN/said")
	echo "$said"
	# crun says which hook failed, and not what it said: that is in the journal
	if [[ $RUNTIME == runc ]]; then
		contains "$said" "unknown system call 'conect', did you mean 'connect'?" || return 1
	else
		contains "$said" faultwire-hook || return 1
	fi
	pod_remove "$pod" && leaves "$before"
}

host_network() {
	local pod
	pod=$(POD_NETWORK=NODE pod_run host "$(syscalls '{"syscalls":["getppid"],"errno":"EIO","when":2}')") || return 1
	answers "0 EIO 0" "$pod" main /calls getppid 3 && pod_remove "$pod"
}

# ---- acts

processes() { # FAULTS: the annotations that carry them
	jq -cn --arg f "$1" '{"faultwire.dev/process": $f}'
}

# As in a CrashLoop: each start ends with the code, and nothing was said.
exits_each_time() {
	local pod main rc
	pod=$(pod_run loops "$(processes '{"action":"exit","code":3}')") || return 1
	for _ in 1 2; do
		rc=0
		main=$(ctr_run "$pod" main /calls getppid 1) || return 1
		ctr_wait "$main" || rc=$?
		equals "$rc $(ctr_logs "$main")" "3 " && ctr_remove "$main" || return 1
	done
	pod_remove "$pod"
}

is_changed() { # POD
	[[ $("$FAULTWIRE" status --json "$1" | jq '.containers[0].changed | length') == 1 ]]
}

# Frozen, and nobody is left who would thaw it.
removed_while_paused() {
	local pod before
	before=$(left)
	pod=$(pod_run frozen "$(processes '{"action":"pause","duration":"1h"}')") && ctr_run "$pod" main /calls -s 20 getppid 100000 || return 1
	e2e_wait 20 is_changed default/frozen || return 1
	# shellcheck disable=SC2046
	kill -STOP $(pgrep -x faultwire-super) && kill -9 $(pgrep -x faultwire-super) && e2e_wait 20 eval '! supervisors' || return 1
	# not every runtime thaws what it kills; 'status' says how it is put back
	"$FAULTWIRE" abort default/frozen && pod_stop "$pod" && pod_remove "$pod" && leaves "$before"
}

# Who a container is for its annotations is not for its annotations to say: kube-system is denied, and stays so.
denied() {
	local pod said
	pod=$(POD_NETWORK=NODE pod_run host "$(syscalls '{"syscalls":["getppid"],"errno":"EIO"}' | jq -c '. + {"io.kubernetes.cri.sandbox-namespace": "default",
		"io.kubernetes.pod.namespace": "default"}')" kube-system) || return 1
	if said=$(ctr_run "$pod" main /calls getppid 1 2>&1); then
		echo "was started: $said"
		return 1
	fi
	pod_remove "$pod"
}

# ---- the end

ended_alone() {
	ctr_stop "$long" && ctr_remove "$long" && e2e_wait 20 eval '! supervisors' || return 1
	equals "$(ls /run/faultwire/containers)" ""
}

# One whose supervisor and whose runtime's hook were not there at its end.
removed() {
	long=$(ctr_run "$web" long /calls -s 20 getppid 100000) && e2e_wait 20 supervisors || return 1
	# shellcheck disable=SC2046
	kill -STOP $(pgrep -x faultwire-super) && kill -9 $(pgrep -x faultwire-super) || return 1
	kill -9 "$(ctr_pid "$long")"
	ctr_stop "$calm" && pod_stop "$web" && pod_remove "$web" && pod_stop "$plain" && pod_remove "$plain" && leaves "$before"
}

# ---- the plugin, as CRI-O calls it

verbs() { # [SANDBOX]: the verbs of its calls, in order
	sed -n "s/^\([A-Z]*\) ${1:--} .*/\1/p" "$FW_CALLS" | xargs
}

asked_when_it_starts() {
	equals "$(verbs)" "VERSION STATUS GC" &&
		equals "$(sed -n 's/^GC - //p' "$FW_CALLS" | jq -c '[.["cni.dev/attachments"], .["cni.dev/valid-attachments"]]')" "[null,null]"
}

asked_when_it_starts_again() {
	e2e_wait 20 eval '[[ $(verbs) == "VERSION STATUS GC VERSION STATUS GC" ]]' || equals "$(verbs)" "VERSION STATUS GC VERSION STATUS GC" || return 1
	equals "$(sed -n 's/^GC - //p' "$FW_CALLS" | tail -n 1 | jq -c '.["cni.dev/valid-attachments"] | map(.containerID == $w and .ifname == "eth0") | any' --arg w "$web")" true
}

engine_up
e2e_wait 20 eval '[[ $KIND != cri-o || $(verbs) == *GC* ]]'
before=$(left)
holds "$N: a pod without annotations has no supervisor, and no file of ours" untouched
plain=$(pod_run plain)
if [[ $KIND == cri-o ]]; then
	holds "$N: its containers do not even have the hook" no_hook
	holds "$N: as it starts it asks the plugin for VERSION, STATUS and GC with null" asked_when_it_starts
	holds "$N: of a pod ADD, and CHECK right behind it" equals "$(verbs "$plain")" "ADD CHECK"
elif [[ ${FW_NRI-} == true ]]; then
	holds "$N: its containers do not even have the hook" no_hook
elif [[ ${FW_CLASS-} != true ]]; then
	holds "$N: its containers' specification is what it is without the hook, but for that" as_without_hook
fi
holds "$N: a mistake is in the pod's own error" refused
if [[ ${FW_PASS-} != false ]]; then
	holds "$N: a mistake that only the hook sees is in the container's" refused_by_the_hook
	holds "$N: a pod of the node's network has faults in its containers" host_network
	holds "$N: a namespace that the policy denies is denied, whatever annotations say" denied
fi
web=$(pod_run web "$(jq -cn --arg s '[{"syscalls":["getppid"],"errno":"EIO","when":"3+2","containers":["init","web","calm","long"],"name":"parent"},
		{"syscalls":["openat"],"errno":5,"path":"/etc/**","when":1,"containers":["first"]}]' \
	--arg n '{"action":"partition","target":{"cidrs":["10.77.0.1/32"]},"includeNode":true}' \
	--arg i '[{"action":"fault","methods":["fsync"],"path":"/tmp/**","errno":"EIO","when":2,"containers":["disk"]},
		{"action":"fault","methods":["open"],"path":"/pause","errno":"EACCES","containers":["files"]}]' \
	--arg p '{"action":"exit","code":7,"containers":["crash"]}' \
	'{"faultwire.dev/syscall": $s, "faultwire.dev/network": $n, "faultwire.dev/io": $i, "faultwire.dev/process": $p}')" shop)
holds "$N: an init container has its fault from the first call on" answers "0 0 EIO 0 EIO" "$web" init /calls getppid 5
holds "$N: the first call of all fails if it is to" very_first
holds "$N: every container counts for itself" answers "0 0 EIO 0 EIO" "$web" web /calls getppid 5
holds "$N: a container that is not named has none" answers "0 0 0 0 0" "$web" db /calls getppid 5
holds "$N: a container's files fail as the io annotation says" answers "0 EIO 0" "$web" disk /calls fsync 3
holds "$N: 'status' shows what was matched and injected" counters
holds "$N: 'exit' is what the engine sees of each start" exits_each_time
holds "$N: a pod that stays paused since both halves of its supervisor were killed is thawed by the next run, and removed" removed_while_paused
long=$(ctr_run "$web" long /calls -s 20 getppid 100000)
calm=$(ctr_run "$plain" calm sleep 1000)
holds "$N: a container that runs on has faults" has_faults
holds "$N: processes that are exec'd into it, as probes are, have none" probed
holds "$N: their files fail where the kernel's hooks do it, and only in that container" files_of_execd
holds "$N: the pod's network has its own beside them" no_gateway
holds "$N: kill -9 of the engine and its restart leave faults as they are" survives_the_daemon
[[ $KIND != cri-o ]] || holds "$N: as it starts again, it asks the same and tells GC which pods there are" asked_when_it_starts_again
holds "$N: 'abort' of the pod ends all of its faults" aborted
holds "$N: nothing is left of a container that ends" ended_alone
holds "$N: nothing is left of pods that are removed, even if their supervisors were killed" removed
[[ $KIND != cri-o ]] || holds "$N: DEL was once" equals "$(verbs "$web" | grep -o DEL | wc -l)" 1
finish
