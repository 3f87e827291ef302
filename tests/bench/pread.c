// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a pread(2) of 64 bytes costs: pread FILE prints the nanoseconds of one, the median of rounds. Linked statically, to be run in a container;
 * in a VM whose clock counts instructions.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 41
#define CALLS 500

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
	double rounds[ROUNDS];
	char buf[64];

	if (fd < 0) {
		perror("pread FILE");
		return 1;
	}
	for (int i = 0; i < ROUNDS; i++) {
		long long start = now_ns();

		for (int k = 0; k < CALLS; k++)
			if (pread(fd, buf, sizeof(buf), 0) < 0)
				return 1;
		rounds[i] = (double)(now_ns() - start) / CALLS;
	}
	qsort(rounds, ROUNDS, sizeof(*rounds), compare);
	printf("%.1f\n", rounds[ROUNDS / 2]);
	return 0;
}
