/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bandwidth and rate share: a rate is a bandwidth without further parameters.
 */
#ifndef FAULTWIRE_BANDWIDTH_H
#define FAULTWIRE_BANDWIDTH_H

#include "lib/plan.h"

/* The member 'key' of a body, 8 bit/s to 1 Tbit/s. Absent: *ret stays. */
int bandwidth_parse_rate(const struct json *body, const char *key, uint64_t *ret_bits, struct error *err);

int bandwidth_plan(const struct fault *f, struct plan_builder *b, struct error *err);

#endif
