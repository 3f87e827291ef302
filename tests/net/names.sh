#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Targets by name: what the kernel learns from a pod's questions to a resolver and their answers, for how long, and what it must not
# believe.
set -euo pipefail
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
NAMES=$TOP/tests/net/names.py
ZONE=$E2E_RUN/zone
DB=db.shop.svc.cluster.local

# ask NAME...: web asks the resolver
ask() {
	ip netns exec "${FROM-web}" python3 -SE "$NAMES" ask "${SERVER-$(ip4 dns)}" "$@"
}

zone() { # LINE...
	printf '%s\n' "$@" >"$ZONE"
}

hosts() { # HOSTS [MORE]
	printf '{"action":"partition","name":"f","target":{"hosts":[%s]%s}}' "$1" "${2-}"
}

lost() {
	packets web "${1-peer}" -n 20 -g 50 -w 200
	stats lost 20
}

spared() {
	packets web "${1-peer}" -n 20 -g 50 -w 200
	stats untouched
}

learned() { # POD COUNT
	equals "$(counter "$1" f learned)" "$2"
}

entries() { # MAP: of ours, in the build's pins
	local pin
	pin=$(echo /sys/fs/bpf/faultwire/*/"$1")
	bpftool map dump pinned "$pin" -j | jq length
}

net_up
pod web
pod peer
pod other
pod dns
ip -n dns addr add 10.88.9.9/16 dev eth0
zone
before=$(leftovers)
ip netns exec dns python3 -SE "$NAMES" serve "$ZONE" "$(ip4 dns)" "$(ip6 dns)" 10.88.9.9 >"$E2E_RUN/dns.log" &
e2e_wait 60 grep -q ready "$E2E_RUN/dns.log"

# ---- what is learned

nothing_before_the_answer() {
	zone "$DB 60 plain $(ip4 peer) $(ip6 peer)"
	spared || return 1
	ask "$DB" && lost && spared other || return 1
	FAMILY=6 spared || return 1
	ask "$DB/AAAA" && FAMILY=6 lost && learned web 2
}
with "$(hosts "\"$DB\"")" "nothing matches before the first answer, and after it the name's addresses alone" nothing_before_the_answer

over_ipv6() {
	SERVER=$(ip6 dns) ask "$DB" "$DB/AAAA" && lost && FAMILY=6 lost
}
with "$(hosts "\"$DB\"")" "a resolver over IPv6 teaches both families" over_ipv6

several() {
	zone "$DB 60 plain $(ip4 peer) $(ip4 other)"
	ask "$DB" && lost && lost other || return 1
}
with "$(hosts "\"$DB\"")" "every address of an answer is taken" several

rotation() {
	zone "$DB 60 plain $(ip4 peer)"
	ask "$DB" && spared other || return 1
	zone "$DB 60 plain $(ip4 other)"
	ask "$DB" && lost && lost other && learned web 2
}
with "$(hosts "\"$DB\"")" "addresses that rotate add up" rotation

chain() {
	zone "$DB 60 plain a.example b.example $(ip4 peer)"
	ask "$DB" && lost
}
with "$(hosts "\"$DB\"")" "a chain of CNAMEs leads to the name's address" chain

# A name of each style: NAME... is asked at once, from one port, so that a check costs few processes.
styles() { # STYLE...: sets the zone; STYLE.bad.example has 10.66.0.1, .2, ...
	local style n=0
	for style in "$@"; do
		echo "$style.bad.example 60 $style 10.66.0.$((++n))"
	done >"$ZONE"
	ask "${@/%/.bad.example}"
}

learned_are() { # ADDRESS...: exactly these, of all pods together
	local got
	got=$(bpftool map dump pinned "$(echo /sys/fs/bpf/faultwire/*/learned)" -j |
		jq -r '.[].formatted.key.lo | "\(. % 4294967296 / 16777216 | floor).\(. % 16777216 / 65536 | floor).\(. % 65536 / 256 | floor).\(. % 256)"' |
		sort | tr '\n' ' ')
	equals "$got" "$(printf '%s ' "$@")"
}

