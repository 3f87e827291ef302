/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netem's tables of a delay's distribution: quantiles in units of 1/8192 standard deviation, mean 0.
 */
#ifndef FAULTWIRE_DIST_H
#define FAULTWIRE_DIST_H

#include <stdint.h>

#include "lib/fault.h"

#define DIST_TABLE_SIZE 4096

/* Fills the table of a distribution; DIST_UNIFORM, which netem has without a table, gives an even one. */
void dist_table(enum fault_distribution distribution, int16_t ret[DIST_TABLE_SIZE]);

#endif
