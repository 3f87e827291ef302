// SPDX-License-Identifier: GPL-2.0-only
/*
 * Patterns of DNS names: canonical text, limits, and the automaton (dns_lookup() steps it as the kernel program does) against a
 * matcher that tries every way; reset, dns and firstConnections in annotations and plans.
 */
#include "tests/unit/plan_check.h"

#include "lib/dns.h"

/* Every way that there is. */
static bool tries(const char *pattern, const char *name)
{
	if (!*pattern)
		return !*name;
	if (*pattern == '*')
		return tries(pattern + 1, name) || (*name && tries(pattern, name + 1));
	return *name && (*pattern == '?' ? *name != '.' : *pattern == *name) && tries(pattern + 1, name + 1);
}

static bool matches(const char *patterns, const char *name)
{
	struct fw_dns d;

	assert_int_equal(dns_compile(patterns, "", &d), 0);
	return dns_lookup(&d, name);
}

static void patterns_have_one_form(void **state)
{
	static const char *const cases[][2] = {
		{ "db.Example.COM", "db.example.com" },
		{ "db.example.com.", "db.example.com" },
		{ "**.x", "*.x" },
		{ "*", "*" },
		{ "a***b?.c", "a*b?.c" },
		{ "_dmarc.a-b.c", "_dmarc.a-b.c" },
		{ "*.", "*" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = dns_pattern(cases[i][0]);

		assert_string_equal(got, cases[i][1]);
	}
}

static void no_name_could_be_meant(void **state)
{
	static const char *const cases[] = { "", ".", "..", "a..b", ".a", "a b", "a/b", "caf\xc3\xa9", "a\tb", "*..*", "[ab]" };
	char label[80] = "", name[300] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_null(dns_pattern(cases[i]));
	memset(label, 'a', DNS_LABEL_MAX + 1);
	assert_null(dns_pattern(label));
	for (size_t i = 0; i < 254; i++)
		name[i] = i % 2 ? '.' : 'a';
	name[253] = 'b';
	assert_null(dns_pattern(name));
}

static void globs_match_as_they_are_written(void **state)
{
	static const struct {
		const char *patterns, *name;
		bool matches;
	} cases[] = {
		{ "a.b", "a.b", true },
		{ "a.b", "A.B", true },
		{ "a.b", "a.b.c", false },
		{ "a.b", "x.a.b", false },
		{ "a.b", "a", false },
		{ "a.b", "", false },
		{ "*", "", true },
		{ "*", "a.b.c", true },
		{ "*.svc", "a.svc", true },
		{ "*.svc", "a.b.svc", true },
		{ "*.svc", "svc", false },
		{ "db-?.x", "db-1.x", true },
		{ "db-?.x", "db-.x", false },
		{ "db-?.x", "db-..x", false },
		{ "google.*", "google.co.uk", true },
		{ "google.*", "google", false },
		{ "a*b*c", "axxbyyc", true },
		{ "a*b*c", "acb", false },
		{ "a c", "c", true },
		{ "a c", "b", false },
		{ "a_b", "a_b", true },
		{ "a-b", "a_b", false },
		{ "a", "!", false },
		{ "?", "\xff", true },
		{ "?", "\x01", true },
		{ "*", "\xff\x01 ", true },
		{ "x", "X", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (matches(cases[i].patterns, cases[i].name) != cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].patterns, cases[i].name);
}

static void the_automaton_finds_what_every_way_finds(void **state)
{
	static const char alphabet[] = "ab.?*";
	uint64_t rng = 1;
	unsigned int hits = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char patterns[32] = "", pattern[3][10] = {}, name[12] = "";
		size_t n = util_mix64(rng++) % 11, k = 1 + util_mix64(rng++) % 3;
		bool want = false;

		for (size_t c = 0; c < n; c++)
			name[c] = alphabet[util_mix64(rng++) % 3];
		for (size_t p = 0; p < k; p++) {
			size_t length = 1 + util_mix64(rng++) % 8;

			for (size_t c = 0; c < length; c++)
				pattern[p][c] = alphabet[util_mix64(rng++) % 5];
			strcat(strcat(patterns, p ? " " : ""), pattern[p]);
			want |= tries(pattern[p], name);
		}
		if (matches(patterns, name) != want)
			fail_msg("'%s' and '%s'", patterns, name);
		hits += want;
	}
	assert_in_range(hits, 10000, 150000);
}

/* 8 patterns of 63 characters fill the table to the last state; what is beyond the first word works alike. */
static void the_table_holds_what_it_says(void **state)
{
	char patterns[DNS_STATES + 8] = "", name[64];
	struct fw_dns d;

	(void)state;
	for (int i = 0; i < 8; i++) {
		memset(name, 'a' + i, 63);
		name[63] = '\0';
		strcat(strcat(patterns, i ? " " : ""), name);
	}
	assert_int_equal(dns_compile(patterns, "", &d), 0);
	assert_int_equal(d.words, FW_DNS_WORDS);
	for (int i = 0; i < 8; i++) {
		memset(name, 'a' + i, 63);
		assert_true(dns_lookup(&d, name));
		name[62] = '\0';
		assert_false(dns_lookup(&d, name));
		name[62] = 'z';
		assert_false(dns_lookup(&d, name));
	}
	strcat(patterns, " *");
	assert_int_equal(dns_compile(patterns, "", &d), -E2BIG);
}

static void types_are_numbers(void **state)
{
	struct fw_dns d;

	(void)state;
	assert_int_equal(dns_compile("", "A AAAA HTTPS CAA ANY", &d), 0);
	assert_int_equal(d.n_types, 5);
	assert_true(d.types[0] == 1 && d.types[1] == 28 && d.types[2] == 65 && d.types[3] == 257 && d.types[4] == 255);
	assert_int_equal(dns_compile("", "AA", &d), -EINVAL);
	assert_int_equal(dns_compile("", "A A A A A A A A A A A A A A A A A", &d), -EINVAL);
}

static void reset_is_tcp_s(void **state)
{
	_cleanup_planned_ struct planned p = plan_on("{\"action\":\"reset\",\"direction\":\"both\"}", &full);

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_RESET);
	assert_int_equal(plan_rules(&p.plan)->rules[0].target.protocol, PROTOCOL_TCP);
	assert_int_equal(plan_rules(&p.plan)->rules[0].dirs, 3);
}

