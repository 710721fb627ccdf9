/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error messages, and the exit status that belongs to each. */
#ifndef CORDBG_ERRORS_H
#define CORDBG_ERRORS_H

#include "tool.h"

/* Where the line of a script is that is being run; NULL: not in a script. */
void error_place(const char *script, unsigned int line);

/* What messages begin with, to be freed, or NULL. */
char *error_prefix(void);

/* Print a message: @status. A note tells more, or what to do. */
int error_say(enum status status, const char *format, ...) __printf(2, 3);
void error_note(const char *format, ...) __printf(1, 2);

/* The status of a library's error. */
enum status error_status(int error);

/* Print what went wrong and what to do about it: the status. */
int error_session(struct tool *tool, int error);
int error_attach(pid_t pid, int error);
int error_transfer(struct tool *tool, int error, bool write, unsigned int flags,
		   uint64_t address, uint64_t size, uint64_t failed_address);
int error_breakpoint(struct tool *tool, int error, uint64_t address);
int error_file(const char *name, const char *what, int error);

#endif /* CORDBG_ERRORS_H */
