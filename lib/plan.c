// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builds a plan: each fault's kind adds its rules and leaves, then the ops are laid out in the order in which they are carried out.
 */
#include "lib/plan.h"

#include <errno.h>
#include <stdarg.h>

#include "lib/dist.h"
#include "lib/hosts.h"
#include "lib/target.h"
#include "lib/util.h"

const char *const plan_dir_names[FW_DIRS] = { [FW_EGRESS] = "to", [FW_INGRESS] = "from" };

unsigned int plan_dirs(const struct fault *f)
{
	static const unsigned int dirs[] = {
		[DIRECTION_TO] = 1U << FW_EGRESS,
		[DIRECTION_FROM] = 1U << FW_INGRESS,
		[DIRECTION_BOTH] = 1U << FW_EGRESS | 1U << FW_INGRESS,
	};

	return dirs[f->direction];
}

uint32_t plan_threshold(uint32_t ppm)
{
	return ppm >= PPM_ALL ? FW_ALWAYS : ((uint64_t)ppm << 32) / PPM_ALL;
}

static void *copy_array(const void *from, size_t n, size_t size)
{
	void *to = NULL;

	if (n) {
		to = util_alloc(n, size);
		memcpy(to, from, n * size);
	}
	return to;
}

static void target_copy(const struct fault_target *from, struct fault_target *to)
{
	*to = *from;
	to->cidrs = copy_array(from->cidrs, from->n_cidrs, sizeof(*from->cidrs));
	to->except = copy_array(from->except, from->n_except, sizeof(*from->except));
	to->hosts = copy_array(from->hosts, from->n_hosts, sizeof(*from->hosts));
	to->seeds = copy_array(from->seeds, from->n_seeds, sizeof(*from->seeds));
	to->ports = copy_array(from->ports, from->n_ports, sizeof(*from->ports));
	to->source_ports = copy_array(from->source_ports, from->n_source_ports, sizeof(*from->source_ports));
}

struct fw_rule plan_gate(const struct fault *f, enum fw_op op)
{
	return (struct fw_rule){
		.op = op,
		.flags = f->calendar                 ? FW_RULE_WALL | FW_RULE_CALENDAR
			 : f->anchor == ANCHOR_CLOCK ? FW_RULE_WALL
						     : 0,
		.probability = plan_threshold(f->percent_ppm),
		.key = util_mix64(f->seed),
		.start_ns = f->start_ns,
		.on_ns = f->duration_ns,
		.period_ns = f->every_ns,
		.when_first = f->when.first,
		.when_last = f->when.last,
		.when_step = f->when.step,
	};
}

struct fw_rule *plan_add_rule(struct plan_builder *b, const struct fault *f, enum fw_op op)
{
	struct plan_rule *r = util_grow(&b->rules.rules, &b->rules.n_rules, sizeof(*r));

	snprintf(r->name, sizeof(r->name), "%s", f->name);
	r->dirs = plan_dirs(f);
	r->include_node = f->include_node;
	r->armed = f->armed;
	target_copy(&f->target, &r->target);
	r->calendar = copy_array(f->calendar, f->calendar != NULL, sizeof(*f->calendar));
	r->rule = plan_gate(f, op);
	b->segments |= f->per_segment;
	if (f->target.n_hosts)
		plan_note(b, "%s: its hosts' addresses are learned from the pod's own DNS answers over UDP; until then %s", f->name,
			  f->target.n_seeds || f->target.n_cidrs ? "only those given match" : "nothing matches");
	r->first_connections = f->first_connections;
	if (r->first_connections) {
		r->target.protocol = PROTOCOL_TCP;
		r->rule.flags |= FW_RULE_FIRST;
	}
	return &r->rule;
}

struct plan_rule *plan_last_rule(struct plan_builder *b)
{
	return &b->rules.rules[b->rules.n_rules - 1];
}

