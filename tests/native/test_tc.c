// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links, qdiscs and filters on a veth pair v0 - v1, each test in a network namespace of its own. What the kernel at hand lacks is skipped by
 * name: the VM has all of it.
 */
#include "tests/native/native.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "engine/dist.h"
#include "engine/netns.h"
#include "engine/tc.h"
#include "lib/util.h"

/* A filter that others could have; kernels without modules have at least this one. */
#define U32 "u32 match u32 0 0 classid 1:1"

static struct tc tc;
static int v0;

static int fresh(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	run("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
	run("ip addr add 10.0.0.1/24 dev v0 && ip neigh add 10.0.0.2 lladdr $(cat /sys/class/net/v1/address 2>/dev/null || "
	    "ip -br link show v1 | awk '{print $3}') dev v0 nud permanent");
	if (tc_open(&tc, NULL))
		return -1;
	v0 = if_nametoindex("v0");
	return 0;
}

static int stale(void **state)
{
	(void)state;
	tc_close(&tc);
	return 0;
}

static bool has_qdisc(const char *kind)
{
	bool has = false;

	OK(tc_qdisc_probe(&tc, kind, &has, &err));
	return has;
}

#define NEEDS(kind)                                              \
	do {                                                     \
		if (!has_qdisc(kind))                            \
			SKIP("this kernel has no sch_%s", kind); \
	} while (0)

static bool can(const char *command)
{
	return system(command) == 0;
}

/* A program of the traffic control hooks that returns a number. */
static int program(int value)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t) "GPL",
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	assert_true(fd >= 0);
	return fd;
}

static uint32_t program_id(int fd)
{
	struct bpf_prog_info info = {};
	union bpf_attr attr = { .info = { .bpf_fd = fd, .info_len = sizeof(info), .info = (uintptr_t)&info } };

	assert_int_equal(syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), 0);
	return info.id;
}

/* Sends UDP datagrams of 1000 bytes out of v0, with a priority. */
static void send_packets(int n, uint32_t priority)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x0a000002) };
	char data[1000] = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)), 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(sendto(fd, data, sizeof(data), 0, (void *)&to, sizeof(to)), sizeof(data));
	close(fd);
}

static void finds_an_interface_by_its_name(void **state)
{
	static const char *const absent[] = { "v2", "", "a-name-longer-than-15", "v0 ", "a/b" };
	int index = 0;

	(void)state;
	OK(tc_link_index(&tc, "v0", &index, &err));
	assert_int_equal(index, v0);
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		FAILS(ENODEV, absent[i], tc_link_index(&tc, absent[i], &index, &err));
	assert_int_equal(index, v0);
}

static void an_ifb_comes_up_and_goes(void **state)
{
	int index = 0;

	(void)state;
	OK(tc_ifb_add(&tc, "fwifb7", &index, &err));
	assert_int_equal(index, if_nametoindex("fwifb7"));
	FAILS(EEXIST, "'fwifb7'", tc_ifb_add(&tc, "fwifb7", &index, &err));
	OK(tc_link_up(&tc, index, &err));
	HAS(run("ip link show fwifb7"), "UP");
	OK(tc_ifb_del(&tc, "fwifb7", &err));
	assert_int_equal(if_nametoindex("fwifb7"), 0);
	OK(tc_ifb_del(&tc, "fwifb7", &err));
}

static void a_link_of_the_ifbs_name_that_is_none_stays(void **state)
{
	(void)state;
	OK(tc_ifb_del(&tc, "v0", &err));
	assert_int_equal(if_nametoindex("v0"), v0);
}

static void gso_segments_are_set_and_put_back(void **state)
{
	uint32_t old = 0, one = 0;

	(void)state;
	OK(tc_link_gso_segs(&tc, v0, 1, &old, &err));
	assert_true(old > 1);
	HAS(run("ip -d link show v0"), "gso_max_segs 1 ");
	OK(tc_link_gso_segs(&tc, v0, old, &one, &err));
	assert_int_equal(one, 1);
	FAILS(ENODEV, "gso_max_segs", tc_link_gso_segs(&tc, 9999, 1, &old, &err));
}

