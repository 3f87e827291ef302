// SPDX-License-Identifier: GPL-2.0-only
/*
 * The root, its leaves and what goes through them; distribution tables.
 */
#include "tests/native/veth.h"

#include <math.h>

#include "lib/dist.h"

static uint32_t root(char kind[16])
{
	uint32_t handle = 0;

	OK(tc_root_get(&tc, v0, kind, &handle, &err));
	return handle;
}

static void the_root_is_added_and_removed(void **state)
{
	char kind[16];

	(void)state;
	assert_int_equal(root(kind), 0);
	assert_string_equal(kind, "");
	OK(tc_root_add(&tc, v0, &err));
	assert_int_equal(root(kind), FW_ROOT_MAJOR);
	assert_string_equal(kind, "htb");
	HAS(run("tc qdisc show dev v0"), "qdisc htb fa17: root refcnt");
	HAS(run("tc qdisc show dev v0"), "default 0 ");
	OK(tc_root_del(&tc, v0, &err));
	assert_int_equal(root(kind), 0);
	OK(tc_root_del(&tc, v0, &err));
}

static void a_root_of_someone_elses_is_named_and_left(void **state)
{
	struct tc_queue queue;
	char kind[16];

	(void)state;
	run("tc qdisc add dev v0 root handle 7: tbf rate 1mbit burst 10k latency 50ms");
	FAILS(EEXIST, "root qdisc 'tbf' (handle 7:)", tc_root_add(&tc, v0, &err));
	FAILS(ENOENT, "'v0'", tc_root_stats(&tc, v0, &queue, &err));
	OK(tc_root_del(&tc, v0, &err));
	assert_int_equal(root(kind), 0x70000);
	assert_string_equal(kind, "tbf");
}

static const struct plan_leaf netem_leaf = {
	.minor = 4,
	.has_netem = true,
	.netem = { .latency_ns = 300000000001, .jitter_ns = 50000003, .limit = 12345 },
};

static void a_tbf_leaf_is_what_was_asked(void **state)
{
	struct plan_leaf leaf = tbf_leaf;

	(void)state;
	OK(tc_root_add(&tc, v0, &err));
	OK(tc_leaf_add(&tc, v0, &leaf, &err));
	HAS(run("tc class show dev v0"), "class htb fa17:2 root leaf fa1c: prio 0 rate 8Tbit ceil 8Tbit");
	HAS(run("tc -j qdisc show dev v0"), "\"kind\":\"tbf\",\"handle\":\"fa1c:\",\"parent\":\"fa17:2\"");
	HAS(run("tc -j qdisc show dev v0"), "\"rate\":1250000,\"burst\":20000");
	leaf.dir = FW_INGRESS;
	leaf.minor = 6;
	leaf.tbf = (struct plan_tbf){ 100000000000, 200000000000, 100000000, 2000000, 20000 };
	OK(tc_leaf_add(&tc, v0, &leaf, &err));
	HAS(run("tc -j qdisc show dev v0"), "\"handle\":\"fc24:\",\"parent\":\"fa17:6\"");
	HAS(run("tc -j qdisc show dev v0"), "\"rate\":12500000000,\"burst\":");
	HAS(run("tc qdisc show dev v0"), "peakrate 200Gbit");
}

static void leaves_that_cannot_be_are_refused(void **state)
{
	struct plan_leaf leaf = tbf_leaf;

	(void)state;
	OK(tc_root_add(&tc, v0, &err));
	leaf.minor = 0;
	FAILS(EINVAL, "minor 0", tc_leaf_add(&tc, v0, &leaf, &err));
	leaf.minor = 256;
	FAILS(EINVAL, "minor 256", tc_leaf_add(&tc, v0, &leaf, &err));
	leaf = tbf_leaf;
	leaf.tbf.rate_bits = 7;
	FAILS(EINVAL, "7 bit/s", tc_leaf_add(&tc, v0, &leaf, &err));
	leaf = netem_leaf;
	leaf.netem.jitter_ns = 1ULL << 31;
	FAILS(EINVAL, "2147483648", tc_leaf_add(&tc, v0, &leaf, &err));
	assert_string_equal(run("tc class show dev v0"), "");
}

static void a_leaf_without_its_root_is_an_error(void **state)
{
	(void)state;
	assert_int_not_equal(tc_leaf_add(&tc, v0, &tbf_leaf, NULL), 0);
}

static void what_is_not_classified_goes_straight_through(void **state)
{
	(void)state;
	OK(tc_root_add(&tc, v0, &err));
	OK(tc_leaf_add(&tc, v0, &tbf_leaf, &err));
	send_packets(20, 0);
	send_packets(20, 6);
	HAS(run("tc -s class show dev v0"), "Sent 0 bytes 0 pkt");
	HAS_NOT(run("tc -d qdisc show dev v0 | grep fa17: | head -1"), "direct_packets_stat 0 ");
	send_packets(3, FW_ROOT_MAJOR | 2);
	HAS(run("tc -s class show dev v0"), "Sent 3126 bytes 3 pkt");
}

