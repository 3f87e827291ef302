// SPDX-License-Identifier: GPL-2.0-only
/*
 * What people want to know of a wall-clock schedule, over the kernel's evaluator: see calendar.h.
 */
#include "lib/calendar.h"

#include <time.h>

#include "bpf/calendar.h"
#include "lib/util.h"

#define NEXT_DAYS (12 * 366) /* 29 February may be 8 years away */
#define OPEN_FOR_EVER (366 * (int64_t)CALENDAR_DAY)

uint64_t calendar_max_on_ns(void)
{
	return CALENDAR_MAX_ON_NS;
}

/* The first firing time in [at, until) of the day that begins at 'midnight', all of one offset. */
static int64_t first_of_day(const struct fw_calendar *c, int64_t midnight, int64_t at, int64_t until)
{
	for (int64_t minute = (at - midnight + 59) / 60; minute < 24 * 60; minute++) {
		if (midnight + minute * 60 >= until)
			break;
		if (calendar_minute_fires(c, minute) == minute)
			return midnight + minute * 60;
	}
	return CALENDAR_NO_TIME;
}

int64_t calendar_next(const struct fw_calendar *c, int64_t after)
{
	int64_t at = after + 1, end = after + (int64_t)(NEXT_DAYS * CALENDAR_DAY);

	while (at < end) {
		struct calendar_zone zone = {};
		int64_t midnight, next = CALENDAR_NO_TIME;
		uint64_t day;

		calendar_zone_at(c, at, &zone);
		day = (uint64_t)(at + zone.offset + (int64_t)CALENDAR_BIAS) / CALENDAR_DAY;
		midnight = (int64_t)(day * CALENDAR_DAY) - zone.offset - (int64_t)CALENDAR_BIAS;
		if (calendar_day_fires(c, day))
			next = first_of_day(c, midnight, at, zone.until);
		if (next != CALENDAR_NO_TIME)
			return next;
		at = MIN(midnight + (int64_t)CALENDAR_DAY, zone.until);
	}
	return CALENDAR_NO_TIME;
}

bool calendar_open(const struct fw_calendar *c, uint64_t on_ns, uint64_t now_ns, uint64_t *ret_change_ns)
{
	struct calendar_answer a = {};
	int64_t now = (int64_t)(now_ns / NSEC_PER_SEC), fired, next;

	calendar_answer_at(c, now_ns, on_ns, &a);
	*ret_change_ns = UINT64_MAX;
	if (!a.window) {
		next = calendar_next(c, now);
		if (next != CALENDAR_NO_TIME)
			*ret_change_ns = (uint64_t)next * NSEC_PER_SEC;
		return false;
	}
	for (fired = (int64_t)a.window - 1; fired < now + OPEN_FOR_EVER; fired = next) {
		uint64_t end = (uint64_t)fired * NSEC_PER_SEC + on_ns;

		next = calendar_next(c, fired);
		if (next == CALENDAR_NO_TIME || (uint64_t)next * NSEC_PER_SEC > end) {
			*ret_change_ns = end;
			break;
		}
	}
	return true;
}

void calendar_format(const struct fw_calendar *c, int64_t at, char buf[CALENDAR_FORMAT_MAX])
{
	struct calendar_zone zone = {};
	struct tm tm = {};
	time_t local;

	calendar_zone_at(c, at, &zone);
	local = at + zone.offset;
	gmtime_r(&local, &tm);
	strftime(buf, CALENDAR_FORMAT_MAX, tm.tm_sec ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &tm);
}
