// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether containerd starts the OCI hook: by a runtime's base_runtime_spec, or by NRI's hook-injector. Of its configuration, and of what that
 * imports, a few keys are read line by line: more of TOML than its writers use is not understood.
 */
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>

#include "cli/doctor_hook.h"
#include "cli/input.h"
#include "lib/json.h"
#include "lib/util.h"

#define FILE_MAX_BYTES (8U << 20)
#define RUNTIMES_MAX 16
#define INJECTORS "/opt/nri/plugins/*hook-injector*"

struct runtime {
	char name[64], spec[PATH_MAX];
	bool passes; /* pods' annotations of ours to containers */
};

struct config {
	char dir[PATH_MAX];
	char table[256]; /* of the line that is read */
	char imports[4][PATH_MAX];
	size_t n_imports;
	long version;
	bool nri_off, nri_on;
	struct runtime runtimes[RUNTIMES_MAX];
	size_t n;
};

/* ---- its lines */

/* The runtime whose own table, [….containerd.runtimes.NAME], is being read; NULL in any other. */
static struct runtime *this_runtime(struct config *c)
{
	static const char key[] = ".containerd.runtimes.";
	const char *name = strstr(c->table, key);

	name = name ? name + strlen(key) : "";
	if (!*name || strpbrk(name, ".\"'"))
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		if (util_streq(c->runtimes[i].name, name))
			return &c->runtimes[i];
	if (c->n == RUNTIMES_MAX)
		return NULL;
	snprintf(c->runtimes[c->n].name, sizeof(c->runtimes[c->n].name), "%s", name);
	return &c->runtimes[c->n++];
}

/* What is between the first pair of quotes at or behind *at, which moves on; false when there is none. */
static bool next_string(const char **at, char *ret, size_t n)
{
	const char *start = strpbrk(*at, "\"'"), *end = start ? strchr(start + 1, *start) : NULL;

	if (!end)
		return false;
	snprintf(ret, n, "%.*s", (int)(end - start - 1), start + 1);
	*at = end + 1;
	return true;
}

static void read_table(struct config *c, const char *line)
{
	size_t n = strcspn(line, "]#");

	snprintf(c->table, sizeof(c->table), "%.*s", (int)(n - 1), line + 1);
	this_runtime(c);
}

static void read_imports(struct config *c, const char *value)
{
	char path[PATH_MAX];

	while (c->n_imports < ARRAY_SIZE(c->imports) && next_string(&value, path, sizeof(path)))
		snprintf(c->imports[c->n_imports++], PATH_MAX, "%s", path);
}

static void read_key(struct config *c, const char *key, const char *value)
{
	struct runtime *r = this_runtime(c);

	if (r && util_streq(key, "base_runtime_spec"))
		next_string(&value, r->spec, sizeof(r->spec));
	else if (strstr(c->table, "io.containerd.nri.v1.nri") && util_streq(key, "disable"))
		*(strstr(value, "true") ? &c->nri_off : &c->nri_on) = true;
	else if (!c->table[0] && util_streq(key, "version"))
		c->version = strtol(value, NULL, 10);
	else if (!c->table[0] && util_streq(key, "imports"))
		read_imports(c, value);
}

static void read_line(struct config *c, char *line)
{
	struct runtime *r;
	char *equals, key[64];

	line += strspn(line, " \t");
	if (*line == '#')
		return;
	if (*line == '[') {
		read_table(c, line);
		return;
	}
	r = this_runtime(c);
	if (r && strstr(line, "\"faultwire.dev/"))
		r->passes = true;
	equals = strchr(line, '=');
	if (!equals)
		return;
	snprintf(key, sizeof(key), "%.*s", (int)strcspn(line, " \t="), line);
	read_key(c, key, equals + 1);
}

static int read_file(struct config *c, const char *path, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	char *line, *rest;
	size_t n = 0;
	int r = input_read(path, FILE_MAX_BYTES, &text, &n, err);

	if (r)
		return r;
	c->table[0] = '\0';
	for (rest = text; (line = strsep(&rest, "\n"));)
		read_line(c, line);
	return 0;
}

