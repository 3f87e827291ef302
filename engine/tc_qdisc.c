// SPDX-License-Identifier: GPL-2.0-only
/*
 * Qdiscs: clsact, our htb root, and its leaves.
 *
 * The root is FW_ROOT_MAJOR, its classes FW_ROOT_MAJOR | minor. Below class m of direction d the first qdisc has the major 0xfa18 +
 * d * 0x200 + 2m, and what hangs below that one the next major: unusual numbers, distinct even where both directions meet on a device.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>

#include <linux/gen_stats.h>

#include "engine/tc_internal.h"
#include "lib/dist.h"
#include "lib/util.h"

/* The class shapes nothing, its qdiscs do: 8 Tbit/s, and tokens for a second of that (a tick is 64 ns). */
#define CLASS_BYTES_PER_SECOND 1000000000000ULL
#define CLASS_BUFFER_TICKS (NSEC_PER_SEC / 64)
/* What htb sends of one class before it looks at the next. */
#define CLASS_QUANTUM 60000
/* Unshaped packets wait in htb's own queue only while the device is busy; they are not to be lost there. */
#define DIRECT_PACKETS 100000

#define LEAF_MINOR_MAX 0xffU
#define LEAF_MAJOR(dir, minor) ((0xfa18U + (dir)*0x200U + 2U * (minor)) << 16)
#define NEXT_MAJOR(handle) ((handle) + 0x10000U)
_Static_assert(LEAF_MAJOR(0, 0) > FW_ROOT_MAJOR, "the root's handle is its own");
_Static_assert(2 * FW_RULES + 1 <= LEAF_MINOR_MAX, "every leaf has handles");

#define FQ_PACKETS 1000000
/* A packet with a delay of its own is a flow of its own: the default of 1,024 would hold some behind others. 10 MB of flows at most. */
#define FQ_FLOW_MASK 0xffffU
_Static_assert(FW_CURVE_UNIT == NETEM_DIST_SCALE, "tables are in netem's units");

struct qdisc {
	char kind[16];
	uint32_t handle;
	struct tc_queue stats;
};

static void stats_read(struct nlattr *stats2, struct tc_queue *ret)
{
	struct nlattr *queue = stats2 ? nla_find(nla_data(stats2), nla_len(stats2), TCA_STATS_QUEUE) : NULL;
	struct gnet_stats_queue q;

	if (!queue || nla_len(queue) < (int)sizeof(q))
		return;
	memcpy(&q, nla_data(queue), sizeof(q));
	*ret = (struct tc_queue){ .queued_bytes = q.backlog, .queued_packets = q.qlen, .dropped = q.drops };
}

static void qdisc_read(void *ctx, struct nlmsghdr *reply)
{
	struct nlattr *attrs[TCA_MAX + 1];
	struct qdisc *q = ctx;

	if (reply->nlmsg_type != RTM_NEWQDISC || nlmsg_parse(reply, sizeof(struct tcmsg), attrs, TCA_MAX, NULL) < 0)
		return;
	snprintf(q->kind, sizeof(q->kind), "%s", tc_kind(attrs));
	q->handle = ((struct tcmsg *)nlmsg_data(reply))->tcm_handle;
	stats_read(attrs[TCA_STATS2], &q->stats);
}

/*
 * One qdisc by its place (a dump would be one of all devices); *ret is empty when there is none that somebody set. Without NLM_F_ECHO the
 * kernel answers a get of one qdisc to the multicast group alone (qdisc_notify in net/sched/sch_api.c).
 */
static int qdisc_find(struct tc *tc, int ifindex, uint32_t parent, struct qdisc *ret, struct tc_ack *ack)
{
	struct tcmsg header = { .tcm_ifindex = ifindex, .tcm_parent = parent };
	struct qdisc found = {};
	int r = tc_talk(tc, tc_object_msg(RTM_GETQDISC, NLM_F_ECHO, &header, NULL), qdisc_read, &found, ack);

	/* EINVAL: the kernel does not show a built-in one */
	if (r && r != -ENOENT && r != -EINVAL)
		return r;
	*ret = found.handle ? found : (struct qdisc){};
	return 0;
}

