// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wall-clock schedules: what is one and what is refused, when they fire (dates picked by hand; build/tests/calendar has the many), zones' files and
 * their rules, JSON, and what people are told.
 */
#include "tests/unit/check.h"

#include <time.h>

#include "lib/calendar.h"
#include "lib/tzif.h"
#include "lib/tzrule.h"

#define HOUR 3600
#define DAY 86400

/* "2027-03-28 01:00[:00]" UTC */
static int64_t utc(const char *text)
{
	struct tm tm = {};
	const char *end = strptime(text, "%Y-%m-%d %H:%M", &tm);

	if (end && *end == ':')
		end = strptime(end, ":%S", &tm);
	if (!end || *end)
		fail_msg("%s is no time", text);
	return timegm(&tm);
}

static struct calendar calendar_of(const char *text)
{
	struct json j = json_root(NULL, "schedule");
	struct calendar c = { .zone = CALENDAR_UTC };
	struct error err = {};

	if (calendar_parse(&j, text, &c, &err))
		fail_msg("%s", err.msg);
	return c;
}

static struct calendar in_zone(const char *text, int32_t offset, const struct fw_transition *t, size_t n)
{
	struct calendar c = calendar_of(text);

	c.fields.offset = offset;
	for (size_t i = 0; i < n; i++)
		c.fields.transitions[i] = t[i];
	c.fields.n_transitions = n;
	return c;
}

/* ---- the grammar */

static void five_fields_and_names_are_wall_clock_schedules(void **state)
{
	static const char *const are[] = { "* * * * *", " 0  9\t* * mon-fri ", "@hourly", "@annually", "61 a b c d" };
	static const char *const are_not[] = { "@every 10m", "* * * *", "* * * * * *", "", "@daily ", "@reboot", "@every 1 2 3 4" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(are); i++)
		assert_true(calendar_is_one(are[i]));
	for (size_t i = 0; i < ARRAY_SIZE(are_not); i++)
		assert_false(calendar_is_one(are_not[i]));
}

static void fields_are_bitmaps(void **state)
{
	struct fw_calendar c = calendar_of("*/15 9-17 1,15 JAN-mar,12 Mon-Fri/2").fields;

	(void)state;
	assert_int_equal(c.minutes, 1ULL | 1ULL << 15 | 1ULL << 30 | 1ULL << 45);
	assert_int_equal(c.hours, 0x3fe00);
	assert_int_equal(c.days, 1 << 1 | 1 << 15);
	assert_int_equal(c.months, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 12);
	assert_int_equal(c.weekdays, 1 << 1 | 1 << 3 | 1 << 5);
	assert_true(c.either);
}

