/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What can be read of HTTP/1 in a packet: a request line, a path against a rule's glob, and where a message's headers end and how long its
 * body is. All of it works on a window of the payload in a scratch place of the CPU, because the stack is too small.
 */
#ifndef FAULTWIRE_HTTP_PARSE_BPF_H
#define FAULTWIRE_HTTP_PARSE_BPF_H

#include "bpf/fault.bpf.h"
#include "bpf/rst.bpf.h"

#define HTTP_WINDOW 512 /* bytes looked at in one go; a power of two. A request's path is looked for in the first of them */
#define HTTP_WINDOWS 8  /* of one packet that headers are looked for in */
#define HTTP_LENGTH_MAX (1 << 30) /* of a body: sequence numbers are told apart over half their circle */
#define HTTP_RING 16              /* requests of a connection that are remembered; a power of two */
#define HTTP_PENDING 8            /* of them without an answer yet, at most */

/* The headers of a message, read so far: the last 16 bytes in lower case, and what they have told about the body. */
struct http_scan {
	__u64 w0, w1;
	__u64 length;
	__u8 number; /* within Content-Length's value: 1 before its digits, 2 behind the first */
	__u8 has_length, chunked;
	__u8 bare;     /* no body whatever the headers say */
	__u8 response; /* without a length it lasts until the connection ends */
	__u8 pad[3];
};

enum http_mode {
	HTTP_FREE,    /* where the next message begins is not known from this one */
	HTTP_HEADERS, /* a message's headers go on at 'at' */
	HTTP_AT,      /* the next message begins at 'at' */
};

/* One direction of a connection, in its sequence numbers. */
struct http_side {
	__u32 next;  /* behind the last byte that went by */
	__u32 acked; /* what its receiver has acknowledged */
	__u32 at;
	__u32 mode;
	struct http_scan scan;
};

struct http_entry {
	__u32 start; /* the client's acknowledgement when it asked; where the response began once it did */
	__u8 rule;   /* 1 + the rule that rewrites the response, 0 = none */
	__u8 flags;  /* HTTP_HEAD... */
	__u8 rewritten;
	__u8 pad;
	char code[4];
};

#define HTTP_HEAD 1U
#define HTTP_CONNECT 2U

struct http_key {
	__u32 slot;
	__u32 dir; /* in which requests travel */
	__u16 client_port, server_port;
	__u8 client[16], server[16];
};

/*
 * A connection. Requests are put in at 'tail' by one direction's packets and taken out at 'head' by the other's; each field is written by one
 * direction alone, and the packets of a direction do not race: a flow keeps its CPU.
 */
struct http_conn {
	struct http_side request, response;
	__u32 began; /* where the last response began */
	__u8 answered, aborted, rewrites, pad;
	__u8 head, tail;
	__u8 lost_request, lost_response; /* pairing is not certain any more: the connection is left alone */
	struct http_entry ring[HTTP_RING];
};

/* The packet at hand, and places that are too large for the stack. */
struct http_cpu {
	struct http_key key;
	__u64 requests, responses; /* rules that look at the packet as either */
	__u64 open;                /* of these, the ones with an open window */
	__u32 slot, dir;
	__u32 l4, payload, len; /* 'payload' is an offset in the packet, 'len' the payload's */
	__u32 seq, ack, syn, fin;
	__u32 filled;      /* bytes of the window */
	__u32 target, end; /* where the request's target begins and ends in it */
	__u64 method[FW_HTTP_METHOD / 8];
	__u64 prefixes[2]; /* http_path: which of the glob's fit so far */
	__u32 found;
	struct http_scan scan;
	struct http_conn fresh;
	struct rst rst;
	__u8 window[HTTP_WINDOW];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct http_cpu);
} fw_http_cpu SEC(".maps");

static __always_inline struct http_cpu *http_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&fw_http_cpu, &zero);
}

/* Fills the window with the payload from 'offset' on, which is within it. */
static __always_inline bool http_window(struct __sk_buff *skb, struct http_cpu *h, __u32 offset)
{
	__u32 n = h->len - offset;

	if (n > HTTP_WINDOW)
		n = HTTP_WINDOW;
	h->filled = n;
	asm volatile("" : "+r"(n)); /* the bounds that follow are for the verifier */
	n = ((n - 1) & (HTTP_WINDOW - 1)) + 1;
	return !bpf_skb_load_bytes(skb, h->payload + offset, h->window, n);
}

