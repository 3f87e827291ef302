// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a rule remembers of a TCP connection: that it is one of the first n, and what was decided for the segment that it last saw.
 * Only connections that are chosen, or that carry queries, have an entry, so the map is small; the least used goes first.
 */
#ifndef FAULTWIRE_FLOW_BPF_H
#define FAULTWIRE_FLOW_BPF_H

#include "bpf/fault.bpf.h"
#include "bpf/reset.bpf.h"

#define FLOW_ENTRIES 16384 /* of the node; 128 bytes each, 2 MB */

struct flow_key {
	__u32 rule; /* slot * FW_RULES + rule */
	__u16 local, remote;
	__be32 addr[8]; /* local, remote */
};

struct flow {
	__u32 isn; /* of the one who began it: another one is another connection between the same ports */
	__u32 first;
	__u32 decided, hit, seq; /* flow_decided */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOW_ENTRIES);
	__type(key, struct flow_key);
	__type(value, struct flow);
} fw_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FW_MORE);
	__type(key, __u32);
	__type(value, struct fw_first);
} fw_first SEC(".maps");

static __always_inline bool flow_key(struct __sk_buff *skb, const struct walk *w, __u32 rule, const __be32 *tcp, struct flow_key *k)
{
	bool out = w->dir == FW_EGRESS;
	__u32 ports = bpf_ntohl(tcp[TCP_PORTS]);
	__be32 addr[8];

	__builtin_memset(k, 0, sizeof(*k));
	k->rule = rule;
	k->local = out ? ports >> 16 : ports;
	k->remote = out ? ports : ports >> 16;
	if (w->v4) {
		if (bpf_skb_load_bytes(skb, w->l3 + 12, addr, 8))
			return false;
		k->addr[0] = out ? addr[0] : addr[1];
		k->addr[4] = out ? addr[1] : addr[0];
		return true;
	}
	if (bpf_skb_load_bytes(skb, w->l3 + 8, addr, sizeof(addr)))
		return false;
	__builtin_memcpy(k->addr, out ? addr : addr + 4, 16);
	__builtin_memcpy(k->addr + 4, out ? addr + 4 : addr, 16);
	return true;
}

/* A connection begins: one of the first? The entry comes before the number, so a SYN seen on two processors is counted once. */
static __always_inline bool flow_begin(const struct flow_key *k, struct flow *old, __u32 isn)
{
	struct fw_first *first = bpf_map_lookup_elem(&fw_first, &k->rule);
	struct flow new = { .isn = isn, .first = 1 };
	__u32 was = old ? old->isn : 0;

	if (!first)
		return false;
	if (*(volatile __u64 *)&first->taken < first->limit) {
		if (old ? __sync_val_compare_and_swap(&old->isn, was, isn) != was
			: bpf_map_update_elem(&fw_flows, k, &new, BPF_NOEXIST) != 0)
			return true; /* another processor's */
		if (__sync_fetch_and_add(&first->taken, 1) < first->limit)
			return true;
	}
	bpf_map_delete_elem(&fw_flows, k);
	return false;
}

/*
 * Whether the packet belongs to one of the first connections of the rule. They begin with the first SYN that the rule sees; the initial number of who
 * began tells a repeated SYN, or the SYN|ACK that answers it, from a new connection.
 */
__attribute__((noinline)) int flow_is_first(struct __sk_buff *skb, struct walk *w, __u32 rule)
{
	__be32 tcp[TCP_WORDS];
	struct flow_key k;
	struct flow *f;
	__u32 flags, isn;

	if (!w || !reset_header(skb, w, tcp) || !flow_key(skb, w, rule, tcp, &k))
		return false;
	flags = reset_flags(tcp);
	f = bpf_map_lookup_elem(&fw_flows, &k);
	if (!(flags & TCP_SYN) || (flags & TCP_RST))
		return f && f->first;
	isn = flags & TCP_ACK ? bpf_ntohl(tcp[TCP_ACKED]) - 1 : bpf_ntohl(tcp[TCP_SEQ]);
	if (f && f->isn == isn)
		return f->first;
	return flow_begin(&k, f, isn);
}

#endif
