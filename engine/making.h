/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One system call made in another's place, on a duplicate of its descriptor: offset and flags are the file's, so they are shared; data goes through
 * a buffer of ours. It can be given up before anything has happened, and gone on with by another thread or process.
 *
 * Regular files, directories, block devices, pipes and internet sockets. What would not be the same for us (files of proc and its like, which look at
 * who writes; sockets that tell who sent) is left to the caller. The caller's RLIMIT_FSIZE is not looked at.
 */
#ifndef FAULTWIRE_MAKING_H
#define FAULTWIRE_MAKING_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/mistake.h"

#define MAKING_CHUNK (1U << 20) /* bytes at a time */
#define MAKING_BUFFER (MAKING_CHUNK + (1U << 16))

/* Zero behind the mistake to begin with; shared between workers. */
struct making {
	uint64_t id; /* of the latest notification: changes when a signal came between */
	uint32_t tid;
	struct seccomp_data call;
	struct mistake mistake;
	uint64_t progress; /* one word, so that a worker that is killed leaves it whole: see making.c */
	int64_t before;    /* the offset before a transfer that moves it, or -1 */
};

enum making_end {
	MAKING_DONE,      /* the result counts */
	MAKING_SUSPENDED, /* the caller was interrupted: to be gone on with when it calls again */
	MAKING_LEFT,      /* not ours to make; nothing has happened */
};

/* Whether there is a way for this call. */
bool making_knows(int nr);
/* A worker was killed in the midst of it: finds out what had happened. */
void making_recover(struct making *m);
/* Makes the call; blocks as long as it does. 'buffer' has MAKING_BUFFER bytes, page-aligned, and goes with m. */
enum making_end making_run(struct making *m, int listener, void *buffer, long *ret);

#endif
