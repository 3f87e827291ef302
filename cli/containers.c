// SPDX-License-Identifier: GPL-2.0-only
/*
 * Containers with faults, selected, switched off and shown: see containers.h.
 */
#include "cli/containers.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#include "cli/pods.h"
#include "cli/text.h"
#include "engine/files.h"
#include "engine/undo.h"
#include "lib/gate.h"
#include "lib/io.h"
#include "lib/util.h"

#define WHAT_SHOWN 40
#define ID_SHOWN 13 /* characters of a container id, as crictl shows it */

static bool is_meant(const struct container *c, const char *word)
{
	size_t n = strlen(c->pod_namespace);

	if (n && !strncmp(word, c->pod_namespace, n) && word[n] == '/')
		return util_streq(word + n + 1, c->pod_name);
	return util_streq(word, c->pod_name) || !strncmp(word, c->id, strlen(word)) || !strncmp(word, c->sandbox_id, strlen(word));
}

static bool is_selected(const struct container *c, char *const *words, size_t n, const char *experiment)
{
	if (!c->plan.n_ops || (experiment && !util_streq(c->experiment, experiment)))
		return false;
	for (size_t i = 0; i < n; i++)
		if (*words[i] && is_meant(c, words[i]))
			return true;
	return !n;
}

int containers_select(char *const *words, size_t n, const char *experiment, struct containers *ret, struct error *err)
{
	_cleanup_containers_ struct containers all = {};
	size_t kept = 0;
	int r = container_list(&all, err);

	if (r)
		return r;
	for (size_t i = 0; i < all.n; i++) {
		if (is_selected(&all.containers[i], words, n, experiment))
			all.containers[kept++] = all.containers[i];
		else
			container_cleanup(&all.containers[i]);
	}
	all.n = kept;
	*ret = all;
	all = (struct containers){};
	return 0;
}

int containers_other_words(char *const *words, size_t n, char ***ret, size_t *ret_n, struct error *err)
{
	_cleanup_free_ char **others = util_alloc(n, sizeof(*others));
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		_cleanup_containers_ struct containers mine = {};
		_cleanup_pods_list_ struct pods pods = {};
		int r = containers_select(&words[i], 1, NULL, &mine, err);

		if (r)
			return r;
		if (!mine.n || pods_select(&words[i], 1, &pods, NULL) != -ENOENT)
			others[kept++] = words[i];
	}
	*ret = TAKE_PTR(others);
	*ret_n = kept;
	return 0;
}

/* In its supervisor's page, in its slot of the programs, as it has them. */
static int set(const struct container *c, int (*in_page)(const char *id, uint64_t bits, bool on, struct error *err),
	       int (*in_kernel)(const struct container *c, uint64_t bits, bool on, struct error *err), uint64_t page_bits,
	       uint64_t kernel_bits, bool on, struct error *err)
{
	int r = page_bits && plan_supervised(&c->plan) ? in_page(c->id, page_bits, on, err) : 0;

	return r || !kernel_bits ? r : in_kernel(c, kernel_bits, on, err);
}

int containers_mark(const struct containers *list, uint64_t bits, bool on, struct error *err)
{
	int first = 0;

	undo_sweep();
	for (size_t i = 0; i < list->n; i++) {
		struct error own = {};
		int r = set(&list->containers[i], container_abort, files_abort, bits, bits, on, first ? &own : err);

		if (r && r != -ENOENT && !first)
			first = r;
	}
	return first;
}

char *containers_title(const struct container *c)
{
	_cleanup_free_ char *raw = *c->pod_name ? util_printf("%s%s%s, container %s", c->pod_namespace,
							      *c->pod_namespace ? "/" : "", c->pod_name, c->name)
						: util_printf("container %.*s", ID_SHOWN, c->name);

	return text_safe(raw);
}

/* The kernel's rules come first, then the supervisor's. */
static size_t count_files(const struct container *c)
{
	return plan_files(&c->plan) ? plan_files(&c->plan)->n_rules : 0;
}

