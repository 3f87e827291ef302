#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A real database, Debian's Redis, in a container whose data directory has io faults: it reports what it should, and what is on the disk afterwards
# is whole. Its clients are exec'd into the container, where these faults are not.
#
#     tests/hook/database.sh [RUNTIME...]
#
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

RUNTIMES=("$@")
((${#RUNTIMES[@]})) || RUNTIMES=(runc crun)
command -v redis-server >/dev/null || {
	skip "a real database under io faults" "no redis-server"
	finish
}
DATA=$(mktemp -d "$TOP/build/database.XXXXXX")
e2e_defer rm -rf "$DATA"
MOUNTS=$(jq -n --arg d "$DATA" '[{destination: "/usr", type: "bind", source: "/usr", options: ["rbind", "ro"]},
	{destination: "/data", type: "bind", source: $d, options: ["bind", "rw"]}]')
ln -s usr/lib "$BUNDLE/rootfs/lib"
ln -s usr/lib64 "$BUNDLE/rootfs/lib64"
SERVER=(/usr/bin/redis-server --dir /data --port 0 --unixsocket /tmp/redis.sock --appendonly yes --appendfsync always --save '' --daemonize no)

serve() { # IO-FAULTS [ARGUMENTS...]: supervisor's backend, as fsync needs it
	local annotations
	annotations=$(jq -n --argjson f "$1" '{"faultwire.dev/io": ($f | tojson)}')
	[[ $1 != null ]] || annotations=null
	ANNOTATIONS=$annotations background '' "${SERVER[@]}" "${@:2}"
}

redis() {
	timeout 10 "$RT" exec "$ID" /usr/bin/redis-cli -s /tmp/redis.sock "$@"
}

ready() {
	[[ $(redis ping 2>&1) == PONG ]]
}

up() {
	e2e_wait 20 ready || {
		cat "$OUT"
		return 1
	}
}

ended() {
	! "$RT" state "$ID" 2>/dev/null | grep -q '"status": "running"'
}

fresh() {
	rm -rf "${DATA:?}"/*
}

# One that always syncs cannot go on when that fails: it says so and ends, and loses nothing that it had acknowledged.
fsync_fails() {
	local i n=0
	fresh
	serve '{"action":"fault","methods":["fsync"],"path":"/data/**","errno":"EIO","when":"7+7"}' || return 1
	up || return 1
	for ((i = 0; i < 20; i++)); do
		[[ $(redis set "key$i" "value$i" 2>&1) == OK ]] || break
		n=$((n + 1))
	done
	echo "$n acknowledged"
	e2e_wait 10 ended || return 1
	grep -m1 "fsync error" "$OUT" && ((n > 0 && n < 7)) || return 1
	end_container || return 1
	serve null && up || return 1
	for ((i = 0; i < n; i++)); do
		equals "$(redis get "key$i")" "value$i" || return 1
	done
	end_container
}

# Each of its writes takes as long; a client sees that, and all is there.
writes_are_slow() {
	local i before after
	fresh
	serve '{"action":"latency","methods":["write"],"path":"/data/**","delay":"100ms"}' || return 1
	up || return 1
	before=${EPOCHREALTIME/[^0-9]/}
	for ((i = 0; i < 5; i++)); do
		equals "$(redis set "slow$i" "$i")" OK || return 1
	done
	after=${EPOCHREALTIME/[^0-9]/}
	echo "5 writes in $(((after - before) / 1000)) ms"
	((after - before >= 500000)) || return 1
	"$FAULTWIRE" abort "$ID" >/dev/null || return 1
	equals "$(redis dbsize)" 5 || return 1
	end_container
}

sum() {
	(cd "$DATA" && find . -type f -exec cksum {} + | sort)
}

# It finds its file damaged, says so and does not start; the file is not.
reads_are_zeros() {
	local before
	fresh
	serve null && up || return 1
	redis eval "for i = 1, 2000 do redis.call('set', 'key' .. i, string.rep('x', 100)) end" 0 >/dev/null && equals "$(redis dbsize)" 2000 || return 1
	end_container || return 1
	before=$(sum)
	serve '{"action":"mistake","path":"/data/appendonlydir/*.incr.aof","mistake":{"filling":"zero","maxOccurrences":50,"maxLength":4096},"seed":1}' || return 1
	e2e_wait 10 ended || return 1
	grep -m1 -iE "bad file format|unexpected end of file|unrecoverable" "$OUT" || {
		cat "$OUT"
		return 1
	}
	end_container || return 1
	equals "$(sum)" "$before" || return 1
	serve null && up && equals "$(redis dbsize)" 2000 || return 1
	end_container
}

for RT in "${RUNTIMES[@]}"; do
	holds "$RT: Redis under 'fsync' EIO every 7th call: it says so and ends, and what it acknowledged is there" fsync_fails
	holds "$RT: Redis under writes of 100 ms: its clients wait, and all is there" writes_are_slow
	holds "$RT: Redis reading zeros: it refuses its file, which is whole" reads_are_zeros
	holds "$RT: nothing is left" nothing_left
done
finish
