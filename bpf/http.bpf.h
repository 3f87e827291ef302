/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HTTP faults: an event is a request; what was decided for it waits in its connection until the response begins, whose three digits are then
 * replaced in place. Responses are paired with requests by position: in order, each beginning where the one before ends by its own headers, or
 * where the client had received everything when it asked. Where neither tells, or what is there is not a response, the
 * connection is left alone from then on: no response is ever rewritten for another's request.
 */
#ifndef FAULTWIRE_HTTP_BPF_H
#define FAULTWIRE_HTTP_BPF_H

#include "bpf/http_parse.bpf.h"
#include "bpf/rst.bpf.h"

#define HTTP_CONNECTIONS 16384 /* of all pods: 7 MB; the one unused for longest goes first */
#define HTTP_BATCH 9           /* messages that one packet may hold */
#define HTTP_STATUS 9          /* "HTTP/1.1 " */

enum http_verdict { HTTP_PASS, HTTP_HIT, HTTP_RESET };

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, HTTP_CONNECTIONS);
	__type(key, struct http_key);
	__type(value, struct http_conn);
} fw_http_conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FW_SLOTS *FW_RULES);
	__type(key, __u32); /* slot * FW_RULES + rule */
	__type(value, struct fw_http);
} fw_http SEC(".maps");

static __always_inline bool http_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

static __always_inline __u32 http_later(__u32 a, __u32 b)
{
	return http_after(a, b) ? a : b;
}

/* Key and place in the stream of a TCP packet. The IP header's length counts: Ethernet may have padded a short frame. */
static __always_inline bool http_packet(struct __sk_buff *skb, struct http_cpu *h)
{
	struct http_key *k = &h->key;
	struct tcphdr tcp;
	__u32 headers;
	__u8 ip[4];

	if (bpf_skb_load_bytes(skb, h->l4, &tcp, sizeof(tcp)) || bpf_skb_load_bytes_relative(skb, 0, ip, 4, BPF_HDR_START_NET))
		return false;
	__builtin_memset(k, 0, sizeof(*k));
	k->slot = h->slot;
	headers = tcp.doff * 4;
	h->payload = h->l4 + headers;
	h->len = skb->len - h->payload;
	if (ip[0] >> 4 == 4) {
		if (bpf_skb_load_bytes_relative(skb, 12, k->client, 4, BPF_HDR_START_NET) ||
		    bpf_skb_load_bytes_relative(skb, 16, k->server, 4, BPF_HDR_START_NET))
			return false;
		if (ip[2] | ip[3]) /* 0: a super-packet over 64 KiB */
			h->len = (ip[2] << 8 | ip[3]) - (ip[0] & 15) * 4 - headers;
	} else if (bpf_skb_load_bytes_relative(skb, 8, k->client, 16, BPF_HDR_START_NET) ||
		   bpf_skb_load_bytes_relative(skb, 24, k->server, 16, BPF_HDR_START_NET)) {
		return false;
	}
	k->client_port = tcp.source;
	k->server_port = tcp.dest;
	h->seq = bpf_ntohl(tcp.seq);
	h->ack = bpf_ntohl(tcp.ack_seq);
	h->syn = tcp.syn;
	h->fin = tcp.fin;
	return headers >= sizeof(tcp) && h->payload <= skb->len && h->len <= skb->len - h->payload;
}

/* The packet's sender is the server: client and server change places in the key. */
static __always_inline void http_turn(struct http_key *k, __u32 dir)
{
	__u16 port = k->client_port;

	k->dir = dir;
	k->client_port = k->server_port;
	k->server_port = port;
	for (int i = 0; i < 16; i++) {
		__u8 byte = k->client[i];

		k->client[i] = k->server[i];
		k->server[i] = byte;
	}
}

/* ---- responses */

/* One byte of the payload and the checksum with it, whatever state the checksum is in. */
static __always_inline void http_patch_byte(struct __sk_buff *skb, const struct http_cpu *h, __u32 offset, __u8 byte)
{
	__u32 at = h->payload + offset, shift = (at - h->l4) & 1 ? 0 : 8;
	__u8 old;

	if (bpf_skb_load_bytes(skb, at, &old, 1) || old == byte)
		return;
	if (!bpf_l4_csum_replace(skb, h->l4 + 16, bpf_htons(old << shift), bpf_htons(byte << shift), 2))
		bpf_skb_store_bytes(skb, at, &byte, 1, 0);
}

/* Replaces the digits of a response that are in this packet: by place, so that what is sent again, however cut, comes out the same. */
__attribute__((noinline)) int http_patch(struct __sk_buff *skb, struct http_entry *e)
{
	struct http_cpu *h = http_cpu();

	if (!h || !e)
		return 0;
	for (__u32 i = 0; i < 3; i++) {
		__u32 offset = e->start + HTTP_STATUS + i - h->seq;

		if (offset < h->len)
			http_patch_byte(skb, h, offset, e->code[i]);
	}
	return 0;
}

