// SPDX-License-Identifier: GPL-2.0-or-later
/* cordbg compare */
#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"
#include "errors.h"
#include "interrupt.h"
#include "json.h"
#include "mappings.h"
#include "session.h"
#include "symbols.h"
#include "text.h"
#include "transfer.h"

/* What a patch leaves as it was does not make two of it. */
#define GAP		4
#define SHOWN		16
#define INT3		0xcc

/* What has been found of a file, from least to most. */
enum found {
	NOT_MAPPED,
	NOT_CHOSEN,
	COMPARED,
};

/**
 * struct arguments - the command's words
 * @options: What commands share.
 * @files: The FILE words.
 * @found: What has been found of each.
 * @count: Their number; 0: all files.
 * @all: --all.
 */
struct arguments {
	struct options options;
	char **files;
	enum found *found;
	size_t count;
	bool all;
};

static const struct argp_option options[] = {
	{ "all", 'a', NULL, 0,
	  "All private mappings, also of data, which programs and the linker change",
	  0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &json_argp, 0, NULL, 0 },
	{ &quiet_argp, 0, NULL, 0 },
	{ &color_argp, 0, NULL, 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init(state, children);
		return 0;
	case 'a':
		arguments->all = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options_is_pid(state))
			return options_take_pid(state, arg);
		arguments->files[arguments->count++] = arg;
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
	.args_doc = "PID [FILE...]",
	.doc = "Compare memory with the files it is mapped from.\n"
	       "\vBreakpoints of cordbg are hidden, so what differs was patched by somebody,\n"
	       "maybe with cordbg. Compares the executable mappings of FILEs, or of all\n"
	       "files. Exit status 1 means that there are differences, and that all could be\n"
	       "compared.",
	.children = children,
};

/**
 * struct comparison - a comparison under way
 * @arguments: The command's words.
 * @mapping: The mapping at hand.
 * @fd: Its file.
 * @json: Receives the differences, or NULL.
 * @bytes: Bytes compared so far.
 * @files: Mappings compared so far.
 * @differences: Differences so far.
 */
struct comparison {
	const struct arguments *arguments;
	const struct mapping *mapping;
	int fd;
	struct json_object *json;
	uint64_t bytes;
	size_t files;
	size_t differences;
};

static void print_bytes(const char *label, const uint8_t *data, size_t size,
			const char *color)
{
	printf("    %-8s%s", label, color);
	dump_hex(stdout, data, size < SHOWN ? size : SHOWN);
	printf("%s%s\n", *color ? "\033[0m" : "", size > SHOWN ? " ..." : "");
}

static void print_text(const struct comparison *comparison, uint64_t address,
		       uint64_t offset, const uint8_t *memory, const uint8_t *file,
		       size_t size)
{
	bool color = comparison->arguments->options.color;
	char symbol[256], *path;

	symbols_describe(comparison->arguments->options.tool, address, symbol,
			 sizeof(symbol));
	path = text_safe(comparison->mapping->path);
	printf("%#" PRIx64 "  %s  offset %#" PRIx64 "  %zu byte%s  %s\n", address,
	       path ? path : "", offset, size, size == 1 ? "" : "s", symbol);
	free(path);
	print_bytes("file", file, size, "");
	print_bytes("memory", memory, size, color ? "\033[1;31m" : "");
	if (size == 1 && *memory == INT3)
		puts("    a breakpoint opcode that is not cordbg's");
}

static void add_json(const struct comparison *comparison, uint64_t address,
		     uint64_t offset, const uint8_t *memory, const uint8_t *file,
		     size_t size)
{
	struct json_object *object = json_object_new_object();

	json_add_address(comparison->arguments->options.tool, object, address);
	json_add_text(object, "path", comparison->mapping->path);
	json_object_object_add(object, "offset", json_address(offset));
	json_object_object_add(object, "size", json_object_new_uint64(size));
	json_object_object_add(object, "file", json_bytes(file, size));
	json_object_object_add(object, "memory", json_bytes(memory, size));
	json_object_array_add(comparison->json, object);
}

static void found(struct comparison *comparison, uint64_t address,
		  const uint8_t *memory, const uint8_t *file, size_t size)
{
	uint64_t offset = address - comparison->mapping->start +
			  comparison->mapping->offset;

	comparison->differences++;
	(comparison->json ? add_json : print_text)(comparison, address, offset, memory,
						    file, size);
}

