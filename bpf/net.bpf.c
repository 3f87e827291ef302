// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network programs: one each way on the pod's interface, one that picks what goes to the ifb, one on the ifb that stamps. Loaded once
 * a node; the slot (cls_bpf's classid) tells the pods apart. Passing is TC_ACT_UNSPEC, so that others' filters run after ours.
 *
 * A packet that is shaped by departure time is cloned onto the same way first: the clone has no socket, so a delayed packet does not
 * count against its sender's TCP small queue. Decisions are made before the clone and travel in skb->cb; the second pass
 * only carries them out (a redirect clears the stamp, so it is written there).
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_helpers.h>

#include "bpf/corrupt.bpf.h"
#include "bpf/dns.bpf.h"
#include "bpf/fault.bpf.h"
#include "bpf/delay.bpf.h"
#include "bpf/flow.bpf.h"
#include "bpf/http.bpf.h"
#include "bpf/match.bpf.h"
#include "bpf/names.bpf.h"
#include "bpf/packet.bpf.h"
#include "bpf/reset.bpf.h"
#include "bpf/walk.bpf.h"

#define COPIES_MAX 4
#define NEXT_RULES 8
#define TCP_HEADER 32 /* with timestamps */

/* What net_next came to. Some are called from there, not through net_carry_out: the kernel allows eight calls, and 512 bytes of stack. */
enum net_next { NEXT_NONE, NEXT_RULE, NEXT_HTTP, NEXT_DNS };

char LICENSE[] SEC("license") = "GPL";

/* skb->cb: who wrote it, when the packet is to leave (ns monotonic, 0 = at once), the class that shapes it. */
enum net_cb { CB_TAG, CB_DEPART_LO, CB_DEPART_HI, CB_CLASS };
/* Slot and place are in the tag: a packet that leaves one pod for another must not look decided there. */
enum net_place { PLACE_EGRESS, PLACE_INGRESS, PLACE_IFB, PLACE_STAMP };
#define CB_MAGIC 0xfa000000U

static __always_inline __u32 net_tag(__u32 slot, enum net_place place)
{
	return CB_MAGIC | place << 16 | slot;
}

static __always_inline __u64 net_departure(const struct __sk_buff *skb)
{
	return (__u64)skb->cb[CB_DEPART_HI] << 32 | skb->cb[CB_DEPART_LO];
}

static __always_inline void net_decide(struct __sk_buff *skb, __u32 tag, __u64 departure, __u32 class)
{
	skb->cb[CB_TAG] = tag;
	skb->cb[CB_DEPART_LO] = departure;
	skb->cb[CB_DEPART_HI] = departure >> 32;
	skb->cb[CB_CLASS] = class;
}

/*
 * fq looks at a flow again only when its first packet is due, so one that is due earlier must be in another flow: what waits equally long
 * stays together, what a draw of its own delays is alone: numbered on, so that flows are taken again as late as can be.
 */
static __always_inline void net_delay(struct walk *w, struct fw_rule *r)
{
	bool alone = r->delay.jitter_ns && !(r->flags & FW_RULE_PER_WINDOW);
	__u64 delay;

	if ((r->flags & FW_RULE_REORDER) && delay_overtakes(r))
		return;
	delay = delay_jitter(r, alone ? w->n : w->window, w->state);
	w->delay_ns += delay;
	w->order += alone ? r->key + w->n : fault_mix(delay);
	w->alone |= alone;
}

/* Bytes on the wire: on the way in the kernel has counted neither the link's header nor those of the segments that were merged. */
static __always_inline __u32 net_wire_len(const struct __sk_buff *skb, const struct walk *w)
{
	return w->dir == FW_EGRESS ? skb->wire_len : skb->len + (w->segments - 1) * (w->l4 + TCP_HEADER);
}

/*
 * A virtual clock (GCRA): it stands at the time at which all that was let in will have left, and may lag behind now by the burst. False =
 * the queue is full.
 */
static __always_inline bool net_rate(struct fw_rule *r, struct walk *w, __u32 len)
{
	__u64 *clock = &r->state.clock[w->dir & 1];
	__u64 cost = (__u64)len * (w->copies + 1) * r->rate.cost_q16 >> 16;
	/* soon after boot the burst is longer than the clock is old */
	__u64 floor = w->now > r->rate.burst_ns ? w->now - r->rate.burst_ns : 0, ahead;

	for (int i = 0; i < FW_TRIES; i++) {
		__u64 old = *(volatile __u64 *)clock;

		ahead = (old > floor ? old : floor) + cost;
		if (ahead > w->now + r->rate.limit_ns)
			return false;
		if (__sync_val_compare_and_swap(clock, old, ahead) == old)
			goto out;
	}
	__sync_fetch_and_add(&r->state.lost_races, 1);
	ahead = __sync_fetch_and_add(clock, cost) + cost;
out:
	if (ahead > w->now && ahead - w->now > w->wait_ns)
		w->wait_ns = ahead - w->now;
	return true;
}

/* Carries out one rule on the packet. False = it did not happen after all (nothing to damage). */
static __always_inline bool net_inject(struct __sk_buff *skb, struct fw_rule *r, struct walk *w)
{
	__u64 place;

	switch (r->op) {
	case FW_OP_DROP:
		w->drop = 1;
		return true;
	case FW_OP_CORRUPT_LEAF:
		w->corrupt = 1;
		return true;
	case FW_OP_CORRUPT_INVALID:
		place = fault_draw(r, w->n, FW_LANE_PLACE) | (__u64)fault_draw(r, w->n, FW_LANE_PLACE + 1) << 32;
		if (w->dir == FW_INGRESS)
			return w->drop = 1; /* what the receiver's checksum would do */
		return corrupt_invalid(skb, w, place);
	case FW_OP_CORRUPT_VALID:
		place = fault_draw(r, w->n, FW_LANE_PLACE) | (__u64)fault_draw(r, w->n, FW_LANE_PLACE + 1) << 32;
		return corrupt_valid(skb, w, place);
	case FW_OP_DUPLICATE:
		if (w->copies < COPIES_MAX)
			w->copies++;
		return true;
	case FW_OP_LEAF:
		w->leaf = r->leaf;
		return true;
	case FW_OP_DELAY:
		w->leaf = r->leaf;
		w->edt = 1;
		net_delay(w, r);
		return true;
	case FW_OP_RATE:
		w->leaf = r->leaf;
		w->edt = 1;
		if (net_rate(r, w, net_wire_len(skb, w)))
			return true;
		__sync_fetch_and_add(&r->state.overflow, 1);
		w->drop = 1;
		return true;
	case FW_OP_RESET:
		w->drop = 1;
		w->reply = WALK_RESET;
		return true;
	default:
		return false;
	}
}

/* By de Bruijn's sequence, each six bits of which are another number (Leiserson, Prokop, Randall 1998); clang 14 crashes on __builtin_ctzll here. */
#define DE_BRUIJN 0x03f79d71b4cb0a89ULL
static const __u8 net_bits[64] = {
	0,  1,  48, 2,  57, 49, 28, 3,  61, 58, 50, 42, 38, 29, 17, 4,  62, 55, 59, 36, 53, 51,
	43, 22, 45, 39, 33, 30, 24, 18, 12, 5,  63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21,
	44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,  13, 8,  7,  6,
};

/* Index of the lowest set bit. */
static __always_inline __u32 net_lowest(__u64 m)
{
	return net_bits[(m & -m) * DE_BRUIJN >> 58];
}

/* Whether a rule's gate needs more than the event's number: what the packet says, or a state. */
static __always_inline bool net_asks(const struct fw_rule *r)
{
	return r->flags & (FW_RULE_STATE | FW_RULE_FIRST) || r->op >= FW_OP_ASKING;
}

/*
 * Walks on to the next rule whose gate opens (or that asks for more, which net_carry_out answers); 0 = not among the next few. Apart from what
 * follows, because a call costs as much as rules that let the packet pass. Global functions: verified once, however often they are called.
 */
__attribute__((noinline)) int net_next(struct walk *w)
{
	if (!w)
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < NEXT_RULES && w->mask; i++) {
		__u32 key = w->slot * FW_RULES + (net_lowest(w->mask) & (FW_RULES - 1));
		struct fw_rule *r = bpf_map_lookup_elem(&fw_rules, &key);
		bool open;

		w->rule = key;
		w->mask &= w->mask - 1;
		if (!r)
			continue;
		open = fault_open(r, key, w->now, &w->window);
		if (r->op == FW_OP_HTTP) {
			w->open |= (__u64)open << (key & (FW_RULES - 1));
			if (!(w->mask & (w->requests | w->responses)))
				return NEXT_HTTP;
			continue;
		}
		if (!open)
			continue;
		if (r->op == FW_OP_DNS)
			return NEXT_DNS;
		if (net_asks(r) || fault_gate(r, w->segments, &w->n))
			return NEXT_RULE;
	}
	return 0;
}

