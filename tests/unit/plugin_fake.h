/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the plugin's tests and fuzzers stand on: an engine that only records how it was called, an environment that is a table, and
 * streams in memory. To be included once in a program.
 */
#ifndef FAULTWIRE_PLUGIN_FAKE_H
#define FAULTWIRE_PLUGIN_FAKE_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "cni-plugin/dispatch.h"
#include "engine/engine.h"
#include "engine/sandbox.h"
#include "lib/util.h"

#define FAKE_CALLS_MAX 512

/* Attachments of which the fake engine_gc asks whether they are to be kept. */
static const char *const fake_records[][2] = { { "abc", "eth0" }, { "abc", "net1" }, { "def", "eth0" } };

static struct fake {
	/* what the engine answers */
	bool exists, interrupted, sandbox;
	int add, del, check, gc, save;
	const char *msg;
	size_t gc_n;
	/* what it was asked: "add(...) del(...)", and of the last add the details */
	char calls[FAKE_CALLS_MAX];
	size_t n_faults;
	uint64_t seed, max_pods;
	/* the world */
	const char *env[16][2];
	const char *policy;
	/* what came of it */
	char *out, *log;
	size_t out_n;
} fake;

__attribute__((format(printf, 1, 2))) static void fake_called(const char *fmt, ...)
{
	size_t n = strlen(fake.calls);
	va_list args;

	va_start(args, fmt);
	vsnprintf(fake.calls + n, sizeof(fake.calls) - n, fmt, args);
	va_end(args);
}

static int fake_answer(int ret, struct error *err)
{
	return ret < 0 ? error_set(err, -ret, "%s", fake.msg ? fake.msg : "the engine says no") : 0;
}

bool state_exists(const char *container_id, const char *ifname)
{
	(void)container_id;
	(void)ifname;
	return fake.exists;
}

bool state_interrupted(void)
{
	return fake.interrupted;
}

int sandbox_save(const struct engine_target *t, const cJSON *annotations, struct error *err)
{
	fake_called("save(%s,%s,%d)", t->container_id, t->pod_uid, cJSON_GetArraySize(annotations));
	return fake_answer(fake.save, err);
}

bool sandbox_exists(const char *id)
{
	(void)id;
	return fake.sandbox;
}

void sandbox_remove(const char *id)
{
	if (fake.sandbox)
		fake_called("forget(%s)", id);
}

void sandbox_gc(const char *network, engine_keep_fn *keep, void *ctx)
{
	(void)network;
	(void)keep;
	(void)ctx;
}

int engine_add(const struct engine_target *t, const struct fault_spec *spec, uint64_t max_pods, struct error *err)
{
	fake_called("add(%s,%s,%s,%s,%s,%s,%s)", t->container_id, t->ifname, t->netns, t->network, t->pod_namespace, t->pod_name,
		    t->pod_uid);
	fake.n_faults = spec->n_faults;
	fake.seed = spec->n_faults ? spec->faults[0].seed : 0;
	fake.max_pods = max_pods;
	return fake_answer(fake.add, err);
}

int engine_del(const char *container_id, const char *ifname, struct error *err)
{
	fake_called("del(%s,%s)", container_id, ifname);
	return fake_answer(fake.del, err);
}

int engine_check(const char *container_id, const char *ifname, struct error *err)
{
	fake_called("check(%s,%s)", container_id, ifname);
	return fake_answer(fake.check, err);
}

int engine_gc(const char *network, engine_keep_fn *keep, void *ctx, size_t *ret_n, struct error *err)
{
	fake_called("gc(%s", network);
	for (size_t i = 0; i < ARRAY_SIZE(fake_records); i++)
		if (keep(ctx, fake_records[i][0], fake_records[i][1]))
			fake_called(",%s/%s", fake_records[i][0], fake_records[i][1]);
	fake_called(")");
	*ret_n = fake.gc_n;
	return fake_answer(fake.gc, err);
}

#define fake_unused __attribute__((unused))

fake_unused static char *fake_getenv(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake.env) && fake.env[i][0]; i++)
		if (util_streq(fake.env[i][0], name))
			return (char *)fake.env[i][1];
	return NULL;
}

/* Sets a variable; NULL unsets it. */
fake_unused static void fake_setenv(const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake.env); i++) {
		if (fake.env[i][0] && !util_streq(fake.env[i][0], name))
			continue;
		fake.env[i][0] = name;
		fake.env[i][1] = value;
		return;
	}
	abort();
}

/* An unnamed file with this content, read from its beginning. */
fake_unused static int fake_file(const char *text, size_t n)
{
	int fd = memfd_create("fake", 0);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

fake_unused static void fake_reset(void)
{
	free(fake.out);
	free(fake.log);
	fake = (struct fake){};
}

fake_unused static int fake_run(const char *text, size_t n)
{
	_cleanup_close_ int in = fake_file(text, n), out = fake_file("", 0);
	size_t log_n;

	free(fake.out);
	free(fake.log);
	fake.log = NULL;
	fake.calls[0] = '\0';
	struct cni_io io = {
		.getenv = fake_getenv,
		.in = in,
		.out = out,
		.log = open_memstream(&fake.log, &log_n),
		.policy = fake.policy ? fake.policy : "/nonexistent/policy.json",
	};
	int status = dispatch(&io);

	fclose(io.log);
	fake.out_n = (size_t)lseek(out, 0, SEEK_END);
	fake.out = util_alloc(fake.out_n + 1, 1);
	if (pread(out, fake.out, fake.out_n, 0) != (ssize_t)fake.out_n)
		abort();
	return status;
}

#endif