static void sunday_has_three_names(void **state)
{
	static const struct {
		const char *text;
		uint8_t days;
	} cases[] = {
		{ "0 0 * * 0", 1 },          { "0 0 * * 7", 1 },       { "0 0 * * SUN", 1 },
		{ "0 0 * * fri-sun", 0x61 }, { "0 0 * * 5-7", 0x61 },  { "0 0 * * 0-7", 127 },
		{ "0 0 * * sun-sat", 127 },  { "0 0 * * sun-sun", 1 }, { "0 0 * * 4/2", 1 << 4 | 1 << 6 },
		{ "0 0 * * */2", 0x55 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(calendar_of(cases[i].text).fields.weekdays, cases[i].days);
}

static void a_star_with_a_step_restricts_a_day_field(void **state)
{
	(void)state;
	assert_false(calendar_of("0 0 * * 1").fields.either);
	assert_false(calendar_of("0 0 1 * ?").fields.either);
	assert_false(calendar_of("0 0 */1 * 1").fields.either);
	assert_true(calendar_of("0 0 */2 * 1").fields.either);
	assert_true(calendar_of("0 0 1-31 * 1").fields.either);
}

static void what_is_none_is_refused_with_its_field(void **state)
{
	static const struct refusal cases[] = {
		{ "60 * * * *", EINVAL, "s", { "'60' in the minute field", "0-59" } },
		{ "* 24 * * *", EINVAL, "s", { "'24' in the hour field", "0-23" } },
		{ "* * 0 * *", EINVAL, "s", { "'0' in the day-of-month field", "1-31" } },
		{ "* * * 13 *", EINVAL, "s", { "'13' in the month field", "jan-dec" } },
		{ "* * * * 8", EINVAL, "s", { "'8' in the day-of-week field", "sun-sat" } },
		{ "* * * january *", EINVAL, "s", { "'january' in the month field is not" } },
		{ "mon * * * *", EINVAL, "s", { "'mon' in the minute field is not" } },
		{ "* 17-9 * * *", EINVAL, "s", { "'17-9'", "ends before it begins", "two ranges" } },
		{ "*/0 * * * *", EINVAL, "s", { "'*/0'", "step of 0" } },
		{ "*/ * * * *", EINVAL, "s", { "'*/' in the minute field is not" } },
		{ "1,,2 * * * *", EINVAL, "s", { "'' in the minute field is not" } },
		{ "1-2-3 * * * *", EINVAL, "s", { "'1-2-3'" } },
		{ "-1 * * * *", EINVAL, "s", { "'-1'" } },
		{ "5- * * * *", EINVAL, "s", { "'5-'" } },
		{ "*-5 * * * *", EINVAL, "s", { "'*-5'" } },
		{ "4294967297 * * * *", EINVAL, "s", { "out of range" } },
		{ "* * L * *", EINVAL, "s", { "'L' in the day-of-month field" } },
		{ "* * * * 5#2", EINVAL, "s", { "'5#2' in the day-of-week field" } },
		{ "0 0 30 2 *", EINVAL, "s", { "'0 0 30 2 *' never fires" } },
		{ "0 0 31 feb,apr,jun,sep,nov ?", EINVAL, "s", { "never fires" } },
	};
	struct json j = json_root(NULL, "s");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct calendar c = {};
		struct error err = {};

		check_refused(&cases[i], calendar_parse(&j, cases[i].input, &c, &err), &err);
	}
	calendar_of("0 0 30 2 1");
	calendar_of("0 0 29 2 *");
}

static void a_zone_has_a_name_that_leads_nowhere_else(void **state)
{
	static const char *const are[] = { "UTC",       "Europe/Berlin", "America/Argentina/Buenos_Aires",
					   "Etc/GMT+5", "EST5EDT",       "America/Port-au-Prince" };
	static const char *const are_not[] = {
		"",  "/etc/passwd",    "../etc/passwd", "Europe/../Berlin", "Europe//Berlin", "Europe/",
		".", "Europe/Berlin ", "a\nb",          "zone.tab"
	};
	char longest[CALENDAR_ZONE_NAME_MAX + 2] = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(are); i++)
		assert_true(calendar_is_zone(are[i]));
	for (size_t i = 0; i < ARRAY_SIZE(are_not); i++)
		assert_false(calendar_is_zone(are_not[i]));
	memset(longest, 'a', CALENDAR_ZONE_NAME_MAX);
	assert_true(calendar_is_zone(longest));
	longest[CALENDAR_ZONE_NAME_MAX] = 'a';
	assert_false(calendar_is_zone(longest));
}

/* ---- when it fires */

struct firing {
	const char *schedule, *after, *next; /* next NULL = never */
};

static void check_firings(const struct firing *f, size_t n, int32_t offset, const struct fw_transition *t, size_t n_t)
{
	for (; n--; f++) {
		struct calendar c = in_zone(f->schedule, offset, t, n_t);
		int64_t next = calendar_next(&c.fields, utc(f->after));
		uint64_t change;

		if (next != (f->next ? utc(f->next) : CALENDAR_NO_TIME))
			fail_msg("'%s' fires at %lld after %s, not at %s", f->schedule, (long long)next, f->after, f->next);
		if (!f->next)
			continue;
		assert_true(calendar_open(&c.fields, NSEC_PER_SEC, (uint64_t)next * NSEC_PER_SEC, &change));
		assert_false(calendar_open(&c.fields, NSEC_PER_SEC, (uint64_t)next * NSEC_PER_SEC - 1, &change));
		assert_int_equal(change, (uint64_t)next * NSEC_PER_SEC);
	}
}

