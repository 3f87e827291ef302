// SPDX-License-Identifier: GPL-2.0-only
/*
 * Former states of cgroup files, on record before they are changed: see undo.h.
 */
#include "engine/undo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>

#include "engine/container.h"
#include "engine/file.h"
#include "lib/json.h"
#include "lib/util.h"

#define RECORD ".undo"
#define TEMPORARY ".undo-tmp" /* its writer holds the page's lock, or comes after all who did */

static const struct {
	const char *key;
	size_t offset;
} strings[] = {
	{ "file", offsetof(struct undo_entry, file) },     { "key", offsetof(struct undo_entry, key) },
	{ "former", offsetof(struct undo_entry, former) }, { "restore", offsetof(struct undo_entry, restore) },
	{ "want", offsetof(struct undo_entry, want) },     { "was", offsetof(struct undo_entry, was) },
};

static char **string_of(const struct undo_entry *e, size_t i)
{
	return (char **)((char *)e + strings[i].offset);
}

static void path_of(const char *container, const char *suffix, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, CONTAINER_DIR "/%s%s", container, suffix);
}

/* ---- the record */

static int entry_from_json(const struct json *j, struct undo_entry *e, struct error *err)
{
	struct json id = json_get(j, "id");
	int r = json_u64(&id, 0, UINT64_MAX, &e->id, err);

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		struct json at = json_get(j, strings[i].key);
		const char *s = "";

		if (!r)
			r = json_string(&at, &s, err);
		*string_of(e, i) = util_strdup(s);
	}
	return r;
}

int undo_load(const char *container, struct undo *ret, struct error *err)
{
	_cleanup_undo_ struct undo u = { .container = util_strdup(container) };
	_cleanup_json_ cJSON *document = NULL;
	_cleanup_free_ char *text = NULL;
	struct json root, entries;
	char path[PATH_MAX];
	size_t n = 0;
	int r;

	path_of(container, RECORD, path);
	r = file_read(path, &text, &n, err);
	if (!r)
		r = json_parse(text, n, path, &document, err);
	root = json_root(document, path);
	entries = json_get(&root, "entries");
	for (int i = 0; !r && i < cJSON_GetArraySize(entries.value); i++) {
		struct json at = json_at(&entries, i);

		r = entry_from_json(&at, util_grow(&u.entries, &u.n, sizeof(*u.entries)), err);
	}
	if (r && r != -ENOENT)
		return r;
	*ret = u;
	u = (struct undo){};
	return 0;
}

static int save(const struct undo *u)
{
	_cleanup_json_ cJSON *root = cJSON_CreateObject();
	cJSON *entries = cJSON_AddArrayToObject(root, "entries");
	char path[PATH_MAX], temporary[PATH_MAX], *text;
	int r;

	path_of(u->container, RECORD, path);
	path_of(u->container, TEMPORARY, temporary);
	if (!u->n)
		return unlink(path) && errno != ENOENT ? -errno : 0;
	for (size_t i = 0; i < u->n; i++) {
		cJSON *o = cJSON_CreateObject();

		for (size_t k = 0; k < ARRAY_SIZE(strings); k++)
			cJSON_AddStringToObject(o, strings[k].key, *string_of(&u->entries[i], k));
		cJSON_AddItemToObject(o, "id", json_number(u->entries[i].id));
		cJSON_AddItemToArray(entries, o);
	}
	text = cJSON_PrintUnformatted(root);
	r = text ? file_write(path, temporary, text, NULL) : -ENOMEM;
	cJSON_free(text);
	return r;
}

static void entry_cleanup(struct undo_entry *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*string_of(e, i));
	*e = (struct undo_entry){};
}

void undo_cleanup(struct undo *u)
{
	for (size_t i = 0; i < u->n; i++)
		entry_cleanup(&u->entries[i]);
	free(u->entries);
	free(u->container);
	*u = (struct undo){};
}

static struct undo_entry *find(const struct undo *u, const char *file, const char *key)
{
	for (size_t i = 0; i < u->n; i++)
		if (util_streq(u->entries[i].file, file) && util_streq(u->entries[i].key, key))
			return &u->entries[i];
	return NULL;
}

static void drop(struct undo *u, struct undo_entry *e)
{
	entry_cleanup(e);
	*e = u->entries[--u->n];
}

static void replace(char **s, const char *text)
{
	char *old = *s;

	*s = util_strdup(text);
	free(old);
}

/* ---- changes */

