/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From CNI_COMMAND to its verb: environment and stdin checked first, the outcome printed last. Nothing here reads the process's own
 * environment or streams: they are given.
 */
#ifndef FAULTWIRE_DISPATCH_H
#define FAULTWIRE_DISPATCH_H

#include <stdbool.h>
#include <stdio.h>

struct cni_io {
	char *(*getenv)(const char *name);
	int in, out; /* the protocol */
	FILE *log;
	bool syslog;        /* say it in the journal as well */
	const char *policy; /* path of the node's policy */
};

/* Runs one call of the plugin. Returns its exit status: 0, or 1 with an error object on out. */
int dispatch(const struct cni_io *io);

#endif
