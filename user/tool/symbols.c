// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Addresses by name, and names of addresses, by elfutils: debuginfo, .symtab and
 * .dynsym of the files that the process maps.
 */
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errors.h"
#include "mappings.h"
#include "symbols.h"
#include "text.h"
#include "versions.h"

/**
 * struct symbols - the symbols of the process
 * @dwfl: elfutils' view of it.
 * @stale: The process may have loaded modules since it was taken.
 * @program: The path of the program.
 */
struct symbols {
	Dwfl *dwfl;
	bool stale;
	char *program;
};

/* elfutils gives no pointer to the callback that opens a file. */
static pid_t opening_for;

/*
 * Like dwfl_linux_proc_find_elf(), but a file that was deleted or replaced, or lies
 * in another mount namespace, is found too, and never what has its path here now.
 */
static int find_elf(Dwfl_Module *module, void **userdata, const char *name,
		    Dwarf_Addr base, char **file_name, Elf **elf)
{
	const struct mapping *mapping;
	struct mappings mappings;
	int fd = -1;

	if (name[0] != '/')	/* such as the vDSO */
		return dwfl_linux_proc_find_elf(module, userdata, name, base,
						file_name, elf);
	if (mappings_read(opening_for, false, &mappings))
		return -1;
	mapping = mappings_at(&mappings, base);
	if (mapping && mapping->inode)
		fd = mapping_open_file(opening_for, mapping);
	mappings_free(&mappings);
	if (fd < 0)
		return -1;
	*file_name = strdup(name);
	return fd;
}

static char *debuginfo_path;

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debuginfo_path,
};

/* Modules that stay keep what elfutils has read of them. */
static int report(struct symbols *symbols, pid_t pid)
{
	int error;

	opening_for = pid;
	dwfl_report_begin(symbols->dwfl);
	error = dwfl_linux_proc_report(symbols->dwfl, pid);
	if (dwfl_report_end(symbols->dwfl, NULL, NULL) && !error)
		error = EIO;
	symbols->stale = error != 0;
	return error > 0 ? -error : error ? -EIO : 0;
}

static char *program_of(pid_t pid)
{
	char link[64], path[4096];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	length = readlink(link, path, sizeof(path) - 1);
	path[length < 0 ? 0 : length] = '\0';
	return strdup(path);
}

/* The symbols of the process as it is now: 0 or a negative errno. */
static int open_symbols(struct tool *tool)
{
	struct symbols *symbols = tool->symbols;

	if (!symbols) {
		symbols = calloc(1, sizeof(*symbols));
		if (!symbols)
			return -ENOMEM;
		symbols->dwfl = dwfl_begin(&callbacks);
		symbols->program = program_of(tool->pid);
		symbols->stale = true;
		tool->symbols = symbols;
	}
	if (!symbols->dwfl || !symbols->program)
		return -ENOMEM;
	return symbols->stale ? report(symbols, tool->pid) : 0;
}

void symbols_stale(struct tool *tool)
{
	if (tool->symbols)
		tool->symbols->stale = true;
}

void symbols_close(struct tool *tool)
{
	struct symbols *symbols = tool->symbols;

	if (!symbols)
		return;
	if (symbols->dwfl)
		dwfl_end(symbols->dwfl);
	free(symbols->program);
	free(symbols);
	tool->symbols = NULL;
}

