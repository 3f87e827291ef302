// SPDX-License-Identifier: GPL-2.0-only
/*
 * The record of a pod, by tables of its strings, numbers and switches. Times are decimal strings: they do not fit a double.
 */
#include "engine/state_json.h"

#include <inttypes.h>

#include "lib/util.h"

static const struct {
	const char *key;
	size_t offset;
} strings[] = {
	{ "containerId", offsetof(struct state_pod, container_id) },
	{ "ifname", offsetof(struct state_pod, ifname) },
	{ "netns", offsetof(struct state_pod, netns) },
	{ "network", offsetof(struct state_pod, network) },
	{ "podNamespace", offsetof(struct state_pod, pod_namespace) },
	{ "podName", offsetof(struct state_pod, pod_name) },
	{ "podUid", offsetof(struct state_pod, pod_uid) },
	{ "experiment", offsetof(struct state_pod, experiment) },
	{ "build", offsetof(struct state_pod, build) },
};

static const struct {
	const char *key;
	size_t offset, size;
	uint64_t min;
} numbers[] = {
	{ "slot", offsetof(struct state_pod, slot), sizeof(uint16_t), 1 },
	{ "abi", offsetof(struct state_pod, abi), sizeof(uint32_t), 0 },
	{ "createdMonoNs", offsetof(struct state_pod, created_mono_ns), sizeof(uint64_t), 0 },
	{ "createdUnixNs", offsetof(struct state_pod, created_unix_ns), sizeof(uint64_t), 0 },
	{ "gsoSegsWas", offsetof(struct state_pod, gso_segs_was), sizeof(uint32_t), 0 },
	{ "netnsCookie", offsetof(struct state_pod, netns_cookie), sizeof(uint64_t), 0 },
};

static const struct {
	const char *key;
	size_t offset;
} switches[] = {
	{ "clsactFound", offsetof(struct state_pod, clsact_found) },
	{ "txChecksumWas", offsetof(struct state_pod, tx_checksum_was) },
};

static void *member(const struct state_pod *pod, size_t offset)
{
	return (char *)pod + offset;
}

static uint64_t number_get(const void *at, size_t size)
{
	return size == 2 ? *(const uint16_t *)at : size == 4 ? *(const uint32_t *)at : *(const uint64_t *)at;
}

static void number_set(void *at, size_t size, uint64_t v)
{
	if (size == 2)
		*(uint16_t *)at = v;
	else if (size == 4)
		*(uint32_t *)at = v;
	else
		*(uint64_t *)at = v;
}

static void number_add(cJSON *o, const char *key, size_t size, uint64_t v)
{
	char text[24];

	if (size < sizeof(uint64_t)) {
		cJSON_AddNumberToObject(o, key, v);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64, v);
	cJSON_AddStringToObject(o, key, text);
}

cJSON *state_to_json(const struct state_pod *pod)
{
	cJSON *o = cJSON_CreateObject();

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		const char *s = *(char **)member(pod, strings[i].offset);

		cJSON_AddStringToObject(o, strings[i].key, s ? s : "");
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		number_add(o, numbers[i].key, numbers[i].size, number_get(member(pod, numbers[i].offset), numbers[i].size));
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		cJSON_AddBoolToObject(o, switches[i].key, *(bool *)member(pod, switches[i].offset));
	cJSON_AddItemToObject(o, "plan", plan_to_json(&pod->plan));
	return o;
}

static int strings_read(const struct json *j, struct state_pod *pod, struct error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(strings); i++) {
		struct json value = json_get(j, strings[i].key);
		const char *s = "";

		r = json_string(&value, &s, err);
		*(char **)member(pod, strings[i].offset) = util_strdup(s);
	}
	return r;
}

static int numbers_read(const struct json *j, struct state_pod *pod, struct error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(numbers); i++) {
		struct json value = json_get(j, numbers[i].key);
		uint64_t max = UINT64_MAX >> (64 - 8 * numbers[i].size), v = 0;

		r = json_u64(&value, numbers[i].min, max, &v, err);
		number_set(member(pod, numbers[i].offset), numbers[i].size, v);
	}
	for (size_t i = 0; !r && i < ARRAY_SIZE(switches); i++) {
		struct json value = json_get(j, switches[i].key);

		r = json_bool(&value, member(pod, switches[i].offset), err);
	}
	return r;
}

int state_from_json(const struct json *j, struct state_pod *ret, struct error *err)
{
	_cleanup_pod_ struct state_pod pod = {};
	struct json plan = json_get(j, "plan");
	int r;

	if (!cJSON_IsObject(j->value))
		return json_error(j, err, "must be an object");
	r = strings_read(j, &pod, err);
	if (!r)
		r = numbers_read(j, &pod, err);
	if (!r && (!pod.slot || pod.slot > FW_SLOTS || !pod.container_id[0] || !pod.ifname[0]))
		r = json_error(j, err, "is not a pod's record: container, interface or slot are missing");
	if (!r)
		r = plan_from_json(&plan, &pod.plan, err);
	if (r)
		return r;
	*ret = pod;
	pod = (struct state_pod){};
	return 0;
}

void state_pod_cleanup(struct state_pod *pod)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*(char **)member(pod, strings[i].offset));
	plan_cleanup(&pod->plan);
	*pod = (struct state_pod){};
}

void state_pods_cleanup(struct state_pods *pods)
{
	for (size_t i = 0; i < pods->n; i++)
		state_pod_cleanup(&pods->pods[i]);
	free(pods->pods);
	*pods = (struct state_pods){};
}
