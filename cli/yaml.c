// SPDX-License-Identifier: GPL-2.0-only
/*
 * YAML -> cJSON: libyaml's events, walked with a depth of our own.
 */
#include "cli/yaml.h"

#include <errno.h>
#include <math.h>
#include <yaml.h>

#include "lib/json.h"
#include "lib/util.h"

#define MAPPING_MAX 4096 /* keys; looking for repeated ones is quadratic */

#define _cleanup_event_ __attribute__((cleanup(yaml_event_delete)))
#define _cleanup_parser_ __attribute__((cleanup(yaml_parser_delete)))

static int fail_at(const yaml_mark_t *mark, int code, struct error *err, const char *what)
{
	return error_set(err, code, "line %zu, column %zu: %s", mark->line + 1, mark->column + 1, what);
}

static int next_event(yaml_parser_t *p, yaml_event_t *ret, struct error *err)
{
	if (yaml_parser_parse(p, ret))
		return 0;
	return fail_at(&p->problem_mark, EINVAL, err, p->problem ? p->problem : "not YAML");
}

/* A number as YAML and JSON both have it; NULL when the text is not one. */
static cJSON *number(const char *s)
{
	size_t n = strspn(s, "0123456789.eE+-");
	char *end;
	double v;

	if (!*s || s[n] || !strpbrk(s, "0123456789") || *s == 'e' || *s == 'E')
		return NULL;
	v = strtod(s, &end);
	return *end || !isfinite(v) ? NULL : cJSON_CreateNumber(v);
}

static cJSON *plain_scalar(const char *s)
{
	static const struct {
		const char *text;
		int type;
	} words[] = {
		{ "", cJSON_NULL },       { "~", cJSON_NULL },      { "null", cJSON_NULL },   { "Null", cJSON_NULL },
		{ "NULL", cJSON_NULL },   { "true", cJSON_True },   { "True", cJSON_True },   { "TRUE", cJSON_True },
		{ "false", cJSON_False }, { "False", cJSON_False }, { "FALSE", cJSON_False },
	};
	cJSON *n;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!util_streq(s, words[i].text))
			continue;
		if (words[i].type == cJSON_NULL)
			return cJSON_CreateNull();
		return cJSON_CreateBool(words[i].type == cJSON_True);
	}
	n = number(s);
	return n ? n : cJSON_CreateString(s);
}

static int scalar(const yaml_event_t *e, cJSON **ret, struct error *err)
{
	const char *s = (const char *)e->data.scalar.value;

	if (strlen(s) != e->data.scalar.length)
		return fail_at(&e->start_mark, EINVAL, err, "a NUL character in a string");
	*ret = e->data.scalar.plain_implicit ? plain_scalar(s) : cJSON_CreateString(s);
	return 0;
}

static int node(yaml_parser_t *p, const yaml_event_t *e, int depth, cJSON **ret, struct error *err);

static int sequence(yaml_parser_t *p, int depth, cJSON **ret, struct error *err)
{
	_cleanup_json_ cJSON *list = cJSON_CreateArray();

	for (;;) {
		_cleanup_event_ yaml_event_t e = {};
		cJSON *item = NULL;
		int r = next_event(p, &e, err);

		if (!r && e.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (!r)
			r = node(p, &e, depth, &item, err);
		if (r)
			return r;
		cJSON_AddItemToArray(list, item);
	}
	*ret = TAKE_PTR(list);
	return 0;
}

static int check_key(const yaml_event_t *e, const cJSON *object, struct error *err)
{
	const char *key = (const char *)e->data.scalar.value;

	if (e->type == YAML_ALIAS_EVENT)
		return 0; /* node() has the message */
	if (e->type != YAML_SCALAR_EVENT || strlen(key) != e->data.scalar.length)
		return fail_at(&e->start_mark, EINVAL, err, "a key must be a plain string");
	if (cJSON_GetObjectItemCaseSensitive(object, key))
		return error_set(err, EINVAL, "line %zu: key '%s' is there twice: leave one", e->start_mark.line + 1, key);
	return 0;
}

static int member(yaml_parser_t *p, const yaml_event_t *key, int depth, cJSON *object, struct error *err)
{
	_cleanup_event_ yaml_event_t e = {};
	cJSON *value = NULL;
	int r = check_key(key, object, err);

	if (!r && key->type == YAML_ALIAS_EVENT)
		return node(p, key, depth, &value, err);
	if (!r)
		r = next_event(p, &e, err);
	if (!r)
		r = node(p, &e, depth, &value, err);
	if (!r)
		cJSON_AddItemToObject(object, (const char *)key->data.scalar.value, value);
	return r;
}

static int mapping(yaml_parser_t *p, int depth, cJSON **ret, struct error *err)
{
	_cleanup_json_ cJSON *object = cJSON_CreateObject();

	for (size_t n = 0;; n++) {
		_cleanup_event_ yaml_event_t key = {};
		int r = next_event(p, &key, err);

		if (!r && key.type == YAML_MAPPING_END_EVENT)
			break;
		if (!r && n == MAPPING_MAX)
			r = fail_at(&key.start_mark, E2BIG, err, "more than 4096 keys in one mapping");
		if (!r)
			r = member(p, &key, depth, object, err);
		if (r)
			return r;
	}
	*ret = TAKE_PTR(object);
	return 0;
}

/* The value that begins with event e. */
static int node(yaml_parser_t *p, const yaml_event_t *e, int depth, cJSON **ret, struct error *err)
{
	if (depth > JSON_MAX_DEPTH)
		return fail_at(&e->start_mark, E2BIG, err, "nested too deeply");
	if (e->type == YAML_SCALAR_EVENT)
		return scalar(e, ret, err);
	if (e->type == YAML_SEQUENCE_START_EVENT)
		return sequence(p, depth + 1, ret, err);
	if (e->type == YAML_MAPPING_START_EVENT)
		return mapping(p, depth + 1, ret, err);
	return fail_at(&e->start_mark, EINVAL, err, "aliases ('*name') are not read here: write the value out");
}

int yaml_to_json(const char *text, size_t n, cJSON **ret, struct error *err)
{
	_cleanup_json_ cJSON *documents = cJSON_CreateArray();
	_cleanup_parser_ yaml_parser_t p;

	if (!yaml_parser_initialize(&p))
		return error_set(err, ENOMEM, "no memory for the YAML parser");
	yaml_parser_set_input_string(&p, (const unsigned char *)text, n);
	for (;;) {
		_cleanup_event_ yaml_event_t e = {};
		cJSON *value = NULL;
		int r = next_event(&p, &e, err);

		if (r)
			return r;
		if (e.type == YAML_STREAM_END_EVENT)
			break;
		if (e.type == YAML_STREAM_START_EVENT || e.type == YAML_DOCUMENT_START_EVENT || e.type == YAML_DOCUMENT_END_EVENT)
			continue;
		r = node(&p, &e, 1, &value, err);
		if (r)
			return r;
		cJSON_AddItemToArray(documents, value);
	}
	*ret = TAKE_PTR(documents);
	return 0;
}
