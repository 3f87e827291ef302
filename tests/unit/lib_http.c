// SPDX-License-Identifier: GPL-2.0-only
/*
 * http: its body and its refusals, what it asks of the plan and of the slot, and the path's automaton against a plain glob.
 */
#include "tests/unit/plan_check.h"

#include "lib/http.h"
#include "lib/match.h"

static void reads_a_whole_http(void **state)
{
	_cleanup_spec_ struct fault_spec spec =
		network_spec("[{\"action\":\"http\",\"http\":{\"code\":503,\"path\":\"/api/*\",\"method\":\"GET\"}},"
			     "{\"action\":\"http\",\"http\":{\"code\":\"599\"}},{\"action\":\"http\",\"http\":{\"abort\":true,"
			     "\"path\":\"*.php\"}}]");
	const struct fault *f = spec.faults;

	(void)state;
	assert_int_equal(spec.n_faults, 3);
	assert_int_equal(f[0].http.code, 503);
	assert_string_equal(f[0].http.path, "/api/*");
	assert_string_equal(f[0].http.method, "GET");
	assert_int_equal(f[1].http.code, 599);
	assert_string_equal(f[1].http.path, "*");
	assert_string_equal(f[1].http.method, "");
	assert_int_equal(f[2].http.code, 0);
	assert_string_equal(f[2].http.path, "*.php");
}

#define LONG_PATH "/" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define TEN "0123456789"

static const struct refusal refusals[] = {
	{ "{}", EINVAL, NET ".http", { "needs 'code', as in {\"code\":503}, or 'abort': true" } },
	{ "{\"abort\":false}", EINVAL, NET ".http", { "needs 'code'" } },
	{ "{\"code\":503,\"abort\":true}", EINVAL, NET ".http.abort", { "resets the connection", "keep one of the two" } },
	{ "{\"code\":100}", EINVAL, NET ".http.code", { "200", "599" } },
	{ "{\"code\":600}", EINVAL, NET ".http.code", { "599" } },
	{ "{\"code\":204}", EINVAL, NET ".http.code", { "204 means that no body follows", "use another code" } },
	{ "{\"code\":304}", EINVAL, NET ".http.code", { "304 means" } },
	{ "{\"code\":503,\"path\":\"api\"}", EINVAL, NET ".http.path", { "'api' must begin with '/', or with '*'" } },
	{ "{\"code\":503,\"path\":\"\"}", EINVAL, NET ".http.path", { "must begin with '/'" } },
	{ "{\"code\":503,\"path\":\"/a?b=*\"}", EINVAL, NET ".http.path", { "the query is not looked at" } },
	{ "{\"code\":503,\"path\":\"/a b\"}", EINVAL, NET ".http.path", { "%20" } },
	{ "{\"code\":503,\"path\":\"/\xc3\xa4\"}", EINVAL, NET ".http.path", { "percent-encoded" } },
	{ "{\"code\":503,\"path\":\"" LONG_PATH "\"}", EINVAL, NET ".http.path", { "longer than 127 characters", "use '*'" } },
	{ "{\"code\":503,\"path\":5}", EINVAL, NET ".http.path", { "must be a string" } },
	{ "{\"code\":503,\"method\":\"get\"}", EINVAL, NET ".http.method", { "'get' is not a method in capital letters" } },
	{ "{\"code\":503,\"method\":\"\"}", EINVAL, NET ".http.method", { "leave it out for all" } },
	{ "{\"code\":503,\"methods\":\"GET\"}", EINVAL, NET ".http", { "did you mean 'method'?" } },
};

static void refuses_bodies_gone_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		_cleanup_free_ char *text = util_printf("{\"action\":\"http\",\"http\":%s}", refusals[i].input);
		struct refusal c = refusals[i];

		c.input = text;
		check_network_refusals(&c, 1);
	}
}

static void goes_with_tcp_alone(void **state)
{
	static const struct refusal cases[] = {
		{ "{\"action\":\"http\",\"target\":{\"protocol\":\"udp\"},\"http\":{\"code\":503}}",
		  EINVAL,
		  NET ".http",
		  { "over TCP", "'target.protocol'" } },
		{ "{\"action\":\"http\"}", EINVAL, NET, { "action 'http' needs 'http' beside it" } },
	};

	(void)state;
	check_network_refusals(cases, ARRAY_SIZE(cases));
}

