// SPDX-License-Identifier: GPL-2.0-only
/*
 * Damages one bit of a packet's payload: with the checksum wrong, so that the receiver drops it, or right, so that the application gets it.
 */
#ifndef FAULTWIRE_CORRUPT_BPF_H
#define FAULTWIRE_CORRUPT_BPF_H

#include <linux/in.h>
#include <linux/in6.h>

#include "bpf/fault.bpf.h"
#include "bpf/walk.bpf.h"

/* Offset of a payload byte to damage; 0 when the packet has no transport payload here. */
static __always_inline __u32 corrupt_payload(struct __sk_buff *skb, const struct walk *w, __u32 draw)
{
	__u32 header = 8, start, room;
	__u8 doff;

	if (!w->l4 || w->l4 > 256)
		return 0;
	if (w->ip_protocol == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, w->l4 + 12, &doff, 1))
			return 0;
		header = (doff >> 4) * 4;
	}
	start = w->l4 + header;
	if (skb->len <= start)
		return 0;
	room = skb->len - start;
	return start + draw % room;
}

/* Where the checksum of the transport is; 0 = none that we know. */
static __always_inline __u32 corrupt_checksum(const struct walk *w)
{
	switch (w->l4 ? w->ip_protocol : 0) {
	case IPPROTO_TCP:
		return w->l4 + 16;
	case IPPROTO_UDP:
		return w->l4 + 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return w->l4 + 2;
	default:
		return 0;
	}
}

/* Flips one bit of the byte at 'at'. Returns the bit's place (0..15) in its checksummed word, or -1. */
static __always_inline int corrupt_flip(struct __sk_buff *skb, const struct walk *w, __u32 at, __u32 bit)
{
	__u8 byte;

	if (bpf_skb_load_bytes(skb, at, &byte, 1))
		return -1;
	byte ^= 1 << (bit & 7);
	if (bpf_skb_store_bytes(skb, at, &byte, 1, BPF_F_RECOMPUTE_CSUM))
		return -1;
	return (bit & 7) + ((at - w->l4) & 1 ? 0 : 8);
}

/*
 * A bit of payload and another place's bit of the checksum: two flips of different weight never cancel, whether the checksum is there
 * already or is yet to be completed from the seed in its field (CHECKSUM_PARTIAL).
 */
static __always_inline bool corrupt_invalid(struct __sk_buff *skb, const struct walk *w, __u64 draw)
{
	__u32 at = corrupt_payload(skb, w, draw), csum = corrupt_checksum(w);
	int bit = 0;

	if (!at && !csum)
		return false;
	if (at)
		bit = corrupt_flip(skb, w, at, draw >> 32);
	if (csum && bit >= 0) {
		bit = (bit + 1) & 15;
		corrupt_flip(skb, w, csum + (bit < 8), bit);
	}
	return bit >= 0;
}

/* A bit of payload, and the checksum made to fit: the application gets the damage. */
static __always_inline bool corrupt_valid(struct __sk_buff *skb, const struct walk *w, __u64 draw)
{
	__u32 at = corrupt_payload(skb, w, draw), csum = corrupt_checksum(w);
	__u16 old, new, field;

	if (!at)
		return false;
	at -= (at - w->l4) & 1;
	if (bpf_skb_load_bytes(skb, at, &old, 2)) /* an odd last byte has no pair: its neighbour serves */
		return false;
	new = old ^ (1 << ((draw >> 32) & 15));
	if (csum && !bpf_skb_load_bytes(skb, csum, &field, 2) && (field || w->ip_protocol != IPPROTO_UDP))
		if (bpf_l4_csum_replace(skb, csum, old, new, 2))
			return false;
	return !bpf_skb_store_bytes(skb, at, &new, 2, 0);
}

#endif
