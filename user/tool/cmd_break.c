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
 * @breakpoints: What they mean, @count.
 * @seconds: SECONDS, or HOLD_FOREVER.
 * @command: COMMAND and its arguments, or NULL.
 */
struct arguments {
	struct options options;
	char **addresses;
	size_t count;
	struct cordbg_breakpoint *breakpoints;
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

/*
 * All, before the first is planted: a typo must plant none. What elfutils has to
 * read for describing them it reads now, while signals still end the tool.
 */
static int resolve_all(const struct arguments *arguments)
{
	struct tool *tool = arguments->options.tool;
	int status = STATUS_OK;
	char symbol[256];
	size_t i;

	for (i = 0; !status && i < arguments->count; i++) {
		uint64_t address;

		status = symbols_resolve(tool, arguments->addresses[i], &address);
		if (status)
			break;
		arguments->breakpoints[i].address = address;
		symbols_describe(tool, address, symbol, sizeof(symbol));
	}
	return status;
}

static int plant(struct tool *tool, struct cordbg_breakpoint *breakpoint)
{
	uint64_t address = breakpoint->address;
	int error;

	error = cordbg_set_unmanaged_breakpoint(tool->process, address,
						sizeof(breakpoint->original),
						breakpoint->original,
						&breakpoint->length);
	if (error)
		return error_breakpoint(tool, error, address);
	breakpoint->flags = CORDBG_BREAKPOINT_PLANTED | CORDBG_BREAKPOINT_MINE;
	return STATUS_OK;
}

static int print_json(const struct arguments *arguments)
{
	struct json_object *array = json_object_new_array();
	struct tool *tool = arguments->options.tool;
	size_t i;

	for (i = 0; i < arguments->count; i++)
		json_object_array_add(array,
				      json_breakpoint(tool, &arguments->breakpoints[i]));
	return json_print(array);
}

static int print_all(const struct arguments *arguments)
{
	size_t i;

	if (arguments->options.json)
		return print_json(arguments);
	for (i = 0; i < arguments->count; i++)
		print_text(arguments->options.tool, &arguments->breakpoints[i]);
	return STATUS_OK;
}

/* All or none. */
static int plant_all(const struct arguments *arguments)
{
	struct tool *tool = arguments->options.tool;
	int status = STATUS_OK;
	size_t planted = 0;

	while (!status && planted < arguments->count) {
		status = plant(tool, &arguments->breakpoints[planted]);
		planted += !status;
	}
	if (!status)
		return print_all(arguments);
	/* A process that has gone takes them along. */
	while (planted-- && status != STATUS_GONE)
		session_clear(tool, arguments->breakpoints[planted].address);
	return status;
}

static int wait_for_end(const struct arguments *arguments, int signals, int *signal)
{
	struct tool *tool = arguments->options.tool;

	fflush(stdout);
	if (arguments->command)
		return hold_command(tool, signals, arguments->command);
	if (!arguments->options.quiet && arguments->seconds < 0)
		error_note("holding %zu breakpoint%s until Ctrl-C", arguments->count,
			   arguments->count == 1 ? "" : "s");
	return hold(tool, signals, arguments->seconds, signal);
}

static int plant_and_hold(const struct arguments *arguments)
{
	int signals = hold_prepare(), signal = 0, status;

	if (signals < 0)
		return error_session(arguments->options.tool, signals);
	status = plant_all(arguments);
	if (!status)
		status = wait_for_end(arguments, signals, &signal);
	/* Cleared before a signal that still waits can end the tool. */
	session_end(arguments->options.tool);
	hold_unprepare(signals);
	return hold_end(signal, status);
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct arguments arguments = { .seconds = HOLD_FOREVER };
	int status;

	arguments.addresses = calloc(argc, sizeof(*arguments.addresses));
	arguments.breakpoints = calloc(argc, sizeof(*arguments.breakpoints));
	if (!arguments.addresses || !arguments.breakpoints)
		status = error_session(tool, -ENOMEM);
	else
		status = options_parse(tool, &argp, argc, argv, &arguments.options);
	if (!status)
		status = session_start(tool);
	if (!status)
		status = resolve_all(&arguments);
	if (!status)
		status = tool->shell ? plant_all(&arguments) :
				       plant_and_hold(&arguments);
	free(arguments.addresses);
	free(arguments.breakpoints);
	return status;
}

const struct command break_command = { "break", &argp, run, ANYWHERE };
