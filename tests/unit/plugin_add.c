// SPDX-License-Identifier: GPL-2.0-only
/*
 * ADD of an annotated pod: what the engine is asked, and what the pod gets when its annotations, the policy or the engine say no.
 */
#include "tests/unit/plugin_pod.h"

static void hands_the_pods_faults_to_the_engine(void **state)
{
	struct policy defaults;
	uint64_t seed;

	(void)state;
	policy_defaults(&defaults);
	succeeds(FAULTY, PREV, ADDED);
	assert_string_equal(fake.log, "");
	assert_int_equal(fake.n_faults, 1);
	assert_int_equal(fake.max_pods, defaults.max_pods);
	seed = fake.seed;
	succeeds(FAULTY, PREV, ADDED);
	assert_int_not_equal(fake.seed, seed);
	policy_cleanup(&defaults);
}

static void hands_the_policys_ceilings_to_the_engine(void **state)
{
	(void)state;
	policy("{\"maxPods\":3,\"maxDelay\":\"7s\"}");
	succeeds(FAULTY, PREV, ADDED);
	assert_int_equal(fake.max_pods, 3);
}

static void takes_annotations_from_the_configuration_too(void **state)
{
	(void)state;
	fake_setenv("CNI_ARGS", NULL);
	succeeds(CONF(",\"annotations\":{\"faultwire.dev/network\":\"[" LOSS "," LOSS "]\"}"), PREV,
		 "add(abc,eth0,/run/netns/x,net,,,)");
	assert_int_equal(fake.n_faults, 2);
	succeeds(CONF(",\"annotations\":{\"faultwire.dev/network\":\"[" LOSS "," LOSS "]\"},\"runtimeConfig\":"
		      "{\"io.kubernetes.cri.pod-annotations\":{\"faultwire.dev/network\":\"" LOSS "\"}}"),
		 PREV, "add(abc,eth0,/run/netns/x,net,,,)");
	assert_int_equal(fake.n_faults, 1);
}

static void passes_a_pod_through_that_is_not_selected(void **state)
{
	static const char *const text = POD("\"faultwire.dev/network\":\"" LOSS "\",\"faultwire.dev/select\":"
					    "\"{\\\"mode\\\":\\\"fixed-percent\\\",\\\"value\\\":\\\"0\\\"}\"");

	(void)state;
	succeeds(text, PREV, "");
	assert_string_equal(fake.log, "faultwire: ADD abc: not selected by faultwire.dev/select, no fault applied\n");
	command("CHECK");
	succeeds(text, "", "");
}

static void passes_a_pod_through_that_names_no_fault(void **state)
{
	static const char *const text = POD("\"faultwire.dev/experiment\":\"x\"");

	(void)state;
	succeeds(text, PREV, "");
	assert_string_equal(fake.log, "faultwire: ADD abc: no annotation names a fault, no fault applied\n");
	command("CHECK");
	succeeds(text, "", "");
}

#define CALLS "\"faultwire.dev/syscall\":\"{\\\"syscalls\\\":[\\\"connect\\\"],\\\"errno\\\":\\\"EIO\\\"}\""

static void keeps_what_is_the_hooks(void **state)
{
	(void)state;
	succeeds(POD(CALLS), PREV, "save(abc,u-1,1)");
	succeeds(POD(CALLS ",\"faultwire.dev/network\":\"" LOSS "\""), PREV, "save(abc,u-1,2)" ADDED);
	command("CHECK");
	succeeds(POD(CALLS), "", "");
	command("DEL");
	fake.sandbox = true;
	succeeds(POD(CALLS), "", "forget(abc)");
}

