/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs and maps of the node: loaded once, pinned, opened by everybody after that. A pod costs a slot in the maps.
 */
#ifndef FAULTWIRE_BPF_H
#define FAULTWIRE_BPF_H

#include "bpf/abi.h"
#include "lib/error.h"
#include "lib/util.h"

/* The programs; names are pins and functions of net.bpf.c. */
enum bpf_prog { BPF_EGRESS, BPF_INGRESS, BPF_TO_IFB, BPF_STAMP, BPF_PROGS };

/* The maps that user code opens, by their pins. */
enum bpf_map_pin {
	BPF_SLOTS,
	BPF_RULES,
	BPF_CALENDARS,
	BPF_DNS,
	BPF_FIRST,
	BPF_HTTP,
	BPF_NAMES,
	BPF_LISTED,
	BPF_LEARNED,
	BPF_MAPS
};

struct bpf_node {
	char build[32]; /* this build's pin directory: "<abi>-<hash of the object>" */
	int progs[BPF_PROGS];
	int maps[BPF_MAPS]; /* slots and rules at once, the others as they are asked for (bpf_node_map) */
};

#define _cleanup_bpf_ __attribute__((cleanup(bpf_node_close)))
#define BPF_NODE_EMPTY                                                                         \
	{                                                                                      \
		.progs = { [0 ... BPF_PROGS - 1] = -1 }, .maps = { [0 ... BPF_MAPS - 1] = -1 } \
	}

/* The pin directory of the programs that this binary carries. */
const char *bpf_build(void);

/*
 * Opens this build's pins, loading and pinning them first where they are not there (under the state lock). -EPERM: not allowed to load; -ENOTSUP: bpffs
 * not mounted, or the kernel refuses the program (the verifier's last line is in the
 * message); each names the remedy.
 */
int bpf_node_load(struct bpf_node *ret, struct error *err);
/* Opens the pins of a build that is there (slots and rules only unless 'progs'); -ENOENT when it is not. */
int bpf_node_open(const char *build, bool progs, struct bpf_node *ret, struct error *err);
/* The fd of a map, which stays the node's. -ENOENT in a build that has none such. */
int bpf_node_map(struct bpf_node *node, enum bpf_map_pin map, int *ret, struct error *err);
void bpf_node_close(struct bpf_node *node);

/* Writes a slot's rules, then its tables (the tables are what makes it live); clear takes the tables away. */
int bpf_slot_set(const struct bpf_node *node, uint16_t slot, const struct fw_slot *tables, const struct fw_rule *rules,
		 size_t n_rules, struct error *err);
int bpf_slot_clear(const struct bpf_node *node, uint16_t slot, struct error *err);
int bpf_slot_get(const struct bpf_node *node, uint16_t slot, struct fw_slot *ret, struct error *err);
/* A rule as it is now, with its counters. */
int bpf_rule_get(const struct bpf_node *node, uint16_t slot, unsigned int rule, struct fw_rule *ret, struct error *err);

/* The control map of all builds, mapped: entry 0 the node, 1..FW_SLOTS the slots. -ENOENT when no build ever loaded here. */
int bpf_control_map(struct fw_control **ret, struct error *err);
void bpf_control_unmap(struct fw_control *control);

/* Removes pins of builds whose names are not in 'used' (n names), and with n = 0 all that we ever pinned. Under the lock. */
int bpf_unpin_unused(const char *const *used, size_t n, struct error *err);

/* A trial load of the programs without pinning: 0, or why not (doctor). */
int bpf_trial_load(struct error *err);

#endif
