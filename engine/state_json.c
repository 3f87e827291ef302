// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record as JSON: the strings and numbers of struct state_pod by two tables, and the plan.
 */
#include "engine/state_json.h"

#include <errno.h>

#include "lib/util.h"

static const struct {
	const char *key;
	size_t offset;
} strings[] = {
	{ "containerID", offsetof(struct state_pod, container_id) },
	{ "ifname", offsetof(struct state_pod, ifname) },
	{ "netns", offsetof(struct state_pod, netns) },
	{ "network", offsetof(struct state_pod, network) },
	{ "namespace", offsetof(struct state_pod, pod_namespace) },
	{ "name", offsetof(struct state_pod, pod_name) },
	{ "uid", offsetof(struct state_pod, pod_uid) },
	{ "experiment", offsetof(struct state_pod, experiment) },
	{ "build", offsetof(struct state_pod, build) },
};

#define NUMBER(key, member)                                                                      \
	{                                                                                        \
		key, offsetof(struct state_pod, member), sizeof(((struct state_pod *)0)->member) \
	}
static const struct {
	const char *key;
	size_t offset, size;
} numbers[] = {
	NUMBER("slot", slot),
	NUMBER("abi", abi),
	NUMBER("createdMonoNs", created_mono_ns),
	NUMBER("createdUnixNs", created_unix_ns),
	NUMBER("clsactFound", clsact_found),
	NUMBER("txChecksumWas", tx_checksum_was),
	NUMBER("gsoSegsWas", gso_segs_was),
};

static char **string_of(struct state_pod *pod, size_t i)
{
	return (char **)((char *)pod + strings[i].offset);
}

char *state_to_text(const struct state_pod *pod)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		const char *s = *string_of((struct state_pod *)pod, i);

		cJSON_AddStringToObject(o, strings[i].key, s ? s : "");
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t v = 0;

		memcpy(&v, (const char *)pod + numbers[i].offset, numbers[i].size);
		cJSON_AddItemToObject(o, numbers[i].key, json_number(v));
	}
	cJSON_AddItemToObject(o, "plan", plan_to_json(&pod->plan));
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (!text)
		abort();
	return text;
}

static int strings_from(const struct json *j, struct state_pod *pod, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		struct json m = json_get(j, strings[i].key);
		const char *s = "";
		int r = json_string(&m, &s, err);

		if (r)
			return r;
		*string_of(pod, i) = util_strdup(s);
	}
	return 0;
}

static int numbers_from(const struct json *j, struct state_pod *pod, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct json m = json_get(j, numbers[i].key);
		uint64_t max = numbers[i].size == 8 ? UINT64_MAX : (1ULL << numbers[i].size * 8) - 1, v = 0;
		int r = json_u64(&m, 0, max, &v, err);

		if (r)
			return r;
		memcpy((char *)pod + numbers[i].offset, &v, numbers[i].size);
	}
	return 0;
}

int state_from_text(const char *text, size_t n, struct state_pod *ret, struct error *err)
{
	_cleanup_json_ cJSON *o = NULL;
	_cleanup_pod_ struct state_pod pod = {};
	struct json j, plan;
	int r = json_parse(text, n, "record", &o, err);

	if (r)
		return r;
	j = json_root(o, "record");
	plan = json_get(&j, "plan");
	r = strings_from(&j, &pod, err);
	if (!r)
		r = numbers_from(&j, &pod, err);
	if (!r)
		r = plan_from_json(&plan, &pod.plan, err);
	if (!r && (pod.slot < 1 || pod.slot > FW_SLOTS))
		r = json_error(&j, err, "slot %u is out of range", pod.slot);
	if (r)
		return r;
	*ret = pod;
	pod = (struct state_pod){};
	return 0;
}

void state_pod_cleanup(struct state_pod *pod)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*string_of(pod, i));
	plan_cleanup(&pod->plan);
	*pod = (struct state_pod){};
}