struct fw_chain plan_chain(uint32_t share_ppm, uint32_t correlation_ppm)
{
	uint64_t p = share_ppm, c = correlation_ppm, all = PPM_ALL;
	uint32_t again = p + c * (all - p) / all; /* hit after hit */
	uint32_t anew = p * (all - c) / all;      /* hit after miss */

	/* state 0 = before the first event, 1 = missed, 2 = hit; 3 = hit too, reached by the one draw that is below no threshold */
	return (struct fw_chain){
		.step = {
			[0] = { 0, plan_threshold(all - p), FW_ALWAYS },
			[1] = { 0, plan_threshold(all - anew), FW_ALWAYS },
			[2] = { 0, plan_threshold(all - again), FW_ALWAYS },
			[3] = { 0, plan_threshold(all - again), FW_ALWAYS },
		},
		.hit = { [2] = FW_ALWAYS, [3] = FW_ALWAYS },
	};
}

void plan_share(struct fw_rule *r, const struct fault *f, uint32_t share_ppm, uint32_t correlation_ppm)
{
	uint64_t p = share_ppm, all = PPM_ALL;

	if (!correlation_ppm) {
		/* one division of the whole: two small shares must not round to never */
		unsigned __int128 share = (unsigned __int128)p * f->percent_ppm;

		r->probability = share == all * all ? FW_ALWAYS : (uint32_t)((share << 32) / (all * all));
		return;
	}
	r->flags |= FW_RULE_CHAIN;
	r->chain = plan_chain(share_ppm, correlation_ppm);
}

void plan_note(struct plan_builder *b, const char *fmt, ...)
{
	char **note = util_grow(&b->plan->notes, &b->plan->n_notes, sizeof(*note));
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(note, fmt, ap) < 0)
		abort();
	va_end(ap);
}

/* What a leaf lacks on this node, as a module's name; NULL = nothing. */
static const char *leaf_lacks(const struct plan_env *env, const struct plan_leaf *leaf)
{
	if (!env->htb)
		return "sch_htb";
	if (leaf->has_netem && !env->netem)
		return "sch_netem";
	if (leaf->has_tbf && !env->tbf)
		return "sch_tbf";
	if (leaf->has_fq && !env->fq)
		return "sch_fq";
	return NULL;
}

static int lacks(struct error *err, const char *path, const char *module, const char *why)
{
	return error_set(err, ENOTSUP,
			 "%s: this node's kernel has no %s%s%s: 'modprobe %s', or install the package with the kernel's extra "
			 "modules (linux-modules-extra, kernel-modules-extra)",
			 path, module, why ? "; " : "", why ? why : "", module);
}

/* Whether another fault shapes one of f's directions as well: then delays add and rates take the least, which one qdisc cannot. */
static bool shapes_add_up(const struct plan_builder *b, const struct fault *f)
{
	unsigned int dirs = plan_dirs(f);

	for (int dir = 0; dir < FW_DIRS; dir++)
		if ((dirs & 1U << dir) && b->shapes[dir] > 1)
			return true;
	return false;
}

/* 1 = EDT, 0 = leaf; -errno when neither can. */
static int shape_choose(struct plan_builder *b, const struct fault *f, const struct plan_shape *s, struct error *err)
{
	const char *lack = leaf_lacks(b->env, &s->leaf);
	static const struct plan_leaf fq = { .has_fq = true };
	const char *edt_lack = leaf_lacks(b->env, &fq);
	bool add_up = shapes_add_up(b, f);

	if (f->backend == BACKEND_NETEM) {
		if (add_up)
			return error_set(
				err, EDOM,
				"%s.backend: 'netem' holds one shape a direction and another fault shapes this one too: leave "
				"'backend' out, or use 'edt'",
				f->path);
		if (s->no_leaf)
			return error_set(err, ENOTSUP, "%s.backend: 'netem' cannot: %s; use 'edt'", f->path, s->no_leaf);
		return lack ? lacks(err, f->path, lack, "backend 'netem' needs it") : 0;
	}
	if (f->backend == BACKEND_EDT || add_up) {
		if (s->no_edt)
			return error_set(err, ENOTSUP, "%s: %s, which departure times cannot do%s", f->path, s->no_edt,
					 add_up ? ", and another fault shapes the same direction: shape it by one fault"
						: ": use backend 'netem'");
		return edt_lack ? lacks(err, f->path, edt_lack,
					add_up ? "two shapes in one direction need it" : "backend 'edt' needs it")
				: 1;
	}
	if ((s->wants_edt || s->no_leaf || lack) && !edt_lack && !s->no_edt)
		return 1;
	if (lack)
		return lacks(err, f->path, lack, s->no_edt ? s->no_edt : "sch_fq would do as well");
	if (s->no_leaf && s->no_edt)
		return error_set(err, ENOTSUP, "%s: %s, and departure times cannot do %s: leave one of the two out", f->path,
				 s->no_leaf, s->no_edt);
	return s->no_leaf ? lacks(err, f->path, edt_lack, s->no_leaf) : 0;
}

