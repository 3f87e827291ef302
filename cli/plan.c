// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultwire plan: what the annotations of a manifest would do on this node, or the error that the pod would fail with. Nothing is
 * changed but the node's remembered list of qdiscs.
 */
#include <argp.h>
#include <errno.h>
#include <sys/capability.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/input.h"
#include "cli/manifest.h"
#include "cli/text.h"
#include "engine/engine.h"
#include "engine/files.h"
#include "lib/match.h"
#include "lib/policy.h"
#include "lib/util.h"

#define MANIFEST_MAX_BYTES (4U << 20)

struct options {
	const char *file, *pod_namespace, *policy, *uid;
	bool json, any_node;
};

enum { OPT_POLICY = 256, OPT_UID, OPT_ANY_NODE };

static const struct argp_option argp_options[] = {
	{ "namespace", 'n', "NS", 0, "Namespace for the policy (default: the manifest's)", 0 },
	{ "policy", OPT_POLICY, "FILE", 0, "Policy to check against (default: " POLICY_PATH ")", 0 },
	{ "uid", OPT_UID, "UID", 0, "Also say whether the pod of this UID is selected by faultwire.dev/select", 0 },
	{ "any-node", OPT_ANY_NODE, NULL, 0, "For a node that has every qdisc, instead of this one", 0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	if (key == 'n')
		o->pod_namespace = arg;
	else if (key == 'j')
		o->json = true;
	else if (key == OPT_POLICY)
		o->policy = arg;
	else if (key == OPT_ANY_NODE)
		o->any_node = true;
	else if (key == OPT_UID)
		o->uid = arg;
	else if (key == ARGP_KEY_ARG && !o->file)
		o->file = arg;
	else if (key == ARGP_KEY_ARG)
		argp_error(state, "one file at a time: '%s' is too many", arg);
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.args_doc = "[FILE|-]",
	.doc = "Says what the annotations of a manifest would do on this node, or the error that the pod would fail with; nothing "
	       "is put into force.\v"
	       "FILE is YAML or JSON: a pod, a workload with a pod template, a list or several documents of them, or a bare object "
	       "of "
	       "'faultwire.dev/...' annotations. Without FILE, standard input is read.\n\n"
	       "Examples:\n"
	       "  faultwire plan pod.yaml\n"
	       "  kubectl get deployment web -o yaml | faultwire plan\n"
	       "  echo '{\"faultwire.dev/network\":\"{\\\"action\\\":\\\"partition\\\"}\"}' | faultwire plan\n",
};

/* What is known of one pod of the manifest. */
struct answer {
	const struct manifest_pod *pod;
	const char *pod_namespace;
	bool annotated, assumed; /* assumed: the node could not be asked */
	struct fault_spec spec;
	struct plan plan, containers; /* of the pod's interface; of what is in its containers */
	struct error err;
};

static void answer_cleanup(struct answer *a)
{
	spec_cleanup(&a->spec);
	plan_cleanup(&a->plan);
	plan_cleanup(&a->containers);
}
#define _cleanup_answer_ __attribute__((cleanup(answer_cleanup)))

/* Features of a node that cannot be asked: all of them. */
static const struct plan_env everything = {
	.htb = true,
	.tbf = true,
	.netem = true,
	.fq = true,
	.ifb = true,
	.mirred = true,
	.files = true,
	.files_why = "where the kernel has BPF LSM, which was not asked",
};

/* Probing makes a network namespace and comes back from it. */
static bool may_ask_node(void)
{
	cap_flag_value_t set = CAP_CLEAR;
	cap_t have = cap_get_proc();

	if (have)
		cap_get_flag(have, CAP_SYS_ADMIN, CAP_EFFECTIVE, &set);
	cap_free(have);
	return set == CAP_SET;
}

/* The plan of this node where it lets itself be asked, else of one that has everything. */
static int build(struct answer *a, bool any_node)
{
	_cleanup_env_ struct engine_env env = {};
	_cleanup_free_ struct fw_slot *tables = util_alloc(1, sizeof(*tables));
	struct plan_env assumed = everything;
	bool node_is_assumed = any_node || !may_ask_node();
	int r;

	if (!node_is_assumed && spec_count(&a->spec, LAYER_IO))
		files_env(&assumed, false);

	r = engine_zones(&a->spec, &a->err);
	if (!r)
		r = plan_build_container(&a->spec, NULL, &assumed, &a->containers, &a->err);
	if (r || !spec_count(&a->spec, LAYER_NETWORK))
		return r;
	a->assumed = node_is_assumed || engine_env_get(&a->spec, false, &env, NULL) != 0;
	if (a->assumed) {
		r = plan_build(&a->spec, &assumed, &a->plan, &a->err);
	} else {
		engine_env_cleanup(&env);
		r = engine_plan(&a->spec, &env, &a->plan, &a->err);
	}
	return r ? r : match_compile(plan_rules(&a->plan), env.env.node, env.env.n_node, tables, &a->err);
}

static int check_place(const struct manifest_pod *pod, struct error *err)
{
	if (pod->misplaced)
		return error_set(
			err, EINVAL,
			"the faultwire.dev annotations are on the %s itself, where its pods do not have them: put them on its "
			"pod template (spec.template.metadata.annotations)",
			*pod->kind ? pod->kind : "object");
	if (pod->host_network && spec_annotated(pod->annotations) && cJSON_HasObjectItem(pod->annotations, SPEC_PREFIX "network"))
		return error_set(
			err, EINVAL,
			"the pod is on the host's network, for which no CNI plugin runs: its faults would never come to be; take "
			"hostNetwork or the annotations out");
	return 0;
}

static void examine(struct answer *a, const struct options *o, const struct policy *policy)
{
	int r = check_place(a->pod, &a->err);

	a->annotated = spec_annotated(a->pod->annotations);
	if (r || !a->annotated)
		return;
	r = spec_parse(a->pod->annotations, &a->spec, &a->err);
	if (!r)
		r = policy_check(policy, &a->spec, a->pod_namespace, &a->err);
	if (r)
		return;
	spec_seed(&a->spec, 0); /* a dry run says the same every time */
	if (a->spec.n_faults)
		build(a, o->any_node);
}

#define FIRINGS 3

/* The next firing times of a wall-clock schedule; how many there are. */
static size_t next_firings(const struct calendar *c, int64_t ret[FIRINGS])
{
	int64_t at = time(NULL);
	size_t n = 0;

	for (; n < FIRINGS; n++) {
		at = calendar_next(&c->fields, at);
		if (at == CALENDAR_NO_TIME)
			break;
		ret[n] = at;
	}
	return n;
}

/* By the clock of the schedule's zone, and as the node's clock is now. */
static void print_firings(const struct plan_rules *rules)
{
	for (size_t i = 0; rules && i < rules->n_rules; i++) {
		const struct calendar *c = rules->rules[i].calendar;
		int64_t at[FIRINGS];
		size_t n = c ? next_firings(c, at) : 0;

		if (n)
			printf("next: %s at", rules->rules[i].name);
		for (size_t k = 0; k < n; k++) {
			char text[CALENDAR_FORMAT_MAX];

			calendar_format(&c->fields, at[k], text);
			printf("%s %s", k ? "," : "", text);
		}
		if (n)
			printf(" (%s)\n", c->zone);
	}
}

static void add_firings(cJSON *j, const struct plan_rules *rules)
{
	cJSON *o = cJSON_AddObjectToObject(j, "nextUnix");

	for (size_t i = 0; rules && i < rules->n_rules; i++) {
		int64_t at[FIRINGS];
		size_t n = rules->rules[i].calendar ? next_firings(rules->rules[i].calendar, at) : 0;
		cJSON *list = n ? cJSON_AddArrayToObject(o, rules->rules[i].name) : NULL;

		for (size_t k = 0; k < n; k++)
			cJSON_AddItemToArray(list, json_number(at[k]));
	}
}

static char *title(const struct answer *a)
{
	const struct manifest_pod *p = a->pod;
	bool ns = *a->pod_namespace && *p->name;
	_cleanup_free_ char *raw = util_printf("%s%s%s%s%s", p->kind, *p->kind && *p->name ? " " : "", ns ? a->pod_namespace : "",
					       ns ? "/" : "", p->name);

	return text_safe(*raw ? raw : "annotations");
}

static void print_select(const struct answer *a, const struct options *o)
{
	_cleanup_free_ char *experiment = text_safe(a->spec.experiment);
	char share[32];

	if (*experiment)
		printf("experiment: %s\n", experiment);
	if (a->spec.select.mode == SELECT_ALL)
		return;
	json_format_percent(select_share_ppm(&a->spec.select, a->spec.experiment), share, sizeof(share));
	printf("expected share: %s %% of the pods, each by its own chance\n", share);
	if (o->uid)
		printf("selected: %s\n",
		       select_pod(&a->spec.select, a->spec.experiment, o->uid) ? "yes" : "no, nothing would be done");
}

static void print_answer(const struct answer *a, const struct options *o)
{
	_cleanup_free_ char *name = title(a);

	printf("%s\n", name);
	if (a->err.code)
		return;
	if (!a->annotated) {
		printf("no faultwire annotations: nothing would be done\n");
		return;
	}
	print_select(a, o);
	plan_print(&a->plan, stdout);
	plan_print(&a->containers, stdout);
	if (!a->spec.n_faults)
		printf("no faults: nothing would be done\n");
	print_firings(plan_rules(&a->plan));
	if (a->assumed && !o->any_node)
		printf("note: this node could not be asked for its qdiscs (that needs root), so all are taken to be there\n");
}

static cJSON *answer_json(const struct answer *a, const struct options *o)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "kind", a->pod->kind);
	cJSON_AddStringToObject(j, "namespace", a->pod_namespace);
	cJSON_AddStringToObject(j, "name", a->pod->name);
	cJSON_AddBoolToObject(j, "annotated", a->annotated);
	if (a->err.code) {
		cJSON_AddStringToObject(j, "error", a->err.msg);
		return j;
	}
	if (!a->annotated)
		return j;
	cJSON_AddStringToObject(j, "experiment", a->spec.experiment);
	cJSON_AddNumberToObject(j, "expectedSharePercent", select_share_ppm(&a->spec.select, a->spec.experiment) / 1e4);
	if (o->uid)
		cJSON_AddBoolToObject(j, "selected", select_pod(&a->spec.select, a->spec.experiment, o->uid));
	cJSON_AddBoolToObject(j, "nodeAssumed", a->assumed);
	cJSON_AddItemToObject(j, "plan", plan_to_json(&a->plan));
	cJSON_AddItemToObject(j, "containers", plan_to_json(&a->containers));
	add_firings(j, plan_rules(&a->plan));
	return j;
}

