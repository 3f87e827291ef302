#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Wall-clock schedules with real packets while the clock of the machine is set: to the edges of windows, across midnights, month ends, leap
# days and daylight saving, forward and back. Only in the VM (tests/vm/run), on a clock that runs while it reads its disk. Parts by name: calendar.sh [PART...]
set -euo pipefail
[[ -n ${FW_OUT-} ]] || {
	echo "calendar.sh sets the clock: run it in the VM (tests/vm/run)" >&2
	exit 2
}
export WAIT_MS=20
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

declare -ra PARTS=(edges midnight months leap berlin new_york lord_howe steps start apart clock refused)

# schedule TEXT DURATION [ZONE] [MORE]
schedule() {
	printf '{"action":"partition","name":"x","schedule":"%s","duration":"%s"%s%s}' "$1" "$2" "${3:+,\"timeZone\":\"$3\"}" "${4-}"
}

is() { # open|closed TIME
	date -u -s "$2" >/dev/null
	[[ $1 == closed ]] || {
		lost
		return
	}
	spared
}

# How many of the pods the command says it of.
says() { # open|closed NUMBER POD...
	equals "$("$FAULTWIRE" status --json "${@:3}" | grep -c "\"window\":.*\"$1\"")" "$2"
}

came() { # COPIES: of each of four packets
	local copies n=0
	packets web peer -n 4 -g 100
	while read -r _ _ _ copies _; do
		n=$((n + (copies == $1)))
	done <"$FILE"
	equals "$n of $1 copies" "4 of $1 copies"
}

lost() {
	came 0
}

spared() {
	came 1
}

follow() { # 'open TIME'|'closed TIME'...
	local step
	for step; do
		# shellcheck disable=SC2086
		is $step || {
			echo "at '$step'"
			return 1
		}
	done
}

# follows SENTENCE FAULT STEP...: of a pod made at the beginning of 2027; status knows it too, of the last step
follows() {
	date -u -s 2027-01-01T00:00:00Z >/dev/null
	with "$2" "$1" follow_and_say "${@:3}"
}

follow_and_say() {
	follow "$@" && says "${!#%% *}" 1 web
}

# Packets on their way while the minute turns: which are lost is when they were sent.
edges() {
	with "$(schedule '* * * * *' 1500ms)" "windows of five fields touch all inside and none outside" edges_exact
}

edges_exact() {
	local epoch # of the wall clock, on the monotonic one
	date -u -s 2027-03-01T11:59:57Z >/dev/null
	packets web peer -n 3000 -g 2000
	epoch=$(python3 -SE -c 'import time; print(max(time.monotonic_ns() - time.time_ns() for i in range(99)))')
	stats windows-lost "$epoch" 0 1500000000 60000000000 200
}

midnight() {
	follows "windows of a night span midnight" "$(schedule '0 22 * * *' 4h)" \
		"closed 2027-05-01T21:59:20Z" "open 2027-05-01T22:00:01Z" "open 2027-05-01T23:59:59Z" "open 2027-05-02T00:00:01Z" \
		"open 2027-05-02T01:59:20Z" "closed 2027-05-02T02:00:01Z"
	follows "@daily and @midnight begin at 0:00" "$(schedule @daily 1m)" \
		"closed 2027-05-01T23:59:20Z" "open 2027-05-02T00:00:01Z" "closed 2027-05-02T00:01:01Z"
	follows "@hourly, @weekly: a Sunday" "$(schedule @weekly 1h)" \
		"closed 2027-05-01T23:59:20Z" "open 2027-05-02T00:00:01Z" "closed 2027-05-03T00:00:01Z" "open 2027-05-09T00:59:20Z"
}

months() {
	follows "the end of a month" "$(schedule '30 23 30-31 * *' 1h)" \
		"open 2027-04-30T23:45:00Z" "open 2027-05-01T00:29:20Z" "closed 2027-05-01T00:30:01Z" "open 2027-05-30T23:30:01Z" \
		"open 2027-06-01T00:29:20Z" "closed 2028-02-29T23:45:00Z" "open 2027-12-31T23:31:00Z" "open 2028-01-01T00:29:00Z"
	follows "both day fields given: one that matches is enough" "$(schedule '0 12 13 * fri' 1h)" \
		"open 2027-05-13T12:30:00Z" "open 2027-05-14T12:30:00Z" "closed 2027-05-15T12:30:00Z" "closed 2027-05-13T13:00:01Z"
	follows "a window of 31 days" "$(schedule @yearly 744h)" \
		"closed 2027-12-31T23:59:20Z" "open 2028-01-01T00:00:01Z" "open 2028-01-31T23:59:20Z" "closed 2028-02-01T00:00:01Z"
}

leap() {
	follows "29 February" "$(schedule '0 0 29 feb ?' 24h)" \
		"closed 2027-03-01T00:00:01Z" "closed 2028-02-28T23:59:20Z" "open 2028-02-29T00:00:01Z" "open 2028-02-29T23:59:20Z" \
		"closed 2028-03-01T00:00:01Z"
}

