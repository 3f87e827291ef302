/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of tc: a veth pair v0 - v1, both up, in a network namespace of each test's own, and packets sent out of v0. What the kernel at
 * hand lacks is skipped by name: the VM has all of it.
 */
#ifndef FAULTWIRE_VETH_H
#define FAULTWIRE_VETH_H

#include "tests/native/native.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "engine/tc_internal.h"
#include "lib/util.h"

/* A filter that others could have; kernels without modules have at least this one. */
#define U32 "u32 match u32 0 0 classid 1:1"

static struct tc tc;
static int v0;

static inline int fresh(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	run("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
	run("ip addr add 10.0.0.1/24 dev v0 && ip neigh add 10.0.0.2 dev v0 nud permanent lladdr $(ip -br link show v1 | awk "
	    "'{print $3}')");
	if (tc_open(&tc, NULL))
		return -1;
	v0 = if_nametoindex("v0");
	return 0;
}

static inline int stale(void **state)
{
	(void)state;
	tc_close(&tc);
	return 0;
}

static inline bool has_qdisc(const char *kind)
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

static inline bool can(const char *command)
{
	return system(command) == 0;
}

/* Sends UDP datagrams of 1000 bytes out of v0, with a priority. */
static inline void send_packets(int n, uint32_t priority)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x0a000002) };
	char data[1000] = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)), 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(sendto(fd, data, sizeof(data), 0, (void *)&to, sizeof(to)), sizeof(data));
	close(fd);
}

static const struct plan_leaf tbf_leaf = {
	.minor = 2,
	.has_tbf = true,
	.tbf = { .rate_bits = 10000000, .limit_bytes = 50000, .buffer_bytes = 20000 },
};

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, stale)

#endif