/* Requests one way, responses the other: the programs are on both. */
static void sees_responses_the_other_way(void **state)
{
	_cleanup_planned_ struct planned p = plan_on(
		"[{\"action\":\"http\",\"direction\":\"from\",\"target\":{\"ports\":[80]},\"http\":{\"code\":503}}]", &full);
	_cleanup_free_ struct fw_slot *slot = util_alloc(1, sizeof(*slot));

	(void)state;
	assert_int_equal(plan_find(&p.plan, PLAN_ATTACH)->attach.dirs, 3);
	assert_int_equal(match_compile(plan_rules(&p.plan), NULL, 0, slot, NULL), 0);
	assert_int_equal(slot->rules[FW_INGRESS], 1);
	assert_int_equal(slot->rules[FW_EGRESS], 0);
	assert_int_equal(slot->http[FW_EGRESS], 1);
	assert_int_equal(slot->http[FW_INGRESS], 0);
	assert_int_equal(slot->protocol[FW_PROTO_TCP], 1);
	assert_int_equal(slot->protocol[FW_PROTO_UDP], 0);
}

static struct fw_http compiled(const char *path)
{
	struct fault_http http = { .code = 418, .method = "DELETE" };
	struct fw_http ret;

	snprintf(http.path, sizeof(http.path), "%s", path);
	http_compile(&http, &ret);
	return ret;
}

static void compiles_code_and_method(void **state)
{
	struct fw_http http = compiled("/");

	(void)state;
	assert_string_equal(http.code, "418");
	assert_string_equal(http.method, "DELETE");
	assert_int_equal(http.flags, 0);
	assert_int_equal(http.literals, 1);
}

static void random_text(char *text, size_t max, const char *letters, unsigned int *seed)
{
	size_t n = (size_t)rand_r(seed) % max;

	for (size_t i = 0; i < n; i++)
		text[i] = letters[(size_t)rand_r(seed) % strlen(letters)];
	text[n] = '\0';
}

static void the_automaton_is_a_glob(void **state)
{
	unsigned int seed = 5, matches = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char pattern[8], path[16];
		struct fw_http http;

		random_text(pattern, sizeof(pattern), "ab/**", &seed);
		random_text(path, sizeof(path), "ab/", &seed);
		http = compiled(pattern);
		if (http_path_matches(&http, path) != util_glob(pattern, path))
			fail_msg("'%s' and '%s'", pattern, path);
		matches += util_glob(pattern, path);
	}
	assert_true(matches > 1000);
}

/* Literals of both words of the set, and across the border between them. */
static void the_longest_path_fits(void **state)
{
	char pattern[FAULT_PATH_MAX + 1], path[512];
	struct fw_http http;

	(void)state;
	for (size_t star = 60; star < FAULT_PATH_MAX; star++) {
		for (size_t i = 0; i < FAULT_PATH_MAX; i++)
			pattern[i] = i == star ? '*' : (char)('a' + i % 26);
		pattern[FAULT_PATH_MAX] = '\0';
		http = compiled(pattern);
		assert_int_equal(http.literals, FAULT_PATH_MAX - 1);
		snprintf(path, sizeof(path), "%.*s/x/yy/%s", (int)star, pattern, pattern + star + 1);
		assert_true(http_path_matches(&http, path));
		path[star + 6 + 0] = '#';
		assert_int_equal(http_path_matches(&http, path), util_glob(pattern, path));
		path[0] = 'Z';
		assert_false(http_path_matches(&http, path));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_whole_http),       cmocka_unit_test(refuses_bodies_gone_wrong),
		cmocka_unit_test(goes_with_tcp_alone),      cmocka_unit_test(sees_responses_the_other_way),
		cmocka_unit_test(compiles_code_and_method), cmocka_unit_test(the_automaton_is_a_glob),
		cmocka_unit_test(the_longest_path_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
