// SPDX-License-Identifier: GPL-2.0-or-later
/* clear, in the shell */
#include <errno.h>
#include <stdlib.h>

#include "errors.h"
#include "session.h"
#include "symbols.h"

/**
 * struct arguments - the command's words
 * @options: What commands share.
 * @addresses: The ADDRESS words.
 * @count: Their number.
 * @all: --all.
 */
struct arguments {
	struct options options;
	char **addresses;
	size_t count;
	bool all;
};

static const struct argp_option options[] = {
	{ "all", 'a', NULL, 0, "All breakpoints of this session", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'a':
		arguments->all = true;
		return 0;
	case ARGP_KEY_ARG:
		arguments->addresses[arguments->count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (arguments->all && arguments->count)
			return options_error(state, "--all needs no ADDRESS");
		return arguments->all ? 0 : options_require(state, 1, "the ADDRESS");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[ADDRESS...]",
	.doc = "Clear breakpoints of this session.",
};

/* One that cannot be cleared does not keep the others. */
static int clear_all(struct tool *tool)
{
	struct breakpoints breakpoints;
	int status, failed;
	size_t i;

	status = session_breakpoints(tool, 0, UINT64_MAX, &breakpoints);
	for (i = 0; i < breakpoints.count; i++) {
		if (!(breakpoints.list[i].flags & CORDBG_BREAKPOINT_MINE))
			continue;
		failed = session_clear(tool, breakpoints.list[i].address);
		if (failed)
			status = failed;
	}
	free(breakpoints.list);
	return status;
}

static int clear_some(const struct arguments *arguments)
{
	struct tool *tool = arguments->options.tool;
	uint64_t address;
	int status = STATUS_OK, failed;
	size_t i;

	for (i = 0; i < arguments->count; i++) {
		failed = symbols_resolve(tool, arguments->addresses[i], &address);
		if (!failed)
			failed = session_clear(tool, address);
		if (failed)
			status = failed;
	}
	return status;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status;

	arguments.addresses = calloc(argc, sizeof(*arguments.addresses));
	if (!arguments.addresses)
		return error_session(tool, -ENOMEM);
	status = options_parse(tool, &argp, argc, argv, &arguments.options);
	if (!status)
		status = session_start(tool);
	if (!status)
		status = arguments.all ? clear_all(tool) : clear_some(&arguments);
	free(arguments.addresses);
	return status;
}

const struct command clear_command = { "clear", &argp, run, IN_SHELL };
