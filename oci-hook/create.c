// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fork: the child becomes the supervisor and the hook waits for its word. See create.h.
 */
#include "oci-hook/create.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "engine/files.h"
#include "engine/supervisor.h"
#include "lib/util.h"

#define DEADLINE_MS 10000
#define CONFIG_BYTES (8U << 20)
#define READY "ok" /* anything else is the reason why not */

/* ---- what cannot work */

static int check_yama(struct error *err)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (f && fscanf(f, "%d", &scope) == 1 && scope == 3)
		return error_set(err, EPERM,
				 "this node forbids tracing (kernel.yama.ptrace_scope is 3), which system calls need: remove the "
				 "annotation, or boot the node with a lower scope");
	return 0;
}

static int check_tracer(pid_t pid, struct error *err)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[256];
	int tracer = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return error_set(err, errno,
				 "the container's process %d: %s; does the runtime run it as a Linux process of this node?", pid,
				 strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	return tracer ? error_set(
				err, ENOTSUP,
				"the container's process is traced by process %d already (restored by CRIU?): system calls of such "
				"a container cannot be faulted, remove the annotation",
				tracer)
		      : 0;
}

static char *read_config(const char *bundle, size_t *ret_n)
{
	_cleanup_free_ char *path = util_printf("%s/config.json", bundle), *text = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > CONFIG_BYTES)
		return NULL;
	text = util_alloc((size_t)st.st_size + 1, 1);
	for (ssize_t got; n < (size_t)st.st_size; n += (size_t)got) {
		got = read(fd, text + n, (size_t)st.st_size - n);
		if (got <= 0)
			break;
	}
	*ret_n = n;
	return TAKE_PTR(text);
}

/* Early, with a name for it: the kernel would say EBUSY. What cannot be read is left to the kernel. */
static int check_profile(const char *bundle, struct error *err)
{
	_cleanup_json_ cJSON *config = NULL;
	_cleanup_free_ char *text = NULL;
	const cJSON *linux_, *seccomp, *listener;
	size_t n = 0;

	text = read_config(bundle, &n);
	if (!text)
		return 0;
	config = cJSON_ParseWithLength(text, n);
	linux_ = cJSON_GetObjectItemCaseSensitive(config, "linux");
	seccomp = cJSON_GetObjectItemCaseSensitive(linux_, "seccomp");
	listener = cJSON_GetObjectItemCaseSensitive(seccomp, "listenerPath");
	if (!cJSON_IsString(listener) || !listener->valuestring[0])
		return 0;
	return error_set(err, EBUSY,
			 "the container's seccomp profile has a listener of its own ('%.128s'), and the kernel allows one: use a "
			 "profile without it, or remove the annotation",
			 listener->valuestring);
}

int create_check(const struct oci_state *s, struct error *err)
{
	int r = check_yama(err);

	if (!r)
		r = check_tracer(s->pid, err);
	return r ? r : check_profile(s->bundle, err);
}

/* ---- the child */

static int say(int to, const char *text)
{
	return write(to, text, strlen(text)) < 0 ? -errno : 0;
}

/* Nothing of the runtime's stays open: it waits for the end of its hooks' output, whoever holds it. */
static void detach(int to)
{
	int kept = fcntl(to, F_DUPFD_CLOEXEC, 4), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (dup2(kept, 3) < 0 || chdir("/"))
		_exit(1);
	close_range(4, ~0U, 0);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, "faultwire-super");
	signal(SIGPIPE, SIG_IGN);
}

/* The part of it that the node's programs carry out. */
static int begin_files(struct container *c, const char *bundle, struct error *err)
{
	_cleanup_lock_ int lock = -1;
	int r;

	files_sweep(false);
	if (!plan_files(&c->plan))
		return 0;
	r = state_lock(&lock, err);
	return r ? r : files_start(c, bundle, err);
}

static void end_files(const struct container *c)
{
	_cleanup_lock_ int lock = -1;

	if (c->files_slot && !state_lock(&lock, NULL))
		files_stop(c);
}

static void supervise(struct container *c, const struct oci_state *state, int to)
{
	struct supervisor *s = NULL;
	struct error err = {};
	int r;

	detach(to);
	r = container_begin(c, state->pid, &err);
	if (!r)
		r = begin_files(c, state->bundle, &err);
	if (!r)
		r = supervisor_start(c, &s, &err);
	if (r) {
		end_files(c);
		(void)say(3, err.msg);
		_exit(1);
	}
	if (say(3, READY)) { /* the hook was killed: its container is not to be */
		kill(state->pid, SIGKILL);
		end_files(c);
		container_remove(c->id, -1);
		_exit(1);
	}
	close(3);
	supervisor_run(s);
	_exit(0);
}

/* ---- the hook */

static int wait_word(int from, pid_t child, struct error *err)
{
	struct pollfd fd = { .fd = from, .events = POLLIN };
	char word[ERROR_MAX] = "";
	ssize_t n;
	int r;

	do
		r = poll(&fd, 1, DEADLINE_MS);
	while (r < 0 && errno == EINTR);
	if (r <= 0) {
		kill(child, SIGKILL);
		return error_set(err, ETIMEDOUT, "the container's supervisor was not ready within %d s", DEADLINE_MS / 1000);
	}
	n = read(from, word, sizeof(word) - 1);
	if (n <= 0)
		return error_set(err, ECHILD, "the container's supervisor died before it was ready");
	return util_streq(word, READY) ? 0 : error_set(err, ENOTSUP, "%s", word);
}

static void describe(struct container *c, const struct oci_state *s, const struct oci_identity *who, const char *experiment,
		     struct plan *plan)
{
	c->id = util_strdup(s->id);
	c->name = util_strdup(who->container);
	c->sandbox_id = util_strdup(who->sandbox_id);
	c->pod_namespace = util_strdup(who->pod_namespace);
	c->pod_name = util_strdup(who->pod_name);
	c->pod_uid = util_strdup(who->pod_uid);
	c->experiment = util_strdup(experiment);
	c->plan = *plan;
	*plan = (struct plan){};
}

static int fork_supervisor(struct container *c, const struct oci_state *s, struct error *err)
{
	int pipe_fds[2], r;
	pid_t child;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return error_set(err, errno, "cannot make a pipe: %s", strerror(errno));
	child = fork();
	if (child == 0)
		supervise(c, s, pipe_fds[1]);
	close(pipe_fds[1]);
	r = child < 0 ? error_set(err, errno, "cannot start a supervisor: %s", strerror(errno))
		      : wait_word(pipe_fds[0], child, err);
	close(pipe_fds[0]);
	return r;
}

/* All of it is the node's programs': nobody has to stay. */
static int apply_alone(struct container *c, const struct oci_state *s, struct error *err)
{
	int r = container_begin(c, s->pid, err);

	c->supervisor = (struct container_process){};
	return r ? r : begin_files(c, s->bundle, err);
}

int create_apply(const struct oci_state *s, const struct oci_identity *who, const char *experiment, struct plan *plan,
		 struct error *err)
{
	_cleanup_container_ struct container c = {};
	int r;

	if (container_is_served(s->id, s->pid))
		return 0;
	r = plan_syscalls(plan) ? create_check(s, err) : 0;
	if (r)
		return r;
	describe(&c, s, who, experiment, plan);
	return plan_syscalls(&c.plan) ? fork_supervisor(&c, s, err) : apply_alone(&c, s, err);
}