written_otherwise() {
	styles uncompressed half swapped many loop outside && learned_are 10.66.0.{1,2,3,4,5,6}
}
with "$(hosts '"*.bad.example"')" \
	"answers with whole and half compressed names, in other letters, that count too much or point anywhere are understood" written_otherwise

letters() {
	zone "$DB 60 plain $(ip4 peer)"
	ask dB.sHop.SVC.cluster.LOCAL && lost
}
with "$(hosts '"DB.Shop.svc.cluster.local."')" "case and the last dot make no difference" letters

globs() {
	zone "$DB 60 plain $(ip4 peer)" "shop.svc.cluster.local 60 plain $(ip4 other)" "a.b.c.shop.svc.cluster.local 60 plain $(ip4 other)"
	ask shop.svc.cluster.local && spared other || return 1
	ask "$DB" && lost && spared other || return 1
	ask a.b.c.shop.svc.cluster.local && lost other
}
with "$(hosts '"*.shop.svc.cluster.local"')" "a glob takes names below it, however far, and not its own" globs

others() {
	local name
	for name in shop.svc.cluster.local "x$DB" "a.$DB" "$DB.x" db db.shop.svc.cluster.loca dbxshop.svc.cluster.local; do
		zone "$name 60 plain $(ip4 peer)"
		ask "$name" || return 1
	done
	spared && learned web 0
}
with "$(hosts "\"$DB\"")" "names that are nearly the name are not it" others

from() {
	zone "$DB 60 plain $(ip4 peer)"
	after 20 50 peer web untouched || return 1
	ask "$DB" && after 20 50 peer web lost 20 && spared
}
with '{"action":"partition","name":"f","direction":"from","target":{"hosts":["'"$DB"'"]}}' "a name can be where packets come from" from

two_rules() {
	zone "a.example 60 plain $(ip4 peer)" "b.example 60 plain $(ip4 other)"
	ask a.example && spared && ask b.example && spared && lost other || return 1
	equals "$(counter web g learned)" 1
}
with '[{"action":"partition","name":"f","target":{"hosts":["a.example"],"ports":[1]}},{"action":"partition","name":"g","target":{"hosts":["b.example"]}}]' \
	"each fault has its own names, and ports still count" two_rules

getaddrinfo() {
	printf 'search nowhere.local shop.svc.cluster.local\nnameserver %s\noptions ndots:5 timeout:1\n' "$(ip4 dns)" >"$E2E_RUN/resolv.conf"
	zone "$DB 60 plain $(ip4 peer) $(ip6 peer)"
	ip netns exec web unshare -m bash -c "mount --bind $E2E_RUN/resolv.conf /etc/resolv.conf && getent ahosts db" | grep -q "$(ip4 peer)" &&
		lost && FAMILY=6 lost
}
with "$(hosts "\"$DB\"")" "what the C library asks along its search path is the whole name" getaddrinfo

# ---- addresses beside names

zone
with "$(hosts "{\"name\":\"$DB\",\"ip\":\"$(ip4 peer)\"}")" "a seed matches from the start" lost
seeds() {
	lost && FAMILY=6 lost && spared other
}
with "$(hosts "\"a.example\",{\"name\":\"$DB\",\"ip\":[\"$(ip4 peer)\",\"$(ip6 peer)\"]}")" "seeds of both families" seeds

either() {
	zone "$DB 60 plain $(ip4 peer)"
	lost other && spared || return 1
	ask "$DB" && lost && lost other && FAMILY=6 spared
}
with "$(hosts "\"$DB\"" ",\"cidrs\":[\"$(ip4 other)/32\",\"fd77::/16\"]")" "cidrs and hosts in one target are either" either

except() {
	zone "$DB 60 plain $(ip4 peer) $(ip4 other)"
	ask "$DB" && lost && spared other
}
with "$(hosts "\"$DB\"" ",\"except\":[\"$(ip4 other)\"]")" "an exception is spared though it is learned" except

