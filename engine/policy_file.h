/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's policy, as every program of ours reads it.
 */
#ifndef FAULTWIRE_POLICY_FILE_H
#define FAULTWIRE_POLICY_FILE_H

#include "lib/policy.h"

/* No file = the defaults. *ret is the caller's (policy_cleanup) on success. */
int policy_file_load(const char *path, struct policy *ret, struct error *err);

#endif
