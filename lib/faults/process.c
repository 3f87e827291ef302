// SPDX-License-Identifier: GPL-2.0-only
/*
 * process: a container's main program is killed, its processes are frozen, die for want of memory, or it ends as soon as it begins.
 */
#include "lib/act.h"

#include <errno.h>
#include <signal.h>

#include "lib/common.h"
#include "lib/util.h"

#define EXAMPLE "{\"action\":\"kill\",\"start\":\"30s\"}"

static const struct fault_kind *const kinds[] = { &fault_kind_kill, &fault_kind_pause, &fault_kind_oom, &fault_kind_exit };

static int parse_action(const struct json *j, const struct fault_kind **ret, struct error *err)
{
	struct json action = json_get(j, "action");
	const char *names[ARRAY_SIZE(kinds) + 1] = {};
	int which = -1, r;

	if (!cJSON_IsObject(j->value))
		return json_error(j, err, "must be a fault, an object as in " EXAMPLE);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		names[i] = kinds[i]->name;
	r = json_enum(&action, names, &which, err);
	if (r < 0)
		return r;
	if (which < 0)
		return json_error(j, err, "needs 'action', as in " EXAMPLE);
	*ret = kinds[which];
	return 0;
}

int process_parse(const struct json *j, size_t index, struct fault *f, struct error *err)
{
	const char *keys[] = { "action", "containers", COMMON_KEYS, NULL /* the body's */, NULL };
	struct json containers = json_get(j, "containers");
	int r;

	snprintf(f->path, sizeof(f->path), "%.95s", j->path);
	snprintf(f->name, sizeof(f->name), "process[%zu]", index);
	r = parse_action(j, &f->kind, err);
	if (r < 0)
		return r;
	keys[ARRAY_SIZE(keys) - 2] = f->kind->body;
	r = json_only(j, keys, err);
	if (r == 0)
		r = common_parse(j, f, err);
	if (r == 0)
		r = common_containers(&containers, f, err);
	return r < 0 ? r : f->kind->parse(j, f, err);
}

static int kill_parse(const struct json *j, struct fault *f, struct error *err)
{
	struct json at = json_get(j, f->kind->body);
	uint64_t signal = SIGKILL;
	int r = common_signal(&at, &signal, err);

	f->process.signal = (uint8_t)signal;
	return r;
}

static int pause_parse(const struct json *j, struct fault *f, struct error *err)
{
	return f->duration_ns ? 0
			      : json_error(j, err,
					   "needs 'duration', for how long the container is frozen, as in "
					   "{\"action\":\"pause\",\"duration\":\"10s\"}");
}

static int oom_parse(const struct json *j, struct fault *f, struct error *err)
{
	(void)j;
	(void)f;
	(void)err;
	return 0;
}

/* It happens when the program begins, once, and nobody could arm it before. */
static int exit_parse(const struct json *j, struct fault *f, struct error *err)
{
	static const char *const foreign[] = { "start", "schedule", "anchor", "timeZone", "when", "armed" };
	struct json at = json_get(j, f->kind->body);
	uint64_t code = 0;
	int r = json_u64(&at, 0, UINT8_MAX, &code, err);

	if (r < 0)
		return r;
	if (!json_has(&at))
		return json_error(j, err, "needs 'code', 0 to %d, as in {\"action\":\"exit\",\"code\":1}", UINT8_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		struct json key = json_get(j, foreign[i]);

		if (json_has(&key))
			return json_error(
				&key, err,
				"'exit' happens once, when the program begins: remove it ('percent' is each start's chance)");
	}
	f->process.code = (uint8_t)code;
	return 0;
}

const struct fault_kind fault_kind_kill = {
	.name = "kill", .body = "signal", .layer = LAYER_ACT, .moment = true, .parse = kill_parse
};
const struct fault_kind fault_kind_pause = { .name = "pause", .layer = LAYER_ACT, .parse = pause_parse };
const struct fault_kind fault_kind_oom = { .name = "oom", .layer = LAYER_ACT, .moment = true, .parse = oom_parse };
const struct fault_kind fault_kind_exit = {
	.name = "exit", .body = "code", .layer = LAYER_ACT, .moment = true, .parse = exit_parse
};
