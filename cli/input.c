// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that the operator names: see input.h.
 */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/util.h"

#define POLICY_MAX_BYTES (1U << 20)

/* Reads until the end or until there is one byte more than allowed. */
static int read_all(int fd, char *text, size_t max, size_t *ret_n)
{
	size_t n = 0;

	while (n <= max) {
		ssize_t got = read(fd, text + n, max + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += got;
	}
	*ret_n = n;
	return n > max ? -E2BIG : 0;
}

int input_read(const char *path, size_t max, char **ret, size_t *ret_n, struct error *err)
{
	_cleanup_close_ int fd = util_streq(path, "-") ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int r;

	if (fd < 0)
		return error_set(err, errno, "cannot open '%s': %s", path, strerror(errno));
	text = util_alloc(max + 2, 1);
	r = read_all(fd, text, max, &n);
	if (r == -E2BIG)
		return error_set(err, E2BIG, "'%s' is larger than %zu KiB: split it", path, max / 1024);
	if (r)
		return error_set(err, -r, "cannot read '%s': %s", path, strerror(-r));
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	*ret_n = n;
	return 0;
}

int input_policy(const char *path, struct policy *ret, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;

	if (!path && access(POLICY_PATH, F_OK) && errno == ENOENT) {
		policy_defaults(ret);
		return 0;
	}
	path = path ? path : POLICY_PATH;
	if (input_read(path, POLICY_MAX_BYTES, &text, &n, err))
		return -err->code;
	return policy_parse(text, n, ret, err) ? error_wrap(err, "%s", path) : 0;
}
