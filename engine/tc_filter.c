// SPDX-License-Identifier: GPL-2.0-only
/*
 * Our filters on clsact: cls_bpf by netlink, since no libbpf call sets a classid, which is what carries the slot. They are known by
 * their name; a preference that somebody else uses is left to him.
 */
#include <errno.h>

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/tc_act/tc_mirred.h>

#include "engine/tc_internal.h"
#include "lib/util.h"

struct filter {
	uint32_t handle, info; /* info: preference and protocol */
	bool ours;
	bool in_chain; /* not in chain 0, which is where packets begin */
	uint16_t slot;
	uint32_t prog_id;
};

struct filters {
	struct filter *list;
	size_t n;
};

#define _cleanup_filters_ __attribute__((cleanup(filters_free)))

static void filters_free(struct filters *f)
{
	free(f->list);
}

static uint32_t hook(enum fw_dir dir)
{
	return TC_H_MAKE(TC_H_CLSACT, dir == FW_EGRESS ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
}

static uint16_t preference(const struct filter *f)
{
	return f->info >> 16;
}

static void options_read(struct nlattr *options, struct filter *ret)
{
	struct nlattr *bpf[TCA_BPF_MAX + 1];

	if (!options || nla_parse_nested(bpf, TCA_BPF_MAX, options, NULL) < 0)
		return;
	ret->ours = bpf[TCA_BPF_NAME] && !nla_strcmp(bpf[TCA_BPF_NAME], FW_FILTER_NAME);
	if (bpf[TCA_BPF_CLASSID])
		ret->slot = nla_get_u32(bpf[TCA_BPF_CLASSID]);
	if (bpf[TCA_BPF_ID])
		ret->prog_id = nla_get_u32(bpf[TCA_BPF_ID]);
}

static void filter_read(void *ctx, struct nlmsghdr *reply)
{
	const struct tcmsg *header = nlmsg_data(reply);
	struct nlattr *attrs[TCA_MAX + 1];
	struct filters *found = ctx;
	struct filter *f;

	if (reply->nlmsg_type != RTM_NEWTFILTER || nlmsg_parse(reply, sizeof(*header), attrs, TCA_MAX, NULL) < 0)
		return;
	f = util_grow(&found->list, &found->n, sizeof(*f));
	f->handle = header->tcm_handle;
	f->info = header->tcm_info;
	f->in_chain = attrs[TCA_CHAIN] && nla_get_u32(attrs[TCA_CHAIN]);
	if (util_streq(tc_kind(attrs), "bpf"))
		options_read(attrs[TCA_OPTIONS], f);
}

/* All filters of one hook, in the order in which packets meet them; a preference shows itself once more, with no handle. */
static int filters_get(struct tc *tc, int ifindex, enum fw_dir dir, struct filters *ret, struct error *err)
{
	struct tcmsg header = { .tcm_ifindex = ifindex, .tcm_parent = hook(dir) };
	struct tc_ack ack = {};
	char name[IF_NAMESIZE];
	int r = tc_talk(tc, tc_object_msg(RTM_GETTFILTER, NLM_F_DUMP, &header, NULL), filter_read, ret, &ack);

	return r && r != -ENODEV ? tc_fail(err, r, &ack, "cannot list the filters of '%s'", tc_ifname(ifindex, name)) : 0;
}

int tc_filters_exist(struct tc *tc, int ifindex, enum fw_dir dir, bool *ret, struct error *err)
{
	_cleanup_filters_ struct filters found = {};
	int r = filters_get(tc, ifindex, dir, &found, err);

	if (!r)
		*ret = found.n > 0;
	return r;
}

int tc_filter_preference(struct tc *tc, int ifindex, enum fw_dir dir, uint16_t *pref, struct error *err)
{
	_cleanup_filters_ struct filters found = {};
	int r = filters_get(tc, ifindex, dir, &found, err);

	/* the dump is in ascending order */
	for (size_t i = 0; !r && i < found.n; i++)
		if (!found.list[i].in_chain && preference(&found.list[i]) == *pref)
			(*pref)++;
	return r;
}

static void put_redirect(struct nl_msg *msg, int ifindex)
{
	struct tc_mirred redirect = { .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = ifindex };
	struct nlattr *actions = tc_nest(msg, TCA_BPF_ACT), *first = tc_nest(msg, 1), *options;

	tc_put_string(msg, TCA_ACT_KIND, "mirred");
	options = tc_nest(msg, TCA_ACT_OPTIONS);
	tc_put(msg, TCA_MIRRED_PARMS, &redirect, sizeof(redirect));
	nla_nest_end(msg, options);
	nla_nest_end(msg, first);
	nla_nest_end(msg, actions);
}

static struct nl_msg *filter_msg(int ifindex, enum fw_dir dir, uint16_t pref, int prog_fd, uint16_t slot, int mirror_ifindex)
{
	struct tcmsg header = {
		.tcm_ifindex = ifindex,
		.tcm_parent = hook(dir),
		.tcm_handle = 1,
		.tcm_info = TC_H_MAKE((uint32_t)pref << 16, htons(ETH_P_ALL)),
	};
	struct nl_msg *msg = tc_object_msg(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &header, "bpf");
	struct nlattr *options = tc_nest(msg, TCA_OPTIONS);

	tc_put_u32(msg, TCA_BPF_FD, prog_fd);
	tc_put_string(msg, TCA_BPF_NAME, FW_FILTER_NAME);
	tc_put_u32(msg, TCA_BPF_CLASSID, slot);
	if (mirror_ifindex)
		put_redirect(msg, mirror_ifindex);
	else
		tc_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	nla_nest_end(msg, options);
	return msg;
}

int tc_filter_add(struct tc *tc, int ifindex, enum fw_dir dir, uint16_t pref, int prog_fd, uint16_t slot, int mirror_ifindex,
		  struct error *err)
{
	struct tc_ack ack = {};
	char name[IF_NAMESIZE];
	int r = tc_talk(tc, filter_msg(ifindex, dir, pref, prog_fd, slot, mirror_ifindex), NULL, NULL, &ack);

	if (r == -ENOENT) /* of both modules the kernel only says which kind it was */
		return tc_no_module(err, strstr(ack.text, "action") ? "act_mirred" : "cls_bpf");
	return r ? tc_fail(err, r, &ack, "cannot attach the program to '%s' (%s)", tc_ifname(ifindex, name), plan_dir_names[dir])
		 : 0;
}

static int filter_del(struct tc *tc, int ifindex, enum fw_dir dir, const struct filter *f, struct tc_ack *ack)
{
	struct tcmsg header = { .tcm_ifindex = ifindex, .tcm_parent = hook(dir), .tcm_handle = f->handle, .tcm_info = f->info };
	int r = tc_talk(tc, tc_object_msg(RTM_DELTFILTER, 0, &header, "bpf"), NULL, NULL, ack);

	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

int tc_filter_del(struct tc *tc, int ifindex, enum fw_dir dir, struct error *err)
{
	_cleanup_filters_ struct filters found = {};
	struct tc_ack ack = {};
	char name[IF_NAMESIZE];
	int r = filters_get(tc, ifindex, dir, &found, err);

	if (r)
		return r;
	for (size_t i = 0; !r && i < found.n; i++)
		if (found.list[i].ours)
			r = filter_del(tc, ifindex, dir, &found.list[i], &ack);
	return r ? tc_fail(err, r, &ack, "cannot remove our filter from '%s'", tc_ifname(ifindex, name)) : 0;
}

int tc_filter_get(struct tc *tc, int ifindex, enum fw_dir dir, unsigned int *ret_n, uint16_t *ret_slot, uint32_t *ret_prog_id,
		  struct error *err)
{
	_cleanup_filters_ struct filters found = {};
	const struct filter *first = NULL;
	unsigned int n = 0;
	int r = filters_get(tc, ifindex, dir, &found, err);

	if (r)
		return r;
	for (size_t i = 0; i < found.n; i++) {
		if (!found.list[i].ours)
			continue;
		if (!first)
			first = &found.list[i];
		n++;
	}
	*ret_n = n;
	*ret_slot = first ? first->slot : 0;
	*ret_prog_id = first ? first->prog_id : 0;
	return 0;
}
