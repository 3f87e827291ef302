/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rule with which a zone goes on after the table of its file: POSIX's TZ, as in "CET-1CEST,M3.5.0,M10.5.0/3".
 */
#ifndef FAULTWIRE_TZRULE_H
#define FAULTWIRE_TZRULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tzrule_form {
	TZRULE_MONTH,  /* Mm.w.d: the w-th day d of month m, 5 = the last */
	TZRULE_JULIAN, /* Jn: day 1..365, 29 February not counted */
	TZRULE_DAY,    /* n: day 0..365 */
};

struct tzrule {
	bool has_dst;
	int32_t std_offset, dst_offset; /* seconds east of UTC */
	struct tzrule_date {
		enum tzrule_form form;
		int month, week, day;
		int32_t seconds; /* of the local day, -167 h to 167 h */
	} date[2];               /* when daylight saving begins, when it ends */
};

/* Reads n bytes; false when they are no such rule. Daylight saving needs its dates. */
bool tzrule_parse(const char *text, size_t n, struct tzrule *ret);

/* When daylight saving begins (which = 0) or ends (1) in a year, in seconds since the epoch. */
int64_t tzrule_at(const struct tzrule *rule, int year, int which);

/* The year of an instant, UTC. */
int tzrule_year(int64_t at);

#endif
