// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pods: the share over many pods, its independence of the experiment, and the same answer for the same pod.
 */
#include "tests/unit/check.h"

#define PODS 20000

static struct select select_of(const char *text)
{
	_cleanup_spec_ struct fault_spec spec = {};
	struct error err = {};

	if (spec_of("select", text, &spec, &err) != 0)
		fail_msg("%s\n  refused: %s", text, err.msg);
	return spec.select;
}

static unsigned int count(const struct select *s, const char *experiment)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < PODS; i++) {
		char uid[40];

		snprintf(uid, sizeof(uid), "3c1f6c0e-0000-4000-8000-%012x", i);
		n += select_pod(s, experiment, uid);
	}
	return n;
}

static void reads_the_modes(void **state)
{
	struct select s = select_of("{\"mode\":\"all\"}");

	(void)state;
	assert_int_equal(s.mode, SELECT_ALL);
	s = select_of("{\"mode\":\"fixed-percent\",\"value\":\"20\"}");
	assert_int_equal(s.mode, SELECT_FIXED_PERCENT);
	assert_int_equal(s.value_ppm, 200000);
	s = select_of("{\"mode\":\"random-max-percent\",\"value\":0.5}");
	assert_int_equal(s.mode, SELECT_RANDOM_MAX_PERCENT);
	assert_int_equal(s.value_ppm, 5000);
}

static void refuses_selections_gone_wrong(void **state)
{
#define SEL "faultwire.dev/select"
	static const struct refusal cases[] = {
		{ "[]", EINVAL, SEL, { "must be an object" } },
		{ "{}", EINVAL, SEL, { "needs 'mode'", "\"value\":\"20\"" } },
		{ "{\"mode\":\"one\"}", ENOTSUP, SEL ".mode", { "'one' needs a coordinator", "'fixed-percent'" } },
		{ "{\"mode\":\"fixed\",\"value\":\"2\"}", ENOTSUP, SEL ".mode", { "'fixed' needs a coordinator" } },
		{ "{\"mode\":\"most\"}", EINVAL, SEL ".mode", { "(allowed: all, fixed-percent, random-max-percent)" } },
		{ "{\"mode\":5}", EINVAL, SEL ".mode", { "must be a string" } },
		{ "{\"mode\":\"all\",\"value\":\"20\"}", EINVAL, SEL ".value", { "mode 'all' takes none" } },
		{ "{\"mode\":\"fixed-percent\"}", EINVAL, SEL, { "mode 'fixed-percent' needs 'value'" } },
		{ "{\"mode\":\"fixed-percent\",\"value\":\"120\"}", EINVAL, SEL ".value", { "out of range" } },
		{ "{\"mode\":\"all\",\"valu\":1}", EINVAL, SEL, { "did you mean 'value'?" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fault_spec spec = {};
		struct error err = {};

		check_refused(&cases[i], spec_of("select", cases[i].input, &spec, &err), &err);
	}
}

static void all_is_all_and_nothing_is_nothing(void **state)
{
	const struct select all = { SELECT_ALL, 0 }, none = { SELECT_FIXED_PERCENT, 0 }, every = { SELECT_FIXED_PERCENT, PPM_ALL };

	(void)state;
	assert_int_equal(count(&all, "x"), PODS);
	assert_int_equal(count(&none, "x"), 0);
	assert_int_equal(count(&every, "x"), PODS);
}

static void a_share_of_the_pods_is_selected(void **state)
{
	static const uint32_t shares[] = { 10000, 200000, 500000, 900000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		const struct select s = { SELECT_FIXED_PERCENT, shares[i] };
		double p = shares[i] / 1e6, expected = PODS * p;
		double off = (count(&s, "game-day") - expected) * (count(&s, "game-day") - expected) / (expected * (1 - p));

		assert_true(off < 9); /* three standard deviations, of fixed uids */
	}
}

static void experiments_select_independently(void **state)
{
	const struct select half = { SELECT_FIXED_PERCENT, 500000 };
	unsigned int both = 0;

	(void)state;
	for (unsigned int i = 0; i < PODS; i++) {
		char uid[16];

		snprintf(uid, sizeof(uid), "pod-%u", i);
		both += select_pod(&half, "a", uid) && select_pod(&half, "b", uid);
	}
	assert_in_range(both, PODS / 4 - 200, PODS / 4 + 200);
}

/* The answer must never change between versions or nodes of a rolling upgrade. */
static void the_same_pod_always_decides_alike(void **state)
{
	const struct select half = { SELECT_FIXED_PERCENT, 500000 };
	uint32_t bits = 0;

	(void)state;
	for (unsigned int i = 0; i < 32; i++) {
		char uid[16];

		snprintf(uid, sizeof(uid), "pod-%u", i);
		bits |= (uint32_t)select_pod(&half, "game-day", uid) << i;
	}
	assert_int_equal(bits, 0x23a549a8);
	/* where a name ends counts */
	assert_true(select_pod(&half, "ab", "c1") != select_pod(&half, "a", "bc1") ||
		    select_pod(&half, "ab", "c2") != select_pod(&half, "a", "bc2") ||
		    select_pod(&half, "ab", "c3") != select_pod(&half, "a", "bc3") ||
		    select_pod(&half, "ab", "c4") != select_pod(&half, "a", "bc4"));
}

static void a_random_share_is_the_experiment_s(void **state)
{
	const struct select s = { SELECT_RANDOM_MAX_PERCENT, 400000 };
	double sum = 0;

	(void)state;
	for (unsigned int i = 0; i < PODS; i++) {
		char experiment[16];
		uint32_t share;

		snprintf(experiment, sizeof(experiment), "game-%u", i);
		share = select_share_ppm(&s, experiment);
		assert_in_range(share, 0, 400000);
		assert_int_equal(share, select_share_ppm(&s, experiment));
		sum += share;
	}
	assert_true(sum / PODS > 197000 && sum / PODS < 203000);
	assert_int_equal(select_share_ppm(&(struct select){ SELECT_FIXED_PERCENT, 7 }, "x"), 7);
	assert_int_equal(select_share_ppm(&(struct select){ SELECT_ALL, 7 }, "x"), PPM_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_modes),
		cmocka_unit_test(refuses_selections_gone_wrong),
		cmocka_unit_test(all_is_all_and_nothing_is_nothing),
		cmocka_unit_test(a_share_of_the_pods_is_selected),
		cmocka_unit_test(experiments_select_independently),
		cmocka_unit_test(the_same_pod_always_decides_alike),
		cmocka_unit_test(a_random_share_is_the_experiment_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
