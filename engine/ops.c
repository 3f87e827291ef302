// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of ops.
 */
#include "engine/ops.h"

#include <errno.h>

#include "engine/extra.h"
#include "engine/names.h"

static int ifb_index(struct ops_pod *p, int *ret, struct error *err)
{
	char name[ENGINE_IFB_MAX];
	int r = 0;

	engine_ifb_name(p->ifindex, name);
	if (!p->ifb)
		r = tc_link_index(&p->tc, name, &p->ifb, err);
	if (!r)
		*ret = p->ifb;
	return r;
}

/* The interface whose root shapes a direction. */
static int shaped_index(struct ops_pod *p, enum fw_dir dir, int *ret, struct error *err)
{
	if (dir == FW_INGRESS)
		return ifb_index(p, ret, err);
	*ret = p->ifindex;
	return 0;
}

static uint64_t disarmed_mask(const struct plan_rules *rules)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < rules->n_rules; i++)
		if (!rules->rules[i].armed)
			mask |= 1ULL << i;
	return mask;
}

/* A node that is aborted stays so for programs that were loaded just now. */
static int control_set(uint16_t slot, bool aborted, uint64_t disarmed, struct error *err)
{
	struct fw_control *control;
	int r = bpf_control_map(&control, err);

	if (r)
		return r;
	if (state_abort_get(""))
		control[0].aborted = 1;
	control[slot].disarmed = disarmed;
	control[slot].aborted = aborted;
	bpf_control_unmap(control);
	return 0;
}

static int hosts_apply(struct ops_pod *p, const struct plan_rules *rules, struct error *err)
{
	_cleanup_hosts_ struct hosts_tables hosts = {};
	int r = hosts_compile(rules, &hosts, err);

	p->tables->generation = p->pod->created_mono_ns;
	return r ? r : names_set(&p->node, p->pod->created_mono_ns, &hosts, err);
}

static int hosts_revert(struct ops_pod *p, const struct plan_rules *rules, struct error *err)
{
	_cleanup_hosts_ struct hosts_tables hosts = {};
	int r = hosts_compile(rules, &hosts, err);

	return r ? r : names_clear(&p->node, p->pod->created_mono_ns, &hosts, err);
}

static int rules_apply(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	const struct state_pod *pod = p->pod;
	bool aborted = pod->experiment[0] && state_abort_get(pod->experiment);
	struct fw_rule rules[FW_RULES];
	int r = control_set(pod->slot, aborted, disarmed_mask(&op->rules), err);

	if (r)
		return r;
	for (size_t i = 0; i < op->rules.n_rules; i++) {
		rules[i] = op->rules.rules[i].rule;
		rules[i].start_ns += pod->created_mono_ns;
		/* windows by the clock are the clock's own: 'start' only holds them back, and does not step with it */
		if (rules[i].flags & FW_RULE_WALL) {
			rules[i].not_before_ns = rules[i].start_ns;
			rules[i].start_ns = 0;
		}
	}
	r = extra_set(&p->node, pod->slot, &op->rules, err);
	if (!r && hosts_any(&op->rules))
		r = hosts_apply(p, &op->rules, err);
	return r ? r : bpf_slot_set(&p->node, pod->slot, p->tables, rules, op->rules.n_rules, err);
}

static int rules_revert(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	int r;

	if (p->node.maps[BPF_SLOTS] < 0)
		return 0;
	r = bpf_slot_clear(&p->node, p->pod->slot, err);
	if (!r)
		r = extra_clear(&p->node, p->pod->slot, &op->rules, err);
	if (!r && hosts_any(&op->rules))
		r = hosts_revert(p, &op->rules, err);
	return r ? r : control_set(p->pod->slot, false, 0, err);
}

static int rules_check(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	_cleanup_free_ struct fw_slot *slot = util_alloc(1, sizeof(*slot));

	(void)op;
	if (p->node.maps[BPF_SLOTS] < 0)
		return error_set(err, ESTALE, "the pins of build '%s' are gone", p->pod->build);
	if (bpf_slot_get(&p->node, p->pod->slot, slot, err))
		return -ESTALE;
	if (!(slot->rules[FW_EGRESS] | slot->rules[FW_INGRESS]))
		return error_set(err, ESTALE, "slot %u of the node's programs is empty", p->pod->slot);
	return 0;
}

