// SPDX-License-Identifier: GPL-2.0-only
/*
 * Containers with faults as 'status' shows them: see containers.h.
 */
#include <errno.h>
#include <sys/mman.h>

#include "cli/containers.h"
#include "cli/text.h"
#include "engine/clock.h"
#include "engine/files.h"
#include "engine/mend.h"
#include "engine/undo.h"
#include "lib/gate.h"
#include "lib/io.h"
#include "lib/util.h"

#define WHAT_SHOWN 40

/* What its supervisor and the kernel say of a container now; NULL, false where they do not. */
struct now {
	const struct container_page *page;
	bool has_files;
	struct fw_file file;
	struct fw_rule rules[FW_RULES];
};

static void now_get(const struct container *c, struct now *ret)
{
	*ret = (struct now){};
	if (plan_needs_supervisor(&c->plan))
		(void)container_page_open(c->id, &ret->page, NULL);
	ret->has_files = plan_files(&c->plan) && !files_get(c, &ret->file, ret->rules, NULL);
}

static void now_end(struct now *now)
{
	if (now->page)
		munmap((void *)now->page, sizeof(*now->page));
}
#define _cleanup_now_ __attribute__((cleanup(now_end)))

static uint64_t now_aborted(const struct now *now)
{
	return (now->page ? now->page->aborted : 0) | now->file.aborted;
}

static bool now_running(const struct now *now)
{
	return (now->page && now->page->running) || now->file.running;
}

/* What of a rule is to be shown. */
struct view {
	struct plan_rule_of rule;
	bool in_kernel, open, armed, done;
	uint64_t left_ns, matched, injected;
	int error; /* of an act */
};

static void view_gate(const struct fw_rule *gate, struct view *v)
{
	const struct calendar *calendar = v->rule.common->calendar;

	v->open = gate_open(gate, calendar ? &calendar->fields : NULL, clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME),
			    &v->left_ns);
	v->matched = gate->state.word >> FW_STATE_BITS;
	v->injected = gate->state.injected;
}

/* False when there are fewer. */
static bool view_of(const struct container *c, const struct now *now, size_t i, struct view *ret)
{
	size_t files = containers_in_kernel(c);

	*ret = (struct view){ .in_kernel = i < files };
	if (!containers_rule(c, i, &ret->rule))
		return false;
	if (ret->in_kernel && now->has_files) {
		view_gate(&now->rules[i], ret);
		ret->armed = !(now->file.disarmed >> i & 1);
	} else if (!ret->in_kernel && now->page && i - files < now->page->n_rules) {
		i -= files;
		view_gate(&now->page->rules[i], ret);
		ret->armed = !(now->page->disarmed >> i & 1);
		ret->done = now->page->acts[i].done;
		ret->error = (int)now->page->acts[i].error;
	}
	return true;
}

/* ---- for people */

static bool is_moment(const struct plan_act *act)
{
	return act && act->type != ACT_PAUSE && act->type != ACT_LIMIT;
}

static void window_cell(struct text_table *t, const struct view *v)
{
	char left[TEXT_DURATION_MAX];

	text_duration(v->left_ns, left);
	if (!v->open)
		text_cell(t, "closed");
	else if (is_moment(v->rule.act))
		text_cell(t, v->done ? "done" : "due");
	else if (v->left_ns == UINT64_MAX)
		text_cell(t, "open, until the container ends");
	else
		text_cell(t, "open, closes in %s", left);
}

/* Names of system calls, methods and where, or what is done by the clock; the caller's. */
static char *what_of(const struct plan_rule_of *r)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out;

	if (r->act) {
		text = util_alloc(PLAN_ACT_TEXT_MAX, 1);
		plan_act_text(r->act, text);
		return text;
	}
	if (!r->io)
		return util_printf("%.*s", (int)strlen(r->syscall->syscall.names) - 1, r->syscall->syscall.names);
	out = open_memstream(&text, &n);
	if (!out)
		return util_strdup("");
	io_print(out, r->io);
	fclose(out);
	return text;
}

static void print_errors(const struct container *c, const struct now *now)
{
	struct view v;

	for (size_t i = 0; view_of(c, now, i, &v); i++) {
		if (v.open && v.error == EALREADY)
			printf("  %s: not done, the container %s already\n", v.rule.common->name,
			       v.rule.act->type == ACT_PAUSE ? "is frozen by somebody else" : "has no more than that");
		else if (v.open && v.error)
			printf("  %s: cannot be done: %s; it is tried again while its window is open\n", v.rule.common->name,
			       strerror(v.error));
	}
}

static void print_rules(const struct container *c, const struct now *now)
{
	static const char *const header[] = { "FAULT", "WHAT", "WINDOW", "ARMED", "MATCHED", "INJECTED" };
	_cleanup_table_ struct text_table t = { .columns = ARRAY_SIZE(header) };
	struct view v;

	for (size_t i = 0; i < ARRAY_SIZE(header); i++)
		text_cell(&t, "%s", header[i]);
	for (size_t i = 0; view_of(c, now, i, &v); i++) {
		_cleanup_free_ char *what = what_of(&v.rule);

		text_cell(&t, "%s", v.rule.common->name);
		text_cell(&t, "%.*s%s", WHAT_SHOWN, what, strlen(what) > WHAT_SHOWN ? "..." : "");
		window_cell(&t, &v);
		text_cell(&t, "%s", v.armed ? "yes" : "no");
		text_cell(&t, "%llu", (unsigned long long)v.matched);
		text_cell(&t, "%llu", (unsigned long long)v.injected);
	}
	text_table_print(&t, "  ", stdout);
}

