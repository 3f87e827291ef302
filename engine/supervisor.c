// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loop of a supervisor: see supervisor.h.
 *
 * Two processes: a worker that answers, and a keeper that waits for its death and makes another, which goes on with what is in shared memory. A
 * worker whose keeper dies becomes the keeper of a new one. The listener is closed, and calls fail with ENOSYS, only once both are gone.
 *
 * Plain notifications, with every decision kept until its thread has heard it (pending.h): no kernel feature is needed for signals and freezing
 * to behave. A fault's decision is made once a call, when it first comes.
 */
#include "engine/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "engine/calls.h"
#include "engine/inject.h"
#include "engine/pending.h"
#include "engine/tally.h"
#include "lib/gate.h"
#include "lib/util.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

#define WORKER_PAUSE_NS NSEC_PER_MSEC
#define LOOK_NS (5 * NSEC_PER_MSEC) /* for an abort, where the node has no inotify instance left to be told by */

struct supervisor {
	struct container *container;
	const struct plan_syscalls *plan;
	struct calls_set calls[FW_RULES]; /* of each rule */
	struct container_page *page;
	int listener, page_fd, watch;
	struct statx runtime; /* what init's program is before the container's own */
	struct pending_calls pending;
	struct tally tally;
	struct seccomp_notif_sizes sizes;
	struct pending_store *store;   /* shared */
	struct seccomp_notif *request; /* shared; its id is 0 unless it is being handled */
	struct seccomp_notif_resp *response;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* Without asking a server: the program may be on a file system whose server is away. */
static int stat_program(const struct container *c, struct statx *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%llu/exe", (unsigned long long)c->init.pid);
	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, ret) ? -errno : 0;
}

static bool is_same_program(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

/* The thread is stopped in its call, so there is no race: the first call after the exec finds another program. */
static bool is_running(struct supervisor *s)
{
	struct statx now;

	if (s->page->running)
		return true;
	if (stat_program(s->container, &now) || is_same_program(&now, &s->runtime))
		return false;
	s->page->running = 1;
	return true;
}

static bool is_valid(const struct supervisor *s, uint64_t id)
{
	return !ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

/* The process of a thread, and whether it has a handler for the signal. */
static pid_t process_of(uint32_t tid, int signal, bool *ret_caught)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[256];
	unsigned long long caught = 0;
	int tgid = 0;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &tgid) != 1 && sscanf(line, "SigCgt: %llx", &caught) == 1)
			break;
	*ret_caught = caught >> (signal - 1) & 1;
	return tgid;
}

/*
 * A signal that ends or stops the process comes before the call, which is then never made, or made once it goes on. One that it handles comes
 * when the call has been let go: before, it would only end the wait for our answer.
 */
static void answer(struct supervisor *s, struct pending *call)
{
	bool caught = false;
	int signal = call->signal;
	pid_t group = signal ? process_of(call->tid, signal, &caught) : 0;

	if (group && !is_valid(s, call->answer.id))
		group = 0;
	if (group && !caught)
		syscall(SYS_tgkill, group, call->tid, signal);
	if (group)
		call->signal = 0; /* once */
	memset(s->response, 0, s->sizes.seccomp_notif_resp);
	*s->response = call->answer;
	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, s->response)) {
		if (errno == ENOENT)
			pending_owe(&s->pending, call);
		return;
	}
	if (group && caught)
		syscall(SYS_tgkill, group, call->tid, signal);
}

static struct pending pass(const struct seccomp_notif *n)
{
	return (struct pending){
		.tid = n->pid,
		.call = n->data,
		.answer = { .id = n->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE },
	};
}

/* Whether rule i is to happen to this call, and how long its window lasts yet. */
static bool rule_hits(struct supervisor *s, size_t i, const struct seccomp_notif *n, uint64_t *ret_left_ns)
{
	const struct plan_syscall *rule = &s->plan->rules[i];
	struct fw_rule *gate = &s->page->rules[i];

	if (!calls_has(&s->calls[i], (unsigned int)n->data.nr) || (s->page->disarmed >> i & 1))
		return false;
	if (!gate_open(gate, rule->calendar ? &rule->calendar->fields : NULL, now_ns(CLOCK_MONOTONIC), now_ns(CLOCK_REALTIME),
		       ret_left_ns))
		return false;
	if (rule->syscall.path && (!calls_match_path(n, rule->syscall.path) || !is_valid(s, n->id)))
		return false;
	if (!gate_count(gate, rule->syscall.per_thread ? tally_of(&s->tally, n->pid, (uint32_t)i) : NULL))
		return false;
	gate_injected(gate);
	return true;
}

