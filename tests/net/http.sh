#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# HTTP faults on real connections: a server and a client that check every byte (http.py), the fault on the server's pod (from) and on the
# client's (to), IPv4 and IPv6, natively and in the VM.
set -euo pipefail
. "$(dirname "$0")/lib.bash"

PORT=8080

net_up
pod web
pod peer
pod other
neighbours web peer
add other '{"action":"partition"}' # so that the programs stay loaded

# A server and a client in a pod, for the whole test: asked through one pipe, answering through another.
talkers=()
trap 'kill "${talkers[@]}" 2>/dev/null || true' EXIT
talker() { # POD
	mkfifo "$E2E_RUN/$1.ask" "$E2E_RUN/$1.told"
	exec {talker_ask}<>"$E2E_RUN/$1.ask" {talker_told}<>"$E2E_RUN/$1.told"
	ip netns exec "$1" python3 -SEB "$TOP/tests/net/http.py" $PORT <"$E2E_RUN/$1.ask" >"$E2E_RUN/$1.told" 2>/dev/null &
	talkers+=($!)
	told "$1" # that it listens
}

told() { # POD
	local line
	while read -r line && [[ $line != . ]]; do
		echo "$line"
	done <"$E2E_RUN/$1.told"
}

tell() { # POD WORDS...
	echo "${*:2}" >"$E2E_RUN/$1.ask"
	told "$1"
}

talker web
talker peer

# What a client of the faulted pod's server is answered, and the faulted pod as the client.
inward() {
	tell peer ask "$(ip4 web)" $PORT "$@"
}
outward() {
	tell web ask "$(ip4 peer)" $PORT "$@"
}

answers() { # WHO WORDS ASK...: IPv4 and IPv6
	local from=peer to=web
	[[ $1 == inward ]] || { from=web to=peer; }
	equals "$(tell $from ask "$(ip4 $to),$(ip6 $to)" $PORT "${@:3}")" "$2"$'\n'"$2"
}

# The fault of the checks that follow, up to the next 'fault' or 'end'.
fault() {
	add_said web "$1" || holds "ADD accepts $1" false
}
end() {
	del web
}

# ---- which requests, and how they come

api='"http":{"code":503,"path":"/api/*"}'
all='"http":{"code":503}'
pod_is_server='"direction":"from"'
pod_is_client='"direction":"to"'
roles() { # who, other and dir of a role
	dir=pod_is_$1 dir=${!dir} who=inward other=outward
	[[ $1 == server ]] || who=outward other=inward
}

cut_lines() { # "GET /api" may become anything; behind "GET /api/" it does not matter
	answers "$1" "200 200" cut=8 GET:/api/1 GET:/ && answers "$1" "503 200" cut=9 GET:/api/1 GET:/
}

for role in server client; do
	roles $role
	fault "{\"action\":\"http\",$dir,$api}"
	holds "pod as $role: the path decides, on one connection" \
		answers "$who" "200 503 200 503 503 200 200" GET:/ GET:/api/1 GET:/ap GET:/api/ 'GET:/api/x?y=/z' 'GET:/x?/api/' GET:/api
	holds "pod as $role: ten megabytes each way arrive as they were sent" \
		answers "$who" "503 200 503 200" GET:/api/big GET:/big POST:/api/up:10000000 POST:/up:10000000
	holds "pod as $role: pipelined requests have each its own answer" \
		answers "$who" "200 503 200 503 503 200" pipeline GET:/ GET:/api/1 POST:/x:300 POST:/api/2:3000 GET:/api/3 GET:/
	holds "pod as $role: responses in one piece have each its own status" \
		answers "$who" "200 503 200 503 503 200" pipeline together GET:/ GET:/api/1 HEAD:/ HEAD:/api/2 GET:/api/3 GET:/
	holds "pod as $role: a request line that is cut is judged by what is certain" cut_lines "$who"
	holds "pod as $role: a body that looks like responses stays what it is" \
		answers "$who" "200 503 200 503" GET:/fake GET:/api/1 GET:/fake GET:/api/2
	end
	fault "{\"action\":\"http\",$dir,$all,\"target\":{\"ports\":[$PORT]}}"
	holds "pod as $role: the server's port is the target's" answers "$who" "503 503" GET:/ GET:/
	holds "pod as $role: the other role is spared" answers "$other" "200 200" GET:/ POST:/x:10
	holds "pod as $role: 100 Continue and early hints are not the answer" \
		answers "$who" "503 503 503" expect POST:/x:5000 GET:/early POST:/early:50000
	holds "pod as $role: chunks, HEAD and split headers" \
		answers "$who" "503 503 503 503 503" split chunked GET:/chunked HEAD:/ POST:/x:70000 GET:/chunked POST:/chunked:10
	holds "pod as $role: chunked bodies both ways keep the pairing" \
		answers "$who" "503 503 503 503" chunked POST:/x:70000 GET:/chunked POST:/x:10 GET:/
	holds "pod as $role: HTTP/1.0 until the connection ends" answers "$who" 503 version=HTTP/1.0 GET:/big
	holds "pod as $role: a status without a body stays, unless its headers say that it is empty" \
		answers "$who" "204 304 503 503" GET:/204 GET:/304 GET:/empty GET:/
	holds "pod as $role: behind a response of unknown length, pipelined ones are left alone" \
		answers "$who" "503 200 200" pipeline GET:/chunked GET:/ GET:/
	holds "pod as $role: eight requests wait on a connection, one more ends our part in it" \
		answers "$who" "503 503 503 503 503 503 503 503 200 200" pipeline together GET:/{0..9}
	end
	with "{\"action\":\"http\",$dir,\"http\":{\"code\":429,\"method\":\"POST\"}}" "pod as $role: the method decides" \
		answers "$who" "200 429 200 429" GET:/ POST:/x:10 HEAD:/ POST:/y:100000
	with "{\"action\":\"http\",$dir,$all,\"target\":{\"ports\":[81]}}" "pod as $role: another port is spared" \
		answers "$who" "200 200" GET:/ GET:/