static void dns_asks_port_53_and_takes_the_node_in(void **state)
{
	_cleanup_planned_ struct planned p = plan_on(
		"{\"action\":\"dns\",\"dns\":{\"patterns\":[\"A.b.\",\"*.c\"],\"types\":[\"A\",\"TXT\"],\"rcode\":\"NXDOMAIN\"}}",
		&full);
	const struct plan_rule *r = &plan_rules(&p.plan)->rules[0];

	(void)state;
	assert_int_equal(rule_of(&p)->op, FW_OP_DNS);
	assert_int_equal(r->rule.params[0], 3);
	assert_string_equal(r->dns, "a.b *.c");
	assert_string_equal(r->dns_types, "A TXT");
	assert_true(r->include_node);
	assert_int_equal(r->target.n_ports, 1);
	assert_true(r->target.ports[0].first == 53 && r->target.ports[0].last == 53);
}

static void dns_keeps_ports_of_the_target_and_fails_by_default(void **state)
{
	_cleanup_planned_ struct planned p = plan_on("{\"action\":\"dns\",\"dns\":{},\"target\":{\"ports\":[5353]}}", &full);
	const struct plan_rule *r = &plan_rules(&p.plan)->rules[0];

	(void)state;
	assert_int_equal(r->rule.params[0], 2);
	assert_string_equal(r->dns, "*");
	assert_string_equal(r->dns_types, "");
	assert_int_equal(r->target.n_ports, 1);
	assert_int_equal(r->target.ports[0].first, 5353);
}

static void answers_come_before_losses(void **state)
{
	_cleanup_planned_ struct planned p =
		plan_on("[{\"action\":\"loss\",\"loss\":{\"loss\":1}},{\"action\":\"dns\",\"dns\":{\"rcode\":\"timeout\"}},"
			"{\"action\":\"reset\"}]",
			&full);
	const struct plan_rule *r = plan_rules(&p.plan)->rules;

	(void)state;
	assert_int_equal(r[0].rule.op, FW_OP_RESET);
	assert_int_equal(r[1].rule.op, FW_OP_DNS);
	assert_int_equal(r[1].rule.params[0], 0);
	assert_int_equal(r[2].rule.op, FW_OP_DROP);
}

static void first_connections_go_with_every_action(void **state)
{
	_cleanup_planned_ struct planned p =
		plan_on("{\"action\":\"delay\",\"delay\":{\"latency\":\"1ms\"},\"firstConnections\":3}", &full);

	(void)state;
	assert_true(rule_of(&p)->flags & FW_RULE_FIRST);
	assert_int_equal(plan_rules(&p.plan)->rules[0].first_connections, 3);
	assert_int_equal(plan_rules(&p.plan)->rules[0].target.protocol, PROTOCOL_TCP);
}

