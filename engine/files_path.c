// SPDX-License-Identifier: GPL-2.0-only
/*
 * A container's root, its mounts, and where a path leads in it: see files_path.h.
 */
#include "engine/files_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "engine/file.h"
#include "lib/glob.h"
#include "lib/util.h"

#define DEV(major, minor) ((uint32_t)(major) << 20 | (minor))

/* ---- the root */

static int open_in(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };

	return (int)syscall(SYS_openat2, root, *path ? path : "/", &how, sizeof(how));
}

/* Where a descriptor leads, as its mount namespace has it. */
static int path_of(int fd, char ret[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

/* root.path of config.json, absolute; the caller's. */
static char *root_path(const char *bundle)
{
	_cleanup_free_ char *file = util_printf("%s/config.json", bundle), *text = NULL;
	_cleanup_json_ cJSON *config = NULL;
	const cJSON *path;
	size_t n = 0;

	text = file_slurp(file, JSON_MAX_BYTES, &n);
	if (!text)
		return NULL;
	config = cJSON_ParseWithLength(text, n);
	path = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(config, "root"), "path");
	if (!cJSON_IsString(path) || !path->valuestring[0])
		return NULL;
	return path->valuestring[0] == '/' ? util_strdup(path->valuestring) : util_printf("%s/%s", bundle, path->valuestring);
}

/* mountinfo writes ' ', tab, newline and backslash as three octal digits. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* What is behind a directory in a path, "" or "/..."; NULL where it is not below. */
static const char *below(const char *dir, const char *path)
{
	size_t n = util_streq(dir, "/") ? 0 : strlen(dir);

	if (strncmp(dir, path, n) || (path[n] && path[n] != '/'))
		return NULL;
	return util_streq(path + n, "/") ? "" : path + n;
}

/* The device of the first directory of an option; 0 = not known. */
static dev_t layer_dev(const char *options, const char *name)
{
	const char *value = strstr(options, name);
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (!value)
		return 0;
	value += strlen(name);
	path = util_printf("%.*s", (int)strcspn(value, ":, \n"), value);
	return stat(path, &st) ? 0 : st.st_dev;
}

/* An overlay of several file systems numbers its directories as they come, unless it has room for theirs (xino). Only the root's stays. */
static bool is_unsteady(const char *line)
{
	const char *options = strstr(line, " - overlay ");
	dev_t upper, lower;

	if (!options || strstr(options, "xino=on"))
		return false;
	upper = layer_dev(options, "upperdir=");
	lower = layer_dev(options, strstr(options, "lowerdir+=") ? "lowerdir+=" : "lowerdir=");
	return upper && lower && upper != lower;
}

static void add_mount(struct files_root *root, char *line)
{
	unsigned int major, minor;
	unsigned long long id;
	char point[PATH_MAX];
	const char *inside;

	if (sscanf(line, "%llu %*u %u:%u %*s %4095s", &id, &major, &minor, point) != 4)
		return;
	unescape(point);
	inside = below(root->path, point);
	*(struct files_mount *)util_grow(&root->mounts, &root->n_mounts, sizeof(*root->mounts)) = (struct files_mount){
		.id = id,
		.dev = DEV(major, minor),
		.point = inside ? util_strdup(inside) : NULL,
		.unsteady = is_unsteady(line),
	};
}

static int read_mounts(pid_t pid, struct files_root *root, struct error *err)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	char path[64];
	size_t room = 0;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	f = fopen(path, "re");
	if (!f)
		return error_set(err, errno, "cannot read the container's mounts ('%s'): %s", path, strerror(errno));
	while (getline(&line, &room, f) > 0)
		add_mount(root, line);
	return 0;
}

