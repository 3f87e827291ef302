#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# All suites, units and native ones beside the VM's, and one last line: 'N passed, N failed, N skipped'.
# One or two suites that fail are run once more when nothing else runs: what holds then is no failure, but named as unsteady, with what it said.
# What one kernel lacks another has: a check that is skipped in one suite and passes in another is not a skip.
# Suites speak a line a check: 'ok - sentence', 'not ok - sentence', 'skip - sentence # reason'. With CI=true a skip fails,
# unless it is of an engine that 'cannot be had here' (e2e/engines.sh).
# tests/run.sh [SUITE...] runs those only. Logs: build/test/<suite>.log
set -euo pipefail
cd "$(dirname "$0")/.."
LOGS=build/test
mkdir -p "$LOGS"

units() {
	local t
	for t in build/unit/*; do
		[ ! -x "$t" ] || [ -d "$t" ] || CMOCKA_MESSAGE_OUTPUT=TAP "$t" 2>&1 | tap
	done
}

# CMocka's TAP in our words; a test prints the reason before it skips.
tap() {
	awk '/^skipped: / { reason = substr($0, 10); next }
		/^not ok [0-9]+ # SKIP / { print "skip - " $NF " # " reason; next }
		/^1\.\.[0-9]+$/ || /^TAP version/ { next }
		{ sub(/^ok [0-9]+ - /, "ok - "); sub(/^not ok [0-9]+ - /, "not ok - "); print }'
}

engine() { # [PROGRAM...], all without
	local t
	for t in build/native/test_*; do
		[ ! -x "$t" ] || { (($#)) && [[ " $* " != *" ${t##*/} "* ]]; } || CMOCKA_MESSAGE_OUTPUT=TAP unshare -nm --propagation private "$t" 2>&1 | tap
	done
}

vm() { # KERNEL SCRIPT [options of tests/vm/run]
	local kernel=$1 script=$2
	shift 2
	# shellcheck disable=SC2086
	tests/vm/run -k "$kernel" "$@" -- bash $script 2>&1
}

# name, command. Native suites one after another, since each looks at all programs of the machine; those in the VM (vm-...) are taken by
# whoever is free, the long ones first; the one with two CPUs while nothing else is in a VM.
SUITES=(
	"lint|scripts/lint.sh"
	"arm64|make -s arm64"
	"units|units"
	"fuzz|tests/fuzz/run.sh 6 build/fuzz/annotations build/fuzz/policy build/fuzz/netconf build/fuzz/prevresult build/fuzz/tzif build/fuzz/dns build/fuzz/oci_state"
	"calendar|tests/calendar.sh"
	"engine|engine"
	"cli|tests/native/cli.sh"
	"config|tests/config.sh"
	"doctor-native|tests/native/doctor.sh"
	"hook-native|bash tests/hook/runc.sh"
	"made-native|bash tests/hook/made.sh"
	"database-native|bash tests/hook/database.sh"
	"starts-native|bash tests/hook/starts.sh"
	"acts-native|bash tests/hook/acts.sh"
	"hook-newer|bash tests/hook/newer.sh"
	"net-native|tests/net/native.sh"
	"many-native|tests/net/many.sh"
	"names-native|tests/net/names.sh"
	"answer-native|tests/net/answer.sh"
	"http-native|tests/net/http.sh"
	"leaks-native|tests/net/leaks.sh"
	"kill-native|tests/net/kill.sh"
	"chains-native|tests/net/chains.sh"
	"traffic-native|tests/net/traffic.sh"
	"dies-native|tests/net/dies.sh"
	"builds-native|tests/net/builds.sh"
	"pod-native|bash e2e/pod.sh"
	"hook-containerd-1.6|bash e2e/hook.sh containerd-1.6"
	"hook-containerd-1.7|bash e2e/hook.sh containerd-1.7"
	"hook-containerd-2|bash e2e/hook.sh containerd-2"
	"hook-containerd-2-nri|bash e2e/hook.sh containerd-2-nri"
	"hook-cri-o|bash e2e/hook.sh cri-o"
	"hook-cri-o-runc|bash e2e/hook.sh cri-o runc"
	"hook-podman-4.3|bash e2e/podman.sh podman-4.3"
	"hook-podman-4.3-runc|bash e2e/podman.sh podman-4.3 runc"
	"hook-podman-5|bash e2e/podman.sh podman-5"
	"vm-time-6.12|vm 6.12 tests/net/time.sh -i -m 1024 -t 900"
	"vm-many-6.12|vm 6.12 tests/net/many.sh -c 2 -m 1024 -t 600"
	"vm-time-6.1|vm 6.1 tests/net/time.sh -i -m 1024 -t 900"
	"vm-edt-6.12|vm 6.12 tests/net/edt.sh -i -m 1024 -t 900"
	"vm-files-6.12|vm 6.12 \"tests/hook/files.sh lsm\" -m 1024 -t 900"
	"vm-acts-6.12|vm 6.12 \"tests/hook/acts.sh --brief crun\" -m 1024 -t 900"
	"vm-pod-6.12|vm 6.12 e2e/pod.sh -m 1536 -t 900"
	"vm-bulk-6.1|vm 6.1 \"tests/net/bulk.sh 2 4\" -i -m 1024 -t 900"
	"vm-bulk-6.12|vm 6.12 \"tests/net/bulk.sh 1 3 5\" -i -m 1024 -t 900"
	"vm-answer-6.1|vm 6.1 tests/net/answer.sh -m 1024 -t 900"
	"vm-http-6.1|vm 6.1 tests/net/http.sh -m 1024 -t 900"
	"vm-names-6.1|vm 6.1 tests/net/names.sh -m 1024 -t 900"
	"vm-calendar-6.1|vm 6.1 tests/net/calendar.sh -m 1024 -t 900"
	"vm-traffic-6.12|vm 6.12 tests/net/traffic.sh -m 1024 -t 900"
	"vm-chains-6.12|vm 6.12 \"tests/net/chains.sh ipvlan dummy\" -m 1024 -t 900"
	"vm-files-fmod_ret-6.12|vm 6.12 \"tests/hook/files.sh fmod_ret main\" -a lsm=landlock -m 1024 -t 600"
	"vm-files-v1-6.12|vm 6.12 \"tests/hook/files.sh lsm v1\" -m 1024 -t 600"
	"vm-files-6.1|vm 6.1 \"tests/hook/files.sh lsm main\" -m 1024 -t 600"
	"vm-dies-6.12|vm 6.12 tests/net/dies.sh -i -m 1024 -t 600"
	"vm-engine-6.12|vm 6.12 \"tests/run.sh --engine test_tc_qdisc test_tc_link\" -m 1024 -t 600"
)

