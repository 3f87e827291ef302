// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes prevResult's way through ADD: what comes out means what went in, but for cniVersion, which is the configuration's.
 */
#include "tests/unit/plugin_fake.h"

/* The rest of an object as text, its cniVersion taken out and compared. */
static char *rest(cJSON *object, const char *version)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, "cniVersion");

	if (version && (!cJSON_IsString(v) || !util_streq(v->valuestring, version)))
		abort();
	cJSON_DeleteItemFromObjectCaseSensitive(object, "cniVersion");
	return cJSON_PrintUnformatted(object);
}

static void compare(cJSON *in, cJSON *out)
{
	char *a = rest(in, NULL), *b = rest(out, "1.1.0");

	if (!util_streq(a, b))
		abort();
	cJSON_free(a);
	cJSON_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char head[] = "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"prevResult\":";
	_cleanup_free_ char *text = util_alloc(sizeof(head) + n + 1, 1);
	_cleanup_json_ cJSON *in = NULL, *out = NULL;

	memcpy(text, head, strlen(head));
	memcpy(text + strlen(head), data, n);
	text[strlen(head) + n] = '}';
	fake_setenv("CNI_COMMAND", "ADD");
	fake_setenv("CNI_CONTAINERID", "abc");
	fake_setenv("CNI_IFNAME", "eth0");
	fake_setenv("CNI_NETNS", "/run/netns/x");
	if (fake_run(text, strlen(head) + n + 1) != 0)
		return 0;
	/* A NUL goes through as it came, and json_parse refuses it. */
	if (memmem(data, n, "\\u0000", 6))
		return 0;
	if (json_parse(fake.out, fake.out_n, "stdout", &out, NULL) < 0)
		abort();
	if (json_parse((const char *)data, n, "input", &in, NULL) == 0)
		compare(in, out);
	return 0;
}
