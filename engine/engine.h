/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carries out a plan for one pod interface and undoes it: a table of ops, each with its apply, revert and check.
 */
#ifndef FAULTWIRE_ENGINE_H
#define FAULTWIRE_ENGINE_H

#include "engine/state.h"

/* What the plan is for; strings are the caller's. */
struct engine_target {
	const char *container_id, *ifname, *netns, *network;
	const char *pod_namespace, *pod_name, *pod_uid;
};

/* What the node has, for plan_build. */
struct engine_env {
	struct plan_env env;
	struct fault_prefix *addresses;
};
#define _cleanup_env_ __attribute__((cleanup(engine_env_cleanup)))

/*
 * Features are probed in a throwaway namespace, once a boot (kept in /run/faultwire/features); 'refresh' asks again for those that were
 * missing. Only what the spec needs is found out: no shape, no probe; includeNode everywhere, no addresses. NULL = everything.
 */
int engine_env_get(const struct fault_spec *spec, bool refresh, struct engine_env *ret, struct error *err);
void engine_env_cleanup(struct engine_env *env);
/* engine_env_get and plan_build, asking again for missing features before giving up. */
int engine_plan(const struct fault_spec *spec, struct engine_env *ret_env, struct plan *ret, struct error *err);

/*
 * Gives the wall-clock schedules of a spec (what its faults point to) the offsets of their zones, from this node's /usr/share/zoneinfo; engine_plan
 * does so itself. -ENOTSUP on a node that has no zones, -EINVAL for one that is not there.
 */
int engine_zones(const struct fault_spec *spec, struct error *err);
/* Whether this node has zones at all. */
bool engine_has_zones(void);

/* The name of the ifb that belongs to an interface: "fwifb<ifindex>". */
#define ENGINE_IFB_MAX 16
void engine_ifb_name(int ifindex, char ret[ENGINE_IFB_MAX]);

/*
 * Makes the plan of 'spec' for this node and puts it into force, under the lock: record saved, ops in order; on failure
 * everything is undone in reverse and the record removed. A record already there for the same container and interface is undone first (an
 * ADD that was killed). max_pods: -EUSERS when that many pods have faults. -ENODEV, -EINVAL (netns, interface), -EEXIST (a root qdisc of
 * someone else's), and plan_build's and bpf_node_load's errors.
 */
int engine_add(const struct engine_target *target, const struct fault_spec *spec, uint64_t max_pods, struct error *err);
/* Undoes what is recorded; nothing recorded, no namespace, no interface: success. */
int engine_del(const char *container_id, const char *ifname, struct error *err);
/* Compares record and kernel: -ENOENT no record, -ESTALE naming what is missing. */
int engine_check(const char *container_id, const char *ifname, struct error *err);

/* Whether the attachment (network, container, interface) is to be kept. */
typedef bool engine_keep_fn(void *ctx, const char *container_id, const char *ifname);
/*
 * Undoes every record of this network that keep() does not claim, and every record of any network whose namespace is gone; then drops
 * pins of builds that serve nobody. *ret_n = how many were undone.
 */
int engine_gc(const char *network, engine_keep_fn *keep, void *ctx, size_t *ret_n, struct error *err);

#endif
