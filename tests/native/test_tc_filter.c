// SPDX-License-Identifier: GPL-2.0-only
/*
 * clsact, our filters among others', and all of tc added and removed.
 */
#include "tests/native/veth.h"

#include <sys/syscall.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

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

/* As on an interface whose clsact is somebody else's. */
static void add_beside(uint16_t pref, int fd)
{
	OK(tc_filter_preference(&tc, v0, FW_EGRESS, &pref, &err));
	OK(tc_filter_add(&tc, v0, FW_EGRESS, pref, fd, 8, 0, &err));
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
		add_beside(1, fd);
		add_beside(2, fd);
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
	add_beside(1, fd);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(clsact_is_added_and_removed),
		TEST(clsact_with_a_filter_stays),
		TEST(an_ingress_qdisc_of_someone_elses_is_refused_and_left),
		TEST(a_filter_carries_slot_name_and_program),
		TEST(a_second_filter_redirects_to_the_ifb),
		TEST(a_program_that_says_no_keeps_packets_from_the_ifb),
		TEST(filters_of_others_at_our_preference_stay),
		TEST(preferences_within_other_chains_are_no_hindrance),
		TEST(a_filter_without_clsact_is_an_error),
		TEST(removals_from_an_interface_that_is_gone_succeed),
		TEST(all_of_it_added_and_removed_leaves_nothing),
	};

	return cmocka_run_group_tests_name("tc_filter", tests, native_setup, NULL);
}
