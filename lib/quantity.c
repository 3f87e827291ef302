// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kubernetes' quantities, exact: digits with at most one point, then a suffix or an exponent. Its own parser rounds up what is too fine; here that is an
 * error, for "64m" of memory is never meant.
 */
#include "lib/quantity.h"

#include <ctype.h>

#include "lib/util.h"

#define DIGITS_MAX 18

typedef unsigned __int128 u128;

static const struct suffix {
	const char *name;
	int tens;         /* a power of ten */
	unsigned int kis; /* of 1024 */
} suffixes[] = {
	{ "", 0, 0 },   { "n", -9, 0 }, { "u", -6, 0 }, { "m", -3, 0 }, { "k", 3, 0 },  { "M", 6, 0 },
	{ "G", 9, 0 },  { "T", 12, 0 }, { "P", 15, 0 }, { "E", 18, 0 }, { "Ki", 0, 1 }, { "Mi", 0, 2 },
	{ "Gi", 0, 3 }, { "Ti", 0, 4 }, { "Pi", 0, 5 }, { "Ei", 0, 6 },
};

/* Digits with a point: their number, and how many are behind it. */
static bool take_digits(const char **s, u128 *ret, int *ret_behind)
{
	int n = 0;
	bool point = false;

	*ret = 0;
	*ret_behind = 0;
	for (; isdigit((unsigned char)**s) || (**s == '.' && !point); (*s)++) {
		if (**s == '.') {
			point = true;
			continue;
		}
		if (++n > DIGITS_MAX)
			return false;
		*ret = *ret * 10 + (u128)(**s - '0');
		*ret_behind += point;
	}
	return n > 0;
}

/* "e3", "E-2", or a suffix. */
static bool take_suffix(const char *s, struct suffix *ret)
{
	char *end;
	long tens;

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		*ret = suffixes[i];
		if (util_streq(s, ret->name))
			return true;
	}
	if ((*s != 'e' && *s != 'E') ||
	    !(isdigit((unsigned char)s[1]) || ((s[1] == '-' || s[1] == '+') && isdigit((unsigned char)s[2]))))
		return false;
	tens = strtol(s + 1, &end, 10);
	*ret = (struct suffix){ .tens = (int)tens };
	return *end == '\0' && tens >= -DIGITS_MAX && tens <= DIGITS_MAX;
}

static u128 power(unsigned int base, unsigned int n)
{
	u128 p = 1;

	while (n--)
		p *= base;
	return p;
}

enum outcome { FINE, NO_QUANTITY, TOO_FINE, TOO_LARGE };

static enum outcome read_text(const char *s, unsigned int scale, uint64_t *ret)
{
	struct suffix suffix;
	int behind, tens;
	u128 value;

	if (!take_digits(&s, &value, &behind) || !take_suffix(s, &suffix))
		return NO_QUANTITY;
	tens = suffix.tens - behind;
	if (__builtin_mul_overflow(value, power(1024, suffix.kis) * scale, &value) ||
	    (tens > 0 && __builtin_mul_overflow(value, power(10, (unsigned int)tens), &value)))
		return TOO_LARGE;
	if (tens < 0) {
		u128 divisor = power(10, (unsigned int)-tens);

		if (value % divisor)
			return TOO_FINE;
		value /= divisor;
	}
	*ret = (uint64_t)value;
	return value > UINT64_MAX >> 1 ? TOO_LARGE : FINE;
}

int quantity_read(const struct json *j, unsigned int scale, uint64_t min, const char *example, uint64_t *ret, struct error *err)
{
	char text[JSON_SHOW_MAX];
	enum outcome outcome;
	uint64_t value = 0;

	if (!json_has(j))
		return 0;
	json_show(j, text, sizeof(text));
	if (!cJSON_IsString(j->value) && !cJSON_IsNumber(j->value))
		return json_error(j, err, "must be a quantity as in %s, not %s", example, text);
	outcome = read_text(cJSON_IsString(j->value) ? j->value->valuestring : text, scale, &value);
	if (outcome == TOO_FINE)
		return json_error(j, err, "'%s' is finer than %s%s: write it as in %s", text, scale == 1 ? "one" : "a thousandth",
				  scale == 1 && strchr(text, 'm') ? " ('m' are thousandths, 'M' and 'Mi' millions)" : "", example);
	if (outcome == TOO_LARGE)
		return json_error(j, err, "'%s' is too large: write it as in %s", text, example);
	if (outcome != FINE)
		return json_error(j, err, "'%s' is not a quantity, write it as in %s", text, example);
	if (value < min)
		return json_error(j, err, "'%s' is too little: it must be %llu%s at least", text, (unsigned long long)min,
				  scale == 1 ? "" : "m");
	*ret = value;
	return 0;
}

void quantity_format_milli(uint64_t milli, char buf[QUANTITY_TEXT_MAX])
{
	bool whole = milli % 1000 == 0;

	snprintf(buf, QUANTITY_TEXT_MAX, "%llu%s", (unsigned long long)(whole ? milli / 1000 : milli), whole ? "" : "m");
}

void quantity_format_bytes(uint64_t bytes, char buf[QUANTITY_TEXT_MAX])
{
	static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
	size_t i = 0;

	for (; bytes && bytes % 1024 == 0 && i < ARRAY_SIZE(units) - 1; i++)
		bytes /= 1024;
	snprintf(buf, QUANTITY_TEXT_MAX, "%llu%s", (unsigned long long)bytes, units[i]);
}
