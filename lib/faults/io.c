// SPDX-License-Identifier: GPL-2.0-only
/*
 * io: what a container does to its files fails, is held back, or reads something else, as Chaos Mesh's IOChaos has it.
 */
#include "lib/io.h"

#include <errno.h>

#include "lib/common.h"
#include "lib/util.h"

#define EXAMPLE "{\"action\":\"fault\",\"methods\":[\"write\"],\"path\":\"/data/**\",\"errno\":\"EIO\"}"
#define READ_MAX 0x7ffff000U /* of one read(2) */

const char *const io_methods[FW_METHODS + 1] = {
	[FW_METHOD_OPEN] = "open",         [FW_METHOD_READ] = "read",         [FW_METHOD_WRITE] = "write",
	[FW_METHOD_FSYNC] = "fsync",       [FW_METHOD_GETATTR] = "getattr",   [FW_METHOD_SETATTR] = "setattr",
	[FW_METHOD_CREATE] = "create",     [FW_METHOD_UNLINK] = "unlink",     [FW_METHOD_RENAME] = "rename",
	[FW_METHOD_MKDIR] = "mkdir",       [FW_METHOD_RMDIR] = "rmdir",       [FW_METHOD_LINK] = "link",
	[FW_METHOD_SYMLINK] = "symlink",   [FW_METHOD_READLINK] = "readlink", [FW_METHOD_READDIR] = "readdir",
	[FW_METHOD_TRUNCATE] = "truncate", [FW_METHOD_STATFS] = "statfs",     [FW_METHOD_MMAP] = "mmap",
	[FW_METHOD_EXEC] = "exec",
};

static const char *const backends[] = { [IO_AUTO] = "auto", [IO_LSM] = "lsm", [IO_SECCOMP] = "seccomp", NULL };

/* ---- actions */

static const struct fault_kind *const kinds[] = { &fault_kind_io_fault, &fault_kind_io_latency, &fault_kind_io_mistake };

static int unknown_action(const struct json *j, const char *name, struct error *err)
{
	static const char *const names[] = { "fault", "latency", "mistake", NULL };
	const char *nearest = util_nearest(name, names);

	if (nearest)
		return json_error(j, err, "unknown action '%.64s', did you mean '%s'? (allowed: fault, latency, mistake)", name,
				  nearest);
	return json_error(j, err, "unknown action '%.64s' (allowed: fault, latency, mistake)", name);
}

static int parse_action(const struct json *j, const struct fault_kind **ret, struct error *err)
{
	struct json action = json_get(j, "action");
	const char *name = NULL;
	int r = json_string(&action, &name, err);

	if (r < 0)
		return r;
	if (!name)
		return json_error(j, err, "needs 'action', as in " EXAMPLE);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!util_streq(kinds[i]->name, name))
			continue;
		*ret = kinds[i];
		return 0;
	}
	return unknown_action(&action, name, err);
}

/* Keys that are another action's. */
static int refuse_foreign(const struct json *j, const struct fault_kind *kind, struct error *err)
{
	static const struct {
		const char *key;
		const struct fault_kind *kind;
	} own[] = {
		{ "errno", &fault_kind_io_fault },
		{ "delay", &fault_kind_io_latency },
		{ "mistake", &fault_kind_io_mistake },
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		struct json at = json_get(j, own[i].key);

		if (json_has(&at) && own[i].kind != kind)
			return json_error(
				&at, err,
				"belongs to action '%s', but this fault's action is '%s': remove it, or make two faults of it",
				own[i].kind->name, kind->name);
	}
	return 0;
}

static int fault_parse(const struct json *j, struct fault *f, struct error *err)
{
	struct json at = json_get(j, "errno");
	uint64_t error = 0;
	int r = common_errno(&at, &error, err);

	if (r == 0 && !error)
		return json_error(j, err, "action 'fault' needs 'errno', as in \"EIO\"");
	f->io.error = (uint16_t)error;
	return r;
}

