/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kubernetes manifests -> the pods that they make, as far as faults are concerned.
 */
#ifndef FAULTWIRE_MANIFEST_H
#define FAULTWIRE_MANIFEST_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "lib/error.h"

struct manifest_pod {
	const char *kind, *pod_namespace, *name; /* "" where the manifest does not say; the document's, as the rest */
	const cJSON *annotations;                /* the pod's own or its template's; NULL = none */
	bool host_network;
	bool misplaced; /* ours are on the workload, where no pod has them */
};

struct manifest {
	cJSON *documents; /* owned */
	struct manifest_pod *pods;
	size_t n_pods;
};

#define _cleanup_manifest_ __attribute__((cleanup(manifest_cleanup)))

/*
 * Reads JSON or YAML: pods, workloads with a pod template, lists of them, several documents, or a bare object of annotations.
 * What makes no pod is left out, unless it carries annotations of ours ('misplaced'). *ret is empty on failure.
 */
int manifest_parse(const char *text, size_t n, struct manifest *ret, struct error *err);
void manifest_cleanup(struct manifest *m);

#endif
