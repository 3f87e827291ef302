/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Targets -> the slot's interval tables: for each value of an address or a port, which rules want it. Exceptions and the node's own
 * addresses are cut out here, so that the kernel asks nothing but "which interval".
 */
#ifndef FAULTWIRE_MATCH_H
#define FAULTWIRE_MATCH_H

#include "lib/plan.h"

/*
 * Fills *ret (all of it) for up to FW_RULES rules. node: addresses cut out of every rule without include_node.
 * -E2BIG when a table needs more than FW_INTERVALS intervals, saying which and how to have fewer.
 */
int match_compile(const struct plan_rules *rules, const struct fault_prefix *node, size_t n_node, struct fw_slot *ret,
		  struct error *err);

/*
 * The rules of a slot that a packet would meet: what the kernel program computes before it asks what hosts have learned, for tests and
 * dry runs. Ports in host order; -1 = the packet has none.
 */
uint64_t match_lookup(const struct fw_slot *slot, enum fw_dir dir, enum fw_protocol protocol, const uint8_t remote[16], int sport,
		      int dport);

#endif
