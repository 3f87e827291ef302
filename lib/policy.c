// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the node's ceilings and holds a spec against them.
 */
#include "lib/policy.h"

#include <errno.h>

#include "bpf/abi.h"
#include "lib/util.h"

#define MAX_DELAY_DEFAULT (60 * NSEC_PER_SEC)

static void add_string(char ***list, size_t *n, const char *s)
{
	*(char **)util_grow(list, n, sizeof(**list)) = util_strdup(s);
}

static void free_strings(char ***list, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
	*n = 0;
}

void policy_defaults(struct policy *ret)
{
	*ret = (struct policy){
		.max_percent_ppm = PPM_ALL,
		.max_duration_ns = UINT64_MAX,
		.max_delay_ns = MAX_DELAY_DEFAULT,
		.max_pods = FW_SLOTS,
		.on_error = ON_ERROR_FAIL,
	};
	add_string(&ret->deny, &ret->n_deny, "kube-system");
}

void policy_cleanup(struct policy *p)
{
	free_strings(&p->allow, &p->n_allow);
	free_strings(&p->deny, &p->n_deny);
	free_strings(&p->deny_actions, &p->n_deny_actions);
}

/* A list that is given takes the place of what is in *list. */
static int parse_strings(const struct json *j, char ***list, size_t *n, struct error *err)
{
	const cJSON *element;
	int i = 0;

	if (!json_has(j))
		return 0;
	if (!cJSON_IsArray(j->value))
		return json_error(j, err, "must be a list of strings, in [ ]");
	free_strings(list, n);
	cJSON_ArrayForEach (element, j->value) {
		if (!cJSON_IsString(element) || !*element->valuestring)
			return json_error(j, err, "element %d must be a string that is not empty", i);
		add_string(list, n, element->valuestring);
		i++;
	}
	return 0;
}

static int parse_namespaces(const struct json *j, struct policy *p, struct error *err)
{
	static const char *const keys[] = { "allow", "deny", NULL };
	struct json allow = json_get(j, "allow"), deny = json_get(j, "deny");
	int r;

	if (!json_has(j))
		return 0;
	r = json_only(j, keys, err);
	if (r == 0)
		r = parse_strings(&allow, &p->allow, &p->n_allow, err);
	return r < 0 ? r : parse_strings(&deny, &p->deny, &p->n_deny, err);
}

static int parse_actions(const struct json *j, struct policy *p, struct error *err)
{
	static const char *const keys[] = { "deny", NULL };
	struct json deny = json_get(j, "deny");
	int r;

	if (!json_has(j))
		return 0;
	r = json_only(j, keys, err);
	if (r == 0)
		r = parse_strings(&deny, &p->deny_actions, &p->n_deny_actions, err);
	for (size_t i = 0; r == 0 && i < p->n_deny_actions; i++)
		if (!fault_kind_find(p->deny_actions[i]))
			r = json_error(&deny, err, "'%.64s' is not an action, so it would deny nothing: correct or remove it",
				       p->deny_actions[i]);
	return r;
}

static int parse_ceilings(const struct json *j, struct policy *p, struct error *err)
{
	static const char *const on_errors[] = { [ON_ERROR_FAIL] = "fail", [ON_ERROR_IGNORE] = "ignore", NULL };
	struct json percent = json_get(j, "maxPercent"), duration = json_get(j, "maxDuration"), delay = json_get(j, "maxDelay");
	struct json pods = json_get(j, "maxPods"), on_error = json_get(j, "onError");
	int which = ON_ERROR_FAIL, r = json_percent(&percent, &p->max_percent_ppm, err);

	if (r == 0)
		r = json_duration(&duration, &p->max_duration_ns, err);
	if (r == 0 && p->max_duration_ns == 0)
		r = json_error(&duration, err, "must be over 0s; leave it out for no ceiling, or deny the actions");
	if (r == 0)
		r = json_duration(&delay, &p->max_delay_ns, err);
	if (r == 0)
		r = json_u64(&pods, 0, FW_SLOTS, &p->max_pods, err);
	if (r == 0)
		r = json_enum(&on_error, on_errors, &which, err);
	p->on_error = (enum policy_on_error)which;
	return r;
}

int policy_parse(const char *text, size_t n, struct policy *ret, struct error *err)
{
	static const char *const keys[] = { "namespaces", "actions", "maxPercent", "maxDuration",
					    "maxDelay",   "maxPods", "onError",    NULL };
	_cleanup_policy_ struct policy p = {};
	_cleanup_json_ cJSON *root = NULL;
	struct json j, namespaces, actions;
	int r = json_parse(text, n, "policy.json", &root, err);

	if (r < 0)
		return r;
	policy_defaults(&p);
	j = json_root(root, "policy.json");
	namespaces = json_get(&j, "namespaces");
	actions = json_get(&j, "actions");
	r = json_only(&j, keys, err);
	if (r == 0)
		r = parse_namespaces(&namespaces, &p, err);
	if (r == 0)
		r = parse_actions(&actions, &p, err);
	if (r == 0)
		r = parse_ceilings(&j, &p, err);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct policy){};
	return 0;
}

