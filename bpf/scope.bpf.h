// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose process it is: a container's by its cgroup, or one above it. What that comes to is remembered for each cgroup, so that all others pay one
 * look.
 */
#ifndef FAULTWIRE_SCOPE_BPF_H
#define FAULTWIRE_SCOPE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/file_abi.h"
#include "bpf/kernel.bpf.h"

#define CGROUP_DEPTH 24

/* The node's containers are counted in a cgroup v1 hierarchy. */
const volatile __u32 fw_cgroup_v1;
/* Raised, by user code too, with every change of 'scopes': verdicts of another are void. */
__u64 fw_generation;

/* A container's cgroup -> its slot. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4 * FW_FILE_SLOTS);
	__type(key, __u64);
	__type(value, __u32);
} fw_scopes SEC(".maps");

/* Any cgroup -> the slot that counts in it; one word, so that no mixture is ever read: a check of cgroup and generation, and the slot. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FW_VERDICTS);
	__type(key, __u32);
	__type(value, __u64);
} fw_verdicts SEC(".maps");

static __always_inline __u64 scope_cgroup(void)
{
	struct task_struct *task;

	if (!fw_cgroup_v1)
		return bpf_get_current_cgroup_id();
	task = bpf_get_current_task_btf();
	return task->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id)]->cgroup->kn->id;
}

static __always_inline __u32 scope_at(__u64 cgroup)
{
	const __u32 *slot = bpf_map_lookup_elem(&fw_scopes, &cgroup);

	return slot ? *slot : 0;
}

/* The nearest one's, upwards. */
__attribute__((noinline)) int scope_find(void)
{
	__u32 slot = 0;

	if (fw_cgroup_v1) {
		struct task_struct *task = bpf_get_current_task_btf();
		struct cgroup *c = task->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id)]->cgroup;

		for (int i = 0; i < CGROUP_DEPTH && !slot; i++) {
			struct cgroup_subsys_state *above = c->self.parent;

			slot = scope_at(c->kn->id);
			if (!above)
				break;
			c = above->cgroup;
		}
		return slot;
	}
	for (int level = 1; level < CGROUP_DEPTH; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);
		__u32 found;

		if (!id)
			break;
		found = scope_at(id);
		if (found)
			slot = found;
	}
	return slot;
}

#define SLOT_BITS 16

static __always_inline __u32 scope_slot(void)
{
	__u64 cgroup = scope_cgroup(), check = (cgroup + fw_generation * 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL;
	__u32 key = cgroup & (FW_VERDICTS - 1), slot;
	__u64 *verdict = bpf_map_lookup_elem(&fw_verdicts, &key);
	__u64 word = verdict ? *(volatile __u64 *)verdict : 0;

	check |= (1 << SLOT_BITS) - 1;
	if ((word | ((1 << SLOT_BITS) - 1)) == check && word)
		return word & ((1 << SLOT_BITS) - 1);
	slot = scope_find();
	if (verdict)
		*(volatile __u64 *)verdict = (check & ~((1ULL << SLOT_BITS) - 1)) | slot;
	return slot;
}

#endif
