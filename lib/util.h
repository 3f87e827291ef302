/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ownership by scope (_cleanup_*, TAKE_PTR, TAKE_FD) and the few small things that everything needs.
 */
#ifndef FAULTWIRE_UTIL_H
#define FAULTWIRE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC 1000000000ULL

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(util_freep)
#define _cleanup_close_ _cleanup_(util_closep)
#define _cleanup_fclose_ _cleanup_(util_fclosep)

static inline void util_freep(void *p)
{
	free(*(void **)p);
}

static inline void util_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void util_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Hands a pointer (an fd) over to the caller's variable and empties the scope's, so that its cleanup does nothing. */
#define TAKE_PTR(p)                     \
	({                              \
		__typeof__(p) _p = (p); \
		(p) = NULL;             \
		_p;                     \
	})
#define TAKE_FD(fd)             \
	({                      \
		int _fd = (fd); \
		(fd) = -1;      \
		_fd;            \
	})

static inline bool util_streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* calloc and strdup that end the process when memory is out: a plugin that cannot allocate a few hundred bytes cannot undo either. */
void *util_alloc(size_t n, size_t size) __attribute__((returns_nonnull, malloc));
char *util_strdup(const char *s) __attribute__((returns_nonnull, malloc));
/* Grows an array by one zeroed element and returns it; *n counts. */
void *util_grow(void *array_ptr, size_t *n, size_t size) __attribute__((returns_nonnull));
/* asprintf under the same rule. */
char *util_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull, malloc));

/* splitmix64's finaliser (Steele, Lea, Flood 2014): the one mixing function of user and kernel code. */
uint64_t util_mix64(uint64_t x);
/* FNV-1a, 64 bits, of n bytes; chains through 'h' (start with UTIL_FNV_SEED). */
#define UTIL_FNV_SEED 0xcbf29ce484222325ULL
uint64_t util_fnv64(uint64_t h, const void *data, size_t n);

/* The length (1 to 4) of the well-formed UTF-8 sequence at s, of which n bytes are there; 0 = malformed. */
size_t util_utf8(const char *s, size_t n);

/* The name of a NULL-ended list that 's' was probably meant to be, NULL when none is near. */
const char *util_nearest(const char *s, const char *const *names);

/* Shell-like match of a whole string: '*' any run, '?' one character. */
bool util_glob(const char *pattern, const char *s);
/* The same of a path: '*' and '?' stay within a component; two stars cross them, and between two '/', or behind a last one, stand for
 * nothing at all too. */
bool util_path_glob(const char *pattern, const char *path);
/* Whether 'word' is one of 'words', each of which has a space behind it. */
bool util_has_word(const char *words, const char *word);

#endif
