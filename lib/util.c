// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocation that cannot fail, hashing, UTF-8, globs and the guess at what a misspelt name was meant to be.
 */
#include "lib/util.h"

#include <ctype.h>
#include <stdarg.h>

static void *or_die(void *p)
{
	static const char msg[] = "faultwire: out of memory\n";

	if (p)
		return p;
	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
		_exit(1);
	_exit(1);
}

void *util_alloc(size_t n, size_t size)
{
	return or_die(calloc(n ? n : 1, size ? size : 1));
}

char *util_strdup(const char *s)
{
	return or_die(strdup(s));
}

void *util_grow(void *array_ptr, size_t *n, size_t size)
{
	void **array = array_ptr;
	char *element;

	*array = or_die(reallocarray(*array, *n + 1, size));
	element = (char *)*array + *n * size;
	memset(element, 0, size);
	(*n)++;
	return element;
}

char *util_printf(const char *fmt, ...)
{
	char *s = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&s, fmt, args);
	va_end(args);
	return or_die(n < 0 ? NULL : s);
}

uint64_t util_mix64(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint64_t util_fnv64(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h;
}

/* Unicode 15, table 3-7: the second byte's range depends on the first, which keeps out overlong forms, surrogates and what is over U+10FFFF. */
size_t util_utf8(const char *s, size_t n)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t len;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *p = (const unsigned char *)s;
	size_t form = 0, len;

	while (form < ARRAY_SIZE(forms) && (n == 0 || p[0] < forms[form].first || p[0] > forms[form].last))
		form++;
	if (form == ARRAY_SIZE(forms))
		return 0;
	len = forms[form].len;
	if (len > n || (len > 1 && (p[1] < forms[form].low || p[1] > forms[form].high)))
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

#define NEAREST_MAX 63

/* Levenshtein's distance, letters without their case; both at most NEAREST_MAX long. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NEAREST_MAX + 1], n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t replaced = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));

			diagonal = row[j];
			row[j] = MIN(replaced, 1 + MIN(row[j], row[j - 1]));
		}
	}
	return row[n];
}

const char *util_nearest(const char *s, const char *const *names)
{
	size_t len = strlen(s), best = len > NEAREST_MAX ? 0 : 1 + (len + 2) / 3;
	const char *ret = NULL;

	for (; best && *names; names++) {
		size_t d = strlen(*names) > NEAREST_MAX ? best : distance(s, *names);

		if (d >= best)
			continue;
		best = d;
		ret = *names;
	}
	return ret;
}

bool util_glob(const char *pattern, const char *s)
{
	const char *star = NULL, *retry = NULL;

	while (*s) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = s;
		} else if (*pattern == '?' || *pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star;
			s = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* A failure goes back to the last '*' of the component, or else to the last '**': what came before these need not be tried again. */
/* Where behind 'path' two stars may end next: anywhere, or, where they stand for whole directories, behind a '/'. NULL = nowhere. */
static const char *deep_next(const char *path, bool dirs)
{
	if (dirs)
		path = strchr(path, '/');
	return path && *path ? path + 1 : NULL;
}

bool util_path_glob(const char *pattern, const char *path)
{
	const char *star = NULL, *star_retry = NULL, *deep = NULL, *deep_retry = NULL, *begin = pattern;
	bool dirs = false;

	for (;;) {
		if (pattern[0] == '*' && pattern[1] == '*') {
			dirs = pattern > begin && pattern[-1] == '/' && pattern[2] == '/';
			deep = pattern += dirs ? 3 : 2;
			deep_retry = path;
			star = NULL;
		} else if (*pattern == '*') {
			star = ++pattern;
			star_retry = path;
		} else if (*path == '\0' && (*pattern == '\0' || util_streq(pattern, "/**"))) {
			return true;
		} else if (*path && (*pattern == '?' ? *path != '/' : *pattern == *path)) {
			pattern++;
			path++;
		} else if (star && *star_retry && *star_retry != '/') {
			pattern = star;
			path = ++star_retry;
		} else if (deep && (deep_retry = deep_next(deep_retry, dirs))) {
			pattern = deep;
			path = deep_retry;
			star = NULL;
		} else {
			return false;
		}
	}
}

bool util_has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; n && (p = strstr(p, word)); p += n)
		if ((p == words || p[-1] == ' ') && p[n] == ' ')
			return true;
	return false;
}