/* The gate of a rule that asks. */
static __always_inline bool net_gate(struct __sk_buff *skb, struct walk *w, struct fw_rule *r)
{
	__u32 state;
	bool open;

	if (r->op == FW_OP_RESET && !reset_may(skb, w))
		return false;
	if (!(r->flags & FW_RULE_STATE))
		return fault_gate(r, w->segments, &w->n);
	open = fault_gate_state(r, w->segments, &w->n, &state);
	w->state = state;
	return open;
}

/* HTTP rules meet the packet together: what one of them decides for a connection is for the others too. */
static __always_inline void net_http(struct __sk_buff *skb, struct walk *w)
{
	struct http_cpu *h = http_cpu();

	if (!h || w->ip_protocol != IPPROTO_TCP || !w->l4)
		return;
	h->requests = w->requests;
	h->responses = w->responses;
	h->open = w->open;
	h->slot = w->slot;
	h->dir = w->dir;
	h->l4 = w->l4;
	w->drop = !!http_meet(skb);
}

__attribute__((noinline)) int net_carry_out(struct __sk_buff *skb, struct walk *w)
{
	struct fw_rule *r;
	__u32 key;

	if (!w)
		return 0;
	key = w->rule;
	r = bpf_map_lookup_elem(&fw_rules, &key);
	if (!r || ((r->flags & FW_RULE_FIRST) && !flow_is_first(skb, w, key)))
		return 0;
	if (net_asks(r) && !net_gate(skb, w, r))
		return 0;
	if (net_inject(skb, r, w))
		fault_injected(r, w->segments);
	return 0;
}

