/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of ours, read and written whole: what only root can have written, and written so that a reader sees all of it or none.
 */
#ifndef FAULTWIRE_FILE_H
#define FAULTWIRE_FILE_H

#include <stddef.h>

#include "lib/error.h"

/* Through a temporary file on the same file system, which is renamed; mode 0600. One writer to a temporary name. */
int file_write(const char *path, const char *temporary, const char *text, struct error *err);

/* *ret is the caller's, with a NUL behind its n bytes. -ENOENT, or -EBADMSG for a file over 1 MiB or that others than root can write. */
int file_read(const char *path, char **ret, size_t *ret_n, struct error *err);

/* Others' files, up to max bytes: the text is the caller's, with a NUL behind it; NULL when it cannot be read. */
char *file_slurp(const char *path, size_t max, size_t *ret_n);

#endif
