// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pod's DNS queries: whether one asks for a name and a type that the rule is about, and its answer. What is not a plain query of one
 * question whose name ends within the packet matches nothing. Over TCP a query is dropped and its connection reset.
 */
#ifndef FAULTWIRE_DNS_BPF_H
#define FAULTWIRE_DNS_BPF_H

#include "bpf/fault.bpf.h"
#include "bpf/flow.bpf.h"
#include "bpf/reply.bpf.h"
#include "bpf/reset.bpf.h"

#define DNS_HEADER 12
#define DNS_NAME 255                          /* with its lengths and the root's */
#define DNS_QUERY (DNS_HEADER + DNS_NAME + 4) /* what is looked at */
#define DNS_BUFFER 512                        /* a power of two, so that an index is bounded by a mask */
#define DNS_LABEL 63

/* A class of the Internet; others have no names that a pattern means. */
#define DNS_CLASS_IN 1

struct dns_query {
	__u8 bytes[DNS_BUFFER]; /* from the message's header on; what is past 'len' is not the packet's */
	__u64 states[FW_DNS_WORDS];
	__u32 len;
	__u32 left; /* of the label */
	__u32 end;  /* where the name ends, behind the root's length; 0 = not, or not well */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dns_query);
} fw_query SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FW_MORE);
	__type(key, __u32);
	__type(value, struct fw_dns);
} fw_dns SEC(".maps");

/* One character through the automaton. */
static __always_inline void dns_step(const struct fw_dns *d, struct dns_query *q, __u32 row)
{
	const __u64 *accept = d->accept[row & (FW_DNS_ROWS - 1)];
	__u64 carry = 0;

	for (__u32 i = 0; i < FW_DNS_WORDS && i < d->words; i++) {
		__u64 s = q->states[i], moved = s & accept[i];

		q->states[i] = moved << 1 | carry | (s & d->stay[i]);
		carry = moved >> 63;
	}
}

static __always_inline __u32 dns_row(__u32 c)
{
	if (c - 'a' < 26)
		c -= 'a' - 'A';
	c -= ' ';
	return c < FW_DNS_ROWS ? c : 0;
}

struct dns_walk {
	const struct fw_dns *names;
	struct dns_query *query;
};

/* Byte i of the name: a length, or a character. 1 = the end. */
static long dns_byte(__u32 i, void *ctx)
{
	struct dns_walk *walk = ctx;
	struct dns_query *q = walk->query;
	__u32 at = i + DNS_HEADER, c = q->bytes[at & (DNS_BUFFER - 1)];

	if (at >= q->len)
		return 1;
	if (q->left) {
		q->left--;
		dns_step(walk->names, q, c == '.' ? 0 : dns_row(c)); /* a dot within a label parts nothing */
		return 0;
	}
	if (!c)
		q->end = at + 1;
	if (!c || c > DNS_LABEL)
		return 1;
	q->left = c;
	if (i)
		dns_step(walk->names, q, '.' - ' ');
	return 0;
}

static __always_inline __u32 dns_word(const struct dns_query *q, __u32 at)
{
	return q->bytes[at & (DNS_BUFFER - 1)] << 8 | q->bytes[(at + 1) & (DNS_BUFFER - 1)];
}

static __always_inline bool dns_type(const struct fw_dns *d, __u32 type)
{
	for (__u32 i = 0; i < FW_DNS_TYPES && i < d->n_types; i++)
		if (d->types[i] == type)
			return true;
	return !d->n_types;
}

/* The message of n bytes at 'at' into q. */
static __always_inline bool dns_load(struct __sk_buff *skb, struct dns_query *q, __u32 at, __u32 n)
{
	if (n > DNS_QUERY)
		n = DNS_QUERY;
	if (n < DNS_HEADER + 5)
		return false;
	q->len = n;
	return !bpf_skb_load_bytes(skb, at, q->bytes, n);
}

static __always_inline bool dns_udp(struct __sk_buff *skb, const struct walk *w, struct dns_query *q)
{
	__be16 len = 0;
	__u32 n, room = skb->len - w->l4;

	if (bpf_skb_load_bytes(skb, w->l4 + 4, &len, 2))
		return false;
	n = bpf_ntohs(len);
	if (n < 8 || n > room)
		return false;
	return dns_load(skb, q, w->l4 + 8, n - 8);
}

/* The first message of a segment, behind its length; a length that was sent ahead is not there. */
static __always_inline bool dns_tcp(struct __sk_buff *skb, const struct walk *w, const __be32 *tcp, struct dns_query *q)
{
	__u32 at = w->l4 + (bpf_ntohl(tcp[TCP_OFFSET_FLAGS]) >> 28) * 4, n;
	__be16 len = 0;

	if (skb->len <= at + 2 || bpf_skb_load_bytes(skb, at, &len, 2))
		return false;
	n = skb->len - at;
	if (bpf_ntohs(len) <= n - 2 && bpf_ntohs(len) >= DNS_HEADER + 5)
		return dns_load(skb, q, at + 2, bpf_ntohs(len));
	return dns_load(skb, q, at, n);
}

