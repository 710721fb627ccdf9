// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands: finding, running and describing them. */
#include <string.h>

#include "tool.h"

static const struct command *const commands[] = {
	&read_command,
	&write_command,
	&break_command,
	&clear_command,
	&list_command,
	&maps_command,
	&compare_command,
	&shell_command,
	&wait_command,
	&help_command,
	&quit_command,
	&exit_command,
};

/* The @i-th of the commands that can be given @where, or NULL. */
const struct command *command_at(size_t i, unsigned int where)
{
	size_t j;

	for (j = 0; j < ARRAY_SIZE(commands); j++)
		if ((commands[j]->where & where) && !i--)
			return commands[j];
	return NULL;
}

const struct command *command_find(const char *name, unsigned int where)
{
	const struct command *command;
	size_t i;

	for (i = 0; (command = command_at(i, where)); i++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

void command_help(const struct command *command, FILE *stream)
{
	struct argp argp = *command->argp;
	char name[32];

	snprintf(name, sizeof(name), "%s", command->name);
	argp.args_doc = options_shell_arguments(&argp);
	argp_help(&argp, stream, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG |
		  ARGP_HELP_DOC, name);
}

static bool asks_for_help(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-?"))
			return true;
	return false;
}

/* On the command line argp itself knows --help. */
int command_run(struct tool *tool, const struct command *command, int argc,
		char **argv)
{
	if (tool->shell && asks_for_help(argc, argv)) {
		command_help(command, stdout);
		return STATUS_OK;
	}
	return command->run(tool, argc, argv);
}

/* One line for each: its name, and the first line of what argp says of it. */
void command_summaries(unsigned int where, FILE *stream)
{
	const struct command *command;
	size_t i;

	for (i = 0; (command = command_at(i, where)); i++)
		fprintf(stream, "  %-10s%.*s\n", command->name,
			(int)strcspn(command->argp->doc, "\n\v"),
			command->argp->doc);
}
