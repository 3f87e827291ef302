// SPDX-License-Identifier: GPL-2.0-only
/*
 * CNI_ARGS -> the pod's identity.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cni-plugin/args.h"
#include "tests/unit/plugin_fake.h"

static void expect(const char *text, const char *ns, const char *name, const char *uid)
{
	_cleanup_args_ struct args args = {};
	struct error err = {};

	assert_int_equal(args_parse(text, &args, &err), 0);
	assert_string_equal(args.pod_namespace, ns);
	assert_string_equal(args.pod_name, name);
	assert_string_equal(args.pod_uid, uid);
}

static void refuses(const char *text, const char *msg)
{
	struct args args = { .pod_name = (char *)"untouched" };
	struct error err = {};

	assert_int_equal(args_parse(text, &args, &err), -EINVAL);
	assert_string_equal(err.msg, msg);
	assert_string_equal(args.pod_name, "untouched");
	assert_null(args.pod_namespace);
}

static void reads_the_pod_in_any_order(void **state)
{
	(void)state;
	expect("IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=u-1", "shop",
	       "web-0", "u-1");
	expect("K8S_POD_UID=u-1;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_NAME=web-0;K8S_POD_NAMESPACE=shop;IgnoreUnknown=1", "shop",
	       "web-0", "u-1");
}

static void leaves_empty_what_the_runtime_does_not_say(void **state)
{
	(void)state;
	expect(NULL, "", "", "");
	expect("", "", "", "");
	expect(";;", "", "", "");
	expect("K8S_POD_NAME=web-0;", "", "web-0", "");
	expect("K8S_POD_NAME=", "", "", "");
}

static void keeps_the_first_of_a_repeated_key(void **state)
{
	(void)state;
	expect("K8S_POD_NAMESPACE=kube-system;K8S_POD_NAMESPACE=other", "kube-system", "", "");
	expect("K8S_POD_NAMESPACE=;K8S_POD_NAMESPACE=other", "", "", "");
}

static void keeps_an_equals_sign_in_a_value(void **state)
{
	(void)state;
	expect("K8S_POD_NAME=a=b", "", "a=b", "");
}

static void knows_keys_by_their_whole_name(void **state)
{
	(void)state;
	expect("K8S_POD_NAMES=x;XK8S_POD_NAME=y;k8s_pod_uid=z", "", "", "");
}

static void refuses_a_part_without_equals_sign(void **state)
{
	(void)state;
	refuses("K8S_POD_NAMESPACE=shop;K8S_POD_NAME",
		"CNI_ARGS: 'K8S_POD_NAME' is not KEY=value; the runtime separates pairs with ';'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_pod_in_any_order),        cmocka_unit_test(leaves_empty_what_the_runtime_does_not_say),
		cmocka_unit_test(keeps_the_first_of_a_repeated_key), cmocka_unit_test(keeps_an_equals_sign_in_a_value),
		cmocka_unit_test(knows_keys_by_their_whole_name),    cmocka_unit_test(refuses_a_part_without_equals_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
