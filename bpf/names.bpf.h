// SPDX-License-Identifier: GPL-2.0-only
/*
 * Targets by name. A question that the pod sends over UDP is remembered by who asked whom under which number, if its name is a rule's; every
 * address of its answer is then one of that rule. So any resolver, search path and chain of CNAMEs will do, and nothing has to be
 * decompressed. A learned address outlives its TTL while packets with it are seen: connections do, too.
 *
 * Memory of a node: about 3.4 MB of learned addresses, 1.7 MB of questions, 1.3 KB a CPU; names and listed addresses are
 * allocated as they come. A full map forgets what was not used for longest.
 */
#ifndef FAULTWIRE_NAMES_BPF_H
#define FAULTWIRE_NAMES_BPF_H

#include "bpf/fault.bpf.h"
#include "bpf/packet.bpf.h"

#define NAMES_PORT 53
#define NAMES_BYTES 256  /* a name has 255 at most */
#define NAMES_LABELS 128 /* and so 127 of these */
#define NAMES_REFRESH_NS 1000000000ULL

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FW_NAMES_MAX);
	__type(key, struct fw_name_key);
	__type(value, struct fw_name);
} fw_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FW_NAMES_MAX);
	__type(key, struct fw_listed_key);
	__type(value, __u64);
} fw_listed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FW_LEARNED_MAX);
	__type(key, struct fw_address);
	__type(value, struct fw_learned);
} fw_learned SEC(".maps");

struct names_question {
	struct fw_address resolver;
	__u16 port; /* the pod's */
	__u16 id;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FW_QUESTIONS_MAX);
	__type(key, struct names_question);
	__type(value, __u64); /* rules */
} fw_questions SEC(".maps");

/*
 * A name on its way to its hashes. What a loop's body changes is here and not on the stack: up to 6.6 the verifier walks a body once, and
 * takes out as dead what it could not reach from the stack's first values.
 */
struct names_scratch {
	__u8 name[NAMES_BYTES];
	__u64 label[NAMES_LABELS]; /* hashes */
	__u64 hash;
	__u64 mask;
	__u64 generation;
	__u32 left;   /* bytes of the label that are yet to come */
	__u32 labels; /* whole ones */
	__u32 whole;  /* the name ended */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct names_scratch);
} fw_scratch SEC(".maps");

struct names_header { /* RFC 1035, 4.1.1 */
	__be16 id, flags, questions, answers, authority, additional;
};
#define NAMES_RESPONSE 0x8000
#define NAMES_OPCODE 0x7800
#define NAMES_RCODE 0x000f

struct names_record { /* behind its name: RFC 1035, 4.1.3 */
	__be16 type, class;
	__be16 ttl[2];
	__be16 length;
};
#define NAMES_A 1
#define NAMES_AAAA 28
#define NAMES_IN 1

static __always_inline struct fw_address names_address(const struct packet *p, __u64 generation)
{
	return (struct fw_address){ generation, p->hi, p->v4 ? p->lo | 0xffffULL << 32 : p->lo };
}

/* The header of a message of one question; *end is where the datagram ends, whatever is behind it in the packet. */
static __always_inline bool names_message(struct __sk_buff *skb, const struct packet *p, struct names_header *h, __u32 *end)
{
	__be16 length;

	if (!p->l4 || bpf_skb_load_bytes(skb, p->l4 + 4, &length, sizeof(length)) ||
	    bpf_skb_load_bytes(skb, p->l4 + 8, h, sizeof(*h)))
		return false;
	*end = p->l4 + bpf_ntohs(length);
	if (*end > skb->len)
		*end = skb->len;
	return !(h->flags & bpf_htons(NAMES_OPCODE)) && h->questions == bpf_htons(1);
}

struct names_loop { /* what a body gets must be on the stack */
	struct names_scratch *name;
};

/* A byte of a name on the wire: a label's length or a part of one. */
static long names_byte(__u32 i, void *ctx)
{
	struct names_scratch *n = ((struct names_loop *)ctx)->name;
	__u8 c = n->name[i & (NAMES_BYTES - 1)];

	if (n->left) {
		c |= c >= 'A' && c <= 'Z' ? 0x20 : 0;
		n->hash = (n->hash ^ c) * 0x100000001b3ULL; /* util_fnv64 */
		n->left--;
		return 0;
	}
	if (i) {
		n->label[n->labels & (NAMES_LABELS - 1)] = n->hash;
		n->labels++;
	}
	n->whole = !c;
	n->left = c;
	n->hash = 0xcbf29ce484222325ULL;
	return !c || c > 63;
}

