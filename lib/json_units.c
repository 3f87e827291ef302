// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers with and without units, read and written. Decimal text is taken exactly: what has no exact value in our unit is
 * refused, never rounded.
 */
#include "lib/json.h"

#include <errno.h>
#include <inttypes.h>

#include "lib/util.h"

#define NUMBER_EXACT 9007199254740991ULL /* 2^53 - 1: above it a JSON number may stand for its neighbour */
#define FRACTION_DIGITS 18

struct unit {
	const char *name; /* NULL = the end */
	uint64_t factor;
};

static const struct unit durations[] = {
	{ "ns", 1 },
	{ "us", NSEC_PER_USEC },
	{ "ms", NSEC_PER_MSEC },
	{ "s", NSEC_PER_SEC },
	{ "m", 60 * NSEC_PER_SEC },
	{ "h", 3600 * NSEC_PER_SEC },
	{},
};

static const struct unit rates[] = {
	{ "bit", 1 }, { "kbit", 1000 }, { "mbit", 1000000 }, { "gbit", 1000000000 }, { "tbit", 1000000000000 },
	{ "bps", 8 }, { "kbps", 8000 }, { "mbps", 8000000 }, { "gbps", 8000000000 }, { "tbps", 8000000000000 },
	{},
};

static const struct unit sizes[] = {
	{ "", 1 },         { "k", 1000 },     { "m", 1000000 },  { "g", 1000000000 },
	{ "Ki", 1 << 10 }, { "Mi", 1 << 20 }, { "Gi", 1 << 30 }, {},
};

static const struct unit percents[] = {
	{ "", PPM_ALL / 100 },
	{ "%", PPM_ALL / 100 },
	{},
};

/* What a text with units stands for; the texts are for messages. */
struct quantity {
	const char *what, *example, *allowed, *finest;
	const struct unit *units;
	bool many; /* "1h30m" */
};

static const struct quantity duration = {
	.what = "duration",
	.example = "200ms, 1.5s or 1h30m",
	.allowed = "ns, us, ms, s, m, h",
	.finest = "1ns",
	.units = durations,
	.many = true,
};

static const struct quantity rate = {
	.what = "rate",
	.example = "10mbit, or 1mbps for a million bytes a second",
	.allowed = "bit, kbit, mbit, gbit, tbit; bytes a second: bps, kbps, mbps, gbps, tbps",
	.finest = "1bit",
	.units = rates,
};

static const struct quantity size = {
	.what = "size",
	.example = "20971520, 10k or 20Mi",
	.allowed = "none for bytes, k, m, g, Ki, Mi, Gi",
	.finest = "1 byte",
	.units = sizes,
};

static const struct quantity percent = {
	.what = "percentage",
	.example = "10, 0.05 or 10%",
	.allowed = "none or %",
	.finest = "0.0001 percent",
	.units = percents,
};

