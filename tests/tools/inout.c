// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes in every manner that there is, and says what came of each, so that a run under a fault can be held against one without. A line a
 * step: its name, result or error, offset behind it, a hash of what was read.
 *
 *     inout DIR            all steps, on files in DIR
 *     inout -s DIR         those that take long alone: a pipe that nobody writes to, signals
 *     inout -r FILE BYTES  reads that many by 'read', again and again, and says whether they were right, until killed
 *     inout -h FILE        a hash of the file
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE (3U << 20)
#define BLOCK 4096U

static char *volatile nowhere = (char *)8;
static char *buffer; /* page-aligned, with a page behind it that is not there */

static uint64_t hash(const void *p, size_t n)
{
	const unsigned char *s = p;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * 0x100000001b3;
	return h;
}

static void fill(char *p, size_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(((at + i) >> 8) * 31 + (at + i) * 7);
}

static void say(const char *step, int fd, ssize_t r, const void *data)
{
	int error = errno;

	printf("%s %s at %ld", step, r < 0 ? strerrorname_np(error) : "", fd < 0 ? -1L : (long)lseek(fd, 0, SEEK_CUR));
	if (r >= 0)
		printf(" %zd", r);
	if (r > 0 && data)
		printf(" %016lx", hash(data, (size_t)r));
	printf("\n");
	fflush(stdout);
	if (buffer)
		memset(buffer, 0x55, SIZE);
}

static int make_file(const char *dir, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	fill(buffer, 0, SIZE);
	if (fd < 0 || pwrite(fd, buffer, SIZE, 0) != SIZE)
		exit(3);
	memset(buffer, 0x55, SIZE);
	return fd;
}

static void reads(int fd)
{
	struct iovec v[3] = { { buffer, 10 }, { buffer + 10, 0 }, { buffer + 10, 5000 } };
	struct iovec bad[2] = { { buffer + SIZE - 100, 100 }, { buffer + SIZE, 100 } };

	say("read", fd, read(fd, buffer, 100), buffer);
	say("read on", fd, read(fd, buffer, 5000), buffer);
	say("read nothing", fd, read(fd, buffer, 0), buffer);
	say("readv", fd, readv(fd, v, 3), buffer);
	say("pread", fd, pread(fd, buffer, 300, 12345), buffer);
	say("preadv", fd, preadv(fd, v, 3, 777), buffer);
	say("preadv2", fd, preadv2(fd, v, 3, 778, 0), buffer);
	say("preadv2 here", fd, preadv2(fd, v, 3, -1, 0), buffer);
	say("preadv2 hipri", fd, preadv2(fd, v, 1, 779, RWF_HIPRI), buffer);
	say("preadv2 unknown", fd, preadv2(fd, v, 1, 779, 0x40000000), buffer);
	say("pread below", fd, pread(fd, buffer, 1, -5), buffer);
	say("pread past", fd, pread(fd, buffer, 100, SIZE + 5), buffer);
	say("short", fd, pread(fd, buffer, 1000, SIZE - 10), buffer);
	say("readv of none", fd, readv(fd, v, 0), buffer);
	say("readv of many", fd, syscall(SYS_readv, fd, v, 5000), buffer);
	say("readv from nowhere", fd, syscall(SYS_readv, fd, 8, 2), buffer);
	say("read to nowhere", fd, read(fd, nowhere, 100), NULL);
	say("read into the hole", fd, read(fd, buffer + SIZE - 100, 200), buffer + SIZE - 100);
	say("readv into the hole", fd, readv(fd, bad, 2), buffer + SIZE - 100);
	lseek(fd, 0, SEEK_SET);
	say("all", fd, read(fd, buffer, SIZE), buffer);
	say("end", fd, read(fd, buffer, SIZE), buffer);
	say("closed", -1, read(999, buffer, 1), buffer);
}

static void writes(int fd, const char *dir)
{
	struct iovec v[2] = { { buffer, 1000 }, { buffer + 100, 2000 } };
	char path[256];
	int append;

	snprintf(path, sizeof(path), "%s/append", dir);
	append = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	lseek(fd, 100, SEEK_SET);
	say("write", fd, write(fd, "abc", 3), NULL);
	say("writev", fd, writev(fd, v, 2), NULL);
	say("pwrite", fd, pwrite(fd, "xyz", 3, 50000), NULL);
	say("pwritev", fd, pwritev(fd, v, 2, 60000), NULL);
	say("pwritev2", fd, pwritev2(fd, v, 2, 70000, RWF_DSYNC), NULL);
	say("append", append, write(append, "one", 3), NULL);
	say("append more", append, write(append, "two", 3), NULL);
	say("read it", append, read(append, buffer, 3), NULL);
	say("from nowhere", fd, write(fd, nowhere, 3), NULL);
	say("ftruncate", fd, ftruncate(fd, 100000), NULL);
	say("fsync", fd, fsync(fd), NULL);
	say("fdatasync", fd, fdatasync(fd), NULL);
	say("fallocate", fd, syscall(SYS_fallocate, fd, 0, 0, 200000), NULL);
	say("lseek", fd, syscall(SYS_lseek, fd, -5L, SEEK_END), NULL);
	say("lseek wrong", fd, syscall(SYS_lseek, fd, -5L, SEEK_SET), NULL);
	say("fsync of none", -1, fsync(999), NULL);
	fill(buffer, 5, SIZE);
	say("much", fd, pwrite(fd, buffer, SIZE, 4096), NULL);
	say("what is there", fd, pread(fd, buffer, SIZE, 0), buffer);
	close(append);
}