/* A v1 freezer is on its way for a while. */
static bool says(const char *wanted, const char *there)
{
	return util_streq(wanted, there) || (util_streq(wanted, "FROZEN") && util_streq(there, "FREEZING"));
}

static bool is_ours(const struct undo_entry *e, const char *there)
{
	return says(e->want, there) || says(e->was, there);
}

static struct undo_entry *entry_new(struct undo *u, const char *file, const char *key, const char *there, const char *restore)
{
	struct undo_entry *e = util_grow(&u->entries, &u->n, sizeof(*e));

	*e = (struct undo_entry){
		.file = util_strdup(file),
		.key = util_strdup(key),
		.id = cgroup_id(file),
		.former = util_strdup(there),
		.restore = util_strdup(restore ? restore : there),
		.want = util_strdup(there),
		.was = util_strdup(there),
	};
	return e;
}

/* What the kernel made of it, where that is something else. */
static void read_back(struct undo *u, struct undo_entry *e)
{
	char there[CGROUP_TEXT_MAX];

	if (cgroup_read(e->file, e->key, there) || says(e->want, there))
		return;
	replace(&e->want, there);
	(void)save(u);
}

int undo_set(struct undo *u, const char *file, const char *key, const char *restore, const char *want)
{
	struct undo_entry *e = find(u, file, key);
	char there[CGROUP_TEXT_MAX];
	int r = cgroup_read(file, key, there);

	if (r)
		return r;
	if (says(want, there) || (e && (util_streq(e->want, want) || !is_ours(e, there))))
		return 0;
	if (!e)
		e = entry_new(u, file, key, there, restore);
	replace(&e->was, there);
	replace(&e->want, want);
	r = save(u);
	if (!r)
		r = cgroup_write(file, want);
	if (!r) {
		read_back(u, e);
		return 0;
	}
	replace(&e->want, there);
	if (util_streq(e->former, there))
		drop(u, e);
	(void)save(u);
	return r;
}

int undo_former(const struct undo *u, const char *file, const char *key, char ret[CGROUP_TEXT_MAX])
{
	const struct undo_entry *e = find(u, file, key);

	if (!e)
		return cgroup_read(file, key, ret);
	snprintf(ret, CGROUP_TEXT_MAX, "%s", e->former);
	return 0;
}

bool undo_has(const struct undo *u, const char *file, const char *key)
{
	return find(u, file, key) != NULL;
}

static void put_back(const struct undo_entry *e)
{
	char there[CGROUP_TEXT_MAX];

	if (!e->id || cgroup_id(e->file) != e->id || cgroup_read(e->file, e->key, there))
		return;
	if (is_ours(e, there) && !util_streq(there, e->former))
		(void)cgroup_write(e->file, e->restore);
}

void undo_put_back(struct undo *u, const char *file, const char *key)
{
	struct undo_entry *e = find(u, file, key);

	if (!e)
		return;
	put_back(e);
	drop(u, e);
	(void)save(u);
}

void undo_put_back_all(struct undo *u)
{
	for (size_t i = u->n; i-- > 0;)
		put_back(&u->entries[i]);
	while (u->n)
		drop(u, &u->entries[u->n - 1]);
	(void)save(u);
}

/* ---- those who come next */

int undo_lock(int page_fd)
{
	return flock(page_fd, LOCK_EX | LOCK_NB) ? (errno == EWOULDBLOCK ? -EBUSY : -errno) : 0;
}

int undo_orphan(const char *container)
{
	_cleanup_undo_ struct undo u = {};
	_cleanup_close_ int page = -1;
	char path[PATH_MAX];
	int r;

	path_of(container, ".page", path);
	page = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	r = page < 0 ? 0 : undo_lock(page);
	if (!r)
		r = undo_load(container, &u, NULL);
	if (r)
		return r;
	if (!u.n)
		return -ENOENT;
	undo_put_back_all(&u);
	return 0;
}

static int is_record(const struct dirent *e)
{
	size_t n = strlen(e->d_name), suffix = strlen(RECORD);

	return e->d_name[0] != '.' && n > suffix && util_streq(e->d_name + n - suffix, RECORD);
}

void undo_sweep(void)
{
	struct dirent **names = NULL;
	int n = scandir(CONTAINER_DIR, &names, is_record, NULL);

	for (int i = 0; i < n; i++) {
		names[i]->d_name[strlen(names[i]->d_name) - strlen(RECORD)] = '\0';
		(void)undo_orphan(names[i]->d_name);
		free(names[i]);
	}
	free(names);
}
