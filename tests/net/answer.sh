#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Faults that answer in the kernel, with real sockets: reset, the pod's DNS queries, and the first connections of a rule. IPv4 and
# IPv6, checksums computed early and late, tags, bulk traffic; counters are exact, and the server is asked what it saw.
# answer.sh [PART...]: resets bulks sums firsts queries hostile together ends
set -euo pipefail
. "$(dirname "$0")/lib.bash"

net_up
pod web
pod peer
pod holder
neighbours web peer
# A SYN|ACK that nobody answers is not sent again: it would be a connection to the rule of a later check.
for half_open in web peer; do
	ip netns exec $half_open sysctl -qw net.ipv4.tcp_synack_retries=0
done
LOG=$E2E_RUN/server SERVED=0
: >"$LOG"

# Compiled once, and without what Python loads for others: in the VM that is most of its time.
python3 -SE -c 'import py_compile, sys; py_compile.compile(*sys.argv[1:], doraise=True)' "$TOP/tests/net/answer.py" "$E2E_RUN/answer.pyc"
in_pod() { # POD VERB ARGUMENTS...
	ip netns exec "$1" python3 -SE "$E2E_RUN/answer.pyc" "${@:2}"
}
serve() { # POD LOG
	in_pod "$1" serve "$2" &
	e2e_wait 90 grep -q ready "$2"
}
serve peer "$LOG"
serve web "$E2E_RUN/web-server"

# What the server saw since the last call: 'udp 2', or nothing.
served() {
	local new
	new=$(tail -n +$((SERVED + 1)) "$LOG" | grep -E "${1-.}" | sort | uniq -c | awk '{ printf "%s%s %s", sep, $2, $1; sep = " " }')
	SERVED=$(wc -l <"$LOG")
	echo "$new"
}
says() { # WANT VERB ARGUMENTS...: a client in web
	equals "$(in_pod web "${@:2}")" "$1"
}
counts() { # MATCHED INJECTED [POD]
	equals "$(counter "${3-web}" "network[0]" matched)/$(counter "${3-web}" "network[0]" injected)" "$1/$2"
}
both_ip() { # COMMAND, with the server's address in $IP
	IP=$(ip4 peer) "$@" && IP=$(ip6 peer) "$@"
}
addresses() { # POD
	ip4 "$1"
	ip6 "$1"
}

# ---- reset

refused() {
	served >/dev/null
	# shellcheck disable=SC2046
	says "refused refused" connect $(addresses peer) && equals "$(served)" ''
}
refused_once() { refused && counts 2 2; }

# The SYN|ACK is answered to the peer; what web then sends again is the client's own business.
unheard() {
	# shellcheck disable=SC2046
	TIMEOUT=0.5 says "timeout timeout" connect $(addresses peer)
}

refused_by_web() { # the client is peer
	# shellcheck disable=SC2046
	equals "$(in_pod peer connect $(addresses web))" "refused refused"
}
both_refused() { refused_by_web && counts 2 2 && equals "$(grep -c connection "$E2E_RUN/web-server")" 0; }

resets() {
	with '{"action":"reset"}' "a SYN is refused at once, the peer hears nothing of it, IPv4 and IPv6" refused_once
	with '{"action":"reset","target":{"ports":[7001]}}' "another port than the target's is not reset" says connected connect "$(ip4 peer)"
	with '{"action":"reset"}' "UDP is no event of a reset" after 50 50 web peer untouched
	with '{"action":"reset","direction":"both","duration":"1s","schedule":"@every 1s","start":"1h"}' "outside its window nothing is reset" \
		says connected connect "$(ip4 peer)"
	with '{"action":"reset","direction":"from"}' "from answers what enters: the pod's own connections are never made" unheard
	with '{"action":"reset","direction":"from"}' "from refuses the peer, and the pod hears nothing of it" both_refused
}

# Bulk is under way when the fault is armed.
broken() { # POD HOST up|down
	local out=$E2E_RUN/out client
	rm -f "$E2E_RUN/under-way"
	in_pod "$1" stream "$2" "$3" "$E2E_RUN/under-way" >"$out" &
	client=$!
	e2e_wait 30 test -e "$E2E_RUN/under-way" && "$FAULTWIRE" arm web || return 1
	wait "$client"
	"$FAULTWIRE" disarm web
	equals "$(cat "$out")" reset
}
breaks_all() { # POD SERVER
	broken "$1" "$(ip4 "$2")" up && broken "$1" "$(ip4 "$2")" down && broken "$1" "$(ip6 "$2")" up && broken "$1" "$(ip6 "$2")" down
}

