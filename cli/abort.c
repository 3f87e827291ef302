// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultwire abort, resume: faults off at once, and on again, for the node, an experiment or pods. The kernel programs look at one word
 * a packet, so the store into it comes first; what must outlive a reboot is a file, written next. An ADD that read the old state
 * meanwhile is caught by doing the stores once more under the lock that ADD holds.
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

struct scope {
	bool all;
	const char *experiment;
	char **words; /* pods */
	size_t n_words;
};

static const struct argp_option argp_options[] = {
	{ "all", 'a', NULL, 0, "Every pod of this node", 0 },
	{ "experiment", 'e', "NAME", 0, "Every pod of this node that is part of an experiment", 0 },
	{},
};

static void check_scope(const struct scope *s, struct argp_state *state)
{
	int given = s->all + !!s->experiment + !!s->n_words;

	if (!given)
		argp_error(state, "say what: --all, --experiment NAME, or a pod");
	if (given > 1)
		argp_error(state, "one of --all, --experiment NAME, or pods");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct scope *s = state->input;

	switch (key) {
	case 'a':
		s->all = true;
		return 0;
	case 'e':
		if (!*arg)
			argp_error(state, "--experiment needs a name");
		s->experiment = arg;
		return 0;
	case ARGP_KEY_ARGS:
		s->words = state->argv + state->next;
		s->n_words = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		check_scope(s, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp abort_argp = {
	.options = argp_options,
	.parser = parse_option,
	.args_doc = "--all\n--experiment NAME\nPOD...",
	.doc = "Switches faults off at once: of every pod of this node, of an experiment, or of pods.\v" PODS_HELP
	       " What is queued already leaves within its latency + 1 s. The first two outlive reboots, and a pod born under them "
	       "is "
	       "born off; a pod's own abort ends with the pod.\n\n"
	       "Examples:\n"
	       "  faultwire abort --all\n"
	       "  faultwire abort --experiment checkout\n"
	       "  faultwire abort shop/web-6d5f\n",
};

static const struct argp resume_argp = {
	.options = argp_options,
	.parser = parse_option,
	.args_doc = "--all\n--experiment NAME\nPOD...",
	.doc = "Takes an abort back: that of the node, of an experiment, or of pods. What other aborts still hold off is "
	       "said.\v" PODS_HELP "\n\nExamples:\n"
	       "  faultwire resume --all\n"
	       "  faultwire resume --experiment checkout\n"
	       "  faultwire resume shop/web-6d5f\n",
};

/* The records that a scope means. */
static int select_pods(const struct scope *s, struct pods *ret, struct error *err)
{
	_cleanup_free_ char **words = NULL;
	size_t n = 0;
	int r = containers_other_words(s->words, s->n_words, &words, &n, err);

	if (r || (s->n_words && !n)) /* all are pods that have faults in containers alone */
		return r;
	r = pods_select(words, n, ret, err);
	n = 0;
	if (r || !s->experiment)
		return r;
	for (size_t i = 0; i < ret->n; i++)
		if (util_streq(pods_at(ret, i)->experiment, s->experiment))
			ret->index[n++] = ret->index[i];
	ret->n = n;
	return 0;
}

/* Supervisors are woken by the stores; by the node's word all at once, before their pages say by whom. */
static int mark_containers(const struct scope *s, bool on, struct error *err)
{
	_cleanup_containers_ struct containers list = {};
	int r = s->all ? container_abort_node(on, err) : 0;

	if (!r)
		r = containers_select(s->words, s->n_words, s->experiment, &list, err);
	return r ? r
		 : containers_mark(&list,
				   s->all          ? CONTAINER_ABORT_NODE
				   : s->experiment ? FW_ABORT_EXPERIMENT
						   : FW_ABORT_POD,
				   on, err);
}

static void store(uint64_t *word, uint64_t bits, bool on)
{
	if (on)
		__atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
}

/* The stores. pods: those of the scope where it is not all. */
static void mark(const struct scope *s, const struct pods *pods, struct fw_control *control, bool on)
{
	if (!control)
		return;
	if (s->all)
		store((uint64_t *)&control[0].aborted, ~0ULL, on);
	for (size_t i = 0; !s->all && i < pods->n; i++)
		store((uint64_t *)&control[pods_at(pods, i)->slot].aborted, s->experiment ? FW_ABORT_EXPERIMENT : FW_ABORT_POD, on);
}

/* Finds map and pods of now, and stores. *ret_pods: the scope's; nothing is listed for all, so that nothing delays the store. */
static int mark_now(const struct scope *s, bool on, struct pods *ret_pods, struct error *err)
{
	struct fw_control *control = NULL;
	int r = held_control(&control, err);

	if (!r && !s->all)
		r = select_pods(s, ret_pods, err);
	if (!r)
		mark(s, ret_pods, control, on);
	bpf_control_unmap(control);
	return r ? r : mark_containers(s, on, err);
}

static int keep(const struct scope *s, bool on, struct error *err)
{
	if (s->n_words)
		return 0;
	return state_abort_set(s->all ? "" : s->experiment, on, err);
}

static int abort_scope(const struct scope *s, struct pods *ret_pods, struct error *err)
{
	_cleanup_pods_list_ struct pods first = {};
	_cleanup_lock_ int lock = -1;
	struct error kept = {};
	int r = mark_now(s, true, &first, err);

	if (keep(s, true, &kept) && !r) { /* a node without its pins must still be off after the next load */
		*err = kept;
		r = -kept.code;
	}
	if (!r)
		r = state_lock(&lock, err);
	return r ? r : mark_now(s, true, ret_pods, err);
}

static int resume_scope(const struct scope *s, struct pods *ret_pods, struct error *err)
{
	_cleanup_lock_ int lock = -1;
	int r = state_lock(&lock, err);

	if (!r)
		r = keep(s, false, err);
	return r ? r : mark_now(s, false, ret_pods, err);
}

static void print_containers(const struct scope *s, const char *done)
{
	_cleanup_containers_ struct containers list = {};

	(void)containers_select(s->words, s->n_words, s->experiment, &list, NULL);
	for (size_t i = 0; i < list.n; i++) {
		_cleanup_free_ char *title = containers_title(&list.containers[i]);

		printf("%s: %s\n", title, done);
	}
}

static void print_scope(const struct scope *s, const struct pods *pods, const char *done, const char *after)
{
	_cleanup_free_ char *experiment = text_safe(s->experiment ? s->experiment : "");
	size_t n = s->all ? state_count() : pods->n;

	if (s->n_words)
		for (size_t i = 0; i < n; i++) {
			_cleanup_free_ char *raw = pods_title(pods_at(pods, i));
			_cleanup_free_ char *title = text_safe(raw);

			printf("%s: %s\n", title, done);
		}
	else if (s->all)
		printf("%s: every pod of this node (%zu with faults now)%s\n", done, n, after);
	else
		printf("%s: experiment '%s' on this node (%zu pod%s now)%s\n", done, experiment, n, n == 1 ? "" : "s", after);
	print_containers(s, done);
}

static int abort_run(int argc, char **argv, struct error *err)
{
	_cleanup_pods_list_ struct pods pods = {};
	struct scope s = {};
	int r;

	argp_parse(&abort_argp, argc, argv, 0, NULL, &s);
	r = abort_scope(&s, &pods, err);
	if (!r)
		print_scope(&s, &pods, "aborted", ", and those to come, until resumed");
	return r;
}

/* What of the scope is off all the same. */
static int print_held(const struct scope *s, struct error *err)
{
	_cleanup_pods_list_ struct pods pods = {};
	struct fw_control *control = NULL;
	int r = held_control(&control, err);

	if (!r)
		r = select_pods(s, &pods, err);
	for (size_t i = 0; !r && i < pods.n; i++) {
		struct held h = held_get(control, pods_at(&pods, i));
		_cleanup_free_ char *title = pods_title(pods_at(&pods, i)), *by = held_text(h, pods_at(&pods, i));
		_cleanup_free_ char *raw = util_printf("%s: still off by %s", title, by), *line = text_safe(raw);

		if (held_any(h))
			puts(line);
	}
	bpf_control_unmap(control);
	return r;
}

static int resume_run(int argc, char **argv, struct error *err)
{
	_cleanup_pods_list_ struct pods pods = {};
	struct scope s = {};
	int r;

	argp_parse(&resume_argp, argc, argv, 0, NULL, &s);
	r = resume_scope(&s, &pods, err);
	if (r)
		return r;
	print_scope(&s, &pods, "resumed", "");
	return print_held(&s, err);
}

const struct command abort_command = {
	.name = "abort",
	.summary = "switch faults off at once: of the node, an experiment, or pods",
	.run = abort_run,
};

const struct command resume_command = {
	.name = "resume",
	.summary = "take an abort back",
	.run = resume_run,
};
