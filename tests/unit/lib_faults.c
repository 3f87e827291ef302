// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each kind: its body with exact numbers, its refusals, and what it asks of the plan.
 */
#include "tests/unit/check.h"

#include "lib/plan.h"

#define NET "faultwire.dev/network"

static const struct plan_env full = {
	.htb = true, .tbf = true, .netem = true, .fq = true, .ifb = true, .mirred = true, .max_delay_ns = 60 * NSEC_PER_SEC
};

/* A spec and its plan. */
struct planned {
	struct fault_spec spec;
	struct plan plan;
};

static void planned_cleanup(struct planned *p)
{
	plan_cleanup(&p->plan);
	spec_cleanup(&p->spec);
}
#define _cleanup_planned_ _cleanup_(planned_cleanup)

static struct planned plan_on(const char *text, const struct plan_env *env)
{
	struct planned p = { .spec = network_spec(text) };
	struct error err = {};

	if (plan_build(&p.spec, env, &p.plan, &err) != 0)
		fail_msg("%s\n  has no plan: %s", text, err.msg);
	return p;
}

static const struct fw_rule *rule_of(const struct planned *p)
{
	assert_int_equal(plan_rules(&p->plan)->n_rules, 1);
	return &plan_rules(&p->plan)->rules[0].rule;
}

static const struct plan_leaf *leaf_of(const struct planned *p)
{
	const struct plan_op *op = plan_find(&p->plan, PLAN_LEAF);

	assert_non_null(op);
	return &op->leaf;
}

static bool noted(const struct planned *p, const char *what)
{
	for (size_t i = 0; i < p->plan.n_notes; i++)
		if (strstr(p->plan.notes[i], what))
			return true;
	return false;
}

static uint32_t threshold(double share)
{
	return (uint32_t)(share * 4294967296.0);
}

/* Thresholds are cut, not rounded: one off is right. */
static void assert_threshold(uint32_t value, double share)
{
	assert_in_range(value, threshold(share) - 1, (uint64_t)threshold(share) + 1);
}

static void every_kind_is_found_by_its_name(void **state)
{
	static const char *const names[] = { "delay", "loss", "duplicate", "corrupt", "bandwidth", "rate", "partition" };

	(void)state;
	assert_int_equal(fault_kinds_count, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct fault_kind *kind = fault_kind_find(names[i]);

		assert_non_null(kind);
		assert_string_equal(kind->name, names[i]);
		assert_true(kind->plan && (!kind->body || kind->parse));
	}
	assert_null(fault_kind_find("reorder"));
	assert_null(fault_kind_find(""));
}

static void partition_drops(void **state)
{
	_cleanup_planned_ struct planned p = plan_on("{\"action\":\"partition\",\"percent\":50}", &full);

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_DROP);
	assert_threshold(rule_of(&p)->probability, 0.5);
	assert_null(plan_find(&p.plan, PLAN_LEAF));
}

static void reads_chaos_mesh_s_bodies(void **state)
{
	_cleanup_spec_ struct fault_spec spec = network_spec(
		"[{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\",\"correlation\":\"100\","
		"\"reorder\":{\"reorder\":\"25\",\"correlation\":\"0\",\"gap\":5}}},"
		"{\"action\":\"loss\",\"loss\":{\"loss\":\"25\",\"correlation\":\"30\"}},"
		"{\"action\":\"duplicate\",\"duplicate\":{\"duplicate\":\"40\",\"correlation\":\"25\"}},"
		"{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"0.5\",\"correlation\":\"25\"}},"
		"{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbps\",\"limit\":20971520,\"buffer\":10000,\"peakrate\":\"2mbps\","
		"\"minburst\":2000}},"
		"{\"action\":\"rate\",\"rate\":{\"rate\":\"1mbps\"}}]");
	const struct fault *f = spec.faults;

	(void)state;
	assert_int_equal(spec.n_faults, 6);
	assert_int_equal(f[0].delay.reorder_ppm, 250000);
	assert_int_equal(f[0].delay.reorder_gap, 5);
	assert_int_equal(f[1].loss.model, LOSS_RANDOM);
	assert_int_equal(f[1].loss.share_ppm, 250000);
	assert_int_equal(f[1].loss.correlation_ppm, 300000);
	assert_int_equal(f[2].duplicate.share_ppm, 400000);
	assert_int_equal(f[2].duplicate.correlation_ppm, 250000);
	assert_int_equal(f[3].corrupt.share_ppm, 5000);
	assert_int_equal(f[3].corrupt.correlation_ppm, 250000);
	assert_false(f[3].corrupt.valid);
	assert_int_equal(f[4].bandwidth.rate_bits, 8000000);
	assert_int_equal(f[4].bandwidth.limit_bytes, 20971520);
	assert_int_equal(f[4].bandwidth.buffer_bytes, 10000);
	assert_int_equal(f[4].bandwidth.peak_bits, 16000000);
	assert_int_equal(f[4].bandwidth.minburst_bytes, 2000);
	assert_int_equal(f[5].bandwidth.rate_bits, 8000000);
}

static void loss_percent_and_share_multiply(void **state)
{
	_cleanup_planned_ struct planned p =
		plan_on("{\"action\":\"loss\",\"percent\":50,\"loss\":{\"loss\":\"10\"}}", &full);

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_DROP);
	assert_false(rule_of(&p)->flags & FW_RULE_CHAIN);
	assert_threshold(rule_of(&p)->probability, 0.05);
}

