/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pod's names in the maps of the node. They are found by the slot's generation, which is never given twice: what a killed run
 * left behind matches nothing.
 */
#ifndef FAULTWIRE_NAMES_H
#define FAULTWIRE_NAMES_H

#include "engine/bpf.h"
#include "lib/hosts.h"

/* Before the slot goes live. -ENOSPC when the node's maps are full. */
int names_set(struct bpf_node *node, uint64_t generation, const struct hosts_tables *tables, struct error *err);
/* What is not there is success. */
int names_clear(struct bpf_node *node, uint64_t generation, const struct hosts_tables *tables, struct error *err);
/* How many addresses each rule of a pod has learned and not forgotten. -errno when the map cannot be read. */
int names_count(struct bpf_node *node, uint64_t generation, size_t ret[FW_RULES], struct error *err);

#endif
