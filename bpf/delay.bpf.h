// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a delay is for one packet: latency, and the jitter's draw through its distribution's curve; and which packets netem's
 * reordering would not hold back at all.
 */
#ifndef FAULTWIRE_DELAY_BPF_H
#define FAULTWIRE_DELAY_BPF_H

#include "bpf/fault.bpf.h"

/* Latency and what the curve makes of z, times the jitter: below 2^42 ns (the planner sees to that) times below 2^19. */
static __always_inline __u64 delay_curve(const struct fw_delay *d, __u32 z)
{
	__u32 i = (z / FW_CURVE_STEP) & (FW_CURVE_POINTS - 1), rest = z & (FW_CURVE_STEP - 1);
	const volatile __s16 *curve = fw_curves[d->curve & (FW_CURVES - 1)];
	__s64 low = curve[i], x = low * FW_CURVE_STEP + (curve[i + 1] - low) * rest, ns;

	ns = d->latency_ns + ((__s64)d->jitter_ns * x >> 17);
	return ns < 0 ? 0 : ns;
}
_Static_assert(FW_CURVE_UNIT *FW_CURVE_STEP == 1 << 17, "a curve's unit between its points");

static __always_inline __u64 delay_jitter(const struct fw_rule *r, __u64 n, __u32 state)
{
	const struct fw_delay *d = &r->delay;
	__u64 draw;

	if (r->flags & FW_RULE_PROCESS)
		return delay_curve(d, state);
	if (d->curve)
		return delay_curve(d, fault_normal(r, n));
	draw = fault_draw(r, n, FW_LANE_JITTER);
	/* jitter * draw / 2^32, by halves: the product does not fit */
	return d->latency_ns - d->jitter_ns + 2 * ((d->jitter_ns >> 32) * draw + ((d->jitter_ns & 0xffffffff) * draw >> 32));
}

/*
 * netem's reordering: after gap - 1 packets that were held back, a share of the next ones is not; after one that was not, it begins anew. It has
 * a count of its own, of 32 bits, since only that and the chain's state must move together.
 */
static __always_inline bool delay_overtakes(struct fw_rule *r)
{
	for (int i = 0; i < FW_TRIES; i++) {
		__u64 old = *(volatile __u64 *)&r->state.reorder, n = old >> 32;
		__u32 since = (__u32)old >> 2, state = old & 3;
		bool hit = false;

		if (since + 1 >= r->delay.gap) {
			state = fault_chain_step(r, n, state);
			hit = fault_chain_hit(r, n, state);
		}
		since = hit ? 0 : since + (since < (1U << 30) - 1);
		if (__sync_val_compare_and_swap(&r->state.reorder, old, (n + 1) << 32 | since << 2 | state) == old)
			return hit;
	}
	__sync_fetch_and_add(&r->state.lost_races, 1);
	return false;
}

#endif
