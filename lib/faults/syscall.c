// SPDX-License-Identifier: GPL-2.0-only
/*
 * syscall: named system calls of a container fail, return something else, are delayed or bring a signal, as with strace's inject.
 */
#include "lib/syscall.h"

#include <errno.h>

#include "lib/common.h"
#include "lib/syscalls.h"
#include "lib/util.h"

#define EXAMPLE "{\"syscalls\":[\"connect\"],\"errno\":\"ETIMEDOUT\"}"

static bool takes_path(const struct fault *f, const char *name)
{
	struct syscalls_files files;

	return !f->syscall.path || syscalls_files(name, &files);
}

/* A delay behind the call itself is had by making it in its caller's place. */
static bool is_made(const struct fault *f)
{
	return f->syscall.exit_ns && !f->syscall.error && !f->syscall.has_retval;
}

static bool can_be_made(const struct fault *f, const char *name)
{
	return !is_made(f) || util_has_word(syscalls_made(), name);
}

static void add_call(struct fault *f, const char *name)
{
	if (syscalls_number(name) >= 0 && takes_path(f, name) && can_be_made(f, name) &&
	    !(f->syscall.names && util_has_word(f->syscall.names, name)))
		common_add_word(&f->syscall.names, name);
}

/* With a path, those of a group count that take one; with a delay behind them, those that can be made. */
static void add_group(struct fault *f, const char *words)
{
	_cleanup_free_ char *copy = util_strdup(words);
	char *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		if (*word)
			add_call(f, word);
}

static int unknown_call(const struct json *j, const char *name, struct error *err)
{
	const char *nearest = syscalls_nearest(name);

	if (nearest)
		return json_error(j, err, "unknown system call '%.64s', did you mean '%s'?", name, nearest);
	return json_error(j, err, "'%.64s' is not a system call of this architecture, nor one of the groups %s", name,
			  syscalls_groups());
}

static int parse_call(const struct json *j, struct fault *f, struct error *err)
{
	const char *name = NULL, *group, *why;
	int r = json_string(j, &name, err);

	if (r < 0)
		return r;
	group = syscalls_group(name);
	why = syscalls_refused(name);
	if (why)
		return json_error(j, err, "'%s' cannot be faulted: it %s; remove it", name, why);
	if (!group && syscalls_number(name) < 0)
		return unknown_call(j, name, err);
	if (!group && !takes_path(f, name))
		return json_error(j, err, "'%s' names no file, so with 'path' it would never match: remove one of the two", name);
	if (!group && !can_be_made(f, name))
		return json_error(j, err,
				  "'%s' cannot be made in its caller's place, as 'delayExit' needs it (only %.*s can): use "
				  "'delayEnter', or give 'errno' or 'retval' too",
				  name, (int)strlen(syscalls_made()) - 1, syscalls_made());
	if (group)
		add_group(f, group);
	else
		add_call(f, name);
	return 0;
}

static int parse_calls(const struct json *j, const struct json *fault, struct fault *f, struct error *err)
{
	int n = cJSON_GetArraySize(j->value), r = 0;

	if (!json_has(j))
		return json_error(fault, err, "needs 'syscalls', as in " EXAMPLE);
	if (!cJSON_IsArray(j->value))
		return json_error(j, err, "must be a list of system calls, as in [\"connect\"] or [\"@network\"]");
	if (n == 0 || n > SYSCALLS_MAX)
		return json_error(j, err, n ? "too many, at most %d" : "is an empty list: name at least one", SYSCALLS_MAX);
	for (int i = 0; i < n && r == 0; i++) {
		struct json at = json_at(j, i);

		r = parse_call(&at, f, err);
	}
	if (r == 0 && !f->syscall.names)
		return json_error(j, err, "has no call that '%s' could be of: remove '%s', or name other calls",
				  f->syscall.path ? "path" : "delayExit", f->syscall.path ? "path" : "delayExit");
	return r;
}

static int parse_answer(const struct json *j, struct fault *f, struct error *err)
{
	struct json errno_ = json_get(j, "errno"), retval = json_get(j, "retval"), signal = json_get(j, "signal");
	uint64_t error = 0, value = 0, number = 0;
	int r = common_errno(&errno_, &error, err);

	if (r == 0)
		r = json_u64(&retval, 0, INT64_MAX, &value, err);
	if (r == 0)
		r = common_signal(&signal, &number, err);
	if (r == 0 && json_has(&errno_) && json_has(&retval))
		r = json_error(&retval, err, "a call that fails with 'errno' returns nothing else: keep one of the two");
	if (r < 0)
		return r;
	f->syscall.error = (uint16_t)error;
	f->syscall.has_retval = json_has(&retval);
	f->syscall.retval = (int64_t)value;
	f->syscall.signal = (uint8_t)number;
	return 0;
}

static int parse_delays(const struct json *j, struct fault *f, struct error *err)
{
	struct json enter = json_get(j, "delayEnter"), after = json_get(j, "delayExit");
	int r = json_duration(&enter, &f->syscall.enter_ns, err);

	if (r == 0)
		r = json_duration(&after, &f->syscall.exit_ns, err);
	return r;
}

static int parse_counter(const struct json *j, struct fault *f, struct error *err)
{
	static const char *const counters[] = { "container", "thread", NULL };
	int which = 0, r = json_enum(j, counters, &which, err);

	f->syscall.per_thread = which;
	return r;
}

int syscall_parse(const struct json *j, size_t index, struct fault *f, struct error *err)
{
	static const char *const keys[] = { "syscalls", "errno",   "retval",     "signal",    "delayEnter", "delayExit",
					    "path",     "counter", "containers", COMMON_KEYS, NULL };
	struct json calls = json_get(j, "syscalls"), path = json_get(j, "path"), counter = json_get(j, "counter");
	struct json containers = json_get(j, "containers");
	int r;

	if (!cJSON_IsObject(j->value))
		return json_error(j, err, "must be a fault, an object as in " EXAMPLE);
	f->kind = &fault_kind_syscall;
	snprintf(f->path, sizeof(f->path), "%.95s", j->path);
	snprintf(f->name, sizeof(f->name), "syscall[%zu]", index);
	r = json_only(j, keys, err);
	if (r == 0)
		r = common_parse(j, f, err);
	if (r == 0)
		r = common_path(&path, &f->syscall.path, err);
	if (r == 0)
		r = parse_answer(j, f, err);
	if (r == 0)
		r = parse_delays(j, f, err);
	if (r == 0)
		r = parse_calls(&calls, j, f, err);
	if (r == 0)
		r = parse_counter(&counter, f, err);
	if (r == 0)
		r = common_containers(&containers, f, err);
	if (r < 0)
		return r;
	if (!f->syscall.error && !f->syscall.has_retval && !f->syscall.signal && !f->syscall.enter_ns && !f->syscall.exit_ns)
		return json_error(j, err,
				  "does nothing: give 'errno', 'retval', 'signal', 'delayEnter' or 'delayExit', as in " EXAMPLE);
	return 0;
}

static void syscall_cleanup(struct fault *f)
{
	free(f->syscall.names);
	free(f->syscall.path);
}

static uint64_t syscall_max_delay_ns(const struct fault *f)
{
	uint64_t sum;

	return __builtin_add_overflow(f->syscall.enter_ns, f->syscall.exit_ns, &sum) ? UINT64_MAX : sum;
}

const struct fault_kind fault_kind_syscall = {
	.name = "syscall",
	.layer = LAYER_SYSCALL,
	.order = ORDER_SYSCALL,
	.cleanup = syscall_cleanup,
	.max_delay_ns = syscall_max_delay_ns,
};
