// SPDX-License-Identifier: GPL-2.0-only
/*
 * stdin -> struct netconf: what is read, merged, refused, and that prevResult's bytes are left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cni-plugin/netconf.h"
#include "tests/unit/plugin_fake.h"

#define HEAD "\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"faultwire\""

static int parse(const char *text, struct netconf *ret, struct error *err)
{
	return netconf_parse(text, strlen(text), ret, err);
}

static void refuses(const char *text, int error, const char *msg)
{
	struct netconf conf = { .name = "untouched" };
	struct error err = {};

	assert_int_equal(parse(text, &conf, &err), -error);
	assert_int_equal(err.code, error);
	assert_string_equal(err.msg, msg);
	assert_string_equal(conf.name, "untouched");
}

/* The merged annotations as JSON, sorted as they were found. */
static void expect_annotations(const char *text, const char *expected)
{
	_cleanup_netconf_ struct netconf conf = {};
	_cleanup_json_ cJSON *merged = NULL;
	struct error err = {};
	char *printed;

	assert_int_equal(parse(text, &conf, &err), 0);
	assert_int_equal(netconf_annotations(&conf, &merged, &err), 0);
	if (!expected) {
		assert_null(merged);
		return;
	}
	printed = cJSON_PrintUnformatted(merged);
	assert_string_equal(printed, expected);
	cJSON_free(printed);
}

static void refuses_annotations(const char *text, const char *msg)
{
	_cleanup_netconf_ struct netconf conf = {};
	cJSON *merged = NULL;
	struct error err = {};

	assert_int_equal(parse(text, &conf, &err), 0);
	assert_int_equal(netconf_annotations(&conf, &merged, &err), -EINVAL);
	assert_string_equal(err.msg, msg);
	assert_null(merged);
}

static void expect_prev(const char *text, const char *prev, bool same_version, const char *version)
{
	_cleanup_netconf_ struct netconf conf = {};
	struct error err = {};

	assert_int_equal(parse(text, &conf, &err), 0);
	if (!prev) {
		assert_null(conf.prev);
		return;
	}
	assert_int_equal(conf.prev_n, strlen(prev));
	assert_memory_equal(conf.prev, prev, conf.prev_n);
	assert_true(conf.prev >= text && conf.prev < text + strlen(text));
	assert_int_equal(conf.prev_same_version, same_version);
	assert_int_equal(conf.prev_version != NULL, version != NULL);
	if (version)
		assert_memory_equal(conf.prev_version, version, conf.prev_version_n);
}

static void tolerates_unknown_keys_and_capabilities(void **state)
{
	_cleanup_netconf_ struct netconf conf = {};
	struct error err = {};

	(void)state;
	assert_int_equal(
		parse("{" HEAD ",\"capabilities\":{\"" NETCONF_CAPABILITY "\":true},\"x\":[{\"y\":1}],\"dns\":{}}", &conf, &err),
		0);
	assert_string_equal(conf.cni_version, "1.0.0");
	assert_string_equal(conf.name, "net");
	assert_null(conf.prev);
}

static void refuses_what_is_not_a_json_object(void **state)
{
	const char *texts[] = {
		"", " ", "{", "[]", "null", "\"x\"", "1", "{" HEAD "} x", "{" HEAD ",\"name\":\"again\"}", "{\"name\":\"\xff\"}"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct netconf conf;
		struct error err = {};

		assert_int_equal(parse(texts[i], &conf, &err), -EBADMSG);
		assert_memory_equal(err.msg, NETCONF_PATH ":", strlen(NETCONF_PATH ":"));
		assert_int_equal(err.code, EBADMSG);
	}
}

static void refuses_a_missing_version_or_name(void **state)
{
	(void)state;
	refuses("{\"name\":\"net\"}", EINVAL, "network configuration.cniVersion: must be a string that is not empty");
	refuses("{\"cniVersion\":\"\",\"name\":\"net\"}", EINVAL,
		"network configuration.cniVersion: must be a string that is not empty");
	refuses("{\"cniVersion\":1,\"name\":\"net\"}", EINVAL,
		"network configuration.cniVersion: must be a string that is not empty");
	refuses("{\"cniVersion\":\"1.0.0\"}", EINVAL, "network configuration.name: must be a string that is not empty");
	refuses("{\"cniVersion\":\"1.0.0\",\"name\":[]}", EINVAL, "network configuration.name: must be a string that is not empty");
}

static void refuses_a_prev_result_that_is_not_an_object(void **state)
{
	const char *values[] = { "1", "\"x\"", "[]", "true" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_free_ char *text = util_printf("{" HEAD ",\"prevResult\":%s}", values[i]);

		refuses(text, EINVAL,
			"network configuration.prevResult: must be an object, the result of the plugin before this one");
	}
}

