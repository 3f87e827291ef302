// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the OCI hook can be started and can do its work: its program, the files of CRI-O and Podman (hooks.d) that name it, and what the
 * kernel lets it do.
 */
#include "cli/doctor_hook.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdarg.h>
#include <sys/capability.h>
#include <sys/stat.h>

#include "cli/input.h"
#include "lib/json.h"
#include "lib/util.h"

#define FILE_MAX_BYTES (1U << 20)
#define CHECKED_KEY "faultwire.dev/syscall"

void hook_say(struct doctor_result *r, enum doctor_level level, const char *fmt, ...)
{
	va_list ap;

	if (level <= r->level && r->text[0])
		return;
	r->level = level;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
}

/* ---- the program */

/* Of this machine's word size; others do not start, and the kernel says so. */
static bool is_static(int fd)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	if (pread(fd, &e, sizeof(e), 0) != sizeof(e) || memcmp(e.e_ident, ELFMAG, SELFMAG))
		return false;
	for (int i = 0; i < e.e_phnum; i++)
		if (pread(fd, &p, sizeof(p), (off_t)(e.e_phoff + i * sizeof(p))) != sizeof(p) || p.p_type == PT_INTERP)
			return false;
	return true;
}

/* by: "'FILE' names ", or "" when nobody does. */
static bool judge_program(const char *path, const char *by, struct doctor_result *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *which = by[0] ? ", which" : "";
	struct stat st;

	if ((fd < 0 || fstat(fd, &st)) && by[0])
		hook_say(ret, DOCTOR_FAIL, "%s'%s', which is not there: its containers fail, or have no faults", by, path);
	else if (fd < 0 || fstat(fd, &st))
		hook_say(ret, DOCTOR_WARN, "'%s' is not there: faults in containers need it", path);
	else if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		hook_say(ret, DOCTOR_FAIL, "%s'%s'%s is no executable file", by, path, which);
	else if (!is_static(fd))
		hook_say(ret, DOCTOR_WARN, "%s'%s'%s is not linked statically: it needs the libraries that it was built with", by,
			 path, which);
	else
		return true;
	return false;
}

void doctor_hook_program(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	struct stat st;

	(void)d;
	(void)check;
	if (judge_program(HOOK_PATH, "", ret) && !stat(HOOK_PATH, &st))
		hook_say(ret, DOCTOR_OK, "'%s', %lld KiB, static", HOOK_PATH, (long long)st.st_size / 1024);
}

/* ---- entries that name it */

static const char *text_of(const cJSON *o, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return text ? text : "";
}

bool hook_is_ours(const cJSON *entry)
{
	const char *path = text_of(entry, "path"), *slash = strrchr(path, '/');

	return util_streq(slash ? slash + 1 : path, HOOK_NAME);
}

void hook_wire(struct hook_wiring *w, const char *file, const char *stage, const cJSON *entry, struct doctor_result *ret)
{
	const char *said = cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(entry, "args"), 1));
	bool create = util_streq(stage, "createRuntime") || util_streq(stage, "prestart");
	_cleanup_free_ char *by = util_printf("'%s' names ", file);

	if (!create && !util_streq(stage, "poststop"))
		hook_say(ret, DOCTOR_FAIL, "'%s' starts the hook at '%s', where it has nothing to do", file, stage);
	else if (said && !util_streq(said, stage) && !(create && util_streq(said, "createRuntime")))
		hook_say(ret, DOCTOR_FAIL, "'%s' starts the hook at '%s' with '%s' as its argument", file, stage, said);
	w->create |= create;
	w->poststop |= util_streq(stage, "poststop");
	judge_program(text_of(entry, "path"), by, ret);
}

void hook_wired(const struct hook_wiring *w, const char *where, struct doctor_result *ret)
{
	if (!w->create)
		hook_say(ret, DOCTOR_FAIL, "%s has the hook at poststop alone: no fault comes into a container", where);
	else if (!w->poststop)
		hook_say(ret, DOCTOR_WARN,
			 "%s has the hook at createRuntime alone: what a killed supervisor leaves stays until its pod ends", where);
}

/* ---- hooks.d */

static int is_json(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && util_streq(dot, ".json");
}

/* Engines search keys for regular expressions; ours are of the kind that POSIX reads alike. */
static bool when_matches(const cJSON *when)
{
	const cJSON *pattern;

	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(when, "always")))
		return true;
	cJSON_ArrayForEach (pattern, cJSON_GetObjectItemCaseSensitive(when, "annotations")) {
		regex_t regex;
		bool matches;

		if (regcomp(&regex, pattern->string, REG_EXTENDED | REG_NOSUB))
			continue;
		matches = !regexec(&regex, CHECKED_KEY, 0, NULL, 0);
		regfree(&regex);
		if (matches)
			return true;
	}
	return false;
}

