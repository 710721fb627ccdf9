/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tool's session on the process. */
#ifndef CORDBG_SESSION_H
#define CORDBG_SESSION_H

#include "tool.h"

/**
 * struct breakpoints - the breakpoints of a process, by ascending address
 * @list: The breakpoints.
 * @count: Their number.
 */
struct breakpoints {
	struct cordbg_breakpoint *list;
	size_t count;
};

int session_check(struct tool *tool);
int session_start(struct tool *tool);
void session_end(struct tool *tool);
int session_clear(struct tool *tool, uint64_t address);
int session_breakpoints(struct tool *tool, uint64_t start, uint64_t end,
			struct breakpoints *breakpoints);

#endif /* CORDBG_SESSION_H */
