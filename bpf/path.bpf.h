// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which rules hold for a file's path: its dentry is looked at and those above it up to the root of the file system, and where one is an anchor of the
 * container's, what is below holds or the names on the way decide.
 */
#ifndef FAULTWIRE_PATH_BPF_H
#define FAULTWIRE_PATH_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/glob.h"
#include "bpf/kernel.bpf.h"

#define NAME_CHUNK 16

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FW_FILE_ANCHORS);
	__type(key, struct fw_anchor_key);
	__type(value, struct fw_anchor);
} fw_anchors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FW_FILE_ANCHORS);
	__type(key, struct fw_accept_key);
	__type(value, struct fw_glob_set);
} fw_accepts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FW_FILE_SLOTS *FW_RULES);
	__type(key, __u32);
	__type(value, struct fw_glob);
} fw_globs SEC(".maps");

/* Anchors on a file's way up at which names decide, and how far up. */
struct hits {
	__u64 n;
	struct hit {
		__u64 part, ino;
		__u32 dev, depth;
	} hit[FW_FILE_HITS];
};

/* A rule's names, from the file's up to an anchor's. */
struct names {
	const struct fw_glob *glob;
	struct fw_glob_set set;
	__u64 dentry, name;
	__u32 left; /* characters of the name that are in front of 'chunk' */
	__u32 n;    /* in 'chunk' */
	char chunk[NAME_CHUNK];
};

static long names_char(__u32 i, struct names *n)
{
	glob_back(n->glob, &n->set, n->chunk[(n->n - 1 - i) & (NAME_CHUNK - 1)]);
	return 0;
}

/* The last characters of a name of which 'left' have not been seen yet. */
static long names_chunk(__u32 i, struct names *n)
{
	__u32 size = n->left < NAME_CHUNK ? n->left : NAME_CHUNK;

	if (!size)
		return 1;
	n->left -= size;
	barrier_var(size); /* the verifier is to see the bound */
	if (size > NAME_CHUNK || bpf_probe_read_kernel(n->chunk, size, (const void *)(n->name + n->left)))
		return 1;
	n->n = size;
	bpf_loop(size, names_char, n, 0);
	return 0;
}

/* One directory up: its name from the end on, and the '/' before it. */
static long names_dentry(__u32 i, struct names *n)
{
	struct dentry *d = (struct dentry *)n->dentry;

	n->name = (__u64)BPF_CORE_READ(d, d_name.name);
	n->left = BPF_CORE_READ(d, d_name.len) & 0xff;
	bpf_loop(256 / NAME_CHUNK, names_chunk, n, 0);
	glob_back(n->glob, &n->set, '/');
	n->dentry = (__u64)BPF_CORE_READ(d, d_parent);
	return !(n->set.w[0] | n->set.w[1]);
}

/*
 * Whether a rule (slot * FW_RULES + its number) holds for the names from a dentry to the anchor 'depth' above it. Global functions are verified once,
 * and not for each way to them.
 */
__attribute__((noinline)) int names_match(__u32 rule, __u64 dentry, __u64 ino, __u32 dev, __u32 depth)
{
	struct fw_accept_key at = { ino, dev, rule };
	const struct fw_glob_set *accept = bpf_map_lookup_elem(&fw_accepts, &at);
	struct names n = { .dentry = dentry };

	n.glob = bpf_map_lookup_elem(&fw_globs, &rule);
	if (!accept || !n.glob)
		return 0;
	n.set = n.glob->end;
	bpf_loop(depth, names_dentry, &n, 0);
	return (n.set.w[0] & accept->w[0]) || (n.set.w[1] & accept->w[1]);
}

/* Rules of one anchor that depend on names. */
struct parts {
	__u64 part, matched, from, ino;
	__u32 dev, slot, depth;
};

static long parts_rule(__u32 i, struct parts *p)
{
	__u32 rule = i & (FW_RULES - 1);

	if (!(p->part >> rule))
		return 1;
	if ((p->part >> rule & 1) && names_match(p->slot * FW_RULES + rule, p->from, p->ino, p->dev, p->depth))
		p->matched |= 1ULL << rule;
	return 0;
}

__attribute__((noinline)) int hits_add(struct hits *h, __u64 part, __u64 ino, __u32 dev, __u32 depth)
{
	if (!h || h->n >= FW_FILE_HITS)
		return 0;
	h->hit[h->n & (FW_FILE_HITS - 1)] = (struct hit){ part, ino, dev, depth };
	h->n++;
	return 0;
}

/* Rules that hold for all below an anchor that is met on the way up to the root of the file system; the others' anchors go to 'hits'. */
static __always_inline __u64 walk_up(__u32 slot, __u64 mask, struct dentry *d, struct hits *hits)
{
	__u64 whole = 0;

	for (__u32 depth = 0; depth < FW_FILE_DEPTH; depth++) {
		struct inode *inode = d->d_inode;
		struct dentry *above = d->d_parent;

		if (inode) {
			struct fw_anchor_key key = { inode->i_ino, d->d_sb->s_dev, slot };
			const struct fw_anchor *anchor = bpf_map_lookup_elem(&fw_anchors, &key);

			if (anchor) {
				whole |= anchor->whole;
				if (anchor->part & mask)
					hits_add(hits, anchor->part & mask, key.ino, key.dev, depth);
			}
		}
		if (above == d)
			break;
		d = above;
	}
	return whole;
}

static __noinline __u64 path_matches(__u32 slot, __u64 mask, struct dentry *d)
{
	struct hits hits = {};
	__u64 matched = walk_up(slot, mask, d, &hits) & mask, from = 0;

	if (hits.n) /* as a number, which global functions take */
		bpf_probe_read_kernel(&from, sizeof(from), &d);
	for (int i = 0; i < FW_FILE_HITS && i < hits.n; i++) {
		const struct hit *h = &hits.hit[i];
		struct parts p = { h->part & ~matched, 0, from, h->ino, h->dev, slot, h->depth };

		bpf_loop(FW_RULES, parts_rule, &p, 0);
		matched |= p.matched;
	}
	return matched;
}

#endif
