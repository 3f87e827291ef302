#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Eyes and hands of the demo's second act.

disk.py watch DIR FAULTWIRE      a line a second of what two containers' disks do; in the first window abort and resume, in the second
                                 kill -9 of the process that answers sick's calls
disk.py report DIR OUT LEFT      counters and checks; exits 1 if a check fails

DIR has healthy and sick (what `disk` prints), disk.json (the container's record).
"""
import json
import os
import signal
import statistics
import subprocess
import sys

from trips import now, need, sleep_until

EVERY, DELAY = 7, 100.0  # the faults' own numbers: every 7th sync, ms a read
EDGE = 250  # ms around an edge that are not judged: a round is begun, and judged, within them
QUICK, STRAGGLERS = 50, 0.05  # ms of a read that nothing holds back, and the share that a pausing machine may hold back
SETTLE = 500


class Round:
    def __init__(self, line):
        at, sync_error, read_us, read_error = line.split()
        self.at, self.failed, self.read, self.read_failed = float(at), int(sync_error), int(read_us) / 1000, int(read_error)


def rounds(path, since=0.0, until=float("inf")):
    with open(path) as f:
        lines = [line for line in f if line.endswith("\n")]
    return [r for r in map(Round, lines) if since <= r.at < until]


class Windows:
    """Of the record's first rule; both have the same."""

    def __init__(self, path):
        with open(path) as f:
            record = json.load(f)
        rule = next(rule for op in record["plan"]["ops"] for rule in op.get("rules", []))
        self.created = int(record["createdMonoNs"]) / 1e6
        self.start = self.created + int(rule["startNs"]) / 1e6
        self.on, self.period = int(rule["onNs"]) / 1e6, int(rule["periodNs"]) / 1e6

    def opens(self, n):
        return self.start + n * self.period

    def open(self, t):
        return t >= self.start and (t - self.start) % self.period < self.on

    def inside(self, t):
        return self.open(t - EDGE) and self.open(t + EDGE)

    def outside(self, t):
        return not self.open(t - EDGE) and not self.open(t) and not self.open(t + EDGE)


# ---- watch

def cell(some):
    if not some:
        return "-".rjust(16)
    failed = sum(1 for r in some if r.failed)
    read = statistics.median(r.read for r in some)
    return f"{len(some):3} syncs, {failed or 'none':>4} failed, read {read:6.1f} ms {'█' * round(min(read, 250) / 20) or '▏'}"


def worker():
    """The half that answers: the child of the other."""
    halves = [int(p) for p in subprocess.run(["pgrep", "-x", "faultwire-super"], capture_output=True, text=True).stdout.split()]
    for pid in halves:
        with open(f"/proc/{pid}/stat") as f:
            if int(f.read().rsplit(")", 1)[1].split()[1]) in halves:
                return pid
    sys.exit("disk.py: sick has no supervisor")


class Watch:
    def __init__(self, directory, faultwire):
        self.directory, self.faultwire = directory, faultwire
        self.windows = w = Windows(os.path.join(directory, "disk.json"))
        self.plan = [(w.opens(0) + 0.45 * w.on, self.operate, "abort"), (w.opens(0) + 0.65 * w.on, self.operate, "resume"),
                     (w.opens(1) + 0.5 * w.on, self.kill, "kill -9")]
        self.end = w.opens(1) + w.on + 2000
        self.events, self.told = {}, []

    def note(self, what, before, text):
        self.events[what] = {"from": before, "to": now()}
        self.told.append((before, f"{self.clock(before):6.1f} s ── {text}"))

    def operate(self, verb):
        before = now()
        subprocess.run([self.faultwire, verb, "default/sick"], check=True, stdout=subprocess.DEVNULL)
        self.note(verb, before, f"faultwire {verb} default/sick ({now() - before:.0f} ms)")

    def kill(self, what):
        pid, before = worker(), now()
        os.kill(pid, signal.SIGKILL)
        self.note(what, before, "kill -9 of the process that answers sick's calls")

    def clock(self, t):
        return (t - self.windows.created) / 1000

    def word(self, since, until):
        if self.windows.open(since + 1) != self.windows.open(until - 1):
            return "opens" if self.windows.open(until - 1) else "closes"
        return "open" if self.windows.open(since + 1) else "closed"

    def line(self, since):
        cells = [cell(rounds(os.path.join(self.directory, name), since, since + 1000)) for name in ("healthy", "sick")]
        print(f"{self.clock(since):4.0f} s    {self.word(since, since + 1000):7} {cells[0]:45} {cells[1]}", flush=True)
        while self.told and self.told[0][0] < since + 1000:
            print(self.told.pop(0)[1], flush=True)

    def run(self):
        print(f"  time    window  {'healthy':45} sick")
        since = self.windows.created + (now() - self.windows.created) // 1000 * 1000
        while since < self.end or self.plan:
            due = since + 1000 + SETTLE
            if self.plan and self.plan[0][0] <= due:
                at, act, what = self.plan.pop(0)
                sleep_until(at)
                act(what)
                continue
            sleep_until(due)
            self.line(since)
            since += 1000


def watch(directory, faultwire):
    w = Watch(directory, faultwire)
    w.run()
    status = json.loads(subprocess.run([faultwire, "status", "--json"], check=True, capture_output=True, text=True).stdout)
    print(subprocess.run([faultwire, "status"], check=True, capture_output=True, text=True).stdout.rstrip())
    faults = [f for c in status["containers"] for f in c["faults"]]
    with open(os.path.join(directory, "disk-watched.json"), "w") as f:
        json.dump({"events": w.events, "faults": faults, "to": now()}, f)


# ---- report

class Report:
    """Each check returns whether it holds, and what was measured."""

    def __init__(self, directory, left):
        self.windows, self.left = Windows(os.path.join(directory, "disk.json")), left.strip()
        with open(os.path.join(directory, "disk-watched.json")) as f:
            self.seen = json.load(f)
        self.at = self.seen["events"]
        self.healthy, self.sick = (rounds(os.path.join(directory, name), 0, self.seen["to"]) for name in ("healthy", "sick"))
        self.off = [r for r in self.sick if self.at["abort"]["to"] <= r.at < self.at["resume"]["from"]]
        # what was under way at an edge belongs to neither side
        self.inside = [r for r in self.sick if self.windows.inside(r.at) and not self.near_abort(r.at)]
        self.outside = [r for r in self.sick if self.windows.outside(r.at)]

    def near_abort(self, t):
        return self.at["abort"]["from"] - EDGE <= t <= self.at["resume"]["to"] + EDGE

    @staticmethod
    def untouched(some):
        slow = [r for r in some if r.read >= QUICK]
        return len(some) >= 20 and not any(r.failed or r.read_failed for r in some) and len(slow) <= STRAGGLERS * len(some)

    @staticmethod
    def spread(some):
        return f"{len(some)} syncs, {sum(1 for r in some if r.failed)} failed; read {statistics.median([r.read for r in some] or [0]):.1f} ms"

    def every_seventh(self):
        """Between two that fail there are six that do not, as long as the window is open."""
        failed = [i for i, r in enumerate(self.sick) if r.failed]
        pairs = [(a, b) for a, b in zip(failed, failed[1:])
                 if all(self.windows.open(r.at) for r in self.sick[a:b + 1]) and not any(self.near_abort(r.at) for r in self.sick[a:b + 1])]
        return len(pairs) >= 3 and all(b - a == EVERY for a, b in pairs), self.spread(self.inside)

    def slow_reads(self):
        return len(self.inside) >= 20 and all(r.read >= DELAY and not r.read_failed for r in self.inside), self.spread(self.inside)

    def whole_outside(self):
        return self.untouched(self.outside), self.spread(self.outside)

    def healthy_untouched(self):
        return self.untouched(self.healthy), self.spread(self.healthy)

    def abort_at_once(self):
        return len(self.off) >= 5 and self.untouched(self.off), self.spread(self.off)

    def survives(self):
        after = [r for r in self.inside if r.at > self.at["kill -9"]["to"]]
        return len(after) >= 5 and all(r.read >= DELAY for r in after) and any(r.failed for r in after), self.spread(after)

    def counted(self):
        failed, reads = sum(1 for r in self.sick if r.failed), sum(1 for r in self.sick if r.read >= DELAY)
        sync, read = self.seen["faults"]
        return sync["injected"] == failed == sync["matched"] // EVERY and read["injected"] >= reads > 0, {
            "failed": failed, "injected": [sync["injected"], read["injected"]], "matched": [sync["matched"], read["matched"]]}

    def nothing_left(self):
        return not self.left, self.left or "nothing"

    CHECKS = {
        "outside its windows sick works as healthy does": whole_outside,
        "in its windows every 7th fsync fails with EIO, and no other": every_seventh,
        "and every read takes 100 ms": slow_reads,
        "healthy never notices": healthy_untouched,
        "abort acts on the next call": abort_at_once,
        "after kill -9 of the supervisor the faults go on": survives,
        "status counts what the program saw": counted,
        "of the container nothing is left": nothing_left,
    }


def report(directory, out, left):
    r = Report(directory, left)
    checks = [{"name": name, "holds": bool(holds), "value": value} for name, (holds, value) in ((n, c(r)) for n, c in Report.CHECKS.items())]
    for c in checks:
        print(f"{'ok' if c['holds'] else 'NOT OK':6} {c['name']}: {c['value']}")
    with open(os.path.join(out, "disk.json"), "w") as f:
        json.dump({"checks": checks, "events": r.at, "faults": r.seen["faults"]}, f, indent=1)
    need(all(c["holds"] for c in checks), "build/demo/disk.json has it in detail")


if __name__ == "__main__":
    {"watch": watch, "report": report}[sys.argv[1]](*sys.argv[2:])
