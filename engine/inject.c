// SPDX-License-Identifier: GPL-2.0-only
/*
 * Three calls made by somebody else: mmap for the filter, seccomp, and close of the listener once we have it. See inject.h.
 *
 * The process is caught in a blocking call as a rule. Calls are made at an instruction that is there already (the one it is in, or one of
 * the vDSO), so that no text is written; afterwards registers and signal mask are as they were, and the call it was in is begun again.
 */
#include "engine/inject.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "lib/util.h"

#define SCRATCH_BYTES(filter) (sizeof(struct sock_fprog) + (filter)->len * sizeof(struct sock_filter))

#ifdef __x86_64__

static const unsigned char instruction[] = { 0x0f, 0x05 }; /* syscall */

static void regs_call(struct user_regs_struct *r, uint64_t at, long nr, const uint64_t a[6])
{
	r->rip = at;
	r->rax = (unsigned long)nr;
	r->orig_rax = -1UL; /* nothing to restart */
	r->rdi = a[0];
	r->rsi = a[1];
	r->rdx = a[2];
	r->r10 = a[3];
	r->r8 = a[4];
	r->r9 = a[5];
}

static long regs_result(const struct user_regs_struct *r)
{
	return (long)r->rax;
}

/* Where a system call's instruction probably is. */
static uint64_t regs_instruction(const struct user_regs_struct *r, size_t i)
{
	return i == 0 && (long)r->orig_rax >= 0 ? r->rip - sizeof(instruction) : 0;
}

/* Begins the interrupted call again: the kernel would have on its way back, which our own calls took instead. */
static void regs_restart(struct user_regs_struct *r)
{
	enum { RESTARTSYS = -512, RESTARTNOINTR = -513, RESTARTNOHAND = -514, RESTART_BLOCK = -516 };
	long result = (long)r->rax;

	if ((long)r->orig_rax >= 0 && (result == RESTARTSYS || result == RESTARTNOINTR || result == RESTARTNOHAND)) {
		r->rax = r->orig_rax;
		r->rip -= sizeof(instruction);
	} else if ((long)r->orig_rax >= 0 && result == RESTART_BLOCK) {
		r->rax = __NR_restart_syscall;
		r->rip -= sizeof(instruction);
	}
	r->orig_rax = -1UL;
}

#elif defined(__aarch64__)

static const unsigned char instruction[] = { 0x01, 0x00, 0x00, 0xd4 }; /* svc #0 */

static void regs_call(struct user_regs_struct *r, uint64_t at, long nr, const uint64_t a[6])
{
	r->pc = at;
	r->regs[8] = (unsigned long)nr;
	memcpy(r->regs, a, 6 * sizeof(*a));
}

static long regs_result(const struct user_regs_struct *r)
{
	return (long)r->regs[0];
}

/* A call to be begun again is rewound before we see it; one that has returned is not. */
static uint64_t regs_instruction(const struct user_regs_struct *r, size_t i)
{
	return i == 0 ? r->pc : i == 1 ? r->pc - sizeof(instruction) : 0;
}

static void regs_restart(struct user_regs_struct *r)
{
	(void)r;
}

#else
#error "this architecture's registers are not known"
#endif

struct inject {
	pid_t pid;
	struct user_regs_struct saved;
	uint64_t mask, instruction;
	int listener;
	bool running; /* not to be killed: what it was is put back */
	bool attached, touched;
	sigset_t unblocked; /* our own mask, which lets SIGCHLD in */
};

static int fail(struct error *err, pid_t pid, const char *what)
{
	return error_set(err, errno, "cannot put the filter into process %d: %s: %s", pid, what, strerror(errno));
}

/* Lets a call of the process through that its new filter stopped. */
static void answer(int listener)
{
	union {
		struct seccomp_notif notif;
		char room[512];
	} request = {};
	union {
		struct seccomp_notif_resp resp;
		char room[512];
	} response = {};

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request))
		return;
	response.resp.id = request.notif.id;
	response.resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static int wait_stop(struct inject *i, int *ret)
{
	struct pollfd listener = { .fd = i->listener, .events = POLLIN };

	for (;;) {
		pid_t r = waitpid(i->pid, ret, __WALL | (i->listener >= 0 ? WNOHANG : 0));

		if (r == i->pid)
			break;
		if (r < 0 && errno != EINTR)
			return -errno;
		/* SIGCHLD is let in here alone, so that none is missed between the two */
		if (i->listener >= 0 && ppoll(&listener, 1, NULL, &i->unblocked) > 0)
			answer(i->listener);
	}
	errno = ESRCH;
	return WIFSTOPPED(*ret) ? 0 : -ESRCH;
}

