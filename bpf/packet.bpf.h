// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the match needs of a packet: remote address, protocol class, ports, where the layers begin. Everything that must never be
 * faulted (not IP, neighbour discovery) is told apart here.
 */
#ifndef FAULTWIRE_PACKET_BPF_H
#define FAULTWIRE_PACKET_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

#define PACKET_VLANS 2      /* tags in the frame that are stepped over */
#define PACKET_EXTENSIONS 6 /* IPv6 extension headers */
#define PACKET_LINEAR 74    /* Ethernet, IPv6 and TCP headers */

struct packet {
	__u64 hi, lo; /* remote address, host order; IPv4 in the low half of lo */
	__u32 v4;
	__u32 ports; /* 1: sport and dport are there */
	__u32 sport, dport;
	__u32 class; /* enum fw_protocol */
	__u32 l3;    /* offset of the IP header */
	__u32 l4;    /* offset of the transport header; 0 = none here (a later fragment) */
	__u32 ip_protocol;
};

static __always_inline __u32 packet_class(__u32 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return FW_PROTO_TCP;
	case IPPROTO_UDP:
		return FW_PROTO_UDP;
	case IPPROTO_SCTP:
		return FW_PROTO_SCTP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return FW_PROTO_ICMP;
	default:
		return FW_PROTO_OTHER;
	}
}

/* Ports of the transport header at p->l4; none where the packet ends before them. */
static __always_inline void packet_ports(struct __sk_buff *skb, struct packet *p)
{
	__u16 ports[2];

	if (p->class != FW_PROTO_TCP && p->class != FW_PROTO_UDP && p->class != FW_PROTO_SCTP)
		return;
	if (bpf_skb_load_bytes(skb, p->l4, ports, sizeof(ports)))
		return;
	p->ports = 1;
	p->sport = bpf_ntohs(ports[0]);
	p->dport = bpf_ntohs(ports[1]);
}

static __always_inline bool packet_ipv4(struct __sk_buff *skb, struct packet *p, __u32 offset, enum fw_dir dir)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + offset;

	if ((void *)(ip + 1) > end)
		return false;
	p->v4 = 1;
	p->l3 = offset;
	p->lo = bpf_ntohl(dir == FW_EGRESS ? ip->daddr : ip->saddr);
	p->ip_protocol = ip->protocol;
	p->class = packet_class(ip->protocol);
	if (ip->frag_off & bpf_htons(0x1fff))
		return true;
	p->l4 = offset + ip->ihl * 4;
	if ((p->class == FW_PROTO_TCP || p->class == FW_PROTO_UDP) && ip->ihl == 5 && (void *)(ip + 1) + 4 <= end) {
		__u16 *ports = (void *)(ip + 1);

		p->ports = 1;
		p->sport = bpf_ntohs(ports[0]);
		p->dport = bpf_ntohs(ports[1]);
	} else {
		packet_ports(skb, p);
	}
	return true;
}

/* Steps over one extension header; false when *next is not one. */
static __always_inline bool packet_extension(struct __sk_buff *skb, __u32 *offset, __u32 *next, bool *fragment)
{
	__u8 h[4];

	if (*next != IPPROTO_HOPOPTS && *next != IPPROTO_ROUTING && *next != IPPROTO_DSTOPTS && *next != IPPROTO_FRAGMENT &&
	    *next != IPPROTO_AH)
		return false;
	if (bpf_skb_load_bytes(skb, *offset, h, sizeof(h)))
		return false;
	if (*next == IPPROTO_FRAGMENT) {
		*fragment = (h[2] << 8 | h[3]) & 0xfff8;
		*offset += 8;
	} else {
		*offset += *next == IPPROTO_AH ? (h[1] + 2) * 4 : (h[1] + 1) * 8;
	}
	*next = h[0];
	return true;
}

/*
 * Router and neighbour solicitation and advertisement, redirect (RFC 4861): a pod without them has no network at all. Nor without what
 * tells a snooping switch which solicitations it wants (MLD: RFC 2710, 3810).
 */
static __always_inline bool packet_is_discovery(struct __sk_buff *skb, __u32 offset)
{
	__u8 type;

	return !bpf_skb_load_bytes(skb, offset, &type, 1) && ((type >= 130 && type <= 137) || type == 143);
}

static __always_inline bool packet_ipv6(struct __sk_buff *skb, struct packet *p, __u32 offset, enum fw_dir dir)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip = data + offset;
	const __be32 *a;
	bool fragment = false;
	__u32 next;

	if ((void *)(ip + 1) > end)
		return false;
	a = dir == FW_EGRESS ? ip->daddr.in6_u.u6_addr32 : ip->saddr.in6_u.u6_addr32;
	p->hi = (__u64)bpf_ntohl(a[0]) << 32 | bpf_ntohl(a[1]);
	p->lo = (__u64)bpf_ntohl(a[2]) << 32 | bpf_ntohl(a[3]);
	p->l3 = offset;
	next = ip->nexthdr;
	offset += sizeof(*ip);
	for (int i = 0; i < PACKET_EXTENSIONS && !fragment; i++)
		if (!packet_extension(skb, &offset, &next, &fragment))
			break;
	p->ip_protocol = next;
	p->class = packet_class(next);
	if (fragment)
		return true;
	if (next == IPPROTO_ICMPV6 && packet_is_discovery(skb, offset))
		return false;
	p->l4 = offset;
	packet_ports(skb, p);
	return true;
}

/* False: not a packet that a fault may touch. */
static __always_inline bool packet_parse(struct __sk_buff *skb, struct packet *p, enum fw_dir dir)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 offset = ETH_HLEN;
	__u16 type;

	if (data + ETH_HLEN + sizeof(struct iphdr) + 4 > end) {
		if (bpf_skb_pull_data(skb, skb->len < PACKET_LINEAR ? skb->len : PACKET_LINEAR))
			return false;
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
		if (data + ETH_HLEN > end)
			return false;
	}
	type = ((struct ethhdr *)data)->h_proto;
	for (int i = 0; i < PACKET_VLANS; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if (data + offset + 4 > end)
			return false;
		type = *(__u16 *)(data + offset + 2);
		offset += 4;
	}
	if (type == bpf_htons(ETH_P_IP))
		return packet_ipv4(skb, p, offset, dir);
	if (type == bpf_htons(ETH_P_IPV6))
		return packet_ipv6(skb, p, offset, dir);
	return false;
}

#endif
