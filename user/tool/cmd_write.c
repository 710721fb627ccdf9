// SPDX-License-Identifier: GPL-2.0-or-later
/* cordbg write */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "input.h"
#include "json.h"
#include "session.h"
#include "symbols.h"
#include "transfer.h"

/**
 * struct arguments - the command's words
 * @options: What commands share.
 * @address: ADDRESS.
 * @input: What the HEX words say.
 * @string: TEXT of --string, or NULL.
 * @zero: --zero.
 * @file: FILE of --input, or NULL.
 */
struct arguments {
	struct options options;
	const char *address;
	struct input input;
	const char *string;
	bool zero;
	const char *file;
};

static const struct argp_option options[] = {
	{ "string", 's', "TEXT", 0, "Write TEXT, without a 0 byte at its end", 1 },
	{ "zero", 'z', NULL, 0, "Write a 0 byte behind TEXT", 1 },
	{ "input", 'i', "FILE", 0, "Write what FILE holds; '-' is standard input", 1 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &force_argp, 0, NULL, 0 },
	{ &json_argp, 0, NULL, 0 },
	{ &quiet_argp, 0, NULL, 0 },
	{ 0 }
};

static error_t parse_argument(struct arguments *arguments, char *arg,
			      struct argp_state *state)
{
	if (options_is_pid(state))
		return options_take_pid(state, arg);
	if (!options_position(state)) {
		arguments->address = arg;
		return 0;
	}
	if (!input_hex(&arguments->input, arg))
		return options_error(state, "'%s' is not hexadecimal, two digits a byte",
				     arg);
	return 0;
}

static error_t check(const struct arguments *arguments, struct argp_state *state)
{
	int sources = !!arguments->input.data + !!arguments->string +
		      !!arguments->file;
	error_t error = options_require(state, 1, "the ADDRESS");

	if (error)
		return error;
	if (sources != 1)
		return options_error(state,
				     "give what to write: HEX words, --string or --input, one of them");
	if (arguments->file && !strcmp(arguments->file, "-") &&
	    arguments->options.tool->script_is_input)
		return options_error(state,
				     "standard input is the script: give --input a file");
	if (arguments->zero && !arguments->string)
		return options_error(state, "--zero belongs to --string");
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init(state, children);
		return 0;
	case 's':
		arguments->string = arg;
		return 0;
	case 'z':
		arguments->zero = true;
		return 0;
	case 'i':
		arguments->file = arg;
		return 0;
	case ARGP_KEY_ARG:
		return parse_argument(arguments, arg, state);
	case ARGP_KEY_END:
		return check(arguments, state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "PID ADDRESS [HEX...]",
	.doc = "Write memory, behind breakpoints.\n"
	       "\vThe whole range is verified before its first byte is written. Up to\n"
	       "64 MiB are written whole or not at all. Do not write breakpoint\n"
	       "opcodes, 'break' plants them; nor into memory that a managed runtime\n"
	       "owns, unless you know what it expects there.",
	.children = children,
};

static int get_data(struct arguments *arguments)
{
	if (arguments->string)
		return input_string(&arguments->input, arguments->string,
				    arguments->zero);
	if (arguments->file)
		return input_file(&arguments->input, arguments->file);
	return STATUS_OK;
}

static int print_json(const struct arguments *arguments, uint64_t address)
{
	struct json_object *object = json_object_new_object();
	bool probe = arguments->options.flags & CORDBG_PROBE;
	struct tool *tool = arguments->options.tool;

	json_object_object_add(object, "pid", json_object_new_int(tool->pid));
	json_add_address(tool, object, address);
	json_object_object_add(object, "size",
			       json_object_new_uint64(arguments->input.size));
	json_object_object_add(object, "written",
			       json_object_new_uint64(probe ? 0 :
						      arguments->input.size));
	return json_print(object);
}

static int print_text(const struct arguments *arguments, uint64_t address)
{
	bool probe = arguments->options.flags & CORDBG_PROBE;

	if (!arguments->options.quiet)
		printf("%#" PRIx64 ": %zu bytes %s\n", address, arguments->input.size,
		       probe ? "can be written" : "written");
	return STATUS_OK;
}

static int write_data(struct arguments *arguments)
{
	struct tool *tool = arguments->options.tool;
	uint64_t address;
	int status;

	status = session_start(tool);
	if (!status)
		status = symbols_resolve(tool, arguments->address, &address);
	if (!status)
		status = get_data(arguments);
	if (!status)
		status = transfer_write(&arguments->options, address,
					arguments->input.data, arguments->input.size);
	if (status)
		return status;
	return arguments->options.json ? print_json(arguments, address) :
					 print_text(arguments, address);
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status;

	status = options_parse(tool, &argp, argc, argv, &arguments.options);
	if (!status)
		status = write_data(&arguments);
	free(arguments.input.data);
	return status;
}

const struct command write_command = { "write", &argp, run, ANYWHERE };
