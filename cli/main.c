// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultwire: finds the verb, runs it, prints its error.
 */
#include <argp.h>
#include <errno.h>

#include "cli/cli.h"
#include "cli/text.h"
#include "engine/bpf.h"
#include "lib/util.h"

static const struct command *const commands[] = {
	&plan_command, &doctor_command, &status_command, &abort_command, &resume_command, &arm_command, &disarm_command,
};

static char *summary_filter(int key, const char *text, void *input)
{
	char *buf = NULL;
	size_t n = 0;
	FILE *f;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&buf, &n);
	fputs("Commands:\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(f, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'faultwire COMMAND --help' tells more. Exit status: 0 done, 1 failed or not true, 2 wrong usage.\n", f);
	fclose(f);
	return buf;
}

static void print_version(FILE *out, struct argp_state *state)
{
	(void)state;
	fprintf(out, "faultwire %s (build %s)\n", FW_VERSION, bpf_build());
}

/* Stops at the first word, which is the verb. */
static error_t find_verb(int key, char *arg, struct argp_state *state)
{
	int *verb = state->input;

	(void)arg;
	if (key == ARGP_KEY_ARG) {
		*verb = state->next - 1;
		state->next = state->argc;
		return 0;
	}
	if (key == ARGP_KEY_NO_ARGS)
		argp_error(state, "a command is missing");
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.parser = find_verb,
	.args_doc = "COMMAND [ARGUMENT...]",
	.doc = "Chaos wired into container creation: what an operator does on a node.\v ",
	.help_filter = summary_filter,
};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (util_streq(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static void print_error(const struct error *err)
{
	_cleanup_free_ char *message = text_safe(err->msg);
	bool root = (err->code == EPERM || err->code == EACCES) && geteuid() != 0;

	fflush(stdout);
	fprintf(stderr, "faultwire: %s%s\n", message, root ? " (run it as root)" : "");
}

/* The verb's own command line: "faultwire <verb>" and what follows it. */
static int run(const struct command *c, int argc, char **argv)
{
	_cleanup_free_ char *name = util_printf("faultwire %s", c->name);
	struct error err = {};
	int r;

	argv[0] = name;
	r = c->run(argc, argv, &err);
	if (r < 0)
		print_error(&err);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "faultwire: cannot write the output: %s\n", strerror(errno));
		return 1;
	}
	return r ? 1 : 0;
}

int main(int argc, char **argv)
{
	static char name[] = "faultwire"; /* in messages, whatever the file is called */
	const struct command *c;
	int verb = 0;

	if (argc > 0)
		argv[0] = name;
	argp_err_exit_status = CLI_USAGE;
	argp_program_version_hook = print_version;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &verb);
	c = command_find(argv[verb]);
	if (!c) {
		_cleanup_free_ char *word = text_safe(argv[verb]);

		fprintf(stderr, "faultwire: '%s' is not a command: see 'faultwire --help'\n", word);
		return CLI_USAGE;
	}
	return run(c, argc - verb, argv + verb);
}
