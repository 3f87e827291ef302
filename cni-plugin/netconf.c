// SPDX-License-Identifier: GPL-2.0-only
/*
 * stdin -> struct netconf: see netconf.h.
 */
#include <errno.h>

#include "cni-plugin/netconf.h"
#include "lib/spec.h"

static const cJSON *member(const cJSON *object, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNull(v) ? NULL : v;
}

static int required_string(const cJSON *root, const char *key, const char **ret, struct error *err)
{
	const cJSON *v = member(root, key);

	if (!cJSON_IsString(v) || !*v->valuestring)
		return error_set(err, EINVAL, NETCONF_PATH ".%s: must be a string that is not empty", key);
	*ret = v->valuestring;
	return 0;
}

/* Finds prevResult's bytes in 'scanned', which is 'text' but for NULs, and notes them in 'text'. */
static int prev_result(const char *text, const char *scanned, size_t n, struct netconf *conf, struct error *err)
{
	const cJSON *prev = member(conf->root, "prevResult"), *version;
	const char *span, *value;

	if (!prev)
		return 0;
	if (!cJSON_IsObject(prev) || !json_span(scanned, n, "prevResult", &span, &conf->prev_n))
		return error_set(err, EINVAL,
				 NETCONF_PATH ".prevResult: must be an object, the result of the plugin before this one");
	conf->prev = text + (span - scanned);
	conf->prev_empty = !prev->child;
	version = cJSON_GetObjectItemCaseSensitive(prev, "cniVersion");
	conf->prev_same_version = cJSON_IsString(version) && util_streq(version->valuestring, conf->cni_version);
	if (json_span(span, conf->prev_n, "cniVersion", &value, &conf->prev_version_n))
		conf->prev_version = text + (value - scanned);
	return 0;
}

/*
 * A copy in which every escaped NUL is U+FFFD, of the same length; NULL when there is none. Kubernetes allows a NUL in an annotation, lib/json
 * does not, and a pod must not fail for an annotation that is not ours.
 */
static char *without_nul(const char *text, size_t n)
{
	char *copy;

	if (!memmem(text, n, "\\u0000", 6))
		return NULL;
	copy = util_alloc(n, 1);
	memcpy(copy, text, n);
	for (size_t i = 0; i + 6 <= n; i++) {
		if (copy[i] != '\\')
			continue;
		if (memcmp(copy + i, "\\u0000", 6) == 0)
			memcpy(copy + i, "\\ufffd", 6);
		i++; /* what is escaped is no backslash of its own */
	}
	return copy;
}

int netconf_parse(const char *text, size_t n, struct netconf *ret, struct error *err)
{
	_cleanup_netconf_ struct netconf conf = {};
	_cleanup_free_ char *copy = without_nul(text, n);
	const char *scanned = copy ? copy : text;
	int r;

	if (json_parse(scanned, n, NETCONF_PATH, &conf.root, err) < 0) {
		err->code = EBADMSG;
		return -EBADMSG;
	}
	if (!cJSON_IsObject(conf.root))
		return error_set(err, EBADMSG, NETCONF_PATH ": must be a JSON object");
	r = required_string(conf.root, "cniVersion", &conf.cni_version, err);
	if (r == 0)
		r = required_string(conf.root, "name", &conf.name, err);
	if (r == 0)
		r = prev_result(text, scanned, n, &conf, err);
	if (r < 0)
		return r;
	*ret = conf;
	conf.root = NULL;
	return 0;
}

/* Adds those of ours that are not in 'into' yet. */
static int merge(const cJSON *from, const char *path, cJSON **into, struct error *err)
{
	const cJSON *a;

	if (!from)
		return 0;
	if (!cJSON_IsObject(from))
		return error_set(err, EINVAL, NETCONF_PATH ".%s: must be an object of annotations", path);
	cJSON_ArrayForEach (a, from) {
		if (strncmp(a->string, SPEC_PREFIX, strlen(SPEC_PREFIX)) != 0)
			continue;
		if (!cJSON_IsString(a))
			return error_set(err, EINVAL, "%s: must be a string that holds JSON (in " NETCONF_PATH ".%s)", a->string,
					 path);
		if (!*into)
			*into = cJSON_CreateObject();
		if (cJSON_GetObjectItemCaseSensitive(*into, a->string))
			continue;
		if (!cJSON_AddItemReferenceToObject(*into, a->string, (cJSON *)a))
			return error_set(err, ENOMEM, "%s: out of memory", a->string);
	}
	return 0;
}

int netconf_annotations(const struct netconf *conf, cJSON **ret, struct error *err)
{
	_cleanup_json_ cJSON *merged = NULL;
	const cJSON *runtime = member(conf->root, "runtimeConfig");
	int r;

	if (runtime && !cJSON_IsObject(runtime))
		return error_set(err, EINVAL, NETCONF_PATH ".runtimeConfig: must be an object");
	r = merge(member(runtime, NETCONF_CAPABILITY), "runtimeConfig." NETCONF_CAPABILITY, &merged, err);
	if (r == 0)
		r = merge(member(conf->root, "annotations"), "annotations", &merged, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(merged);
	return 0;
}

static int attachment(const cJSON *entry, const char *key, int i, struct netconf_attachment *ret, struct error *err)
{
	const cJSON *id = member(entry, "containerID"), *ifname = member(entry, "ifname");

	if (!cJSON_IsString(id) || !cJSON_IsString(ifname))
		return error_set(err, EINVAL,
				 NETCONF_PATH ".%s[%d]: must be {\"containerID\":\"...\",\"ifname\":\"...\"}; nothing was removed",
				 key, i);
	*ret = (struct netconf_attachment){ id->valuestring, ifname->valuestring };
	return 0;
}

int netconf_attachments(const struct netconf *conf, struct netconf_attachment **ret, size_t *ret_n, bool *ret_known,
			struct error *err)
{
	/* The tagged text of CNI 1.1.0 had the second name; libcni sends both. */
	static const char *const names[] = { "cni.dev/valid-attachments", "cni.dev/attachments" };
	_cleanup_free_ struct netconf_attachment *list = NULL;
	const cJSON *array = NULL, *entry;
	const char *key = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !array; i++)
		array = cJSON_GetObjectItemCaseSensitive(conf->root, key = names[i]);
	if (array && !cJSON_IsNull(array) && !cJSON_IsArray(array))
		return error_set(err, EINVAL, NETCONF_PATH ".%s: must be a list; nothing was removed", key);
	cJSON_ArrayForEach (entry, array) {
		int i = (int)n, r = attachment(entry, key, i, util_grow(&list, &n, sizeof(*list)), err);

		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(list);
	*ret_n = n;
	*ret_known = array != NULL;
	return 0;
}

void netconf_cleanup(struct netconf *conf)
{
	cJSON_Delete(conf->root);
	*conf = (struct netconf){};
}
