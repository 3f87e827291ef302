/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mistakes in what is read, as Chaos Mesh makes them: one to max_occurrences places, each of one to max_length bytes, overwritten. The same
 * seed makes the same mistakes in the same number of bytes.
 */
#ifndef FAULTWIRE_MISTAKE_H
#define FAULTWIRE_MISTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct mistake {
	uint64_t seed;
	uint64_t max_occurrences, max_length; /* 0 = none */
	bool random;                          /* else zeros */
};

/* In the first 'bytes' of the segments. */
void mistake_make(const struct mistake *w, const struct iovec *v, size_t bytes);

#endif
