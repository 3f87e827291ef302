// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node's ceilings: what a document may say, and that over each one is an error which names the rule and the file.
 */
#include "tests/unit/check.h"

#include "bpf/abi.h"
#include "lib/policy.h"

#define NET "faultwire.dev/network"
#define DELAY(latency) "{\"action\":\"delay\",\"delay\":{\"latency\":\"" latency "\"}"

static struct policy policy_of(const char *text)
{
	struct policy p;
	struct error err = {};

	if (policy_parse(text, strlen(text), &p, &err) != 0)
		fail_msg("%s\n  refused: %s", text, err.msg);
	return p;
}

static void defaults_deny_kube_system_only(void **state)
{
	_cleanup_policy_ struct policy p = {};

	(void)state;
	policy_defaults(&p);
	assert_int_equal(p.n_allow, 0);
	assert_int_equal(p.n_deny, 1);
	assert_string_equal(p.deny[0], "kube-system");
	assert_int_equal(p.n_deny_actions, 0);
	assert_int_equal(p.max_percent_ppm, PPM_ALL);
	assert_true(p.max_duration_ns == UINT64_MAX);
	assert_int_equal(p.max_delay_ns, 60 * NSEC_PER_SEC);
	assert_int_equal(p.max_pods, FW_SLOTS);
	assert_int_equal(p.on_error, ON_ERROR_FAIL);
}

static void an_empty_document_is_the_defaults(void **state)
{
	_cleanup_policy_ struct policy p = policy_of("{}");

	(void)state;
	assert_string_equal(p.deny[0], "kube-system");
	assert_int_equal(p.max_delay_ns, 60 * NSEC_PER_SEC);
	assert_int_equal(p.max_pods, FW_SLOTS);
}

static void reads_every_rule(void **state)
{
	_cleanup_policy_ struct policy p =
		policy_of("{\"namespaces\":{\"allow\":[\"shop-*\",\"test\"],\"deny\":[\"shop-prod\"]},"
			  "\"actions\":{\"deny\":[\"partition\",\"reset\"]},\"maxPercent\":\"12.5\","
			  "\"maxDuration\":\"1h\",\"maxDelay\":\"2s\",\"maxPods\":3,\"onError\":\"ignore\"}");

	(void)state;
	assert_int_equal(p.n_allow, 2);
	assert_string_equal(p.allow[0], "shop-*");
	assert_string_equal(p.allow[1], "test");
	assert_int_equal(p.n_deny, 1); /* in the place of kube-system */
	assert_string_equal(p.deny[0], "shop-prod");
	assert_int_equal(p.n_deny_actions, 2);
	assert_string_equal(p.deny_actions[1], "reset");
	assert_int_equal(p.max_percent_ppm, 125000);
	assert_int_equal(p.max_duration_ns, 3600 * NSEC_PER_SEC);
	assert_int_equal(p.max_delay_ns, 2 * NSEC_PER_SEC);
	assert_int_equal(p.max_pods, 3);
	assert_int_equal(p.on_error, ON_ERROR_IGNORE);
}

