/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls that a supervisor holds back, by deadline, and decisions that their threads have yet to hear. A signal makes the kernel drop a
 * notification and, as a rule, begin the call again: the same thread's same call is then the same event, with the same deadline.
 */
#ifndef FAULTWIRE_HELD_H
#define FAULTWIRE_HELD_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct held {
	uint64_t due_ns; /* monotonic */
	uint32_t tid;
	struct seccomp_data call;
	struct seccomp_notif_resp answer; /* its id is the latest notification's */
	uint8_t signal;                   /* 0 = none */
};

#define HELD_OWED 64 /* decisions that are remembered; the oldest goes */

/* A heap by due_ns; owed is a ring. */
struct held_calls {
	struct held *heap;
	size_t n;
	struct held owed[HELD_OWED];
	size_t n_owed;
};

void held_push(struct held_calls *h, const struct held *call);
/* The one that is due first; undefined when n is 0. */
struct held held_pop(struct held_calls *h);
/* The answer did not reach the thread. */
void held_owe(struct held_calls *h, const struct held *call);
/*
 * Takes out what is held or owed of a thread: true, with *ret, if it was this very call. A thread makes one call at a time, so anything else
 * of it is over and forgotten.
 */
bool held_take(struct held_calls *h, const struct seccomp_notif *n, struct held *ret);

#endif
