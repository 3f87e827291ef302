/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A container's supervisor: does what its plan has for a process to do (the system calls that its faults name, listener.h; acts by the clock, acts.h), until the container
 * has ended.
 */
#ifndef FAULTWIRE_SUPERVISOR_H
#define FAULTWIRE_SUPERVISOR_H

#include "engine/container.h"

struct supervisor;

#define SUPERVISOR_PIPE 3
#define SUPERVISOR_READY "ok" /* anything else is the reason why not */

/*
 * Makes the caller, forked for it, a process of its own: of what was open only 'pipe' is, as SUPERVISOR_PIPE. A runtime waits for the end of its
 * hooks' output, whoever holds it.
 */
void supervisor_detach(int pipe);
/*
 * Puts the container's plan into force, as the process that will be its supervisor: record and page written, the filter in its init.
 * c is begun (container_begin); on failure nothing is left, and init is untouched or killed (inject_filter).
 */
int supervisor_start(struct container *c, struct supervisor **ret, struct error *err);
/*
 * Works until the container has ended, and removes its files. Says SUPERVISOR_READY to SUPERVISOR_PIPE once all is at work; with nobody there to read
 * it, the container is killed. When nothing is left to do before its end, the files stay, for 'status'.
 */
_Noreturn void supervisor_run(struct supervisor *s);

/*
 * The same for a container that runs and has lost its supervisor: takes up its page, and its calls in these of its processes. On failure they are as
 * they were, or as those that were reached before are: to be called by a process that ends then. -EBUSY where somebody is at it.
 */
int supervisor_start_again(struct container *c, const pid_t *pids, size_t n, struct supervisor **ret, struct error *err);

#endif
