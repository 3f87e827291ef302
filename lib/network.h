/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One fault of faultwire.dev/network.
 */
#ifndef FAULTWIRE_NETWORK_H
#define FAULTWIRE_NETWORK_H

#include "lib/fault.h"

/* Reads the fault object at j, number 'index' of its annotation. What was read until a failure is in *f: fault_cleanup in any case. */
int network_parse(const struct json *j, size_t index, struct fault *f, struct error *err);

#endif