/* Annotation values as a person writes them, and where the error must point. */
static const struct {
	const char *value, *path;
} bad[] = {
	{ "{\"action\":\"delay\",\"delay\":{\"latency\":\"200\"}}", "faultwire.dev/network.delay.latency: " },
	{ "{\"action\":\"delay\",\"delay\":{\"latency\":\"-5ms\"}}", "faultwire.dev/network.delay.latency: " },
	{ "{\"action\":\"delay\",\"delay\":{\"latency\":\"NaNms\"}}", "faultwire.dev/network.delay.latency: " },
	{ "{\"action\":\"delay\",\"delay\":{\"latency\":\"5ms\",\"latncy\":\"5ms\"}}", "faultwire.dev/network.delay" },
	{ "{\"action\":\"delay\",\"delay\":[]}", "faultwire.dev/network.delay" },
	{ "{\"action\":\"loss\",\"loss\":{\"loss\":\"101\"}}", "faultwire.dev/network.loss.loss: " },
	{ "{\"action\":\"loss\",\"loss\":{\"loss\":\"-1\"}}", "faultwire.dev/network.loss.loss: " },
	{ "{\"action\":\"loss\",\"loss\":{\"loss\":\"NaN\"}}", "faultwire.dev/network.loss.loss: " },
	{ "{\"action\":\"loss\",\"loss\":{\"loss\":NaN}}", "faultwire.dev/network: " },
	{ "{\"action\":\"loss\",\"loss\":{\"loss\":true}}", "faultwire.dev/network.loss.loss: " },
	{ "{\"action\":\"los\"}", "faultwire.dev/network.action: " },
	{ "{\"action\":\"partition\",\"target\":{\"cidrs\":[\"::ffff:10.0.0.0/104\"]}}",
	  "faultwire.dev/network.target.cidrs[0]: " },
	{ "{\"action\":\"partition\",\"target\":{\"cidrs\":[]}}", "faultwire.dev/network.target.cidrs: " },
	{ "{\"action\":\"partition\",\"target\":{\"ports\":[]}}", "faultwire.dev/network.target.ports: " },
	{ "{\"action\":\"partition\",\"target\":{\"ports\":[\"0\"]}}", "faultwire.dev/network.target.ports[0]: " },
	{ "{\"action\":\"partition\",\"target\":{\"ports\":[\"70000\"]}}", "faultwire.dev/network.target.ports[0]: " },
	{ "{\"action\":\"partition\",\"target\":{\"ports\":[\"53\"],\"protocol\":\"icmp\"}}", "faultwire.dev/network.target" },
	{ "{\"action\":\"http\"}", "faultwire.dev/network: " },
	{ "[]", "faultwire.dev/network: " },
	{ "", "faultwire.dev/network: " },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	  "faultwire.dev/network: " },
};

static char *annotated(const char *value)
{
	cJSON *string = cJSON_CreateString(value);
	char *quoted = cJSON_PrintUnformatted(string);
	char *text = util_printf(CONF(",\"annotations\":{\"faultwire.dev/network\":%s}"), quoted);

	cJSON_free(quoted);
	cJSON_Delete(string);
	return text;
}

static void refuses_bad_annotations_naming_the_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = annotated(bad[i].value);

		fails(text, 100, bad[i].path, "");
		assert_non_null(strstr(fake.out,
				       "\"details\":\"no fault was applied; 'faultwire plan' checks annotations before they are "
				       "deployed\""));
	}
	fails(POD("\"faultwire.dev/netwrk\":\"{}\""), 100, "faultwire.dev/netwrk", "");
	fails(CONF(",\"annotations\":{\"faultwire.dev/network\":{}}"), 100,
	      "faultwire.dev/network: must be a string that holds JSON", "");
	fails(CONF(",\"runtimeConfig\":7"), 100, "network configuration.runtimeConfig: must be an object", "");
}

static void prints_an_error_as_the_protocol_wants_it(void **state)
{
	(void)state;
	fake.add = -EEXIST;
	fake.msg = "'eth0' has a root qdisc 'cake'";
	assert_int_equal(fake_run(FAULTY, strlen(FAULTY)), 1);
	assert_string_equal(fake.out, "{\"cniVersion\":\"1.0.0\",\"code\":104,\"msg\":\"'eth0' has a root qdisc 'cake'\"}\n");
	assert_string_equal(fake.log, "faultwire: ADD abc: 'eth0' has a root qdisc 'cake'\n");
	fake.add = -ENOTSUP;
	fake.msg = "no module sch_netem";
	assert_int_equal(fake_run(FAULTY, strlen(FAULTY)), 1);
	assert_string_equal(fake.out, "{\"cniVersion\":\"1.0.0\",\"code\":102,\"msg\":\"no module sch_netem\","
				      "\"details\":\"'faultwire doctor' on the node names all that it lacks\"}\n");
}