/* All rules of the mask, in order, until one drops the packet. */
static __always_inline void net_walk(struct __sk_buff *skb, struct walk *w)
{
	for (int i = 0; i < FW_RULES && w->mask && !w->drop; i++) {
		int next = net_next(w);

		if (next == NEXT_RULE) {
			net_carry_out(skb, w);
		} else if (next == NEXT_DNS) {
			dns_meet(skb, w, w->rule);
		} else if (next == NEXT_HTTP) {
			net_http(skb, w);
		}
	}
}

/* The class of our root that a packet goes through; 0 = none. */
static __always_inline __u32 net_class(const struct walk *w)
{
	__u32 minor = w->leaf * 2 + (w->corrupt ? FW_MINOR_CORRUPT : 0);

	return minor ? FW_ROOT_MAJOR | minor : 0;
}

/* What the sender's own pacing asked for counts: TCP's stamp is a start, not something to erase. */
static __always_inline __u64 net_depart(const struct __sk_buff *skb, const struct walk *w)
{
	__u64 from = w->now, paced = w->dir == FW_EGRESS ? skb->tstamp : 0;

	if (!w->edt)
		return 0;
	if (paced > from && paced - from < 1000000000ULL)
		from = paced;
	return from + w->delay_ns + w->wait_ns;
}

/* An answer goes the other way, past the rules there: it stands for something that the rules have decided already. */
static __always_inline int net_answer(struct __sk_buff *skb, struct walk *w, enum fw_dir dir)
{
	if (!(w->reply == WALK_RESET ? reset_answer(skb, w) : dns_answer(skb, w)))
		return TC_ACT_STOLEN;
	net_decide(skb, net_tag(w->slot, dir == FW_EGRESS ? PLACE_INGRESS : PLACE_EGRESS), 0, 0);
	return bpf_redirect(skb->ifindex, dir == FW_EGRESS ? BPF_F_INGRESS : 0);
}

/* Puts the packet, and its copies, where the rules want it. */
static __always_inline int net_send(struct __sk_buff *skb, struct walk *w, enum fw_dir dir)
{
	__u32 tag = net_tag(w->slot, dir == FW_EGRESS ? PLACE_EGRESS : PLACE_INGRESS);
	__u64 flags = dir == FW_EGRESS ? 0 : BPF_F_INGRESS, depart;
	__u32 class = net_class(w), clones;

	if (w->reply)
		return net_answer(skb, w, dir);
	if (w->drop)
		return TC_ACT_STOLEN; /* not SHOT: lost on the wire, not refused by the own host */
	if (!class && !w->copies)
		return TC_ACT_UNSPEC;
	depart = net_depart(skb, w);
	clones = w->copies + w->edt;
	if (clones) {
		net_decide(skb, tag, depart, class);
		if (w->order)
			bpf_set_hash(skb, (w->alone ? 0 : bpf_get_hash_recalc(skb)) + w->order);
		for (__u32 i = 0; i <= COPIES_MAX && i < clones; i++)
			if (bpf_clone_redirect(skb, skb->ifindex, flags))
				w->edt = 0; /* no memory: the packet itself goes, unshaped rather than lost */
		if (w->edt)
			return TC_ACT_STOLEN;
	}
	if (dir == FW_INGRESS)
		net_decide(skb, class ? net_tag(w->slot, PLACE_IFB) : 0, 0, class);
	else
		skb->cb[CB_TAG] = 0;
	if (class)
		skb->priority = class;
	return TC_ACT_UNSPEC;
}

