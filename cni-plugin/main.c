// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CNI plugin's process: real environment, real streams. Everything else is dispatch.c's, where tests can reach it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cni-plugin/dispatch.h"
#include "lib/policy.h"

int main(void)
{
	const struct cni_io io = {
		.getenv = getenv,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.log = stderr,
		.syslog = true,
		.policy = POLICY_PATH,
	};

	/* A runtime that went away is a write error, after which the faults are undone. */
	signal(SIGPIPE, SIG_IGN);
	return dispatch(&io);
}