static const char *module_path(Dwfl_Module *module, Dwarf_Addr *start)
{
	return dwfl_module_info(module, NULL, start, NULL, NULL, NULL, NULL, NULL);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "libc" and "libc.so" name "/lib/libc.so.6", so do its file name and its path. */
bool symbols_module_has_name(const char *path, const char *name, size_t length)
{
	const char *base = base_name(path);

	if (!strncmp(path, name, length) && !path[length])
		return true;
	if (strncmp(base, name, length))
		return false;
	base += length;
	return !*base || !strcmp(base, " (deleted)") ||
	       !strncmp(base, ".so", 3) ||
	       (length > 3 && !strncmp(base - 3, ".so", 3) && *base == '.');
}

/**
 * struct lookup - a search for a symbol
 * @module: Name of the module to search, or NULL.
 * @module_length: Its length.
 * @in_program: Without a module: search the program, or all but the program.
 * @name: The symbol, maybe with @VERSION.
 * @name_length: Its length without that.
 * @version: The version, or "".
 * @symbols: The symbols of the process.
 * @rank: How good the best found so far is.
 * @count: The number of different addresses found of that rank.
 * @address: The first of them.
 * @indirect: That is the resolver of an indirect function.
 * @first_path: The module it is in.
 * @one_module: So are the others.
 * @versions: Some have versions.
 * @modules: Modules that were searched.
 * @others: Descriptions of those found, for an error message.
 */
struct lookup {
	const char *module;
	size_t module_length;
	bool in_program;
	const char *name;
	size_t name_length;
	const char *version;
	const struct symbols *symbols;
	unsigned int rank;
	size_t count;
	uint64_t address;
	bool indirect;
	const char *first_path;
	bool one_module;
	bool versions;
	size_t modules;
	char others[400];
};

#define RANK_BEST	6

static bool is_program(const struct lookup *lookup, const char *path)
{
	return !strcmp(path, lookup->symbols->program);
}

/*
 * The program's own global definition is the one that its libraries use, too. What
 * only it sees is as good as what a library shows to all. A version that is not the
 * default is for old programs.
 */
static unsigned int rank_of(const struct lookup *lookup, const char *path,
			    const GElf_Sym *symbol, const struct version *version)
{
	bool global = GELF_ST_BIND(symbol->st_info) != STB_LOCAL;

	return 2 * (1 + global + is_program(lookup, path)) - version->hidden;
}

/* Versions stand behind an @ in .symtab. */
static bool symbol_has_name(const char *symbol, const struct lookup *lookup)
{
	size_t length = lookup->name_length;

	return !strncmp(symbol, lookup->name, length) &&
	       (!symbol[length] || symbol[length] == '@');
}

static bool is_code_or_data(const GElf_Sym *symbol)
{
	unsigned int type = GELF_ST_TYPE(symbol->st_info);

	return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS &&
	       type != STT_FILE &&
	       type != STT_SECTION && type != STT_TLS;
}

static void tell_other(struct lookup *lookup, const char *path, uint64_t address,
		       const struct version *version)
{
	size_t length = strlen(lookup->others);

	if (strcmp(path, lookup->first_path))
		lookup->one_module = false;
	if (*version->name)
		lookup->versions = true;
	snprintf(lookup->others + length, sizeof(lookup->others) - length,
		 "%s%#" PRIx64 "%s%s in %s", length ? ", " : "", address,
		 *version->name ? " @" : "", version->name, base_name(path));
}

static void take_symbol(struct lookup *lookup, const char *path, const GElf_Sym *symbol,
			uint64_t address, const struct version *version)
{
	unsigned int rank = rank_of(lookup, path, symbol, version);

	if (rank < lookup->rank || (lookup->count && rank == lookup->rank &&
				    address == lookup->address))
		return;
	if (rank > lookup->rank) {
		lookup->rank = rank;
		lookup->count = 0;
		lookup->first_path = path;
		lookup->one_module = true;
		lookup->versions = false;
		lookup->others[0] = '\0';
	}
	if (!lookup->count++) {
		lookup->address = address;
		lookup->indirect =
			GELF_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC;
	}
	tell_other(lookup, path, address, version);
}

/* The symbol, if it is the one that is looked for. */
static void consider(struct lookup *lookup, Dwfl_Module *module, const char *path,
		     int i)
{
	struct version version;
	GElf_Addr address, bias;
	const char *name;
	GElf_Sym symbol;

	name = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);
	if (name && is_code_or_data(&symbol) && symbol_has_name(name, lookup) &&
	    version_find(dwfl_module_getelf(module, &bias), name, &symbol,
			 lookup->version, &version))
		take_symbol(lookup, path, &symbol, address, &version);
}

