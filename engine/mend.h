/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Containers that have lost both halves of their supervisor at once: their intercepted calls fail, until a new one gets a listener of its own into
 * each of their processes. The kernel allows that where no_new_privs is set, or to a process with CAP_SYS_ADMIN.
 */
#ifndef FAULTWIRE_MEND_H
#define FAULTWIRE_MEND_H

#include "engine/container.h"

/* Whether a container has calls to answer, lives, and has nobody to answer them. */
bool mend_is_orphan(const struct container *c);
/* Whether it can be mended, as far as can be seen without touching it. */
bool mend_is_possible(const struct container *c);
/* Mends what can be, each by a process that stays on as its supervisor. */
void mend_sweep(void);

#endif
