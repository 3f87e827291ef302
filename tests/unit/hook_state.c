// SPDX-License-Identifier: GPL-2.0-only
/*
 * The runtime's state in runc's and crun's dialects, whose container it is, and states gone wrong.
 */
#include "tests/unit/check.h"

#include "oci-hook/oci_state.h"

#define STATE "container state"
#define GOOD "\"ociVersion\":\"1.0.2\",\"id\":\"web\",\"status\":\"creating\",\"pid\":17,\"bundle\":\"/b\""

static struct oci_state state_of(const char *text)
{
	struct oci_state s = {};
	struct error err = {};

	if (oci_state_parse(text, strlen(text), &s, &err))
		fail_msg("%s\n  refused: %s", text, err.msg);
	return s;
}

static void reads_runc_s(void **state)
{
	_cleanup_oci_state_ struct oci_state s = state_of(
		"{" GOOD
		",\"annotations\":{\"io.kubernetes.cri.container-name\":\"db\",\"io.kubernetes.cri.container-type\":\"container\","
		"\"io.kubernetes.cri.sandbox-id\":\"pod1\",\"io.kubernetes.cri.sandbox-namespace\":\"shop\","
		"\"io.kubernetes.cri.sandbox-name\":\"db-0\",\"io.kubernetes.cri.sandbox-uid\":\"u\"}}");
	struct oci_identity who;

	(void)state;
	oci_state_identify(&s, &who);
	assert_string_equal(s.id, "web");
	assert_string_equal(s.bundle, "/b");
	assert_true(!s.stopped && s.pid == 17 && !who.is_sandbox);
	assert_string_equal(who.container, "db");
	assert_string_equal(who.sandbox_id, "pod1");
	assert_string_equal(who.pod_namespace, "shop");
	assert_string_equal(who.pod_name, "db-0");
	assert_string_equal(who.pod_uid, "u");
}

static void reads_crun_s_with_escaped_slashes(void **state)
{
	_cleanup_oci_state_ struct oci_state s = state_of(
		"{\n  \"ociVersion\":\"1.0\",\n  \"id\":\"c\",\n "
		"\"status\":\"created\",\"pid\":5,\"root\":\"rootfs\",\"bundle\":\"\\/b\","
		"\"annotations\":{\"faultwire.dev\\/syscall\":\"{}\",\"io.kubernetes.cri-o.ContainerType\":\"sandbox\","
		"\"io.kubernetes.cri-o.ContainerID\":\"c\","
		"\"io.kubernetes.cri-o.SandboxID\":\"pod2\",\"io.kubernetes.container.name\":\"web\","
		"\"io.kubernetes.pod.namespace\":\"n\",\"io.kubernetes.pod.name\":\"p\",\"io.kubernetes.pod.uid\":\"v\"}}");
	struct oci_identity who;

	(void)state;
	oci_state_identify(&s, &who);
	assert_string_equal(s.bundle, "/b");
	assert_true(spec_annotated(s.annotations) && who.is_sandbox);
	assert_string_equal(who.container, "web");
	assert_string_equal(who.sandbox_id, "pod2");
	assert_string_equal(who.pod_uid, "v");
}

/* What a user can annotate a pod with, beside what the engine says. */
static void crio_s_own_keys_are_believed_alone(void **state)
{
	_cleanup_oci_state_ struct oci_state s = state_of(
		"{" GOOD
		",\"annotations\":{\"io.kubernetes.cri.container-type\":\"sandbox\",\"io.kubernetes.cri.container-name\":\"x\","
		"\"io.kubernetes.cri.sandbox-id\":\"x\",\"io.kubernetes.cri.sandbox-namespace\":\"default\","
		"\"io.kubernetes.cri.sandbox-name\":\"x\",\"io.kubernetes.cri.sandbox-uid\":\"x\","
		"\"io.kubernetes.cri-o.ContainerID\":\"web\",\"io.kubernetes.cri-o.ContainerType\":\"container\","
		"\"io.kubernetes.cri-o.SandboxID\":\"pod2\",\"io.kubernetes.container.name\":\"c\","
		"\"io.kubernetes.pod.namespace\":\"kube-system\",\"io.kubernetes.pod.name\":\"p\",\"io.kubernetes.pod.uid\":\"v\"}"
		"}");
	struct oci_identity who;

	(void)state;
	oci_state_identify(&s, &who);
	assert_false(who.is_sandbox);
	assert_string_equal(who.container, "c");
	assert_string_equal(who.sandbox_id, "pod2");
	assert_string_equal(who.pod_namespace, "kube-system");
	assert_string_equal(who.pod_name, "p");
	assert_string_equal(who.pod_uid, "v");
}

static void others_are_not_taken_for_crio(void **state)
{
	_cleanup_oci_state_ struct oci_state s = state_of(
		"{" GOOD ",\"annotations\":{\"io.kubernetes.cri.container-name\":\"db\",\"io.kubernetes.cri.sandbox-id\":\"pod1\","
		"\"io.kubernetes.cri.sandbox-namespace\":\"kube-system\",\"io.container.manager\":\"cri-o\","
		"\"io.kubernetes.cri-o.ContainerID\":\"guess\",\"io.kubernetes.cri-o.SandboxID\":\"x\","
		"\"io.kubernetes.pod.namespace\":\"default\",\"io.kubernetes.container.name\":\"x\"}}");
	struct oci_identity who;

	(void)state;
	oci_state_identify(&s, &who);
	assert_string_equal(who.container, "db");
	assert_string_equal(who.sandbox_id, "pod1");
	assert_string_equal(who.pod_namespace, "kube-system");
}

