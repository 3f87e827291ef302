#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How much, how long, how often and until when: every fault measured with real packets on a clock that is exact (tests/vm/run -i). What is
# drawn has a seed, so that a statistical check holds always or never. Parts by name: time.sh [PART...]
set -euo pipefail
# Sleeping costs nothing here.
export WAIT_MS=1000
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

declare -ra PARTS=(traces delays jitter losses models duplicates corruption rates together windows clock seeds targets exempt ends
	operator foreign)

created() {
	sed -n 's/.*"createdMonoNs":[^0-9]*\([0-9]*\).*/\1/p' /run/faultwire/pods/web@eth0.json
}

key() { # of the first rule, with all its digits
	grep -o '"key":[^0-9]*[0-9]*' /run/faultwire/pods/web@eth0.json | sed 's/.*[^0-9]//;q'
}

# ---- delay

delay() { # BACKEND DIRECTION [MORE]
	printf '{"action":"delay","delay":{"latency":"50ms"},"backend":"%s","direction":"%s"%s}' "$1" "$2" "${3-}"
}

ends_of() { # DIRECTION: sets from, to
	[[ $1 == to ]] && from=web to=peer || from=peer to=web
}

delays() {
	local backend direction from to
	for backend in netem edt; do
		for direction in to from; do
			ends_of "$direction"
			with "$(delay "$backend" "$direction")" "a delay $direction by $backend is exact, the other way untouched, IPv4 and IPv6" \
				delays_one "$from" "$to"
		done
	done
	with "$(delay netem both)" "a delay of both ways by netem" delays_both
	with "$(delay edt both)" "a delay of both ways by edt" delays_both
	with "$(delay edt to ',"percent":25,"seed":4')" "percent delays its share" delays_share
}

delays_one() {
	both_families 400 1000 "$1" "$2" mean 50 0.1 && spared "$2" "$1" && FAMILY=6 spared "$2" "$1"
}

delays_both() {
	after 200 1000 web peer mean 50 0.1 && after 200 1000 peer web mean 50 0.1
}

delays_share() {
	after 4000 500 web peer late 25 50
}

jitter() {
	local direction from to
	with '{"action":"delay","delay":{"latency":"200ms","jitter":"50ms"},"backend":"netem"}' "jitter by netem is uniform" \
		jitter_uniform 2500 web peer
	with '{"action":"delay","delay":{"latency":"200ms","jitter":"20ms","distribution":"normal"}}' "a normal distribution is one" \
		after 2500 1000 web peer normal 200 20
	for direction in to from; do
		ends_of "$direction"
		with "{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\"},\"seed\":21,\"direction\":\"$direction\"}" \
			"jitter $direction by edt is uniform and what the seed picks" jitter_seeded 2500 "$from" "$to"
	done
}

jitter_uniform() {
	after "$1" 1000 "$2" "$3" mean 200 2 && stats uniform 150 250
}

jitter_seeded() {
	jitter_uniform "$@" && stats predicted-delays 21 200 50 0.2
}

# ---- loss, duplicates, corruption

losses() {
	local share n
	for share in 0.1 1 10 50; do
		n=$([[ $share == 10 || $share == 50 ]] && echo 5000 || echo 20000)
		with "{\"action\":\"loss\",\"loss\":{\"loss\":\"$share\"},\"seed\":1}" "a loss of $share % is one, by the binomial interval" \
			after "$n" 0 web peer loss "$share"
	done
	with '{"action":"loss","loss":{"loss":"50"},"percent":"20","seed":2}' "percent times loss is the share" after 10000 0 web peer loss 10
	with '{"action":"loss","loss":{"loss":"10"},"direction":"from","seed":3}' "a loss from, IPv6" losses_from
	with '{"action":"loss","loss":{"loss":"100"},"when":"10..100+3"}' "when picks exactly the events it names" \
		after 300 100 web peer when 10 100 3
	with "[$(whens 5001 7..9),$(whens 5002 7),$(whens 5003 7+),$(whens 5004 7+5)]" "when has strace's short forms" losses_when
}