static int qdisc_get(struct tc *tc, int ifindex, uint32_t parent, struct qdisc *ret, struct error *err)
{
	struct tc_ack ack = {};
	char name[IF_NAMESIZE];
	int r = qdisc_find(tc, ifindex, parent, ret, &ack);

	return r ? tc_fail(err, r, &ack, "cannot read the qdiscs of '%s'", tc_ifname(ifindex, name)) : 0;
}

/* Whether a removal found nothing to remove: no such qdisc, another's handle, no such interface any more. */
static bool nothing_there(int r)
{
	return r == -ENOENT || r == -EINVAL || r == -ENODEV;
}

static int qdisc_del(struct tc *tc, int ifindex, uint32_t parent, uint32_t handle, struct error *err)
{
	struct tcmsg header = { .tcm_ifindex = ifindex, .tcm_parent = parent, .tcm_handle = handle };
	struct tc_ack ack = {};
	char name[IF_NAMESIZE];
	int r = tc_talk(tc, tc_object_msg(RTM_DELQDISC, 0, &header, NULL), NULL, NULL, &ack);

	return r && !nothing_there(r)
		       ? tc_fail(err, r, &ack, "cannot remove qdisc %x: of '%s'", handle >> 16, tc_ifname(ifindex, name))
		       : 0;
}

/* Sends a request that makes a qdisc of a kind: the one place where a missing module shows. */
static int qdisc_make(struct tc *tc, struct nl_msg *msg, int ifindex, const char *kind, struct error *err)
{
	struct tc_ack ack = {};
	char module[32], name[IF_NAMESIZE];
	int r = tc_talk(tc, msg, NULL, NULL, &ack);

	if (r != -ENOENT)
		return r ? tc_fail(err, r, &ack, "cannot set up %s on '%s'", kind, tc_ifname(ifindex, name)) : 0;
	snprintf(module, sizeof(module), "sch_%s", util_streq(kind, "clsact") ? "ingress" : kind);
	return tc_no_module(err, module);
}

static struct nl_msg *qdisc_msg(int ifindex, uint32_t parent, uint32_t handle, const char *kind)
{
	struct tcmsg header = { .tcm_ifindex = ifindex, .tcm_parent = parent, .tcm_handle = handle };

	return tc_object_msg(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, kind);
}

int tc_clsact_exists(struct tc *tc, int ifindex, bool *ret, struct error *err)
{
	char name[IF_NAMESIZE];
	struct qdisc q;
	int r = qdisc_get(tc, ifindex, TC_H_CLSACT, &q, err);

	if (r)
		return r;
	if (q.handle && !util_streq(q.kind, "clsact"))
		return error_set(
			err, EEXIST,
			"'%s' has the qdisc '%s' that somebody else set, which leaves no room for clsact: remove it, or have "
			"clsact set in its place",
			tc_ifname(ifindex, name), q.kind);
	*ret = q.handle != 0;
	return 0;
}

int tc_clsact_add(struct tc *tc, int ifindex, struct error *err)
{
	return qdisc_make(tc, qdisc_msg(ifindex, TC_H_CLSACT, TC_H_MAKE(TC_H_CLSACT, 0), "clsact"), ifindex, "clsact", err);
}

int tc_clsact_del(struct tc *tc, int ifindex, struct error *err)
{
	bool used = false;
	struct qdisc q;
	int r = 0;

	/* what cannot be read cannot be removed either, and then the removal says why */
	if (!qdisc_find(tc, ifindex, TC_H_CLSACT, &q, NULL) && !util_streq(q.kind, "clsact"))
		return 0;
	for (int dir = 0; !r && !used && dir < FW_DIRS; dir++)
		r = tc_filters_exist(tc, ifindex, dir, &used, err);
	return r || used ? r : qdisc_del(tc, ifindex, TC_H_CLSACT, TC_H_MAKE(TC_H_CLSACT, 0), err);
}

