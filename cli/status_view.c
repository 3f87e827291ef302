// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultwire status on a terminal and as JSON.
 */
#include "cli/status.h"
#include "cli/text.h"
#include "cli/unmet.h"
#include "engine/bpf.h"
#include "lib/util.h"

static const char *const window_names[] = {
	[WINDOW_BEFORE] = "before", [WINDOW_OPEN] = "open", [WINDOW_BETWEEN] = "closed", [WINDOW_OVER] = "over"
};

static const char *direction(const struct plan_rule *r)
{
	return r->dirs == 3 ? "both" : plan_dir_names[r->dirs >> 1];
}

static void window_text(const struct status_fault *f, char *buf, size_t n)
{
	char left[TEXT_DURATION_MAX];

	text_duration(f->change_ns, left);
	if (f->window == WINDOW_OVER)
		snprintf(buf, n, "over");
	else if (f->change_ns == UINT64_MAX)
		snprintf(buf, n, "open, until the pod ends");
	else if (f->window == WINDOW_OPEN)
		snprintf(buf, n, "open, closes in %s", left);
	else
		snprintf(buf, n, "closed, opens in %s", left);
}

static void counter_cell(struct text_table *t, const struct status_fault *f, uint64_t value)
{
	if (f->counted)
		text_cell(t, "%llu", (unsigned long long)value);
	else
		text_cell(t, "-");
}

static void print_faults(const struct status_pod *pod)
{
	static const char *const header[] = { "FAULT",    "DIRECTION", "WINDOW",   "ARMED",     "MATCHED",
					      "INJECTED", "SEGMENTS",  "OVERFLOW", "LOST RACES" };
	_cleanup_table_ struct text_table t = { .columns = ARRAY_SIZE(header) };

	for (size_t i = 0; i < ARRAY_SIZE(header); i++)
		text_cell(&t, "%s", header[i]);
	for (size_t i = 0; i < pod->n_faults; i++) {
		const struct status_fault *f = &pod->faults[i];
		char window[64];

		window_text(f, window, sizeof(window));
		text_cell(&t, "%s", f->rule->name);
		text_cell(&t, "%s", direction(f->rule));
		text_cell(&t, "%s", window);
		text_cell(&t, "%s", f->armed ? "yes" : "no");
		counter_cell(&t, f, f->state.word >> FW_STATE_BITS);
		counter_cell(&t, f, f->state.injected);
		counter_cell(&t, f, f->state.segments);
		counter_cell(&t, f, f->state.overflow);
		counter_cell(&t, f, f->state.lost_races);
	}
	text_table_print(&t, "  ", stdout);
}

static void print_line(const char *indent, char *raw)
{
	_cleanup_free_ char *own = raw, *line = text_safe(own);

	printf("%s%s\n", indent, line);
}

/* Names that nobody asked for yet are the reason why a fault matches nothing. */
static void print_hosts(const struct status_pod *pod)
{
	for (size_t i = 0; i < pod->n_faults; i++) {
		const struct status_fault *f = &pod->faults[i];
		const struct fault_target *t = &f->rule->target;

		if (!f->named)
			continue;
		print_line("  ", util_printf("%s: %zu address%s learned of %s%s", f->rule->name, f->learned,
					     f->learned == 1 ? "" : "es", t->hosts[0].name, t->n_hosts > 1 ? ", ..." : ""));
	}
}

static void print_pod(const struct status_pod *pod)
{
	const struct state_pod *r = pod->record;
	_cleanup_free_ char *title = pods_title(r), *by = held_text(pod->held, r);

	print_line("", util_printf("%s  container %.13s%s%s  build %s", title, r->container_id,
				   *r->experiment ? "  experiment " : "", r->experiment, r->build));
	if (pod->gone)
		print_line("  ", util_printf("its namespace is gone: the next pod's creation or the runtime's GC cleans this up"));
	if (*by)
		print_line("  ", util_printf("off by %s", by));
	print_faults(pod);
	print_hosts(pod);
	for (size_t i = 0; i < pod->n_queues; i++)
		print_line("  ", util_printf("queued on %s: %u packets, %u bytes; dropped there so far: %u",
					     pod->queues[i].interface, pod->queues[i].stats.queued_packets,
					     pod->queues[i].stats.queued_bytes, pod->queues[i].stats.dropped));
}

void status_view_print(const struct status *s)
{
	for (size_t i = 0; i < s->n_experiments; i++) {
		if (*s->experiments[i])
			print_line("", util_printf("experiment '%s' is aborted on this node", s->experiments[i]));
		else
			puts("this node is aborted: no fault acts until 'faultwire resume --all'");
	}
	for (size_t i = 0; i < s->pods.n; i++) {
		if (i || s->n_experiments)
			printf("\n");
		print_pod(&s->pod[i]);
	}
	if (s->pods.n && s->containers.n)
		printf("\n");
	containers_print(&s->containers);
	unmet_print();
	if (!s->pods.n && !s->containers.n)
		puts("no pods with faults on this node");
	if (s->pods.unreadable)
		printf("%zu record%s in %s cannot be read: 'faultwire doctor' tells more\n", s->pods.unreadable,
		       s->pods.unreadable == 1 ? "" : "s", STATE_PODS);
}