# The night in which 2:00 to 3:00 is missing, the night that has it twice, and what a day's offset makes of UTC.
berlin() {
	follows "Berlin: 9:00 is 8:00 UTC in winter and 7:00 in summer" "$(schedule '0 9 * * *' 10m Europe/Berlin)" \
		"closed 2027-01-15T07:05:00Z" "open 2027-01-15T08:05:00Z" "open 2027-07-15T07:05:00Z" "closed 2027-07-15T08:05:00Z" \
		"open 2040-07-15T07:05:00Z"
	follows "Berlin: what is skipped does not fire" "$(schedule '30 2 * * *' 40m Europe/Berlin)" \
		"open 2027-03-27T01:35:00Z" "closed 2027-03-28T00:35:00Z" "closed 2027-03-28T01:00:01Z" "closed 2027-03-28T01:35:00Z" \
		"open 2027-03-29T00:35:00Z"
	follows "Berlin: what is repeated fires twice" "$(schedule '30 2 * * *' 20m Europe/Berlin)" \
		"closed 2027-10-31T00:29:20Z" "open 2027-10-31T00:30:01Z" "closed 2027-10-31T00:51:00Z" "open 2027-10-31T01:30:01Z" \
		"closed 2027-10-31T01:51:00Z"
}

new_york() {
	follows "New York: the gap and the repeated hour" "$(schedule '30 1,2 * * *' 15m America/New_York)" \
		"open 2027-03-14T06:31:00Z" "closed 2027-03-14T07:31:00Z" "open 2027-11-07T05:31:00Z" "open 2027-11-07T06:31:00Z" \
		"open 2027-11-07T07:31:00Z" "closed 2027-11-07T08:31:00Z"
	follows "New York: a window over the change is as long as it is" "$(schedule '0 1 * * sun' 2h America/New_York)" \
		"open 2027-03-14T07:59:20Z" "closed 2027-03-14T08:00:01Z"
}

# Half an hour, of an offset that ends in half an hour.
lord_howe() {
	follows "Lord Howe: half an hour is skipped, half an hour repeated" "$(schedule '15,45 1,2 * * *' 5m Australia/Lord_Howe)" \
		"open 2027-10-02T15:17:00Z" "closed 2027-10-02T15:32:00Z" "open 2027-10-02T15:47:00Z" "open 2027-04-03T14:47:00Z" \
		"open 2027-04-03T15:17:00Z" "open 2027-04-03T15:47:00Z"
}

steps() {
	follows "a clock that steps: windows follow, forward and back" "$(schedule '0 12 * * *' 1h)" \
		"open 2027-06-01T12:30:00Z" "closed 2027-06-01T13:30:00Z" "open 2027-06-01T12:30:01Z" "closed 2026-01-01T11:59:00Z" \
		"open 2026-01-01T12:00:00Z" "closed 1999-12-31T23:59:59Z" "open 1999-12-31T12:00:00Z" "closed 2038-01-19T03:14:10Z" \
		"open 2038-01-19T12:00:00Z"
}

start() {
	date -u -s 2027-06-01T12:00:00Z >/dev/null
	with "$(schedule '* * * * *' 1m UTC ',"start":"1h"')" "start holds windows back, and a clock that steps does not bring it on" start_holds
	with "$(schedule '* * * * *' 1m UTC ',"start":"3s"')" "start ends" start_ends
}

start_holds() {
	spared && date -u -s 2027-06-01T18:00:00Z >/dev/null && spared
}

start_ends() {
	spared && sleep 4 && lost
}

# Two rules of one pod, and two pods: each has its own.
apart() {
	date -u -s 2027-06-01T12:00:10Z >/dev/null
	add twin "$(schedule '1 12 * * *' 1m)"
	with "[$(schedule '0 12 * * *' 1m | sed 's/"x"/"a"/'),$(schedule '2 12 * * *' 1m | sed 's/"x"/"b"/')]" \
		"rules and pods have schedules of their own" apart_each
	del twin
	holds "schedules go with their pods" equals "$(calendars)" 0
}

calendars() {
	bpftool map dump pinned /sys/fs/bpf/faultwire/*/calendars 2>/dev/null | grep -c '"key"\|^key' || true
}

apart_each() {
	equals "$(calendars)" 3 && lost && date -u -s 2027-06-01T12:01:10Z >/dev/null && spared && packets twin peer -n 4 -g 100 &&
		stats lost 4 && date -u -s 2027-06-01T12:02:10Z >/dev/null && lost
}

# What puts replicas in step: the clock alone, whenever they were made.
clock() {
	date -u -s 2027-06-01T12:00:10Z >/dev/null
	local fault='{"action":"partition","name":"x","schedule":"@every 1h","duration":"20m","anchor":"clock"}'
	add twin "$fault"
	sleep 3
	with "$fault" "anchor clock puts replicas in step, and status says so" clock_in_step
	del twin
}

clock_in_step() {
	both_are open 13:19 && both_are closed 13:21 && both_are closed 13:59 && both_are open 14:01
}

both_are() { # open|closed TIME
	date -u -s "2027-06-01T$2:00Z" >/dev/null
	if [[ $1 == open ]]; then
		lost && packets twin peer -n 4 -g 100 && stats lost 4 && says open 2 web twin
	else
		spared && packets twin peer -n 4 -g 100 && stats lost 0 && says closed 2 web twin
	fi
}

refused() {
	add_said web "$(schedule '0 9 * * *' 1h Europe/Atlantis)" || true
	holds "a zone that is not there is refused by its name" contains "$SAID" "timeZone: 'Europe/Atlantis' is not in this node's"
	mount -t tmpfs none /usr/share/zoneinfo
	add_said web "$(schedule '0 9 * * *' 1h Europe/Berlin)" || true
	holds "a node without zones names the remedy" contains "$SAID" "install the package 'tzdata', or use 'UTC'"
	with "$(schedule '0 9 * * *' 1h)" "UTC needs no zones" follow "open 2027-06-01T09:30:00Z"
	umount /usr/share/zoneinfo
}

net_up
for name in web peer twin holder; do
	pod "$name"
done
neighbours web peer
neighbours twin peer
if (($# == 0)); then
	set -- "${PARTS[@]}"
fi
run_parts "$@"
