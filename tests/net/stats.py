#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks of what traffic(1) measured: stats.py CHECK FILE ARGUMENT... exits 0 if it holds, 1 if not, and says what it found.

Distributions by Kolmogorov-Smirnov, shares by the exact binomial interval of 99 %: a test that is to hold always gives a seed.
A seed is a number, or "key:" and the key of a rule as the state file has it.
"""
import bisect
import math
import sys

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
LANES, GATE, STEP, HIT, JITTER = 8, 0, 1, 2, 3
ALWAYS = 0xFFFFFFFF


class Packet:
    __slots__ = ("number", "sent", "delay", "copies", "damaged")

    def __init__(self, number, sent, delay, copies, damaged):
        self.number, self.sent, self.delay, self.copies, self.damaged = number, sent, delay, copies, damaged

    @property
    def ms(self):
        return self.delay / 1e6


def read(path):
    with open(path) as f:
        numbers = list(map(int, f.read().split()))
    return list(map(Packet, *(numbers[i::5] for i in range(5))))


def fail(message):
    print(message)
    sys.exit(1)


def need(condition, message):
    if not condition:
        fail(message)
    print(message)


# ---- the decisions as the kernel makes them

def mix(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def key_of(seed):
    return int(seed[4:]) if seed.startswith("key:") else mix(int(seed))


def draw(key, n, lane):
    return mix((key + (n * LANES + lane + 1) * GAMMA) & MASK) >> 32


def threshold(percent):
    ppm = round(percent * 10000)
    return ALWAYS if ppm >= 1000000 else (ppm << 32) // 1000000


# ---- checks

def delays(packets):
    return [p.ms for p in packets if p.delay >= 0]


# Virtual time passes while the emulated machine reads from its disk: that long may a few packets be late.
PAUSE_MS = 20


def few_late(over):
    """Whether of the ms by which packets are later than they may be (or less than 0) only those of a pause are over 0."""
    return max(over) <= PAUSE_MS and sum(x > 0 for x in over) <= max(1, len(over) / 200)


def check_mean(packets, want, within):
    d = delays(packets)
    mean = sum(d) / len(d)
    need(abs(mean - float(want)) <= float(within), f"mean {mean:.4f} ms of {len(d)}, wanted {want} within {within}")


def check_between(packets, low, high):
    """Every packet arrived, delayed by low..high ms."""
    bad = [p for p in packets if not float(low) <= p.ms <= float(high)]
    need(all(p.ms >= float(low) for p in packets) and few_late([p.ms - float(high) for p in packets]),
         f"{len(bad)} of {len(packets)} outside {low}..{high} ms, first: {bad[0].number if bad else '-'} {bad[0].ms if bad else ''}")


def kolmogorov(sample, cdf):
    s = sorted(sample)
    n = len(s)
    return max(max((i + 1) / n - cdf(x), cdf(x) - i / n) for i, x in enumerate(s)), n


def check_uniform(packets, low, high):
    low, high = float(low), float(high)
    d, n = kolmogorov(delays(packets), lambda x: min(1, max(0, (x - low) / (high - low))))
    limit = 2.23 / math.sqrt(n) + 0.05 / (high - low)  # 99.99 %, as netem draws anew each time, and 0.05 ms of path
    need(d <= limit, f"KS distance {d:.4f} of {n} to uniform {low}..{high} ms, limit {limit:.4f}")


def check_normal(packets, mean, sd):
    mean, sd = float(mean), float(sd)
    d, n = kolmogorov(delays(packets), lambda x: 0.5 * (1 + math.erf((x - mean) / sd / math.sqrt(2))))
    limit = 2.23 / math.sqrt(n) + 0.01  # 99.99 %, and netem's table has steps of its own
    need(d <= limit, f"KS distance {d:.4f} of {n} to normal {mean} sd {sd} ms, limit {limit:.4f}")


def binomial_interval(n, p, alpha=0.01):
    """Smallest k with P(X <= k) > alpha/2 and with P(X <= k) >= 1 - alpha/2, exact."""
    logp, logq = math.log(p), math.log1p(-p)
    total, low, high = 0.0, None, n
    for k in range(n + 1):
        total += math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * logp + (n - k) * logq)
        if low is None and total > alpha / 2:
            low = k
        if total >= 1 - alpha / 2:
            high = k
            break
    return low or 0, high


def share(packets, hit, percent, what):
    n, k = len(packets), sum(1 for p in packets if hit(p))
    if float(percent) == 0:
        return need(k == 0, f"{k} of {n} {what}, wanted none")
    low, high = binomial_interval(n, float(percent) / 100)
    need(low <= k <= high, f"{k} of {n} {what}, wanted {low}..{high} for {percent} %")


def check_loss(packets, percent):
    share(packets, lambda p: p.copies == 0, percent, "lost")


def check_duplicate(packets, percent):
    share(packets, lambda p: p.copies == 2, percent, "twice")


def check_damaged(packets, percent):
    share(packets, lambda p: p.damaged > 0, percent, "damaged")


def check_late(packets, percent, ms):
    """That share of all is late by 'ms', the rest is not."""
    bad = [p for p in packets if not (0 <= p.ms < 1 or abs(p.ms - float(ms)) < 1)]
    need(not bad, f"{len(bad)} neither at once nor after {ms} ms")
    share(packets, lambda p: p.ms > 1, percent, "late")


def check_between_share(packets, low, high):
    got = 100 * sum(1 for p in packets if p.copies == 0) / len(packets)
    need(float(low) <= got <= float(high), f"{got:.2f} % lost, wanted {low}..{high}")


def check_lost_of_predicted(packets, seed, percent, spared):
    """Only packets are lost whose number the seed picks, and all of them but a share of at most 'spared'."""
    key, limit = key_of(seed), threshold(float(percent))
    want = {p.number for p in packets if draw(key, p.number, GATE) < limit}
    got = {p.number for p in packets if p.copies == 0}
    need(got <= want and len(want - got) <= float(spared) * len(want),
         f"{len(got - want)} lost that were not picked, {len(want - got)} of {len(want)} picked not lost")


def check_lost(packets, count):
    k = sum(1 for p in packets if p.copies == 0)
    need(k == int(count), f"{k} of {len(packets)} lost, wanted {count}")


def check_untouched(packets):
    bad = [p for p in packets if p.copies != 1 or p.damaged]
    need(not bad, f"{len(bad)} of {len(packets)} lost, doubled or damaged")


def check_predicted(packets, seed, percent):
    """Exactly those packets are lost whose number the seed picks."""
    key, limit = key_of(seed), threshold(float(percent))
    want = {p.number for p in packets if limit == ALWAYS or draw(key, p.number, GATE) < limit}
    got = {p.number for p in packets if p.copies == 0}
    need(got == want, f"{len(got)} lost, {len(want)} predicted, {len(got ^ want)} differ")


def check_predicted_count(packets, seed, percent):
    """As many are lost as event numbers 0..n-1 that the seed picks, whatever the order (many senders)."""
    key, limit = key_of(seed), threshold(float(percent))
    want = sum(1 for n in range(len(packets)) if draw(key, n, GATE) < limit)
    got = sum(1 for p in packets if p.copies == 0)
    need(got == want, f"{got} lost, {want} predicted")


def check_chain_count(packets, seed, percent, correlation):
    """As many are lost as the chain of that share and correlation loses over event numbers 0..n-1, whatever the order (many senders)."""
    key, p, c = key_of(seed), float(percent) / 100, float(correlation) / 100
    hit, want = None, 0
    for n in range(len(packets)):
        chance = p if hit is None else p + c * (1 - p) if hit else p * (1 - c)
        hit = draw(key, n, STEP) >= threshold(100 * (1 - chance))
        want += hit
    got = sum(1 for p in packets if p.copies == 0)
    need(got == want, f"{got} lost, {want} predicted")


def check_predicted_delays(packets, seed, latency, jitter, within):
    """Each packet's delay is the one that the seed picks."""
    key, latency, jitter = key_of(seed), float(latency), float(jitter)
    off = [p.ms - (latency - jitter + 2 * jitter * draw(key, p.number, JITTER) / 2**32) for p in packets]
    need(min(off) >= 0 and few_late([x - float(within) for x in off]),
         f"{min(off):.4f}..{max(off):.4f} ms off what {seed} picks, wanted 0..{within}")


