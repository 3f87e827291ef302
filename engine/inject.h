/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gives another process a seccomp filter whose listener is ours: it installs the filter itself, made to by ptrace.
 */
#ifndef FAULTWIRE_INJECT_H
#define FAULTWIRE_INJECT_H

#include <linux/filter.h>
#include <sys/types.h>

#include "lib/error.h"

/*
 * To be called by the thread that stays: while we are attached, the process dies with us (EXITKILL), for it would hold its own
 * listener and hang. On success it goes on where it was, with the signals that came meanwhile, and *ret_listener is the caller's.
 * On failure it is as it was, or killed if anything had been done to it. -EPERM where it may not be traced, -EBUSY where a filter with a
 * listener is there already.
 */
int inject_filter(pid_t pid, const struct sock_fprog *filter, int *ret_listener, struct error *err);

/*
 * The same to a program that runs, all its threads, whose earlier listener is gone: on failure it goes on as it was. The kernel says -EACCES where
 * no_new_privs is not set.
 */
int inject_again(pid_t pid, const struct sock_fprog *filter, int *ret_listener, struct error *err);

#endif
