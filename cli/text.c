// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text for a terminal: see text.h.
 */
#include "cli/text.h"

#include <stdarg.h>

#include "lib/util.h"

/* How many bytes of s are one control character: 0, 1, or 2 for C1 in UTF-8, which terminals obey too. */
static size_t control_bytes(const unsigned char *s)
{
	if (s[0] < 0x20 || s[0] == 0x7f)
		return 1;
	return s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0 ? 2 : 0;
}

char *text_safe(const char *s)
{
	char *out = util_alloc(4 * strlen(s) + 1, 1), *p = out;

	while (*s) {
		size_t n = control_bytes((const unsigned char *)s);

		if (!n)
			*p++ = *s++;
		for (; n; n--)
			p += sprintf(p, "\\x%02x", (unsigned char)*s++);
	}
	return out;
}

void text_duration(uint64_t ns, char buf[TEXT_DURATION_MAX])
{
	static const struct {
		uint64_t big, small;
		const char *format;
	} units[] = {
		{ 86400, 3600, "%lud%02luh" },
		{ 3600, 60, "%luh%02lum" },
		{ 60, 1, "%lum%02lus" },
	};
	uint64_t s = ns / NSEC_PER_SEC + (ns % NSEC_PER_SEC != 0);

	if (ns < NSEC_PER_SEC) {
		snprintf(buf, TEXT_DURATION_MAX, "%lums", (unsigned long)((ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		uint64_t small = (s + units[i].small - 1) / units[i].small, ratio = units[i].big / units[i].small;

		if (s < units[i].big)
			continue;
		snprintf(buf, TEXT_DURATION_MAX, units[i].format, (unsigned long)(small / ratio), (unsigned long)(small % ratio));
		return;
	}
	snprintf(buf, TEXT_DURATION_MAX, "%lus", (unsigned long)s);
}

void text_cell(struct text_table *t, const char *fmt, ...)
{
	_cleanup_free_ char *raw = NULL;
	char **cell = util_grow(&t->cells, &t->n, sizeof(*t->cells));
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&raw, fmt, ap) < 0)
		abort();
	va_end(ap);
	*cell = text_safe(raw);
}

/* Characters, not bytes: UTF-8 continuation bytes take no place. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct text_table *t, size_t column)
{
	size_t w = 0;

	for (size_t i = column; i < t->n; i += t->columns)
		w = MAX(w, width(t->cells[i]));
	return w;
}

void text_table_print(const struct text_table *t, const char *indent, FILE *out)
{
	for (size_t i = 0; i < t->n; i++) {
		size_t column = i % t->columns;

		fprintf(out, "%s%s", column ? "" : indent, t->cells[i]);
		if (column + 1 == t->columns)
			fputc('\n', out);
		else
			fprintf(out, "%*s", (int)(column_width(t, column) - width(t->cells[i]) + 2), "");
	}
}

void text_table_cleanup(struct text_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->n = 0;
}
