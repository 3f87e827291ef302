// SPDX-License-Identifier: GPL-2.0-only
/*
 * PTRACE_EVENT_EXEC, waited for by a worker among its other sources: see birth.h.
 */
#include "engine/birth.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "engine/clock.h"
#include "lib/util.h"

#define LOOK_NS (5 * NSEC_PER_MSEC) /* for the exec, where we may not trace */

struct birth {
	const struct container *container;
	pid_t pid;
	struct container_page *page;
	int (*born)(void *data);
	void *data;
	int fd;               /* SIGCHLD */
	struct statx runtime; /* what init's program is before the container's own */
	bool attached;
};

static int stat_program(pid_t pid, struct statx *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, ret) ? -errno : 0;
}

static bool is_born(const struct birth *b)
{
	struct statx now;

	return !stat_program(b->pid, &now) && (now.stx_ino != b->runtime.stx_ino || now.stx_dev_major != b->runtime.stx_dev_major ||
					       now.stx_dev_minor != b->runtime.stx_dev_minor);
}

/* ---- a process that ends itself */

#ifdef __x86_64__

#define CS_32BIT 0x23

static void regs_exit(struct user_regs_struct *r, int code)
{
	r->orig_rax = -1UL; /* nothing to restart */
	r->rax = r->cs == CS_32BIT ? 252 : SYS_exit_group;
	r->rdi = r->rbx = (unsigned long)code;
}

/* The instruction that makes a call, in place of the next one: a private copy of its page, as debuggers make. */
static uint64_t with_call(const struct user_regs_struct *r, uint64_t text)
{
	return (text & ~0xffffULL) | (r->cs == CS_32BIT ? 0x80cd : 0x050f); /* int 0x80, syscall */
}

static uint64_t regs_at(const struct user_regs_struct *r)
{
	return r->rip;
}

#elif defined(__aarch64__)

static void regs_exit(struct user_regs_struct *r, int code)
{
	r->regs[8] = SYS_exit_group;
	r->regs[0] = (unsigned long)code;
}

static uint64_t with_call(const struct user_regs_struct *r, uint64_t text)
{
	(void)r;
	return (text & ~0xffffffffULL) | 0xd4000001; /* svc #0 */
}

static uint64_t regs_at(const struct user_regs_struct *r)
{
	return r->pc;
}

#else
#error "this architecture's registers are not known"
#endif

/* Waits for the stop that PTRACE_INTERRUPT asked for; signals on their way come first, and are let through. */
static int wait_interrupt(pid_t pid)
{
	int status;

	for (;;) {
		if (waitpid(pid, &status, __WALL) != pid)
			return -errno;
		if (!WIFSTOPPED(status))
			return -ESRCH;
		if (status >> 16 == PTRACE_EVENT_STOP)
			return 0;
		if (ptrace(PTRACE_CONT, pid, NULL, (void *)(uintptr_t)(status >> 16 ? 0 : WSTOPSIG(status))))
			return -errno;
	}
}

/* pid is traced and runs, or is to. */
static int end_with(pid_t pid, int code)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };
	long text;
	int r = wait_interrupt(pid);

	if (r)
		return r;
	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov))
		return -errno;
	errno = 0;
	text = ptrace(PTRACE_PEEKTEXT, pid, (void *)(uintptr_t)regs_at(&regs), NULL);
	if (errno ||
	    ptrace(PTRACE_POKETEXT, pid, (void *)(uintptr_t)regs_at(&regs), (void *)(uintptr_t)with_call(&regs, (uint64_t)text)))
		return -errno;
	regs_exit(&regs, code);
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov))
		return -errno;
	return ptrace(PTRACE_DETACH, pid, NULL, NULL) ? -errno : 0;
}

/* Once it is traced its number is nobody else's; until then it may have become so. */
static int attach(const struct container *c, unsigned long options)
{
	pid_t pid = (pid_t)c->init.pid;

	if (ptrace(PTRACE_SEIZE, pid, NULL, options))
		return -errno;
	if (!container_has_ended(c))
		return 0;
	if (!ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) && !wait_interrupt(pid))
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return -ESRCH;
}

