// SPDX-License-Identifier: GPL-2.0-or-later
/* cordbg COMMAND PID [ARGUMENT...] */
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "session.h"

const char *argp_program_version = "cordbg " VERSION;

struct arguments {
	const struct command *command;
	int argc;
	char **argv;
};

/* argp frees what is not the text it gave. */
static char *show_commands(int key, const char *text, void *input)
{
	char *commands = NULL;
	FILE *stream;
	size_t size;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	stream = open_memstream(&commands, &size);
	if (!stream)
		return (char *)text;
	fputs("Commands:\n", stream);
	command_summaries(ON_COMMAND_LINE, stream);
	fprintf(stream, "\n%s", text);
	fclose(stream);
	return commands;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		arguments->command = command_find(arg, ON_COMMAND_LINE);
		if (!arguments->command)
			argp_error(state, "there is no command '%s'", arg);
		/* The rest is the command's. */
		arguments->argc = state->argc - state->next + 1;
		arguments->argv = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return PARSE_ERROR;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp main_argp = {
	.parser = parse,
	.args_doc = "COMMAND PID [ARGUMENT...]",
	.doc = "Write and read another process's memory behind breakpoints.\n"
	       "\v'cordbg COMMAND --help' tells more.",
	.help_filter = show_commands,
};

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct tool tool = { 0 };
	char name[32];
	int status;

	argp_parse(&main_argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	snprintf(name, sizeof(name), "cordbg %s", arguments.command->name);
	arguments.argv[0] = name;
	status = command_run(&tool, arguments.command, arguments.argc,
			     arguments.argv);
	session_end(&tool);
	if (fflush(stdout) || ferror(stdout))
		return error_say(STATUS_FILE, "standard output: cannot write");
	return status;
}