static void the_backlog_is_counted(void **state)
{
	struct plan_leaf leaf = tbf_leaf;
	struct tc_queue queue = {};

	(void)state;
	leaf.tbf = (struct plan_tbf){ .rate_bits = 800, .limit_bytes = 6000, .buffer_bytes = 2000 };
	OK(tc_root_add(&tc, v0, &err));
	OK(tc_leaf_add(&tc, v0, &leaf, &err));
	OK(tc_root_stats(&tc, v0, &queue, &err));
	assert_int_equal(queue.queued_packets + queue.queued_bytes + queue.dropped, 0);
	send_packets(10, FW_ROOT_MAJOR | 2); /* one leaves, five wait, four are too many */
	OK(tc_root_stats(&tc, v0, &queue, &err));
	assert_int_equal(queue.queued_packets, 5);
	assert_int_equal(queue.queued_bytes, 5 * 1042);
	assert_int_equal(queue.dropped, 4);
}

/* Latency and jitter to the nanosecond: tc shows them in microseconds of 32 bits. */
static void netem_read(void *ctx, struct nlmsghdr *reply)
{
	static const int types[] = { TCA_NETEM_LATENCY64, TCA_NETEM_JITTER64 };
	struct nlattr *attrs[TCA_MAX + 1], *options, *value;
	int skip = NLA_ALIGN(sizeof(struct tc_netem_qopt));
	uint64_t *times = ctx;

	assert_int_equal(nlmsg_parse(reply, sizeof(struct tcmsg), attrs, TCA_MAX, NULL), 0);
	if (!util_streq(tc_kind(attrs), "netem"))
		return;
	options = attrs[TCA_OPTIONS];
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		value = nla_find((struct nlattr *)((char *)nla_data(options) + skip), nla_len(options) - skip, types[i]);
		assert_non_null(value);
		times[i] = nla_get_u64(value);
	}
}

static void a_netem_leaf_is_what_was_asked(void **state)
{
	struct plan_leaf leaf = netem_leaf;
	uint64_t times[2] = {};

	(void)state;
	NEEDS("netem");
	leaf.netem.reorder_ppm = 250000;
	leaf.netem.reorder_gap = 3;
	leaf.netem.corrupt_ppm = 10000;
	leaf.netem.has_slot = true;
	leaf.netem.slot = (struct fault_slot){ .min_ns = 1000000, .max_ns = 2000000, .packets = 7, .bytes = 9000 };
	OK(tc_root_add(&tc, v0, &err));
	OK(tc_leaf_add(&tc, v0, &leaf, &err));
	HAS(run("tc -j qdisc show dev v0"), "\"kind\":\"netem\",\"handle\":\"fa20:\",\"parent\":\"fa17:4\"");
	HAS(run("tc -j qdisc show dev v0"), "\"limit\":12345");
	OK(tc_talk(&tc, tc_object_msg(RTM_GETQDISC, NLM_F_DUMP, &(struct tcmsg){}, NULL), netem_read, times, NULL));
	assert_true(times[0] == leaf.netem.latency_ns && times[1] == leaf.netem.jitter_ns);
	HAS(run("tc -j qdisc show dev v0"), "\"reorder\":{\"reorder\":0.25");
	HAS(run("tc -j qdisc show dev v0"), "\"gap\":3");
	HAS(run("tc -j qdisc show dev v0"), "\"corrupt\":{\"corrupt\":0.01");
	HAS(run("tc qdisc show dev v0"), "slot 1ms 2ms packets 7 bytes 9000");
}

static void netem_takes_every_distribution(void **state)
{
	struct plan_leaf leaf = netem_leaf;

	(void)state;
	NEEDS("netem");
	OK(tc_root_add(&tc, v0, &err));
	for (leaf.netem.distribution = 0; leaf.netem.distribution <= DIST_PARETONORMAL; leaf.netem.distribution++) {
		OK(tc_leaf_add(&tc, v0, &leaf, &err));
		leaf.minor++;
	}
}

static void a_kernel_without_netem_is_told_the_module(void **state)
{
	(void)state;
	if (has_qdisc("netem"))
		SKIP("this kernel has sch_netem");
	OK(tc_root_add(&tc, v0, &err));
	FAILS(ENOTSUP, "kernel has no sch_netem: modprobe sch_netem, or install linux-modules-extra-",
	      tc_leaf_add(&tc, v0, &netem_leaf, &err));
}

static void tbf_stands_below_netem(void **state)
{
	struct plan_leaf leaf = netem_leaf;

	(void)state;
	NEEDS("netem");
	leaf.has_tbf = true;
	leaf.tbf = tbf_leaf.tbf;
	OK(tc_root_add(&tc, v0, &err));
	OK(tc_leaf_add(&tc, v0, &leaf, &err));
	HAS(run("tc -j qdisc show dev v0"), "\"kind\":\"tbf\",\"handle\":\"fa21:\",\"parent\":\"fa20:1\"");
	OK(tc_root_del(&tc, v0, &err));
	assert_string_equal(run("tc qdisc show dev v0"), "qdisc noqueue 0: root refcnt 2 \n");
}

