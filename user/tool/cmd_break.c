// SPDX-License-Identifier: GPL-2.0-or-later
/* cordbg break */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "dump.h"
#include "errors.h"
#include "hold.h"
#include "json.h"
#include "session.h"
#include "symbols.h"

/**
 * struct arguments - the command's words
 * @options: What commands share.
 * @addresses: The ADDRESS words.
 * @count: Their number.
 * @seconds: SECONDS, or HOLD_FOREVER.
 * @command: COMMAND and its arguments, or NULL.
 */
struct arguments {
	struct options options;
	char **addresses;
	size_t count;
	double seconds;
	char **command;
};

static const struct argp_option options[] = {
	{ "seconds", 't', "SECONDS", 0, "Hold the breakpoints so long (not in the shell)",
	  0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &json_argp, 0, NULL, 0 },
	{ &quiet_argp, 0, NULL, 0 },
	{ 0 }
};

static error_t parse_seconds(struct arguments *arguments, const char *text,
			     struct argp_state *state)
{
	char *end;

	arguments->seconds = strtod(text, &end);
	if (end == text || *end || !(arguments->seconds >= 0) ||
	    arguments->seconds > 1e9)
		return options_error(state, "'%s' is not a number of seconds", text);
	if (arguments->options.tool->shell)
		return options_error(state,
				     "the shell holds breakpoints until it ends: no --seconds");
	return 0;
}

/* What follows "--" is the command. */
static error_t parse_argument(struct arguments *arguments, char *arg,
			      struct argp_state *state)
{
	if (state->quoted && state->next > state->quoted) {
		if (arguments->options.tool->shell)
			return options_error(state, "the shell runs no commands");
		arguments->command = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	}
	if (options_is_pid(state))
		return options_take_pid(state, arg);
	arguments->addresses[arguments->count++] = arg;
	return 0;
}

static error_t check(const struct arguments *arguments, struct argp_state *state)
{
	if (arguments->command && arguments->seconds >= 0)
		return options_error(state, "--seconds and a COMMAND exclude each other");
	return options_require(state, 1 + !!arguments->command, "the ADDRESS");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init(state, children);
		return 0;
	case 't':
		return parse_seconds(arguments, arg, state);
	case ARGP_KEY_ARG:
		return parse_argument(arguments, arg, state);
	case ARGP_KEY_END:
		return check(arguments, state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "PID ADDRESS... [-- COMMAND [ARGUMENT...]]",
	.doc = "Plant breakpoints, and hold them.\n"
	       "\vPrints the program's bytes under each. They are held until Ctrl-C, the\n"
	       "end of SECONDS or of COMMAND, which is run meanwhile, or of the process;\n"
	       "in the shell until they are cleared or it ends. A thread that runs into a\n"
	       "breakpoint gets SIGTRAP, which ends a program that nobody traces.",
	.children = children,
};

static void print_text(struct tool *tool, const struct cordbg_breakpoint *breakpoint)
{
	char symbol[256];

	symbols_describe(tool, breakpoint->address, symbol, sizeof(symbol));
	printf("%#" PRIx64 "  ", (uint64_t)breakpoint->address);
	dump_hex(stdout, breakpoint->original, breakpoint->length);
	printf("%s%s\n", *symbol ? "  " : "", symbol);
}

static int plant(struct tool *tool, const char *text,
		 struct cordbg_breakpoint *breakpoint)
{
	uint64_t address;
	int error, status;

	status = symbols_resolve(tool, text, &address);
	if (status)
		return status;
	error = cordbg_set_unmanaged_breakpoint(tool->process, address,
						sizeof(breakpoint->original),
						breakpoint->original,
						&breakpoint->length);
	if (error)
		return error_breakpoint(tool, error, address);
	breakpoint->address = address;
	breakpoint->flags = CORDBG_BREAKPOINT_PLANTED | CORDBG_BREAKPOINT_MINE;
	return STATUS_OK;
}

/* With --json they are printed together, so not before the last is planted. */
static int plant_all(const struct arguments *arguments)
{
	struct json_object *array = json_object_new_array();
	struct tool *tool = arguments->options.tool;
	int status = STATUS_OK;
	size_t i;

	for (i = 0; !status && i < arguments->count; i++) {
		struct cordbg_breakpoint breakpoint = { 0 };

		status = plant(tool, arguments->addresses[i], &breakpoint);
		if (!status && arguments->options.json)
			json_object_array_add(array,
					      json_breakpoint(tool, &breakpoint));
		else if (!status)
			print_text(tool, &breakpoint);
	}
	if (!status && arguments->options.json)
		return json_print(array);
	json_object_put(array);
	return status;
}

static int wait_for_end(const struct arguments *arguments, int signals)
{
	struct tool *tool = arguments->options.tool;
	int signal;

	fflush(stdout);
	if (arguments->command)
		return hold_command(tool, signals, arguments->command);
	if (!arguments->options.quiet && arguments->seconds < 0)
		error_note("holding %zu breakpoints until Ctrl-C", arguments->count);
	return hold(tool, signals, arguments->seconds, &signal);
}

static int plant_and_hold(const struct arguments *arguments)
{
	int signals = hold_prepare(), status;

	if (signals < 0)
		return error_session(arguments->options.tool, -ENOMEM);
	status = plant_all(arguments);
	if (!status)
		status = wait_for_end(arguments, signals);
	/* Cleared before a signal that still waits can end the tool. */
	session_end(arguments->options.tool);
	hold_unprepare(signals);
	return status;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct arguments arguments = { .seconds = HOLD_FOREVER };
	int status;

	arguments.addresses = calloc(argc, sizeof(*arguments.addresses));
	if (!arguments.addresses)
		return error_session(tool, -ENOMEM);
	status = options_parse(tool, &argp, argc, argv, &arguments.options);
	if (!status)
		status = session_start(tool);
	if (!status)
		status = tool->shell ? plant_all(&arguments) :
				       plant_and_hold(&arguments);
	free(arguments.addresses);
	return status;
}

const struct command break_command = { "break", &argp, run, ANYWHERE };
