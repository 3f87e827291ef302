// SPDX-License-Identifier: GPL-2.0-only
/*
 * partition: every packet that matches is dropped. It has no parameters.
 */
#include "lib/plan.h"

static int partition_plan(const struct fault *f, struct plan_builder *b, struct error *err)
{
	(void)err;
	plan_add_rule(b, f, FW_OP_DROP);
	return 0;
}

const struct fault_kind fault_kind_partition = {
	.name = "partition",
	.layer = LAYER_NETWORK,
	.order = ORDER_PARTITION,
	.plan = partition_plan,
};
