#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a delay costs a packet, matched or not: ours by departure time and through netem, beside netem as the only qdisc and beside what
# Chaos Mesh sets up (prio, netem, an ipset, iptables' CLASSIFY). For tests/vm/run -i, whose clock counts instructions: a line a way,
# "<name> <ns more than through a plain pod>", 2 ns an instruction; 'plain' is the plain pod's own.
set -euo pipefail
# shellcheck source=tests/bench/lib.bash
. "$(dirname "$0")/lib.bash"
DELAY=1050 # us
GAP=100 # us: what is delayed becomes due when nothing else is going on, and a timer of its own is part of its price

# One target and one netem, as chaos-daemon's SetTcs does it; its queues and its bands are those of its source.
chaos_mesh() { # NAME TARGET
	tc -n "$1" -batch - <<-QDISCS
		qdisc add dev eth0 root handle 1: prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1
		qdisc add dev eth0 parent 1:1 handle 2: sfq
		qdisc add dev eth0 parent 1:2 handle 3: sfq
		qdisc add dev eth0 parent 1:3 handle 4: sfq
		qdisc add dev eth0 parent 1:4 handle 5: netem delay $DELAY
	QDISCS
	ip netns exec "$1" ipset restore <<-SET
		create target hash:net
		add target $2/32
	SET
	ip netns exec "$1" iptables-legacy-restore <<-TABLE
		*filter
		:OUTPUT ACCEPT
		:CHAOS-OUTPUT -
		:TC-TABLES-0 -
		-A OUTPUT -j CHAOS-OUTPUT
		-A CHAOS-OUTPUT -j TC-TABLES-0
		-A TC-TABLES-0 -o eth0 -m set --match-set target dst -j CLASSIFY --set-class 1:4
		COMMIT
	TABLE
}

delay() { # BACKEND TARGET
	printf '{"action":"delay","delay":{"latency":"%dus"},"backend":"%s","target":{"cidrs":["%s/32"]}}' "$DELAY" "$1" "$2"
}

net_up
receiver target
receiver other
for name in plain nop match unshaped qdisc chain leaf edt; do
	sender "$name" target other
done
nop nop egress
tc -n qdisc qdisc add dev eth0 root netem delay "$DELAY"
chaos_mesh chain "$(ip4 target)"
add match '{"action":"partition","percent":0}'
add unshaped "{\"action\":\"partition\",\"target\":{\"cidrs\":[\"$(ip4 target)/32\"]}}"
add leaf "$(delay netem "$(ip4 target)")"
add edt "$(delay edt "$(ip4 target)")"
"$TOP/build/bench/path" -g "$GAP" -r 3 -n 200 <<-TABLE
	$(way plain "" plain target)
	$(way nop plain nop target)
	$(way match plain match target)
	$(way netem plain qdisc target $DELAY)
	$(way chain plain chain target $DELAY)
	$(way leaf plain leaf target $DELAY)
	$(way edt plain edt target $DELAY)
	$(way chain_other plain chain other)
	$(way unshaped_other plain unshaped other)
	$(way leaf_other plain leaf other)
	$(way edt_other plain edt other)
TABLE
