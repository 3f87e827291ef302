/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plans of one network fault, and what tests ask of them.
 */
#ifndef FAULTWIRE_TEST_PLAN_CHECK_H
#define FAULTWIRE_TEST_PLAN_CHECK_H

#include "tests/unit/check.h"

#include "lib/plan.h"

#define NET "faultwire.dev/network"

static const struct plan_env full
	__attribute__((unused)) = { .htb = true, .tbf = true, .netem = true, .fq = true, .ifb = true, .mirred = true };

/* A spec and its plan. */
struct planned {
	struct fault_spec spec;
	struct plan plan;
};

static inline void planned_cleanup(struct planned *p)
{
	plan_cleanup(&p->plan);
	spec_cleanup(&p->spec);
}
#define _cleanup_planned_ _cleanup_(planned_cleanup)

static inline struct planned plan_on(const char *text, const struct plan_env *env)
{
	struct planned p = { .spec = network_spec(text) };
	struct error err = {};

	if (plan_build(&p.spec, env, &p.plan, &err) != 0)
		fail_msg("%s\n  has no plan: %s", text, err.msg);
	return p;
}

static inline const struct fw_rule *rule_of(const struct planned *p)
{
	assert_int_equal(plan_rules(&p->plan)->n_rules, 1);
	return &plan_rules(&p->plan)->rules[0].rule;
}

static inline const struct plan_leaf *leaf_of(const struct planned *p)
{
	const struct plan_op *op = plan_find(&p->plan, PLAN_LEAF);

	assert_non_null(op);
	return &op->leaf;
}

static inline bool noted(const struct planned *p, const char *what)
{
	for (size_t i = 0; i < p->plan.n_notes; i++)
		if (strstr(p->plan.notes[i], what))
			return true;
	return false;
}

static inline uint32_t threshold(double share)
{
	return (uint32_t)(share * 4294967296.0);
}

/* Thresholds are cut, not rounded: one off is right. */
static inline void assert_threshold(uint32_t value, double share)
{
	assert_in_range(value, threshold(share) - 1, (uint64_t)threshold(share) + 1);
}

#endif
