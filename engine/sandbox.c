// SPDX-License-Identifier: GPL-2.0-only
/*
 * Annotations kept for the hook: see sandbox.h.
 */
#include "engine/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "engine/container.h"
#include "engine/file.h"
#include "engine/files.h"
#include "engine/mend.h"
#include "engine/undo.h"
#include "lib/util.h"

#define TEMPORARY STATE_DIR "/tmp-sandbox" /* its writer holds the lock */

static int sandbox_path(const char *id, char ret[PATH_MAX], struct error *err)
{
	if (!id[0] || id[0] == '.' || strchr(id, '/') || strlen(id) > NAME_MAX)
		return error_set(err, EINVAL, "'%.64s' cannot name a pod's record: too long, or with '/'", id);
	snprintf(ret, PATH_MAX, "%s/%s", SANDBOX_DIR, id);
	return 0;
}

static cJSON *to_json(const struct engine_target *t, const cJSON *annotations)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "network", t->network);
	cJSON_AddStringToObject(o, "ifname", t->ifname);
	cJSON_AddStringToObject(o, "netns", t->netns);
	cJSON_AddStringToObject(o, "podNamespace", t->pod_namespace);
	cJSON_AddStringToObject(o, "podName", t->pod_name);
	cJSON_AddStringToObject(o, "podUid", t->pod_uid);
	cJSON_AddItemToObject(o, "annotations", cJSON_Duplicate(annotations, true));
	return o;
}

int sandbox_save(const struct engine_target *target, const cJSON *annotations, struct error *err)
{
	_cleanup_lock_ int lock = -1;
	_cleanup_json_ cJSON *json = to_json(target, annotations);
	char path[PATH_MAX], *text;
	int r = sandbox_path(target->container_id, path, err);

	files_sweep(false);
	mend_sweep();
	if (!r)
		r = state_lock(&lock, err);
	if (r)
		return r;
	if (mkdir(SANDBOX_DIR, 0700) && errno != EEXIST)
		return error_set(err, errno, "cannot make '%s': %s", SANDBOX_DIR, strerror(errno));
	text = cJSON_PrintUnformatted(json);
	r = text ? file_write(path, TEMPORARY, text, err) : error_set(err, ENOMEM, "no memory to write '%s'", path);
	cJSON_free(text);
	return r;
}

int sandbox_load(const char *id, cJSON **ret, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t n = 0;
	int r = sandbox_path(id, path, err);

	if (!r)
		r = file_read(path, &text, &n, err);
	return r ? r : json_parse(text, n, path, ret, err);
}

bool sandbox_exists(const char *id)
{
	char path[PATH_MAX];

	return !sandbox_path(id, path, NULL) && !access(path, F_OK);
}

static bool remove_file(const char *id)
{
	char path[PATH_MAX];

	return !sandbox_path(id, path, NULL) && !unlink(path);
}

/* A supervisor takes its container's files with it, the hook's poststop what is in the kernel; those that were killed could not. */
void sandbox_remove(const char *id)
{
	if (remove_file(id))
		files_sweep(false);
}

static const char *member(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsString(v) ? v->valuestring : "";
}

static bool is_claimed(const cJSON *o, const char *id, const char *network, engine_keep_fn *keep, void *ctx)
{
	if (access(member(o, "netns"), F_OK) && errno == ENOENT)
		return false;
	return !keep || !util_streq(member(o, "network"), network) || keep(ctx, id, member(o, "ifname"));
}

void sandbox_gc(const char *network, engine_keep_fn *keep, void *ctx)
{
	DIR *dir = opendir(SANDBOX_DIR);

	undo_sweep();
	mend_sweep();
	for (struct dirent *e; dir && (e = readdir(dir));) {
		_cleanup_json_ cJSON *o = NULL;

		if (e->d_name[0] == '.' || sandbox_load(e->d_name, &o, NULL) == -ENOENT)
			continue;
		if (!o || !is_claimed(o, e->d_name, network, keep, ctx))
			(void)remove_file(e->d_name);
	}
	if (dir)
		closedir(dir);
	files_sweep(!network); /* engine_add's has the lock */
}
