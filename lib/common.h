/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What faults of every kind have: the keys common to all of them, and readers that several kinds share.
 */
#ifndef FAULTWIRE_COMMON_H
#define FAULTWIRE_COMMON_H

#include "lib/fault.h"

/* For json_only's list. */
#define COMMON_KEYS "name", "percent", "seed", "when", "start", "duration", "schedule", "anchor", "timeZone", "armed"

/* Reads them from a fault object over the defaults, which it sets; f->name is the caller's default. */
int common_parse(const struct json *j, struct fault *f, struct error *err);

/* A share (needed) and its "correlation" below a body: {"loss":"25","correlation":"25"}. */
int common_share(const struct json *body, const char *key, uint32_t *ret_share, uint32_t *ret_correlation, struct error *err);

/* Letters, digits, '-', '_' and '.', at most 'max', a letter or a digit at both ends. */
bool common_is_name(const char *s, size_t max);

#endif
