/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shell's pieces: cmd_shell.c runs lines, these are where they come from. */
#ifndef CORDBG_SHELL_H
#define CORDBG_SHELL_H

#include "tool.h"

/* readline.c: the next line, to be freed, or NULL at the end. */
void readline_begin(struct tool *tool);
char *readline_line(void);
void readline_end(void);

#endif /* CORDBG_SHELL_H */
