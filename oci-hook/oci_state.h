/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a runtime tells its hooks on stdin, in runc's and crun's dialects, and whose container it is: the keys of containerd, CRI-O and
 * Podman. The document is hostile: it holds what users annotated.
 */
#ifndef FAULTWIRE_OCI_STATE_H
#define FAULTWIRE_OCI_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/json.h"

struct oci_state {
	cJSON *root;
	const char *id, *bundle;  /* root's */
	bool stopped;             /* else created, or being created */
	pid_t pid;                /* 0 = none */
	const cJSON *annotations; /* an object of strings; NULL = none */
};
#define _cleanup_oci_state_ __attribute__((cleanup(oci_state_cleanup)))

/* -EINVAL naming the key. The id is fit to name a file; the pid is there unless the container has stopped. */
int oci_state_parse(const char *text, size_t n, struct oci_state *ret, struct error *err);
void oci_state_cleanup(struct oci_state *s);

struct oci_identity {
	const char *container;  /* the name in the pod; the runtime's id where there is none. The state's, as all here */
	const char *sandbox_id; /* "" = no pod */
	const char *pod_namespace, *pod_name, *pod_uid; /* "" when not known */
	bool is_sandbox;                                /* it only holds the pod's namespaces */
};
void oci_state_identify(const struct oci_state *s, struct oci_identity *ret);

#endif
