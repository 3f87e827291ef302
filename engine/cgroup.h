/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A container's cgroup, found from one of its processes, whatever hierarchy each controller is in (v2, v1, or some in each), and its files as
 * they are, byte for byte.
 */
#ifndef FAULTWIRE_CGROUP_H
#define FAULTWIRE_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

enum cgroup_control { CGROUP_FREEZER, CGROUP_CPU, CGROUP_MEMORY, CGROUP_PIDS, CGROUP_IO, CGROUP_CONTROLS };

struct cgroup {
	char *dir[CGROUP_CONTROLS]; /* NULL = not asked for */
	bool v1[CGROUP_CONTROLS];
};
#define _cleanup_cgroup_ __attribute__((cleanup(cgroup_cleanup)))

/*
 * The directories of the controls in 'wanted' (bits). -ENOTSUP where the node has no such controller for the container, or the container no cgroup of
 * its own; the message says what to do.
 */
int cgroup_find(pid_t pid, unsigned int wanted, struct cgroup *ret, struct error *err);
void cgroup_cleanup(struct cgroup *c);

/* Whether a list of controllers, separated by commas and ended by a newline or nothing, has one. */
bool cgroup_has_controller(const char *list, const char *name);
/* A process's path, of 'proc' (/proc/PID/cgroup), in the hierarchy that has a v1 controller, or in the unified one (NULL); false when there is none. */
bool cgroup_path(const char *proc, const char *v1, char ret[PATH_MAX]);

/* Another directory, also of the same name, has another id; 0 = there is none. */
uint64_t cgroup_id(const char *file);

#define CGROUP_TEXT_MAX 4096
/* What is in a file, without its last newline; of a file with a line a device, the one that begins with 'key' ("8:0"), "" when there is none. */
int cgroup_read(const char *file, const char *key, char ret[CGROUP_TEXT_MAX]);
int cgroup_write(const char *file, const char *text);

#endif
