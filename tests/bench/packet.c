// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the egress program costs a packet, in ns, by BPF_PROG_TEST_RUN: every case after a run of a program that does nothing, cases
 * interleaved, medians of the differences. 500 other slots are filled. A line a case: "<name> <ns over the nop program>"; and
 * the bytes of the maps.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "build/bpf/net.skel.h"
#include "lib/match.h"
#include "lib/util.h"

#define SAMPLES 41
#define REPEAT 100000

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	char payload[22];
} __attribute__((packed));

static struct net_bpf *skel;
static struct frame frame = {
	.eth.h_proto = 0x0008,
	.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
	.udp = { .source = 0x1111, .dest = 0x3500 },
};

static int load_nop(void)
{
	/* r0 = TC_ACT_UNSPEC; exit */
	struct bpf_insn insns[] = { { .code = 0xb7, .imm = -1 }, { .code = 0x95 } };
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "nop", "GPL", insns, 2, NULL);

	if (fd < 0)
		err(1, "nop program");
	return fd;
}

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* By this thread's own time: finer than the whole ns that the kernel reports, and other processes do not count. */
static double run(int fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &frame, .data_size_in = sizeof(frame), .repeat = REPEAT);
	double start = cpu_ns();

	if (bpf_prog_test_run_opts(fd, &opts))
		err(1, "test run");
	return (cpu_ns() - start) / REPEAT;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Rule i is on 10.<i>.0.0/16, or on port 1000 + i, or on everything; none does anything. */
enum on { ON_CIDR, ON_PORT, ON_ALL };

static void rule_add(struct plan_rules *rules, enum on on)
{
	unsigned int i = rules->n_rules;
	struct plan_rule *r = util_grow(&rules->rules, &rules->n_rules, sizeof(*r));

	r->dirs = 1U << FW_EGRESS;
	r->rule = (struct fw_rule){ .op = FW_OP_DROP, .when_first = 1, .when_last = ~0ULL, .when_step = 1 };
	if (on == ON_CIDR) {
		struct fault_prefix *p = util_grow(&r->target.cidrs, &r->target.n_cidrs, sizeof(*p));

		*p = (struct fault_prefix){ .addr = { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = i }, .len = 112 };
	} else if (on == ON_PORT) {
		struct fault_range *p = util_grow(&r->target.ports, &r->target.n_ports, sizeof(*p));

		*p = (struct fault_range){ 1000 + i, 1000 + i };
	}
}

static void fill(unsigned int slot, unsigned int n, enum on on)
{
	static struct fw_slot tables;
	struct plan_rules rules = {};
	struct error e = {};

	for (unsigned int i = 0; i < n; i++) {
		uint32_t key = slot * FW_RULES + i;

		rule_add(&rules, on);
		if (bpf_map_update_elem(bpf_map__fd(skel->maps.fw_rules), &key, &rules.rules[i].rule, 0))
			err(1, "rules");
	}
	if (match_compile(&rules, NULL, 0, &tables, &e))
		errx(1, "%s", e.msg);
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.fw_slots), &slot, &tables, 0))
		err(1, "slots");
	for (size_t i = 0; i < rules.n_rules; i++) {
		free(rules.rules[i].target.cidrs);
		free(rules.rules[i].target.ports);
	}
	free(rules.rules);
}

static const struct {
	const char *name;
	unsigned int rules;
	enum on on;
	const char *destination;
} cases[] = {
	{ "empty_slot", 0, ON_ALL, "192.168.1.1" },
	{ "other_cidr_1", 1, ON_CIDR, "192.168.1.1" },
	{ "other_cidr_64", FW_RULES, ON_CIDR, "192.168.1.1" },
	{ "other_port_1", 1, ON_PORT, "192.168.1.1" },
	{ "other_port_64", FW_RULES, ON_PORT, "192.168.1.1" },
	{ "matching_1", 1, ON_ALL, "10.0.0.1" },
	{ "matching_64", FW_RULES, ON_ALL, "10.0.0.1" },
};
#define CASES ARRAY_SIZE(cases)

/* Test runs have classid 0, so slot 0 stands for the pod that is measured. */
static void measure(int nop)
{
	static double d[CASES][SAMPLES];
	double base;

	for (int i = 0; i < SAMPLES; i++)
		for (size_t c = 0; c < CASES; c++) {
			fill(0, cases[c].rules, cases[c].on);
			inet_pton(AF_INET, cases[c].destination, &frame.ip.daddr);
			base = run(nop);
			d[c][i] = run(bpf_program__fd(skel->progs.fw_egress)) - base;
		}
	for (size_t c = 0; c < CASES; c++) {
		qsort(d[c], SAMPLES, sizeof(d[c][0]), compare);
		printf("%s %.1f\n", cases[c].name, d[c][SAMPLES / 2]);
	}
}

static size_t rounded(size_t n)
{
	return (n + 7) & ~7U;
}

/* What the node's maps take from the first pod on; entries that are made when they are needed do not count. */
static unsigned long long map_bytes(void)
{
	unsigned long long bytes = 0;
	struct bpf_map *m;

	bpf_object__for_each_map(m, skel->obj)
	{
		bool array = bpf_map__type(m) == BPF_MAP_TYPE_ARRAY;

		if (!bpf_map__is_internal(m) && !(bpf_map__map_flags(m) & BPF_F_NO_PREALLOC))
			bytes += bpf_map__max_entries(m) *
				 (rounded(bpf_map__value_size(m)) + (array ? 0 : rounded(bpf_map__key_size(m))));
	}
	return bytes;
}

int main(void)
{
	int nop;

	skel = net_bpf__open_and_load();
	if (!skel)
		err(1, "load");
	nop = load_nop();
	frame.ip.tot_len = htons(sizeof(frame) - sizeof(frame.eth));
	for (unsigned int slot = 1; slot <= 500; slot++)
		fill(slot, 4, ON_CIDR);
	measure(nop);
	printf("map_bytes %llu\n", map_bytes());
	net_bpf__destroy(skel);
	return 0;
}
