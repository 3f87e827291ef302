#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Firing times of random cron expressions by croniter, as lines for build/tests/calendar: cron-times.py NUMBER SEED.
UTC alone: croniter has rules of its own for daylight saving (tests/fixtures/cron-times.txt has those that ours follow)."""
import random
import sys

from croniter import CroniterBadDateError, croniter

FIELDS = [
    (0, 59, None),
    (0, 23, None),
    (1, 31, None),
    (1, 12, "jan feb mar apr may jun jul aug sep oct nov dec".split()),
    (0, 6, "sun mon tue wed thu fri sat".split()),
]


def value(r, v, low, names):
    if names and r.random() < 0.3:
        return r.choice([str.lower, str.upper, str.title])(names[v - low])
    return str(v)


def element(r, low, high, names):
    a = r.randint(low, high)
    b = r.randint(a, high)
    step = r.randint(1, (high - low + 1) // 2)
    kind = r.randrange(4)
    if kind == 0:
        return "7" if high == 6 and a == 0 else value(r, a, low, names)
    if kind == 1 and a < b:
        return f"{value(r, a, low, names)}-{value(r, b, low, names)}"
    if kind == 2 and a < b:
        return f"{value(r, a, low, names)}-{value(r, b, low, names)}/{step}"
    return f"*/{max(step, 2)}"


def field(r, low, high, names):
    if r.random() < 0.4:
        return "*"
    items = [element(r, low, high, names)]
    while r.random() < 0.3:
        items.append(element(r, low, high, names))
    return ",".join(items)


def main():
    n, r = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    while n:
        words = [field(r, *f) for f in FIELDS]
        text = " ".join(words)
        at = r.randrange(1_750_000_000, 2_400_000_000)
        try:
            times = croniter(text, at, ret_type=float)
            if any(e == ["*"] and w != "*" for e, w in zip(times.expanded, words)):
                continue  # a list of all values: croniter takes it for '*', cron does not
            first, second = int(times.get_next()), int(times.get_next())
        except CroniterBadDateError:  # 30 February
            continue
        print("UTC", at, first, second, text)
        n -= 1


main()
