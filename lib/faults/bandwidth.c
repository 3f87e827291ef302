// SPDX-License-Identifier: GPL-2.0-only
/*
 * bandwidth: a token bucket, as a tbf leaf or as a virtual clock (EDT). What waits is bounded in time, so that nothing drains for minutes
 * after its window: a limit in bytes only ever lowers that.
 */
#include "lib/faults/bandwidth.h"

#include "lib/util.h"

#define RATE_MIN 8ULL
#define RATE_MAX 1000000000000ULL
#define BACKLOG_NS NSEC_PER_SEC
#define BURST_PER_SEC 250ULL /* the default bucket holds 4 ms, and 5,000 bytes at least */
#define BURST_MIN 5000ULL
#define PACKET_MAX 1600ULL /* tbf drops for ever what is larger than its bucket */

int bandwidth_parse_rate(const struct json *body, const char *key, uint64_t *ret_bits, struct error *err)
{
	struct json j = json_get(body, key);
	char text[JSON_SHOW_MAX];
	uint64_t bits = 0;
	int r = json_rate(&j, &bits, err);

	if (r < 0 || !json_has(&j))
		return r;
	if (bits < RATE_MIN || bits > RATE_MAX)
		return json_error(&j, err, "'%s' is out of range, from 8bit to 1tbit%s", json_show(&j, text, sizeof(text)),
				  bits == 0 ? " ('partition' stops everything)" : "");
	*ret_bits = bits;
	return 0;
}

/* Bytes that must hold a packet. */
static int parse_bucket(const struct json *body, const char *key, uint64_t *ret, struct error *err)
{
	struct json j = json_get(body, key);
	char text[JSON_SHOW_MAX];
	int r = json_size(&j, ret, err);

	if (r < 0 || !json_has(&j) || (*ret >= PACKET_MAX && *ret <= UINT32_MAX))
		return r;
	return json_error(&j, err, "'%s' is out of range, from %llu bytes (a smaller bucket passes no full packet) to %u",
			  json_show(&j, text, sizeof(text)), PACKET_MAX, UINT32_MAX);
}

static int parse_limit(const struct json *body, uint64_t *ret, struct error *err)
{
	struct json j = json_get(body, "limit");
	int r = json_size(&j, ret, err);

	if (r == 0 && json_has(&j) && *ret == 0)
		r = json_error(&j, err, "must be over 0; leave it out for what 1 s at that rate holds");
	return r;
}

static int check_peak(const struct json *body, struct fault_bandwidth *bw, struct error *err)
{
	struct json peak = json_get(body, "peakrate"), minburst = json_get(body, "minburst");
	char text[JSON_SHOW_MAX];

	if (json_has(&minburst) && !json_has(&peak))
		return json_error(&minburst, err, "is the bucket of 'peakrate': give that too, or remove it");
	if (!json_has(&peak))
		return 0;
	if (bw->peak_bits <= bw->rate_bits)
		return json_error(&peak, err, "'%s' must be over 'rate'", json_show(&peak, text, sizeof(text)));
	if (!bw->minburst_bytes)
		bw->minburst_bytes = PACKET_MAX;
	return 0;
}

static int bandwidth_parse(const struct json *body, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "rate", "limit", "buffer", "peakrate", "minburst", NULL };
	struct json rate = json_get(body, "rate");
	struct fault_bandwidth *bw = &f->bandwidth;
	int r = json_only(body, keys, err);

	if (r == 0 && !json_has(&rate))
		r = json_error(body, err, "needs 'rate', as in {\"rate\":\"10mbit\"}");
	if (r == 0)
		r = bandwidth_parse_rate(body, "rate", &bw->rate_bits, err);
	if (r == 0)
		r = bandwidth_parse_rate(body, "peakrate", &bw->peak_bits, err);
	if (r == 0)
		r = parse_limit(body, &bw->limit_bytes, err);
	if (r == 0)
		r = parse_bucket(body, "buffer", &bw->buffer_bytes, err);
	if (r == 0)
		r = parse_bucket(body, "minburst", &bw->minburst_bytes, err);
	return r < 0 ? r : check_peak(body, bw, err);
}

/* How long n bytes take. */
static uint64_t bytes_ns(uint64_t n, uint64_t rate_bits)
{
	unsigned __int128 ns = (unsigned __int128)n * 8 * NSEC_PER_SEC / rate_bits;

	return ns > INT64_MAX ? INT64_MAX : (uint64_t)ns;
}

int bandwidth_plan(const struct fault *f, struct plan_builder *b, struct error *err)
{
	const struct fault_bandwidth *bw = &f->bandwidth;
	uint64_t second = MAX(bw->rate_bits / 8, 1); /* bytes of BACKLOG_NS */
	uint64_t burst = bw->buffer_bytes ? bw->buffer_bytes : MAX(second / BURST_PER_SEC, BURST_MIN);
	uint64_t limit = bw->limit_bytes && bw->limit_bytes < second ? bw->limit_bytes : second;
	struct plan_shape shape = {
		.leaf = {
			.has_tbf = true,
			.tbf = {
				.rate_bits = bw->rate_bits,
				.peak_bits = bw->peak_bits,
				.limit_bytes = (uint32_t)MIN(MAX(limit, PACKET_MAX), UINT32_MAX),
				.buffer_bytes = (uint32_t)burst,
				.minburst_bytes = (uint32_t)bw->minburst_bytes,
			},
		},
		.wants_edt = b->corrupt_leaf & plan_dirs(f) ? "corrupted packets share its rate" : NULL,
		.leaf_note = "corrupted packets get the same rate once more: they have a bucket of their own",
		.no_edt = bw->peak_bits ? "'peakrate' is a second bucket" : NULL,
		.edt_op = FW_OP_RATE,
		.rate = {
			.cost_q16 = ((8 * NSEC_PER_SEC << 16) + bw->rate_bits / 2) / bw->rate_bits,
			.burst_ns = bytes_ns(burst, bw->rate_bits),
			.limit_ns = MIN(bytes_ns(limit, bw->rate_bits), BACKLOG_NS),
		},
	};

	if (bw->limit_bytes > second)
		plan_note(b, "%s: limit %llu bytes cut to %llu: 1 s at that rate", f->name, (unsigned long long)bw->limit_bytes,
			  (unsigned long long)second);
	return plan_shape(b, f, &shape, err);
}

const struct fault_kind fault_kind_bandwidth = {
	.name = "bandwidth",
	.body = "bandwidth",
	.layer = LAYER_NETWORK,
	.order = ORDER_SHAPE,
	.parse = bandwidth_parse,
	.plan = bandwidth_plan,
};
