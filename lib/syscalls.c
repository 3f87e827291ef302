// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of system calls, errors and signals: see syscalls.h. The groups are strace's classes.
 */
#include "lib/syscalls.h"

#include <asm/unistd.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/util.h"

static const struct {
	const char *name;
	int number;
} calls[] = {
#include "lib/syscall_names.h"
};

static const struct {
	const char *name, *calls;
} groups[] = {
	{ "@file",
	  "access acct chdir chmod chown chroot creat execve execveat faccessat faccessat2 fanotify_mark fchmodat fchmodat2 "
	  "fchownat futimesat getcwd getxattr inotify_add_watch lchown lgetxattr link linkat listxattr llistxattr lremovexattr "
	  "lsetxattr lstat mkdir mkdirat mknod mknodat mount mount_setattr move_mount name_to_handle_at newfstatat open "
	  "open_tree openat openat2 pivot_root quotactl readlink readlinkat removexattr rename renameat renameat2 rmdir "
	  "setxattr stat statfs statx swapoff swapon symlink symlinkat truncate umount2 unlink unlinkat uselib utime "
	  "utimensat utimes " },
	{ "@network", "accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg "
		      "sendmsg sendto setsockopt shutdown socket socketpair " },
	{ "@process",
	  "clone clone3 execve execveat fork kill pidfd_open pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo tgkill "
	  "tkill vfork wait4 waitid " },
	{ "@memory",
	  "brk cachestat get_mempolicy madvise mbind membarrier migrate_pages mincore mlock mlock2 mlockall mmap mprotect "
	  "mremap msync munlock munlockall munmap move_pages pkey_mprotect process_madvise remap_file_pages "
	  "set_mempolicy shmat shmdt " },
	{ "@desc",
	  "close close_range copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait "
	  "epoll_pwait2 epoll_wait eventfd eventfd2 fadvise64 fallocate fchdir fchmod fchown fcntl fdatasync fgetxattr flistxattr "
	  "flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate getdents getdents64 inotify_add_watch inotify_init "
	  "inotify_init1 inotify_rm_watch ioctl lseek memfd_create mmap open openat openat2 pidfd_getfd pipe pipe2 poll ppoll "
	  "pread64 "
	  "preadv preadv2 pselect6 pwrite64 pwritev pwritev2 read readahead readv select sendfile signalfd signalfd4 splice "
	  "sync_file_range syncfs tee timerfd_create timerfd_gettime timerfd_settime vmsplice write writev " },
	{ "@ipc",
	  "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget "
	  "semop semtimedop shmat shmctl shmdt shmget " },
	{ "@signal", "kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigsuspend "
		     "rt_sigtimedwait rt_tgsigqueueinfo sigaltstack signalfd signalfd4 tgkill tkill " },
};

static const struct {
	const char *name, *why;
} refused[] = {
	{ "exit", "does not return, so there is nothing to answer" },
	{ "exit_group", "does not return, so there is nothing to answer" },
	{ "restart_syscall", "is the kernel's own continuation of another call: name that one" },
	{ "rt_sigreturn", "ends a signal's handler, and an answer would leave the thread with the handler's registers" },
	{ "seccomp", "is how a container protects itself, and how faultwire sees its calls" },
	{ "sigreturn", "ends a signal's handler, and an answer would leave the thread with the handler's registers" },
	{ "uretprobe", "belongs to the kernel's probes" },
};

static const char vdso[] = "clock_getres clock_gettime getcpu gettimeofday time ";

/* Two pairs of a directory's descriptor and a path. */
static const struct {
	const char *name;
	struct syscalls_files files;
} files[] = {
#define PATH(name, at)                             \
	{                                          \
		name,                              \
		{                                  \
			{ -1, -1 }, { at, -1 }, -1 \
		}                                  \
	}
#define PATHS(name)                              \
	{                                        \
		name,                            \
		{                                \
			{ -1, -1 }, { 0, 1 }, -1 \
		}                                \
	}
#define AT(name)                                 \
	{                                        \
		name,                            \
		{                                \
			{ 0, -1 }, { 1, -1 }, -1 \
		}                                \
	}
	PATH("access", 0),
	PATH("chdir", 0),
	PATH("chmod", 0),
	PATH("chown", 0),
	PATH("creat", 0),
	PATH("execve", 0),
	PATH("getxattr", 0),
	PATH("lchown", 0),
	PATH("lgetxattr", 0),
	PATH("listxattr", 0),
	PATH("llistxattr", 0),
	PATH("lremovexattr", 0),
	PATH("lsetxattr", 0),
	PATH("lstat", 0),
	PATH("mkdir", 0),
	PATH("mknod", 0),
	PATH("open", 0),
	PATH("readlink", 0),
	PATH("removexattr", 0),
	PATH("rmdir", 0),
	PATH("setxattr", 0),
	PATH("stat", 0),
	PATH("statfs", 0),
	PATH("symlink", 1),
	PATH("truncate", 0),
	PATH("unlink", 0),
	PATH("utime", 0),
	PATH("utimes", 0),
	PATHS("link"),
	PATHS("rename"),
	AT("execveat"),
	AT("faccessat"),
	AT("faccessat2"),
	AT("fchmodat"),
	AT("fchmodat2"),
	AT("fchownat"),
	AT("futimesat"),
	AT("mkdirat"),
	AT("mknodat"),
	AT("name_to_handle_at"),
	AT("newfstatat"),
	AT("open_tree"),
	AT("openat"),
	AT("openat2"),
	AT("readlinkat"),
	AT("statx"),
	AT("unlinkat"),
	AT("utimensat"),
	{ "symlinkat", { { 1, -1 }, { 2, -1 }, -1 } },
	{ "linkat", { { 0, 2 }, { 1, 3 }, -1 } },
	{ "renameat", { { 0, 2 }, { 1, 3 }, -1 } },
	{ "renameat2", { { 0, 2 }, { 1, 3 }, -1 } },
	{ "mmap", { { -1, -1 }, { -1, -1 }, 4 } },
};

