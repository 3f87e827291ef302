/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes to stdout, and what goes to the log: results, the error object, and the numbers in it. Codes below 100 are the CNI
 * specification's, the others ours.
 */
#ifndef FAULTWIRE_RESULT_H
#define FAULTWIRE_RESULT_H

#include "cni-plugin/dispatch.h"
#include "cni-plugin/netconf.h"

enum cni_code {
	CNI_OK = 0,
	CNI_VERSION = 1, /* cniVersion not supported */
	CNI_ENV = 4,     /* an environment variable is missing or invalid */
	CNI_IO = 5,      /* stdin or stdout */
	CNI_DECODE = 6,  /* stdin is not the JSON that it should be */
	CNI_CONFIG = 7,  /* the network configuration is invalid */
	CNI_LATER = 11,  /* busy, try again */
	CNI_OURS = 100,  /* from here on ours */
	CNI_ANNOTATION = CNI_OURS,
	CNI_POLICY,         /* over a ceiling of the node */
	CNI_KERNEL,         /* kernel, module or privilege lacking */
	CNI_POD,            /* the pod's interface or namespace */
	CNI_QDISC,          /* somebody else's root qdisc */
	CNI_ROOM,           /* no slot, or maxPods reached */
	CNI_CHANGED,        /* CHECK: not as ADD left it */
	CNI_POLICY_FILE,    /* the node's policy cannot be read */
	CNI_INTERNAL = 110, /* state, or a bug */
};

/* The code of an engine failure (-errno or errno). */
enum cni_code result_engine_code(int error);

/*
 * prevResult as it came, byte for byte; where its cniVersion is not the configuration's, that one value is replaced. One
 * write. -EIO and the like.
 */
int result_prev(int fd, const struct netconf *conf, struct error *err);
/* VERSION's answer, which echoes 'version'. */
int result_version(int fd, const char *version, const char *const *supported, size_t n, struct error *err);
/* The error object. */
void result_error(int fd, const char *version, enum cni_code code, const struct error *err);

/* A line for people, prefixed with 'context'; severity is syslog's. */
void result_log(const struct cni_io *io, int severity, const char *context, const char *msg);

#endif
