#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Faults that answer in the kernel, with real sockets: reset, the pod's DNS queries, and the first connections of a rule. IPv4 and
# IPv6, checksums computed early and late, tags, bulk traffic; counters are exact, and the server is asked what it saw.
set -euo pipefail
. "$(dirname "$0")/lib.bash"

net_up
pod web
pod peer
neighbours web peer
LOG=$E2E_RUN/server SERVED=0
: >"$LOG"

# Compiled once, and without what Python loads for others: in the VM that is most of its time.
python3 -SE -c 'import py_compile, sys; py_compile.compile(*sys.argv[1:], doraise=True)' "$TOP/tests/net/answer.py" "$E2E_RUN/answer.pyc"
in_pod() { # POD VERB ARGUMENTS...
	ip netns exec "$1" python3 -SE "$E2E_RUN/answer.pyc" "${@:2}"
}
serve() { # POD LOG
	in_pod "$1" serve "$2" &
	e2e_wait 20 grep -q ready "$2"
}
serve peer "$LOG"

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

# ---- reset

refused() {
	served >/dev/null
	says refused connect "$IP" && equals "$(served)" ''
}
refused_twice() {
	both_ip refused && counts 2 2
}
with '{"action":"reset"}' "a SYN is refused at once, the peer hears nothing of it, IPv4 and IPv6" refused_twice
with '{"action":"reset","target":{"ports":[7001]}}' "another port than the target's is not reset" says connected connect "$(ip4 peer)"
with '{"action":"reset"}' "UDP is no event of a reset" after 50 50 web peer untouched
with '{"action":"reset","direction":"both","duration":"1s","schedule":"@every 1s","start":"1h"}' "outside its window nothing is reset" \
	says connected connect "$(ip4 peer)"

# The SYN|ACK is answered to the peer; what web then sends again is the client's own business.
refused_from() {
	TIMEOUT=0.5 says timeout connect "$IP"
}
with '{"action":"reset","direction":"from"}' "from answers what enters: the pod's own connections are never made" both_ip refused_from

serve web "$E2E_RUN/web-server"
refused_by_web() { # the client is peer
	equals "$(in_pod peer connect "$1")" refused
}
both_refused() {
	refused_by_web "$(ip4 web)" && refused_by_web "$(ip6 web)" && counts 2 2 && equals "$(grep -c connection "$E2E_RUN/web-server")" 0
}
with '{"action":"reset","direction":"from"}' "from refuses the peer, and the pod hears nothing of it" both_refused

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
with '{"action":"reset","armed":false}' "a pod's bulk is reset midway, up and down, IPv4 and IPv6" breaks_all web peer
with '{"action":"reset","armed":false,"direction":"from"}' "a peer's bulk is reset midway, up and down, IPv4 and IPv6" breaks_all peer web
with '{"action":"reset","armed":false,"percent":1,"seed":4}' "one packet in a hundred is enough for a bulk" \
	broken web "$(ip4 peer)" up

untouched_bulk() {
	LONGEST=20000000 says done stream "$(ip4 peer)" up "$E2E_RUN/under-way" && counts 0 0
}
with '{"action":"reset","start":"1h"}' "a window that is closed leaves a bulk alone" untouched_bulk
not_events() { # the RST of the kernel itself: nobody listens on 7001 of peer
	in_pod peer connect "$(ip4 web)" >/dev/null
	counts 0 0
}
with '{"action":"reset","target":{"ports":[7001]}}' "what another port does is not counted" not_events

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
if command -v ethtool >/dev/null; then
	refused_only() { both_ip refused; }
	with '{"action":"reset"}' "a RST into the pod has its checksum right, whoever computes them" checksums refused_only
	from_refused() { refused_by_web "$(ip4 web)" && refused_by_web "$(ip6 web)"; }
	with '{"action":"reset","direction":"from"}' "a RST to a peer has its checksum right, whoever computes them" checksums from_refused
fi

