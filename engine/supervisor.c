// SPDX-License-Identifier: GPL-2.0-only
/*
 * A supervisor put together: the container's record and page, what is to be waited for, and the two processes that do (keeper.h). See
 * supervisor.h.
 */
#include "engine/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/inotify.h>
#include <sys/prctl.h>

#include "engine/acts.h"
#include "engine/birth.h"
#include "engine/confine.h"
#include "engine/listener.h"
#include "engine/undo.h"
#include "lib/util.h"

struct supervisor {
	struct container *container;
	struct container_page *page;
	int page_fd, node_fd;
	const uint64_t *node_aborted;
	bool *said; /* shared */
	bool needs_resource, settled;
	struct keeper keeper;
};

/* What is left for the container's end: to look into its processes, and to signal them. */
static void drop_capabilities(bool needs_resource)
{
	static const cap_value_t needed[] = { CAP_SYS_PTRACE, CAP_KILL, CAP_SYS_RESOURCE };
	int n = ARRAY_SIZE(needed) - !needs_resource;
	cap_t caps = cap_init();

	if (!cap_set_flag(caps, CAP_PERMITTED, n, needed, CAP_SET) && !cap_set_flag(caps, CAP_EFFECTIVE, n, needed, CAP_SET))
		(void)cap_set_proc(caps); /* one who has less keeps that */
	cap_free(caps);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* The hook was killed: its container is not to be. */
static void begun(void *data)
{
	struct supervisor *s = data;

	if (*s->said)
		return;
	*s->said = true;
	if (write(SUPERVISOR_PIPE, SUPERVISOR_READY, strlen(SUPERVISOR_READY)) < 0)
		kill((pid_t)s->container->init.pid, SIGKILL);
}

/* The keeper, which has time, moves both: that may take the kernel milliseconds. */
static void settled(void *data, pid_t worker)
{
	struct supervisor *s = data;

	if (s->settled)
		return;
	s->settled = true;
	if (worker != getpid()) {
		confine_cgroup(worker);
		confine_cgroup(getpid());
	}
	if (!plan_acts(&s->container->plan)) /* those start programs */
		(void)confine_calls();
}

static void taken(void *data)
{
	(void)container_take(((struct supervisor *)data)->container, NULL);
}

static void ended(void *data)
{
	struct supervisor *s = data;

	/* with calls to answer it has: nobody is left who could make them, though the kernel may yet be at work on the last one's end */
	s->page->over = !plan_syscalls(&s->container->plan) && !container_has_ended(s->container);
	if (!s->page->over)
		container_end(s->container, s->page_fd);
}

/* crun's hooks have the container's, under which a supervisor would be among the first to go. */
static void keep_from_oom_killer(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/oom_score_adj", "r+e");
	int score = 0;

	if (!f || fscanf(f, "%d", &score) != 1 || score <= 0)
		return;
	rewind(f);
	fputs("0", f);
}

void supervisor_detach(int pipe)
{
	int kept = fcntl(pipe, F_DUPFD_CLOEXEC, SUPERVISOR_PIPE + 1), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	keep_from_oom_killer();
	setsid();
	for (int fd = 0; fd < SUPERVISOR_PIPE && null >= 0; fd++)
		dup2(null, fd);
	if (dup2(kept, SUPERVISOR_PIPE) < 0 || chdir("/"))
		_exit(1);
	close_range(SUPERVISOR_PIPE + 1, ~0U, 0);
	fcntl(SUPERVISOR_PIPE, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, "faultwire-super");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

void supervisor_run(struct supervisor *s)
{
	drop_capabilities(s->needs_resource);
	if (*s->said)
		(void)!write(SUPERVISOR_PIPE, SUPERVISOR_READY, strlen(SUPERVISOR_READY));
	else if (!plan_acts(&s->container->plan)) /* which are a worker's to begin with */
		begun(s);
	keeper_run(&s->keeper);
}

/* Told of an abort by the writer of the page, or of the node's word. */
static int watch_files(const struct supervisor *s)
{
	const int files[] = { s->page_fd, s->node_fd };
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(files); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", files[i]);
		if (inotify_add_watch(fd, path, IN_MODIFY) < 0)
			close(TAKE_FD(fd));
	}
	return fd;
}

static int add_listener(struct supervisor *s, struct error *err)
{
	struct listener *l = NULL;
	int r;

	if (!plan_syscalls(&s->container->plan))
		return 0;
	r = listener_open(s->container, s->page, s->node_aborted, &l, err);
	if (!r)
		listener_watch(l, &s->keeper);
	return r;
}

static int add_acts(struct supervisor *s, struct error *err)
{
	struct birth *b = NULL;
	struct acts *a = NULL;
	int r;

	if (!plan_acts(&s->container->plan))
		return 0;
	r = acts_open(s->container, s->page, s->node_aborted, &a, err);
	if (!r)
		r = birth_open(s->container, s->page, acts_born, a, &b, err);
	if (r)
		return r;
	s->keeper.sources[s->keeper.n_sources++] = birth_source(b);
	s->keeper.sources[s->keeper.n_sources++] = acts_source(a);
	s->needs_resource = acts_need_resource_capability(a);
	return 0;
}

static int begin(struct supervisor *s, struct container *c, struct error *err)
{
	*s = (struct supervisor){ .container = c, .page_fd = -1, .node_fd = -1 };
	s->keeper = (struct keeper){ .watch = -1, .data = s, .begun = begun, .settled = settled, .taken = taken, .ended = ended };
	s->said = keeper_share(sizeof(*s->said));
	return s->said ? 0 : error_set(err, ENOMEM, "no memory for a supervisor");
}

/* What others say, in its page, which is there, and in the node's word. */
static int heed_others(struct supervisor *s, struct error *err)
{
	int r = container_node_open(&s->node_aborted, &s->node_fd, err);

	if (r)
		return r;
	s->keeper.watch = watch_files(s);
	return undo_lock(s->page_fd);
}

int supervisor_start(struct container *c, struct supervisor **ret, struct error *err)
{
	_cleanup_free_ struct supervisor *s = util_alloc(1, sizeof(*s));
	int r = begin(s, c, err);

	if (r)
		return r;
	r = container_save(c, err);
	if (!r)
		r = container_page_make(c, &s->page, &s->page_fd, err);
	if (!r)
		r = heed_others(s, err);
	if (!r)
		r = add_acts(s, err); /* first, for it touches nothing */
	if (!r)
		r = add_listener(s, err);
	if (r) {
		container_remove(c->id, -1);
		util_closep(&s->page_fd);
		util_closep(&s->node_fd);
		util_closep(&s->keeper.watch);
		return r;
	}
	*ret = TAKE_PTR(s);
	return 0;
}

/* A listener to each process; one that ends meanwhile is none. */
static int add_again(struct supervisor *s, const pid_t *pids, size_t n, struct error *err)
{
	size_t added = 0;
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		struct listener *l = NULL;

		r = listener_open_again(s->container, s->page, s->node_aborted, pids[i], &l, err);
		if (!r)
			listener_watch(l, &s->keeper);
		added += !r;
		r = r == -ESRCH ? 0 : r;
	}
	return r || added ? r : error_set(err, ESRCH, "none of the container's processes is there any more");
}

int supervisor_start_again(struct container *c, const pid_t *pids, size_t n, struct supervisor **ret, struct error *err)
{
	_cleanup_free_ struct supervisor *s = util_alloc(1, sizeof(*s));
	int r = begin(s, c, err);

	if (r)
		return r;
	r = container_page_take(c, &s->page, &s->page_fd, err);
	if (!r)
		r = heed_others(s, err);
	if (!r)
		r = add_again(s, pids, n, err);
	if (!r)
		r = container_take(c, err);
	*s->said = true; /* what it says is no condition of the container's life */
	if (!r)
		*ret = TAKE_PTR(s);
	return r;
}