static int check_namespace(const struct policy *p, const char *path, const char *ns, struct error *err)
{
	int annotation = (int)strcspn(path, "[");
	bool allowed = p->n_allow == 0;

	for (size_t i = 0; *ns && i < p->n_deny; i++)
		if (util_glob(p->deny[i], ns))
			return error_set(err, EPERM,
					 "%.*s: namespace '%.64s' is denied by namespaces.deny '%.64s' (" POLICY_PATH
					 "): remove the annotations, or have the node's policy changed",
					 annotation, path, ns, p->deny[i]);
	for (size_t i = 0; !allowed && i < p->n_allow; i++)
		allowed = util_glob(p->allow[i], ns);
	if (allowed)
		return 0;
	return error_set(err, EPERM,
			 "%.*s: namespace '%.64s' is not in namespaces.allow (" POLICY_PATH
			 "): remove the annotations, or have the node's policy changed",
			 annotation, path, ns);
}

static int check_action(const struct policy *p, const struct fault *f, struct error *err)
{
	for (size_t i = 0; i < p->n_deny_actions; i++)
		if (util_streq(p->deny_actions[i], f->kind->name))
			return error_set(err, EPERM,
					 "%s%s: '%s' is denied by actions.deny (" POLICY_PATH
					 "): remove the fault, or have the node's policy changed",
					 f->path,
					 f->kind->layer == LAYER_SYSCALL || f->kind == &fault_kind_resource ? "" : ".action",
					 f->kind->name);
	return 0;
}

static int check_percent(const struct policy *p, const struct fault *f, struct error *err)
{
	static const char *const events[] = {
		[LAYER_NETWORK] = "packets", [LAYER_SYSCALL] = "calls", [LAYER_IO] = "calls", [LAYER_ACT] = "windows"
	};
	uint32_t share = f->kind->max_share_ppm ? f->kind->max_share_ppm(f) : PPM_ALL;
	/* rounded up: a product above the ceiling by less than 1 ppm is above it */
	uint64_t hit = ((uint64_t)f->percent_ppm * share + PPM_ALL - 1) / PPM_ALL;
	char asked[32], ceiling[32];

	if (hit <= p->max_percent_ppm)
		return 0;
	json_format_percent((uint32_t)hit, asked, sizeof(asked));
	json_format_percent(p->max_percent_ppm, ceiling, sizeof(ceiling));
	return error_set(err, EPERM,
			 "%s: '%s' percent of the %s is over this node's maxPercent of %s (" POLICY_PATH "): lower 'percent'%s%s%s",
			 f->path, asked, events[f->kind->layer], ceiling, f->kind->max_share_ppm ? " or '" : "",
			 f->kind->max_share_ppm ? f->kind->body : "", f->kind->max_share_ppm ? "'" : "");
}

static int check_duration(const struct policy *p, const struct fault *f, struct error *err)
{
	char asked[32], ceiling[32];

	if (p->max_duration_ns == UINT64_MAX || f->kind->moment || (f->duration_ns && f->duration_ns <= p->max_duration_ns))
		return 0;
	json_format_duration(p->max_duration_ns, ceiling, sizeof(ceiling));
	if (!f->duration_ns)
		return error_set(err, EPERM,
				 "%s.duration: is needed on this node, up to its maxDuration of %s (" POLICY_PATH "): give one",
				 f->path, ceiling);
	json_format_duration(f->duration_ns, asked, sizeof(asked));
	return error_set(err, EPERM, "%s.duration: '%s' is over this node's maxDuration of %s (" POLICY_PATH "): shorten it",
			 f->path, asked, ceiling);
}

static int check_delay(const struct policy *p, const struct fault *f, struct error *err)
{
	uint64_t longest = f->kind->max_delay_ns ? f->kind->max_delay_ns(f) : 0;
	char asked[32], ceiling[32];

	if (longest <= p->max_delay_ns)
		return 0;
	json_format_duration(longest, asked, sizeof(asked));
	json_format_duration(p->max_delay_ns, ceiling, sizeof(ceiling));
	if (f->kind->layer == LAYER_SYSCALL)
		return error_set(err, EPERM,
				 "%s.delayEnter: '%s' is over this node's maxDelay of %s (" POLICY_PATH
				 "): lower delayEnter and delayExit, whose sum it is",
				 f->path, asked, ceiling);
	if (f->kind->layer == LAYER_IO)
		return error_set(err, EPERM, "%s.delay: '%s' is over this node's maxDelay of %s (" POLICY_PATH "): lower it",
				 f->path, asked, ceiling);
	return error_set(err, EPERM,
			 "%s.%s.latency: '%s' is over this node's maxDelay of %s (" POLICY_PATH
			 "): lower latency, jitter and slot, whose sum it is",
			 f->path, f->kind->body, asked, ceiling);
}

int policy_check(const struct policy *p, const struct fault_spec *spec, const char *ns, struct error *err)
{
	static int (*const checks[])(const struct policy *p, const struct fault *f,
				     struct error *err) = { check_action, check_percent, check_duration, check_delay };
	int r = spec->n_faults ? check_namespace(p, spec->faults[0].path, ns, err) : 0;

	for (size_t i = 0; i < spec->n_faults; i++)
		for (size_t k = 0; r == 0 && k < ARRAY_SIZE(checks); k++)
			r = checks[k](p, &spec->faults[i], err);
	return r;
}
