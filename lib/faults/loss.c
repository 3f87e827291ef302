// SPDX-License-Identifier: GPL-2.0-only
/*
 * loss: a share with a correlation, or one of netem's two Markov models. Names, defaults and states are those of tc-netem(8), but h and k
 * are the shares that pass (tc takes 1-h and 1-k).
 */
#include "lib/common.h"
#include "lib/plan.h"
#include "lib/util.h"

struct field {
	const char *name;
	uint32_t *ret;
};

/* Reads percentages; the first is needed, the others keep their defaults. */
static int parse_fields(const struct json *j, const struct field *fields, size_t n, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct json at = json_get(j, fields[i].name);

		if (i == 0 && !json_has(&at))
			return json_error(j, err, "needs '%s', a percentage", fields[i].name);
		r = json_percent(&at, fields[i].ret, err);
	}
	return r;
}

static int parse_random(const struct json *body, struct fault_loss *loss, struct error *err)
{
	return common_share(body, "loss", &loss->share_ppm, &loss->correlation_ppm, err);
}

static int parse_gemodel(const struct json *body, struct fault_loss *loss, struct error *err)
{
	static const char *const keys[] = { "p", "r", "h", "k", NULL };
	struct json j = json_get(body, "gemodel"), r_given = json_get(&j, "r");
	const struct field fields[] = {
		{ "p", &loss->gemodel.p }, { "r", &loss->gemodel.r }, { "h", &loss->gemodel.h }, { "k", &loss->gemodel.k }
	};
	int r = json_only(&j, keys, err);

	loss->gemodel.k = PPM_ALL;
	if (r == 0)
		r = parse_fields(&j, fields, ARRAY_SIZE(fields), err);
	if (r == 0 && !json_has(&r_given))
		loss->gemodel.r = PPM_ALL - loss->gemodel.p;
	return r;
}

static int check_sum(const struct json *j, const char *a, const char *b, uint32_t sum, struct error *err)
{
	return sum > PPM_ALL ? json_error(j, err, "'%s' and '%s' together are over 100 percent", a, b) : 0;
}

static int parse_state(const struct json *body, struct fault_loss *loss, struct error *err)
{
	static const char *const keys[] = { "p13", "p31", "p32", "p23", "p14", NULL };
	struct json j = json_get(body, "state"), p31_given = json_get(&j, "p31");
	const struct field fields[] = {
		{ "p13", &loss->state.p13 }, { "p31", &loss->state.p31 }, { "p32", &loss->state.p32 },
		{ "p23", &loss->state.p23 }, { "p14", &loss->state.p14 },
	};
	int r = json_only(&j, keys, err);

	loss->state.p23 = PPM_ALL;
	if (r == 0)
		r = parse_fields(&j, fields, ARRAY_SIZE(fields), err);
	if (r == 0 && !json_has(&p31_given))
		loss->state.p31 = PPM_ALL - loss->state.p13;
	if (r == 0)
		r = check_sum(&j, "p13", "p14", loss->state.p13 + loss->state.p14, err);
	return r < 0 ? r : check_sum(&j, "p31", "p32", loss->state.p31 + loss->state.p32, err);
}

static const struct model {
	const char *key;
	int (*parse)(const struct json *body, struct fault_loss *loss, struct error *err);
} models[] = {
	[LOSS_RANDOM] = { "loss", parse_random },
	[LOSS_GEMODEL] = { "gemodel", parse_gemodel },
	[LOSS_STATE] = { "state", parse_state },
};

static int loss_parse(const struct json *body, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "loss", "correlation", "gemodel", "state", NULL };
	struct json correlation = json_get(body, "correlation");
	const struct model *model = NULL;
	int r = json_only(body, keys, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		struct json at = json_get(body, models[i].key);

		if (!json_has(&at))
			continue;
		if (model)
			return json_error(&at, err, "'%s' is there too, but a fault has one model of loss: keep one", model->key);
		model = &models[i];
		f->loss.model = (enum fault_loss_model)i;
	}
	if (!model)
		return json_error(body, err, "needs one of 'loss', 'gemodel' and 'state', as in {\"loss\":\"25\"}");
	if (json_has(&correlation) && f->loss.model != LOSS_RANDOM)
		return json_error(&correlation, err, "goes with 'loss', '%s' has its own memory: remove it", model->key);
	return model->parse(body, &f->loss, err);
}

