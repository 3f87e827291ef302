// SPDX-License-Identifier: GPL-2.0-only
/*
 * resource: limits of a container's cgroup, lower than its own while a window is open.
 */
#include "lib/act.h"

#include <errno.h>

#include "lib/common.h"
#include "lib/quantity.h"
#include "lib/util.h"

#define EXAMPLE "{\"cpu\":\"200m\"}"
#define CPU_MIN_MILLI 10            /* 1 ms of 100 ms, the kernel's least */
#define MEMORY_MIN_BYTES (1U << 20) /* under which nothing lives */
#define PIDS_MAX 4194304

static int parse_rate(const struct json *j, const char *key, const char *example, uint64_t *ret, struct error *err)
{
	struct json at = json_get(j, key);

	return quantity_read(&at, 1, 1, example, ret, err);
}

static int parse_io(const struct json *j, struct fault_io_limit *io, struct error *err)
{
	static const char *const keys[] = { "path", "rbps", "wbps", "riops", "wiops", NULL };
	struct json path = json_get(j, "path");
	int r;

	if (!json_has(j))
		return 0;
	r = json_only(j, keys, err);
	if (r == 0)
		r = common_path(&path, &io->path, err);
	if (r == 0)
		r = parse_rate(j, "rbps", "\"1Mi\", bytes a second", &io->rbps, err);
	if (r == 0)
		r = parse_rate(j, "wbps", "\"1Mi\", bytes a second", &io->wbps, err);
	if (r == 0)
		r = parse_rate(j, "riops", "\"100\", reads a second", &io->riops, err);
	if (r == 0)
		r = parse_rate(j, "wiops", "\"100\", writes a second", &io->wiops, err);
	if (r < 0)
		return r;
	if (!io->path)
		return json_error(j, err,
				  "needs 'path', on whose device the limits are, as in {\"path\":\"/data\",\"rbps\":\"1Mi\"}");
	if (!io->rbps && !io->wbps && !io->riops && !io->wiops)
		return json_error(j, err, "limits nothing: give 'rbps', 'wbps', 'riops' or 'wiops'");
	return 0;
}

int resource_parse(const struct json *j, size_t index, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "cpu", "memory", "io", "pids", "containers", COMMON_KEYS, NULL };
	struct json cpu = json_get(j, "cpu"), memory = json_get(j, "memory"), io = json_get(j, "io"), pids = json_get(j, "pids");
	struct json containers = json_get(j, "containers");
	int r;

	if (!cJSON_IsObject(j->value))
		return json_error(j, err, "must be a fault, an object as in " EXAMPLE);
	f->kind = &fault_kind_resource;
	snprintf(f->path, sizeof(f->path), "%.95s", j->path);
	snprintf(f->name, sizeof(f->name), "resource[%zu]", index);
	r = json_only(j, keys, err);
	if (r == 0)
		r = common_parse(j, f, err);
	if (r == 0)
		r = common_containers(&containers, f, err);
	if (r == 0)
		r = quantity_read(&cpu, 1000, CPU_MIN_MILLI, "\"200m\" or \"0.2\"", &f->resource.cpu_milli, err);
	if (r == 0)
		r = quantity_read(&memory, 1, MEMORY_MIN_BYTES, "\"64Mi\"", &f->resource.memory_bytes, err);
	if (r == 0)
		r = json_u64(&pids, 1, PIDS_MAX, &f->resource.pids, err);
	if (r == 0)
		r = parse_io(&io, &f->resource.io, err);
	if (r < 0)
		return r;
	if (!f->resource.cpu_milli && !f->resource.memory_bytes && !f->resource.pids && !f->resource.io.path)
		return json_error(j, err, "limits nothing: give 'cpu', 'memory', 'io' or 'pids', as in " EXAMPLE);
	return 0;
}

static void resource_cleanup(struct fault *f)
{
	free(f->resource.io.path);
}

const struct fault_kind fault_kind_resource = { .name = "resource", .layer = LAYER_ACT, .cleanup = resource_cleanup };
