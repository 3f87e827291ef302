// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places in a document and how they are named in messages; the typed reads that need no arithmetic.
 */
#include "lib/json.h"

#include <errno.h>
#include <stdarg.h>

#include "lib/util.h"

/* A path that does not fit is cut: it is for people. */
static void path_format(char *path, size_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void path_format(char *path, size_t n, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, n, fmt, args);
	va_end(args);
}

struct json json_root(const cJSON *value, const char *path)
{
	struct json ret = { .value = value };

	path_format(ret.path, sizeof(ret.path), "%s", path);
	return ret;
}

struct json json_get(const struct json *j, const char *key)
{
	struct json ret = { .value = cJSON_GetObjectItemCaseSensitive(j->value, key) };

	path_format(ret.path, sizeof(ret.path), "%s.%s", j->path, key);
	return ret;
}

struct json json_at(const struct json *j, int i)
{
	struct json ret = { .value = cJSON_GetArrayItem(j->value, i) };

	path_format(ret.path, sizeof(ret.path), "%s[%d]", j->path, i);
	return ret;
}

int json_error(const struct json *j, struct error *err, const char *fmt, ...)
{
	char msg[ERROR_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	return error_set(err, EINVAL, "%s: %s", j->path, msg);
}

static const char *type_name(const cJSON *value)
{
	return cJSON_IsString(value)   ? "a string"
	       : cJSON_IsNumber(value) ? "a number"
	       : cJSON_IsBool(value)   ? "a boolean"
	       : cJSON_IsObject(value) ? "an object"
	       : cJSON_IsArray(value)  ? "a list"
				       : "null";
}

const char *json_show(const struct json *j, char *buf, size_t n)
{
	if (cJSON_IsString(j->value))
		snprintf(buf, n, "%s", j->value->valuestring);
	else if (cJSON_IsNumber(j->value))
		snprintf(buf, n, "%.15g", j->value->valuedouble + 0.0); /* -0 is 0 */
	else if (cJSON_IsBool(j->value))
		snprintf(buf, n, "%s", cJSON_IsTrue(j->value) ? "true" : "false");
	else
		snprintf(buf, n, "%s", type_name(j->value));
	return buf;
}

/* "a, b, c" */
static void join(const char *const *names, char *buf, size_t n)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; names[i] && len < n; i++) {
		int r = snprintf(buf + len, n - len, "%s%s", i ? ", " : "", names[i]);

		len += r < 0 ? 0 : (size_t)r;
	}
}

static int unknown_key(const struct json *j, const char *key, const char *const *keys, struct error *err)
{
	const char *nearest = util_nearest(key, keys);
	char allowed[ERROR_MAX / 2];

	join(keys, allowed, sizeof(allowed));
	if (nearest)
		return json_error(j, err, "unknown key '%.64s', did you mean '%s'? (allowed: %s)", key, nearest, allowed);
	return json_error(j, err, "unknown key '%.64s' (allowed: %s)", key, allowed);
}

static bool listed(const char *s, const char *const *names, int *ret)
{
	for (int i = 0; names[i]; i++) {
		if (!util_streq(s, names[i]))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

int json_only(const struct json *j, const char *const *keys, struct error *err)
{
	const cJSON *member;

	if (!cJSON_IsObject(j->value))
		return json_error(j, err, "must be an object, not %s", type_name(j->value));
	cJSON_ArrayForEach (member, j->value) {
		int i;

		if (!listed(member->string, keys, &i))
			return unknown_key(j, member->string, keys, err);
	}
	return 0;
}

int json_bool(const struct json *j, bool *ret, struct error *err)
{
	if (!json_has(j))
		return 0;
	if (!cJSON_IsBool(j->value))
		return json_error(j, err, "must be true or false (without quotes), not %s", type_name(j->value));
	*ret = cJSON_IsTrue(j->value);
	return 0;
}

int json_string(const struct json *j, const char **ret, struct error *err)
{
	if (!json_has(j))
		return 0;
	if (!cJSON_IsString(j->value))
		return json_error(j, err, "must be a string, not %s", type_name(j->value));
	*ret = j->value->valuestring;
	return 0;
}

int json_enum(const struct json *j, const char *const *names, int *ret, struct error *err)
{
	const char *s = NULL, *nearest;
	char allowed[ERROR_MAX / 2];
	int r = json_string(j, &s, err);

	if (r < 0 || !s || listed(s, names, ret))
		return r;
	nearest = util_nearest(s, names);
	join(names, allowed, sizeof(allowed));
	if (nearest)
		return json_error(j, err, "unknown value '%.64s', did you mean '%s'? (allowed: %s)", s, nearest, allowed);
	return json_error(j, err, "unknown value '%.64s' (allowed: %s)", s, allowed);
}