/* One label down from the root. */
static long names_step(__u32 i, void *ctx)
{
	struct names_scratch *n = ((struct names_loop *)ctx)->name;
	__u32 at = n->labels - 1 - i;
	struct fw_name_key key = { .generation = n->generation };
	const struct fw_name *name;

	n->hash = key.hash = fault_mix(n->hash + n->label[at & (NAMES_LABELS - 1)]);
	name = bpf_map_lookup_elem(&fw_names, &key);
	if (name)
		n->mask |= at ? name->below : name->exact;
	return 0;
}

/* The rules that want the name at 'at'. */
static __always_inline __u64 names_rules(struct __sk_buff *skb, __u32 at, __u32 end, __u64 generation)
{
	__u32 zero = 0, length = end - at;
	struct names_scratch *n = bpf_map_lookup_elem(&fw_scratch, &zero);
	struct names_loop loop = { n };

	if (!n || at >= end)
		return 0;
	length = length > NAMES_BYTES ? NAMES_BYTES - 1 : length - 1;
	asm volatile("" : "+r"(length)); /* or the compiler leaves out what the verifier of 6.1 needs to see */
	length = (length & (NAMES_BYTES - 1)) + 1;
	if (bpf_skb_load_bytes(skb, at, n->name, length))
		return 0;
	n->left = n->labels = n->whole = 0;
	bpf_loop(length, names_byte, &loop, 0);
	if (!n->whole)
		return 0;
	n->hash = n->mask = 0;
	n->generation = generation;
	bpf_loop(n->labels & (NAMES_LABELS - 1), names_step, &loop, 0);
	return n->mask;
}

/* A datagram to a resolver. A question for another name under the same number takes the earlier one's place. */
__attribute__((noinline)) int names_ask(struct __sk_buff *skb, struct packet *p, __u64 generation)
{
	struct names_question q = {};
	struct names_header h;
	__u64 mask;
	__u32 end;

	if (!p || !names_message(skb, p, &h, &end) || (h.flags & bpf_htons(NAMES_RESPONSE)))
		return 0;
	q.resolver = names_address(p, generation);
	q.port = p->sport;
	q.id = h.id;
	mask = names_rules(skb, p->l4 + 8 + sizeof(h), end, generation);
	if (mask)
		bpf_map_update_elem(&fw_questions, &q, &mask, BPF_ANY);
	else
		bpf_map_delete_elem(&fw_questions, &q);
	return 0;
}

struct names_skip {
	struct __sk_buff *skb;
	__u32 at;
	__u32 whole;
};

static long names_skip_label(__u32 i, void *ctx)
{
	struct names_skip *s = ctx;
	__u8 length;

	(void)i;
	if (bpf_skb_load_bytes(s->skb, s->at, &length, 1))
		return 1;
	s->at++;
	if (!length || (length & 0xc0) == 0xc0) { /* the root, or a pointer to the rest */
		s->at += !!length;
		s->whole = 1;
		return 1;
	}
	s->at += length;
	return length > 63;
}

/* Where a name ends that begins at 'at', which is in front of 'end' as well; 0 = none of that. */
__attribute__((noinline)) __u32 names_behind(struct __sk_buff *skb, __u32 at, __u32 end)
{
	struct names_skip s = { .skb = skb, .at = at };

	bpf_loop(NAMES_LABELS, names_skip_label, &s, 0);
	return s.whole && s.at < end ? s.at : 0;
}

struct names_answer {
	struct __sk_buff *skb;
	__u64 generation, mask, now;
	__u32 at, end;
};

static __always_inline void names_learn(const struct names_answer *a, const struct fw_address *key, __u32 ttl)
{
	struct fw_learned *old = bpf_map_lookup_elem(&fw_learned, key), new = { .mask = a->mask };

	if (ttl < FW_TTL_MIN)
		ttl = FW_TTL_MIN;
	if (ttl > FW_TTL_MAX)
		ttl = FW_TTL_MAX;
	new.until_ns = a->now + ttl * 1000000000ULL;
	if (!old || old->until_ns < a->now) {
		bpf_map_update_elem(&fw_learned, key, &new, BPF_ANY);
		return;
	}
	__sync_fetch_and_or(&old->mask, new.mask);
	if (old->until_ns < new.until_ns)
		old->until_ns = new.until_ns;
}

