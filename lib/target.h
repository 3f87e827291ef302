/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fault's "target": which packets, by the addresses and ports of the other side, by own ports and by protocol.
 */
#ifndef FAULTWIRE_TARGET_H
#define FAULTWIRE_TARGET_H

#include "lib/fault.h"

#define TARGET_PREFIXES_MAX 128 /* cidrs and except together */
#define TARGET_RANGES_MAX 64    /* ports and sourcePorts together */

/* Absent = everything. What was read until a failure is in *t: target_cleanup in any case. */
int target_parse(const struct json *j, struct fault_target *t, struct error *err);

/* One address or prefix; the length of a list that is there, -errno when it is none, empty or longer than what is left of max. */
int target_prefix(const struct json *j, struct fault_prefix *ret, struct error *err);
int target_list(const struct json *j, size_t used, size_t max, const char *what, struct error *err);

void target_cleanup(struct fault_target *t);

/* As the plan keeps it; the object is the caller's. */
cJSON *target_to_json(const struct fault_target *t);
int target_from_json(const struct json *j, struct fault_target *t, struct error *err);

#endif
