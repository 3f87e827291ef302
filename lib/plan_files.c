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
		return error_set(err, ENOTSUP, "%s.backend: 'lsm' does not work here: %s; leave 'backend' out, or use 'seccomp'",
				 f->path, env->files_why);
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

	r->common = plan_common_of(f, all);
	r->io = io_copy(&f->io);
}

const struct plan_files *plan_files(const struct plan *plan)
{
	const struct plan_op *op = plan_find(plan, PLAN_FILES);

	return op ? &op->files : NULL;
}

void plan_files_cleanup(struct plan_files *files)
{
	for (size_t i = 0; i < files->n_rules; i++) {
		plan_common_cleanup(&files->rules[i].common);
		io_cleanup(&files->rules[i].io);
	}
	free(files->rules);
	*files = (struct plan_files){};
}

static cJSON *rule_to_json(const struct plan_file *r)
{
	cJSON *o = plan_common_to_json(&r->common);

	io_to_json(cJSON_AddObjectToObject(o, "io"), &r->io);
	return o;
}

void plan_files_to_json(cJSON *o, const struct plan_op *op)
{
	cJSON *a = cJSON_AddArrayToObject(o, "rules");

	for (size_t i = 0; i < op->files.n_rules; i++)
		cJSON_AddItemToArray(a, rule_to_json(&op->files.rules[i]));
}

static int rule_from_json(const struct json *j, void *data, struct error *err)
{
	struct json io = json_get(j, "io");
	struct plan_file *rule = data;
	int r = plan_common_from_json(j, &rule->common, err);

	if (!r)
		r = io_from_json(&io, &rule->io, err);
	if (!r && (!rule->io.error || (!rule->io.path && !rule->io.volume)))
		return json_error(&io, err, "must say which files, and how they fail");
	return r;
}

int plan_files_from_json(const struct json *j, struct plan_op *op, struct error *err)
{
	return plan_list_from_json(j, &op->files.rules, &op->files.n_rules, sizeof(*op->files.rules), rule_from_json, err);
}
