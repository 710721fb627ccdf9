// SPDX-License-Identifier: GPL-2.0-or-later
/* The tool's session on the process. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "session.h"
#include "symbols.h"

/* Find out whether the process still runs the image: a negative errno, or 0. */
int session_check(struct tool *tool)
{
	size_t count;

	return cordbg_list_breakpoints(tool->process, NULL, 0, &count);
}

/* Attach, unless the shell did it: a status. */
int session_start(struct tool *tool)
{
	int error;

	if (tool->process) {
		error = session_check(tool);
		return error ? error_session(tool, error) : STATUS_OK;
	}
	error = cordbg_attach(tool->pid, 0, &tool->process);
	return error ? error_attach(tool->pid, error) : STATUS_OK;
}

void session_end(struct tool *tool)
{
	symbols_close(tool);
	cordbg_detach(tool->process);
	tool->process = NULL;
}

/* Clear a breakpoint of the session: a status. */
int session_clear(struct tool *tool, uint64_t address)
{
	int error = cordbg_clear_unmanaged_breakpoint(tool->process, address);

	if (error == -EACCES || error == -ENXIO)
		return error_say(error_status(error),
				 "%#" PRIx64 ": cannot write there now (userfaultfd?); it stays",
				 address);
	return error ? error_breakpoint(tool, error, address) : STATUS_OK;
}

/* Breakpoints come and go, so the list may have grown when it is fetched. */
static int fetch(struct tool *tool, struct breakpoints *breakpoints)
{
	size_t room = 64;
	int error;

	for (;;) {
		free(breakpoints->list);
		breakpoints->list = calloc(room, sizeof(*breakpoints->list));
		if (!breakpoints->list)
			return -ENOMEM;
		error = cordbg_list_breakpoints(tool->process, breakpoints->list,
						room, &breakpoints->count);
		if (error || breakpoints->count <= room)
			return error;
		room = breakpoints->count + 64;
	}
}

static bool touches(const struct cordbg_breakpoint *breakpoint, uint64_t start,
		    uint64_t end)
{
	return breakpoint->address < end &&
	       breakpoint->address + breakpoint->length > start;
}

/**
 * session_breakpoints() - the breakpoints that touch a range
 * @tool: The tool, with a session.
 * @start: The range's first address.
 * @end: Its end; UINT64_MAX and @start 0 for all.
 * @breakpoints: Receives them; free() the list.
 *
 * Return: A status; the list is NULL unless it is 0.
 */
int session_breakpoints(struct tool *tool, uint64_t start, uint64_t end,
			struct breakpoints *breakpoints)
{
	size_t i, kept = 0;
	int error;

	memset(breakpoints, 0, sizeof(*breakpoints));
	error = fetch(tool, breakpoints);
	if (error) {
		free(breakpoints->list);
		memset(breakpoints, 0, sizeof(*breakpoints));
		return error_session(tool, error);
	}
	for (i = 0; i < breakpoints->count; i++)
		if (touches(&breakpoints->list[i], start, end))
			breakpoints->list[kept++] = breakpoints->list[i];
	breakpoints->count = kept;
	return STATUS_OK;
}