whens() { # PORT WHEN
	printf '{"action":"loss","loss":{"loss":"100"},"target":{"ports":[%s]},"when":"%s"}' "$@"
}

losses_when() {
	packets web peer -n 50 -g 100 -p 5001 && stats when 7 9 1 && packets web peer -n 50 -g 100 -p 5002 && stats when 7 7 1 &&
		packets web peer -n 50 -g 100 -p 5003 && stats when 7 50 1 && packets web peer -n 50 -g 100 -p 5004 && stats when 7 50 5
}

losses_from() {
	FAMILY=6 after 5000 0 peer web loss 10
}

models() {
	with '{"action":"loss","loss":{"loss":"20","correlation":"60"},"seed":3}' "a correlated loss has its share and its autocorrelation" \
		after 12000 0 web peer correlated 20 60 2
	with '{"action":"loss","loss":{"gemodel":{"p":"2","r":"20","h":"0","k":"100"}},"seed":5}' "Gilbert-Elliott's runs have the length 1/r" \
		models_gilbert
	with '{"action":"loss","loss":{"gemodel":{"p":"10","r":"30","h":"40","k":"95"}},"seed":6}' \
		"Gilbert-Elliott loses in both states what h and k leave" after 10000 0 web peer between-share 17.5 20
	with '{"action":"loss","loss":{"state":{"p13":"5","p31":"30","p32":"20","p23":"40","p14":"2"}},"seed":7}' \
		"four states lose the share that they have in the long run" after 12000 0 web peer state 5 30 20 40 2 0.8
}

models_gilbert() {
	after 12000 0 web peer run-length 5 0.5 && stats between-share 8.5 9.8
}

duplicates() {
	with '{"action":"duplicate","duplicate":{"duplicate":"25"},"seed":8}' "a quarter is doubled on the way out" \
		after 5000 0 web peer duplicate 25
	with '{"action":"duplicate","duplicate":{"duplicate":"25"},"direction":"from","seed":8}' "a quarter is doubled on the way in" \
		after 5000 0 peer web duplicate 25
	with '[{"action":"duplicate","duplicate":{"duplicate":"25"},"seed":8},{"action":"delay","delay":{"latency":"50ms"}}]' \
		"a copy is delayed like its original" duplicates_delayed
}

duplicates_delayed() {
	after 1000 200 web peer duplicate 25 && stats mean 50 0.2
}

checksum_errors() { # POD
	ip netns exec "$1" awk '/^Udp:/ { if (n) print $n; else for (i = 1; i <= NF; i++) if ($i == "InCsumErrors") n = i }' /proc/net/snmp
}

corruption() {
	local direction from to
	for direction in to from; do
		ends_of "$direction"
		with "{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"20\"},\"seed\":9,\"direction\":\"$direction\",\"name\":\"bits\"}" \
			"corruption $direction breaks the checksum: nothing damaged arrives" corruption_invalid "$from" "$to"
		with "{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"20\",\"checksum\":\"valid\"},\"seed\":11,\"direction\":\"$direction\"}" \
			"valid corruption $direction reaches the application" both_families 3000 0 "$from" "$to" damaged 20
	done
	with '[{"action":"corrupt","corrupt":{"corrupt":"20"},"seed":9},{"action":"delay","delay":{"latency":"50ms"},"backend":"netem"}]' \
		"corruption beside a delay by netem" corruption_delayed
	with '[{"action":"corrupt","corrupt":{"corrupt":"20"},"seed":9},{"action":"delay","delay":{"latency":"50ms"},"backend":"edt"}]' \
		"corruption beside a delay by edt" corruption_delayed
}

# netem's bit may fall on the source MAC address, 6 of 1042 bytes, where it hurts nobody.
corruption_invalid() {
	local before lost failed
	before=$(checksum_errors "$2")
	packets "$1" "$2" -n 3000 -g 0 -l 1000
	stats damaged 0 && stats lost-of-predicted 9 20 0.03 || return 1
	lost=$(awk '$4 == 0' "$FILE" | wc -l)
	failed=$(($(checksum_errors "$2") - before))
	# the rest of the lost were broken in the headers in front
	((failed <= lost && failed > lost * 9 / 10)) || equals "$failed failed checksums" "$lost lost"
}