static int search_module(Dwfl_Module *module, void **userdata, const char *name,
			 Dwarf_Addr base, void *data)
{
	struct lookup *lookup = data;
	const char *path = module_path(module, NULL);
	int i, count;

	(void)userdata;
	(void)base;
	if (!path)
		path = name;
	if (lookup->module ?
	    !symbols_module_has_name(path, lookup->module, lookup->module_length) :
	    is_program(lookup, path) != lookup->in_program)
		return DWARF_CB_OK;
	lookup->modules++;
	count = dwfl_module_getsymtab(module);
	for (i = 1; i < count; i++)
		consider(lookup, module, path, i);
	return DWARF_CB_OK;
}

/* What to say instead of an ambiguous name. */
static const char *advice(const struct lookup *lookup)
{
	if (!lookup->one_module)
		return "MODULE:SYMBOL or the number";
	return lookup->versions ? "SYMBOL@VERSION or the number" : "the number";
}

static int no_symbol(const struct lookup *lookup)
{
	if (!lookup->modules && lookup->module)
		return error_say(STATUS_ADDRESS, "the process maps no file '%.*s'",
				 (int)lookup->module_length, lookup->module);
	if (!lookup->count)
		return error_say(STATUS_ADDRESS, "no symbol '%s' in %s; debuginfo may know it",
				 lookup->name,
				 lookup->module ? "that module" :
						  "the files that the process maps");
	return error_say(STATUS_ADDRESS,
			 "symbol '%s' is ambiguous: %s; say %s",
			 lookup->name, lookup->others, advice(lookup));
}

static int search(struct tool *tool, struct lookup *lookup, uint64_t *address)
{
	lookup->in_program = true;
	dwfl_getmodules(tool->symbols->dwfl, search_module, lookup, 0);
	lookup->in_program = false;
	if (!lookup->module && lookup->rank < RANK_BEST)
		dwfl_getmodules(tool->symbols->dwfl, search_module, lookup, 0);
	if (lookup->count != 1)
		return no_symbol(lookup);
	if (lookup->indirect)
		error_note("'%s' is an indirect function, and %#" PRIx64 " its resolver",
			   lookup->name, lookup->address);
	*address = lookup->address;
	return STATUS_OK;
}

/* The module's first address, for MODULE:NUMBER. */
static int module_start(Dwfl_Module *module, void **userdata, const char *name,
			Dwarf_Addr base, void *data)
{
	struct lookup *lookup = data;
	const char *path = module_path(module, NULL);

	(void)userdata;
	if (!symbols_module_has_name(path ? path : name, lookup->module, lookup->module_length))
		return DWARF_CB_OK;
	lookup->modules++;
	lookup->address = base;
	return DWARF_CB_ABORT;
}

static int search_start(struct tool *tool, struct lookup *lookup, uint64_t *address)
{
	dwfl_getmodules(tool->symbols->dwfl, module_start, lookup, 0);
	if (!lookup->modules)
		return no_symbol(lookup);
	*address = lookup->address;
	return STATUS_OK;
}

/* The last sign with a number behind it; a symbol can have signs inside. */
static char *find_offset(char *text, uint64_t *offset)
{
	char *sign = text + strlen(text);

	while (sign > text && *sign != '+' && *sign != '-')
		sign--;
	if (sign == text || !number_parse(sign + 1, offset))
		return NULL;
	return sign;
}

static int add_offset(const char *text, char sign, uint64_t offset, uint64_t *address)
{
	bool wraps = sign == '-' ? offset > *address : offset > UINT64_MAX - *address;

	if (wraps)
		return error_say(STATUS_ADDRESS, "'%s' is no address: it wraps", text);
	*address = sign == '-' ? *address - offset : *address + offset;
	return STATUS_OK;
}

/* A module's name can have a colon, as C++ names have two: the first single one. */
static const char *find_colon(const char *text)
{
	const char *colon = strchr(text, ':');

	while (colon && colon[1] == ':')
		colon = strchr(colon + 2, ':');
	return colon;
}

/* "name", "name@VERSION" or "name@@VERSION" */
static int set_name(struct lookup *lookup, const char *name)
{
	lookup->name = name;
	lookup->name_length = strcspn(name, "@");
	lookup->version = name + lookup->name_length;
	lookup->version += strspn(lookup->version, "@");
	if (lookup->name_length)
		return STATUS_OK;
	return error_say(STATUS_ADDRESS, "an ADDRESS without a symbol or number");
}

