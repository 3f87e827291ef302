// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultwire status: records, control map, rules' counters and the queues inside the pods' namespaces, put together. It only reads.
 */
#include "cli/status.h"

#include <argp.h>
#include <errno.h>

#include "cli/cli.h"
#include "engine/bpf.h"
#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/names.h"
#include "engine/netns.h"
#include "lib/util.h"

struct options {
	bool json;
	char **words;
	size_t n_words;
};

static const struct argp_option argp_options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	(void)arg;
	if (key == 'j') {
		o->json = true;
	} else if (key == ARGP_KEY_ARGS) {
		o->words = state->argv + state->next;
		o->n_words = state->argc - state->next;
	} else {
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.args_doc = "[POD...]",
	.doc = "Shows the pods of this node that have faults: windows, what holds them off, what was matched and injected, what is "
	       "queued.\v" PODS_HELP " Counters are packets; segments are what these are on the wire.\n\n"
	       "Examples:\n"
	       "  faultwire status\n"
	       "  faultwire status shop/web-6d5f\n"
	       "  faultwire status --json | jq '.pods[].faults[] | {name, injected}'\n",
};

/* Whether a window is open at an instant, and when that changes; windows of '@every' are counted from 'origin'. */
static bool open_at(const struct plan_rule *rule, uint64_t origin, uint64_t at, uint64_t *ret_change_ns)
{
	const struct fw_rule *r = &rule->rule;
	uint64_t since = r->period_ns ? (at - origin) % r->period_ns : at - origin;

	if (rule->calendar)
		return calendar_open(&rule->calendar->fields, r->on_ns, at, ret_change_ns);
	*ret_change_ns = UINT64_MAX;
	if (r->on_ns && since < r->on_ns)
		*ret_change_ns = at - since + r->on_ns;
	else if (r->on_ns && r->period_ns)
		*ret_change_ns = at - since + r->period_ns;
	return !r->on_ns || since < r->on_ns;
}

/* The state of a rule's windows now, of which nothing happens before 'start', and how long it lasts. */
static enum status_window window_at(const struct plan_rule *rule, uint64_t origin, uint64_t start, uint64_t now,
				    uint64_t *ret_left_ns)
{
	uint64_t change;
	bool open = open_at(rule, origin, MAX(start, now), &change);

	if (now < start && open)
		change = start;
	*ret_left_ns = change == UINT64_MAX ? change : change - now;
	if (now < start)
		return WINDOW_BEFORE;
	return open ? WINDOW_OPEN : change == UINT64_MAX ? WINDOW_OVER : WINDOW_BETWEEN;
}

static void read_fault(const struct state_pod *record, size_t i, const struct bpf_node *node, uint64_t disarmed,
		       struct status_fault *f)
{
	const struct plan_rule *rule = &plan_rules(&record->plan)->rules[i];
	bool wall = rule->rule.flags & FW_RULE_WALL;
	uint64_t mono = clock_ns(CLOCK_MONOTONIC), now = wall ? clock_ns(CLOCK_REALTIME) : mono;
	/* on the windows' clock as it is now: the sandbox's age does not step */
	uint64_t start = now - mono + record->created_mono_ns + rule->rule.start_ns;
	struct fw_rule live;

	f->rule = rule;
	f->armed = !(disarmed >> i & 1);
	f->window = window_at(rule, wall ? 0 : start, start, now, &f->change_ns);
	f->counted = node->maps[BPF_RULES] >= 0 && !bpf_rule_get(node, record->slot, i, &live, NULL);
	if (!f->counted)
		return;
	f->state = live.state;
	f->state.segments += f->state.word >> FW_STATE_BITS;
	f->state.injected_segments += f->state.injected;
}