corruption_delayed() {
	packets web peer -n 1000 -g 500 -l 1000
	stats mean 50 0.2 && stats damaged 0 && stats lost-of-predicted 9 20 0.05
}

# ---- rate

rates() {
	local direction backend action from to
	for direction in to from; do
		ends_of "$direction"
		for backend in netem edt; do
			with "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"8mbit\"},\"backend\":\"$backend\",\"direction\":\"$direction\"}" \
				"bandwidth $direction by $backend holds its rate" rates_hold "$from" "$to" 1000 500
		done
		with "{\"action\":\"rate\",\"rate\":{\"rate\":\"2mbit\"},\"backend\":\"edt\",\"direction\":\"$direction\"}" \
			"a rate $direction by edt counts the headers of small packets" rates_hold_small "$from" "$to"
	done
}

rates_hold() {
	packets "$1" "$2" -n 2000 -g "$4" -l "$3"
	stats rate 8 "$3" 0.05
}

rates_hold_small() {
	packets "$1" "$2" -n 2500 -g 200 -l 64
	stats rate 2 64 0.05
}

# Delay, bandwidth and loss on one pod, by few packets and under load.
together() {
	with '[{"action":"delay","delay":{"latency":"50ms"}},{"action":"bandwidth","bandwidth":{"rate":"8mbit"}},
	       {"action":"loss","loss":{"loss":"10"},"seed":12}]' "delay, bandwidth and loss hold at once" together_hold
	with '[{"action":"delay","delay":{"latency":"30ms"}},{"action":"delay","delay":{"latency":"20ms"},"target":{"ports":[9999]}}]' \
		"two delays add up" after 300 1000 web peer mean 50 0.1
	with '[{"action":"corrupt","corrupt":{"corrupt":"40"},"seed":9},{"action":"bandwidth","bandwidth":{"rate":"8mbit"}}]' \
		"corrupted packets take their part of the rate" together_corrupt
	with '[{"action":"rate","rate":{"rate":"8mbit"}},{"action":"rate","rate":{"rate":"20mbit"}}]' "of two rates the least holds" \
		rates_hold web peer 1000 300
}

together_corrupt() {
	packets web peer -n 3000 -g 500 -l 1000
	stats rate 4.8 1000 0.05
}

together_hold() {
	after 2000 4000 web peer mean 50 0.1 || return 1
	stats loss 10 && stats predicted 12 10 || return 1
	rates_hold web peer 1000 500
}

# ---- windows

windows() {
	local article='"delay":{"latency":"200ms","jitter":"50ms","correlation":"100"},"duration":"300ms","schedule":"@every 1s"'
	with '{"action":"delay","delay":{"latency":"30ms"},"backend":"netem","start":"2s","duration":"200ms","schedule":"@every 1s"}' \
		"windows touch all inside and none outside, by netem" windows_exact 5000 2000 200 1000 29.9 31 3000
	with '{"action":"delay","delay":{"latency":"30ms"},"backend":"edt","start":"2s","duration":"200ms","schedule":"@every 1s"}' \
		"windows touch all inside and none of 10,000 outside, by edt" windows_exact 13000 2000 200 1000 29.9 31 10000
	with '{"action":"delay","delay":{"latency":"30ms"},"start":"4s","duration":"1s"}' "without a schedule there is one window" \
		windows_exact 6000 4000 1000 0 29.9 31 1000
	with "{\"action\":\"delay\",$article}" "correlation 100 is one draw a window" windows_drawn web peer
	with "{\"action\":\"delay\",$article,\"direction\":\"from\"}" "correlation 100 is one draw a window, on the way in" \
		windows_drawn peer web
	with '{"action":"partition","start":"2s","duration":"500ms","schedule":"@every 1s"}' "windows of a partition" windows_lost
}

