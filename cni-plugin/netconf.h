/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network configuration on stdin, read as CNI has it: unknown keys are tolerated, what we use is checked. Annotations come from
 * runtimeConfig."io.kubernetes.cri.pod-annotations" and, for runtimes without that capability, from the key "annotations".
 */
#ifndef FAULTWIRE_NETCONF_H
#define FAULTWIRE_NETCONF_H

#include "lib/json.h"
#include "lib/util.h"

#define NETCONF_PATH "network configuration"
#define NETCONF_CAPABILITY "io.kubernetes.cri.pod-annotations"

struct netconf {
	cJSON *root;
	const char *cni_version, *name; /* root's; never empty */
	const char *prev;               /* prevResult's bytes within the text, NULL = none (absent or null) */
	size_t prev_n;
	bool prev_empty, prev_same_version; /* it is {}; its cniVersion is ours */
	const char *prev_version;           /* the bytes of its cniVersion's value, NULL = it has none */
	size_t prev_version_n;
};

#define _cleanup_netconf_ __attribute__((cleanup(netconf_cleanup)))

/* Reads the document; 'text' must outlive *ret. -EBADMSG: not the JSON it should be; -EINVAL: a key that is missing or wrong. */
int netconf_parse(const char *text, size_t n, struct netconf *ret, struct error *err);

/*
 * The pod's faultwire.dev/ annotations and the configuration's, the pod's winning: an object of strings whose members refer into conf
 * (cJSON_Delete it first). NULL when there are none. -EINVAL naming the key that is wrong.
 */
int netconf_annotations(const struct netconf *conf, cJSON **ret, struct error *err);

struct netconf_attachment {
	const char *container_id, *ifname; /* conf's */
};
/* GC's list of what is to be kept; the array is the caller's. *ret_known = whether there is a list at all (null = an empty one). */
int netconf_attachments(const struct netconf *conf, struct netconf_attachment **ret, size_t *ret_n, bool *ret_known,
			struct error *err);

void netconf_cleanup(struct netconf *conf);

#endif
