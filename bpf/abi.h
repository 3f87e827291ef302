/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only contract between the kernel programs and user code: map names, keys and values. Layouts are asserted at the end.
 * A change of any layout here, save the control map's (frozen for ever), raises FW_ABI.
 *
 * One pod interface = one slot (1..FW_SLOTS), given to the programs by cls_bpf's classid. A slot has up to FW_RULES rules; a
 * rule is bit i of every mask below. A packet's rules are found by AND-ing masks:
 *
 *     m = slot.rules[direction] & slot.protocol[class] & dport table & sport table & address table
 *
 * and the set bits are walked in ascending order, which is the order of the plan: drop or reset, dns, loss, corrupt, duplicate, shape.
 */
#ifndef FAULTWIRE_ABI_H
#define FAULTWIRE_ABI_H

#include <linux/types.h>

#define FW_ABI 2

#define FW_SLOTS 1024    /* pods with faults on one node at once */
#define FW_RULES 64      /* rules of one pod */
#define FW_MORE 4096     /* rules of a node that have more than fits into one: of each kind of more */
#define FW_INTERVALS 256 /* intervals in one table; a power of two */
#define FW_STATES 4      /* states of a chain */

/* Tables that the loader fills in before the programs are loaded (lib/dist.h). */
#define FW_NORMAL_POINTS 4096 /* equally likely draws of a normal variate z, as FW_NORMAL_ZERO + z * FW_NORMAL_UNIT */
#define FW_NORMAL_ZERO 32768
#define FW_NORMAL_UNIT 4096
#define FW_CURVES 4          /* enum fault_distribution: a jitter's draws over z */
#define FW_CURVE_POINTS 4096 /* point i is at z = FW_CURVE_STEP * i in the units above; straight lines between them */
#define FW_CURVE_STEP 16
#define FW_CURVE_UNIT 8192 /* one jitter */

/* Pins under /sys/fs/bpf/faultwire: the control map at the top, the rest in a directory a build. */
#define FW_PIN_ROOT "/sys/fs/bpf/faultwire"
#define FW_PIN_CONTROL FW_PIN_ROOT "/control"

/* Name of our filters, by which they are recognised among others'. */
#define FW_FILTER_NAME "faultwire"
/* Handle of our root qdisc (unusual, so that nobody else has it); its classes are FW_ROOT_MAJOR | minor. */
#define FW_ROOT_MAJOR 0xfa170000U
/* Shape leaf k (1..) has the minor 2k, and 2k + 1 where the packet is to be corrupted as well; 1 corrupts only. */
#define FW_MINOR_CORRUPT 1

enum fw_dir {
	FW_EGRESS,  /* "to": leaving the pod */
	FW_INGRESS, /* "from": entering it */
	FW_DIRS,
};

/* Protocol classes: index of struct fw_slot's protocol[]. */
enum fw_protocol {
	FW_PROTO_OTHER,
	FW_PROTO_TCP,
	FW_PROTO_UDP,
	FW_PROTO_SCTP,
	FW_PROTO_ICMP, /* ICMP and ICMPv6 */
	FW_PROTOS = 8, /* a power of two, so that an index is bounded by a mask */
};

/* What a rule does with a packet that its gate let through. */
enum fw_op {
	FW_OP_NONE,
	FW_OP_DROP,
	FW_OP_CORRUPT_LEAF,    /* sent through the netem leaf of minor 1 (or 2k + 1) */
	FW_OP_CORRUPT_INVALID, /* a bit flipped here, checksum wrong */
	FW_OP_CORRUPT_VALID,   /* a bit flipped here, checksum right */
	FW_OP_DUPLICATE,
	FW_OP_LEAF,  /* shaped by the netem or tbf leaf 'leaf' */
	FW_OP_DELAY, /* shaped by departure time in the fq leaf 'leaf' */
	FW_OP_RATE,  /* likewise, by a virtual clock */
	/* from here on rules ask what the packet says before it is an event of theirs */
	FW_OP_ASKING,
	FW_OP_RESET = FW_OP_ASKING, /* TCP: answered with RST, dropped */
	FW_OP_DNS,                  /* a query that struct fw_dns matches: answered with rcode params[0], dropped for rcode 0 */
	FW_OP_HTTP,                 /* the response to a request; its event is a request, not a packet */
	FW_OPS,
};

