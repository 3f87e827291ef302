// SPDX-License-Identifier: GPL-2.0-only
/*
 * The curves of a delay, made when they are asked for: as netem's tables, and as the kernel programs' curves, from which both get the
 * same. The shapes are those that tc ships as files: normal, Pareto of shape 3, and "paretonormal", a quarter of the one's quantile and
 * three quarters of the other's.
 */
#include "lib/dist.h"

#include <limits.h>
#include <math.h>

#include "lib/util.h"

#define HERMITE_TERMS 96

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

_Static_assert(ARRAY_SIZE(shapes) == FW_CURVES, "the kernel programs have a curve for every distribution");

/* The quantile at u in a table's units. */
static int16_t entry(enum fault_distribution distribution, double u)
{
	double x =
		rint((shapes[distribution].quantile(u) - shapes[distribution].mean) * shapes[distribution].scale * FW_CURVE_UNIT);

	return fmin(fmax(x, SHRT_MIN), SHRT_MAX);
}

void dist_table(enum fault_distribution distribution, int16_t ret[DIST_TABLE_SIZE])
{
	for (int i = 0; i < DIST_TABLE_SIZE; i++)
		ret[i] = entry(distribution, (i + 0.5) / DIST_TABLE_SIZE);
}

/* z at the i-th point of a curve. */
static double curve_z(int i)
{
	return (double)(i - FW_CURVE_POINTS / 2) / (FW_NORMAL_UNIT / FW_CURVE_STEP);
}

void dist_normal(uint16_t ret[FW_NORMAL_POINTS])
{
	for (int i = 0; i < FW_NORMAL_POINTS; i++)
		ret[i] = FW_NORMAL_ZERO + rint(normal((i + 0.5) / FW_NORMAL_POINTS) * FW_NORMAL_UNIT);
}

void dist_curve(enum fault_distribution distribution, int16_t ret[FW_CURVE_POINTS + 1])
{
	const double first = 0.5 / DIST_TABLE_SIZE;

	for (int i = 0; i <= FW_CURVE_POINTS; i++) {
		double u = 0.5 * erfc(-curve_z(i) * M_SQRT1_2);

		/* netem's table ends where its first and last entry are; its uniform has none, and is as wide as the jitter */
		ret[i] = distribution == DIST_UNIFORM ? (int16_t)rint((2 * u - 1) * FW_CURVE_UNIT)
						      : entry(distribution, fmin(fmax(u, first), 1 - first));
	}
}

unsigned int dist_spread(enum fault_distribution distribution)
{
	return distribution == DIST_UNIFORM ? 1 : 4;
}

/*
 * The weights of a curve in Hermite polynomials, normalised to 1: two normal variates of correlation c, each sent through the curve, have
 * the correlation sum(ret[k] c^k) (Mehler). What the last terms leave out is given to the highest.
 */
static void hermite_weights(const double *x, const double *p, double ret[HERMITE_TERMS])
{
	double coefficient[HERMITE_TERMS + 1] = {}, square = 0, rest = 1;

	for (int i = 0; i < FW_CURVE_POINTS; i++) {
		double z = curve_z(i), before = 0, h = 1;

		for (int k = 0; k <= HERMITE_TERMS; k++) {
			double next = (z * h - sqrt(k) * before) / sqrt(k + 1);

			coefficient[k] += p[i] * x[i] * h;
			before = h;
			h = next;
		}
		square += p[i] * x[i] * x[i];
	}
	square -= coefficient[0] * coefficient[0];
	for (int k = 0; k < HERMITE_TERMS; k++) {
		ret[k] = coefficient[k + 1] * coefficient[k + 1] / square;
		rest -= ret[k];
	}
	ret[HERMITE_TERMS - 1] += rest;
}

static double correlation_of(const double weights[HERMITE_TERMS], double rho)
{
	double sum = 0;

	for (int k = HERMITE_TERMS - 1; k >= 0; k--)
		sum = (sum + weights[k]) * rho;
	return sum;
}

double dist_rho(enum fault_distribution distribution, double floor, double correlation)
{
	double x[FW_CURVE_POINTS], p[FW_CURVE_POINTS], weights[HERMITE_TERMS], low = 0, high = 1;
	int16_t curve[FW_CURVE_POINTS + 1];

	dist_curve(distribution, curve);
	for (int i = 0; i < FW_CURVE_POINTS; i++) {
		double z = curve_z(i);

		x[i] = fmax((double)curve[i] / FW_CURVE_UNIT, floor);
		p[i] = exp(-z * z / 2) / sqrt(2 * M_PI) / (FW_NORMAL_UNIT / FW_CURVE_STEP);
	}
	hermite_weights(x, p, weights);
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		*(correlation_of(weights, middle) < correlation ? &low : &high) = middle;
	}
	return high;
}
