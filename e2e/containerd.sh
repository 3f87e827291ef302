# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A real containerd with faultwire in its CNI chain, and pods in it. To be sourced after env.sh, and used once isolated:
#
#	containerd_up
#	web=$(pod_run web '{"faultwire.dev/network":"{…}"}')
#	main=$(ctr_run "$web" main firstpacket -s 7)
#	ctr_exec "$main" firstpacket "$(pod_ip "$other")" 7
#	containerd_down		# also done when the script ends
#
# Taken from the environment, when containerd_up is called:
#
#	FW_PLUGIN	the plugin that is chained as type "faultwire" (build/cni/faultwire)
#	FW_NETCONF	JSON object, merged into the plugin's entry of the conflist
#	FW_HOOK		if set, our OCI hook in every container that is not a sandbox, as config/ has it; pods with POD_HANDLER=plain go without
#	FW_CLASS	true: in those of pods with POD_HANDLER=faultwire instead
#	FW_PASS		false: containers' specifications do not have their pod's annotations of ours
#	FW_NRI		true: NRI is on, at $ctrd_dir/nri.sock (version 3 of the configuration)
#	FW_CALLS	a file that the plugin's calls are written to, a line each: verb, container, request
#	CTRD_BIN	directory of another containerd than the distribution's
#	CTRD_CONFIG	2 (default), or 3: the version of its configuration
#	CTRD_RUNTIME	the OCI runtime's program (runc)
#	E2E_IPMASQ	true: masquerade what leaves the node (false: iptables take their time)
#	E2E_CNI_BIN	the distribution's CNI plugins (/usr/lib/cni)

# shellcheck source-path=SCRIPTDIR source=cri.sh
. "$(dirname "${BASH_SOURCE[0]}")/cri.sh"

E2E_IMAGE=localhost/busybox:e2e

# How long an emulated machine may take to start the daemon.
E2E_UP_TIMEOUT=120

# The daemon's life

containerd_up() {
	[[ -z ${CTRD_BIN-} ]] || PATH=$CTRD_BIN:$PATH
	e2e_need containerd ctr "${CTRD_RUNTIME:-runc}" protoc jq
	[[ ${E2E_ISOLATED-} ]] || e2e_fail "containerd_up: call e2e_isolate first"
	ctrd_dir=${1:-$E2E_RUN/containerd}
	mkdir -p "$ctrd_dir"/{bin,net.d,pods,log}
	case $(stat -f -c %T "$ctrd_dir") in
	overlayfs) e2e_fail "containerd_up: $ctrd_dir is on an overlay, which cannot hold another's upper directory" ;;
	esac
	CRI_SOCKET=$ctrd_dir/sock
	ctrd_one_cgroup "${CTRD_RUNTIME:-runc}"
	# The first process of every test is number 1, so a number of it does not tell tests apart.
	ctrd_cgroup=kubepods-test-$SRANDOM

	ctrd_plugins
	ctrd_conflist >"$ctrd_dir/net.d/10-e2e.conflist"
	ctrd_config >"$ctrd_dir/config.toml"
	bash "$E2E_DIR/image.sh"

	e2e_defer containerd_down
	ctrd_start
	ctrd_image || e2e_fail "containerd does not take the image"
}

# After its death, however that was: it finds the pods that it had.
containerd_restart() {
	e2e_wait 20 ctrd_gone || e2e_fail "containerd_restart: it is still there"
	ctrd_start
}

ctrd_start() {
	# In a session of its own: an interrupt from the terminal must not end it before containerd_down has removed the pods.
	setsid containerd --config "$ctrd_dir/config.toml" >>"$ctrd_dir/log/containerd.log" 2>&1 &
	ctrd_pid=$!
	# Tests kill it, and bash would tell of that.
	disown "$ctrd_pid"
	e2e_wait "$E2E_UP_TIMEOUT" ctrd_ready || {
		containerd_log
		e2e_fail "containerd is not ready"
	}
}

# containerd_log [LINES]: the end of its log, to stderr
containerd_log() {
	tail -n "${1:-40}" "$ctrd_dir/log/containerd.log" >&2
}

