# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A real CRI-O with faultwire in its CNI chain and in its hooks.d, and pods in it. To be sourced after env.sh, and used once isolated, as
# containerd.sh, whose pods and containers these are:
#
#	crio_up
#	web=$(pod_run web '{"faultwire.dev/syscall":"{…}"}')
#	containerd_down		# also done when the script ends
#
# Taken from the environment: FW_PLUGIN, FW_NETCONF, FW_HOOK, FW_CALLS, E2E_CNI_BIN as there, and
#
#	CRIO_BIN	directories of crio and pinns, and of conmon and a crun or runc newer than Debian 12's, with ':' between
#	CRIO_RUNTIME	crun (default) or runc

# shellcheck source-path=SCRIPTDIR source=containerd.sh
. "$(dirname "${BASH_SOURCE[0]}")/containerd.sh"
# shellcheck source-path=SCRIPTDIR source=engines.sh
. "$(dirname "${BASH_SOURCE[0]}")/engines.sh"

crio_up() {
	e2e_need podman protoc jq
	[[ ${E2E_ISOLATED-} ]] || e2e_fail "crio_up: call e2e_isolate first"
	ctrd_dir=${1:-$E2E_RUN/crio}
	mkdir -p "$ctrd_dir"/{bin,net.d,pods,log,hooks.d,crio.conf.d}
	CRI_SOCKET=$ctrd_dir/sock
	ctrd_cgroup=kubepods-test-$SRANDOM
	bash "$E2E_DIR/image.sh"
	crio_image
	PATH=$CRIO_BIN:$PATH
	e2e_need crio pinns conmon crun runc
	ctrd_one_cgroup "${CRIO_RUNTIME:-crun}"

	ctrd_plugins
	E2E_CNI_VERSION=1.1.0 ctrd_conflist >"$ctrd_dir/net.d/10-e2e.conflist"
	[[ -z ${FW_HOOK-} ]] || engines_hooks "$(realpath "$FW_HOOK")" "$ctrd_dir/hooks.d"
	crio_config >"$ctrd_dir/crio.conf"

	e2e_defer containerd_down
	crio_start
}

crio_restart() {
	e2e_wait 20 ctrd_gone || e2e_fail "crio_restart: it is still there"
	crio_start
}

crio_start() {
	setsid crio -c "$ctrd_dir/crio.conf" -d "$ctrd_dir/crio.conf.d" >>"$ctrd_dir/log/crio.log" 2>&1 &
	ctrd_pid=$!
	disown "$ctrd_pid"
	e2e_wait "$E2E_UP_TIMEOUT" ctrd_ready || {
		tail -n 20 "$ctrd_dir/log/crio.log" >&2
		e2e_fail "CRI-O is not ready"
	}
}

# Into its storage, before it starts: it has no call for that. Podman's storage is the same.
crio_image() {
	podman --root "$ctrd_dir/root" --runroot "$ctrd_dir/run" --storage-driver overlay load -q -i "$E2E_TOP/build/e2e/busybox.tar" >/dev/null
}

# Everything of it is below one directory. No process holds a pod's namespaces (drop_infra_ctr): without CAP_SYS_RESOURCE, as in many CI
# machines, none could be made.
crio_config() {
	local runtime
	cat <<-CONFIG
		[crio]
		root = "$ctrd_dir/root"
		runroot = "$ctrd_dir/run"
		storage_driver = "overlay"
		log_dir = "$ctrd_dir/log"
		version_file = "$ctrd_dir/version"
		clean_shutdown_file = "$ctrd_dir/clean.shutdown"

		[crio.api]
		listen = "$CRI_SOCKET"
		stream_address = "127.0.0.1"
		stream_port = "0"

		[crio.runtime]
		cgroup_manager = "cgroupfs"
		default_runtime = "${CRIO_RUNTIME:-crun}"
		hooks_dir = ["$ctrd_dir/hooks.d"]
		pinns_path = "$(command -v pinns)"
		namespaces_dir = "$ctrd_dir/ns"
		container_exits_dir = "$ctrd_dir/exits"
		container_attach_socket_dir = "$ctrd_dir/attach"
		apparmor_profile = "unconfined"

		[crio.image]
		pause_image = "$E2E_IMAGE"
		pause_command = "/pause"
		signature_policy = "/etc/containers/policy.json"

		[crio.network]
		network_dir = "$ctrd_dir/net.d"
		plugin_dirs = ["$ctrd_dir/bin"]

		[crio.nri]
		enable_nri = false

	CONFIG
	for runtime in crun runc; do
		cat <<-CONFIG
			[crio.runtime.runtimes.$runtime]
			runtime_path = "$(command -v $runtime)"
			runtime_root = "$ctrd_dir/$runtime"
			monitor_path = "$(command -v conmon)"
			monitor_cgroup = "pod"

		CONFIG
	done
}