static void transmit_checksums_are_switched_and_put_back(void **state)
{
	bool old = false;

	(void)state;
	OK(tc_link_tx_checksum("v0", false, &old, &err));
	assert_true(old);
	OK(tc_link_tx_checksum("v0", false, &old, &err));
	assert_false(old);
	OK(tc_link_tx_checksum("v0", true, &old, &err));
	assert_false(old);
	OK(tc_link_tx_checksum("v0", true, &old, &err));
	assert_true(old);
	FAILS(ENODEV, "'v9'", tc_link_tx_checksum("v9", false, &old, &err));
}

static char *addresses(void)
{
	_cleanup_free_ struct fault_prefix *list = NULL;
	char *text = util_strdup("");
	size_t n = 0;

	OK(tc_node_addresses(&tc, &list, &n, &err));
	for (size_t i = 0; i < n; i++) {
		char buf[INET6_ADDRSTRLEN], *longer;

		assert_int_equal(list[i].len, 128);
		longer = util_printf("%s%s ", text, inet_ntop(AF_INET6, list[i].addr, buf, sizeof(buf)));
		free(text);
		text = longer;
	}
	return text;
}

static void the_nodes_addresses_are_those_of_all_but_dummies(void **state)
{
	_cleanup_free_ char *text = NULL;

	(void)state;
	if (!can("ip link add d0 type dummy 2>/dev/null"))
		SKIP("this kernel has no dummy");
	run("ip link set d0 up && ip addr add 10.96.0.1/32 dev d0 && ip addr add fd00:96::1/128 dev d0 nodad");
	run("ip link set v0 down && ip link set v1 down"); /* which takes their link-local addresses */
	run("ip addr add 10.9.0.1 peer 10.9.0.2 dev v1 && ip addr add 192.0.2.7/32 dev lo && ip addr add 10.0.0.1/24 dev v1");
	run("ip addr add fd00::5/64 dev v1");
	text = addresses();
	assert_string_equal(text, "::ffff:10.0.0.1 ::ffff:10.9.0.1 ::ffff:192.0.2.7 fd00::5 ");
}

static void few_link_local_addresses_count(void **state)
{
	_cleanup_free_ char *text = NULL;

	(void)state;
	run("ip link set v1 addrgenmode none && ip addr flush dev v1 && ip link set v0 addrgenmode none && ip addr flush dev v0");
	run("ip addr add fe80::1/64 dev v0 nodad");
	text = addresses();
	assert_string_equal(text, "fe80::1 ");
}

static void link_local_addresses_of_many_veths_do_not(void **state)
{
	_cleanup_free_ char *text = NULL;

	(void)state;
	run("for i in $(seq 20); do ip link add a$i type veth peer name b$i && ip addr add fe80::$i/64 dev a$i nodad; done");
	run("ip link add br0 type bridge && ip addr add fe80::77/64 dev br0 nodad && ip addr add fd00::9/64 dev a3");
	text = addresses();
	HAS(text, "fe80::77 ");
	HAS(text, "fd00::9 ");
	HAS_NOT(text, "fe80::3 ");
}

static void a_namespace_without_addresses_has_none(void **state)
{
	_cleanup_free_ struct fault_prefix *list = NULL;
	size_t n = 1;

	(void)state;
	run("ip link del v0");
	OK(tc_node_addresses(&tc, &list, &n, &err));
	assert_int_equal(n, 0);
}

static bool clsact(void)
{
	bool exists = false;

	OK(tc_clsact_exists(&tc, v0, &exists, &err));
	return exists;
}

static void clsact_is_added_and_removed(void **state)
{
	(void)state;
	assert_false(clsact());
	OK(tc_clsact_add(&tc, v0, &err));
	assert_true(clsact());
	OK(tc_clsact_del(&tc, v0, &err));
	assert_false(clsact());
	OK(tc_clsact_del(&tc, v0, &err));
}

static void clsact_with_a_filter_stays(void **state)
{
	(void)state;
	OK(tc_clsact_add(&tc, v0, &err));
	run("tc filter add dev v0 egress " U32);
	OK(tc_clsact_del(&tc, v0, &err));
	assert_true(clsact());
	run("tc filter del dev v0 egress && tc filter add dev v0 ingress " U32);
	OK(tc_clsact_del(&tc, v0, &err));
	HAS(run("tc filter show dev v0 ingress"), "u32");
}

