/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's ceilings, /etc/faultwire/policy.json: what an annotation may do at most. Over a ceiling is an error that names the
 * rule, never a silent clamp. No file = the defaults.
 */
#ifndef FAULTWIRE_POLICY_H
#define FAULTWIRE_POLICY_H

#include "lib/spec.h"

#define POLICY_PATH "/etc/faultwire/policy.json"

enum policy_on_error { ON_ERROR_FAIL, ON_ERROR_IGNORE };

struct policy {
	char **allow, **deny; /* namespace globs; deny wins; no allow = all */
	size_t n_allow, n_deny;
	char **deny_actions;
	size_t n_deny_actions;
	uint32_t max_percent_ppm;
	uint64_t max_duration_ns; /* UINT64_MAX = none; else a fault needs a duration within it */
	uint64_t max_delay_ns;
	uint64_t max_pods;
	enum policy_on_error on_error;
};

#define _cleanup_policy_ __attribute__((cleanup(policy_cleanup)))

/* kube-system denied, everything else at its widest, maxDelay 60 s, maxPods FW_SLOTS, onError fail. */
void policy_defaults(struct policy *ret);
/* Reads a document over the defaults: {"namespaces":{"allow":[],"deny":[]},"actions":{"deny":[]},"maxPercent","maxDuration","maxDelay",
 * "maxPods","onError"}; a list that is given replaces the default one. *ret is an output (nothing in it is freed). -EINVAL with
 * "policy.json: ..." paths; *ret is untouched then. */
int policy_parse(const char *text, size_t n, struct policy *ret, struct error *err);
/* -EPERM naming the fault's path and the rule that it breaks. ns "" (unknown, as with Podman) passes deny lists. maxPods is the engine's. */
int policy_check(const struct policy *p, const struct fault_spec *spec, const char *ns, struct error *err);
void policy_cleanup(struct policy *p);

#endif
