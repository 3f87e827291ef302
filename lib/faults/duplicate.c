// SPDX-License-Identifier: GPL-2.0-only
/*
 * duplicate: a share of the packets is sent twice.
 */
#include "lib/common.h"
#include "lib/plan.h"

static int duplicate_parse(const struct json *body, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "duplicate", "correlation", NULL };
	int r = json_only(body, keys, err);

	return r < 0 ? r : common_share(body, "duplicate", &f->duplicate.share_ppm, &f->duplicate.correlation_ppm, err);
}

static int duplicate_plan(const struct fault *f, struct plan_builder *b, struct error *err)
{
	(void)err;
	plan_share(plan_add_rule(b, f, FW_OP_DUPLICATE), f, f->duplicate.share_ppm, f->duplicate.correlation_ppm);
	return 0;
}

static uint32_t duplicate_max_share(const struct fault *f)
{
	return f->duplicate.share_ppm;
}

const struct fault_kind fault_kind_duplicate = {
	.name = "duplicate",
	.body = "duplicate",
	.layer = LAYER_NETWORK,
	.order = ORDER_DUPLICATE,
	.parse = duplicate_parse,
	.plan = duplicate_plan,
	.max_share_ppm = duplicate_max_share,
};
