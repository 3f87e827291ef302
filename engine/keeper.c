// SPDX-License-Identifier: GPL-2.0-only
/*
 * Worker and keeper: see keeper.h. Each watches the other by a pidfd, whichever is the other's child.
 */
#include "engine/keeper.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "engine/clock.h"
#include "lib/util.h"

#define PAUSE_NS NSEC_PER_MSEC
#define LOOK_NS (5 * NSEC_PER_MSEC) /* for an abort, where the node has no inotify instance left to be told by */

enum { WATCH = KEEPER_SOURCES, KEEPER, N_WAITED };

static bool *is_over; /* shared */

static _Noreturn void keep(struct keeper *k, int worker);
static _Noreturn void work(struct keeper *k, int keeper);

void *keeper_share(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* The other half, as a child that does 'work' or 'keep'. Returns a pidfd of it; -1 = none could be made. */
static int make_other(struct keeper *k, void (*does)(struct keeper *, int), pid_t *ret_pid)
{
	pid_t parent = getpid(), child = fork();
	int fd;

	*ret_pid = child;
	if (child > 0)
		return (int)syscall(SYS_pidfd_open, child, 0);
	if (child < 0)
		return -1;
	fd = (int)syscall(SYS_pidfd_open, parent, 0);
	if (getppid() != parent) /* it is dead, and this may be a pidfd of anybody */
		util_closep(&fd);
	does(k, fd);
	_exit(1);
}

static void pause_briefly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL); /* should they die at once */
}

/* In place of one that has died, which is reaped if it was ours. */
static int replace(struct keeper *k, int dead, void (*does)(struct keeper *, int))
{
	pid_t other;

	waitid(P_PIDFD, (id_t)dead, NULL, WEXITED | WNOHANG); /* it alone: a worker's sources may wait for processes too */
	util_closep(&dead);
	return make_other(k, does, &other);
}

/* ---- the worker */

static void drain(int fd)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(fd, events, sizeof(events)) > 0)
		;
}

static uint64_t next_due(const struct keeper *k, const bool *over)
{
	uint64_t due = KEEPER_NEVER;

	for (size_t i = 0; i < k->n_sources; i++)
		if (!over[i])
			due = MIN(due, k->sources[i].due_ns(k->sources[i].data));
	return due;
}

/* What a worker waits by: descriptors are registered once, for it is done again and again. */
struct waiting {
	int epoll;
	short events[N_WAITED];
	bool over[KEEPER_SOURCES];
};

static void wait_for(const struct waiting *w, int fd, uint32_t what)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = what };

	if (fd >= 0)
		epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e);
}

static int wait_events(const struct keeper *k, uint64_t due_ns, struct waiting *w)
{
	struct epoll_event events[N_WAITED];
	struct timespec ts;
	uint64_t left = 0;
	int n;

	if (due_ns != KEEPER_NEVER) {
		left = clock_ns(CLOCK_MONOTONIC);
		left = due_ns > left ? due_ns - left : 0;
	}
	if (k->watch < 0)
		left = MIN(left, LOOK_NS);
	ts = (struct timespec){ (time_t)(left / NSEC_PER_SEC), (long)(left % NSEC_PER_SEC) };
	n = epoll_pwait2(w->epoll, events, N_WAITED, due_ns == KEEPER_NEVER ? NULL : &ts, NULL);
	memset(w->events, 0, sizeof(w->events));
	for (int i = 0; i < n; i++)
		w->events[events[i].data.u32] = (short)events[i].events;
	return n < 0 && errno != EINTR ? -errno : 0;
}

/* The number of sources that are not over. */
static size_t wake(struct keeper *k, struct waiting *w)
{
	size_t left = 0;

	for (size_t i = 0; i < k->n_sources; i++) {
		bool over = w->over[i] || k->sources[i].wake(k->sources[i].data, w->events[i]);

		if (over && !w->over[i] && k->sources[i].fd >= 0)
			epoll_ctl(w->epoll, EPOLL_CTL_DEL, k->sources[i].fd, NULL);
		w->over[i] = over;
		left += !over;
	}
	return left;
}

static void begin(struct keeper *k)
{
	for (size_t i = 0; i < k->n_sources; i++)
		if (k->sources[i].begin)
			k->sources[i].begin(k->sources[i].data);
	k->begun(k->data);
}

static _Noreturn void work(struct keeper *k, int keeper)
{
	struct waiting w = { .epoll = epoll_create1(EPOLL_CLOEXEC) };

	if (w.epoll < 0)
		_exit(1);
	for (uint32_t i = 0; i < k->n_sources; i++)
		wait_for(&w, k->sources[i].fd, i);
	wait_for(&w, k->watch, WATCH);
	if (keeper < 0)
		keeper = replace(k, -1, keep);
	wait_for(&w, keeper, KEEPER);
	begin(k);
	k->settled(k->data, getpid());
	do {
		if (wait_events(k, next_due(k, w.over), &w))
			_exit(1);
		if (w.events[WATCH])
			drain(k->watch);
		if (w.events[KEEPER]) {
			keeper = replace(k, keeper, keep);
			wait_for(&w, keeper, KEEPER);
		}
	} while (wake(k, &w));
	*is_over = true;
	_exit(0);
}

/* ---- the keeper */

static _Noreturn void watch_worker(struct keeper *k, int worker)
{
	struct pollfd fd = { .fd = worker, .events = POLLIN };

	for (;;) {
		while (fd.fd >= 0 && poll(&fd, 1, -1) < 0)
			;
		if (*is_over)
			break;
		pause_briefly();
		fd.fd = replace(k, fd.fd, work);
	}
	k->ended(k->data);
	_exit(0);
}

static _Noreturn void keep(struct keeper *k, int worker)
{
	k->taken(k->data);
	watch_worker(k, worker);
}

_Noreturn void keeper_run(struct keeper *k)
{
	pid_t worker;
	int fd;

	is_over = keeper_share(sizeof(*is_over));
	if (!is_over)
		_exit(1);
	fd = make_other(k, work, &worker);
	k->settled(k->data, worker);
	watch_worker(k, fd);
}
