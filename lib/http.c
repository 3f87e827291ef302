// SPDX-License-Identifier: GPL-2.0-only
/*
 * The glob's automaton: state i = 'the first i literals are behind us'; a byte moves on where literal i is that byte, and stays where a
 * '*' stands before literal i.
 */
#include "lib/http.h"

#include <string.h>

#include "lib/util.h"

_Static_assert(FAULT_PATH_MAX <= FW_HTTP_LITERALS, "every path fits");
_Static_assert(FAULT_METHOD_MAX <= FW_HTTP_METHOD, "every method fits");

static void set_bit(__u64 set[2], uint32_t i)
{
	set[i / 64] |= 1ULL << i % 64;
}

static bool has_bit(const __u64 set[2], uint32_t i)
{
	return set[i / 64] >> i % 64 & 1;
}

void http_compile(const struct fault_http *http, struct fw_http *ret)
{
	*ret = (struct fw_http){ .flags = http->code ? 0 : FW_HTTP_ABORT };
	for (const char *c = http->path; *c; c++) {
		if (*c == '*')
			set_bit(ret->star, ret->literals);
		else
			set_bit(ret->literal[*c & 127], ret->literals++);
	}
	memcpy(ret->method, http->method, strlen(http->method));
	for (unsigned int i = 0, scale = 100; i < 3; i++, scale /= 10)
		ret->code[i] = (char)('0' + http->code / scale % 10);
}

bool http_path_matches(const struct fw_http *http, const char *path)
{
	__u64 now[2] = { 1, 0 }, next[2];

	for (; *path; path++) {
		const __u64 *literal = http->literal[*path & 127];

		for (int i = 0; i < 2; i++)
			next[i] = (now[i] & literal[i]) << 1 | (now[i] & http->star[i]);
		next[1] |= (now[0] & literal[0]) >> 63;
		memcpy(now, next, sizeof(now));
	}
	return has_bit(now, http->literals);
}

void http_to_json(cJSON *o, const struct fault_http *http)
{
	cJSON_AddStringToObject(o, "path", http->path);
	cJSON_AddStringToObject(o, "method", http->method);
	cJSON_AddItemToObject(o, "code", json_number(http->code));
}

int http_from_json(const struct json *j, struct fault_http *http, struct error *err)
{
	struct json path = json_get(j, "path"), method = json_get(j, "method"), code = json_get(j, "code");
	const char *path_text = "", *method_text = "";
	uint64_t v = 0;
	int r = json_string(&path, &path_text, err);

	if (!r)
		r = json_string(&method, &method_text, err);
	if (!r)
		r = json_u64(&code, 0, 599, &v, err);
	if (r)
		return r;
	if (strlen(path_text) >= sizeof(http->path) || strlen(method_text) >= sizeof(http->method))
		return json_error(j, err, "has a path or a method that is too long");
	memcpy(http->path, path_text, strlen(path_text) + 1);
	memcpy(http->method, method_text, strlen(method_text) + 1);
	http->code = v;
	return 0;
}
