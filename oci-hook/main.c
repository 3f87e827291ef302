// SPDX-License-Identifier: GPL-2.0-only
/*
 * The OCI hook's process: the state on stdin, the stage as an argument, and what went wrong on stderr, where the runtime finds it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "engine/undo.h"
#include "lib/policy.h"
#include "lib/util.h"
#include "oci-hook/hook.h"

static const char *const stages[] = { "createRuntime", "prestart", "poststop", NULL };

static int usage(const char *stage)
{
	const char *nearest = util_nearest(stage, stages);

	fprintf(stderr,
		"faultwire: '%s' is not a stage of this hook%s%s%s (createRuntime, prestart, poststop, or none: the state says "
		"it)\n",
		stage, nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	return 2;
}

/* Also in the journal: crun does not show what its hooks say. */
static void say(int severity, const char *msg)
{
	fprintf(stderr, "faultwire: %s\n", msg);
	openlog("faultwire-hook", LOG_PID, LOG_DAEMON);
	syslog(severity, "%s", msg);
	closelog();
}

int main(int argc, char **argv)
{
	struct error warning = {}, err = {};
	const char *stage = argc > 1 ? argv[1] : NULL;
	size_t i = 0;

	if (argc == 3 && util_streq(stage, "undo")) /* by systemd's timer (undo_arm) */
		return undo_orphan(argv[2]) == -EBUSY ? EXIT_FAILURE : EXIT_SUCCESS;
	while (stage && stages[i] && !util_streq(stages[i], stage))
		i++;
	if (stage && !stages[i])
		return usage(stage);
	signal(SIGPIPE, SIG_IGN);
	if (hook_run(STDIN_FILENO, stage, POLICY_PATH, &warning, &err)) {
		say(LOG_ERR, err.msg);
		return EXIT_FAILURE;
	}
	if (warning.code)
		say(LOG_WARNING, warning.msg);
	return EXIT_SUCCESS;
}
