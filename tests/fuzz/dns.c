// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes patterns of DNS names. Lines: a pattern each, the last one a name. What has a canonical form keeps it, compiles or is too long, and
 * matches what a matcher that knows no automaton matches.
 */
#include <ctype.h>
#include <errno.h>

#include "lib/dns.h"
#include "lib/util.h"

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* Row by row: ok[i] = the pattern so far matches the first i characters of the name. */
static bool matches(const char *pattern, const char *name)
{
	size_t n = strlen(name);
	_cleanup_free_ bool *ok = util_alloc(n + 1, sizeof(bool));

	ok[0] = true;
	for (; *pattern; pattern++) {
		for (size_t i = 0; *pattern == '*' && i < n; i++)
			ok[i + 1] |= ok[i];
		if (*pattern == '*')
			continue;
		for (size_t i = n; i > 0; i--)
			ok[i] = ok[i - 1] &&
				(*pattern == '?' ? name[i - 1] != '.' : *pattern == tolower((unsigned char)name[i - 1]));
		ok[0] = false;
	}
	return ok[n];
}

static void check_canonical(const char *pattern)
{
	_cleanup_free_ char *again = dns_pattern(pattern);

	require(again && util_streq(again, pattern), "the canonical form is its own");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_free_ char *text = util_alloc(n + 1, 1), *patterns = util_alloc(n + 1, 1);
	char *line, *rest = text;
	struct fw_dns compiled;
	bool want = false;
	int r;

	memcpy(text, data, n);
	line = strrchr(text, '\n');
	if (!line)
		return 0;
	*line++ = '\0'; /* the name */
	for (char *p; (p = strsep(&rest, "\n"));) {
		_cleanup_free_ char *pattern = dns_pattern(p);

		if (!pattern)
			continue;
		check_canonical(pattern);
		strcat(strcat(patterns, *patterns ? " " : ""), pattern);
		want |= matches(pattern, line);
	}
	if (!*patterns)
		return 0;
	r = dns_compile(patterns, "", &compiled);
	require(r == 0 || r == -E2BIG, "a canonical form compiles or is too long");
	require(r || dns_lookup(&compiled, line) == want, "the automaton matches what the pattern does");
	return 0;
}
