// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notifications, decided and answered: see listener.h.
 *
 * Plain notifications, with every decision kept until its thread has heard it (pending.h): no kernel feature is needed for signals and freezing
 * to behave. A fault's decision is made once a call, when it first comes.
 */
#include "engine/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "engine/calls.h"
#include "engine/clock.h"
#include "engine/inject.h"
#include "engine/io_calls.h"
#include "engine/made.h"
#include "engine/pending.h"
#include "engine/proc.h"
#include "engine/tally.h"
#include "lib/gate.h"
#include "lib/util.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

struct listener {
	const struct container *container;
	const struct plan_syscalls *plan;
	struct calls_set calls[FW_RULES]; /* of each rule */
	struct container_page *page;
	const uint64_t *node_aborted;
	int fd;
	struct statx runtime; /* what init's program is before the container's own */
	struct pending_calls pending;
	struct tally tally;
	struct seccomp_notif_sizes sizes;
	struct pending_store *store; /* shared */
	struct made *made;           /* NULL when no rule needs it */
	bool over;
	struct seccomp_notif *request; /* shared; its id is 0 unless it is being handled */
	struct seccomp_notif_resp *response;
};

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
static bool is_running(struct listener *s)
{
	struct statx now;

	if (s->page->running)
		return true;
	if (stat_program(s->container, &now) || is_same_program(&now, &s->runtime))
		return false;
	s->page->running = 1;
	return true;
}

static bool is_aborted(const struct listener *s)
{
	return s->page->aborted || __atomic_load_n(s->node_aborted, __ATOMIC_RELAXED);
}

