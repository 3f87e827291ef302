# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo's second act: two containers that do a small database's work (disk.c), of which one has a failing and slow disk, in windows. A line a
# second while windows open and close, an abort and its resume, and kill -9 of what answers its calls. Sourced by demo.sh.

disk_faults='[{"action":"fault","methods":["fsync"],"path":"/data/**","errno":"EIO","when":"7+7","start":"4s","duration":"8s","schedule":"@every 12s"},
   {"action":"latency","methods":["read"],"path":"/data/**","delay":"100ms","start":"4s","duration":"8s","schedule":"@every 12s"}]'

disk_run() { # NAME [ANNOTATIONS]: sets disk_pod to the pod's id
	mkdir -p "$SHARED/$1-data"
	disk_pod=$(pod_run "$@") || e2e_fail "pod $1 was not started"
	CTR_CONFIG="mounts { host_path: \"$SHARED/$1-data\" container_path: \"/data\" } mounts { host_path: \"$SHARED\" container_path: \"/out\" }" \
		ctr_run "$disk_pod" "$1" sh -c "exec disk /data 50 >/out/$1" >/dev/null || e2e_fail "container $1 was not started"
}

disk_act() {
	say
	say "Act two: container healthy has no annotation; container sick has faultwire.dev/io ="
	say "  $disk_faults"
	disk_run healthy
	disk_run sick "$(jq -cn --arg n "$disk_faults" '{"faultwire.dev/io": $n}')"
	cp /run/faultwire/containers/*.json "$SHARED/disk.json" || e2e_fail "container sick has no record"
	python3 "$E2E_DIR/disk.py" watch "$SHARED" "$FAULTWIRE"
	for pod in $(pod_list); do
		pod_remove "$pod" || true
	done
	e2e_wait 10 eval '[[ -z $(node_left) ]]' || true
	python3 "$E2E_DIR/disk.py" report "$SHARED" "$OUT" "$(node_left | tr '\n' ' ')" || failed=1
}
