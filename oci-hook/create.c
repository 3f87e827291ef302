// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fork: the child becomes the supervisor and the hook waits for its word. See create.h.
 */
#include "oci-hook/create.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "engine/files.h"
#include "engine/mend.h"
#include "engine/proc.h"
#include "engine/supervisor.h"
#include "lib/util.h"

#define DEADLINE_MS 10000
#define CONFIG_BYTES (8U << 20)

/* ---- what cannot work */

static int check_yama(struct error *err)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (f && fscanf(f, "%d", &scope) == 1 && scope == 3)
		return error_set(err, EPERM,
				 "this node forbids tracing (kernel.yama.ptrace_scope is 3), which these faults need: remove the "
				 "annotation, or boot the node with a lower scope");
	return 0;
}

static int check_tracer(pid_t pid, struct error *err)
{
	struct proc_number tracer = { "TracerPid", 10, 0 };
	int r = proc_status(pid, &tracer, 1);

	if (r < 0)
		return error_set(err, -r,
				 "the container's process %d: %s; does the runtime run it as a Linux process of this node?", pid,
				 strerror(-r));
	return tracer.value
		       ? error_set(
				 err, ENOTSUP,
				 "the container's process is traced by process %llu already (restored by CRIU?): such a container "
				 "cannot be faulted, remove the annotation",
				 tracer.value)
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

static cJSON *parse_config(const char *bundle)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;

	text = read_config(bundle, &n);
	return text ? cJSON_ParseWithLength(text, n) : NULL;
}

/* Early, with a name for it: the kernel would say EBUSY. What cannot be read is left to the kernel. */
static int check_profile(const cJSON *config, struct error *err)
{
	const cJSON *linux_, *seccomp, *listener;

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

/* Programs that stand for a container whose own processes are another kernel's. */
static int check_kernel(const char *exe, struct error *err)
{
	static const char *const foreign[] = { "runsc",     "gvisor",  "kata",      "qemu-system",    "firecracker",
					       "cloud-hyp", "dragonb", "stratovir", "containerd-shim" };
	const char *name = strrchr(exe, '/') ? strrchr(exe, '/') + 1 : exe;

	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (!strncmp(name, foreign[i], strlen(foreign[i])))
			return error_set(
				err, ENOTSUP,
				"the container is run by '%.64s', so its system calls are not this node's kernel's (gVisor "
				"and Kata): use runc or crun, or remove the annotation",
				name);
	return 0;
}

/* Its program can be seen by those who may trace it. */
static int check_program(pid_t pid, struct error *err)
{
	char path[64], exe[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0 && (errno == EACCES || errno == EPERM))
		return error_set(
			err, EPERM,
			"the container's process %d cannot be traced from here: it is in a user namespace of somebody else, "
			"as with a rootless runtime; let the runtime run as root, or remove the annotation",
			pid);
	if (n < 0)
		return 0; /* gone, as will be said */
	exe[n] = '\0';
	return check_kernel(exe, err);
}

static bool ends_at_start(const struct plan *plan)
{
	const struct plan_acts *acts = plan_acts(plan);
	bool ends = false;

	for (size_t i = 0; acts && i < acts->n_rules; i++)
		ends |= acts->rules[i].type == ACT_EXIT;
	return ends;
}

int create_check(const struct oci_state *s, const struct plan *plan, const cJSON *config, struct error *err)
{
	bool calls = plan_syscalls(plan);
	int r = calls || ends_at_start(plan) ? check_yama(err) : 0;

	if (!r)
		r = check_tracer(s->pid, err);
	if (!r)
		r = check_program(s->pid, err);
	return r || !calls ? r : check_profile(config, err);
}

/* Where the container's files are while it is created. */
static char *rootfs_of(const cJSON *config, const char *bundle)
{
	const cJSON *root = cJSON_GetObjectItemCaseSensitive(config, "root"),
		    *path = cJSON_GetObjectItemCaseSensitive(root, "path");
	const char *s = cJSON_IsString(path) ? path->valuestring : "rootfs";

	return s[0] == '/' ? util_strdup(s) : util_printf("%s/%s", bundle, s);
}

/* ---- the child */

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

	supervisor_detach(to);
	r = container_begin(c, state->pid, &err);
	if (!r)
		r = begin_files(c, state->bundle, &err);
	if (!r)
		r = supervisor_start(c, &s, &err);
	if (r) {
		end_files(c);
		(void)!write(SUPERVISOR_PIPE, err.msg, strlen(err.msg));
		_exit(1);
	}
	supervisor_run(s);
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
	return util_streq(word, SUPERVISOR_READY) ? 0 : error_set(err, ENOTSUP, "%s", word);
}

static void describe(struct container *c, const struct oci_state *s, const struct oci_identity *who, const struct fault_spec *spec,
		     struct plan *plan)
{
	_cleanup_free_ char *wanted = spec_containers(spec);

	c->wanted = TAKE_PTR(wanted);
	c->id = util_strdup(s->id);
	c->name = util_strdup(who->container);
	c->sandbox_id = util_strdup(who->sandbox_id);
	c->pod_namespace = util_strdup(who->pod_namespace);
	c->pod_name = util_strdup(who->pod_name);
	c->pod_uid = util_strdup(who->pod_uid);
	c->experiment = util_strdup(spec->experiment);
	c->plan = *plan;
	*plan = (struct plan){};
}
int create_noted(const struct oci_state *s, const struct oci_identity *who, const struct fault_spec *spec, struct error *err)
{
	_cleanup_container_ struct container c = {};
	struct plan none = {};

	describe(&c, s, who, spec, &none);
	return *c.wanted ? container_note(&c, s->pid, err) : 0;
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
	mend_sweep(); /* others */
	return r;
}

/* All of it is the node's programs': nobody has to stay. */
static int apply_alone(struct container *c, const struct oci_state *s, struct error *err)
{
	int r = container_begin(c, s->pid, err);

	c->supervisor = (struct container_process){};
	if (!r)
		r = begin_files(c, s->bundle, err);
	mend_sweep(); /* others */
	return r;
}

int create_apply(const struct oci_state *s, const struct oci_identity *who, const struct fault_spec *spec, struct plan *plan,
		 struct error *err)
{
	_cleanup_container_ struct container c = {};
	_cleanup_json_ cJSON *config = NULL;
	int r;

	if (container_is_served(s->id, s->pid))
		return 0;
	if (!plan_needs_supervisor(plan)) {
		describe(&c, s, who, spec, plan);
		return apply_alone(&c, s, err);
	}
	config = parse_config(s->bundle);
	r = create_check(s, plan, config, err);
	if (r)
		return r;
	describe(&c, s, who, spec, plan);
	c.rootfs = rootfs_of(config, s->bundle);
	return fork_supervisor(&c, s, err);
}