int tc_root_get(struct tc *tc, int ifindex, char ret_kind[16], uint32_t *ret_handle, struct error *err)
{
	struct qdisc q;
	int r = qdisc_get(tc, ifindex, TC_H_ROOT, &q, err);

	if (r)
		return r;
	memcpy(ret_kind, q.kind, sizeof(q.kind));
	*ret_handle = q.handle;
	return 0;
}

static int root_taken(struct tc *tc, int ifindex, struct error *err)
{
	char name[IF_NAMESIZE];
	struct qdisc q;
	int r = qdisc_get(tc, ifindex, TC_H_ROOT, &q, err);

	return r ? r
		 : error_set(err, EEXIST,
			     "'%s' has a root qdisc '%s' (handle %x:) that somebody else set: shaping needs the root, so remove it "
			     "(tc "
			     "qdisc del dev %s root) or leave shaping out",
			     tc_ifname(ifindex, name), q.kind, q.handle >> 16, name);
}

int tc_root_add(struct tc *tc, int ifindex, struct error *err)
{
	static const struct tc_htb_glob init = { .version = 3, .rate2quantum = 10 };
	struct nl_msg *msg = qdisc_msg(ifindex, TC_H_ROOT, FW_ROOT_MAJOR, "htb");
	struct nlattr *options = tc_nest(msg, TCA_OPTIONS);
	int r;

	tc_put(msg, TCA_HTB_INIT, &init, sizeof(init));
	tc_put_u32(msg, TCA_HTB_DIRECT_QLEN, DIRECT_PACKETS);
	nla_nest_end(msg, options);
	r = qdisc_make(tc, msg, ifindex, "htb", err);
	return r == -EEXIST ? root_taken(tc, ifindex, err) : r;
}

int tc_root_del(struct tc *tc, int ifindex, struct error *err)
{
	return qdisc_del(tc, ifindex, TC_H_ROOT, FW_ROOT_MAJOR, err);
}

int tc_root_stats(struct tc *tc, int ifindex, struct tc_queue *ret, struct error *err)
{
	char name[IF_NAMESIZE];
	struct qdisc q;
	int r = qdisc_get(tc, ifindex, TC_H_ROOT, &q, err);

	if (!r && q.handle != FW_ROOT_MAJOR)
		r = error_set(err, ENOENT, "'%s' has no root qdisc of ours", tc_ifname(ifindex, name));
	if (!r)
		*ret = q.stats;
	return r;
}

/* A rate that the kernel computes with itself: no tables, which it wants only for a link layer that it is to guess. */
static struct tc_ratespec rate_spec(uint64_t bytes_per_second)
{
	return (struct tc_ratespec){ .linklayer = TC_LINKLAYER_ETHERNET, .rate = MIN(bytes_per_second, UINT32_MAX) };
}

static void put_rate64(struct nl_msg *msg, int type, uint64_t bytes_per_second)
{
	if (bytes_per_second > UINT32_MAX)
		tc_put_u64(msg, type, bytes_per_second);
}

static int class_add(struct tc *tc, int ifindex, uint16_t minor, struct error *err)
{
	struct tcmsg header = { .tcm_ifindex = ifindex, .tcm_parent = FW_ROOT_MAJOR, .tcm_handle = FW_ROOT_MAJOR | minor };
	struct tc_htb_opt opt = {
		.rate = rate_spec(CLASS_BYTES_PER_SECOND),
		.ceil = rate_spec(CLASS_BYTES_PER_SECOND),
		.buffer = CLASS_BUFFER_TICKS,
		.cbuffer = CLASS_BUFFER_TICKS,
		.quantum = CLASS_QUANTUM,
	};
	struct nl_msg *msg = tc_object_msg(RTM_NEWTCLASS, NLM_F_CREATE | NLM_F_EXCL, &header, "htb");
	struct nlattr *options = tc_nest(msg, TCA_OPTIONS);
	struct tc_ack ack = {};
	char name[IF_NAMESIZE];
	int r;

	tc_put(msg, TCA_HTB_PARMS, &opt, sizeof(opt));
	put_rate64(msg, TCA_HTB_RATE64, CLASS_BYTES_PER_SECOND);
	put_rate64(msg, TCA_HTB_CEIL64, CLASS_BYTES_PER_SECOND);
	nla_nest_end(msg, options);
	r = tc_talk(tc, msg, NULL, NULL, &ack);
	return r ? tc_fail(err, r, &ack, "cannot add class %x:%x to '%s'", FW_ROOT_MAJOR >> 16, minor, tc_ifname(ifindex, name))
		 : 0;
}