static void direct(const char *dir, const char *name)
{
	char path[256];
	struct iovec v[2] = { { buffer, BLOCK }, { buffer + 2 * BLOCK, 2 * BLOCK } };
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_DIRECT);
	say("direct", fd, fd < 0 ? -1 : 0, NULL);
	if (fd < 0)
		return;
	say("direct read", fd, read(fd, buffer, BLOCK), buffer);
	say("direct readv", fd, readv(fd, v, 2), buffer);
	say("direct elsewhere", fd, read(fd, buffer + 1, BLOCK), buffer + 1);
	say("direct in part", fd, read(fd, buffer, 100), buffer);
	say("direct pread", fd, pread(fd, buffer, 2 * BLOCK, 100), buffer);
	say("direct all", fd, pread(fd, buffer, SIZE, 0), buffer);
	close(fd);
}

static void directories(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY), n = 0;
	DIR *d = opendir(dir);

	say("read a directory", -1, read(fd, buffer, 10), NULL);
	while (d && readdir(d))
		n++;
	say("entries", -1, n, NULL);
	say("small buffer", -1, syscall(SYS_getdents64, fd, buffer, 5), NULL);
	closedir(d);
	close(fd);
}

/* ---- pipes and sockets */

static void *write_later(void *fd)
{
	usleep(50000);
	if (write(*(int *)fd, "later", 5) != 5)
		exit(3);
	return NULL;
}

static void *drain(void *fd)
{
	char buf[1000];

	usleep(20000);
	while (read(*(int *)fd, buf, sizeof(buf)) > 0)
		;
	return NULL;
}

static void pipes(void)
{
	pthread_t thread;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	if (pipe(fds))
		exit(3);
	pthread_create(&thread, NULL, write_later, &fds[1]);
	say("pipe", -1, read(fds[0], buffer, 100), buffer);
	pthread_join(thread, NULL);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	say("empty", -1, read(fds[0], buffer, 100), buffer);
	say("pread of a pipe", -1, pread(fds[0], buffer, 1, 0), buffer);
	fcntl(fds[0], F_SETFL, 0);
	pthread_create(&thread, NULL, drain, &fds[0]);
	say("full", -1, write(fds[1], buffer, 300000), NULL);
	close(fds[1]);
	pthread_join(thread, NULL);
	say("end of a pipe", -1, read(fds[0], buffer, 100), buffer);
	close(fds[0]);
	if (pipe(fds))
		exit(3);
	close(fds[0]);
	say("broken", -1, write(fds[1], "x", 1), NULL);
	close(fds[1]);
	if (!fork()) {
		signal(SIGPIPE, SIG_DFL);
		if (pipe(fds))
			exit(3);
		close(fds[0]);
		(void)!write(fds[1], "x", 1);
		exit(0);
	}
	fds[0] = 0;
	wait(fds);
	say("killed by", -1, WTERMSIG(fds[0]), NULL);
}

static void sockets(int domain)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int a, b, fds[2];
	pthread_t thread;

	if (domain == AF_UNIX) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
			exit(3);
	} else {
		a = socket(AF_INET, SOCK_DGRAM, 0);
		b = socket(AF_INET, SOCK_DGRAM, 0);
		if (bind(a, (void *)&at, n) || getsockname(a, (void *)&at, &n) || connect(b, (void *)&at, n))
			exit(3);
		fds[0] = a;
		fds[1] = b;
	}
	pthread_create(&thread, NULL, write_later, &fds[1]);
	say("socket", -1, read(fds[0], buffer, 3), buffer);
	pthread_join(thread, NULL);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	say("rest", -1, read(fds[0], buffer, 3), buffer);
	say("no more", -1, read(fds[0], buffer, 3), buffer);
	close(fds[0]);
	close(fds[1]);
}

/* ---- threads that share one offset: each block to exactly one of them */

static int shared;
static unsigned char seen[SIZE / BLOCK];

