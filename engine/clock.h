/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's clocks in the unit that windows have.
 */
#ifndef FAULTWIRE_CLOCK_H
#define FAULTWIRE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "lib/util.h"

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

#endif
