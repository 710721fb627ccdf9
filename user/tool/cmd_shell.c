// SPDX-License-Identifier: GPL-2.0-or-later
/* cordbg shell */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wordexp.h>

#include "errors.h"
#include "interrupt.h"
#include "session.h"
#include "shell.h"
#include "symbols.h"

#define KEEP_GOING	'k'

/**
 * struct arguments - the command's words
 * @options: What commands share.
 * @script: SCRIPT, or NULL.
 * @keep_going: --keep-going.
 */
struct arguments {
	struct options options;
	const char *script;
	bool keep_going;
};

static const struct argp_option options[] = {
	{ "keep-going", KEEP_GOING, NULL, 0,
	  "A script goes on after a command that failed", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case KEEP_GOING:
		arguments->keep_going = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options_is_pid(state))
			return options_take_pid(state, arg);
		if (options_position(state))
			return options_error(state, "there is an argument too many: %s",
					     arg);
		arguments->script = arg;
		return 0;
	case ARGP_KEY_END:
		return options_require(state, 0, NULL);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "PID [SCRIPT]",
	.doc = "Run commands in a session that holds its breakpoints.\n"
	       "\vCommands come from the terminal, or from SCRIPT ('-': standard input),\n"
	       "one a line; their words are quoted as in sh(1), and # begins a comment.\n"
	       "There are no variables and no patterns: $ * ? [ ~ are like letters.\n"
	       "A script ends at the first command that fails. 'help' lists commands.",
};

static int bad_words(int error)
{
	switch (error) {
	case WRDE_NOSPACE:
		return error_say(STATUS_NO_MEMORY, "%s", cordbg_strerror(-ENOMEM));
	case WRDE_CMDSUB:
		return error_say(STATUS_USAGE, "the shell runs no commands: quote `");
	case WRDE_BADCHAR:
		return error_say(STATUS_USAGE, "one of |&;<>(){} has to be quoted");
	default:
		return error_say(STATUS_USAGE, "a quote has no end, or a \\ nothing behind it");
	}
}

static int run_words(struct tool *tool, int argc, char **argv)
{
	const struct command *command;

	if (!argc)
		return STATUS_OK;
	command = command_find(argv[0], IN_SHELL);
	if (!command)
		return error_say(STATUS_USAGE, "there is no command '%s'; 'help' lists them",
				 argv[0]);
	symbols_stale(tool);
	return command_run(tool, command, argc, argv);
}

/*
 * The quotes that what follows @c is in, @c itself being in @quote: ', " or 0.
 */
static char quote_after(char quote, char c)
{
	if (quote)
		return c == quote ? 0 : quote;
	return c == '\'' || c == '"' ? c : 0;
}

/*
 * A line for wordexp(3), which knows no comments, and expands what can be part of a
 * symbol or file name here: that gets a backslash. To be freed, or NULL.
 */
static char *plain_line(const char *line)
{
	char *plain = malloc(2 * strlen(line) + 1), *end = plain;
	bool in_word = false;
	const char *c;
	char quote = 0;

	if (!plain)
		return NULL;
	for (c = line; *c; c++) {
		if (*c == '#' && !quote && !in_word)
			break;
		in_word = quote || !strchr(" \t", *c);
		if (*c == '\\' && quote != '\'' && c[1])
			*end++ = *c++;
		else if (*c == '$' ? quote != '\'' : !quote && strchr("*?[~", *c))
			*end++ = '\\';
		else
			quote = quote_after(quote, *c);
		*end++ = *c;
	}
	*end = '\0';
	return plain;
}

static int split(const char *line, wordexp_t *words)
{
	char *plain = plain_line(line);
	int error;

	if (!plain)
		return WRDE_NOSPACE;
	error = wordexp(plain, words, WRDE_NOCMD);
	free(plain);
	return error;
}

/* One line of commands: a status. */
static int run_line(struct tool *tool, const char *line)
{
	wordexp_t words;
	int error, status;

	error = split(line, &words);
	if (error)
		return bad_words(error);
	status = run_words(tool, words.we_wordc, words.we_wordv);
	wordfree(&words);
	fflush(stdout);
	return status;
}

/* A write that Ctrl-C cut short is no error of standard output. */
static void after_interrupt(void)
{
	error_note("interrupted");
	clearerr(stdout);
	interrupt_forget();
}

/* Whatever fails, the user sees and decides. Ctrl-C ends no more than a command. */
static int interactive(struct tool *tool)
{
	char *line;

	interrupt_catch();
	readline_begin(tool);
	while (!tool->quit) {
		line = readline_line();
		if (!line)
			break;
		run_line(tool, line);
		free(line);
		if (interrupt_came())
			after_interrupt();
	}
	if (!tool->quit)
		putchar('\n');
	readline_end();
	interrupt_restore();
	return STATUS_OK;
}

/* Also that of a line from another system. */
static void cut_end(char *line)
{
	size_t length = strcspn(line, "\n");

	if (length && line[length - 1] == '\r')
		length--;
	line[length] = '\0';
}

static int run_stream(const struct arguments *arguments, const char *name, FILE *file)
{
	struct tool *tool = arguments->options.tool;
	int status = STATUS_OK, failed = STATUS_OK;
	unsigned int number = 0;
	char *line = NULL;
	size_t size = 0;

	while (!tool->quit && getline(&line, &size, file) > 0) {
		cut_end(line);
		error_place(name, ++number);
		status = run_line(tool, line);
		if (status)
			failed = status;
		if (status == STATUS_INTERRUPTED || (status && !arguments->keep_going))
			break;
	}
	error_place(NULL, 0);
	free(line);
	return ferror(file) ? error_file(name, "read", errno) : failed;
}

static int run_script(const struct arguments *arguments)
{
	struct tool *tool = arguments->options.tool;
	FILE *file;
	int status;

	tool->script_is_input = !arguments->script || !strcmp(arguments->script, "-");
	if (tool->script_is_input)
		return run_stream(arguments, "standard input", stdin);
	file = fopen(arguments->script, "re");
	if (!file)
		return error_file(arguments->script, "open", errno);
	status = run_stream(arguments, arguments->script, file);
	fclose(file);
	return status;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status;

	status = options_parse(tool, &argp, argc, argv, &arguments.options);
	if (!status)
		status = session_start(tool);
	if (status)
		return status;
	tool->shell = true;
	if (!arguments.script && isatty(STDIN_FILENO))
		return interactive(tool);
	return run_script(&arguments);
}

const struct command shell_command = { "shell", &argp, run, ON_COMMAND_LINE };