static void gives_each_engine_failure_its_code(void **state)
{
	static const struct {
		int error, code;
	} codes[] = {
		{ EDOM, 100 },   { ENOTSUP, 102 }, { EPERM, 102 }, { ENODEV, 103 }, { EINVAL, 103 },  { EEXIST, 104 },
		{ EUSERS, 105 }, { ENOSPC, 105 },  { EAGAIN, 11 }, { EIO, 110 },    { EBADMSG, 110 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		fake.add = -codes[i].error;
		fails(FAULTY, codes[i].code, "the engine says no", ADDED);
	}
}

static void refuses_what_the_policy_forbids(void **state)
{
	(void)state;
	fake_setenv("CNI_ARGS", "K8S_POD_NAMESPACE=kube-system");
	fails(FAULTY, 101, "faultwire.dev/", "");
	fake_setenv("CNI_ARGS", "K8S_POD_NAMESPACE=shop");
	policy("{\"actions\":{\"deny\":[\"loss\"]}}");
	fails(FAULTY, 101, "faultwire.dev/network", "");
	fake_setenv("CNI_ARGS", "K8S_POD_NAMESPACE");
	fails(FAULTY, 4, "CNI_ARGS: 'K8S_POD_NAMESPACE' is not KEY=value", "");
}

static void refuses_a_policy_that_cannot_be_read(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{\"maxPodz\":1}", "{\"onError\":\"whatever\"}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		policy(texts[i]);
		fails(FAULTY, 107, "policy.json", "");
	}
	fake.policy = "/dev/null";
	fails(FAULTY, 107, "/dev/null: must be a regular file of at most 1 MiB", "");
	fake.policy = "/proc/self/exe/x";
	fails(FAULTY, 107, "/proc/self/exe/x: Not a directory", "");
}

static void ignores_what_goes_wrong_where_the_policy_says_so(void **state)
{
	(void)state;
	policy("{\"onError\":\"ignore\",\"actions\":{\"deny\":[\"partition\"]}}");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = annotated(bad[i].value);

		succeeds(text, PREV, "");
		assert_non_null(strstr(fake.log, bad[i].path));
		assert_non_null(strstr(fake.log, "no fault applied, as the node's policy has onError 'ignore'"));
	}
	succeeds(CONF(",\"annotations\":[]"), PREV, "");
	assert_non_null(strstr(fake.log, "must be an object of annotations"));
	succeeds(POD("\"faultwire.dev/network\":\"{\\\"action\\\":\\\"partition\\\"}\""), PREV, "");
	fake.add = -ENOTSUP;
	succeeds(FAULTY, PREV, ADDED);
	assert_non_null(strstr(fake.log, "the engine says no"));
	/* the runtime's mistakes are nobody's annotations */
	fake_setenv("CNI_ARGS", "nonsense");
	fails(FAULTY, 4, "CNI_ARGS: 'nonsense' is not KEY=value", "");
}

static void undoes_its_work_when_the_result_cannot_be_written(void **state)
{
	_cleanup_close_ int in = fake_file(FAULTY, strlen(FAULTY)), full = open("/dev/full", O_WRONLY);
	struct cni_io io = {
		.getenv = fake_getenv, .in = in, .out = full, .log = fopen("/dev/null", "w"), .policy = "/nonexistent"
	};

	(void)state;
	assert_int_equal(dispatch(&io), 1);
	assert_string_equal(fake.calls, ADDED "del(abc,eth0)");
	fclose(io.log);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hands_the_pods_faults_to_the_engine),
		TEST(hands_the_policys_ceilings_to_the_engine),
		TEST(takes_annotations_from_the_configuration_too),
		TEST(passes_a_pod_through_that_is_not_selected),
		TEST(passes_a_pod_through_that_names_no_fault),
		TEST(keeps_what_is_the_hooks),
		TEST(refuses_bad_annotations_naming_the_place),
		TEST(prints_an_error_as_the_protocol_wants_it),
		TEST(gives_each_engine_failure_its_code),
		TEST(refuses_what_the_policy_forbids),
		TEST(refuses_a_policy_that_cannot_be_read),
		TEST(ignores_what_goes_wrong_where_the_policy_says_so),
		TEST(undoes_its_work_when_the_result_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
