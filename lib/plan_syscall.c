// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plan of a container's system calls: which faults are for it, as rules of its supervisor, and their JSON.
 */
#include <errno.h>
#include <signal.h>

#include "lib/io.h"
#include "lib/plan.h"
#include "lib/syscalls.h"
#include "lib/util.h"

static bool is_for(const struct fault *f, const char *container)
{
	enum fault_layer layer = f->kind->layer;

	return (layer == LAYER_SYSCALL || layer == LAYER_IO) && plan_is_for(f, container);
}

static void add_rule(struct plan_syscalls *s, const struct fault *f, bool all)
{
	struct plan_syscall *r = util_grow(&s->rules, &s->n_rules, sizeof(*r));

	r->common = plan_common_of(f, all);
	r->is_io = f->kind->layer == LAYER_IO;
	if (r->is_io) {
		r->io = io_copy(&f->io);
		r->syscall.names = util_strdup("");
	} else {
		r->syscall = f->syscall;
		r->syscall.names = util_strdup(f->syscall.names);
		r->syscall.path = f->syscall.path ? util_strdup(f->syscall.path) : NULL;
	}
}

/* Calls that mostly are none. */
static void note_vdso(struct plan *plan, const struct fault *f)
{
	_cleanup_free_ char *copy = util_strdup(f->syscall.names);
	char *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		if (*word && syscalls_is_vdso(word))
			*(char **)util_grow(&plan->notes, &plan->n_notes, sizeof(char *)) = util_printf(
				"%s: programs read '%s' from the vDSO as a rule, without a system call: those are not seen",
				f->name, word);
}

static struct plan_op *op_of(struct plan *plan, enum plan_op_type type)
{
	struct plan_op *op;

	for (size_t i = 0; i < plan->n_ops; i++)
		if (plan->ops[i].type == type)
			return &plan->ops[i];
	op = util_grow(&plan->ops, &plan->n_ops, sizeof(*op));
	op->type = type;
	return op;
}

static int add_fault(struct plan *plan, const struct fault *f, const struct plan_env *env, bool all, struct error *err)
{
	int files = plan_files_take(f, env, plan, err);
	struct plan_op *op;

	if (files < 0)
		return files;
	op = op_of(plan, files ? PLAN_FILES : PLAN_SYSCALLS);
	if ((files ? op->files.n_rules : op->syscalls.n_rules) == FW_RULES)
		return error_set(err, E2BIG, "%s: a container holds at most %d faults", f->path, FW_RULES);
	if (files) {
		plan_files_add(&op->files, f, all);
		return 0;
	}
	add_rule(&op->syscalls, f, all);
	if (f->kind->layer == LAYER_SYSCALL)
		note_vdso(plan, f);
	return 0;
}

/* Whether its calls are made by the supervisor, whose own calls are no container's: the file hooks would not see them. */
static bool makes_calls(const struct fault *f)
{
	if (f->kind == &fault_kind_io_mistake)
		return true;
	return f->kind == &fault_kind_syscall && f->syscall.exit_ns && !f->syscall.error && !f->syscall.has_retval;
}

int plan_build_container(const struct fault_spec *spec, const char *container, const struct plan_env *env, struct plan *ret,
			 struct error *err)
{
	_cleanup_plan_ struct plan plan = {};
	const struct plan_syscalls *calls;
	struct plan_env here = *env;
	int r = 0;

	for (size_t i = 0; i < spec->n_faults; i++) {
		if (!here.files || !is_for(&spec->faults[i], container) || !makes_calls(&spec->faults[i]))
			continue;
		here.files = false;
		here.files_why = "another fault has calls made in their place, which no hook takes for the container's";
	}
	for (size_t i = 0; !r && i < spec->n_faults; i++)
		if (is_for(&spec->faults[i], container))
			r = add_fault(&plan, &spec->faults[i], &here, !container, err);
	calls = plan_syscalls(&plan);
	if (!r)
		r = plan_acts_add(spec, container, FW_RULES - (calls ? calls->n_rules : 0), &plan, err);
	if (r)
		return r;
	*ret = plan;
	plan = (struct plan){};
	return 0;
}

const struct plan_syscalls *plan_syscalls(const struct plan *plan)
{
	const struct plan_op *op = plan_find(plan, PLAN_SYSCALLS);

	return op ? &op->syscalls : NULL;
}