# ---- delays that correlate: the curves are the loader's (lib/dist.c), here made anew

def normal_cdf(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def normal_quantile(u):
    """By Newton's method, from 0 outwards, where it never overshoots."""
    x = 0.0
    for _ in range(40):
        step = (u - normal_cdf(x)) * math.sqrt(2 * math.pi) * math.exp(x * x / 2)
        x += step
        if abs(step) < 1e-9:
            break
    return x


def pareto_quantile(u):
    return (1 - u) ** (-1 / 3)


# Mean and scale of tc's tables as netem cuts them, at 4 deviations.
CURVES = {
    "normal": (normal_quantile, 0, 1.00016),
    "pareto": (pareto_quantile, 1.464, 1.76762),
    "paretonormal": (lambda u: normal_quantile(u) / 4 + (pareto_quantile(u) - 1.5), -0.02995, 1.23033),
}
POINTS = 4096


def marginal(distribution):
    """Its distribution function over jitters, and where it is cut."""
    if distribution == "uniform":
        return lambda x: min(1, max(0, (x + 1) / 2)), 9
    quantile, mean, scale = CURVES[distribution]
    points = [min(4, (quantile((i + 0.5) / POINTS) - mean) * scale) for i in range(POINTS)]
    return lambda x: bisect.bisect_right(points, x) / POINTS, min(points[-1], 4) - 0.01


def marginal_distance(packets, distribution, latency, jitter, correlation):
    """
    Kolmogorov-Smirnov's, up to where netem's table is cut, and its limit; correlated delays tell as much as (1 - c) / (1 + c) of them
    would if they were independent.
    """
    latency, jitter, c = float(latency), float(jitter), float(correlation) / 100
    cdf, cut = marginal(distribution)
    s = sorted((d - latency) / jitter for d in delays(packets))
    n = len(s)
    d = max(max((i + 1) / n - cdf(x), cdf(x) - i / n) for i, x in enumerate(s) if x < cut)
    return d, 2.23 / math.sqrt(n * (1 - c) / (1 + c)) + 0.05 / jitter


def check_marginal(packets, distribution, latency, jitter):
    d, limit = marginal_distance(packets, distribution, latency, jitter, 0)
    need(d <= limit, f"KS distance {d:.4f} to {distribution} {latency} +-{jitter} ms, limit {limit:.4f}")


def check_process(packets, distribution, latency, jitter, percent, within):
    """All arrive once, their delays have that lag-1 autocorrelation in the order of sending, and are of that distribution."""
    check_untouched(packets)
    c = 100 * lag1([p.ms for p in packets])
    d, limit = marginal_distance(packets, distribution, latency, jitter, percent)
    need(abs(c - float(percent)) <= float(within) and d <= limit,
         f"lag-1 autocorrelation {c:.2f} % of {len(packets)}, wanted {percent} within {within}; "
         f"KS distance {d:.4f} to {distribution} {latency} +-{jitter} ms, limit {limit:.4f}")


def check_predicted_process(packets, seed, latency, jitter, percent, within):
    """Each packet's delay is the one that the seed's process makes, of a uniform jitter that correlates."""
    key, rho = key_of(seed), 2 * math.sin(math.pi * float(percent) / 600)
    keep, renew, z, normals, off = round(rho * 2**30), round(math.sqrt(1 - rho * rho) * 2**30), None, {}, []
    for p in packets:
        i = draw(key, p.number, JITTER) >> 20
        if i not in normals:
            normals[i] = round(normal_quantile((i + 0.5) / POINTS) * 4096)
        z = normals[i] if z is None else (z * keep + normals[i] * renew + 2**29) >> 30
        off.append(p.ms - float(latency) - float(jitter) * (2 * normal_cdf(z / 4096) - 1))
    least = -0.02 - float(jitter) / 2000  # the curve is straight between its points
    need(min(off) >= least and few_late([x - float(within) for x in off]),
         f"{min(off):.4f}..{max(off):.4f} ms off what {seed} makes, wanted 0..{within}")


def check_reordered(packets, seed, percent, correlation, gap, ms):
    """Held back by 'ms' but those that the seed lets overtake; netem's, which has no seed, only at 100 %."""
    key, p, c, since, last, wrong, n = key_of(seed), float(percent) / 100, float(correlation) / 100, 0, None, 0, 0
    for x in packets:
        hit = False
        if since >= int(gap) - 1:
            chance = p if last is None else p + c * (1 - p) if last else p * (1 - c)
            last = hit = draw(key, x.number, STEP) >= threshold(100 * (1 - chance))
        since = 0 if hit else since + 1
        n += hit
        wrong += not (0 <= x.ms < 1 if hit else abs(x.ms - float(ms)) < 1)
    need(not wrong and n > 0, f"{n} of {len(packets)} to be sent at once, {wrong} were not what was wanted")


def check_same_delays(packets, path, within):
    """Packet by packet the delays of another run."""
    off = [abs(a.ms - b.ms) for a, b in zip(packets, read(path))]
    need(len(off) == len(packets) and few_late([x - float(within) for x in off]), f"{max(off):.4f} ms apart at most, wanted {within}")


def check_when(packets, first, last, step):
    """Exactly the events first..last+step (from 1) are lost."""
    want = {n - 1 for n in range(int(first), min(int(last), len(packets)) + 1, int(step))}
    got = {p.number for p in packets if p.copies == 0}
    need(got == want, f"lost {sorted(got)[:9]}..., wanted {sorted(want)[:9]}...")


def lag1(bits):
    n = len(bits)
    mean = sum(bits) / n
    var = sum((b - mean) ** 2 for b in bits)
    return sum((a - mean) * (b - mean) for a, b in zip(bits, bits[1:])) / var


def check_correlated(packets, percent, correlation, within):
    bits = [p.copies == 0 for p in packets]
    s, c = 100 * sum(bits) / len(bits), 100 * lag1(bits)
    need(abs(s - float(percent)) <= float(within) and abs(c - float(correlation)) <= float(within),
         f"share {s:.2f} %, lag-1 autocorrelation {c:.2f} %, wanted {percent} and {correlation} within {within}")


def check_state(packets, p13, p31, p32, p23, p14, within):
    """The share of netem's four states in the long run."""
    p13, p31, p32, p23, p14 = (float(x) / 100 for x in (p13, p31, p32, p23, p14))
    state = [1.0, 0.0, 0.0, 0.0]
    for _ in range(10000):
        a, b, c, d = state
        state = [a * (1 - p13 - p14) + c * p31 + d, b * (1 - p23) + c * p32, a * p13 + b * p23 + c * (1 - p31 - p32), a * p14]
    want = 100 * (state[2] + state[3])
    got = 100 * sum(1 for p in packets if p.copies == 0) / len(packets)
    need(abs(got - want) <= float(within), f"{got:.2f} % lost, wanted {want:.2f} within {within}")


def runs(bits):
    out, length = [], 0
    for b in bits:
        if b:
            length += 1
        elif length:
            out.append(length)
            length = 0
    return out


def check_run_length(packets, want, within):
    """Mean length of a run of losses."""
    r = runs([p.copies == 0 for p in packets])
    mean = sum(r) / len(r)
    need(abs(mean - float(want)) <= float(within), f"mean run {mean:.3f} of {len(r)}, wanted {want} within {within}")


def check_rate(packets, mbit, payload, within):
    """Goodput of what came, by arrival times of the packets (payload + 42 bytes of headers each)."""
    came = sorted(p.sent + p.delay for p in packets if p.delay >= 0)
    skip = len(came) // 5  # burst
    came = came[skip:]
    got = (len(came) - 1) * (int(payload) + 42) * 8 / (came[-1] - came[0]) * 1000
    need(abs(got / float(mbit) - 1) <= float(within), f"{got:.3f} Mbit/s, wanted {mbit} within {float(within):.0%}")


def judged(packets, created, start, on, period, edge_ms, not_before=0):
    """Pairs (packet, whether in a window) but those within edge_ms of an edge."""
    created, start, on, period, not_before = (int(x) for x in (created, start, on, period, not_before))
    edge = float(edge_ms) * 1e6
    for p in packets:
        since = p.sent - created - start
        repeats = period and since >= 0
        phase = since % period if repeats else since
        edges = [abs(since), abs(phase - on), abs(p.sent - not_before)] + ([phase, period - phase] if repeats else [])
        if min(edges) >= edge:
            yield p, 0 <= phase < on and p.sent >= not_before


def check_windows(packets, created, start, on, period, edge_ms, low, high, outside_min, not_before=0):
    """Delayed by low..high ms inside windows, under 1 ms outside and before 'not_before'."""
    pairs = list(judged(packets, created, start, on, period, edge_ms, not_before))
    wrong = [p for p, within in pairs if within and p.ms < float(low) or not 0 <= p.ms]
    over = [p.ms - (float(high) if within else 1) for p, within in pairs]
    inside = sum(within for _, within in pairs)
    outside = len(pairs) - inside
    need(inside > 0 and outside >= int(outside_min) and not wrong and few_late(over),
         f"{inside} inside, {outside} outside, {len(wrong)} not delayed, {sum(x > 0 for x in over)} late, {max(over):.3f} ms at most")


def check_windows_lost(packets, created, start, on, period, edge_ms):
    """Lost inside windows, untouched outside."""
    pairs = list(judged(packets, created, start, on, period, edge_ms))
    wrong = [p for p, within in pairs if p.copies != (0 if within else 1)]
    inside = sum(within for _, within in pairs)
    need(0 < inside < len(pairs) and not wrong, f"{inside} of {len(pairs)} inside, {len(wrong)} wrong")


def check_per_window(packets, created, on, period, low, high):
    """One delay a window, within low..high ms, and not the same in all of them."""
    created, on, period = int(created), int(on), int(period)
    per = {}
    for p in packets:
        since = p.sent - created
        if since >= 0 and 1e6 < since % period < on - 1e6:
            per.setdefault(since // period, []).append(p.ms)
    least = [min(v) for v in per.values()]
    over = [x - min(v) - 1 for v in per.values() for x in v]
    good = len(per) >= 3 and few_late(over) and len({round(m) for m in least}) > 1
    need(good and all(float(low) <= m <= float(high) for m in least),
         f"{len(per)} windows, spread within one {max(over) + 1:.3f} ms, delays {[round(m, 2) for m in least]}")


def check_ended(packets, end, bound_ms):
    """
    Touched (late by 1 ms or lost) up to a moment, untouched after it, and nothing arrives later than bound_ms after it. The moment is
    'end' in ns, or with '-' when the first packet was sent after which all are untouched.
    """
    touched = [p for p in packets if p.copies != 1 or p.ms >= 1]
    later = [p.sent for p in packets if touched and p.sent > touched[-1].sent]
    if len(later) < 20:
        fail(f"{len(touched)} touched and {len(later)} untouched after them are too few")
    moment = later[0] if end == "-" else int(end)
    over = (touched[-1].sent - moment) / 1e6
    late = (max((p.sent + p.delay for p in touched if p.delay >= 0), default=moment) - moment) / 1e6
    need(over < 1 and late <= float(bound_ms),
         f"{len(touched)} touched, the last one sent {over:.2f} ms after, arrived {late:.1f} ms after, bound {bound_ms}")


def run(arguments):
    check = globals().get("check_" + arguments[0].replace("-", "_"))
    if not check:
        fail(f"no check '{arguments[0]}'")
    check(read(arguments[1]), *arguments[2:])


def serve():
    """A check a line of stdin; each answer ends with 'exit CODE'."""
    for line in iter(sys.stdin.readline, ""):
        code = 0
        try:
            run(line.split())
        except SystemExit as end:
            code = end.code
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
            code = 1
        print("exit", code, flush=True)


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else run(sys.argv[1:])