windows_exact() { # PACKETS START-MS ON-MS PERIOD-MS LOW HIGH OUTSIDE-MIN
	after "$1" 1000 web peer windows "$(created)" "${2}000000" "${3}000000" "${4}000000" 1 "$5" "$6" "$7"
}

windows_drawn() {
	after 5000 1000 "$1" "$2" per-window "$(created)" 300000000 1000000000 150 250 &&
		stats windows "$(created)" 0 300000000 1000000000 1 150 250 2500
}

windows_lost() {
	after 4000 1000 web peer windows-lost "$(created)" 2000000000 500000000 1000000000 1
}

clock() {
	local fault='"delay":{"latency":"30ms"},"duration":"300ms","schedule":"@every 1s","anchor":"clock"'
	with "{\"action\":\"delay\",$fault}" "anchor clock: windows at multiples since the epoch" clock_exact 4000 0 2000
	with "{\"action\":\"delay\",$fault,\"start\":\"4s\"}" "anchor clock: start holds windows back" \
		clock_exact 6000 $((4 * 1000000000)) 3000
}

clock_exact() { # PACKETS START-NS OUTSIDE-MIN
	local epoch # on the monotonic clock
	epoch=$(python3 -SE -c 'import time; print(max(time.monotonic_ns() - time.time_ns() for i in range(99)))')
	after "$1" 1000 web peer windows "$epoch" 0 300000000 1000000000 1 29.9 31 "$3" $(($(created) + $2))
}

# ---- seeds

seeds() {
	local fault='{"action":"loss","loss":{"loss":"30"},"seed":"18446744073709551615"}'
	with "$fault" "a seed decides which packets are lost" after 3000 100 web peer predicted 18446744073709551615 30
	add twin "$fault"
	holds "a second pod of the same seed loses the same" after 3000 100 twin peer predicted 18446744073709551615 30
	del twin
	with '{"action":"loss","loss":{"loss":"30"},"seed":"0"}' "another seed loses others" seeds_differ
	with '{"action":"loss","loss":{"loss":"30"}}' "a seed that nobody gave is recorded" seeds_recorded
}

seeds_differ() {
	after 3000 100 web peer predicted 0 30 && not stats predicted 1 30
}

seeds_recorded() {
	local one two
	one=$(key)
	after 3000 100 web peer predicted "key:$one" 30 || return 1
	del web && add web '{"action":"loss","loss":{"loss":"30"}}' || return 1
	two=$(key)
	not equals "$one" "$two" >/dev/null
}

# ---- targets

# Many and simple, so without stats.py.
lost() { # FROM TO [OPTION...]
	packets "$1" "$2" -n 20 -g 100 "${@:3}"
	awk '$4 { n++ } END { if (n) print n, "came through"; exit n > 0 }' "$FILE"
}

spared() { # FROM TO [OPTION...]: none is lost, doubled, damaged, or late by 10 ms (the guest may be busy for some; a fault here delays by 50)
	packets "$1" "$2" -n 20 -g 100 "${@:3}"
	awk '$3 < 0 || $3 >= 10000000 || $4 != 1 || $5 { n++ } END { if (n) print n, "were touched"; exit n > 0 }' "$FILE"
}

targets() {
	local peer both
	peer="$(ip4 peer)/32\",\"$(ip6 peer)"
	both='"direction":"both"'
	with "{\"action\":\"partition\",\"target\":{\"cidrs\":[\"$peer\"]}}" "a target of addresses spares others, IPv4 and IPv6" targets_address
	with "{\"action\":\"partition\",$both,\"target\":{\"cidrs\":[\"10.88.0.0/16\",\"fd88::/64\"],\"except\":[\"$peer\"]}}" \
		"an exception is spared, IPv4 and IPv6" targets_except
	with "{\"action\":\"delay\",\"delay\":{\"latency\":\"50ms\"},\"target\":{\"cidrs\":[\"$peer\"],\"ports\":[9999]}}" \
		"a delay with a target delays that alone" targets_delay
	with '{"action":"partition","target":{"ports":["5432","8000-8100"]}}' "ports to are the remote ones" targets_ports
	with '{"action":"partition","direction":"from","target":{"ports":["5432","8000-8100"]}}' "ports from are the local ones" \
		targets_ports_from
	with '{"action":"partition","target":{"sourcePorts":["1000-1010"]}}' "source ports to are the local ones" targets_source
	with '{"action":"partition","target":{"protocol":"icmp"}}' "protocol icmp spares UDP" targets_icmp
	with '{"action":"partition","target":{"protocol":"udp"}}' "protocol udp spares ICMP" targets_udp
	with '{"action":"partition","target":{"protocol":"tcp","ports":[9999]}}' "protocol tcp spares UDP" spared web peer
	with "{\"action\":\"partition\",$both,\"when\":\"1..5\"}" "both ways share one counter" targets_both
	with '{"action":"partition","direction":"from"}' "a partition from drops what enters alone" targets_from
}

