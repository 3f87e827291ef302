// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of methods and system calls: see io_calls.h. An open that may create counts as 'create' whether the file is there or not, and one
 * that truncates as 'truncate': what it would find cannot be asked without racing it.
 */
#include "engine/io_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "engine/making.h"
#include "lib/util.h"

#define M(method) (1U << FW_METHOD_##method)
#define BY_NAME (-1) /* where its files are is in syscalls_files */

/* A call on two descriptors has two rows. */
static const struct io_call {
	int nr;
	uint32_t methods;
	signed char fd;    /* the argument that its file is in, or BY_NAME */
	signed char flags; /* the argument with open's flags; 0 = none */
} calls[] = {
	{ __NR_openat, M(OPEN), BY_NAME, 2 },
	{ __NR_openat2, M(OPEN), BY_NAME, 0 },
	{ __NR_read, M(READ), 0, 0 },
	{ __NR_readv, M(READ), 0, 0 },
	{ __NR_pread64, M(READ), 0, 0 },
	{ __NR_preadv, M(READ), 0, 0 },
	{ __NR_preadv2, M(READ), 0, 0 },
	{ __NR_sendfile, M(READ), 1, 0 },
	{ __NR_copy_file_range, M(READ), 0, 0 },
	{ __NR_splice, M(READ), 0, 0 },
	{ __NR_write, M(WRITE), 0, 0 },
	{ __NR_writev, M(WRITE), 0, 0 },
	{ __NR_pwrite64, M(WRITE), 0, 0 },
	{ __NR_pwritev, M(WRITE), 0, 0 },
	{ __NR_pwritev2, M(WRITE), 0, 0 },
	{ __NR_sendfile, M(WRITE), 0, 0 },
	{ __NR_copy_file_range, M(WRITE), 2, 0 },
	{ __NR_splice, M(WRITE), 2, 0 },
	{ __NR_fallocate, M(WRITE), 0, 0 },
	{ __NR_fsync, M(FSYNC), 0, 0 },
	{ __NR_fdatasync, M(FSYNC), 0, 0 },
	{ __NR_sync_file_range, M(FSYNC), 0, 0 },
	{ __NR_fstat, M(GETATTR), 0, 0 },
	{ __NR_newfstatat, M(GETATTR), BY_NAME, 0 },
	{ __NR_statx, M(GETATTR), BY_NAME, 0 },
	{ __NR_fchmod, M(SETATTR), 0, 0 },
	{ __NR_fchmodat, M(SETATTR), BY_NAME, 0 },
	{ __NR_fchown, M(SETATTR), 0, 0 },
	{ __NR_fchownat, M(SETATTR), BY_NAME, 0 },
	{ __NR_utimensat, M(SETATTR), BY_NAME, 0 },
	{ __NR_mknodat, M(CREATE), BY_NAME, 0 },
	{ __NR_unlinkat, M(UNLINK) | M(RMDIR), BY_NAME, 0 },
	{ __NR_renameat2, M(RENAME), BY_NAME, 0 },
	{ __NR_mkdirat, M(MKDIR), BY_NAME, 0 },
	{ __NR_linkat, M(LINK), BY_NAME, 0 },
	{ __NR_symlinkat, M(SYMLINK), BY_NAME, 0 },
	{ __NR_readlinkat, M(READLINK), BY_NAME, 0 },
	{ __NR_getdents64, M(READDIR), 0, 0 },
	{ __NR_truncate, M(TRUNCATE), BY_NAME, 0 },
	{ __NR_ftruncate, M(TRUNCATE), 0, 0 },
	{ __NR_statfs, M(STATFS), BY_NAME, 0 },
	{ __NR_fstatfs, M(STATFS), 0, 0 },
	{ __NR_mmap, M(MMAP), BY_NAME, 0 },
	{ __NR_execve, M(EXEC), BY_NAME, 0 },
	{ __NR_execveat, M(EXEC), BY_NAME, 0 },
#ifdef __NR_fchmodat2
	{ __NR_fchmodat2, M(SETATTR), BY_NAME, 0 },
#endif
#ifdef __NR_renameat
	{ __NR_renameat, M(RENAME), BY_NAME, 0 },
#endif
#ifdef __NR_open /* an architecture that has the calls of old */
	{ __NR_open, M(OPEN), BY_NAME, 1 },
	{ __NR_creat, M(OPEN) | M(CREATE) | M(TRUNCATE), BY_NAME, 0 },
	{ __NR_stat, M(GETATTR), BY_NAME, 0 },
	{ __NR_lstat, M(GETATTR), BY_NAME, 0 },
	{ __NR_chmod, M(SETATTR), BY_NAME, 0 },
	{ __NR_chown, M(SETATTR), BY_NAME, 0 },
	{ __NR_lchown, M(SETATTR), BY_NAME, 0 },
	{ __NR_utime, M(SETATTR), BY_NAME, 0 },
	{ __NR_utimes, M(SETATTR), BY_NAME, 0 },
	{ __NR_futimesat, M(SETATTR), BY_NAME, 0 },
	{ __NR_mknod, M(CREATE), BY_NAME, 0 },
	{ __NR_unlink, M(UNLINK), BY_NAME, 0 },
	{ __NR_rmdir, M(RMDIR), BY_NAME, 0 },
	{ __NR_rename, M(RENAME), BY_NAME, 0 },
	{ __NR_mkdir, M(MKDIR), BY_NAME, 0 },
	{ __NR_link, M(LINK), BY_NAME, 0 },
	{ __NR_symlink, M(SYMLINK), BY_NAME, 0 },
	{ __NR_readlink, M(READLINK), BY_NAME, 0 },
	{ __NR_getdents, M(READDIR), 0, 0 },
#endif
};

