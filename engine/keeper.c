// SPDX-License-Identifier: GPL-2.0-only
/*
 * Worker and keeper: see keeper.h. Each watches the other by a pidfd, whichever is the other's child.
 */
#include "engine/keeper.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/util.h"

#define PAUSE_NS NSEC_PER_MSEC
#define LOOK_NS (5 * NSEC_PER_MSEC) /* for an abort, where the node has no inotify instance left to be told by */

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

static int wait_events(const struct keeper *k, uint64_t due_ns, struct pollfd *fds, size_t n)
{
	struct timespec ts;
	uint64_t now, left;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
	left = due_ns > now ? due_ns - now : 0;
	if (k->watch < 0)
		left = MIN(left, LOOK_NS);
	ts = (struct timespec){ (time_t)(left / NSEC_PER_SEC), (long)(left % NSEC_PER_SEC) };
	for (size_t i = 0; i < n; i++)
		fds[i].revents = 0;
	return ppoll(fds, n, due_ns == KEEPER_NEVER ? NULL : &ts, NULL) < 0 && errno != EINTR ? -errno : 0;
}

/* The number of sources that are not over. */
static size_t wake(struct keeper *k, struct pollfd *fds, bool *over)
{
	size_t left = 0;

	for (size_t i = 0; i < k->n_sources; i++) {
		over[i] = over[i] || k->sources[i].wake(k->sources[i].data, fds[i].revents);
		fds[i].fd = over[i] ? -1 : k->sources[i].fd;
		left += !over[i];
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
	enum { WATCH = KEEPER_SOURCES, KEEPER, N };
	bool over[KEEPER_SOURCES] = {};
	struct pollfd fds[N];

	for (size_t i = 0; i < N; i++)
		fds[i] = (struct pollfd){ .fd = i < k->n_sources ? k->sources[i].fd : -1, .events = POLLIN };
	fds[WATCH].fd = k->watch;
	fds[KEEPER].fd = keeper >= 0 ? keeper : replace(k, -1, keep);
	begin(k);
	k->settled(k->data, getpid());
	do {
		if (wait_events(k, next_due(k, over), fds, N))
			_exit(1);
		if (fds[WATCH].revents)
			drain(k->watch);
		if (fds[KEEPER].revents)
			fds[KEEPER].fd = replace(k, fds[KEEPER].fd, keep);
	} while (wake(k, fds, over));
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