static bool is_valid(const struct listener *s, uint64_t id)
{
	return !ioctl(s->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

/* The process of a thread, and whether it has a handler for the signal. */
static pid_t process_of(uint32_t tid, int signal, bool *ret_caught)
{
	struct proc_number of[] = { { "Tgid", 10, 0 }, { "SigCgt", 16, 0 } };

	(void)proc_status((pid_t)tid, of, ARRAY_SIZE(of));
	*ret_caught = of[1].value >> (signal - 1) & 1;
	return (pid_t)of[0].value;
}

/*
 * A signal that ends or stops the process comes before the call, which is then never made, or made once it goes on. One that it handles comes
 * when the call has been let go: before, it would only end the wait for our answer.
 */
static void answer(struct listener *s, struct pending *call)
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
	if (ioctl(s->fd, SECCOMP_IOCTL_NOTIF_SEND, s->response)) {
		if (errno == ENOENT && !call->sending)
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
static bool rule_hits(struct listener *s, size_t i, const struct seccomp_notif *n, uint64_t *ret_left_ns)
{
	const struct plan_syscall *rule = &s->plan->rules[i];
	struct fw_rule *gate = &s->page->rules[i];

	if (!calls_has(&s->calls[i], (unsigned int)n->data.nr) || (s->page->disarmed >> i & 1))
		return false;
	if (!gate_open(gate, rule->common.calendar ? &rule->common.calendar->fields : NULL, clock_ns(CLOCK_MONOTONIC),
		       gate->flags & FW_RULE_WALL ? clock_ns(CLOCK_REALTIME) : 0, ret_left_ns))
		return false;
	if (rule->is_io ? !io_calls_match(n, &rule->io) : rule->syscall.path && !calls_match_path(n, rule->syscall.path))
		return false;
	if ((rule->is_io || rule->syscall.path) && !is_valid(s, n->id))
		return false;
	if (!gate_count(gate, rule->syscall.per_thread ? tally_of(&s->tally, n->pid, (uint32_t)i) : NULL))
		return false;
	gate_injected(gate);
	return true;
}

/* When a fault's delay is over, which is so when its window is. */
static void delay_until(struct pending *call, uint64_t left_ns)
{
	uint64_t now = left_ns == UINT64_MAX ? 0 : clock_ns(CLOCK_MONOTONIC);
	uint64_t until = left_ns > UINT64_MAX - now ? UINT64_MAX : now + left_ns;

	call->until_ns = MAX(call->until_ns, until);
}

/* What one fault does; true when it stands for the call. */
static bool act(struct listener *s, size_t i, uint64_t left_ns, struct pending *call, uint64_t *delay_ns)
{
	const struct plan_syscall *rule = &s->plan->rules[i];
	const struct fault_syscall *f = &rule->syscall;
	uint16_t error = rule->is_io ? rule->io.error : f->error;

	*delay_ns += MIN(rule->is_io ? rule->io.delay_ns : f->enter_ns, left_ns);
	call->exit_ns += f->exit_ns;
	delay_until(call, left_ns);
	if (!call->signal)
		call->signal = f->signal;
	if (rule->io.max_length && !call->mistake) {
		call->mistake = (uint8_t)(i + 1);
		call->draw = util_mix64(s->page->rules[i].key ^ s->page->rules[i].state.word);
	}
	if (!error && !f->has_retval)
		return false;
	call->answer.flags = 0;
	call->answer.error = -error;
	call->answer.val = f->has_retval ? f->retval : 0;
	return true;
}

/* Delays add up; what stands for the call, or a signal, is the first fault's. A fault behind one that stands for the call does not count. */
static uint64_t decide(struct listener *s, const struct seccomp_notif *n, struct pending *call)
{
	uint64_t delay_ns = 0, left_ns;

	for (size_t i = 0; i < s->plan->n_rules; i++)
		if (rule_hits(s, i, n, &left_ns) && act(s, i, left_ns, call, &delay_ns))
			break;
	call->to_make = (call->exit_ns || call->mistake) && call->answer.flags;
	return call->to_make ? delay_ns : delay_ns + call->exit_ns;
}

/* ---- calls made in the caller's place */

static struct mistake mistake_of(const struct listener *s, const struct pending *call)
{
	const struct fault_io *io = call->mistake ? &s->plan->rules[call->mistake - 1].io : NULL;

	return io ? (struct mistake){ call->draw, io->max_occurrences, io->max_length, io->filling == IO_RANDOM }
		  : (struct mistake){};
}

/* False when it cannot be: its delay comes before it, then. */
static bool begin_making(struct listener *s, const struct pending *call)
{
	struct mistake mistake = mistake_of(s, call);

	return s->made && making_knows(call->call.nr) && !made_begin(s->made, call, &mistake);
}

static void delay_exit(const struct listener *s, struct pending *call)
{
	call->to_make = false;
	call->due_ns = is_aborted(s) ? 0 : MIN(clock_ns(CLOCK_MONOTONIC) + call->exit_ns, call->until_ns);
}

static void answer_or_hold(struct listener *s, struct pending *call)
{
	if (!call->due_ns || call->due_ns <= clock_ns(CLOCK_MONOTONIC) || pending_push(&s->pending, call))
		answer(s, call);
}

/* Those that have come to their end: written down elsewhere before they are released, for we may be killed between. */
static void collect(struct listener *s)
{
	struct pending call;
	size_t job;

	while (s->made && made_next(s->made, &call, &job)) {
		delay_exit(s, &call);
		if (!pending_has(&s->pending, call.answer.id))
			answer_or_hold(s, &call);
		made_release(s->made, job);
	}
}

/* A call whose time has come: it is made, if it is to be, and comes back when it has been. */
static void go_on(struct listener *s, struct pending *call)
{
	if (call->to_make && begin_making(s, call))
		return;
	if (call->to_make)
		delay_exit(s, call);
	answer_or_hold(s, call);
}

/* ---- notifications */

static void handle(struct listener *s, const struct seccomp_notif *n)
{
	struct pending call = {}, fresh = pass(n);
	uint64_t delay_ns;

	s->page->seen++;
	if (s->made && made_again(s->made, n))
		return;
	if (!is_running(s)) {
		answer(s, &fresh);
		return;
	}
	if (pending_take(&s->pending, n, &call)) {
		call.answer.id = n->id;
	} else if (!is_aborted(s)) {
		call = fresh;
		delay_ns = decide(s, n, &call);
		call.due_ns = delay_ns ? MIN(clock_ns(CLOCK_MONOTONIC) + delay_ns, call.until_ns) : 0;
	}
	if (!call.made && is_aborted(s))
		call = fresh;
	if (!call.due_ns || call.due_ns <= clock_ns(CLOCK_MONOTONIC))
		go_on(s, &call);
	else if (pending_push(&s->pending, &call))
		answer(s, &call);
}

static void receive(struct listener *s)
{
	memset(s->request, 0, s->sizes.seccomp_notif);
	if (!ioctl(s->fd, SECCOMP_IOCTL_NOTIF_RECV, s->request))
		handle(s, s->request);
	s->request->id = 0;
}

/* As if nothing had been, save what has been made. */
static void forget_fault(struct pending *call)
{
	call->due_ns = 0;
	call->to_make = false;
	call->signal = 0;
	if (!call->made)
		call->answer = (struct seccomp_notif_resp){ .id = call->answer.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
}

/* Calls whose time has come; under an abort all of them. Answered first, for we may be killed between. */
static void let_go(struct listener *s)
{
	bool aborted = is_aborted(s);
	struct pending *first;

	while ((first = pending_first(&s->pending)) && (aborted || first->due_ns <= clock_ns(CLOCK_MONOTONIC))) {
		struct pending call = *first;

		first->sending = true;
		if (aborted)
			forget_fault(&call);
		go_on(s, &call);
		(void)pending_pop(&s->pending);
	}
}

/* ---- as a source of the supervisor */

static void begin(void *data)
{
	struct listener *s = data;

	pending_open(&s->pending, s->store);
	if (s->made)
		made_open(s->made);
	if (s->request->id && !pending_has(&s->pending, s->request->id) && !(s->made && made_has(s->made, s->request->id))) {
		struct pending interrupted = pass(s->request); /* handled by one who died of it, maybe */

		interrupted.sending = true;
		answer(s, &interrupted);
	}
	collect(s); /* what was about to be answered must not be taken for its caller's next call */
}

static uint64_t due_ns(const void *data)
{
	const struct pending *first = pending_first(&((const struct listener *)data)->pending);

	return first ? first->due_ns : KEEPER_NEVER;
}

/* Over when nobody is left who could call. */
static bool wake(void *data, short events)
{
	struct listener *s = data;

	let_go(s);
	if (events & POLLIN)
		receive(s);
	s->over = events && !(events & POLLIN);
	return s->over;
}

static uint64_t never(const void *data)
{
	(void)data;
	return KEEPER_NEVER;
}

static bool wake_made(void *data, short events)
{
	struct listener *s = data;

	if (events)
		collect(s);
	return s->over;
}

void listener_watch(struct listener *s, struct keeper *k)
{
	k->sources[k->n_sources++] =
		(struct keeper_source){ .fd = s->fd, .data = s, .begin = begin, .due_ns = due_ns, .wake = wake };
	if (s->made)
		k->sources[k->n_sources++] =
			(struct keeper_source){ .fd = made_fd(s->made), .data = s, .due_ns = never, .wake = wake_made };
}

/* ---- the filter */

static int prepare(struct listener *s, struct error *err)
{
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &s->sizes))
		return error_set(err, ENOTSUP, "this kernel has no seccomp notifications (Linux 5.9 or later is needed): %s",
				 strerror(errno));
	s->request = keeper_share(MAX(s->sizes.seccomp_notif, sizeof(*s->request)));
	s->store = keeper_share(sizeof(*s->store));
	if (!s->request || !s->store)
		return error_set(err, ENOMEM, "no memory for a supervisor");
	s->response = util_alloc(1, MAX(s->sizes.seccomp_notif_resp, sizeof(*s->response)));
	if (!s->page->running && stat_program(s->container, &s->runtime))
		return error_set(err, errno, "cannot see the program of the container's process: %s", strerror(errno));
	return 0;
}

static int install(struct listener *s, pid_t again, struct error *err)
{
	struct sock_fprog program;
	_cleanup_free_ struct sock_filter *filter = NULL;
	uint64_t sync = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;
	struct calls_set all = {};
	size_t n = 0;
	int r;

	for (size_t i = 0; i < s->plan->n_rules; i++) {
		if (s->plan->rules[i].is_io)
			io_calls_resolve(&s->plan->rules[i].io, &s->calls[i]);
		else
			calls_resolve(s->plan->rules[i].syscall.names, &s->calls[i]);
		for (size_t k = 0; k < ARRAY_SIZE(all.bits); k++)
			all.bits[k] |= s->calls[i].bits[k];
	}
	calls_filter(&all, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW, &filter, &n);
	program = (struct sock_fprog){ .len = (unsigned short)n, .filter = filter };
	r = again ? inject_again(again, &program, &s->fd, err)
		  : inject_filter((pid_t)s->container->init.pid, &program, &s->fd, err);
	if (!r)
		ioctl(s->fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, sync); /* quicker where the kernel knows it */
	return r;
}

static bool makes_calls(const struct plan_syscalls *plan)
{
	for (size_t i = 0; i < plan->n_rules; i++)
		if (plan->rules[i].syscall.exit_ns || plan->rules[i].io.max_length)
			return true;
	return false;
}

static int listen_to(const struct container *c, struct container_page *page, const uint64_t *node_aborted, pid_t again,
		     struct listener **ret, struct error *err)
{
	_cleanup_free_ struct listener *s = util_alloc(1, sizeof(*s));
	int r;

	*s = (struct listener){
		.container = c, .plan = plan_syscalls(&c->plan), .page = page, .node_aborted = node_aborted, .fd = -1
	};
	r = prepare(s, err);
	if (!r)
		r = install(s, again, err);
	if (!r && makes_calls(s->plan))
		s->made = made_new(s->fd);
	if (!r)
		*ret = TAKE_PTR(s);
	return r;
}

int listener_open(const struct container *c, struct container_page *page, const uint64_t *node_aborted, struct listener **ret,
		  struct error *err)
{
	return listen_to(c, page, node_aborted, 0, ret, err);
}

int listener_open_again(const struct container *c, struct container_page *page, const uint64_t *node_aborted, pid_t pid,
			struct listener **ret, struct error *err)
{
	return listen_to(c, page, node_aborted, pid, ret, err);
}
