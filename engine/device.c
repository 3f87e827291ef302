// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a path to its mount, from that to a block device: see device.h.
 */
#include "engine/device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "lib/util.h"

static int open_in(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static int open_path(pid_t pid, const char *rootfs, const char *path)
{
	_cleanup_close_ int above = -1, root = -1;
	char proc[64];

	snprintf(proc, sizeof(proc), "/proc/%d/root", pid);
	above = open(proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
	root = above < 0 ? -1 : open_in(above, rootfs);
	return root < 0 ? -1 : open_in(root, path);
}

struct mount {
	char type[64], source[PATH_MAX], options[PATH_MAX];
};

static int find_mount(pid_t pid, uint64_t id, struct mount *ret)
{
	_cleanup_fclose_ FILE *f = NULL;
	char proc[64], line[4 * PATH_MAX];
	unsigned long long this_one;

	snprintf(proc, sizeof(proc), "/proc/%d/mountinfo", pid);
	f = fopen(proc, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *rest = strstr(line, " - ");

		if (sscanf(line, "%llu", &this_one) == 1 && this_one == id && rest &&
		    sscanf(rest, " - %63s %4095s %4095s", ret->type, ret->source, ret->options) == 3)
			return 0;
	}
	return -ENOENT;
}

/* An overlay writes to its upper directory, which is in the mounts of the one who made it: ours. */
static bool overlay_upper(const struct mount *m, char ret[PATH_MAX])
{
	const char *upper = util_streq(m->type, "overlay") ? strstr(m->options, "upperdir=") : NULL;

	if (!upper)
		return false;
	upper += strlen("upperdir=");
	snprintf(ret, PATH_MAX, "%.*s", (int)strcspn(upper, ","), upper);
	return true;
}

static dev_t device_of_mount(const struct mount *m)
{
	char upper[PATH_MAX];
	struct stat st;

	if (overlay_upper(m, upper))
		return stat(upper, &st) ? 0 : st.st_dev;
	if (m->source[0] == '/' && !stat(m->source, &st) && S_ISBLK(st.st_mode))
		return st.st_rdev;
	return 0;
}

/* A partition's directory is in its disk's. */
static bool disk_of(dev_t dev, char ret[DEVICE_KEY_MAX])
{
	char path[128], text[DEVICE_KEY_MAX] = "";
	unsigned int maj = major(dev), min = minor(dev);
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", maj, min);
	if (!maj || access(path, F_OK))
		return false;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", maj, min);
	if (!access(path, F_OK)) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", maj, min);
		f = fopen(path, "re");
		if (!f || !fgets(text, sizeof(text), f) || sscanf(text, "%u:%u", &maj, &min) != 2)
			return false;
	}
	snprintf(ret, DEVICE_KEY_MAX, "%u:%u", maj, min);
	return true;
}

int device_find(pid_t pid, const char *rootfs, const char *path, char ret[DEVICE_KEY_MAX], struct error *err)
{
	_cleanup_close_ int fd = open_path(pid, rootfs, path);
	struct mount mount = { .type = "?" };
	struct statx st;

	if (fd < 0)
		return error_set(err, errno, "the container has no '%.128s' (%s): give a path that it has when it is created", path,
				 strerror(errno));
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st))
		return error_set(err, errno, "cannot look at '%.128s' in the container: %s", path, strerror(errno));
	if (disk_of(makedev(st.stx_dev_major, st.stx_dev_minor), ret))
		return 0;
	if (!find_mount(pid, st.stx_mnt_id, &mount) && disk_of(device_of_mount(&mount), ret))
		return 0;
	return error_set(err, ENOTSUP,
			 "'%.128s' of the container is on no disk of this node (%s): give the path of a volume that is", path,
			 mount.type);
}
