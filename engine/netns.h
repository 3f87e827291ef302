/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Going into a pod's network namespace and back.
 */
#ifndef FAULTWIRE_NETNS_H
#define FAULTWIRE_NETNS_H

#include "lib/error.h"
#include "lib/util.h"

struct netns {
	int self; /* where we came from; -1 = not entered */
};

#define _cleanup_netns_ __attribute__((cleanup(netns_leave)))

/* Opens a path and checks that it is a network namespace (-EINVAL otherwise, -ENOENT when it is gone). The fd is the caller's. */
int netns_open(const char *path, int *ret_fd, struct error *err);
/* Whether it is the one that this thread is in: the node's. */
bool netns_is_own(int fd);
/* Moves this thread into it; netns_leave (a no-op on { -1 }) brings it back. */
int netns_enter(int fd, struct netns *ret, struct error *err);
void netns_leave(struct netns *ns);

#endif
