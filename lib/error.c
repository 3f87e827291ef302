// SPDX-License-Identifier: GPL-2.0-only
/*
 * The error object. Messages quote what strangers wrote and end up in terminals, logs and JSON, so control characters and broken
 * UTF-8 never get into one.
 */
#include "lib/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/util.h"

static bool is_control(const unsigned char *s, size_t n)
{
	return n == 1 ? *s < 0x20 || *s == 0x7f : n == 2 && s[0] == 0xc2 && s[1] < 0xa0;
}

static void make_printable(char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len;) {
		size_t n = util_utf8(s + i, len - i);

		if (n == 0)
			s[i++] = '?';
		else if (is_control((unsigned char *)s + i, n))
			memset(s + i, '?', n);
		i += n;
	}
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return -code;
	err->code = code;
	va_start(args, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, args);
	va_end(args);
	make_printable(err->msg);
	return -code;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char context[ERROR_MAX], was[ERROR_MAX];
	va_list args;

	if (!err)
		return -EINVAL;
	va_start(args, fmt);
	vsnprintf(context, sizeof(context), fmt, args);
	va_end(args);
	memcpy(was, err->msg, sizeof(was));
	return error_set(err, err->code, "%s: %s", context, was);
}
