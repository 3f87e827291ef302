/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What acts changed in cgroups and how it was, in <id>.undo beside the container's record: written before the change, so that whoever comes next can
 * put back what a dead supervisor left. A supervisor holds its page's lock for as long as one of its two halves lives.
 */
#ifndef FAULTWIRE_UNDO_H
#define FAULTWIRE_UNDO_H

#include "engine/cgroup.h"
#include "lib/error.h"

/* A file, or a device's line of it. It is ours while it says 'want' or, until that is written, 'was'; anything else somebody else wrote, and it stays. */
struct undo_entry {
	char *file, *key;
	uint64_t id;   /* cgroup_id */
	char *former;  /* what cgroup_read() said */
	char *restore; /* what is to be written for that */
	char *want, *was;
};

struct undo {
	char *container;
	struct undo_entry *entries;
	size_t n;
};
#define _cleanup_undo_ __attribute__((cleanup(undo_cleanup)))

/* The entries of a container; empty when there is no file of them. */
int undo_load(const char *container, struct undo *ret, struct error *err);

/*
 * Makes a file say 'want', the record of how it was first. 'restore': what to write so that it says again what it says now; NULL = just that. What is ours
 * already is changed, what it was before us stays. -errno of the write: nothing is changed then, nor on record.
 */
int undo_set(struct undo *u, const char *file, const char *key, const char *restore, const char *want);
/* What the file said before us, or says, when it is not ours. */
int undo_former(const struct undo *u, const char *file, const char *key, char ret[CGROUP_TEXT_MAX]);
bool undo_has(const struct undo *u, const char *file, const char *key);
/* Puts one file back, unless somebody else has written to it since. */
void undo_put_back(struct undo *u, const char *file, const char *key);
/* All of them, and removes the record. */
void undo_put_back_all(struct undo *u);
void undo_cleanup(struct undo *u);

/* Locks the page for the caller's descriptor and what inherits it. -EBUSY: a supervisor lives. */
int undo_lock(int page_fd);
/* Puts back what a container's supervisor left, if it is dead: 0, -ENOENT when it left nothing, -EBUSY. */
int undo_orphan(const char *container);
/* All of those. */
void undo_sweep(void);

/* Where systemd is PID 1: has it run undo_orphan() in so many ns, whatever becomes of us; and takes that back. Best effort. */
void undo_arm(const char *container, uint64_t in_ns);
void undo_disarm(const char *container);

#endif
