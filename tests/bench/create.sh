#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What our hook adds to a container's creation: without a hook, with one that is /bin/true, with ours and no annotation, and with a system
# call's fault. Interleaved; a line each, "<runtime>-<what> <tenth percentile> <median>" in microseconds of 'create'.
#
#     tests/bench/create.sh RUNS [RUNTIME...]
#
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/../hook/lib.bash"

RUNS=$1
RUNTIMES=("${@:2}")
((${#RUNTIMES[@]})) || RUNTIMES=(runc crun)
# shellcheck disable=SC2034
WHATS=(none true plain syscall)
FAULTS='{"syscalls":["getppid","connect","fsync"],"errno":"EIO","when":"1000000"}'
declare -A times=()

prepare() { # WHAT: a bundle's config.json
	local faults=''
	[[ $1 != syscall ]] || faults=$FAULTS
	bundle "$faults" /bin/calls getppid 1
	jq --arg what "$1" 'if $what == "none" then del(.hooks)
		elif $what == "true" then .hooks = {createRuntime: [{path: "/bin/true"}]}
		else .hooks = {createRuntime: [.hooks.createRuntime[0]]} end' "$BUNDLE/config.json" >"$BUNDLE/$1.json"
}

create() { # WHAT
	local before after
	cp "$BUNDLE/$1.json" "$BUNDLE/config.json"
	before=${EPOCHREALTIME/[^0-9]/}
	"$RT" create -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
	after=${EPOCHREALTIME/[^0-9]/}
	[[ -e /run/$RT/$ID ]] || {
		cat "$OUT"
		return 1
	}
	"$RT" delete -f "$ID"
	times[$RT-$1]+="$((after - before)) "
	e2e_wait 5 nothing_left || { ls -la "$CONTAINERS"; ps axf; for p in $(pgrep -x faultwire-super); do cat /proc/$p/wchan; ls -l /proc/$p/fd; done; return 1; }
}

mkdir -p "$CONTAINERS"
for RT in "${RUNTIMES[@]}"; do
	for what in "${WHATS[@]}"; do
		prepare "$what"
	done
	for ((i = 0; i < RUNS; i++)); do
		for what in "${WHATS[@]}"; do
			create "$what" || exit 1
		done
	done
done
for name in "${!times[@]}"; do
	tr ' ' '\n' <<<"${times[$name]% }" | sort -n | awk -v name="$name" '{ t[NR] = $1 } END { print name, t[int(NR / 10) + 1], t[int((NR + 1) / 2)] }'
done | sort