static int latency_parse(const struct json *j, struct fault *f, struct error *err)
{
	struct json at = json_get(j, "delay");
	int r = json_duration(&at, &f->io.delay_ns, err);

	if (r == 0 && !f->io.delay_ns)
		return json_error(j, err, "action 'latency' needs 'delay', over 0s, as in \"100ms\"");
	return r;
}

static int mistake_parse(const struct json *j, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "filling", "maxOccurrences", "maxLength", NULL };
	static const char *const fillings[] = { [IO_ZERO] = "zero", [IO_RANDOM] = "random", NULL };
	struct json body = json_get(j, "mistake");
	struct json filling = json_get(&body, "filling"), count = json_get(&body, "maxOccurrences");
	struct json length = json_get(&body, "maxLength");
	uint64_t occurrences = 1, bytes = 1;
	int which = IO_ZERO, r;

	if (!json_has(&body))
		return json_error(j, err,
				  "action 'mistake' needs 'mistake', as in "
				  "{\"filling\":\"zero\",\"maxOccurrences\":1,\"maxLength\":4096}");
	r = json_only(&body, keys, err);
	if (r == 0)
		r = json_enum(&filling, fillings, &which, err);
	if (r == 0)
		r = json_u64(&count, 1, IO_OCCURRENCES_MAX, &occurrences, err);
	if (r == 0)
		r = json_u64(&length, 1, READ_MAX, &bytes, err);
	f->io.filling = (enum fault_filling)which;
	f->io.max_occurrences = (uint32_t)occurrences;
	f->io.max_length = (uint32_t)bytes;
	return r;
}

/* ---- methods */

static int unknown_method(const struct json *j, const char *name, struct error *err)
{
	const char *nearest = util_nearest(name, io_methods);
	char known[256] = "";
	size_t n = 0;

	if (nearest)
		return json_error(j, err, "unknown method '%.64s', did you mean '%s'?", name, nearest);
	for (size_t i = 0; i < FW_METHODS; i++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "", io_methods[i]);
	return json_error(j, err, "unknown method '%.64s' (allowed: %s)", name, known);
}

static int parse_method(const struct json *j, struct fault *f, struct error *err)
{
	const char *name = NULL;
	int r = json_string(j, &name, err), which = 0;

	if (r < 0)
		return r;
	while (which < FW_METHODS && !util_streq(io_methods[which], name))
		which++;
	if (which == FW_METHODS)
		return unknown_method(j, name, err);
	if (f->kind == &fault_kind_io_mistake && which != FW_METHOD_READ)
		return json_error(j, err, "'%s' cannot be mistaken: 'mistake' is of 'read' alone, nothing is ever written wrong",
				  name);
	if (f->io.backend == IO_LSM && !(IO_HOOKED >> which & 1))
		return json_error(j, err, "no hook of the kernel sees '%s': leave 'backend' out, or use 'seccomp'", name);
	f->io.methods |= 1U << which;
	return 0;
}

static int parse_methods(const struct json *j, const struct json *fault, struct fault *f, struct error *err)
{
	int n = cJSON_GetArraySize(j->value), r = 0;

	if (!json_has(j) && f->kind == &fault_kind_io_mistake) {
		f->io.methods = 1U << FW_METHOD_READ;
		return 0;
	}
	if (!json_has(j))
		return json_error(fault, err, "needs 'methods', as in " EXAMPLE);
	if (!cJSON_IsArray(j->value))
		return json_error(j, err, "must be a list of methods, as in [\"read\",\"write\"]");
	if (n == 0)
		return json_error(j, err, "is an empty list: name at least one");
	for (int i = 0; i < n && r == 0; i++) {
		struct json at = json_at(j, i);

		r = parse_method(&at, f, err);
	}
	return r;
}

/* ---- paths */