/* Leaf k of every direction of f. */
static unsigned int leaves_add(struct plan_builder *b, unsigned int dirs, const struct plan_leaf *leaf)
{
	unsigned int k = ++b->next_leaf;

	for (int dir = 0; dir < FW_DIRS; dir++) {
		struct plan_leaf *l;

		if (!(dirs & 1U << dir))
			continue;
		l = util_grow(&b->leaves, &b->n_leaves, sizeof(*l));
		*l = *leaf;
		l->dir = dir;
		l->minor = 2 * k;
	}
	return k;
}

int plan_shape(struct plan_builder *b, const struct fault *f, const struct plan_shape *s, struct error *err)
{
	int edt = shape_choose(b, f, s, err);
	struct fw_rule *r;

	if (edt < 0)
		return edt;
	r = plan_add_rule(b, f, edt ? s->edt_op : FW_OP_LEAF);
	if (!edt) {
		r->leaf = leaves_add(b, plan_dirs(f), &s->leaf);
		if (s->wants_edt && s->leaf_note)
			plan_note(b, "%s: %s", f->name, s->leaf_note);
		return 0;
	}
	if (!b->edt_leaf)
		b->edt_leaf = ++b->next_leaf;
	b->edt |= plan_dirs(f);
	r->leaf = b->edt_leaf;
	r->flags |= s->rule_flags;
	if (s->edt_op == FW_OP_DELAY) {
		r->delay = s->delay;
		r->chain = s->chain;
	} else {
		r->rate = s->rate;
		/* a GSO packet of 64 KiB must fit into half of the queue */
		b->segments |= (plan_dirs(f) & 1U << FW_EGRESS) && s->rate.cost_q16 > s->rate.limit_ns / 2;
	}
	plan_note(b, "%s: shaped by departure time (EDT): %s", f->name,
		  shapes_add_up(b, f) ? "another fault shapes the same direction"
		  : s->wants_edt      ? s->wants_edt
		  : s->no_leaf        ? s->no_leaf
		  : f->backend        ? "asked for by 'backend'"
				      : "the kernel lacks the qdisc that would do it alone");
	return 0;
}

static struct plan_op *op_add(struct plan *plan, enum plan_op_type type)
{
	struct plan_op *op = util_grow(&plan->ops, &plan->n_ops, sizeof(*op));

	op->type = type;
	return op;
}

/* Above what all rules together can hold a packet back: fq drops what leaves beyond its horizon. */
static uint64_t horizon_ns(const struct plan_rules *rules)
{
	unsigned __int128 sum = 2 * NSEC_PER_SEC;

	for (size_t i = 0; i < rules->n_rules; i++) {
		const struct fw_rule *r = &rules->rules[i].rule;

		if (r->op == FW_OP_DELAY)
			sum += r->delay.latency_ns + (unsigned __int128)r->delay.jitter_ns * dist_spread(r->delay.curve);
		else if (r->op == FW_OP_RATE)
			sum += r->rate.limit_ns;
	}
	return MIN(sum, UINT64_MAX);
}

