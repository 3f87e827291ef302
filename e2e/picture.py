# SPDX-License-Identifier: GPL-2.0-only
"""Round trips of the demo's two pods over time, as SVG and for a terminal."""
from html import escape

CALM, STORMY, WINDOW, ABORTED, INK, FAINT = "#1f6fb2", "#d1495b", "#fde8c8", "#e3e3e3", "#222", "#8a8a8a"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 440, 62, 20, 78, 52
MOST = 300  # ms at the top of the picture


class Scene:
    """What is to be drawn, times in seconds since the stormy pod's creation, round trips in ms."""

    def __init__(self, demo, calm, stormy, seen, windows):
        rule = demo.rule
        self.first = points(demo, stormy[:1])
        self.begin, self.end = int(demo.clock(stormy[0].sent)) - 1, demo.clock(seen["to"])
        self.pods = {"calm": points(demo, calm), "stormy": points(demo, stormy)}
        self.events = [(demo.clock(e["from"]), e["what"]) for e in seen["events"]]
        self.open = []
        for n in range(rule.window(seen["to"])[0] + 1):
            at = demo.clock(rule.opens(n))
            self.open.append((max(at, self.begin), min(at + rule.on / 1000, self.end)))
        self.open = [(a, b) for a, b in self.open if a < b]
        self.delays = [(max(w["opens"], self.begin), w["median_ms"]) for w in windows if w["median_ms"] is not None]

    def at(self, what):
        return next((t for t, name in self.events if name == what), None)


def points(demo, trips):
    return [(demo.clock(t.sent), t.rtt) for t in trips if t.rtt is not None]


# ---- SVG

class Canvas:
    def __init__(self, scene):
        self.scene, self.parts = scene, []

    def x(self, t):
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (t - self.scene.begin) / (self.scene.end - self.scene.begin), 1)

    def y(self, rtt):
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(rtt, MOST) / MOST, 1)

    def add(self, tag, text=None, **attributes):
        attributes = " ".join(f'{k.replace("_", "-")}="{escape(str(v))}"' for k, v in attributes.items())
        self.parts.append(f"<{tag} {attributes}/>" if text is None else f"<{tag} {attributes}>{escape(text)}</{tag}>")

    def text(self, x, y, text, fill=INK, size=12, anchor="start", weight="normal"):
        self.add("text", text, x=x, y=y, fill=fill, font_size=size, text_anchor=anchor, font_weight=weight)

    def band(self, a, b, fill):
        self.add("rect", x=self.x(a), y=TOP, width=round(self.x(b) - self.x(a), 1), height=HEIGHT - TOP - BOTTOM, fill=fill)

    def line(self, x1, y1, x2, y2, stroke, **more):
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, **more)

    def __str__(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
                'font-family="system-ui, sans-serif">\n' + "\n".join(self.parts) + "\n</svg>\n")


def svg(scene):
    c = Canvas(scene)
    c.add("rect", width=WIDTH, height=HEIGHT, fill="#fff")
    c.text(LEFT, 26, "faultwire: round trips of two pods, of which one carries a network fault", size=16, weight="bold")
    c.text(LEFT, 46, "stormy: delay 200 ms, jitter 50 ms, correlation 100, in windows", fill=STORMY)
    c.text(LEFT + 400, 46, "calm: no annotation", fill=CALM)
    draw_windows(c)
    draw_axes(c)
    for pod, colour in ("stormy", STORMY), ("calm", CALM):
        for t, rtt in scene.pods[pod]:
            if t >= scene.begin:
                c.add("circle", cx=c.x(t), cy=c.y(rtt), r=1.8, fill=colour)
    draw_events(c)
    return str(c)


def draw_windows(c):
    for a, b in c.scene.open:
        c.band(a, b, WINDOW)
    abort, resume = c.scene.at("abort"), c.scene.at("resume")
    if abort and resume:
        c.band(abort, resume, ABORTED)


def draw_axes(c):
    for rtt in range(0, MOST + 1, 50):
        c.line(LEFT, c.y(rtt), WIDTH - RIGHT, c.y(rtt), "#00000018" if rtt else FAINT)
        c.text(LEFT - 8, c.y(rtt) + 4, f"{rtt} ms" if rtt else "0", fill=FAINT, size=11, anchor="end")
    for t in range(c.scene.begin - c.scene.begin % -5, int(c.scene.end) + 1, 5):
        c.line(c.x(t), HEIGHT - BOTTOM, c.x(t), HEIGHT - BOTTOM + 4, FAINT)
        c.text(c.x(t), HEIGHT - BOTTOM + 18, f"{t} s", fill=FAINT, size=11, anchor="middle")
    c.text(LEFT, HEIGHT - 12, "since the pod's creation; shaded: a window is open; grey: aborted", fill=FAINT, size=11)


def draw_events(c):
    for t, what in c.scene.events:
        c.line(c.x(t), TOP - 6, c.x(t), HEIGHT - BOTTOM, INK, stroke_width=1.2, stroke_dasharray="4 3")
        c.text(c.x(t), TOP - 10, what, size=11, anchor="middle", weight="bold")
    for at, rtt in c.scene.delays:
        c.text(c.x(at) + 4, c.y(rtt) + 20, f"{rtt:.0f} ms", fill=STORMY, size=11)
    for t, rtt in c.scene.first:
        c.add("circle", cx=c.x(t), cy=c.y(rtt), r=6, fill="none", stroke=INK)
        c.text(c.x(t), c.y(rtt) - 12, "first packet", size=11, weight="bold")


# ---- terminal

COLUMNS, ROWS = 78, 7


def terminal(scene):
    """Rows from MOST down to 0: '•' stormy, '·' calm; below, where windows are open, and events by their first letter."""
    grid = [[" "] * COLUMNS for _ in range(ROWS)]
    column = lambda t: min(COLUMNS - 1, int((t - scene.begin) / (scene.end - scene.begin) * COLUMNS))
    for pod, mark in ("calm", "·"), ("stormy", "•"):
        for t, rtt in scene.pods[pod]:
            if t >= scene.begin:
                grid[ROWS - 1 - min(ROWS - 1, round(rtt / MOST * (ROWS - 1)))][column(t)] = mark
    axis = ["─"] * COLUMNS
    for a, b in scene.open:
        axis[column(a):column(b) + 1] = "▀" * (column(b) - column(a) + 1)
    below = [" "] * (COLUMNS + 8)
    for t, what in scene.events:
        label = what + "↑" if what == "abort" else "↑" + what
        left = column(t) - (len(what) if what == "abort" else 0)
        below[left:left + len(label)] = label
    lines = [f"{MOST - i * MOST // (ROWS - 1):4} ms │{''.join(row).rstrip()}" for i, row in enumerate(grid)]
    return "\n".join([*lines, "        └" + "".join(axis), "         " + "".join(below).rstrip()])
