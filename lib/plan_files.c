// SPDX-License-Identifier: GPL-2.0-only
/*
 * PLAN_FILES: the io faults of a container that the programs at the kernel's file hooks carry out, which those are, and their JSON.
 */
#include <errno.h>

#include "lib/glob.h"
#include "lib/io.h"
#include "lib/plan.h"
#include "lib/util.h"

static void note(struct plan *plan, const struct fault *f, const char *how, const char *why)
{
	*(char **)util_grow(&plan->notes, &plan->n_notes, sizeof(char *)) =
		util_printf("%s: %s%s%s", f->name, how, why ? why : "", why ? ")" : "");
}

/* Why the hooks cannot do it, whatever the node; NULL = they can. */
static const char *not_hooked(const struct fault *f)
{
	if (f->kind != &fault_kind_io_fault)
		return "the kernel's file hooks hold nothing back and change no bytes";
	if (f->io.methods & ~IO_HOOKED)
		return "no hook of the kernel sees fsync";
	if (f->io.path && strlen(f->io.path + glob_literal(f->io.path)) >= FW_GLOB_STATES)
		return "its path is too long behind the first wildcard for the kernel";
	return NULL;
}

int plan_files_take(const struct fault *f, const struct plan_env *env, struct plan *plan, struct error *err)
{
	static const char *const by_supervisor = "by the container's supervisor, which processes that are exec'd into it escape (";
	const char *why = f->io.backend == IO_SECCOMP ? "asked for by 'backend'" : not_hooked(f);

	if (f->kind->layer != LAYER_IO)
		return 0;
	if (why && f->io.backend == IO_LSM)
		return error_set(err, ENOTSUP, "%s.backend: 'lsm' cannot: %s; leave 'backend' out, or use 'seccomp'", f->path, why);
	if (!why && !env->files && f->io.backend == IO_LSM)
		return error_set(err, ENOTSUP,
				 "%s.backend: 'lsm' does not work on this node: %s; leave 'backend' out, or use 'seccomp'", f->path,
				 env->files_why);
	if (!why && !env->files)
		why = env->files_why;
	if (why) {
		note(plan, f, by_supervisor, why);
		return 0;
	}
	note(plan, f, "in the kernel, also for processes that are exec'd into the container (", env->files_why);
	return 1;
}

void plan_files_add(struct plan_files *files, const struct fault *f, bool all)
{
	struct plan_file *r = util_grow(&files->rules, &files->n_rules, sizeof(*r));

	snprintf(r->name, sizeof(r->name), "%s", f->name);
	r->armed = f->armed;
	r->containers = all && f->containers ? util_strdup(f->containers) : NULL;
	r->io = io_copy(&f->io);
	r->rule = plan_gate(f, FW_OP_NONE);
	if (f->calendar) {
		r->calendar = util_alloc(1, sizeof(*r->calendar));
		*r->calendar = *f->calendar;
	}
}

const struct plan_files *plan_files(const struct plan *plan)
{
	const struct plan_op *op = plan_find(plan, PLAN_FILES);

	return op ? &op->files : NULL;
}

void plan_files_cleanup(struct plan_files *files)
{
	for (size_t i = 0; i < files->n_rules; i++) {
		free(files->rules[i].calendar);
		free(files->rules[i].containers);
		io_cleanup(&files->rules[i].io);
	}
	free(files->rules);
	*files = (struct plan_files){};
}

static cJSON *rule_to_json(const struct plan_file *r)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", r->name);
	cJSON_AddBoolToObject(o, "armed", r->armed);
	plan_gate_to_json(o, &r->rule);
	if (r->containers)
		cJSON_AddStringToObject(o, "containers", r->containers);
	io_to_json(cJSON_AddObjectToObject(o, "io"), &r->io);
	if (r->calendar)
		cJSON_AddItemToObject(o, "calendar", calendar_to_json(r->calendar));
	return o;
}

void plan_files_to_json(cJSON *o, const struct plan_op *op)
{
	cJSON *a = cJSON_AddArrayToObject(o, "rules");

	for (size_t i = 0; i < op->files.n_rules; i++)
		cJSON_AddItemToArray(a, rule_to_json(&op->files.rules[i]));
}

static int strings_from_json(const struct json *j, struct plan_file *r, struct error *err)
{
	struct json name = json_get(j, "name"), containers = json_get(j, "containers");
	const char *s = "", *only = NULL;
	int ret = json_string(&name, &s, err);

	if (!ret)
		ret = json_string(&containers, &only, err);
	snprintf(r->name, sizeof(r->name), "%s", s);
	r->containers = only ? util_strdup(only) : NULL;
	return ret;
}

static int rule_from_json(const struct json *j, struct plan_file *rule, struct error *err)
{
	struct json armed = json_get(j, "armed"), calendar = json_get(j, "calendar"), io = json_get(j, "io");
	int r = strings_from_json(j, rule, err);

	if (!r)
		r = json_bool(&armed, &rule->armed, err);
	if (!r)
		r = plan_gate_from_json(j, &rule->rule, err);
	if (!r)
		r = io_from_json(&io, &rule->io, err);
	if (!r)
		r = calendar_from_json(&calendar, &rule->calendar, err);
	if (!r && (!rule->io.error || (!rule->io.path && !rule->io.volume)))
		return json_error(&io, err, "must say which files, and how they fail");
	if (!r && !rule->calendar != !(rule->rule.flags & FW_RULE_CALENDAR))
		return json_error(&calendar, err, "must be there where the rule's flags say so, and nowhere else");
	return r;
}

int plan_files_from_json(const struct json *j, struct plan_op *op, struct error *err)
{
	struct json a = json_get(j, "rules");
	int n = cJSON_GetArraySize(a.value), r = 0;

	if (!cJSON_IsArray(a.value) || n > FW_RULES)
		return json_error(&a, err, "must be a list of at most %d rules", FW_RULES);
	for (int i = 0; i < n && !r; i++) {
		struct json e = json_at(&a, i);

		r = rule_from_json(&e, util_grow(&op->files.rules, &op->files.n_rules, sizeof(*op->files.rules)), err);
	}
	return r;
}