/* The file, and what it imports; not what that imports in turn. */
static int read_config(struct config *c, const char *path, struct error *err)
{
	int r = read_file(c, path, err);
	size_t n = c->n_imports;

	snprintf(c->dir, sizeof(c->dir), "%.*s", (int)(strrchr(path, '/') ? strrchr(path, '/') - path : 0), path);
	for (size_t i = 0; !r && i < n; i++) {
		_cleanup_free_ char *pattern = util_printf("%s%s%s", c->imports[i][0] == '/' ? "" : c->dir,
							   c->imports[i][0] == '/' ? "" : "/", c->imports[i]);
		glob_t files = {};

		glob(pattern, 0, NULL, &files);
		for (size_t k = 0; !r && k < files.gl_pathc; k++)
			r = read_file(c, files.gl_pathv[k], err);
		globfree(&files);
	}
	return r;
}

/* ---- what they come to */

/* Whether the hook is in a base specification; what is wrong with it goes into ret. */
static bool judge_spec(const struct runtime *r, struct doctor_result *ret)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ cJSON *root = NULL;
	struct hook_wiring w = {};
	const cJSON *stage, *entry;
	struct error err = {};
	bool ours = false;
	size_t n = 0;

	if (input_read(r->spec, FILE_MAX_BYTES, &text, &n, &err) || json_parse(text, n, r->spec, &root, &err)) {
		hook_say(ret, DOCTOR_FAIL, "runtime '%s': %s; containerd needs this base_runtime_spec", r->name, err.msg);
		return false;
	}
	cJSON_ArrayForEach (stage, cJSON_GetObjectItemCaseSensitive(root, "hooks")) {
		cJSON_ArrayForEach (entry, stage) {
			if (!hook_is_ours(entry))
				continue;
			hook_wire(&w, r->spec, stage->string, entry, ret);
			ours = true;
		}
	}
	if (ours)
		hook_wired(&w, r->spec, ret);
	return ours;
}

static bool has_injector(void)
{
	glob_t files = {};
	bool has = !glob(INJECTORS, 0, NULL, &files) && files.gl_pathc;

	globfree(&files);
	return has;
}

/* NRI is there from 1.7 on, and is on unless told otherwise from 2.0 on, whose configuration is version 3. */
static void judge_nri(const struct config *c, const struct doctor *d, struct doctor_result *ret)
{
	bool on = c->nri_on || (c->version >= 3 && !c->nri_off), files = hook_has_files(d);

	if (on && files && has_injector())
		hook_say(ret, DOCTOR_OK, "by NRI's hook-injector, '" INJECTORS "'");
	else if (on && files)
		hook_say(ret, DOCTOR_WARN,
			 "no base_runtime_spec of '%s' has the hook: it is started only if NRI's hook-injector runs on this node, "
			 "which cannot be seen from here",
			 d->containerd);
	else
		hook_say(ret, DOCTOR_WARN, "no runtime of '%s' starts the hook: containers have no faults", d->containerd);
}

void doctor_hook_containerd(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	_cleanup_free_ struct config *c = util_alloc(1, sizeof(*c));
	struct error err = {};
	bool ours = false;
	int r = read_config(c, d->containerd, &err);

	(void)check;
	if (r == -ENOENT || (r && access(d->containerd, F_OK))) {
		doctor_say(ret, DOCTOR_OK, "no containerd here, or one without '%s'", d->containerd);
		return;
	}
	if (r) {
		doctor_say(ret, DOCTOR_FAIL, "%s", err.msg);
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		if (!c->runtimes[i].spec[0] || !judge_spec(&c->runtimes[i], ret))
			continue;
		ours = true;
		hook_say(ret, DOCTOR_OK, "runtime '%s' starts it, by '%s'%s", c->runtimes[i].name, c->runtimes[i].spec,
			 c->runtimes[i].passes ? "" : "; for host-network pods it needs pod_annotations = [\"faultwire.dev/*\"]");
	}
	if (!ours)
		judge_nri(c, d, ret);
}
