// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packet -> mask of the rules that want it, by the slot's interval tables: a binary search a table, so 64 rules cost what one
 * costs. Cheapest test first; the rest is skipped once no rule is left.
 */
#ifndef FAULTWIRE_MATCH_BPF_H
#define FAULTWIRE_MATCH_BPF_H

#include "bpf/fault.bpf.h"
#include "bpf/packet.bpf.h"

/*
 * The index of the interval that 'value' is in: the last one that does not begin above it. 'at' says so of one, as 0 or 1: without a
 * branch, so that the verifier has one path to follow instead of one an interval. Steps are constants. Small tables take the last four
 * alone; entries past the last in use do no harm.
 */
#define MATCH_STEP(i, n, at) ((i) += (at(((i) + (n)) & (FW_INTERVALS - 1))) * (n))
#define MATCH_SEARCH(i, half, at)               \
	do {                                    \
		if ((half) > 8) {               \
			MATCH_STEP(i, 128, at); \
			MATCH_STEP(i, 64, at);  \
			MATCH_STEP(i, 32, at);  \
			MATCH_STEP(i, 16, at);  \
		}                               \
		MATCH_STEP(i, 8, at);           \
		MATCH_STEP(i, 4, at);           \
		MATCH_STEP(i, 2, at);           \
		MATCH_STEP(i, 1, at);           \
	} while (0)

/* Bit 63 of x, in a way that the compiler does not make a branch of. */
static __always_inline __u32 match_top_bit(__u64 x)
{
	asm("" : "+r"(x));
	return x >> 63;
}

/* a <= b */
static __always_inline __u32 match_u32(__u32 a, __u32 b)
{
	return 1 - match_top_bit((__u64)b - a);
}

/* a < b: the borrow of a - b (Warren, Hacker's Delight, 2-13) */
static __always_inline __u32 match_borrow(__u64 a, __u64 b)
{
	return match_top_bit((~a & b) | ((~a | b) & (a - b)));
}

static __always_inline __u64 match_port(const struct fw_ports *t, __u32 port)
{
	__u32 i = 0;

#define AT(j) match_u32(t->lo[j], port)
	MATCH_SEARCH(i, t->half, AT);
#undef AT
	return t->mask[i & (FW_INTERVALS - 1)];
}

static __always_inline __u64 match_v4(const struct fw_v4 *t, __u32 addr)
{
	__u32 i = 0;

#define AT(j) match_u32(t->lo[j], addr)
	MATCH_SEARCH(i, t->half, AT);
#undef AT
	return t->mask[i & (FW_INTERVALS - 1)];
}

/* (hi, lo) of an interval <= (hi, lo) of a packet */
static __always_inline __u32 match_u128(__u64 a_hi, __u64 a_lo, __u64 hi, __u64 lo)
{
	__u64 other = a_hi ^ hi;

	return match_borrow(a_hi, hi) | ((1 - match_top_bit(other | -other)) & (1 - match_borrow(lo, a_lo)));
}

static __always_inline __u64 match_v6(const struct fw_v6 *t, __u64 hi, __u64 lo)
{
	__u32 i = 0;

#define AT(j) match_u128(t->hi[j], t->lo[j], hi, lo)
	MATCH_SEARCH(i, t->half, AT);
#undef AT
	return t->mask[i & (FW_INTERVALS - 1)];
}

static __always_inline __u64 match_packet(const struct fw_slot *slot, const struct packet *p, enum fw_dir dir)
{
	__u64 m = slot->rules[dir] & slot->protocol[p->class & 7];
	__u64 need = slot->dport_rules | slot->sport_rules;

	if (m & need) {
		if (!p->ports)
			m &= ~need;
		if (m & slot->dport_rules)
			m &= match_port(&slot->dport, p->dport);
		if (m & slot->sport_rules)
			m &= match_port(&slot->sport, p->sport);
	}
	if (!m)
		return 0;
	return m & (p->v4 ? match_v4(&slot->v4, p->lo) : match_v6(&slot->v6, p->hi, p->lo));
}

#endif