static void counters_json(cJSON *j, const struct status_fault *f)
{
	const struct {
		const char *key;
		uint64_t value;
	} counters[] = {
		{ "matched", f->state.word >> FW_STATE_BITS },
		{ "injected", f->state.injected },
		{ "segments", f->state.segments },
		{ "injectedSegments", f->state.injected_segments },
		{ "overflow", f->state.overflow },
		{ "lostRaces", f->state.lost_races },
	};

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		if (f->counted)
			cJSON_AddNumberToObject(j, counters[i].key, (double)counters[i].value);
		else
			cJSON_AddNullToObject(j, counters[i].key);
	}
}

static cJSON *fault_json(const struct status_fault *f)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "name", f->rule->name);
	cJSON_AddStringToObject(j, "direction", direction(f->rule));
	cJSON_AddStringToObject(j, "window", window_names[f->window]);
	if (f->change_ns == UINT64_MAX)
		cJSON_AddNullToObject(j, "changesInSeconds");
	else
		cJSON_AddNumberToObject(j, "changesInSeconds", (double)f->change_ns / NSEC_PER_SEC);
	cJSON_AddBoolToObject(j, "armed", f->armed);
	counters_json(j, f);
	if (f->named)
		cJSON_AddNumberToObject(j, "learned", (double)f->learned);
	return j;
}

static cJSON *queue_json(const struct status_queue *q)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "interface", q->interface);
	cJSON_AddNumberToObject(j, "packets", q->stats.queued_packets);
	cJSON_AddNumberToObject(j, "bytes", q->stats.queued_bytes);
	cJSON_AddNumberToObject(j, "dropped", q->stats.dropped);
	return j;
}

static void record_json(cJSON *j, const struct state_pod *r)
{
	const struct {
		const char *key, *value;
	} strings[] = {
		{ "namespace", r->pod_namespace },
		{ "name", r->pod_name },
		{ "uid", r->pod_uid },
		{ "containerId", r->container_id },
		{ "interface", r->ifname },
		{ "network", r->network },
		{ "netns", r->netns },
		{ "experiment", r->experiment },
		{ "build", r->build },
	};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		cJSON_AddStringToObject(j, strings[i].key, strings[i].value);
	cJSON_AddNumberToObject(j, "slot", r->slot);
	cJSON_AddNumberToObject(j, "createdUnix", (double)r->created_unix_ns / NSEC_PER_SEC);
}

static cJSON *pod_json(const struct status_pod *pod)
{
	cJSON *j = cJSON_CreateObject(), *aborted, *list;

	record_json(j, pod->record);
	cJSON_AddBoolToObject(j, "gone", pod->gone);
	aborted = cJSON_AddObjectToObject(j, "aborted");
	cJSON_AddBoolToObject(aborted, "node", pod->held.node);
	cJSON_AddBoolToObject(aborted, "experiment", pod->held.experiment);
	cJSON_AddBoolToObject(aborted, "pod", pod->held.pod);
	list = cJSON_AddArrayToObject(j, "faults");
	for (size_t i = 0; i < pod->n_faults; i++)
		cJSON_AddItemToArray(list, fault_json(&pod->faults[i]));
	list = cJSON_AddArrayToObject(j, "queues");
	for (size_t i = 0; i < pod->n_queues; i++)
		cJSON_AddItemToArray(list, queue_json(&pod->queues[i]));
	return j;
}

void status_view_json(const struct status *s)
{
	_cleanup_json_ cJSON *j = cJSON_CreateObject();
	_cleanup_free_ char *text = NULL;
	cJSON *list;

	cJSON_AddStringToObject(j, "build", bpf_build());
	cJSON_AddBoolToObject(j, "aborted", s->aborted);
	list = cJSON_AddArrayToObject(j, "abortedExperiments");
	for (size_t i = 0; i < s->n_experiments; i++)
		if (*s->experiments[i])
			cJSON_AddItemToArray(list, cJSON_CreateString(s->experiments[i]));
	cJSON_AddNumberToObject(j, "unreadable", (double)s->pods.unreadable);
	list = cJSON_AddArrayToObject(j, "pods");
	for (size_t i = 0; i < s->pods.n; i++)
		cJSON_AddItemToArray(list, pod_json(&s->pod[i]));
	cJSON_AddItemToObject(j, "containers", containers_json(&s->containers));
	cJSON_AddItemToObject(j, "unmet", unmet_json());
	text = cJSON_Print(j);
	puts(text);
}