static int resolve_name(struct tool *tool, const char *text, uint64_t *address)
{
	struct lookup lookup = { 0 };
	const char *colon = find_colon(text);
	uint64_t number;
	int error = open_symbols(tool), status;

	if (error)
		return error_say(STATUS_ADDRESS,
				 "the symbols of process %d cannot be read: %s",
				 tool->pid, strerror(-error));
	if (colon) {
		lookup.module = text;
		lookup.module_length = colon - text;
	}
	status = set_name(&lookup, colon ? colon + 1 : text);
	if (status)
		return status;
	lookup.symbols = tool->symbols;
	if (!colon || !number_parse(lookup.name, &number))
		return search(tool, &lookup, address);
	status = search_start(tool, &lookup, address);
	return status ? status : add_offset(text, '+', number, address);
}

static int resolve_sum(struct tool *tool, char *text, uint64_t *address)
{
	uint64_t offset = 0;
	char *sign = find_offset(text, &offset), operation = '+';
	int status = STATUS_OK;

	if (sign) {
		operation = *sign;
		*sign = '\0';
	}
	if (!number_parse(text, address))
		status = resolve_name(tool, text, address);
	return status ? status : add_offset(text, operation, offset, address);
}

/**
 * symbols_resolve() - the address that a text means
 * @tool: The tool, with a session.
 * @text: NUMBER, SYMBOL, MODULE:SYMBOL or MODULE:NUMBER; a SYMBOL can have a
 *	@VERSION; +NUMBER or -NUMBER may follow.
 * @address: Receives the address.
 *
 * Return: A status.
 */
int symbols_resolve(struct tool *tool, const char *text, uint64_t *address)
{
	char *copy = strdup(text);
	int status;

	if (!copy)
		return error_session(tool, -ENOMEM);
	status = resolve_sum(tool, copy, address);
	free(copy);
	return status;
}

/**
 * symbols_describe() - describe an address
 * @tool: The tool.
 * @address: The address.
 * @text: Receives "main+0x4 (prog)", "prog+0x1234", or "" if nothing is known; it can
 *	be printed.
 * @size: Its size.
 */
void symbols_describe(struct tool *tool, uint64_t address, char *text, size_t size)
{
	Dwfl_Module *module;
	GElf_Off offset;
	GElf_Sym symbol;
	const char *path, *name;
	Dwarf_Addr start;

	*text = '\0';
	if (open_symbols(tool))
		return;
	module = dwfl_addrmodule(tool->symbols->dwfl, address);
	if (!module)
		return;
	path = base_name(module_path(module, &start));
	name = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL,
				    NULL);
	if (!name)
		snprintf(text, size, "%s+%#" PRIx64, path, address - start);
	else if (offset)
		snprintf(text, size, "%s+%#" PRIx64 " (%s)", name, offset, path);
	else
		snprintf(text, size, "%s (%s)", name, path);
	text_make_safe(text, size);
}

struct completion {
	const char *prefix;
	size_t length;
	void (*found)(const char *name, void *data);
	void *data;
};

static int complete_module(Dwfl_Module *module, void **userdata, const char *name,
			   Dwarf_Addr base, void *data)
{
	const struct completion *completion = data;
	int i, count = dwfl_module_getsymtab(module);
	const char *symbol_name;
	GElf_Sym symbol;
	GElf_Addr address;

	(void)userdata;
	(void)name;
	(void)base;
	for (i = 1; i < count; i++) {
		symbol_name = dwfl_module_getsym_info(module, i, &symbol, &address,
						      NULL, NULL, NULL);
		if (symbol_name && is_code_or_data(&symbol) &&
		    !strncmp(symbol_name, completion->prefix, completion->length))
			completion->found(symbol_name, completion->data);
	}
	return DWARF_CB_OK;
}

/* Call @found for each symbol that begins with @prefix, maybe repeatedly. */
void symbols_complete(struct tool *tool, const char *prefix,
		      void (*found)(const char *name, void *data), void *data)
{
	struct completion completion = { prefix, strlen(prefix), found, data };

	if (!open_symbols(tool))
		dwfl_getmodules(tool->symbols->dwfl, complete_module, &completion, 0);
}
