/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One fault of faultwire.dev/syscall.
 */
#ifndef FAULTWIRE_SYSCALL_H
#define FAULTWIRE_SYSCALL_H

#include "lib/fault.h"

/* Reads the fault object at j, number 'index' of its annotation. What was read until a failure is in *f: fault_cleanup in any case. */
int syscall_parse(const struct json *j, size_t index, struct fault *f, struct error *err);

#endif
