/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CNI_ARGS: "KEY=value;..." in any order, of which the pod's identity is ours. The first of a repeated key counts: runtimes put their own
 * words before what they inherited.
 */
#ifndef FAULTWIRE_ARGS_H
#define FAULTWIRE_ARGS_H

#include "lib/error.h"
#include "lib/util.h"

struct args {
	char *pod_namespace, *pod_name, *pod_uid; /* "" when the runtime does not say */
};

#define _cleanup_args_ __attribute__((cleanup(args_cleanup)))

/* text may be NULL. -EINVAL for a part that is not KEY=value; *ret is untouched then. */
int args_parse(const char *text, struct args *ret, struct error *err);
void args_cleanup(struct args *args);

#endif