/* The fq leaf of each direction that needs one. */
static void finish_edt(struct plan_builder *b)
{
	struct plan_leaf fq = { .has_fq = true, .fq_horizon_ns = horizon_ns(&b->rules) };

	for (int dir = 0; dir < FW_DIRS; dir++) {
		struct plan_leaf *l;

		if (!(b->edt & 1U << dir))
			continue;
		l = util_grow(&b->leaves, &b->n_leaves, sizeof(*l));
		*l = fq;
		l->dir = dir;
		l->minor = 2 * b->edt_leaf;
	}
}

/* Corruption in a leaf: alone, and woven into a twin of every shaping leaf of the direction. */
static void finish_corrupt(struct plan_builder *b)
{
	size_t n = b->n_leaves;

	for (int dir = 0; dir < FW_DIRS; dir++) {
		struct plan_leaf alone = { .dir = dir, .minor = FW_MINOR_CORRUPT, .has_netem = true };

		if (!(b->corrupt_leaf & 1U << dir))
			continue;
		alone.netem = (struct plan_netem){ .corrupt_ppm = PPM_ALL, .limit = 10000 };
		*(struct plan_leaf *)util_grow(&b->leaves, &b->n_leaves, sizeof(alone)) = alone;
		for (size_t i = 0; i < n; i++) {
			struct plan_leaf twin = b->leaves[i];

			if (twin.dir != (enum fw_dir)dir)
				continue;
			if (!twin.has_netem)
				twin.netem.limit = alone.netem.limit;
			twin.has_netem = true;
			twin.netem.corrupt_ppm = PPM_ALL;
			twin.minor |= FW_MINOR_CORRUPT;
			*(struct plan_leaf *)util_grow(&b->leaves, &b->n_leaves, sizeof(twin)) = twin;
		}
	}
}

static int finish_ifb(const struct plan_builder *b, struct error *err)
{
	const char *module = !b->env->ifb ? "ifb" : !b->env->mirred ? "act_mirred" : NULL;

	return module ? lacks(err, "direction 'from'", module, "shaping on the way in needs it") : 0;
}

/* Lays out the ops. Filters come last: nothing is seen before all of it stands. */
static int finish_ops(struct plan_builder *b, struct error *err)
{
	_cleanup_hosts_ struct hosts_tables hosts = {};
	const unsigned int both = 1U << FW_EGRESS | 1U << FW_INGRESS;
	unsigned int rooted = 0, dirs = 0;
	struct plan_op *op;

	if (horizon_ns(&b->rules) / NSEC_PER_USEC > UINT32_MAX)
		return error_set(
			err, E2BIG,
			"the delays of this pod add up to more than the 71 minutes that fq can hold a packet: shorten them");
	if (hosts_compile(&b->rules, &hosts, err))
		return -err->code;
	finish_edt(b);
	finish_corrupt(b);
	for (size_t i = 0; i < b->n_leaves; i++)
		rooted |= 1U << b->leaves[i].dir;
	for (size_t i = 0; i < b->rules.n_rules; i++)
		dirs |= b->rules.rules[i].rule.op == FW_OP_HTTP ? both : b->rules.rules[i].dirs; /* requests and responses */
	if (hosts_any(&b->rules))
		dirs = both; /* questions and answers */
	if ((rooted & 1U << FW_INGRESS) && finish_ifb(b, err))
		return -err->code;

	op = op_add(b->plan, PLAN_RULES);
	op->rules = b->rules;
	b->rules = (struct plan_rules){};
	if (b->offload)
		op_add(b->plan, PLAN_OFFLOAD);
	if (b->segments)
		op_add(b->plan, PLAN_SEGMENTS);
	if (rooted & 1U << FW_INGRESS)
		op_add(b->plan, PLAN_IFB);
	for (int dir = 0; dir < FW_DIRS; dir++) {
		if (!(rooted & 1U << dir))
			continue;
		op_add(b->plan, PLAN_ROOT)->root = dir;
		for (size_t i = 0; i < b->n_leaves; i++)
			if (b->leaves[i].dir == (enum fw_dir)dir)
				op_add(b->plan, PLAN_LEAF)->leaf = b->leaves[i];
	}
	op = op_add(b->plan, PLAN_ATTACH);
	op->attach.dirs = dirs;
	op->attach.ifb = rooted & 1U << FW_INGRESS;
	op->attach.stamp = b->edt & 1U << FW_INGRESS;
	return 0;
}