done

# ---- chance, counters

predicted() { # WHO REQUESTS SEED PERCENT
	local who=$1 n=$2
	equals "$("$who" $(for ((i = 0; i < n; i++)); do echo "GET:/$i"; done))" "$(tell peer picked "$3" "$4" "$n" 503 200)"
}
counters() { # MATCHED/INJECTED
	equals "$(counter web network matched)/$(counter web network injected)" "$1"
}
# percent counts requests: with 0 injected or all of them the seed would not be seen
seeded() {
	predicted inward 100 7 30 || return 1
	counters "100/$(tell peer picked 7 30 100 1 0 | tr -cd 1 | wc -c)"
}
with '{"action":"http","name":"network","direction":"from","percent":30,"seed":7,'"$all}" "a seed decides which requests, and they are counted" seeded
counted() { # WANT ASK...: IPv4 alone, for faults that count
	equals "$(inward "${@:2}")" "$1"
}
with '{"action":"http","direction":"from","when":"2..6+2",'"$all}" "when counts requests" \
	counted "200 503 200 503 200 503 200 200" GET:/{1..8}

# Rules are asked in order, and one that is behind the one that was hit does not count.
several() {
	counted "429 503 429 503 200" GET:/a/1 GET:/b GET:/a/2 GET:/a/3 POST:/a/4:10 || return 1
	equals "$(counter web first matched) $(counter web second matched)" "3 2"
}
with '[{"action":"http","name":"first","direction":"from","when":"1..2","http":{"code":429,"path":"/a/*","method":"GET"}},
	{"action":"http","name":"second","direction":"from","http":{"code":503,"method":"GET"}}]' "several rules on one connection" several

both() {
	answers inward "503 503" GET:/ GET:/ && answers outward "503 503" GET:/ GET:/ && counters 8/8
}
with '{"action":"http","name":"network","direction":"both",'"$all}" "direction both is both roles, with one counter" both

# ---- what is sent again

