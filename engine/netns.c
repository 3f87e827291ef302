// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pod's network namespace: checked, entered, left.
 */
#include "engine/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/nsfs.h>

int netns_open(const char *path, int *ret_fd, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, errno, "cannot open network namespace '%s': %s", path, strerror(errno));
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return error_set(err, EINVAL,
				 "'%s' is not a network namespace: the runtime has not made it yet, or has unmounted it", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

bool netns_is_own(int fd)
{
	struct stat own, other;

	return !stat("/proc/thread-self/ns/net", &own) && !fstat(fd, &other) && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}

int netns_enter(int fd, struct netns *ret, struct error *err)
{
	_cleanup_close_ int self = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (self < 0)
		return error_set(err, errno, "cannot open the own network namespace: %s", strerror(errno));
	if (setns(fd, CLONE_NEWNET))
		return error_set(err, errno, "cannot enter the network namespace: %s", strerror(errno));
	ret->self = TAKE_FD(self);
	return 0;
}

void netns_leave(struct netns *ns)
{
	if (ns->self < 0)
		return;
	/* all that follows would be done to a pod instead of the node */
	if (setns(ns->self, CLONE_NEWNET))
		abort();
	close(ns->self);
	ns->self = -1;
}