int birth_exit(const struct container *c, int code)
{
	pid_t pid = (pid_t)c->init.pid;
	int r = attach(c, 0);

	if (r)
		return r;
	r = ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) ? -errno : end_with(pid, code);
	if (r)
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return r;
}

/* ---- the exec */

/* Stopped in its exec, whose result the kernel has yet to write: let it come to its end first. */
static void begin_program(struct birth *b)
{
	int code;

	b->page->running = 1;
	code = b->born(b->data);
	if (code >= 0 && !ptrace(PTRACE_INTERRUPT, b->pid, NULL, NULL) && !ptrace(PTRACE_CONT, b->pid, NULL, NULL) &&
	    !end_with(b->pid, code))
		return;
	ptrace(PTRACE_DETACH, b->pid, NULL, NULL);
}

/* One stop, passed on. True when it was the exec's. */
static bool handle_stop(struct birth *b, int status)
{
	int event = status >> 16, signal = WSTOPSIG(status);

	if (event == PTRACE_EVENT_EXEC) {
		begin_program(b);
		return true;
	}
	if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
		ptrace(PTRACE_LISTEN, b->pid, NULL, NULL); /* stopped by a signal, and to stay so */
	else
		ptrace(PTRACE_CONT, b->pid, NULL, (void *)(uintptr_t)(event ? 0 : signal));
	return false;
}

/* One that was there before we came, or that never will be: true when there is nothing to wait for. */
static bool find_born(struct birth *b)
{
	int code;

	if (container_has_ended(b->container))
		return true;
	if (!is_born(b))
		return false;
	if (b->attached && !ptrace(PTRACE_INTERRUPT, b->pid, NULL, NULL) && !wait_interrupt(b->pid))
		ptrace(PTRACE_DETACH, b->pid, NULL, NULL);
	b->page->running = 1;
	code = b->born(b->data);
	if (code >= 0)
		(void)birth_exit(b->container, code);
	return true;
}

static void birth_begin(void *data)
{
	struct birth *b = data;
	sigset_t child;

	if (b->page->running)
		return;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	b->attached = !attach(b->container, PTRACE_O_TRACEEXEC);
	(void)find_born(b);
}

static uint64_t birth_due_ns(const void *data)
{
	const struct birth *b = data;

	return b->attached || b->page->running ? KEEPER_NEVER : clock_ns(CLOCK_MONOTONIC) + LOOK_NS;
}

static bool birth_wake(void *data, short events)
{
	struct birth *b = data;
	struct signalfd_siginfo told;
	int status;

	while (events && read(b->fd, &told, sizeof(told)) > 0)
		;
	if (b->page->running)
		return true;
	if (!b->attached)
		return find_born(b);
	while (waitpid(b->pid, &status, __WALL | WNOHANG) == b->pid) {
		if (!WIFSTOPPED(status) || handle_stop(b, status))
			return true;
	}
	return false;
}

int birth_open(const struct container *c, struct container_page *page, int (*born)(void *data), void *data, struct birth **ret,
	       struct error *err)
{
	_cleanup_free_ struct birth *b = util_alloc(1, sizeof(*b));
	sigset_t child;

	*b = (struct birth){ .container = c, .pid = (pid_t)c->init.pid, .page = page, .born = born, .data = data };
	if (stat_program(b->pid, &b->runtime))
		return error_set(err, errno, "cannot see the program of the container's process: %s", strerror(errno));
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	b->fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (b->fd < 0)
		return error_set(err, errno, "cannot wait for the container's program: %s", strerror(errno));
	*ret = TAKE_PTR(b);
	return 0;
}

struct keeper_source birth_source(struct birth *b)
{
	return (struct keeper_source){ .fd = b->fd, .data = b, .begin = birth_begin, .due_ns = birth_due_ns, .wake = birth_wake };
}
