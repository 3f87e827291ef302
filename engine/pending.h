/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls that a supervisor holds back, by deadline, and decisions that their threads have yet to hear. A signal makes the kernel drop a
 * notification and, as a rule, begin the call again: the same thread's same call is then the same event, with the same deadline.
 *
 * What is held back is in memory that outlives the worker which wrote it, so that the next one goes on with it.
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
	struct seccomp_notif_resp answer; /* its id is the latest notification's; 0 = this slot is free */
	uint64_t exit_ns, until_ns;       /* the delay behind the call, which ends at 'until' (monotonic) at the latest */
	uint64_t draw;                    /* of a mistake's places */
	uint8_t signal;                   /* 0 = none */
	uint8_t mistake;                  /* the rule whose mistake it gets, + 1 */
	bool to_make, made;               /* in the caller's place; has been */
	bool sending;                     /* its answer may have been sent, by a worker that died of it */
};

#define PENDING_SLOTS 32768 /* as many threads may wait; 4 MB of addresses, of which only what is in use takes memory */
#define PENDING_OWED 64     /* decisions that are remembered; the oldest goes */

/* Shared between workers, zeroed to begin with. */
struct pending_store {
	uint32_t n_used; /* slots from here on were never used */
	struct pending slots[PENDING_SLOTS];
};

/* A worker's view of it: a heap of slots by due_ns, free slots, and a ring of what is owed. */
struct pending_calls {
	struct pending_store *store;
	uint32_t *heap, *free;
	size_t n, n_free;
	struct pending owed[PENDING_OWED];
	size_t n_owed;
};

/* Takes up what is in the store. */
void pending_open(struct pending_calls *h, struct pending_store *store);
void pending_close(struct pending_calls *h);
/* -ENOSPC when too many are held back already. */
int pending_push(struct pending_calls *h, const struct pending *call);
/* The one that is due first; NULL when there is none. */
struct pending *pending_first(const struct pending_calls *h);
/* Takes that out; undefined when there is none. */
struct pending pending_pop(struct pending_calls *h);
/* Whether a notification is held back. */
bool pending_has(const struct pending_calls *h, uint64_t id);
/* The answer did not reach the thread. */
void pending_owe(struct pending_calls *h, const struct pending *call);
/*
 * Takes out what is held or owed of a thread: true, with *ret, if it was this very call. A thread makes one call at a time, so anything else
 * of it is over and forgotten, but for results of calls that have been made: they are owed until their call comes again.
 */
bool pending_take(struct pending_calls *h, const struct seccomp_notif *n, struct pending *ret);

#endif