static void correlated_loss_is_a_chain(void **state)
{
	_cleanup_planned_ struct planned p =
		plan_on("{\"action\":\"loss\",\"percent\":50,\"loss\":{\"loss\":\"20\",\"correlation\":\"25\"}}", &full);

	(void)state;
	assert_true(rule_of(&p)->flags & FW_RULE_CHAIN);
	assert_threshold(rule_of(&p)->probability, 0.5);
}

static void gemodel_has_tc_s_defaults(void **state)
{
	_cleanup_planned_ struct planned p = plan_on("{\"action\":\"loss\",\"loss\":{\"gemodel\":{\"p\":\"1\"}}}", &full);
	const struct fault_loss *loss = &p.spec.faults->loss;
	const struct fw_chain *c = &rule_of(&p)->chain;

	(void)state;
	assert_int_equal(loss->model, LOSS_GEMODEL);
	assert_true(loss->gemodel.p == 10000 && loss->gemodel.r == 990000 && loss->gemodel.h == 0 && loss->gemodel.k == PPM_ALL);
	assert_int_equal(rule_of(&p)->probability, FW_ALWAYS);
	assert_threshold(c->step[0][0], 0.99); /* stays good */
	assert_int_equal(c->step[0][1], FW_ALWAYS);
	assert_threshold(c->step[1][0], 0.99); /* recovers */
	assert_int_equal(c->hit[0], 0);
	assert_int_equal(c->hit[1], FW_ALWAYS);
}

static void gemodel_takes_shares_that_pass(void **state)
{
	_cleanup_planned_ struct planned p =
		plan_on("{\"action\":\"loss\",\"loss\":{\"gemodel\":{\"p\":2,\"r\":10,\"h\":30,\"k\":99}}}", &full);
	const struct fw_chain *c = &rule_of(&p)->chain;

	(void)state;
	assert_threshold(c->step[0][0], 0.98);
	for (int i = 1; i < FW_STATES; i++) {
		assert_threshold(c->step[i][0], 0.10);
		assert_threshold(c->hit[i], 0.70);
	}
	assert_threshold(c->hit[0], 0.01);
	/* stationary: 1/6 of the time bad */
	assert_int_equal(fault_kind_loss.max_share_ppm(p.spec.faults), (700000 + 5 * 10000 + 3) / 6);
}

static void state_model_has_tc_s_defaults(void **state)
{
	_cleanup_planned_ struct planned p = plan_on("{\"action\":\"loss\",\"loss\":{\"state\":{\"p13\":\"5\"}}}", &full);
	const struct fault_loss *loss = &p.spec.faults->loss;

	(void)state;
	assert_int_equal(loss->model, LOSS_STATE);
	assert_true(loss->state.p13 == 50000 && loss->state.p31 == 950000 && loss->state.p32 == 0 && loss->state.p23 == PPM_ALL &&
		    loss->state.p14 == 0);
	assert_int_equal(fault_kind_loss.max_share_ppm(p.spec.faults), 50000);
}

static void state_model_is_netem_s_four_states(void **state)
{
	_cleanup_planned_ struct planned p = plan_on(
		"{\"action\":\"loss\",\"loss\":{\"state\":{\"p13\":5,\"p31\":20,\"p32\":30,\"p23\":40,\"p14\":2}}}", &full);
	const struct fw_chain *c = &rule_of(&p)->chain;

	(void)state;
	/* from good: good 93 %, burst 5 %, alone 2 %; never to the good one within a burst */
	assert_threshold(c->step[0][0], 0.93);
	assert_int_equal(c->step[0][1], c->step[0][0]);
	assert_threshold(c->step[0][2], 0.98);
	/* from good within a burst: back into the burst 40 % */
	assert_int_equal(c->step[1][0], 0);
	assert_threshold(c->step[1][1], 0.60);
	assert_int_equal(c->step[1][2], FW_ALWAYS);
	/* from lost in a burst: good 20 %, within 30 % */
	assert_threshold(c->step[2][0], 0.20);
	assert_threshold(c->step[2][1], 0.50);
	assert_int_equal(c->step[2][2], FW_ALWAYS);
	assert_int_equal(c->step[3][0], FW_ALWAYS);
	assert_true(c->hit[0] == 0 && c->hit[1] == 0 && c->hit[2] == FW_ALWAYS && c->hit[3] == FW_ALWAYS);
}

/* The kernel's rule in double precision: the share of a chain by its powers. */
static double share_of(const struct fw_chain *c)
{
	double at[FW_STATES] = { 1 }, hit = 0;

	for (int round = 0; round < 20000; round++) {
		double next[FW_STATES] = {};

		for (int i = 0; i < FW_STATES; i++) {
			double before = 0;

			for (int j = 0; j < FW_STATES; j++) {
				double upto = j == FW_STATES - 1 || c->step[i][j] == FW_ALWAYS ? 1 : c->step[i][j] / 4294967296.0;

				next[j] += at[i] * (upto > before ? upto - before : 0);
				before = upto > before ? upto : before;
			}
		}
		memcpy(at, next, sizeof(at));
	}
	for (int i = 0; i < FW_STATES; i++)
		hit += at[i] * (c->hit[i] == FW_ALWAYS ? 1 : c->hit[i] / 4294967296.0);
	return hit;
}

