/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small database's work, and how its disk treats it.
 *
 *	disk DIR MS
 *
 * Every MS milliseconds appends a record to DIR/journal, syncs it, and reads a record of DIR/data back. Prints for each round a line
 *
 *	<milliseconds of CLOCK_MONOTONIC before its sync> <0 | errno of the sync> <microseconds of the read> <0 | errno of the read>
 *
 * Exit: 2 if it cannot begin.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define RECORD 4096

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int open_in(const char *dir, const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static char record[RECORD];
	int journal, data;

	if (argc != 3) {
		fprintf(stderr, "usage: disk DIR MS\n");
		return 2;
	}
	journal = open_in(argv[1], "journal");
	data = open_in(argv[1], "data");
	if (write(data, record, RECORD) != RECORD) {
		perror("data");
		return 2;
	}
	for (;;) {
		uint64_t begun = now_us(), read_from;
		int sync_error, read_error;

		if (write(journal, record, RECORD) != RECORD)
			perror("journal");
		sync_error = fsync(journal) ? errno : 0;
		read_from = now_us();
		read_error = pread(data, record, RECORD, 0) < 0 ? errno : 0;
		printf("%llu.%03llu %d %llu %d\n", (unsigned long long)begun / 1000, (unsigned long long)begun % 1000, sync_error,
		       (unsigned long long)(now_us() - read_from), read_error);
		fflush(stdout);
		usleep((useconds_t)atoi(argv[2]) * 1000);
	}
}
