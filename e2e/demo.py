#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The demo's eyes and hands.

demo.py watch DIR SECONDS FAULTWIRE PID...   a line a second of what the pods measure, until SECONDS of stormy's life; abort,
                                             resume, and in the next window kill -9 of PID...
demo.py report DIR OUT                       picture, counters and checks; exits 1 if a check fails

DIR has calm and stormy (what `firstpacket -m` prints), record.json (the pod's record), facts (a name, a tab, a value a line).
"""
import json
import os
import signal
import statistics
import subprocess
import sys
import time

import picture
from trips import EDGE, FAULT, SLACK, STRAGGLERS, Rule, need, now, read, sleep_until, split, untouched

SETTLE = 500  # ms after which a packet's fate is in the file
BAR = 250 / 25  # ms a block


class Demo:
    def __init__(self, directory):
        self.directory = directory
        self.rule = Rule(os.path.join(directory, "record.json"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def trips(self, pod, since=0.0, until=float("inf")):
        return read(self.path(pod), since, until)

    def clock(self, t):
        """Seconds since the pod's creation, when its first window opened."""
        return (t - self.rule.start) / 1000


# ---- watch

def median(trips):
    came = [t.rtt for t in trips if t.rtt is not None]
    return statistics.median(came) if came else None


def cell(trips, width):
    rtt = median(trips)
    if rtt is None:
        return "-".rjust(6) + " " * (width + 4)
    eighths = round(min(rtt / BAR, width) * 8)
    bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
    return f"{rtt:6.1f} ms {bar or '▏':{width}}"


def window_word(rule, since, until):
    if rule.open(since + 1) != rule.open(until - 1):
        return "opens" if rule.open(until - 1) else "closes"
    return "open" if rule.open(since + 1) else "closed"


class Watch:
    def __init__(self, demo, faultwire, victims):
        self.demo, self.faultwire, self.victims = demo, faultwire, victims
        self.events, self.told = [], []
        rule = demo.rule
        w = rule.window(now())[0] + 1
        self.plan = [
            (rule.opens(w) + 0.4 * rule.on, self.operate, "abort"),
            (rule.opens(w) + 0.75 * rule.on, self.operate, "resume"),
            (rule.opens(w + 1) + 0.5 * rule.on, self.kill, "kill -9"),
        ]
        self.enough = rule.opens(w + 1) + rule.on + 2000

    def note(self, what, before, after, text):
        self.events.append({"what": what, "from": before, "to": after})
        self.told.append((before, f"{self.demo.clock(before):6.1f} s ── {text}"))

    def operate(self, verb):
        before = now()
        subprocess.run([self.faultwire, verb, "default/stormy"], check=True, stdout=subprocess.DEVNULL)
        after = now()
        self.note(verb, before, after, f"faultwire {verb} default/stormy ({after - before:.0f} ms)")

    def kill(self, what):
        before = now()
        for pid in self.victims:
            os.kill(pid, signal.SIGKILL)
        self.note(what, before, now(), f"kill -9 of containerd, its shims, and the pod's pause process ({len(self.victims)} processes)")

    def line(self, since):
        until = since + 1000
        calm, stormy = (self.demo.trips(pod, since, until) for pod in ("calm", "stormy"))
        print(f"{self.demo.clock(since):4.0f} s    {window_word(self.demo.rule, since, until):7} {cell(calm, 5)} {cell(stormy, 26)}".rstrip(),
              flush=True)
        # Lines come once the fates of their packets are known; what happened meanwhile waits for its place.
        while self.told and self.told[0][0] < until:
            print(self.told.pop(0)[1], flush=True)

    def run(self, seconds):
        first = now()
        since = self.demo.rule.start + (first - self.demo.rule.start) // 1000 * 1000
        end = max(self.demo.rule.start + seconds * 1000, self.enough)
        print("  time    window  calm            stormy: median round trip of each second")
        while since < end or self.plan:
            due = since + 1000 + SETTLE
            if self.plan and self.plan[0][0] <= due:
                at, act, what = self.plan.pop(0)
                sleep_until(at)
                act(what)
                continue
            sleep_until(due)
            self.line(since)
            since += 1000
        return {"events": self.events, "from": first, "to": since}


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def watch(directory, seconds, faultwire, *pids):
    victims = [int(pid) for pid in pids]
    demo = Demo(directory)
    wait_for_packet(demo)
    seen = Watch(demo, faultwire, victims).run(int(seconds))
    seen["survivors"] = [pid for pid in victims if alive(pid)]
    seen["status"] = output(faultwire, "status")
    seen["counters"] = json.loads(output(faultwire, "status", "--json"))["pods"]
    with open(demo.path("watched.json"), "w") as f:
        json.dump(seen, f)


def wait_for_packet(demo):
    deadline = now() + 20000
    while not os.path.exists(demo.path("stormy")) or not demo.trips("stormy"):
        if now() > deadline:
            sys.exit("demo.py: no packet of stormy within 20 s")
        time.sleep(0.1)


# ---- report

class Report:
    """Each check returns whether it holds, and what was measured."""

    def __init__(self, demo):
        self.demo, self.rule = demo, demo.rule
        with open(demo.path("watched.json")) as f:
            self.seen = json.load(f)
        with open(demo.path("facts")) as f:
            self.facts = dict(line.rstrip("\n").split("\t") for line in f)
        until = self.seen["to"] - SETTLE
        self.stormy = demo.trips("stormy", 0, until)
        self.calm = demo.trips("calm", self.stormy[0].sent - 1000, until)
        self.at = {e["what"]: e for e in self.seen["events"]}
        self.inside, self.outside = split([t for t in self.stormy if not self.aborted(t.sent)], self.rule)

    def aborted(self, t):
        return self.at["abort"]["from"] <= t <= self.at["resume"]["to"]

    def windows(self):
        """What each window was seen to do."""
        per = {}
        for t in self.inside:
            per.setdefault(self.rule.window(t.sent)[0], []).append(t)
        return [self.window(n, trips) for n, trips in sorted(per.items())]

    def window(self, n, trips):
        came = [t.rtt for t in trips if t.rtt is not None]
        return {"window": n, "opens": self.demo.clock(self.rule.opens(n)), "drawn_ms": self.rule.delay(n),
                "packets": len(trips), "lost": len(trips) - len(came), "least_ms": min(came, default=None),
                "median_ms": median(trips), "most_ms": max(came, default=None),
                "steady": sum(1 for rtt in came if rtt <= min(came) + SLACK) >= (1 - STRAGGLERS) * len(trips)}

    def first_delayed(self):
        first = self.stormy[0]
        drawn = self.rule.delay(self.rule.window(first.sent)[0]) or FAULT
        holds = self.rule.open(first.sent) and first.rtt is not None and drawn <= first.rtt < 2 * drawn
        return holds, {"round_trip_ms": first.rtt, "seconds_after_creation": round(self.demo.clock(first.sent), 3)}

    def one_delay(self):
        windows = self.windows()
        holds = len(windows) >= 3 and all(150 <= w["least_ms"] <= 250 and not w["lost"] and w["steady"] for w in windows)
        drawn = all(w["drawn_ms"] is None or 0 <= w["least_ms"] - w["drawn_ms"] + 0.01 < SLACK for w in windows)
        return holds and drawn, {w["window"]: [w["least_ms"], w["median_ms"], w["drawn_ms"]] for w in windows}

    def outside_calm(self):
        return len(self.outside) >= 50 and untouched(self.outside), self.spread(self.outside)

    def calm_untouched(self):
        bare = self.facts["calmQdisc"] == "noqueue" and self.facts["records"] == "1"
        return bare and len(self.calm) >= 100 and untouched(self.calm), self.spread(self.calm) | {"qdisc": self.facts["calmQdisc"]}

    def abort_at_once(self):
        after = [t for t in self.stormy if self.at["abort"]["to"] <= t.sent < self.at["resume"]["from"] and self.rule.open(t.sent)]
        before = [t for t in self.inside if t.sent < self.at["abort"]["from"]]
        return len(after) >= 3 and before[-1].rtt >= FAULT and untouched(after), {
            "command_ms": round(self.at["abort"]["to"] - self.at["abort"]["from"], 1), "last_before_ms": before[-1].rtt,
            "next_ms": after[0].rtt if after else None, "packets": len(after)}

    def resume_works(self):
        n = self.rule.window(self.at["resume"]["to"])[0]
        after = [t for t in self.inside if t.sent > self.at["resume"]["to"] and self.rule.window(t.sent)[0] == n]
        return len(after) >= 3 and all(t.rtt is not None and t.rtt >= FAULT for t in after), self.spread(after)

    def ends_on_time(self):
        killed = self.at["kill -9"]["to"]
        n = self.rule.window(killed)[0]
        end = self.rule.opens(n) + self.rule.on
        near = [t for t in self.stormy if killed < t.sent < end + self.rule.on / 2]
        delayed = [t.sent - end for t in near if t.rtt is None or t.rtt >= FAULT]
        free = [t.sent - end for t in near if t.rtt is not None and t.rtt < FAULT]
        holds = bool(delayed and free) and max(delayed) < EDGE and -EDGE < min(free) < 2 * EDGE and not self.seen["survivors"]
        return holds, {"killed_before_end_ms": round(end - killed), "last_delayed_ms": round(max(delayed, default=0), 1),
                       "first_free_ms": round(min(free, default=0), 1), "survivors": self.seen["survivors"]}

    def counted(self):
        faults = [f for pod in self.seen["counters"] for f in pod["faults"]]
        return len(faults) == 1 and faults[0]["injected"] == faults[0]["matched"] >= len(self.inside), {
            k: faults[0][k] for k in ("matched", "injected")}

    def nothing_left(self):
        return self.facts["left"].strip() == "", self.facts["left"].strip() or "nothing"

    @staticmethod
    def spread(trips):
        came = [t.rtt for t in trips if t.rtt is not None]
        return {"packets": len(trips), "lost": len(trips) - len(came), "median_ms": median(trips), "most_ms": max(came, default=None)}

    CHECKS = {
        "the first packet of stormy is delayed": first_delayed,
        "in its windows 150..250 ms, one delay a window": one_delay,
        "outside its windows stormy is as quick as calm": outside_calm,
        "calm never notices": calm_untouched,
        "abort acts on the next packet": abort_at_once,
        "resume brings the fault back": resume_works,
        "after kill -9 the fault ends on time": ends_on_time,
        "status counts every packet of the windows": counted,
        "after StopPodSandbox nothing is left": nothing_left,
    }

    def check(self):
        for name, check in self.CHECKS.items():
            holds, value = check(self)
            yield {"name": name, "holds": bool(holds), "value": value}


def words(value):
    """A value of result.json in few words."""
    if not isinstance(value, dict):
        return str(value)
    if all(isinstance(v, list) for v in value.values()):
        return ", ".join(f"{v[1]:.0f} ms" for v in value.values())
    return ", ".join(f"{k.removesuffix('_ms').replace('_', ' ')} {round(v, 1) if isinstance(v, float) else v}" + (" ms" if k.endswith("_ms") else "")
                     for k, v in value.items() if v not in (None, []))


def report(directory, out):
    demo = Demo(directory)
    r = Report(demo)
    scene = picture.Scene(demo, r.calm, r.stormy, r.seen, r.windows())
    with open(os.path.join(out, "demo.svg"), "w") as f:
        f.write(picture.svg(scene))
    print(picture.terminal(scene))
    print(r.seen["status"].rstrip())
    checks = list(r.check())
    for c in checks:
        print(f"{'ok' if c['holds'] else 'NOT OK':6} {c['name']}: {words(c['value'])}")
    with open(os.path.join(out, "result.json"), "w") as f:
        json.dump({"checks": checks, "windows": r.windows(), "events": r.seen["events"], "counters": r.seen["counters"],
                   "kernel": r.facts["kernel"]}, f, indent=1)
    need(all(c["holds"] for c in checks), "build/demo/demo.svg and build/demo/result.json have it in detail")


if __name__ == "__main__":
    {"watch": watch, "report": report}[sys.argv[1]](*sys.argv[2:])