ctrd_image() {
	ctr --address "$CRI_SOCKET" --namespace k8s.io images import "$E2E_TOP/build/e2e/busybox.tar" >/dev/null || return 1
	# The CRI plugin hears of it by an event, some time later.
	e2e_wait "$E2E_UP_TIMEOUT" ctrd_has_image
}

# Calls are slow on an emulated machine, so none is made before there is who could answer. Once the daemon is gone there is nothing
# to wait for; the next call tells.
ctrd_ready() {
	local status
	ctrd_gone && return
	[[ -S $CRI_SOCKET ]] && status=$(cri Status <<<'') && [[ $status == *NetworkReady*true* ]]
}

ctrd_gone() {
	[[ ! -d /proc/$ctrd_pid ]]
}

ctrd_has_image() {
	[[ -n $(cri ImageStatus <<<"image { image: \"$E2E_IMAGE\" }") ]]
}

# crun does not like both kinds of cgroups side by side. What is made in the place of the newer then is not to stay.
CTRD_UNIFIED=/sys/fs/cgroup/unified
ctrd_one_cgroup() { # RUNTIME
	[[ $1 != crun ]] || ! mountpoint -q "$CTRD_UNIFIED" || { umount -l "$CTRD_UNIFIED" && mount -t tmpfs tmpfs "$CTRD_UNIFIED"; }
}

# Ends all pods, the daemon, and what they left. Nothing is left to do if it is not up.
containerd_down() {
	local pod
	[[ -n ${ctrd_pid-} ]] || return 0
	for pod in $(pod_list); do
		pod_remove "$pod" || true
	done
	kill "$ctrd_pid" 2>/dev/null || true
	e2e_wait 20 ctrd_gone || kill -KILL "$ctrd_pid" || true
	ctrd_pid=
	[[ $(stat -f -c %T "$CTRD_UNIFIED" 2>/dev/null) != tmpfs ]] || umount "$CTRD_UNIFIED" 2>/dev/null || true
	e2e_wait 20 ctrd_swept || echo "containerd_down: processes or cgroups are left: $ctrd_cgroup" >&2
	ctrd_unmount
}

# True once no shim and no cgroup is left. Shims outlive a daemon that failed, and so do the containers that they hold.
ctrd_swept() {
	local dir pid
	for pid in $(ctrd_shims); do
		kill -KILL "$pid" || true
	done
	# A hybrid machine has this cgroup once for each controller of version 1, the others have it once.
	for dir in /sys/fs/cgroup/"$ctrd_cgroup" /sys/fs/cgroup/*/"$ctrd_cgroup"; do
		[[ -d $dir ]] || continue
		find "$dir" -name cgroup.procs -exec cat {} + | xargs -r kill -KILL || true
		find "$dir" -depth -type d -exec rmdir {} + || return 1
	done
	[[ -z $(ctrd_shims) ]]
}

# What pods and their faults can leave on this node, a line each: pins, records, network namespaces, ports of the bridge.
node_left() {
	find /sys/fs/bpf/faultwire /run/faultwire/{pods,slots,sandboxes,containers} /var/lib/faultwire -mindepth 1 ! -name .control 2>/dev/null | sort || true
	ls /run/netns 2>/dev/null || true
	ip -o link show master cni0 2>/dev/null | sed -E 's/^[0-9]+: ([^:@]+).*/\1/' || true
}

# Numbers of the shims of this daemon. The pattern is on stdin, or grep would find itself.
ctrd_shims() {
	grep -lsaF -f - /proc/[0-9]*/cmdline <<<"$CRI_SOCKET" | grep -o '[0-9]*' || true
}

