/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One fault of faultwire.dev/process or faultwire.dev/resource: what is done to a container by the clock.
 */
#ifndef FAULTWIRE_ACT_H
#define FAULTWIRE_ACT_H

#include "lib/fault.h"

/* Reads the fault object at j, number 'index' of its annotation. What was read until a failure is in *f: fault_cleanup in any case. */
int process_parse(const struct json *j, size_t index, struct fault *f, struct error *err);
int resource_parse(const struct json *j, size_t index, struct fault *f, struct error *err);

#endif