static int offload_apply(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	bool old;
	int r = tc_link_tx_checksum(p->pod->ifname, false, &old, err);

	(void)op;
	return r == -EOPNOTSUPP ? 0 : r; /* a device without the feature computes checksums early already */
}

static int offload_revert(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	bool old;
	int r;

	(void)op;
	if (!p->ifindex || !p->pod->tx_checksum_was)
		return 0;
	r = tc_link_tx_checksum(p->pod->ifname, true, &old, err);
	return r == -EOPNOTSUPP ? 0 : r;
}

static int segments_apply(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	uint32_t old;

	(void)op;
	return tc_link_gso_segs(&p->tc, p->ifindex, 1, &old, err);
}

static int segments_revert(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	uint32_t old;

	(void)op;
	return p->ifindex && p->pod->gso_segs_was ? tc_link_gso_segs(&p->tc, p->ifindex, p->pod->gso_segs_was, &old, err) : 0;
}

static int ifb_apply(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	char name[ENGINE_IFB_MAX];

	(void)op;
	engine_ifb_name(p->ifindex, name);
	return tc_ifb_add(&p->tc, name, &p->ifb, err);
}

static int ifb_revert(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	char name[ENGINE_IFB_MAX];

	(void)op;
	engine_ifb_name(p->ifindex, name);
	return p->ifindex ? tc_ifb_del(&p->tc, name, err) : 0;
}

static int ifb_check(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	int index;

	(void)op;
	return ifb_index(p, &index, err) ? -ESTALE : 0;
}

static int root_apply(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	int index, r = shaped_index(p, op->root, &index, err);

	return r ? r : tc_root_add(&p->tc, index, err);
}

static int root_revert(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	return p->ifindex && op->root == FW_EGRESS ? tc_root_del(&p->tc, p->ifindex, err) : 0; /* an ifb takes its root along */
}

static int root_check(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	char kind[16];
	uint32_t handle = 0;
	int index, r = shaped_index(p, op->root, &index, err);

	if (!r)
		r = tc_root_get(&p->tc, index, kind, &handle, err);
	if (r)
		return -ESTALE;
	return handle == FW_ROOT_MAJOR ? 0 : error_set(err, ESTALE, "our root qdisc (%s) is gone", plan_dir_names[op->root]);
}

static int leaf_apply(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	int index, r = shaped_index(p, op->leaf.dir, &index, err);

	return r ? r : tc_leaf_add(&p->tc, index, &op->leaf, err);
}

static int clsact_ensure(struct ops_pod *p, struct error *err)
{
	return p->pod->clsact_found ? 0 : tc_clsact_add(&p->tc, p->ifindex, err);
}

/* On the pod's interface others may have filters where clsact is not ours. */
static int attach_pod(struct ops_pod *p, enum fw_dir dir, uint16_t pref, enum bpf_prog prog, int ifb, struct error *err)
{
	int r = p->pod->clsact_found ? tc_filter_preference(&p->tc, p->ifindex, dir, &pref, err) : 0;

	return r ? r : tc_filter_add(&p->tc, p->ifindex, dir, pref, p->node.progs[prog], p->pod->slot, ifb, err);
}

static int attach_ifb(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	int index, r = ifb_index(p, &index, err);

	if (!r)
		r = tc_link_up(&p->tc, index, err);
	if (!r && op->attach.stamp) {
		r = tc_clsact_add(&p->tc, index, err);
		if (!r)
			r = tc_filter_add(&p->tc, index, FW_EGRESS, 1, p->node.progs[BPF_STAMP], p->pod->slot, 0, err);
	}
	return r ? r : attach_pod(p, FW_INGRESS, 2, BPF_TO_IFB, index, err);
}

/* From the inside out: nothing is chosen before the way that it then goes stands. */
static int attach_apply(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	static const enum bpf_prog progs[FW_DIRS] = { [FW_EGRESS] = BPF_EGRESS, [FW_INGRESS] = BPF_INGRESS };
	int r = clsact_ensure(p, err);

	if (!r && op->attach.ifb)
		r = attach_ifb(p, op, err);
	for (int dir = FW_DIRS - 1; !r && dir >= 0; dir--)
		if (op->attach.dirs & 1U << dir)
			r = attach_pod(p, dir, 1, progs[dir], 0, err);
	return r;
}

