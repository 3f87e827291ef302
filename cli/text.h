/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text for a terminal: what others wrote without its control characters, durations that people read, aligned columns.
 */
#ifndef FAULTWIRE_TEXT_H
#define FAULTWIRE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A copy with control characters (C0, DEL, C1) as \xNN; the caller's. */
char *text_safe(const char *s);

/* "4m12s", "1h05m", "3d04h", "320ms"; rounded up, so that a window never ends after it was said to. */
#define TEXT_DURATION_MAX 32
void text_duration(uint64_t ns, char buf[TEXT_DURATION_MAX]);

/* Rows of cells under a header, columns as wide as their widest cell. Cells are the table's. */
struct text_table {
	size_t columns, n; /* n cells */
	char **cells;
};
#define _cleanup_table_ __attribute__((cleanup(text_table_cleanup)))
/* The next cell; row by row. Control characters are escaped. */
void text_cell(struct text_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_table_print(const struct text_table *t, const char *indent, FILE *out);
void text_table_cleanup(struct text_table *t);

#endif
