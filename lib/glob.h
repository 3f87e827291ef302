/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Globs of paths as the kernel's programs want them: a path is split into a directory that is there and what may follow it, and that is compiled
 * into the automaton of struct fw_glob. Means the same as util_path_glob.
 */
#ifndef FAULTWIRE_LIB_GLOB_H
#define FAULTWIRE_LIB_GLOB_H

#include "bpf/file_abi.h"
#include "lib/error.h"
#include "lib/util.h"

/* Length of the leading components of a glob that have no wildcard ("/data/a*" -> 5, "/" + wildcard -> 0). */
size_t glob_literal(const char *glob);

/* What follows a directory: "" or "/...". -E2BIG naming the limit. */
int glob_compile(const char *tail, struct fw_glob *ret, struct error *err);
/* States behind the first states after 'text' ("" or "/..."): where a mount stands, seen from the directory. */
struct fw_glob_set glob_forward(const struct fw_glob *g, const char *text);
static inline bool glob_is_empty(const struct fw_glob_set *s)
{
	return !(s->w[0] | s->w[1]);
}
/* Whether from one of these states on everything holds, the place itself too. */
bool glob_is_whole(const struct fw_glob *g, const struct fw_glob_set *s);
/* Whether 'text' may follow a place that is in these states; what the kernel's programs do. */
bool glob_match(const struct fw_glob *g, const struct fw_glob_set *s, const char *text);

#endif
