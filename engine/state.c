// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records in /run/faultwire: pods/<container>@<interface>.json, and slots/<n>, a symbolic link to the record that has the slot. The link is
 * made before its record and removed after it, so one that leads nowhere (its maker was killed) is a free slot. One writer
 * at a time: the lock. Its file holds a byte while somebody works, so that whoever comes next knows that one was killed.
 */
#include "engine/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "engine/file.h"
#include "engine/state_json.h"
#include "lib/util.h"

#define SUFFIX ".json"
#define LAST_SLOT STATE_DIR "/last-slot" /* two bytes; what is damaged counts as none */
/* Files are written under this name first; there is one writer. */
#define TEMPORARY STATE_DIR "/tmp"

static int dirs_make(struct error *err)
{
	static const char *const dirs[] = { STATE_DIR, STATE_PODS, STATE_SLOTS };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(dirs[i], 0700) && errno != EEXIST)
			return error_set(err, errno, "cannot make '%s': %s", dirs[i], strerror(errno));
	return 0;
}

/* What a writer that was killed left in files: links to records that it did not come to write, or had removed already. */
static void mend(void)
{
	DIR *dir = opendir(STATE_SLOTS);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && faccessat(dirfd(dir), e->d_name, F_OK, 0))
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	unlink(TEMPORARY);
}