/* What is sent again. A response that lies far behind is forgotten, before sequence numbers come round to its place. */
static __always_inline void http_patch_again(struct __sk_buff *skb, const struct http_cpu *h, struct http_conn *c)
{
	for (int i = 0; c->rewrites && i < HTTP_RING; i++) {
		struct http_entry *e = &c->ring[i];

		if (!e->rewritten)
			continue;
		if (http_after(h->seq, e->start + HTTP_LENGTH_MAX))
			e->rewritten = 0;
		else
			http_patch(skb, e);
	}
}

/* Whether the rule may still act: its window is open and nobody switched it off. */
static __always_inline struct fw_rule *http_rule(const struct http_cpu *h, __u32 rule)
{
	__u32 key = h->slot * FW_RULES + (rule & (FW_RULES - 1));

	return (h->responses & h->open) >> (rule & (FW_RULES - 1)) & 1 ? bpf_map_lookup_elem(&fw_rules, &key) : NULL;
}

/* Where the response to an entry must begin; false = nothing tells. */
static __always_inline bool http_place(const struct http_conn *c, const struct http_entry *e, __u32 *ret)
{
	const struct http_side *side = &c->response;

	*ret = e->start;
	if (side->mode == HTTP_AT && http_after(side->at, e->start))
		*ret = side->at;
	return side->mode != HTTP_FREE || !c->answered || http_after(e->start, c->began);
}

/* The status of the response in the window; 0 = none is there. */
static __always_inline __u32 http_status(const struct http_cpu *h)
{
	const __u8 *w = h->window;

	if (h->filled <= HTTP_STATUS + 3 || !http_window_is(h, 0, "HTTP/1.", 7) || w[8] != ' ')
		return 0;
	for (int i = HTTP_STATUS; i < HTTP_STATUS + 3; i++)
		if (w[i] < '0' || w[i] > '9')
			return 0;
	return (w[9] - '0') * 100 + (w[10] - '0') * 10 + w[11] - '0';
}

/*
 * Status and framing must go together: a response that has no body by its status would leave the client waiting for one, unless its headers
 * say that it is empty.
 */
static __always_inline bool http_rewritable(const struct http_conn *c, const struct http_entry *e, __u32 status)
{
	const struct http_scan *s = &c->response.scan;

	if (status == 101)
		return false;
	return (status != 204 && status != 304) || (e->flags & HTTP_HEAD) ||
	       (c->response.mode == HTTP_AT && s->has_length && !s->length);
}

/* A final response begins at 'at': carries out what was decided for its request. */
static __always_inline void http_answer(struct __sk_buff *skb, struct http_cpu *h, struct http_conn *c, struct http_entry *e,
					__u32 at, __u32 status)
{
	bool rewritable = http_rewritable(c, e, status);
	struct fw_rule *r = NULL;
	struct fw_http *x = NULL;
	__u32 key;

	e->start = c->began = at;
	c->answered = 1;
	if (status == 101 || ((e->flags & HTTP_CONNECT) && status < 300))
		c->lost_response = 1; /* what follows is not HTTP */
	if (e->rule && rewritable) {
		key = h->slot * FW_RULES + ((e->rule - 1) & (FW_RULES - 1));
		r = http_rule(h, e->rule - 1);
		x = bpf_map_lookup_elem(&fw_http, &key);
	}
	if (r && x) {
		__builtin_memcpy(e->code, x->code, sizeof(e->code));
		e->rewritten = c->rewrites = 1;
		http_patch(skb, e);
		fault_injected(r, 1);
	}
	c->head++;
}

/* The next response, if it begins in this packet. False = there is nothing more to see. */
__attribute__((noinline)) int http_response_next(struct __sk_buff *skb, struct http_conn *c)
{
	struct http_cpu *h = http_cpu();
	struct http_entry *e;
	__u32 at, offset, status;
	bool interim;

	if (!h || !c)
		return 0;
	if (c->response.mode == HTTP_HEADERS) {
		offset = c->response.at - h->seq;
		if (offset < h->len)
			http_headers(skb, &c->response, offset);
		else if (http_after(h->seq, c->response.at))
			c->response.mode = HTTP_FREE;
		if (c->response.mode == HTTP_HEADERS)
			return 0;
	}
	if (c->head == c->tail)
		return 0;
	e = &c->ring[c->head & (HTTP_RING - 1)];
	if (!http_place(c, e, &at)) {
		c->lost_response = 1;
		return 0;
	}
	offset = at - h->seq;
	if (offset >= h->len) { /* later, or in a packet that is yet to come again; but not behind us */
		c->lost_response = http_after(h->seq, at) && http_after(c->response.next, at);
		return 0;
	}
	status = http_window(skb, h, offset) ? http_status(h) : 0;
	if (status < 100) {
		c->lost_response = 1;
		return 0;
	}
	interim = status < 200 && status != 101;
	http_scan_reset(&c->response.scan, true, interim || status == 204 || status == 304 || (e->flags & HTTP_HEAD));
	http_headers(skb, &c->response, offset);
	if (!interim)
		http_answer(skb, h, c, e, at, status);
	return 1;
}

