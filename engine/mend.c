// SPDX-License-Identifier: GPL-2.0-only
/*
 * A supervisor for a container that runs already: see mend.h.
 */
#include "engine/mend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "engine/proc.h"
#include "engine/supervisor.h"
#include "lib/util.h"

#define PROCESSES_MAX 14 /* two sources of a keeper each */
#define DEPTH_MAX 64     /* of parents */
#define DEADLINE_MS 5000

struct process {
	int parent, no_new_privs;
	unsigned long long capabilities;
};

static bool look(pid_t pid, struct process *ret)
{
	struct proc_number of[] = { { "PPid", 10, 0 }, { "NoNewPrivs", 10, 0 }, { "CapEff", 16, 0 } };
	int n = proc_status(pid, of, ARRAY_SIZE(of));

	*ret = (struct process){ (int)of[0].value, (int)of[1].value, of[2].value };
	return n == ARRAY_SIZE(of);
}

static bool may_be_given(const struct process *p)
{
	return p->no_new_privs || (p->capabilities >> CAP_SYS_ADMIN & 1);
}

/* Processes that are exec'd into a container are not its init's, and have none of its filters. */
static bool is_below(pid_t pid, pid_t init)
{
	struct process p;

	for (int i = 0; pid > 1 && i < DEPTH_MAX; i++) {
		if (pid == init)
			return true;
		if (!look(pid, &p))
			return false;
		pid = p.parent;
	}
	return false;
}

/* Its processes; -E2BIG for more than there is room for, -EACCES where one may not be given a filter. */
static int find_processes(pid_t init, pid_t ret[PROCESSES_MAX], size_t *ret_n)
{
	DIR *proc = opendir("/proc");
	struct process p;
	size_t n = 0;
	int r = proc ? 0 : -errno;

	for (struct dirent *e; !r && (e = readdir(proc));) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid <= 0 || !is_below(pid, init) || !look(pid, &p))
			continue;
		if (!may_be_given(&p))
			r = -EACCES;
		else if (n == PROCESSES_MAX)
			r = -E2BIG;
		else
			ret[n++] = pid;
	}
	if (proc)
		closedir(proc);
	*ret_n = n;
	return r;
}

bool mend_is_orphan(const struct container *c)
{
	return plan_syscalls(&c->plan) && !container_has_supervisor(c) && !container_has_ended(c);
}

bool mend_is_possible(const struct container *c)
{
	pid_t pids[PROCESSES_MAX];
	size_t n;

	return !find_processes((pid_t)c->init.pid, pids, &n) && n;
}

static _Noreturn void supervise(struct container *c, int word)
{
	struct supervisor *s = NULL;
	pid_t pids[PROCESSES_MAX];
	size_t n;

	supervisor_detach(word);
	if (find_processes((pid_t)c->init.pid, pids, &n) || supervisor_start_again(c, pids, n, &s, NULL))
		_exit(1);
	supervisor_run(s);
}

/* Until it is at work, or has given up. */
static void mend(struct container *c)
{
	struct pollfd fd = { .events = POLLIN };
	int pipe_fds[2];
	pid_t child;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return;
	child = fork();
	if (child == 0 && fork() == 0) /* nobody's child: the caller may live long */
		supervise(c, pipe_fds[1]);
	if (child == 0)
		_exit(0);
	close(pipe_fds[1]);
	fd.fd = pipe_fds[0];
	if (child > 0) {
		waitpid(child, NULL, 0);
		poll(&fd, 1, DEADLINE_MS);
	}
	close(pipe_fds[0]);
}

void mend_sweep(void)
{
	_cleanup_containers_ struct containers list = {};

	if (container_list(&list, NULL))
		return;
	for (size_t i = 0; i < list.n; i++) {
		struct container *c = &list.containers[i];
		const struct container_page *page = NULL;

		if (!mend_is_orphan(c) || !mend_is_possible(c) || container_page_open(c->id, &page, NULL))
			continue;
		if (page->running) /* one that has not begun dies of it at its start */
			mend(c);
	}
}
