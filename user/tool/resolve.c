// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses by name: what the ADDRESS of a command means. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "symbols.h"
#include "symbols_private.h"
#include "versions.h"

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
		 *version->name ? " @" : "", version->name, symbols_base_name(path));
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
	if (name && symbols_is_code_or_data(&symbol) && symbol_has_name(name, lookup) &&
	    version_find(dwfl_module_getelf(module, &bias), name, &symbol,
			 lookup->version, &version))
		take_symbol(lookup, path, &symbol, address, &version);
}

static int search_module(Dwfl_Module *module, void **userdata, const char *name,
			 Dwarf_Addr base, void *data)
{
	struct lookup *lookup = data;
	const char *path = symbols_module_path(module, NULL);
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
	const char *path = symbols_module_path(module, NULL);

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
	int error = symbols_open(tool), status;

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