static void finds_the_bytes_of_prev_result(void **state)
{
	(void)state;
	expect_prev("{" HEAD "}", NULL, false, NULL);
	expect_prev("{" HEAD ",\"prevResult\":null}", NULL, false, NULL);
	expect_prev("{" HEAD ",\"prevResult\" : { } }", "{ }", false, NULL);
	expect_prev("{" HEAD ",\"prevResult\":{\"a\" : 1e0, \"cniVersion\" : \"1.0.0\"}, \"z\":1}",
		    "{\"a\" : 1e0, \"cniVersion\" : \"1.0.0\"}", true, "\"1.0.0\"");
	expect_prev("{\"prevResult\":{\"cniVersion\":\"0.4.0\"}," HEAD "}", "{\"cniVersion\":\"0.4.0\"}", false, "\"0.4.0\"");
	expect_prev("{\"prevResult\":{\"cniVersion\":4}," HEAD "}", "{\"cniVersion\":4}", false, "4");
}

static void finds_prev_result_by_its_decoded_key(void **state)
{
	(void)state;
	expect_prev("{" HEAD ",\"prev\\u0052esult\":{\"cni\\u0056ersion\":\"1.0.0\"}}", "{\"cni\\u0056ersion\":\"1.0.0\"}", true,
		    "\"1.0.0\"");
	expect_prev("{\"x\":{\"prevResult\":{\"inner\":1}}," HEAD ",\"prevResult\":{\"outer\":1}}", "{\"outer\":1}", false, NULL);
}

static void takes_a_nul_in_annotations_of_others(void **state)
{
	(void)state;
	expect_annotations("{" HEAD ",\"annotations\":{\"other\":\"a\\u0000b\"}}", NULL);
	expect_prev("{\"a\":\"\\\\u0000 \\u0000\"," HEAD ",\"prevResult\":{\"x\":\"\\u0000\",\"cniVersion\":\"0.4.0\"}}",
		    "{\"x\":\"\\u0000\",\"cniVersion\":\"0.4.0\"}", false, "\"0.4.0\"");
	expect_annotations("{" HEAD ",\"annotations\":{\"faultwire.dev/a\":\"\\\\u0000\",\"faultwire.dev/b\":\"x\\u0000\"}}",
			   "{\"faultwire.dev/a\":\"\\\\u0000\",\"faultwire.dev/b\":\"x\xef\xbf\xbd\"}");
}

static void finds_no_annotations_where_there_are_none_of_ours(void **state)
{
	const char *keys[] = {
		"\"x\":1",
		"\"annotations\":null",
		"\"annotations\":{}",
		"\"runtimeConfig\":null",
		"\"runtimeConfig\":{}",
		"\"runtimeConfig\":{\"" NETCONF_CAPABILITY "\":null}",
		"\"runtimeConfig\":{\"" NETCONF_CAPABILITY "\":{}}",
		"\"runtimeConfig\":{\"" NETCONF_CAPABILITY
		"\":{\"other.dev/x\":\"1\",\"faultwire.develop/x\":\"1\",\"Faultwire.dev/x\":\"1\"}}",
		"\"annotations\":{\"other\":5}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_free_ char *text = util_printf("{" HEAD ",%s}", keys[i]);

		expect_annotations(text, NULL);
	}
}

static void merges_annotations_with_the_pods_own_winning(void **state)
{
	(void)state;
	expect_annotations("{" HEAD
			   ",\"annotations\":{\"faultwire.dev/network\":\"conf\",\"faultwire.dev/experiment\":\"e\",\"x\":\"y\"},"
			   "\"runtimeConfig\":{\"" NETCONF_CAPABILITY "\":{\"faultwire.dev/network\":\"pod\",\"a\":\"b\"}}}",
			   "{\"faultwire.dev/network\":\"pod\",\"faultwire.dev/experiment\":\"e\"}");
	expect_annotations("{" HEAD ",\"annotations\":{\"faultwire.dev/network\":\"conf\"},\"runtimeConfig\":{\"" NETCONF_CAPABILITY
			   "\":null}}",
			   "{\"faultwire.dev/network\":\"conf\"}");
}

static void refuses_annotations_that_are_no_strings(void **state)
{
	(void)state;
	refuses_annotations("{" HEAD ",\"annotations\":{\"faultwire.dev/network\":{\"action\":\"delay\"}}}",
			    "faultwire.dev/network: must be a string that holds JSON (in network configuration.annotations)");
	refuses_annotations("{" HEAD ",\"annotations\":{\"faultwire.dev/network\":null}}",
			    "faultwire.dev/network: must be a string that holds JSON (in network configuration.annotations)");
	refuses_annotations("{" HEAD ",\"runtimeConfig\":{\"" NETCONF_CAPABILITY "\":{\"faultwire.dev/network\":1}}}",
			    "faultwire.dev/network: must be a string that holds JSON (in network "
			    "configuration.runtimeConfig." NETCONF_CAPABILITY ")");
	refuses_annotations("{" HEAD ",\"annotations\":[]}", "network configuration.annotations: must be an object of annotations");
	refuses_annotations("{" HEAD ",\"runtimeConfig\":\"x\"}", "network configuration.runtimeConfig: must be an object");
	refuses_annotations("{" HEAD ",\"runtimeConfig\":{\"" NETCONF_CAPABILITY "\":[]}}",
			    "network configuration.runtimeConfig." NETCONF_CAPABILITY ": must be an object of annotations");
}