static void the_share_told_to_the_policy_is_the_chain_s(void **state)
{
	static const char *const bodies[] = {
		"{\"gemodel\":{\"p\":2,\"r\":10,\"h\":30,\"k\":99}}",
		"{\"gemodel\":{\"p\":0,\"k\":98}}",
		"{\"gemodel\":{\"p\":1,\"r\":0}}",
		"{\"state\":{\"p13\":5,\"p31\":20,\"p32\":30,\"p23\":40,\"p14\":2}}",
		"{\"state\":{\"p13\":0,\"p14\":10}}",
		"{\"state\":{\"p13\":10,\"p31\":0}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		_cleanup_free_ char *text = util_printf("{\"action\":\"loss\",\"loss\":%s}", bodies[i]);
		_cleanup_planned_ struct planned p = plan_on(text, &full);
		uint32_t told = fault_kind_loss.max_share_ppm(p.spec.faults);

		assert_in_range((uint32_t)(share_of(&rule_of(&p)->chain) * PPM_ALL + 0.5), told ? told - 1 : 0, told + 1);
	}
}

static void a_burst_that_may_never_end_counts_as_all(void **state)
{
	_cleanup_spec_ struct fault_spec spec =
		network_spec("{\"action\":\"loss\",\"loss\":{\"state\":{\"p13\":1,\"p31\":10,\"p32\":5,\"p23\":0}}}");

	(void)state;
	assert_int_equal(fault_kind_loss.max_share_ppm(spec.faults), PPM_ALL);
}

