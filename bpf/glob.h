/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The automaton of a path's glob (struct fw_glob), one step backwards: the same code in the kernel, and in lib for its tests.
 */
#ifndef FAULTWIRE_GLOB_H
#define FAULTWIRE_GLOB_H

#include "bpf/file_abi.h"

static inline void glob_back(const struct fw_glob *g, struct fw_glob_set *s, unsigned char c)
{
	const struct fw_glob_set *accept = &g->accept[c], *stay = &g->stay[c == '/'];
	__u64 low = s->w[0] & accept->w[0], high = s->w[1] & accept->w[1];
	__u64 next_low = low >> 1 | high << 63 | (s->w[0] & stay->w[0]);
	__u64 next_high = high >> 1 | (s->w[1] & stay->w[1]);

	if (c == '/') {
		low = s->w[0] & g->skip.w[0];
		high = s->w[1] & g->skip.w[1];
		next_low |= low >> 2 | high << 62;
		next_high |= high >> 2;
	}
	s->w[0] = next_low;
	s->w[1] = next_high;
}

#endif
