// SPDX-License-Identifier: GPL-2.0-only
/*
 * delay: latency and jitter, with netem's reorder, slot and limit. Two shapers can do it, with the same curves (lib/dist.c): a netem leaf
 * alone has slots and a limit; departure times (EDT) alone correlate, obey a seed, and draw once a window.
 */
#include <errno.h>
#include <math.h>

#include "lib/dist.h"
#include "lib/plan.h"
#include "lib/util.h"

#define PACKETS_PER_SEC 2000000ULL /* the fastest sender that the computed limit has room for */
#define PACKET_BYTES 1500ULL
#define LIMIT_MIN 10000ULL
#define LIMIT_MAX 10000000ULL
#define GAP_MAX (1ULL << 30) /* what the kernel programs count to */

static const char *const distributions[] = {
	[DIST_UNIFORM] = "uniform", [DIST_NORMAL] = "normal", [DIST_PARETO] = "pareto", [DIST_PARETONORMAL] = "paretonormal", NULL,
};

static int parse_reorder(const struct json *j, struct fault_delay *d, struct error *err)
{
	static const char *const keys[] = { "reorder", "correlation", "gap", NULL };
	struct json share = json_get(j, "reorder"), correlation = json_get(j, "correlation"), gap = json_get(j, "gap");
	uint64_t packets = 0;
	int r;

	if (!json_has(j))
		return 0;
	r = json_only(j, keys, err);
	if (r == 0 && !json_has(&share))
		r = json_error(j, err, "needs 'reorder', the percentage sent at once, as in {\"reorder\":\"25\",\"gap\":5}");
	if (r == 0)
		r = json_percent(&share, &d->reorder_ppm, err);
	if (r == 0)
		r = json_percent(&correlation, &d->reorder_correlation_ppm, err);
	if (r == 0)
		r = json_u64(&gap, 0, GAP_MAX, &packets, err);
	if (r < 0)
		return r;
	d->reorder_gap = (uint32_t)packets;
	if (d->reorder_ppm && !d->latency_ns)
		return json_error(j, err, "needs a 'latency' over 0s: what is sent at once overtakes what is delayed");
	return 0;
}

static int parse_slot(const struct json *j, struct fault_delay *d, struct error *err)
{
	static const char *const keys[] = { "min", "max", "packets", "bytes", NULL };
	struct json min = json_get(j, "min"), max = json_get(j, "max"), packets = json_get(j, "packets"),
		    bytes = json_get(j, "bytes");
	int r;

	if (!json_has(j))
		return 0;
	d->has_slot = true;
	r = json_only(j, keys, err);
	if (r == 0 && !json_has(&min))
		r = json_error(j, err,
			       "needs 'min', the shortest time between two bursts, as in {\"min\":\"10ms\",\"max\":\"20ms\"}");
	if (r == 0)
		r = json_duration(&min, &d->slot.min_ns, err);
	d->slot.max_ns = d->slot.min_ns;
	if (r == 0)
		r = json_duration(&max, &d->slot.max_ns, err);
	if (r == 0)
		r = json_u64(&packets, 1, INT32_MAX, &d->slot.packets, err);
	if (r == 0)
		r = json_u64(&bytes, 1, INT32_MAX, &d->slot.bytes, err);
	if (r == 0 && d->slot.max_ns < d->slot.min_ns)
		r = json_error(&max, err, "is below 'min'");
	return r;
}

static int parse_times(const struct json *body, struct fault_delay *d, struct error *err)
{
	struct json latency = json_get(body, "latency"), jitter = json_get(body, "jitter");
	char jitter_text[32], latency_text[32];
	int r;

	if (!json_has(&latency))
		return json_error(body, err, "needs 'latency', as in {\"latency\":\"200ms\"}");
	r = json_duration(&latency, &d->latency_ns, err);
	if (r == 0)
		r = json_duration(&jitter, &d->jitter_ns, err);
	if (r < 0 || d->jitter_ns <= d->latency_ns)
		return r;
	json_format_duration(d->jitter_ns, jitter_text, sizeof(jitter_text));
	json_format_duration(d->latency_ns, latency_text, sizeof(latency_text));
	return json_error(&jitter, err, "'%s' is over the latency of %s: no packet leaves before it came, so at most that",
			  jitter_text, latency_text);
}