static void judge_file(const char *path, const cJSON *root, struct hook_wiring *w, struct doctor_result *ret)
{
	const cJSON *stages = cJSON_GetObjectItemCaseSensitive(root, "stages"), *stage;

	if (!when_matches(cJSON_GetObjectItemCaseSensitive(root, "when")))
		hook_say(ret, DOCTOR_FAIL, "'%s': its \"when\" does not match containers with the annotation " CHECKED_KEY, path);
	cJSON_ArrayForEach (stage, stages)
		if (cJSON_IsString(stage))
			hook_wire(w, path, stage->valuestring, cJSON_GetObjectItemCaseSensitive(root, "hook"), ret);
}

/* How many files of a directory are the hook's. */
static size_t judge_dir(const char *dir, struct hook_wiring *w, struct doctor_result *ret)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_json, alphasort);
	size_t ours = 0;

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = util_printf("%s/%s", dir, list[i]->d_name), *text = NULL;
		_cleanup_json_ cJSON *root = NULL;
		struct error err = {};
		size_t size = 0;

		free(list[i]);
		if (input_read(path, FILE_MAX_BYTES, &text, &size, &err) || json_parse(text, size, path, &root, &err)) {
			hook_say(ret, DOCTOR_FAIL, "%s; CRI-O does not start with such a file", err.msg);
		} else if (hook_is_ours(cJSON_GetObjectItemCaseSensitive(root, "hook"))) {
			judge_file(path, root, w, ret);
			ours++;
		}
	}
	free(list);
	return ours;
}

static const char *reader_of_files(void)
{
	static const char *const places[][2] = {
		{ "/etc/crio", "CRI-O" },
		{ "/usr/bin/crio", "CRI-O" },
		{ "/usr/local/bin/crio", "CRI-O" },
		{ "/usr/bin/podman", "Podman" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!access(places[i][0], F_OK))
			return places[i][1];
	return NULL;
}

bool hook_has_files(const struct doctor *d)
{
	struct doctor_result ignored = {};
	struct hook_wiring w = {};

	for (size_t i = 0; i < ARRAY_SIZE(d->hooks_dirs) && d->hooks_dirs[i]; i++)
		judge_dir(d->hooks_dirs[i], &w, &ignored);
	return w.create;
}

/* The first directory is that of both; hook-injector reads all. */
void doctor_hook_dirs(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	_cleanup_free_ char *where = util_printf("'%s'", d->hooks_dirs[0]);
	const char *reader = reader_of_files();
	struct hook_wiring w = {};

	(void)check;
	if (judge_dir(d->hooks_dirs[0], &w, ret)) {
		hook_wired(&w, where, ret);
		hook_say(ret, DOCTOR_OK, "%s has the hook at createRuntime and poststop, for annotated containers", where);
	} else if (reader) {
		hook_say(ret, DOCTOR_WARN,
			 "%s is on this node, and no file in %s starts the hook: containers have no faults (--hooks-dir names the "
			 "directory if its hooks_dir is another)",
			 reader, where);
	} else {
		hook_say(ret, DOCTOR_OK, "no file of the hook's, and neither CRI-O nor Podman, which would read them");
	}
}

/* ---- what the kernel lets it do */

static bool has_capability(cap_value_t cap)
{
	cap_t have = cap_get_proc();
	cap_flag_value_t set = CAP_CLEAR;

	if (have)
		cap_get_flag(have, cap, CAP_EFFECTIVE, &set);
	cap_free(have);
	return set == CAP_SET;
}

/* "" when it cannot be read. */
static void first_line(const char *path, char *ret, size_t n)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	if (!f || !fgets(ret, (int)n, f))
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

void doctor_hook_tracing(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	char scope[16], actions[256];

	(void)d;
	(void)check;
	first_line("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope));
	first_line("/proc/sys/kernel/seccomp/actions_avail", actions, sizeof(actions));
	if (util_streq(scope, "3"))
		doctor_say(
			ret, DOCTOR_WARN,
			"kernel.yama.ptrace_scope is 3: nothing may be traced until the next boot, and pods with faults of system "
			"calls are refused");
	else if (!strstr(actions, "user_notif"))
		doctor_say(ret, DOCTOR_WARN,
			   "the kernel's seccomp has no user notification: pods with faults of system calls are refused");
	else if (!has_capability(CAP_SYS_PTRACE))
		doctor_say(ret, DOCTOR_WARN, "this process lacks CAP_SYS_PTRACE");
	else
		doctor_say(ret, DOCTOR_OK, "kernel.yama.ptrace_scope %s, seccomp with user notification",
			   scope[0] ? scope : "not there");
}