node() {
	zone "$DB 60 plain 10.88.0.1"
	ask "$DB" && ip netns exec web ping -c 1 -W 2 10.88.0.1
}
with "$(hosts "\"$DB\"")" "the node is exempt though it is learned" node

# ---- for how long

clock() {
	python3 -SE -c 'import time; print(time.monotonic_ns())'
}

until_ns() { # when the one address that is learned is forgotten
	bpftool map dump pinned "$(echo /sys/fs/bpf/faultwire/*/learned)" -j | jq '.[0].formatted.value.until_ns'
}

# The address stays for SECONDS, counted from a moment of the command.
stays() { # SECONDS SLACK-SECONDS COMMAND...
	local from till
	from=$(clock)
	"${@:3}" || return 1
	till=$(until_ns)
	((till >= from + ($1 - $2) * 1000000000 && till <= $(clock) + $1 * 1000000000)) || {
		echo "until $till, from $from"
		return 1
	}
}

lasts() {
	zone "$DB 0 plain $(ip4 peer)"
	stays 1 0 ask "$DB" && sleep 1.1 && learned web 0 && spared || return 1
	zone "$DB 77 plain $(ip4 peer)"
	stays 77 0 ask "$DB" && learned web 1 || return 1
	zone "$DB 30 plain $(ip4 peer)"
	ask "$DB" && (($(until_ns) > $(clock) + 31000000000)) || return 1
	zone "$DB 1000000 plain $(ip4 peer)"
	stays 3600 0 ask "$DB"
}
with "$(hosts "\"$DB\"")" "an address that nobody uses lasts for the longest TTL of its answers, between a second and an hour" lasts

used() {
	zone "$DB 100 plain $(ip4 peer)"
	ask "$DB" && stays 300 1 lost || return 1
	stays 300 1 after 20 50 peer web untouched
}
with "$(hosts "\"$DB\"")" "an address that packets go to or come from lasts for five minutes after the last" used

pool_open() { # a connection of web with peer, in POOL, once there is something to send
	coproc POOL { exec ip netns exec web python3 -SE "$NAMES" pool "$(ip4 peer)" 7000; }
	pool_pid=$POOL_PID
	local line
	read -r line <&"${POOL[0]}" && equals "$line" ready
}

pool_send() {
	local line
	echo x >&"${POOL[1]}" && read -r line <&"${POOL[0]}" && equals "$line" ok
}

pool_counts() { # the fault meets what the connection sends
	local n
	n=$(counter web f matched)
	pool_send || return 1
	(($(counter web f matched) > n)) || {
		echo "matched stays at $n"
		return 1
	}
}

# Of an answer's two addresses one is used, and is still the fault's when its TTL is long over.
outlives() {
	zone "$DB 5 plain $(ip4 peer) $(ip4 other)"
	pool_open && ask "$DB" && pool_send || return 1
	sleep 6
	learned web 1 && pool_counts && spared other
	local rc=$?
	kill "$pool_pid"
	return $rc
}
COUNT=',"when":"1000000"'
ip netns exec peer python3 -SE "$NAMES" echo "$(ip4 peer)" 7000 >"$E2E_RUN/echo.log" &
e2e_wait 60 grep -q ready "$E2E_RUN/echo.log"
with "{\"action\":\"partition\",\"name\":\"f\"$COUNT,\"target\":{\"hosts\":[\"$DB\"]}}" \
	"a connection outlives its name's TTL of 5 s and is still faulted, an address without one is not" outlives

# ---- what must not be learned

believed() {
	styles query update two none few endless reserved long short cut chaos port number address behind labels nxdomain plain silent &&
		learned_are 10.66.0.18
}
with "$(hosts '"*.bad.example"')" "answers that lie, are cut, come from elsewhere or are none are not believed" believed

