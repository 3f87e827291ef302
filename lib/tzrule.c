// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX's TZ: see tzrule.h. RFC 8536's extension of the hours is taken.
 */
#include "lib/tzrule.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX 127
#define DAY 86400

/* A name: three letters or more, or <+03>. */
static bool take_name(const char **s)
{
	size_t n;

	if (**s == '<') {
		n = strcspn(*s, ">");
		if ((*s)[n] != '>')
			return false;
		*s += n + 1;
		return true;
	}
	for (n = 0; isalpha((unsigned char)(*s)[n]); n++)
		;
	*s += n;
	return n >= 3;
}

static bool take_number(const char **s, int max, int *ret)
{
	int n = 0;

	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++) {
		n = n * 10 + **s - '0';
		if (n > max)
			return false;
	}
	*ret = n;
	return true;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(const char **s, int max_hours, int32_t *ret)
{
	int sign = **s == '-' ? -1 : 1, hours = 0, minutes = 0, seconds = 0;

	*s += **s == '-' || **s == '+';
	if (!take_number(s, max_hours, &hours))
		return false;
	if (**s == ':') {
		(*s)++;
		if (!take_number(s, 59, &minutes))
			return false;
		if (**s == ':') {
			(*s)++;
			if (!take_number(s, 59, &seconds))
				return false;
		}
	}
	*ret = sign * (hours * 3600 + minutes * 60 + seconds);
	return true;
}

static bool take(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* ,date[/time] */
static bool take_date(const char **s, struct tzrule_date *d)
{
	bool ok = take(s, ',');

	d->seconds = 2 * 3600;
	if (ok && take(s, 'M')) {
		d->form = TZRULE_MONTH;
		ok = take_number(s, 12, &d->month) && take(s, '.') && take_number(s, 5, &d->week) && take(s, '.') &&
		     take_number(s, 6, &d->day) && d->month && d->week;
	} else if (ok && take(s, 'J')) {
		d->form = TZRULE_JULIAN;
		ok = take_number(s, 365, &d->day) && d->day;
	} else if (ok) {
		d->form = TZRULE_DAY;
		ok = take_number(s, 365, &d->day);
	}
	return ok && (!take(s, '/') || take_time(s, 167, &d->seconds));
}

bool tzrule_parse(const char *text, size_t n, struct tzrule *ret)
{
	char copy[TEXT_MAX + 1];
	const char *s = copy;
	struct tzrule rule = {};
	int32_t west = 0;

	if (n > TEXT_MAX || memchr(text, '\0', n))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)n, text);
	if (!take_name(&s) || !take_time(&s, 24, &west))
		return false;
	rule.std_offset = -west;
	rule.dst_offset = rule.std_offset + 3600;
	rule.has_dst = *s;
	if (rule.has_dst) {
		if (!take_name(&s))
			return false;
		if (*s != ',') {
			if (!take_time(&s, 24, &west))
				return false;
			rule.dst_offset = -west;
		}
		if (!take_date(&s, &rule.date[0]) || !take_date(&s, &rule.date[1]) || *s)
			return false;
	}
	*ret = rule;
	return true;
}

/* Midnight of a day, as if the year were local to UTC; month 0..11, day from 1. */
static int64_t midnight(int year, int month, int day, int *ret_weekday)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month, .tm_mday = day };
	time_t t = timegm(&tm);

	*ret_weekday = tm.tm_wday;
	return t;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t day_of(const struct tzrule_date *d, int year)
{
	int64_t t, next;
	int weekday, ignored, day;

	if (d->form != TZRULE_MONTH) {
		day = d->form == TZRULE_DAY ? d->day : d->day - 1 + (is_leap(year) && d->day > 59);
		return midnight(year, 0, 1, &ignored) + (int64_t)day * DAY;
	}
	t = midnight(year, d->month - 1, 1, &weekday);
	next = midnight(year, d->month, 1, &ignored);
	t += ((d->day - weekday + 7) % 7 + (d->week - 1) * 7) * (int64_t)DAY;
	return t < next ? t : t - 7 * (int64_t)DAY;
}

int64_t tzrule_at(const struct tzrule *rule, int year, int which)
{
	return day_of(&rule->date[which], year) + rule->date[which].seconds - (which ? rule->dst_offset : rule->std_offset);
}

int tzrule_year(int64_t at)
{
	time_t t = at;
	struct tm tm = {};

	gmtime_r(&t, &tm);
	return tm.tm_year + 1900;
}