static uint32_t with_flags(uint32_t methods, uint64_t flags)
{
	return methods | (flags & O_CREAT ? M(CREATE) : 0) | (flags & O_TRUNC ? M(TRUNCATE) : 0);
}

/* Those that a row can be, whatever its arguments. */
static uint32_t methods_at_most(const struct io_call *c)
{
	return c->flags || c->nr == __NR_openat2 ? with_flags(c->methods, O_CREAT | O_TRUNC) : c->methods;
}

void io_calls_resolve(const struct fault_io *io, struct calls_set *ret)
{
	*ret = (struct calls_set){};
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if ((methods_at_most(&calls[i]) & io->methods) && (!io->max_length || making_knows(calls[i].nr)))
			ret->bits[calls[i].nr / 64] |= 1ULL << calls[i].nr % 64;
}

static uint64_t how_flags(const struct seccomp_notif *n)
{
	struct open_how how = {};
	struct iovec local = { &how.flags, sizeof(how.flags) }, remote = { (void *)(uintptr_t)n->data.args[2], sizeof(how.flags) };

	return process_vm_readv((pid_t)n->pid, &local, 1, &remote, 1, 0) == sizeof(how.flags) ? how.flags : 0;
}

static uint32_t methods_of(const struct io_call *c, const struct seccomp_notif *n)
{
	const __u64 *args = n->data.args;

	if (c->flags)
		return with_flags(c->methods, args[(int)c->flags]);
	if (c->nr == __NR_openat2)
		return with_flags(c->methods, how_flags(n));
	if (c->nr == __NR_unlinkat)
		return args[2] & AT_REMOVEDIR ? M(RMDIR) : M(UNLINK);
	if (c->nr == __NR_mmap && args[3] & MAP_ANONYMOUS)
		return 0;
	return c->methods;
}

/* The mount that a path is on: the last of those that are above it, and of those the deepest. */
static bool is_in_volume(pid_t pid, const char *path, const char *volume)
{
	_cleanup_fclose_ FILE *f = NULL;
	char name[64], line[8192], at[4096], best[4096] = "";

	snprintf(name, sizeof(name), "/proc/%d/mountinfo", pid);
	f = fopen(name, "re");
	while (f && fgets(line, sizeof(line), f)) {
		size_t n;

		if (sscanf(line, "%*s %*s %*s %*s %4095s", at) != 1)
			continue;
		n = util_streq(at, "/") ? 0 : strlen(at);
		if (!strncmp(path, at, n) && (!path[n] || path[n] == '/') && strlen(at) >= strlen(best))
			strcpy(best, at);
	}
	return util_streq(best, volume);
}

struct wanted {
	const struct fault_io *io;
	pid_t pid;
};

static bool is_wanted(const char *path, const void *data)
{
	const struct wanted *w = data;

	return (!w->io->path || util_path_glob(w->io->path, path)) && (!w->io->volume || is_in_volume(w->pid, path, w->io->volume));
}

bool io_calls_match(const struct seccomp_notif *n, const struct fault_io *io)
{
	const struct wanted w = { io, (pid_t)n->pid };

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct io_call *c = &calls[i];

		if (c->nr != n->data.nr || !(methods_of(c, n) & io->methods))
			continue;
		if (c->fd == BY_NAME ? calls_any_path(n, is_wanted, &w)
				     : calls_descriptor_path(n, (unsigned int)c->fd, is_wanted, &w))
			return true;
	}
	return false;
}
