/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of each thread, for rules that count so, as strace does.
 */
#ifndef FAULTWIRE_TALLY_H
#define FAULTWIRE_TALLY_H

#include <stddef.h>
#include <stdint.h>

#define TALLY_MAX 65536 /* counts; 1 MB when all are in use, then all begin anew */

/* A hash table; empty to begin with. What its thread has left behind is a new thread's of the same id: nobody tells us of its end. */
struct tally {
	struct tally_entry {
		uint64_t key, n; /* key 0 = free */
	} * entries;
	size_t size, used; /* a power of two */
};

/* The count of a thread at a rule, 0 at first; valid until the next call. */
uint64_t *tally_of(struct tally *t, uint32_t tid, uint32_t rule);

#endif