/* One pod: 1 when it would fail. */
static int report(const struct manifest_pod *pod, const struct options *o, const struct policy *policy, cJSON *list)
{
	_cleanup_answer_ struct answer a = { .pod = pod,
					     .pod_namespace = o->pod_namespace ? o->pod_namespace : pod->pod_namespace };
	_cleanup_free_ char *message = NULL, *name = title(&a);

	examine(&a, o, policy);
	if (list)
		cJSON_AddItemToArray(list, answer_json(&a, o));
	else
		print_answer(&a, o);
	if (!a.err.code)
		return 0;
	fflush(stdout);
	message = text_safe(a.err.msg);
	fprintf(stderr, "faultwire: %s: %s\n", name, message);
	return 1;
}

static int report_all(const struct manifest *m, const struct options *o, const struct policy *policy)
{
	_cleanup_json_ cJSON *root = cJSON_CreateObject();
	cJSON *list = o->json ? cJSON_AddArrayToObject(root, "pods") : NULL;
	int failed = 0;

	for (size_t i = 0; i < m->n_pods; i++) {
		if (i && !list)
			printf("\n");
		failed |= report(&m->pods[i], o, policy, list);
	}
	if (list) {
		_cleanup_free_ char *text = cJSON_Print(root);

		puts(text);
	} else if (!m->n_pods) {
		printf("no faultwire annotations: nothing would be done\n");
	}
	return failed;
}

static int run(int argc, char **argv, struct error *err)
{
	struct options o = {};
	_cleanup_policy_ struct policy policy = {};
	_cleanup_manifest_ struct manifest m = {};
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	o.file = o.file ? o.file : "-";
	r = input_read(o.file, MANIFEST_MAX_BYTES, &text, &n, err);
	if (!r)
		r = input_policy(o.policy, &policy, err);
	if (r)
		return r;
	r = manifest_parse(text, n, &m, err);
	return r ? error_wrap(err, "%s", util_streq(o.file, "-") ? "standard input" : o.file) : report_all(&m, &o, &policy);
}

const struct command plan_command = {
	.name = "plan",
	.summary = "say what a manifest's annotations would do, or why they are refused",
	.run = run,
};
