/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Aborts that hold a pod's faults off, as the kernel programs see them.
 */
#ifndef FAULTWIRE_HELD_H
#define FAULTWIRE_HELD_H

#include "bpf/abi.h"
#include "engine/state.h"

struct held {
	bool node, experiment, pod;
};

/* *ret = NULL where no build ever loaded its programs and no pod has faults: nothing to hold. */
int held_control(struct fw_control **ret, struct error *err);

/* control may be NULL: nothing is in force then. */
struct held held_get(const struct fw_control *control, const struct state_pod *pod);
static inline bool held_any(struct held h)
{
	return h.node || h.experiment || h.pod;
}
/* "the abort of the node ('faultwire resume --all'), ..."; "" for none. The caller's. */
char *held_text(struct held h, const struct state_pod *pod);

#endif
