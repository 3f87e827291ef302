#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Many senders on two CPUs at once: what every packet changes (event numbers, loss chains, rate clocks) holds although CPUs race for it.
# On the machine's own CPUs, and in the VM without -i, so that both get their turn at any instruction.
set -euo pipefail
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
SENDERS=4

many() { # N PAYLOAD [OPTION...]: from web to peer
	packets web peer -n "$1" -t "$SENDERS" -l "$2" -w 1500 "${@:3}"
}

counts() { # MATCHED INJECTED of the fault 'some'
	equals "$(counter web some matched) $(counter web some injected)" "$1 $2"
}

number_lost() {
	awk '$4 == 0 { n++ } END { print n + 0 }' "$FILE"
}

# As many as the numbers 0..39999 pick are lost only if each number was given once.
seeded() {
	many 40000 64 -g 0 && stats predicted-count 7 30 && counts 40000 "$(number_lost)"
}

# Each of the chain's steps happened once if the share of all is that of the same chain walked alone.
correlated() {
	many 40000 64 -g 0 && stats chain-count 3 20 60 && counts 40000 "$(number_lost)" && equals "$(counter web some lostRaces)" 0
}

rate() {
	many 6000 1000 -g 400 && stats rate 8 1000 0.1
}

both_ways() { # two senders each way on one counter
	local other=$E2E_RUN/other one
	"$TOP/build/tests/traffic" -a "$(netns_path peer)" -b "$(netns_path web)" -d "$(ip4 web)" -n 20000 -t 2 -g 0 -w 1500 >"$other" &
	one=$!
	packets web peer -n 20000 -t 2 -g 0 -w 1500
	wait "$one"
	cat "$other" >>"$FILE"
	stats predicted-count 7 30 && counts 40000 "$(number_lost)"
}

(($(nproc) > 1)) || {
	skip "races between CPUs" "one CPU: tests/vm/run -c 2"
	finish
}
net_up
pod web
pod peer
neighbours web peer
with '{"action":"loss","loss":{"loss":"30"},"seed":7,"name":"some"}' "$SENDERS senders: the seed's count is lost, every number is given once" seeded
with '{"action":"loss","loss":{"loss":"30"},"seed":7,"name":"some","direction":"both"}' "both ways at once: every number is given once" both_ways
with '{"action":"loss","loss":{"loss":"20","correlation":"60"},"seed":3,"name":"some"}' \
	"$SENDERS senders: a loss chain loses what it loses with one" correlated
# A machine without it leaves this to the VM.
if has_qdisc fq; then
	with '{"action":"rate","rate":{"rate":"8mbit"},"backend":"edt"}' "$SENDERS senders: a rate's clock keeps it" rate
fi
finish
