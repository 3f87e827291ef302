/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One pod's calls: the environment of an ADD, network configurations with and without annotations, and what is to come of a call. For
 * CMocka tests, once in a program.
 */
#ifndef FAULTWIRE_PLUGIN_POD_H
#define FAULTWIRE_PLUGIN_POD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/policy.h"
#include "tests/unit/plugin_fake.h"

#define LOSS "{\\\"action\\\":\\\"loss\\\",\\\"loss\\\":{\\\"loss\\\":\\\"10\\\"}}"
#define PREV "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.5/16\",\"interface\":2}]}"
#define CONF(keys) "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"faultwire\",\"prevResult\":" PREV keys "}"
#define POD(annotations) CONF(",\"runtimeConfig\":{\"io.kubernetes.cri.pod-annotations\":{" annotations "}}")
#define FAULTY POD("\"faultwire.dev/network\":\"" LOSS "\"")
#define ADDED "add(abc,eth0,/run/netns/x,net,shop,web-0,u-1)"

static int setup(void **state)
{
	(void)state;
	fake_reset();
	fake_setenv("CNI_COMMAND", "ADD");
	fake_setenv("CNI_CONTAINERID", "abc");
	fake_setenv("CNI_IFNAME", "eth0");
	fake_setenv("CNI_NETNS", "/run/netns/x");
	fake_setenv("CNI_PATH", "/opt/cni/bin");
	fake_setenv("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_UID=u-1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

static void command(const char *name)
{
	fake_setenv("CNI_COMMAND", name);
}

static void policy(const char *text)
{
	static char path[64];
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = fake_file(text, strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fake.policy = path;
}

static void succeeds(const char *text, const char *out, const char *calls)
{
	assert_int_equal(fake_run(text, strlen(text)), 0);
	assert_string_equal(fake.out, out);
	assert_string_equal(fake.calls, calls);
}

static void fails(const char *text, int code, const char *msg, const char *calls)
{
	_cleanup_json_ cJSON *j = NULL;
	struct error err = {};

	assert_int_equal(fake_run(text, strlen(text)), 1);
	assert_int_equal(json_parse(fake.out, fake.out_n, "stdout", &j, &err), 0);
	assert_int_equal(cJSON_GetObjectItem(j, "code")->valueint, code);
	assert_string_equal(cJSON_GetObjectItem(j, "cniVersion")->valuestring, "1.0.0");
	assert_memory_equal(cJSON_GetObjectItem(j, "msg")->valuestring, msg, strlen(msg));
	assert_string_equal(fake.calls, calls);
}

#endif
