// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes netem's distribution tables when they are asked for. The shapes are those that tc ships as files: normal, Pareto of shape
 * 3, and "paretonormal", a quarter of the one's quantile and three quarters of the other's.
 */
#include <limits.h>
#include <math.h>

#include <linux/pkt_sched.h>

#include "engine/dist.h"

/* The standard normal quantile by P. J. Acklam's rational approximation (relative error below 1.2e-9), for u in the lower tail... */
static double normal_tail(double u)
{
	double q = sqrt(-2 * log(u));

	return (((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838e+00) * q - 2.549732539343734e+00) *
			 q +
		 4.374664141464968e+00) *
			q +
		2.938163982698783e+00) /
	       ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996e+00) * q + 3.754408661907416e+00) *
			q +
		1);
}

/* ... and between the tails. */
static double normal_middle(double u)
{
	double q = u - 0.5, r = q * q;

	return (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r + 1.383577518672690e+02) *
			 r -
		 3.066479806614716e+01) *
			r +
		2.506628277459239e+00) *
	       q /
	       (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r + 6.680131188771972e+01) *
			 r -
		 1.328068155288572e+01) *
			r +
		1);
}

static double normal(double u)
{
	if (u < 0.02425)
		return normal_tail(u);
	if (u > 1 - 0.02425)
		return -normal_tail(1 - u);
	return normal_middle(u);
}

static double pareto(double u)
{
	return 1 / cbrt(1 - u);
}

static double paretonormal(double u)
{
	return 0.25 * normal(u) + 0.75 * (pareto(u) - 1.5) * 4 / 3;
}

static double uniform(double u)
{
	return u;
}

/*
 * 'mean' and 'scale' make the table's mean 0 and its standard deviation 1 as netem sees it, that is after the cut at 4 standard deviations
 * that 16 bits force: found by iterating on the cut table, held by a test.
 */
static const struct {
	double (*quantile)(double u);
	double mean, scale;
} shapes[] = {
	[DIST_UNIFORM] = { uniform, 0.5, 3.4641016151377544 },
	[DIST_NORMAL] = { normal, 0, 1.0001603147040448 },
	[DIST_PARETO] = { pareto, 1.464001571233928, 1.7676156318523346 },
	[DIST_PARETONORMAL] = { paretonormal, -0.029954953093934592, 1.2303289732889013 },
};

void dist_table(enum fault_distribution distribution, int16_t ret[DIST_TABLE_SIZE])
{
	for (int i = 0; i < DIST_TABLE_SIZE; i++) {
		double x = shapes[distribution].quantile((i + 0.5) / DIST_TABLE_SIZE);

		x = rint((x - shapes[distribution].mean) * shapes[distribution].scale * NETEM_DIST_SCALE);
		ret[i] = fmin(fmax(x, SHRT_MIN), SHRT_MAX);
	}
}