static void refuses_losses_gone_wrong(void **state)
{
	static const struct refusal cases[] = {
		{ "{}", EINVAL, NET ".loss", { "needs one of 'loss', 'gemodel' and 'state'" } },
		{ "{\"correlation\":25}", EINVAL, NET ".loss", { "needs one of" } },
		{ "{\"loss\":\"101\"}", EINVAL, NET ".loss.loss", { "out of range" } },
		{ "{\"loss\":-1}", EINVAL, NET ".loss.loss", { "must not be negative" } },
		{ "{\"loss\":1,\"correlation\":200}", EINVAL, NET ".loss.correlation", { "out of range" } },
		{ "{\"loss\":1,\"corelation\":20}", EINVAL, NET ".loss", { "did you mean 'correlation'?" } },
		{ "{\"loss\":1,\"gemodel\":{\"p\":1}}", EINVAL, NET ".loss.gemodel", { "'loss' is there too", "keep one" } },
		{ "{\"state\":{\"p13\":1},\"gemodel\":{\"p\":1}}", EINVAL, NET ".loss.state", { "'gemodel' is there too" } },
		{ "{\"gemodel\":{\"p\":1},\"correlation\":5}", EINVAL, NET ".loss.correlation", { "goes with 'loss'", "remove it" } },
		{ "{\"gemodel\":{}}", EINVAL, NET ".loss.gemodel", { "needs 'p'" } },
		{ "{\"gemodel\":{\"r\":1}}", EINVAL, NET ".loss.gemodel", { "needs 'p'" } },
		{ "{\"gemodel\":5}", EINVAL, NET ".loss.gemodel", { "must be an object" } },
		{ "{\"gemodel\":{\"p\":1,\"1-h\":5}}", EINVAL, NET ".loss.gemodel", { "unknown key '1-h'" } },
		{ "{\"gemodel\":{\"p\":1,\"h\":\"x\"}}", EINVAL, NET ".loss.gemodel.h", { "is not a percentage" } },
		{ "{\"state\":{}}", EINVAL, NET ".loss.state", { "needs 'p13'" } },
		{ "{\"state\":{\"p13\":60,\"p14\":41}}", EINVAL, NET ".loss.state", { "'p13' and 'p14' together are over 100 percent" } },
		{ "{\"state\":{\"p13\":1,\"p31\":60,\"p32\":41}}", EINVAL, NET ".loss.state", { "'p31' and 'p32' together are over" } },
		{ "{\"state\":{\"p13\":1,\"p32\":2}}", EINVAL, NET ".loss.state", { "'p31' and 'p32' together are over" } },
		{ "{\"state\":{\"p13\":1,\"p12\":2}}", EINVAL, NET ".loss.state", { "unknown key 'p12'" } },
		{ "5", EINVAL, NET ".loss", { "must be an object" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = util_printf("{\"action\":\"loss\",\"loss\":%s}", cases[i].input);
		struct refusal c = cases[i];

		c.input = text;
		check_network_refusals(&c, 1);
	}
}

static void duplicate_and_corrupt_need_their_share(void **state)
{
	static const struct refusal cases[] = {
		{ "{\"action\":\"duplicate\",\"duplicate\":{}}", EINVAL, NET ".duplicate", { "needs 'duplicate', a percentage" } },
		{ "{\"action\":\"duplicate\",\"duplicate\":{\"duplicate\":101}}", EINVAL, NET ".duplicate.duplicate", { "out of range" } },
		{ "{\"action\":\"duplicate\",\"duplicate\":{\"duplicate\":1,\"gap\":1}}", EINVAL, NET ".duplicate", { "unknown key 'gap'" } },
		{ "{\"action\":\"corrupt\",\"corrupt\":{\"correlation\":1}}", EINVAL, NET ".corrupt", { "needs 'corrupt'" } },
		{ "{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":1,\"checksum\":\"ok\"}}",
		  EINVAL,
		  NET ".corrupt.checksum",
		  { "(allowed: invalid, valid)" } },
		{ "{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":1,\"checksum\":true}}", EINVAL, NET ".corrupt.checksum", { "must be a string" } },
	};

	(void)state;
	check_network_refusals(cases, ARRAY_SIZE(cases));
}

static void duplicates_by_share(void **state)
{
	_cleanup_planned_ struct planned p =
		plan_on("{\"action\":\"duplicate\",\"duplicate\":{\"duplicate\":\"40\"},\"direction\":\"both\"}", &full);

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_DUPLICATE);
	assert_threshold(rule_of(&p)->probability, 0.4);
	assert_int_equal(fault_kind_duplicate.max_share_ppm(p.spec.faults), 400000);
	assert_int_equal(plan_rules(&p.plan)->rules[0].dirs, 3);
}

static void corrupts_in_a_leaf_where_the_kernel_has_one(void **state)
{
	static const struct {
		struct plan_env env;
		const char *direction;
		enum fw_op op;
		bool offload;
		const char *note;
	} cases[] = {
		{ { .netem = true, .htb = true }, "to", FW_OP_CORRUPT_LEAF, false, NULL },
		{ { .netem = true, .htb = true, .ifb = true, .mirred = true }, "both", FW_OP_CORRUPT_LEAF, false, NULL },
		{ { .netem = true, .htb = true, .ifb = true, .mirred = true }, "from", FW_OP_CORRUPT_LEAF, false, NULL },
		{ { .htb = true }, "to", FW_OP_CORRUPT_INVALID, true, "without sch_netem: on the way out a bit" },
		{ { .netem = true }, "to", FW_OP_CORRUPT_INVALID, true, "without sch_htb: on the way out" },
		{ { .netem = true, .htb = true, .mirred = true }, "from", FW_OP_CORRUPT_INVALID, false, "without ifb: on the way in a corrupted packet is dropped" },
		{ { .netem = true, .htb = true, .ifb = true }, "both", FW_OP_CORRUPT_INVALID, true, "without act_mirred: on the way in" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text =
			util_printf("{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"10\"},\"direction\":\"%s\"}", cases[i].direction);
		_cleanup_planned_ struct planned p = plan_on(text, &cases[i].env);

		assert_int_equal(rule_of(&p)->op, cases[i].op);
		assert_threshold(rule_of(&p)->probability, 0.1);
		assert_int_equal(plan_find(&p.plan, PLAN_OFFLOAD) != NULL, cases[i].offload);
		assert_int_equal(plan_find(&p.plan, PLAN_LEAF) != NULL, cases[i].op == FW_OP_CORRUPT_LEAF);
		assert_true(cases[i].note ? noted(&p, cases[i].note) : p.plan.n_notes == 0);
	}
}

static void valid_corruption_needs_no_qdisc(void **state)
{
	static const struct plan_env nothing = {};
	_cleanup_planned_ struct planned p =
		plan_on("{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"10\",\"checksum\":\"valid\"},\"direction\":\"both\"}", &nothing);

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_CORRUPT_VALID);
	assert_null(plan_find(&p.plan, PLAN_OFFLOAD));
	assert_int_equal(p.plan.n_notes, 0);
}

static void reads_a_whole_delay(void **state)
{
	_cleanup_spec_ struct fault_spec spec =
		network_spec("{\"action\":\"delay\",\"delay\":{\"latency\":\"1.5s\",\"jitter\":\"1500ms\",\"distribution\":\"paretonormal\","
			     "\"slot\":{\"min\":\"10ms\",\"max\":\"20ms\",\"packets\":5,\"bytes\":1000},\"limit\":77}}");
	const struct fault_delay *d = &spec.faults->delay;

	(void)state;
	assert_int_equal(d->latency_ns, 1500 * NSEC_PER_MSEC);
	assert_int_equal(d->jitter_ns, 1500 * NSEC_PER_MSEC);
	assert_int_equal(d->correlation_ppm, 0);
	assert_int_equal(d->distribution, DIST_PARETONORMAL);
	assert_true(d->has_slot && d->slot.min_ns == 10 * NSEC_PER_MSEC && d->slot.max_ns == 20 * NSEC_PER_MSEC);
	assert_true(d->slot.packets == 5 && d->slot.bytes == 1000);
	assert_int_equal(d->limit, 77);
	assert_int_equal(fault_kind_delay.max_delay_ns(spec.faults), 3 * NSEC_PER_SEC);
}

static void refuses_delays_gone_wrong(void **state)
{
	static const struct refusal cases[] = {
		{ "{}", EINVAL, NET ".delay", { "needs 'latency', as in {\"latency\":\"200ms\"}" } },
		{ "{\"jitter\":\"5ms\"}", EINVAL, NET ".delay", { "needs 'latency'" } },
		{ "{\"latency\":\"200\"}", EINVAL, NET ".delay.latency", { "'200' needs a unit (ns, us, ms, s, m, h)" } },
		{ "{\"latency\":200}", EINVAL, NET ".delay.latency", { "'200' needs a unit" } },
		{ "{\"latency\":\"-5ms\"}", EINVAL, NET ".delay.latency", { "must not be negative" } },
		{ "{\"latency\":\"0s\"}", EINVAL, NET ".delay", { "does nothing" } },
		{ "{\"latencey\":\"5ms\"}", EINVAL, NET ".delay", { "did you mean 'latency'?" } },
		{ "{\"latency\":\"10ms\",\"jitter\":\"20ms\"}", EINVAL, NET ".delay.jitter", { "'20ms' is over the latency of 10ms" } },
		{ "{\"latency\":\"10ms\",\"jitter\":\"5ms\",\"correlation\":\"25\"}",
		  ENOTSUP,
		  NET ".delay.correlation",
		  { "'25': only 0 and 100 (one draw per window) are built so far" } },
		{ "{\"latency\":\"10ms\",\"correlation\":\"99.9999\"}", ENOTSUP, NET ".delay.correlation", { "only 0 and 100" } },
		{ "{\"latency\":\"10ms\",\"correlation\":101}", EINVAL, NET ".delay.correlation", { "out of range" } },
		{ "{\"latency\":\"10ms\",\"distribution\":\"normal\"}", EINVAL, NET ".delay.distribution", { "needs a 'jitter'" } },
		{ "{\"latency\":\"10ms\",\"jitter\":\"1ms\",\"distribution\":\"gauss\"}",
		  EINVAL,
		  NET ".delay.distribution",
		  { "(allowed: uniform, normal, pareto, paretonormal)" } },
		{ "{\"latency\":\"10ms\",\"jitter\":\"1ms\",\"distribution\":\"pareto\",\"correlation\":100}",
		  ENOTSUP,
		  NET ".delay.distribution",
		  { "only 'uniform' and 'normal' are built so far" } },
		{ "{\"latency\":\"10ms\",\"reorder\":{}}", EINVAL, NET ".delay.reorder", { "needs 'reorder'" } },
		{ "{\"latency\":\"10ms\",\"reorder\":\"25\"}", EINVAL, NET ".delay.reorder", { "must be an object" } },
		{ "{\"latency\":\"10ms\",\"reorder\":{\"reorder\":101}}", EINVAL, NET ".delay.reorder.reorder", { "out of range" } },
		{ "{\"latency\":\"10ms\",\"reorder\":{\"reorder\":25,\"gap\":-1}}", EINVAL, NET ".delay.reorder.gap", { "whole number" } },
		{ "{\"latency\":\"10ms\",\"reorder\":{\"reorder\":25,\"gap\":4294967296}}", EINVAL, NET ".delay.reorder.gap", { "to 4294967295" } },
		{ "{\"latency\":\"10ms\",\"reorder\":{\"reorder\":25,\"correlation\":50}}",
		  ENOTSUP,
		  NET ".delay.reorder.correlation",
		  { "only 0 is built so far" } },
		{ "{\"latency\":\"0s\",\"slot\":{\"min\":\"1ms\"},\"reorder\":{\"reorder\":25}}",
		  EINVAL,
		  NET ".delay.reorder",
		  { "needs a 'latency' over 0s" } },
		{ "{\"latency\":\"10ms\",\"slot\":{}}", EINVAL, NET ".delay.slot", { "needs 'min'" } },
		{ "{\"latency\":\"10ms\",\"slot\":{\"min\":\"5ms\",\"max\":\"4ms\"}}", EINVAL, NET ".delay.slot.max", { "is below 'min'" } },
		{ "{\"latency\":\"10ms\",\"slot\":{\"min\":5}}", EINVAL, NET ".delay.slot.min", { "needs a unit" } },
		{ "{\"latency\":\"10ms\",\"slot\":{\"min\":\"5ms\",\"packets\":0}}", EINVAL, NET ".delay.slot.packets", { "from 1 to 2147483647" } },
		{ "{\"latency\":\"10ms\",\"slot\":{\"min\":\"5ms\",\"bytes\":2147483648}}", EINVAL, NET ".delay.slot.bytes", { "to 2147483647" } },
		{ "{\"latency\":\"10ms\",\"limit\":0}", EINVAL, NET ".delay.limit", { "from 1 to 10000000" } },
		{ "{\"latency\":\"10ms\",\"limit\":10000001}", EINVAL, NET ".delay.limit", { "from 1 to 10000000" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = util_printf("{\"action\":\"delay\",\"delay\":%s}", cases[i].input);
		struct refusal c = cases[i];

		c.input = text;
		check_network_refusals(&c, 1);
	}
}

static void a_plain_delay_is_a_netem_leaf_with_room(void **state)
{
	static const struct {
		const char *latency, *jitter;
		uint32_t limit;
	} cases[] = {
		{ "200ms", "50ms", 500000 },
		{ "1ms", "0s", 10000 },	   /* at least */
		{ "70s", "0s", 10000000 }, /* at most */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = util_printf("{\"action\":\"delay\",\"delay\":{\"latency\":\"%s\",\"jitter\":\"%s\"}}",
							cases[i].latency, cases[i].jitter);
		_cleanup_planned_ struct planned p = plan_on(text, &full);

		assert_int_equal(rule_of(&p)->op, FW_OP_LEAF);
		assert_true(leaf_of(&p)->has_netem);
		assert_int_equal(leaf_of(&p)->netem.limit, cases[i].limit);
		assert_int_equal(leaf_of(&p)->netem.latency_ns, p.spec.faults->delay.latency_ns);
		assert_int_equal(leaf_of(&p)->netem.jitter_ns, p.spec.faults->delay.jitter_ns);
		assert_int_equal(p.plan.n_notes, 0);
	}
}

static void netem_gets_its_own_parameters(void **state)
{
	_cleanup_planned_ struct planned p =
		plan_on("{\"action\":\"delay\",\"delay\":{\"latency\":\"10ms\",\"jitter\":\"1ms\",\"distribution\":\"pareto\","
			"\"reorder\":{\"reorder\":25},\"slot\":{\"min\":\"5ms\"},\"limit\":99}}",
			&full);
	const struct plan_netem *n = &leaf_of(&p)->netem;

	(void)state;
	assert_int_equal(n->distribution, DIST_PARETO);
	assert_int_equal(n->reorder_ppm, 250000);
	assert_int_equal(n->reorder_gap, 1); /* with 0 netem would not reorder */
	assert_true(n->has_slot && n->slot.min_ns == 5 * NSEC_PER_MSEC && n->slot.max_ns == 5 * NSEC_PER_MSEC);
	assert_int_equal(n->limit, 99);
}

static void correlation_100_is_one_draw_per_window_by_edt(void **state)
{
	_cleanup_planned_ struct planned p = plan_on(
		"{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\",\"correlation\":\"100\"}}", &full);

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_DELAY);
	assert_true(rule_of(&p)->flags & FW_RULE_PER_WINDOW);
	assert_int_equal(rule_of(&p)->delay.latency_ns, 200 * NSEC_PER_MSEC);
	assert_int_equal(rule_of(&p)->delay.jitter_ns, 50 * NSEC_PER_MSEC);
	assert_true(noted(&p, "correlation 100 is one draw per window"));
}

static void correlation_without_jitter_draws_nothing(void **state)
{
	_cleanup_planned_ struct planned p =
		plan_on("{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"correlation\":\"100\"}}", &full);

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_LEAF);
	assert_int_equal(leaf_of(&p)->netem.latency_ns, 200 * NSEC_PER_MSEC);
	assert_int_equal(p.plan.n_notes, 0);
}

static void a_seed_decides_the_jitter_by_edt(void **state)
{
	_cleanup_planned_ struct planned p =
		plan_on("{\"action\":\"delay\",\"seed\":7,\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\"}}", &full);
	_cleanup_planned_ struct planned constant = plan_on("{\"action\":\"delay\",\"seed\":7,\"delay\":{\"latency\":\"200ms\"}}", &full);

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_DELAY);
	assert_false(rule_of(&p)->flags & FW_RULE_PER_WINDOW);
	assert_true(noted(&p, "a seed decides the jitter"));
	assert_int_equal(rule_of(&constant)->op, FW_OP_LEAF);
}

