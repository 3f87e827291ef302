#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# When wall-clock schedules fire, as others have it: 10,000 random expressions by croniter, and
# 1,500 around daylight saving by robfig/cron (tests/tools/cron-times).
set -euo pipefail
cd "$(dirname "$0")/.."

croniter() { # SEED NAME; Debian's Python, which has Debian's croniter
	/usr/bin/python3 tests/tools/cron-times.py 10000 "$1" | build/tests/calendar "$2"
}

rc=0
croniter 1 "fires when croniter does, and windows begin and end there" || rc=1
build/tests/calendar "fires when robfig/cron does where daylight saving begins and ends" <tests/fixtures/cron-times.txt || rc=1
exit "$rc"
