// SPDX-License-Identifier: GPL-2.0-or-later
/* cordbg maps */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "json.h"
#include "mappings.h"
#include "session.h"
#include "text.h"

static const struct argp argp = {
	.parser = options_parse_pid,
	.args_doc = "PID",
	.doc = "Show the mappings and what may be done in each.\n"
	       "\v'force' means: with --force. The number of breakpoints inside stands\n"
	       "before the name.",
	.children = json_children,
};

static const char *may_name(enum may may)
{
	static const char *const names[] = {
		[MAY_NOT] = "no",
		[MAY_WITH_FORCE] = "force",
		[MAY] = "yes",
	};

	return names[may];
}

static size_t count_inside(const struct breakpoints *breakpoints,
			   const struct mapping *mapping)
{
	size_t i, count = 0;

	for (i = 0; i < breakpoints->count; i++)
		count += breakpoints->list[i].address >= mapping->start &&
			 breakpoints->list[i].address < mapping->end;
	return count;
}

static void print_text(const struct mappings *mappings,
		       const struct breakpoints *breakpoints)
{
	const struct mapping *m = mappings->list;
	char *path;
	size_t i;

	printf("%-33s  prot  read   write  break  set  mapped\n", "addresses");
	for (i = 0; i < mappings->count; i++, m++) {
		path = text_safe(m->path);
		printf("%016" PRIx64 "-%016" PRIx64 "  %s  %-5s  %-5s  %-5s  %3zu%s%s\n",
		       m->start, m->end, m->permissions,
		       may_name(mapping_may_read(m)), may_name(mapping_may_write(m)),
		       may_name(mapping_may_break(m)), count_inside(breakpoints, m),
		       path && *path ? "  " : "", path ? path : "");
		free(path);
	}
}

static struct json_object *json_mapping(struct tool *tool, const struct mapping *mapping,
					const struct breakpoints *breakpoints)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "start", json_address(mapping->start));
	json_object_object_add(object, "end", json_address(mapping->end));
	json_add_text(object, "permissions", mapping->permissions);
	if (mapping->inode)
		json_object_object_add(object, "offset",
				       json_address(mapping->offset));
	json_add_text(object, "path", mapping->path);
	json_add_text(object, "read", may_name(mapping_may_read(mapping)));
	json_add_text(object, "write", may_name(mapping_may_write(mapping)));
	json_add_text(object, "break", may_name(mapping_may_break(mapping)));
	json_object_object_add(object, "breakpoints",
			       json_breakpoints(tool, breakpoints, mapping->start,
						mapping->end));
	return object;
}

static int print_json(struct tool *tool, const struct mappings *mappings,
		      const struct breakpoints *breakpoints)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < mappings->count; i++)
		json_object_array_add(array, json_mapping(tool, &mappings->list[i],
							  breakpoints));
	return json_print(array);
}

static int show(const struct options *options, const struct breakpoints *breakpoints)
{
	struct tool *tool = options->tool;
	struct mappings mappings;
	int error, status = STATUS_OK;

	error = mappings_read(tool->pid, MAPPINGS_FLAGS, &mappings);
	if (error)
		return error_say(STATUS_FAILED, "the mappings of process %d cannot be read: %s",
				 tool->pid, strerror(-error));
	error = session_check(tool);	/* An ending process has no mappings. */
	if (error)
		status = error_session(tool, error);
	else if (options->json)
		status = print_json(tool, &mappings, breakpoints);
	else
		print_text(&mappings, breakpoints);
	mappings_free(&mappings);
	return status;
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
	status = show(&options, &breakpoints);
	free(breakpoints.list);
	return status;
}

const struct command maps_command = { "maps", &argp, run, ANYWHERE };
