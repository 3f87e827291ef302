/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operator's command: a table of verbs, each in its own file with its own options and help.
 */
#ifndef FAULTWIRE_CLI_H
#define FAULTWIRE_CLI_H

#include "lib/error.h"

#define CLI_USAGE 2 /* exit status of a command line that cannot be understood */

struct command {
	const char *name, *summary;
	/*
	 * argv[0] is "faultwire <name>". 0; 1 when the answer is no and has been printed; -errno with err. Ends the process itself on
	 * a usage error and on --help.
	 */
	int (*run)(int argc, char **argv, struct error *err);
};

extern const struct command plan_command, doctor_command, status_command, abort_command, resume_command, arm_command,
	disarm_command;

#endif
