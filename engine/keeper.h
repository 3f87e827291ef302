/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What outlives a kill: two processes, a worker that waits for its sources and a keeper that waits for the worker's death and makes another, which
 * goes on with what is in shared memory. A worker whose keeper dies makes another keeper. Descriptors are closed only once both are gone.
 */
#ifndef FAULTWIRE_KEEPER_H
#define FAULTWIRE_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KEEPER_NEVER UINT64_MAX
#define KEEPER_SOURCES 32

/* Something that a worker waits for. What is at 'data' is each worker's own copy; what it hands on must be in memory that is shared. */
struct keeper_source {
	int fd; /* polled to be read; -1 = none */
	void *data;
	/* A new worker begins, maybe after one that was killed anywhere. NULL = nothing to do. */
	void (*begin)(void *data);
	/* When to be woken at the latest, monotonic; KEEPER_NEVER. */
	uint64_t (*due_ns)(const void *data);
	/* Woken, whatever by: 'events' are poll's for its descriptor, 0 = none. True when the source is over: it is not asked again. */
	bool (*wake)(void *data, short events);
};

struct keeper {
	struct keeper_source sources[KEEPER_SOURCES];
	size_t n_sources;
	int watch; /* an inotify instance that wakes a worker; -1 = they look for themselves every few milliseconds */
	void *data;
	/* Both are at work, the worker as this process: what has time until then. In one that was made by such a process it has been done. */
	void (*settled)(void *data, pid_t worker);
	void (*begun)(void *data); /* the sources of a new worker have begun, in which it is called */
	void (*taken)(void *data); /* the calling process is the keeper now, in place of a dead one */
	void (*ended)(void *data); /* all sources are over; called once, by the keeper */
};

/* Memory that all of them see, zeroed. NULL when there is none. */
void *keeper_share(size_t n);

/* The caller becomes the keeper. */
_Noreturn void keeper_run(struct keeper *k);

#endif
