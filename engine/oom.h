/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's out-of-memory killer, called on a container: its memory limit goes below what it has for a moment, so that events, counters, the log and
 * the runtime say what they say when it runs out of memory itself (a SIGKILL would not be 'OOMKilled').
 */
#ifndef FAULTWIRE_OOM_H
#define FAULTWIRE_OOM_H

#include "engine/cgroup.h"
#include "engine/undo.h"

/*
 * Until the process of 'pidfd' is dead; the limits are as before afterwards. -EPERM when it lives: exempt by its oom_score_adj, or the killer is
 * disabled. On v1 CAP_SYS_RESOURCE keeps the killer from ours.
 */
int oom_kill(const struct cgroup *c, struct undo *u, int pidfd);

#endif
