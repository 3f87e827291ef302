// SPDX-License-Identifier: GPL-2.0-only
/*
 * The runtime's state, read strictly: see oci_state.h.
 */
#include "oci-hook/oci_state.h"

#include <errno.h>
#include <limits.h>

#include "lib/util.h"

#define STATE "container state"
#define ID_MAX 200 /* with a suffix it must name a file */

static bool id_is_ok(const char *id)
{
	return id[0] && id[0] != '.' && strlen(id) <= ID_MAX && !strchr(id, '/');
}

static int parse_id(const struct json *root, struct oci_state *s, struct error *err)
{
	struct json id = json_get(root, "id"), bundle = json_get(root, "bundle");
	int r = json_string(&id, &s->id, err);

	if (r == 0)
		r = json_string(&bundle, &s->bundle, err);
	if (r < 0)
		return r;
	if (!s->id || !id_is_ok(s->id))
		return json_error(&id, err, "must be a name of 1 to %d characters without '/', not '%.64s'", ID_MAX,
				  s->id ? s->id : "");
	if (!s->bundle || s->bundle[0] != '/')
		return json_error(&bundle, err, "must be an absolute path");
	return 0;
}

/* crun says "created" to create's hooks, and pid 0 to those of a stopped container. */
static int parse_process(const struct json *root, struct oci_state *s, struct error *err)
{
	static const char *const known[] = { "creating", "created", "running", "stopped", NULL };
	struct json status = json_get(root, "status"), pid = json_get(root, "pid");
	uint64_t number = 0;
	int which = -1, r = json_enum(&status, known, &which, err);

	if (r == 0)
		r = json_u64(&pid, 0, INT_MAX, &number, err);
	if (r < 0)
		return r;
	if (which < 0)
		return json_error(&status, err, "is missing");
	s->stopped = util_streq(known[which], "stopped");
	s->pid = (pid_t)number;
	if (!s->stopped && s->pid < 1)
		return json_error(&pid, err, "must be the container's process");
	return 0;
}

static int parse_annotations(const struct json *root, struct oci_state *s, struct error *err)
{
	struct json annotations = json_get(root, "annotations");
	const cJSON *value;

	if (!json_has(&annotations) || cJSON_IsNull(annotations.value))
		return 0;
	if (!cJSON_IsObject(annotations.value))
		return json_error(&annotations, err, "must be an object");
	cJSON_ArrayForEach (value, annotations.value) {
		if (!cJSON_IsString(value))
			return json_error(&annotations, err, "'%.64s' must be a string", value->string);
	}
	s->annotations = annotations.value;
	return 0;
}

int oci_state_parse(const char *text, size_t n, struct oci_state *ret, struct error *err)
{
	_cleanup_oci_state_ struct oci_state s = {};
	struct json root;
	int r = json_parse(text, n, STATE, &s.root, err);

	if (r < 0)
		return r;
	root = json_root(s.root, STATE);
	if (!cJSON_IsObject(s.root))
		return json_error(&root, err,
				  "must be an object; a container runtime starts this program, with its state on stdin");
	r = parse_id(&root, &s, err);
	if (r == 0)
		r = parse_process(&root, &s, err);
	if (r == 0)
		r = parse_annotations(&root, &s, err);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct oci_state){};
	return 0;
}

void oci_state_cleanup(struct oci_state *s)
{
	cJSON_Delete(s->root);
	*s = (struct oci_state){};
}

/* The first of the NULL-ended keys that is there; "" when none is. */
static const char *annotation(const struct oci_state *s, const char *const *keys)
{
	for (; *keys; keys++) {
		const cJSON *value = cJSON_GetObjectItemCaseSensitive(s->annotations, *keys);

		if (value)
			return value->valuestring;
	}
	return "";
}
#define ANNOTATION(s, ...) annotation(s, (const char *const[]){ __VA_ARGS__, NULL })

/*
 * CRI-O hands on every annotation of a pod, and so a user can write other engines' keys. Its own it writes itself, last, and a container's id
 * nobody knows before; containerd writes all of its own.
 */
static bool is_crio(const struct oci_state *s)
{
	return util_streq(ANNOTATION(s, "io.kubernetes.cri-o.ContainerID"), s->id);
}

static void identify_crio(const struct oci_state *s, struct oci_identity *ret)
{
	*ret = (struct oci_identity){
		.container = ANNOTATION(s, "io.kubernetes.container.name"),
		.sandbox_id = ANNOTATION(s, "io.kubernetes.cri-o.SandboxID"),
		.pod_namespace = ANNOTATION(s, "io.kubernetes.pod.namespace"),
		.pod_name = ANNOTATION(s, "io.kubernetes.pod.name"),
		.pod_uid = ANNOTATION(s, "io.kubernetes.pod.uid"),
		.is_sandbox = util_streq(ANNOTATION(s, "io.kubernetes.cri-o.ContainerType"), "sandbox"),
	};
}

static void identify_others(const struct oci_state *s, struct oci_identity *ret)
{
	*ret = (struct oci_identity){
		.container = ANNOTATION(s, "io.kubernetes.cri.container-name"),
		.sandbox_id = ANNOTATION(s, "io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID",
					 "io.podman.annotations.pod-id"),
		.pod_namespace = ANNOTATION(s, "io.kubernetes.cri.sandbox-namespace"),
		.pod_name = ANNOTATION(s, "io.kubernetes.cri.sandbox-name"),
		.pod_uid = ANNOTATION(s, "io.kubernetes.cri.sandbox-uid"),
		.is_sandbox = util_streq(ANNOTATION(s, "io.kubernetes.cri.container-type"), "sandbox"),
	};
}

void oci_state_identify(const struct oci_state *s, struct oci_identity *ret)
{
	if (is_crio(s))
		identify_crio(s, ret);
	else
		identify_others(s, ret);
	if (!ret->container[0])
		ret->container = s->id;
}
