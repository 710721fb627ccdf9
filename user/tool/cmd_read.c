// SPDX-License-Identifier: GPL-2.0-or-later
/* cordbg read */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump.h"
#include "errors.h"
#include "interrupt.h"
#include "json.h"
#include "output.h"
#include "session.h"
#include "symbols.h"
#include "transfer.h"

#define DEFAULT_SIZE	64
#define JSON_MAX	(4 * CORDBG_WINDOW)

/**
 * struct arguments - the command's words
 * @options: What commands share.
 * @address: ADDRESS.
 * @size: SIZE.
 * @output: FILE of --output, or NULL.
 * @squeeze: Unless --no-squeezing.
 */
struct arguments {
	struct options options;
	const char *address;
	uint64_t size;
	const char *output;
	bool squeeze;
};

static const struct argp_option options[] = {
	{ "raw", 'r', NULL, 0, "Memory as it is, breakpoint opcodes visible", 0 },
	{ "output", 'o', "FILE", 0,
	  "The bytes themselves to FILE; '-' is standard output", 1 },
	{ "no-squeezing", 'v', NULL, 0,
	  "Show also lines that repeat the one before, for which '*' stands else", 1 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &force_argp, 0, NULL, 0 },
	{ &json_argp, 0, NULL, 0 },
	{ &quiet_argp, 0, NULL, 0 },
	{ &color_argp, 0, NULL, 0 },
	{ 0 }
};

static error_t parse_argument(struct arguments *arguments, char *arg,
			      struct argp_state *state)
{
	if (options_is_pid(state))
		return options_take_pid(state, arg);
	switch (options_position(state)) {
	case 0:
		arguments->address = arg;
		return 0;
	case 1:
		if (!number_parse(arg, &arguments->size))
			return options_error(state, "'%s' is not a size", arg);
		return 0;
	default:
		return options_error(state, "there is an argument too many: %s", arg);
	}
}

static error_t check(const struct arguments *arguments, struct argp_state *state)
{
	if (arguments->options.json && arguments->output)
		return options_error(state, "--json and --output exclude each other");
	if (arguments->output && (arguments->options.flags & CORDBG_PROBE))
		return options_error(state, "--probe and --output exclude each other");
	if (arguments->options.json && arguments->size > JSON_MAX)
		return options_error(state, "--json takes at most 256M: use --output");
	return options_require(state, 1, "the ADDRESS");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init(state, children);
		return 0;
	case 'r':
		arguments->options.flags |= CORDBG_RAW;
		return 0;
	case 'o':
		arguments->output = arg;
		return 0;
	case 'v':
		arguments->squeeze = false;
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
	.args_doc = "PID ADDRESS [SIZE]",
	.doc = "Read memory, breakpoints hidden.\n"
	       "\vSIZE is 64 if not given; K, M and G may follow it. Bytes under a\n"
	       "breakpoint are marked by colour, or by '>' and a legend.",
	.children = children,
};

static int sink_dump(void *context, uint64_t address, const uint8_t *data, size_t size)
{
	dump_bytes(context, address, data, size);
	return STATUS_OK;
}

static void print_legend(const struct dump *dump, const struct options *options)
{
	if (!dump->marked || dump->color || options->quiet)
		return;
	if (options->flags & CORDBG_RAW)
		puts("> marks breakpoint opcodes of cordbg, which --raw shows");
	else
		puts("> marks the program's bytes where memory has a breakpoint");
}

static int read_dump(const struct arguments *arguments, uint64_t address,
		     const struct breakpoints *breakpoints)
{
	struct dump dump = {
		.breakpoints = breakpoints,
		.color = arguments->options.color,
		.squeeze = arguments->squeeze,
	};
	struct options options = arguments->options;
	int status;

	/* The bar would be between the lines. */
	options.quiet |= isatty(STDOUT_FILENO);
	status = transfer_read(&options, address, arguments->size, sink_dump, &dump);
	if (status || !arguments->size)
		return status;
	dump_end(&dump);
	print_legend(&dump, &arguments->options);
	return STATUS_OK;
}

struct collected {
	uint8_t *data;
	size_t size;
};

