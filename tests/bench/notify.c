// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bare round trip of a seccomp notification, beside which an intercepted call's is held: a program under a filter that notifies of getppid,
 * and a listener that answers each with an error and does nothing else.
 *
 *     notify COMMAND...
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#endif

static int listen_to_self(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(f) / sizeof(f[0]), f };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void answer(int fd)
{
	struct seccomp_notif n = {};
	struct seccomp_notif_resp r = {};

	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n))
		return;
	r.id = n.id;
	r.error = -EIO;
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

int main(int argc, char **argv)
{
	int go[2], fd, pidfd, listener;
	char byte = 0;
	pid_t child;

	if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, go))
		return 2;
	child = fork();
	if (!child) {
		fd = listen_to_self();
		if (fd < 0 || write(go[1], &fd, sizeof(fd)) != sizeof(fd) || read(go[1], &byte, 1) != 1)
			err(1, "filter");
		close(fd);
		execvp(argv[1], argv + 1);
		err(1, "%s", argv[1]);
	}
	if (read(go[0], &fd, sizeof(fd)) != sizeof(fd))
		return 1;
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	listener = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1UL); /* wakes synchronously, where the kernel knows how */
	if (listener < 0 || write(go[0], &byte, 1) != 1)
		err(1, "listener");
	while (!waitpid(child, NULL, WNOHANG))
		answer(listener);
	return 0;
}
