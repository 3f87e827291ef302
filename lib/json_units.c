// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers with and without units, read and written. Decimal text is taken exactly: what has no exact value in our unit is
 * refused, never rounded.
 */
#include <errno.h>

#include "lib/json.h"
#include "lib/util.h"

#define NUMBER_EXACT 9007199254740991ULL /* 2^53 - 1: above it a JSON number may stand for its neighbour */
#define FRACTION_DIGITS 18

struct unit {
	const char *name;
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

/* whole + fraction / scale; a whole part too large stays at UINT64_MAX. */
struct decimal {
	uint64_t whole, fraction, scale;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads "12" or "1.5" at *s and moves behind it. false: no such thing there, or a fraction beyond FRACTION_DIGITS. */
static bool decimal_take(const char **s, struct decimal *ret)
{
	const char *p = *s;
	int digits = 0;

	*ret = (struct decimal){ .scale = 1 };
	if (!is_digit(*p))
		return false;
	for (; is_digit(*p); p++)
		if (__builtin_mul_overflow(ret->whole, 10, &ret->whole) ||
		    __builtin_add_overflow(ret->whole, (uint64_t)(*p - '0'), &ret->whole))
			ret->whole = UINT64_MAX / 10 + 1; /* overflows at the next digit too, and below */
	if (*p == '.' && !is_digit(p[1]))
		return false;
	for (p += *p == '.'; is_digit(*p) && p > *s && (digits || p[-1] == '.'); p++, digits++) {
		if (digits == FRACTION_DIGITS)
			return false;
		ret->fraction = ret->fraction * 10 + (uint64_t)(*p - '0');
		ret->scale *= 10;
	}
	*s = p;
	return true;
}