/* State 0 is the good one, all others are the bad one: a draw of 2^32 - 1, which no threshold is above, leads to the last. */
static struct fw_chain gemodel_chain(const struct fault_loss *loss)
{
	uint32_t stay_good = plan_threshold(PPM_ALL - loss->gemodel.p), recover = plan_threshold(loss->gemodel.r);
	uint32_t hit_bad = plan_threshold(PPM_ALL - loss->gemodel.h);

	return (struct fw_chain){
		.step = {
			{ stay_good, FW_ALWAYS, FW_ALWAYS },
			{ recover, FW_ALWAYS, FW_ALWAYS },
			{ recover, FW_ALWAYS, FW_ALWAYS },
			{ recover, FW_ALWAYS, FW_ALWAYS },
		},
		.hit = { plan_threshold(PPM_ALL - loss->gemodel.k), hit_bad, hit_bad, hit_bad },
	};
}

/* netem's states 1 to 4 are 0 to 3: good, good within a burst, lost in a burst, lost alone. */
static struct fw_chain state_chain(const struct fault_loss *loss)
{
	uint32_t stay = plan_threshold(PPM_ALL - loss->state.p13 - loss->state.p14);

	return (struct fw_chain){
		.step = {
			{ stay, stay, plan_threshold(PPM_ALL - loss->state.p14) },
			{ 0, plan_threshold(PPM_ALL - loss->state.p23), FW_ALWAYS },
			{ plan_threshold(loss->state.p31), plan_threshold(loss->state.p31 + loss->state.p32), FW_ALWAYS },
			{ FW_ALWAYS, FW_ALWAYS, FW_ALWAYS },
		},
		.hit = { 0, 0, FW_ALWAYS, FW_ALWAYS },
	};
}

static int loss_plan(const struct fault *f, struct plan_builder *b, struct error *err)
{
	struct fw_rule *r = plan_add_rule(b, f, FW_OP_DROP);

	(void)err;
	if (f->loss.model == LOSS_RANDOM) {
		plan_share(r, f, f->loss.share_ppm, f->loss.correlation_ppm);
		return 0;
	}
	r->flags |= FW_RULE_CHAIN;
	r->chain = f->loss.model == LOSS_GEMODEL ? gemodel_chain(&f->loss) : state_chain(&f->loss);
	return 0;
}

/* The long-run share; a burst that may never end counts as all. */
static double gemodel_share(const struct fault_loss *loss)
{
	double p = loss->gemodel.p, r = loss->gemodel.r, bad = p + r > 0 ? p / (p + r) : 0;

	return bad * (PPM_ALL - loss->gemodel.h) + (1 - bad) * (PPM_ALL - loss->gemodel.k);
}

static double state_share(const struct fault_loss *loss)
{
	double p13 = loss->state.p13, p31 = loss->state.p31, p32 = loss->state.p32, p23 = loss->state.p23;
	double alone = loss->state.p14 / (double)PPM_ALL, burst, within;

	if (p13 > 0 && (p31 == 0 || (p32 > 0 && p23 == 0)))
		return PPM_ALL;
	burst = p13 > 0 ? p13 / p31 : 0;
	within = burst > 0 && p32 > 0 ? burst * p32 / p23 : 0;
	return PPM_ALL * (burst + alone) / (1 + alone + burst + within);
}

static uint32_t loss_max_share(const struct fault *f)
{
	if (f->loss.model == LOSS_RANDOM)
		return f->loss.share_ppm;
	return (uint32_t)((f->loss.model == LOSS_GEMODEL ? gemodel_share(&f->loss) : state_share(&f->loss)) + 0.5);
}

const struct fault_kind fault_kind_loss = {
	.name = "loss",
	.body = "loss",
	.layer = LAYER_NETWORK,
	.order = ORDER_LOSS,
	.parse = loss_parse,
	.plan = loss_plan,
	.max_share_ppm = loss_max_share,
};
