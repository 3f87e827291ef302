// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kinds that do not shape: their bodies with exact numbers, their refusals, and what they ask of the plan.
 */
#include "tests/unit/plan_check.h"

static void every_kind_is_found_by_its_name(void **state)
{
	static const char *const names[] = { "delay", "loss",  "duplicate", "corrupt", "bandwidth", "rate",    "partition",
					     "reset", "dns",   "http",      "syscall", "fault",     "latency", "mistake",
					     "kill",  "pause", "oom",       "exit",    "resource" };

	(void)state;
	assert_int_equal(fault_kinds_count, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct fault_kind *kind = fault_kind_find(names[i]);

		assert_non_null(kind);
		assert_string_equal(kind->name, names[i]);
		assert_true((kind->plan || kind->layer != LAYER_NETWORK) && (!kind->body || kind->parse));
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
	_cleanup_spec_ struct fault_spec spec =
		network_spec("[{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\",\"correlation\":\"100\","
			     "\"reorder\":{\"reorder\":\"25\",\"correlation\":\"0\",\"gap\":5}}},"
			     "{\"action\":\"loss\",\"loss\":{\"loss\":\"25\",\"correlation\":\"30\"}},"
			     "{\"action\":\"duplicate\",\"duplicate\":{\"duplicate\":\"40\",\"correlation\":\"25\"}},"
			     "{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"0.5\",\"correlation\":\"25\"}},"
			     "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbps\",\"limit\":20971520,\"buffer\":10000,"
			     "\"peakrate\":\"2mbps\","
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
	_cleanup_planned_ struct planned p = plan_on("{\"action\":\"loss\",\"percent\":50,\"loss\":{\"loss\":\"10\"}}", &full);

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
	_cleanup_planned_ struct planned p =
		plan_on("{\"action\":\"loss\",\"loss\":{\"state\":{\"p13\":5,\"p31\":20,\"p32\":30,\"p23\":40,\"p14\":2}}}", &full);
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
		{ "{\"gemodel\":{\"p\":1},\"correlation\":5}",
		  EINVAL,
		  NET ".loss.correlation",
		  { "goes with 'loss'", "remove it" } },
		{ "{\"gemodel\":{}}", EINVAL, NET ".loss.gemodel", { "needs 'p'" } },
		{ "{\"gemodel\":{\"r\":1}}", EINVAL, NET ".loss.gemodel", { "needs 'p'" } },
		{ "{\"gemodel\":5}", EINVAL, NET ".loss.gemodel", { "must be an object" } },
		{ "{\"gemodel\":{\"p\":1,\"1-h\":5}}", EINVAL, NET ".loss.gemodel", { "unknown key '1-h'" } },
		{ "{\"gemodel\":{\"p\":1,\"h\":\"x\"}}", EINVAL, NET ".loss.gemodel.h", { "is not a percentage" } },
		{ "{\"state\":{}}", EINVAL, NET ".loss.state", { "needs 'p13'" } },
		{ "{\"state\":{\"p13\":60,\"p14\":41}}",
		  EINVAL,
		  NET ".loss.state",
		  { "'p13' and 'p14' together are over 100 percent" } },
		{ "{\"state\":{\"p13\":1,\"p31\":60,\"p32\":41}}",
		  EINVAL,
		  NET ".loss.state",
		  { "'p31' and 'p32' together are over" } },
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
		{ "{\"action\":\"duplicate\",\"duplicate\":{\"duplicate\":101}}",
		  EINVAL,
		  NET ".duplicate.duplicate",
		  { "out of range" } },
		{ "{\"action\":\"duplicate\",\"duplicate\":{\"duplicate\":1,\"gap\":1}}",
		  EINVAL,
		  NET ".duplicate",
		  { "unknown key 'gap'" } },
		{ "{\"action\":\"corrupt\",\"corrupt\":{\"correlation\":1}}", EINVAL, NET ".corrupt", { "needs 'corrupt'" } },
		{ "{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":1,\"checksum\":\"ok\"}}",
		  EINVAL,
		  NET ".corrupt.checksum",
		  { "(allowed: invalid, valid)" } },
		{ "{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":1,\"checksum\":true}}",
		  EINVAL,
		  NET ".corrupt.checksum",
		  { "must be a string" } },
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
		{ { .netem = true, .htb = true, .mirred = true },
		  "from",
		  FW_OP_CORRUPT_INVALID,
		  false,
		  "without ifb: on the way in a corrupted packet is dropped" },
		{ { .netem = true, .htb = true, .ifb = true },
		  "both",
		  FW_OP_CORRUPT_INVALID,
		  true,
		  "without act_mirred: on the way in" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = util_printf(
			"{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"10\"},\"direction\":\"%s\"}", cases[i].direction);
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
		plan_on("{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"10\",\"checksum\":\"valid\"},\"direction\":\"both\"}",
			&nothing);

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_CORRUPT_VALID);
	assert_null(plan_find(&p.plan, PLAN_OFFLOAD));
	assert_int_equal(p.plan.n_notes, 0);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
