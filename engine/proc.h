/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers of /proc/PID/status (Documentation/filesystems/proc.rst).
 */
#ifndef FAULTWIRE_PROC_H
#define FAULTWIRE_PROC_H

#include <stddef.h>
#include <sys/types.h>

struct proc_number {
	const char *key; /* "TracerPid" */
	int base;        /* 10, 16 */
	unsigned long long value;
};

/* Fills in the values of a process or thread; those that are not there stay. How many were, or -errno when there is no such process. */
int proc_status(pid_t pid, struct proc_number *numbers, size_t n);

#endif
