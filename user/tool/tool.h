/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordbg: a command-line tool on libcordbg
 *
 * main.c runs one command; cmd_*.c are the commands, the other files what they
 * share. A command parses its words with argp and returns an exit status.
 */
#ifndef CORDBG_TOOL_H
#define CORDBG_TOOL_H

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include <cordbg.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#ifndef __printf
#define __printf(text, first)	__attribute__((__format__(__printf__, text, first)))
#endif

/* Exit statuses; cordbg(1) documents them. */
enum status {
	STATUS_OK = 0,
	STATUS_DIFFERS = 1,		/* compare */
	STATUS_FAILED = 2,		/* what has no status of its own */
	STATUS_NO_MODULE = 3,		/* ENODEV */
	STATUS_PERMISSION = 4,		/* EPERM */
	STATUS_GONE = 5,		/* ESRCH */
	STATUS_PROTECTED = 6,		/* EACCES */
	STATUS_UNMAPPED = 7,		/* ENXIO */
	STATUS_BUSY = 8,		/* EBUSY */
	STATUS_EXISTS = 9,		/* EEXIST */
	STATUS_NO_BREAKPOINT = 10,	/* ENOENT */
	STATUS_FULL = 11,		/* ENOSPC */
	STATUS_NO_MEMORY = 12,		/* ENOMEM, EMFILE, ENFILE */
	STATUS_WRAPS = 13,		/* EOVERFLOW */
	STATUS_OLD_MODULE = 14,		/* E2BIG, ENOTTY, ENOSYS */
	STATUS_ADDRESS = 15,		/* an ADDRESS that means nothing here */
	STATUS_FILE = 16,		/* a file of the caller */
	STATUS_USAGE = 64,		/* argp's own */
	STATUS_CANNOT_RUN = 126,	/* as sh(1) has it, and the next two */
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL = 128,		/* and the signal's number */
};

struct symbols;

/**
 * struct tool - what commands work on
 * @pid: The process; 0 until the command line has told it.
 * @process: The session, or NULL.
 * @symbols: The symbols of the process, or NULL; see symbols_of().
 * @shell: The session outlives the command, which is not told the PID.
 * @script_is_input: The shell's script comes from standard input.
 * @quit: The shell is to end.
 */
struct tool {
	pid_t pid;
	struct cordbg_process *process;
	struct symbols *symbols;
	bool shell;
	bool script_is_input;
	bool quit;
};

/* What a parser returns to argp after a message of its own. */
#define PARSE_ERROR	EINVAL

/* Where a command can be given. */
#define IN_SHELL	1
#define ON_COMMAND_LINE	2
#define ANYWHERE	(IN_SHELL | ON_COMMAND_LINE)

/**
 * struct command - a command
 * @name: Its name.
 * @argp: Its options; @args_doc begins with "PID" if it is known on the command
 *	line, and the first line of @doc is its summary.
 * @run: Parses the words and does the work: an exit status.
 * @where: IN_SHELL, ON_COMMAND_LINE.
 */
struct command {
	const char *name;
	const struct argp *argp;
	int (*run)(struct tool *tool, int argc, char **argv);
	unsigned int where;
};

extern const struct command read_command, write_command, break_command,
	clear_command, list_command, maps_command, compare_command,
	wait_command, help_command, quit_command, exit_command,
	shell_command;

/* commands.c */
const struct command *command_at(size_t i, unsigned int where);
const struct command *command_find(const char *name, unsigned int where);
int command_run(struct tool *tool, const struct command *command, int argc,
		char **argv);
void command_help(const struct command *command, FILE *stream);
void command_summaries(unsigned int where, FILE *stream);

/**
 * struct options - options that several commands have
 * @tool: The tool.
 * @command: The command's name.
 * @json: Print JSON.
 * @quiet: No progress bar and no remarks.
 * @color: Use colours on standard output.
 * @flags: CORDBG_FORCE, CORDBG_PROBE, CORDBG_RAW.
 *
 * The first member of a command's own structure, which is its parser's input.
 */
struct options {
	struct tool *tool;
	const char *command;
	bool json;
	bool quiet;
	bool color;
	unsigned int flags;
};

/* options.c: parsers to be a command's children. Their input is struct options. */
extern const struct argp json_argp, quiet_argp, color_argp, force_argp;
extern const struct argp_child json_children[];	/* json_argp alone */

int options_parse(struct tool *tool, const struct argp *argp, int argc,
		  char **argv, struct options *options);
void options_init(struct argp_state *state, const struct argp_child *children);
const char *options_shell_arguments(const struct argp *argp);
error_t options_error(struct argp_state *state, const char *format, ...)
	__printf(2, 3);
bool options_is_pid(const struct argp_state *state);
error_t options_take_pid(struct argp_state *state, const char *arg);
unsigned int options_position(const struct argp_state *state);
error_t options_parse_pid(int key, char *arg, struct argp_state *state);
error_t options_require(struct argp_state *state, unsigned int count,
			const char *what);
bool number_parse(const char *text, uint64_t *value);

#endif /* CORDBG_TOOL_H */