static void fires_across_midnights_month_ends_and_leap_days(void **state)
{
	static const struct firing firings[] = {
		{ "* * * * *", "2027-01-01 00:00", "2027-01-01 00:01" },
		{ "* * * * *", "2027-01-01 00:00:59", "2027-01-01 00:01" },
		{ "0 0 * * *", "2027-12-31 23:59:59", "2028-01-01 00:00" },
		{ "0 0 31 * *", "2027-01-31 00:00", "2027-03-31 00:00" },
		{ "0 0 29 2 *", "2027-01-01 00:00", "2028-02-29 00:00" },
		{ "0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00" },
		{ "59 23 28-31 2 *", "2100-02-28 23:59", "2101-02-28 23:59" },
		{ "0 12 13 * 5", "2027-08-12 12:00", "2027-08-13 12:00" },
		{ "0 12 13 * 5", "2027-08-13 12:00", "2027-08-20 12:00" },
		{ "0 12 13 * *", "2027-08-13 12:00", "2027-09-13 12:00" },
		{ "@weekly", "2027-05-01 12:00", "2027-05-02 00:00" },
		{ "@monthly", "2027-05-02 12:00", "2027-06-01 00:00" },
		{ "@yearly", "2027-05-02 12:00", "2028-01-01 00:00" },
		{ "@midnight", "2027-05-02 12:00", "2027-05-03 00:00" },
	};

	(void)state;
	check_firings(firings, ARRAY_SIZE(firings), 0, NULL, 0);
}

/* Berlin in 2027: summer begins on 28 March at 1:00 UTC and ends on 31 October at 1:00 UTC. */
static void what_daylight_saving_skips_does_not_fire_and_what_it_repeats_fires_twice(void **state)
{
	const struct fw_transition berlin[] = { { .at = utc("2027-03-28 01:00"), .offset = 2 * HOUR },
						{ .at = utc("2027-10-31 01:00"), .offset = HOUR } };
	static const struct firing firings[] = {
		{ "30 2 * * *", "2027-03-27 01:30", "2027-03-29 00:30" },
		{ "30 1,3 * * *", "2027-03-28 00:30", "2027-03-28 01:30" },
		{ "0 3 * * *", "2027-03-27 12:00", "2027-03-28 01:00" },
		{ "30 2 * * *", "2027-10-30 12:00", "2027-10-31 00:30" },
		{ "30 2 * * *", "2027-10-31 00:30", "2027-10-31 01:30" },
		{ "30 2 * * *", "2027-10-31 01:30", "2027-11-01 01:30" },
		{ "0 0 * * *", "2027-07-01 12:00", "2027-07-01 22:00" },
		{ "0 0 1 * *", "2027-12-30 12:00", "2027-12-31 23:00" },
		{ "@hourly", "2027-03-28 00:59:59", "2027-03-28 01:00" },
	};

	(void)state;
	check_firings(firings, ARRAY_SIZE(firings), HOUR, berlin, ARRAY_SIZE(berlin));
}

/* Lord Howe in 2027: from 11:00 to 10:30 ahead on 3 April at 15:00 UTC, and back on 2 October at 15:30 UTC. */
static void half_an_hour_of_daylight_saving(void **state)
{
	const struct fw_transition lord_howe[] = { { .at = utc("2027-04-03 15:00"), .offset = 10 * HOUR + 1800 },
						   { .at = utc("2027-10-02 15:30"), .offset = 11 * HOUR } };
	static const struct firing firings[] = {
		{ "45 1 * * *", "2027-04-03 12:00", "2027-04-03 14:45" }, { "45 1 * * *", "2027-04-03 14:45", "2027-04-03 15:15" },
		{ "45 1 * * *", "2027-04-03 15:15", "2027-04-04 15:15" }, { "15 2 * * *", "2027-10-01 16:00", "2027-10-03 15:15" },
		{ "30 2 * * *", "2027-10-02 12:00", "2027-10-02 15:30" },
	};

	(void)state;
	check_firings(firings, ARRAY_SIZE(firings), 11 * HOUR, lord_howe, ARRAY_SIZE(lord_howe));
}

static void windows_that_overlap_are_one(void **state)
{
	struct calendar c = calendar_of("0,20,40 9-10 * * *"), always = calendar_of("* * * * *");
	uint64_t change = 0, at = (uint64_t)utc("2027-01-01 09:05") * NSEC_PER_SEC;

	(void)state;
	assert_true(calendar_open(&c.fields, 1200 * NSEC_PER_SEC, at, &change));
	assert_int_equal(change, (uint64_t)utc("2027-01-01 11:00") * NSEC_PER_SEC);
	assert_false(calendar_open(&c.fields, 1200 * NSEC_PER_SEC, change, &change));
	assert_int_equal(change, (uint64_t)utc("2027-01-02 09:00") * NSEC_PER_SEC);
	assert_true(calendar_open(&c.fields, 60 * NSEC_PER_SEC, at - 299 * NSEC_PER_SEC, &change));
	assert_int_equal(change, (uint64_t)utc("2027-01-01 09:01") * NSEC_PER_SEC);
	assert_true(calendar_open(&always.fields, 3600 * NSEC_PER_SEC, at, &change));
	assert_true(change == UINT64_MAX);
}

