/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One fault of faultwire.dev/io, and the names of its methods.
 */
#ifndef FAULTWIRE_IO_H
#define FAULTWIRE_IO_H

#include <stdio.h>

#include "bpf/file_abi.h"
#include "lib/fault.h"

/* By enum fw_method. */
extern const char *const io_methods[FW_METHODS + 1];

/* Methods for which the kernel has a hook where a call can be made to fail; the others need the container's supervisor. */
#define IO_HOOKED (((1U << FW_METHODS) - 1) & ~(1U << FW_METHOD_FSYNC))

/* Reads the fault object at j, number 'index' of its annotation. What was read until a failure is in *f: fault_cleanup in any case. */
int io_parse(const struct json *j, size_t index, struct fault *f, struct error *err);

/* A fault in a plan's JSON, and back; what is read is the caller's (io_cleanup) in any case. */
void io_to_json(cJSON *o, const struct fault_io *io);
int io_from_json(const struct json *j, struct fault_io *ret, struct error *err);
/* A copy of its own. */
struct fault_io io_copy(const struct fault_io *io);
void io_cleanup(struct fault_io *io);

/* "write fsync on /data/a*" */
void io_print(FILE *out, const struct fault_io *io);

#endif
