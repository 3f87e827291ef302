/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is done to a container by the clock: killed, frozen, out of memory, ended at its start, limited. A source of its supervisor's worker.
 */
#ifndef FAULTWIRE_ACTS_H
#define FAULTWIRE_ACTS_H

#include "engine/container.h"
#include "engine/keeper.h"

struct acts;

/*
 * Looks at all that the acts need, so that what cannot be done fails the container's creation: its cgroup, the devices of paths below c->rootfs. The
 * container, its page, which the caller has locked (undo_lock), and the node's word (container_node_open) must live as long.
 */
int acts_open(const struct container *c, struct container_page *page, const uint64_t *node_aborted, struct acts **ret,
	      struct error *err);
struct keeper_source acts_source(struct acts *a);

/* The container's program begins: what is due at its start is done. Returns the code that it is to end with, -1 = it may run. (birth.h) */
int acts_born(void *acts);

/* Whether some act needs this beside what every supervisor keeps: v1's memory killer. */
bool acts_need_resource_capability(const struct acts *a);

#endif
