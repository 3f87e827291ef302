// SPDX-License-Identifier: GPL-2.0-only
/*
 * A target as JSON and back, for the plan: prefixes as IPv6 ones, ranges as pairs of numbers.
 */
#include <arpa/inet.h>

#include "lib/hosts.h"
#include "lib/target.h"
#include "lib/util.h"

static cJSON *prefixes_to_json(const struct fault_prefix *p, size_t n)
{
	cJSON *a = cJSON_CreateArray();
	char addr[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];

	for (size_t i = 0; i < n; i++) {
		inet_ntop(AF_INET6, p[i].addr, addr, sizeof(addr));
		snprintf(text, sizeof(text), "%s/%d", addr, p[i].len);
		cJSON_AddItemToArray(a, cJSON_CreateString(text));
	}
	return a;
}

static int prefix_from_json(const struct json *j, struct fault_prefix *ret, struct error *err)
{
	const char *s = "";
	char addr[INET6_ADDRSTRLEN];
	unsigned int len;
	int r = json_string(j, &s, err);

	if (r)
		return r;
	if (sscanf(s, "%45[^/]/%u", addr, &len) != 2 || len > 128 || inet_pton(AF_INET6, addr, ret->addr) != 1)
		return json_error(j, err, "'%s' is not an IPv6 prefix", s);
	ret->len = len;
	return 0;
}

static int prefixes_from_json(const struct json *j, const char *key, struct fault_prefix **p, size_t *n, struct error *err)
{
	struct json a = json_get(j, key);

	for (int i = 0; json_has(&a) && i < cJSON_GetArraySize(a.value); i++) {
		struct json e = json_at(&a, i);
		int r = prefix_from_json(&e, util_grow(p, n, sizeof(**p)), err);

		if (r)
			return r;
	}
	return 0;
}

static cJSON *ranges_to_json(const struct fault_range *ranges, size_t n)
{
	cJSON *a = cJSON_CreateArray();

	for (size_t i = 0; i < n; i++) {
		cJSON_AddItemToArray(a, json_number(ranges[i].first));
		cJSON_AddItemToArray(a, json_number(ranges[i].last));
	}
	return a;
}

static int ranges_from_json(const struct json *j, const char *key, struct fault_range **ranges, size_t *n, struct error *err)
{
	struct json a = json_get(j, key);

	for (int i = 0; json_has(&a) && i + 1 < cJSON_GetArraySize(a.value); i += 2) {
		struct json first = json_at(&a, i), last = json_at(&a, i + 1);
		struct fault_range *range = util_grow(ranges, n, sizeof(**ranges));
		uint64_t v[2] = {};
		int r = json_u64(&first, 0, UINT16_MAX, &v[0], err);

		if (!r)
			r = json_u64(&last, 0, UINT16_MAX, &v[1], err);
		if (r)
			return r;
		*range = (struct fault_range){ .first = v[0], .last = v[1] };
	}
	return 0;
}

cJSON *target_to_json(const struct fault_target *t)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "cidrs", prefixes_to_json(t->cidrs, t->n_cidrs));
	cJSON_AddItemToObject(o, "except", prefixes_to_json(t->except, t->n_except));
	cJSON_AddItemToObject(o, "ports", ranges_to_json(t->ports, t->n_ports));
	cJSON_AddItemToObject(o, "sourcePorts", ranges_to_json(t->source_ports, t->n_source_ports));
	cJSON_AddItemToObject(o, "protocol", json_number(t->protocol));
	if (t->n_hosts) {
		cJSON_AddItemToObject(o, "hosts", hosts_to_json(t));
		cJSON_AddItemToObject(o, "seeds", prefixes_to_json(t->seeds, t->n_seeds));
	}
	return o;
}

int target_from_json(const struct json *j, struct fault_target *t, struct error *err)
{
	struct json protocol = json_get(j, "protocol"), hosts = json_get(j, "hosts");
	uint64_t v = 0;
	int r = json_u64(&protocol, 0, PROTOCOL_ICMP, &v, err);

	t->protocol = v;
	if (!r)
		r = prefixes_from_json(j, "cidrs", &t->cidrs, &t->n_cidrs, err);
	if (!r)
		r = prefixes_from_json(j, "except", &t->except, &t->n_except, err);
	if (!r)
		r = hosts_parse(&hosts, t, err);
	if (!r)
		r = prefixes_from_json(j, "seeds", &t->seeds, &t->n_seeds, err);
	if (!r)
		r = ranges_from_json(j, "ports", &t->ports, &t->n_ports, err);
	if (!r)
		r = ranges_from_json(j, "sourcePorts", &t->source_ports, &t->n_source_ports, err);
	return r;
}
