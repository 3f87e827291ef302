/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What rules have beyond their fw_rule, each kind in a map of its own by slot * FW_RULES + rule: written before the slot goes live, removed
 * after it is cleared.
 */
#ifndef FAULTWIRE_EXTRA_H
#define FAULTWIRE_EXTRA_H

#include "engine/bpf.h"
#include "lib/plan.h"

/* -E2BIG when a map of the node is full. */
int extra_set(struct bpf_node *node, uint16_t slot, const struct plan_rules *rules, struct error *err);
/* What is not there is success: an ADD that was killed may have come to any of them. Goes on after a failure and returns the first. */
int extra_clear(struct bpf_node *node, uint16_t slot, const struct plan_rules *rules, struct error *err);

#endif