/* Why a path or a glob of them would never match, as the end of a sentence; NULL = it may. */
static const char *path_fault(const char *path)
{
	const char *p = path;

	while (*p) {
		const char *name = p + 1;
		size_t n = strcspn(name, "/");
		bool stars = strstr(name, "**") && strstr(name, "**") < name + n;

		if (n == 0 && path[1])
			return "has an empty component, or ends with '/'";
		if ((n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
			return "has '.' or '..', which no path of a file has";
		if (n > 255)
			return "has a component of over 255 characters";
		if (stars && n != 2)
			return "has '**' beside other characters: it stands for whole components, as in '/data/**/*.log'";
		p = name + n;
	}
	return NULL;
}

static int parse_path(const struct json *j, char **ret, struct error *err)
{
	int r = common_path(j, ret, err);
	const char *why = r == 0 && *ret ? path_fault(*ret) : NULL;

	return why ? json_error(j, err, "'%.64s' %s", *ret, why) : r;
}

/* Whether a glob can match what is at or below a directory. */
static bool may_be_below(const char *glob, const char *dir)
{
	size_t n = util_streq(dir, "/") ? 0 : strlen(dir), literal = strcspn(glob, "*?");

	if (n >= literal)
		return !strncmp(glob, dir, literal);
	return !strncmp(glob, dir, n) && (glob[n] == '/' || !glob[n]);
}

static int parse_paths(const struct json *j, struct fault *f, struct error *err)
{
	struct json path = json_get(j, "path"), volume = json_get(j, "volumePath");
	int r = parse_path(&path, &f->io.path, err);

	if (r == 0)
		r = parse_path(&volume, &f->io.volume, err);
	if (r < 0)
		return r;
	if (f->io.volume && strpbrk(f->io.volume, "*?"))
		return json_error(&volume, err, "'%.64s' must be one mount, without wildcards: use 'path' for files in it",
				  f->io.volume);
	if (!f->io.path && !f->io.volume)
		return json_error(j, err, "needs 'path', as in \"/data/**\" (\"/**\" is every file), or 'volumePath'");
	if (f->io.path && f->io.volume && !may_be_below(f->io.path, f->io.volume))
		return json_error(&path, err, "'%.64s' is never in the volume '%.64s': both are paths inside the container",
				  f->io.path, f->io.volume);
	return 0;
}

/* ---- the whole */

static int parse_backend(const struct json *j, struct fault *f, struct error *err)
{
	int which = IO_AUTO, r = json_enum(j, backends, &which, err);

	f->io.backend = (enum fault_io_backend)which;
	if (r == 0 && which == IO_LSM && f->kind != &fault_kind_io_fault)
		return json_error(j, err, "'lsm' lets calls fail and cannot do '%s': leave 'backend' out, or use 'seccomp'",
				  f->kind->name);
	return r;
}

int io_parse(const struct json *j, size_t index, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "action",    "methods", "path",  "volumePath", "backend", "containers",
					    COMMON_KEYS, "errno",   "delay", "mistake",    NULL };
	struct json methods = json_get(j, "methods"), backend = json_get(j, "backend"), containers = json_get(j, "containers");
	int r;

	if (!cJSON_IsObject(j->value))
		return json_error(j, err, "must be a fault, an object as in " EXAMPLE);
	snprintf(f->path, sizeof(f->path), "%.95s", j->path);
	snprintf(f->name, sizeof(f->name), "io[%zu]", index);
	r = parse_action(j, &f->kind, err);
	if (r == 0)
		r = refuse_foreign(j, f->kind, err);
	if (r == 0)
		r = json_only(j, keys, err);
	if (r == 0)
		r = common_parse(j, f, err);
	if (r == 0)
		r = parse_backend(&backend, f, err);
	if (r == 0)
		r = parse_methods(&methods, j, f, err);
	if (r == 0)
		r = parse_paths(j, f, err);
	if (r == 0)
		r = common_containers(&containers, f, err);
	return r ? r : f->kind->parse(j, f, err);
}

/* ---- as data */

struct fault_io io_copy(const struct fault_io *io)
{
	struct fault_io copy = *io;

	copy.path = io->path ? util_strdup(io->path) : NULL;
	copy.volume = io->volume ? util_strdup(io->volume) : NULL;
	return copy;
}

void io_cleanup(struct fault_io *io)
{
	free(io->path);
	free(io->volume);
	*io = (struct fault_io){};
}

void io_to_json(cJSON *o, const struct fault_io *io)
{
	cJSON_AddItemToObject(o, "methods", json_number(io->methods));
	if (io->path)
		cJSON_AddStringToObject(o, "path", io->path);
	if (io->volume)
		cJSON_AddStringToObject(o, "volumePath", io->volume);
	cJSON_AddItemToObject(o, "errno", json_number(io->error));
	cJSON_AddItemToObject(o, "delayNs", json_number(io->delay_ns));
	cJSON_AddItemToObject(o, "filling", json_number(io->filling));
	cJSON_AddItemToObject(o, "maxOccurrences", json_number(io->max_occurrences));
	cJSON_AddItemToObject(o, "maxLength", json_number(io->max_length));
}

static int numbers_from_json(const struct json *j, struct fault_io *io, struct error *err)
{
	const struct {
		const char *key;
		uint64_t max;
	} numbers[] = {
		{ "methods", (1U << FW_METHODS) - 1 },
		{ "errno", 4095 },
		{ "delayNs", UINT64_MAX },
		{ "filling", IO_RANDOM },
		{ "maxOccurrences", IO_OCCURRENCES_MAX },
		{ "maxLength", READ_MAX },
	};
	uint64_t values[ARRAY_SIZE(numbers)] = {};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct json at = json_get(j, numbers[i].key);
		int r = json_u64(&at, 0, numbers[i].max, &values[i], err);

		if (r)
			return r;
	}
	io->methods = (uint32_t)values[0];
	io->error = (uint16_t)values[1];
	io->delay_ns = values[2];
	io->filling = (enum fault_filling)values[3];
	io->max_occurrences = (uint32_t)values[4];
	io->max_length = (uint32_t)values[5];
	return 0;
}