static const char *base_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

/* What nobody looks after any more. */
static void print_orphan(const struct container *c)
{
	_cleanup_undo_ struct undo u = {};

	if (mend_is_orphan(c))
		printf("  its supervisor is gone: its intercepted calls fail with ENOSYS; %s\n",
		       mend_is_possible(c) ? "'faultwire abort', 'arm' or any hook with faults takes them up again"
					   : "no new one can be put in (no_new_privs is not set, or it has too many processes): "
					     "restart the container");
	if (undo_load(c->id, &u, NULL) || !u.n) {
		if (plan_acts(&c->plan))
			puts("  its supervisor is gone: nothing more is done to it");
		return;
	}
	printf("  its supervisor is gone, and left changed:");
	for (size_t i = 0; i < u.n; i++)
		printf("%s %s", i ? "," : "", base_of(u.entries[i].file));
	printf("; 'faultwire abort %.*s' puts it back, as any hook, ADD, DEL or GC with faults does\n", CONTAINERS_ID_SHOWN, c->id);
}

static void print_state(const struct container *c, const struct now *now)
{
	if (now->page && now->page->over)
		puts("  all that was to be done is done");
	else if (plan_needs_supervisor(&c->plan) && !container_has_supervisor(c))
		print_orphan(c);
	else if (container_has_ended(c))
		puts("  it has ended: its faults go with its pod, or with the next container");
	else if ((now->page || now->has_files) && !now_running(now))
		puts("  its program has not begun");
	if (plan_files(&c->plan) && !now->has_files)
		puts("  its programs in the kernel cannot be asked: 'faultwire doctor' tells more");
	if (now_aborted(now))
		printf("  off by %s\n", now_aborted(now) & CONTAINER_ABORT_NODE ? "the abort of the node ('faultwire resume --all')"
					: now_aborted(now) & FW_ABORT_EXPERIMENT
						? "the abort of its experiment"
						: "its pod's own abort ('faultwire resume' with its name)");
}

static void print_one(const struct container *c)
{
	_cleanup_free_ char *title = containers_title(c);
	_cleanup_now_ struct now now;

	now_get(c, &now);
	printf("%s  id %.*s%s%s\n", title, CONTAINERS_ID_SHOWN, c->id, *c->experiment ? "  experiment " : "", c->experiment);
	print_state(c, &now);
	print_rules(c, &now);
	print_errors(c, &now);
}

void containers_print(const struct containers *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			printf("\n");
		print_one(&list->containers[i]);
	}
}

/* ---- for programs */

/* Files of its cgroup that say now what acts want. */
static void add_changed(const struct container *c, cJSON *list)
{
	_cleanup_undo_ struct undo u = {};

	if (undo_load(c->id, &u, NULL))
		return;
	for (size_t i = 0; i < u.n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(u.entries[i].file));
}

static cJSON *rule_json(const struct view *v)
{
	cJSON *f = cJSON_CreateObject();

	cJSON_AddStringToObject(f, "name", v->rule.common->name);
	cJSON_AddBoolToObject(f, "inKernel", v->in_kernel);
	cJSON_AddBoolToObject(f, "open", v->open);
	cJSON_AddBoolToObject(f, "armed", v->armed);
	cJSON_AddItemToObject(f, "matched", json_number(v->matched));
	cJSON_AddItemToObject(f, "injected", json_number(v->injected));
	if (v->error)
		cJSON_AddStringToObject(f, "error", strerror(v->error));
	return f;
}

static cJSON *one_json(const struct container *c)
{
	cJSON *o = cJSON_CreateObject(), *faults;
	_cleanup_now_ struct now now;
	struct view v;

	now_get(c, &now);
	cJSON_AddStringToObject(o, "namespace", c->pod_namespace);
	cJSON_AddStringToObject(o, "pod", c->pod_name);
	cJSON_AddStringToObject(o, "container", c->name);
	cJSON_AddStringToObject(o, "id", c->id);
	cJSON_AddStringToObject(o, "experiment", c->experiment);
	cJSON_AddBoolToObject(o, "supervised", container_has_supervisor(c));
	cJSON_AddBoolToObject(o, "over", now.page && now.page->over);
	cJSON_AddBoolToObject(o, "running", now_running(&now));
	cJSON_AddBoolToObject(o, "aborted", now_aborted(&now));
	add_changed(c, cJSON_AddArrayToObject(o, "changed"));
	faults = cJSON_AddArrayToObject(o, "faults");
	for (size_t i = 0; view_of(c, &now, i, &v); i++)
		cJSON_AddItemToArray(faults, rule_json(&v));
	return o;
}

cJSON *containers_json(const struct containers *list)
{
	cJSON *a = cJSON_CreateArray();

	for (size_t i = 0; i < list->n; i++)
		cJSON_AddItemToArray(a, one_json(&list->containers[i]));
	return a;
}
