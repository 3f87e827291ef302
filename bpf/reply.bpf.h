// SPDX-License-Identifier: GPL-2.0-only
/*
 * Turns a packet into the answer to itself: addresses swapped, cut to what the answer needs, checksums right whoever was to compute
 * them. The caller writes the transport; net.bpf.c sends it back.
 */
#ifndef FAULTWIRE_REPLY_BPF_H
#define FAULTWIRE_REPLY_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/walk.bpf.h"

#define REPLY_HOPS 64

/* The pseudo header of both families: zeros do not count. */
struct reply_pseudo {
	__be32 addr[8];
	__be32 len, protocol;
};

static __always_inline bool reply_store(struct __sk_buff *skb, __u32 at, const void *from, __u32 n)
{
	return !bpf_skb_store_bytes(skb, at, from, n, BPF_F_RECOMPUTE_CSUM);
}

static __always_inline __u16 reply_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return sum + (sum >> 16);
}

/*
 * Whether the checksum in the field at 'at' is yet to be completed from its seed there (CHECKSUM_PARTIAL): no program can read that, but then
 * the kernel takes the change of a word as none to the field. The field is to be written afterwards.
 */
static __always_inline bool reply_is_seed(struct __sk_buff *skb, __u32 at)
{
	__u16 before = 0, after = 1;

	return !bpf_skb_load_bytes(skb, at, &before, 2) && !bpf_l4_csum_replace(skb, at, 0, 1, 2) &&
	       !bpf_skb_load_bytes(skb, at, &after, 2) && before == after;
}

/* The transport's checksum field, from the sums of the pseudo header and of the transport with the field at 0. */
static __always_inline __u16 reply_checksum(struct __sk_buff *skb, __u32 at, const struct reply_pseudo *p, __u32 transport)
{
	__u32 pseudo = bpf_csum_diff(0, 0, (__be32 *)p, sizeof(*p), 0);

	if (reply_is_seed(skb, at))
		return reply_fold(pseudo);
	return ~reply_fold(reply_fold(pseudo) + reply_fold(transport));
}

static __always_inline bool reply_ethernet(struct __sk_buff *skb)
{
	__u8 mac[2 * ETH_ALEN], swapped[2 * ETH_ALEN];

	if (bpf_skb_load_bytes(skb, 0, mac, sizeof(mac)))
		return false;
	__builtin_memcpy(swapped, mac + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(swapped + ETH_ALEN, mac, ETH_ALEN);
	return reply_store(skb, 0, swapped, sizeof(swapped));
}

/* No ECN, no fragment; options stay, their part of the checksum too. */
static __always_inline bool reply_ipv4(struct __sk_buff *skb, __u32 l3, __u32 total, struct reply_pseudo *p)
{
	__u32 old[3], new[3];

	if (bpf_skb_load_bytes(skb, l3, old, sizeof(old)) || bpf_skb_load_bytes(skb, l3 + 12, p->addr, 8))
		return false;
	new[0] = bpf_htonl((bpf_ntohl(old[0]) & 0xff000000) | (total & 0xffff));
	new[1] = bpf_htonl(0x4000);
	old[2] &= bpf_htonl(0xffff0000);
	new[2] = bpf_htonl(REPLY_HOPS << 24 | (bpf_ntohl(old[2]) & 0xff0000));
	for (int i = 0; i < 3; i++)
		if (bpf_l3_csum_replace(skb, l3 + 10, old[i], new[i], 4))
			return false;
	new[2] = p->addr[0];
	p->addr[0] = p->addr[1];
	p->addr[1] = new[2];
	return reply_store(skb, l3, new, 8) && reply_store(skb, l3 + 8, &(__u8){ REPLY_HOPS }, 1) &&
	       reply_store(skb, l3 + 12, p->addr, 8);
}

static __always_inline bool reply_ipv6(struct __sk_buff *skb, __u32 l3, __u32 payload, struct reply_pseudo *p)
{
	__u32 head[2];

	if (bpf_skb_load_bytes(skb, l3, head, sizeof(head)) || bpf_skb_load_bytes(skb, l3 + 8, p->addr + 4, 16) ||
	    bpf_skb_load_bytes(skb, l3 + 24, p->addr, 16))
		return false;
	head[0] = bpf_htonl(6U << 28);
	head[1] = bpf_htonl(payload << 16 | (bpf_ntohl(head[1]) & 0xff00) | REPLY_HOPS);
	return reply_store(skb, l3, head, sizeof(head)) && reply_store(skb, l3 + 8, p->addr, sizeof(p->addr));
}

/*
 * The packet with 'len' bytes of transport, on its way back; *p is its pseudo header. False = no memory. A GSO packet becomes an
 * ordinary one.
 */
static __always_inline bool reply_turn(struct __sk_buff *skb, const struct walk *w, __u32 len, struct reply_pseudo *p)
{
	__u32 end = w->l4 + len;

	__builtin_memset(p, 0, sizeof(*p));
	p->len = bpf_htonl(len);
	p->protocol = bpf_htonl(w->ip_protocol);
	if (bpf_skb_change_tail(skb, end, 0))
		return false;
	if (w->v4)
		return reply_ipv4(skb, w->l3, end - w->l3, p) && reply_ethernet(skb);
	return reply_ipv6(skb, w->l3, end - w->l3 - 40, p) && reply_ethernet(skb);
}

#endif
