// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interval tables: match_lookup() walks them as the kernel program does; the oracle asks each rule's prefixes and ranges directly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>

#include "lib/match.h"
#include "lib/util.h"

static struct fault_prefix prefix(const char *text)
{
	char addr[64];
	unsigned int len;
	struct fault_prefix p = { .addr = { [10] = 0xff, [11] = 0xff } };

	assert_int_equal(sscanf(text, "%63[^/]/%u", addr, &len), 2);
	if (inet_pton(AF_INET, addr, p.addr + 12) == 1)
		len += 96;
	else
		assert_int_equal(inet_pton(AF_INET6, addr, p.addr), 1);
	p.len = len;
	return p;
}

static struct plan_rule *rule_add(struct plan_rules *rules)
{
	struct plan_rule *r = util_grow(&rules->rules, &rules->n_rules, sizeof(*r));

	r->dirs = 1U << FW_EGRESS;
	return r;
}

static void cidr_add(struct plan_rule *r, const char *text)
{
	*(struct fault_prefix *)util_grow(&r->target.cidrs, &r->target.n_cidrs, sizeof(struct fault_prefix)) = prefix(text);
}

static void except_add(struct plan_rule *r, const char *text)
{
	*(struct fault_prefix *)util_grow(&r->target.except, &r->target.n_except, sizeof(struct fault_prefix)) = prefix(text);
}

static void ports_add(struct plan_rule *r, unsigned int first, unsigned int last)
{
	*(struct fault_range *)util_grow(&r->target.ports, &r->target.n_ports, sizeof(struct fault_range)) =
		(struct fault_range){ first, last };
}

static void rules_free(struct plan_rules *rules)
{
	for (size_t i = 0; i < rules->n_rules; i++) {
		free(rules->rules[i].target.cidrs);
		free(rules->rules[i].target.except);
		free(rules->rules[i].target.ports);
	}
	free(rules->rules);
}

static struct fw_slot slot;

static uint64_t ask(const char *address, int dport)
{
	struct fault_prefix p = prefix(address);

	return match_lookup(&slot, FW_EGRESS, dport < 0 ? FW_PROTO_ICMP : FW_PROTO_TCP, p.addr, dport < 0 ? -1 : 40000, dport);
}

static void matches_both_edges_of_a_prefix_and_nothing_beside_it(void **state)
{
	struct plan_rules rules = {};

	(void)state;
	cidr_add(rule_add(&rules), "10.96.0.0/12");
	assert_int_equal(match_compile(&rules, NULL, 0, &slot, NULL), 0);
	assert_int_equal(ask("10.95.255.255/32", 80), 0);
	assert_int_equal(ask("10.96.0.0/32", 80), 1);
	assert_int_equal(ask("10.111.255.255/32", 80), 1);
	assert_int_equal(ask("10.112.0.0/32", 80), 0);
	assert_int_equal(ask("2001:db8::1/128", 80), 0);
	rules_free(&rules);
}