static void a_window_may_last_31_days_whatever_it_spans(void **state)
{
	struct calendar c = calendar_of("0 0 1 1 *");
	uint64_t on = calendar_max_on_ns(), change, begin = (uint64_t)utc("2028-01-01 00:00") * NSEC_PER_SEC;

	(void)state;
	assert_int_equal(on, 31ULL * DAY * NSEC_PER_SEC);
	assert_true(calendar_open(&c.fields, on, begin + on - 1, &change));
	assert_int_equal(change, begin + on);
	assert_false(calendar_open(&c.fields, on, begin + on, &change));
}

static void the_epoch_and_before_it_are_no_trouble(void **state)
{
	struct calendar c = in_zone("0 0 * * *", -5 * HOUR, NULL, 0);
	uint64_t change;

	(void)state;
	assert_false(calendar_open(&c.fields, NSEC_PER_SEC, 0, &change));
	assert_int_equal(change, 5ULL * HOUR * NSEC_PER_SEC);
	assert_true(calendar_open(&c.fields, 24ULL * HOUR * NSEC_PER_SEC, 0, &change));
}

static void an_instant_is_shown_on_the_clock_of_its_zone(void **state)
{
	const struct fw_transition summer[] = { { .at = utc("2027-03-28 01:00"), .offset = 2 * HOUR } };
	struct calendar c = in_zone("* * * * *", HOUR, summer, 1);
	char buf[CALENDAR_FORMAT_MAX];

	(void)state;
	calendar_format(&c.fields, utc("2027-03-28 00:59:59"), buf);
	assert_string_equal(buf, "2027-03-28 01:59:59");
	calendar_format(&c.fields, utc("2027-03-28 01:00"), buf);
	assert_string_equal(buf, "2027-03-28 03:00");
}

/* ---- zones' files */

