/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Quantities as Kubernetes writes them: "200m", "0.5", 2, "64Mi", "1.5G", "1e3".
 */
#ifndef FAULTWIRE_QUANTITY_H
#define FAULTWIRE_QUANTITY_H

#include "lib/json.h"

/*
 * In units of 1/scale, scale 1 or 1000, which must be exact. Absent: *ret stays as it is. -EINVAL with the path, what is wrong, and 'example';
 * also for less than 'min'.
 */
int quantity_read(const struct json *j, unsigned int scale, uint64_t min, const char *example, uint64_t *ret, struct error *err);

/* "200m", "2"; "64Mi", "1536Ki", "1000": exact. */
#define QUANTITY_TEXT_MAX 32
void quantity_format_milli(uint64_t milli, char buf[QUANTITY_TEXT_MAX]);
void quantity_format_bytes(uint64_t bytes, char buf[QUANTITY_TEXT_MAX]);

#endif
