/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A delay's distributions: netem's tables, the kernel programs' curves (bpf/abi.h), and what makes a process of them correlate as asked.
 */
#ifndef FAULTWIRE_DIST_H
#define FAULTWIRE_DIST_H

#include <stdint.h>

#include "bpf/abi.h"
#include "lib/fault.h"

#define DIST_TABLE_SIZE 4096

/*
 * Fills netem's table of a distribution: quantiles in units of 1/8192 standard deviation, mean 0, cut at 4. DIST_UNIFORM, which netem has
 * without a table, gives an even one.
 */
void dist_table(enum fault_distribution distribution, int16_t ret[DIST_TABLE_SIZE]);

/* Quantiles of the normal distribution, and a distribution over them: what the kernel programs' tables hold. */
void dist_normal(uint16_t ret[FW_NORMAL_POINTS]);
void dist_curve(enum fault_distribution distribution, int16_t ret[FW_CURVE_POINTS + 1]);

/* How many jitters a draw is away from the latency at most. */
unsigned int dist_spread(enum fault_distribution distribution);

/*
 * The correlation of the normal process behind delays whose own lag-1 autocorrelation, 0..1, is as asked. Draws below 'floor' (in jitters)
 * are cut to it, as a delay is to 0.
 */
double dist_rho(enum fault_distribution distribution, double floor, double correlation);

#endif
