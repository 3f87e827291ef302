// SPDX-License-Identifier: GPL-2.0-only
/*
 * Window, when and dice in user space: see gate.h. There is one writer; readers of the counters may look at any time.
 */
#include "lib/gate.h"

#include "lib/calendar.h"
#include "lib/util.h"

#define LANES 8 /* FW_LANES, of which the gate draws from the first */

void gate_begin(struct fw_rule *r, uint64_t created_ns)
{
	r->start_ns += created_ns;
	if (r->flags & FW_RULE_WALL) {
		r->not_before_ns = r->start_ns;
		r->start_ns = 0;
	}
}

bool gate_open(const struct fw_rule *r, const struct fw_calendar *calendar, uint64_t monotonic_ns, uint64_t wall_ns,
	       uint64_t *ret_left_ns)
{
	uint64_t now = r->flags & FW_RULE_WALL ? wall_ns : monotonic_ns, since = now - r->start_ns, change;

	*ret_left_ns = UINT64_MAX;
	if (monotonic_ns < r->not_before_ns || now < r->start_ns)
		return false;
	if (r->flags & FW_RULE_CALENDAR) {
		if (!calendar || !calendar_open(calendar, r->on_ns, now, &change))
			return false;
		*ret_left_ns = change == UINT64_MAX ? change : change - now;
		return true;
	}
	if (r->period_ns)
		since %= r->period_ns;
	if (r->on_ns)
		*ret_left_ns = since < r->on_ns ? r->on_ns - since : 0;
	return *ret_left_ns;
}

uint64_t gate_window(const struct fw_rule *r, uint64_t monotonic_ns, uint64_t wall_ns, uint64_t left_ns)
{
	uint64_t now = r->flags & FW_RULE_WALL ? wall_ns : monotonic_ns;

	if (r->flags &
	    FW_RULE_CALENDAR) /* whole minutes and the window's length: what is left is exact but for the reading of two clocks */
		return left_ns == UINT64_MAX ? left_ns : (now + left_ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
	return r->period_ns ? (now - r->start_ns) / r->period_ns + 1 : 1;
}

uint64_t gate_wait_ns(const struct fw_rule *r, const struct fw_calendar *calendar, uint64_t monotonic_ns, uint64_t wall_ns)
{
	uint64_t now = r->flags & FW_RULE_WALL ? wall_ns : monotonic_ns;
	uint64_t first = r->not_before_ns > monotonic_ns ? r->not_before_ns - monotonic_ns : 0;
	uint64_t from = now + first, left;
	int64_t at;

	if (from < r->start_ns)
		return r->start_ns - now;
	if (gate_open(r, calendar, monotonic_ns + first, wall_ns + first, &left))
		return first;
	if (!(r->flags & FW_RULE_CALENDAR))
		return r->period_ns ? first + r->period_ns - (from - r->start_ns) % r->period_ns : UINT64_MAX;
	at = calendar ? calendar_next(calendar, (int64_t)(from / NSEC_PER_SEC)) : CALENDAR_NO_TIME;
	return at == CALENDAR_NO_TIME ? UINT64_MAX : (uint64_t)at * NSEC_PER_SEC - now;
}

static bool when(const struct fw_rule *r, uint64_t event)
{
	if (event < r->when_first || event > r->when_last)
		return false;
	return r->when_step ? (event - r->when_first) % r->when_step == 0 : event == r->when_first;
}

static uint32_t draw(const struct fw_rule *r, uint64_t n)
{
	return util_mix64(r->key + (n * LANES + 1) * 0x9e3779b97f4a7c15ULL) >> 32;
}

bool gate_count(struct fw_rule *r, uint64_t *events)
{
	uint64_t n = r->state.word >> FW_STATE_BITS;
	uint64_t event = events ? ++*events : n + 1;

	__atomic_store_n(&r->state.word, (n + 1) << FW_STATE_BITS, __ATOMIC_RELAXED);
	if (!r->probability || !when(r, event))
		return false;
	return r->probability == FW_ALWAYS || draw(r, n) < r->probability;
}

void gate_injected(struct fw_rule *r)
{
	__atomic_store_n(&r->state.injected, r->state.injected + 1, __ATOMIC_RELAXED);
}