/* The end of the difference that begins at @at. */
static size_t difference_end(const uint8_t *a, const uint8_t *b, size_t at, size_t size)
{
	size_t end = at + 1, i;

	for (i = end; i < size && i < end + GAP; i++)
		if (a[i] != b[i])
			end = i + 1;
	return end;
}

/* A difference that crosses the end of a piece is told as two. */
static void compare_piece(struct comparison *comparison, uint64_t address,
			  const uint8_t *memory, const uint8_t *file, size_t size)
{
	size_t at = 0, end;

	while (at < size && !interrupt_came()) {
		if (memory[at] == file[at]) {
			at++;
			continue;
		}
		end = difference_end(memory, file, at, size);
		found(comparison, address + at, memory + at, file + at, end - at);
		at = end;
	}
	comparison->bytes += size;
}

/* The file's bytes: a status. */
static int read_whole(const struct comparison *comparison, uint8_t *data, size_t size,
		      uint64_t offset)
{
	const char *path = comparison->mapping->path;
	size_t done = 0;
	ssize_t got;

	while (done < size) {
		got = pread(comparison->fd, data + done, size - done, offset + done);
		if (!got)
			return error_say(STATUS_FILE, "%s: it has become shorter", path);
		if (got < 0 && errno != EINTR)
			return error_file(path, "read", errno);
		if (got > 0)
			done += got;
	}
	return STATUS_OK;
}

static int sink_compare(void *context, uint64_t address, const uint8_t *memory,
			size_t size)
{
	struct comparison *comparison = context;
	const struct mapping *mapping = comparison->mapping;
	uint64_t offset = address - mapping->start + mapping->offset;
	uint8_t *file = malloc(size);
	int status;

	if (!file)
		return error_session(comparison->arguments->options.tool, -ENOMEM);
	status = read_whole(comparison, file, size, offset);
	if (!status)
		compare_piece(comparison, address, memory, file, size);
	free(file);
	return status;
}

/*
 * Where the file's contents end in the mapping. Behind a segment's data follow zeros
 * in memory (.bss), and whatever there is in the file.
 */
static uint64_t contents_end(int fd, const struct mapping *mapping, uint64_t file_size)
{
	uint64_t end = file_size, segment_end;
	GElf_Phdr segment;
	Elf *elf;
	int i;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	for (i = 0; elf && gelf_getphdr(elf, i, &segment); i++) {
		if (segment.p_filesz > file_size ||
		    segment.p_offset > file_size - segment.p_filesz)
			continue;
		segment_end = segment.p_offset + segment.p_filesz;
		if (segment.p_type == PT_LOAD && segment.p_memsz > segment.p_filesz &&
		    segment.p_offset < mapping->offset + (mapping->end - mapping->start) &&
		    segment_end > mapping->offset && mapping->permissions[1] == 'w')
			end = segment_end;
	}
	elf_end(elf);
	return end;
}

static int compare_open(struct comparison *comparison)
{
	const struct mapping *mapping = comparison->mapping;
	uint64_t size = mapping->end - mapping->start, end;
	struct options options = comparison->arguments->options;
	struct stat stat;

	if (fstat(comparison->fd, &stat))
		return error_file(mapping->path, "read", errno);
	end = contents_end(comparison->fd, mapping, stat.st_size);
	if (end <= mapping->offset)
		return STATUS_OK;
	if (size > end - mapping->offset)
		size = end - mapping->offset;
	options.flags |= CORDBG_FORCE;
	/* The bar would be between the differences. */
	options.quiet |= isatty(STDOUT_FILENO);
	comparison->files++;
	return transfer_read(&options, mapping->start, size, sink_compare, comparison);
}

static int compare_mapping(struct comparison *comparison)
{
	const struct mapping *mapping = comparison->mapping;
	pid_t pid = comparison->arguments->options.tool->pid;
	int status;

	comparison->fd = mapping_open_file(pid, mapping);
	if (comparison->fd == -ESTALE)
		return error_say(STATUS_FILE,
				 "%s: it is no longer the file that is mapped (try as root)",
				 mapping->path);
	if (comparison->fd == -EINVAL)
		return STATUS_OK;	/* such as /dev/zero: nothing to compare with */
	if (comparison->fd < 0)
		return error_file(mapping->path, "open", -comparison->fd);
	status = compare_open(comparison);
	close(comparison->fd);
	return status;
}

