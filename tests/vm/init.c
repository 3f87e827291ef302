// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of the test VM, started from the initramfs that mkimage makes.
 *
 * It makes the host's root file system, shared read-only, the lower half of an
 * overlay whose upper half is lost with the VM, mounts what a distribution
 * would have mounted, runs one command, and powers off.  tests/vm/run is the
 * other end of the protocol, on a second share called "job":
 *
 *   job/command   the bash script to run
 *   job/modules   a symbolic link whose text is the kernel's module directory
 *   job/out       what the command sees as /run/vm, named by $FW_OUT
 *   job/status    written here: "started", later "exited N"
 *
 * Output goes through two virtio ports.  A port can be opened only once, so
 * the command gets pipes and PID 1 copies: /dev/stderr then works as usual.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define JOB "/run/job"
#define OUT "/run/vm"

struct mount_point {
	const char *type, *source, *target, *options;
	unsigned long flags;
	int optional;
};

/* Before the switch of root: enough to find the shares. */
static const struct mount_point early_mounts[] = {
	{ "proc", "proc", "/proc" },
	{ "sysfs", "sysfs", "/sys" },
	{ "devtmpfs", "dev", "/dev" },
	{ "virtiofs", "root", "/host", .flags = MS_RDONLY },
	{ "tmpfs", "top", "/top", "mode=755" },
};

static const struct mount_point late_mounts[] = {
	{ "proc", "proc", "/proc" },
	{ "sysfs", "sysfs", "/sys" },
	{ "devtmpfs", "dev", "/dev", "mode=755" },
	{ "devpts", "devpts", "/dev/pts", "ptmxmode=666" },
	{ "tmpfs", "shm", "/dev/shm", "mode=1777" },
	{ "mqueue", "mqueue", "/dev/mqueue", .optional = 1 },
	{ "tmpfs", "run", "/run", "mode=755" },
	{ "cgroup2", "cgroup2", "/sys/fs/cgroup" },
	{ "bpf", "bpf", "/sys/fs/bpf", "mode=700" },
	{ "securityfs", "securityfs", "/sys/kernel/security", .optional = 1 },
	{ "debugfs", "debugfs", "/sys/kernel/debug", .optional = 1 },
	{ "tracefs", "tracefs", "/sys/kernel/tracing", .optional = 1 },
	{ "virtiofs", "job", JOB },
	{ NULL, JOB "/out", OUT, .flags = MS_BIND },
};

static const char *const controllers[] = { "+cpu", "+cpuset", "+memory", "+pids", "+io" };

struct stream {
	const char *port_name;
	int target_fd;
	int port;
	int pipe[2];
};

static struct stream streams[] = {
	{ .port_name = "out", .target_fd = STDOUT_FILENO },
	{ .port_name = "err", .target_fd = STDERR_FILENO },
};

