/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the engine: the ops of a plan as the kernel knows them, each with its apply, revert and check.
 */
#ifndef FAULTWIRE_OPS_H
#define FAULTWIRE_OPS_H

#include "engine/bpf.h"
#include "engine/engine.h"
#include "engine/tc.h"

/* One pod interface while a plan is carried out, undone or compared: the thread is in its namespace. */
struct ops_pod {
	struct state_pod *pod;
	struct bpf_node node;
	struct tc tc;
	int ifindex;            /* 0 = namespace or interface are gone: only what is outside is undone */
	int ifb;                /* the ifb's, once it is known */
	struct fw_slot *tables; /* to apply */
	bool left;              /* ops_apply failed, and so did undoing what it had done */
};

/* Ops in order; on failure those that were done, and the one that failed, are undone in reverse. */
int ops_apply(struct ops_pod *p, struct error *err);
/* All in reverse; what is not there is success. Goes on after a failure and returns the first. */
int ops_revert(struct ops_pod *p, struct error *err);
/* -ESTALE naming what is missing. */
int ops_check(struct ops_pod *p, struct error *err);

#endif