static const char utc_file[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/* A file of version 2 with the table in its second block only, as zic -b slim makes it. */
static size_t make_file(uint8_t *p, const int64_t *times, const uint8_t *indices, size_t n, const int32_t *offsets, size_t n_types,
			const char *rule)
{
	uint8_t *start = p;

	for (int block = 0; block < 2; block++) {
		memcpy(p, utc_file, 44);
		p[35] = block ? n : 0;
		p[39] = block ? n_types : 1;
		p += 44;
		if (!block) {
			memset(p, 0, 6);
			p += 6;
		}
	}
	for (size_t i = 0; i < n; i++)
		for (int k = 7; k >= 0; k--)
			*p++ = (uint64_t)times[i] >> 8 * k;
	memcpy(p, indices, n);
	p += n;
	for (size_t i = 0; i < n_types; i++) {
		for (int k = 3; k >= 0; k--)
			*p++ = (uint32_t)offsets[i] >> 8 * k;
		*p++ = 0;
		*p++ = 0;
	}
	p += sprintf((char *)p, "\n%s\n", rule);
	return p - start;
}

static void a_zone_is_its_table_and_then_its_rule(void **state)
{
	const int64_t times[] = { utc("2020-03-29 01:00"), utc("2020-10-25 01:00") };
	static const int32_t offsets[] = { 3208, 7200, 3600 };
	uint8_t file[512];
	size_t n = make_file(file, times, (const uint8_t *)"\1\2", 2, offsets, 3, "CET-1CEST,M3.5.0,M10.5.0/3");
	struct fw_calendar c = {};

	(void)state;
	assert_int_equal(tzif_read(file, n, utc("2019-01-01 00:00"), &c, NULL), 0);
	assert_int_equal(c.offset, 3208);
	assert_int_equal(c.n_transitions, FW_TRANSITIONS);
	assert_int_equal(c.transitions[0].at, times[0]);
	assert_int_equal(c.transitions[1].at, times[1]);
	assert_int_equal(c.transitions[2].at, utc("2021-03-28 01:00"));
	assert_int_equal(c.transitions[2].offset, 7200);
	assert_int_equal(c.transitions[3].at, utc("2021-10-31 01:00"));
	assert_int_equal(c.transitions[39].at, utc("2039-10-30 01:00"));

	assert_int_equal(tzif_read(file, n, utc("2030-07-01 00:00"), &c, NULL), 0);
	assert_int_equal(c.offset, 7200);
	assert_int_equal(c.transitions[0].at, utc("2030-10-27 01:00"));
	assert_int_equal(c.transitions[0].offset, 3600);
	assert_int_equal(c.n_transitions, FW_TRANSITIONS);
}

static void a_zone_without_daylight_saving_has_no_transitions(void **state)
{
	static const int32_t offsets[] = { 20700 };
	uint8_t file[512];
	size_t n = make_file(file, NULL, (const uint8_t *)"", 0, offsets, 1, "<+0545>-5:45");
	struct fw_calendar c = {};

	(void)state;
	assert_int_equal(tzif_read(file, n, 0, &c, NULL), 0);
	assert_int_equal(c.offset, 20700);
	assert_int_equal(c.n_transitions, 0);
}

static void what_is_no_zone_is_refused(void **state)
{
	static const int32_t offsets[] = { 3600, 7200 }, far[] = { 3600, 93600 };
	const int64_t times[] = { 1000, 2000 }, disorder[] = { 2000, 1000 };
	const uint8_t *indices = (const uint8_t *)"\1\0";
	uint8_t file[512];
	struct fw_calendar c = { .minutes = 7 };
	size_t n = make_file(file, times, indices, 2, offsets, 2, "CET-1");

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		struct error err = {};
		_cleanup_free_ uint8_t *copy = util_alloc(cut + 1, 1);

		memcpy(copy, file, cut);
		assert_int_equal(tzif_read(copy, cut, 0, &c, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "is not a zone's file"));
	}
	assert_int_equal(tzif_read(file, n, 0, &c, NULL), 0);
	file[4] = 0;
	assert_int_equal(tzif_read(file, n, 0, &c, NULL), -EINVAL);
	n = make_file(file, times, (const uint8_t *)"\1\2", 2, offsets, 2, "CET-1");
	assert_int_equal(tzif_read(file, n, 0, &c, NULL), -EINVAL);
	n = make_file(file, disorder, indices, 2, offsets, 2, "CET-1");
	assert_int_equal(tzif_read(file, n, 0, &c, NULL), -EINVAL);
	n = make_file(file, times, indices, 2, far, 2, "CET-1");
	assert_int_equal(tzif_read(file, n, 0, &c, NULL), -EINVAL);
	n = make_file(file, times, indices, 2, offsets, 2, "nonsense");
	assert_int_equal(tzif_read(file, n, 0, &c, NULL), -EINVAL);
	assert_int_equal(c.minutes, 7);
}

static void rules_of_every_form(void **state)
{
	static const struct {
		const char *text;
		int year, which;
		const char *at;
	} cases[] = {
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 2027, 0, "2027-03-28 01:00" },
		{ "EST5EDT,M3.2.0,M11.1.0", 2027, 0, "2027-03-14 07:00" },
		{ "EST5EDT,M3.2.0,M11.1.0", 2027, 1, "2027-11-07 06:00" },
		{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2027, 1, "2027-04-03 15:00" },
		{ "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", 2027, 0, "2027-03-28 01:00" },
		{ "XXX0YYY,J60,J365/23", 2028, 0, "2028-03-01 02:00" },
		{ "XXX0YYY,59,365/23", 2028, 0, "2028-02-29 02:00" },
		{ "EET-2EEST,M3.4.4/50,M10.4.4/50", 2027, 0, "2027-03-27 00:00" },
	};
	static const char *const none[] = { "",
					    "CET",
					    "CE-1",
					    "CET-25",
					    "CET-1CEST",
					    "CET-1CEST,M3.5.0",
					    "CET-1CEST,M13.5.0,M10.5.0",
					    "CET-1CEST,M3.0.0,M10.5.0",
					    "CET-1CEST,J0,J1",
					    "CET-1CEST,366,1",
					    "<CET-1",
					    "CET-1CEST,M3.5.0,M10.5.0x",
					    "CET-1CEST,M3.5.0/168,M10.5.0" };
	struct tzrule rule;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(tzrule_parse(cases[i].text, strlen(cases[i].text), &rule));
		assert_int_equal(tzrule_at(&rule, cases[i].year, cases[i].which), utc(cases[i].at));
	}
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(tzrule_parse(none[i], strlen(none[i]), &rule));
}