void plan_syscalls_cleanup(struct plan_syscalls *s)
{
	for (size_t i = 0; i < s->n_rules; i++) {
		plan_common_cleanup(&s->rules[i].common);
		free(s->rules[i].syscall.names);
		free(s->rules[i].syscall.path);
		io_cleanup(&s->rules[i].io);
	}
	free(s->rules);
	*s = (struct plan_syscalls){};
}

static cJSON *rule_to_json(const struct plan_syscall *r)
{
	cJSON *o = plan_common_to_json(&r->common);
	const struct fault_syscall *s = &r->syscall;

	cJSON_AddStringToObject(o, "syscalls", s->names);
	if (s->path)
		cJSON_AddStringToObject(o, "path", s->path);
	if (s->error)
		cJSON_AddItemToObject(o, "errno", json_number(s->error));
	if (s->has_retval)
		cJSON_AddItemToObject(o, "retval", json_number((uint64_t)s->retval));
	if (s->signal)
		cJSON_AddItemToObject(o, "signal", json_number(s->signal));
	cJSON_AddItemToObject(o, "enterNs", json_number(s->enter_ns));
	cJSON_AddItemToObject(o, "exitNs", json_number(s->exit_ns));
	cJSON_AddBoolToObject(o, "perThread", s->per_thread);
	if (r->is_io)
		io_to_json(cJSON_AddObjectToObject(o, "io"), &r->io);
	return o;
}

void plan_syscalls_to_json(cJSON *o, const struct plan_op *op)
{
	cJSON *a = cJSON_AddArrayToObject(o, "rules");

	for (size_t i = 0; i < op->syscalls.n_rules; i++)
		cJSON_AddItemToArray(a, rule_to_json(&op->syscalls.rules[i]));
}

static int strings_from_json(const struct json *j, struct plan_syscall *r, struct error *err)
{
	struct json names = json_get(j, "syscalls"), path = json_get(j, "path");
	const char *calls = NULL, *glob = NULL;
	int ret = json_string(&names, &calls, err);

	if (!ret)
		ret = json_string(&path, &glob, err);
	if (ret)
		return ret;
	if (!calls || (*calls ? calls[strlen(calls) - 1] != ' ' : !r->is_io))
		return json_error(&names, err, "must be names with a space behind each");
	r->syscall.names = util_strdup(calls);
	r->syscall.path = glob ? util_strdup(glob) : NULL;
	return 0;
}

static int acts_from_json(const struct json *j, struct fault_syscall *s, struct error *err)
{
	struct json error = json_get(j, "errno"), retval = json_get(j, "retval"), signal = json_get(j, "signal");
	struct json enter = json_get(j, "enterNs"), after = json_get(j, "exitNs"), thread = json_get(j, "perThread");
	uint64_t number = 0, value = 0, sig = 0;
	int r = json_u64(&error, 0, UINT16_MAX, &number, err);

	if (!r)
		r = json_u64(&retval, 0, INT64_MAX, &value, err);
	if (!r)
		r = json_u64(&signal, 0, NSIG - 1, &sig, err);
	if (!r)
		r = json_u64(&enter, 0, UINT64_MAX, &s->enter_ns, err);
	if (!r)
		r = json_u64(&after, 0, UINT64_MAX, &s->exit_ns, err);
	s->error = (uint16_t)number;
	s->has_retval = json_has(&retval);
	s->retval = (int64_t)value;
	s->signal = (uint8_t)sig;
	return r ? r : json_bool(&thread, &s->per_thread, err);
}

static int rule_from_json(const struct json *j, void *data, struct error *err)
{
	struct json io = json_get(j, "io");
	struct plan_syscall *rule = data;
	int r = plan_common_from_json(j, &rule->common, err);

	rule->is_io = json_has(&io);
	if (!r)
		r = strings_from_json(j, rule, err);
	if (!r && rule->is_io)
		r = io_from_json(&io, &rule->io, err);
	return r ? r : acts_from_json(j, &rule->syscall, err);
}

int plan_syscalls_from_json(const struct json *j, struct plan_op *op, struct error *err)
{
	return plan_list_from_json(j, &op->syscalls.rules, &op->syscalls.n_rules, sizeof(*op->syscalls.rules), rule_from_json, err);
}