/* First pass, some rule wants the packet: out of line, so that the way of all other packets stays short. */
static __attribute__((noinline)) int net_fault(struct __sk_buff *skb, struct walk *w)
{
	w->mask &= fault_armed(w->slot);
	w->requests &= w->mask;
	w->responses &= w->mask;
	if (!w->mask)
		return TC_ACT_UNSPEC;
	w->now = bpf_ktime_get_ns();
	w->segments = skb->gso_segs ? skb->gso_segs : 1;
	net_walk(skb, w);
	return w->dir == FW_EGRESS ? net_send(skb, w, FW_EGRESS) : net_send(skb, w, FW_INGRESS);
}

static __always_inline int net_first(struct __sk_buff *skb, __u32 slot, enum fw_dir dir)
{
	const struct fw_slot *s = bpf_map_lookup_elem(&fw_slots, &slot);
	struct packet p = {};
	__u64 mask;

	if (!s || !(s->rules[dir] | s->hosts_rules | s->http[dir]) || !packet_parse(skb, &p, dir))
		return TC_ACT_UNSPEC;
	mask = match_packet(s, &p, dir);
	if (s->hosts_rules) {
		struct packet named = p; /* a copy, so that all other packets' stays in registers */

		names_listen(skb, s, &named, dir);
		mask = names_match(s, &named, mask);
	}
	if (!(mask | s->http[dir]))
		return TC_ACT_UNSPEC;

	struct walk w = { .mask = mask | s->http[dir],
			  .requests = mask & s->http[dir ^ 1],
			  .responses = s->http[dir],
			  .slot = slot,
			  .dir = dir,
			  .l3 = p.l3,
			  .l4 = p.l4,
			  .ip_protocol = p.ip_protocol,
			  .v4 = p.v4 };

	return net_fault(skb, &w);
}

SEC("tc")
int fw_egress(struct __sk_buff *skb)
{
	__u32 slot = skb->tc_classid;
	__u64 depart;

	if (skb->cb[CB_TAG] != net_tag(slot, PLACE_EGRESS))
		return net_first(skb, slot, FW_EGRESS);
	depart = net_departure(skb);
	if (depart)
		skb->tstamp = depart;
	if (skb->cb[CB_CLASS])
		skb->priority = skb->cb[CB_CLASS];
	skb->cb[CB_TAG] = 0;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int fw_ingress(struct __sk_buff *skb)
{
	__u32 slot = skb->tc_classid;

	if (skb->cb[CB_TAG] != net_tag(slot, PLACE_INGRESS))
		return net_first(skb, slot, FW_INGRESS);
	skb->cb[CB_TAG] = 0;
	if (skb->cb[CB_CLASS]) {
		skb->priority = skb->cb[CB_CLASS];
		skb->cb[CB_TAG] = net_tag(slot, PLACE_IFB);
	}
	return TC_ACT_UNSPEC;
}

/* Not direct action: 0 = no match, -1 = match, and mirred sends it to the ifb (a BPF redirect to an ifb loses it on 6.1). */
SEC("tc")
int fw_to_ifb(struct __sk_buff *skb)
{
	__u32 slot = skb->tc_classid;

	if (skb->cb[CB_TAG] != net_tag(slot, PLACE_IFB))
		return 0;
	skb->cb[CB_TAG] = net_tag(slot, PLACE_STAMP);
	return -1;
}

/* On the ifb's egress. */
SEC("tc")
int fw_stamp(struct __sk_buff *skb)
{
	__u64 depart = net_departure(skb);

	if (skb->cb[CB_TAG] != net_tag(skb->tc_classid, PLACE_STAMP))
		return TC_ACT_UNSPEC;
	if (depart)
		skb->tstamp = depart;
	skb->cb[CB_TAG] = 0;
	return TC_ACT_UNSPEC;
}
