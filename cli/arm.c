// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultwire arm, disarm: single faults of a pod on and off.
 */
#include <argp.h>
#include <errno.h>

#include "cli/cli.h"
#include "cli/containers.h"
#include "cli/held.h"
#include "cli/pods.h"
#include "cli/text.h"
#include "engine/bpf.h"
#include "lib/util.h"

struct wanted {
	char **pod; /* one word */
	char **faults;
	size_t n_faults;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct wanted *w = state->input;

	(void)arg;
	if (key == ARGP_KEY_ARGS) {
		w->pod = state->argv + state->next;
		w->faults = w->pod + 1;
		w->n_faults = state->argc - state->next - 1;
		return 0;
	}
	if (key == ARGP_KEY_NO_ARGS)
		argp_error(state, "say which pod");
	return ARGP_ERR_UNKNOWN;
}

static const struct argp arm_argp = {
	.parser = parse_option,
	.args_doc = "POD [FAULT...]",
	.doc = "Arms faults of a pod, by name, or all of them: those with \"armed\":false wait for it.\v" PODS_HELP
	       " FAULT is its name in 'faultwire status'. Windows go on from where they are: an armed fault acts once its window "
	       "is "
	       "open.\n\n"
	       "Examples:\n"
	       "  faultwire arm shop/web-6d5f\n"
	       "  faultwire arm shop/web-6d5f slow-db\n",
};

static const struct argp disarm_argp = {
	.parser = parse_option,
	.args_doc = "POD [FAULT...]",
	.doc = "Disarms faults of a pod, by name, or all of them, until they are armed again.\v" PODS_HELP
	       " FAULT is its name in 'faultwire status'.\n\n"
	       "Examples:\n"
	       "  faultwire disarm shop/web-6d5f\n"
	       "  faultwire disarm shop/web-6d5f slow-db\n",
};

static int unknown_fault(const struct plan_rules *rules, const char *word, struct error *err)
{
	_cleanup_free_ char *list = util_strdup("");

	for (size_t i = 0; rules && i < rules->n_rules; i++) {
		char *longer = util_printf("%s%s'%s'", list, i ? ", " : "", rules->rules[i].name);

		free(list);
		list = longer;
	}
	return error_set(err, ENOENT, "the pod has no fault '%s': it has %s", word, *list ? list : "none");
}

/* Bits of the rules of one name; 0 = none. */
static uint64_t bits_of(const struct plan_rules *rules, const char *name)
{
	uint64_t bits = 0;

	for (size_t i = 0; rules && i < rules->n_rules && i < FW_RULES; i++)
		if (!name || util_streq(rules->rules[i].name, name))
			bits |= 1ULL << i;
	return bits;
}

static int find_bits(const struct state_pod *pod, const struct wanted *w, uint64_t *ret, struct error *err)
{
	const struct plan_rules *rules = plan_rules(&pod->plan);
	uint64_t bits = w->n_faults ? 0 : bits_of(rules, NULL);

	for (size_t i = 0; i < w->n_faults; i++) {
		uint64_t some = bits_of(rules, w->faults[i]);

		if (!some)
			return unknown_fault(rules, w->faults[i], err);
		bits |= some;
	}
	*ret = bits;
	return 0;
}

static void print_pod(const struct state_pod *pod, const struct fw_control *control, int n, bool arm)
{
	struct held h = held_get(control, pod);
	_cleanup_free_ char *title = pods_title(pod), *by = held_text(h, pod);
	_cleanup_free_ char *raw = util_printf("%s: %d fault%s %s%s%s", title, n, n == 1 ? "" : "s", arm ? "armed" : "disarmed",
					       arm && *by ? ", still off by " : "", arm ? by : "");
	_cleanup_free_ char *line = text_safe(raw);

	puts(line);
}

static int set_pod(const struct state_pod *pod, const struct wanted *w, struct fw_control *control, bool arm, struct error *err)
{
	uint64_t bits = 0, *word = (uint64_t *)&control[pod->slot].disarmed;
	int r = find_bits(pod, w, &bits, err);

	if (r)
		return r;
	if (arm)
		__atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
	print_pod(pod, control, __builtin_popcountll(bits), arm);
	return 0;
}

static int set_pods(const struct wanted *w, bool arm, struct error *err)
{
	_cleanup_pods_list_ struct pods pods = {};
	_cleanup_lock_ int lock = -1; /* an ADD of the same pod writes this word too */
	struct fw_control *control = NULL;
	int r = state_lock(&lock, err);

	if (!r)
		r = pods_select(w->pod, 1, &pods, err);
	if (!r)
		r = bpf_control_map(&control, err);
	for (size_t i = 0; !r && i < pods.n; i++)
		r = set_pod(pods_at(&pods, i), w, control, arm, err);
	bpf_control_unmap(control);
	return r;
}

/* The pod's containers first; *ret_rest are the names that none of them has. */
static int set_containers(const struct wanted *w, bool arm, struct wanted *ret_rest, bool *ret_any, struct error *err)
{
	_cleanup_containers_ struct containers list = {};
	_cleanup_free_ bool *found = util_alloc(w->n_faults, sizeof(*found));
	int r = containers_select(w->pod, 1, NULL, &list, err);

	if (!r)
		r = containers_arm(&list, w->faults, w->n_faults, arm, found, err);
	for (size_t i = 0; !r && i < w->n_faults; i++)
		if (!found[i])
			ret_rest->faults[ret_rest->n_faults++] = w->faults[i];
	*ret_any = list.n;
	return r;
}

static int set(const struct wanted *w, bool arm, struct error *err)
{
	_cleanup_free_ char **faults = util_alloc(w->n_faults, sizeof(*faults));
	struct wanted rest = { .pod = w->pod, .faults = faults };
	bool any = false;
	int r = set_containers(w, arm, &rest, &any, err);

	if (r || (w->n_faults && !rest.n_faults))
		return r;
	r = set_pods(&rest, arm, err);
	/* all faults of a pod that has them in its containers alone */
	if (r == -ENOENT && any && !w->n_faults) {
		*err = (struct error){};
		r = 0;
	}
	return r;
}

static int arm_run(int argc, char **argv, struct error *err)
{
	struct wanted w = {};

	argp_parse(&arm_argp, argc, argv, 0, NULL, &w);
	return set(&w, true, err);
}

static int disarm_run(int argc, char **argv, struct error *err)
{
	struct wanted w = {};

	argp_parse(&disarm_argp, argc, argv, 0, NULL, &w);
	return set(&w, false, err);
}

const struct command arm_command = {
	.name = "arm",
	.summary = "arm faults of a pod that are installed but off",
	.run = arm_run,
};

const struct command disarm_command = {
	.name = "disarm",
	.summary = "disarm faults of a pod",
	.run = disarm_run,
};
