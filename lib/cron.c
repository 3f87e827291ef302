// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads wall-clock schedules: see calendar.h. The grammar, and what counts as a restricted day field, are those of robfig/cron v3; 7 for Sunday is
 * Vixie's.
 */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "lib/calendar.h"
#include "lib/util.h"

static const char *const month_names[] = {
	"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL
};
static const char *const day_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL };

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const struct field {
	const char *name;
	unsigned int min, star_max, max; /* star_max: where '*' ends */
	const char *const *names;
	const char *allowed;
} fields[FIELDS] = {
	[MINUTE] = { "minute", 0, 59, 59, NULL, "0-59" },
	[HOUR] = { "hour", 0, 23, 23, NULL, "0-23" },
	[DAY] = { "day-of-month", 1, 31, 31, NULL, "1-31" },
	[MONTH] = { "month", 1, 12, 12, month_names, "1-12 or jan-dec" },
	[WEEKDAY] = { "day-of-week", 0, 6, 7, day_names, "0-7 (0 and 7 are Sunday) or sun-sat" },
};

static const struct {
	const char *name, *fields;
} named[] = {
	{ "@hourly", "0 * * * *" },  { "@daily", "0 0 * * *" },  { "@midnight", "0 0 * * *" }, { "@weekly", "0 0 * * 0" },
	{ "@monthly", "0 0 1 * *" }, { "@yearly", "0 0 1 1 *" }, { "@annually", "0 0 1 1 *" },
};

static const char *named_fields(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		if (util_streq(text, named[i].name))
			return named[i].fields;
	return NULL;
}

static size_t count_fields(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += !isspace((unsigned char)*s) && (s[1] == '\0' || isspace((unsigned char)s[1]));
	return n;
}

bool calendar_is_one(const char *text)
{
	return named_fields(text) || (*text != '@' && count_fields(text) == FIELDS);
}

/* A number or a name at *s, moving behind it. */
static bool take_value(const struct field *f, const char **s, unsigned int *ret)
{
	unsigned int n = 0;

	for (size_t i = 0; f->names && f->names[i]; i++) {
		if (strncasecmp(*s, f->names[i], 3) == 0) {
			*s += 3;
			*ret = i + f->min;
			return true;
		}
	}
	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++)
		n = MIN(n * 10 + (unsigned int)(**s - '0'), 1000U);
	*ret = n;
	return true;
}

/* One element of a list: [first, last] by step. False = not of this form. */
static bool take_range(const struct field *f, const char *s, unsigned int *first, unsigned int *last, unsigned int *step,
		       bool *star)
{
	static const struct field number = {};
	bool range = false;

	*star = *s == '*' || *s == '?';
	*step = 1;
	if (*star) {
		s++;
		*first = f->min;
		*last = f->star_max;
	} else if (!take_value(f, &s, first)) {
		return false;
	} else {
		range = *s == '-';
		*last = *first;
	}
	if (range) {
		s++;
		if (!take_value(f, &s, last))
			return false;
		if (f->names == day_names && !*last && *first)
			*last = 7; /* fri-sun */
	}
	if (*s == '/') {
		s++;
		if (!take_value(&number, &s, step))
			return false;
		if (!range)
			*last = MAX(*first, f->star_max); /* n/step: from n on */
	}
	*star &= *step <= 1;
	return !*s;
}

static int parse_element(const struct json *j, const struct field *f, const char *s, uint64_t *bits, bool *star, struct error *err)
{
	unsigned int first = 0, last = 0, step = 1;
	bool is_star;

	if (!take_range(f, s, &first, &last, &step, &is_star))
		return json_error(j, err, "'%.64s' in the %s field is not '*', n, n-m or one of them with '/step' (n, m: %s)", s,
				  f->name, f->allowed);
	if (first < f->min || first > f->max || last > f->max)
		return json_error(j, err, "'%.64s' in the %s field is out of range, allowed are %s", s, f->name, f->allowed);
	if (last < first)
		return json_error(j, err,
				  "'%.64s' in the %s field ends before it begins: write it as two ranges with a ',' between", s,
				  f->name);
	if (!step)
		return json_error(j, err, "'%.64s' in the %s field has a step of 0, it must be 1 or more", s, f->name);
	*star |= is_star;
	for (; first <= last; first += step)
		*bits |= 1ULL << first;
	return 0;
}

static int parse_field(const struct json *j, const struct field *f, char *s, uint64_t *bits, bool *star, struct error *err)
{
	int r = 0;

	while (!r && s) {
		char *element = strsep(&s, ",");

		r = parse_element(j, f, element, bits, star, err);
	}
	return r;
}

/* Whether some month of the set has some day of the set. */
static bool ever_fires(const struct fw_calendar *c)
{
	static const unsigned int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	for (unsigned int month = 1; month <= 12; month++)
		if ((c->months >> month & 1) && (c->either || (c->days & ((2ULL << days[month - 1]) - 1))))
			return true;
	return false;
}

static int parse_fields(const struct json *j, char *s, struct fw_calendar *ret, struct error *err)
{
	uint64_t bits[FIELDS] = {};
	bool star[FIELDS] = {};
	size_t i = 0;
	int r = 0;

	while (!r && s && i < FIELDS) {
		char *field = strsep(&s, " \t");

		if (!*field)
			continue;
		r = parse_field(j, &fields[i], field, &bits[i], &star[i], err);
		i++;
	}
	if (r)
		return r;
	*ret = (struct fw_calendar){
		.minutes = bits[MINUTE],
		.hours = bits[HOUR],
		.days = bits[DAY],
		.months = bits[MONTH],
		.weekdays = (bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f,
		.either = !star[DAY] && !star[WEEKDAY],
	};
	return 0;
}

int calendar_parse(const struct json *j, const char *text, struct calendar *ret, struct error *err)
{
	const char *meant = named_fields(text);
	char copy[CALENDAR_TEXT_MAX + 1];
	int r;

	if (strlen(text) > CALENDAR_TEXT_MAX)
		return json_error(j, err, "'%.64s...' is too long, a schedule has at most %d characters", text, CALENDAR_TEXT_MAX);
	snprintf(copy, sizeof(copy), "%s", meant ? meant : text);
	r = parse_fields(j, copy, &ret->fields, err);
	if (r)
		return r;
	if (!ever_fires(&ret->fields))
		return json_error(j, err, "'%.64s' never fires: none of its months has such a day", text);
	snprintf(ret->text, sizeof(ret->text), "%s", text);
	return 0;
}

bool calendar_is_zone(const char *name)
{
	char before = '/';

	if (strlen(name) > CALENDAR_ZONE_NAME_MAX)
		return false;
	for (; *name; before = *name++)
		if (!isalnum((unsigned char)*name) && !strchr("_-+", *name) && (*name != '/' || before == '/'))
			return false;
	return before != '/';
}
