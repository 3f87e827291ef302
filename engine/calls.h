/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the supervisor needs to know of an intercepted call: the filter that intercepts, and the file that a call names.
 */
#ifndef FAULTWIRE_CALLS_H
#define FAULTWIRE_CALLS_H

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "lib/plan.h"
#include "lib/syscalls.h"

/* The calls of a rule, a bit each. */
struct calls_set {
	uint64_t bits[SYSCALLS_MAX / 64];
};

static inline bool calls_has(const struct calls_set *s, unsigned int nr)
{
	return nr < SYSCALLS_MAX && (s->bits[nr / 64] >> nr % 64 & 1);
}

/* The names of a rule; those that this architecture lacks are left out. */
void calls_resolve(const char *names, struct calls_set *ret);

/*
 * A filter with one answer (SECCOMP_RET_...) to these calls and another to all others, also to those of a foreign architecture (int 0x80). *ret is
 * the caller's.
 */
void calls_filter(const struct calls_set *set, uint32_t these, uint32_t others, struct sock_filter **ret, size_t *ret_n);

/* Of a path as the container sees it, '.' and '..' resolved as text, links not; a descriptor's is where its file is now. */
typedef bool (*calls_path_fn)(const char *path, const void *data);

/*
 * Whether a call names a file whose path 'is' so. What is read of the process counts only while the notification is valid, which the caller
 * asks afterwards.
 */
bool calls_any_path(const struct seccomp_notif *n, calls_path_fn is, const void *data);
/* The same of the file whose descriptor is in an argument. */
bool calls_descriptor_path(const struct seccomp_notif *n, unsigned int argument, calls_path_fn is, const void *data);
/* Whether one of the paths matches a glob. */
bool calls_match_path(const struct seccomp_notif *n, const char *glob);

#endif