static void fq_stands_below_netem_and_alone(void **state)
{
	struct plan_leaf leaf = netem_leaf;

	(void)state;
	NEEDS("fq");
	leaf.has_netem = false;
	leaf.has_fq = true;
	leaf.fq_horizon_ns = 61 * NSEC_PER_SEC;
	OK(tc_root_add(&tc, v0, &err));
	OK(tc_leaf_add(&tc, v0, &leaf, &err));
	HAS(run("tc qdisc show dev v0"), "qdisc fq fa20: parent fa17:4 limit 1000000p flow_limit 1000000p");
	HAS(run("tc qdisc show dev v0"), "horizon 61s horizon_drop");
	NEEDS("netem");
	leaf.has_netem = true;
	leaf.minor = 6;
	OK(tc_leaf_add(&tc, v0, &leaf, &err));
	HAS(run("tc qdisc show dev v0"), "qdisc fq fa25: parent fa24:1 limit 1000000p");
}

/* Neither time nor load decides: what is asked is whether a delayed packet has left at all. */
static void packets_go_through_every_stack(void **state)
{
	struct plan_leaf leaf = netem_leaf;

	(void)state;
	NEEDS("netem");
	NEEDS("fq");
	leaf.netem = (struct plan_netem){ .latency_ns = 1000, .limit = 1000 };
	leaf.tbf = tbf_leaf.tbf;
	leaf.fq_horizon_ns = NSEC_PER_SEC;
	OK(tc_root_add(&tc, v0, &err));
	for (leaf.minor = 2; leaf.minor < 8; leaf.minor++) {
		leaf.has_netem = leaf.minor < 5;
		leaf.has_tbf = leaf.minor % 3 == 0;
		leaf.has_fq = leaf.minor % 3 == 1 || leaf.minor == 5;
		OK(tc_leaf_add(&tc, v0, &leaf, &err));
		send_packets(5, FW_ROOT_MAJOR | leaf.minor);
	}
	for (int i = 0; i < 1000 && !can("tc -s qdisc show dev v0 | grep -q 'fa17: .*' && ! tc -s class show dev v0 | grep -q "
					 "'backlog [1-9]'");
	     i++)
		usleep(10000);
	assert_string_equal(run("tc -s class show dev v0 | grep -o 'Sent 5210 bytes 5 pkt' | wc -l"), "6\n");
}

static void probes_say_what_is_there_and_leave_nothing(void **state)
{
	const char *before = "qdisc noqueue 0: root refcnt 2 \n";

	(void)state;
	assert_true(has_qdisc("htb"));
	assert_true(has_qdisc("tbf"));
	assert_true(has_qdisc("pfifo"));
	assert_false(has_qdisc("nosuch"));
	assert_string_equal(run("tc qdisc show dev lo"), before);
}

static void distribution_tables_have_mean_0_and_deviation_1(void **state)
{
	int16_t table[DIST_TABLE_SIZE];

	(void)state;
	for (enum fault_distribution d = DIST_UNIFORM; d <= DIST_PARETONORMAL; d++) {
		double sum = 0, squares = 0;

		dist_table(d, table);
		for (int i = 0; i < DIST_TABLE_SIZE; i++) {
			assert_true(!i || table[i] >= table[i - 1]);
			sum += table[i] / 8192.0;
			squares += table[i] / 8192.0 * table[i] / 8192.0;
		}
		assert_true(fabs(sum / DIST_TABLE_SIZE) < 0.001);
		assert_true(fabs(sqrt(squares / DIST_TABLE_SIZE) - 1) < 0.001);
	}
}

static void the_normal_table_has_the_known_quantiles(void **state)
{
	int16_t table[DIST_TABLE_SIZE];

	(void)state;
	dist_table(DIST_NORMAL, table);
	assert_true(fabs(table[DIST_TABLE_SIZE / 2] / 8192.0) < 0.001);
	assert_true(fabs(table[(int)(DIST_TABLE_SIZE * 0.975)] / 8192.0 - 1.960) < 0.005);
	assert_true(fabs(table[(int)(DIST_TABLE_SIZE * 0.01)] / 8192.0 + 2.326) < 0.015);
	assert_int_equal(table[0], -table[DIST_TABLE_SIZE - 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_root_is_added_and_removed),
		TEST(a_root_of_someone_elses_is_named_and_left),
		TEST(a_tbf_leaf_is_what_was_asked),
		TEST(leaves_that_cannot_be_are_refused),
		TEST(a_leaf_without_its_root_is_an_error),
		TEST(what_is_not_classified_goes_straight_through),
		TEST(the_backlog_is_counted),
		TEST(a_netem_leaf_is_what_was_asked),
		TEST(netem_takes_every_distribution),
		TEST(a_kernel_without_netem_is_told_the_module),
		TEST(tbf_stands_below_netem),
		TEST(fq_stands_below_netem_and_alone),
		TEST(packets_go_through_every_stack),
		TEST(probes_say_what_is_there_and_leave_nothing),
		cmocka_unit_test(distribution_tables_have_mean_0_and_deviation_1),
		cmocka_unit_test(the_normal_table_has_the_known_quantiles),
	};

	return cmocka_run_group_tests_name("tc_qdisc", tests, native_setup, NULL);
}
