/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests that touch the kernel: a network and mount namespace of their own with an empty /run and /var/lib, commands with their
 * output, and skips that give a reason.
 */
#ifndef FAULTWIRE_NATIVE_H
#define FAULTWIRE_NATIVE_H

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/error.h"

/* A fallible call that must succeed: its message is the test's. */
#define OK(call)                                                      \
	do {                                                          \
		struct error err = {};                                \
		int _r = (call);                                      \
		if (_r || err.code)                                   \
			fail_msg("%s: %d, '%s'", #call, _r, err.msg); \
	} while (0)

/* One that must fail with an errno and a text in its message. */
#define FAILS(errno_, text, call)                                                      \
	do {                                                                           \
		struct error err = {};                                                 \
		int _r = (call);                                                       \
		if (_r != -(errno_) || err.code != (errno_) || !strstr(err.msg, text)) \
			fail_msg("%s: %d, '%s'", #call, _r, err.msg);                  \
	} while (0)

#define HAS(string, text)                                     \
	do {                                                  \
		const char *_s = (string);                    \
		if (!strstr(_s, text))                        \
			fail_msg("no '%s' in: %s", text, _s); \
	} while (0)
#define HAS_NOT(string, text)                              \
	do {                                               \
		const char *_s = (string);                 \
		if (strstr(_s, text))                      \
			fail_msg("'%s' in: %s", text, _s); \
	} while (0)

#define SKIP(...)                                       \
	do {                                            \
		print_message("skipped: " __VA_ARGS__); \
		print_message("\n");                    \
		skip();                                 \
	} while (0)

/* Runs a shell command that must succeed; its output lasts until the next one. */
static inline const char *run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline const char *run(const char *fmt, ...)
{
	static char output[65536];
	char command[1024];
	va_list ap;
	size_t n;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	f = popen(command, "re");
	assert_non_null(f);
	n = fread(output, 1, sizeof(output) - 1, f);
	output[n] = '\0';
	if (pclose(f))
		fail_msg("'%s' failed: %s", command, output);
	return output;
}

/* A group setup. The namespaces end with the process. */
static inline int native_setup(void **state)
{
	(void)state;
	if (geteuid()) {
		print_message("must be root, to have namespaces\n");
		return -1;
	}
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/run", "tmpfs", 0, "mode=755") || mount("none", "/var/lib", "tmpfs", 0, "mode=755")) {
		print_message("cannot make namespaces: %s\n", strerror(errno));
		return -1;
	}
	return 0;
}

#endif
