/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract of the programs at the kernel's file hooks, beside abi.h, whose rules, calendars and control map (its entry 0, the node) they share
 * in form. A change of any layout here raises FW_FILE_ABI.
 *
 * A container with such faults has a slot of its own (1..FW_FILE_SLOTS; nothing to do with those of pods). An event's rules are
 *
 *     m = files[slot].methods[method] & the rules that hold for its path
 *
 * A path rule is anchors, directories by device and inode, and what may follow: a file is looked up from its own dentry upwards, and where an
 * anchor is met the names on the way decide (bpf/glob.h).
 */
#ifndef FAULTWIRE_FILE_ABI_H
#define FAULTWIRE_FILE_ABI_H

#include "bpf/abi.h"

#define FW_FILE_ABI 1

#define FW_FILE_SLOTS 256 /* containers with such faults on one node at once */
#define FW_FILE_DEPTH 64  /* directories above a file that are looked at */
#define FW_FILE_HITS 4    /* anchors on one file's way whose names are compared */
#define FW_FILE_ANCHORS 65536
#define FW_VERDICTS 4096 /* a power of two */
#define FW_METHOD_SLOTS 32

/* Pins: a directory a build below FW_PIN_ROOT, of this prefix. */
#define FW_FILE_PIN "files-"

/* What is done to a file, as faultwire.dev/io's "methods" name it; a mask of them has bit i for method i. */
enum fw_method {
	FW_METHOD_OPEN,
	FW_METHOD_READ,
	FW_METHOD_WRITE,
	FW_METHOD_FSYNC, /* fdatasync and sync_file_range too */
	FW_METHOD_GETATTR,
	FW_METHOD_SETATTR,
	FW_METHOD_CREATE,
	FW_METHOD_UNLINK,
	FW_METHOD_RENAME,
	FW_METHOD_MKDIR,
	FW_METHOD_RMDIR,
	FW_METHOD_LINK,
	FW_METHOD_SYMLINK,
	FW_METHOD_READLINK,
	FW_METHOD_READDIR,
	FW_METHOD_TRUNCATE,
	FW_METHOD_STATFS,
	FW_METHOD_MMAP,
	FW_METHOD_EXEC,
	FW_METHODS,
};

/* A container: map 'files', by slot; mapped by user code, for which abort and arming are a store. Its rules' errno is params[0]. */
struct fw_file {
	__u64 aborted;                  /* off for any value but 0 */
	__u64 disarmed;                 /* rules that wait to be armed */
	__u64 running;                  /* the kernel's: the container's own program has begun */
	__u64 methods[FW_METHOD_SLOTS]; /* rules that want each; all 0 = the slot is free */
	__u64 reserved[5];
};

/* A process as its namespace numbers it: map 'arming', to the slot whose container it is, or FW_PROBE. */
struct fw_task {
	__u32 pid;
	__u32 ns; /* the inode of its pid namespace */
};
#define FW_PROBE 0xffffffffU
#define FW_PROBE_ERRNO 51 /* EL2HLT, which no open(2) says */

/* Map 'anchors'. dev is the super block's, major << 20 | minor. */
struct fw_anchor_key {
	__u64 ino;
	__u32 dev;
	__u32 slot;
};

struct fw_anchor {
	__u64 whole; /* rules that hold for it and all below it */
	__u64 part;  /* rules that hold for what their names say (accepts) */
};

/* States of a rule's glob at an anchor: map 'accepts'. */
struct fw_accept_key {
	__u64 ino;
	__u32 dev;
	__u32 rule; /* slot * FW_RULES + rule */
};

#define FW_GLOB_STATES 128

struct fw_glob_set {
	__u64 w[FW_GLOB_STATES / 64];
};

/*
 * What follows an anchor, as a nondeterministic automaton that is run from a path's end to the anchor: state i is "all behind the first i
 * literals has been seen". Map 'globs', by slot * FW_RULES + rule, of those rules alone that need it; 4 kB each.
 */
struct fw_glob {
	struct fw_glob_set accept[256]; /* states that a character leads on from, to the one before */
	struct fw_glob_set stay[2];     /* states at a '*' or '**': on any other character than '/', on '/' */
	struct fw_glob_set skip;        /* states that '/' leads on from to the one before the one before as well */
	struct fw_glob_set end;         /* states at a path's end */
};

_Static_assert(FW_METHODS <= FW_METHOD_SLOTS, "methods");
_Static_assert(sizeof(struct fw_file) == 320, "fw_file");
_Static_assert(sizeof(struct fw_anchor_key) == 16 && sizeof(struct fw_accept_key) == 16, "keys have no holes");
_Static_assert(sizeof(struct fw_glob) == 16 * 260, "fw_glob");

#endif
