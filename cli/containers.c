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
#include "lib/gate.h"
#include "lib/io.h"
#include "lib/util.h"

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
	if (experiment && !util_streq(c->experiment, experiment))
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
	int r = page_bits && plan_syscalls(&c->plan) ? in_page(c->id, page_bits, on, err) : 0;

	return r || !kernel_bits ? r : in_kernel(c, kernel_bits, on, err);
}

int containers_mark(const struct containers *list, uint64_t bits, bool on, struct error *err)
{
	int first = 0;

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

/* What a container's rules are, whoever carries them out. */
struct rule {
	const char *name, *calls; /* names with a space behind each; NULL = io's methods */
	const struct fault_io *io;
	const struct calendar *calendar;
};

static size_t count_files(const struct container *c)
{
	return plan_files(&c->plan) ? plan_files(&c->plan)->n_rules : 0;
}

static size_t count_rules(const struct container *c)
{
	return count_files(c) + (plan_syscalls(&c->plan) ? plan_syscalls(&c->plan)->n_rules : 0);
}

/* Rule i: those of the file hooks first. */
static struct rule rule_at(const struct container *c, size_t i)
{
	size_t files = count_files(c);

	if (i < files) {
		const struct plan_file *f = &plan_files(&c->plan)->rules[i];

		return (struct rule){ f->name, NULL, &f->io, f->calendar };
	}
	const struct plan_syscall *s = &plan_syscalls(&c->plan)->rules[i - files];

	return (struct rule){ s->name, s->is_io ? NULL : s->syscall.names, &s->io, s->calendar };
}

/* Bits of the rules from 'first' to 'last' that are named. */
static uint64_t bits_of(const struct container *c, size_t first, size_t last, char *const *faults, size_t n, bool *found)
{
	uint64_t bits = 0;

	for (size_t i = first; i < last; i++) {
		bits |= n ? 0 : 1ULL << (i - first);
		for (size_t k = 0; k < n; k++) {
			if (!util_streq(rule_at(c, i).name, faults[k]))
				continue;
			bits |= 1ULL << (i - first);
			found[k] = true;
		}
	}
	return bits;
}

int containers_arm(const struct containers *list, char *const *faults, size_t n, bool arm, bool *found, struct error *err)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct container *c = &list->containers[i];
		uint64_t files = bits_of(c, 0, count_files(c), faults, n, found);
		uint64_t calls = bits_of(c, count_files(c), count_rules(c), faults, n, found);
		_cleanup_free_ char *title = containers_title(c);
		int count = __builtin_popcountll(files) + __builtin_popcountll(calls);
		int r = set(c, container_disarm, files_disarm, calls, files, !arm, err);

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
	if (plan_syscalls(&c->plan))
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
	struct rule rule;
	bool open, armed;
	uint64_t left_ns, matched, injected;
};

static struct view view_of(const struct container *c, const struct now *now, size_t i)
{
	struct view v = { .rule = rule_at(c, i) };
	size_t files = count_files(c);
	const struct fw_rule *gate = i < files   ? (now->has_files ? &now->rules[i] : NULL)
				     : now->page ? &now->page->rules[i - files]
						 : NULL;

	if (!gate)
		return v;
	v.open = gate_open(gate, v.rule.calendar ? &v.rule.calendar->fields : NULL, now_ns(CLOCK_MONOTONIC), now_ns(CLOCK_REALTIME),
			   &v.left_ns);
	v.armed = !(i < files ? now->file.disarmed >> i & 1 : now->page->disarmed >> (i - files) & 1);
	v.matched = gate->state.word >> FW_STATE_BITS;
	v.injected = gate->state.injected;
	return v;
}

/* The calls that a rule is of, each with a space behind it; the caller's. */
static char *calls_of(const struct rule *r)
{
	char *text = NULL;
	FILE *out;
	size_t n;

	if (r->calls)
		return util_strdup(r->calls);
	out = open_memstream(&text, &n);
	for (int i = 0; i < FW_METHODS; i++)
		if (r->io->methods >> i & 1)
			fprintf(out, "%s ", io_methods[i]);
	fclose(out);
	return text;
}

static void window_cell(struct text_table *t, const struct view *v)
{
	char left[TEXT_DURATION_MAX];

	text_duration(v->left_ns, left);
	if (!v->open)
		text_cell(t, "closed");
	else if (v->left_ns == UINT64_MAX)
		text_cell(t, "open, until the container ends");
	else
		text_cell(t, "open, closes in %s", left);
}