targets_address() {
	lost web peer && FAMILY=6 lost web peer && spared web other && FAMILY=6 spared web other && spared peer web && FAMILY=6 spared peer web
}

targets_except() {
	lost web other && FAMILY=6 lost web other && lost other web && spared web peer && FAMILY=6 spared web peer && spared peer web
}

targets_delay() {
	packets web peer -n 100 && stats mean 50 0.1 && spared web peer -p 9998 && spared web other
}

targets_ports() {
	lost web peer -p 5432 && FAMILY=6 lost web peer -p 8000 && lost web peer -p 8100 && spared web peer -p 8101 && spared web peer -p 7999 &&
		spared web peer -p 5433 && FAMILY=6 spared web peer -p 5431 && spared web peer -s 5432
}

targets_ports_from() {
	lost peer web -p 5432 && FAMILY=6 lost peer web -p 8050 && spared peer web -p 5431 && spared peer web -s 5432 && spared web peer -p 5432
}

targets_source() {
	lost web peer -s 1010 && spared web peer -s 1011 && FAMILY=6 lost web peer -s 1000 && FAMILY=6 spared web peer -s 999 &&
		spared web peer -p 1005
}

ping_from() { # POD ADDRESS
	ip netns exec "$1" ping -c 2 -i 0.1 -W 1 "$2" >/dev/null
}

targets_icmp() {
	spared web peer && not ping_from web "$(ip4 peer)" && not ping_from web "$(ip6 peer)"
}

targets_udp() {
	lost web peer && FAMILY=6 lost web peer && ping_from web "$(ip4 peer)" && ping_from web "$(ip6 peer)"
}

targets_both() {
	packets web peer -n 3 -g 100 && stats lost 3 && packets peer web -n 3 -g 100 && stats lost 2
}

targets_from() {
	lost peer web && FAMILY=6 lost peer web && spared web peer && FAMILY=6 spared web peer
}

# ---- what is exempt

exempt() {
	local others
	others="$(ip4 other)\",\"$(ip6 other)"
	with '{"action":"partition","direction":"both"}' "the node's own addresses are exempt, as probes need it" exempt_node
	with '{"action":"delay","delay":{"latency":"2s"},"direction":"both"}' "the node's own addresses are not delayed" exempt_node
	with '{"action":"partition","includeNode":true,"name":"all"}' "what tells switches of a new address is no event" exempt_mld
	with '{"action":"partition","direction":"both","includeNode":true}' "includeNode takes the node in" not_node
	with "{\"action\":\"partition\",\"direction\":\"both\",\"includeNode\":true,\"target\":{\"except\":[\"$others\"]}}" \
		"ARP and neighbour discovery work under a partition" exempt_discovery
}

exempt_node() {
	ping_from web 10.88.0.1 && ping_from web fd88::1 && ping -c 2 -i 0.1 -W 1 "$(ip4 web)" >/dev/null && ping -c 2 -i 0.1 -W 1 "$(ip6 web)" >/dev/null
}

not_node() {
	not ping_from web 10.88.0.1 && not ping_from web fd88::1 && not ping -c 1 -W 1 "$(ip4 web)" >/dev/null
}