static __always_inline void http_response(struct __sk_buff *skb, struct http_cpu *h, struct http_conn *c)
{
	c->request.acked = http_later(c->request.acked, h->ack);
	if (h->len) {
		http_patch_again(skb, h, c);
		for (int i = 0; i < HTTP_BATCH && !c->lost_response; i++)
			if (!http_response_next(skb, c))
				break;
	}
	c->response.next = http_later(c->response.next, h->seq + h->len + h->fin);
}

/* ---- requests */

/* Whether a rule wants the request in the window, and if so, whether it is hit. */
__attribute__((noinline)) int http_ask(__u32 rule)
{
	struct http_cpu *h = http_cpu();
	struct fw_http *x;
	struct fw_rule *r;
	const __u64 *method;
	__u64 n;
	__u32 key;

	if (!h)
		return HTTP_PASS;
	key = h->slot * FW_RULES + (rule & (FW_RULES - 1));
	r = bpf_map_lookup_elem(&fw_rules, &key);
	x = bpf_map_lookup_elem(&fw_http, &key);
	if (!r || !x || !(h->open >> (rule & (FW_RULES - 1)) & 1))
		return HTTP_PASS;
	method = (const __u64 *)x->method;
	if (method[0] && (method[0] != h->method[0] || method[1] != h->method[1]))
		return HTTP_PASS;
	if (!http_path(x) || !fault_gate(r, 1, &n))
		return HTTP_PASS;
	if (!(x->flags & FW_HTTP_ABORT))
		return HTTP_HIT;
	fault_injected(r, 1);
	return HTTP_RESET;
}

/* Asks the rules in order; the first that is hit has the request, and those behind it do not count. */
static __always_inline int http_decide(struct http_cpu *h, __u8 *ret_rule)
{
	for (__u32 i = 0; i < FW_RULES; i++) {
		int verdict;

		if (!(h->requests >> i & 1))
			continue;
		verdict = http_ask(i);
		*ret_rule = i + 1;
		if (verdict != HTTP_PASS)
			return verdict;
	}
	*ret_rule = 0;
	return HTTP_PASS;
}

/* The request in the window, at 'offset' of the payload. */
static __always_inline bool http_take(struct __sk_buff *skb, struct http_cpu *h, struct http_conn *c, __u32 offset)
{
	struct http_entry *e = &c->ring[c->tail & (HTTP_RING - 1)];
	__u8 rule;

	if ((__u8)(c->tail - c->head) >= HTTP_PENDING)
		return false;
	e->rewritten = 0;
	e->flags = http_window_is(h, 0, "HEAD ", 5) ? HTTP_HEAD : http_window_is(h, 0, "CONNECT ", 8) ? HTTP_CONNECT : 0;
	c->aborted = http_decide(h, &rule) == HTTP_RESET;
	e->rule = rule;
	e->start = h->ack;
	c->tail++;
	http_scan_reset(&c->request.scan, false, false);
	http_headers(skb, &c->request, offset);
	return true;
}

/* The next request, if it begins in this packet; 'from' = what is new in it. False = there is nothing more to see. */
__attribute__((noinline)) int http_request_next(struct __sk_buff *skb, struct http_conn *c, __u32 from)
{
	struct http_cpu *h = http_cpu();
	__u32 offset;
	bool known;

	if (!h || !c)
		return 0;
	if (c->request.mode == HTTP_HEADERS) {
		offset = c->request.at - h->seq;
		if (offset >= h->len)
			return 0;
		http_headers(skb, &c->request, offset);
		if (c->request.mode != HTTP_AT)
			return 0;
	}
	known = c->request.mode == HTTP_AT;
	offset = (known ? c->request.at : from) - h->seq;
	if (offset >= h->len)
		return 0;
	if (!http_window(skb, h, offset) || !http_request_line()) {
		c->lost_request = known;
		return 0;
	}
	/* behind a message of unknown length only a client that has its answer already is understood */
	if (!known && (c->head != c->tail || (c->answered && !http_after(h->ack, c->began))))
		c->lost_request = 1;
	else if (!http_take(skb, h, c, offset))
		c->lost_request = 1;
	return c->request.mode == HTTP_AT && !c->lost_request && !c->aborted;
}

