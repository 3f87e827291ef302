#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Proves the harness of the end-to-end tests, without faultwire: in its place in the chain is a stand-in that writes down what it
# was asked. Two pods; annotations reach the plugin; packets between the pods over IPv4 and IPv6, from a container's first act
# and by exec; stop, removal, and nothing left.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "$0")/env.sh"
e2e_isolate "$@"
# shellcheck source-path=SCRIPTDIR source=containerd.sh
. "$E2E_DIR/containerd.sh"

calls=$E2E_RUN/calls

# A chained plugin that changes nothing: answers ADD with the previous result.
write_stand_in() {
	cat >"$1" <<-PLUGIN
		#!/bin/sh
		request=\$(cat)
		printf '%s %s %s\n' "\$CNI_COMMAND" "\$CNI_CONTAINERID" "\$(printf '%s' "\$request" | jq -c .)" >>$calls
		case \$CNI_COMMAND in
		ADD) printf '%s' "\$request" | jq -c .prevResult ;;
		VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["1.0.0"]}' ;;
		esac
	PLUGIN
	chmod +x "$1"
}

# expect WHAT EXPECTED ACTUAL
expect() {
	[[ $2 == "$3" ]] || e2e_fail "$1: expected '$2', got '$3'"
}

# expect_rtt WHAT TEXT: TEXT is a time in microseconds of a network without faults; an emulated machine is slow, but not 0.5 s
expect_rtt() {
	[[ $2 =~ ^[0-9]+$ ]] && (($2 > 0 && $2 < 500000)) || e2e_fail "$1: '$2' is no round trip time"
	e2e_log "$1: $2 us"
}

# annotation VERB SANDBOX KEY: what the plugin was told
annotation() {
	sed -n "s/^$1 $2 //p" "$calls" | head -n 1 | jq -r --arg key "$3" '.runtimeConfig["io.kubernetes.cri.pod-annotations"][$key]'
}

# What a test could leave behind: mounts below ours, processes beside us, cgroups.
leftovers() {
	local process
	grep -E " ($E2E_RUN/|/run/containerd/|/run/netns/)" /proc/self/mounts || true
	for process in /proc/[0-9]*/comm; do
		grep -HE '^(containerd|pause|runc|firstpacket|sleep)' "$process" 2>/dev/null || true
	done
	find /sys/fs/cgroup -type d -name "$ctrd_cgroup"
}

e2e_need jq
write_stand_in "$E2E_RUN/stand-in"
FW_PLUGIN=$E2E_RUN/stand-in

containerd_up
e2e_log "containerd is up"

fault='[{"action":"delay","delay":{"latency":"200ms"}}]'
annotations=$(jq -cn --arg fault "$fault" '{"faultwire.dev/network": $fault, "other.example/note": "a \"b\" \\ c\né"}')
server=$(pod_run server)
e2e_log "pod without annotations: ${server:0:12}"
client=$(pod_run client "$annotations" shop)
e2e_log "pod with annotations: ${client:0:12}"

expect "annotation at ADD" "$fault" "$(annotation ADD "$client" faultwire.dev/network)"
expect "odd annotation at ADD" $'a "b" \\ c\né' "$(annotation ADD "$client" other.example/note)"

echo_server=$(ctr_run "$server" echo firstpacket -s 7)
e2e_log "echo server: $(pod_ip "$server") $(pod_ip "$server" 6)"

for family in 4 6; do
	for protocol in '' -T; do
		# shellcheck disable=SC2086 # no protocol is no argument
		first=$(ctr_run "$client" "first$family$protocol" firstpacket $protocol "$(pod_ip "$server" "$family")" 7)
		ctr_wait "$first" || e2e_fail "first packet over IPv$family: $(ctr_logs "$first")"
		expect_rtt "first packet of a container, IPv$family ${protocol:-UDP}" "$(ctr_logs "$first")"
	done
done

shell=$(ctr_run "$client" shell sleep 1000)
for family in 4 6; do
	expect_rtt "packet by exec, IPv$family" "$(ctr_exec "$shell" firstpacket "$(pod_ip "$server" "$family")" 7)"
done
ctr_exec "$shell" firstpacket -n 5 -i 20 "$(pod_ip "$server")" 7

rc=0
output=$(ctr_exec "$shell" sh -c 'echo "out \"\\"; echo err >&2; exit 7' 2>"$E2E_RUN/errors") || rc=$?
expect "output of exec" 'out "\' "$output"
expect "errors of exec" err "$(<"$E2E_RUN/errors")"
expect "exit code of exec" 7 "$rc"
e2e_log "exec: output, errors and exit code"

expect "network namespace" "$(stat -L -c %i "/proc/$(ctr_pid "$shell")/ns/net")" "$(stat -L -c %i "$(pod_netns "$client")")"
if ctr_start nobody 2>"$E2E_RUN/errors"; then
	e2e_fail "a container that does not exist was started"
fi
e2e_log "error of the runtime: $(<"$E2E_RUN/errors")"

ctr_stop "$echo_server" 10
rc=0
ctr_wait "$echo_server" || rc=$?
expect "exit code of a stopped container" 143 "$rc"
ctr_remove "$echo_server"
e2e_log "container stopped and removed"

pod_stop "$client"
expect "annotation at DEL" "$fault" "$(annotation DEL "$client" faultwire.dev/network)"
pod_remove "$client"
expect "calls of the plugin for one pod" "ADD DEL DEL " "$(sed -n "s/^\([A-Z]*\) $client .*/\1/p" "$calls" | tr '\n' ' ')"
e2e_log "pod stopped and removed"

containerd_down
e2e_log "containerd is down"
expect "leftovers" "" "$(leftovers)"
e2e_log "nothing is left"
