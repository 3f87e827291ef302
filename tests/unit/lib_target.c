// SPDX-License-Identifier: GPL-2.0-only
/*
 * Targets: prefixes and ports with their exact values, and everything that is none.
 */
#include "tests/unit/check.h"

#define NET "faultwire.dev/network"
#define PARTITION "\"action\":\"partition\""

static struct fault_spec one(const char *keys)
{
	_cleanup_free_ char *text = util_printf("{" PARTITION "%s%s}", *keys ? "," : "", keys);
	struct fault_spec spec = network_spec(text);

	assert_int_equal(spec.n_faults, 1);
	return spec;
}

static void reads_prefixes(void **state)
{
	static const struct {
		const char *text;
		uint8_t addr[16], len;
	} cases[] = {
		{ "10.96.0.0/12", { [10] = 0xff, [11] = 0xff, 10, 96 }, 108 },
		{ "10.1.2.3", { [10] = 0xff, [11] = 0xff, 10, 1, 2, 3 }, 128 },
		{ "10.1.2.3/32", { [10] = 0xff, [11] = 0xff, 10, 1, 2, 3 }, 128 },
		{ "0.0.0.0/0", { [10] = 0xff, [11] = 0xff }, 96 },
		{ "128.0.0.0/1", { [10] = 0xff, [11] = 0xff, 128 }, 97 },
		{ "fd00::/8", { 0xfd }, 8 },
		{ "2001:db8::1", { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }, 128 },
		{ "::/0", {}, 0 },
		{ "2001:db8::8000/113", { 0x20, 0x01, 0x0d, 0xb8, [14] = 0x80 }, 113 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *keys = util_printf("\"target\":{\"cidrs\":[\"1.1.1.1\",\"%s\"]}", cases[i].text);
		_cleanup_spec_ struct fault_spec spec = one(keys);
		const struct fault_target *t = &spec.faults->target;

		assert_int_equal(t->n_cidrs, 2);
		if (t->cidrs[1].len != cases[i].len || memcmp(t->cidrs[1].addr, cases[i].addr, 16) != 0)
			fail_msg("%s", cases[i].text);
	}
}

static void reads_a_whole_target(void **state)
{
	_cleanup_spec_ struct fault_spec spec =
		one("\"target\":{\"except\":[\"10.96.0.10\"],\"ports\":[5432,\"80\",\"8000-8100\",\"1-65535\"],"
		    "\"sourcePorts\":[\"53\"],\"protocol\":\"udp\"}");
	const struct fault_target *t = &spec.faults->target;

	(void)state;
	assert_int_equal(t->n_cidrs, 0);
	assert_int_equal(t->n_except, 1);
	assert_int_equal(t->n_ports, 4);
	assert_true(t->ports[0].first == 5432 && t->ports[0].last == 5432);
	assert_true(t->ports[1].first == 80 && t->ports[1].last == 80);
	assert_true(t->ports[2].first == 8000 && t->ports[2].last == 8100);
	assert_true(t->ports[3].first == 1 && t->ports[3].last == 65535);
	assert_int_equal(t->n_source_ports, 1);
	assert_true(t->source_ports[0].first == 53 && t->source_ports[0].last == 53);
	assert_int_equal(t->protocol, PROTOCOL_UDP);
}

static void reads_protocols(void **state)
{
	static const char *const names[] = { "any", "tcp", "udp", "sctp", "icmp" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *keys = util_printf("\"target\":{\"protocol\":\"%s\"}", names[i]);
		_cleanup_spec_ struct fault_spec spec = one(keys);

		assert_int_equal(spec.faults->target.protocol, i);
	}
}

static const struct {
	const char *target;
	struct refusal c;
} target_refusals[] = {
	{ "{}", { "", EINVAL, NET ".target", { "is empty", "leave it out" } } },
	{ "[]", { "", EINVAL, NET ".target", { "must be an object" } } },
	{ "{\"cidr\":[]}", { "", EINVAL, NET ".target", { "did you mean 'cidrs'?" } } },
	{ "{\"selector\":{}}", { "", EINVAL, NET ".target", { "unknown key 'selector' (allowed: cidrs, except" } } },
	{ "{\"cidrs\":[]}", { "", EINVAL, NET ".target.cidrs", { "is empty", "leave it out" } } },
	{ "{\"except\":[]}", { "", EINVAL, NET ".target.except", { "is empty" } } },
	{ "{\"ports\":[]}", { "", EINVAL, NET ".target.ports", { "is empty" } } },
	{ "{\"sourcePorts\":[]}", { "", EINVAL, NET ".target.sourcePorts", { "is empty" } } },
	{ "{\"cidrs\":\"10.0.0.0/8\"}", { "", EINVAL, NET ".target.cidrs", { "must be a list" } } },
	{ "{\"cidrs\":{}}", { "", EINVAL, NET ".target.cidrs", { "must be a list" } } },
	{ "{\"cidrs\":[5]}", { "", EINVAL, NET ".target.cidrs[0]", { "must be a string" } } },
	{ "{\"cidrs\":[\"\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "'' is not an address or a prefix" } } },
	{ "{\"cidrs\":[\"10.0.0.0/8\",\"db.shop\"]}", { "", EINVAL, NET ".target.cidrs[1]", { "'db.shop' is not an address" } } },
	{ "{\"cidrs\":[\"10.0.0/8\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "is not an address" } } },
	{ "{\"cidrs\":[\"10.0.0.0/\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "is not an address" } } },
	{ "{\"cidrs\":[\"10.0.0.0/-1\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "is not an address" } } },
	{ "{\"cidrs\":[\"10.0.0.0/08\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "is not an address" } } },
	{ "{\"cidrs\":[\"10.0.0.0/8 \"]}", { "", EINVAL, NET ".target.cidrs[0]", { "is not an address" } } },
	{ "{\"cidrs\":[\"10.0.0.0/255.0.0.0\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "is not an address" } } },
	{ "{\"cidrs\":[\"fe80::1%eth0\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "is not an address" } } },
	{ "{\"cidrs\":[\"10.0.0.0/33\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "a length over 32" } } },
	{ "{\"cidrs\":[\"::/129\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "a length over 128" } } },
	{ "{\"cidrs\":[\"10.1.2.3/8\"]}",
	  { "", EINVAL, NET ".target.cidrs[0]", { "'10.1.2.3/8' has bits set", "write '10.0.0.0/8'" } } },
	{ "{\"except\":[\"fd00:1::/8\"]}", { "", EINVAL, NET ".target.except[0]", { "write 'fd00::/8'" } } },
	{ "{\"cidrs\":[\"::ffff:10.0.0.0/104\"]}",
	  { "", EINVAL, NET ".target.cidrs[0]", { "is an IPv4-mapped prefix", "write '10.0.0.0/8'" } } },
	{ "{\"cidrs\":[\"::ffff:10.1.2.3\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "write '10.1.2.3/32'" } } },
	{ "{\"cidrs\":[\"::ffff:0:0/96\"]}", { "", EINVAL, NET ".target.cidrs[0]", { "write '0.0.0.0/0'" } } },
	{ "{\"ports\":[0]}", { "", EINVAL, NET ".target.ports[0]", { "'0' is not a port", "from 1 to 65535" } } },
	{ "{\"ports\":[70000]}", { "", EINVAL, NET ".target.ports[0]", { "'70000' is not a port" } } },
	{ "{\"ports\":[\"65536\"]}", { "", EINVAL, NET ".target.ports[0]", { "from 1 to 65535" } } },
	{ "{\"ports\":[80,\"0-5\"]}", { "", EINVAL, NET ".target.ports[1]", { "'0-5' is not a port" } } },
	{ "{\"ports\":[-1]}", { "", EINVAL, NET ".target.ports[0]", { "is not a port" } } },
	{ "{\"ports\":[80.5]}", { "", EINVAL, NET ".target.ports[0]", { "is not a port" } } },
	{ "{\"ports\":[1e999]}", { "", EINVAL, NET ".target.ports[0]", { "is not a port" } } },
	{ "{\"ports\":[\"http\"]}", { "", EINVAL, NET ".target.ports[0]", { "'http' is not a port" } } },
	{ "{\"ports\":[\"80-\"]}", { "", EINVAL, NET ".target.ports[0]", { "is not a port" } } },
	{ "{\"ports\":[\"80 - 90\"]}", { "", EINVAL, NET ".target.ports[0]", { "is not a port" } } },
	{ "{\"ports\":[\"\"]}", { "", EINVAL, NET ".target.ports[0]", { "is not a port" } } },
	{ "{\"ports\":[\"8100-8000\"]}", { "", EINVAL, NET ".target.ports[0]", { "runs backwards", "write '8000-8100'" } } },
	{ "{\"ports\":[[80,90]]}", { "", EINVAL, NET ".target.ports[0]", { "must be a port or a range", "not a list" } } },
	{ "{\"ports\":80}", { "", EINVAL, NET ".target.ports", { "must be a list" } } },
	{ "{\"ports\":[80],\"protocol\":\"icmp\"}",
	  { "", EINVAL, NET ".target.protocol", { "'icmp' has no ports", "remove 'ports'" } } },
	{ "{\"sourcePorts\":[80],\"protocol\":\"icmp\"}", { "", EINVAL, NET ".target.protocol", { "'icmp' has no ports" } } },
	{ "{\"protocol\":\"gre\"}", { "", EINVAL, NET ".target.protocol", { "(allowed: any, tcp, udp, sctp, icmp)" } } },
	{ "{\"protocol\":6}", { "", EINVAL, NET ".target.protocol", { "must be a string" } } },
};

static void refuses_targets_gone_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(target_refusals); i++) {
		_cleanup_free_ char *text = util_printf("{" PARTITION ",\"target\":%s}", target_refusals[i].target);
		struct refusal c = target_refusals[i].c;

		c.input = text;
		check_network_refusals(&c, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_prefixes),
		cmocka_unit_test(reads_a_whole_target),
		cmocka_unit_test(reads_protocols),
		cmocka_unit_test(refuses_targets_gone_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