# What the faulted pod loses, behind the decision; what the peer loses, before it.
lossy() { # WHO
	add peer '{"action":"loss","loss":{"loss":"8"},"seed":3}' || return 1
	local rc=0
	predicted "$1" 40 9 50 || rc=1
	counters "40/$(tell peer picked 9 50 40 1 0 | tr -cd 1 | wc -c)" || rc=1
	del peer
	return $rc
}
for role in server client; do
	roles $role
	with "[{\"action\":\"http\",\"name\":\"network\",$dir,\"percent\":50,\"seed\":9,$all},
		{\"action\":\"loss\",\"loss\":{\"loss\":\"8\"},\"direction\":\"both\",\"seed\":4}]" \
		"pod as $role: what is lost and sent again is decided once" lossy "$who"
done

# A checksum that is complete, not left to the device: the receiver checks it.
complete_checksums() {
	ip netns exec peer ethtool -K eth0 tx off >/dev/null || return 1
	local rc=0
	"$@" || rc=1
	ip netns exec peer ethtool -K eth0 tx on >/dev/null
	return $rc
}
with "{\"action\":\"http\",\"direction\":\"to\",$all}" "complete checksums are made right" \
	complete_checksums answers outward "503 503" GET:/ GET:/big

# ---- abort

connections() {
	ip netns exec "$1" ss -Htn state established "( sport = :$PORT or dport = :$PORT )"
}
resets() { # WHO
	answers "$1" "200 reset" GET:/ GET:/api/1 && answers "$1" "200 200" GET:/ POST:/:1000 || return 1
	answers "$1" "200 reset" GET:/ POST:/api/1:1000000 || return 1
	equals "$(connections web)$(connections peer)" "" && counters 4/4
}
for role in server client; do
	roles $role
	with "{\"action\":\"http\",\"name\":\"network\",$dir,\"http\":{\"abort\":true,\"path\":\"/api/*\"}}" \
		"pod as $role: abort resets both ends and nothing else" resets "$who"
	with "{\"action\":\"http\",\"name\":\"network\",$dir,\"http\":{\"abort\":true,\"path\":\"/api/*\"}}" \
		"pod as $role: abort with complete checksums" complete_checksums resets "$who"
done
lost_reset() {
	answers inward reset GET:/
}
with '[{"action":"http","direction":"from","http":{"abort":true}},{"action":"loss","loss":{"loss":100},"when":"1..2","direction":"to"}]' \
	"a reset that is lost is sent again" lost_reset

# ---- beside other faults

delayed='"direction":"both","delay":{"latency":"20ms"}'
doubled='{"action":"duplicate","direction":"both","duplicate":{"duplicate":"20"}}'
for role in server client; do
	roles $role
	for backend in netem edt; do
		sentence="pod as $role: beside a delay ($backend) and duplicates"
		if ! has_qdisc netem || ! has_qdisc fq; then
			skip "$sentence" "this kernel has no netem or no fq"
			continue
		fi
		with "[{\"action\":\"http\",$dir,$api},{\"action\":\"delay\",\"backend\":\"$backend\",$delayed},$doubled]" "$sentence" \
			answers "$who" "200 503 200 503" GET:/ GET:/api/1 GET:/big POST:/api/2:100000
	done
done

# ---- it ends

# One connection, a request every 50 ms: inside the window each is hit, outside none.
window() {
	local created
	created=$(jq -r .createdMonoNs /run/faultwire/pods/web@eth0.json)
	inward timed gap=0.05 GET:/{1..30} | python3 -SE -c '
import sys
start, end = int(sys.argv[1]) + 300_000_000, int(sys.argv[1]) + 900_000_000
seen = set()
for line in filter(str.strip, sys.stdin):
    sent, got, status = line.split()
    sent, got = int(sent), int(got)
    where = "in" if start <= sent and got < end else "out" if got < start or sent >= end else "edge"
    if where != "edge":
        seen.add((where, status))
print(seen)
sys.exit(not (("out", "200") in seen and seen <= {("in", "503"), ("out", "200")}))' "$created"
}
with '{"action":"http","direction":"from","start":"300ms","duration":"600ms",'"$all}" "outside its window no response is touched" window

# A connection that lives on through an abort and a resume, with requests that nobody looked at in between.
lives_on() {
	local pause=$E2E_RUN/pause
	rm -f "$pause" "$pause.reached"
	inward pause="$pause" GET:/{1..4} >"$E2E_RUN/answers" &
	while [[ ! -e $pause.reached ]]; do sleep 0.01; done
	"$FAULTWIRE" abort web >/dev/null && touch "$pause" && wait $! && equals "$(cat "$E2E_RUN/answers")" "503 200 200 200" || return 1
	rm -f "$pause" "$pause.reached"
	inward pause="$pause" GET:/{1..4} >"$E2E_RUN/answers" &
	while [[ ! -e $pause.reached ]]; do sleep 0.01; done
	"$FAULTWIRE" resume web >/dev/null && touch "$pause" && wait $! && equals "$(cat "$E2E_RUN/answers")" "200 503 503 503"
}
with '{"action":"http","direction":"from",'"$all}" "abort ends it on open connections, resume takes them up again" lives_on

# ---- others

curls() {
	local url="http://$(ip4 web):$PORT"
	equals "$(ip netns exec peer curl -s -o /dev/null -w '%{http_code}/%{num_connects} ' "$url/" -o /dev/null "$url/api/1" -o /dev/null "$url/big")" \
		"200/1 503/0 200/0 "
}
with '{"action":"http","direction":"from",'"$api}" "curl keeps its connection through it" curls

entries() {
	bpftool -j map dump pinned /sys/fs/bpf/faultwire/*/http | jq length
}
add web "{\"action\":\"http\",$api}"
holds "a rule is in the map" equals "$(entries)" 1
del web
holds "DEL takes it out" equals "$(entries)" 0

del other
settle
before=$(leftovers)
add web "{\"action\":\"http\",$api}" && del web
holds "nothing is left behind" leaves_nothing "$before"

finish
