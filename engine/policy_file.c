// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the policy: see policy_file.h.
 */
#include "engine/policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/util.h"

#define POLICY_MAX_BYTES (1U << 20)

/* Reads a regular file whole; the text is the caller's. -ENOENT goes without a message: err may hold one that is to stay. */
static int read_file(const char *path, char **ret, size_t *ret_n, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size > POLICY_MAX_BYTES)
		return error_set(err, EINVAL, "%s: must be a regular file of at most 1 MiB", path);
	text = util_alloc((size_t)st.st_size + 1, 1);
	n = read(fd, text, (size_t)st.st_size);
	if (n < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	*ret = TAKE_PTR(text);
	*ret_n = (size_t)n;
	return 0;
}

int policy_file_load(const char *path, struct policy *ret, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int r = read_file(path, &text, &n, err);

	if (r == -ENOENT) {
		policy_defaults(ret);
		return 0;
	}
	return r ? r : policy_parse(text, n, ret, err);
}
