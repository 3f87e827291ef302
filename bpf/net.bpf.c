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

#include "bpf/fault.bpf.h"
#include "bpf/delay.bpf.h"
#include "bpf/match.bpf.h"
#include "bpf/packet.bpf.h"

#define COPIES_MAX 4
#define TCP_HEADER 32 /* with timestamps */

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

/* A packet on its way through the rules, and what they made of it. */
struct walk {
	__u64 mask;     /* rules still to meet */
	__u64 now;      /* monotonic */
	__u64 delay_ns; /* sum of the delays */
	__u64 wait_ns;  /* longest wait of the virtual clocks */
	__u64 order;    /* packets of a flow (alone: of all) for which this is the same stay in order */
	__u32 slot, dir;
	__u32 segments;
	__u32 l4, ip_protocol;
	__u32 leaf; /* k of the shaping leaf, 0 = none */
	__u32 copies;
	__u8 drop, corrupt, edt, alone;
};

/*
 * fq looks at a flow again only when its first packet is due, so one that is due earlier must be in another flow: what waits equally long
 * stays together, what a draw of its own delays is alone: numbered on, so that flows are taken again as late as can be.
 */
static __always_inline void net_delay(struct walk *w, struct fw_rule *r, __u64 n, __u64 window, __u32 state)
{
	bool alone = r->delay.jitter_ns && !(r->flags & FW_RULE_PER_WINDOW);
	__u64 delay;

	if ((r->flags & FW_RULE_REORDER) && delay_overtakes(r))
		return;
	delay = delay_jitter(r, alone ? n : window, state);
	w->delay_ns += delay;
	w->order += alone ? r->key + n : fault_mix(delay);
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

/* Offset of a payload byte to damage; 0 when the packet has no transport payload here. */
static __always_inline __u32 net_payload(struct __sk_buff *skb, const struct walk *w, __u32 draw)
{
	__u32 header = 8, start, room;
	__u8 doff;

	if (!w->l4 || w->l4 > 256)
		return 0;
	if (w->ip_protocol == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, w->l4 + 12, &doff, 1))
			return 0;
		header = (doff >> 4) * 4;
	}
	start = w->l4 + header;
	if (skb->len <= start)
		return 0;
	room = skb->len - start;
	return start + draw % room;
}

/* Where the checksum of the transport is; 0 = none that we know. */
static __always_inline __u32 net_checksum(const struct walk *w)
{
	switch (w->l4 ? w->ip_protocol : 0) {
	case IPPROTO_TCP:
		return w->l4 + 16;
	case IPPROTO_UDP:
		return w->l4 + 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return w->l4 + 2;
	default:
		return 0;
	}
}

/* Flips one bit of the byte at 'at'. Returns the bit's place (0..15) in its checksummed word, or -1. */
static __always_inline int net_flip(struct __sk_buff *skb, const struct walk *w, __u32 at, __u32 bit)
{
	__u8 byte;

	if (bpf_skb_load_bytes(skb, at, &byte, 1))
		return -1;
	byte ^= 1 << (bit & 7);
	if (bpf_skb_store_bytes(skb, at, &byte, 1, BPF_F_RECOMPUTE_CSUM))
		return -1;
	return (bit & 7) + ((at - w->l4) & 1 ? 0 : 8);
}

/*
 * A bit of payload and another place's bit of the checksum: two flips of different weight never cancel, whether the checksum is there
 * already or is yet to be completed from the seed in its field (CHECKSUM_PARTIAL).
 */
static __always_inline bool net_corrupt_invalid(struct __sk_buff *skb, const struct walk *w, __u64 draw)
{
	__u32 at = net_payload(skb, w, draw), csum = net_checksum(w);
	int bit = 0;

	if (!at && !csum)
		return false;
	if (at)
		bit = net_flip(skb, w, at, draw >> 32);
	if (csum && bit >= 0) {
		bit = (bit + 1) & 15;
		net_flip(skb, w, csum + (bit < 8), bit);
	}
	return bit >= 0;
}