static void read_faults(struct status_pod *pod, const struct fw_control *control)
{
	const struct plan_rules *rules = plan_rules(&pod->record->plan);
	uint64_t disarmed = control ? __atomic_load_n(&control[pod->record->slot].disarmed, __ATOMIC_RELAXED) : 0;
	_cleanup_bpf_ struct bpf_node node = BPF_NODE_EMPTY;
	size_t learned[FW_RULES] = {};
	bool named;

	if (!rules)
		return;
	if (pod->record->abi == FW_ABI)
		(void)bpf_node_open(pod->record->build, false, &node, NULL);
	pod->n_faults = MIN(rules->n_rules, (size_t)FW_RULES);
	for (size_t i = 0; i < pod->n_faults; i++)
		read_fault(pod->record, i, &node, disarmed, &pod->faults[i]);
	named = hosts_any(rules) && !names_count(&node, pod->record->created_mono_ns, learned, NULL);
	for (size_t i = 0; named && i < pod->n_faults; i++) {
		pod->faults[i].named = rules->rules[i].target.n_hosts;
		pod->faults[i].learned = learned[i];
	}
}

static bool has_root(const struct state_pod *record, enum fw_dir dir)
{
	for (size_t i = 0; i < record->plan.n_ops; i++)
		if (record->plan.ops[i].type == PLAN_ROOT && record->plan.ops[i].root == dir)
			return true;
	return false;
}

static void read_queue(struct status_pod *pod, enum fw_dir dir, struct tc *tc)
{
	struct status_queue q = {};
	int index;

	snprintf(q.interface, sizeof(q.interface), "%.15s", pod->record->ifname);
	if (tc_link_index(tc, q.interface, &index, NULL))
		return;
	if (dir == FW_INGRESS) {
		engine_ifb_name(index, q.interface);
		if (tc_link_index(tc, q.interface, &index, NULL))
			return;
	}
	if (!tc_root_stats(tc, index, &q.stats, NULL))
		pod->queues[pod->n_queues++] = q;
}

/* Queues are in the pod's namespace; where one cannot get there they are left out. */
static void read_queues(struct status_pod *pod)
{
	_cleanup_close_ int fd = -1;
	_cleanup_netns_ struct netns ns = { -1 };
	_cleanup_tc_ struct tc tc = TC_CLOSED;
	int r = netns_open(pod->record->netns, &fd, NULL);

	pod->gone = r == -ENOENT || r == -EINVAL;
	if (r || (!has_root(pod->record, FW_EGRESS) && !has_root(pod->record, FW_INGRESS)))
		return;
	if (netns_enter(fd, &ns, NULL) || tc_open(&tc, NULL))
		return;
	for (enum fw_dir dir = 0; dir < FW_DIRS; dir++)
		if (has_root(pod->record, dir))
			read_queue(pod, dir, &tc);
}

static int collect(const struct options *o, struct status *s, struct error *err)
{
	struct fw_control *control = NULL;
	_cleanup_free_ char **words = NULL;
	size_t n_words = 0;
	int r = containers_other_words(o->words, o->n_words, &words, &n_words, err);

	if (!r && (n_words || !o->n_words))
		r = pods_select(words, n_words, &s->pods, err);
	if (!r)
		r = containers_select(o->words, o->n_words, NULL, &s->containers, err);
	if (!r)
		r = state_abort_list(&s->experiments, &s->n_experiments, err);
	if (r)
		return r;
	(void)bpf_control_map(&control, NULL); /* without it all is shown but what it says */
	s->aborted = control && control[0].aborted;
	s->pod = util_alloc(s->pods.n + 1, sizeof(*s->pod));
	for (size_t i = 0; i < s->pods.n; i++) {
		struct status_pod *pod = &s->pod[i];

		pod->record = pods_at(&s->pods, i);
		pod->held = held_get(control, pod->record);
		read_faults(pod, control);
		read_queues(pod);
	}
	bpf_control_unmap(control);
	return 0;
}

static void status_cleanup(struct status *s)
{
	pods_cleanup(&s->pods);
	containers_cleanup(&s->containers);
	free(s->pod);
	for (size_t i = 0; i < s->n_experiments; i++)
		free(s->experiments[i]);
	free(s->experiments);
}

static int run(int argc, char **argv, struct error *err)
{
	__attribute__((cleanup(status_cleanup))) struct status s = {};
	struct options o = {};
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	r = collect(&o, &s, err);
	if (r)
		return r;
	if (o.json)
		status_view_json(&s);
	else
		status_view_print(&s);
	return 0;
}

const struct command status_command = {
	.name = "status",
	.summary = "show the pods with faults: windows, counters, queues",
	.run = run,
};