/* The lock is made last: where it is, the directories are. */
static int lock_open(struct error *err)
{
	int fd = open(STATE_LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC), r;

	if (fd < 0) {
		r = dirs_make(err);
		if (r)
			return r;
		fd = open(STATE_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	return fd < 0 ? error_set(err, errno, "cannot open '%s': %s", STATE_LOCK, strerror(errno)) : fd;
}

int state_lock(int *ret_fd, struct error *err)
{
	_cleanup_close_ int fd = lock_open(err);
	struct stat st;

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return error_set(err, errno, "cannot lock '%s': %s", STATE_LOCK, strerror(errno));
	if (fstat(fd, &st) || ftruncate(fd, 1))
		return error_set(err, errno, "cannot write '%s': %s", STATE_LOCK, strerror(errno));
	if (st.st_size)
		mend();
	*ret_fd = TAKE_FD(fd);
	return 0;
}

void state_unlockp(int *fd)
{
	if (*fd >= 0 && ftruncate(*fd, 0))
		(void)0; /* the next one mends what needs no mending */
	util_closep(fd);
}

bool state_interrupted(void)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (stat(STATE_LOCK, &st) || !st.st_size)
		return false;
	fd = open(STATE_LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB);
}

/* What callers check already; a name that leads out of the directory must not get through all the same. */
static bool name_ok(const char *name)
{
	return name[0] && name[0] != '.' && !strchr(name, '/');
}

/* The record's path; the part behind the last '/' names it. */
static int record_path(const char *container_id, const char *ifname, char ret[PATH_MAX], struct error *err)
{
	size_t n = strlen(container_id) + 1 + strlen(ifname) + strlen(SUFFIX);

	if (!name_ok(container_id) || !name_ok(ifname) || n > NAME_MAX)
		return error_set(err, EINVAL,
				 "container '%.64s' with interface '%.64s' cannot name a record: too long, or with '/'",
				 container_id, ifname);
	snprintf(ret, PATH_MAX, "%s/%s@%s" SUFFIX, STATE_PODS, container_id, ifname);
	return 0;
}

static void slot_path(uint16_t slot, char *buf, size_t n)
{
	snprintf(buf, n, "%s/%u", STATE_SLOTS, slot);
}

static bool slot_is_of(uint16_t slot, const char *record)
{
	char path[64], target[PATH_MAX];
	ssize_t n;

	slot_path(slot, path, sizeof(path));
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return util_streq(target, record);
}

static int slot_claim(uint16_t slot, const char *record, struct error *err)
{
	char path[64];

	slot_path(slot, path, sizeof(path));
	if (!symlink(record, path) || slot_is_of(slot, record))
		return 0;
	if ((unlink(path) && errno != ENOENT) || symlink(record, path))
		return error_set(err, errno, "cannot write '%s': %s", path, strerror(errno));
	return 0;
}

static void slot_release(uint16_t slot, const char *record)
{
	char path[64];

	slot_path(slot, path, sizeof(path));
	if (slot_is_of(slot, record))
		unlink(path);
}

static uint16_t slot_find(const char *record)
{
	uint16_t slot = FW_SLOTS;

	while (slot && !slot_is_of(slot, record))
		slot--;
	return slot;
}

int state_save(const struct state_pod *pod, struct error *err)
{
	_cleanup_json_ cJSON *json = NULL;
	char path[PATH_MAX], *text;
	int r = record_path(pod->container_id, pod->ifname, path, err);

	if (!r)
		r = slot_claim(pod->slot, path, err);
	if (r)
		return r;
	json = state_to_json(pod);
	text = cJSON_PrintUnformatted(json);
	r = text ? file_write(path, TEMPORARY, text, err) : error_set(err, ENOMEM, "no memory to write '%s'", path);
	cJSON_free(text);
	return r;
}

static int record_read(const char *path, struct state_pod *ret, struct error *err)
{
	_cleanup_json_ cJSON *document = NULL;
	_cleanup_free_ char *text = NULL;
	struct json root;
	size_t n = 0;
	int r = file_read(path, &text, &n, err);

	if (r)
		return r;
	r = json_parse(text, n, path, &document, err);
	if (!r) {
		root = json_root(document, path);
		r = state_from_json(&root, ret, err);
	}
	if (r && err)
		err->code = EBADMSG;
	return r ? -EBADMSG : 0;
}

int state_load(const char *container_id, const char *ifname, struct state_pod *ret, struct error *err)
{
	char path[PATH_MAX];
	int r = record_path(container_id, ifname, path, err);

	return r ? r : record_read(path, ret, err);
}

bool state_exists(const char *container_id, const char *ifname)
{
	char path[PATH_MAX];

	return !record_path(container_id, ifname, path, NULL) && !access(path, F_OK);
}

int state_remove(const char *container_id, const char *ifname, uint16_t slot, struct error *err)
{
	char path[PATH_MAX];
	int r = record_path(container_id, ifname, path, err);

	if (r)
		return r;
	if (!slot)
		slot = slot_find(path);
	if (unlink(path) && errno != ENOENT)
		return error_set(err, errno, "cannot remove '%s': %s", path, strerror(errno));
	slot_release(slot, path);
	return 0;
}

static int is_record(const struct dirent *e)
{
	size_t n = strlen(e->d_name), suffix = strlen(SUFFIX);

	return e->d_name[0] != '.' && n > suffix && util_streq(e->d_name + n - suffix, SUFFIX);
}

int state_list(struct state_pods *ret, size_t *ret_unreadable, struct error *err)
{
	_cleanup_pods_ struct state_pods pods = {};
	struct dirent **names = NULL;
	size_t unreadable = 0;
	int n = scandir(STATE_PODS, &names, is_record, alphasort);

	if (n < 0 && errno != ENOENT)
		return error_set(err, errno, "cannot list '%s': %s", STATE_PODS, strerror(errno));
	for (int i = 0; i < n; i++) {
		struct state_pod pod = {};
		char path[PATH_MAX];
		int r;

		snprintf(path, sizeof(path), "%s/%s", STATE_PODS, names[i]->d_name);
		free(names[i]);
		r = record_read(path, &pod, NULL);
		if (!r)
			*(struct state_pod *)util_grow(&pods.pods, &pods.n, sizeof(pod)) = pod;
		unreadable += r && r != -ENOENT;
	}
	free(names);
	*ret = pods;
	pods = (struct state_pods){};
	*ret_unreadable = unreadable;
	return 0;
}

static bool slot_is_free(uint16_t slot)
{
	char path[64];

	slot_path(slot, path, sizeof(path));
	return access(path, F_OK) != 0;
}

int state_slot_next(uint16_t *ret, struct error *err)
{
	_cleanup_close_ int fd = open(LAST_SLOT, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	uint16_t last = 0;

	if (fd < 0)
		return error_set(err, errno, "cannot open '%s': %s", LAST_SLOT, strerror(errno));
	if (read(fd, &last, sizeof(last)) != sizeof(last) || last > FW_SLOTS)
		last = 0;
	for (unsigned int i = 0; i < FW_SLOTS; i++) {
		uint16_t slot = (last + i) % FW_SLOTS + 1;

		if (!slot_is_free(slot))
			continue;
		if (pwrite(fd, &slot, sizeof(slot), 0) != sizeof(slot))
			return error_set(err, errno, "cannot write '%s': %s", LAST_SLOT, strerror(errno));
		*ret = slot;
		return 0;
	}
	return error_set(err, ENOSPC, "%u pods have faults on this node, more than it can hold: wait until one ends", FW_SLOTS);
}

size_t state_count(void)
{
	DIR *dir = opendir(STATE_PODS);
	size_t n = 0;

	for (struct dirent *e; dir && (e = readdir(dir));)
		n += is_record(e);
	if (dir)
		closedir(dir);
	return n;
}
