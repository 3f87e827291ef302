#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# tests/fuzz/run.sh SECONDS FUZZER...: each fuzzer for SECONDS over its corpus (new inputs go to build/), two at a time.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1
shift
bad=0

one() { # FUZZER
	local name=${1##*/} found=build/fuzz/corpus-${1##*/}
	mkdir -p "$found" "tests/fuzz/corpus/$name"
	if "$1" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/$name." -print_final_stats=1 \
		"$found" "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1; then
		echo "ok - the $name parser holds for $seconds s: $(awk '/number_of_executed_units/ { print $2 }' "build/fuzz/$name.log") inputs"
	else
		echo "not ok - the $name parser holds for $seconds s"
		tail -30 "build/fuzz/$name.log" | sed 's/^/#   /'
		return 1
	fi
}

while (($#)); do
	one "$1" &
	first=$!
	second=
	if (($# > 1)); then
		one "$2" &
		second=$!
	fi
	wait "$first" || bad=1
	[ -z "$second" ] || wait "$second" || bad=1
	shift $(($# > 1 ? 2 : 1))
done
exit "$bad"
