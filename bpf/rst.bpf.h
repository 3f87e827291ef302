/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes a TCP segment into a reset of its connection, back to its sender or on to its receiver, with a checksum that is right whether it
 * is complete or left to the device.
 */
#ifndef FAULTWIRE_RST_BPF_H
#define FAULTWIRE_RST_BPF_H

#include <linux/tcp.h>

#include "bpf/packet.bpf.h"
#include "bpf/reply.bpf.h"

#define RST_HEADER 20

/* The segment as it came, in host order: what both resets are made from. */
struct rst {
	__u32 l4, net; /* offsets of the layers */
	__u32 v6;
	__u32 extensions; /* bytes between IPv6's header and TCP */
	__u32 seq, ack, len;
	__u16 sport, dport;
};

/* Cuts the packet down to a bare TCP header. */
static __always_inline int rst_trim(struct __sk_buff *skb, const struct rst *r)
{
	__be16 old, new;

	if (bpf_skb_change_tail(skb, r->l4 + RST_HEADER, 0))
		return -1;
	if (r->v6) {
		new = bpf_htons(r->extensions + RST_HEADER);
		return bpf_skb_store_bytes(skb, r->net + 4, &new, 2, BPF_F_RECOMPUTE_CSUM);
	}
	new = bpf_htons(r->l4 - r->net + RST_HEADER);
	if (bpf_skb_load_bytes(skb, r->net + 2, &old, 2) || bpf_l3_csum_replace(skb, r->net + 10, old, new, 2))
		return -1;
	return bpf_skb_store_bytes(skb, r->net + 2, &new, 2, 0);
}

/* Sender and receiver change places, in Ethernet's header and in IP's, whose checksum stays what it is. */
static __always_inline int rst_swap(struct __sk_buff *skb, const struct rst *r)
{
	__u32 at = r->net + (r->v6 ? 8 : 12), half = r->v6 ? 16 : 4;
	__u8 a[16], b[16];

	if (!reply_ethernet(skb))
		return -1;
	if (r->v6) {
		if (bpf_skb_load_bytes(skb, at, a, 16) || bpf_skb_load_bytes(skb, at + half, b, 16))
			return -1;
		return bpf_skb_store_bytes(skb, at, b, 16, 0) || bpf_skb_store_bytes(skb, at + half, a, 16, 0) ? -1 : 0;
	}
	if (bpf_skb_load_bytes(skb, at, a, 4) || bpf_skb_load_bytes(skb, at + half, b, 4))
		return -1;
	return bpf_skb_store_bytes(skb, at, b, 4, 0) || bpf_skb_store_bytes(skb, at + half, a, 4, 0) ? -1 : 0;
}

/* Sum of the pseudo header. */
static __always_inline __s64 rst_pseudo(struct __sk_buff *skb, const struct rst *r)
{
	__be32 a[8], tail[2] = { bpf_htonl(RST_HEADER), bpf_htonl(IPPROTO_TCP) };
	__s64 sum;

	if (r->v6) {
		if (bpf_skb_load_bytes(skb, r->net + 8, a, 32))
			return -1;
		sum = bpf_csum_diff(0, 0, a, 32, 0);
	} else {
		if (bpf_skb_load_bytes(skb, r->net + 12, a, 8))
			return -1;
		sum = bpf_csum_diff(0, 0, a, 8, 0);
	}
	return sum < 0 ? sum : bpf_csum_diff(0, 0, tail, sizeof(tail), sum);
}

/* Writes the reset over the trimmed segment; 'back' = to its sender, addresses swapped already. */
static __always_inline int rst_write(struct __sk_buff *skb, const struct rst *r, bool back)
{
	struct tcphdr h = {
		.source = bpf_htons(back ? r->dport : r->sport),
		.dest = bpf_htons(back ? r->sport : r->dport),
		.seq = bpf_htonl(back ? r->ack : r->seq),
		.ack_seq = bpf_htonl(back ? r->seq + r->len : r->ack),
		.doff = RST_HEADER / 4,
		.rst = 1,
		.ack = 1,
	};
	bool partial = reply_is_seed(skb, r->l4 + 16);
	__s64 sum = rst_pseudo(skb, r);

	if (sum >= 0 && !partial)
		sum = bpf_csum_diff(0, 0, (__be32 *)&h, sizeof(h), sum);
	if (sum < 0)
		return -1;
	h.check = partial ? reply_fold(sum) : ~reply_fold(sum);
	return bpf_skb_store_bytes(skb, r->l4, &h, sizeof(h), BPF_F_RECOMPUTE_CSUM);
}

/*
 * Resets both ends: one reset goes back where the segment came from, and the segment itself becomes the other's. 0, or -1 when it could
 * not be made (then the packet is not fit to be sent).
 */
__attribute__((noinline)) int packet_reset(struct __sk_buff *skb, struct rst *r, __u32 dir)
{
	if (!r || rst_trim(skb, r) || rst_swap(skb, r) || rst_write(skb, r, true))
		return -1;
	if (bpf_clone_redirect(skb, skb->ifindex, dir == FW_EGRESS ? BPF_F_INGRESS : 0))
		return -1;
	return rst_swap(skb, r) || rst_write(skb, r, false) ? -1 : 0;
}

#endif