static __always_inline bool http_window_is(const struct http_cpu *h, __u32 at, const char *text, __u32 n)
{
	for (__u32 i = 0; i < n; i++)
		if (h->window[(at + i) & (HTTP_WINDOW - 1)] != text[i])
			return false;
	return true;
}

/* The method at the window's begin: where it ends, 0 = none. */
static __always_inline __u32 http_method(struct http_cpu *h)
{
	__u8 *method = (__u8 *)h->method;
	__u32 i;

	h->method[0] = h->method[1] = 0;
	for (i = 0; i < FW_HTTP_METHOD; i++) {
		__u8 c = h->window[i];

		if (i >= h->filled)
			return 0;
		if (c == ' ')
			break;
		if ((c < 'A' || c > 'Z') && c != '-')
			return 0;
		method[i] = c;
	}
	return h->window[i & (HTTP_WINDOW - 1)] == ' ' ? i : 0;
}

/*
 * Loops over the window are bpf_loop's, eight bytes a turn, with their state in the scratch place: so the verifier looks at each once, not once
 * for every place where it may end.
 */
#define HTTP_TURN 8
#define HTTP_TURNS (HTTP_WINDOW / HTTP_TURN)

/* The end of the target: a space; 'found' = what there is instead. */
enum { HTTP_CUT, HTTP_ENDED, HTTP_WRONG };
static int http_target_turn(__u32 turn, void *ctx)
{
	struct http_cpu *h = http_cpu();

	for (__u32 k = 0; h && k < HTTP_TURN; k++) {
		__u32 i = (turn * HTTP_TURN + k) & (HTTP_WINDOW - 1);
		__u8 c = h->window[i];

		if (i >= h->filled)
			return 1;
		if (i < h->target || c > ' ')
			continue;
		h->end = i;
		h->found = c == ' ' ? HTTP_ENDED : HTTP_WRONG;
		return 1;
	}
	return 0;
}

/*
 * Whether a request begins at the window's begin: method, target, HTTP/1. A line that the packet or the window cuts counts when all
 * that is there fits.
 */
__attribute__((noinline)) int http_request_line(void)
{
	struct http_cpu *h = http_cpu();
	__u32 method;

	if (!h)
		return 0;
	method = http_method(h);
	if (!method)
		return 0;
	h->target = method + 1;
	h->found = HTTP_CUT;
	bpf_loop(HTTP_TURNS, http_target_turn, NULL, 0);
	if (h->found != HTTP_ENDED)
		return h->found == HTTP_CUT;
	if (h->end == h->target)
		return 0;
	return h->end + 8 > h->filled || http_window_is(h, h->end + 1, "HTTP/1.", 7);
}

static int http_path_turn(__u32 turn, void *ctx)
{
	const struct fw_http *r = *(struct fw_http **)ctx;
	struct http_cpu *h = http_cpu();

	for (__u32 k = 0; h && k < HTTP_TURN; k++) {
		__u32 i = (turn * HTTP_TURN + k) & (HTTP_WINDOW - 1), byte;
		__u8 c = h->window[i];
		__u64 s0, s1, moved;

		if (i >= h->filled)
			return 1;
		if (i < h->target)
			continue;
		if (c == ' ' || c == '?' || c == '#') {
			h->found = HTTP_ENDED;
			return 1;
		}
		byte = c & 127;
		barrier_var(byte);
		byte &= 127; /* again: the verifier believes no bound that the compiler has derived */
		s0 = h->prefixes[0], s1 = h->prefixes[1];
		moved = c < 128 ? s0 & r->literal[byte][0] : 0;
		h->prefixes[0] = moved << 1 | (s0 & r->star[0]);
		h->prefixes[1] = (c < 128 ? s1 & r->literal[byte][1] : 0) << 1 | moved >> 63 | (s1 & r->star[1]);
		barrier();
	}
	return 0;
}