run_suite() { # NAME COMMAND
	local rc=0 start=$SECONDS
	eval "$2" >"$LOGS/$1.log" 2>&1 || rc=$?
	# A suite that dies without a word has failed all the same.
	if ((rc != 0)) && ! grep -q '^not ok' "$LOGS/$1.log"; then
		echo "not ok - $1 ended with exit code $rc" >>"$LOGS/$1.log"
	fi
	if ! grep -qE '^(ok|not ok|skip) ' "$LOGS/$1.log"; then
		echo "not ok - $1 checked nothing" >>"$LOGS/$1.log"
	fi
	sed "s/^/[$1] /" "$LOGS/$1.log" | grep -E '^\[[^]]*\] (ok|not ok|skip|#) ' || true
	echo "[$1] took $((SECONDS - start)) s"
}

# Each suite of the kind once, whoever takes it.
take() { # native|vm SUITE...
	local kind=$1 suite name
	shift
	for suite in "${SUITES[@]}"; do
		name=${suite%%|*}
		[ "$kind" = "$([[ $name == vm-* ]] && echo vm || echo native)" ] || continue
		(($# == 0)) || [[ " $* " == *" $name "* ]] || continue
		mkdir "$LOGS/$name.taken" 2>/dev/null || continue
		run_suite "$name" "${suite#*|}"
	done
}

count() { # PATTERN
	cat "$LOGS"/*.log | grep -cE "$1" || true
}

# In the VM: the engine's programs alone, for what this machine's kernel lacks.
if [ "${1-}" = --engine ]; then
	engine "${@:2}"
	exit
fi

rm -rf "$LOGS"
mkdir -p "$LOGS"
# Where Go has not built it before, CRI-O takes minutes: they are the idle ones. Its suites wait for it, and say so if it fails.
(($#)) || nice -n 19 scripts/engines.sh cri-o >/dev/null 2>&1 &
# One in the VM beside the native ones; then three, since they wait a good part of their time.
take vm "$@" &
others=($!)
trap 'kill "${others[@]}" 2>/dev/null || true' EXIT
take native "$@"
take vm "$@" &
others+=($!)
take vm "$@"
wait "${others[@]}"
trap - EXIT

# Suites that failed, a name a line.
failing() {
	{ grep -lE '^not ok ' "$LOGS"/*.log || true; } | sed -E "s,^$LOGS/(.*)\.log$,\1,"
}

# Once more, alone; what was said first stays in <suite>.first.
again() {
	local name suite
	for name in $(failing); do
		for suite in "${SUITES[@]}"; do
			[ "${suite%%|*}" = "$name" ] || continue
			mv "$LOGS/$name.log" "$LOGS/$name.first"
			echo "[$name] again, alone"
			run_suite "$name" "${suite#*|}"
		done
	done
}
(($(failing | wc -l) > 2)) || again

# Skips that no suite made up for.
skips() {
	local line
	{ grep -HE '^skip ' "$LOGS"/*.log || true; } | while read -r line; do
		local sentence=${line#*:skip - }
		grep -qxF "ok - ${sentence% #*}" "$LOGS"/*.log || echo "$line"
	done
}

# Checks that failed, with what they said.
reasons() { # LOG...
	local log name
	for log; do
		name=${log##*/}
		awk -v name="${name%.*}" '/^not ok / { print "  " name ": " $0; said = 1; next } /^#  / && said { print "  " $0; next } { said = 0 }' "$log"
	done
}

passed=$(count '^ok ') failed=$(count '^not ok ') skipped=$(skips | wc -l)
if compgen -G "$LOGS/*.first" >/dev/null; then
	echo "unsteady:"
	reasons "$LOGS"/*.first
fi
if ((failed)); then
	echo "failed:"
	reasons "$LOGS"/*.log
fi
if ((skipped)); then
	echo "skipped:"
	skips | sed -E "s,^$LOGS/(.*)\.log:,  \1: ,"
fi
rc=0
((failed == 0)) || rc=1
[ -z "$(skips | grep -v ' # cannot be had here: ')" ] || [ "${CI:-}" != true ] || rc=1
echo "$passed passed, $failed failed, $skipped skipped"
exit "$rc"
