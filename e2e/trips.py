#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Round trips that `firstpacket -m` printed, held against the windows of a pod's record.

trips.py CHECK FILE RECORD [SINCE [UNTIL]]    exits 0 if it holds, and says what it found
    delayed     in windows the record's delay, outside nothing of it
    dropped     in windows lost, outside not
    spared      neither lost nor delayed, windows or not
    spared-in   the same, of packets sent while a window was open
trips.py at RECORD SECONDS COMMAND...         runs it that long after a window opened; prints '<before> <after>'
trips.py past RECORD SECONDS                  waits until that long after the next window's end

Times are milliseconds of CLOCK_MONOTONIC. The first rule of a record is the one that counts.
"""
import json
import subprocess
import sys
import time

OP_DELAY = 7  # enum fw_op
PER_WINDOW = 4  # fw_rule.flags
LANES, LANE_JITTER = 8, 3
MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15

# A sender stamps a packet before the kernel sees it, and an emulated machine may pause in between: what was sent this close to an
# edge, in ms, is not judged. SLACK is what the path itself may take; when the machine pauses, packets take more: a share of
# STRAGGLERS at most, and few as much as the fault, FAULT, adds at least. (Exact is tests/net/time.sh, in virtual time.)
EDGE = 60
SLACK = 25
STRAGGLERS = 0.4
FAULT, PAUSES = 150, 0.05


def mix(x):
    x = (x + GAMMA) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


class Trip:
    """A packet: when it was sent, in ms, and its round trip in ms, None = lost."""

    def __init__(self, line):
        sent, result = line.split()[:2]
        self.sent = float(sent)
        self.rtt = int(result) / 1000 if result.isdigit() else None


def read(path, since=0.0, until=float("inf")):
    """In the order of sending. Whole lines only: the file may be being written. Echoes after a verdict are not packets of their own."""
    with open(path) as f:
        lines = [line for line in f if line.endswith("\n") and len(line.split()) == 2]
    return sorted((t for t in map(Trip, lines) if since <= t.sent <= until), key=lambda t: t.sent)


class Rule:
    """The first rule of a pod's record: its windows, and its delay in each."""

    def __init__(self, path):
        with open(path) as f:
            record = json.load(f)
        rule = record["plan"]["ops"][0]["rules"][0]
        self.op, self.flags, self.params = rule["op"], rule["flags"], rule["params"]
        self.key = int(rule["key"])
        self.start = (int(record["createdMonoNs"]) + int(rule["startNs"])) / 1e6
        self.on, self.period = int(rule["onNs"]) / 1e6, int(rule["periodNs"]) / 1e6

    def window(self, t):
        """The number of the window that began last, and how long ago that was; a number below 0 before the first."""
        if not self.period:
            return (0 if t >= self.start else -1), t - self.start
        n = (t - self.start) // self.period
        return int(n), t - self.start - n * self.period

    def open(self, t):
        n, since = self.window(t)
        return n >= 0 and (not self.on or since < self.on)

    def near_edge(self, t, edge=EDGE):
        return self.open(t - edge) != self.open(t + edge)

    def opens(self, n):
        return self.start + n * self.period

    def delay(self, n):
        """Of window n, in ms, as the kernel draws it from the seed; None where that takes more than the record."""
        latency, jitter = self.params[0], self.params[1]
        if self.op != OP_DELAY or (jitter and not self.flags & PER_WINDOW):
            return None
        draw = mix((self.key + (n * LANES + LANE_JITTER) * GAMMA) & MASK) >> 32
        return (latency - jitter + ((2 * (jitter >> 8) * draw) >> 24)) / 1e6


def need(condition, message):
    print(message)
    if not condition:
        sys.exit(1)


def split(trips, rule):
    """Those sent in a window and those outside, without what was sent at an edge."""
    judged = [t for t in trips if not rule.near_edge(t.sent)]
    return [t for t in judged if rule.open(t.sent)], [t for t in judged if not rule.open(t.sent)]


def slower(trips, bound):
    return sum(1 for t in trips if t.rtt is None or t.rtt >= bound)


def untouched(trips):
    """None lost, none delayed, all but stragglers quick."""
    return not any(t.rtt is None for t in trips) and slower(trips, FAULT) <= PAUSES * len(trips) and slower(trips, SLACK) <= STRAGGLERS * len(trips)


def show(trips):
    return " ".join("lost" if t.rtt is None else f"{t.rtt:.1f}" for t in sorted(trips, key=lambda t: -(t.rtt or 1e9))[:8]) or "-"


def check_delayed(trips, rule):
    inside, outside = split(trips, rule)
    over = [t.rtt - rule.delay(rule.window(t.sent)[0]) for t in inside if t.rtt is not None]
    windows = sorted({rule.window(t.sent)[0] for t in inside})
    late = [o for o in over if o > SLACK]
    need(len(over) >= 10 and len(over) == len(inside) and min(over) > -0.01 and len(late) <= STRAGGLERS * len(over),
         f"{len(inside)} in windows {windows} of {[round(rule.delay(n), 1) for n in windows]} ms: "
         f"{min(over, default=0):.2f}..{max(over, default=0):.2f} ms over that, {len(late)} above {SLACK} ms, {len(inside) - len(over)} lost")
    need(all(150 <= rule.delay(n) <= 250 for n in windows), "the delays are within 150..250 ms")
    need(len(outside) >= 10 and untouched(outside), f"{len(outside)} outside, slowest {show(outside)} ms")


def check_dropped(trips, rule):
    inside, outside = split(trips, rule)
    came = [t for t in inside if t.rtt is not None]
    need(len(inside) >= 10 and not came, f"{len(inside)} in windows, of which came {show(came)}")
    need(len(outside) >= 10 and untouched(outside), f"{len(outside)} outside, slowest {show(outside)} ms")


def check_spared(trips, _rule):
    need(len(trips) >= 10 and untouched(trips), f"{len(trips)}, slowest {show(trips)} ms")


def check_spared_in(trips, rule):
    inside = split(trips, rule)[0]
    need(len(inside) >= 3 and untouched(inside), f"{len(inside)}, slowest {show(inside)} ms")


def now():
    return time.monotonic_ns() / 1e6


def sleep_until(t):
    time.sleep(max(0.0, t - now()) / 1000)


def at(rule, after, command):
    """In the window that is open now if that moment is still to come, else in the next."""
    n = rule.window(now())[0]
    if rule.opens(n) + after < now():
        n += 1
    sleep_until(rule.opens(n) + after)
    before = now()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    print(before, now())
    sys.exit(done.returncode)


def past(rule, after):
    n, since = rule.window(now())
    if since >= rule.on:
        n += 1
    sleep_until(rule.opens(n) + rule.on + after)


def main():
    name, path = sys.argv[1:3]
    if name == "at":
        at(Rule(path), float(sys.argv[3]) * 1000, sys.argv[4:])
    elif name == "past":
        past(Rule(path), float(sys.argv[3]) * 1000)
    else:
        check = globals()["check_" + name.replace("-", "_")]
        check(read(path, *map(float, sys.argv[4:6])), Rule(sys.argv[3]))


if __name__ == "__main__":
    main()