static void an_ingress_qdisc_of_someone_elses_is_refused_and_left(void **state)
{
	bool exists;

	(void)state;
	run("tc qdisc add dev v0 ingress");
	FAILS(EEXIST, "'ingress'", tc_clsact_exists(&tc, v0, &exists, &err));
	FAILS(EEXIST, "'v0'", tc_clsact_add(&tc, v0, &err));
	OK(tc_clsact_del(&tc, v0, &err));
	HAS(run("tc qdisc show dev v0"), "qdisc ingress");
}

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

static const struct plan_leaf tbf_leaf = {
	.minor = 2,
	.has_tbf = true,
	.tbf = { .rate_bits = 10000000, .limit_bytes = 50000, .buffer_bytes = 20000 },
};

static const struct plan_leaf netem_leaf = {
	.minor = 4,
	.has_netem = true,
	.netem = { .latency_ns = 300001000000, .jitter_ns = 50003000, .limit = 12345 },
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

static void a_netem_leaf_is_what_was_asked(void **state)
{
	struct plan_leaf leaf = netem_leaf;

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
	HAS(run("tc -j qdisc show dev v0"), "\"delay\":{\"delay\":300.001,\"jitter\":0.050003");
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

struct found {
	unsigned int n;
	uint16_t slot;
	uint32_t prog_id;
};

static struct found found(enum fw_dir dir)
{
	struct found f = { 99, 99, 99 };

	OK(tc_filter_get(&tc, v0, dir, &f.n, &f.slot, &f.prog_id, &err));
	return f;
}

static void a_filter_carries_slot_name_and_program(void **state)
{
	_cleanup_close_ int egress = program(TC_ACT_UNSPEC), ingress = program(TC_ACT_UNSPEC);
	struct found f;

	(void)state;
	OK(tc_clsact_add(&tc, v0, &err));
	assert_int_equal(found(FW_EGRESS).n, 0);
	OK(tc_filter_add(&tc, v0, FW_EGRESS, 1, egress, 1024, 0, &err));
	OK(tc_filter_add(&tc, v0, FW_INGRESS, 1, ingress, 3, 0, &err));
	f = found(FW_EGRESS);
	assert_true(f.n == 1 && f.slot == 1024 && f.prog_id == program_id(egress));
	f = found(FW_INGRESS);
	assert_true(f.n == 1 && f.slot == 3 && f.prog_id == program_id(ingress));
	HAS(run("tc filter show dev v0 egress"),
	    "filter protocol all pref 1 bpf chain 0 handle 0x1 flowid :400 faultwire direct-action");
	OK(tc_filter_del(&tc, v0, FW_EGRESS, &err));
	assert_int_equal(found(FW_EGRESS).n, 0);
	assert_int_equal(found(FW_INGRESS).n, 1);
	OK(tc_filter_del(&tc, v0, FW_EGRESS, &err));
}

static void a_second_filter_redirects_to_the_ifb(void **state)
{
	_cleanup_close_ int first = program(TC_ACT_UNSPEC), second = program(-1);
	struct found f;
	int ifb = 0;

	(void)state;
	v0 = if_nametoindex("v1"); /* where packets come in */
	OK(tc_ifb_add(&tc, "fwifb1", &ifb, &err));
	OK(tc_root_add(&tc, ifb, &err));
	OK(tc_link_up(&tc, ifb, &err));
	OK(tc_clsact_add(&tc, v0, &err));
	OK(tc_filter_add(&tc, v0, FW_INGRESS, 2, second, 5, ifb, &err));
	OK(tc_filter_add(&tc, v0, FW_INGRESS, 1, first, 5, 0, &err));
	f = found(FW_INGRESS);
	assert_true(f.n == 2 && f.slot == 5 && f.prog_id == program_id(first));
	HAS(run("tc filter show dev v1 ingress"), "(Egress Redirect to device fwifb1) stolen");
	send_packets(20, 0);
	HAS_NOT(run("tc -s qdisc show dev fwifb1"), "Sent 0 bytes");
	OK(tc_filter_del(&tc, v0, FW_INGRESS, &err));
	assert_string_equal(run("tc filter show dev v1 ingress"), "");
	OK(tc_clsact_del(&tc, v0, &err));
	assert_false(clsact());
}

static void a_program_that_says_no_keeps_packets_from_the_ifb(void **state)
{
	_cleanup_close_ int no = program(0);
	int ifb = 0;

	(void)state;
	v0 = if_nametoindex("v1");
	OK(tc_ifb_add(&tc, "fwifb1", &ifb, &err));
	OK(tc_root_add(&tc, ifb, &err));
	run("sysctl -qw net.ipv6.conf.fwifb1.disable_ipv6=1");
	OK(tc_link_up(&tc, ifb, &err));
	OK(tc_clsact_add(&tc, v0, &err));
	OK(tc_filter_add(&tc, v0, FW_INGRESS, 2, no, 5, ifb, &err));
	send_packets(20, 0);
	HAS(run("tc -s qdisc show dev fwifb1"), "Sent 0 bytes");
}

static void filters_of_others_at_our_preference_stay(void **state)
{
	static const char *const theirs[] = { U32, "bpf da bytecode '1,6 0 0 0'" };
	_cleanup_close_ int fd = program(TC_ACT_UNSPEC);

	(void)state;
	OK(tc_clsact_add(&tc, v0, &err));
	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++) {
		_cleanup_free_ char *before = NULL;

		run("tc filter add dev v0 egress pref 1 protocol ip %s", theirs[i]);
		run("tc filter add dev v0 egress pref 3 " U32);
		before = util_strdup(run("tc filter show dev v0 egress"));
		OK(tc_filter_add(&tc, v0, FW_EGRESS, 1, fd, 8, 0, &err));
		OK(tc_filter_add(&tc, v0, FW_EGRESS, 2, fd, 8, 0, &err));
		assert_int_equal(found(FW_EGRESS).n, 2);
		HAS(run("tc filter show dev v0 egress"), "pref 2 bpf chain 0 handle 0x1 flowid :8 faultwire");
		HAS(run("tc filter show dev v0 egress"), "pref 4 bpf chain 0 handle 0x1 flowid :8 faultwire");
		OK(tc_clsact_del(&tc, v0, &err));
		OK(tc_filter_del(&tc, v0, FW_EGRESS, &err));
		assert_string_equal(run("tc filter show dev v0 egress"), before);
		assert_int_equal(found(FW_EGRESS).n, 0);
		run("tc filter del dev v0 egress");
	}
}

static void preferences_within_other_chains_are_no_hindrance(void **state)
{
	_cleanup_close_ int fd = program(TC_ACT_UNSPEC);

	(void)state;
	OK(tc_clsact_add(&tc, v0, &err));
	run("tc filter add dev v0 egress chain 5 pref 1 " U32);
	OK(tc_filter_add(&tc, v0, FW_EGRESS, 1, fd, 8, 0, &err));
	HAS(run("tc filter show dev v0 egress chain 0"), "pref 1 bpf");
}

static void a_filter_without_clsact_is_an_error(void **state)
{
	_cleanup_close_ int fd = program(TC_ACT_UNSPEC);

	(void)state;
	FAILS(EINVAL, "'v0' (to)", tc_filter_add(&tc, v0, FW_EGRESS, 1, fd, 8, 0, &err));
	assert_int_equal(found(FW_EGRESS).n, 0);
	OK(tc_filter_del(&tc, v0, FW_EGRESS, &err));
}

static void removals_from_an_interface_that_is_gone_succeed(void **state)
{
	(void)state;
	run("ip link del v0");
	OK(tc_filter_del(&tc, v0, FW_EGRESS, &err));
	OK(tc_clsact_del(&tc, v0, &err));
	OK(tc_root_del(&tc, v0, &err));
}

static char *everything(void)
{
	return util_strdup(
		run("ip -d link | grep -v 'link/' ; tc qdisc; tc filter show dev v0 ingress; tc filter show dev v0 egress; "
		    "ls /proc/self/fd | wc -l"));
}

static void all_of_it_added_and_removed_leaves_nothing(void **state)
{
	_cleanup_close_ int fd = program(TC_ACT_UNSPEC);
	_cleanup_free_ char *before = everything(), *after = NULL;
	uint32_t segs, ignored;
	int ifb;

	(void)state;
	for (int i = 0; i < 20; i++) {
		OK(tc_link_gso_segs(&tc, v0, 1, &segs, &err));
		OK(tc_ifb_add(&tc, "fwifb1", &ifb, &err));
		OK(tc_root_add(&tc, ifb, &err));
		OK(tc_leaf_add(&tc, ifb, &tbf_leaf, &err));
		OK(tc_link_up(&tc, ifb, &err));
		OK(tc_root_add(&tc, v0, &err));
		OK(tc_leaf_add(&tc, v0, &tbf_leaf, &err));
		OK(tc_clsact_add(&tc, v0, &err));
		OK(tc_filter_add(&tc, v0, FW_INGRESS, 2, fd, 1, ifb, &err));
		OK(tc_filter_add(&tc, v0, FW_INGRESS, 1, fd, 1, 0, &err));
		OK(tc_filter_add(&tc, v0, FW_EGRESS, 1, fd, 1, 0, &err));
		OK(tc_filter_del(&tc, v0, FW_EGRESS, &err));
		OK(tc_filter_del(&tc, v0, FW_INGRESS, &err));
		OK(tc_clsact_del(&tc, v0, &err));
		OK(tc_root_del(&tc, v0, &err));
		OK(tc_ifb_del(&tc, "fwifb1", &err));
		OK(tc_link_gso_segs(&tc, v0, segs, &ignored, &err));
	}
	after = everything();
	assert_string_equal(before, after);
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

static void a_namespace_is_entered_and_left(void **state)
{
	_cleanup_close_ int fd = -1, here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct netns ns = { -1 };
	struct stat a, b;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	OK(netns_open("/proc/self/ns/net", &fd, &err));
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	OK(netns_enter(fd, &ns, &err));
	assert_int_equal(if_nametoindex("v0"), 0);
	netns_leave(&ns);
	assert_int_equal(ns.self, -1);
	netns_leave(&ns);
	assert_int_equal(fstat(here, &a), 0);
	assert_int_equal(stat("/proc/self/ns/net", &b), 0);
	assert_true(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
}

static void what_is_not_a_network_namespace_is_refused(void **state)
{
	static const char *const others[] = { "/proc/self/ns/mnt", "/proc/self/ns/user", "/dev/null", "/", "/run" };
	int fd = -1;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		FAILS(EINVAL, others[i], netns_open(others[i], &fd, &err));
	FAILS(ENOENT, "/run/netns/gone", netns_open("/run/netns/gone", &fd, &err));
	assert_int_equal(fd, -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, stale)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_an_interface_by_its_name),
		TEST(an_ifb_comes_up_and_goes),
		TEST(a_link_of_the_ifbs_name_that_is_none_stays),
		TEST(gso_segments_are_set_and_put_back),
		TEST(transmit_checksums_are_switched_and_put_back),
		TEST(the_nodes_addresses_are_those_of_all_but_dummies),
		TEST(few_link_local_addresses_count),
		TEST(link_local_addresses_of_many_veths_do_not),
		TEST(a_namespace_without_addresses_has_none),
		TEST(clsact_is_added_and_removed),
		TEST(clsact_with_a_filter_stays),
		TEST(an_ingress_qdisc_of_someone_elses_is_refused_and_left),
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
		TEST(a_filter_carries_slot_name_and_program),
		TEST(a_second_filter_redirects_to_the_ifb),
		TEST(a_program_that_says_no_keeps_packets_from_the_ifb),
		TEST(filters_of_others_at_our_preference_stay),
		TEST(preferences_within_other_chains_are_no_hindrance),
		TEST(a_filter_without_clsact_is_an_error),
		TEST(removals_from_an_interface_that_is_gone_succeed),
		TEST(all_of_it_added_and_removed_leaves_nothing),
		cmocka_unit_test(distribution_tables_have_mean_0_and_deviation_1),
		cmocka_unit_test(the_normal_table_has_the_known_quantiles),
		TEST(a_namespace_is_entered_and_left),
		TEST(what_is_not_a_network_namespace_is_refused),
	};

	return cmocka_run_group_tests_name("tc", tests, native_setup, NULL);
}
