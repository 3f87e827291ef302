#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Faults in containers under a real Podman, with the files of config/ in its hooks_dir: single ones, those of a pod that 'play kube' makes, and
# those on a network of CNI, where faults of the network are beside them.
#
#	e2e/podman.sh [podman-4.3|podman-5 [RUNTIME]]
#
# podman-4.3 is Debian 12's.
set -euo pipefail

ENGINE=${1:-podman-4.3}
declare -A FROM=([podman-5]=forky)
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR source=engines.sh
. e2e/engines.sh
# shellcheck disable=SC2086
engines_fetch "$ENGINE${2:+, $2}" ${FROM[$ENGINE]-}

# shellcheck source-path=SCRIPTDIR source=../tests/net/lib.bash
. tests/net/lib.bash

HOOK=$TOP/build/faultwire-hook
RUNTIME=${2:-crun}
N=$ENGINE${2:+, $2}
DIR=$E2E_RUN/podman
IMAGE=localhost/busybox:e2e
CONTAINERS=/run/faultwire/containers
# Up to 4.3 'play kube' takes annotations of 63 characters at most.
EIO_3='{"syscalls":["getppid"],"errno":"EIO","when":"3+2"}'
export PODMAN_IGNORE_CGROUPSV1_WARNING=1

# ---- Podman's world: its storage, network and hooks below one directory

