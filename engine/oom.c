// SPDX-License-Identifier: GPL-2.0-only
/*
 * v2 calls the killer when a limit goes below what is used. v1 refuses such a limit and calls it when somebody asks for more: a process of ours
 * does, in the container's cgroup, exempt itself. See oom.h.
 */
#include "engine/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/util.h"

#define WAIT_MS 5000
#define STEP_BYTES 65536U
#define TRIES 64

/* Waits for it, or for another (-1 = none) to die in its place. */
static bool is_dead(int pidfd, int other)
{
	struct pollfd fds[] = { { .fd = pidfd, .events = POLLIN }, { .fd = other, .events = POLLIN } };

	return poll(fds, ARRAY_SIZE(fds), WAIT_MS) > 0 && fds[0].revents;
}

static char *file_of(const struct cgroup *c, const char *name)
{
	return util_printf("%s/%s", c->dir[CGROUP_MEMORY], name);
}

static int kill_v2(const struct cgroup *c, struct undo *u, int pidfd)
{
	_cleanup_free_ char *max = file_of(c, "memory.max"), *swap = file_of(c, "memory.swap.max");
	int r;

	if (!access(swap, F_OK))
		(void)undo_set(u, swap, "", NULL, "0"); /* nothing is to go there instead */
	r = undo_set(u, max, "", NULL, "0");
	if (!r && !is_dead(pidfd, -1))
		r = -EPERM;
	undo_put_back(u, max, "");
	undo_put_back(u, swap, "");
	return r;
}

/* As low as it goes. */
static int squeeze_v1(struct undo *u, const char *limit, const char *usage, uint64_t *ret)
{
	char text[CGROUP_TEXT_MAX];
	int r = -EBUSY;

	for (unsigned int i = 0; i < TRIES && r == -EBUSY; i++) {
		if (cgroup_read(usage, "", text))
			return -errno;
		*ret = (strtoull(text, NULL, 10) / STEP_BYTES + 1 + i) * STEP_BYTES;
		snprintf(text, sizeof(text), "%llu", (unsigned long long)*ret);
		r = undo_set(u, limit, "", NULL, text);
	}
	return r;
}

/* Takes all there is. */
static _Noreturn void hog(const char *procs, uint64_t bytes)
{
	volatile char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int r = memory == MAP_FAILED ? -errno : 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)cgroup_write("/proc/self/oom_score_adj",
			   "-1000"); /* where we may not, ours is the runtime's, lower than most containers' */
	if (!r)
		r = cgroup_write(procs, "0");
	if (r)
		_exit(-r);
	for (uint64_t at = 0; at < bytes; at += 4096)
		memory[at] = 1;
	for (;;)
		pause();
}

/* Has it at work until the container is dead. */
static int run_hog(const char *procs, uint64_t bytes, int pidfd)
{
	_cleanup_close_ int fd = -1;
	pid_t child = fork();
	int status = 0;
	bool dead;

	if (child == 0)
		hog(procs, bytes);
	if (child < 0)
		return -errno;
	fd = (int)syscall(SYS_pidfd_open, child, 0);
	dead = is_dead(pidfd, fd);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return dead ? 0 : WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

static int kill_v1(const struct cgroup *c, struct undo *u, int pidfd)
{
	_cleanup_free_ char *limit = file_of(c, "memory.limit_in_bytes"), *usage = file_of(c, "memory.usage_in_bytes");
	_cleanup_free_ char *both = file_of(c, "memory.memsw.limit_in_bytes"),
			    *both_usage = file_of(c, "memory.memsw.usage_in_bytes");
	_cleanup_free_ char *procs = file_of(c, "cgroup.procs");
	uint64_t bytes = 0, more = 0;
	int r = squeeze_v1(u, limit, usage, &bytes);

	if (!r && !access(both, F_OK))
		(void)squeeze_v1(u, both, both_usage, &more);
	if (!r)
		r = run_hog(procs, MAX(bytes, more) + TRIES * STEP_BYTES, pidfd);
	undo_put_back(u, both, "");
	undo_put_back(u, limit, "");
	return r;
}

int oom_kill(const struct cgroup *c, struct undo *u, int pidfd)
{
	return c->v1[CGROUP_MEMORY] ? kill_v1(c, u, pidfd) : kill_v2(c, u, pidfd);
}
