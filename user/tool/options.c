// SPDX-License-Identifier: GPL-2.0-or-later
/* Options and arguments that several commands have. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errors.h"

#define OPTION_COLOR	0x100

static const struct argp_option json_options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 10 },
	{ 0 }
};

static const struct argp_option quiet_options[] = {
	{ "quiet", 'q', NULL, 0, "No progress bar and no remarks", 10 },
	{ 0 }
};

static const struct argp_option color_options[] = {
	{ "color", OPTION_COLOR, "WHEN", OPTION_ARG_OPTIONAL,
	  "Use colours: auto (on a terminal, unless NO_COLOR is set), always, never",
	  10 },
	{ 0 }
};

static const struct argp_option force_options[] = {
	{ "force", 'f', NULL, 0,
	  "Accept private mappings whose protection forbids the access, such as program text",
	  0 },
	{ "probe", 'p', NULL, 0, "Verify the range, and transfer nothing", 0 },
	{ 0 }
};

static error_t set_color(struct argp_state *state, const char *when)
{
	struct options *options = state->input;

	if (!when || !strcmp(when, "always"))
		options->color = true;
	else if (!strcmp(when, "never"))
		options->color = false;
	else if (strcmp(when, "auto"))
		return options_error(state, "--color takes auto, always or never, not '%s'",
				     when);
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'j':
		options->json = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case 'f':
		options->flags |= CORDBG_FORCE;
		return 0;
	case 'p':
		options->flags |= CORDBG_PROBE;
		return 0;
	case OPTION_COLOR:
		return set_color(state, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp json_argp = {
	.options = json_options, .parser = parse_option
};

const struct argp quiet_argp = {
	.options = quiet_options, .parser = parse_option
};

const struct argp color_argp = {
	.options = color_options, .parser = parse_option
};

const struct argp force_argp = {
	.options = force_options, .parser = parse_option
};

const struct argp_child json_children[] = {
	{ &json_argp, 0, NULL, 0 },
	{ 0 }
};

/* For a command's parser at ARGP_KEY_INIT: its children work on its input. */
void options_init(struct argp_state *state, const struct argp_child *children)
{
	size_t i;

	for (i = 0; children[i].argp; i++)
		state->child_inputs[i] = state->input;
}

/* argp_error() does not come back; what is returned ends the parser. */
error_t options_error(struct argp_state *state, const char *format, ...)
{
	const struct options *options = state->input;
	char *message = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	if (options->tool->shell)
		error_say(STATUS_USAGE, "%s: %s", options->command,
			  message ? message : format);
	else
		argp_error(state, "%s", message ? message : format);
	free(message);
	return PARSE_ERROR;
}

/*
 * Numbers are decimal or 0x..., and may have K, M or G for powers of 1024 behind
 * them.
 */
bool number_parse(const char *text, uint64_t *value)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;

	/* strtoull() takes signs and blanks. */
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, !strncasecmp(text, "0x", 2) ? 16 : 10);
	if (errno)
		return false;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		unsigned int shift = 10 * (unit - units + 1);

		if (*value > UINT64_MAX >> shift)
			return false;
		*value <<= shift;
		end++;
	}
	return !*end;
}

/* The argument at hand, at ARGP_KEY_ARG, is the PID. */
bool options_is_pid(const struct argp_state *state)
{
	const struct options *options = state->input;

	return !options->tool->shell && !state->arg_num;
}

error_t options_take_pid(struct argp_state *state, const char *arg)
{
	struct options *options = state->input;
	unsigned long long pid = 0;

	errno = 0;
	if (strspn(arg, "0123456789") == strlen(arg))
		pid = strtoull(arg, NULL, 10);
	if (errno || !pid || pid > INT_MAX)
		return options_error(state, "'%s' is not a process ID", arg);
	options->tool->pid = pid;
	return 0;
}

/* The position of the argument at hand, the PID not counted. */
unsigned int options_position(const struct argp_state *state)
{
	const struct options *options = state->input;

	return options->tool->shell ? state->arg_num : state->arg_num - 1;
}

/* At ARGP_KEY_END: there must be @count arguments, the last of them @what. */
error_t options_require(struct argp_state *state, unsigned int count,
			const char *what)
{
	const struct options *options = state->input;

	if (!options->tool->shell && !state->arg_num)
		return options_error(state, "the PID is missing");
	if (options_position(state) < count)
		return options_error(state, "%s is missing", what);
	return 0;
}

/* The parser of a command with a PID and --json, and nothing else. */
error_t options_parse_pid(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		options_init(state, json_children);
		return 0;
	case ARGP_KEY_ARG:
		if (options_is_pid(state))
			return options_take_pid(state, arg);
		return options_error(state, "there is an argument too many: %s", arg);
	case ARGP_KEY_END:
		return options_require(state, 0, NULL);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A command's arguments as its users in the shell see them: without the PID. */
const char *options_shell_arguments(const struct argp *argp)
{
	const char *rest;

	if (!argp->args_doc || strncmp(argp->args_doc, "PID", 3))
		return argp->args_doc;
	rest = argp->args_doc + 3;
	rest += strspn(rest, " ");
	return *rest ? rest : NULL;
}

static bool color_by_default(void)
{
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

/*
 * In the shell argp must not add its advice to an error, which is for the command
 * line: what it would say goes nowhere.
 */
static error_t be_quiet(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->err_stream = NULL;
	state->child_inputs[0] = state->input;
	return 0;
}

/* getopt's own errors begin with the program's name, so that is where they are. */
static int parse_in_shell(const struct argp *argp, int argc, char **argv,
			  struct options *options)
{
	struct argp_child children[] = { { argp, 0, NULL, 0 }, { 0 } };
	struct argp parser = { .parser = be_quiet, .children = children };
	char *prefix = error_prefix(), *name = NULL;
	int error;

	if (!prefix || asprintf(&name, "%s%s", prefix, argv[0]) < 0)
		name = NULL;
	free(prefix);
	options->command = argv[0];
	fflush(stdout);
	if (name)
		argv[0] = name;
	error = argp_parse(&parser, argc, argv,
			   ARGP_IN_ORDER | ARGP_NO_EXIT | ARGP_NO_HELP, NULL, options);
	argv[0] = (char *)options->command;
	free(name);
	return error;
}

/*
 * Parse the words of a command: in order, or "--" would move to their front. In the
 * shell the PID is known, and errors must not end the program. Return: 0 or
 * STATUS_USAGE.
 */
int options_parse(struct tool *tool, const struct argp *argp, int argc,
		  char **argv, struct options *options)
{
	int error;

	options->tool = tool;
	options->color = color_by_default();
	if (tool->shell)
		error = parse_in_shell(argp, argc, argv, options);
	else
		error = argp_parse(argp, argc, argv, ARGP_IN_ORDER, NULL, options);
	return error ? STATUS_USAGE : 0;
}