# Tags beside the frame, and in it.
tagged() {
	local pod rc=0
	for pod in web peer; do
		ip -n $pod link add link eth0 name eth0.5 type vlan id 5
		ip -n $pod addr add 10.99.0.$((${#pod}))/24 dev eth0.5
		ip -n $pod link set eth0.5 up
	done
	equals "$(in_pod web connect 10.99.0.4)" refused || rc=1
	if command -v ethtool >/dev/null; then
		ip netns exec web ethtool -K eth0 txvlan off >/dev/null
		equals "$(in_pod web connect 10.99.0.4)" refused || rc=1
		ip netns exec web ethtool -K eth0 txvlan on >/dev/null
	fi
	for pod in web peer; do
		ip -n $pod link del eth0.5
	done
	return $rc
}
with '{"action":"reset"}' "tagged packets are answered as tagged packets" tagged

# ---- the first connections

first_two() {
	equals "$(in_pod web connections "$IP" 4)" "reset refused ok ok"
}
with '{"action":"reset","firstConnections":2,"when":"2+"}' "the first two connections break, the first behind its SYN, and no others" \
	eval 'IP=$(ip4 peer) first_two'
with '{"action":"reset","firstConnections":2,"when":"2+"}' "so they do over IPv6" eval 'IP=$(ip6 peer) first_two'
# SYN, ACK, data, ACK of the echo, FIN: five packets at least of each chosen connection enter, and none of the third
chosen_only() {
	local two three
	in_pod peer connections "$(ip4 web)" 2 >/dev/null
	sleep 0.3
	two=$(counter web "network[0]" matched)
	in_pod peer connections "$(ip4 web)" 3 >/dev/null
	sleep 0.3
	three=$(counter web "network[0]" matched)
	((two >= 8)) && equals "$three" "$two"
}
with '{"action":"duplicate","duplicate":{"duplicate":"0"},"firstConnections":2,"direction":"both"}' \
	"packets of the first connections count, both ways, and no others" chosen_only

syn_again() { # the first SYN is lost; the second is the same connection
	equals "$(TIMEOUT=8 in_pod web connections "$(ip4 peer)" 2)" "ok ok" && counts_first
}
counts_first() {
	local matched
	matched=$(counter web "network[0]" matched)
	((matched >= 5)) && equals "$(counter web "network[0]" injected)" 1
}
with '{"action":"loss","loss":{"loss":"100"},"when":"1","firstConnections":1}' "a SYN that is sent again is the same connection" syn_again
with '{"action":"partition","firstConnections":3}' "UDP is no connection" after 50 50 web peer untouched

declare -a clients=()
first_of_many() {
	local i n
	for i in $(seq 8); do
		for n in 1 2 3 4 5 6; do in_pod web connect "$(ip4 peer)"; done >"$E2E_RUN/many-$i" &
		clients[i]=$!
	done
	for i in $(seq 8); do wait "${clients[i]}"; done
	equals "$(cat "$E2E_RUN"/many-* | sort | uniq -c | awk '{ printf "%s %s ", $1, $2 }')" "31 connected 17 refused "
}
with '{"action":"reset","firstConnections":17}' "n is exact while many connect at once" first_of_many

# ---- dns

answered() { # RCODE NAME TYPE [HOW]: from the kernel, and nobody else hears the question
	served >/dev/null
	says "$1 8190 1/0/0/0 same +0" ask "$IP" udp "${@:2}" && equals "$(served)" ''
}
passed() { # NAME TYPE [HOW]: answered by the server
	served >/dev/null
	contains "$(in_pod web ask "$IP" udp "$@")" "0 8180 1/0/0/" && equals "$(served)" 'udp 1'
}
nxdomain() {
	answered 3 db.shop.example A && answered 3 DB.Shop.EXAMPLE AAAA && answered 3 db.shop.example A edns &&
		passed db.shop.example.org A && passed shop.example A && passed xdb.shop.example A
}
both_nxdomain() { both_ip nxdomain && counts 6 6; }
with '{"action":"dns","dns":{"patterns":["db.shop.example"],"rcode":"NXDOMAIN"}}' \
	"a query for the name is answered with NXDOMAIN, whatever its case; others reach the server" both_nxdomain
servfail() { answered 2 a.b.c A && answered 2 . NS && answered 2 x TXT edns; }
with '{"action":"dns","dns":{}}' "without patterns every query gets SERVFAIL" both_ip servfail
globs() {
	answered 5 a.svc A && answered 5 a.b.svc HTTPS && passed svc A && answered 5 db-1.example A && passed db-12.example A &&
		passed db-..example A && answered 5 front.any.thing MX && passed back.front.x A
}
with '{"action":"dns","dns":{"patterns":["*.svc","db-?.example.","front.*"],"rcode":"REFUSED"}}' "globs match as they are written" both_ip globs
types() { answered 2 a.b AAAA && answered 2 a.b HTTPS && passed a.b A && passed a.b ANY; }
with '{"action":"dns","dns":{"patterns":["a.b"],"types":["AAAA","HTTPS"]}}' "types choose among the queries" both_ip types
timeout_udp() {
	served >/dev/null
	TIMEOUT=0.3 says timeout ask "$IP" udp a.b A && passed b.a A
}
with '{"action":"dns","dns":{"patterns":["a.b"],"rcode":"timeout"}}' "timeout answers nothing, and the server hears nothing" both_ip timeout_udp
over_tcp() {
	served >/dev/null
	says reset ask "$IP" tcp a.b A && says reset ask "$IP" tcp a.b A split && equals "$(served)" '' &&
		contains "$(in_pod web ask "$IP" tcp b.a A)" "0 8180" && contains "$(in_pod web ask "$IP" tcp b.a A split)" "0 8180" &&
		equals "$(served)" 'tcp 2'
}
both_over_tcp() { both_ip over_tcp && counts 4 4; }
with '{"action":"dns","dns":{"patterns":["a.b"]}}' "over TCP the query is dropped and the connection reset" both_over_tcp
timeout_tcp() { # the segment is sent again, and is the same query
	served >/dev/null
	TIMEOUT=1.5 says timeout ask "$IP" tcp a.b A && equals "$(served)" '' && counts 1 1
}
with '{"action":"dns","dns":{"patterns":["a.b"],"rcode":"timeout"}}' "over TCP a timeout drops the query, each time it is sent, and counts it once" \
	eval 'IP=$(ip4 peer) timeout_tcp'
other_port() {
	equals "$(TIMEOUT=0.3 in_pod web ask "$(ip4 peer)" udp a.b A | cut -c1-6)" "0 8180"
}
with '{"action":"dns","dns":{},"target":{"ports":[5353]}}' "with ports of one's own 53 is left alone" other_port
with '{"action":"dns","dns":{},"target":{"protocol":"tcp"}}' "with protocol tcp UDP is left alone" other_port
every_second() {
	local i got=
	for i in 1 2 3 4; do got+=$(in_pod web ask "$(ip4 peer)" udp a.b A | cut -c1-2); done
	equals "$got" "0 2 0 2 " && counts 4 2
}
with '{"action":"dns","dns":{},"when":"2..9+2"}' "when counts queries" every_second
node_resolver() { # the node's own address, where nobody listens
	equals "$(in_pod web ask 10.88.0.1 udp a.b A | cut -c1-2)" "2 "
}
with '{"action":"dns","dns":{}}' "a resolver on the node is no exception" node_resolver
if command -v ethtool >/dev/null; then
	both_answered() { IP=$(ip4 peer) answered 2 a.b A edns && IP=$(ip6 peer) answered 2 a.bc A && IP=$(ip6 peer) answered 2 a.bcd A; }
	with '{"action":"dns","dns":{}}' "an answer has its checksum right, whoever computes them" checksums both_answered
fi

# Nothing that is no plain query matches, though every name would; the server gets it as it went.
hostile() {
	local label63 text
	label63=3f$(printf '61%.0s' $(seq 63))
	local -a cases=(
		"1234"
		"12340100000100000000"
		"123401000001000000000000"
		"12340100000100000000000001"
		"123401000001000000000000c00c00010001"
		"1234010000010000000000000161c00c00010001"
		"123401000001000000000000406100010001"
		"12340100000100000000000005616200010001"
		"1234010000010000000000000161"
		"12340100000100000000000001610000"
		"123401000001000000000000016100000100"
		"12340100000200000000000001610000010001"
		"12340100000000000000000001610000010001"
		"12348100000100000000000001610000010001"
		"12342800000100000000000001610000010001"
		"12340100000100000000000001610000010003"
		"123401000001000000000000$label63$label63$label63${label63}0161000001000100"
		"123401000001000000000000$(printf '0161%.0s' $(seq 600))0000010001"
	)
	served >/dev/null
	for text in "${cases[@]}"; do
		TIMEOUT=1 in_pod web raw "$IP" "$text" >/dev/null
	done
	equals "$(served)" "udp ${#cases[@]}"
}
both_hostile() { both_ip hostile && counts 0 0; }
with '{"action":"dns","dns":{"rcode":"timeout"}}' "a name that is none matches nothing and harms nobody" both_hostile
longest() { # 255 bytes on the wire
	local name
	name=$(printf 'a%.0s' $(seq 63))
	IP=$(ip4 peer) answered 2 "$name.$name.$name.${name:2}" A edns && IP=$(ip6 peer) answered 2 "$name.$name.$name.${name:2}" A
}
with '{"action":"dns","dns":{"patterns":["*a"]}}' "the longest name is answered whole" longest

# ---- together, and afterwards

reset_and_rate() {
	IP=$(ip4 peer) answered 2 a.b A && says refused connect "$(ip4 peer)" && after 50 50 web peer lost 50
}
with '[{"action":"loss","loss":{"loss":"100"},"direction":"both"},{"action":"dns","dns":{}},{"action":"reset"}]' \
	"an answer is before a loss, and not subject to it" reset_and_rate

before=$(leftovers)
add web '[{"action":"dns","dns":{"patterns":["a.b"]}},{"action":"reset","firstConnections":5}]'
add peer '{"action":"dns","dns":{}}'
entries() {
	local map
	for map in /sys/fs/bpf/faultwire/*/{dns,first}; do
		bpftool map dump pinned "$map" -j | jq length
	done | tr '\n' ' '
}
holds "a pod's names and connections are in the node's maps" equals "$(entries)" "2 1 "
del web
holds "DEL takes them out" equals "$(entries)" "1 0 "
del peer
holds "after all of this nothing is left" leaves_nothing "$before"
finish
