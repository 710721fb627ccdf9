// SPDX-License-Identifier: GPL-2.0-or-later
/* cordbg list */
#include <inttypes.h>
#include <stdlib.h>

#include "dump.h"
#include "json.h"
#include "session.h"
#include "symbols.h"

static const struct argp argp = {
	.parser = options_parse_pid,
	.args_doc = "PID",
	.doc = "List the breakpoints of all sessions.\n"
	       "\vShows the program's bytes under each; whether the opcode is planted, or\n"
	       "gone because the program has rewritten that memory; and whether this\n"
	       "session (of the shell) has set it, or others.",
	.children = json_children,
};

static void print_text(struct tool *tool, const struct breakpoints *breakpoints)
{
	const struct cordbg_breakpoint *b = breakpoints->list;
	char symbol[256];
	size_t i;

	for (i = 0; i < breakpoints->count; i++, b++) {
		symbols_describe(tool, b->address, symbol, sizeof(symbol));
		printf("%#" PRIx64 "  ", (uint64_t)b->address);
		dump_hex(stdout, b->original, b->length);
		printf("  %s  %s%s%s\n",
		       b->flags & CORDBG_BREAKPOINT_PLANTED ? "planted" : "gone   ",
		       b->flags & CORDBG_BREAKPOINT_MINE ? "mine  " : "others",
		       *symbol ? "  " : "", symbol);
	}
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct breakpoints breakpoints;
	struct options options = { 0 };
	int status;

	status = options_parse(tool, &argp, argc, argv, &options);
	if (!status)
		status = session_start(tool);
	if (!status)
		status = session_breakpoints(tool, 0, UINT64_MAX, &breakpoints);
	if (status)
		return status;
	if (options.json)
		status = json_print(json_breakpoints(tool, &breakpoints, 0, UINT64_MAX));
	else
		print_text(tool, &breakpoints);
	free(breakpoints.list);
	return status;
}

const struct command list_command = { "list", &argp, run, ANYWHERE };