int io_from_json(const struct json *j, struct fault_io *ret, struct error *err)
{
	struct json path = json_get(j, "path"), volume = json_get(j, "volumePath");
	int r = parse_path(&path, &ret->path, err);

	if (!r)
		r = parse_path(&volume, &ret->volume, err);
	return r ? r : numbers_from_json(j, ret, err);
}

void io_print(FILE *out, const struct fault_io *io)
{
	const char *space = "";

	for (int i = 0; i < FW_METHODS; i++) {
		if (!(io->methods >> i & 1))
			continue;
		fprintf(out, "%s%s", space, io_methods[i]);
		space = " ";
	}
	if (io->path)
		fprintf(out, " on %s", io->path);
	if (io->volume)
		fprintf(out, " in volume %s", io->volume);
}

static void kind_cleanup(struct fault *f)
{
	io_cleanup(&f->io);
}

static uint64_t latency_max_delay_ns(const struct fault *f)
{
	return f->io.delay_ns;
}

const struct fault_kind fault_kind_io_fault = {
	.name = "fault",
	.layer = LAYER_IO,
	.order = ORDER_SYSCALL,
	.parse = fault_parse,
	.cleanup = kind_cleanup,
};

const struct fault_kind fault_kind_io_latency = {
	.name = "latency",
	.layer = LAYER_IO,
	.order = ORDER_SYSCALL,
	.parse = latency_parse,
	.cleanup = kind_cleanup,
	.max_delay_ns = latency_max_delay_ns,
};

const struct fault_kind fault_kind_io_mistake = {
	.name = "mistake",
	.layer = LAYER_IO,
	.order = ORDER_SYSCALL,
	.parse = mistake_parse,
	.cleanup = kind_cleanup,
};
