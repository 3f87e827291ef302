// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interfaces, the ifb, offloads, the node's addresses, and namespaces.
 */
#include "tests/native/veth.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "engine/netns.h"

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
	bool old = false, is = false;

	(void)state;
	OK(tc_link_tx_checksum_get("v0", &is, &err));
	assert_true(is);
	OK(tc_link_tx_checksum("v0", false, &old, &err));
	assert_true(old);
	OK(tc_link_tx_checksum("v0", false, &old, &err));
	assert_false(old);
	OK(tc_link_tx_checksum("v0", true, &old, &err));
	assert_false(old);
	OK(tc_link_tx_checksum("v0", true, &old, &err));
	assert_true(old);
	OK(tc_link_tx_checksum_get("v0", &is, &err));
	assert_true(is);
	FAILS(ENODEV, "'v9'", tc_link_tx_checksum("v9", false, &old, &err));
	FAILS(ENODEV, "'v9'", tc_link_tx_checksum_get("v9", &is, &err));
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

static void many_link_local_addresses_count_where_another_address_is(void **state)
{
	_cleanup_free_ char *text = NULL;

	(void)state;
	run("for i in $(seq 20); do ip link add a$i type veth peer name b$i && ip addr add fe80::$i/64 dev a$i nodad; done");
	run("ip link add br0 type bridge && ip addr add fe80::77/64 dev br0 nodad && ip addr add fd00::9/64 dev br0");
	text = addresses();
	HAS(text, "fe80::77 ");
	HAS(text, "fd00::9 ");
	HAS_NOT(text, "fe80::3 ");
}

static void too_many_link_local_addresses_do_not_count(void **state)
{
	_cleanup_free_ char *text = NULL;

	(void)state;
	run("for i in $(seq 20); do ip link add a$i type veth peer name b$i && ip addr add fe80::$i/64 dev a$i nodad && "
	    "ip addr add 10.1.1.1/32 dev a$i; done");
	text = addresses();
	assert_string_equal(text, "::ffff:10.0.0.1 ::ffff:10.1.1.1 ");
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
		TEST(many_link_local_addresses_count_where_another_address_is),
		TEST(too_many_link_local_addresses_do_not_count),
		TEST(a_namespace_without_addresses_has_none),
		TEST(a_namespace_is_entered_and_left),
		TEST(what_is_not_a_network_namespace_is_refused),
	};

	return cmocka_run_group_tests_name("tc_link", tests, native_setup, NULL);
}