static int parse_distribution(const struct json *j, struct fault_delay *d, struct error *err)
{
	int which = DIST_UNIFORM, r = json_enum(j, distributions, &which, err);

	if (r < 0 || !json_has(j))
		return r;
	d->distribution = (enum fault_distribution)which;
	if (!d->jitter_ns)
		return json_error(j, err, "needs a 'jitter' over 0s to distribute");
	return 0;
}

static int delay_parse(const struct json *body, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "latency", "jitter", "correlation", "distribution", "reorder", "slot", "limit", NULL };
	struct json correlation = json_get(body, "correlation"), distribution = json_get(body, "distribution");
	struct json reorder = json_get(body, "reorder"), slot = json_get(body, "slot"), limit = json_get(body, "limit");
	struct fault_delay *d = &f->delay;
	int r = json_only(body, keys, err);

	if (r == 0)
		r = parse_times(body, d, err);
	if (r == 0)
		r = json_percent(&correlation, &d->correlation_ppm, err);
	if (r == 0)
		r = parse_distribution(&distribution, d, err);
	if (r == 0)
		r = parse_reorder(&reorder, d, err);
	if (r == 0)
		r = parse_slot(&slot, d, err);
	if (r == 0)
		r = json_u64(&limit, 1, LIMIT_MAX, &d->limit, err);
	if (r == 0 && !d->latency_ns && !d->has_slot)
		r = json_error(body, err, "'latency' of 0s does nothing: give it a time");
	return r;
}

/* The one delay that a leaf holds for the life of a pod: latency + jitter * draw(seed), not below 0. */
static uint64_t draw_once(const struct fault *f)
{
	const struct fault_delay *d = &f->delay;
	uint64_t draw = util_mix64(f->seed + 0x9e3779b97f4a7c15ULL);
	int16_t table[DIST_TABLE_SIZE];
	__int128 ns;

	if (d->distribution == DIST_UNIFORM) {
		ns = ((__int128)(int64_t)draw * d->jitter_ns) >> 63;
	} else {
		dist_table(d->distribution, table);
		ns = (__int128)d->jitter_ns * table[draw % DIST_TABLE_SIZE] / FW_CURVE_UNIT;
	}
	ns += d->latency_ns;
	return ns < 0 ? 0 : (uint64_t)ns;
}

/* Packets that leave within latency + 1 s where every slot lets only so many out: more would outlive its window by more than that. */
static unsigned __int128 slots_limit(const struct fault_delay *d)
{
	const struct fault_slot *s = &d->slot;
	uint64_t slots = MAX((d->latency_ns + d->jitter_ns + NSEC_PER_SEC) / MAX(s->max_ns, 1), 1);
	uint64_t packets = s->packets ? s->packets : UINT32_MAX;

	if (s->bytes)
		packets = MIN(packets, MAX(s->bytes / PACKET_BYTES, 1));
	return (unsigned __int128)packets * slots;
}

static bool per_window(const struct fault_delay *d)
{
	return d->jitter_ns && d->correlation_ppm == PPM_ALL;
}

static uint32_t leaf_limit(const struct fault_delay *d)
{
	unsigned __int128 packets = (unsigned __int128)(d->latency_ns + d->jitter_ns) * PACKETS_PER_SEC / NSEC_PER_SEC;

	if (d->limit)
		return (uint32_t)d->limit;
	packets = MAX(packets, LIMIT_MIN);
	if (d->has_slot)
		packets = MIN(packets, slots_limit(d));
	return (uint32_t)MIN(packets, LIMIT_MAX);
}

static struct plan_netem leaf_netem(const struct fault *f)
{
	const struct fault_delay *d = &f->delay;
	struct plan_netem ret = {
		.latency_ns = d->latency_ns,
		.jitter_ns = d->jitter_ns,
		.distribution = d->distribution,
		.reorder_ppm = d->reorder_ppm,
		.reorder_gap = d->reorder_ppm ? MAX(d->reorder_gap, 1) : 0, /* without a gap netem does not reorder */
		.has_slot = d->has_slot,
		.slot = d->slot,
		.limit = leaf_limit(d),
	};

