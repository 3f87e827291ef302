/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A zone's file (RFC 8536, version 2 and later) -> its offset from UTC at an instant and the changes of it that come next: those of the table,
 * then those that the rule at the file's end goes on with.
 */
#ifndef FAULTWIRE_TZIF_H
#define FAULTWIRE_TZIF_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "lib/error.h"

/*
 * Sets c's offset and transitions: the offset at 'from', and up to FW_TRANSITIONS changes after it. -EINVAL for what is no such file, or counts leap
 * seconds; the message says what is wrong with it.
 */
int tzif_read(const void *data, size_t n, int64_t from, struct fw_calendar *c, struct error *err);

#endif
