// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of targets: what is one and what is not, their hashes, and the tables that the kernel program looks them up in.
 */
#include "tests/unit/plan_check.h"

#include "lib/hosts.h"
#include "lib/match.h"

#define HOSTS(list) "{\"action\":\"partition\",\"target\":{\"hosts\":[" list "]}}"

static struct fault_spec one(const char *list)
{
	_cleanup_free_ char *text = util_printf(HOSTS("%s"), list);

	return network_spec(text);
}

static void reads_names(void **state)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
		{ "db", "db" },
		{ "Inventory.Shop.svc.cluster.local", "inventory.shop.svc.cluster.local" },
		{ "a.example.com.", "a.example.com" },
		{ "*.Example.com.", "*.example.com" },
		{ "*.local", "*.local" },
		{ "_http._tcp.web-1.example", "_http._tcp.web-1.example" },
		{ "1.example", "1.example" },
		{ "10.1.2.3.example", "10.1.2.3.example" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *list = util_printf("\"x\",\"%s\"", cases[i].text);
		_cleanup_spec_ struct fault_spec spec = one(list);

		assert_int_equal(spec.faults->target.n_hosts, 2);
		assert_string_equal(spec.faults->target.hosts[1].name, cases[i].name);
	}
}

static void reads_seeds(void **state)
{
	static const uint8_t v4[16] = { [10] = 0xff, 0xff, 10, 1, 2, 3 }, v6[16] = { 0xfd, [15] = 1 };
	_cleanup_spec_ struct fault_spec spec =
		one("{\"name\":\"a.b\",\"ip\":\"10.1.2.3\"},{\"name\":\"*.c\",\"ip\":[\"fd00::1\",\"10.1.2.3\"]}");
	const struct fault_target *t = &spec.faults->target;

	(void)state;
	assert_int_equal(t->n_hosts, 2);
	assert_int_equal(t->n_seeds, 3);
	assert_string_equal(t->hosts[1].name, "*.c");
	assert_memory_equal(t->seeds[0].addr, v4, 16);
	assert_memory_equal(t->seeds[1].addr, v6, 16);
	assert_int_equal(t->seeds[2].len, 128);
}

#define AT NET ".target.hosts"
static const struct {
	const char *list;
	struct refusal c;
} refusals[] = {
	{ "", { "", EINVAL, AT, { "is empty", "leave it out" } } },
	{ "3", { "", EINVAL, AT "[0]", { "must be a name" } } },
	{ "[\"a\"]", { "", EINVAL, AT "[0]", { "must be a name" } } },
	{ "\"a\",\"\"", { "", EINVAL, AT "[1]", { "'' is not a name" } } },
	{ "\".\"", { "", EINVAL, AT "[0]", { "'.' is not a name" } } },
	{ "\".a\"", { "", EINVAL, AT "[0]", { "is not a name" } } },
	{ "\"a..b\"", { "", EINVAL, AT "[0]", { "is not a name" } } },
	{ "\"a..\"", { "", EINVAL, AT "[0]", { "is not a name" } } },
	{ "\"a b\"", { "", EINVAL, AT "[0]", { "is not a name" } } },
	{ "\"b\xc3\xbc.de\"", { "", EINVAL, AT "[0]", { "is not a name", "xn--" } } },
	{ "\"a/b\"", { "", EINVAL, AT "[0]", { "is not a name" } } },
	{ "\"*\"", { "", EINVAL, AT "[0]", { "'*' is every name", "leave 'hosts' out" } } },
	{ "\"*.\"", { "", EINVAL, AT "[0]", { "is not a name" } } },
	{ "\"*.*.a\"", { "", EINVAL, AT "[0]", { "not its first label" } } },
	{ "\"a.*.b\"", { "", EINVAL, AT "[0]", { "not its first label", "'*.'" } } },
	{ "\"web-*.b\"", { "", EINVAL, AT "[0]", { "not its first label" } } },
	{ "\"10.1.2.3\"", { "", EINVAL, AT "[0]", { "'10.1.2.3' is not a name", "'cidrs'" } } },
	{ "\"fd00::1\"", { "", EINVAL, AT "[0]", { "is not a name", "'cidrs'" } } },
	{ "\"db:5432\"", { "", EINVAL, AT "[0]", { "is not a name", "'ports'" } } },
	{ "\"http://a.b\"", { "", EINVAL, AT "[0]", { "is not a name" } } },
	{ "{\"name\":\"a\"}", { "", EINVAL, AT "[0]", { "needs both" } } },
	{ "{\"ip\":\"10.1.2.3\"}", { "", EINVAL, AT "[0]", { "needs both" } } },
	{ "{\"name\":\"a\",\"ips\":[]}", { "", EINVAL, AT "[0]", { "did you mean 'ip'?" } } },
	{ "{\"name\":\"\",\"ip\":\"10.1.2.3\"}", { "", EINVAL, AT "[0].name", { "is not a name" } } },
	{ "{\"name\":\"a\",\"ip\":[]}", { "", EINVAL, AT "[0].ip", { "is empty" } } },
	{ "{\"name\":\"a\",\"ip\":7}", { "", EINVAL, AT "[0].ip", { "must be a string" } } },
	{ "{\"name\":\"a\",\"ip\":\"b\"}", { "", EINVAL, AT "[0].ip", { "is not an address" } } },
	{ "{\"name\":\"a\",\"ip\":[\"10.1.2.3\",\"10.0.0.0/8\"]}", { "", EINVAL, AT "[0].ip[1]", { "'cidrs'" } } },
};

