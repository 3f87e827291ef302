// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plan of what is done to a container by the clock (PLAN_ACTS): which faults are for it, their text for people, and their JSON.
 */
#include <errno.h>
#include <signal.h>

#include "lib/plan.h"
#include "lib/quantity.h"
#include "lib/syscalls.h"
#include "lib/util.h"

static const char *const type_names[] = {
	[ACT_KILL] = "kill", [ACT_PAUSE] = "pause", [ACT_OOM] = "oom", [ACT_EXIT] = "exit", [ACT_LIMIT] = "limit", NULL,
};

static enum act_type type_of(const struct fault *f)
{
	enum act_type t = ACT_KILL;

	while (t < ACT_LIMIT && !util_streq(type_names[t], f->kind->name))
		t++;
	return t;
}

static void add_rule(struct plan_acts *acts, const struct fault *f, bool all)
{
	struct plan_act *r = util_grow(&acts->rules, &acts->n_rules, sizeof(*r));

	r->common = plan_common_of(f, all);
	r->type = type_of(f);
	if (r->type == ACT_LIMIT) {
		r->limits = f->resource;
		r->limits.io.path = f->resource.io.path ? util_strdup(f->resource.io.path) : NULL;
	} else {
		r->process = f->process;
	}
}

int plan_acts_add(const struct fault_spec *spec, const char *container, size_t room, struct plan *plan, struct error *err)
{
	struct plan_op *op = NULL;

	for (size_t i = 0; i < spec->n_faults; i++) {
		const struct fault *f = &spec->faults[i];

		if (f->kind->layer != LAYER_ACT || !plan_is_for(f, container))
			continue;
		if (!op) {
			op = util_grow(&plan->ops, &plan->n_ops, sizeof(*op));
			op->type = PLAN_ACTS;
		}
		if (op->acts.n_rules >= room)
			return error_set(err, E2BIG, "%s: a container holds at most %d faults", f->path, FW_RULES);
		add_rule(&op->acts, f, !container);
	}
	return 0;
}

const struct plan_acts *plan_acts(const struct plan *plan)
{
	const struct plan_op *op = plan_find(plan, PLAN_ACTS);

	return op ? &op->acts : NULL;
}

bool plan_rule_of(const struct plan *plan, size_t i, struct plan_rule_of *ret)
{
	const struct plan_syscalls *s = plan_syscalls(plan);
	const struct plan_acts *acts = plan_acts(plan);
	size_t calls = s ? s->n_rules : 0;

	*ret = (struct plan_rule_of){};
	if (i < calls) {
		const struct plan_syscall *rule = &s->rules[i];

		*ret = (struct plan_rule_of){ &rule->common, .syscall = rule, .io = rule->is_io ? &rule->io : NULL };
	} else if (acts && i - calls < acts->n_rules) {
		const struct plan_act *rule = &acts->rules[i - calls];

		*ret = (struct plan_rule_of){ &rule->common, .act = rule };
	}
	return ret->common;
}

void plan_acts_cleanup(struct plan_acts *acts)
{
	for (size_t i = 0; i < acts->n_rules; i++) {
		plan_common_cleanup(&acts->rules[i].common);
		free(acts->rules[i].limits.io.path);
	}
	free(acts->rules);
	*acts = (struct plan_acts){};
}

/* ---- for people */

static void append(char *buf, size_t n, const char *what, const char *text)
{
	size_t len = strlen(buf);

	snprintf(buf + len, n - len, "%s%s %s", len ? ", " : "", what, text);
}

static void append_bytes(char *buf, size_t n, const char *what, uint64_t bytes)
{
	char text[QUANTITY_TEXT_MAX];

	quantity_format_bytes(bytes, text);
	if (bytes)
		append(buf, n, what, text);
}

static void append_number(char *buf, size_t n, const char *what, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	if (number)
		append(buf, n, what, text);
}

static void limits_text(const struct fault_resource *l, char *buf, size_t n)
{
	char cpu[QUANTITY_TEXT_MAX];

	buf[0] = '\0';
	quantity_format_milli(l->cpu_milli, cpu);
	if (l->cpu_milli)
		append(buf, n, "cpu", cpu);
	append_bytes(buf, n, "memory", l->memory_bytes);
	append_number(buf, n, "pids", l->pids);
	append_bytes(buf, n, "rbps", l->io.rbps);
	append_bytes(buf, n, "wbps", l->io.wbps);
	append_number(buf, n, "riops", l->io.riops);
	append_number(buf, n, "wiops", l->io.wiops);
	if (l->io.path)
		append(buf, n, "on", l->io.path);
}