/* Delays add up; what stands for the call, or a signal, is the first fault's. A fault behind one that stands for the call does not count. */
static uint64_t decide(struct supervisor *s, const struct seccomp_notif *n, struct pending *call)
{
	uint64_t delay_ns = 0, left_ns;

	for (size_t i = 0; i < s->plan->n_rules; i++) {
		const struct fault_syscall *f = &s->plan->rules[i].syscall;

		if (!rule_hits(s, i, n, &left_ns))
			continue;
		/* a delay is over when its window is */
		delay_ns += MIN(f->enter_ns + f->exit_ns, left_ns);
		if (!call->signal)
			call->signal = f->signal;
		if (!f->error && !f->has_retval)
			continue;
		call->answer.flags = 0;
		call->answer.error = -f->error;
		call->answer.val = f->has_retval ? f->retval : 0;
		break;
	}
	return delay_ns;
}

static void handle(struct supervisor *s, const struct seccomp_notif *n)
{
	struct pending call = {}, fresh = pass(n);
	uint64_t delay_ns;

	s->page->seen++;
	if (!is_running(s) || s->page->aborted) {
		(void)pending_take(&s->pending, n, &call);
		answer(s, &fresh);
		return;
	}
	if (pending_take(&s->pending, n, &call)) {
		call.answer.id = n->id;
	} else {
		call = fresh;
		delay_ns = decide(s, n, &call);
		call.due_ns = delay_ns ? now_ns(CLOCK_MONOTONIC) + delay_ns : 0;
	}
	if (call.due_ns <= now_ns(CLOCK_MONOTONIC) || pending_push(&s->pending, &call))
		answer(s, &call);
}

static void receive(struct supervisor *s)
{
	memset(s->request, 0, s->sizes.seccomp_notif);
	if (!ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, s->request))
		handle(s, s->request);
	s->request->id = 0;
}

/* Calls whose time has come; under an abort all of them, as if nothing had been. Answered first, for we may be killed between. */
static void let_go(struct supervisor *s)
{
	bool aborted = s->page->aborted;
	const struct pending *first;

	while ((first = pending_first(&s->pending)) && (aborted || first->due_ns <= now_ns(CLOCK_MONOTONIC))) {
		struct pending call = *first;

		if (aborted) {
			call.answer =
				(struct seccomp_notif_resp){ .id = call.answer.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
			call.signal = 0;
		}
		answer(s, &call);
		(void)pending_pop(&s->pending);
	}
}

static void drain(int fd)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(fd, events, sizeof(events)) > 0)
		;
}

static void keep(struct supervisor *s, pid_t worker);

/*
 * A descriptor that tells of the keeper's death; -1 = out of them. One that is dead already is replaced by this very process, whose child goes on
 * with the work.
 */
static int watch_keeper(struct supervisor *s, pid_t keeper)
{
	for (;;) {
		int fd = (int)syscall(SYS_pidfd_open, keeper, 0);
		pid_t worker;

		if (getppid() == keeper)
			return fd;
		util_closep(&fd);
		keeper = getpid();
		worker = fork();
		if (worker < 0)
			return -1;
		if (worker) {
			(void)container_take(s->container, NULL);
			keep(s, worker);
			_exit(0);
		}
	}
}

static int wait_events(struct supervisor *s, struct pollfd *fds, size_t n)
{
	const struct pending *first = pending_first(&s->pending);
	uint64_t now = now_ns(CLOCK_MONOTONIC), left = first && first->due_ns > now ? first->due_ns - now : 0;
	struct timespec timeout;

	if (s->watch < 0)
		left = MIN(left, LOOK_NS);
	timeout = (struct timespec){ (time_t)(left / NSEC_PER_SEC), (long)(left % NSEC_PER_SEC) };
	for (size_t i = 0; i < n; i++)
		fds[i].revents = 0;
	return ppoll(fds, n, first ? &timeout : NULL, NULL) < 0 && errno != EINTR ? -errno : 0;
}

