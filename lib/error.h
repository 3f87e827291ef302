/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The error that every fallible function fills: the errno for programs, a sentence for people. Functions return 0 or -errno,
 * take 'struct error *err' last and leave it untouched on success. Only a program's main prints it.
 */
#ifndef FAULTWIRE_ERROR_H
#define FAULTWIRE_ERROR_H

#define ERROR_MAX 1024

struct error {
	int code;            /* positive errno; 0 = none */
	char msg[ERROR_MAX]; /* lower case, no full stop, user values in single quotes, with what to do next */
};

/* Sets code and message, returns -code. err may be NULL. */
int error_set(struct error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "<context>: " before the message that is there and returns -err->code. */
int error_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