static void expect_attachments(const char *keys, bool known, size_t n, const char *last_id, const char *last_ifname)
{
	_cleanup_free_ char *text = util_printf("{" HEAD "%s}", keys);
	_cleanup_free_ struct netconf_attachment *list = NULL;
	_cleanup_netconf_ struct netconf conf = {};
	struct error err = {};
	size_t got;
	bool is_known;

	assert_int_equal(parse(text, &conf, &err), 0);
	assert_int_equal(netconf_attachments(&conf, &list, &got, &is_known, &err), 0);
	assert_int_equal(is_known, known);
	assert_int_equal(got, n);
	if (n > 0) {
		assert_string_equal(list[n - 1].container_id, last_id);
		assert_string_equal(list[n - 1].ifname, last_ifname);
	}
}

static void reads_valid_attachments_in_both_spellings(void **state)
{
	(void)state;
	expect_attachments("", false, 0, NULL, NULL);
	expect_attachments(",\"cni.dev/valid-attachments\":null,\"cni.dev/attachments\":null", true, 0, NULL, NULL);
	expect_attachments(",\"cni.dev/valid-attachments\":[]", true, 0, NULL, NULL);
	expect_attachments(
		",\"cni.dev/"
		"valid-attachments\":[{\"containerID\":\"a\",\"ifname\":\"eth0\"},{\"containerID\":\"b\",\"ifname\":\"net1\","
		"\"x\":1}]",
		true, 2, "b", "net1");
	expect_attachments(",\"cni.dev/attachments\":[{\"containerID\":\"a\",\"ifname\":\"eth0\"}]", true, 1, "a", "eth0");
	expect_attachments(
		",\"cni.dev/attachments\":[{\"containerID\":\"a\",\"ifname\":\"eth0\"}],\"cni.dev/valid-attachments\":[]", true, 0,
		NULL, NULL);
}

static void refuses_attachments(const char *value, const char *msg)
{
	_cleanup_free_ char *text = util_printf("{" HEAD ",\"cni.dev/valid-attachments\":%s}", value);
	_cleanup_netconf_ struct netconf conf = {};
	struct netconf_attachment *list = NULL;
	struct error err = {};
	size_t n;
	bool known;

	assert_int_equal(parse(text, &conf, &err), 0);
	assert_int_equal(netconf_attachments(&conf, &list, &n, &known, &err), -EINVAL);
	assert_string_equal(err.msg, msg);
}

static void refuses_malformed_attachments(void **state)
{
	(void)state;
	refuses_attachments("{}", "network configuration.cni.dev/valid-attachments: must be a list; nothing was removed");
	refuses_attachments("false", "network configuration.cni.dev/valid-attachments: must be a list; nothing was removed");
	refuses_attachments(
		"[{\"containerID\":\"a\",\"ifname\":\"eth0\"},{\"containerID\":\"b\"}]",
		"network configuration.cni.dev/valid-attachments[1]: must be {\"containerID\":\"...\",\"ifname\":\"...\"}; "
		"nothing was removed");
	refuses_attachments("[null]", "network configuration.cni.dev/valid-attachments[0]: must be "
				      "{\"containerID\":\"...\",\"ifname\":\"...\"}; nothing was removed");
	refuses_attachments(
		"[{\"containerID\":1,\"ifname\":\"eth0\"}]",
		"network configuration.cni.dev/valid-attachments[0]: must be {\"containerID\":\"...\",\"ifname\":\"...\"}; "
		"nothing was removed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tolerates_unknown_keys_and_capabilities),
		cmocka_unit_test(refuses_what_is_not_a_json_object),
		cmocka_unit_test(refuses_a_missing_version_or_name),
		cmocka_unit_test(refuses_a_prev_result_that_is_not_an_object),
		cmocka_unit_test(finds_the_bytes_of_prev_result),
		cmocka_unit_test(finds_prev_result_by_its_decoded_key),
		cmocka_unit_test(takes_a_nul_in_annotations_of_others),
		cmocka_unit_test(finds_no_annotations_where_there_are_none_of_ours),
		cmocka_unit_test(merges_annotations_with_the_pods_own_winning),
		cmocka_unit_test(refuses_annotations_that_are_no_strings),
		cmocka_unit_test(reads_valid_attachments_in_both_spellings),
		cmocka_unit_test(refuses_malformed_attachments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
