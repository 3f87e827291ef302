/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each CNI command does, once environment and configuration have been checked. CNI_OK, or a code and the sentence for it in err.
 */
#ifndef FAULTWIRE_VERBS_H
#define FAULTWIRE_VERBS_H

#include "cni-plugin/result.h"

struct call {
	const struct cni_io *io;
	const char *command, *container_id, *ifname, *netns, *path; /* NULL where the command has none */
	struct netconf conf;
};

/*
 * Puts the pod's faults into force, then prints prevResult. Without annotations of ours prevResult is all: nothing is opened. The policy's
 * onError "ignore" turns what the annotations do wrong, and what the engine cannot do, into a log line.
 */
enum cni_code verb_add(const struct call *call, struct error *err);
/* Undoes what is recorded; success when nothing is. Looks at no annotation and no policy. */
enum cni_code verb_del(const struct call *call, struct error *err);
/* Whether what ADD did is still there; success for a pod to which it did nothing. */
enum cni_code verb_check(const struct call *call, struct error *err);
/* Undoes what belongs to no valid attachment of this network; without a list only what has no namespace any more. */
enum cni_code verb_gc(const struct call *call, struct error *err);
/* Always ready: an un-annotated pod depends on nothing that could be missing. */
enum cni_code verb_status(const struct call *call, struct error *err);

/* A line in the log that says which call it is about. */
void verb_log(const struct call *call, int severity, const char *msg);

#endif