/* The caller wants this mapping compared. */
static bool chosen(const struct arguments *arguments, const struct mapping *mapping)
{
	bool is_wanted = !arguments->count, is_comparable;
	size_t i;

	if (!mapping->inode)
		return false;
	is_comparable = mapping_private(mapping) && !mapping->hugetlb &&
			!mapping->device &&
			(arguments->all || mapping->permissions[2] == 'x');
	for (i = 0; i < arguments->count; i++) {
		const char *file = arguments->files[i];

		if (!symbols_module_has_name(mapping->path, file, strlen(file)))
			continue;
		if (is_comparable)
			arguments->found[i] = COMPARED;
		else if (arguments->found[i] == NOT_MAPPED)
			arguments->found[i] = NOT_CHOSEN;
		is_wanted = true;
	}
	return is_wanted && is_comparable;
}

/* A FILE that nothing was compared of is an error: @status, or its own. */
static int check_found(const struct arguments *arguments, int status)
{
	size_t i;

	for (i = 0; i < arguments->count; i++) {
		if (arguments->found[i] == NOT_MAPPED)
			status = error_say(STATUS_ADDRESS,
					   "the process maps no file '%s'",
					   arguments->files[i]);
		else if (arguments->found[i] == NOT_CHOSEN)
			status = error_say(STATUS_ADDRESS,
					   arguments->all ?
					   "'%s' has no private mapping to compare" :
					   "'%s' has no executable mapping: --all compares others",
					   arguments->files[i]);
	}
	return status;
}

static int compare_all(struct comparison *comparison, const struct mappings *mappings)
{
	const struct arguments *arguments = comparison->arguments;
	int status = STATUS_OK, failed;
	size_t i;

	for (i = 0; i < mappings->count && !interrupt_came(); i++) {
		comparison->mapping = &mappings->list[i];
		if (!chosen(arguments, comparison->mapping))
			continue;
		failed = compare_mapping(comparison);
		if (failed)
			status = failed;
		if (failed == STATUS_GONE || failed > STATUS_SIGNAL)
			return status;
	}
	if (interrupt_came())
		return STATUS_INTERRUPTED;
	return check_found(arguments, status);
}

static int conclude(const struct comparison *comparison, int status)
{
	if (comparison->json)
		json_print(json_object_get(comparison->json));
	else if (!comparison->arguments->options.quiet)
		printf("%zu difference%s in %" PRIu64 " bytes of %zu mapping%s\n",
		       comparison->differences, comparison->differences == 1 ? "" : "s",
		       comparison->bytes, comparison->files,
		       comparison->files == 1 ? "" : "s");
	if (!status && comparison->differences)
		return STATUS_DIFFERS;
	return status;
}

static int compare(const struct arguments *arguments)
{
	struct comparison comparison = { .arguments = arguments };
	struct tool *tool = arguments->options.tool;
	struct mappings mappings;
	int error, status;

	error = mappings_read(tool->pid, MAPPINGS_FLAGS, &mappings);
	if (error)
		return error_say(STATUS_FAILED, "the mappings of process %d cannot be read: %s",
				 tool->pid, strerror(-error));
	error = session_check(tool);	/* An ending process has no mappings. */
	if (error) {
		mappings_free(&mappings);
		return error_session(tool, error);
	}
	if (arguments->options.json)
		comparison.json = json_object_new_array();
	status = conclude(&comparison, compare_all(&comparison, &mappings));
	json_object_put(comparison.json);
	mappings_free(&mappings);
	return status;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct arguments arguments = {
		.files = calloc(argc, sizeof(*arguments.files)),
		.found = calloc(argc, sizeof(*arguments.found)),
	};
	int status;

	if (!arguments.files || !arguments.found) {
		status = error_session(tool, -ENOMEM);
		goto out;
	}
	status = options_parse(tool, &argp, argc, argv, &arguments.options);
	if (!status)
		status = session_start(tool);
	if (!status)
		status = compare(&arguments);
out:
	free(arguments.files);
	free(arguments.found);
	return status;
}

const struct command compare_command = { "compare", &argp, run, ANYWHERE };