static void *read_blocks(void *arg)
{
	char *block = aligned_alloc(BLOCK, BLOCK), right[BLOCK];
	ssize_t r;

	(void)arg;
	while ((r = read(shared, block, BLOCK)) == BLOCK) {
		for (unsigned int i = 0; i < SIZE / BLOCK; i++) {
			fill(right, i * BLOCK, BLOCK);
			if (!memcmp(block, right, BLOCK))
				__atomic_add_fetch(&seen[i], 1, __ATOMIC_RELAXED);
		}
	}
	free(block);
	return NULL;
}

/* Blocks of fill() repeat, so that the sum counts. */
static void threads(int fd)
{
	pthread_t all[8];
	size_t sum = 0;

	shared = fd;
	lseek(fd, 0, SEEK_SET);
	for (int i = 0; i < 8; i++)
		pthread_create(&all[i], NULL, read_blocks, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(all[i], NULL);
	for (size_t i = 0; i < SIZE / BLOCK; i++)
		sum += seen[i] * (i + 1);
	say("threads", fd, (ssize_t)sum, NULL);
}

/* ---- signals */

static volatile sig_atomic_t signals;
static int pipe_of_handler[2];

static void on_signal(int signal)
{
	(void)signal;
	signals++;
	/* a call that is intercepted too */
	(void)!write(pipe_of_handler[1], "s", 1);
}

static void *write_at_last(void *fd)
{
	usleep(400000);
	if (write(*(int *)fd, "at last", 7) != 7)
		exit(3);
	return NULL;
}

static void interrupted(const char *step, int flags, int period_ms)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };
	struct itimerval timer = { { 0, period_ms * 1000 }, { 0, period_ms * 1000 } };
	pthread_t thread;
	int fds[2], n = 0;
	sigset_t alarm;
	ssize_t r;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigaction(SIGALRM, &sa, NULL);
	if (pipe(fds) || pipe(pipe_of_handler))
		exit(3);
	fcntl(pipe_of_handler[1], F_SETFL, O_NONBLOCK);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	pthread_create(&thread, NULL, write_at_last, &fds[1]);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	while ((r = read(fds[0], buffer, 3)) < 0 && errno == EINTR)
		n++;
	setitimer(ITIMER_REAL, &(struct itimerval){}, NULL);
	printf("%s %s, %s\n", step, n ? "was interrupted" : "was not interrupted", signals ? "signals came" : "no signals");
	say("then", -1, r, buffer);
	say("and", -1, read(fds[0], buffer, 100), buffer);
	pthread_join(thread, NULL);
	signals = 0;
}

/* A file under signals: no byte twice, none left out. */
static void file_under_signals(int fd)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct itimerval timer = { { 0, 3000 }, { 0, 3000 } };
	uint64_t h = 0;
	ssize_t r;

	sigaction(SIGALRM, &sa, NULL);
	lseek(fd, 0, SEEK_SET);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 100; i++) {
		while ((r = read(fd, buffer, 1000)) < 0 && errno == EINTR)
			;
		h = h * 31 + hash(buffer, r > 0 ? (size_t)r : 0);
	}
	setitimer(ITIMER_REAL, &(struct itimerval){}, NULL);
	memcpy(buffer, &h, sizeof(h));
	say("file under signals", fd, sizeof(h), buffer);
}

static _Noreturn void read_on(const char *path, size_t n)
{
	char *right = malloc(SIZE);
	int fd = open(path, O_RDONLY);
	size_t at = 0;

	fill(right, 0, SIZE);
	for (;;) {
		ssize_t r = read(fd, buffer, n);

		if (r == 0) {
			at = (size_t)lseek(fd, 0, SEEK_SET);
			continue;
		}
		if (r != (ssize_t)n)
			printf("%zd bytes\n", r);
		printf("%s\n", r == (ssize_t)n && !memcmp(right + at, buffer, n) ? "right"
			       : r < 0                                           ? strerrorname_np(errno)
										 : "wrong");
		fflush(stdout);
		at += n;
	}
}

static int hash_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buffer, SIZE);

	printf("%zd %016lx\n", n, hash(buffer, n < 0 ? 0 : (size_t)n));
	return 0;
}

int main(int argc, char **argv)
{
	int fd;

	buffer = mmap(NULL, SIZE + BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED || munmap(buffer + SIZE, BLOCK))
		return 3;
	if (argc == 4 && !strcmp(argv[1], "-r"))
		read_on(argv[2], (size_t)atoi(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "-h"))
		return hash_file(argv[2]);
	if (argc < 2)
		return 2;
	fd = make_file(argv[argc - 1], "file");
	if (argc == 3) {
		interrupted("SA_RESTART", SA_RESTART, 37);
		interrupted("EINTR", 0, 37);
		file_under_signals(fd);
		return 0;
	}
	reads(fd);
	threads(fd);
	direct(argv[1], "file");
	writes(fd, argv[1]);
	directories(argv[1]);
	pipes();
	sockets(AF_INET);
	sockets(AF_UNIX);
	return 0;
}
