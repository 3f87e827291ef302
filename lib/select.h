/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * faultwire.dev/select: which share of the pods that carry an annotation gets the faults. No coordinator: each pod's own chance by
 * a hash of experiment and pod UID, so the share is an expected one, the same pod always decides alike, and it is said so.
 */
#ifndef FAULTWIRE_SELECT_H
#define FAULTWIRE_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/json.h"

enum select_mode { SELECT_ALL, SELECT_FIXED_PERCENT, SELECT_RANDOM_MAX_PERCENT };

struct select {
	enum select_mode mode;
	uint32_t value_ppm;
};

/*
 * {"mode":"all"}, or "fixed-percent" / "random-max-percent" with "value":"20". random-max-percent: the share itself is drawn
 * uniformly from 0..value by the experiment's hash. 'one' and 'fixed' need a coordinator and are refused (-ENOTSUP).
 */
int select_parse(const struct json *j, struct select *ret, struct error *err);

/* The share in force for an experiment. */
uint32_t select_share_ppm(const struct select *s, const char *experiment);
/* Whether this pod is one of them. uid may be "" (then the name serves): same inputs, same answer on every node. */
bool select_pod(const struct select *s, const char *experiment, const char *uid);

#endif
