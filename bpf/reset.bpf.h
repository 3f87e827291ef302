// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers a TCP packet with RST to its sender, as a host without the socket does (RFC 9293, 3.10.7.1).
 */
#ifndef FAULTWIRE_RESET_BPF_H
#define FAULTWIRE_RESET_BPF_H

#include "bpf/fault.bpf.h"
#include "bpf/reply.bpf.h"

#define TCP_FIN 0x01U
#define TCP_SYN 0x02U
#define TCP_RST 0x04U
#define TCP_ACK 0x10U

/* The header's words, host order. */
enum reset_word { TCP_PORTS, TCP_SEQ, TCP_ACKED, TCP_OFFSET_FLAGS, TCP_CHECKSUM, TCP_WORDS };

static __always_inline __u32 reset_flags(const __be32 *tcp)
{
	return bpf_ntohl(tcp[TCP_OFFSET_FLAGS]) >> 16 & 0xff;
}

static __always_inline bool reset_header(struct __sk_buff *skb, const struct walk *w, __be32 *tcp)
{
	return w->l4 && w->ip_protocol == IPPROTO_TCP && !bpf_skb_load_bytes(skb, w->l4, tcp, TCP_WORDS * 4);
}

/* Whether the packet may be answered: a RST never is. */
static __always_inline bool reset_may(struct __sk_buff *skb, const struct walk *w)
{
	__be32 tcp[TCP_WORDS];

	return reset_header(skb, w, tcp) && !(reset_flags(tcp) & TCP_RST);
}

/* What the packet takes of its sender's sequence. */
static __always_inline __u32 reset_length(struct __sk_buff *skb, const struct walk *w, const __be32 *tcp)
{
	__u32 header = w->l4 - w->l3 + (bpf_ntohl(tcp[TCP_OFFSET_FLAGS]) >> 28) * 4, flags = reset_flags(tcp), total;
	__be16 field = 0;

	if (bpf_skb_load_bytes(skb, w->l3 + (w->v4 ? 2 : 4), &field, 2))
		return 0;
	total = bpf_ntohs(field) + (w->v4 ? 0 : 40);
	return (total > header ? total - header : 0) + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
}

/* The packet becomes its RST; false = it could not. */
__attribute__((noinline)) int reset_answer(struct __sk_buff *skb, struct walk *w)
{
	__be32 in[TCP_WORDS], out[TCP_WORDS] = {};
	struct reply_pseudo pseudo;
	__u32 ports;

	if (!w || !reset_header(skb, w, in))
		return false;
	ports = bpf_ntohl(in[TCP_PORTS]);
	out[TCP_PORTS] = bpf_htonl(ports << 16 | ports >> 16);
	if (reset_flags(in) & TCP_ACK) {
		out[TCP_SEQ] = in[TCP_ACKED];
		out[TCP_OFFSET_FLAGS] = bpf_htonl((__u32)TCP_WORDS << 28 | TCP_RST << 16);
	} else {
		out[TCP_ACKED] = bpf_htonl(bpf_ntohl(in[TCP_SEQ]) + reset_length(skb, w, in));
		out[TCP_OFFSET_FLAGS] = bpf_htonl((__u32)TCP_WORDS << 28 | (TCP_RST | TCP_ACK) << 16);
	}
	if (!reply_turn(skb, w, sizeof(out), &pseudo))
		return false;
	*(__u16 *)&out[TCP_CHECKSUM] =
		reply_checksum(skb, w->l4 + TCP_CHECKSUM * 4, &pseudo, bpf_csum_diff(0, 0, out, sizeof(out), 0));
	return reply_store(skb, w->l4, out, sizeof(out));
}

#endif