static long names_one(__u32 i, void *ctx)
{
	struct names_answer *a = ctx;
	struct fw_address key = { .generation = a->generation };
	struct names_record r;
	__be32 addr[4];
	__u32 length;

	(void)i;
	a->at = names_behind(a->skb, a->at, a->end);
	if (!a->at || bpf_skb_load_bytes(a->skb, a->at, &r, sizeof(r)))
		return 1;
	a->at += sizeof(r);
	length = bpf_ntohs(r.length);
	if (a->at + length > a->end)
		return 1;
	if (r.class == bpf_htons(NAMES_IN) && r.type == bpf_htons(NAMES_A) && length == 4 &&
	    !bpf_skb_load_bytes(a->skb, a->at, addr, 4)) {
		key.lo = 0xffffULL << 32 | bpf_ntohl(addr[0]);
		names_learn(a, &key, (__u32)bpf_ntohs(r.ttl[0]) << 16 | bpf_ntohs(r.ttl[1]));
	} else if (r.class == bpf_htons(NAMES_IN) && r.type == bpf_htons(NAMES_AAAA) && length == 16 &&
		   !bpf_skb_load_bytes(a->skb, a->at, addr, 16)) {
		key.hi = (__u64)bpf_ntohl(addr[0]) << 32 | bpf_ntohl(addr[1]);
		key.lo = (__u64)bpf_ntohl(addr[2]) << 32 | bpf_ntohl(addr[3]);
		names_learn(a, &key, (__u32)bpf_ntohs(r.ttl[0]) << 16 | bpf_ntohs(r.ttl[1]));
	}
	a->at += length;
	return a->at >= a->end;
}

/* A datagram from a resolver. */
__attribute__((noinline)) int names_hear(struct __sk_buff *skb, struct packet *p, __u64 generation)
{
	struct names_answer a = { .skb = skb, .generation = generation };
	struct names_question q = {};
	struct names_header h;
	const __u64 *mask;
	__u32 n;

	if (!p || !names_message(skb, p, &h, &a.end) || !(h.flags & bpf_htons(NAMES_RESPONSE)))
		return 0;
	q.resolver = names_address(p, generation);
	q.port = p->dport;
	q.id = h.id;
	mask = bpf_map_lookup_elem(&fw_questions, &q);
	if (!mask)
		return 0;
	a.mask = *mask;
	bpf_map_delete_elem(&fw_questions, &q);
	if (h.flags & bpf_htons(NAMES_RCODE))
		return 0;
	a.at = names_behind(skb, p->l4 + 8 + sizeof(h), a.end);
	if (!a.at)
		return 0;
	a.at += 4; /* the question's type and class */
	a.now = bpf_ktime_get_coarse_ns();
	n = bpf_ntohs(h.answers);
	bpf_loop(n < FW_ANSWERS ? n : FW_ANSWERS, names_one, &a, 0);
	return 0;
}

/* Rules whose names have the packet's address, by what was learned. */
static __always_inline __u64 names_learned(const struct fw_address *key)
{
	struct fw_learned *l = bpf_map_lookup_elem(&fw_learned, key);
	__u64 now;

	if (!l)
		return 0;
	now = bpf_ktime_get_coarse_ns();
	if (now > l->until_ns)
		return 0;
	if (l->until_ns < now + FW_IDLE_NS - NAMES_REFRESH_NS)
		l->until_ns = now + FW_IDLE_NS;
	return l->mask;
}

/* Rules that list the packet's address beside their names. */
static __always_inline __u64 names_listed(const struct fw_address *key, __u32 v4)
{
	struct fw_listed_key k = { FW_LISTED_BITS + 128, v4, key->generation, bpf_cpu_to_be64(key->hi), bpf_cpu_to_be64(key->lo) };
	const __u64 *mask = bpf_map_lookup_elem(&fw_listed, &k);

	return mask ? *mask : 0;
}

/*
 * Of the rules that match so far, those whose names allow it. Every packet of a slot with names comes here, so that whatever
 * uses an address keeps it.
 */
static __attribute__((noinline)) __u64 names_match(struct __sk_buff *skb, const struct fw_slot *s, struct packet *p, __u64 mask,
						   enum fw_dir dir)
{
	struct fw_address key = names_address(p, s->generation);
	__u64 allowed;

	if (p->class == FW_PROTO_UDP && p->ports) {
		if (dir == FW_EGRESS && p->dport == NAMES_PORT)
			names_ask(skb, p, s->generation);
		if (dir == FW_INGRESS && p->sport == NAMES_PORT)
			names_hear(skb, p, s->generation);
	}
	allowed = ~s->hosts_rules | names_learned(&key);
	if (mask & ~allowed & s->listed_rules)
		allowed |= names_listed(&key, p->v4);
	return mask & allowed;
}

#endif
