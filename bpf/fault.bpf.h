// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate that every fault passes, whatever it does and wherever it is attached: abort, armed, window, when, probability, counters.
 * Maps are here too. Decisions are a function of the rule's key and the event's number, so the same seed gives the same
 * decision for the same event on any CPU and after any reboot.
 */
#ifndef FAULTWIRE_FAULT_BPF_H
#define FAULTWIRE_FAULT_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

#define bool _Bool
#define true 1
#define false 0

#define CALENDAR_FN __attribute__((noinline))
#include "bpf/calendar.h"

#define FW_TRIES 8 /* of a cmpxchg before a race is given up */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FW_SLOTS + 1);
	__type(key, __u32);
	__type(value, struct fw_slot);
} fw_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, (FW_SLOTS + 1) * FW_RULES);
	__type(key, __u32);
	__type(value, struct fw_rule);
} fw_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FW_SLOTS + 1);
	__type(key, __u32);
	__type(value, struct fw_control);
} fw_control SEC(".maps");

#define CALENDARS_MAX (FW_SLOTS * FW_RULES) /* slot 0 is nobody's */
/* Of rules with FW_RULE_CALENDAR alone, by slot * FW_RULES + rule; 704 bytes each when there, and 1 MB for the table. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CALENDARS_MAX);
	__type(key, __u32);
	__type(value, struct fw_calendar);
} fw_calendars SEC(".maps");

/* The loader fills these in: what a draw is as a normal variate, and the curves of a jitter over that. */
const volatile __u16 fw_normal[FW_NORMAL_POINTS];
const volatile __s16 fw_curves[FW_CURVES][FW_CURVE_POINTS + 1];

/* Independent draws for one event. */
enum fw_lane { FW_LANE_GATE, FW_LANE_STEP, FW_LANE_HIT, FW_LANE_JITTER, FW_LANE_PLACE, FW_LANES = 8 };