	if (per_window(d)) {
		ret.latency_ns = draw_once(f);
		ret.jitter_ns = 0;
		ret.distribution = DIST_UNIFORM;
	}
	return ret;
}

static bool correlates(const struct fault_delay *d)
{
	return d->jitter_ns && d->correlation_ppm && d->correlation_ppm < PPM_ALL;
}

static const char *why_no_edt(const struct fault_delay *d)
{
	return d->has_slot ? "'slot'" : d->limit ? "'limit'" : NULL;
}

static const char *why_no_leaf(const struct fault_delay *d)
{
	if (correlates(d))
		return "netem draws each jitter anew, whatever 'correlation' it is given";
	if (d->reorder_ppm && d->reorder_correlation_ppm)
		return "netem's 'correlation' of 'reorder' changes the share";
	return !per_window(d) && d->jitter_ns > INT32_MAX ? "netem holds no jitter over 2.147483647s" : NULL;
}

static void plan_process(const struct fault_delay *d, struct plan_shape *shape)
{
	const double one = 1 << 30;
	double rho = dist_rho(d->distribution, -(double)d->latency_ns / d->jitter_ns, (double)d->correlation_ppm / PPM_ALL);

	shape->rule_flags |= FW_RULE_PROCESS;
	shape->delay.rho = lrint(rho * one);
	shape->delay.innovation = lrint(sqrt(1 - rho * rho) * one);
}

static void plan_reorder(const struct fault_delay *d, struct plan_shape *shape)
{
	shape->rule_flags |= FW_RULE_REORDER;
	shape->delay.gap = MAX(d->reorder_gap, 1);
	shape->chain = plan_chain(d->reorder_ppm, d->reorder_correlation_ppm);
}

static int delay_plan(const struct fault *f, struct plan_builder *b, struct error *err)
{
	const struct fault_delay *d = &f->delay;
	struct plan_shape shape = {
		.leaf = { .has_netem = true, .netem = leaf_netem(f) },
		.no_leaf = why_no_leaf(d),
		.no_edt = why_no_edt(d),
		.edt_op = FW_OP_DELAY,
		.delay = { .latency_ns = d->latency_ns, .jitter_ns = d->jitter_ns, .curve = d->distribution },
		.rule_flags = per_window(d) ? FW_RULE_PER_WINDOW : 0,
	};
	char once[32], note[128];

	if (correlates(d))
		plan_process(d, &shape);
	if (d->reorder_ppm)
		plan_reorder(d, &shape);
	if (per_window(d)) {
		json_format_duration(shape.leaf.netem.latency_ns, once, sizeof(once));
		snprintf(note, sizeof(note), "netem draws once for the pod, not once a window: every window's delay is %s", once);
		shape.wants_edt = "correlation 100 is one draw per window";
		shape.leaf_note = note;
	} else if (f->seed_given && (d->jitter_ns || d->reorder_ppm)) {
		shape.wants_edt = d->jitter_ns ? "a seed decides the jitter" : "a seed decides what is sent at once";
		shape.leaf_note = "netem draws by itself: the seed decides which packets it gets, not what it does with them";
	}
	return plan_shape(b, f, &shape, err);
}

static uint64_t delay_max_delay(const struct fault *f)
{
	const struct fault_delay *d = &f->delay;
	unsigned __int128 ns = d->latency_ns + (unsigned __int128)d->jitter_ns * dist_spread(d->distribution);

	return MIN(ns + (d->has_slot ? d->slot.max_ns : 0), UINT64_MAX);
}

const struct fault_kind fault_kind_delay = {
	.name = "delay",
	.body = "delay",
	.layer = LAYER_NETWORK,
	.order = ORDER_SHAPE,
	.parse = delay_parse,
	.plan = delay_plan,
	.max_delay_ns = delay_max_delay,
};
