#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What departure times do that netem does not: jitter that correlates and is of its distribution all the same, on an exact clock
# (tests/vm/run -i). All has a seed, so that a statistical check holds always or never. Parts by name: edt.sh [PART...]
set -euo pipefail
export WAIT_MS=1000
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

declare -ra PARTS=(correlates marginals repeats reorders holds_all refuses_netem)

jittered() { # LATENCY JITTER DISTRIBUTION CORRELATION SEED [MORE]
	printf '{"action":"delay","delay":{"latency":"%s","jitter":"%s","distribution":"%s","correlation":"%s"},"seed":%s%s}' "$1" "$2" "$3" "$4" \
		"$5" "${6-}"
}

# The whole claim: 20,000 packets, 0.03 of what was asked, and the distribution still there.
correlates() {
	local c
	for c in 0 25 50 75 90; do
		with "$(jittered 200ms 50ms uniform $c 31)" "correlation $c of a uniform jitter is one, and the jitter stays uniform" \
			correlated web peer uniform 200 50 $c
	done
	for c in 25 75; do
		with "$(jittered 200ms 20ms normal $c 32 ',"direction":"from"')" "correlation $c of a normal jitter is one, on the way in" \
			correlated peer web normal 200 20 $c
	done
	N=10000
	with "$(jittered 100ms 25ms pareto 50 33)" "correlation 50 of a pareto jitter is one" correlated web peer pareto 100 25 50
	FAMILY=6 with "$(jittered 100ms 25ms paretonormal 90 34 ',"backend":"edt"')" "correlation 90 of a paretonormal jitter is one, IPv6" \
		correlated web peer paretonormal 100 25 90
	unset N
}

correlated() { # FROM TO DISTRIBUTION LATENCY JITTER PERCENT
	packets "$1" "$2" -n "${N-20000}" -g 200 -w 1000
	stats process "${@:3}" 3 || return 1
	[[ $3 != uniform || $6 != 50 ]] || stats predicted-process 31 "$4" "$5" 50 3
}

# Both backends are of one curve.
marginals() {
	local backend distribution
	for distribution in normal pareto paretonormal; do
		for backend in netem edt; do
			with "{\"action\":\"delay\",\"delay\":{\"latency\":\"100ms\",\"jitter\":\"20ms\",\"distribution\":\"$distribution\"},\"backend\":\"$backend\"}" \
				"a $distribution jitter by $backend is one" after 4000 1000 web peer marginal $distribution 100 20
		done
	done
}

repeats() {
	with "$(jittered 100ms 30ms pareto 60 35)" "a seed decides delays that correlate" true
	repeats_run first && repeats_run second
	holds "the same seed makes the same delays again" stats same-delays "$FILE.first" 2
	rm -f "$FILE.first" "$FILE.second"
}

repeats_run() { # NAME
	add web "$(jittered 100ms 30ms pareto 60 35)"
	packets web peer -n 2000 -g 1000 -w 1000
	cp "$FILE" "$FILE.$1"
	del web
}

reorder() { # BACKEND SHARE CORRELATION GAP
	printf '{"action":"delay","delay":{"latency":"50ms","reorder":{"reorder":"%s","correlation":"%s","gap":%s}},"backend":"%s","seed":41}' \
		"$2" "$3" "$4" "$1"
}

reorders() {
	local backend
	for backend in netem edt; do
		with "$(reorder $backend 100 0 5)" "every fifth packet overtakes, by $backend" after 500 1000 web peer reordered 41 100 0 5 50
	done
	with "$(reorder edt 25 0 0)" "a quarter of the packets overtakes" reorders_share
	with "$(reorder edt 30 50 3)" "reordering with a gap and a correlation" after 3000 1000 web peer reordered 41 30 50 3 50
	with '[{"action":"delay","delay":{"latency":"50ms","reorder":{"reorder":"25"}},"seed":41},{"action":"delay","delay":{"latency":"20ms"}}]' \
		"a packet that overtakes one delay still has the other" reorders_other
}

reorders_share() {
	after 5000 1000 web peer reordered 41 25 0 1 50 && stats late 75 50
}

reorders_other() {
	packets web peer -n 1000 -g 1000 -w 1000
	awk '{ ms = $3 / 1e6; if (ms > 69.9 && ms < 71) slow++; else if (ms > 19.9 && ms < 21) fast++; else bad++ }
		END { print fast, slow, bad + 0; exit !(fast > 200 && fast < 300 && !bad) }' "$FILE"
}

# 10 s of 10,000 packets: nothing in the way drops what it has no room for.
holds_all() {
	local direction from to
	for direction in to from; do
		[[ $direction == to ]] && from=web to=peer || from=peer to=web
		with "{\"action\":\"delay\",\"delay\":{\"latency\":\"10s\"},\"direction\":\"$direction\",\"backend\":\"edt\"}" \
			"10 s of 10,000 packets in flight, direction $direction: none is lost" holds_all_of "$from" "$to" 9999.9 10020
	done
	with "$(jittered 10s 2s uniform 50 42)" "10 s of 10,000 packets with jitter: none is lost, none waits for another" holds_all_jittered
	with "[$(jittered 3s 1s uniform 25 43),$(jittered 3s 1s uniform 50 44),$(jittered 4s 1s pareto 0 45)]" \
		"delays add up on one qdisc" holds_all_of web peer 5900 16020
}

holds_all_of() { # FROM TO LEAST-MS MOST-MS
	packets "$1" "$2" -n 10000 -g 500 -w 19000
	stats untouched && stats between "$3" "$4"
}

# Were two packets in one flow of fq, the second would wait until the first is due.
holds_all_jittered() {
	holds_all_of web peer 8000 12020 && stats predicted-process 42 10000 2000 50 20
}

refuses_netem() {
	add_said web "$(jittered 100ms 30ms uniform 60 35 ',"backend":"netem"')" || true
	holds "netem is refused a correlation that it would not keep" contains "$SAID" "netem draws each jitter anew"
	add_said web '{"action":"delay","delay":{"latency":"10ms","jitter":"5ms","correlation":"50","slot":{"min":"1ms"}}}' || true
	holds "slots that correlate are refused" contains "$SAID" "departure times cannot do 'slot'"
}

has_qdisc netem && has_qdisc fq || {
	skip "delays that correlate, on an exact clock" "this kernel has no sch_netem or sch_fq: tests/vm/run -i"
	finish
}
net_up
for name in web peer holder; do
	pod "$name"
done
neighbours web peer
if (($# == 0)); then
	set -- "${PARTS[@]}"
fi
run_parts "$@"
