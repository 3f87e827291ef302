// SPDX-License-Identifier: GPL-2.0-only
/*
 * http: plaintext HTTP/1 requests that match get another status in their response, or their connection reset. Percent, when and
 * seed are about requests.
 */
#include "lib/common.h"
#include "lib/plan.h"
#include "lib/util.h"

static int parse_path(const struct json *j, struct fault_http *http, struct error *err)
{
	const char *s = "*";
	int r = json_string(j, &s, err);

	if (r < 0)
		return r;
	if (*s != '/' && *s != '*')
		return json_error(j, err, "'%.64s' must begin with '/', or with '*' for any beginning, as in \"/api/*\"", s);
	if (strlen(s) > FAULT_PATH_MAX)
		return json_error(j, err, "is longer than %d characters: use '*' for a part of it", FAULT_PATH_MAX);
	if (strpbrk(s, "?#"))
		return json_error(j, err, "'%.64s': the query is not looked at, end the path before '?' or '#'", s);
	for (const char *c = s; *c; c++)
		if (*c <= ' ' || *c > '~')
			return json_error(j, err,
					  "'%.64s' has a character that a request never has: write it percent-encoded, as in "
					  "%%20, or use '*'",
					  s);
	snprintf(http->path, sizeof(http->path), "%s", s);
	return 0;
}

static int parse_method(const struct json *j, struct fault_http *http, struct error *err)
{
	const char *s = "";
	int r = json_string(j, &s, err);

	if (r < 0 || !json_has(j))
		return r;
	if (!*s || strlen(s) > FAULT_METHOD_MAX || strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != strlen(s))
		return json_error(j, err, "'%.64s' is not a method in capital letters, as in \"GET\"; leave it out for all of them",
				  s);
	snprintf(http->method, sizeof(http->method), "%s", s);
	return 0;
}

static int parse_code(const struct json *j, struct fault_http *http, struct error *err)
{
	uint64_t code = 0;
	int r = json_u64(j, 200, 599, &code, err);

	if (r < 0)
		return r;
	if (code == 204 || code == 304)
		return json_error(
			j, err,
			"%u means that no body follows, but the response keeps its own, and the client would take it for the "
			"next response: use another code",
			(unsigned int)code);
	http->code = (uint16_t)code;
	return 0;
}

static int http_parse(const struct json *body, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "code", "path", "method", "abort", NULL };
	struct json code = json_get(body, "code"), path = json_get(body, "path"), method = json_get(body, "method");
	struct json abort_ = json_get(body, "abort");
	bool resets = false;
	int r = json_only(body, keys, err);

	if (r == 0)
		r = parse_code(&code, &f->http, err);
	if (r == 0)
		r = parse_path(&path, &f->http, err);
	if (r == 0)
		r = parse_method(&method, &f->http, err);
	if (r == 0)
		r = json_bool(&abort_, &resets, err);
	if (r < 0)
		return r;
	if (resets && json_has(&code))
		return json_error(&abort_, err,
				  "resets the connection, so there is no response for 'code': keep one of the two, or make two "
				  "faults of it");
	if (!resets && !json_has(&code))
		return json_error(body, err, "needs 'code', as in {\"code\":503}, or 'abort': true");
	if (f->target.protocol != PROTOCOL_ANY && f->target.protocol != PROTOCOL_TCP)
		return json_error(body, err, "is about HTTP over TCP, but 'target.protocol' is another one: remove it");
	return 0;
}

static int http_plan(const struct fault *f, struct plan_builder *b, struct error *err)
{
	struct plan_rule *r;

	(void)err;
	plan_add_rule(b, f, FW_OP_HTTP);
	r = &b->rules.rules[b->rules.n_rules - 1];
	r->target.protocol = PROTOCOL_TCP;
	r->http = f->http;
	plan_note(b, "%s: sees requests in plaintext HTTP/1.0 and 1.1, not those in TLS (a mesh's too) or HTTP/2", f->name);
	return 0;
}

const struct fault_kind fault_kind_http = {
	.name = "http",
	.body = "http",
	.layer = LAYER_NETWORK,
	.order = ORDER_ANSWER,
	.parse = http_parse,
	.plan = http_plan,
};