/* What a rule is, whoever carries it out. */
struct rule {
	const char *name;
	const struct calendar *calendar;
	const struct plan_syscall *syscall; /* one of the three */
	const struct plan_act *act;
	const struct plan_file *file;
};

/* False when there are fewer. */
static bool rule_at(const struct container *c, size_t i, struct rule *ret)
{
	size_t files = count_files(c);
	struct plan_rule_of r;

	*ret = (struct rule){};
	if (i < files) {
		ret->file = &plan_files(&c->plan)->rules[i];
		ret->name = ret->file->name;
		ret->calendar = ret->file->calendar;
	} else if (plan_rule_of(&c->plan, i - files, &r)) {
		*ret = (struct rule){ r.name, r.calendar, r.syscall, r.act, NULL };
	}
	return ret->name;
}

/* Bits of the rules that are named: of the kernel's, of the supervisor's. */
static void bits_of(const struct container *c, char *const *faults, size_t n, bool *found, uint64_t *ret_files, uint64_t *ret_page)
{
	size_t files = count_files(c);
	struct rule r;

	*ret_files = *ret_page = 0;
	for (size_t i = 0; rule_at(c, i, &r); i++) {
		uint64_t *bits = i < files ? ret_files : ret_page, bit = 1ULL << (i < files ? i : i - files);

		*bits |= n ? 0 : bit;
		for (size_t k = 0; k < n; k++) {
			if (!util_streq(r.name, faults[k]))
				continue;
			*bits |= bit;
			found[k] = true;
		}
	}
}

