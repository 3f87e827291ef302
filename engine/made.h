/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls that are made in their callers' place, each on a thread of its own: one that stalls holds nobody else. A caller that is interrupted
 * meanwhile and calls again gets the one result; nothing is done twice, and what was read for it is kept until then.
 *
 * What is under way is in memory that outlives its worker, so that the next one goes on with it.
 */
#ifndef FAULTWIRE_MADE_H
#define FAULTWIRE_MADE_H

#include "engine/making.h"
#include "engine/pending.h"

#define MADE_JOBS 256 /* at a time */

struct made;

/* For this notification descriptor. NULL when out of descriptors or memory. */
struct made *made_new(int listener);
/* A new worker takes up what is under way. */
void made_open(struct made *m);
/* Polled to be read when there is something for made_next. */
int made_fd(const struct made *m);
/* Whether a notification is that of a call under way. */
bool made_has(const struct made *m, uint64_t id);
/* A thread begins to make it. -EAGAIN when as many are under way already. */
int made_begin(struct made *m, const struct pending *call, const struct mistake *mistake);
/*
 * A notification has come: true when it is one of these calls again, which then goes on. Any other call of the same thread means that it was
 * interrupted.
 */
bool made_again(struct made *m, const struct seccomp_notif *n);
/* The next that has come to an end, with its answer (let through when it could not be made), until it is released; false = none. */
bool made_next(struct made *m, struct pending *ret, size_t *ret_job);
void made_release(struct made *m, size_t job);

#endif
