// SPDX-License-Identifier: GPL-2.0-or-later
/* The shell's lines from a terminal, with history and completion. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "interrupt.h"
#include "shell.h"
#include "symbols.h"

#define HISTORY_MAX	1000

/* readline's callbacks get no pointer. */
static struct tool *the_tool;
static char *history_path;

static char **candidates;
static size_t candidate_count;

static void add_candidate(const char *name, void *data)
{
	char **list;

	(void)data;
	list = realloc(candidates, (candidate_count + 1) * sizeof(*candidates));
	if (!list)
		return;
	candidates = list;
	candidates[candidate_count] = strdup(name);
	if (candidates[candidate_count])
		candidate_count++;
}

static void add_commands(const char *prefix)
{
	const struct command *command;
	size_t i;

	for (i = 0; (command = command_at(i, IN_SHELL)); i++)
		if (!strncmp(command->name, prefix, strlen(prefix)))
			add_candidate(command->name, NULL);
}

static void add_option(const struct argp_option *option, const char *prefix)
{
	char name[64];

	snprintf(name, sizeof(name), "--%s", option->name);
	if (!strncmp(name, prefix, strlen(prefix)))
		add_candidate(name, NULL);
}

static void add_options(const struct argp *argp, const char *prefix)
{
	const struct argp_option *option = argp->options;
	const struct argp_child *child = argp->children;

	for (; option && option->name; option++)
		add_option(option, prefix);
	for (; child && child->argp; child++)
		add_options(child->argp, prefix);
}

/* readline wants them one by one, and frees them. */
static char *next_candidate(const char *prefix, int state)
{
	static size_t next;

	(void)prefix;
	if (!state)
		next = 0;
	return next < candidate_count ? candidates[next++] : NULL;
}

static const struct command *command_of_line(void)
{
	size_t blanks = strspn(rl_line_buffer, " \t");
	size_t length = strcspn(rl_line_buffer + blanks, " \t");
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)length, rl_line_buffer + blanks);
	return command_find(name, IN_SHELL);
}

static bool first_word(int start)
{
	return (int)strspn(rl_line_buffer, " \t") >= start;
}

/* The word before @start is an option that takes a file. */
static bool file_option_before(const struct command *command, int start)
{
	const char *line = rl_line_buffer;
	int end = start, begin;

	while (end > 0 && strchr(" \t", line[end - 1]))
		end--;
	for (begin = end; begin > 0 && !strchr(" \t", line[begin - 1]); begin--)
		;
	line += begin;
	if (command == &read_command)
		return (end - begin == 2 && !strncmp(line, "-o", 2)) ||
		       (end - begin == 8 && !strncmp(line, "--output", 8));
	if (command == &write_command)
		return (end - begin == 2 && !strncmp(line, "-i", 2)) ||
		       (end - begin == 7 && !strncmp(line, "--input", 7));
	return false;
}

/* A word is a command, an option of the command, a file, or a symbol. */
static char **complete(const char *prefix, int start, int end)
{
	const struct command *command = command_of_line();
	char **matches;

	(void)end;
	/* readline itself knows files. */
	if (file_option_before(command, start))
		return NULL;
	rl_attempted_completion_over = 1;
	candidate_count = 0;
	if (first_word(start))
		add_commands(prefix);
	else if (*prefix == '-' && command)
		add_options(command->argp, prefix);
	else if (command == &help_command)
		add_commands(prefix);
	else
		symbols_complete(the_tool, prefix, add_candidate, NULL);
	matches = rl_completion_matches(prefix, next_candidate);
	free(candidates);
	candidates = NULL;
	return matches;
}

/* Ctrl-C gives the line up, as in other shells. */
static int after_signal(void)
{
	if (!interrupt_came())
		return 0;
	interrupt_forget();
	rl_crlf();
	rl_replace_line("", 0);
	rl_on_new_line();
	rl_redisplay();
	return 0;
}

/* append_history() needs the file to be there. */
static void open_history(void)
{
	const char *home = getenv("HOME");
	int fd;

	using_history();
	stifle_history(HISTORY_MAX);
	if (!home || asprintf(&history_path, "%s/.cordbg_history", home) < 0) {
		history_path = NULL;
		return;
	}
	fd = open(history_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	read_history(history_path);
}

/* At once: other shells append too, and a signal may end this one. */
static void remember(const char *line)
{
	add_history(line);
	if (history_path)
		append_history(1, history_path);
}

void readline_begin(struct tool *tool)
{
	the_tool = tool;
	rl_readline_name = "cordbg";
	rl_attempted_completion_function = complete;
	/* Symbols, options and MODULE:SYMBOL are words. */
	rl_completer_word_break_characters = " \t:";
	rl_signal_event_hook = after_signal;
	open_history();
}

/*
 * A signal that comes after readline() has looked for the last time is kept for the
 * next line, so Ctrl-C would not end the command of this one. Taking it makes the
 * terminal ready for a line once more.
 */
static void take_late_signal(void)
{
	if (!rl_pending_signal())
		return;
	rl_check_signals();
	rl_deprep_terminal();
	rl_clear_signals();
}

char *readline_line(void)
{
	char *line = readline("cordbg> ");

	take_late_signal();
	if (line && *line)
		remember(line);
	return line;
}

void readline_end(void)
{
	if (history_path)
		history_truncate_file(history_path, HISTORY_MAX);
	free(history_path);
	history_path = NULL;
}