static void daylight_saving_all_year_is_one_offset(void **state)
{
	static const int32_t offsets[] = { -10800 };
	uint8_t file[512];
	size_t n = make_file(file, NULL, (const uint8_t *)"", 0, offsets, 1, "XXX3EDT4,0/0,J365/23");
	struct fw_calendar c = {};

	(void)state;
	assert_int_equal(tzif_read(file, n, utc("2027-01-01 00:00"), &c, NULL), 0);
	for (uint32_t i = 0; i + 1 < c.n_transitions; i++)
		assert_true(c.transitions[i].at < c.transitions[i + 1].at);
	assert_true(c.n_transitions <= 1);
}

/* ---- JSON */

static void json_and_back_is_the_same(void **state)
{
	const struct fw_transition t[] = { { .at = utc("2027-03-28 01:00"), .offset = -2 * HOUR },
					   { .at = 4102444800, .offset = HOUR } };
	struct calendar c = in_zone("*/7 0-23 1-31 jan-dec 1,7", -HOUR, t, 2), *back = NULL;
	_cleanup_json_ cJSON *o = NULL;
	_cleanup_free_ char *text = NULL;
	struct json j;

	(void)state;
	o = calendar_to_json(&c);
	j = json_root(o, "calendar");
	assert_int_equal(calendar_from_json(&j, &back, NULL), 0);
	assert_memory_equal(&c, back, sizeof(c));
	free(back);
}

static void json_that_is_none_is_refused(void **state)
{
	static const char *const none[] = {
		"{}",
		"{\"schedule\":\"\",\"timeZone\":\"UTC\",\"bitmaps\":[1,1,2,2,1,0],\"offsets\":[0]}",
		"{\"schedule\":\"x\",\"timeZone\":\"UTC\",\"bitmaps\":[1,1,2,2,1],\"offsets\":[0]}",
		"{\"schedule\":\"x\",\"timeZone\":\"UTC\",\"bitmaps\":[1,1,1,2,1,0],\"offsets\":[0,1]}",
		"{\"schedule\":\"x\",\"timeZone\":\"UTC\",\"bitmaps\":[1,1,2,9999,1,0],\"offsets\":[0]}",
		"{\"schedule\":\"x\",\"timeZone\":\"UTC\",\"bitmaps\":[1,1,2,2,1,0],\"offsets\":[1e300]}",
		"{\"schedule\":\"x\",\"timeZone\":\"UTC\",\"bitmaps\":[1,1,2,2,1,0],\"offsets\":[0,\"1\",2]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct doc d = doc_open(none[i]);
		struct calendar *c = NULL;

		assert_int_equal(calendar_from_json(&d.v, &c, NULL), -EINVAL);
		assert_null(c);
		doc_close(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_fields_and_names_are_wall_clock_schedules),
		cmocka_unit_test(fields_are_bitmaps),
		cmocka_unit_test(sunday_has_three_names),
		cmocka_unit_test(a_star_with_a_step_restricts_a_day_field),
		cmocka_unit_test(what_is_none_is_refused_with_its_field),
		cmocka_unit_test(a_zone_has_a_name_that_leads_nowhere_else),
		cmocka_unit_test(fires_across_midnights_month_ends_and_leap_days),
		cmocka_unit_test(what_daylight_saving_skips_does_not_fire_and_what_it_repeats_fires_twice),
		cmocka_unit_test(half_an_hour_of_daylight_saving),
		cmocka_unit_test(windows_that_overlap_are_one),
		cmocka_unit_test(a_window_may_last_31_days_whatever_it_spans),
		cmocka_unit_test(the_epoch_and_before_it_are_no_trouble),
		cmocka_unit_test(an_instant_is_shown_on_the_clock_of_its_zone),
		cmocka_unit_test(a_zone_is_its_table_and_then_its_rule),
		cmocka_unit_test(a_zone_without_daylight_saving_has_no_transitions),
		cmocka_unit_test(what_is_no_zone_is_refused),
		cmocka_unit_test(rules_of_every_form),
		cmocka_unit_test(daylight_saving_all_year_is_one_offset),
		cmocka_unit_test(json_and_back_is_the_same),
		cmocka_unit_test(json_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
