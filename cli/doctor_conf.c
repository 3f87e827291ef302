// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the runtime will call the plugin, and with the pod's annotations: files of its CNI configuration in the order in which
 * runtimes read them.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "cli/doctor.h"
#include "cli/input.h"
#include "lib/json.h"
#include "lib/util.h"

#define CONF_MAX_BYTES (1U << 20)
#define TYPE "faultwire"
#define CAPABILITY "io.kubernetes.cri.pod-annotations"

static int is_conf(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && (util_streq(dot, ".conflist") || util_streq(dot, ".conf") || util_streq(dot, ".json"));
}

struct files {
	struct dirent **list;
	int n;
};
#define _cleanup_files_ __attribute__((cleanup(files_free)))

static void files_free(struct files *f)
{
	for (int i = 0; i < f->n; i++)
		free(f->list[i]);
	free(f->list);
}

/* Sorted by bytes, as the runtimes do. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load(const char *dir, const char *name, cJSON **ret, struct error *err)
{
	_cleanup_free_ char *path = util_printf("%s/%s", dir, name), *text = NULL;
	size_t n = 0;
	int r = input_read(path, CONF_MAX_BYTES, &text, &n, err);

	return r ? r : json_parse(text, n, path, ret, err);
}

static bool is_ours(const cJSON *plugin)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(plugin, "type"));

	return type && util_streq(type, TYPE);
}

/* Our entry in a file's chain, and its place there. */
static const cJSON *find_entry(const cJSON *conf, int *ret_place)
{
	const cJSON *plugin;

	*ret_place = 0;
	cJSON_ArrayForEach (plugin, cJSON_GetObjectItemCaseSensitive(conf, "plugins")) {
		if (is_ours(plugin))
			return plugin;
		++*ret_place;
	}
	return NULL;
}

/* libcni 1.3 (containerd 2.1, CRI-O 1.33) appends <dir>/<network>/<file>.conf to the chain. The caller's. */
static cJSON *find_drop_in(const char *dir, const cJSON *conf)
{
	const char *network = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(conf, "name"));
	_cleanup_free_ char *below = NULL;
	_cleanup_files_ struct files files = {};

	if (!network || strchr(network, '/') || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(conf, "loadOnlyInlinedPlugins")))
		return NULL;
	below = util_printf("%s/%s", dir, network);
	files.n = MAX(scandir(below, &files.list, is_conf, by_bytes), 0);
	for (int i = 0; i < files.n; i++) {
		cJSON *entry = NULL;

		if (!load(below, files.list[i]->d_name, &entry, NULL) && is_ours(entry))
			return entry;
		cJSON_Delete(entry);
	}
	return NULL;
}

static bool version_known(const cJSON *conf)
{
	static const char *const versions[] = { "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0" };
	const char *version = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(conf, "cniVersion"));

	for (size_t i = 0; version && i < ARRAY_SIZE(versions); i++)
		if (util_streq(version, versions[i]))
			return true;
	return false;
}

static bool has_annotations(const cJSON *entry)
{
	const cJSON *capabilities = cJSON_GetObjectItemCaseSensitive(entry, "capabilities");

	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(capabilities, CAPABILITY)) ||
	       cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(entry, "annotations"));
}

/* What is wrong with our entry, or how it is there. */
static void judge(const char *file, const cJSON *conf, const cJSON *entry, int place, bool drop_in, struct doctor_result *ret)
{
	if (!version_known(conf))
		doctor_say(ret, DOCTOR_FAIL, "'%s': its cniVersion must be one of 0.3.0, 0.3.1, 0.4.0, 1.0.0 and 1.1.0", file);
	else if (!drop_in && !place)
		doctor_say(ret, DOCTOR_FAIL,
			   "'%s': faultwire is the first of the chain, where there is no interface yet: put it last", file);
	else if (!has_annotations(entry))
		doctor_say(ret, DOCTOR_FAIL, "'%s': without \"capabilities\":{\"" CAPABILITY "\":true} no annotation reaches it",
			   file);
	else if (drop_in)
		doctor_say(ret, DOCTOR_OK, "a drop-in of '%s' (read by containerd 2.1, CRI-O 1.33 and newer)", file);
	else
		doctor_say(ret, DOCTOR_OK, "'%s': plugin %d of the chain, gets the pods' annotations", file, place + 1);
}

/* false: the file does not name us. */
static bool judge_file(const char *dir, const char *file, struct doctor_result *ret)
{
	_cleanup_json_ cJSON *conf = NULL, *drop_in = NULL;
	struct error err = {};
	const cJSON *entry;
	int place;

	if (load(dir, file, &conf, &err)) {
		doctor_say(ret, DOCTOR_FAIL, "%s", err.msg);
		return false;
	}
	if (is_ours(conf)) {
		doctor_say(ret, DOCTOR_FAIL, "'%s': faultwire stands alone, and it can only be chained behind another plugin",
			   file);
		return true;
	}
	entry = find_entry(conf, &place);
	if (!entry)
		entry = drop_in = find_drop_in(dir, conf);
	if (entry)
		judge(file, conf, entry, place, drop_in, ret);
	return entry;
}

void doctor_conf_entry(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	_cleanup_files_ struct files files = {};

	(void)check;
	files.n = MAX(scandir(d->conf_dir, &files.list, is_conf, by_bytes), 0);
	for (int i = 0; i < files.n; i++)
		if (judge_file(d->conf_dir, files.list[i]->d_name, ret))
			return;
	if (!ret->level)
		doctor_say(ret, DOCTOR_FAIL, "none of the %d configuration files in '%s' has an entry of type 'faultwire'", files.n,
			   d->conf_dir);
}

void doctor_conf_first(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	_cleanup_files_ struct files files = {};
	struct doctor_result entry = {};

	(void)check;
	files.n = MAX(scandir(d->conf_dir, &files.list, is_conf, by_bytes), 0);
	if (!files.n)
		doctor_say(ret, DOCTOR_FAIL, "there is no network configuration in '%s'", d->conf_dir);
	else if (judge_file(d->conf_dir, files.list[0]->d_name, &entry))
		doctor_say(ret, DOCTOR_OK, "'%s' is the file that a runtime takes", files.list[0]->d_name);
	else
		doctor_say(ret, DOCTOR_WARN, "a runtime takes the first file, '%s', and faultwire is not in it",
			   files.list[0]->d_name);
}

void doctor_conf_binary(const struct doctor *d, const struct doctor_check *check, struct doctor_result *ret)
{
	_cleanup_free_ char *path = util_printf("%s/" TYPE, d->bin_dir);
	struct stat st;

	(void)check;
	if (stat(path, &st))
		doctor_say(ret, DOCTOR_FAIL, "'%s' is not there", path);
	else if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		doctor_say(ret, DOCTOR_FAIL, "'%s' is no executable file", path);
	else
		doctor_say(ret, DOCTOR_OK, "'%s', %lld KiB", path, (long long)st.st_size / 1024);
}
