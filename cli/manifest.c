// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kubernetes manifests: see manifest.h. A workload is known by where its pod template is, so kinds that are not Kubernetes' own
 * (Rollout, CloneSet) work too.
 */
#include "cli/manifest.h"

#include <errno.h>

#include "cli/yaml.h"
#include "lib/json.h"
#include "lib/spec.h"
#include "lib/util.h"

static const cJSON *member(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

static const char *text_of(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(member(o, key));

	return s ? s : "";
}

/* The pod template of a workload, or NULL. */
static const cJSON *template_of(const cJSON *o)
{
	static const char *const paths[][5] = {
		{ "spec", "jobTemplate", "spec", "template" }, /* CronJob */
		{ "spec", "template" },                        /* Deployment, StatefulSet, DaemonSet, Job ... */
		{ "template" },                                /* PodTemplate */
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const cJSON *at = o;

		for (size_t k = 0; at && paths[i][k]; k++)
			at = member(at, paths[i][k]);
		if (cJSON_IsObject(at))
			return at;
	}
	return NULL;
}

static void add_pod(struct manifest *m, const cJSON *o, const cJSON *pod)
{
	const cJSON *metadata = member(o, "metadata");
	struct manifest_pod *p = util_grow(&m->pods, &m->n_pods, sizeof(*p));

	p->kind = text_of(o, "kind");
	p->name = text_of(metadata, "name");
	p->pod_namespace = text_of(metadata, "namespace");
	p->annotations = member(member(pod, "metadata"), "annotations");
	p->host_network = cJSON_IsTrue(member(member(pod, "spec"), "hostNetwork"));
	p->misplaced = pod != o && spec_annotated(member(metadata, "annotations"));
}

static void add_object(struct manifest *m, const cJSON *o)
{
	const cJSON *items = member(o, "items"), *item, *template = template_of(o);
	const char *kind = text_of(o, "kind");

	if (cJSON_IsArray(items)) {
		cJSON_ArrayForEach (item, items)
			add_object(m, item);
	} else if (template) {
		add_pod(m, o, template);
	} else if (util_streq(kind, "Pod") || (!*kind && cJSON_IsObject(member(o, "metadata")))) {
		add_pod(m, o, o);
	} else if (spec_annotated(o)) {
		struct manifest_pod *p = util_grow(&m->pods, &m->n_pods, sizeof(*p));

		*p = (struct manifest_pod){ "", "", "", o, false, false };
	} else if (spec_annotated(member(member(o, "metadata"), "annotations"))) {
		add_pod(m, o, NULL);
	}
}

/* JSON strictly where it is JSON; flow YAML begins alike, and lists of pods may be larger than json_parse takes. */
static int read_documents(const char *text, size_t n, cJSON **ret, struct error *err)
{
	struct error json_err = {};
	bool json = text[strspn(text, " \t\r\n")] == '{';
	cJSON *document;

	if (json && !json_parse(text, n, "document", &document, &json_err)) {
		*ret = cJSON_CreateArray();
		cJSON_AddItemToArray(*ret, document);
		return 0;
	}
	if (yaml_to_json(text, n, ret, err)) {
		if (json && json_err.code != E2BIG)
			*err = json_err;
		return -err->code;
	}
	return 0;
}

int manifest_parse(const char *text, size_t n, struct manifest *ret, struct error *err)
{
	_cleanup_manifest_ struct manifest m = {};
	const cJSON *document, *item;
	int r = read_documents(text, n, &m.documents, err);

	if (r)
		return r;
	cJSON_ArrayForEach (document, m.documents) {
		if (!cJSON_IsObject(document) && !cJSON_IsArray(document) && !cJSON_IsNull(document))
			return error_set(err, EINVAL,
					 "not a manifest: give a pod's or a workload's YAML or JSON, or an object of annotations");
		if (cJSON_IsArray(document))
			cJSON_ArrayForEach (item, document)
				add_object(&m, item);
		else
			add_object(&m, document);
	}
	*ret = m;
	m = (struct manifest){};
	return 0;
}

void manifest_cleanup(struct manifest *m)
{
	cJSON_Delete(m->documents);
	free(m->pods);
	*m = (struct manifest){};
}