/* Whether the path of the request in the window (its target up to the query) is one that the rule's glob means. */
__attribute__((noinline)) int http_path(struct fw_http *r)
{
	struct http_cpu *h = http_cpu();
	__u32 word, bit;

	if (!h || !r)
		return 0;
	h->prefixes[0] = 1;
	h->prefixes[1] = 0;
	h->found = HTTP_CUT;
	bpf_loop(HTTP_TURNS, http_path_turn, &r, 0);
	word = r->literals >> 6 & 1;
	bit = r->literals & 63;
	if (!(h->prefixes[word] >> bit & 1))
		return 0;
	return h->found == HTTP_ENDED || (r->star[word] >> bit & 1); /* cut off: certain only where anything may follow */
}

#define HTTP_WORD(a, b, c, d, e, f, g, h)                                                                                  \
	((__u64)(a) << 56 | (__u64)(b) << 48 | (__u64)(c) << 40 | (__u64)(d) << 32 | (__u64)(e) << 24 | (__u64)(f) << 16 | \
	 (__u64)(g) << 8 | (__u64)(h))

/* The next byte of headers; true = they end with it. */
static __always_inline bool http_scan_byte(struct http_scan *s, __u8 c)
{
	__u32 digit = (__u8)(c - '0');

	if (s->number && digit < 10) {
		s->length = s->length < HTTP_LENGTH_MAX ? s->length * 10 + digit : HTTP_LENGTH_MAX;
		s->number = 2;
	} else if (s->number == 2 || (c != ' ' && c != '\t')) {
		s->number = 0;
	}
	if (c >= 'A' && c <= 'Z')
		c += 'a' - 'A';
	s->w0 = s->w0 << 8 | s->w1 >> 56;
	s->w1 = s->w1 << 8 | c;
	if (s->w0 == HTTP_WORD('\n', 'c', 'o', 'n', 't', 'e', 'n', 't') &&
	    s->w1 == HTTP_WORD('-', 'l', 'e', 'n', 'g', 't', 'h', ':')) {
		s->number = s->has_length = 1;
		s->length = 0;
	}
	if (s->w0 == HTTP_WORD('a', 'n', 's', 'f', 'e', 'r', '-', 'e') &&
	    s->w1 == HTTP_WORD('n', 'c', 'o', 'd', 'i', 'n', 'g', ':'))
		s->chunked = 1;
	return (__u32)s->w1 == 0x0d0a0d0a;
}

/* One byte a turn: there is more to decide about each. */
static int http_scan_turn(__u32 i, void *ctx)
{
	struct http_cpu *h = *(struct http_cpu **)ctx;

	if (i >= h->filled)
		return 1;
	if (!http_scan_byte(&h->scan, h->window[i & (HTTP_WINDOW - 1)]))
		return 0;
	h->found = i + 1;
	return 1;
}

/* Goes on with headers in the window: the place behind them, 0 = they do not end here. */
static __always_inline __u32 http_scan(struct http_cpu *h, struct http_scan *s)
{
	h->found = 0;
	h->scan = *s;
	bpf_loop(HTTP_WINDOW, http_scan_turn, &h, 0);
	*s = h->scan;
	return h->found;
}

/* Headers have ended before 'at': where the next message begins, if they tell. */
static __always_inline void http_body(struct http_side *side, __u32 at)
{
	const struct http_scan *s = &side->scan;

	side->mode = HTTP_AT;
	side->at = at;
	if (s->bare)
		return;
	if (s->chunked || s->length >= HTTP_LENGTH_MAX || (!s->has_length && s->response))
		side->mode = HTTP_FREE;
	else if (s->has_length)
		side->at += s->length;
}

/* Goes on with a message's headers at 'offset' of the payload; side->mode says what came of it. */
__attribute__((noinline)) int http_headers(struct __sk_buff *skb, struct http_side *side, __u32 offset)
{
	struct http_cpu *h = http_cpu();

	if (!h || !side)
		return 0;
	side->mode = HTTP_HEADERS;
	for (int i = 0; i < HTTP_WINDOWS; i++) {
		__u32 end;

		side->at = h->seq + offset;
		if (offset >= h->len)
			return 0;
		if (!http_window(skb, h, offset))
			break;
		end = http_scan(h, &side->scan);
		if (end) {
			http_body(side, side->at + end);
			return 0;
		}
		offset += h->filled;
	}
	side->mode = HTTP_FREE;
	return 0;
}

static __always_inline void http_scan_reset(struct http_scan *s, bool response, bool bare)
{
	*s = (struct http_scan){ .response = response, .bare = bare };
}

#endif
