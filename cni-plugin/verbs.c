// SPDX-License-Identifier: GPL-2.0-only
/*
 * ADD, DEL, CHECK, GC, STATUS: see verbs.h. Order of ADD: everything is parsed, the policy is asked, then the engine acts.
 */
#include <errno.h>
#include <sys/random.h>
#include <syslog.h>

#include "cni-plugin/args.h"
#include "cni-plugin/verbs.h"
#include "engine/engine.h"
#include "engine/policy_file.h"
#include "engine/sandbox.h"

static const char *call_getenv(const struct call *call, const char *name)
{
	const char *v = call->io->getenv(name);

	return v ? v : "";
}

/* ---- what a pod asks for */

struct request {
	struct args args;
	struct fault_spec spec;
	bool selected;            /* and there is a fault */
	bool network, containers; /* faults of the network, in containers */
};

#define _cleanup_request_ __attribute__((cleanup(request_cleanup)))

static void request_cleanup(struct request *r)
{
	args_cleanup(&r->args);
	spec_cleanup(&r->spec);
}

/* The pod's identity for selection: its UID, or the best that the runtime has. */
static bool selected(const struct call *call, const struct request *r)
{
	_cleanup_free_ char *name = util_printf("%s/%s", r->args.pod_namespace, r->args.pod_name);
	const char *id = r->args.pod_uid;

	if (!*id)
		id = *r->args.pod_name ? name : call->container_id;
	return select_pod(&r->spec.select, r->spec.experiment, id);
}

static enum cni_code request_read(const struct call *call, const cJSON *annotations, const struct policy *policy, struct request *r,
				  struct error *err)
{
	if (args_parse(call_getenv(call, "CNI_ARGS"), &r->args, err) < 0)
		return CNI_ENV;
	if (spec_parse(annotations, &r->spec, err) < 0)
		return CNI_ANNOTATION;
	if (policy_check(policy, &r->spec, r->args.pod_namespace, err) < 0)
		return CNI_POLICY;
	r->selected = r->spec.n_faults && selected(call, r);
	r->network = r->selected && spec_count(&r->spec, LAYER_NETWORK);
	r->containers = r->selected && spec_count_containers(&r->spec);
	return CNI_OK;
}

static bool ignorable(const struct policy *policy, enum cni_code code)
{
	return policy->on_error == ON_ERROR_IGNORE && (code >= CNI_OURS || code == CNI_LATER);
}

/* ---- ADD */

static enum cni_code network_add(const struct engine_target *target, const struct policy *policy, struct request *r,
				 struct error *err)
{
	uint64_t random;
	int ret;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
		error_set(err, errno, "no random number from the kernel: %s", strerror(errno));
		return CNI_INTERNAL;
	}
	spec_seed(&r->spec, random);
	ret = engine_add(target, &r->spec, policy->max_pods, err);
	return ret < 0 ? result_engine_code(ret) : CNI_OK;
}

/* Containers come later: the hook finds the annotations where the runtime does not hand them on. */
static enum cni_code engine_run(const struct call *call, const cJSON *annotations, const struct policy *policy, struct request *r,
				struct error *err)
{
	const struct engine_target target = {
		.container_id = call->container_id,
		.ifname = call->ifname,
		.netns = call->netns,
		.network = call->conf.name,
		.pod_namespace = r->args.pod_namespace,
		.pod_name = r->args.pod_name,
		.pod_uid = r->args.pod_uid,
	};
	enum cni_code code = CNI_OK;
	int ret = r->containers ? sandbox_save(&target, annotations, err) : 0;

	if (ret < 0)
		return result_engine_code(ret);
	if (r->network)
		code = network_add(&target, policy, r, err);
	if (code != CNI_OK && r->containers)
		sandbox_remove(call->container_id);
	return code;
}

static enum cni_code inject(const struct call *call, const cJSON *annotations, const struct policy *policy, struct error *err)
{
	_cleanup_request_ struct request r = {};
	enum cni_code code = request_read(call, annotations, policy, &r, err);

	if (code != CNI_OK)
		return code;
	if (!r.selected) {
		verb_log(call, LOG_INFO,
			 r.spec.n_faults ? "not selected by faultwire.dev/select, no fault applied"
					 : "no annotation names a fault, no fault applied");
		return CNI_OK;
	}
	return engine_run(call, annotations, policy, &r, err);
}

static enum cni_code add_annotated(const struct call *call, const cJSON *annotations, bool valid, struct error *err)
{
	_cleanup_policy_ struct policy policy = {};
	enum cni_code code;

