// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of pods, slots and aborts as files: see state.h. A slot is taken by a symlink STATE_SLOTS/<n> to its record's name, so that
 * nobody has to read records to find a free one.
 */
#include "engine/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "engine/state_json.h"
#include "lib/util.h"

#define RECORD_MAX (1 << 20)
#define LAST_SLOT STATE_DIR "/last-slot"

static int make_dir(const char *path, struct error *err)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return error_set(err, errno, "cannot make '%s': %s", path, strerror(errno));
	return 0;
}

int state_lock(int *ret_fd, struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r = make_dir(STATE_DIR, err);

	if (!r)
		r = make_dir(STATE_PODS, err);
	if (!r)
		r = make_dir(STATE_SLOTS, err);
	if (r)
		return r;
	fd = open(STATE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, errno, "cannot open '%s': %s", STATE_LOCK, strerror(errno));
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return error_set(err, errno, "cannot lock '%s': %s", STATE_LOCK, strerror(errno));
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* "<container id>@<interface>"; both come checked from the plugin, and are checked here again before they become a path. */
static int record_name(const char *container_id, const char *ifname, char *buf, size_t n, struct error *err)
{
	if (!container_id[0] || container_id[0] == '.' || strchr(container_id, '/') || strchr(ifname, '/') ||
	    (size_t)snprintf(buf, n, "%s@%s", container_id, ifname) >= n)
		return error_set(err, EINVAL, "container '%s', interface '%s': not a name for a record", container_id, ifname);
	return 0;
}

static int record_path(const char *container_id, const char *ifname, char *buf, size_t n, struct error *err)
{
	char name[256];
	int r = record_name(container_id, ifname, name, sizeof(name), err);

	if (!r)
		snprintf(buf, n, STATE_PODS "/%s.json", name);
	return r;
}

bool state_exists(const char *container_id, const char *ifname)
{
	char path[320];

	return !record_path(container_id, ifname, path, sizeof(path), NULL) && !access(path, F_OK);
}

static int write_whole(const char *path, const char *text, bool durable, struct error *err)
{
	_cleanup_close_ int fd = -1;
	char tmp[512];
	size_t n = strlen(text);

	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, errno, "cannot write '%s': %s", tmp, strerror(errno));
	if (write(fd, text, n) != (ssize_t)n || (durable && fsync(fd)) || rename(tmp, path)) {
		int code = errno ? errno : ENOSPC;

		unlink(tmp);
		return error_set(err, code, "cannot write '%s': %s", path, strerror(code));
	}
	return 0;
}

static void slot_path(uint16_t slot, char *buf, size_t n)
{
	snprintf(buf, n, STATE_SLOTS "/%u", slot);
}

static int slot_take(uint16_t slot, const char *name, struct error *err)
{
	char path[64];

	slot_path(slot, path, sizeof(path));
	if (symlink(name, path) && errno != EEXIST)
		return error_set(err, errno, "cannot take slot %u: %s", slot, strerror(errno));
	return 0;
}

int state_save(const struct state_pod *pod, struct error *err)
{
	char name[256], path[320];
	char *text;
	int r = record_name(pod->container_id, pod->ifname, name, sizeof(name), err);

	if (!r)
		r = slot_take(pod->slot, name, err);
	if (r)
		return r;
	snprintf(path, sizeof(path), STATE_PODS "/%s.json", name);
	text = state_to_text(pod);
	r = write_whole(path, text, false, err);
	free(text);
	return r;
}

/* A file that only root can have written, whole; the text is the caller's. */
static int read_whole(const char *path, char **ret, size_t *ret_n, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return error_set(err, errno, "cannot read '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_mode & 022 || st.st_size > RECORD_MAX)
		return error_set(err, EBADMSG, "'%s' is not a record of ours: remove it", path);
	text = util_alloc(1, st.st_size + 1);
	n = read(fd, text, st.st_size);
	if (n < 0)
		return error_set(err, errno, "cannot read '%s': %s", path, strerror(errno));
	*ret = TAKE_PTR(text);
	*ret_n = n;
	return 0;
}

static int load_path(const char *path, struct state_pod *ret, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int r = read_whole(path, &text, &n, err);

	if (!r && state_from_text(text, n, ret, err))
		r = error_set(err, EBADMSG, "'%s' cannot be read as a record: remove it", path);
	return r;
}

int state_load(const char *container_id, const char *ifname, struct state_pod *ret, struct error *err)
{
	char path[320];
	int r = record_path(container_id, ifname, path, sizeof(path), err);

	return r ? r : load_path(path, ret, err);
}

/* The slot whose symlink names a record; 0 = none. */
static uint16_t slot_of(const char *name)
{
	char path[64], target[256];

	for (uint16_t slot = 1; slot <= FW_SLOTS; slot++) {
		ssize_t n;

		slot_path(slot, path, sizeof(path));
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (util_streq(target, name))
			return slot;
	}
	return 0;
}

int state_remove(const char *container_id, const char *ifname, uint16_t slot, struct error *err)
{
	char name[256], path[320];
	int r = record_name(container_id, ifname, name, sizeof(name), err);

	if (r)
		return r;
	snprintf(path, sizeof(path), STATE_PODS "/%s.json", name);
	if (unlink(path) && errno != ENOENT)
		return error_set(err, errno, "cannot remove '%s': %s", path, strerror(errno));
	slot = slot ? slot : slot_of(name);
	slot_path(slot, path, sizeof(path));
	if (slot && unlink(path) && errno != ENOENT)
		return error_set(err, errno, "cannot remove '%s': %s", path, strerror(errno));
	return 0;
}

static bool is_record(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && util_streq(name + n - 5, ".json");
}

int state_list(struct state_pods *ret, size_t *ret_unreadable, struct error *err)
{
	struct state_pods pods = {};
	size_t unreadable = 0;
	struct dirent *e;
	DIR *d = opendir(STATE_PODS);

	if (!d && errno != ENOENT)
		return error_set(err, errno, "cannot read '%s': %s", STATE_PODS, strerror(errno));
	while (d && (e = readdir(d))) {
		struct state_pod pod = {};
		char path[320];

		if (!is_record(e->d_name))
			continue;
		snprintf(path, sizeof(path), STATE_PODS "/%s", e->d_name);
		if (load_path(path, &pod, NULL))
			unreadable++;
		else
			*(struct state_pod *)util_grow(&pods.pods, &pods.n, sizeof(pod)) = pod;
	}
	if (d)
		closedir(d);
	*ret = pods;
	*ret_unreadable = unreadable;
	return 0;
}

size_t state_count(void)
{
	DIR *d = opendir(STATE_PODS);
	struct dirent *e;
	size_t n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d)))
		n += is_record(e->d_name);
	closedir(d);
	return n;
}