exempt_mld() {
	ip -n web addr add fd88::1234/64 dev eth0
	sleep 4
	ip -n web addr del fd88::1234/64 dev eth0
	sleep 4
	equals "$(counter web all matched)" 0
}

exempt_discovery() {
	ip -n web neigh flush all nud permanent && ip -n web neigh flush all && ip -n other neigh flush all nud permanent && ip -n other neigh flush all
	ping_from web "$(ip4 other)" && ping_from web "$(ip6 other)" || return 1
	equals "$(ip -n web neigh show to "$(ip6 other)" | wc -l)" 1 && lost web peer
	neighbours web peer && neighbours web other
}

# ---- ends: nothing outlives a window or an abort by more than latency + 1 s

slow() { # BACKEND
	printf '{"action":"rate","rate":{"rate":"64kbit"},"backend":"%s"%s}' "$1" "${2-}"
}

ends() {
	local backend
	for backend in netem edt; do
		with "$(delay "$backend" to | sed 's/50ms/500ms/')" "an abort ends a delay by $backend: what is queued leaves within its latency" \
			ends_abort 500.5
		with "$(slow "$backend")" "an abort ends a rate by $backend: what is queued leaves within 1 s" ends_abort 1000
		with "$(slow "$backend" ',"duration":"6s","schedule":"@every 12s"')" "a window of a rate by $backend ends: what is queued leaves within 1 s" ends_window 6 1000
	done
	with "[$(slow auto ',"duration":"6s","schedule":"@every 12s"'),$(delay auto to ',"duration":"6s","schedule":"@every 12s"' | sed 's/50ms/300ms/')]" \
		"delay and rate end together: within latency + 1 s" ends_window 6 1300
}

# Packets while the operator aborts; what runs is warm by then.
ends_abort() { # BOUND-MS
	local rc=0 traffic
	"$FAULTWIRE" status >/dev/null
	packets web peer -n 800 -g 5000 -l 200 -w 3000 &
	traffic=$!
	sleep 1.5
	"$FAULTWIRE" abort web || rc=1
	wait "$traffic"
	"$FAULTWIRE" resume web || rc=1
	stats ended - "$1" && return "$rc"
}

# Windows repeat every 12 s, since nobody knows how much virtual time passes until the first packet; judged is the first end that has
# a second of packets before it.
ends_window() { # SECONDS BOUND-MS
	local end
	packets web peer -n 3200 -g 5000 -l 200 -w 3000
	end=$(awk -v c="$(created)" -v on="$1" 'NR == 1 { e = c + on * 1e9; while (e < $2 + 1e9) e += 12e9; printf "%.0f", e }' "$FILE")
	awk -v last="$((end + (11 - $1) * 1000000000))" '$2 < last' "$FILE" >"$FILE.judged"
	mv "$FILE.judged" "$FILE"
	stats ended "$end" "$2"
}

# ---- the operator

operator() {
	"$FAULTWIRE" status >/dev/null
	with "$(delay netem to ',"armed":false,"name":"slow"')" "a fault that is not armed waits for the operator" operator_arms
	MORE_ANNOTATIONS='{"faultwire.dev/experiment":"game"}' with "$(delay edt to)" "abort and resume of an experiment" operator_game
	with '[{"action":"loss","loss":{"loss":"30"},"seed":5,"name":"some"},{"action":"delay","delay":{"latency":"20ms"},"name":"slow"}]' \
		"status counts what matched and what was injected, and a rule behind a drop does not count" operator_counts
}

mean_50() {
	after 100 1000 web peer mean 50 0.1
}

operator_arms() {
	spared web peer && "$FAULTWIRE" arm web && mean_50 && "$FAULTWIRE" disarm web && spared web peer && "$FAULTWIRE" arm web slow && mean_50
}

operator_game() {
	mean_50 && "$FAULTWIRE" abort --experiment other && mean_50 && "$FAULTWIRE" abort --experiment game && spared web peer &&
		"$FAULTWIRE" resume --experiment game && mean_50 && "$FAULTWIRE" resume --experiment other
}