static int regs_get(struct inject *i, struct user_regs_struct *ret)
{
	struct iovec iov = { ret, sizeof(*ret) };

	return ptrace(PTRACE_GETREGSET, i->pid, NT_PRSTATUS, &iov) ? -errno : 0;
}

static int regs_set(struct inject *i, const struct user_regs_struct *regs)
{
	struct iovec iov = { (void *)regs, sizeof(*regs) };

	return ptrace(PTRACE_SETREGSET, i->pid, NT_PRSTATUS, &iov) ? -errno : 0;
}

static bool is_instruction(pid_t pid, uint64_t at)
{
	unsigned char there[sizeof(instruction)];
	struct iovec local = { there, sizeof(there) }, remote = { (void *)(uintptr_t)at, sizeof(there) };

	return at && process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)sizeof(there) &&
	       !memcmp(there, instruction, sizeof(there));
}

static uint64_t vdso_instruction(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[512];
	unsigned long start = 0, end = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			break;
	for (uint64_t at = start; at + sizeof(instruction) <= end; at++)
		if (is_instruction(pid, at))
			return at;
	return 0;
}

static int find_instruction(struct inject *i)
{
	for (size_t k = 0; k < 2; k++) {
		i->instruction = regs_instruction(&i->saved, k);
		if (is_instruction(i->pid, i->instruction))
			return 0;
	}
	i->instruction = vdso_instruction(i->pid);
	errno = ENOEXEC;
	return i->instruction ? 0 : -ENOEXEC;
}

/* Stops the process: a signal on its way to it comes first and is passed on, the stop we asked for is still to come. */
static int attach(struct inject *i, struct error *err)
{
	int status;

	if (ptrace(PTRACE_SEIZE, i->pid, NULL, PTRACE_O_EXITKILL))
		return error_set(err, errno,
				 "cannot trace the container's process %d: %s; is it traced already, or does "
				 "/proc/sys/kernel/yama/ptrace_scope forbid it?",
				 i->pid, strerror(errno));
	i->attached = true;
	if (ptrace(PTRACE_INTERRUPT, i->pid, NULL, NULL))
		return fail(err, i->pid, "interrupt");
	for (;;) {
		if (wait_stop(i, &status))
			return fail(err, i->pid, "stop");
		if (status >> 16 == PTRACE_EVENT_STOP)
			break;
		if (ptrace(PTRACE_CONT, i->pid, NULL, (void *)(uintptr_t)WSTOPSIG(status)))
			return fail(err, i->pid, "go on");
	}
	if (regs_get(i, &i->saved) || ptrace(PTRACE_GETSIGMASK, i->pid, (void *)sizeof(i->mask), &i->mask))
		return fail(err, i->pid, "read its registers");
	return find_instruction(i) ? fail(err, i->pid, "find a system call's instruction") : 0;
}

/*
 * The result of a call made by the process; -errno also for what fails on our side. One step is the whole call, of which the stop on its way out
 * is told as the step's trap.
 */
static long call(struct inject *i, long nr, const uint64_t args[6])
{
	struct user_regs_struct regs = i->saved;
	int status, r;

	regs_call(&regs, i->instruction, nr, args);
	r = regs_set(i, &regs);
	do {
		if (!r && ptrace(PTRACE_SINGLESTEP, i->pid, NULL, NULL))
			r = -errno;
		if (!r)
			r = wait_stop(i, &status);
		if (r)
			return r;
		if (WSTOPSIG(status) != SIGTRAP)
			return -EPROTO;
	} while (status >> 16 == PTRACE_EVENT_STOP);
	r = regs_get(i, &regs);
	return r ? r : regs_result(&regs);
}

static bool is_error(long result)
{
	if (result >= 0 || result < -4095)
		return false;
	errno = (int)-result;
	return true;
}

static int write_filter(struct inject *i, uint64_t at, const struct sock_fprog *filter)
{
	size_t bytes = filter->len * sizeof(*filter->filter);
	struct sock_fprog head = { .len = filter->len, .filter = (void *)(uintptr_t)(at + sizeof(head)) };
	struct iovec local[] = { { &head, sizeof(head) }, { filter->filter, bytes } };
	struct iovec remote = { (void *)(uintptr_t)at, sizeof(head) + bytes };

	return process_vm_writev(i->pid, local, ARRAY_SIZE(local), &remote, 1, 0) == (ssize_t)remote.iov_len ? 0 : -errno;
}

