/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What keeps a supervisor to its work, and it from being kept from it: out of the cgroups that it was started in, whose limits, freezer and end
 * are somebody else's; and a filter on its own system calls.
 */
#ifndef FAULTWIRE_CONFINE_H
#define FAULTWIRE_CONFINE_H

#include <sys/types.h>

#include "engine/calls.h"

/*
 * Moves a process to the root cgroup of each hierarchy that is mounted, or, where that may hold none (the root of a cgroup namespace), to one
 * of ours below it. What cannot be done is left.
 */
void confine_cgroup(pid_t pid);
/* Removes the cgroup of ours if nobody is in it any more. */
void confine_tidy(void);

/* From here on the process makes the calls of a supervisor alone; all others fail with EPERM. No new privileges must be set. */
int confine_calls(void);
/* Those. */
void confine_allowed(struct calls_set *ret);

#endif
