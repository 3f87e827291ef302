// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes changed in what was read: see mistake.h.
 */
#include "engine/mistake.h"

#include "lib/util.h"

static void change(const struct iovec *v, size_t at, size_t length, bool random, uint64_t seed)
{
	for (; length; v++) {
		for (; at < v->iov_len && length; at++, length--)
			((char *)v->iov_base)[at] = random ? (char)util_mix64(seed + length) : 0;
		at -= MIN(at, v->iov_len);
	}
}

void mistake_make(const struct mistake *w, const struct iovec *v, size_t bytes)
{
	uint64_t seed = util_mix64(w->seed), n;

	if (!w->max_occurrences || !w->max_length || !bytes)
		return;
	n = 1 + seed % w->max_occurrences;
	for (uint64_t i = 0; i < n; i++) {
		size_t at = (seed = util_mix64(seed + 1)) % bytes, length = 1 + (seed = util_mix64(seed + 1)) % w->max_length;

		change(v, at, MIN(length, bytes - at), w->random, seed);
	}
}
