/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that the operator names: manifests and the policy.
 */
#ifndef FAULTWIRE_INPUT_H
#define FAULTWIRE_INPUT_H

#include "lib/policy.h"

/* A whole file of at most max bytes, "-" = standard input; the text is the caller's and NUL-ended. -E2BIG, or the system's error. */
int input_read(const char *path, size_t max, char **ret, size_t *ret_n, struct error *err);

/* The policy of a file; NULL = POLICY_PATH, or the defaults when that is not there. */
int input_policy(const char *path, struct policy *ret, struct error *err);

#endif