static void refuses_what_does_not_go_together(void **state)
{
	static const struct refusal cases[] = {
		{ "{\"action\":\"reset\",\"target\":{\"protocol\":\"udp\"}}",
		  EINVAL,
		  NET ".target.protocol",
		  { "TCP's", "'partition'" } },
		{ "{\"action\":\"reset\",\"reset\":{}}", EINVAL, NET, { "unknown key 'reset'" } },
		{ "{\"action\":\"dns\"}", EINVAL, NET, { "needs 'dns' beside it" } },
		{ "{\"action\":\"partition\",\"dns\":{}}", EINVAL, NET ".dns", { "belongs to action 'dns'" } },
		{ "{\"action\":\"dns\",\"dns\":{},\"direction\":\"from\"}",
		  EINVAL,
		  NET ".direction",
		  { "as they leave it", "'to'" } },
		{ "{\"action\":\"dns\",\"dns\":{},\"direction\":\"both\"}", EINVAL, NET ".direction", { "'to'" } },
		{ "{\"action\":\"dns\",\"dns\":{},\"target\":{\"protocol\":\"icmp\"}}",
		  EINVAL,
		  NET ".target.protocol",
		  { "UDP or TCP", "remove it" } },
		{ "{\"action\":\"dns\",\"dns\":{\"rcode\":\"NXDOMIAN\"}}",
		  EINVAL,
		  NET ".dns.rcode",
		  { "did you mean 'NXDOMAIN'?", "timeout" } },
		{ "{\"action\":\"dns\",\"dns\":{\"types\":[\"A\",\"AAAAA\"]}}",
		  EINVAL,
		  NET ".dns.types[1]",
		  { "did you mean 'AAAA'?" } },
		{ "{\"action\":\"dns\",\"dns\":{\"types\":[]}}",
		  EINVAL,
		  NET ".dns.types",
		  { "is empty", "leave it out for all types" } },
		{ "{\"action\":\"dns\",\"dns\":{\"types\":\"A\"}}", EINVAL, NET ".dns.types", { "must be a list" } },
		{ "{\"action\":\"dns\",\"dns\":{\"patterns\":[]}}", EINVAL, NET ".dns.patterns", { "leave it out for all names" } },
		{ "{\"action\":\"dns\",\"dns\":{\"patterns\":[\"a\",\"b c\"]}}",
		  EINVAL,
		  NET ".dns.patterns[1]",
		  { "'b c' is not a name", "*.example.com" } },
		{ "{\"action\":\"dns\",\"dns\":{\"patterns\":[1]}}", EINVAL, NET ".dns.patterns[0]", { "must be a string" } },
		{ "{\"action\":\"dns\",\"dns\":{\"patterns\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
		  "\"a\",\"a\","
		  "\"a\",\"a\",\"a\",\"a\"]}}",
		  EINVAL,
		  NET ".dns.patterns",
		  { "too many names, at most 16" } },
		{ "{\"action\":\"dns\",\"dns\":{\"patern\":[]}}", EINVAL, NET ".dns", { "did you mean 'patterns'?" } },
		{ "{\"action\":\"reset\",\"firstConnections\":0}", EINVAL, NET ".firstConnections", { "4096" } },
		{ "{\"action\":\"reset\",\"firstConnections\":4097}", EINVAL, NET ".firstConnections", { "4096" } },
		{ "{\"action\":\"partition\",\"firstConnections\":1,\"target\":{\"protocol\":\"udp\"}}",
		  EINVAL,
		  NET ".firstConnections",
		  { "TCP connections" } },
	};

	(void)state;
	check_network_refusals(cases, ARRAY_SIZE(cases));
}

static void refuses_patterns_that_are_too_long_together(void **state)
{
	_cleanup_free_ char *label = util_alloc(64, 1), *text = NULL;
	struct refusal c = { .code = EINVAL, .path = NET ".dns.patterns", .says = { "too long together: at most 512" } };

	(void)state;
	memset(label, 'a', 63);
	text = util_printf("{\"action\":\"dns\",\"dns\":{\"patterns\":[\"%s.%s.%s\",\"%s.%s.%s\",\"%s.%s.%s\"]}}", label, label,
			   label, label, label, label, label, label, label);
	c.input = text;
	check_network_refusals(&c, 1);
}

/* A record that somebody wrote into. */
static void a_plan_with_names_that_do_not_fit_is_none(void **state)
{
	static const char *const edits[][2] = { { "dns", "a b" }, { "dnsTypes", "X" }, { "dns", NULL }, { "dnsTypes", NULL } };
	_cleanup_planned_ struct planned p = plan_on("{\"action\":\"dns\",\"dns\":{}}", &full);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		_cleanup_json_ cJSON *o = plan_to_json(&p.plan);
		cJSON *rule =
			cJSON_GetArrayItem(cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(o, "ops"), 0), "rules"), 0);
		struct json j = json_root(o, "plan");
		struct plan back = {};
		struct error err = {};
		int want = i == 0 ? 0 : -EINVAL;

		cJSON_DeleteItemFromObject(rule, edits[i][0]);
		if (edits[i][1])
			cJSON_AddStringToObject(rule, edits[i][0], edits[i][1]);
		assert_int_equal(plan_from_json(&j, &back, &err), want);
		plan_cleanup(&back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_have_one_form),
		cmocka_unit_test(no_name_could_be_meant),
		cmocka_unit_test(globs_match_as_they_are_written),
		cmocka_unit_test(the_automaton_finds_what_every_way_finds),
		cmocka_unit_test(the_table_holds_what_it_says),
		cmocka_unit_test(types_are_numbers),
		cmocka_unit_test(reset_is_tcp_s),
		cmocka_unit_test(dns_asks_port_53_and_takes_the_node_in),
		cmocka_unit_test(dns_keeps_ports_of_the_target_and_fails_by_default),
		cmocka_unit_test(answers_come_before_losses),
		cmocka_unit_test(first_connections_go_with_every_action),
		cmocka_unit_test(refuses_what_does_not_go_together),
		cmocka_unit_test(refuses_patterns_that_are_too_long_together),
		cmocka_unit_test(a_plan_with_names_that_do_not_fit_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