/* util_mix64 in the kernel: splitmix64's finaliser (Steele, Lea, Flood 2014); draws are its stream from the rule's key on. */
static __always_inline __u64 fault_mix(__u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static __always_inline __u32 fault_draw(const struct fw_rule *r, __u64 n, enum fw_lane lane)
{
	return fault_mix(r->key + (n * FW_LANES + lane + 1) * 0x9e3779b97f4a7c15ULL) >> 32;
}

/* Rules of a slot that nobody has switched off. */
static __always_inline __u64 fault_armed(__u32 slot)
{
	__u32 node = 0;
	const struct fw_control *all = bpf_map_lookup_elem(&fw_control, &node);
	const struct fw_control *own = bpf_map_lookup_elem(&fw_control, &slot);

	if (!all || all->aborted || !own || own->aborted)
		return 0;
	return ~own->disarmed;
}

/* Now on the clock of a rule's windows: TAI follows steps of the wall clock and can be read here (6.1). */
static __always_inline __u64 fault_now(const struct fw_rule *r, __u64 monotonic)
{
	const struct fw_control *node;
	__u32 zero = 0;

	if (!(r->flags & FW_RULE_WALL))
		return monotonic;
	node = bpf_map_lookup_elem(&fw_control, &zero);
	return bpf_ktime_get_tai_ns() - (node ? node->tai_offset_ns : 0);
}

/* Whether 'now' lies in a window, and in which. */
static __always_inline bool fault_window(const struct fw_rule *r, __u64 now, __u64 *window)
{
	__u64 since = now - r->start_ns;

	*window = 0;
	if (now < r->start_ns)
		return false;
	if (r->period_ns) {
		*window = since / r->period_ns;
		since -= *window * r->period_ns;
	}
	return !r->on_ns || since < r->on_ns;
}

static __always_inline __u64 fault_calendar_check(__u64 from, __u64 until, __u64 window)
{
	return from * 0x9e3779b97f4a7c15ULL + until * 0xbf58476d1ce4e5b9ULL + window;
}

/*
 * The window of a wall-clock schedule that is open at 'now' (the second in which it began, + 1), or 0. Asked once a minute and whenever the clock
 * steps: the answer is kept with the time in which it holds. CPUs that write at once may mix their answers; a mixture has a wrong
 * check and is not believed.
 */
__attribute__((noinline)) __u64 fault_calendar(__u32 key, __u64 now, __u64 on_ns)
{
	struct fw_calendar *c = bpf_map_lookup_elem(&fw_calendars, &key);
	struct calendar_answer a = {};

	if (!c)
		return 0;
	a.from_ns = *(volatile __u64 *)&c->from_ns;
	a.until_ns = *(volatile __u64 *)&c->until_ns;
	a.window = *(volatile __u64 *)&c->window;
	if (now >= a.from_ns && now < a.until_ns &&
	    *(volatile __u64 *)&c->check == fault_calendar_check(a.from_ns, a.until_ns, a.window))
		return a.window;
	calendar_answer_at(c, now, on_ns, &a);
	*(volatile __u64 *)&c->from_ns = a.from_ns;
	*(volatile __u64 *)&c->until_ns = a.until_ns;
	*(volatile __u64 *)&c->window = a.window;
	*(volatile __u64 *)&c->check = fault_calendar_check(a.from_ns, a.until_ns, a.window);
	return a.window;
}

/* Whether a window of the rule (at 'key') is open, and which. */
static __always_inline bool fault_open(const struct fw_rule *r, __u32 key, __u64 monotonic, __u64 *window)
{
	__u64 now = fault_now(r, monotonic);

	if (monotonic < r->not_before_ns)
		return false;
	if (!(r->flags & FW_RULE_CALENDAR))
		return fault_window(r, now, window);
	*window = fault_calendar(key, now, r->on_ns);
	return *window;
}

/* strace's first..last+step over events counted from 1. */
static __always_inline bool fault_when(const struct fw_rule *r, __u64 n)
{
	__u64 event = n + 1;

	if (event < r->when_first || event > r->when_last)
		return false;
	if (r->when_step == 1)
		return true;
	return r->when_step ? (event - r->when_first) % r->when_step == 0 : event == r->when_first;
}

static __always_inline bool fault_chosen(const struct fw_rule *r, __u64 n)
{
	if (!r->probability || !fault_when(r, n))
		return false;
	return r->probability == FW_ALWAYS || fault_draw(r, n, FW_LANE_GATE) < r->probability;
}

static __always_inline __u32 fault_chain_step(const struct fw_rule *r, __u64 n, __u32 state)
{
	__u32 draw = fault_draw(r, n, FW_LANE_STEP);
	const __u32 *step = r->chain.step[state & (FW_STATES - 1)];

	return draw < step[0] ? 0 : draw < step[1] ? 1 : draw < step[2] ? 2 : 3;
}

static __always_inline bool fault_chain_hit(const struct fw_rule *r, __u64 n, __u32 state)
{
	__u32 hit = r->chain.hit[state & (FW_STATES - 1)];

	return hit == FW_ALWAYS || (hit && fault_draw(r, n, FW_LANE_HIT) < hit);
}

static __always_inline void fault_segments(__u64 *beyond, __u32 segments)
{
	if (segments > 1)
		__sync_fetch_and_add(beyond, segments - 1);
}

static __always_inline __u32 fault_normal(const struct fw_rule *r, __u64 n)
{
	return fw_normal[fault_draw(r, n, FW_LANE_JITTER) / (0x100000000ULL / FW_NORMAL_POINTS)];
}

/* The next z of a process that correlates; the first is a draw of its own, so that it starts as it goes on. */
static __always_inline __u32 fault_process_step(const struct fw_rule *r, __u64 n, __u32 state)
{
	__s64 z, draw = (__s64)fault_normal(r, n) - FW_NORMAL_ZERO, last = (__s64)state - FW_NORMAL_ZERO;

	if (!state)
		return draw + FW_NORMAL_ZERO;
	z = ((last * r->delay.rho + draw * r->delay.innovation + (1 << 29)) >> 30) + FW_NORMAL_ZERO;
	return z < 1 ? 1 : z > 0xffff ? 0xffff : z;
}

static __always_inline __u32 fault_step(const struct fw_rule *r, __u64 n, __u32 state)
{
	return r->flags & FW_RULE_CHAIN ? fault_chain_step(r, n, state) : fault_process_step(r, n, state);
}

/*
 * One event of a rule with a state: number and state move together in one word, so that no number is taken twice and no step is
 * lost while CPUs race; after FW_TRIES the event keeps its number and the rule its state, and the race is counted.
 */
static __always_inline bool fault_move(struct fw_rule *r, __u64 *n, __u32 *state)
{
	for (int i = 0; i < FW_TRIES; i++) {
		__u64 old = *(volatile __u64 *)&r->state.word;
		bool chosen;

		*state = old & ((1 << FW_STATE_BITS) - 1);
		*n = old >> FW_STATE_BITS;
		chosen = fault_chosen(r, *n);
		if (chosen)
			*state = fault_step(r, *n, *state);
		if (__sync_val_compare_and_swap(&r->state.word, old, (*n + 1) << FW_STATE_BITS | *state) == old)
			return chosen;
	}
	__sync_fetch_and_add(&r->state.lost_races, 1);
	__u64 word = __sync_fetch_and_add(&r->state.word, 1 << FW_STATE_BITS);
	*n = word >> FW_STATE_BITS;
	*state = word & ((1 << FW_STATE_BITS) - 1);
	return fault_chosen(r, *n);
}

/*
 * The gate behind match and window, of a rule without a state: counts the event (of 'segments' wire segments), true when the fault is to
 * happen. *n is the event's number, for further draws.
 */
static __always_inline bool fault_gate(struct fw_rule *r, __u32 segments, __u64 *n)
{
	fault_segments(&r->state.segments, segments);
	*n = __sync_fetch_and_add(&r->state.word, 1 << FW_STATE_BITS) >> FW_STATE_BITS;
	return fault_chosen(r, *n);
}

/* The gate of a rule with a state, of which *state is what it is at the event. */
static __always_inline bool fault_gate_state(struct fw_rule *r, __u32 segments, __u64 *n, __u32 *state)
{
	fault_segments(&r->state.segments, segments);
	return fault_move(r, n, state) && (!(r->flags & FW_RULE_CHAIN) || fault_chain_hit(r, *n, *state));
}

static __always_inline void fault_injected(struct fw_rule *r, __u32 segments)
{
	__sync_fetch_and_add(&r->state.injected, 1);
	fault_segments(&r->state.injected_segments, segments);
}

#endif