static int sink_collect(void *context, uint64_t address, const uint8_t *data,
			size_t size)
{
	struct collected *collected = context;

	(void)address;
	memcpy(collected->data + collected->size, data, size);
	collected->size += size;
	return STATUS_OK;
}

/* With --probe there is nothing but the range: @collected is NULL. */
static int print_json(const struct arguments *arguments, uint64_t address,
		      const struct breakpoints *breakpoints,
		      const struct collected *collected)
{
	struct json_object *object = json_object_new_object();
	struct tool *tool = arguments->options.tool;

	json_object_object_add(object, "pid", json_object_new_int(tool->pid));
	json_add_address(tool, object, address);
	json_object_object_add(object, "size",
			       json_object_new_uint64(arguments->size));
	if (!collected)
		return json_print(object);
	json_object_object_add(object, "raw",
			       json_object_new_boolean(arguments->options.flags &
						       CORDBG_RAW));
	json_object_object_add(object, "bytes",
			       json_bytes(collected->data, collected->size));
	json_object_object_add(object, "breakpoints",
			       json_breakpoints(tool, breakpoints, address,
						address + collected->size));
	return json_print(object);
}

static int read_json(const struct arguments *arguments, uint64_t address,
		     const struct breakpoints *breakpoints)
{
	struct collected collected = { malloc(arguments->size + 1), 0 };
	int status;

	if (!collected.data)
		return error_session(arguments->options.tool, -ENOMEM);
	status = transfer_read(&arguments->options, address, arguments->size,
			       sink_collect, &collected);
	if (!status)
		status = print_json(arguments, address, breakpoints, &collected);
	free(collected.data);
	return status;
}

/* A write that Ctrl-C cut short says so only by its length. */
static int sink_file(void *context, uint64_t address, const uint8_t *data, size_t size)
{
	struct output *output = context;
	ssize_t done;
	int status;

	(void)address;
	status = output_open(output);
	if (status)
		return status;
	while (size) {
		done = interrupt_write(output->fd, data, size);
		if (interrupt_came())
			return STATUS_FILE;
		if (done < 0)
			return error_file(output->name, "write", errno);
		data += done;
		size -= done;
	}
	return STATUS_OK;
}

/* The file is opened when there is something for it. */
static int read_file(const struct arguments *arguments, uint64_t address)
{
	struct options options = arguments->options;
	struct output output;
	int status;

	status = output_begin(&output, arguments->output);
	if (status)
		return status;
	if (output.fd == STDOUT_FILENO)
		options.quiet |= isatty(STDOUT_FILENO);
	status = transfer_read(&options, address, arguments->size, sink_file, &output);
	return output_end(&output, status);
}

static int probe(const struct arguments *arguments, uint64_t address)
{
	int status = transfer_read(&arguments->options, address, arguments->size,
				   NULL, NULL);

	if (status)
		return status;
	if (arguments->options.json)
		return print_json(arguments, address, NULL, NULL);
	printf("%#" PRIx64 ": %" PRIu64 " bytes can be read\n", address, arguments->size);
	return STATUS_OK;
}

static int read_text(const struct arguments *arguments, uint64_t address)
{
	struct breakpoints breakpoints;
	int status;

	status = session_breakpoints(arguments->options.tool, address,
				     address + arguments->size, &breakpoints);
	if (status)
		return status;
	if (arguments->options.json)
		status = read_json(arguments, address, &breakpoints);
	else
		status = read_dump(arguments, address, &breakpoints);
	free(breakpoints.list);
	return status;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct arguments arguments = { .size = DEFAULT_SIZE, .squeeze = true };
	uint64_t address;
	int status;

	status = options_parse(tool, &argp, argc, argv, &arguments.options);
	if (!status)
		status = session_start(tool);
	if (!status)
		status = symbols_resolve(tool, arguments.address, &address);
	if (status)
		return status;
	if (arguments.options.flags & CORDBG_PROBE)
		return probe(&arguments, address);
	if (arguments.output)
		return read_file(&arguments, address);
	return read_text(&arguments, address);
}

const struct command read_command = { "read", &argp, run, ANYWHERE };
