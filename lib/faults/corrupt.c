// SPDX-License-Identifier: GPL-2.0-only
/*
 * corrupt: one bit of a packet is flipped. Its checksum is wrong on the wire ('invalid', the default), so the receiver drops it, or is
 * made right ('valid'), so the damage reaches the application.
 */
#include "lib/common.h"
#include "lib/plan.h"

static int corrupt_parse(const struct json *body, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "corrupt", "correlation", "checksum", NULL };
	static const char *const checksums[] = { "invalid", "valid", NULL };
	struct json checksum = json_get(body, "checksum");
	int which = 0, r = json_only(body, keys, err);

	if (r == 0)
		r = json_enum(&checksum, checksums, &which, err);
	f->corrupt.valid = which == 1;
	return r < 0 ? r : common_share(body, "corrupt", &f->corrupt.share_ppm, &f->corrupt.correlation_ppm, err);
}

/* netem completes checksums before it flips the bit, so it is the true way; a rule has one op, so all its directions need the leaf. */
static bool has_leaf(const struct plan_env *env, unsigned int dirs)
{
	bool way_in = dirs & 1U << FW_INGRESS;

	return env->netem && env->htb && (!way_in || (env->ifb && env->mirred));
}

static void note_fallback(struct plan_builder *b, const struct fault *f, unsigned int dirs)
{
	const char *module = !b->env->netem ? "sch_netem" : !b->env->htb ? "sch_htb" : !b->env->ifb ? "ifb" : "act_mirred";

	if (dirs & 1U << FW_EGRESS)
		plan_note(b,
			  "%s: without %s: on the way out a bit of payload and checksum is flipped by BPF and checksum offload is "
			  "turned off",
			  f->name, module);
	if (dirs & 1U << FW_INGRESS)
		plan_note(b, "%s: without %s: on the way in a corrupted packet is dropped, as its receiver's checksum would do",
			  f->name, module);
}

static enum fw_op choose_op(const struct fault *f, struct plan_builder *b)
{
	unsigned int dirs = plan_dirs(f);

	if (f->corrupt.valid)
		return FW_OP_CORRUPT_VALID;
	if (has_leaf(b->env, dirs)) {
		b->corrupt_leaf |= dirs;
		return FW_OP_CORRUPT_LEAF;
	}
	b->offload |= (dirs & 1U << FW_EGRESS) != 0;
	note_fallback(b, f, dirs);
	return FW_OP_CORRUPT_INVALID;
}

static int corrupt_plan(const struct fault *f, struct plan_builder *b, struct error *err)
{
	(void)err;
	plan_share(plan_add_rule(b, f, choose_op(f, b)), f, f->corrupt.share_ppm, f->corrupt.correlation_ppm);
	return 0;
}

static uint32_t corrupt_max_share(const struct fault *f)
{
	return f->corrupt.share_ppm;
}

const struct fault_kind fault_kind_corrupt = {
	.name = "corrupt",
	.body = "corrupt",
	.layer = LAYER_NETWORK,
	.order = ORDER_CORRUPT,
	.parse = corrupt_parse,
	.plan = corrupt_plan,
	.max_share_ppm = corrupt_max_share,
};