void plan_act_text(const struct plan_act *r, char buf[PLAN_ACT_TEXT_MAX])
{
	char number[16];

	if (r->type == ACT_LIMIT)
		limits_text(&r->limits, buf, PLAN_ACT_TEXT_MAX);
	else if (r->type == ACT_KILL)
		snprintf(buf, PLAN_ACT_TEXT_MAX, "kill by %s", syscalls_signal_name(r->process.signal, number, sizeof(number)));
	else if (r->type == ACT_EXIT)
		snprintf(buf, PLAN_ACT_TEXT_MAX, "exit with code %u", r->process.code);
	else
		snprintf(buf, PLAN_ACT_TEXT_MAX, "%s", type_names[r->type]);
}

/* ---- JSON */

static const struct {
	const char *key;
	size_t offset;
} limit_fields[] = {
	{ "cpuMilli", offsetof(struct fault_resource, cpu_milli) },
	{ "memoryBytes", offsetof(struct fault_resource, memory_bytes) },
	{ "pids", offsetof(struct fault_resource, pids) },
	{ "rbps", offsetof(struct fault_resource, io.rbps) },
	{ "wbps", offsetof(struct fault_resource, io.wbps) },
	{ "riops", offsetof(struct fault_resource, io.riops) },
	{ "wiops", offsetof(struct fault_resource, io.wiops) },
};

static void limits_to_json(cJSON *o, const struct fault_resource *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(limit_fields); i++) {
		uint64_t v = *(const uint64_t *)((const char *)l + limit_fields[i].offset);

		if (v)
			cJSON_AddItemToObject(o, limit_fields[i].key, json_number(v));
	}
	if (l->io.path)
		cJSON_AddStringToObject(o, "path", l->io.path);
}

static int limits_from_json(const struct json *j, struct fault_resource *l, struct error *err)
{
	struct json path = json_get(j, "path");
	const char *s = NULL;
	int r = json_string(&path, &s, err);

	for (size_t i = 0; !r && i < ARRAY_SIZE(limit_fields); i++) {
		struct json at = json_get(j, limit_fields[i].key);

		r = json_u64(&at, 1, UINT64_MAX, (uint64_t *)((char *)l + limit_fields[i].offset), err);
	}
	if (!r && s)
		l->io.path = util_strdup(s);
	return r;
}

static cJSON *rule_to_json(const struct plan_act *r)
{
	cJSON *o = plan_common_to_json(&r->common);

	cJSON_AddStringToObject(o, "act", type_names[r->type]);
	if (r->type == ACT_KILL)
		cJSON_AddItemToObject(o, "signal", json_number(r->process.signal));
	if (r->type == ACT_EXIT)
		cJSON_AddItemToObject(o, "code", json_number(r->process.code));
	if (r->type == ACT_LIMIT)
		limits_to_json(cJSON_AddObjectToObject(o, "limits"), &r->limits);
	return o;
}

void plan_acts_to_json(cJSON *o, const struct plan_op *op)
{
	cJSON *a = cJSON_AddArrayToObject(o, "rules");

	for (size_t i = 0; i < op->acts.n_rules; i++)
		cJSON_AddItemToArray(a, rule_to_json(&op->acts.rules[i]));
}

static int act_from_json(const struct json *j, struct plan_act *r, struct error *err)
{
	struct json act = json_get(j, "act"), signal = json_get(j, "signal"), code = json_get(j, "code"),
		    limits = json_get(j, "limits");
	uint64_t number = 0, value = 0;
	int type = -1, ret = json_enum(&act, type_names, &type, err);

	if (ret)
		return ret;
	if (type < 0 || (type == ACT_KILL && !json_has(&signal)) || (type == ACT_LIMIT && !json_has(&limits)))
		return json_error(j, err, "is not an act of this version");
	r->type = (enum act_type)type;
	ret = json_u64(&signal, 1, NSIG - 1, &number, err);
	if (!ret)
		ret = json_u64(&code, 0, UINT8_MAX, &value, err);
	r->process = (struct fault_process){ (uint8_t)number, (uint8_t)value };
	return ret ? ret : limits_from_json(&limits, &r->limits, err);
}

static int rule_from_json(const struct json *j, void *data, struct error *err)
{
	struct plan_act *rule = data;
	int r = plan_common_from_json(j, &rule->common, err);

	return r ? r : act_from_json(j, rule, err);
}

int plan_acts_from_json(const struct json *j, struct plan_op *op, struct error *err)
{
	return plan_list_from_json(j, &op->acts.rules, &op->acts.n_rules, sizeof(*op->acts.rules), rule_from_json, err);
}
