/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The system calls of a container that its faults name: they are intercepted, and answered from the first one after the container's own
 * program has been exec'd, until nobody is left who could make them. A delay is a deadline, never a sleep.
 */
#ifndef FAULTWIRE_LISTENER_H
#define FAULTWIRE_LISTENER_H

#include "engine/container.h"
#include "engine/keeper.h"

struct listener;

/*
 * Puts the filter into the container's init. The container, its page and the node's word must live as long. On failure nothing is left, and init is untouched or
 * killed (inject_filter).
 */
int listener_open(const struct container *c, struct container_page *page, const uint64_t *node_aborted, struct listener **ret,
		  struct error *err);
/* To one process of a container that runs, whose listener is gone; on failure it is as it was. */
int listener_open_again(const struct container *c, struct container_page *page, const uint64_t *node_aborted, pid_t pid,
			struct listener **ret, struct error *err);
/* Gives the keeper what its worker waits for. */
void listener_watch(struct listener *l, struct keeper *k);

#endif
