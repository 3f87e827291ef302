// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the node's policy, and json_span over the same text. What parses is within its bounds; what does not leaves its output alone
 * and says why.
 */
#include <errno.h>

#include "bpf/abi.h"
#include "lib/policy.h"
#include "lib/util.h"

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* The bytes of a value that json_span finds are a document of that value. */
static void check_span(const char *text, size_t n, const cJSON *root)
{
	const cJSON *member;

	cJSON_ArrayForEach (member, root) {
		_cleanup_json_ cJSON *value = NULL;
		_cleanup_free_ char *there = NULL, *here = NULL;
		const char *span;
		size_t len;

		if (!cJSON_IsObject(root))
			return;
		require(json_span(text, n, member->string, &span, &len), "every key has its span");
		require(span >= text && span + len <= text + n, "a span is within the text");
		require(json_parse(span, len, "span", &value, NULL) == 0, "a span is a document");
		/* as text, because 1e999 is infinite and so not equal to itself by cJSON_Compare */
		there = cJSON_PrintUnformatted(value);
		here = cJSON_PrintUnformatted(member);
		require(util_streq(there, here), "a span is the value");
	}
}

static void check_json(const char *text, size_t n)
{
	_cleanup_json_ cJSON *root = NULL, *again = NULL;
	_cleanup_free_ char *printed = NULL;

	if (json_parse(text, n, "text", &root, NULL) < 0)
		return;
	printed = cJSON_PrintUnformatted(root);
	require(json_parse(printed, strlen(printed), "printed", &again, NULL) == 0, "what is printed parses");
	check_span(text, n, root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_policy_ struct policy p = {};
	struct fault_spec spec = {};
	struct error err = {};
	int r = policy_parse((const char *)data, n, &p, &err);

	check_json((const char *)data, n);
	if (r < 0) {
		require(r == -err.code && strchr(err.msg, ':'), "a failure says where and what");
		require(!p.allow && !p.deny && !p.deny_actions, "a failure leaves the output alone");
		return 0;
	}
	require(p.max_percent_ppm <= PPM_ALL && p.max_pods <= FW_SLOTS && p.max_duration_ns > 0, "bounds");
	policy_check(&p, &spec, "shop", &err);
	return 0;
}
