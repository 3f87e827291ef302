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
 * The index of the interval that a value is in: the last one that does not begin above it. 'fits' says that of one, as 0 or 1: without a
 * branch, so that the verifier has one path to follow instead of one an interval. Steps are constants. Small tables take the last four
 * alone; entries past the last in use do no harm.
 */
#define MATCH_STEP(i, n, fits) ((i) += (fits((i) + (n))) * (n))
#define MATCH_SEARCH(i, half, fits)               \
	do {                                      \
		if ((half) > 8) {                 \
			MATCH_STEP(i, 128, fits); \
			MATCH_STEP(i, 64, fits);  \
			MATCH_STEP(i, 32, fits);  \
			MATCH_STEP(i, 16, fits);  \
		}                                 \
		MATCH_STEP(i, 8, fits);           \
		MATCH_STEP(i, 4, fits);           \
		MATCH_STEP(i, 2, fits);           \
		MATCH_STEP(i, 1, fits);           \
	} while (0)

/* 1 where bit 63 of x is 0: in instructions of which the compiler makes no branch, and the verifier (6.1) knows what comes out. */
static __always_inline __u64 match_positive(__u64 x)
{
	asm("%0 >>= 63\n%0 ^= 1" : "+r"(x));
	return x;
}

static __always_inline __u64 match_port(const struct fw_ports *t, __u32 port)
{
	__u64 i = 0;

#define FITS(j) match_positive((__u64)port - t->lo[j])
	MATCH_SEARCH(i, t->half, FITS);
#undef FITS
	return t->mask[i & (FW_INTERVALS - 1)];
}

static __always_inline __u64 match_v4(const struct fw_v4 *t, __u32 addr)
{
	__u64 i = 0;

#define FITS(j) match_positive((__u64)addr - t->lo[j])
	MATCH_SEARCH(i, t->half, FITS);
#undef FITS
	return t->mask[i & (FW_INTERVALS - 1)];
}

/* Bit 63 = the borrow of a - b, 1 where a < b (Warren, Hacker's Delight, 2-13). */
static __always_inline __u64 match_borrow(__u64 a, __u64 b)
{
	return (~a & b) | ((~a | b) & (a - b));
}

/* Bit 63 = 1 where (hi, lo) < (t_hi, t_lo). */
static __always_inline __u64 match_borrow128(__u64 hi, __u64 lo, __u64 t_hi, __u64 t_lo)
{
	__u64 other = hi ^ t_hi;

	return match_borrow(hi, t_hi) | (~(other | -other) & match_borrow(lo, t_lo));
}

static __always_inline __u64 match_v6(const struct fw_v6 *t, __u64 hi, __u64 lo)
{
	__u64 i = 0;

#define FITS(j) match_positive(match_borrow128(hi, lo, t->hi[j], t->lo[j]))
	MATCH_SEARCH(i, t->half, FITS);
#undef FITS
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
