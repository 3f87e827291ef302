// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network fault: its action and the body that goes with it, which way, which packets, and what does not go together.
 */
#include "lib/network.h"

#include <errno.h>

#include "lib/common.h"
#include "lib/target.h"
#include "lib/util.h"

static const char *const directions[] = { [DIRECTION_TO] = "to", [DIRECTION_FROM] = "from", [DIRECTION_BOTH] = "both", NULL };
static const char *const backends[] = { [BACKEND_AUTO] = "auto", [BACKEND_NETEM] = "netem", [BACKEND_EDT] = "edt", NULL };

static const struct {
	const char *name, *why;
	int code;
} refused_actions[] = {
	{ "reorder", "is part of a delay: use action 'delay' with 'delay.reorder'", EINVAL },
};

static int unknown_action(const struct json *j, const char *name, struct error *err)
{
	const char *names[32] = {}, *nearest;
	char known[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(refused_actions); i++)
		if (util_streq(name, refused_actions[i].name))
			return error_set(err, refused_actions[i].code, "%s: '%s' %s", j->path, name, refused_actions[i].why);
	for (size_t i = 0, n = 0; i < fault_kinds_count && n < ARRAY_SIZE(names) - 1; i++) {
		if (fault_kinds[i]->layer != LAYER_NETWORK)
			continue;
		names[n] = fault_kinds[i]->name;
		if (len < sizeof(known))
			len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", n ? ", " : "", names[n]);
		n++;
	}
	nearest = util_nearest(name, names);
	if (nearest)
		return json_error(j, err, "unknown action '%.64s', did you mean '%s'? (allowed: %s)", name, nearest, known);
	return json_error(j, err, "unknown action '%.64s' (allowed: %s)", name, known);
}

static int parse_action(const struct json *j, const struct fault_kind **ret, struct error *err)
{
	struct json action = json_get(j, "action");
	const char *name = NULL;
	int r = json_string(&action, &name, err);

	if (r < 0)
		return r;
	if (!name)
		return json_error(j, err, "needs 'action', as in {\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\"}}");
	*ret = fault_kind_find(name);
	return *ret && (*ret)->layer == LAYER_NETWORK ? 0 : unknown_action(&action, name, err);
}

/* Keys that are known, but not here. */
static int refuse_foreign(const struct json *j, const struct fault_kind *kind, struct error *err)
{
	struct json containers = json_get(j, "containers");

	if (json_has(&containers))
		return json_error(&containers, err,
				  "a network fault acts on the whole pod, whose containers share one network: remove it");
	for (size_t i = 0; i < fault_kinds_count; i++) {
		const char *body = fault_kinds[i]->layer == LAYER_NETWORK ? fault_kinds[i]->body : NULL;
		struct json at = body ? json_get(j, body) : (struct json){};

		if (json_has(&at) && (!kind->body || !util_streq(body, kind->body)))
			return json_error(
				&at, err,
				"belongs to action '%s', but this fault's action is '%s': remove it, or make two faults of it",
				fault_kinds[i]->name, kind->name);
	}
	return 0;
}

static int parse_body(const struct json *j, struct fault *f, struct error *err)
{
	struct json body;

	if (!f->kind->body)
		return 0;
	body = json_get(j, f->kind->body);
	if (!json_has(&body))
		return json_error(j, err, "action '%s' needs '%s' beside it, an object with its parameters", f->kind->name,
				  f->kind->body);
	return f->kind->parse(&body, f, err);
}

static int parse_packets(const struct json *j, struct fault *f, struct error *err)
{
	struct json direction = json_get(j, "direction"), target = json_get(j, "target"), backend = json_get(j, "backend");
	struct json include_node = json_get(j, "includeNode"), per_segment = json_get(j, "perSegment");
	struct json first = json_get(j, "firstConnections");
	uint64_t first_connections = 0;
	int which_direction = DIRECTION_TO, which_backend = BACKEND_AUTO;
	int r = json_enum(&direction, directions, &which_direction, err);

	if (r == 0)
		r = json_enum(&backend, backends, &which_backend, err);
	if (r == 0)
		r = json_bool(&include_node, &f->include_node, err);
	if (r == 0)
		r = json_bool(&per_segment, &f->per_segment, err);
	if (r == 0)
		r = target_parse(&target, &f->target, err);
	if (r == 0)
		r = json_u64(&first, 1, FAULT_CONNECTIONS_MAX, &first_connections, err);
	if (r < 0)
		return r;
	f->first_connections = (uint32_t)first_connections;
	if (f->first_connections && f->kind->order == ORDER_ANSWER)
		return json_error(&first, err, "action '%s' counts %s, not packets of connections: remove it, or use 'when'",
				  f->kind->name, f->kind->name[0] == 'd' ? "queries" : "requests");
	if (f->first_connections && f->target.protocol != PROTOCOL_ANY && f->target.protocol != PROTOCOL_TCP)
		return json_error(&first, err, "counts TCP connections: remove 'target.protocol', or remove it");
	f->direction = (enum fault_direction)which_direction;
	f->backend = (enum fault_backend)which_backend;
	if (f->per_segment && f->direction != DIRECTION_TO)
		return json_error(&per_segment, err, "counts what the pod sends: it goes with direction 'to' alone");
	if (json_has(&backend) && f->kind->order != ORDER_SHAPE)
		return json_error(&backend, err, "is for actions that shape (delay, bandwidth, rate), not for '%s': remove it",
				  f->kind->name);
	return 0;
}

int network_parse(const struct json *j, size_t index, struct fault *f, struct error *err)
{
	const char *keys[] = { "action",  COMMON_KEYS,        "direction",           "target", "includeNode", "perSegment",
			       "backend", "firstConnections", NULL /* the body's */, NULL };
	int r;

	if (!cJSON_IsObject(j->value))
		return json_error(j, err,
				  "must be a fault, an object as in {\"action\":\"delay\",\"delay\":{\"latency\":\"200ms\"}}");
	snprintf(f->path, sizeof(f->path), "%.95s", j->path);
	snprintf(f->name, sizeof(f->name), "network[%zu]", index);
	r = parse_action(j, &f->kind, err);
	if (r == 0)
		r = refuse_foreign(j, f->kind, err);
	if (r < 0)
		return r;
	keys[ARRAY_SIZE(keys) - 2] = f->kind->body;
	r = json_only(j, keys, err);
	if (r == 0)
		r = common_parse(j, f, err);
	if (r == 0)
		r = parse_packets(j, f, err);
	if (r == 0)
		r = parse_body(j, f, err);
	return r == 0 && f->kind->check ? f->kind->check(f, err) : r;
}
