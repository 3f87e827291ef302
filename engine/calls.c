// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filters and paths of intercepted calls: see calls.h.
 */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <sys/uio.h>

#include "lib/util.h"

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

void calls_resolve(const char *names, struct calls_set *ret)
{
	_cleanup_free_ char *copy = util_strdup(names);
	char *rest = copy, *word;

	*ret = (struct calls_set){};
	while ((word = strsep(&rest, " "))) {
		int nr = syscalls_number(word);

		if (nr >= 0 && nr < SYSCALLS_MAX)
			ret->bits[nr / 64] |= 1ULL << nr % 64;
	}
}

static void emit(struct sock_filter **filter, size_t *n, struct sock_filter instruction)
{
	*(struct sock_filter *)util_grow(filter, n, sizeof(instruction)) = instruction;
}

/* One after the other: the kernel remembers which numbers are always let through, and asks the filter for the others alone. */
void calls_filter(const struct calls_set *set, uint32_t these, uint32_t others, struct sock_filter **ret, size_t *ret_n)
{
	struct sock_filter *f = NULL;
	size_t n = 0;

	emit(&f, &n, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	emit(&f, &n, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	emit(&f, &n, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, others));
	emit(&f, &n, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	for (unsigned int nr = 0; nr < SYSCALLS_MAX; nr++) {
		if (!calls_has(set, nr))
			continue;
		emit(&f, &n, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1));
		emit(&f, &n, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, these));
	}
	emit(&f, &n, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, others));
	*ret = f;
	*ret_n = n;
}

/* A string of the process, a page at a time so that a page that is not there behind its end does no harm. */
static bool read_string(pid_t pid, uint64_t at, char *buf, size_t n)
{
	for (size_t done = 0; done < n;) {
		size_t len = MIN(4096 - at % 4096, n - done);
		struct iovec local = { buf + done, len }, remote = { (void *)(uintptr_t)at, len };
		ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);

		if (got <= 0)
			return false;
		if (memchr(buf + done, '\0', (size_t)got))
			return true;
		done += (size_t)got;
		at += (size_t)got;
	}
	return false;
}

#define DELETED " (deleted)" /* behind the path that a file had */

static bool read_link(pid_t pid, int fd, char *buf, size_t n)
{
	const ssize_t gone = sizeof(DELETED) - 1;
	char path[64];
	ssize_t len;

	if (fd == AT_FDCWD)
		snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
	else
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	len = readlink(path, buf, n - 1);
	if (len < 0)
		return false;
	buf[len] = '\0';
	if (len > gone && util_streq(buf + len - gone, DELETED))
		buf[len - gone] = '\0';
	return buf[0] == '/';
}

/* Takes out "//", "." and "..", in place; the path begins with '/'. */
static void normalise(char *path)
{
	char *out = path;

	for (const char *p = path; *p;) {
		const char *end;

		while (*p == '/')
			p++;
		end = strchrnul(p, '/');
		if (end - p == 2 && p[0] == '.' && p[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (end > p && !(end - p == 1 && *p == '.')) {
			*out++ = '/';
			memmove(out, p, (size_t)(end - p));
			out += end - p;
		}
		p = end;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

static bool path_is(pid_t pid, int dir, uint64_t at, calls_path_fn is, const void *data)
{
	char path[2 * PATH_MAX + 2], relative[PATH_MAX];

	if (!read_string(pid, at, relative, sizeof(relative)))
		return false;
	if (relative[0] == '/') {
		strcpy(path, relative);
	} else {
		if (!read_link(pid, dir, path, PATH_MAX))
			return false;
		strcat(strcat(path, "/"), relative);
	}
	normalise(path);
	return is(path, data);
}

bool calls_descriptor_path(const struct seccomp_notif *n, unsigned int argument, calls_path_fn is, const void *data)
{
	char path[PATH_MAX];

	return read_link((pid_t)n->pid, (int)n->data.args[argument], path, sizeof(path)) && is(path, data);
}

bool calls_any_path(const struct seccomp_notif *n, calls_path_fn is, const void *data)
{
	const char *name = syscalls_name(n->data.nr);
	struct syscalls_files files;

	if (!name || !syscalls_files(name, &files))
		return false;
	if (files.fd >= 0)
		return calls_descriptor_path(n, (unsigned int)files.fd, is, data);
	for (int i = 0; i < 2; i++) {
		int dir = files.dir[i] < 0 ? AT_FDCWD : (int)n->data.args[(int)files.dir[i]];

		if (files.path[i] >= 0 && path_is((pid_t)n->pid, dir, n->data.args[(int)files.path[i]], is, data))
			return true;
	}
	return false;
}

static bool matches(const char *path, const void *glob)
{
	return util_path_glob(glob, path);
}

bool calls_match_path(const struct seccomp_notif *n, const char *glob)
{
	return calls_any_path(n, matches, glob);
}