/* fw_rule.flags */
#define FW_RULE_WALL 1U       /* start_ns is on the wall clock (anchor clock), else monotonic */
#define FW_RULE_CHAIN 2U      /* the chain decides; else 'probability' alone does */
#define FW_RULE_PER_WINDOW 4U /* one draw of the jitter a window */
#define FW_RULE_PROCESS 8U    /* the jitter's draws correlate */
#define FW_RULE_REORDER 16U   /* some packets are not held back: 'gap', and the chain decides */
#define FW_RULE_STATE (FW_RULE_CHAIN | FW_RULE_PROCESS)
#define FW_RULE_CALENDAR 64U /* with WALL: windows of on_ns begin when the rule's fw_calendar fires */
#define FW_RULE_FIRST 32U    /* only packets of the connections that struct fw_first lets in are events */

/* Probabilities are thresholds of a 32-bit draw: it happens if draw < threshold; FW_ALWAYS needs no draw. */
#define FW_ALWAYS 0xffffffffU

/*
 * A Markov chain that steps once an event: next state = the first j with draw < step[state][j] (the last one if none),
 * then the event is hit if another draw < hit[next].
 *
 * Loss of share p with autocorrelation c:   step[1] (passed) = { 0, 1 - p(1 - c), ... }   step[2] (lost) = ...
 */
struct fw_chain {
	__u32 step[FW_STATES][FW_STATES - 1]; /* cumulative thresholds */
	__u32 hit[FW_STATES];
};

/*
 * FW_OP_DELAY: departure = now + latency + jitter * draw, not before now; the draw is 'curve' at a normal variate z. With FW_RULE_PROCESS
 * the state is z, and the next one is rho * z + innovation * (a new draw of z); both factors are in units of 2^-30.
 */
struct fw_delay {
	__u64 latency_ns;
	__u64 jitter_ns; /* at most latency_ns */
	__u32 rho, innovation;
	__u32 curve;
	__u32 gap; /* FW_RULE_REORDER: every gap-th packet at most is not held back */
};

/*
 * FW_OP_RATE: a virtual clock that runs ahead of now by what is queued; a packet costs length * cost_q16 / 2^16 ns. It may lag
 * by burst_ns, and a packet that would wait longer than limit_ns is dropped.
 */
struct fw_rate {
	__u64 cost_q16;
	__u64 burst_ns;
	__u64 limit_ns;
};

/* Of a chain its number, of a process z in the tables' units with 0 for none yet. */
#define FW_STATE_BITS 16

/* The part of a rule that the kernel writes; a cache line of its own. */
struct fw_rule_state {
	__u64 word;     /* events << FW_STATE_BITS | state: changed by cmpxchg, so every event number is seen once */
	__u64 injected; /* packets */
	__u64 segments; /* wire segments of all events beyond one a packet: most packets are one, and need not be counted twice */
	__u64 injected_segments;
	__u64 overflow;   /* packets dropped at limit_ns */
	__u64 lost_races; /* chain steps given up after FW_TRIES */
	union {
		__u64 clock[FW_DIRS]; /* FW_OP_RATE: when the queue will be empty, ns monotonic */
		__u64 reorder;        /* FW_RULE_REORDER: draws << 32 | packets held back since << 2 | chain state */
	};
};

struct fw_rule {
	__u32 op; /* enum fw_op */
	__u32 flags;
	__u32 probability; /* of the whole: percent and, without a chain, the action's own share */
	__u32 leaf;        /* k of FW_OP_LEAF, FW_OP_DELAY, FW_OP_RATE */
	__u64 key;         /* the mixed seed */
	/* Window w is [start + w * period, + on); on 0 = for ever, period 0 = one window. */
	__u64 start_ns;
	__u64 on_ns;
	__u64 period_ns;
	/* strace's first..last+step in event numbers from 1; every one is { 1, ~0, 1 }, step 0 = first only */
	__u64 when_first;
	__u64 when_last;
	__u64 when_step;
	struct fw_chain chain;
	union {
		struct fw_delay delay;
		struct fw_rate rate;
		__u64 params[5];
	};
	__u64 not_before_ns; /* monotonic: nothing before this, whatever window is open (start of windows by the clock) */
	__u64 reserved;
	struct fw_rule_state state;
};

