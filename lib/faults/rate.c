// SPDX-License-Identifier: GPL-2.0-only
/*
 * rate: a bandwidth with nothing but its rate.
 */
#include "lib/faults/bandwidth.h"

static int rate_parse(const struct json *body, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "rate", NULL };
	struct json rate = json_get(body, "rate");
	int r = json_only(body, keys, err);

	if (r == 0 && !json_has(&rate))
		r = json_error(body, err, "needs 'rate', as in {\"rate\":\"10mbit\"}");
	return r < 0 ? r : bandwidth_parse_rate(body, "rate", &f->bandwidth.rate_bits, err);
}

const struct fault_kind fault_kind_rate = {
	.name = "rate",
	.body = "rate",
	.layer = LAYER_NETWORK,
	.order = ORDER_SHAPE,
	.parse = rate_parse,
	.plan = bandwidth_plan,
};
