// SPDX-License-Identifier: GPL-2.0-only
/*
 * ADD, DEL, CHECK and GC of one pod interface: record, plan, ops, and what is left behind by those that were killed.
 */
#include "engine/engine.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "engine/clock.h"
#include "engine/netns.h"
#include "engine/ops.h"
#include "engine/sandbox.h"
#include "lib/match.h"

#define SWEEP_PATH STATE_DIR "/last-sweep"
#define SWEEP_SECONDS 60

void engine_ifb_name(int ifindex, char ret[ENGINE_IFB_MAX])
{
	snprintf(ret, ENGINE_IFB_MAX, "fwifb%d", ifindex);
}

/* Inside the pod's namespace for as long as it lives. */
struct visit {
	struct netns ns;
	struct ops_pod ops;
};

static void visit_end(struct visit *v)
{
	tc_close(&v->ops.tc);
	bpf_node_close(&v->ops.node);
	netns_leave(&v->ns);
}
#define _cleanup_visit_ __attribute__((cleanup(visit_end)))
#define VISIT_EMPTY                                                             \
	{                                                                       \
		.ns = { -1 }, .ops = {.node = BPF_NODE_EMPTY, .tc = TC_CLOSED } \
	}

static int visit_enter(struct visit *v, const char *netns, const char *ifname, struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r = netns_open(netns, &fd, err);

	if (!r && netns_is_own(fd))
		r = error_set(err, EINVAL,
			      "'%s' is the node's own network namespace (a pod on the host's network?), where a fault would hit "
			      "the whole node: remove the annotations",
			      netns);
	if (!r)
		r = netns_enter(fd, &v->ns, err);
	if (!r)
		r = tc_open(&v->ops.tc, err);
	return r ? r : tc_link_index(&v->ops.tc, ifname, &v->ops.ifindex, err);
}

/* The namespace's cookie; 0 before Linux 5.14. */
static uint64_t visit_cookie(const struct visit *v)
{
	uint64_t cookie = 0;
	socklen_t n = sizeof(cookie);

	return getsockopt(v->ops.tc.fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &n) ? 0 : cookie;
}

/* Goes back to a record's interface. -ENOENT also where the path leads to another pod's namespace by now. */
static int visit_again(struct visit *v, const struct state_pod *pod, struct error *err)
{
	int r = visit_enter(v, pod->netns, pod->ifname, err);

	if (!r && pod->netns_cookie && visit_cookie(v) != pod->netns_cookie)
		r = error_set(err, ENOENT, "network namespace '%s' is another one now", pod->netns);
	return r;
}

/* Whether going there failed because there is nothing any more, and not for want of memory, say. */
static bool is_gone(int r)
{
	static const int gone[] = { ENOENT, ENOTDIR, ENXIO, ESRCH, ENODEV, EINVAL };

	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		if (r == -gone[i])
			return true;
	return false;
}

/* Undoes a record as far as what it names still exists, and removes it. */
static int undo(struct state_pod *pod, struct error *err)
{
	_cleanup_visit_ struct visit v = VISIT_EMPTY;
	struct error own = {};
	int r = visit_again(&v, pod, &own);

	if (r && !is_gone(r))
		return error_set(err, own.code, "%s", own.msg);
	if (r)
		v.ops.ifindex = 0;
	v.ops.pod = pod;
	(void)bpf_node_open(pod->build, false, &v.ops.node, NULL);
	r = ops_revert(&v.ops, err);
	return r ? r : state_remove(pod->container_id, pod->ifname, pod->slot, err);
}

/* *ret_older: it was served by another build than this one. */
static int undo_if_recorded(const char *container_id, const char *ifname, bool *ret_older, struct error *err)
{
	_cleanup_pod_ struct state_pod pod = {};
	struct error own = {};
	int r = state_load(container_id, ifname, &pod, &own);

	*ret_older = !r && !util_streq(pod.build, bpf_build());
	if (!r)
		return undo(&pod, err);
	if (r == -ENOENT)
		return 0;
	if (r == -EBADMSG) /* cut by a full disk, say: its slot is freed with the file, the namespace takes the rest */
		return state_remove(container_id, ifname, 0, err);
	return error_set(err, own.code, "%s", own.msg);
}

