// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes one system call again and again and says what came of it, for tests of faults in containers. Linked statically: what it calls is what
 * is written here. One line a call: its result or the error's name, with -t the milliseconds that it took.
 *
 *     calls [-t] [-s MS] connect|getppid|fsync|write|nanosleep N      -s: wait before each
 *     calls [-t] [-s MS] open|create|gone PATH N         gone: fsync of a file there that has been removed
 *     calls rename FROM TO
 *     calls threads N                      N threads, each three times getppid; then their results, sorted
 *     calls loop N                         nanoseconds of a getppid, the best of ten times N
 *     calls clock                          one getppid, and microseconds since the epoch when it has come back
 *     calls thread MS                      a thread beside the first one that calls getppid every MS, for ever
 *     calls alarm PERIOD_MS                one getppid under a timer's signals (SA_RESTART), and how many came; then waits for ever
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char *path;

static long call_connect(void)
{
	static int fd = -1;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static long call_getppid(void)
{
	return syscall(SYS_getppid);
}

static long call_fsync(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/tmp/calls", O_RDWR | O_CREAT, 0600);
	return fsync(fd);
}

static long call_open(void)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static long call_create(void)
{
	int fd = openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static long call_gone(void)
{
	int fd = openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600);

	unlink(path);
	return fsync(fd);
}

static long call_nanosleep(void)
{
	return nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static const struct {
	const char *name;
	long (*make)(void);
} calls[] = {
	{ "connect", call_connect }, { "getppid", call_getppid }, { "fsync", call_fsync },         { "open", call_open },
	{ "create", call_create },   { "gone", call_gone },       { "nanosleep", call_nanosleep },
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void say(long result, int error)
{
	if (result < 0)
		printf("%s", strerrorname_np(error) ? strerrorname_np(error) : "error");
	else
		printf("%ld", result);
}

static void make(long (*one)(void), int n, int timed, int pause_ms)
{
	for (int i = 0; i < n; i++) {
		double start;
		long result;
		int error;

		usleep(pause_ms * 1000);
		start = now_ms();
		result = one();
		error = errno;
		say(result, error);
		if (timed)
			printf(" %.0f", now_ms() - start);
		printf("\n");
		fflush(stdout);
	}
}

static void *thread(void *arg)
{
	long *failed = arg;

	for (int i = 0; i < 3; i++)
		if (syscall(SYS_getppid) < 0)
			*failed |= 1L << i;
	return NULL;
}

static void threads(int n)
{
	pthread_t *all = calloc(n, sizeof(*all));
	long *failed = calloc(n, sizeof(*failed));

	for (int i = 0; i < n; i++)
		pthread_create(&all[i], NULL, thread, &failed[i]);
	for (int i = 0; i < n; i++)
		pthread_join(all[i], NULL);
	for (int i = 0; i < n; i++)
		printf("%ld\n", failed[i]);
}

static void loop(int n)
{
	double best = 1e18;

	for (int k = 0; k < 10; k++) {
		double start = now_ms(), took;

		for (int i = 0; i < n; i++)
			syscall(SYS_getppid);
		took = (now_ms() - start) * 1e6 / n;
		best = took < best ? took : best;
	}
	printf("%.0f\n", best);
}

static void clock_behind(void)
{
	struct timespec t;

	syscall(SYS_getppid);
	clock_gettime(CLOCK_REALTIME, &t);
	printf("%lld\n", t.tv_sec * 1000000LL + t.tv_nsec / 1000);
}

static void *beside(void *arg)
{
	for (;; usleep(*(int *)arg * 1000)) {
		long result = syscall(SYS_getppid);
		int error = errno;

		printf("thread ");
		say(result, error);
		printf("\n");
		fflush(stdout);
	}
	return NULL;
}

static void one_thread(int pause_ms)
{
	pthread_t thread;

	pthread_create(&thread, NULL, beside, &pause_ms);
	pthread_join(thread, NULL);
}

static volatile sig_atomic_t signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static void alarmed(int period_ms)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct itimerval timer = { { 0, period_ms * 1000 }, { 0, period_ms * 1000 } };
	double start = now_ms();
	long result;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	result = syscall(SYS_getppid);
	say(result, errno);
	printf(" %.0f %d\n", now_ms() - start, (int)signals);
	fflush(stdout);
	setitimer(ITIMER_REAL, &(struct itimerval){}, NULL);
	pause();
}

int main(int argc, char **argv)
{
	int timed = 0, pause_ms = 0, opt;

	while ((opt = getopt(argc, argv, "ts:")) != -1) {
		timed |= opt == 't';
		if (opt == 's')
			pause_ms = atoi(optarg);
	}
	argc -= optind;
	argv += optind;
	if (argc == 1 && !strcmp(argv[0], "clock"))
		return clock_behind(), 0;
	if (argc < 2)
		return 2;
	if (!strcmp(argv[0], "loop"))
		return loop(atoi(argv[1])), 0;
	if (!strcmp(argv[0], "threads"))
		return threads(atoi(argv[1])), 0;
	if (!strcmp(argv[0], "thread"))
		one_thread(atoi(argv[1]));
	if (!strcmp(argv[0], "alarm"))
		return alarmed(atoi(argv[1])), 0;
	if (!strcmp(argv[0], "rename") && argc == 3)
		return rename(argv[1], argv[2]) != 0;
	if (argc > 2)
		path = argv[1];
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, argv[0]))
			return make(calls[i].make, atoi(argv[argc - 1]), timed, pause_ms), 0;
	return 2;
}