static void refuses_what_is_no_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		_cleanup_free_ char *text = util_printf(HOSTS("%s"), refusals[i].list);
		struct refusal c = refusals[i].c;

		c.input = text;
		check_network_refusals(&c, 1);
	}
}

/* Labels of 'label' bytes, so many of them. */
static char *long_name(size_t label, size_t labels)
{
	char *s = util_alloc(labels, label + 1);

	for (size_t i = 0; i < labels; i++) {
		memset(s + i * (label + 1), 'a', label);
		s[(i + 1) * (label + 1) - 1] = i + 1 < labels ? '.' : '\0';
	}
	return s;
}

static void knows_how_long_a_name_may_be(void **state)
{
	static const struct {
		size_t label, labels;
		bool good;
	} cases[] = { { 63, 1, true }, { 64, 1, false }, { 1, 127, true }, { 1, 128, false }, { 63, 3, true }, { 63, 4, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *name = long_name(cases[i].label, cases[i].labels),
				    *text = util_printf(HOSTS("\"*.%s\""), name);
		struct fault_spec spec = {};
		struct error err = {};

		assert_int_equal(spec_of("network", text, &spec, &err), cases[i].good ? 0 : -EINVAL);
		if (cases[i].good)
			assert_int_equal(strlen(spec.faults->target.hosts[0].name), strlen(name) + 2);
		spec_cleanup(&spec);
	}
}

static void refuses_too_many(void **state)
{
	_cleanup_free_ char *names = util_strdup(""), *seeds = util_strdup("");
	_cleanup_free_ char *text = NULL, *more = NULL;

	(void)state;
	for (int i = 0; i <= HOSTS_MAX; i++) {
		char *n = util_printf("%s%s\"h%d\"", names, i ? "," : "", i),
		     *s = util_printf("%s%s\"10.0.0.%d\"", seeds, i ? "," : "", i);

		free(names);
		free(seeds);
		names = n;
		seeds = s;
	}
	text = util_printf(HOSTS("%s"), names);
	more = util_printf(HOSTS("{\"name\":\"a\",\"ip\":[%s]}"), seeds);
	check_network_refusals(&(struct refusal){ text, EINVAL, AT, { "too many names, at most 64" } }, 1);
	check_network_refusals(&(struct refusal){ more, EINVAL, AT "[0].ip", { "too many addresses, at most 64" } }, 1);
}

/* By hand: from the end, a label at a time. */
static void hashes_from_the_end(void **state)
{
	uint64_t root = 0, com = util_mix64(root + util_fnv64(UTIL_FNV_SEED, "com", 3));
	uint64_t example = util_mix64(com + util_fnv64(UTIL_FNV_SEED, "example", 7));

	(void)state;
	assert_true(hosts_hash("") == root);
	assert_true(hosts_hash("com") == com);
	assert_true(hosts_hash("example.com") == example);
	assert_true(hosts_hash("a.example.com") == util_mix64(example + util_fnv64(UTIL_FNV_SEED, "a", 1)));
	assert_true(hosts_hash("com.example") != example);
	assert_true(hosts_hash("examplecom") != example);
}

static const struct hosts_name *name_of(const struct hosts_tables *t, const char *name)
{
	for (size_t i = 0; i < t->n_names; i++)
		if (t->names[i].hash == hosts_hash(name))
			return &t->names[i];
	fail_msg("%s is not in the table", name);
	return NULL;
}

static void compiles_names(void **state)
{
	_cleanup_planned_ struct planned p = plan_on("[{\"action\":\"partition\",\"target\":{\"hosts\":[\"a.b\",\"*.b\",\"a.b\"]}},"
						     "{\"action\":\"partition\"},"
						     "{\"action\":\"partition\",\"target\":{\"hosts\":[\"*.a.b\",\"b\"]}}]",
						     &full);
	_cleanup_hosts_ struct hosts_tables t = {};

	(void)state;
	assert_int_equal(hosts_compile(plan_rules(&p.plan), &t, NULL), 0);
	assert_int_equal(t.n_names, 2);
	assert_int_equal(t.n_listed, 0);
	assert_int_equal(name_of(&t, "a.b")->rules.exact, 1);
	assert_int_equal(name_of(&t, "a.b")->rules.below, 4);
	assert_int_equal(name_of(&t, "b")->rules.exact, 4);
	assert_int_equal(name_of(&t, "b")->rules.below, 1);
}

static uint64_t listed(const struct hosts_tables *t, const char *text)
{
	_cleanup_free_ char *keys = util_printf("{\"action\":\"partition\",\"target\":{\"cidrs\":[\"%s\"]}}", text);
	_cleanup_spec_ struct fault_spec spec = network_spec(keys);

	for (size_t i = 0; i < t->n_listed; i++)
		if (!memcmp(&t->listed[i].prefix, spec.faults->target.cidrs, sizeof(struct fault_prefix)))
			return t->listed[i].mask;
	fail_msg("%s is not listed", text);
	return 0;
}

/* Each prefix has the rules of those that cover it, but not across families, and rules without names have no part in it. */
static void compiles_listed_addresses(void **state)
{
	_cleanup_planned_ struct planned p =
		plan_on("[{\"action\":\"partition\",\"target\":{\"hosts\":[\"a\"],\"cidrs\":[\"10.0.0.0/8\",\"::/0\"]}},"
			"{\"action\":\"partition\",\"target\":{\"hosts\":[{\"name\":\"b\",\"ip\":[\"10.1.2.3\",\"fd00::1\"]}]}},"
			"{\"action\":\"partition\",\"target\":{\"cidrs\":[\"10.1.2.3\",\"9.0.0.0/8\"]}},"
			"{\"action\":\"partition\",\"target\":{\"hosts\":[\"c\"],\"cidrs\":[\"10.1.0.0/16\"]}}]",
			&full);
	_cleanup_hosts_ struct hosts_tables t = {};

	(void)state;
	assert_int_equal(hosts_compile(plan_rules(&p.plan), &t, NULL), 0);
	assert_int_equal(t.n_listed, 5);
	assert_int_equal(listed(&t, "10.0.0.0/8"), 1);
	assert_int_equal(listed(&t, "10.1.0.0/16"), 1 | 8);
	assert_int_equal(listed(&t, "10.1.2.3"), 1 | 2 | 8);
	assert_int_equal(listed(&t, "::/0"), 1);
	assert_int_equal(listed(&t, "fd00::1"), 1 | 2);
}

/* A rule with names takes any address in the tables, but what is excepted. */
static void tables_leave_the_address_to_the_names(void **state)
{
	static const uint8_t any[16] = { [10] = 0xff, 0xff, 9, 9, 9, 9 }, excepted[16] = { [10] = 0xff, 0xff, 10, 2, 0, 1 };
	_cleanup_planned_ struct planned p = plan_on("[{\"action\":\"partition\",\"target\":{\"hosts\":[\"a\"],\"cidrs\":[\"10.0.0."
						     "0/8\"],\"except\":[\"10.2.0.0/16\"]}},"
						     "{\"action\":\"partition\",\"target\":{\"hosts\":[\"b\"]}},"
						     "{\"action\":\"partition\",\"target\":{\"cidrs\":[\"10.0.0.0/8\"]}}]",
						     &full);
	_cleanup_free_ struct fw_slot *slot = util_alloc(1, sizeof(*slot));

	(void)state;
	assert_int_equal(match_compile(plan_rules(&p.plan), NULL, 0, slot, NULL), 0);
	assert_int_equal(slot->hosts_rules, 3);
	assert_int_equal(slot->listed_rules, 1);
	assert_int_equal(match_lookup(slot, FW_EGRESS, FW_PROTO_TCP, any, 1, 2), 3);
	assert_int_equal(match_lookup(slot, FW_EGRESS, FW_PROTO_TCP, excepted, 1, 2), 2 | 4);
}

static void refuses_more_names_than_a_pod_has(void **state)
{
	_cleanup_free_ char *text = util_strdup("[");
	_cleanup_spec_ struct fault_spec spec = {};
	struct plan plan = {};
	struct error err = {};

	(void)state;
	for (int fault = 0; fault < FW_NAMES / HOSTS_MAX + 1; fault++) {
		char *next = util_printf("%s%s{\"action\":\"partition\",\"target\":{\"hosts\":[", text, fault ? "," : "");

		free(text);
		text = next;
		for (int i = 0; i < HOSTS_MAX; i++) {
			next = util_printf("%s%s\"h%d.f%d\"", text, i ? "," : "", i, fault);
			free(text);
			text = next;
		}
		next = util_printf("%s]}}", text);
		free(text);
		text = next;
	}
	text = strcat(realloc(text, strlen(text) + 2), "]");
	spec = network_spec(text);
	assert_int_equal(plan_build(&spec, &full, &plan, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "more than 256 different hosts"));
}

/* Questions go out and answers come in, whichever way the fault looks. */
static void attaches_both_ways_for_names(void **state)
{
	_cleanup_planned_ struct planned p = plan_on(HOSTS("\"a.b\""), &full);

	(void)state;
	assert_int_equal(plan_find(&p.plan, PLAN_ATTACH)->attach.dirs, 1U << FW_EGRESS | 1U << FW_INGRESS);
	assert_int_equal(plan_rules(&p.plan)->rules[0].dirs, 1U << FW_EGRESS);
	assert_true(noted(&p, "until then nothing matches"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_names),
		cmocka_unit_test(reads_seeds),
		cmocka_unit_test(refuses_what_is_no_name),
		cmocka_unit_test(knows_how_long_a_name_may_be),
		cmocka_unit_test(refuses_too_many),
		cmocka_unit_test(hashes_from_the_end),
		cmocka_unit_test(compiles_names),
		cmocka_unit_test(compiles_listed_addresses),
		cmocka_unit_test(tables_leave_the_address_to_the_names),
		cmocka_unit_test(refuses_more_names_than_a_pod_has),
		cmocka_unit_test(attaches_both_ways_for_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