struct decimal { /* whole + fraction / scale */
	uint64_t whole, fraction, scale;
	bool huge; /* whole does not fit */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads "12" or "1.5" at *s and moves behind it; false when there is no such thing. */
static bool take_decimal(const char **s, struct decimal *ret)
{
	struct decimal d = { .scale = 1 };
	const char *p = *s;

	if (!is_digit(*p))
		return false;
	for (; is_digit(*p); p++) {
		d.huge |= __builtin_mul_overflow(d.whole, 10, &d.whole);
		d.huge |= __builtin_add_overflow(d.whole, (uint64_t)(*p - '0'), &d.whole);
	}
	if (*p == '.') {
		if (!is_digit(*++p))
			return false;
		for (int digits = 0; is_digit(*p); p++, digits++) {
			if (digits == FRACTION_DIGITS)
				return false;
			d.fraction = d.fraction * 10 + (uint64_t)(*p - '0');
			d.scale *= 10;
		}
	}
	*s = p;
	*ret = d;
	return true;
}

/* Adds d units to *sum: -ERANGE, or -EDOM when that is not a whole number. */
static int add_exactly(const struct decimal *d, uint64_t factor, uint64_t *sum)
{
	unsigned __int128 fraction = (unsigned __int128)d->fraction * factor;
	unsigned __int128 total = (unsigned __int128)d->whole * factor + fraction / d->scale + *sum;

	if (d->huge || total > UINT64_MAX)
		return -ERANGE;
	if (fraction % d->scale)
		return -EDOM;
	*sum = (uint64_t)total;
	return 0;
}

/* The unit at *s, the letters (and %) up to what is none; NULL when it is not one of 'units'. */
static const struct unit *take_unit(const char **s, const struct unit *units)
{
	size_t n = 0;

	while ((*s)[n] && !is_digit((*s)[n]) && (*s)[n] != '.')
		n++;
	for (; units->name; units++) {
		if (strlen(units->name) != n || memcmp(units->name, *s, n) != 0)
			continue;
		*s += n;
		return units;
	}
	return NULL;
}

static int parse_quantity(const struct json *j, const struct quantity *q, const char *text, uint64_t *ret, struct error *err)
{
	const char *p = text;
	uint64_t sum = 0;

	if (*text == '-' && is_digit(text[1]))
		return json_error(j, err, "'%.64s' must not be negative", text);
	do {
		const struct unit *unit;
		struct decimal d;
		int r;

		if (!take_decimal(&p, &d))
			return json_error(j, err, "'%.64s' is not a %s (as in %s)", text, q->what, q->example);
		unit = take_unit(&p, q->units);
		if (!unit)
			return json_error(j, err, "'%.64s' %s (%s)", text, *p ? "has an unknown unit" : "needs a unit", q->allowed);
		r = add_exactly(&d, unit->factor, &sum);
		if (r < 0)
			return json_error(j, err, "'%.64s' is %s %s", text, r == -EDOM ? "finer than" : "too large for a",
					  r == -EDOM ? q->finest : q->what);
	} while (q->many && *p);
	if (*p)
		return json_error(j, err, "'%.64s' is not a %s (as in %s)", text, q->what, q->example);
	*ret = sum;
	return 0;
}

/* A number counts as its own text, so that 0.05 means what its digits say. */
static int read_quantity(const struct json *j, const struct quantity *q, uint64_t *ret, struct error *err)
{
	char number[32];
	const char *text = number;

	if (!cJSON_IsNumber(j->value)) {
		int r = json_string(j, &text, err);

		return r < 0 || !json_has(j) ? r : parse_quantity(j, q, text, ret, err);
	}
	return parse_quantity(j, q, json_show(j, number, sizeof(number)), ret, err);
}

int json_duration(const struct json *j, uint64_t *ret_ns, struct error *err)
{
	char text[JSON_SHOW_MAX];
	uint64_t ns = *ret_ns;
	int r;

	if (json_has(j) && util_streq(json_show(j, text, sizeof(text)), "0")) {
		*ret_ns = 0;
		return 0;
	}
	r = read_quantity(j, &duration, &ns, err);
	if (r < 0 || !json_has(j))
		return r;
	if (ns > INT64_MAX) /* so that start + duration cannot overflow */
		return json_error(j, err, "'%s' is too long (at most 2562047h)", json_show(j, text, sizeof(text)));
	*ret_ns = ns;
	return 0;
}

int json_percent(const struct json *j, uint32_t *ret_ppm, struct error *err)
{
	char text[JSON_SHOW_MAX];
	uint64_t ppm = *ret_ppm;
	int r = read_quantity(j, &percent, &ppm, err);

	if (r < 0)
		return r;
	if (json_has(j) && ppm > PPM_ALL)
		return json_error(j, err, "'%s' is out of range, a percentage is 0 to 100", json_show(j, text, sizeof(text)));
	*ret_ppm = (uint32_t)ppm;
	return 0;
}

int json_rate(const struct json *j, uint64_t *ret_bits, struct error *err)
{
	return read_quantity(j, &rate, ret_bits, err);
}

int json_size(const struct json *j, uint64_t *ret_bytes, struct error *err)
{
	return read_quantity(j, &size, ret_bytes, err);
}

static bool whole_number(const struct json *j, uint64_t *ret)
{
	double d = j->value->valuedouble;
	const char *p = j->value->valuestring;
	struct decimal text;

	if (cJSON_IsString(j->value)) {
		if (!take_decimal(&p, &text) || *p || text.huge || text.scale != 1)
			return false;
		*ret = text.whole;
		return true;
	}
	if (!(d >= 0 && d <= (double)NUMBER_EXACT) || d != (double)(uint64_t)d)
		return false;
	*ret = (uint64_t)d;
	return true;
}

int json_u64(const struct json *j, uint64_t min, uint64_t max, uint64_t *ret, struct error *err)
{
	char text[JSON_SHOW_MAX];
	uint64_t n;

	if (!json_has(j))
		return 0;
	if (!cJSON_IsNumber(j->value) && !cJSON_IsString(j->value))
		return json_error(j, err, "must be a whole number, not %s", json_show(j, text, sizeof(text)));
	if (cJSON_IsNumber(j->value) && j->value->valuedouble > (double)NUMBER_EXACT && max > NUMBER_EXACT)
		return json_error(j, err, "'%s' is too large for a JSON number: write it as a string, in quotes",
				  json_show(j, text, sizeof(text)));
	if (!whole_number(j, &n) || n < min || n > max)
		return json_error(j, err, "'%s' is not a whole number from %llu to %llu", json_show(j, text, sizeof(text)),
				  (unsigned long long)min, (unsigned long long)max);
	*ret = n;
	return 0;
}

/* ns in a unit, exact within nine digits behind the point; false when it is not. */
static bool format_in(uint64_t ns, const struct unit *unit, char *buf, size_t n)
{
	uint64_t rest = ns % unit->factor;
	char fraction[12] = "";

	fraction[0] = rest ? '.' : '\0';
	for (size_t i = 1; rest && i < 10; i++) {
		rest *= 10;
		fraction[i] = (char)('0' + rest / unit->factor);
		rest %= unit->factor;
	}
	if (rest || ns < unit->factor)
		return false;
	snprintf(buf, n, "%llu%s%s", (unsigned long long)(ns / unit->factor), fraction, unit->name);
	return true;
}

void json_format_duration(uint64_t ns, char *buf, size_t n)
{
	char best[48] = "0s", text[48];
	bool found = false;

	for (size_t i = ARRAY_SIZE(durations) - 1; i-- > 0;) {
		if (!format_in(ns, &durations[i], text, sizeof(text)) || (found && strlen(text) >= strlen(best)))
			continue;
		memcpy(best, text, sizeof(best));
		found = true;
	}
	snprintf(buf, n, "%s", best);
}

void json_format_percent(uint32_t ppm, char *buf, size_t n)
{
	char fraction[16];
	size_t len = (size_t)snprintf(fraction, sizeof(fraction), ".%04u", ppm % 10000);

	while (len && (fraction[len - 1] == '0' || fraction[len - 1] == '.'))
		fraction[--len] = '\0';
	snprintf(buf, n, "%u%s", ppm / 10000, fraction);
}

void json_format_rate(uint64_t bits, char *buf, size_t n)
{
	size_t i = 4; /* tbit */

	while (i > 0 && (bits == 0 || bits % rates[i].factor))
		i--;
	snprintf(buf, n, "%llu%s", (unsigned long long)(bits / rates[i].factor), rates[i].name);
}

cJSON *json_number(uint64_t v)
{
	char digits[24];

	if (v < 1ULL << 53)
		return cJSON_CreateNumber((double)v);
	snprintf(digits, sizeof(digits), "%" PRIu64, v);
	return cJSON_CreateString(digits);
}