/* A query, one question, its name and type among the rule's. */
static __always_inline bool dns_matches(struct dns_query *q, const struct fw_dns *d)
{
	struct dns_walk walk = { .names = d, .query = q };
	__u64 matched = 0;

	if ((q->bytes[2] & 0xf8) || dns_word(q, 4) != 1)
		return false;
	q->left = 0;
	q->end = 0;
	for (int i = 0; i < FW_DNS_WORDS; i++)
		q->states[i] = d->first[i];
	bpf_loop(DNS_NAME, dns_byte, &walk, 0);
	if (!q->end || q->end + 4 > q->len || dns_word(q, q->end + 2) != DNS_CLASS_IN)
		return false;
	for (int i = 0; i < FW_DNS_WORDS; i++)
		matched |= q->states[i] & d->last[i];
	return matched && dns_type(d, dns_word(q, q->end));
}

/* What becomes of a query: answered, its connection reset, or (no rcode) nothing is heard of it. */
static __always_inline void dns_inject(struct walk *w, __u32 rcode)
{
	w->drop = 1;
	w->rcode = rcode;
	if (rcode)
		w->reply = w->ip_protocol == IPPROTO_TCP ? WALK_RESET : WALK_DNS;
}

/* Where the connection's last decision is kept: a segment that is sent again is the same query. NULL = no memory. */
static __always_inline struct flow *dns_flow(struct __sk_buff *skb, struct walk *w, __u32 rule, const __be32 *tcp)
{
	struct flow new = {}, *f;
	struct flow_key k;

	if (!flow_key(skb, w, rule, tcp, &k))
		return 0;
	f = bpf_map_lookup_elem(&fw_flows, &k);
	if (f)
		return f;
	bpf_map_update_elem(&fw_flows, &k, &new, BPF_NOEXIST);
	return bpf_map_lookup_elem(&fw_flows, &k);
}

/* A function of its own: within another the compiler runs out of registers in ways that the verifier does not follow. */
__attribute__((noinline)) int dns_gate(struct fw_rule *r, __u32 segments)
{
	__u64 n;

	return r ? fault_gate(r, segments, &n) : 0;
}

static __always_inline void dns_decide(struct walk *w, struct fw_rule *r, struct flow *f, __u32 seq)
{
	bool again = f && f->decided && f->seq == seq, hit;

	hit = again ? f->hit : dns_gate(r, w->segments);
	if (f && !again)
		*f = (struct flow){ .isn = f->isn, .first = f->first, .decided = 1, .hit = hit, .seq = seq };
	if (hit)
		dns_inject(w, r->params[0]);
	if (hit && !again)
		fault_injected(r, w->segments);
}

/* A rule of FW_OP_DNS, its window open, meets a packet. */
__attribute__((noinline)) int dns_meet(struct __sk_buff *skb, struct walk *w, __u32 rule)
{
	struct fw_rule *r = bpf_map_lookup_elem(&fw_rules, &rule);
	struct fw_dns *d = bpf_map_lookup_elem(&fw_dns, &rule);
	__u32 zero = 0;
	struct dns_query *q = bpf_map_lookup_elem(&fw_query, &zero);
	__be32 tcp[TCP_WORDS] = {};

	if (!w || !r || !d || !q || !w->l4)
		return 0;
	if (w->ip_protocol == IPPROTO_UDP) {
		if (dns_udp(skb, w, q) && dns_matches(q, d))
			dns_decide(w, r, 0, 0);
	} else if (reset_header(skb, w, tcp) && dns_tcp(skb, w, tcp, q) && dns_matches(q, d)) {
		dns_decide(w, r, dns_flow(skb, w, rule, tcp), bpf_ntohl(tcp[TCP_SEQ]));
	}
	return 0;
}

/*
 * The query becomes its answer: header and question alone, without what was additional (an OPT that comes back as it went would be a lie). It is
 * still where dns_meet left it. False = it could not.
 */
__attribute__((noinline)) int dns_answer(struct __sk_buff *skb, struct walk *w)
{
	__u32 zero = 0, len, sum;
	struct dns_query *q = bpf_map_lookup_elem(&fw_query, &zero);
	struct reply_pseudo pseudo;
	__be16 udp[4];

	if (!w || !q || bpf_skb_load_bytes(skb, w->l4, udp, sizeof(udp)))
		return false;
	len = (q->end + 4) & (DNS_BUFFER - 1);
	asm volatile("" : "+r"(len)); /* or the masks below are taken for needless, which the verifier does not see */
	if (!reply_turn(skb, w, 8 + len, &pseudo))
		return false;
	q->bytes[2] = 0x80 | (q->bytes[2] & 0x01);            /* an answer; RD as it was asked */
	q->bytes[3] = 0x80 | (q->bytes[3] & 0x10) | w->rcode; /* RA; CD as it was asked */
	__builtin_memset(q->bytes + 6, 0, 6);                 /* no records */
	for (__u32 i = 0; i < 3; i++)                         /* sums are of whole words */
		q->bytes[(len + i) & (DNS_BUFFER - 1)] = 0;
	*(__u32 *)udp = *(__u32 *)udp << 16 | *(__u32 *)udp >> 16;
	udp[2] = bpf_htons(8 + len);
	udp[3] = 0;
	sum = bpf_csum_diff(0, 0, (__be32 *)udp, sizeof(udp), 0);
	sum = bpf_csum_diff(0, 0, (__be32 *)q->bytes, (len + 3) & (DNS_BUFFER - 4), sum);
	udp[3] = reply_checksum(skb, w->l4 + 6, &pseudo, sum);
	if (!udp[3])
		udp[3] = 0xffff;
	return reply_store(skb, w->l4, udp, sizeof(udp)) && reply_store(skb, w->l4 + 8, q->bytes, DNS_HEADER);
}

#endif