untouched_bulk() {
	LONGEST=20000000 says done stream "$(ip4 peer)" up "$E2E_RUN/under-way" && counts 0 0
}
not_events() { # the RST of the kernel itself: nobody listens on 7001 of peer
	in_pod peer connect "$(ip4 web)" >/dev/null
	counts 0 0
}

bulks() {
	with '{"action":"reset","armed":false}' "a pod's bulk is reset midway, up and down, IPv4 and IPv6" breaks_all web peer
	with '{"action":"reset","armed":false,"direction":"from"}' "a peer's bulk is reset midway, up and down, IPv4 and IPv6" breaks_all peer web
	with '{"action":"reset","armed":false,"percent":1,"seed":4}' "one packet in a hundred is enough for a bulk" \
		broken web "$(ip4 peer)" up
	with '{"action":"reset","start":"1h"}' "a window that is closed leaves a bulk alone" untouched_bulk
	with '{"action":"reset","target":{"ports":[7001]}}' "what another port does is not counted" not_events
}

# Checksums: computed by the sender (off), left to a device that never does (on), and completed on the way out of a device that cannot.
checksums() { # COMMAND...
	local web peer rc=0
	for web in on off; do
		for peer in on off; do
			ip netns exec web ethtool -K eth0 tx "$web" >/dev/null
			ip netns exec peer ethtool -K eth0 tx "$peer" >/dev/null
			"$@" || {
				echo "with tx $web in web and $peer in peer"
				rc=1
			}
		done
	done
	ip netns exec web ethtool -K eth0 tx on >/dev/null
	ip netns exec peer ethtool -K eth0 tx on >/dev/null
	return $rc
}

