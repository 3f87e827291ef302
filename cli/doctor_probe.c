// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel offers, by trying it out in a throwaway network namespace: nothing is guessed from versions or module lists, and the
 * kernel loads its modules as it would for a pod.
 */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "engine/netns.h"
#include "engine/tc.h"
#include "lib/util.h"

#define LO 1

static const char *const qdiscs[FEATURES] = {
	[FEATURE_HTB] = "htb",
	[FEATURE_NETEM] = "netem",
	[FEATURE_TBF] = "tbf",
	[FEATURE_FQ] = "fq",
};

static enum doctor_answer answer(bool yes)
{
	return yes ? ANSWER_YES : ANSWER_NO;
}

static void probe_qdiscs(struct tc *tc, struct doctor_probe *p)
{
	for (int i = 0; i < FEATURES; i++) {
		bool has = false;

		if (qdiscs[i] && !tc_qdisc_probe(tc, qdiscs[i], &has, &p->err))
			p->has[i] = answer(has);
	}
}

/* The smallest classifier there is: return 0. */
static int load_nothing(struct error *err)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "fw_probe", "GPL", insns, ARRAY_SIZE(insns), NULL);

	return fd < 0 ? error_set(err, errno, "cannot load the smallest program: %s", strerror(errno)) : fd;
}

/* A filter of the plain kind, then one that redirects to the ifb. */
static void probe_filters(struct tc *tc, int ifb, struct doctor_probe *p)
{
	_cleanup_close_ int prog = load_nothing(&p->err);

	if (prog < 0)
		return;
	p->has[FEATURE_CLS_BPF] = answer(!tc_filter_add(tc, LO, FW_EGRESS, 1, prog, 1, 0, NULL));
	if (ifb > 0 && p->has[FEATURE_CLS_BPF] == ANSWER_YES)
		p->has[FEATURE_MIRRED] = answer(!tc_filter_add(tc, LO, FW_INGRESS, 1, prog, 1, ifb, NULL));
}

static void probe_inside(struct doctor_probe *p)
{
	_cleanup_tc_ struct tc tc = TC_CLOSED;
	int ifb = 0;

	if (tc_open(&tc, &p->err))
		return;
	probe_qdiscs(&tc, p);
	p->has[FEATURE_IFB] = answer(!tc_ifb_add(&tc, "fwprobe", &ifb, NULL));
	p->has[FEATURE_CLSACT] = answer(!tc_clsact_add(&tc, LO, NULL));
	if (p->has[FEATURE_CLSACT] == ANSWER_YES)
		probe_filters(&tc, ifb, p);
}

void doctor_probe(struct doctor_probe *ret)
{
	_cleanup_netns_ struct netns back = { -1 };
	int self = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (self < 0 || unshare(CLONE_NEWNET)) {
		error_set(&ret->err, errno, "cannot make a network namespace to try it in: %s", strerror(errno));
		util_closep(&self);
		return;
	}
	back.self = self;
	probe_inside(ret);
}
