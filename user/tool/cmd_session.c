// SPDX-License-Identifier: GPL-2.0-or-later
/* wait, help and quit, in the shell */
#include <stdlib.h>

#include "errors.h"
#include "hold.h"
#include "interrupt.h"
#include "session.h"

/**
 * struct arguments - the commands' words
 * @options: What commands share.
 * @word: The argument, or NULL.
 */
struct arguments {
	struct options options;
	const char *word;
};

static error_t parse_word(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (arguments->word)
		return options_error(state, "there is an argument too many: %s", arg);
	arguments->word = arg;
	return 0;
}

static const struct argp wait_argp = {
	.parser = parse_word,
	.args_doc = "[SECONDS]",
	.doc = "Wait for SECONDS, Ctrl-C or the end of the process, which is an error.",
};

static bool parse_seconds(const char *word, double *seconds)
{
	char *end;

	*seconds = strtod(word, &end);
	return end != word && !*end && *seconds >= 0 && *seconds <= 1e9;
}

static int wait_prepared(struct tool *tool, double seconds)
{
	int signals = hold_prepare(), signal = 0, status;

	if (signals < 0)
		return error_session(tool, signals);
	/* Ctrl-C since the line was typed has not waited for hold(). */
	status = interrupt_came() ? STATUS_OK : hold(tool, signals, seconds, &signal);
	hold_unprepare(signals);
	return hold_end(signal, status);
}

static int run_wait(struct tool *tool, int argc, char **argv)
{
	struct arguments arguments = { 0 };
	double seconds = HOLD_FOREVER;
	int status;

	status = options_parse(tool, &wait_argp, argc, argv, &arguments.options);
	if (status)
		return status;
	if (arguments.word && !parse_seconds(arguments.word, &seconds))
		return error_say(STATUS_USAGE, "'%s' is not a number of seconds",
				 arguments.word);
	return wait_prepared(tool, seconds);
}

const struct command wait_command = { "wait", &wait_argp, run_wait, IN_SHELL };

static const struct argp help_argp = {
	.parser = parse_word,
	.args_doc = "[COMMAND]",
	.doc = "List the commands, or describe one.",
};

static int run_help(struct tool *tool, int argc, char **argv)
{
	struct arguments arguments = { 0 };
	const struct command *command;
	int status;

	status = options_parse(tool, &help_argp, argc, argv, &arguments.options);
	if (status)
		return status;
	if (!arguments.word) {
		command_summaries(IN_SHELL, stdout);
		return STATUS_OK;
	}
	command = command_find(arguments.word, IN_SHELL);
	if (!command)
		return error_say(STATUS_USAGE, "there is no command '%s'; 'help' lists them",
				 arguments.word);
	command_help(command, stdout);
	return STATUS_OK;
}

const struct command help_command = { "help", &help_argp, run_help, IN_SHELL };

static error_t parse_nothing(int key, char *arg, struct argp_state *state)
{
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	return options_error(state, "there is an argument too many: %s", arg);
}

static const struct argp quit_argp = {
	.parser = parse_nothing,
	.doc = "End the session, which clears its breakpoints.",
};

static int run_quit(struct tool *tool, int argc, char **argv)
{
	struct options options = { 0 };
	int status = options_parse(tool, &quit_argp, argc, argv, &options);

	tool->quit = !status;
	return status;
}

const struct command quit_command = { "quit", &quit_argp, run_quit, IN_SHELL };
const struct command exit_command = { "exit", &quit_argp, run_quit, IN_SHELL };