operator_counts() {
	local lost
	packets web peer -n 1000 -g 100 && stats predicted 5 30 || return 1
	lost=$(awk '$4 == 0' "$FILE" | wc -l)
	equals "$(counter web some matched) $(counter web some injected)" "1000 $lost" &&
		equals "$(counter web slow matched) $(counter web slow injected)" "$((1000 - lost)) $((1000 - lost))"
}

# ---- nothing is left, and nothing of others is touched

traces() {
	local before
	before=$(leftovers)
	add twin '{"action":"partition"}'
	add web "[$(delay netem from),$(delay edt to),{\"action\":\"rate\",\"rate\":{\"rate\":\"8mbit\"}},
		{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"20\"},\"direction\":\"both\"}]"
	not equals "$(leftovers)" "$before" >/dev/null || holds "leftovers sees what faults make" false
	del web
	holds "a neighbour keeps its fault when a pod goes" lost twin peer
	del twin
	holds "after the last DEL no program, map, pin, record, qdisc or link is left" equals "$(leftovers)" "$before"
}

foreign_filters() {
	tc -n web filter show dev eth0 egress pref 10
	tc -n web filter show dev eth0 ingress pref 10
}

foreign_seen() { # DIRECTION: packets that the foreign filter saw
	tc -n web -s filter show dev eth0 "$1" pref 10 | sed -n 's/.*Sent [0-9]* bytes \([0-9]*\) pkt.*/\1/p'
}

foreign() {
	local before there
	tc -n web qdisc add dev eth0 clsact
	tc -n web filter add dev eth0 egress pref 10 protocol ip matchall action gact ok
	tc -n web filter add dev eth0 ingress pref 10 protocol ip matchall action gact ok
	before=$(foreign_filters)
	with '{"action":"loss","loss":{"loss":"30"},"seed":5,"direction":"both"}' "others' filters run after ours" foreign_after web peer egress
	with '{"action":"loss","loss":{"loss":"30"},"seed":5,"direction":"both"}' "others' filters run after ours, on the way in" \
		foreign_after peer web ingress
	with "$(delay edt to)" "others' filters see a packet that is delayed by edt once" foreign_once
	holds "others' filters are as they were" equals "$(foreign_filters)" "$before"
	tc -n web qdisc del dev eth0 clsact

	tc -n web qdisc add dev eth0 root handle 1: prio
	there=$(leftovers)
	holds "a root qdisc of others is refused" not add_said web "$(delay netem to)"
	add_said web "$(delay netem to)" || true
	holds "the refusal names its kind" contains "$SAID" prio
	holds "the refusal leaves nothing half applied" equals "$(leftovers)" "$there"
	with '{"action":"partition"}' "a fault that shapes nothing lives beside it" lost web peer
	with "$(delay netem from)" "so does a delay from" after 100 1000 peer web mean 50 0.1
	holds "a root qdisc of others is as it was" equals "$(leftovers)" "$there"
	tc -n web qdisc del dev eth0 root
}

foreign_after() { # FROM TO HOOK
	local seen came
	seen=$(foreign_seen "$3")
	packets "$1" "$2" -n 500 -g 100 && stats predicted 5 30 || return 1
	came=$(awk '$4 == 1' "$FILE" | wc -l)
	equals $(($(foreign_seen "$3") - seen)) "$came"
}

foreign_once() {
	local seen
	seen=$(foreign_seen egress)
	mean_50 && equals $(($(foreign_seen egress) - seen)) 100
}

has_qdisc netem || {
	skip "faults on an exact clock" "this kernel has no sch_netem: tests/vm/run -i"
	finish
}
net_up
for name in web peer other twin holder; do
	pod "$name"
done
neighbours web peer
neighbours web other
neighbours twin peer
if (($# == 0)); then
	set -- "${PARTS[@]}"
fi
# While one pod has faults the programs stay loaded; 'traces' wants to see the last one go, and comes first.
for part; do
	echo "# $part"
	[[ $part == traces || -e /run/faultwire/pods/holder@eth0.json ]] ||
		add holder '{"action":"partition"}'
	"$part"
done
finish