/*
 * A packet ahead of what was seen. What lies between is a message's body, or was filled in while we waited, or is yet to come. False =
 * nothing can be read from this packet.
 */
static __always_inline bool http_request_gap(struct __sk_buff *skb, struct http_cpu *h, struct http_conn *c)
{
	struct http_side *side = &c->request;

	if (side->mode == HTTP_AT && !http_after(h->seq, side->at))
		return true;
	if (!http_after(h->seq, side->acked)) {
		c->lost_request = side->mode == HTTP_AT;
		side->mode = HTTP_FREE;
		return !c->lost_request;
	}
	if (side->mode == HTTP_FREE && http_window(skb, h, 0) && http_request_line())
		c->lost_request = 1;
	return false;
}

/* A connection as of this packet: nothing is under way. (A client that pipelined across this moment is the one that is misjudged.) */
static __always_inline void http_begin(const struct http_cpu *h, struct http_conn *c)
{
	__builtin_memset(c, 0, sizeof(*c));
	c->request.next = c->request.acked = h->seq;
	c->response.next = h->ack;
}

/* The packet's connection; a packet that begins with a request may make one. */
static __always_inline struct http_conn *http_connection(struct __sk_buff *skb, struct http_cpu *h)
{
	struct http_conn *c = bpf_map_lookup_elem(&fw_http_conns, &h->key);

	if (h->syn) {
		if (c)
			bpf_map_delete_elem(&fw_http_conns, &h->key);
		return NULL;
	}
	if (!h->len)
		return NULL;
	if (c) {
		/* the client has what we never saw: we were switched off for a while */
		if (http_after(h->ack, c->response.next))
			http_begin(h, c);
		return c;
	}
	if (!http_window(skb, h, 0) || !http_request_line())
		return NULL;
	http_begin(h, &h->fresh);
	bpf_map_update_elem(&fw_http_conns, &h->key, &h->fresh, BPF_ANY);
	return bpf_map_lookup_elem(&fw_http_conns, &h->key);
}

/*
 * Resets the connection of a request: the packet becomes the server's reset. False = it could not be made. Behind it *h is another packet's: the
 * client's reset may have met our program of the other direction on this CPU.
 */
static __always_inline bool http_abort(struct __sk_buff *skb, struct http_cpu *h)
{
	struct rst *r = &h->rst;
	__be16 length;
	__u8 ip;

	if (bpf_skb_load_bytes_relative(skb, 0, &ip, 1, BPF_HDR_START_NET))
		return false;
	*r = (struct rst){ .l4 = h->l4, .seq = h->seq, .ack = h->ack, .len = h->len };
	r->sport = bpf_ntohs(h->key.client_port);
	r->dport = bpf_ntohs(h->key.server_port);
	r->v6 = ip >> 4 == 6;
	if (!r->v6) {
		r->net = h->l4 - (ip & 15) * 4;
		return !packet_reset(skb, r, h->dir);
	}
	if (bpf_skb_load_bytes_relative(skb, 4, &length, 2, BPF_HDR_START_NET))
		return false;
	if (length)
		r->extensions = bpf_ntohs(length) - (skb->len - h->l4);
	r->net = h->l4 - r->extensions - 40;
	return r->net <= h->l4 && !packet_reset(skb, r, h->dir);
}

/* 1 = the packet is to be dropped. */
static __always_inline int http_request(struct __sk_buff *skb, struct http_cpu *h)
{
	struct http_conn *c = http_connection(skb, h);
	__u32 from;

	if (!c)
		return 0;
	from = http_later(h->seq, c->request.next);
	if (!c->aborted && http_after(h->seq + h->len, from) && !c->lost_request && !c->lost_response) {
		if (h->seq == c->request.next || from != h->seq || http_request_gap(skb, h, c)) {
			for (int i = 0; i < HTTP_BATCH && http_request_next(skb, c, from); i++)
				;
			c->request.next = h->seq + h->len;
		}
	}
	return c->aborted && !http_abort(skb, h);
}

/* The packet that http_cpu() tells of, which some HTTP rule takes for a request's or a response's. 1 = it is to be dropped. */
__attribute__((noinline)) int http_meet(struct __sk_buff *skb)
{
	struct http_cpu *h = http_cpu();
	struct http_conn *c;

	if (!h || !http_packet(skb, h))
		return 0;
	if (h->responses) {
		http_turn(&h->key, h->dir ^ 1);
		c = bpf_map_lookup_elem(&fw_http_conns, &h->key);
		if (c) {
			http_response(skb, h, c);
			return 0;
		}
		http_turn(&h->key, h->dir);
	}
	h->key.dir = h->dir;
	return h->requests ? http_request(skb, h) : 0;
}

#endif