static void a_container_of_nobody_is_called_by_its_id(void **state)
{
	_cleanup_oci_state_ struct oci_state s = state_of("{" GOOD ",\"annotations\":null}");
	struct oci_identity who;

	(void)state;
	oci_state_identify(&s, &who);
	assert_null(s.annotations);
	assert_string_equal(who.container, "web");
	assert_string_equal(who.sandbox_id, "");
	assert_string_equal(who.pod_namespace, "");
}

static void a_stopped_one_needs_no_process(void **state)
{
	_cleanup_oci_state_ struct oci_state runc = state_of("{\"id\":\"a\",\"status\":\"stopped\",\"bundle\":\"/b\"}");
	_cleanup_oci_state_ struct oci_state crun = state_of("{\"id\":\"a\",\"status\":\"stopped\",\"pid\":0,\"bundle\":\"/b\"}");

	(void)state;
	assert_true(runc.stopped && crun.stopped && runc.pid == 0);
}

#define ID(id) "{\"id\":" id ",\"status\":\"creating\",\"pid\":1,\"bundle\":\"/b\"}"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct refusal refusals[] = {
	{ "", EINVAL, STATE, { "not valid JSON" } },
	{ "{" GOOD, EINVAL, STATE, { "not valid JSON" } },
	{ "[]", EINVAL, STATE, { "must be an object", "on stdin" } },
	{ "{" GOOD "}{", EINVAL, STATE, { "something follows" } },
	{ ID("\"\""), EINVAL, STATE ".id", { "must be a name" } },
	{ ID("\"../x\""), EINVAL, STATE ".id", { "without '/'" } },
	{ ID("\".\""), EINVAL, STATE ".id", { "must be a name" } },
	{ ID("\"" HUNDRED HUNDRED "1\""), EINVAL, STATE ".id", { "1 to 200 characters" } },
	{ ID("5"), EINVAL, STATE ".id", { "must be a string" } },
	{ "{\"status\":\"creating\",\"pid\":1,\"bundle\":\"/b\"}", EINVAL, STATE ".id", { "must be a name" } },
	{ "{\"id\":\"a\",\"status\":\"creating\",\"pid\":1}", EINVAL, STATE ".bundle", { "absolute" } },
	{ "{\"id\":\"a\",\"status\":\"creating\",\"pid\":1,\"bundle\":\"b\"}", EINVAL, STATE ".bundle", { "absolute" } },
	{ "{\"id\":\"a\",\"pid\":1,\"bundle\":\"/b\"}", EINVAL, STATE ".status", { "is missing" } },
	{ "{\"id\":\"a\",\"status\":\"born\",\"pid\":1,\"bundle\":\"/b\"}", EINVAL, STATE ".status", { "creating" } },
	{ "{\"id\":\"a\",\"status\":\"creating\",\"bundle\":\"/b\"}", EINVAL, STATE ".pid", { "the container's process" } },
	{ "{\"id\":\"a\",\"status\":\"creating\",\"pid\":0,\"bundle\":\"/b\"}",
	  EINVAL,
	  STATE ".pid",
	  { "the container's process" } },
	{ "{\"id\":\"a\",\"status\":\"creating\",\"pid\":-1,\"bundle\":\"/b\"}", EINVAL, STATE ".pid", { "whole number" } },
	{ "{\"id\":\"a\",\"status\":\"creating\",\"pid\":4294967297,\"bundle\":\"/b\"}", EINVAL, STATE ".pid", { "2147483647" } },
	{ "{" GOOD ",\"annotations\":[]}", EINVAL, STATE ".annotations", { "must be an object" } },
	{ "{" GOOD ",\"annotations\":{\"a\":5}}", EINVAL, STATE ".annotations", { "'a' must be a string" } },
	{ "{" GOOD ",\"id\":\"b\"}", EINVAL, STATE, { "id" } },
};

static void refuses_states_gone_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct oci_state s = {};
		struct error err = {};

		check_refused(&refusals[i], oci_state_parse(refusals[i].input, strlen(refusals[i].input), &s, &err), &err);
		assert_null(s.root);
	}
}

static void refuses_a_state_cut_anywhere(void **state)
{
	static const char text[] = "{" GOOD ",\"annotations\":{\"a\":\"\\/b\"}}";

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct oci_state s = {};
		struct error err = {};

		assert_int_not_equal(oci_state_parse(text, n, &s, &err), 0);
		assert_null(s.root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_runc_s),
		cmocka_unit_test(reads_crun_s_with_escaped_slashes),
		cmocka_unit_test(crio_s_own_keys_are_believed_alone),
		cmocka_unit_test(others_are_not_taken_for_crio),
		cmocka_unit_test(a_container_of_nobody_is_called_by_its_id),
		cmocka_unit_test(a_stopped_one_needs_no_process),
		cmocka_unit_test(refuses_states_gone_wrong),
		cmocka_unit_test(refuses_a_state_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
