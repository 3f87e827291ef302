/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pod's record as JSON and back. Keys that a newer build added are ignored by an older one, and the other way round: absent
 * is zero.
 */
#ifndef FAULTWIRE_STATE_JSON_H
#define FAULTWIRE_STATE_JSON_H

#include "engine/state.h"

/* The object is the caller's. */
cJSON *state_to_json(const struct state_pod *pod);
/* -EINVAL for what is not a record; *ret is complete on success (state_pod_cleanup) and untouched on failure. */
int state_from_json(const struct json *j, struct state_pod *ret, struct error *err);

#endif