static bool slot_free(uint16_t slot)
{
	char path[64];

	slot_path(slot, path, sizeof(path));
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
}

/* A marker whose record was never written (a run killed between the two) is free again. */
static void slots_reclaim(void)
{
	char path[64], target[256], record[320];

	for (uint16_t slot = 1; slot <= FW_SLOTS; slot++) {
		ssize_t n;

		slot_path(slot, path, sizeof(path));
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		snprintf(record, sizeof(record), STATE_PODS "/%s.json", target);
		if (access(record, F_OK))
			unlink(path);
	}
}

static uint16_t slot_after(uint16_t last)
{
	for (unsigned int i = 1; i <= FW_SLOTS; i++) {
		uint16_t slot = (last + i - 1) % FW_SLOTS + 1;

		if (slot_free(slot))
			return slot;
	}
	return 0;
}

int state_slot_next(uint16_t *ret, struct error *err)
{
	FILE *f = fopen(LAST_SLOT, "re");
	unsigned int last = 0;
	char text[16];
	uint16_t slot;
	int r;

	if (f) {
		if (fscanf(f, "%u", &last) != 1 || last > FW_SLOTS)
			last = 0;
		fclose(f);
	}
	slot = slot_after(last);
	if (!slot) {
		slots_reclaim();
		slot = slot_after(last);
	}
	if (!slot)
		return error_set(err, ENOSPC, "all %d slots for pods with faults are taken on this node", FW_SLOTS);
	snprintf(text, sizeof(text), "%u\n", slot);
	r = write_whole(LAST_SLOT, text, false, err);
	if (!r)
		*ret = slot;
	return r;
}

static void abort_path(const char *experiment, char *buf, size_t n)
{
	snprintf(buf, n, "%s/%s%s", STATE_ABORTS, experiment[0] ? "experiment-" : "all", experiment);
}

static int sync_dir(const char *path, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		return error_set(err, errno, "cannot sync '%s': %s", path, strerror(errno));
	return 0;
}

int state_abort_set(const char *experiment, bool aborted, struct error *err)
{
	char path[320];
	int r = 0;

	if (strchr(experiment, '/') || strlen(experiment) > SPEC_NAME_MAX)
		return error_set(err, EINVAL, "'%s' is not the name of an experiment", experiment);
	abort_path(experiment, path, sizeof(path));
	if (!aborted && access(path, F_OK))
		return 0;
	mkdir("/var/lib", 0755);
	r = make_dir("/var/lib/faultwire", err);
	if (!r)
		r = make_dir(STATE_ABORTS, err);
	if (!r && aborted)
		r = write_whole(path, "", true, err);
	else if (!r && unlink(path) && errno != ENOENT)
		r = error_set(err, errno, "cannot remove '%s': %s", path, strerror(errno));
	return r ? r : sync_dir(STATE_ABORTS, err);
}

bool state_abort_get(const char *experiment)
{
	char path[320];

	abort_path(experiment, path, sizeof(path));
	return !access(path, F_OK);
}

int state_abort_list(char ***ret, size_t *ret_n, struct error *err)
{
	static const char prefix[] = "experiment-";
	DIR *d = opendir(STATE_ABORTS);
	struct dirent *e;
	char **names = NULL;
	size_t n = 0;

	if (!d && errno != ENOENT)
		return error_set(err, errno, "cannot read '%s': %s", STATE_ABORTS, strerror(errno));
	while (d && (e = readdir(d))) {
		bool all = util_streq(e->d_name, "all"), one = !strncmp(e->d_name, prefix, strlen(prefix));

		if (all || one)
			*(char **)util_grow(&names, &n, sizeof(char *)) = util_strdup(all ? "" : e->d_name + strlen(prefix));
	}
	if (d)
		closedir(d);
	*ret = names;
	*ret_n = n;
	return 0;
}

void state_pods_cleanup(struct state_pods *pods)
{
	for (size_t i = 0; i < pods->n; i++)
		state_pod_cleanup(&pods->pods[i]);
	free(pods->pods);
	*pods = (struct state_pods){};
}
