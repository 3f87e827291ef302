// SPDX-License-Identifier: GPL-2.0-only
/*
 * Aborts that outlive a reboot: an empty file each, "all" or "experiment-<name>", put on the disk before the call returns.
 */
#include "engine/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/util.h"

#define ALL "all"
#define EXPERIMENT "experiment-"

/* The file's name within STATE_ABORTS. */
static int abort_file(const char *experiment, char *buf, size_t n, struct error *err)
{
	if (strlen(experiment) > SPEC_NAME_MAX || strchr(experiment, '/'))
		return error_set(err, EINVAL, "'%s' is no experiment: a name has at most %d characters and no '/'", experiment,
				 SPEC_NAME_MAX);
	snprintf(buf, n, "%s%s", experiment[0] ? EXPERIMENT : ALL, experiment);
	return 0;
}

static int sync_dir(const char *path, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		return error_set(err, errno, "cannot write '%s' to the disk: %s", path, strerror(errno));
	return 0;
}

/* Each new directory lasts only once the one above it is on the disk too. */
static int aborts_dir_make(struct error *err)
{
	static const char *const path[] = { "/var", "/var/lib", "/var/lib/faultwire", STATE_ABORTS };
	int r = 0;

	for (size_t i = 2; !r && i < ARRAY_SIZE(path); i++) {
		if (!mkdir(path[i], 0700))
			r = sync_dir(path[i - 1], err);
		else if (errno != EEXIST)
			r = error_set(err, errno, "cannot make '%s': %s", path[i], strerror(errno));
	}
	return r;
}

static int abort_add(int dir, const char *file, struct error *err)
{
	_cleanup_close_ int fd = openat(dir, file, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fsync(fd))
		return error_set(err, errno, "cannot write '%s/%s': %s; the abort would not outlive a reboot", STATE_ABORTS, file,
				 strerror(errno));
	return 0;
}

static int abort_remove(int dir, const char *file, struct error *err)
{
	if (unlinkat(dir, file, 0) && errno != ENOENT)
		return error_set(err, errno, "cannot remove '%s/%s': %s; the abort would come back at a reboot", STATE_ABORTS, file,
				 strerror(errno));
	return 0;
}

int state_abort_set(const char *experiment, bool aborted, struct error *err)
{
	_cleanup_close_ int dir = -1;
	char file[128];
	int r = abort_file(experiment, file, sizeof(file), err);

	if (!r && aborted)
		r = aborts_dir_make(err);
	if (r)
		return r;
	dir = open(STATE_ABORTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT && !aborted)
		return 0;
	if (dir < 0)
		return error_set(err, errno, "cannot open '%s': %s", STATE_ABORTS, strerror(errno));
	r = aborted ? abort_add(dir, file, err) : abort_remove(dir, file, err);
	return r ? r : sync_dir(STATE_ABORTS, err);
}

bool state_abort_get(const char *experiment)
{
	char file[128], path[sizeof(STATE_ABORTS) + sizeof(file)];

	if (abort_file(experiment, file, sizeof(file), NULL))
		return false;
	snprintf(path, sizeof(path), "%s/%s", STATE_ABORTS, file);
	return access(path, F_OK) == 0;
}

/* The experiment of a file's name, NULL when it is not ours. */
static const char *abort_experiment(const char *file)
{
	size_t prefix = strlen(EXPERIMENT);

	if (util_streq(file, ALL))
		return "";
	return !strncmp(file, EXPERIMENT, prefix) && file[prefix] ? file + prefix : NULL;
}

int state_abort_list(char ***ret, size_t *ret_n, struct error *err)
{
	DIR *dir = opendir(STATE_ABORTS);
	char **names = NULL;
	size_t n = 0;

	if (!dir && errno != ENOENT)
		return error_set(err, errno, "cannot list '%s': %s", STATE_ABORTS, strerror(errno));
	for (struct dirent *e; dir && (e = readdir(dir));) {
		const char *experiment = abort_experiment(e->d_name);

		if (experiment)
			*(char **)util_grow(&names, &n, sizeof(*names)) = util_strdup(experiment);
	}
	if (dir)
		closedir(dir);
	*ret = names;
	*ret_n = n;
	return 0;
}