/* Their file is the descriptor in argument 0. */
static const char descriptors[] = "close copy_file_range fadvise64 fallocate fchdir fchmod fchown fcntl fdatasync fgetxattr "
				  "flistxattr flock fremovexattr fsetxattr "
				  "fstat fstatfs fsync ftruncate getdents getdents64 ioctl lseek pread64 preadv preadv2 pwrite64 "
				  "pwritev pwritev2 read readahead "
				  "readv sync_file_range syncfs write writev ";

int syscalls_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (util_streq(calls[i].name, name))
			return calls[i].number;
	return -ENOENT;
}

const char *syscalls_name(int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].number == number)
			return calls[i].name;
	return NULL;
}

const char *syscalls_nearest(const char *name)
{
	const char *names[ARRAY_SIZE(calls) + ARRAY_SIZE(groups) + 1] = {};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		names[n++] = calls[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		names[n++] = groups[i].name;
	return util_nearest(name, names);
}

const char *syscalls_group(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (util_streq(groups[i].name, name))
			return groups[i].calls;
	return NULL;
}

const char *syscalls_groups(void)
{
	return "@file, @network, @process, @memory, @desc, @ipc, @signal";
}

const char *syscalls_refused(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (util_streq(refused[i].name, name))
			return refused[i].why;
	return NULL;
}

const char *syscalls_made(void)
{
	return "fadvise64 fallocate fdatasync fsync ftruncate getdents getdents64 lseek pread64 preadv preadv2 pwrite64 pwritev "
	       "pwritev2 read readahead readv sync_file_range syncfs write writev ";
}

bool syscalls_is_vdso(const char *name)
{
	return util_has_word(vdso, name);
}

bool syscalls_files(const char *name, struct syscalls_files *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (!util_streq(files[i].name, name))
			continue;
		*ret = files[i].files;
		return true;
	}
	*ret = (struct syscalls_files){ { -1, -1 }, { -1, -1 }, 0 };
	return util_has_word(descriptors, name);
}

#define ERRNO_LAST 133 /* EHWPOISON */

int syscalls_errno(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} others[] = { { "EWOULDBLOCK", EWOULDBLOCK }, { "EDEADLOCK", EDEADLOCK }, { "ENOTSUP", ENOTSUP } };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (util_streq(others[i].name, name))
			return others[i].number;
	for (int i = 1; i <= ERRNO_LAST; i++)
		if (strerrorname_np(i) && util_streq(strerrorname_np(i), name))
			return i;
	return 0;
}

int syscalls_signal(const char *name)
{
	const char *bare = strncmp(name, "SIG", 3) == 0 ? name + 3 : name;

	for (int i = 1; i < NSIG; i++)
		if (sigabbrev_np(i) && util_streq(sigabbrev_np(i), bare))
			return i;
	return 0;
}

const char *syscalls_nearest_errno(const char *name)
{
	const char *names[ERRNO_LAST + 1] = {};
	size_t n = 0;

	for (int i = 1; i <= ERRNO_LAST; i++)
		if (strerrorname_np(i))
			names[n++] = strerrorname_np(i);
	return util_nearest(name, names);
}

const char *syscalls_nearest_signal(const char *name)
{
	const char *names[NSIG + 1] = {};
	size_t n = 0;

	for (int i = 1; i < NSIG; i++)
		if (sigabbrev_np(i))
			names[n++] = sigabbrev_np(i);
	return util_nearest(strncmp(name, "SIG", 3) == 0 ? name + 3 : name, names);
}

const char *syscalls_errno_name(int number, char *buf, size_t n)
{
	const char *name = strerrorname_np(number);

	snprintf(buf, n, "%d", number);
	return name ? name : buf;
}

const char *syscalls_signal_name(int number, char *buf, size_t n)
{
	const char *name = sigabbrev_np(number);

	if (name)
		snprintf(buf, n, "SIG%s", name);
	else
		snprintf(buf, n, "%d", number);
	return buf;
}
