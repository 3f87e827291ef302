// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the rules of a container have in common (struct plan_common), whether they are its supervisor's or the file hooks': made of a fault, as
 * JSON, and back.
 */
#include "lib/plan.h"
#include "lib/util.h"

bool plan_is_for(const struct fault *f, const char *container)
{
	return !container || !f->containers || util_has_word(f->containers, container);
}

struct plan_common plan_common_of(const struct fault *f, bool all)
{
	struct plan_common c = { .armed = f->armed, .rule = plan_gate(f, FW_OP_NONE) };

	snprintf(c.name, sizeof(c.name), "%s", f->name);
	c.containers = all && f->containers ? util_strdup(f->containers) : NULL;
	if (f->calendar) {
		c.calendar = util_alloc(1, sizeof(*c.calendar));
		*c.calendar = *f->calendar;
	}
	return c;
}

void plan_common_cleanup(struct plan_common *c)
{
	free(c->calendar);
	free(c->containers);
}

cJSON *plan_common_to_json(const struct plan_common *c)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", c->name);
	cJSON_AddBoolToObject(o, "armed", c->armed);
	plan_gate_to_json(o, &c->rule);
	if (c->containers)
		cJSON_AddStringToObject(o, "containers", c->containers);
	if (c->calendar)
		cJSON_AddItemToObject(o, "calendar", calendar_to_json(c->calendar));
	return o;
}

int plan_common_from_json(const struct json *j, struct plan_common *c, struct error *err)
{
	struct json name = json_get(j, "name"), containers = json_get(j, "containers");
	struct json armed = json_get(j, "armed"), calendar = json_get(j, "calendar");
	const char *s = "", *only = NULL;
	int r = json_string(&name, &s, err);

	if (!r)
		r = json_string(&containers, &only, err);
	if (!r)
		r = json_bool(&armed, &c->armed, err);
	if (!r)
		r = plan_gate_from_json(j, &c->rule, err);
	if (!r)
		r = calendar_from_json(&calendar, &c->calendar, err);
	if (r)
		return r;
	snprintf(c->name, sizeof(c->name), "%s", s);
	c->containers = only ? util_strdup(only) : NULL;
	if (!c->calendar != !(c->rule.flags & FW_RULE_CALENDAR))
		return json_error(&calendar, err, "must be there where the rule's flags say so, and nowhere else");
	return 0;
}

int plan_list_from_json(const struct json *j, void *array, size_t *n, size_t size, plan_one_fn *one, struct error *err)
{
	struct json a = json_get(j, "rules");
	int count = cJSON_GetArraySize(a.value), r = 0;

	if (!cJSON_IsArray(a.value) || count > FW_RULES)
		return json_error(&a, err, "must be a list of at most %d rules", FW_RULES);
	for (int i = 0; i < count && !r; i++) {
		struct json e = json_at(&a, i);

		r = one(&e, util_grow(array, n, size), err);
	}
	return r;
}
