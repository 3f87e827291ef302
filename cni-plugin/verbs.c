// SPDX-License-Identifier: GPL-2.0-only
/*
 * ADD, DEL, CHECK, GC, STATUS: see verbs.h. Order of ADD: everything is parsed, the policy is asked, then the engine acts.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <syslog.h>

#include "cni-plugin/args.h"
#include "cni-plugin/verbs.h"
#include "engine/engine.h"
#include "lib/policy.h"

#define POLICY_MAX_BYTES (1U << 20)

static const char *call_getenv(const struct call *call, const char *name)
{
	const char *v = call->io->getenv(name);

	return v ? v : "";
}

/* ---- the node's policy */

/* Reads a regular file whole; the text is the caller's. -ENOENT goes without a message: err may hold one that is to stay. */
static int read_file(const char *path, char **ret, size_t *ret_n, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size > POLICY_MAX_BYTES)
		return error_set(err, EINVAL, "%s: must be a regular file of at most 1 MiB", path);
	text = util_alloc((size_t)st.st_size + 1, 1);
	n = read(fd, text, (size_t)st.st_size);
	if (n < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	*ret = TAKE_PTR(text);
	*ret_n = (size_t)n;
	return 0;
}

static enum cni_code policy_load(const char *path, struct policy *ret, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int r = read_file(path, &text, &n, err);

	if (r == -ENOENT) {
		policy_defaults(ret);
		return CNI_OK;
	}
	if (r == 0)
		r = policy_parse(text, n, ret, err);
	return r == 0 ? CNI_OK : CNI_POLICY_FILE;
}

/* ---- what a pod asks for */

struct request {
	struct args args;
	struct fault_spec spec;
	bool selected; /* and there is a fault */
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
	return CNI_OK;
}

static bool ignorable(const struct policy *policy, enum cni_code code)
{
	return policy->on_error == ON_ERROR_IGNORE && (code >= CNI_OURS || code == CNI_LATER);
}

/* ---- ADD */

static enum cni_code engine_run(const struct call *call, const struct policy *policy, struct request *r, struct error *err)
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
	uint64_t random;
	int ret;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
		error_set(err, errno, "no random number from the kernel: %s", strerror(errno));
		return CNI_INTERNAL;
	}
	spec_seed(&r->spec, random);
	ret = engine_add(&target, &r->spec, policy->max_pods, err);
	return ret < 0 ? result_engine_code(ret) : CNI_OK;
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
					 : "no faultwire.dev/network, no fault applied");
		return CNI_OK;
	}
	return engine_run(call, policy, &r, err);
}

static enum cni_code add_annotated(const struct call *call, const cJSON *annotations, bool valid, struct error *err)
{
	_cleanup_policy_ struct policy policy = {};
	enum cni_code code = policy_load(call->io->policy, &policy, err);

	if (code != CNI_OK)
		return code;
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
	if (annotations)
		engine_del(call->container_id, call->ifname, NULL);
	return CNI_IO;
}

/* ---- the others */

enum cni_code verb_del(const struct call *call, struct error *err)
{
	int r;

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
	code = policy_load(call->io->policy, &policy, err);
	if (code != CNI_OK)
		return code;
	code = valid ? request_read(call, annotations, &policy, &r, err) : CNI_ANNOTATION;
	if (code == CNI_OK && r.selected)
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
