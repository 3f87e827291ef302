// SPDX-License-Identifier: GPL-2.0-only
/*
 * reset: every TCP packet that matches is answered with RST to its sender, and dropped. It has no parameters.
 */
#include <errno.h>

#include "lib/plan.h"

static int reset_check(const struct fault *f, struct error *err)
{
	if (f->target.protocol == PROTOCOL_ANY || f->target.protocol == PROTOCOL_TCP)
		return 0;
	return error_set(err, EINVAL,
			 "%s.target.protocol: a reset is TCP's: remove it, or use action 'partition' to drop the packets", f->path);
}

static int reset_plan(const struct fault *f, struct plan_builder *b, struct error *err)
{
	(void)err;
	plan_add_rule(b, f, FW_OP_RESET);
	plan_last_rule(b)->target.protocol = PROTOCOL_TCP;
	return 0;
}

const struct fault_kind fault_kind_reset = {
	.name = "reset",
	.layer = LAYER_NETWORK,
	.order = ORDER_PARTITION,
	.check = reset_check,
	.plan = reset_plan,
};