/* Pins of builds that serve no record go. */
static int drop_unused_builds(struct error *err)
{
	_cleanup_pods_ struct state_pods pods = {};
	_cleanup_free_ const char **used = NULL;
	size_t unreadable = 0;
	int r = state_list(&pods, &unreadable, err);

	if (r || unreadable)
		return r;
	used = util_alloc(pods.n + 1, sizeof(*used));
	for (size_t i = 0; i < pods.n; i++)
		used[i] = pods.pods[i].build;
	return bpf_unpin_unused(used, pods.n, err);
}

static bool namespace_gone(const char *netns)
{
	_cleanup_close_ int fd = -1;

	return is_gone(netns_open(netns, &fd, NULL));
}

/* Goes on after a failure and returns the first. */
static int undo_where(bool (*where)(void *ctx, const struct state_pod *pod), void *ctx, size_t *ret_n, struct error *err)
{
	_cleanup_pods_ struct state_pods pods = {};
	struct error later = {};
	size_t unreadable = 0;
	int first = state_list(&pods, &unreadable, err);

	for (size_t i = 0; i < pods.n; i++) {
		int r;

		if (!where(ctx, &pods.pods[i]))
			continue;
		r = undo(&pods.pods[i], first ? &later : err);
		first = first ? first : r;
		*ret_n += !r;
	}
	return first;
}

static bool is_stale(void *ctx, const struct state_pod *pod)
{
	(void)ctx;
	return namespace_gone(pod->netns);
}

/* Records whose namespace died without a DEL; looked for now and then, since it reads every record. */
static void sweep(void)
{
	struct error ignored = {};
	struct stat st;
	size_t n = 0;
	FILE *f;

	if (!stat(SWEEP_PATH, &st) && time(NULL) - st.st_mtime < SWEEP_SECONDS && time(NULL) >= st.st_mtime)
		return;
	(void)undo_where(is_stale, NULL, &n, &ignored);
	sandbox_gc(NULL, NULL, NULL);
	f = fopen(SWEEP_PATH, "we");
	if (f)
		fclose(f);
}

static int record(const struct engine_target *t, const struct fault_spec *spec, struct state_pod *pod, struct error *err)
{
	int r = state_slot_next(&pod->slot, err);

	if (r)
		return r;
	pod->container_id = util_strdup(t->container_id);
	pod->ifname = util_strdup(t->ifname);
	pod->netns = util_strdup(t->netns);
	pod->network = util_strdup(t->network);
	pod->pod_namespace = util_strdup(t->pod_namespace);
	pod->pod_name = util_strdup(t->pod_name);
	pod->pod_uid = util_strdup(t->pod_uid);
	pod->experiment = util_strdup(spec->experiment);
	pod->build = util_strdup(bpf_build());
	pod->abi = FW_ABI;
	pod->tx_checksum_was = true;
	return 0;
}

static int look_at_offloads(struct visit *v, struct state_pod *pod, struct error *err)
{
	int r = 0;

	if (plan_find(&pod->plan, PLAN_SEGMENTS))
		r = tc_link_gso_segs(&v->ops.tc, v->ops.ifindex, 0, &pod->gso_segs_was, err);
	if (!r && plan_find(&pod->plan, PLAN_OFFLOAD))
		r = tc_link_tx_checksum_get(pod->ifname, &pod->tx_checksum_was, err);
	return r == -EOPNOTSUPP ? 0 : r;
}

/* What must be known of the interface, and on record, before anything is done to it: we may be killed at any moment. */
static int look(struct visit *v, struct state_pod *pod, struct error *err)
{
	const struct plan *plan = &pod->plan;
	char kind[16];
	uint32_t handle = 0;
	int r = tc_clsact_exists(&v->ops.tc, v->ops.ifindex, &pod->clsact_found, err);

	pod->netns_cookie = visit_cookie(v);
	if (!r)
		r = look_at_offloads(v, pod, err);
	for (size_t i = 0; !r && i < plan->n_ops; i++) {
		if (plan->ops[i].type != PLAN_ROOT || plan->ops[i].root != FW_EGRESS)
			continue;
		r = tc_root_get(&v->ops.tc, v->ops.ifindex, kind, &handle, err);
		if (!r && handle)
			return error_set(
				err, EEXIST,
				"'%s' has a root qdisc '%s' (handle %x:) that somebody else set, and shaping needs the root: leave "
				"shaping out, or put faultwire before the plugin that sets it",
				pod->ifname, kind, handle >> 16);
	}
	return r;
}

