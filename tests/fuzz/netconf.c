// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes a whole call of the plugin over a fake engine. The first byte chooses command and world, the rest is stdin. Whatever it is: a
 * failure prints an error object, a success prints a result of the configuration's version or nothing.
 */
#include "tests/unit/plugin_fake.h"

static const char *const commands[] = { "ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION" };

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not so: %s\n%s\n", what, fake.out);
	abort();
}

static void set_world(unsigned int choice)
{
	fake_setenv("CNI_COMMAND", commands[choice % ARRAY_SIZE(commands)]);
	fake_setenv("CNI_CONTAINERID", "abc");
	fake_setenv("CNI_IFNAME", "eth0");
	fake_setenv("CNI_NETNS", "/run/netns/x");
	fake_setenv("CNI_PATH", "/opt/cni/bin");
	fake_setenv("CNI_ARGS", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_UID=u-1");
	choice /= ARRAY_SIZE(commands);
	fake.exists = choice & 1;
	fake.add = fake.del = fake.check = fake.gc = choice & 2 ? -EIO : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_json_ cJSON *out = NULL;
	int status;

	if (n == 0)
		return 0;
	set_world(data[0]);
	status = fake_run((const char *)data + 1, n - 1);
	/* A NUL goes through as it came, and json_parse refuses it. */
	if (status == 0 && memmem(fake.out, fake.out_n, "\\u0000", 6))
		return 0;
	if (fake.out_n > 0)
		require(json_parse(fake.out, fake.out_n, "stdout", &out, NULL) == 0, "stdout is JSON");
	if (status == 0 && data[0] % ARRAY_SIZE(commands) > 0 && data[0] % ARRAY_SIZE(commands) < 5)
		require(!out, "only ADD and VERSION print");
	else
		require(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(out, "cniVersion")), "what is printed has a version");
	if (status != 0)
		require(cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(out, "code")) &&
				cJSON_IsString(cJSON_GetObjectItemCaseSensitive(out, "msg")) && fake.log[0],
			"an error has a code and a message, and is logged");
	return 0;
}
