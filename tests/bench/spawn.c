// SPDX-License-Identifier: GPL-2.0-only
/*
 * Times whole processes, interleaved: A B C A B C ..., and prints the median of each in microseconds, a line each: "<name> <median>".
 *
 * spawn RUNS < TABLE: a line of the table is NAME, file for stdin, environment (space separated) and command (space separated),
 * parted by '|'. A command that fails ends it. With WATCH=<pin of the control map> and '@<index>' before a name, the time is taken
 * until entry <index> of that map changes its 'aborted', not until the process ends.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf/abi.h"

#define ROWS_MAX 32
#define WORDS_MAX 32

struct row {
	char *name, *stdin_path;
	char *env[WORDS_MAX + 1], *argv[WORDS_MAX + 1];
	int watch; /* -1 = none */
	double *us;
};

static struct row rows[ROWS_MAX];
static size_t n_rows;
static volatile struct fw_control *control;

static void words(char *text, char **ret)
{
	size_t n = 0;

	for (char *w = strtok(text, " "); w && n < WORDS_MAX; w = strtok(NULL, " "))
		ret[n++] = w;
}

static void read_table(int runs)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0 && n_rows < ROWS_MAX) {
		struct row *r = &rows[n_rows++];
		char *text = strdup(line), *env, *argv;

		text[strcspn(text, "\n")] = '\0';
		r->name = strsep(&text, "|");
		r->stdin_path = strsep(&text, "|");
		env = strsep(&text, "|");
		argv = strsep(&text, "|");
		if (!argv)
			errx(2, "a line of the table is short: '%s'", line);
		words(env, r->env);
		words(argv, r->argv);
		r->watch = -1;
		if (r->name[0] == '@')
			r->watch = strtol(r->name + 1, &r->name, 10);
		r->us = calloc(runs, sizeof(*r->us));
	}
	free(line);
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

/* When the word changed; 0 when the process ended before. It may have been put on our processor: we yield. */
static double watch(const volatile __u64 *word, uint64_t before, pid_t pid)
{
	siginfo_t end = {};

	for (unsigned int i = 1;; i++) {
		if (*word != before)
			return now_us();
		sched_yield();
		if (i % 1000 == 0 && (waitid(P_PID, pid, &end, WEXITED | WNOHANG | WNOWAIT) || end.si_pid))
			return 0;
	}
}

static double run(const struct row *r)
{
	uint64_t before = r->watch >= 0 ? control[r->watch].aborted : 0;
	posix_spawn_file_actions_t fa;
	double start, seen;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, r->stdin_path, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	start = now_us();
	if (posix_spawn(&pid, r->argv[0], &fa, NULL, r->argv, r->env))
		err(1, "%s", r->argv[0]);
	seen = r->watch >= 0 ? watch(&control[r->watch].aborted, before, pid) : 0;
	waitpid(pid, &status, 0);
	seen = seen ? seen : now_us();
	posix_spawn_file_actions_destroy(&fa);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		errx(1, "%s (%s) failed", r->name, r->argv[0]);
	return seen - start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void watch_control(const char *pin)
{
	int fd = bpf_obj_get(pin);
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, (FW_SLOTS + 1) * sizeof(*control), PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		err(1, "%s", pin);
	control = map;
}

int main(int argc, char **argv)
{
	int runs = argc == 2 ? atoi(argv[1]) : 0;

	if (runs <= 0)
		errx(2, "usage: spawn RUNS < TABLE");
	read_table(runs);
	if (getenv("WATCH"))
		watch_control(getenv("WATCH"));
	for (size_t i = 0; i < n_rows; i++)
		run(&rows[i]); /* warm */
	for (int k = 0; k < runs; k++)
		for (size_t i = 0; i < n_rows; i++)
			rows[i].us[k] = run(&rows[i]);
	for (size_t i = 0; i < n_rows; i++) {
		qsort(rows[i].us, runs, sizeof(double), compare);
		printf("%s %.1f\n", rows[i].name, rows[i].us[runs / 2]);
	}
	return 0;
}
