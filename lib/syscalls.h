/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls of this architecture by name: numbers from the kernel's headers at build time, strace's groups, those that are
 * never faulted, and which of their arguments name a file. Errors and signals by name are here too.
 */
#ifndef FAULTWIRE_SYSCALLS_H
#define FAULTWIRE_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>

#define SYSCALLS_MAX 1024 /* numbers are below */

/* -ENOENT for what this architecture does not have. */
int syscalls_number(const char *name);
/* NULL when there is none. */
const char *syscalls_name(int number);
/* What a misspelt name was probably meant to be, a call or a group; NULL when nothing is near. */
const char *syscalls_nearest(const char *name);

/* The names of a group ("@file"), each with a space behind it, also ones that this architecture lacks; NULL = no such group. */
const char *syscalls_group(const char *name);
/* "@file, @network, ...", for messages. */
const char *syscalls_groups(void);

/* Why a call must not be faulted, as the end of a sentence; NULL = it may be. */
const char *syscalls_refused(const char *name);
/*
 * Those that can be made in another's place, on a duplicate of the descriptor in argument 0, with the same outcome; each with a space behind it
 * (engine/making.c makes them).
 */
const char *syscalls_made(void);
/* Whether programs get its answer from the vDSO as a rule, without a call. */
bool syscalls_is_vdso(const char *name);

/* Where a call names files: argument numbers, -1 = none. A path is relative to its 'dir', or to the working directory. */
struct syscalls_files {
	signed char dir[2], path[2];
	signed char fd; /* of calls that take no path */
};
/* false for a call that names no file. */
bool syscalls_files(const char *name, struct syscalls_files *ret);

/* "EIO" -> 5, "SIGTERM" or "TERM" -> 15; 0 = no such name. */
int syscalls_errno(const char *name);
int syscalls_signal(const char *name);
const char *syscalls_nearest_errno(const char *name);
const char *syscalls_nearest_signal(const char *name);
/* The name, or the number as text; buf is for that. */
const char *syscalls_errno_name(int number, char *buf, size_t n);
const char *syscalls_signal_name(int number, char *buf, size_t n);

#endif
