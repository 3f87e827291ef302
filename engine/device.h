/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The disk behind a path of a container.
 */
#ifndef FAULTWIRE_DEVICE_H
#define FAULTWIRE_DEVICE_H

#include <sys/types.h>

#include "lib/error.h"

#define DEVICE_KEY_MAX 24

/*
 * "8:0", the disk that holds 'path' of the container whose root is at 'rootfs' ("/" once its program runs) in the mounts of process pid; through
 * overlays to what they write to, from partitions to their disk. -ENOENT, or -ENOTSUP for a file system that is on no disk.
 */
int device_find(pid_t pid, const char *rootfs, const char *path, char ret[DEVICE_KEY_MAX], struct error *err);

#endif
