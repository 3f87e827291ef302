// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads zones: see tzif.h. The bytes are believed in nothing: every count is held against what is there.
 */
#include "lib/tzif.h"

#include <errno.h>
#include <stdbool.h>

#include "lib/tzrule.h"
#include "lib/util.h"

#define HEADER 44
#define OFFSET_MIN (-89999) /* RFC 8536, 3.2 */
#define OFFSET_MAX 93599

struct header {
	char version;
	uint32_t isutc, isstd, leap, time, type, chars;
};

/* The second block, whose times have 8 bytes. */
struct table {
	struct header h;
	const uint8_t *times, *indices, *types;
};

static uint64_t big_endian(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static int malformed(struct error *err, const char *what)
{
	return error_set(err, EINVAL, "is not a zone's file (TZif): %s", what);
}

static int read_header(const uint8_t *p, size_t n, struct header *ret, struct error *err)
{
	if (n < HEADER || memcmp(p, "TZif", 4) != 0)
		return malformed(err, "no header");
	*ret = (struct header){
		.version = (char)p[4],
		.isutc = big_endian(p + 20, 4),
		.isstd = big_endian(p + 24, 4),
		.leap = big_endian(p + 28, 4),
		.time = big_endian(p + 32, 4),
		.type = big_endian(p + 36, 4),
		.chars = big_endian(p + 40, 4),
	};
	return 0;
}

/* Bytes behind a header; no overflow, for there are six counts of 32 bits. */
static uint64_t block_size(const struct header *h, unsigned int time_size)
{
	return (uint64_t)h->time * (time_size + 1) + (uint64_t)h->type * 6 + h->chars + (uint64_t)h->leap * (time_size + 4) +
	       h->isstd + h->isutc;
}

static int32_t type_offset(const struct table *t, unsigned int type)
{
	return (int32_t)big_endian(t->types + type * 6, 4);
}

static int64_t time_of(const struct table *t, uint32_t i)
{
	return (int64_t)big_endian(t->times + (size_t)i * 8, 8);
}

static int check_table(const struct table *t, struct error *err)
{
	for (uint32_t i = 0; i < t->h.type; i++)
		if (type_offset(t, i) < OFFSET_MIN || type_offset(t, i) > OFFSET_MAX)
			return malformed(err, "an offset is longer than a day");
	for (uint32_t i = 0; i < t->h.time; i++) {
		if (t->indices[i] >= t->h.type)
			return malformed(err, "a change to an offset that is not there");
		if (i && time_of(t, i) <= time_of(t, i - 1))
			return malformed(err, "changes that are not in order");
	}
	return 0;
}

/* The second block, and the rule behind it (of *ret_rule bytes, between two newlines). */
static int read_table(const uint8_t *p, size_t n, struct table *ret, const char **ret_rule, size_t *ret_len, struct error *err)
{
	struct table t = {};
	const uint8_t *end;
	uint64_t skip;
	int r = read_header(p, n, &t.h, err);

	if (r)
		return r;
	if (t.h.version < '2')
		return malformed(err, "its version is older than 2");
	skip = HEADER + block_size(&t.h, 4);
	if (skip > n)
		return malformed(err, "cut short");
	p += skip;
	n -= skip;
	r = read_header(p, n, &t.h, err);
	if (r)
		return r;
	if (!t.h.type || t.h.type > 256 || HEADER + block_size(&t.h, 8) > n)
		return malformed(err, "cut short");
	if (t.h.leap)
		return error_set(err, EINVAL, "counts leap seconds, which clocks here do not: use the zone without 'right/'");
	t.times = p + HEADER;
	t.indices = t.times + (size_t)t.h.time * 8;
	t.types = t.indices + t.h.time;
	skip = HEADER + block_size(&t.h, 8);
	p += skip;
	n -= skip;
	end = n > 1 && *p == '\n' ? memchr(p + 1, '\n', n - 1) : NULL;
	if (!end)
		return malformed(err, "no rule at its end");
	*ret = t;
	*ret_rule = (const char *)p + 1;
	*ret_len = (size_t)(end - p - 1);
	return check_table(&t, err);
}

/* The offset from 'at' on. Instants come in order; those up to 'from' only set the first offset. */
static void change(struct fw_calendar *c, int64_t from, int64_t at, int32_t offset)
{
	uint32_t n = c->n_transitions;

	if (at <= from) {
		c->offset = offset;
		return;
	}
	while (n && c->transitions[n - 1].at >= at) /* as a rule of daylight saving all year has it */
		n--;
	c->n_transitions = n;
	if (n == FW_TRANSITIONS || offset == (n ? c->transitions[n - 1].offset : c->offset))
		return;
	c->transitions[n] = (struct fw_transition){ .at = at, .offset = offset };
	c->n_transitions++;
}

/* Years of the rule, from the last change of the table or 'from' on. */
static void go_on(struct fw_calendar *c, const struct tzrule *rule, int64_t from, int64_t table_end)
{
	int64_t begin = MAX(from, table_end);
	int year, last;

	if (table_end == INT64_MIN)
		c->offset = rule->std_offset;
	if (!rule->has_dst || begin < -(1LL << 40) || begin > 1LL << 40) /* 35,000 years */
		return;
	year = tzrule_year(begin) - 1;
	for (last = year + FW_TRANSITIONS / 2 + 2; year < last; year++) {
		int64_t at[2] = { tzrule_at(rule, year, 0), tzrule_at(rule, year, 1) };
		int first = at[1] < at[0];

		for (int i = 0; i < 2; i++) {
			int which = i ^ first;

			if (at[which] > table_end)
				change(c, from, at[which], which ? rule->std_offset : rule->dst_offset);
		}
	}
}

int tzif_read(const void *data, size_t n, int64_t from, struct fw_calendar *c, struct error *err)
{
	struct fw_calendar read = *c;
	struct tzrule rule = {};
	struct table t = {};
	const char *text = NULL;
	size_t len = 0;
	int r = read_table(data, n, &t, &text, &len, err);

	if (r)
		return r;
	if (len && !tzrule_parse(text, len, &rule))
		return malformed(err, "a rule at its end that is none");
	read.offset = type_offset(&t, 0);
	read.n_transitions = 0;
	memset(read.transitions, 0, sizeof(read.transitions));
	for (uint32_t i = 0; i < t.h.time; i++)
		change(&read, from, time_of(&t, i), type_offset(&t, t.indices[i]));
	if (len)
		go_on(&read, &rule, from, t.h.time ? time_of(&t, t.h.time - 1) : INT64_MIN);
	*c = read;
	return 0;
}
