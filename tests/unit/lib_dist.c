// SPDX-License-Identifier: GPL-2.0-only
/*
 * The curves of a jitter, and a process through each as the kernel programs run it (bpf/fault.bpf.h, bpf/delay.bpf.h): it has the
 * autocorrelation that was asked for.
 */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/dist.h"
#include "lib/util.h"

static const enum fault_distribution all[] = { DIST_UNIFORM, DIST_NORMAL, DIST_PARETO, DIST_PARETONORMAL };

static int curve_at(const int16_t *curve, int z)
{
	int i = z / FW_CURVE_STEP, rest = z % FW_CURVE_STEP;

	return curve[i] + (curve[i + 1] - curve[i]) * rest / FW_CURVE_STEP;
}

static void a_curve_at_normal_draws_is_netem_s_table(void **state)
{
	uint16_t z[FW_NORMAL_POINTS];
	int16_t curve[FW_CURVE_POINTS + 1], table[DIST_TABLE_SIZE];

	(void)state;
	dist_normal(z);
	for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
		dist_curve(all[k], curve);
		dist_table(all[k], table);
		for (int i = 0; i < DIST_TABLE_SIZE; i++) {
			/* netem's uniform is as wide as the jitter, its table as deviates */
			double want = all[k] == DIST_UNIFORM ? table[i] / sqrt(3) : table[i];

			assert_true(fabs(curve_at(curve, z[i]) - want) < 0.03 * FW_CURVE_UNIT);
		}
	}
}

static void curves_never_fall(void **state)
{
	int16_t curve[FW_CURVE_POINTS + 1];

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
		dist_curve(all[k], curve);
		for (int i = 0; i < FW_CURVE_POINTS; i++)
			assert_true(curve[i] <= curve[i + 1]);
		assert_true(abs(curve[FW_CURVE_POINTS]) <= (int)dist_spread(all[k]) * FW_CURVE_UNIT);
		assert_true(abs(curve[0]) <= (int)dist_spread(all[k]) * FW_CURVE_UNIT);
	}
}

static void what_is_known_in_closed_form_is_found(void **state)
{
	(void)state;
	for (int i = 0; i <= 99; i++) {
		double r = i / 100.0;

		assert_true(fabs(dist_rho(DIST_UNIFORM, -1, r) - 2 * sin(M_PI * r / 6)) < 1e-4);
		assert_true(fabs(dist_rho(DIST_NORMAL, -9, r) - r) < 1e-3); /* but for the cut */
	}
}

/* Lag-1 autocorrelation of n delays of a process in whole numbers. */
static double simulate(enum fault_distribution distribution, double floor, double rho, int n)
{
	int64_t keep = lrint(rho * (1 << 30)), renew = lrint(sqrt(1 - rho * rho) * (1 << 30)), z = 0;
	int16_t curve[FW_CURVE_POINTS + 1];
	uint16_t normal[FW_NORMAL_POINTS];
	double last = 0, sum = 0, squares = 0, products = 0, mean;

	dist_normal(normal);
	dist_curve(distribution, curve);
	for (int i = 0; i < n; i++) {
		int64_t draw = normal[util_mix64(i * 0x9e3779b97f4a7c15ULL) >> 52] - FW_NORMAL_ZERO;
		double x;

		z = (z * keep + draw * renew + (1 << 29)) >> 30;
		x = fmax((double)curve_at(curve, z + FW_NORMAL_ZERO) / FW_CURVE_UNIT, floor);
		sum += x;
		squares += x * x;
		products += i ? x * last : 0;
		last = x;
	}
	mean = sum / n;
	return (products / n - mean * mean) / (squares / n - mean * mean);
}

/* n so large that what chance leaves is a few thousandths. */
static void a_process_correlates_as_asked(void **state)
{
	static const double asked[] = { 0.05, 0.25, 0.5, 0.75, 0.9, 0.99 };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(all); k++)
		for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
			double got = simulate(all[k], -9, dist_rho(all[k], -9, asked[i]), 1000000);

			if (fabs(got - asked[i]) >= 0.008)
				fail_msg("distribution %d: %.4f, asked for %.2f", all[k], got, asked[i]);
		}
}

/* A latency of one jitter: what would leave before it came leaves at once, which takes from the correlation what rho gives back. */
static void delays_that_are_cut_at_0_correlate_as_asked(void **state)
{
	double rho = dist_rho(DIST_NORMAL, -1, 0.5), got = simulate(DIST_NORMAL, -1, rho, 1000000);

	(void)state;
	assert_true(rho > 0.505);
	assert_true(fabs(got - 0.5) < 0.008);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_curve_at_normal_draws_is_netem_s_table),    cmocka_unit_test(curves_never_fall),
		cmocka_unit_test(what_is_known_in_closed_form_is_found),       cmocka_unit_test(a_process_correlates_as_asked),
		cmocka_unit_test(delays_that_are_cut_at_0_correlate_as_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