static void power_off(void)
{
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

__attribute__((format(printf, 1, 2))) static void warning(const char *format, ...)
{
	int error = errno;
	va_list args;

	fputs("vm init: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(error));
}

/* Without a status of "exited", the host shows the console's last lines. */
#define fatal(...)                    \
	do {                          \
		warning(__VA_ARGS__); \
		power_off();          \
	} while (0)

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		warning("mkdir '%s'", path);
}

static void mount_all(const struct mount_point *table, size_t count)
{
	for (const struct mount_point *m = table; m < table + count; m++) {
		/* The kernel's own trees have their mount points already. */
		if (strncmp(m->target, "/sys/", 5))
			make_dir(m->target);
		if (mount(m->source, m->target, m->type, m->flags, m->options) == 0 || m->optional)
			continue;
		fatal("mount '%s'", m->target);
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		warning("write '%s' to '%s'", text, path);
	if (fd >= 0)
		close(fd);
}

/* The initramfs lists its modules in the order of their dependencies. */
static void load_modules(void)
{
	char name[128], path[192];
	FILE *list = fopen("/modules/order", "re");

	if (!list)
		fatal("open the module list");
	while (fscanf(list, "%127s", name) == 1) {
		snprintf(path, sizeof(path), "/modules/%s", name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
			warning("load '%s'", name);
		if (fd >= 0)
			close(fd);
	}
	fclose(list);
}

/* An initramfs cannot be pivoted away, only covered and left by chroot. */
static void switch_root(void)
{
	make_dir("/top/upper");
	make_dir("/top/work");
	make_dir("/new");
	if (mount("overlay", "/new", "overlay", 0, "lowerdir=/host,upperdir=/top/upper,workdir=/top/work") < 0)
		fatal("mount the overlay");
	if (chdir("/new") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		fatal("switch to the overlay");
}

/* modprobe, run by the kernel or by hand, looks below /lib/modules. */
static void link_modules(void)
{
	struct utsname kernel;
	char target[PATH_MAX] = "", path[256], source[PATH_MAX + 256];

	if (readlink(JOB "/modules", target, sizeof(target) - 1) < 0)
		fatal("read the module link");
	uname(&kernel);
	snprintf(path, sizeof(path), "/lib/modules/%s", kernel.release);
	snprintf(source, sizeof(source), "%s/%s", target, kernel.release);
	make_dir("/lib/modules");
	if (symlink(source, path) < 0 && errno != EEXIST)
		warning("link '%s'", path);
}

static void link_devices(void)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			warning("link '%s'", links[i][1]);
	make_dir("/run/lock");
}

/* A cgroup with processes of its own cannot give controllers to children, the
 * root excepted; runtimes that look at their own cgroup expect to be below it.
 */
static void delegate_cgroups(void)
{
	make_dir("/sys/fs/cgroup/init");
	write_file("/sys/fs/cgroup/init/cgroup.procs", "0");
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		write_file("/sys/fs/cgroup/cgroup.subtree_control", controllers[i]);
}

static void bring_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		warning("bring lo up");
	close(fd);
}

static void set_environment(void)
{
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("FW_OUT", OUT, 1);
	unsetenv("TERM");
	sethostname("faultwire-vm", strlen("faultwire-vm"));
}

/* Returns the named virtio port, open, or -1. */
static int open_port(const char *wanted)
{
	char path[PATH_MAX], name[64];
	DIR *dir = opendir("/sys/class/virtio-ports");
	int port = -1;

	for (struct dirent *entry; port < 0 && dir && (entry = readdir(dir));) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		FILE *file = fopen(path, "re");

		if (!file)
			continue;
		if (fscanf(file, "%63s", name) == 1 && !strcmp(name, wanted)) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			port = open(path, O_WRONLY | O_CLOEXEC);
		}
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return port;
}

static void open_streams(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct stream *s = &streams[i];

		s->port = open_port(s->port_name);
		if (s->port < 0)
			fatal("open port '%s'", s->port_name);
		if (pipe2(s->pipe, O_CLOEXEC) < 0)
			fatal("pipe");
		/* Our end only: the command's end stays blocking. */
		fcntl(s->pipe[0], F_SETFL, O_NONBLOCK);
	}
}

static void copy_pending(struct stream *s)
{
	static char buffer[65536];
	ssize_t have, done;

	while ((have = read(s->pipe[0], buffer, sizeof(buffer))) > 0)
		for (char *at = buffer; have > 0; at += done, have -= done) {
			done = write(s->port, at, have);
			if (done < 0)
				fatal("write to port '%s'", s->port_name);
		}
}

static pid_t start_command(void)
{
	pid_t pid = fork();

	if (pid < 0)
		fatal("fork");
	if (pid > 0)
		return pid;

	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	dup2(null, STDIN_FILENO);
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		dup2(streams[i].pipe[1], streams[i].target_fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	execl("/bin/bash", "bash", JOB "/command", (char *)NULL);
	warning("run bash");
	_exit(127);
}

static void ignore_signal(int number)
{
	(void)number;
}

/*
 * Reaps whatever ends, and copies output, until the command itself ends; what
 * it leaves running has no say.  SIGCHLD is blocked except within ppoll().
 */
static int wait_for(pid_t command)
{
	struct pollfd fds[ARRAY_SIZE(streams)];
	sigset_t none;
	int status;

	sigemptyset(&none);
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		fds[i] = (struct pollfd){ .fd = streams[i].pipe[0], .events = POLLIN };
	for (;;) {
		pid_t ended = waitpid(-1, &status, WNOHANG);

		for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
			copy_pending(&streams[i]);
		if (ended == command)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (ended <= 0)
			ppoll(fds, ARRAY_SIZE(fds), NULL, &none);
	}
}

static void run_command(void)
{
	struct sigaction child = { .sa_handler = ignore_signal };
	sigset_t blocked;

	/* Opened now: a test may mount over /run. */
	int status = open(JOB "/status", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (status < 0)
		fatal("open the status file");
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigaction(SIGCHLD, &child, NULL);
	dprintf(status, "started\n");
	dprintf(status, "exited %d\n", wait_for(start_command()));
	close(status);
}

int main(void)
{
	mount_all(early_mounts, 3);
	load_modules();
	mount_all(early_mounts + 3, ARRAY_SIZE(early_mounts) - 3);
	switch_root();
	mount_all(late_mounts, ARRAY_SIZE(late_mounts));
	link_modules();
	link_devices();
	delegate_cgroups();
	bring_up_loopback();
	set_environment();
	open_streams();
	run_command();
	power_off();
}
