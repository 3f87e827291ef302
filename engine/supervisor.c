// SPDX-License-Identifier: GPL-2.0-only
/*
 * A supervisor put together: the container's record and page, what is to be waited for, and the two processes that do (keeper.h). See
 * supervisor.h.
 */
#include "engine/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <sys/capability.h>
#include <sys/inotify.h>
#include <sys/prctl.h>

#include "engine/listener.h"
#include "lib/util.h"

struct supervisor {
	struct container *container;
	struct container_page *page;
	int page_fd;
	struct keeper keeper;
};

/* What is left for the container's end: to look into its processes, and to signal them. */
static void drop_capabilities(void)
{
	static const cap_value_t needed[] = { CAP_SYS_PTRACE, CAP_KILL };
	cap_t caps = cap_init();

	if (!cap_set_flag(caps, CAP_PERMITTED, ARRAY_SIZE(needed), needed, CAP_SET) &&
	    !cap_set_flag(caps, CAP_EFFECTIVE, ARRAY_SIZE(needed), needed, CAP_SET))
		(void)cap_set_proc(caps); /* one who has less keeps that */
	cap_free(caps);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void taken(void *data)
{
	(void)container_take(((struct supervisor *)data)->container, NULL);
}

static void ended(void *data)
{
	struct supervisor *s = data;

	container_remove(s->container->id, s->page_fd);
}

void supervisor_run(struct supervisor *s)
{
	drop_capabilities();
	keeper_run(&s->keeper);
}

/* Told of an abort by the page's writer. */
static int watch_page(const struct supervisor *s)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->page_fd);
	if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY) < 0)
		close(TAKE_FD(fd));
	return fd;
}

static int add_listener(struct supervisor *s, struct error *err)
{
	struct listener *l = NULL;
	int r;

	if (!plan_syscalls(&s->container->plan))
		return 0;
	r = listener_open(s->container, s->page, &l, err);
	if (!r)
		listener_watch(l, &s->keeper);
	return r;
}

int supervisor_start(struct container *c, struct supervisor **ret, struct error *err)
{
	_cleanup_free_ struct supervisor *s = util_alloc(1, sizeof(*s));
	int r;

	*s = (struct supervisor){ .container = c, .page_fd = -1 };
	s->keeper = (struct keeper){ .watch = -1, .data = s, .taken = taken, .ended = ended };
	r = container_save(c, err);
	if (!r)
		r = container_page_make(c, &s->page, &s->page_fd, err);
	if (!r)
		s->keeper.watch = watch_page(s);
	if (!r)
		r = add_listener(s, err);
	if (r) {
		container_remove(c->id, -1);
		util_closep(&s->page_fd);
		util_closep(&s->keeper.watch);
		return r;
	}
	*ret = TAKE_PTR(s);
	return 0;
}
