/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * faultwire.dev/io by the supervisor: which system calls are its methods, and whether one of them is on a fault's files. Paths are text, as the
 * container sees them; a descriptor's is where its file is now.
 */
#ifndef FAULTWIRE_IO_CALLS_H
#define FAULTWIRE_IO_CALLS_H

#include "engine/calls.h"
#include "lib/io.h"

/* The calls that a fault's methods can be; of a mistake those that can be made in the caller's place. */
void io_calls_resolve(const struct fault_io *io, struct calls_set *ret);

/*
 * Whether a call is one of the fault's methods, on one of its files. What is read of the process counts only while the notification is valid,
 * which the caller asks afterwards.
 */
bool io_calls_match(const struct seccomp_notif *n, const struct fault_io *io);

#endif
