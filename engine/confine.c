// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cgroups left and calls given up: see confine.h.
 */
#include "engine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "engine/cgroup.h"
#include "lib/util.h"

#define OURS "faultwire"

/* ---- cgroups */

/* The mount of a hierarchy: that with a v1 controller, or the unified one (""). */
static bool find_mount(const char *controller, char ret[PATH_MAX])
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[PATH_MAX + 512], type[32], options[256];

	while (f && fgets(line, sizeof(line), f)) {
		const char *rest = strstr(line, " - ");

		if (!rest || sscanf(line, "%*s %*s %*s / %4095s", ret) != 1 ||
		    sscanf(rest, " - %31s %*s %255s", type, options) != 2)
			continue;
		if (*controller ? util_streq(type, "cgroup") && cgroup_has_controller(options, controller)
				: util_streq(type, "cgroup2"))
			return true;
	}
	return false;
}

static int join(const char *mount, const char *group, pid_t pid)
{
	_cleanup_free_ char *path = util_printf("%s%s/cgroup.procs", mount, group);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || dprintf(fd, "%d", pid) < 0 ? -errno : 0;
}

static void leave(const char *controller, pid_t pid)
{
	_cleanup_free_ char *ours = NULL;
	char mount[PATH_MAX];

	if (!find_mount(controller, mount) || join(mount, "", pid) != -EBUSY)
		return;
	ours = util_printf("%s/" OURS, mount);
	if (!mkdir(ours, 0755) || errno == EEXIST)
		(void)join(mount, "/" OURS, pid);
}

void confine_cgroup(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char line[PATH_MAX + 256], name[64];

	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	f = fopen(name, "re");
	while (f && fgets(line, sizeof(line), f)) {
		char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path || util_streq(path, ":/\n"))
			continue;
		*path = '\0';
		controllers++;
		controllers[strcspn(controllers, ",")] = '\0';
		leave(controllers, pid);
	}
}

void confine_tidy(void)
{
	static const char *const places[] = { "/sys/fs/cgroup/" OURS, "/sys/fs/cgroup/unified/" OURS };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		rmdir(places[i]);
}

/* ---- calls */

/* Of the C library, of the keeper, of the listener, of calls made for others (syscalls_made), and of the files that go at the end. */
static const char own[] =
	"brk clone clone3 clock_gettime clock_nanosleep exit exit_group fork futex getpid getppid gettid getrandom madvise mmap "
	"mprotect "
	"mremap munmap nanosleep prctl restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_yield set_robust_list "
	"sigaltstack tgkill close epoll_create1 epoll_ctl epoll_pwait2 eventfd2 fcntl fstat fstatfs getsockopt inotify_add_watch "
	"inotify_init1 inotify_rm_watch ioctl "
	"newfstatat "
	"open openat pidfd_getfd pidfd_open poll ppoll process_vm_readv process_vm_writev readlink readlinkat recvmsg rename "
	"renameat "
	"renameat2 sendmsg statfs statx unlink unlinkat wait4 waitid kill flock mkdir mkdirat sched_getaffinity prlimit64 ";

void confine_allowed(struct calls_set *ret)
{
	struct calls_set made;

	calls_resolve(own, ret);
	calls_resolve(syscalls_made(), &made);
	for (size_t i = 0; i < ARRAY_SIZE(ret->bits); i++)
		ret->bits[i] |= made.bits[i];
}

int confine_calls(void)
{
	_cleanup_free_ struct sock_filter *filter = NULL;
	struct calls_set allowed;
	struct sock_fprog program;
	size_t n = 0;

	confine_allowed(&allowed);
	calls_filter(&allowed, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EPERM, &filter, &n);
	program = (struct sock_fprog){ .len = (unsigned short)n, .filter = filter };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}
