// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packet -> mask of the rules that want it, by the slot's interval tables: a binary search a table, so 64 rules cost what one
 * costs. Cheapest test first; the rest is skipped once no rule is left.
 */
#ifndef FAULTWIRE_MATCH_BPF_H
#define FAULTWIRE_MATCH_BPF_H

#include "bpf/fault.bpf.h"
#include "bpf/packet.bpf.h"

#define MATCH_STEPS 8 /* log2(FW_INTERVALS) */

static __always_inline __u64 match_port(const struct fw_ports *t, __u32 port)
{
	__u32 i = 0, step = t->half;

	for (int k = 0; k < MATCH_STEPS && step; k++, step >>= 1) {
		__u32 j = (i + step) & (FW_INTERVALS - 1);

		if (t->lo[j] <= port)
			i = j;
	}
	return t->mask[i & (FW_INTERVALS - 1)];
}

static __always_inline __u64 match_v4(const struct fw_v4 *t, __u32 addr)
{
	__u32 i = 0, step = t->half;

	for (int k = 0; k < MATCH_STEPS && step; k++, step >>= 1) {
		__u32 j = (i + step) & (FW_INTERVALS - 1);

		if (t->lo[j] <= addr)
			i = j;
	}
	return t->mask[i & (FW_INTERVALS - 1)];
}

static __always_inline __u64 match_v6(const struct fw_v6 *t, __u64 hi, __u64 lo)
{
	__u32 i = 0, step = t->half;

	for (int k = 0; k < MATCH_STEPS && step; k++, step >>= 1) {
		__u32 j = (i + step) & (FW_INTERVALS - 1);

		if (t->hi[j] < hi || (t->hi[j] == hi && t->lo[j] <= lo))
			i = j;
	}
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
