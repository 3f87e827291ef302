/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What faults of every kind have: the keys common to all of them, and readers that several kinds share.
 */
#ifndef FAULTWIRE_COMMON_H
#define FAULTWIRE_COMMON_H

#include "lib/fault.h"

/* For json_only's list. */
#define COMMON_KEYS "name", "percent", "seed", "when", "start", "duration", "schedule", "anchor", "timeZone", "armed"

/* Reads them from a fault object over the defaults, which it sets; f->name is the caller's default. */
int common_parse(const struct json *j, struct fault *f, struct error *err);

/* A share (needed) and its "correlation" below a body: {"loss":"25","correlation":"25"}. */
int common_share(const struct json *body, const char *key, uint32_t *ret_share, uint32_t *ret_correlation, struct error *err);

/* "containers", a list of names, into f. */
int common_containers(const struct json *j, struct fault *f, struct error *err);

/* An error or a signal, by its name or its number; *ret stays as it is when absent. */
int common_errno(const struct json *j, uint64_t *ret, struct error *err);
int common_signal(const struct json *j, uint64_t *ret, struct error *err);

/* An absolute path inside the container, or a glob of them, copied to *ret; NULL when absent. */
int common_path(const struct json *j, char **ret, struct error *err);

/* Puts a word, with a space behind it, behind the others (NULL = none yet). */
void common_add_word(char **words, const char *word);

/* Letters, digits, '-', '_' and '.', at most 'max', a letter or a digit at both ends. */
bool common_is_name(const char *s, size_t max);

#endif