/* The one delay of a pod: seeds 0.. of a fault that netem must do. */
static uint64_t drawn(uint64_t seed, const char *extra)
{
	static const struct plan_env no_fq = { .htb = true, .netem = true };
	_cleanup_free_ char *text = util_printf("{\"action\":\"delay\",\"seed\":%llu,\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\","
						"\"correlation\":\"100\"%s}}",
						(unsigned long long)seed, extra);
	_cleanup_planned_ struct planned p = plan_on(text, &no_fq);

	assert_int_equal(rule_of(&p)->op, FW_OP_LEAF);
	assert_false(rule_of(&p)->flags & FW_RULE_PER_WINDOW);
	assert_int_equal(leaf_of(&p)->netem.jitter_ns, 0);
	assert_int_equal(leaf_of(&p)->netem.distribution, DIST_UNIFORM);
	assert_true(noted(&p, "netem draws once for the pod"));
	return leaf_of(&p)->netem.latency_ns;
}

static void without_fq_netem_holds_one_draw_per_pod(void **state)
{
	double sum = 0, squares = 0;
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		uint64_t ns = drawn(seed, "");
		double z = ((double)ns - 200e6) / 50e6;

		least = MIN(least, ns);
		most = MAX(most, ns);
		sum += z;
		squares += z * z;
	}
	assert_int_equal(drawn(5, ""), drawn(5, ""));
	assert_true(least >= 150 * NSEC_PER_MSEC && least < 151 * NSEC_PER_MSEC);
	assert_true(most <= 250 * NSEC_PER_MSEC && most > 249 * NSEC_PER_MSEC);
	/* uniform in [-1, 1): mean 0, variance 1/3; 4 standard errors of 2,000 fixed seeds */
	assert_true(sum / 2000 > -0.052 && sum / 2000 < 0.052);
	assert_true(squares / 2000 > 0.306 && squares / 2000 < 0.361);
}

