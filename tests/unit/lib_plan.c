// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plans: golden files (tests/fixtures/<name>.spec.json -> <name>.plan.json, <name>.plan.txt; UPDATE=1 rewrites the expected ones),
 * the JSON round trip, the choice of a shaper, and the chains' arithmetic by simulation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <math.h>

#include "lib/plan.h"
#include "lib/util.h"

static const struct plan_env everything = {
	.htb = true,
	.tbf = true,
	.netem = true,
	.fq = true,
	.ifb = true,
	.mirred = true,
};

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t n = 0;

	if (!f)
		return util_strdup("");
	if (getdelim(&text, &n, '\0', f) < 0) {
		free(text);
		text = util_strdup("");
	}
	fclose(f);
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static struct fault_spec parse(const char *network)
{
	cJSON *annotations = cJSON_CreateObject();
	struct fault_spec spec = {};
	struct error err = {};
	int r;

	cJSON_AddStringToObject(annotations, "faultwire.dev/network", network);
	r = spec_parse(annotations, &spec, &err);
	cJSON_Delete(annotations);
	if (r)
		fail_msg("%s", err.msg);
	spec_seed(&spec, 42);
	return spec;
}

static int plan_of(const char *network, const struct plan_env *env, struct plan *ret, struct error *err)
{
	struct fault_spec spec = parse(network);
	int r = plan_build(&spec, env, ret, err);

	spec_cleanup(&spec);
	return r;
}

static char *plan_text(const struct plan *plan)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	plan_print(plan, f);
	fclose(f);
	return text;
}

/* Compares with the expected file beside the fixture, or rewrites it. */
static void expect(const char *fixture, const char *ending, const char *got)
{
	char path[512];
	char *want;

	snprintf(path, sizeof(path), "%.*s%s", (int)(strlen(fixture) - strlen(".spec.json")), fixture, ending);
	if (getenv("UPDATE"))
		write_file(path, got);
	want = read_file(path);
	if (!util_streq(want, got))
		fail_msg("%s is not what it was: UPDATE=1 rewrites it, git diff shows what changed", path);
	free(want);
}

static void golden_one(const char *fixture)
{
	char *text = read_file(fixture), *json, *people;
	struct plan plan = {}, again = {};
	struct error err = {};
	cJSON *o, *back;
	struct json j;

	if (plan_of(text, &everything, &plan, &err))
		fail_msg("%s: %s", fixture, err.msg);
	o = plan_to_json(&plan);
	json = cJSON_Print(o);
	people = plan_text(&plan);
	expect(fixture, ".plan.json", json);
	expect(fixture, ".plan.txt", people);

	j = json_root(o, "plan");
	if (plan_from_json(&j, &again, &err))
		fail_msg("%s: %s", fixture, err.msg);
	back = plan_to_json(&again);
	assert_true(cJSON_Compare(o, back, true));

	cJSON_Delete(o);
	cJSON_Delete(back);
	cJSON_free(json);
	free(people);
	free(text);
	plan_cleanup(&plan);
	plan_cleanup(&again);
}

