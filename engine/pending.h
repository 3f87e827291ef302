/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls that a supervisor holds back, by deadline, and decisions that their threads have yet to hear. A signal makes the kernel drop a
 * notification and, as a rule, begin the call again: the same thread's same call is then the same event, with the same deadline.
 */
#ifndef FAULTWIRE_PENDING_H
#define FAULTWIRE_PENDING_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pending {
	uint64_t due_ns; /* monotonic */
	uint32_t tid;
	struct seccomp_data call;
	struct seccomp_notif_resp answer; /* its id is the latest notification's */
	uint8_t signal;                   /* 0 = none */
};

#define PENDING_OWED 64 /* decisions that are remembered; the oldest goes */

/* A heap by due_ns; owed is a ring. */
struct pending_calls {
	struct pending *heap;
	size_t n;
	struct pending owed[PENDING_OWED];
	size_t n_owed;
};

void pending_push(struct pending_calls *h, const struct pending *call);
/* The one that is due first; undefined when n is 0. */
struct pending pending_pop(struct pending_calls *h);
/* The answer did not reach the thread. */
void pending_owe(struct pending_calls *h, const struct pending *call);
/*
 * Takes out what is held or owed of a thread: true, with *ret, if it was this very call. A thread makes one call at a time, so anything else
 * of it is over and forgotten.
 */
bool pending_take(struct pending_calls *h, const struct seccomp_notif *n, struct pending *ret);

#endif