podman_up() {
	[[ $ENGINE == podman-4.3 ]] || PATH=$TOP/build/engines/forky/bin:$PATH
	e2e_need podman conmon "$RUNTIME" jq
	bash "$E2E_DIR/image.sh"
	mkdir -p "$DIR"/{net,bin} /etc/containers
	# crun does not like both kinds of cgroups side by side. What is made in the place of the newer then is not to stay.
	! mountpoint -q /sys/fs/cgroup/unified || { umount -l /sys/fs/cgroup/unified && mount -t tmpfs tmpfs /sys/fs/cgroup/unified; }
	engines_hooks "$HOOK" "$DIR/hooks.d"
	podman_config >/etc/containers/containers.conf
	printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$DIR/root" "$DIR/run" >/etc/containers/storage.conf
	podman_network >"$DIR/net/10-e2e.conflist"
	ln -s /usr/lib/cni/* "$DIR/bin/"
	ln -s "$TOP/build/cni/faultwire" "$DIR/bin/faultwire"
	e2e_defer podman_down
	podman load -q -i "$TOP/build/e2e/busybox.tar" >/dev/null
}

# default_ulimits: without CAP_SYS_RESOURCE, as in many CI machines, a runtime cannot raise them.
podman_config() {
	cat <<-CONFIG
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
		log_driver = "k8s-file"

		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		hooks_dir = ["$DIR/hooks.d"]
		infra_image = "$IMAGE"
		infra_command = "/pause"
		runtime = "$RUNTIME"
		$([[ $ENGINE == podman-4.3 ]] || echo "helper_binaries_dir = [\"${TOP}/build/engines/forky/bin\"]")
		$([[ $ENGINE == podman-4.3 ]] || echo "conmon_path = [\"${TOP}/build/engines/forky/bin/conmon\"]")

		[engine.runtimes]
		$RUNTIME = ["$(command -v "$RUNTIME")"]

		[network]
		network_config_dir = "$DIR/net"
		cni_plugin_dirs = ["$DIR/bin"]
	CONFIG
}

# Podman hands no annotations to plugins: those of our entry are all its containers'.
podman_network() {
	jq -n --arg n '{"action":"partition","target":{"cidrs":["10.78.0.1/32"]},"includeNode":true}' --arg data "$DIR/ipam" '{
		cniVersion: "1.0.0", name: "e2e", plugins: [
			{type: "bridge", bridge: "cni0", isGateway: true, ipam: {type: "host-local", dataDir: $data, ranges: [[{subnet: "10.78.0.0/24"}]],
				routes: [{dst: "0.0.0.0/0"}]}},
			{type: "faultwire", annotations: {"faultwire.dev/network": $n}}
		]}'
}

podman_down() {
	podman pod rm -f -a -t 0 >/dev/null 2>&1 || true
	podman rm -f -a -t 0 >/dev/null 2>&1 || true
}

# Up to 4.3 --annotation takes a list of comma-separated values, in which quotes are doubled.
annotation() { # KEY FAULTS
	local quoted=faultwire.dev/$1=$2
	[[ $ENGINE != podman-4.3 ]] || quoted=\"${quoted//\"/\"\"}\"
	echo "--annotation=$quoted"
}

# podman_run FAULTS OPTIONS...: '' = no annotation
podman_run() {
	podman run --network "${NETWORK_OF:-none}" -v "$TOP/build/tests/calls:/calls:ro" ${1:+"$(annotation syscall "$1")"} "${@:2}"
}

answers() { # WANTED FAULTS COMMAND...
	equals "$(podman_run "$2" --rm "$IMAGE" "${@:3}" 2>&1 | xargs)" "$1"
}

files_fail() {
	equals "$(podman_run "" --rm "$(annotation io '{"action":"fault","methods":["fsync"],"path":"/tmp/**","errno":"EIO","when":2}')" "$IMAGE" \
		/calls fsync 3 2>&1 | xargs)" "0 EIO 0"
}

supervisors() {
	pgrep -x -r D,R,S faultwire-super >/dev/null
}

nothing_left() {
	e2e_wait 20 eval '! supervisors' && equals "$(ls "$CONTAINERS" 2>/dev/null)" ""
}

logged() { # CONTAINER TEXT
	e2e_wait 20 eval "podman logs $1 2>&1 | grep -q '$2'"
}

# ---- checks

untouched() {
	answers "0 0" "" /calls getppid 2 && [[ ! -e /run/faultwire ]] && ! supervisors
}

hooks_of() { # FAULTS: those that Podman puts into a container's specification
	local bundle
	podman_run "$1" -d --name spec "$IMAGE" sleep 100 >/dev/null || return 1
	bundle=$(podman inspect spec | jq -r '.[0].OCIConfigPath')
	jq -c '[.hooks // {} | to_entries[] | .key]' "$bundle"
	podman rm -f -t 0 spec >/dev/null
}

hooked_by_annotation() {
	equals "$(hooks_of "")" "[]" && equals "$(hooks_of "$EIO_3")" '["createRuntime"]'
}

# crun says which hook failed, and not what it said: that is in the journal
refused() {
	local said
	if said=$(podman_run '{"syscalls":["conect"],"errno":"EIO"}' --name bad "$IMAGE" /calls getppid 1 2>&1); then
		echo "was started: $said"
		return 1
	fi
	echo "$said"
	if [[ $RUNTIME == runc ]]; then
		contains "$said" "unknown system call 'conect', did you mean 'connect'?" || return 1
	else
		contains "$said" faultwire-hook || return 1
	fi
	equals "$(podman inspect bad | jq -r '.[0].State.Pid')" 0 && podman rm bad >/dev/null && nothing_left
}

exec_is_spared() {
	local i
	for i in 1 2 3; do
		equals "$(podman exec long /calls getppid 1 | xargs)" 0 || return 1
	done
}

counted() {
	local id
	id=$(podman_run "$EIO_3" -d --name calm "$IMAGE" sh -c '/calls getppid 6; echo done; sleep 100') && logged calm done || return 1
	# the shell asks once, for itself
	equals "$("$FAULTWIRE" status --json "$id" | jq -c '.containers[0] | [.supervised, .running, (.faults[0] | .name, .matched, .injected)]')" \
		'[true,true,"syscall[0]",7,3]' || return 1
	podman rm -f -t 0 calm >/dev/null
}

# What it printed last is what the call gives, for three lines.
aborted() {
	local lines
	"$FAULTWIRE" abort "$(podman inspect long | jq -r '.[0].Id')" || return 1
	lines=$(podman logs long | wc -l)
	e2e_wait 20 eval '(( $(podman logs long | wc -l) > lines + 3 ))' && equals "$(podman logs long | tail -n 3 | xargs)" "0 0 0"
}

restarted() {
	podman restart -t 0 long >/dev/null || return 1
	e2e_wait 20 eval 'podman logs long | tail -n 1 | grep -q EIO' && podman rm -f -t 0 long >/dev/null && nothing_left
}

# Its monitor, and with it whoever would have called poststop.
monitor_killed() {
	podman_run "$EIO_3" -d --name orphan "$IMAGE" /calls -s 20 getppid 100000 >/dev/null && logged orphan EIO || return 1
	kill -9 "$(podman inspect orphan | jq -r '.[0].ConmonPidFile' | xargs cat)" "$(podman inspect orphan | jq -r '.[0].State.Pid')"
	nothing_left && podman rm -f -t 0 orphan >/dev/null
}

pod_of_kube() {
	cat >"$DIR/pod.yaml" <<-YAML
		apiVersion: v1
		kind: Pod
		metadata:
		  name: web
		  annotations:
		    faultwire.dev/syscall: '$EIO_3'
		    io.podman.annotations.init.container.type: always
		spec:
		  restartPolicy: Never
		  volumes: [{name: tools, hostPath: {path: "$TOP/build/tests"}}]
		  initContainers:
		  - {name: init, image: "$IMAGE", command: [/tools/calls, getppid, "5"], volumeMounts: [{name: tools, mountPath: /tools}]}
		  containers:
		  - {name: main, image: "$IMAGE", command: [/tools/calls, -s, "20", getppid, "100000"], volumeMounts: [{name: tools, mountPath: /tools}]}
	YAML
	podman play kube --network none "$DIR/pod.yaml" >/dev/null || return 1
	logged web-main EIO && equals "$(podman logs web-init | xargs)" "0 0 EIO 0 EIO" || return 1
	equals "$("$FAULTWIRE" status --json | jq -c '[.containers[] | .faults[0].name]')" '["syscall[0]"]' || return 1
	podman pod rm -f -t 0 web >/dev/null && nothing_left
}

with_network_faults() {
	local said
	said=$(NETWORK_OF=e2e podman_run "$EIO_3" --rm "$IMAGE" sh -c 'nc -w 1 10.78.0.1 9; /calls getppid 3' 2>&1 | xargs) || true
	[[ $said != *refused* ]] && contains "$said" EIO || return 1
	said=$(podman run --rm --network host "$IMAGE" nc -w 20 10.78.0.1 9 2>&1) || true
	contains "$said" refused && nothing_left && equals "$(ls /run/faultwire/pods)" ""
}

podman_up
holds "$N: a container without annotations has no supervisor, and no file of ours" untouched
holds "$N: nor has it the hook, which annotated ones have" hooked_by_annotation
holds "$N: a container has its fault from the first call on" answers "0 0 EIO 0 EIO" "$EIO_3" /calls getppid 5
holds "$N: the first call of all fails if it is to" answers EIO '{"syscalls":["openat"],"errno":5,"path":"/etc/**","when":1}' /calls open /etc/x 1
holds "$N: a container's files fail as the io annotation says" files_fail
holds "$N: a mistake is in the container's error" refused
holds "$N: 'status' shows what was matched and injected" counted
podman_run "$EIO_3" -d --name long "$IMAGE" /calls -s 20 getppid 100000 >/dev/null
holds "$N: a container that runs on has faults" logged long EIO
holds "$N: processes that are exec'd into it, as health checks are, have none" exec_is_spared
holds "$N: 'abort' of the container ends them" aborted
holds "$N: as it is started again it has them again, and nothing is left of it" restarted
holds "$N: nothing is left of a container that is killed with its monitor" monitor_killed
holds "$N: a pod's init container and container have what its manifest says" pod_of_kube
[[ $ENGINE != podman-4.3 ]] || holds "$N: faults of a CNI network are beside them" with_network_faults
finish