/*
 * A wall-clock schedule, in a hash of its own by slot * FW_RULES + rule: fields as bitmaps, the zone's offset (seconds east of UTC) and its
 * next changes (20 years of daylight saving). What follows is the kernel's: the answer that it gave last (bpf/fault.bpf.h).
 */
#define FW_TRANSITIONS 40

struct fw_transition {
	__s64 at; /* seconds since the epoch */
	__s32 offset;
	__u32 pad;
};

struct fw_calendar {
	__u64 minutes; /* bit i = minute i */
	__u32 hours;
	__u32 days;    /* bit 1..31 */
	__u16 months;  /* bit 1..12 */
	__u8 weekdays; /* bit 0 = Sunday */
	__u8 either;   /* both day fields are restricted: one that matches is enough */
	__s32 offset;  /* before the first transition */
	__u32 n_transitions;
	__u32 pad;
	struct fw_transition transitions[FW_TRANSITIONS];
	__u64 from_ns, until_ns, window, check;
};

/*
 * What does not fit into a rule is in maps of its own, keyed as the rules are (slot * FW_RULES + rule) and there only for rules that need it.
 *
 * The names of a FW_OP_DNS rule: its patterns, one behind the other, as one nondeterministic automaton of which bit i is the state "i
 * characters matched". A character c leads from the states S to
 *
 *     (S & accept[row(c)]) << 1 | S & stay
 *
 * so a name costs the same whatever it is, and letter case is in the rows: row(c) is c without case less ' ', 0 for what no pattern names.
 */
#define FW_DNS_WORDS 8 /* of 64 states; a pattern takes one more than it has characters ('*' is none) */
#define FW_DNS_ROWS 64
#define FW_DNS_TYPES 16

struct fw_dns {
	__u64 first[FW_DNS_WORDS]; /* states before the first character */
	__u64 last[FW_DNS_WORDS];  /* states that match, when the name ends */
	__u64 stay[FW_DNS_WORDS];  /* states at a '*' */
	__u64 accept[FW_DNS_ROWS][FW_DNS_WORDS];
	__u16 types[FW_DNS_TYPES]; /* of queries, host order */
	__u32 n_types;             /* 0 = all */
	__u32 words;               /* in use */
};

/* FW_RULE_FIRST: connections that may be chosen, and those that asked to be. */
struct fw_first {
	__u64 limit;
	__u64 taken;
};

/*
 * What FW_OP_HTTP asks of a request and does to it: map 'http', by slot * FW_RULES + rule. A path is matched in one pass by the set of
 * its prefixes that fit so far: bit i = 'the first i literals are behind us'. 2.1 kB a rule, only where there is one.
 */
#define FW_HTTP_LITERALS 127 /* of a path, beside its '*' */
#define FW_HTTP_METHOD 16
#define FW_HTTP_ABORT 1U

struct fw_http {
	__u64 literal[128][2]; /* bit i: literal i is this byte */
	__u64 star[2];         /* bit i: a '*' stands before literal i */
	__u32 literals;        /* how many: the bit that says it matches */
	__u32 flags;
	char method[FW_HTTP_METHOD]; /* padded with zeros; empty = every one */
	char code[4];                /* three digits */
	__u32 reserved;
};

/*
 * Interval tables: entry i holds for values from lo[i] up to lo[i + 1] - 1. lo[0] = 0; entries past the last repeat the greatest
 * value with the last mask. 'half' is half the power of two that covers the entries in use.
 */
struct fw_ports {
	__u32 half;
	__u32 pad;
	__u32 lo[FW_INTERVALS]; /* host order */
	__u64 mask[FW_INTERVALS];
};

struct fw_v4 {
	__u32 half;
	__u32 pad;
	__u32 lo[FW_INTERVALS]; /* host order */
	__u64 mask[FW_INTERVALS];
};

struct fw_v6 {
	__u32 half;
	__u32 pad;
	__u64 hi[FW_INTERVALS]; /* host order */
	__u64 lo[FW_INTERVALS];
	__u64 mask[FW_INTERVALS];
};

