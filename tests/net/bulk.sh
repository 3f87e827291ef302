#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Bulk TCP through a delay of 50 ms by departure time, beside netem's, both ways: medians of interleaved runs. With virtual time
# (tests/vm/run -i) a figure is what the instructions cost, whatever the machine is doing meanwhile.
set -euo pipefail
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
ROUNDS=3

bulk() { # DIRECTION BACKEND: Mbit/s
	local reverse=()
	[ "$1" = to ] || reverse=(-R)
	add web "{\"action\":\"delay\",\"delay\":{\"latency\":\"50ms\"},\"backend\":\"$2\",\"direction\":\"$1\"}"
	ip netns exec web iperf3 -c "$(ip4 peer)" -t 1 -O 1 "${reverse[@]}" -J >"$FILE.json"
	jq -e '.end.sum_received.bits_per_second / 1e6' "$FILE.json"
	del web
}

served() {
	ip netns exec peer ss -ltn | grep -q :5201
}

median() {
	sort -g | sed -n "$((ROUNDS / 2 + 1))p"
}

compare() { # DIRECTION: the medians' ratio is in $ratio, the figures in $FILE.<backend>
	local backend
	rm -f "$FILE".netem "$FILE".edt
	for ((round = 0; round < ROUNDS; round++)); do
		for backend in netem edt; do
			bulk "$1" "$backend" >>"$FILE.$backend"
		done
	done
	ratio=$(awk -v e="$(median <"$FILE.edt")" -v n="$(median <"$FILE.netem")" 'BEGIN { printf "%.3f", e / n }')
	echo "# $1: netem $(xargs printf '%.0f ' <"$FILE.netem")edt $(xargs printf '%.0f ' <"$FILE.edt")Mbit/s, ratio $ratio"
}

at_least() { # LEAST
	awk -v r="$ratio" -v l="$1" 'BEGIN { print "ratio", r; exit r < l }'
}

has_qdisc netem || {
	skip "bulk TCP through EDT beside netem" "this kernel has no sch_netem: tests/vm/run -i"
	finish
}
net_up
for name in web peer holder; do
	pod "$name"
done
neighbours web peer
# The window must not be the limit.
for name in web peer; do
	ip netns exec "$name" sysctl -qw net.ipv4.tcp_wmem="4096 16777216 67108864" net.ipv4.tcp_rmem="4096 16777216 67108864"
done
ip netns exec peer iperf3 -s -D >/dev/null
e2e_wait 30 served
add holder '{"action":"partition"}'
for direction in to from; do
	compare "$direction"
	holds "bulk TCP through EDT is at least 0.95 of netem's, direction $direction" at_least 0.95
done
finish