# The innermost mounts first, which are the last in the table.
ctrd_unmount() {
	local where
	while read -r _ where _; do
		case $where in
		"$ctrd_dir"/* | /run/containerd/* | /run/netns/*) umount -l "$where" || true ;;
		esac
	done < <(tac /proc/self/mounts)
}

# Its configuration

# All plugins of a CNI chain are found in one directory: ours has the distribution's by links.
ctrd_plugins() {
	local plugin=${FW_PLUGIN:-$E2E_TOP/build/cni/faultwire} bin=${E2E_CNI_BIN:-/usr/lib/cni}
	[[ -x $plugin ]] || e2e_fail "no plugin: $plugin"
	[[ -x $bin/bridge ]] || e2e_fail "no CNI plugins in $bin (package containernetworking-plugins)"
	ln -sf "$bin"/* "$ctrd_dir/bin/"
	if [[ -n ${FW_CALLS-} ]]; then
		ctrd_witness "$(realpath "$plugin")" >"$ctrd_dir/bin/faultwire"
		chmod +x "$ctrd_dir/bin/faultwire"
	else
		ln -sf "$(realpath "$plugin")" "$ctrd_dir/bin/faultwire"
	fi
}

# The plugin, behind one who writes down what it is asked.
ctrd_witness() {
	cat <<-WITNESS
		#!/bin/sh
		request=\$(cat)
		printf '%s %s %s\n' "\$CNI_COMMAND" "\${CNI_CONTAINERID:--}" "\$request" >>$FW_CALLS
		printf '%s' "\$request" | $1
	WITNESS
}

ctrd_conflist() {
	jq -n --arg version "${E2E_CNI_VERSION:-1.0.0}" --arg data "$ctrd_dir/ipam" --argjson masquerade "${E2E_IPMASQ:-false}" --argjson ours "${FW_NETCONF:-{\}}" '{
		cniVersion: $version,
		name: "e2e",
		plugins: [
			{
				type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true, ipMasq: $masquerade,
				ipam: {
					type: "host-local",
					dataDir: $data,
					ranges: [[{subnet: "10.77.0.0/24"}], [{subnet: "fd77::/64"}]],
					routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}]
				}
			},
			({type: "faultwire", capabilities: {"io.kubernetes.cri.pod-annotations": true}} + $ours)
		]
	}'
}

# restrict_oom_score_adj: without CAP_SYS_RESOURCE, as in many CI machines, runc cannot set what the CRI plugin asks for.
# disable_apparmor: the kernel may have it without the tools that load containerd's profile.
# opt: the default is a directory under /opt that would be made.
ctrd_config() {
	cat <<-CONFIG
		version = ${CTRD_CONFIG:-2}
		root = "$ctrd_dir/root"
		state = "$ctrd_dir/state"

		[grpc]
		  address = "$CRI_SOCKET"

		[plugins."io.containerd.internal.v1.opt"]
		  path = "$ctrd_dir/opt"

	CONFIG
	"ctrd_config_${CTRD_CONFIG:-2}"
	[[ -z ${FW_HOOK-} ]] || bash "$E2E_TOP/config/containerd-spec.sh" add --hook "$(realpath "$FW_HOOK")" "$ctrd_dir/spec.json" >/dev/null
	ctrd_runtimes
}

ctrd_config_2() {
	ctrd_cri='plugins."io.containerd.grpc.v1.cri"'
	cat <<-CONFIG
		[$ctrd_cri]
		  sandbox_image = "$E2E_IMAGE"
		  disable_apparmor = true
		  restrict_oom_score_adj = true

		[$ctrd_cri.cni]
		  bin_dir = "$ctrd_dir/bin"
		  conf_dir = "$ctrd_dir/net.d"

		[$ctrd_cri.containerd]
		  snapshotter = "overlayfs"

	CONFIG
}

ctrd_config_3() {
	ctrd_cri="plugins.'io.containerd.cri.v1.runtime'"
	cat <<-CONFIG
		[plugins.'io.containerd.cri.v1.images']
		  snapshotter = "overlayfs"

		[plugins.'io.containerd.cri.v1.images'.pinned_images]
		  sandbox = "$E2E_IMAGE"

		[plugins.'io.containerd.nri.v1.nri']
		  disable = $([[ ${FW_NRI-} == true ]] && echo false || echo true)
		  socket_path = "$ctrd_dir/nri.sock"
		  plugin_path = "$ctrd_dir/nri.d"
		  plugin_config_path = "$ctrd_dir/nri.conf.d"

		[$ctrd_cri]
		  disable_apparmor = true
		  restrict_oom_score_adj = true
		  enable_unprivileged_ports = false
		  enable_unprivileged_icmp = false

		[$ctrd_cri.cni]
		  bin_dirs = ["$ctrd_dir/bin"]
		  conf_dir = "$ctrd_dir/net.d"

	CONFIG
}

# With a hook, one is what config/ has for users, and the others are plain.
ctrd_runtimes() {
	local name hooked=
	if [[ -n ${FW_HOOK-} ]]; then
		hooked=$([[ ${FW_CLASS-} == true ]] && echo faultwire || echo runc)
		sed -e "s|/etc/containerd/faultwire-spec.json|$ctrd_dir/spec.json|" -e "$([[ ${FW_PASS-} == false ]] && echo /pod_annotations/d)" \
			"$E2E_TOP/config/containerd$([[ ${FW_CLASS-} != true ]] || echo -class)-v${CTRD_CONFIG:-2}.toml"
	fi
	for name in runc plain faultwire; do
		if [[ $name != "$hooked" ]]; then
			cat <<-CONFIG
				[$ctrd_cri.containerd.runtimes.$name]
				  runtime_type = "io.containerd.runc.v2"
				  $([[ ${FW_PASS-} == false ]] || echo 'pod_annotations = ["faultwire.dev/*"]')
			CONFIG
		fi
		cat <<-CONFIG
			[$ctrd_cri.containerd.runtimes.$name.options]
			  BinaryName = "$(command -v "${CTRD_RUNTIME:-runc}")"
		CONFIG
	done
}

# Pods

# pod_run NAME [ANNOTATIONS [NAMESPACE]]: prints the sandbox's id. ANNOTATIONS is a JSON object of strings. $POD_HANDLER: its runtime;
# $POD_NETWORK: NODE for the node's own.
pod_run() {
	local name=$1 annotations=${2:-{\}} namespace=${3:-default} uid config id
	read -r uid </proc/sys/kernel/random/uuid
	config=$(pod_config "$name" "$namespace" "$uid" "$annotations") || return 1
	id=$(cri RunPodSandbox <<<"config { $config } runtime_handler: \"${POD_HANDLER-}\"" | cri_get pod_sandbox_id) && [[ -n $id ]] || return 1
	# Every container of the pod is to be created with the same.
	echo "$config" >"$ctrd_dir/pods/$id"
	pod_labels "$name" "$namespace" "$uid" >"$ctrd_dir/pods/$id.labels"
	echo "$id"
}

# The kubelet's, of pods and containers; by them CRI-O tells on whose a container is.
pod_labels() { # POD NAMESPACE UID
	printf 'labels { key: "io.kubernetes.%s" value: "%s" }\n' pod.name "$1" pod.namespace "$2" pod.uid "$3"
}

# As the kubelet has it: pods have a process namespace for each container.
pod_config() {
	local annotations hostname="hostname: \"$1\""
	annotations=$(cri_map annotations <<<"$4") || return 1
	[[ ${POD_NETWORK-} != NODE ]] || hostname=
	cat <<-CONFIG
		metadata { name: "$1" namespace: "$2" uid: "$3" }
		$hostname
		log_directory: "$ctrd_dir/log/$2_$1_$3"
		$annotations
		$(pod_labels "$1" "$2" "$3")
		linux {
		  cgroup_parent: "/$ctrd_cgroup"
		  security_context { namespace_options { pid: CONTAINER network: ${POD_NETWORK:-POD} } }
		}
	CONFIG
}

pod_list() {
	cri ListPodSandbox <<<'' | sed -n 's/^  id: "\(.*\)"$/\1/p'
}

# pod_stop SANDBOX: its containers are killed, its network is taken down
pod_stop() {
	cri StopPodSandbox <<<"pod_sandbox_id: \"$1\"" >/dev/null
}

# pod_remove SANDBOX: forgets it. The runtime stops what was not stopped.
pod_remove() {
	cri RemovePodSandbox <<<"pod_sandbox_id: \"$1\"" >/dev/null && rm -f "$ctrd_dir/pods/$1"{,.labels}
}

# pod_ip SANDBOX [4|6]: its address, of IPv4 if not told
pod_ip() {
	local status ip
	status=$(cri PodSandboxStatus <<<"pod_sandbox_id: \"$1\"") || return 1
	while read -r ip; do
		case ${2:-4}$ip in
		6*:* | 4*.*)
			echo "$ip"
			return 0
			;;
		esac
	done < <(sed -n 's/^ *ip: "\(.*\)"$/\1/p' <<<"$status")
	echo "pod_ip: $1 has no address of IPv${2:-4}" >&2
	return 1
}

# pod_netns SANDBOX: path of its network namespace
pod_netns() {
	cri PodSandboxStatus <<<"pod_sandbox_id: \"$1\" verbose: true" | cri_info |
		jq -er '.runtimeSpec.linux.namespaces[] | select(.type == "network").path'
}

# The JSON document "info" of a verbose status: the outermost value that is an object. Annotations, deeper in there, can be ones too.
cri_info() {
	sed 's/^  value: "{/document: "{/' | cri_get document
}

# Containers

# ctr_run SANDBOX NAME COMMAND...: creates and starts it, prints its id. In protobuf's text format, $CTR_CONFIG is added to its
# configuration, and $CTR_SECURITY to the security context in there:
#
#	CTR_CONFIG='mounts { host_path: "/x" container_path: "/x" }' CTR_SECURITY='no_new_privs: true' ctr_run …
ctr_run() {
	local id
	id=$(ctr_create "$@") && ctr_start "$id" && echo "$id"
}

# ctr_create SANDBOX NAME COMMAND...: the same without starting it
ctr_create() {
	local sandbox=$1 name=$2 command id
	command=$(cri_strings command "${@:3}") || return 1
	id=$(
		cri CreateContainer <<-REQUEST | cri_get container_id
			pod_sandbox_id: "$sandbox"
			config {
			  metadata { name: "$name" }
			  image { image: "$E2E_IMAGE" user_specified_image: "$E2E_IMAGE" }
			  $command
			  $(<"$ctrd_dir/pods/$sandbox.labels")
			  labels { key: "io.kubernetes.container.name" value: "$name" }
			  log_path: "$name.log"
			  linux { security_context { namespace_options { pid: CONTAINER } ${CTR_SECURITY-} } }
			  ${CTR_CONFIG-}
			}
			sandbox_config { $(<"$ctrd_dir/pods/$sandbox") }
		REQUEST
	) && [[ -n $id ]] && echo "$id"
}

ctr_start() {
	cri StartContainer <<<"container_id: \"$1\"" >/dev/null
}

# ctr_exec CONTAINER COMMAND...: its output, its errors, its exit code; 125 if the runtime failed
ctr_exec() {
	local answer code
	answer=$(cri ExecSync <<<"container_id: \"$1\" $(cri_strings cmd "${@:2}")") || return 125
	cri_get stdout <<<"$answer"
	cri_get stderr <<<"$answer" >&2
	code=$(cri_get exit_code <<<"$answer")
	return "${code:-0}"
}

# ctr_stop CONTAINER [SECONDS]: TERM, and after SECONDS (0) KILL
ctr_stop() {
	cri StopContainer <<<"container_id: \"$1\" timeout: ${2:-0}" >/dev/null
}

ctr_remove() {
	cri RemoveContainer <<<"container_id: \"$1\"" >/dev/null
}

# ctr_wait CONTAINER [SECONDS]: waits for its end (60), and returns its exit code; 124 if that takes longer, 125 if the runtime
# failed
ctr_wait() {
	local code
	e2e_wait "${2:-60}" ctr_exited "$1" || return 124
	code=$(cri ContainerStatus <<<"container_id: \"$1\"" | cri_get exit_code) || return 125
	return "${code:-0}"
}

ctr_exited() {
	[[ $(cri ContainerStatus <<<"container_id: \"$1\"" | cri_get state) == CONTAINER_EXITED ]]
}

# ctr_pid CONTAINER: of its first process, as seen from here
ctr_pid() {
	cri ContainerStatus <<<"container_id: \"$1\" verbose: true" | cri_info | jq -er .pid
}

# ctr_logs CONTAINER: what it has printed, without the time, stream and tag that begin each line of the log
ctr_logs() {
	local log
	log=$(cri ContainerStatus <<<"container_id: \"$1\"" | cri_get log_path) || return 1
	sed -E 's/^[^ ]+ (stdout|stderr) [FP] //' "$log"
}