static int save_now(struct state_pod *pod, struct error *err)
{
	pod->created_mono_ns = clock_ns(CLOCK_MONOTONIC);
	pod->created_unix_ns = clock_ns(CLOCK_REALTIME);
	return state_save(pod, err);
}

static int put_in_force(struct visit *v, struct state_pod *pod, struct error *err)
{
	struct error ignored = {};
	bool loaded = !bpf_node_open(bpf_build(), true, &v->ops.node, NULL);
	int r = save_now(pod, err);

	if (!r && !loaded) { /* which takes a while, and windows are not to begin before it is over */
		r = bpf_node_load(&v->ops.node, err);
		if (!r)
			r = save_now(pod, err);
	}
	if (!r)
		r = ops_apply(&v->ops, err);
	if (r && !v->ops.left) /* else DEL and GC need it */
		state_remove(pod->container_id, pod->ifname, pod->slot, &ignored);
	return r;
}

static int add_locked(const struct engine_target *target, const struct fault_spec *spec, struct error *err)
{
	_cleanup_pod_ struct state_pod pod = {};
	_cleanup_env_ struct engine_env env = {};
	_cleanup_free_ struct fw_slot *tables = util_alloc(1, sizeof(*tables));
	_cleanup_visit_ struct visit v = VISIT_EMPTY;
	int r = engine_plan(spec, &env, &pod.plan, err);

	if (!r)
		r = match_compile(plan_rules(&pod.plan), env.env.node, env.env.n_node, tables, err);
	if (!r)
		r = record(target, spec, &pod, err);
	if (!r)
		r = visit_enter(&v, target->netns, target->ifname, err);
	if (!r)
		r = look(&v, &pod, err);
	if (r)
		return r;
	v.ops.pod = &pod;
	v.ops.tables = tables;
	return put_in_force(&v, &pod, err);
}

int engine_add(const struct engine_target *target, const struct fault_spec *spec, uint64_t max_pods, struct error *err)
{
	_cleanup_lock_ int lock = -1;
	struct error ignored = {};
	bool older;
	int r = state_lock(&lock, err);

	if (r)
		return r;
	sweep();
	r = undo_if_recorded(target->container_id, target->ifname, &older, err);
	if (r)
		return r;
	if (state_count() >= max_pods)
		return error_set(
			err, EUSERS,
			"this node has faults on %zu pods already, which is its policy's maxPods: wait until one ends, or raise "
			"maxPods in /etc/faultwire/policy.json",
			state_count());
	r = add_locked(target, spec, err);
	if (r && !state_count())
		drop_unused_builds(&ignored);
	return r;
}

int engine_del(const char *container_id, const char *ifname, struct error *err)
{
	_cleanup_lock_ int lock = -1;
	bool older = false;
	int r = state_lock(&lock, err);

	if (!r)
		r = undo_if_recorded(container_id, ifname, &older, err);
	return r || (!older && state_count()) ? r : drop_unused_builds(err);
}

int engine_check(const char *container_id, const char *ifname, struct error *err)
{
	_cleanup_pod_ struct state_pod pod = {};
	_cleanup_visit_ struct visit v = VISIT_EMPTY;
	int r = state_load(container_id, ifname, &pod, err);

	if (r)
		return r;
	r = visit_again(&v, &pod, err);
	if (r)
		return r == -ENOENT ? -ESTALE : r;
	v.ops.pod = &pod;
	(void)bpf_node_open(pod.build, false, &v.ops.node, NULL);
	return ops_check(&v.ops, err);
}

struct gc {
	const char *network;
	engine_keep_fn *keep;
	void *ctx;
};

static bool is_unclaimed(void *ctx, const struct state_pod *pod)
{
	const struct gc *gc = ctx;

	if (util_streq(pod->network, gc->network) && !gc->keep(gc->ctx, pod->container_id, pod->ifname))
		return true;
	return namespace_gone(pod->netns);
}

int engine_gc(const char *network, engine_keep_fn *keep, void *ctx, size_t *ret_n, struct error *err)
{
	_cleanup_lock_ int lock = -1;
	struct gc gc = { .network = network, .keep = keep, .ctx = ctx };
	int r = state_lock(&lock, err);

	*ret_n = 0;
	if (!r)
		r = undo_where(is_unclaimed, &gc, ret_n, err);
	return r ? r : drop_unused_builds(err);
}
