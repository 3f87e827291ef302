// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compiles patterns of DNS names: a state for each number of characters matched so far, all patterns side by side in one bit string.
 */
#include "lib/dns.h"

#include <ctype.h>
#include <errno.h>

#include "lib/util.h"

const char *const dns_type_names[] = { "A",     "NS", "CNAME",  "SOA",  "PTR",   "MX",  "TXT", "AAAA", "SRV",
				       "NAPTR", "DS", "DNSKEY", "SVCB", "HTTPS", "CAA", "ANY", NULL };
const uint16_t dns_type_numbers[] = { 1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 48, 64, 65, 257, 255 };
_Static_assert(ARRAY_SIZE(dns_type_names) == ARRAY_SIZE(dns_type_numbers) + 1, "a number for each name");
_Static_assert(ARRAY_SIZE(dns_type_numbers) <= FW_DNS_TYPES, "all types fit");

static bool is_name_character(int c)
{
	return isalnum(c) || c == '-' || c == '_';
}

/* Of the canonical form: labels that are not empty and, without their stars, not too long for any name. */
static bool is_pattern(const char *s)
{
	size_t label = 0, total = 0;
	bool empty = true;

	for (; *s; s++) {
		total += *s != '*';
		if (*s == '.') {
			if (empty)
				return false;
			empty = true;
			label = 0;
			continue;
		}
		if (*s != '*' && *s != '?' && !is_name_character((unsigned char)*s))
			return false;
		empty = false;
		label += *s != '*';
		if (label > DNS_LABEL_MAX)
			return false;
	}
	return !empty && total <= DNS_NAME_MAX;
}

char *dns_pattern(const char *text)
{
	_cleanup_free_ char *ret = util_strdup(text);
	size_t n = 0;

	for (; *text; text++)
		if (*text != '*' || !n || ret[n - 1] != '*')
			ret[n++] = (char)tolower((unsigned char)*text);
	if (n && ret[n - 1] == '.')
		n--;
	ret[n] = '\0';
	return is_pattern(ret) ? TAKE_PTR(ret) : NULL;
}

static void set(__u64 *bits, size_t i)
{
	bits[i / 64] |= 1ULL << i % 64;
}

/* dns_row() of the kernel. */
static size_t row(unsigned char c)
{
	c = (unsigned char)(toupper(c) - ' ');
	return c < FW_DNS_ROWS ? c : 0;
}

/* One character, or '?': any but a dot, what has no row of its own included. */
static void accept_character(struct fw_dns *d, char c, size_t state)
{
	if (c != '?') {
		set(d->accept[row((unsigned char)c)], state);
		return;
	}
	for (size_t i = 0; i < FW_DNS_ROWS; i++)
		if (i != row('.'))
			set(d->accept[i], state);
}

/* One pattern of n characters from state *used on. */
static int compile_pattern(struct fw_dns *d, const char *s, size_t n, size_t *used)
{
	size_t state = *used, end = state + 1;

	for (size_t i = 0; i < n; i++)
		end += s[i] != '*';
	if (end > DNS_STATES)
		return -E2BIG;
	set(d->first, state);
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '*')
			set(d->stay, state);
		else
			accept_character(d, s[i], state++);
	}
	set(d->last, state);
	*used = end;
	return 0;
}

static int compile_type(struct fw_dns *d, const char *s, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(dns_type_numbers); i++) {
		if (strlen(dns_type_names[i]) != n || memcmp(s, dns_type_names[i], n) != 0)
			continue;
		if (d->n_types == FW_DNS_TYPES)
			return -EINVAL;
		d->types[d->n_types++] = dns_type_numbers[i];
		return 0;
	}
	return -EINVAL;
}

int dns_compile(const char *patterns, const char *types, struct fw_dns *ret)
{
	struct fw_dns d = {};
	size_t used = 0, n;
	int r = 0;

	for (const char *s = *patterns ? patterns : "*"; r == 0 && *s; s += n + (s[n] == ' ')) {
		n = strcspn(s, " ");
		r = compile_pattern(&d, s, n, &used);
	}
	for (const char *s = types; r == 0 && *s; s += n + (s[n] == ' ')) {
		n = strcspn(s, " ");
		r = compile_type(&d, s, n);
	}
	if (r < 0)
		return r;
	d.words = (uint32_t)((used + 63) / 64);
	*ret = d;
	return 0;
}

bool dns_lookup(const struct fw_dns *d, const char *name)
{
	uint64_t states[FW_DNS_WORDS], matched = 0;

	memcpy(states, d->first, sizeof(states));
	for (; *name; name++) {
		uint64_t carry = 0;

		for (size_t i = 0; i < d->words; i++) {
			uint64_t moved = states[i] & d->accept[row((unsigned char)*name)][i];

			states[i] = moved << 1 | carry | (states[i] & d->stay[i]);
			carry = moved >> 63;
		}
	}
	for (size_t i = 0; i < FW_DNS_WORDS; i++)
		matched |= states[i] & d->last[i];
	return matched;
}
