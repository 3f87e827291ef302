// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the node offers to a plan: qdiscs (probed in a throwaway namespace, remembered until reboot) and its own addresses.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include "engine/engine.h"
#include "engine/netns.h"
#include "engine/tc.h"

#define FEATURES_PATH STATE_DIR "/features"

static const struct feature {
	const char *name;
	size_t offset;
} features[] = {
	{ "htb", offsetof(struct plan_env, htb) },     { "tbf", offsetof(struct plan_env, tbf) },
	{ "netem", offsetof(struct plan_env, netem) }, { "fq", offsetof(struct plan_env, fq) },
	{ "ifb", offsetof(struct plan_env, ifb) },
};

static bool *feature_of(struct plan_env *env, const struct feature *f)
{
	return (bool *)((char *)env + f->offset);
}

/* False when nothing is remembered. */
static bool features_load(struct plan_env *env)
{
	_cleanup_fclose_ FILE *file = fopen(FEATURES_PATH, "re");
	char name[16];

	if (!file)
		return false;
	while (fscanf(file, "%15s", name) == 1)
		for (size_t i = 0; i < ARRAY_SIZE(features); i++)
			if (util_streq(name, features[i].name))
				*feature_of(env, &features[i]) = true;
	return true;
}

/* Only a cache: what cannot be written is probed again. */
static void features_save(struct plan_env *env)
{
	_cleanup_fclose_ FILE *file = NULL;

	mkdir(STATE_DIR, 0700);
	file = fopen(FEATURES_PATH ".tmp", "we");
	if (!file)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (*feature_of(env, &features[i]))
			fprintf(file, "%s\n", features[i].name);
	if (!fflush(file))
		rename(FEATURES_PATH ".tmp", FEATURES_PATH);
}

static int probe_one(struct tc *tc, const struct feature *f, bool *ret, struct error *err)
{
	int index;

	if (!util_streq(f->name, "ifb"))
		return tc_qdisc_probe(tc, f->name, ret, err);
	*ret = tc_ifb_add(tc, "fwprobe", &index, NULL) == 0;
	return 0;
}

static int probe_missing(struct plan_env *env, struct error *err)
{
	_cleanup_tc_ struct tc tc = TC_CLOSED;
	int r = tc_open(&tc, err);

	for (size_t i = 0; !r && i < ARRAY_SIZE(features); i++)
		if (!*feature_of(env, &features[i]))
			r = probe_one(&tc, &features[i], feature_of(env, &features[i]), err);
	return r;
}

static int probe(struct plan_env *env, struct error *err)
{
	_cleanup_netns_ struct netns back = { -1 };
	_cleanup_close_ int self = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (self < 0)
		return error_set(err, errno, "cannot open the own network namespace: %s", strerror(errno));
	if (unshare(CLONE_NEWNET))
		return error_set(err, errno, "cannot make a network namespace to probe the kernel in: %s", strerror(errno));
	back.self = TAKE_FD(self);
	return probe_missing(env, err);
}

/* Does any fault need a qdisc? */
static bool needs_features(const struct fault_spec *spec)
{
	for (size_t i = 0; spec && i < spec->n_faults; i++) {
		const struct fault *f = &spec->faults[i];

		if (f->kind->order == ORDER_SHAPE || (f->kind->order == ORDER_CORRUPT && !f->corrupt.valid))
			return true;
	}
	return !spec;
}

static bool needs_addresses(const struct fault_spec *spec)
{
	for (size_t i = 0; spec && i < spec->n_faults; i++)
		if (!spec->faults[i].include_node)
			return true;
	return !spec;
}

static int get_addresses(struct engine_env *env, struct error *err)
{
	_cleanup_tc_ struct tc tc = TC_CLOSED;
	int r = tc_open(&tc, err);

	if (!r)
		r = tc_node_addresses(&tc, &env->addresses, &env->env.n_node, err);
	env->env.node = env->addresses;
	return r;
}

int engine_env_get(const struct fault_spec *spec, bool refresh, struct engine_env *ret, struct error *err)
{
	_cleanup_env_ struct engine_env env = {};
	int r = 0;

	if (needs_features(spec) && (!features_load(&env.env) || refresh)) {
		r = probe(&env.env, err);
		if (!r)
			features_save(&env.env);
	}
	env.env.mirred = env.env.ifb; /* no probe of its own: tc_filter_add's error names it */
	if (!r && needs_addresses(spec))
		r = get_addresses(&env, err);
	if (r)
		return r;
	*ret = env;
	env = (struct engine_env){};
	return 0;
}

void engine_env_cleanup(struct engine_env *env)
{
	free(env->addresses);
	*env = (struct engine_env){};
}

int engine_plan(const struct fault_spec *spec, struct engine_env *ret_env, struct plan *ret, struct error *err)
{
	int r = engine_zones(spec, err);

	for (bool refresh = false; !r; refresh = true) {
		_cleanup_env_ struct engine_env env = {};

		r = engine_env_get(spec, refresh, &env, err);
		if (!r)
			r = plan_build(spec, &env.env, ret, err);
		if (!r) {
			*ret_env = env;
			env = (struct engine_env){};
			return 0;
		}
		if (r == -ENOTSUP && !refresh)
			r = 0;
	}
	return r;
}
