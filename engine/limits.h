/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits of a container's cgroup as its files have them: which files a limit is in, and what they are to say, given what they said.
 */
#ifndef FAULTWIRE_LIMITS_H
#define FAULTWIRE_LIMITS_H

#include "engine/cgroup.h"
#include "lib/plan.h"

enum limit_kind { LIMIT_CPU, LIMIT_MEMORY, LIMIT_PIDS, LIMIT_RBPS, LIMIT_WBPS, LIMIT_RIOPS, LIMIT_WIOPS, LIMIT_KINDS };

/* One number of a rule. */
uint64_t limits_value(const struct fault_resource *l, enum limit_kind kind);
/* Its file in a cgroup; the caller's (free). */
char *limits_file(const struct cgroup *c, enum limit_kind kind);
enum cgroup_control limits_control(enum limit_kind kind);

/*
 * What the file, or its line of device 'key' ("" for files without), is to say so that the limit is 'value', from what it says ('there', which may be ''
 * for a device without limits) and, for v1's cpu, its period. False where it is as low already: a limit may only lower.
 */
bool limits_text(bool v1, enum limit_kind kind, const char *key, const char *there, uint64_t period_us, uint64_t value,
		 char ret[CGROUP_TEXT_MAX]);
/* What is to be written so that it says 'there' again; NULL = just that. 'buf' is for it. */
const char *limits_restore(bool v1, enum limit_kind kind, const char *key, const char *there, char buf[CGROUP_TEXT_MAX]);

#endif