bounded() {
	zone "$DB 60 first $(ip4 peer)"
	ask "$DB" && spared && learned web 64
}
with "$(hosts "\"$DB\"")" "of a long answer the first 64 records count" bounded

reused() { # the number of a question for the name, then one for another
	zone "$DB 60 silent $(ip4 peer)" "a.example 60 plain $(ip4 peer)"
	ask "$DB@7" a.example@7 && spared && learned web 0
}
with "$(hosts "\"$DB\"")" "a question's number belongs to the last that used it" reused

unasked() {
	zone "a.example 60 plain $(ip4 peer)"
	ask a.example && spared && learned web 0
}
with "$(hosts "\"$DB\"")" "answers to other questions teach nothing" unasked

# ---- whose it is

zone "$DB 60 plain $(ip4 peer)"
apart() {
	add other "$(hosts "\"$DB\"")" && FROM=other ask "$DB" && learned other 1 && learned web 0 && spared || return 1
	packets other peer -n 20 -g 50 -w 200
	stats lost 20
}
with "$(hosts "\"$DB\"")" "two pods with one resolver do not learn from each other" apart
holds "the other pod's names are still there when one pod is gone" equals "$(entries names)" 1
del other

inherit() {
	local slot
	ask "$DB" && lost || return 1
	slot=$(jq .slot /run/faultwire/pods/web@eth0.json)
	add other "$(hosts '"keep.example"')" && del web && equals "$(entries names)" 1 && equals "$(entries listed)" 0 || return 1
	echo $((slot - 1)) >/run/faultwire/last-slot
	add web "$(hosts "\"$DB\"")" && equals "$(jq .slot /run/faultwire/pods/web@eth0.json)" "$slot" && learned web 0 && spared
}
with "$(hosts "\"$DB\",{\"name\":\"a\",\"ip\":\"10.7.7.7\"}")" "a slot's next pod inherits no address, and no name is left" inherit
del other

aborted() {
	"$FAULTWIRE" abort web && ask "$DB" && spared && "$FAULTWIRE" resume web && lost
}
with "$(hosts "\"$DB\"")" "what is asked during an abort holds when it ends" aborted

shown() {
	ask "$DB" && contains "$("$FAULTWIRE" status web)" "f: 1 address learned of $DB"
}
with "$(hosts "\"$DB\"")" "status says how many addresses are known" shown
holds "names leave nothing behind" leaves_nothing "$before"

# ---- what hides addresses

# A cgroup of this test alone takes the place of the node's, and gets a program that sees every connect().
balancer() { # says what doctor says then
	local cgroup rc=0
	cgroup=$(findmnt -nt cgroup2 -o TARGET | head -1)/fw-names
	cgroup=$(mktemp -d "$cgroup.XXXXXX") && mount --bind "$cgroup" /sys/fs/cgroup || return 1
	balancer_of /sys/fs/cgroup || rc=1
	umount /sys/fs/cgroup && rmdir "$cgroup" && return $rc
}

balancer_of() { # CGROUP
	contains "$("$FAULTWIRE" doctor)" "socket balancer  none" &&
		clang -target bpf -O2 -x c -c -o "$E2E_RUN/balance.o" - <<<'int balance(void *c) { return 1; }' &&
		llvm-objcopy --rename-section .text=cgroup/connect4 "$E2E_RUN/balance.o" &&
		bpftool prog load "$E2E_RUN/balance.o" /sys/fs/bpf/balance &&
		bpftool cgroup attach "$1" connect4 pinned /sys/fs/bpf/balance &&
		contains "$("$FAULTWIRE" doctor)" "'balance' on '$1' sees every connect()" &&
		bpftool cgroup detach "$1" connect4 pinned /sys/fs/bpf/balance
	local rc=$?
	rm -f /sys/fs/bpf/balance
	return $rc
}
sentence="doctor finds a balancer in the sockets and says what it hides"
if findmnt -nt cgroup2 >/dev/null; then
	holds "$sentence" balancer
else
	skip "$sentence" "no cgroup v2 here"
fi
finish
