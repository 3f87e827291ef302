// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/cgroup says where in each hierarchy, our own mountinfo where the hierarchies are: see cgroup.h.
 */
#include "engine/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "lib/util.h"

static const struct control {
	const char *v1, *v2; /* the controller's names */
	const char *v2_file; /* one that is there where the controller is on */
} controls[] = {
	[CGROUP_FREEZER] = { "freezer", "cgroup.freeze", "cgroup.freeze" },
	[CGROUP_CPU] = { "cpu", "cpu", "cpu.max" },
	[CGROUP_MEMORY] = { "memory", "memory", "memory.max" },
	[CGROUP_PIDS] = { "pids", "pids", "pids.max" },
	[CGROUP_IO] = { "blkio", "io", "io.max" },
};

#define SUBGROUP "/container" /* crun's, below the scope that systemd made: limits are the scope's */
#define SCOPE ".scope"

bool cgroup_has_controller(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, name, n) && strchr(",\n", p[n]))
			return true;
	}
	return false;
}

bool cgroup_path(const char *proc, const char *v1, char ret[PATH_MAX])
{
	_cleanup_fclose_ FILE *f = fopen(proc, "re");
	char line[PATH_MAX + 256];

	while (f && fgets(line, sizeof(line), f)) {
		char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (v1 ? !cgroup_has_controller(list + 1, v1) : list[1])
			continue;
		snprintf(ret, PATH_MAX, "%s", path);
		return true;
	}
	return false;
}

/* Where a hierarchy is mounted, and from what directory of it on. */
static bool find_mount(const char *v1, char ret_point[PATH_MAX], char ret_root[PATH_MAX])
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[3 * PATH_MAX];

	while (f && fgets(line, sizeof(line), f)) {
		char *kind = strstr(line, " - "), *options = kind ? strrchr(kind, ' ') : NULL;

		if (!options || sscanf(line, "%*d %*d %*s %4095s %4095s", ret_root, ret_point) != 2)
			continue;
		if (v1 ? !strncmp(kind, " - cgroup ", 10) && cgroup_has_controller(options + 1, v1)
		       : !strncmp(kind, " - cgroup2 ", 11))
			return true;
	}
	return false;
}

static int place(pid_t pid, const char *v1, char ret[PATH_MAX], struct error *err)
{
	char proc[64], path[PATH_MAX], own[PATH_MAX], point[PATH_MAX], root[PATH_MAX];
	size_t n, sub;

	snprintf(proc, sizeof(proc), "/proc/%d/cgroup", pid);
	if (!cgroup_path(proc, v1, path) || !find_mount(v1, point, root))
		return -ENOENT;
	n = strlen(root) > 1 ? strlen(root) : 0;
	if (strncmp(path, root, n) || !strncmp(path, "/..", 3))
		return error_set(err, ENOTSUP,
				 "the container's cgroup '%.128s' is not below '%.128s', where this node's are mounted", path,
				 point);
	if (!path[n] || util_streq(path + n, "/") || (cgroup_path("/proc/self/cgroup", v1, own) && util_streq(own, path)))
		return error_set(
			err, ENOTSUP,
			"the container has no cgroup of its own (it is in '%.128s'), and others are not to be touched: have the "
			"runtime make one, or remove the annotation",
			path);
	sub = strlen(path) - MIN(strlen(path), strlen(SUBGROUP) + strlen(SCOPE));
	if (!v1 && util_streq(path + sub, SCOPE SUBGROUP))
		path[strlen(path) - strlen(SUBGROUP)] = '\0';
	if ((size_t)snprintf(ret, PATH_MAX, "%s%s", point, path + n) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "the container's cgroup has too long a path");
	return 0;
}

static int find_one(pid_t pid, enum cgroup_control which, struct cgroup *ret, struct error *err)
{
	const struct control *c = &controls[which];
	_cleanup_free_ char *file = NULL;
	char dir[PATH_MAX];
	bool v1 = true;
	int r = place(pid, c->v1, dir, err);

	if (r == -ENOENT) {
		v1 = false;
		r = place(pid, NULL, dir, err);
		file = util_printf("%s/%s", dir, c->v2_file);
		if (!r && access(file, F_OK))
			r = -ENOENT;
	}
	if (r == -ENOENT)
		return error_set(
			err, ENOTSUP,
			"the container's cgroup has no controller '%s': have it delegated by the runtime (cgroup.subtree_control), "
			"or remove the fault",
			c->v2);
	if (r)
		return r;
	ret->dir[which] = util_strdup(dir);
	ret->v1[which] = v1;
	return 0;
}

int cgroup_find(pid_t pid, unsigned int wanted, struct cgroup *ret, struct error *err)
{
	_cleanup_cgroup_ struct cgroup c = {};

	for (int i = 0; i < CGROUP_CONTROLS; i++) {
		int r = wanted & 1U << i ? find_one(pid, (enum cgroup_control)i, &c, err) : 0;

		if (r)
			return r;
	}
	*ret = c;
	c = (struct cgroup){};
	return 0;
}

void cgroup_cleanup(struct cgroup *c)
{
	for (int i = 0; i < CGROUP_CONTROLS; i++)
		free(c->dir[i]);
	*c = (struct cgroup){};
}

uint64_t cgroup_id(const char *file)
{
	_cleanup_free_ char *dir = util_strdup(file);
	char *slash = strrchr(dir, '/');
	struct stat st;

	if (!slash)
		return 0;
	*slash = '\0';
	return stat(dir, &st) ? 0 : st.st_ino;
}

/* The line of a device within 'text', moved to its beginning. */
static void keep_line(char *text, const char *key)
{
	size_t n = strlen(key);

	for (char *p = text; *p; p = *p ? p + 1 : p) {
		size_t len = strcspn(p, "\n");

		if (!strncmp(p, key, n) && p[n] == ' ') {
			memmove(text, p, len);
			text[len] = '\0';
			return;
		}
		p += len;
	}
	text[0] = '\0';
}

int cgroup_read(const char *file, const char *key, char ret[CGROUP_TEXT_MAX])
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, CGROUP_TEXT_MAX - 1);

	if (n < 0)
		return -errno;
	ret[n] = '\0';
	if (key[0])
		keep_line(ret, key);
	n = (ssize_t)strlen(ret);
	if (n && ret[n - 1] == '\n')
		ret[n - 1] = '\0';
	return 0;
}

int cgroup_write(const char *file, const char *text)
{
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	return n < 0 ? -errno : 0;
}
