// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a packet that meets rules: what the match knew of it, and what the rules have made of it so far.
 */
#ifndef FAULTWIRE_WALK_BPF_H
#define FAULTWIRE_WALK_BPF_H

#include <linux/types.h>

enum walk_reply { WALK_SILENT, WALK_RESET, WALK_DNS };

/* A packet on its way through the rules, and what they made of it. */
struct walk {
	__u64 mask;                /* rules still to meet */
	__u64 now;                 /* monotonic */
	__u64 delay_ns;            /* sum of the delays */
	__u64 wait_ns;             /* longest wait of the virtual clocks */
	__u64 order;               /* packets of a flow (alone: of all) for which this is the same stay in order */
	__u64 requests, responses; /* HTTP rules that take the packet for a request's, for a response's */
	__u64 n, window;           /* of the rule that is met now: the event's number, which window is open */
	__u32 rule;                /* its key in fw_rules */
	__u32 segments;
	__u16 state; /* the rule's at the event */
	__u16 slot;
	__u16 l3, l4;
	__u8 dir, v4, ip_protocol;
	__u8 leaf; /* k of the shaping leaf, 0 = none */
	__u8 copies;
	__u8 drop, corrupt, edt, alone;
	__u8 reply; /* enum walk_reply: dropped, and answered so */
	__u8 rcode; /* of WALK_DNS */
};

#endif
