/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a wall-clock schedule fires: one evaluator, compiled into the kernel programs and into lib/calendar.c. No helpers, no
 * signed division, no loop without a bound.
 *
 * A firing time is an instant at which a local minute begins whose fields all match. So what falls into the hour that daylight saving skips does
 * not fire, and what falls into the hour that it repeats fires twice: the rule of robfig/cron v3, which Kubernetes' CronJobs and Chaos
 * Mesh follow. Instants are seconds since the epoch.
 */
#ifndef FAULTWIRE_CALENDAR_BPF_H
#define FAULTWIRE_CALENDAR_BPF_H

#include "bpf/abi.h"

/* Functions that the kernel verifies once each; the others are inlined, for it allows a depth of 8 calls only. */
#ifndef CALENDAR_FN
#define CALENDAR_FN static inline
#endif
#define CALENDAR_INLINE static inline __attribute__((always_inline))

#define CALENDAR_SECOND_NS 1000000000ULL
#define CALENDAR_DAY 86400ULL
/* Added to local times, so that none is negative: 400 years, after which dates and weekdays repeat. */
#define CALENDAR_ERA_DAYS 146097ULL
#define CALENDAR_BIAS (CALENDAR_ERA_DAYS * CALENDAR_DAY)
#define CALENDAR_NEVER (-0x7fffffffffffffffLL)
#define CALENDAR_FOREVER 0x7fffffffffffffffLL
/* The longest window, and the steps that a search over it and a minute takes: its days, both ends, and changes of the offset. */
#define CALENDAR_MAX_ON_NS (31 * CALENDAR_DAY * CALENDAR_SECOND_NS)
#define CALENDAR_STEPS 40

/* A span of one offset: [from, until). */
struct calendar_zone {
	__s64 from, until, offset;
};

CALENDAR_FN int calendar_zone_at(const struct fw_calendar *c, __s64 at, struct calendar_zone *ret)
{
	if (!c || !ret)
		return 0;
	ret->from = CALENDAR_NEVER;
	ret->until = CALENDAR_FOREVER;
	ret->offset = c->offset;
	for (__u32 i = 0; i < FW_TRANSITIONS && i < c->n_transitions; i++) {
		if (c->transitions[i].at > at) {
			ret->until = c->transitions[i].at;
			break;
		}
		ret->from = c->transitions[i].at;
		ret->offset = c->transitions[i].offset;
	}
	return 0;
}

/* Whether the schedule fires on a day, counted from 1970-01-01 less the bias; the date by Hinnant's civil_from_days. */
CALENDAR_FN int calendar_day_fires(const struct fw_calendar *c, __u64 day)
{
	/* years begin in March, so that a leap day is a year's last */
	__u64 in_era = (day + 719468) % CALENDAR_ERA_DAYS;
	__u64 year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	__u64 in_year = in_era - (365 * year + year / 4 - year / 100);
	__u64 march = (5 * in_year + 2) / 153;
	__u64 date = in_year - (153 * march + 2) / 5 + 1;
	__u64 month = march < 10 ? march + 3 : march - 9;
	int by_date, by_week;

	if (!c || !(c->months >> month & 1))
		return 0;
	by_date = c->days >> (date & 31) & 1;
	by_week = c->weekdays >> (day + 4) % 7 & 1; /* the epoch was a Thursday */
	return c->either ? by_date | by_week : by_date & by_week;
}

/* Place of the highest bit of m, which is not 0. */
CALENDAR_INLINE __u32 calendar_highest(__u64 m)
{
	__u32 i = 0;

	for (__u32 step = 32; step; step >>= 1) {
		if (m >> step) {
			m >>= step;
			i += step;
		}
	}
	return i;
}

/* The last minute of a day up to 'minute' at which the schedule fires, -1 if there is none. */
CALENDAR_FN int calendar_minute_fires(const struct fw_calendar *c, __u32 minute)
{
	__u32 hour = minute / 60 & 31, hours;
	__u64 minutes;

	if (!c || !c->minutes)
		return -1;
	minutes = c->minutes & ((2ULL << minute % 60) - 1);
	if ((c->hours >> hour & 1) && minutes)
		return hour * 60 + calendar_highest(minutes);
	hours = c->hours & ((1U << hour) - 1);
	return hours ? (int)(calendar_highest(hours) * 60 + calendar_highest(c->minutes)) : -1;
}

/* The last firing time from 'floor' up to 'at', CALENDAR_NEVER if there is none; 'floor' is at most CALENDAR_MAX_ON_NS and a minute earlier. */
CALENDAR_INLINE __s64 calendar_last(const struct fw_calendar *c, __s64 at, __s64 floor)
{
	struct calendar_zone zone = {};

	calendar_zone_at(c, at, &zone);
	for (int i = 0; i < CALENDAR_STEPS; i++) {
		__s64 low = zone.from > floor ? zone.from : floor;
		__u64 local = at + zone.offset + CALENDAR_BIAS, day = local / CALENDAR_DAY;
		__s64 midnight = day * CALENDAR_DAY - zone.offset - CALENDAR_BIAS;
		int minute = calendar_day_fires(c, day) ? calendar_minute_fires(c, local % CALENDAR_DAY / 60) : -1;

		if (minute >= 0 && midnight + minute * 60 >= low)
			return midnight + minute * 60;
		at = midnight - 1;
		if (at >= low)
			continue;
		if (zone.from <= floor)
			return CALENDAR_NEVER;
		at = zone.from - 1;
		calendar_zone_at(c, at, &zone);
	}
	return CALENDAR_NEVER;
}

/* An answer, and the span of time [from_ns, until_ns) in which it holds: at most the current minute. */
struct calendar_answer {
	__u64 from_ns, until_ns;
	__u64 window; /* the last firing time + 1; 0 = no window is open */
};

/* Whether a window of on_ns, begun by a firing, is open. */
CALENDAR_INLINE void calendar_answer_at(const struct fw_calendar *c, __u64 now_ns, __u64 on_ns, struct calendar_answer *ret)
{
	__s64 now = now_ns / CALENDAR_SECOND_NS, on = on_ns / CALENDAR_SECOND_NS, from, until, fired;
	struct calendar_zone zone = {};
	__s64 end;

	calendar_zone_at(c, now, &zone);
	from = now - (__u64)(now + zone.offset + CALENDAR_BIAS) % 60;
	until = from + 60;
	from = from > zone.from ? from : zone.from;
	until = until < zone.until ? until : zone.until;
	ret->from_ns = from < 0 ? 0 : from * CALENDAR_SECOND_NS;
	ret->until_ns = until * CALENDAR_SECOND_NS;
	ret->window = 0;
	fired = calendar_last(c, now, from - on - 1);
	if (fired == CALENDAR_NEVER)
		return;
	end = fired * (__s64)CALENDAR_SECOND_NS + (__s64)on_ns;
	if ((__s64)now_ns < end) {
		ret->window = fired + 1;
		ret->until_ns = (__u64)end < ret->until_ns ? (__u64)end : ret->until_ns;
	} else {
		ret->from_ns = end > (__s64)ret->from_ns ? (__u64)end : ret->from_ns;
	}
}

#endif