/* Until nobody is left who could call. */
static void work(struct supervisor *s, pid_t keeper)
{
	enum { LISTENER, WATCH, KEEPER };
	struct pollfd fds[] = {
		[LISTENER] = { .fd = s->listener, .events = POLLIN },
		[WATCH] = { .fd = s->watch, .events = POLLIN },
		[KEEPER] = { .fd = watch_keeper(s, keeper), .events = POLLIN },
	};

	pending_open(&s->pending, s->store);
	if (s->request->id && !pending_has(&s->pending, s->request->id)) {
		struct pending interrupted = pass(s->request); /* handled by one who died of it, maybe */

		answer(s, &interrupted);
	}
	while (!wait_events(s, fds, ARRAY_SIZE(fds))) {
		if (fds[WATCH].revents)
			drain(s->watch);
		let_go(s);
		if (fds[LISTENER].revents & POLLIN)
			receive(s);
		else if (fds[LISTENER].revents)
			return;
		if (fds[KEEPER].revents) {
			close(fds[KEEPER].fd);
			fds[KEEPER].fd = watch_keeper(s, keeper);
		}
	}
}

static pid_t start_worker(struct supervisor *s)
{
	pid_t keeper = getpid(), worker = fork();

	if (worker)
		return worker;
	work(s, keeper);
	_exit(0);
}

/* Until a worker has seen the container's end. */
static void keep(struct supervisor *s, pid_t worker)
{
	int status;

	for (;;) {
		if (worker > 0 && waitpid(worker, &status, 0) == worker && WIFEXITED(status))
			break;
		nanosleep(&(struct timespec){ .tv_nsec = WORKER_PAUSE_NS }, NULL); /* should they die at once */
		worker = start_worker(s);
	}
	container_end(s->container, s->page_fd);
}

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

void supervisor_run(struct supervisor *s)
{
	drop_capabilities();
	keep(s, start_worker(s));
}

static void *share(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int prepare(struct supervisor *s, struct error *err)
{
	char path[PATH_MAX];

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &s->sizes))
		return error_set(err, ENOTSUP, "this kernel has no seccomp notifications (Linux 5.9 or later is needed): %s",
				 strerror(errno));
	s->request = share(MAX(s->sizes.seccomp_notif, sizeof(*s->request)));
	s->store = share(sizeof(*s->store));
	if (!s->request || !s->store)
		return error_set(err, ENOMEM, "no memory for a supervisor");
	s->response = util_alloc(1, MAX(s->sizes.seccomp_notif_resp, sizeof(*s->response)));
	if (stat_program(s->container, &s->runtime))
		return error_set(err, errno, "cannot see the program of the container's process: %s", strerror(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->page_fd);
	s->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->watch >= 0 && inotify_add_watch(s->watch, path, IN_MODIFY) < 0)
		close(TAKE_FD(s->watch));
	return 0;
}

static int install(struct supervisor *s, struct error *err)
{
	_cleanup_free_ struct sock_filter *filter = NULL;
	uint64_t sync = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;
	struct calls_set all = {};
	size_t n = 0;
	int r;

	for (size_t i = 0; i < s->plan->n_rules; i++) {
		calls_resolve(s->plan->rules[i].syscall.names, &s->calls[i]);
		for (size_t k = 0; k < ARRAY_SIZE(all.bits); k++)
			all.bits[k] |= s->calls[i].bits[k];
	}
	calls_filter(&all, &filter, &n);
	r = inject_filter((pid_t)s->container->init.pid, &(struct sock_fprog){ .len = (unsigned short)n, .filter = filter },
			  &s->listener, err);
	if (!r)
		ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, sync); /* quicker where the kernel knows it */
	return r;
}

int supervisor_start(struct container *c, struct supervisor **ret, struct error *err)
{
	_cleanup_free_ struct supervisor *s = util_alloc(1, sizeof(*s));
	int r;

	*s = (struct supervisor){ .container = c, .plan = plan_syscalls(&c->plan), .listener = -1, .page_fd = -1, .watch = -1 };
	r = container_save(c, err);
	if (!r)
		r = container_page_make(c, &s->page, &s->page_fd, err);
	if (!r)
		r = prepare(s, err);
	if (!r)
		r = install(s, err);
	if (r) {
		container_remove(c->id, -1);
		util_closep(&s->page_fd);
		util_closep(&s->watch);
		return r;
	}
	*ret = TAKE_PTR(s);
	return 0;
}