int files_root_open(pid_t pid, const char *bundle, struct files_root *ret, struct error *err)
{
	_cleanup_files_root_ struct files_root root = FILES_ROOT_EMPTY;
	_cleanup_free_ char *path = root_path(bundle);
	_cleanup_close_ int outer = -1;
	char proc[64], real[PATH_MAX];
	int r;

	snprintf(proc, sizeof(proc), "/proc/%d/root", pid);
	outer = open(proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (outer < 0)
		return error_set(err, errno, "cannot open the container's root ('%s'): %s", proc, strerror(errno));
	if (!path)
		return error_set(err, EINVAL, "'%s/config.json' does not say where the container's root is (root.path)", bundle);
	root.fd = open_in(outer, path);
	if (root.fd < 0)
		return error_set(err, errno, "cannot open the container's root '%s': %s", path, strerror(errno));
	r = path_of(root.fd, real);
	if (r)
		return error_set(err, -r, "cannot say where the container's root '%s' is: %s", path, strerror(-r));
	root.path = util_strdup(real);
	r = read_mounts(pid, &root, err);
	if (r)
		return r;
	*ret = root;
	root = (struct files_root)FILES_ROOT_EMPTY;
	return 0;
}

void files_root_close(struct files_root *root)
{
	util_closep(&root->fd);
	for (size_t i = 0; i < root->n_mounts; i++)
		free(root->mounts[i].point);
	free(root->mounts);
	free(root->path);
	*root = (struct files_root)FILES_ROOT_EMPTY;
}

/* ---- places in it */

struct place {
	uint64_t ino, mount;
	uint32_t dev;
	bool is_dir, is_mount;
	const struct files_mount *of; /* the mount; NULL = not known */
	char path[PATH_MAX];          /* links followed; within the container */
};

/* -errno when there is none. */
static int place_of(const struct files_root *root, const char *path, struct place *ret)
{
	_cleanup_close_ int fd = open_in(root->fd, path);
	char real[PATH_MAX];
	struct statx st;
	int r;

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_TYPE | STATX_MNT_ID, &st))
		return -errno;
	r = path_of(fd, real);
	if (r)
		return r;
	*ret = (struct place){
		.ino = st.stx_ino,
		.mount = st.stx_mnt_id,
		.dev = DEV(st.stx_dev_major, st.stx_dev_minor),
		.is_dir = S_ISDIR(st.stx_mode),
		.is_mount = st.stx_attributes & STATX_ATTR_MOUNT_ROOT,
	};
	snprintf(ret->path, sizeof(ret->path), "%s", below(root->path, real) ? below(root->path, real) : "");
	/* the super block's device, which some file systems do not say to stat(2) */
	for (size_t i = 0; i < root->n_mounts; i++)
		if (root->mounts[i].id == ret->mount)
			ret->of = &root->mounts[i];
	if (ret->of)
		ret->dev = ret->of->dev;
	return 0;
}

static void add_anchor(struct files_path *path, const struct place *p, const struct fw_glob_set *states)
{
	bool whole = glob_is_whole(&path->glob, states);

	if (glob_is_empty(states))
		return;
	path->has_glob |= !whole;
	*(struct files_anchor *)util_grow(&path->anchors, &path->n, sizeof(*path->anchors)) = (struct files_anchor){
		.ino = p->ino,
		.dev = p->dev,
		.whole = whole,
		.states = *states,
	};
}

/* The deepest directory that a glob begins with and that is there; *ret_tail is what follows it in the glob. */
static int deepest(const struct files_root *root, const char *glob, struct place *ret, const char **ret_tail)
{
	_cleanup_free_ char *prefix = util_printf("%.*s", (int)glob_literal(glob), glob);

	for (;;) {
		char *slash = strrchr(prefix, '/');
		int r = place_of(root, prefix, ret);

		if (!r && ret->is_dir) {
			*ret_tail = glob + strlen(prefix);
			return 0;
		}
		if (!slash)
			return r ? r : -ENOTDIR;
		*slash = '\0';
	}
}

