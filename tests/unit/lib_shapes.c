// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kinds that shape: delay, bandwidth and rate. Their bodies, their refusals and both forms of each, leaf and departure time.
 */
#include <math.h>

#include "tests/unit/plan_check.h"

static void reads_a_whole_delay(void **state)
{
	_cleanup_spec_ struct fault_spec spec = network_spec(
		"{\"action\":\"delay\",\"delay\":{\"latency\":\"1.5s\",\"jitter\":\"1500ms\",\"distribution\":\"paretonormal\","
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
	assert_int_equal(fault_kind_delay.max_delay_ns(spec.faults), (1500 + 4 * 1500 + 20) * NSEC_PER_MSEC);
}

static const struct refusal delay_refusals[] = {
	{ "{}", EINVAL, NET ".delay", { "needs 'latency', as in {\"latency\":\"200ms\"}" } },
	{ "{\"jitter\":\"5ms\"}", EINVAL, NET ".delay", { "needs 'latency'" } },
	{ "{\"latency\":\"200\"}", EINVAL, NET ".delay.latency", { "'200' needs a unit (ns, us, ms, s, m, h)" } },
	{ "{\"latency\":200}", EINVAL, NET ".delay.latency", { "'200' needs a unit" } },
	{ "{\"latency\":\"-5ms\"}", EINVAL, NET ".delay.latency", { "must not be negative" } },
	{ "{\"latency\":\"0s\"}", EINVAL, NET ".delay", { "does nothing" } },
	{ "{\"latencey\":\"5ms\"}", EINVAL, NET ".delay", { "did you mean 'latency'?" } },
	{ "{\"latency\":\"10ms\",\"jitter\":\"20ms\"}", EINVAL, NET ".delay.jitter", { "'20ms' is over the latency of 10ms" } },
	{ "{\"latency\":\"10ms\",\"correlation\":101}", EINVAL, NET ".delay.correlation", { "out of range" } },
	{ "{\"latency\":\"10ms\",\"distribution\":\"normal\"}", EINVAL, NET ".delay.distribution", { "needs a 'jitter'" } },
	{ "{\"latency\":\"10ms\",\"jitter\":\"1ms\",\"distribution\":\"gauss\"}",
	  EINVAL,
	  NET ".delay.distribution",
	  { "(allowed: uniform, normal, pareto, paretonormal)" } },
	{ "{\"latency\":\"10ms\",\"reorder\":{}}", EINVAL, NET ".delay.reorder", { "needs 'reorder'" } },
	{ "{\"latency\":\"10ms\",\"reorder\":\"25\"}", EINVAL, NET ".delay.reorder", { "must be an object" } },
	{ "{\"latency\":\"10ms\",\"reorder\":{\"reorder\":101}}", EINVAL, NET ".delay.reorder.reorder", { "out of range" } },
	{ "{\"latency\":\"10ms\",\"reorder\":{\"reorder\":25,\"gap\":-1}}", EINVAL, NET ".delay.reorder.gap", { "whole number" } },
	{ "{\"latency\":\"10ms\",\"reorder\":{\"reorder\":25,\"gap\":1073741825}}",
	  EINVAL,
	  NET ".delay.reorder.gap",
	  { "to 1073741824" } },
	{ "{\"latency\":\"0s\",\"slot\":{\"min\":\"1ms\"},\"reorder\":{\"reorder\":25}}",
	  EINVAL,
	  NET ".delay.reorder",
	  { "needs a 'latency' over 0s" } },
	{ "{\"latency\":\"10ms\",\"slot\":{}}", EINVAL, NET ".delay.slot", { "needs 'min'" } },
	{ "{\"latency\":\"10ms\",\"slot\":{\"min\":\"5ms\",\"max\":\"4ms\"}}",
	  EINVAL,
	  NET ".delay.slot.max",
	  { "is below 'min'" } },
	{ "{\"latency\":\"10ms\",\"slot\":{\"min\":5}}", EINVAL, NET ".delay.slot.min", { "needs a unit" } },
	{ "{\"latency\":\"10ms\",\"slot\":{\"min\":\"5ms\",\"packets\":0}}",
	  EINVAL,
	  NET ".delay.slot.packets",
	  { "from 1 to 2147483647" } },
	{ "{\"latency\":\"10ms\",\"slot\":{\"min\":\"5ms\",\"bytes\":2147483648}}",
	  EINVAL,
	  NET ".delay.slot.bytes",
	  { "to 2147483647" } },
	{ "{\"latency\":\"10ms\",\"limit\":0}", EINVAL, NET ".delay.limit", { "from 1 to 10000000" } },
	{ "{\"latency\":\"10ms\",\"limit\":10000001}", EINVAL, NET ".delay.limit", { "from 1 to 10000000" } },
};

static void refuses_delays_gone_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(delay_refusals); i++) {
		_cleanup_free_ char *text = util_printf("{\"action\":\"delay\",\"delay\":%s}", delay_refusals[i].input);
		struct refusal c = delay_refusals[i];

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
		{ "1ms", "0s", 10000 },    /* at least */
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

static void slots_hold_no_more_than_leaves_in_latency_and_a_second(void **state)
{
	static const struct {
		const char *slot;
		uint32_t limit;
	} cases[] = {
		{ "\"min\":\"100ms\",\"packets\":5", 50 },
		{ "\"min\":\"1ms\",\"max\":\"100ms\",\"bytes\":3000", 20 },
		{ "\"min\":\"100ms\",\"packets\":5,\"bytes\":100", 10 },
		{ "\"min\":\"5s\",\"packets\":1", 1 },
		{ "\"min\":\"0s\",\"packets\":1", 20000 },
		{ "\"min\":\"100ms\"", 20000 }, /* all leave at once */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text =
			util_printf("{\"action\":\"delay\",\"delay\":{\"latency\":\"10ms\",\"slot\":{%s}}}", cases[i].slot);
		_cleanup_planned_ struct planned p = plan_on(text, &full);

		assert_int_equal(leaf_of(&p)->netem.limit, cases[i].limit);
	}
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
	_cleanup_planned_ struct planned constant =
		plan_on("{\"action\":\"delay\",\"seed\":7,\"delay\":{\"latency\":\"200ms\"}}", &full);

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
	_cleanup_free_ char *text =
		util_printf("{\"action\":\"delay\",\"seed\":%llu,\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\","
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

static void a_jitter_that_correlates_goes_by_edt(void **state)
{
	_cleanup_planned_ struct planned uniform = plan_on(
		"{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\",\"correlation\":\"50\"}}", &full);
	_cleanup_planned_ struct planned pareto =
		plan_on("{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\","
			"\"correlation\":\"99.9999\",\"distribution\":\"pareto\"}}",
			&full);
	const struct fw_delay *d = &rule_of(&uniform)->delay;
	double one = 1 << 30;

	(void)state;
	assert_int_equal(rule_of(&uniform)->op, FW_OP_DELAY);
	assert_int_equal(rule_of(&uniform)->flags, FW_RULE_PROCESS);
	assert_true(fabs(d->rho / one - 2 * sin(M_PI / 12)) < 1e-4);
	assert_true(fabs(hypot(d->rho, d->innovation) / one - 1) < 1e-6);
	assert_true(noted(&uniform, "netem draws each jitter anew"));
	assert_int_equal(rule_of(&pareto)->delay.curve, DIST_PARETO);
	assert_true(rule_of(&pareto)->delay.rho < one && rule_of(&pareto)->delay.innovation > 0);
}

static void every_distribution_and_correlation_100_go_together(void **state)
{
	_cleanup_planned_ struct planned p = plan_on("{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\","
						     "\"correlation\":\"100\",\"distribution\":\"paretonormal\"}}",
						     &full);

	(void)state;
	assert_int_equal(rule_of(&p)->flags, FW_RULE_PER_WINDOW);
	assert_int_equal(rule_of(&p)->delay.curve, DIST_PARETONORMAL);
	assert_true(drawn(1, ",\"distribution\":\"pareto\"") >= 150 * NSEC_PER_MSEC);
}

static void edt_reorders_by_a_chain(void **state)
{
	_cleanup_planned_ struct planned plain = plan_on(
		"{\"action\":\"delay\",\"backend\":\"edt\",\"delay\":{\"latency\":\"10ms\",\"reorder\":{\"reorder\":25}}}", &full);
	_cleanup_planned_ struct planned correlated = plan_on(
		"{\"action\":\"delay\",\"delay\":{\"latency\":\"10ms\",\"reorder\":{\"reorder\":25,\"correlation\":50,\"gap\":5}}}",
		&full);
	_cleanup_planned_ struct planned seeded =
		plan_on("{\"action\":\"delay\",\"seed\":1,\"delay\":{\"latency\":\"10ms\",\"reorder\":{\"reorder\":25}}}", &full);

	(void)state;
	assert_int_equal(rule_of(&plain)->flags, FW_RULE_REORDER);
	assert_int_equal(rule_of(&plain)->delay.gap, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rule_of(&plain)->chain.step[i][1], plan_threshold(750000));
	assert_int_equal(rule_of(&correlated)->op, FW_OP_DELAY);
	assert_int_equal(rule_of(&correlated)->delay.gap, 5);
	assert_int_equal(rule_of(&correlated)->chain.step[2][1], plan_threshold(375000));
	assert_true(noted(&correlated, "changes the share"));
	assert_true(noted(&seeded, "a seed decides what is sent at once"));
}

static void each_backend_says_what_it_cannot(void **state)
{
	static const struct {
		const char *backend, *body, *path, *why;
	} cases[] = {
		{ "edt", "\"slot\":{\"min\":\"1ms\"}", NET, "'slot', which departure times cannot do: use backend 'netem'" },
		{ "edt", "\"limit\":5", NET, "'limit', which departure times cannot do" },
		{ "netem", "\"jitter\":\"1ms\",\"correlation\":25", NET ".backend",
		  "netem draws each jitter anew, whatever 'correlation'" },
		{ "netem", "\"reorder\":{\"reorder\":25,\"correlation\":5}", NET ".backend",
		  "'correlation' of 'reorder' changes the share" },
		{ "auto", "\"jitter\":\"1ms\",\"correlation\":25,\"limit\":5", NET,
		  "departure times cannot do 'limit': leave one of" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text =
			util_printf("{\"action\":\"delay\",\"backend\":\"%s\",\"delay\":{\"latency\":\"10ms\",%s}}",
				    cases[i].backend, cases[i].body);
		_cleanup_spec_ struct fault_spec spec = network_spec(text);
		const struct refusal c = { text, ENOTSUP, cases[i].path, { cases[i].why } };
		struct error err = {};
		struct plan plan = {};

		check_refused(&c, plan_build(&spec, &full, &plan, &err), &err);
	}
}

static void a_jitter_that_netem_cannot_hold_goes_by_edt(void **state)
{
	static const char text[] =
		"{\"action\":\"delay\",\"delay\":{\"latency\":\"5s\",\"jitter\":\"3s\",\"distribution\":\"normal\"}}";
	static const char slot[] =
		"{\"action\":\"delay\",\"delay\":{\"latency\":\"5s\",\"jitter\":\"3s\",\"slot\":{\"min\":\"1ms\"}}}";
	const struct refusal c = { slot, ENOTSUP, NET, { "2.147483647s", "'slot'" } };
	_cleanup_planned_ struct planned p = plan_on(text, &full);
	_cleanup_spec_ struct fault_spec spec = network_spec(slot);
	struct error err = {};
	struct plan plan = {};

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_DELAY);
	assert_int_equal(leaf_of(&p)->fq_horizon_ns, (2 + 5 + 4 * 3) * NSEC_PER_SEC);
	check_refused(&c, plan_build(&spec, &full, &plan, &err), &err);
}

static void refuses_bandwidths_gone_wrong(void **state)
{
	static const struct refusal cases[] = {
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{}}",
		  EINVAL,
		  NET ".bandwidth",
		  { "needs 'rate', as in {\"rate\":\"10mbit\"}" } },
		{ "{\"action\":\"rate\",\"rate\":{}}", EINVAL, NET ".rate", { "needs 'rate'" } },
		{ "{\"action\":\"rate\",\"rate\":{\"rate\":\"1mbps\",\"limit\":5}}",
		  EINVAL,
		  NET ".rate",
		  { "unknown key 'limit' (allowed: rate)" } },
		{ "{\"action\":\"rate\",\"rate\":\"1mbps\"}", EINVAL, NET ".rate", { "must be an object" } },
		{ "{\"action\":\"rate\",\"rate\":{\"rate\":\"100\"}}",
		  EINVAL,
		  NET ".rate.rate",
		  { "'100' needs a unit (bit, kbit" } },
		{ "{\"action\":\"rate\",\"rate\":{\"rate\":\"7bit\"}}",
		  EINVAL,
		  NET ".rate.rate",
		  { "'7bit' is out of range, from 8bit to 1tbit" } },
		{ "{\"action\":\"rate\",\"rate\":{\"rate\":\"0bit\"}}",
		  EINVAL,
		  NET ".rate.rate",
		  { "out of range", "'partition'" } },
		{ "{\"action\":\"rate\",\"rate\":{\"rate\":\"1tbps\"}}", EINVAL, NET ".rate.rate", { "out of range" } },
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"limit\":0}}",
		  EINVAL,
		  NET ".bandwidth.limit",
		  { "over 0" } },
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"buffer\":1500}}",
		  EINVAL,
		  NET ".bandwidth.buffer",
		  { "'1500' is out of range, from 1600 bytes", "passes no full packet" } },
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"buffer\":\"4Gi\"}}",
		  EINVAL,
		  NET ".bandwidth.buffer",
		  { "4294967295" } },
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
		{ "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\",\"burst\":1}}",
		  EINVAL,
		  NET ".bandwidth",
		  { "unknown key 'burst'" } },
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
		{ "\"rate\":\"1mbps\"", { .rate_bits = 8000000, .limit_bytes = 1000000, .buffer_bytes = 5000 }, NULL },
		{ "\"rate\":\"1gbit\"", { .rate_bits = 1000000000, .limit_bytes = 125000000, .buffer_bytes = 500000 }, NULL },
		{ "\"rate\":\"1tbit\"",
		  { .rate_bits = 1000000000000, .limit_bytes = UINT32_MAX, .buffer_bytes = 500000000 },
		  NULL },
		{ "\"rate\":\"8bit\"", { .rate_bits = 8, .limit_bytes = 1600, .buffer_bytes = 5000 }, NULL },
		{ "\"rate\":\"1mbps\",\"limit\":20971520,\"buffer\":10000",
		  { .rate_bits = 8000000, .limit_bytes = 1000000, .buffer_bytes = 10000 },
		  "limit 20971520 bytes cut to 1000000: 1 s at that rate" },
		{ "\"rate\":\"1mbps\",\"limit\":3000,\"buffer\":10000",
		  { .rate_bits = 8000000, .limit_bytes = 3000, .buffer_bytes = 10000 },
		  NULL },
		{ "\"rate\":\"1mbps\",\"peakrate\":\"2mbps\"",
		  { .rate_bits = 8000000,
		    .peak_bits = 16000000,
		    .limit_bytes = 1000000,
		    .buffer_bytes = 5000,
		    .minburst_bytes = 1600 },
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
	const char *text =
		"{\"action\":\"bandwidth\",\"backend\":\"edt\",\"bandwidth\":{\"rate\":\"1mbit\",\"peakrate\":\"2mbit\"}}";
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
		cmocka_unit_test(reads_a_whole_delay),
		cmocka_unit_test(refuses_delays_gone_wrong),
		cmocka_unit_test(a_plain_delay_is_a_netem_leaf_with_room),
		cmocka_unit_test(netem_gets_its_own_parameters),
		cmocka_unit_test(slots_hold_no_more_than_leaves_in_latency_and_a_second),
		cmocka_unit_test(correlation_100_is_one_draw_per_window_by_edt),
		cmocka_unit_test(correlation_without_jitter_draws_nothing),
		cmocka_unit_test(a_seed_decides_the_jitter_by_edt),
		cmocka_unit_test(without_fq_netem_holds_one_draw_per_pod),
		cmocka_unit_test(a_normal_draw_per_pod_has_its_deviation),
		cmocka_unit_test(a_jitter_that_correlates_goes_by_edt),
		cmocka_unit_test(every_distribution_and_correlation_100_go_together),
		cmocka_unit_test(edt_reorders_by_a_chain),
		cmocka_unit_test(each_backend_says_what_it_cannot),
		cmocka_unit_test(a_jitter_that_netem_cannot_hold_goes_by_edt),
		cmocka_unit_test(refuses_bandwidths_gone_wrong),
		cmocka_unit_test(a_bandwidth_is_a_tbf_leaf_bounded_in_time),
		cmocka_unit_test(a_rate_by_edt_is_a_virtual_clock),
		cmocka_unit_test(peakrate_is_tbf_s_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
