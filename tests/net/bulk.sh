#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Bulk TCP through a delay of 50 ms by departure time, beside netem's, both ways. In the VM with virtual time: figures repeat exactly.
set -euo pipefail
. "$(dirname "$0")/lib.bash"

net_up
pod web
pod peer
neighbours web peer
for ns in web peer; do
	ip netns exec "$ns" sysctl -qw net.ipv4.tcp_wmem="4096 16777216 67108864" net.ipv4.tcp_rmem="4096 16777216 67108864"
done
ip netns exec peer iperf3 -s -D >/dev/null

bulk() { # DIRECTION BACKEND: Mbit/s
	local reverse=()
	[ "$1" = to ] || reverse=(-R)
	add web "{\"action\":\"delay\",\"delay\":{\"latency\":\"50ms\"},\"backend\":\"$2\",\"direction\":\"$1\"}"
	ip netns exec web iperf3 -c "$(ip4 peer)" -t 2 -O 1 "${reverse[@]}" -J | jq '.end.sum_received.bits_per_second / 1e6'
	del web
}

compare() { # DIRECTION
	local netem edt
	netem=$(bulk "$1" netem)
	edt=$(bulk "$1" edt)
	echo "netem $netem, edt $edt Mbit/s"
	awk -v e="$edt" -v n="$netem" 'BEGIN { printf "ratio %.3f\n", e / n; exit e < 0.95 * n }'
}

for direction in to from; do
	holds "bulk TCP through EDT is at least 0.95 of netem's, direction $direction" compare $direction
done
finish
