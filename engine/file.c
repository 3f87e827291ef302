// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole files: see file.h.
 */
#include "engine/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/util.h"

#define FILE_BYTES (1U << 20)

static int write_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			text += done;
			n -= done;
		}
	}
	return 0;
}

int file_write(const char *path, const char *temporary, const char *text, struct error *err)
{
	_cleanup_close_ int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(fd, text, strlen(text));

	if (!r && rename(temporary, path))
		r = -errno;
	if (!r)
		return 0;
	unlink(temporary);
	return error_set(err, -r, "cannot write '%s': %s", path, strerror(-r));
}

/* Fills the buffer as far as the file goes. */
static ssize_t read_all(int fd, char *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(fd, buf + done, n - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		done += got;
	}
	return done;
}

int file_read(const char *path, char **ret, size_t *ret_n, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, ENOENT, "there is no '%s'", path);
	if (fd < 0 || fstat(fd, &st))
		return error_set(err, EBADMSG, "cannot read '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid || st.st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, EBADMSG, "'%s' is not a file that root alone can write: look who made it, and remove it",
				 path);
	if (st.st_size > FILE_BYTES)
		return error_set(err, EBADMSG, "'%s' is longer than 1 MiB: it is not ours, remove it", path);
	text = util_alloc(st.st_size + 1, 1);
	n = read_all(fd, text, st.st_size);
	if (n < 0)
		return error_set(err, EBADMSG, "cannot read '%s': %s", path, strerror(-n));
	*ret_n = n;
	*ret = TAKE_PTR(text);
	return 0;
}

char *file_slurp(const char *path, size_t max, size_t *ret_n)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || (size_t)st.st_size > max)
		return NULL;
	text = util_alloc((size_t)st.st_size + 1, 1);
	n = read_all(fd, text, (size_t)st.st_size);
	*ret_n = n < 0 ? 0 : (size_t)n;
	return n < 0 ? NULL : TAKE_PTR(text);
}