	if (policy_file_load(call->io->policy, &policy, err) < 0)
		return CNI_POLICY_FILE;
	code = valid ? inject(call, annotations, &policy, err) : CNI_ANNOTATION;
	if (!ignorable(&policy, code))
		return code;
	verb_log(call, LOG_WARNING, err->msg);
	verb_log(call, LOG_WARNING, "no fault applied, as the node's policy has onError 'ignore'");
	return CNI_OK;
}

enum cni_code verb_add(const struct call *call, struct error *err)
{
	_cleanup_json_ cJSON *annotations = NULL;
	enum cni_code code = CNI_OK;
	bool valid;

	if (!call->conf.prev) {
		error_set(err, EINVAL,
			  NETCONF_PATH ".prevResult: absent; faultwire makes no interface: put it behind a plugin that does");
		return CNI_CONFIG;
	}
	valid = netconf_annotations(&call->conf, &annotations, err) == 0;
	if (annotations || !valid)
		code = add_annotated(call, annotations, valid, err);
	if (code != CNI_OK)
		return code;
	if (result_prev(call->io->out, &call->conf, err) == 0)
		return CNI_OK;
	if (annotations) {
		sandbox_remove(call->container_id);
		engine_del(call->container_id, call->ifname, NULL);
	}
	return CNI_IO;
}

/* ---- the others */

enum cni_code verb_del(const struct call *call, struct error *err)
{
	int r;

	if (sandbox_exists(call->container_id))
		sandbox_remove(call->container_id);
	if (!state_exists(call->container_id, call->ifname) && !state_interrupted())
		return CNI_OK;
	r = engine_del(call->container_id, call->ifname, err);
	return r < 0 ? result_engine_code(r) : CNI_OK;
}

static enum cni_code check_recorded(const struct call *call, struct error *err)
{
	int r = engine_check(call->container_id, call->ifname, err);

	if (r == -ENOENT)
		return CNI_CHANGED;
	return r < 0 ? result_engine_code(r) : CNI_OK;
}

/* No record: was there to be one? */
static enum cni_code check_unrecorded(const struct call *call, struct error *err)
{
	_cleanup_json_ cJSON *annotations = NULL;
	_cleanup_policy_ struct policy policy = {};
	_cleanup_request_ struct request r = {};
	bool valid = netconf_annotations(&call->conf, &annotations, err) == 0;
	enum cni_code code;

	if (valid && !annotations)
		return CNI_OK;
	if (policy_file_load(call->io->policy, &policy, err) < 0)
		return CNI_POLICY_FILE;
	code = valid ? request_read(call, annotations, &policy, &r, err) : CNI_ANNOTATION;
	if (code == CNI_OK && r.network)
		code = check_recorded(call, err);
	return ignorable(&policy, code) ? CNI_OK : code;
}

enum cni_code verb_check(const struct call *call, struct error *err)
{
	return state_exists(call->container_id, call->ifname) ? check_recorded(call, err) : check_unrecorded(call, err);
}

struct keep {
	struct netconf_attachment *list;
	size_t n;
	bool known;
};

static bool keep(void *ctx, const char *container_id, const char *ifname)
{
	const struct keep *k = ctx;

	for (size_t i = 0; i < k->n; i++)
		if (util_streq(k->list[i].container_id, container_id) && util_streq(k->list[i].ifname, ifname))
			return true;
	return !k->known;
}

enum cni_code verb_gc(const struct call *call, struct error *err)
{
	struct keep k = {};
	_cleanup_free_ struct netconf_attachment *list = NULL;
	size_t n = 0;
	int r;

	if (netconf_attachments(&call->conf, &list, &k.n, &k.known, err) < 0)
		return CNI_CONFIG;
	k.list = list;
	sandbox_gc(call->conf.name, keep, &k);
	r = engine_gc(call->conf.name, keep, &k, &n, err);
	if (n > 0) {
		_cleanup_free_ char *msg = util_printf("removed the faults of %zu interfaces that are gone", n);

		verb_log(call, LOG_INFO, msg);
	}
	return r < 0 ? result_engine_code(r) : CNI_OK;
}

enum cni_code verb_status(const struct call *call, struct error *err)
{
	(void)call;
	(void)err;
	return CNI_OK;
}

void verb_log(const struct call *call, int severity, const char *msg)
{
	_cleanup_free_ char *context = util_printf("%s%s%s", call->command ? call->command : "start", call->container_id ? " " : "",
						   call->container_id ? call->container_id : "");

	result_log(call->io, severity, context, msg);
}