static void a_rule_without_prefixes_takes_every_address_of_both_families(void **state)
{
	struct plan_rules rules = {};

	(void)state;
	rule_add(&rules);
	assert_int_equal(match_compile(&rules, NULL, 0, &slot, NULL), 0);
	assert_int_equal(ask("0.0.0.0/32", 80), 1);
	assert_int_equal(ask("255.255.255.255/32", 80), 1);
	assert_int_equal(ask("::/128", 80), 1);
	assert_int_equal(ask("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 80), 1);
	rules_free(&rules);
}

static void exceptions_and_the_node_are_cut_out(void **state)
{
	const struct fault_prefix node[] = { prefix("10.0.0.1/32"), prefix("fd00::1/128") };
	struct plan_rules rules = {};
	struct plan_rule *r = rule_add(&rules);

	(void)state;
	cidr_add(r, "10.0.0.0/8");
	cidr_add(r, "fd00::/8");
	except_add(r, "10.1.0.0/16");
	rule_add(&rules)->include_node = true;
	assert_int_equal(match_compile(&rules, node, ARRAY_SIZE(node), &slot, NULL), 0);
	assert_int_equal(ask("10.0.0.0/32", 80), 3);
	assert_int_equal(ask("10.0.0.1/32", 80), 2);
	assert_int_equal(ask("10.0.0.2/32", 80), 3);
	assert_int_equal(ask("10.1.2.3/32", 80), 2);
	assert_int_equal(ask("10.2.0.0/32", 80), 3);
	assert_int_equal(ask("fd00::1/128", 80), 2);
	assert_int_equal(ask("fd00::2/128", 80), 3);
	rules_free(&rules);
}

static void ports_are_ranges_and_a_packet_without_ports_is_not_meant(void **state)
{
	struct plan_rules rules = {};
	struct plan_rule *r = rule_add(&rules);

	(void)state;
	ports_add(r, 5432, 5432);
	ports_add(r, 8000, 8100);
	ports_add(r, 65535, 65535);
	assert_int_equal(match_compile(&rules, NULL, 0, &slot, NULL), 0);
	assert_int_equal(ask("10.0.0.1/32", 5431), 0);
	assert_int_equal(ask("10.0.0.1/32", 5432), 1);
	assert_int_equal(ask("10.0.0.1/32", 8000), 1);
	assert_int_equal(ask("10.0.0.1/32", 8100), 1);
	assert_int_equal(ask("10.0.0.1/32", 8101), 0);
	assert_int_equal(ask("10.0.0.1/32", 65535), 1);
	assert_int_equal(ask("10.0.0.1/32", -1), 0);
	rules_free(&rules);
}

static void the_way_in_is_not_asked_of_a_rule_for_the_way_out(void **state)
{
	struct plan_rules rules = {};
	struct fault_prefix p = prefix("10.0.0.1/32");

	(void)state;
	rule_add(&rules);
	assert_int_equal(match_compile(&rules, NULL, 0, &slot, NULL), 0);
	assert_int_equal(match_lookup(&slot, FW_INGRESS, FW_PROTO_TCP, p.addr, 1, 2), 0);
	assert_int_equal(match_lookup(&slot, FW_EGRESS, FW_PROTO_TCP, p.addr, 1, 2), 1);
	rules_free(&rules);
}

static void too_many_intervals_are_refused_with_the_remedy(void **state)
{
	struct plan_rules rules = {};
	struct plan_rule *r = rule_add(&rules);
	struct error err = {};
	char text[32];

	(void)state;
	for (int i = 0; i < FW_INTERVALS; i++) {
		snprintf(text, sizeof(text), "10.%d.0.0/24", i);
		cidr_add(r, text);
	}
	assert_int_equal(match_compile(&rules, NULL, 0, &slot, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "IPv4 addresses"));
	assert_non_null(strstr(err.msg, "name fewer"));
	rules_free(&rules);
}

static bool inside(const struct fault_prefix *p, const struct fault_prefix *a)
{
	for (int bit = 0; bit < p->len; bit++)
		if ((p->addr[bit / 8] ^ a->addr[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool oracle(const struct plan_rule *r, const struct fault_prefix *a)
{
	bool in = r->target.n_cidrs == 0;

	for (size_t i = 0; i < r->target.n_cidrs; i++)
		in |= inside(&r->target.cidrs[i], a);
	for (size_t i = 0; i < r->target.n_except; i++)
		in &= !inside(&r->target.except[i], a);
	return in;
}

static void random_prefix(char *text, size_t n, unsigned int *seed, bool v6)
{
	int len = rand_r(seed) % (v6 ? 20 : 17);

	if (v6)
		snprintf(text, n, "2%x:%x::/%d", rand_r(seed) % 4, rand_r(seed) % 4, len + 12);
	else
		snprintf(text, n, "10.%d.%d.%d/%d", rand_r(seed) % 4, rand_r(seed) % 4, rand_r(seed) % 256, 16 + len);
}

/* 64 rules of random prefixes and exceptions, both families: every answer as the oracle has it. */
static void agrees_with_an_oracle_on_random_rules(void **state)
{
	unsigned int seed = 7;
	char text[64];

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct plan_rules rules = {};

		for (int i = 0; i < FW_RULES; i++) {
			struct plan_rule *r = rule_add(&rules);

			for (int k = 0; k < 2; k++) {
				random_prefix(text, sizeof(text), &seed, i % 2);
				if (k)
					except_add(r, text);
				else if (i % 8)
					cidr_add(r, text);
			}
		}
		assert_int_equal(match_compile(&rules, NULL, 0, &slot, NULL), 0);
		for (int i = 0; i < 500; i++) {
			struct fault_prefix a;
			uint64_t want = 0;

			random_prefix(text, sizeof(text), &seed, i % 2);
			a = prefix(text);
			for (int k = 0; k < FW_RULES; k++)
				want |= (uint64_t)oracle(&rules.rules[k], &a) << k;
			assert_true(match_lookup(&slot, FW_EGRESS, FW_PROTO_TCP, a.addr, 1, 2) == want);
		}
		rules_free(&rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_both_edges_of_a_prefix_and_nothing_beside_it),
		cmocka_unit_test(a_rule_without_prefixes_takes_every_address_of_both_families),
		cmocka_unit_test(exceptions_and_the_node_are_cut_out),
		cmocka_unit_test(ports_are_ranges_and_a_packet_without_ports_is_not_meant),
		cmocka_unit_test(the_way_in_is_not_asked_of_a_rule_for_the_way_out),
		cmocka_unit_test(too_many_intervals_are_refused_with_the_remedy),
		cmocka_unit_test(agrees_with_an_oracle_on_random_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
