// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choosing containers, and switching their faults off and on: see containers.h.
 */
#include "cli/containers.h"

#include <errno.h>

#include "cli/pods.h"
#include "cli/text.h"
#include "engine/files.h"
#include "engine/mend.h"
#include "engine/undo.h"
#include "lib/util.h"

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
	int r = page_bits && plan_needs_supervisor(&c->plan) ? in_page(c->id, page_bits, on, err) : 0;

	return r || !kernel_bits ? r : in_kernel(c, kernel_bits, on, err);
}

int containers_mark(const struct containers *list, uint64_t bits, bool on, struct error *err)
{
	int first = 0;

	undo_sweep();
	mend_sweep();
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
						: util_printf("container %.*s", CONTAINERS_ID_SHOWN, c->name);

	return text_safe(raw);
}

size_t containers_in_kernel(const struct container *c)
{
	return plan_files(&c->plan) ? plan_files(&c->plan)->n_rules : 0;
}

bool containers_rule(const struct container *c, size_t i, struct plan_rule_of *ret)
{
	size_t files = containers_in_kernel(c);
	const struct plan_file *f;

	if (i >= files)
		return plan_rule_of(&c->plan, i - files, ret);
	f = &plan_files(&c->plan)->rules[i];
	*ret = (struct plan_rule_of){ &f->common, .io = &f->io };
	return true;
}

static bool is_named(const char *name, char *const *faults, size_t n, bool *found)
{
	bool named = !n;

	for (size_t k = 0; k < n; k++) {
		if (!util_streq(name, faults[k]))
			continue;
		found[k] = true;
		named = true;
	}
	return named;
}

/* Bits of the rules that are named: those in the kernel, those of its supervisor. */
static void bits_of(const struct container *c, char *const *faults, size_t n, bool *found, uint64_t *ret_kernel, uint64_t *ret_page)
{
	size_t files = containers_in_kernel(c);
	struct plan_rule_of r;

	*ret_kernel = *ret_page = 0;
	for (size_t i = 0; containers_rule(c, i, &r); i++) {
		if (!is_named(r.common->name, faults, n, found))
			continue;
		if (i < files)
			*ret_kernel |= 1ULL << i;
		else
			*ret_page |= 1ULL << (i - files);
	}
}

int containers_arm(const struct containers *list, char *const *faults, size_t n, bool arm, bool *found, struct error *err)
{
	undo_sweep();
	mend_sweep();
	for (size_t i = 0; i < list->n; i++) {
		const struct container *c = &list->containers[i];
		_cleanup_free_ char *title = containers_title(c);
		uint64_t kernel, page;
		int count, r;

		bits_of(c, faults, n, found, &kernel, &page);
		count = __builtin_popcountll(kernel) + __builtin_popcountll(page);
		r = set(c, container_disarm, files_disarm, page, kernel, !arm, err);
		if (r && r != -ENOENT)
			return r;
		if (count && !r)
			printf("%s: %d fault%s %s\n", title, count, count == 1 ? "" : "s", arm ? "armed" : "disarmed");
	}
	return 0;
}
