// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the state on stdin to what is to be done: see hook.h. A container without annotations of ours costs reading its state, and one look for
 * its pod's.
 */
#include "oci-hook/hook.h"

#include <errno.h>
#include <sys/random.h>

#include "engine/confine.h"
#include "engine/files.h"
#include "engine/mend.h"
#include "engine/policy_file.h"
#include "engine/sandbox.h"
#include "lib/util.h"
#include "oci-hook/create.h"

#define READ_CHUNK 16384

static int read_stdin(int fd, char **ret, size_t *ret_n, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0, room = 0;
	ssize_t got;

	do {
		if (n == room) {
			room = room ? 2 * room : READ_CHUNK;
			text = realloc(text, room);
			if (!text)
				return error_set(err, ENOMEM, "no memory to read the container state");
		}
		got = read(fd, text + n, room - n);
		if (got < 0 && errno != EINTR)
			return error_set(err, errno, "cannot read the container state from stdin: %s", strerror(errno));
		n += got > 0 ? (size_t)got : 0;
	} while (got != 0 && n <= JSON_MAX_BYTES);
	if (n > JSON_MAX_BYTES)
		return error_set(err, E2BIG, "container state: over %u MiB; shorten the pod's annotations", JSON_MAX_BYTES >> 20);
	*ret = TAKE_PTR(text);
	*ret_n = n;
	return 0;
}

/* The state's own, or what the plugin kept of the pod; NULL when neither has any. *ret_kept owns the latter. */
static int find_annotations(const struct oci_state *s, const struct oci_identity *who, cJSON **ret_kept, const cJSON **ret,
			    struct error *err)
{
	int r = 0;

	*ret = spec_annotated(s->annotations) ? s->annotations : NULL;
	if (*ret || !who->sandbox_id[0])
		return 0;
	r = sandbox_load(who->sandbox_id, ret_kept, err);
	if (r == -ENOENT)
		return 0;
	*ret = cJSON_GetObjectItemCaseSensitive(*ret_kept, "annotations");
	return r;
}

static bool is_selected(const struct fault_spec *spec, const struct oci_state *s, const struct oci_identity *who)
{
	_cleanup_free_ char *name = util_printf("%s/%s", who->pod_namespace, who->pod_name);
	const char *id = who->pod_uid;

	if (!id[0])
		id = who->pod_name[0] ? name : who->sandbox_id[0] ? who->sandbox_id : s->id;
	return select_pod(&spec->select, spec->experiment, id);
}

static int inject(const struct oci_state *s, const struct oci_identity *who, const cJSON *annotations, const struct policy *policy,
		  struct error *err)
{
	_cleanup_spec_ struct fault_spec spec = {};
	_cleanup_plan_ struct plan plan = {};
	struct plan_env env = {};
	uint64_t random;
	int r = spec_parse(annotations, &spec, err);

	if (!r)
		r = policy_check(policy, &spec, who->pod_namespace, err);
	if (r || !spec_count_containers(&spec) || !is_selected(&spec, s, who))
		return r;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_set(err, errno, "no random number from the kernel: %s", strerror(errno));
	spec_seed(&spec, random);
	r = engine_zones(&spec, err);
	if (!r && spec_count(&spec, LAYER_IO))
		files_env(&env, false);
	if (!r)
		r = plan_build_container(&spec, who->container, &env, &plan, err);
	if (r)
		return r;
	return plan.n_ops ? create_apply(s, who, &spec, &plan, err) : create_noted(s, who, &spec, err);
}

static int create(const struct oci_state *s, const char *policy_path, struct error *ret_warning, struct error *err)
{
	_cleanup_policy_ struct policy policy = {};
	_cleanup_json_ cJSON *kept = NULL;
	const cJSON *annotations = NULL;
	struct oci_identity who;
	int r;

	oci_state_identify(s, &who);
	if (who.is_sandbox)
		return 0;
	r = find_annotations(s, &who, &kept, &annotations, err);
	if (r || !annotations)
		return r;
	r = policy_file_load(policy_path, &policy, err);
	if (!r)
		r = inject(s, &who, annotations, &policy, err);
	if (!r || policy.on_error != ON_ERROR_IGNORE)
		return r;
	error_set(ret_warning, err->code, "%s; no fault applied, as the node's policy has onError 'ignore'", err->msg);
	return 0;
}

/* A container that was stopped when it is "created" comes back from a checkpoint: its filter did, and nobody answers. */
static int check_restored(const struct oci_state *s, const char *stage, struct error *err)
{
	if (!stage || !s->stopped || !spec_annotated(s->annotations))
		return 0;
	return error_set(err, ENOTSUP, "a container restored from a checkpoint cannot have faults: remove the annotations");
}

/* What of this container is left, and of others that ended without this. */
static void end(const char *id)
{
	_cleanup_container_ struct container c = {};

	if (!container_load(id, &c, NULL) && c.files_slot) {
		_cleanup_lock_ int lock = -1;

		if (!state_lock(&lock, NULL))
			files_stop(&c);
	}
	container_remove(id, -1);
	files_sweep(false);
	confine_tidy();
}

int hook_run(int in, const char *stage, const char *policy, struct error *ret_warning, struct error *err)
{
	_cleanup_oci_state_ struct oci_state s = {};
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int r = read_stdin(in, &text, &n, err);

	if (!r)
		r = oci_state_parse(text, n, &s, err);
	if (r)
		return r;
	if (stage ? util_streq(stage, "poststop") : s.stopped) {
		end(s.id);
		mend_sweep();
		return 0;
	}
	r = check_restored(&s, stage, err);
	return r || s.stopped ? r : create(&s, policy, ret_warning, err);
}