/* Up to the root of its mount where a directory's number would not last: the glob from there is the caller's, NULL where it lasts. */
static char *steady(const struct files_root *root, struct place *top, const char *tail)
{
	_cleanup_free_ char *inside = NULL;

	if (!top->of || !top->of->unsteady || !top->of->point || top->is_mount)
		return NULL;
	inside = util_printf("%s%s", below(top->of->point[0] ? top->of->point : "/", top->path), tail);
	return place_of(root, top->of->point, top) ? NULL : TAKE_PTR(inside);
}

/* A file behind a link is meant by the link's path: what the container opens is that file. The glob that means it; NULL = as it stands. */
static char *follow(const struct files_root *root, const char *glob)
{
	struct place p;

	if (strpbrk(glob, "*?") || place_of(root, glob, &p) || p.is_dir || p.is_mount)
		return NULL;
	return util_strdup(p.path);
}

/* Other file systems below are not reached on the way up from a file in them. */
static void add_mounts(const struct files_root *root, const struct place *top, struct files_path *path)
{
	for (size_t i = 0; i < root->n_mounts; i++) {
		const char *inside = root->mounts[i].point ? below(top->path, root->mounts[i].point) : NULL;
		struct fw_glob_set states;
		struct place p;

		if (!inside || !*inside || place_of(root, root->mounts[i].point, &p))
			continue;
		states = glob_forward(&path->glob, inside);
		add_anchor(path, &p, &states);
	}
}

static int find_volume(const struct files_root *root, const char *volume, const char *what, struct place *ret, struct error *err)
{
	int r = place_of(root, volume, ret);

	if (r)
		return error_set(err, -r, "%s.volumePath: '%s' is not in the container: %s", what, volume, strerror(-r));
	if (!ret->is_mount)
		return error_set(err, EINVAL, "%s.volumePath: '%s' is not a mount of the container: use 'path', as in '%s/**'",
				 what, volume, util_streq(volume, "/") ? "" : volume);
	return 0;
}

/* Of the files of a path those in one mount: at the path's directory if that is in it, else where the mount stands below. */
static int add_volume(const struct place *volume, const struct place *top, const char *what, struct files_path *path,
		      struct error *err)
{
	const char *inside = below(top->path, volume->path);
	struct fw_glob_set states;

	if (volume->mount == top->mount) {
		states = glob_forward(&path->glob, "");
		add_anchor(path, top, &states);
	} else if (inside) {
		states = glob_forward(&path->glob, inside);
		add_anchor(path, volume, &states);
	}
	return path->n ? 0
		       : error_set(err, EINVAL, "%s.path: leads to no file in the volume '%s' of this container", what,
				   volume->path);
}

int files_path_find(const struct files_root *root, const struct fault_io *io, const char *what, struct files_path *ret,
		    struct error *err)
{
	_cleanup_free_ char *followed = io->path ? follow(root, io->path) : NULL, *steadied = NULL;
	const char *glob = followed ? followed : io->path ? io->path : "/**", *tail = NULL;
	struct fw_glob_set start = { { 1 } };
	struct place top, volume;
	int r = io->volume ? find_volume(root, io->volume, what, &volume, err) : 0;

	*ret = (struct files_path){};
	if (r)
		return r;
	if (!io->path) {
		(void)glob_compile(tail = "/**", &ret->glob, NULL);
		add_anchor(ret, &volume, &start);
		return 0;
	}
	r = deepest(root, glob, &top, &tail);
	if (r)
		return error_set(err, -r, "%s.path: cannot look at the container's files: %s", what, strerror(-r));
	steadied = steady(root, &top, tail);
	r = glob_compile(steadied ? steadied : tail, &ret->glob, err);
	if (r)
		return error_wrap(err, "%s.path", what);
	if (io->volume)
		return add_volume(&volume, &top, what, ret, err);
	add_anchor(ret, &top, &start);
	add_mounts(root, &top, ret);
	return 0;
}

void files_path_cleanup(struct files_path *path)
{
	free(path->anchors);
	*path = (struct files_path){};
}