static int take_listener(struct inject *i, int remote)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, i->pid, 0);

	if (pidfd < 0)
		return -errno;
	i->listener = (int)syscall(SYS_pidfd_getfd, pidfd, remote, 0);
	return i->listener < 0 ? -errno : 0;
}

static int seccomp_failed(const struct inject *i, struct error *err)
{
	if (errno == EBUSY)
		return error_set(err, EBUSY,
				 "the container has a seccomp filter with a listener already, and the kernel allows one: remove "
				 "'listenerPath' from its seccomp profile, or the annotation");
	return fail(err, i->pid, "seccomp");
}

/* All its threads, if they have begun to be more than one. */
static int install_at(struct inject *i, uint64_t at, const struct sock_fprog *filter, struct error *err)
{
	uint64_t flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	long remote;

	if (i->running)
		flags |= SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	if (write_filter(i, at, filter))
		return fail(err, i->pid, "write its memory");
	remote = call(i, __NR_seccomp, (const uint64_t[6]){ SECCOMP_SET_MODE_FILTER, flags, at });
	if (is_error(remote))
		return seccomp_failed(i, err);
	if (take_listener(i, (int)remote))
		return fail(err, i->pid, "take the listener");
	return is_error(call(i, __NR_close, (const uint64_t[6]){ (uint64_t)remote })) ? fail(err, i->pid, "close") : 0;
}

/*
 * The memory goes with the program that it is in, at its exec, or is given back; the listener must not stay, or the process would keep it alive
 * itself.
 */
static int install(struct inject *i, const struct sock_fprog *filter, struct error *err)
{
	const uint64_t map[6] = { 0, SCRATCH_BYTES(filter), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1ULL, 0 };
	long at;
	int r;

	i->touched = true;
	at = call(i, __NR_mmap, map);
	if (is_error(at))
		return fail(err, i->pid, "mmap");
	r = install_at(i, (uint64_t)at, filter, err);
	if (i->running)
		(void)call(i, __NR_munmap, (const uint64_t[6]){ (uint64_t)at, SCRATCH_BYTES(filter) });
	return r;
}

static int release(struct inject *i, struct error *err)
{
	struct user_regs_struct regs = i->saved;

	regs_restart(&regs);
	if (regs_set(i, &regs) || ptrace(PTRACE_SETSIGMASK, i->pid, (void *)sizeof(i->mask), &i->mask))
		return fail(err, i->pid, "restore its registers");
	return ptrace(PTRACE_DETACH, i->pid, NULL, NULL) ? fail(err, i->pid, "detach") : 0;
}

static int run(struct inject *i, const struct sock_fprog *filter, struct error *err)
{
	const uint64_t all = ~(1ULL << (SIGTRAP - 1)); /* a trap that is blocked would take its handler away */
	int r = attach(i, err);

	if (!r && ptrace(PTRACE_SETSIGMASK, i->pid, (void *)sizeof(all), &all))
		r = fail(err, i->pid, "mask its signals");
	if (!r)
		r = install(i, filter, err);
	return r ? r : release(i, err);
}

static void wake(int signal)
{
	(void)signal;
}

/* A stop of the process ends our wait for its calls. */
static void watch_children(struct inject *i, bool on)
{
	const struct sigaction on_child = { .sa_handler = on ? wake : SIG_DFL };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigaction(SIGCHLD, &on_child, NULL);
	sigprocmask(on ? SIG_BLOCK : SIG_UNBLOCK, &child, NULL);
	sigprocmask(SIG_SETMASK, NULL, &i->unblocked);
	sigdelset(&i->unblocked, SIGCHLD);
}

static int inject(struct inject *i, const struct sock_fprog *filter, int *ret_listener, struct error *err)
{
	int r;

	watch_children(i, true);
	r = run(i, filter, err);
	if (r && i->touched && (!i->running || release(i, NULL)))
		kill(i->pid, SIGKILL);
	else if (r && i->attached && !i->touched)
		ptrace(PTRACE_DETACH, i->pid, NULL, NULL);
	watch_children(i, false);
	if (r) {
		util_closep(&i->listener);
		return r;
	}
	*ret_listener = i->listener;
	return 0;
}

int inject_filter(pid_t pid, const struct sock_fprog *filter, int *ret_listener, struct error *err)
{
	struct inject i = { .pid = pid, .listener = -1 };

	return inject(&i, filter, ret_listener, err);
}

int inject_again(pid_t pid, const struct sock_fprog *filter, int *ret_listener, struct error *err)
{
	struct inject i = { .pid = pid, .listener = -1, .running = true };

	return inject(&i, filter, ret_listener, err);
}