static int build_faults(struct plan_builder *b, const struct fault_spec *spec, struct error *err)
{
	for (int order = ORDER_PARTITION; order <= ORDER_SHAPE; order++) {
		for (size_t i = 0; i < spec->n_faults; i++) {
			const struct fault *f = &spec->faults[i];
			int r;

			if (f->kind->layer != LAYER_NETWORK || f->kind->order != (enum fault_order)order)
				continue;
			if (b->rules.n_rules == FW_RULES)
				return error_set(err, E2BIG, "%s: a pod holds at most %d faults", f->path, FW_RULES);
			r = f->kind->plan(f, b, err);
			if (r)
				return r;
		}
	}
	return 0;
}

static void count_shapes(struct plan_builder *b, const struct fault_spec *spec)
{
	for (size_t i = 0; i < spec->n_faults; i++)
		for (int dir = 0; dir < FW_DIRS; dir++)
			if (spec->faults[i].kind->order == ORDER_SHAPE && (plan_dirs(&spec->faults[i]) & 1U << dir))
				b->shapes[dir]++;
}

static void rules_cleanup(struct plan_rules *rules)
{
	for (size_t i = 0; i < rules->n_rules; i++) {
		target_cleanup(&rules->rules[i].target);
		free(rules->rules[i].calendar);
		free(rules->rules[i].dns);
		free(rules->rules[i].dns_types);
	}
	free(rules->rules);
	*rules = (struct plan_rules){};
}

int plan_build(const struct fault_spec *spec, const struct plan_env *env, struct plan *ret, struct error *err)
{
	_cleanup_plan_ struct plan plan = {};
	struct plan_builder b = { .env = env, .plan = &plan };
	struct error own = {};
	int r;

	err = err ? err : &own;
	count_shapes(&b, spec);
	r = build_faults(&b, spec, err);
	if (!r)
		r = finish_ops(&b, err);
	rules_cleanup(&b.rules);
	free(b.leaves);
	if (r)
		return r;
	*ret = plan;
	plan = (struct plan){};
	return 0;
}

const struct plan_op *plan_find(const struct plan *plan, enum plan_op_type type)
{
	for (size_t i = 0; i < plan->n_ops; i++)
		if (plan->ops[i].type == type)
			return &plan->ops[i];
	return NULL;
}

const struct plan_rules *plan_rules(const struct plan *plan)
{
	const struct plan_op *op = plan_find(plan, PLAN_RULES);

	return op ? &op->rules : NULL;
}

bool plan_needs_supervisor(const struct plan *plan)
{
	return plan_find(plan, PLAN_SYSCALLS) || plan_find(plan, PLAN_ACTS);
}

void plan_cleanup(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		if (plan->ops[i].type == PLAN_RULES)
			rules_cleanup(&plan->ops[i].rules);
		else if (plan->ops[i].type == PLAN_FILES)
			plan_files_cleanup(&plan->ops[i].files);
		else if (plan->ops[i].type == PLAN_SYSCALLS)
			plan_syscalls_cleanup(&plan->ops[i].syscalls);
		else if (plan->ops[i].type == PLAN_ACTS)
			plan_acts_cleanup(&plan->ops[i].acts);
	}
	for (size_t i = 0; i < plan->n_notes; i++)
		free(plan->notes[i]);
	free(plan->ops);
	free(plan->notes);
	*plan = (struct plan){};
}