static void a_normal_draw_per_pod_has_its_deviation(void **state)
{
	double sum = 0, squares = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		double z = ((double)drawn(seed, ",\"distribution\":\"normal\"") - 200e6) / 50e6;

		sum += z;
		squares += z * z;
	}
	assert_true(sum / 2000 > -0.09 && sum / 2000 < 0.09);
	assert_true(squares / 2000 > 0.87 && squares / 2000 < 1.13);
}

static void edt_says_what_it_cannot(void **state)
{
	static const struct {
		const char *body, *why;
	} cases[] = {
		{ "\"jitter\":\"1ms\",\"distribution\":\"normal\"", "distribution 'normal'" },
		{ "\"jitter\":\"1ms\",\"distribution\":\"pareto\"", "distribution 'pareto'" },
		{ "\"jitter\":\"1ms\",\"distribution\":\"paretonormal\"", "distribution 'paretonormal'" },
		{ "\"slot\":{\"min\":\"1ms\"}", "'slot'" },
		{ "\"reorder\":{\"reorder\":25}", "'reorder'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = util_printf(
			"{\"action\":\"delay\",\"backend\":\"edt\",\"delay\":{\"latency\":\"10ms\",%s}}", cases[i].body);
		_cleanup_spec_ struct fault_spec spec = network_spec(text);
		const struct refusal c = { text, ENOTSUP, NET, { cases[i].why, "netem" } };
		struct error err = {};
		struct plan plan = {};

		check_refused(&c, plan_build(&spec, &full, &plan, &err), &err);
	}
}