int containers_arm(const struct containers *list, char *const *faults, size_t n, bool arm, bool *found, struct error *err)
{
	undo_sweep();
	for (size_t i = 0; i < list->n; i++) {
		const struct container *c = &list->containers[i];
		_cleanup_free_ char *title = containers_title(c);
		uint64_t files, page;
		int count, r;

		bits_of(c, faults, n, found, &files, &page);
		count = __builtin_popcountll(files) + __builtin_popcountll(page);
		r = set(c, container_disarm, files_disarm, page, files, !arm, err);
		if (r && r != -ENOENT)
			return r;
		if (count && !r)
			printf("%s: %d fault%s %s\n", title, count, count == 1 ? "" : "s", arm ? "armed" : "disarmed");
	}
	return 0;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

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
	if (plan_supervised(&c->plan))
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

/* The gate of rule i as it stands; NULL = not known. */
static const struct fw_rule *now_gate(const struct now *now, size_t i, size_t files)
{
	if (i < files)
		return now->has_files ? &now->rules[i] : NULL;
	return now->page && i - files < now->page->n_rules ? &now->page->rules[i - files] : NULL;
}

/* What of a rule is to be shown. */
struct view {
	struct rule rule;
	bool open, armed, done;
	uint64_t left_ns, matched, injected;
	int error; /* of an act */
};

/* False when there are fewer. */
static bool view_of(const struct container *c, const struct now *now, size_t i, struct view *ret)
{
	size_t files = count_files(c);
	const struct calendar *calendar;
	const struct fw_rule *gate;

	*ret = (struct view){};
	if (!rule_at(c, i, &ret->rule))
		return false;
	gate = now_gate(now, i, files);
	if (!gate)
		return true;
	calendar = ret->rule.calendar;
	ret->open = gate_open(gate, calendar ? &calendar->fields : NULL, now_ns(CLOCK_MONOTONIC), now_ns(CLOCK_REALTIME),
			      &ret->left_ns);
	ret->armed = !(i < files ? now->file.disarmed >> i & 1 : now->page->disarmed >> (i - files) & 1);
	ret->matched = gate->state.word >> FW_STATE_BITS;
	ret->injected = gate->state.injected;
	if (i >= files) {
		ret->done = now->page->acts[i - files].done;
		ret->error = (int)now->page->acts[i - files].error;
	}
	return true;
}

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

/* Names of system calls, methods and where, or what is done by the clock. */
static char *what_of(const struct rule *r)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out;

	if (r->syscall && !r->syscall->is_io)
		return util_printf("%.*s", (int)strlen(r->syscall->syscall.names) - 1, r->syscall->syscall.names);
	if (r->act) {
		text = util_alloc(PLAN_ACT_TEXT_MAX, 1);
		plan_act_text(r->act, text);
		return text;
	}
	out = open_memstream(&text, &n);
	if (!out)
		return util_strdup("");
	io_print(out, r->file ? &r->file->io : &r->syscall->io);
	fclose(out);
	return text;
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

		text_cell(&t, "%s", v.rule.name);
		text_cell(&t, "%.*s%s", WHAT_SHOWN, what, strlen(what) > WHAT_SHOWN ? "..." : "");
		window_cell(&t, &v);
		text_cell(&t, "%s", v.armed ? "yes" : "no");
		text_cell(&t, "%llu", (unsigned long long)v.matched);
		text_cell(&t, "%llu", (unsigned long long)v.injected);
	}
	text_table_print(&t, "  ", stdout);
	for (size_t i = 0; view_of(c, now, i, &v); i++) {
		if (v.open && v.error == EALREADY)
			printf("  %s: not done, the container %s already\n", v.rule.name,
			       v.rule.act->type == ACT_PAUSE ? "is frozen by somebody else" : "has no more than that");
		else if (v.open && v.error)
			printf("  %s: cannot be done: %s; it is tried again while its window is open\n", v.rule.name,
			       strerror(v.error));
	}
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

	if (plan_syscalls(&c->plan))
		puts("  its supervisor is gone: the calls below fail with ENOSYS until the container is made anew, or are over "
		     "with it");
	if (undo_load(c->id, &u, NULL) || !u.n) {
		if (plan_acts(&c->plan))
			puts("  its supervisor is gone: nothing more is done to it");
		return;
	}
	printf("  its supervisor is gone, and left changed:");
	for (size_t i = 0; i < u.n; i++)
		printf("%s %s", i ? "," : "", base_of(u.entries[i].file));
	printf("; 'faultwire abort %.*s' puts it back, as any hook, ADD, DEL or GC with faults does\n", ID_SHOWN, c->id);
}

static void print_one(const struct container *c)
{
	_cleanup_free_ char *title = containers_title(c);
	_cleanup_now_ struct now now;

	now_get(c, &now);
	printf("%s  id %.*s%s%s\n", title, ID_SHOWN, c->id, *c->experiment ? "  experiment " : "", c->experiment);
	if (now.page && now.page->over)
		puts("  all that was to be done is done");
	else if (plan_supervised(&c->plan) && !container_has_supervisor(c))
		print_orphan(c);
	else if (plan_files(&c->plan) && container_has_ended(c))
		puts("  it has ended: its faults go with its pod, or with the next container");
	else if ((now.page || now.has_files) && !now_running(&now))
		puts("  its program has not begun");
	if (plan_files(&c->plan) && !now.has_files)
		puts("  the kernel cannot be asked for its faults: 'faultwire doctor' tells more");
	if (now_aborted(&now))
		printf("  off by %s\n",
		       now_aborted(&now) & CONTAINER_ABORT_NODE  ? "the abort of the node ('faultwire resume --all')"
		       : now_aborted(&now) & FW_ABORT_EXPERIMENT ? "the abort of its experiment"
								 : "its pod's own abort ('faultwire resume' with its "
								   "name)");
	print_rules(c, &now);
}

void containers_print(const struct containers *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			printf("\n");
		print_one(&list->containers[i]);
	}
}

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

	cJSON_AddStringToObject(f, "name", v->rule.name);
	cJSON_AddBoolToObject(f, "inKernel", v->rule.file != NULL);
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