static uint32_t share(uint32_t ppm)
{
	return (uint64_t)ppm * UINT32_MAX / PPM_ALL;
}

static void put_distribution(struct nl_msg *msg, enum fault_distribution distribution)
{
	int16_t table[DIST_TABLE_SIZE];

	dist_table(distribution, table);
	tc_put(msg, TCA_NETEM_DELAY_DIST, table, sizeof(table));
}

static void put_slot(struct nl_msg *msg, const struct fault_slot *s)
{
	struct tc_netem_slot slot = {
		.min_delay = s->min_ns,
		.max_delay = s->max_ns,
		.max_packets = MIN(s->packets, (uint64_t)INT32_MAX),
		.max_bytes = MIN(s->bytes, (uint64_t)INT32_MAX),
	};

	tc_put(msg, TCA_NETEM_SLOT, &slot, sizeof(slot));
}

/* netem's options are a struct with attributes behind it. */
static void put_netem(struct nl_msg *msg, const struct plan_leaf *leaf)
{
	const struct plan_netem *n = &leaf->netem;
	struct tc_netem_qopt opt = { .limit = n->limit };
	struct nlattr *options = tc_nest(msg, TCA_OPTIONS);

	if (n->reorder_ppm)
		opt.gap = MAX(n->reorder_gap, 1U);
	nlmsg_append(msg, &opt, sizeof(opt), NLMSG_ALIGNTO);
	tc_put_u64(msg, TCA_NETEM_LATENCY64, n->latency_ns);
	tc_put_u64(msg, TCA_NETEM_JITTER64, n->jitter_ns);
	if (n->jitter_ns && n->distribution != DIST_UNIFORM)
		put_distribution(msg, n->distribution);
	if (n->reorder_ppm)
		tc_put(msg, TCA_NETEM_REORDER, &(struct tc_netem_reorder){ .probability = share(n->reorder_ppm) },
		       sizeof(struct tc_netem_reorder));
	if (n->corrupt_ppm)
		tc_put(msg, TCA_NETEM_CORRUPT, &(struct tc_netem_corrupt){ .probability = share(n->corrupt_ppm) },
		       sizeof(struct tc_netem_corrupt));
	if (n->has_slot)
		put_slot(msg, &n->slot);
	nla_nest_end(msg, options);
}

static void put_tbf(struct nl_msg *msg, const struct plan_leaf *leaf)
{
	const struct plan_tbf *t = &leaf->tbf;
	struct tc_tbf_qopt opt = { .rate = rate_spec(t->rate_bits / 8), .limit = t->limit_bytes };
	struct nlattr *options = tc_nest(msg, TCA_OPTIONS);

	if (t->peak_bits)
		opt.peakrate = rate_spec(t->peak_bits / 8);
	tc_put(msg, TCA_TBF_PARMS, &opt, sizeof(opt));
	put_rate64(msg, TCA_TBF_RATE64, t->rate_bits / 8);
	tc_put_u32(msg, TCA_TBF_BURST, t->buffer_bytes);
	if (t->peak_bits) {
		put_rate64(msg, TCA_TBF_PRATE64, t->peak_bits / 8);
		tc_put_u32(msg, TCA_TBF_PBURST, t->minburst_bytes);
	}
	nla_nest_end(msg, options);
}

