// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs and their threads: see made.h. The main thread gives jobs out and takes them back, by 'stage'; in between a job is its thread's, but for
 * the notification's id.
 */
#include "engine/made.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "engine/keeper.h"
#include "lib/util.h"

#define STACK_BYTES (256U << 10)
#define KEPT_BYTES (64U << 10) /* of a buffer's memory */
#define INTERRUPT SIGUSR1      /* of a thread's call */

enum stage {
	FREE,
	WORKING,   /* on its thread */
	ENDED,     /* to be collected */
	SUSPENDED, /* until it is called again */
};

struct job {
	uint32_t stage; /* enum stage, atomic */
	uint32_t end;   /* enum making_end */
	long result;
	struct pending call;
	struct making making;
};

struct made_store {
	struct job jobs[MADE_JOBS];
	char buffers[MADE_JOBS][MAKING_BUFFER] __attribute__((aligned(4096)));
};

struct work {
	struct made *made;
	pthread_t thread;
	bool joinable;
};

struct made {
	struct made_store *store;
	int listener, fd;
	size_t n_used; /* jobs that may be in use are before */
	struct work work[MADE_JOBS];
};

static enum stage stage_of(const struct job *j)
{
	return (enum stage)__atomic_load_n(&j->stage, __ATOMIC_ACQUIRE);
}

static void set_stage(struct job *j, enum stage stage)
{
	__atomic_store_n(&j->stage, stage, __ATOMIC_RELEASE);
}

static void *work(void *arg)
{
	const struct work *w = arg;
	size_t i = (size_t)(w - w->made->work);
	struct job *j = &w->made->store->jobs[i];

	j->end = making_run(&j->making, w->made->listener, w->made->store->buffers[i], &j->result);
	set_stage(j, ENDED);
	eventfd_write(w->made->fd, 1);
	return NULL;
}

static int start(struct made *m, size_t i)
{
	pthread_attr_t attr;
	sigset_t mine, all;
	int r;

	m->work[i].made = m;
	set_stage(&m->store->jobs[i], WORKING);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	sigdelset(&all, INTERRUPT);
	pthread_sigmask(SIG_BLOCK, &all, &mine);
	r = pthread_create(&m->work[i].thread, &attr, work, &m->work[i]);
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
	pthread_attr_destroy(&attr);
	m->work[i].joinable = !r;
	if (r)
		set_stage(&m->store->jobs[i], SUSPENDED);
	return -r;
}

static void ignore(int signal)
{
	(void)signal;
}

static void recover(struct made *m, size_t i)
{
	struct job *j = &m->store->jobs[i];
	enum stage stage = stage_of(j);

	if (stage == FREE)
		return;
	m->n_used = i + 1;
	if (stage == WORKING) {
		making_recover(&j->making);
		(void)start(m, i);
	} else if (stage == ENDED) {
		eventfd_write(m->fd, 1);
	}
}

struct made *made_new(int listener)
{
	struct made *m = util_alloc(1, sizeof(*m));

	*m = (struct made){
		.store = keeper_share(sizeof(*m->store)),
		.listener = listener,
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	if (m->store && m->fd >= 0)
		return m;
	util_closep(&m->fd);
	free(m);
	return NULL;
}

void made_open(struct made *m)
{
	const struct sigaction interrupted = { .sa_handler = ignore }; /* without SA_RESTART */

	sigaction(INTERRUPT, &interrupted, NULL);
	for (size_t i = 0; i < MADE_JOBS; i++)
		recover(m, i);
}

int made_fd(const struct made *m)
{
	return m->fd;
}

/* The buffer's memory goes back, but for what most calls use. */
void made_release(struct made *m, size_t i)
{
	if (m->store->jobs[i].result > (long)KEPT_BYTES)
		madvise(m->store->buffers[i] + KEPT_BYTES, MAKING_BUFFER - KEPT_BYTES, MADV_REMOVE);
	set_stage(&m->store->jobs[i], FREE);
	while (m->n_used && stage_of(&m->store->jobs[m->n_used - 1]) == FREE)
		m->n_used--;
}

/* A free one, or else one whose caller has not come back. */
static size_t find_room(const struct made *m)
{
	size_t suspended = MADE_JOBS;

	for (size_t i = 0; i < MADE_JOBS; i++) {
		if (stage_of(&m->store->jobs[i]) == FREE)
			return i;
		if (stage_of(&m->store->jobs[i]) == SUSPENDED && suspended == MADE_JOBS)
			suspended = i;
	}
	return suspended;
}

bool made_has(const struct made *m, uint64_t id)
{
	for (size_t i = 0; i < m->n_used; i++)
		if (stage_of(&m->store->jobs[i]) != FREE && m->store->jobs[i].making.id == id)
			return true;
	return false;
}

int made_begin(struct made *m, const struct pending *call, const struct mistake *mistake)
{
	size_t i = find_room(m);
	struct job *j;
	int r;

	if (made_has(m, call->answer.id)) /* begun by one who died of it */
		return 0;
	if (i == MADE_JOBS)
		return -EAGAIN;
	j = &m->store->jobs[i];
	j->call = *call;
	j->making = (struct making){ .id = call->answer.id, .tid = call->tid, .call = call->call, .mistake = *mistake };
	m->n_used = MAX(m->n_used, i + 1);
	r = start(m, i);
	if (r)
		made_release(m, i);
	return r;
}

bool made_again(struct made *m, const struct seccomp_notif *n)
{
	bool again = false;

	for (size_t i = 0; i < m->n_used; i++) {
		struct job *j = &m->store->jobs[i];
		enum stage stage = stage_of(j);

		if (stage == FREE || j->making.tid != n->pid)
			continue;
		if (again || memcmp(&j->making.call, &n->data, sizeof(n->data))) {
			if (stage == WORKING)
				pthread_kill(m->work[i].thread, INTERRUPT);
			continue;
		}
		__atomic_store_n(&j->making.id, n->id, __ATOMIC_RELEASE);
		j->call.answer.id = n->id;
		again = true;
		if (stage == SUSPENDED)
			(void)start(m, i);
	}
	return again;
}

/* What was suspended just as its caller came back is gone on with. */
static bool is_wanted(const struct made *m, const struct job *j)
{
	uint64_t id = j->making.id;

	return !ioctl(m->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

static void fill_answer(const struct job *j, struct pending *ret)
{
	*ret = j->call;
	ret->to_make = false;
	ret->made = j->end == MAKING_DONE;
	if (!ret->made)
		return;
	ret->answer.flags = 0;
	ret->answer.error = j->result < 0 ? (int)j->result : 0;
	ret->answer.val = j->result < 0 ? 0 : j->result;
	if (j->result == -EPIPE && !ret->signal)
		ret->signal = SIGPIPE;
}

bool made_next(struct made *m, struct pending *ret, size_t *ret_job)
{
	eventfd_t n;

	(void)eventfd_read(m->fd, &n);
	for (size_t i = 0; i < m->n_used; i++) {
		struct job *j = &m->store->jobs[i];

		if (stage_of(j) != ENDED)
			continue;
		if (m->work[i].joinable)
			pthread_join(m->work[i].thread, NULL);
		m->work[i].joinable = false;
		if (j->end == MAKING_SUSPENDED) {
			set_stage(j, SUSPENDED);
			if (is_wanted(m, j))
				(void)start(m, i);
			continue;
		}
		fill_answer(j, ret);
		j->call.sending = true;
		*ret_job = i;
		return true;
	}
	return false;
}