static void refuses_bandwidths_gone_wrong(void **state)
{
	static const struct refusal cases[] = {
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{}}", EINVAL, NET ".bandwidth", { "needs 'rate', as in {\"rate\":\"10mbit\"}" } },
		{ "{\"action\":\"rate\",\"rate\":{}}", EINVAL, NET ".rate", { "needs 'rate'" } },
		{ "{\"action\":\"rate\",\"rate\":{\"rate\":\"1mbps\",\"limit\":5}}", EINVAL, NET ".rate", { "unknown key 'limit' (allowed: rate)" } },
		{ "{\"action\":\"rate\",\"rate\":\"1mbps\"}", EINVAL, NET ".rate", { "must be an object" } },
		{ "{\"action\":\"rate\",\"rate\":{\"rate\":\"100\"}}", EINVAL, NET ".rate.rate", { "'100' needs a unit (bit, kbit" } },
		{ "{\"action\":\"rate\",\"rate\":{\"rate\":\"7bit\"}}", EINVAL, NET ".rate.rate", { "'7bit' is out of range, from 8bit to 1tbit" } },
		{ "{\"action\":\"rate\",\"rate\":{\"rate\":\"0bit\"}}", EINVAL, NET ".rate.rate", { "out of range", "'partition'" } },
		{ "{\"action\":\"rate\",\"rate\":{\"rate\":\"1tbps\"}}", EINVAL, NET ".rate.rate", { "out of range" } },
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"limit\":0}}", EINVAL, NET ".bandwidth.limit", { "over 0" } },
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"buffer\":1500}}",
		  EINVAL,
		  NET ".bandwidth.buffer",
		  { "'1500' is out of range, from 1600 bytes", "passes no full packet" } },
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"buffer\":\"4Gi\"}}", EINVAL, NET ".bandwidth.buffer", { "4294967295" } },
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"minburst\":2000}}",
		  EINVAL,
		  NET ".bandwidth.minburst",
		  { "'peakrate'", "remove it" } },
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"peakrate\":\"1mbit\"}}",
		  EINVAL,
		  NET ".bandwidth.peakrate",
		  { "must be over 'rate'" } },
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"peakrate\":\"2mbit\",\"minburst\":100}}",
		  EINVAL,
		  NET ".bandwidth.minburst",
		  { "from 1600 bytes" } },
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"burst\":1}}", EINVAL, NET ".bandwidth", { "unknown key 'burst'" } },
	};

	(void)state;
	check_network_refusals(cases, ARRAY_SIZE(cases));
}