static void print_rules(const struct container *c, const struct now *now)
{
	static const char *const header[] = { "FAULT", "CALLS", "WINDOW", "ARMED", "MATCHED", "INJECTED" };
	_cleanup_table_ struct text_table t = { .columns = ARRAY_SIZE(header) };

	for (size_t i = 0; i < ARRAY_SIZE(header); i++)
		text_cell(&t, "%s", header[i]);
	for (size_t i = 0; i < count_rules(c); i++) {
		struct view v = view_of(c, now, i);
		_cleanup_free_ char *calls = calls_of(&v.rule);
		int names = (int)MIN(strlen(calls) - 1, (size_t)40);

		text_cell(&t, "%s", v.rule.name);
		text_cell(&t, "%.*s%s", names, calls, calls[names + 1] ? "..." : "");
		window_cell(&t, &v);
		text_cell(&t, "%s", v.armed ? "yes" : "no");
		text_cell(&t, "%llu", (unsigned long long)v.matched);
		text_cell(&t, "%llu", (unsigned long long)v.injected);
	}
	text_table_print(&t, "  ", stdout);
}

static void print_one(const struct container *c)
{
	_cleanup_free_ char *title = containers_title(c);
	_cleanup_now_ struct now now;

	now_get(c, &now);
	printf("%s  id %.*s%s%s\n", title, ID_SHOWN, c->id, *c->experiment ? "  experiment " : "", c->experiment);
	if (plan_syscalls(&c->plan) && !container_has_supervisor(c))
		puts("  its supervisor is gone: the calls below fail with ENOSYS until the container is made anew, or are over "
		     "with it");
	else if (!container_is_alive(c))
		puts("  it has ended: its faults go with its pod, or with the next container");
	else if ((now.page || now.has_files) && !now_running(&now))
		puts("  its program has not begun");
	if (plan_files(&c->plan) && !now.has_files)
		puts("  its programs in the kernel cannot be asked: 'faultwire doctor' tells more");
	if (now_aborted(&now))
		printf("  off by %s\n",
		       now_aborted(&now) & CONTAINER_ABORT_NODE  ? "the abort of the node ('faultwire resume --all')"
		       : now_aborted(&now) & FW_ABORT_EXPERIMENT ? "the abort of its experiment"
								 : "its pod's own abort ('faultwire resume' with its name)");
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

static cJSON *rule_json(const struct view *v, bool in_kernel)
{
	cJSON *f = cJSON_CreateObject();

	cJSON_AddStringToObject(f, "name", v->rule.name);
	cJSON_AddBoolToObject(f, "inKernel", in_kernel);
	cJSON_AddBoolToObject(f, "open", v->open);
	cJSON_AddBoolToObject(f, "armed", v->armed);
	cJSON_AddItemToObject(f, "matched", json_number(v->matched));
	cJSON_AddItemToObject(f, "injected", json_number(v->injected));
	return f;
}

static cJSON *one_json(const struct container *c)
{
	cJSON *o = cJSON_CreateObject(), *faults;
	_cleanup_now_ struct now now;

	now_get(c, &now);
	cJSON_AddStringToObject(o, "namespace", c->pod_namespace);
	cJSON_AddStringToObject(o, "pod", c->pod_name);
	cJSON_AddStringToObject(o, "container", c->name);
	cJSON_AddStringToObject(o, "id", c->id);
	cJSON_AddStringToObject(o, "experiment", c->experiment);
	cJSON_AddBoolToObject(o, "supervised", container_has_supervisor(c));
	cJSON_AddBoolToObject(o, "running", now_running(&now));
	cJSON_AddBoolToObject(o, "aborted", now_aborted(&now));
	faults = cJSON_AddArrayToObject(o, "faults");
	for (size_t i = 0; i < count_rules(c); i++) {
		struct view v = view_of(c, &now, i);

		cJSON_AddItemToArray(faults, rule_json(&v, i < count_files(c)));
	}
	return o;
}

cJSON *containers_json(const struct containers *list)
{
	cJSON *a = cJSON_CreateArray();

	for (size_t i = 0; i < list->n; i++)
		cJSON_AddItemToArray(a, one_json(&list->containers[i]));
	return a;
}