static void every_fixture_gives_its_plan_and_survives_json(void **state)
{
	glob_t g = {};

	(void)state;
	assert_int_equal(glob("tests/fixtures/*.spec.json", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 8);
	for (size_t i = 0; i < g.gl_pathc; i++)
		golden_one(g.gl_pathv[i]);
	globfree(&g);
}

static unsigned int ops_of(const struct plan *plan, enum plan_op_type type)
{
	unsigned int n = 0;

	for (size_t i = 0; i < plan->n_ops; i++)
		n += plan->ops[i].type == type;
	return n;
}

static const char delay[] = "{\"action\":\"delay\",\"delay\":{\"latency\":\"10ms\"}}";
static const char jitter[] = "{\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\",\"jitter\":\"50ms\",\"correlation\":\"100\"}}";
static const char delay_and_rate[] = "[{\"action\":\"delay\",\"delay\":{\"latency\":\"10ms\"}},"
				     "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"10mbit\"}}]";
static const char slot_and_rate[] = "[{\"action\":\"delay\",\"delay\":{\"latency\":\"10ms\",\"slot\":{\"min\":\"5ms\"}}},"
				    "{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"10mbit\"}}]";

static enum fw_op first_op(const char *network, const struct plan_env *env)
{
	struct plan plan = {};
	struct error err = {};
	enum fw_op op;

	if (plan_of(network, env, &plan, &err))
		fail_msg("%s", err.msg);
	op = plan_rules(&plan)->rules[0].rule.op;
	plan_cleanup(&plan);
	return op;
}

static void one_plain_delay_takes_a_netem_leaf(void **state)
{
	(void)state;
	assert_int_equal(first_op(delay, &everything), FW_OP_LEAF);
}

static void a_delay_takes_departure_times_where_netem_is_missing(void **state)
{
	struct plan_env env = everything;

	(void)state;
	env.netem = false;
	assert_int_equal(first_op(delay, &env), FW_OP_DELAY);
}

static void a_correlated_delay_takes_departure_times(void **state)
{
	(void)state;
	assert_int_equal(first_op(jitter, &everything), FW_OP_DELAY);
}

static void a_correlated_delay_without_fq_is_drawn_once_for_the_pod_and_says_so(void **state)
{
	struct plan_env env = everything;
	struct plan plan = {};

	(void)state;
	env.fq = false;
	assert_int_equal(plan_of(jitter, &env, &plan, NULL), 0);
	assert_int_equal(plan_rules(&plan)->rules[0].rule.op, FW_OP_LEAF);
	assert_int_equal(plan.n_notes, 1);
	assert_non_null(strstr(plan.notes[0], "once"));
	plan_cleanup(&plan);
}

static void shapes_that_add_up_share_one_fq_leaf(void **state)
{
	struct plan plan = {};

	(void)state;
	assert_int_equal(plan_of(delay_and_rate, &everything, &plan, NULL), 0);
	assert_int_equal(ops_of(&plan, PLAN_LEAF), 1);
	assert_int_equal(plan_rules(&plan)->rules[0].rule.op, FW_OP_DELAY);
	assert_int_equal(plan_rules(&plan)->rules[1].rule.op, FW_OP_RATE);
	assert_int_equal(plan_rules(&plan)->rules[0].rule.leaf, plan_rules(&plan)->rules[1].rule.leaf);
	plan_cleanup(&plan);
}

static void what_cannot_add_up_is_refused_with_the_reason(void **state)
{
	struct plan plan = {};
	struct error err = {};

	(void)state;
	assert_int_equal(plan_of(slot_and_rate, &everything, &plan, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "slot"));
	assert_non_null(strstr(err.msg, "another fault shapes the same direction"));
}

static void a_kernel_without_any_shaper_is_named_with_the_remedy(void **state)
{
	struct plan_env env = everything;
	struct plan plan = {};
	struct error err = {};

	(void)state;
	env.netem = env.fq = false;
	assert_int_equal(plan_of(delay, &env, &plan, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "sch_netem"));
	assert_non_null(strstr(err.msg, "modprobe"));
}

static void programs_are_attached_last(void **state)
{
	struct plan plan = {};

	(void)state;
	assert_int_equal(plan_of(delay_and_rate, &everything, &plan, NULL), 0);
	assert_int_equal(plan.ops[plan.n_ops - 1].type, PLAN_ATTACH);
	assert_int_equal(plan.ops[0].type, PLAN_RULES);
	plan_cleanup(&plan);
}

static void a_packet_meets_drop_corrupt_duplicate_shape_in_this_order(void **state)
{
	static const char all[] = "[{\"action\":\"bandwidth\",\"bandwidth\":{\"rate\":\"1mbit\"}},"
				  "{\"action\":\"duplicate\",\"duplicate\":{\"duplicate\":\"1\"}},"
				  "{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"1\",\"checksum\":\"valid\"}},"
				  "{\"action\":\"loss\",\"loss\":{\"loss\":\"1\"}},{\"action\":\"partition\"}]";
	static const enum fw_op want[] = { FW_OP_DROP, FW_OP_DROP, FW_OP_CORRUPT_VALID, FW_OP_DUPLICATE, FW_OP_LEAF };
	struct plan plan = {};

	(void)state;
	assert_int_equal(plan_of(all, &everything, &plan, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(plan_rules(&plan)->rules[i].rule.op, want[i]);
	assert_string_equal(plan_rules(&plan)->rules[0].name, "network[4]");
	plan_cleanup(&plan);
}

/* The chain as the kernel steps it. */
struct simulated {
	double share, autocorrelation;
};

static struct simulated simulate(const struct fw_rule *r, unsigned int n)
{
	uint64_t rng = 1;
	unsigned int state = 0, hits = 0, both = 0;
	bool hit, before = false;
	double p;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t a = util_mix64(rng++) >> 32, b = util_mix64(rng++) >> 32;
		const __u32 *step = r->chain.step[state];

		state = a < step[0] ? 0 : a < step[1] ? 1 : a < step[2] ? 2 : 3;
		hit = r->chain.hit[state] == FW_ALWAYS || b < r->chain.hit[state];
		hits += hit;
		both += hit && before;
		before = hit;
	}
	p = (double)hits / n;
	return (struct simulated){ p, ((double)both / n - p * p) / (p * (1 - p)) };
}

static void assert_near(double got, double want, double within)
{
	if (fabs(got - want) > within)
		fail_msg("%f is not within %f of %f", got, within, want);
}

static void a_correlated_loss_has_the_share_and_the_autocorrelation_asked_for(void **state)
{
	static const struct {
		uint32_t share, correlation;
	} cases[] = { { 250000, 250000 }, { 10000, 500000 }, { 500000, 900000 }, { 100000, 100000 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fault f = { .percent_ppm = PPM_ALL };
		struct fw_rule r = {};
		struct simulated s;

		plan_share(&r, &f, cases[i].share, cases[i].correlation);
		s = simulate(&r, 2000000);
		assert_near(s.share, cases[i].share / 1e6, 0.006);
		assert_near(s.autocorrelation, cases[i].correlation / 1e6, 0.015);
	}
}

static void gilbert_elliott_has_the_share_of_its_stationary_states(void **state)
{
	struct plan plan = {};
	struct simulated s;

	(void)state;
	assert_int_equal(
		plan_of("{\"action\":\"loss\",\"loss\":{\"gemodel\":{\"p\":\"2\",\"r\":\"10\",\"h\":\"30\",\"k\":\"99\"}}}",
			&everything, &plan, NULL),
		0);
	s = simulate(&plan_rules(&plan)->rules[0].rule, 2000000);
	assert_near(s.share, 2. / 12 * 0.7 + 10. / 12 * 0.01, 0.003);
	plan_cleanup(&plan);
}

static void percent_and_share_multiply(void **state)
{
	struct plan plan = {};

	(void)state;
	assert_int_equal(plan_of("{\"action\":\"loss\",\"loss\":{\"loss\":\"50\"},\"percent\":10}", &everything, &plan, NULL), 0);
	assert_int_equal(plan_rules(&plan)->rules[0].rule.probability, plan_threshold(50000));
	plan_cleanup(&plan);
	/* half of the least share is still one */
	assert_int_equal(plan_of("{\"action\":\"loss\",\"loss\":{\"loss\":\"0.0001\"},\"percent\":50}", &everything, &plan, NULL),
			 0);
	assert_int_equal(plan_rules(&plan)->rules[0].rule.probability, 2147);
	plan_cleanup(&plan);
}

static void corruption_is_woven_into_a_twin_of_every_shaping_leaf(void **state)
{
	struct plan plan = {};
	unsigned int corrupting = 0;

	(void)state;
	assert_int_equal(plan_of("[{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"1\"}},"
				 "{\"action\":\"delay\",\"delay\":{\"latency\":\"10ms\"}}]",
				 &everything, &plan, NULL),
			 0);
	for (size_t i = 0; i < plan.n_ops; i++)
		if (plan.ops[i].type == PLAN_LEAF && plan.ops[i].leaf.netem.corrupt_ppm)
			corrupting |= 1U << plan.ops[i].leaf.minor;
	assert_int_equal(corrupting, 1U << 1 | 1U << 3);
	plan_cleanup(&plan);
}

static void the_horizon_of_fq_is_above_what_all_delays_add_up_to(void **state)
{
	static const char three[] = "[{\"action\":\"delay\",\"delay\":{\"latency\":\"50s\"}},"
				    "{\"action\":\"delay\",\"delay\":{\"latency\":\"40s\"}},"
				    "{\"action\":\"rate\",\"rate\":{\"rate\":\"1mbit\"}}]";
	struct plan plan = {};

	(void)state;
	assert_int_equal(plan_of(three, &everything, &plan, NULL), 0);
	assert_true(plan_find(&plan, PLAN_LEAF)->leaf.fq_horizon_ns > 91 * NSEC_PER_SEC);
	plan_cleanup(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fixture_gives_its_plan_and_survives_json),
		cmocka_unit_test(one_plain_delay_takes_a_netem_leaf),
		cmocka_unit_test(a_delay_takes_departure_times_where_netem_is_missing),
		cmocka_unit_test(a_correlated_delay_takes_departure_times),
		cmocka_unit_test(a_correlated_delay_without_fq_is_drawn_once_for_the_pod_and_says_so),
		cmocka_unit_test(shapes_that_add_up_share_one_fq_leaf),
		cmocka_unit_test(what_cannot_add_up_is_refused_with_the_reason),
		cmocka_unit_test(a_kernel_without_any_shaper_is_named_with_the_remedy),
		cmocka_unit_test(programs_are_attached_last),
		cmocka_unit_test(a_packet_meets_drop_corrupt_duplicate_shape_in_this_order),
		cmocka_unit_test(a_correlated_loss_has_the_share_and_the_autocorrelation_asked_for),
		cmocka_unit_test(gilbert_elliott_has_the_share_of_its_stationary_states),
		cmocka_unit_test(percent_and_share_multiply),
		cmocka_unit_test(the_horizon_of_fq_is_above_what_all_delays_add_up_to),
		cmocka_unit_test(corruption_is_woven_into_a_twin_of_every_shaping_leaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