static void a_bandwidth_is_a_tbf_leaf_bounded_in_time(void **state)
{
	static const struct {
		const char *body;
		struct plan_tbf tbf;
		const char *note;
	} cases[] = {
		{ "\"rate\":\"1mbps\"", { .rate_bits = 8000000, .limit_bytes = 1005000, .buffer_bytes = 5000 }, NULL },
		{ "\"rate\":\"1gbit\"", { .rate_bits = 1000000000, .limit_bytes = 125500000, .buffer_bytes = 500000 }, NULL },
		{ "\"rate\":\"1tbit\"", { .rate_bits = 1000000000000, .limit_bytes = UINT32_MAX, .buffer_bytes = 500000000 }, NULL },
		{ "\"rate\":\"8bit\"", { .rate_bits = 8, .limit_bytes = 5001, .buffer_bytes = 5000 }, NULL },
		{ "\"rate\":\"1mbps\",\"limit\":20971520,\"buffer\":10000",
		  { .rate_bits = 8000000, .limit_bytes = 1010000, .buffer_bytes = 10000 },
		  "limit 20971520 bytes cut to 1000000: 1 s at that rate" },
		{ "\"rate\":\"1mbps\",\"limit\":3000,\"buffer\":10000", { .rate_bits = 8000000, .limit_bytes = 13000, .buffer_bytes = 10000 }, NULL },
		{ "\"rate\":\"1mbps\",\"peakrate\":\"2mbps\"",
		  { .rate_bits = 8000000, .peak_bits = 16000000, .limit_bytes = 1005000, .buffer_bytes = 5000, .minburst_bytes = 1600 },
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = util_printf("{\"action\":\"bandwidth\",\"bandwidth\":{%s}}", cases[i].body);
		_cleanup_planned_ struct planned p = plan_on(text, &full);
		const struct plan_tbf *tbf = &leaf_of(&p)->tbf, *expected = &cases[i].tbf;

		assert_int_equal(rule_of(&p)->op, FW_OP_LEAF);
		assert_true(leaf_of(&p)->has_tbf);
		assert_int_equal(tbf->rate_bits, expected->rate_bits);
		assert_int_equal(tbf->peak_bits, expected->peak_bits);
		assert_int_equal(tbf->limit_bytes, expected->limit_bytes);
		assert_int_equal(tbf->buffer_bytes, expected->buffer_bytes);
		assert_int_equal(tbf->minburst_bytes, expected->minburst_bytes);
		assert_true(cases[i].note ? noted(&p, cases[i].note) : p.plan.n_notes == 0);
	}
}

static void a_rate_by_edt_is_a_virtual_clock(void **state)
{
	static const struct {
		const char *action, *body;
		struct fw_rate rate;
	} cases[] = {
		{ "rate", "\"rate\":\"1mbps\"", { 1000ULL << 16, 5000000, NSEC_PER_SEC } },
		{ "rate", "\"rate\":\"8bit\"", { NSEC_PER_SEC << 16, 5000 * NSEC_PER_SEC, NSEC_PER_SEC } },
		{ "rate", "\"rate\":\"1tbit\"", { 524, 4 * NSEC_PER_MSEC, NSEC_PER_SEC } },
		{ "rate", "\"rate\":\"3gbit\"", { 174763, 4 * NSEC_PER_MSEC, NSEC_PER_SEC } },
		{ "bandwidth", "\"rate\":\"1mbps\",\"limit\":3000,\"buffer\":10000", { 1000ULL << 16, 10000000, 3000000 } },
		{ "bandwidth", "\"rate\":\"1mbps\",\"limit\":20971520", { 1000ULL << 16, 5000000, NSEC_PER_SEC } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = util_printf("{\"action\":\"%s\",\"backend\":\"edt\",\"%s\":{%s}}", cases[i].action,
							cases[i].action, cases[i].body);
		_cleanup_planned_ struct planned p = plan_on(text, &full);

		assert_int_equal(rule_of(&p)->op, FW_OP_RATE);
		assert_int_equal(rule_of(&p)->rate.cost_q16, cases[i].rate.cost_q16);
		assert_int_equal(rule_of(&p)->rate.burst_ns, cases[i].rate.burst_ns);
		assert_int_equal(rule_of(&p)->rate.limit_ns, cases[i].rate.limit_ns);
	}
}

static void peakrate_is_tbf_s_alone(void **state)
{
	const char *text = "{\"action\":\"bandwidth\",\"backend\":\"edt\",\"bandwidth\":{\"rate\":\"1mbit\",\"peakrate\":\"2mbit\"}}";
	_cleanup_spec_ struct fault_spec spec = network_spec(text);
	const struct refusal c = { text, ENOTSUP, NET, { "'peakrate' is a second bucket", "netem" } };
	struct error err = {};
	struct plan plan = {};

	(void)state;
	check_refused(&c, plan_build(&spec, &full, &plan, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_found_by_its_name),
		cmocka_unit_test(partition_drops),
		cmocka_unit_test(reads_chaos_mesh_s_bodies),
		cmocka_unit_test(loss_percent_and_share_multiply),
		cmocka_unit_test(correlated_loss_is_a_chain),
		cmocka_unit_test(gemodel_has_tc_s_defaults),
		cmocka_unit_test(gemodel_takes_shares_that_pass),
		cmocka_unit_test(state_model_has_tc_s_defaults),
		cmocka_unit_test(state_model_is_netem_s_four_states),
		cmocka_unit_test(the_share_told_to_the_policy_is_the_chain_s),
		cmocka_unit_test(a_burst_that_may_never_end_counts_as_all),
		cmocka_unit_test(refuses_losses_gone_wrong),
		cmocka_unit_test(duplicate_and_corrupt_need_their_share),
		cmocka_unit_test(duplicates_by_share),
		cmocka_unit_test(corrupts_in_a_leaf_where_the_kernel_has_one),
		cmocka_unit_test(valid_corruption_needs_no_qdisc),
		cmocka_unit_test(reads_a_whole_delay),
		cmocka_unit_test(refuses_delays_gone_wrong),
		cmocka_unit_test(a_plain_delay_is_a_netem_leaf_with_room),
		cmocka_unit_test(netem_gets_its_own_parameters),
		cmocka_unit_test(correlation_100_is_one_draw_per_window_by_edt),
		cmocka_unit_test(correlation_without_jitter_draws_nothing),
		cmocka_unit_test(a_seed_decides_the_jitter_by_edt),
		cmocka_unit_test(without_fq_netem_holds_one_draw_per_pod),
		cmocka_unit_test(a_normal_draw_per_pod_has_its_deviation),
		cmocka_unit_test(edt_says_what_it_cannot),
		cmocka_unit_test(refuses_bandwidths_gone_wrong),
		cmocka_unit_test(a_bandwidth_is_a_tbf_leaf_bounded_in_time),
		cmocka_unit_test(a_rate_by_edt_is_a_virtual_clock),
		cmocka_unit_test(peakrate_is_tbf_s_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