# Tags beside the frame, and in it.
tagged() {
	local pod rc=0
	for pod in web peer; do
		ip -n $pod link add link eth0 name eth0.5 type vlan id 5
		ip -n $pod addr add 10.99.0.$((${#pod}))/24 dev eth0.5
		ip -n $pod link set eth0.5 up
	done
	equals "$(in_pod web connect 10.99.0.4)" refused || rc=1
	ip netns exec web ethtool -K eth0 txvlan off >/dev/null
	equals "$(in_pod web connect 10.99.0.4)" refused || rc=1
	ip netns exec web ethtool -K eth0 txvlan on >/dev/null
	counts 2 2 || rc=1
	for pod in web peer; do
		ip -n $pod link del eth0.5
	done
	return $rc
}

sums() {
	with '{"action":"reset"}' "a RST into the pod has its checksum right, whoever computes them" checksums refused
	with '{"action":"reset","direction":"from"}' "a RST to a peer has its checksum right, whoever computes them" checksums refused_by_web
	with '{"action":"reset"}' "tagged packets are answered as tagged packets" tagged
}

# ---- the first connections

first_two() { equals "$(in_pod web connections "$IP" 4)" "reset refused ok ok"; }
first_in() { equals "$(in_pod peer connections "$(ip4 web)" 4)" "reset refused ok ok"; }

chosen_only() { # at least SYN, SYN|ACK, ACK, data and echo of both
	local two three
	in_pod peer connections "$(ip4 web)" 2 >/dev/null
	sleep 0.3
	two=$(counter web "network[0]" matched)
	in_pod peer connections "$(ip4 web)" 3 >/dev/null
	sleep 0.3
	three=$(counter web "network[0]" matched)
	((two >= 10)) && equals "$three" "$two"
}

syn_again() { # the first SYN is lost, the second is the same connection, and so is all that follows
	TIMEOUT=8 says "ok ok" connections "$(ip4 peer)" 2 || return 1
	(($(counter web "network[0]" matched) >= 5)) && equals "$(counter web "network[0]" injected)" 1
}

declare -a clients=()
first_of_many() {
	local i host
	host=$(ip4 peer)
	for i in 1 2 3 4; do
		in_pod web connect $host $host $host $host $host $host $host $host $host $host $host $host >"$E2E_RUN/many-$i" &
		clients[i]=$!
	done
	for i in 1 2 3 4; do wait "${clients[i]}"; done
	equals "$(cat "$E2E_RUN"/many-* | tr ' ' '\n' | sort | uniq -c | awk '{ printf "%s %s ", $1, $2 }')" "31 connected 17 refused "
}

firsts() {
	with '{"action":"reset","firstConnections":2,"when":"2+","target":{"ports":[7000]}}' "the first two connections break, the first behind its SYN, and no others" \
		eval 'IP=$(ip4 peer) first_two'
	with '{"action":"reset","firstConnections":2,"when":"2+","target":{"ports":[7000]}}' "so they do over IPv6" eval 'IP=$(ip6 peer) first_two'
	with '{"action":"reset","firstConnections":2,"when":"2+","direction":"from","target":{"ports":[7000]}}' "so do those that enter" first_in
	with '{"action":"duplicate","duplicate":{"duplicate":"0"},"firstConnections":2,"direction":"both"}' \
		"packets of the first connections count, both ways, and no others" chosen_only
	with '{"action":"loss","loss":{"loss":"100"},"when":"1","firstConnections":1}' "a SYN that is sent again is the same connection" syn_again
	with '{"action":"partition","firstConnections":3}' "UDP is no connection" after 50 50 web peer untouched
	with '{"action":"reset","firstConnections":17}' "n is exact while many connect at once" first_of_many
}

# ---- dns

# asks WANT QUERY...: what the answers are, and the server hears only what it answers
asks() {
	local want=$1 heard
	served >/dev/null
	says "$want" ask "$IP" udp "${@:2}" || return 1
	heard=$(tr ' ' '\n' <<<"$want" | grep -c server || true)
	equals "$(served)" "$([ "$heard" = 0 ] || echo "udp $heard")"
}
nxdomain() {
	asks "3 3 3 server server server" "db.shop.example A" "DB.Shop.EXAMPLE AAAA" "db.shop.example A edns" "db.shop.example.org A" \
		"shop.example A" "xdb.shop.example A edns"
}
both_nxdomain() { both_ip nxdomain && counts 6 6; }
servfail() { asks "2 2 2" "a.b.c A" ". NS" "x TXT edns"; }
globs() {
	asks "5 5 server 5 server server 5 server" "a.svc A" "a.b.svc HTTPS" "svc A" "db-1.example A" "db-12.example A" "db-.example A" \
		"front.any.thing MX" "back.front.x A"
}
types() { asks "2 2 server server" "a.b AAAA" "a.b HTTPS" "a.b A" "a.b ANY"; }
silent() { TIMEOUT=1.5 asks "timeout server" "a.b A" "b.a A"; }
over_tcp() {
	served >/dev/null
	says "reset reset server server" ask "$IP" tcp "a.b A" "a.b A split" "b.a A" "b.a A split" && equals "$(served)" 'tcp 2'
}
both_over_tcp() { both_ip over_tcp && counts 4 4; }
silent_tcp() { # the segment is sent again, and is the same query
	served >/dev/null
	TIMEOUT=1.5 says timeout ask "$(ip4 peer)" tcp "a.b A" && equals "$(served)" '' && counts 1 1
}
every_second() { IP=$(ip4 peer) asks "server 2 server 2" "a.b A" "a.b A" "a.b A" "a.b A" && counts 4 2; }
both_answered() { both_ip asks "2 2 2 2" "a.b A edns" "a.bc A" "a.bcd A" "a.bcde A edns"; }

queries() {
	with '{"action":"dns","dns":{"patterns":["db.shop.example"],"rcode":"NXDOMAIN"}}' \
		"a query for the name is answered with NXDOMAIN, whatever its case; others reach the server" both_nxdomain
	with '{"action":"dns","dns":{}}' "without patterns every query gets SERVFAIL" both_ip servfail
	with '{"action":"dns","dns":{"patterns":["*.svc","db-?.example.","front.*"],"rcode":"REFUSED"}}' "globs match as they are written" both_ip globs
	with '{"action":"dns","dns":{"patterns":["a.b"],"types":["AAAA","HTTPS"]}}' "types choose among the queries" both_ip types
	with '{"action":"dns","dns":{"patterns":["a.b"],"rcode":"timeout"}}' "timeout answers nothing, and the server hears nothing" both_ip silent
	with '{"action":"dns","dns":{"patterns":["a.b"]}}' "over TCP the query is dropped and the connection reset" both_over_tcp
	with '{"action":"dns","dns":{"patterns":["a.b"],"rcode":"timeout"}}' \
		"over TCP a timeout drops the query, each time it is sent, and counts it once" silent_tcp
	with '{"action":"dns","dns":{},"target":{"ports":[5353]}}' "with ports of one's own 53 is left alone" eval 'IP=$(ip4 peer) asks server "a.b A"'
	with '{"action":"dns","dns":{},"target":{"protocol":"tcp"}}' "with protocol tcp UDP is left alone" eval 'IP=$(ip4 peer) asks server "a.b A"'
	with '{"action":"dns","dns":{},"when":"2..9+2"}' "when counts queries" every_second
	with '{"action":"dns","dns":{}}' "a resolver on the node is no exception" says 2 ask 10.88.0.1 udp "a.b A"
	with '{"action":"dns","dns":{}}' "an answer has its checksum right, whoever computes them" checksums both_answered
}

# Nothing that is no plain query matches, though every name would; the server gets it as it went.
label63=3f$(printf '61%.0s' $(seq 63))
declare -ar no_query=(
	1234                                             # no header
	12340100000100000000                             # half of one
	123401000001000000000000                         # no question
	12340100000100000000000001                       # a label that is not there
	123401000001000000000000c00c00010001             # a pointer for a name
	1234010000010000000000000161c00c00010001         # one behind a label, to itself
	123401000001000000000000406100010001             # a length of 64
	12340100000100000000000005616200010001           # a label past the end
	1234010000010000000000000161                     # no terminator
	12340100000100000000000001610000                 # no type
	123401000001000000000000016100000100             # half a class
	12340100000200000000000001610000010001           # two questions
	12340100000000000000000001610000010001           # none
	12348100000100000000000001610000010001           # an answer
	12342800000100000000000001610000010001           # another opcode
	12340100000100000000000001610000010003           # another class
	"123401000001000000000000$label63$label63$label63${label63}0000010001" # 257 bytes of name
	"123401000001000000000000$(printf '0161%.0s' $(seq 600))0000010001"    # 1201
)
no_queries() {
	served >/dev/null
	in_pod web raw "$IP" "${no_query[@]}" >/dev/null
	equals "$(served)" "udp ${#no_query[@]}"
}
both_hostile() { both_ip no_queries && counts 0 0; }
longest() { # 255 bytes on the wire
	local name
	name=$(printf 'a%.0s' $(seq 63))
	asks 2 "$name.$name.$name.${name:2} A edns"
}

hostile() {
	with '{"action":"dns","dns":{"rcode":"timeout"}}' "a name that is none matches nothing and harms nobody" both_hostile
	with '{"action":"dns","dns":{"patterns":["*a"]}}' "the longest name is answered whole" both_ip longest
}

# ---- together, and afterwards

answers_and_loss() {
	IP=$(ip4 peer) asks 2 "a.b A" && says refused connect "$(ip4 peer)" && after 50 50 web peer lost 50
}

together() {
	with '[{"action":"loss","loss":{"loss":"100"},"direction":"both"},{"action":"dns","dns":{}},{"action":"reset"}]' \
		"an answer is before a loss, and not subject to it" answers_and_loss
}

entries() {
	local map
	for map in /sys/fs/bpf/faultwire/*/{dns,first}; do
		bpftool map dump pinned "$map" -j | jq length
	done | tr '\n' ' '
}
ends() {
	add web '[{"action":"dns","dns":{"patterns":["a.b"]}},{"action":"reset","firstConnections":5}]'
	add peer '{"action":"dns","dns":{}}'
	holds "a pod's names and connections are in the node's maps" equals "$(entries)" "2 1 "
	del web
	holds "DEL takes them out" equals "$(entries)" "1 0 "
	del peer
	del holder
	holds "after all of this nothing is left" leaves_nothing "$before"
}

(($#)) || set -- resets bulks sums firsts queries hostile together ends
before=$(leftovers)
run_parts "$@"