static int attach_revert(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	int r = 0;

	if (!p->ifindex)
		return 0;
	for (int dir = 0; !r && dir < FW_DIRS; dir++)
		if (op->attach.dirs & 1U << dir)
			r = tc_filter_del(&p->tc, p->ifindex, dir, err);
	return r || p->pod->clsact_found ? r : tc_clsact_del(&p->tc, p->ifindex, err);
}

static int attach_check(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	for (int dir = 0; dir < FW_DIRS; dir++) {
		unsigned int n = 0, want = 1 + (dir == FW_INGRESS && op->attach.ifb);
		uint32_t prog_id;
		uint16_t slot = 0;

		if (!(op->attach.dirs & 1U << dir))
			continue;
		if (tc_filter_get(&p->tc, p->ifindex, dir, &n, &slot, &prog_id, err))
			return -ESTALE;
		if (n != want || slot != p->pod->slot)
			return error_set(err, ESTALE, "%u of our %u filters (%s) are on '%s'", n, want, plan_dir_names[dir],
					 p->pod->ifname);
	}
	return 0;
}

static int nothing(struct ops_pod *p, const struct plan_op *op, struct error *err)
{
	(void)p;
	(void)op;
	(void)err;
	return 0;
}

typedef int op_fn(struct ops_pod *p, const struct plan_op *op, struct error *err);

static const struct {
	const char *name;
	op_fn *apply, *revert, *check;
} ops[] = {
	[PLAN_RULES] = { "rules", rules_apply, rules_revert, rules_check },
	[PLAN_OFFLOAD] = { "checksum offload", offload_apply, offload_revert, nothing },
	[PLAN_SEGMENTS] = { "segmentation offload", segments_apply, segments_revert, nothing },
	[PLAN_IFB] = { "ifb", ifb_apply, ifb_revert, ifb_check },
	[PLAN_ROOT] = { "root qdisc", root_apply, root_revert, root_check },
	[PLAN_LEAF] = { "leaf", leaf_apply, nothing, nothing }, /* goes with its root */
	[PLAN_ATTACH] = { "programs", attach_apply, attach_revert, attach_check },
	[PLAN_FILES] = { "files", nothing, nothing, nothing },           /* a container's: engine/files.c */
	[PLAN_SYSCALLS] = { "system calls", nothing, nothing, nothing }, /* a container's: engine/supervisor.c */
	[PLAN_ACTS] = { "acts", nothing, nothing, nothing },             /* a container's: engine/supervisor.c */
};
_Static_assert(ARRAY_SIZE(ops) == PLAN_OP_TYPES, "every op can be done, undone and checked");

/* The first n ops, in reverse. */
static int revert_first(struct ops_pod *p, size_t n, struct error *err)
{
	struct error own = {};
	int first = 0;

	while (n--) {
		const struct plan_op *op = &p->pod->plan.ops[n];
		int r = ops[op->type].revert(p, op, first ? &own : err);

		if (r && !first) {
			error_wrap(err, "cannot undo the %s", ops[op->type].name);
			first = r;
		}
	}
	return first;
}

int ops_apply(struct ops_pod *p, struct error *err)
{
	const struct plan *plan = &p->pod->plan;

	for (size_t i = 0; i < plan->n_ops; i++) {
		int r = ops[plan->ops[i].type].apply(p, &plan->ops[i], err);
		struct error ignored = {};

		if (!r)
			continue;
		p->left = revert_first(p, i + 1, &ignored) != 0;
		error_wrap(err, "%s", ops[plan->ops[i].type].name);
		return r;
	}
	return 0;
}

int ops_revert(struct ops_pod *p, struct error *err)
{
	return revert_first(p, p->pod->plan.n_ops, err);
}

int ops_check(struct ops_pod *p, struct error *err)
{
	const struct plan *plan = &p->pod->plan;

	for (size_t i = 0; i < plan->n_ops; i++) {
		int r = ops[plan->ops[i].type].check(p, &plan->ops[i], err);

		if (r)
			return r;
	}
	return 0;
}