struct fw_slot {
	__u64 rules[FW_DIRS];      /* rules that look at each direction; 0 = the slot is free */
	__u64 protocol[FW_PROTOS]; /* rules that take each class */
	__u64 dport_rules;         /* rules that ask for a destination port */
	__u64 sport_rules;
	__u64 hosts_rules;   /* rules that ask for names: their address must be a learned one, or a listed one */
	__u64 listed_rules;  /* of these, the ones that list addresses too */
	__u64 generation;    /* of the slot's names: what the pod before it in the slot learned is not this one's */
	__u64 http[FW_DIRS]; /* HTTP rules whose responses travel in each direction (their requests are in 'rules' of the other) */
	__u64 reserved;
	struct fw_v4 v4; /* by remote address */
	struct fw_v6 v6;
	struct fw_ports dport;
	struct fw_ports sport;
};

/*
 * Names. A name's hash is made from its end: h("") = 0, h("label.rest") = mix64(h("rest") + fnv64("label")), in lower case, so that a
 * name's hashes on the way are those of the names above it.
 */
#define FW_NAMES 256             /* different names of one pod */
#define FW_NAMES_MAX 16384       /* of a node; also addresses listed beside names */
#define FW_LEARNED_MAX 32768     /* addresses */
#define FW_QUESTIONS_MAX 16384   /* without an answer yet */
#define FW_ANSWERS 64            /* records of one answer that are looked at */
#define FW_TTL_MIN 1             /* seconds */
#define FW_TTL_MAX 3600          /* seconds */
#define FW_IDLE_NS 300000000000U /* how long an address stays after the last packet to or from it */

struct fw_name_key {
	__u64 generation;
	__u64 hash;
};

struct fw_name {
	__u64 exact; /* rules that want this very name */
	__u64 below; /* rules that want every name below it */
};

/* Addresses are 128 bits in host order, IPv4 in its mapped form. */
struct fw_address {
	__u64 generation;
	__u64 hi, lo;
};

struct fw_learned {
	__u64 mask;     /* rules whose names have the address */
	__u64 until_ns; /* monotonic */
};

/* Key of the trie of listed addresses: its bits are in the order of the prefix. */
#define FW_LISTED_BITS 96 /* in front of the address */
struct fw_listed_key {
	__u32 prefixlen; /* FW_LISTED_BITS + the prefix's */
	__u32 v4;        /* IPv6 prefixes do not hold mapped addresses */
	__u64 generation;
	__be64 hi, lo;
};

/*
 * Control map: frozen for ever, shared by all builds, mmap-able. Index 0 is the node, 1..FW_SLOTS the slots.
 * Abort = one store into 'aborted', which is off for any value but 0; a slot's bits say who wants it off. A slot's 'disarmed'
 * masks rules that wait to be armed.
 */
#define FW_ABORT_EXPERIMENT 1U
#define FW_ABORT_POD 2U

struct fw_control {
	__u64 aborted;
	__u64 disarmed;
	__s64 tai_offset_ns; /* the node's: TAI - UTC as the kernel's clocks have it; every run of ours refreshes it */
	__u64 reserved;
};

_Static_assert(sizeof(struct fw_chain) == 64, "fw_chain");
_Static_assert(sizeof(struct fw_delay) == 32, "fw_delay");
_Static_assert(sizeof(struct fw_rule_state) == 64, "fw_rule_state");
_Static_assert(sizeof(struct fw_rule) == 256, "fw_rule");
_Static_assert(sizeof(struct fw_slot) == 144 + 2 * (8 + 12 * FW_INTERVALS) + (8 + 12 * FW_INTERVALS) + (8 + 24 * FW_INTERVALS),
	       "fw_slot");
_Static_assert(sizeof(struct fw_calendar) == 32 + 16 * FW_TRANSITIONS + 4 * 8, "fw_calendar");
_Static_assert(sizeof(struct fw_dns) == 3 * 8 * FW_DNS_WORDS + 8 * FW_DNS_WORDS * FW_DNS_ROWS + 40, "fw_dns");
_Static_assert(sizeof(struct fw_first) == 16, "fw_first");
_Static_assert(sizeof(struct fw_http) == 2096, "fw_http");
_Static_assert(sizeof(struct fw_control) == 32, "fw_control");
_Static_assert(sizeof(struct fw_address) == 24, "fw_address");
_Static_assert(sizeof(struct fw_listed_key) == 32, "fw_listed_key");

#endif