static void refuses_documents_gone_wrong(void **state)
{
	static const struct refusal cases[] = {
		{ "", EINVAL, "policy.json", { "not valid JSON at byte 1" } },
		{ "{} x", EINVAL, "policy.json", { "something follows" } },
		{ "[]", EINVAL, "policy.json", { "must be an object, not a list" } },
		{ "{\"maxPercnt\":5}", EINVAL, "policy.json", { "unknown key 'maxPercnt', did you mean 'maxPercent'?" } },
		{ "{\"maxPods\":1,\"maxPods\":2}", EINVAL, "policy.json", { "'maxPods' is given twice" } },
		{ "{\"namespaces\":[]}", EINVAL, "policy.json.namespaces", { "must be an object" } },
		{ "{\"namespaces\":{\"denny\":[]}}", EINVAL, "policy.json.namespaces", { "did you mean 'deny'?" } },
		{ "{\"namespaces\":{\"deny\":\"kube-*\"}}",
		  EINVAL,
		  "policy.json.namespaces.deny",
		  { "must be a list of strings" } },
		{ "{\"namespaces\":{\"allow\":[\"a\",5]}}",
		  EINVAL,
		  "policy.json.namespaces.allow",
		  { "element 1 must be a string" } },
		{ "{\"namespaces\":{\"deny\":[\"\"]}}", EINVAL, "policy.json.namespaces.deny", { "element 0", "not empty" } },
		{ "{\"actions\":{\"allow\":[]}}", EINVAL, "policy.json.actions", { "unknown key 'allow' (allowed: deny)" } },
		{ "{\"actions\":{\"deny\":[\"partitoin\"]}}",
		  EINVAL,
		  "policy.json.actions.deny",
		  { "'partitoin' is not an action, so it would deny nothing" } },
		{ "{\"maxPercent\":101}", EINVAL, "policy.json.maxPercent", { "out of range" } },
		{ "{\"maxDuration\":\"60\"}", EINVAL, "policy.json.maxDuration", { "needs a unit" } },
		{ "{\"maxDuration\":\"0s\"}", EINVAL, "policy.json.maxDuration", { "must be over 0s", "leave it out" } },
		{ "{\"maxDelay\":60}", EINVAL, "policy.json.maxDelay", { "'60' needs a unit" } },
		{ "{\"maxPods\":-1}", EINVAL, "policy.json.maxPods", { "from 0 to 1024" } },
		{ "{\"maxPods\":1025}", EINVAL, "policy.json.maxPods", { "from 0 to 1024" } },
		{ "{\"maxPods\":1e999}", EINVAL, "policy.json.maxPods", { "from 0 to 1024" } },
		{ "{\"onError\":\"warn\"}", EINVAL, "policy.json.onError", { "(allowed: fail, ignore)" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy p = { .max_pods = 99 };
		struct error err = {};

		check_refused(&cases[i], policy_parse(cases[i].input, strlen(cases[i].input), &p, &err), &err);
		assert_int_equal(p.max_pods, 99);
		assert_null(p.deny);
	}
}

/* What a policy says to a network annotation in a namespace: 0, or the error's message must have it all. */
static void check_verdict(const char *document, const char *ns, const char *text, const char *path, const char *says)
{
	_cleanup_policy_ struct policy p = policy_of(document);
	_cleanup_spec_ struct fault_spec spec = network_spec(text);
	const struct refusal c = { text, EPERM, path, { says, "/etc/faultwire/policy.json" } };
	struct error err = {};
	int r = policy_check(&p, &spec, ns, &err);

	if (says)
		check_refused(&c, r, &err);
	else if (r != 0)
		fail_msg("%s refuses %s: %s", document, text, err.msg);
}

static void holds_a_spec_against_every_ceiling(void **state)
{
	static const struct {
		const char *document, *ns, *text, *path, *says; /* says NULL = allowed */
	} cases[] = {
		/* namespaces */
		{ "{}", "default", DELAY("1s") "}", NULL, NULL },
		{ "{}", "kube-system", DELAY("1s") "}", NET, "namespace 'kube-system' is denied by namespaces.deny 'kube-system'" },
		{ "{}", "kube-systems", DELAY("1s") "}", NULL, NULL },
		{ "{}", "", DELAY("1s") "}", NULL, NULL },
		{ "{\"namespaces\":{\"deny\":[]}}", "kube-system", DELAY("1s") "}", NULL, NULL },
		{ "{\"namespaces\":{\"allow\":[]}}", "kube-system", DELAY("1s") "}", NET, "is denied by" },
		{ "{\"namespaces\":{\"allow\":[\"shop-*\"]}}", "shop-eu", DELAY("1s") "}", NULL, NULL },
		{ "{\"namespaces\":{\"allow\":[\"shop-*\"]}}", "bank", DELAY("1s") "}", NET,
		  "namespace 'bank' is not in namespaces.allow" },
		{ "{\"namespaces\":{\"allow\":[\"shop-*\"]}}", "", DELAY("1s") "}", NET, "is not in namespaces.allow" },
		{ "{\"namespaces\":{\"allow\":[\"*\"],\"deny\":[\"*-prod\"]}}", "shop-prod", DELAY("1s") "}", NET,
		  "namespaces.deny '*-prod'" },
		/* actions */
		{ "{\"actions\":{\"deny\":[\"delay\"]}}", "a", DELAY("1s") "}", NET ".action",
		  "'delay' is denied by actions.deny" },
		{ "{\"actions\":{\"deny\":[\"loss\"]}}", "a", DELAY("1s") "}", NULL, NULL },
		{ "{\"actions\":{\"deny\":[\"partition\"]}}", "a", "[" DELAY("1s") "},{\"action\":\"partition\"}]",
		  NET "[1].action", "'partition' is denied" },
		/* percent: of the fault times of the action */
		{ "{\"maxPercent\":20}", "a", DELAY("1s") "}", NET,
		  "'100' percent of the packets is over this node's maxPercent of 20" },
		{ "{\"maxPercent\":20}", "a", DELAY("1s") ",\"percent\":20}", NULL, NULL },
		{ "{\"maxPercent\":20}", "a", DELAY("1s") ",\"percent\":\"20.0001\"}", NET, "'20.0001' percent" },
		{ "{\"maxPercent\":20}", "a", "{\"action\":\"partition\",\"percent\":21}", NET, "'21' percent" },
		{ "{\"maxPercent\":20}", "a", "{\"action\":\"loss\",\"loss\":{\"loss\":20}}", NULL, NULL },
		{ "{\"maxPercent\":20}", "a", "{\"action\":\"loss\",\"loss\":{\"loss\":21}}", NET, "lower 'percent' or 'loss'" },
		{ "{\"maxPercent\":20}", "a", "{\"action\":\"loss\",\"loss\":{\"loss\":40},\"percent\":50}", NULL, NULL },
		{ "{\"maxPercent\":20}", "a", "{\"action\":\"loss\",\"loss\":{\"loss\":\"40.0001\"},\"percent\":50}", NET,
		  "'20.0001' percent" },
		{ "{\"maxPercent\":20}", "a", "{\"action\":\"loss\",\"loss\":{\"gemodel\":{\"p\":10,\"r\":30}}}", NET,
		  "'25' percent" },
		{ "{\"maxPercent\":20}", "a", "{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":30}}", NET, "'30' percent" },
		{ "{\"maxPercent\":20}", "a", "{\"action\":\"duplicate\",\"duplicate\":{\"duplicate\":30}}", NET, "'30' percent" },
		/* duration */
		{ "{\"maxDuration\":\"10m\"}", "a", DELAY("1s") ",\"duration\":\"10m\"}", NULL, NULL },
		{ "{\"maxDuration\":\"10m\"}", "a", DELAY("1s") ",\"duration\":\"11m\"}", NET ".duration",
		  "'11m' is over this node's maxDuration of 10m" },
		{ "{\"maxDuration\":\"10m\"}", "a", DELAY("1s") "}", NET ".duration",
		  "is needed on this node, up to its maxDuration of 10m" },
		/* delay */
		{ "{}", "a", DELAY("60s") "}", NULL, NULL },
		{ "{}", "a", "[" DELAY("70s") "}]", NET "[0].delay.latency", "'70s' is over this node's maxDelay of 1m" },
		{ "{\"maxDelay\":\"50ms\"}", "a", "{\"action\":\"delay\",\"delay\":{\"latency\":\"40ms\",\"jitter\":\"20ms\"}}",
		  NET ".delay.latency", "'60ms' is over this node's maxDelay of 50ms" },
		{ "{}", "a", "{\"action\":\"delay\",\"delay\":{\"latency\":\"10s\",\"slot\":{\"min\":\"1s\",\"max\":\"55s\"}}}",
		  NET ".delay.latency", "'65s' is over this node's maxDelay of 1m" },
		{ "{\"maxDelay\":\"0s\"}", "a", "{\"action\":\"partition\"}", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_verdict(cases[i].document, cases[i].ns, cases[i].text, cases[i].path, cases[i].says);
}

static void a_pod_without_faults_is_nobody_s_business(void **state)
{
	_cleanup_policy_ struct policy p = policy_of("{}");
	struct fault_spec spec = {};
	struct error err = {};

	(void)state;
	assert_int_equal(policy_check(&p, &spec, "kube-system", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_deny_kube_system_only),
		cmocka_unit_test(an_empty_document_is_the_defaults),
		cmocka_unit_test(reads_every_rule),
		cmocka_unit_test(refuses_documents_gone_wrong),
		cmocka_unit_test(holds_a_spec_against_every_ceiling),
		cmocka_unit_test(a_pod_without_faults_is_nobody_s_business),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