/* A bit of payload, and the checksum made to fit: the application gets the damage. */
static __always_inline bool net_corrupt_valid(struct __sk_buff *skb, const struct walk *w, __u64 draw)
{
	__u32 at = net_payload(skb, w, draw), csum = net_checksum(w);
	__u16 old, new, field;

	if (!at)
		return false;
	at -= (at - w->l4) & 1;
	if (bpf_skb_load_bytes(skb, at, &old, 2)) /* an odd last byte has no pair: its neighbour serves */
		return false;
	new = old ^ (1 << ((draw >> 32) & 15));
	if (csum && !bpf_skb_load_bytes(skb, csum, &field, 2) && (field || w->ip_protocol != IPPROTO_UDP))
		if (bpf_l4_csum_replace(skb, csum, old, new, 2))
			return false;
	return !bpf_skb_store_bytes(skb, at, &new, 2, 0);
}

/* Carries out one rule on the packet. False = it did not happen after all (nothing to damage). */
static __always_inline bool net_inject(struct __sk_buff *skb, struct fw_rule *r, struct walk *w, __u64 n, __u64 window, __u32 state)
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
		place = fault_draw(r, n, FW_LANE_PLACE) | (__u64)fault_draw(r, n, FW_LANE_PLACE + 1) << 32;
		if (w->dir == FW_INGRESS)
			return w->drop = 1; /* what the receiver's checksum would do */
		return net_corrupt_invalid(skb, w, place);
	case FW_OP_CORRUPT_VALID:
		place = fault_draw(r, n, FW_LANE_PLACE) | (__u64)fault_draw(r, n, FW_LANE_PLACE + 1) << 32;
		return net_corrupt_valid(skb, w, place);
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
		net_delay(w, r, n, window, state);
		return true;
	case FW_OP_RATE:
		w->leaf = r->leaf;
		w->edt = 1;
		if (net_rate(r, w, net_wire_len(skb, w)))
			return true;
		__sync_fetch_and_add(&r->state.overflow, 1);
		w->drop = 1;
		return true;
	default:
		return false;
	}
}

/* Index of the lowest set bit; clang 14 crashes on __builtin_ctzll here. */
static __always_inline __u32 net_lowest(__u64 m)
{
	__u32 i = 0;

	for (__u32 step = 32; step; step >>= 1) {
		if (!(m & ((1ULL << step) - 1))) {
			m >>= step;
			i += step;
		}
	}
	return i;
}

/* The next rule that the packet meets. A global function: verified once, however often the walk calls it. */
__attribute__((noinline)) int net_meet(struct __sk_buff *skb, struct walk *w)
{
	struct fw_rule *r;
	__u64 n, window;
	__u32 key, state;

	if (!w)
		return 0;
	key = net_lowest(w->mask);
	w->mask &= w->mask - 1;
	key = w->slot * FW_RULES + (key & (FW_RULES - 1));
	r = bpf_map_lookup_elem(&fw_rules, &key);
	if (!r || !fault_window(r, fault_now(r, w->now), &window))
		return 0;
	if (!fault_gate(r, w->segments, &n, &state))
		return 0;
	if (net_inject(skb, r, w, n, window, state))
		fault_injected(r, w->segments);
	return 0;
}

/* All rules of the mask, in order, until one drops the packet. */
static __always_inline void net_walk(struct __sk_buff *skb, struct walk *w)
{
	for (int i = 0; i < FW_RULES && w->mask && !w->drop; i++)
		net_meet(skb, w);
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

/* Puts the packet, and its copies, where the rules want it. */
static __always_inline int net_send(struct __sk_buff *skb, struct walk *w, enum fw_dir dir)
{
	__u32 tag = net_tag(w->slot, dir == FW_EGRESS ? PLACE_EGRESS : PLACE_INGRESS);
	__u64 flags = dir == FW_EGRESS ? 0 : BPF_F_INGRESS, depart;
	__u32 class = net_class(w), clones;

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

	if (!s || !s->rules[dir] || !packet_parse(skb, &p, dir))
		return TC_ACT_UNSPEC;
	mask = match_packet(s, &p, dir);
	if (!mask)
		return TC_ACT_UNSPEC;

	struct walk w = { .mask = mask, .slot = slot, .dir = dir, .l4 = p.l4, .ip_protocol = p.ip_protocol };

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
