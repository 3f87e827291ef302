// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process is: see proc.h.
 */
#include "engine/proc.h"

#include <errno.h>
#include <stdio.h>

#include "lib/util.h"

int proc_status(pid_t pid, struct proc_number *numbers, size_t n)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[256];
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while ((size_t)found < n && fgets(line, sizeof(line), f)) {
		size_t key = strcspn(line, ":");

		for (size_t i = 0; i < n; i++) {
			if (strlen(numbers[i].key) != key || strncmp(line, numbers[i].key, key))
				continue;
			numbers[i].value = strtoull(line + key + 1, NULL, numbers[i].base);
			found++;
		}
	}
	return found;
}