static void put_fq(struct nl_msg *msg, const struct plan_leaf *leaf)
{
	struct nlattr *options = tc_nest(msg, TCA_OPTIONS);
	uint8_t drop = 1;

	tc_put_u32(msg, TCA_FQ_PLIMIT, FQ_PACKETS);
	tc_put_u32(msg, TCA_FQ_FLOW_PLIMIT, FQ_PACKETS);
	tc_put_u32(msg, TCA_FQ_ORPHAN_MASK, FQ_FLOW_MASK);
	tc_put_u32(msg, TCA_FQ_HORIZON, MIN(leaf->fq_horizon_ns / NSEC_PER_USEC, UINT32_MAX));
	tc_put(msg, TCA_FQ_HORIZON_DROP, &drop, sizeof(drop));
	nla_nest_end(msg, options);
}

/* netem keeps a jitter in 31 bits and cuts a longer one without a word. */
static int leaf_check(const struct plan_leaf *leaf, struct error *err)
{
	if (!leaf->minor || leaf->minor > LEAF_MINOR_MAX)
		return error_set(err, EINVAL, "a leaf cannot have the minor %u", leaf->minor);
	if (leaf->has_netem && (leaf->netem.jitter_ns > INT_MAX || leaf->netem.latency_ns > INT64_MAX))
		return error_set(err, EINVAL,
				 "netem cannot do a jitter of %" PRIu64
				 " ns, its limit is 2147483647: use \"backend\":\"edt\" or less jitter",
				 leaf->netem.jitter_ns);
	if (leaf->has_tbf && leaf->tbf.rate_bits < 8)
		return error_set(err, EINVAL, "tbf cannot do a rate of %" PRIu64 " bit/s, its least is 8", leaf->tbf.rate_bits);
	return 0;
}

int tc_leaf_add(struct tc *tc, int ifindex, const struct plan_leaf *leaf, struct error *err)
{
	const struct {
		bool wanted;
		const char *kind;
		void (*put)(struct nl_msg *msg, const struct plan_leaf *leaf);
	} qdiscs[] = { { leaf->has_netem, "netem", put_netem }, { leaf->has_tbf, "tbf", put_tbf }, { leaf->has_fq, "fq", put_fq } };
	uint32_t parent = FW_ROOT_MAJOR | leaf->minor, handle = LEAF_MAJOR(leaf->dir, leaf->minor);
	int r = leaf_check(leaf, err);

	if (!r)
		r = class_add(tc, ifindex, leaf->minor, err);
	for (size_t i = 0; !r && i < ARRAY_SIZE(qdiscs); i++) {
		struct nl_msg *msg;

		if (!qdiscs[i].wanted)
			continue;
		msg = qdisc_msg(ifindex, parent, handle, qdiscs[i].kind);
		qdiscs[i].put(msg, leaf);
		r = qdisc_make(tc, msg, ifindex, qdiscs[i].kind, err);
		parent = handle | 1; /* the only class of a netem and of a tbf */
		handle = NEXT_MAJOR(handle);
	}
	return r;
}

/*
 * Asked without options: a kind that is there either takes that or says EINVAL, one that is not says ENOENT.
 */
int tc_qdisc_probe(struct tc *tc, const char *kind, bool *ret, struct error *err)
{
	int lo = 1, r = tc_talk(tc, qdisc_msg(lo, TC_H_ROOT, FW_ROOT_MAJOR, kind), NULL, NULL, NULL);

	if (!r)
		r = qdisc_del(tc, lo, TC_H_ROOT, FW_ROOT_MAJOR, err);
	else if (r != -ENOENT && r != -EINVAL)
		return tc_fail(err, r, NULL, "cannot find out whether the kernel has sch_%s", kind);
	*ret = r != -ENOENT;
	return r == -ENOENT || r == -EINVAL ? 0 : r;
}
