// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does to files what it is told and says what came of it, for tests of io faults in containers. Linked statically: what it calls is what is
 * written here. One line: a result each, 0 or the error's name.
 *
 *     files [-n N] [-s MS] [-w PATH] OP PATH [OP PATH]...      N rounds, a line and MS between each; -w: not before PATH is there
 *
 * rename, link and symlink take FROM:TO; 'exec' executes a copy of this by the path. Reads, writes and all else that works on an open
 * file open it first, and say 'open:ERROR' if that fails.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char second[4096];

/* FROM:TO -> FROM, and TO in 'second'. */
static const char *split(const char *path)
{
	static char first[4096];
	char *colon;

	snprintf(first, sizeof(first), "%s", path);
	colon = strchr(first, ':');
	snprintf(second, sizeof(second), "%s", colon ? colon + 1 : "");
	if (colon)
		*colon = '\0';
	return first;
}

static int op_open(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static int op_create(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static int op_stat(const char *path)
{
	struct stat st;

	return stat(path, &st);
}

static int op_chmod(const char *path)
{
	return chmod(path, 0644);
}

static int op_truncate(const char *path)
{
	return truncate(path, 1);
}

static int op_rename(const char *path)
{
	const char *from = split(path);

	return rename(from, second);
}

static int op_mkdir(const char *path)
{
	return mkdir(path, 0755);
}

static int op_link(const char *path)
{
	const char *from = split(path);

	return link(from, second);
}

static int op_symlink(const char *path)
{
	const char *from = split(path);

	return symlink(from, second);
}

static int op_readlink(const char *path)
{
	char buf[256];

	return readlink(path, buf, sizeof(buf)) < 0 ? -1 : 0;
}

static int op_statfs(const char *path)
{
	struct statfs st;

	return statfs(path, &st);
}

static int op_exec(const char *path)
{
	int status = 0, fds[2], error = 0;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	child = fork();
	if (!child) {
		execl(path, path, "-n", "0", (char *)NULL);
		error = errno;
		(void)!write(fds[1], &error, sizeof(error));
		_exit(1);
	}
	close(fds[1]);
	if (read(fds[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(fds[0]);
	waitpid(child, &status, 0);
	errno = error;
	return error ? -1 : 0;
}

static const struct {
	const char *name;
	int (*run)(const char *path);
} ops[] = {
	{ "open", op_open },         { "create", op_create }, { "stat", op_stat },       { "chmod", op_chmod },
	{ "truncate", op_truncate }, { "unlink", unlink },    { "rename", op_rename },   { "mkdir", op_mkdir },
	{ "rmdir", rmdir },          { "link", op_link },     { "symlink", op_symlink }, { "readlink", op_readlink },
	{ "statfs", op_statfs },     { "exec", op_exec },
};

static char buf[64];

static int fd_read(int fd)
{
	return read(fd, buf, sizeof(buf)) < 0 ? -1 : 0;
}

static int fd_pread(int fd)
{
	return pread(fd, buf, sizeof(buf), 0) < 0 ? -1 : 0;
}

static int fd_preadv(int fd)
{
	struct iovec v = { buf, sizeof(buf) };

	return preadv(fd, &v, 1, 0) < 0 ? -1 : 0;
}

static int fd_write(int fd)
{
	return write(fd, buf, sizeof(buf)) < 0 ? -1 : 0;
}

static int fd_mmap(int fd)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	return p == MAP_FAILED ? -1 : munmap(p, 4096);
}

static int fd_readdir(int fd)
{
	DIR *d = fdopendir(dup(fd));
	int r;

	errno = 0;
	r = d && (readdir(d) || !errno) ? 0 : -1;
	if (d && !r)
		closedir(d);
	return r;
}

static int fd_ftruncate(int fd)
{
	return ftruncate(fd, 2);
}

static int fd_sendfile(int fd)
{
	int to = open("/dev/null", O_WRONLY), r = sendfile(to, fd, &(off_t){ 0 }, 1) < 0 ? -1 : 0, saved = errno;

	close(to);
	errno = saved;
	return r;
}

static int fd_fstat(int fd)
{
	struct stat st;

	return fstat(fd, &st);
}

static const struct {
	const char *name;
	int flags;
	int (*run)(int fd);
} fd_ops[] = {
	{ "read", O_RDONLY, fd_read },
	{ "pread", O_RDONLY, fd_pread },
	{ "preadv", O_RDONLY, fd_preadv },
	{ "write", O_WRONLY | O_CREAT, fd_write },
	{ "mmap", O_RDONLY, fd_mmap },
	{ "readdir", O_RDONLY | O_DIRECTORY, fd_readdir },
	{ "ftruncate", O_WRONLY, fd_ftruncate },
	{ "sendfile", O_RDONLY, fd_sendfile },
	{ "fsync", O_RDONLY, fsync },
	{ "fstat", O_RDONLY, fd_fstat },
};

static void say(const char *before, int r)
{
	printf("%s%s ", before, r ? strerrorname_np(errno) : "0");
}

static void run(const char *op, const char *path)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strcmp(ops[i].name, op)) {
			say("", ops[i].run(path));
			return;
		}
	for (size_t i = 0; i < sizeof(fd_ops) / sizeof(*fd_ops); i++) {
		int fd;

		if (strcmp(fd_ops[i].name, op))
			continue;
		fd = open(path, fd_ops[i].flags, 0644);
		if (fd < 0) {
			say("open:", -1);
			return;
		}
		say("", fd_ops[i].run(fd));
		close(fd);
		return;
	}
	printf("%s? ", op);
}

int main(int argc, char **argv)
{
	long rounds = 1, pause_ms = 0;
	const char *await = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:w:")) != -1) {
		if (opt == 'n')
			rounds = atol(optarg);
		else if (opt == 's')
			pause_ms = atol(optarg);
		else
			await = optarg;
	}
	while (await && access(await, F_OK))
		usleep(10000);
	for (long k = 0; k < rounds; k++) {
		for (int i = optind; i + 1 < argc; i += 2)
			run(argv[i], argv[i + 1]);
		putchar('\n');
		fflush(stdout);
		usleep((useconds_t)pause_ms * 1000);
	}
	return 0;
}
