// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Symbols, by elfutils: debuginfo, .symtab and .dynsym of the files that the
 * process maps. See also resolve.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mappings.h"
#include "symbols.h"
#include "symbols_private.h"
#include "text.h"

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
int symbols_open(struct tool *tool)
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

const char *symbols_module_path(Dwfl_Module *module, Dwarf_Addr *start)
{
	return dwfl_module_info(module, NULL, start, NULL, NULL, NULL, NULL, NULL);
}

const char *symbols_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "libc" and "libc.so" name "/lib/libc.so.6", so do its file name and its path. */
bool symbols_module_has_name(const char *path, const char *name, size_t length)
{
	const char *base = symbols_base_name(path);

	if (!strncmp(path, name, length) && !path[length])
		return true;
	if (strncmp(base, name, length))
		return false;
	base += length;
	return !*base || !strcmp(base, " (deleted)") ||
	       !strncmp(base, ".so", 3) ||
	       (length > 3 && !strncmp(base - 3, ".so", 3) && *base == '.');
}

/* It stands for one address in the process, whichever thread asks. */
bool symbols_is_code_or_data(const GElf_Sym *symbol)
{
	unsigned int type = GELF_ST_TYPE(symbol->st_info);

	return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS &&
	       type != STT_FILE &&
	       type != STT_SECTION && type != STT_TLS;
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
	if (symbols_open(tool))
		return;
	module = dwfl_addrmodule(tool->symbols->dwfl, address);
	if (!module)
		return;
	path = symbols_base_name(symbols_module_path(module, &start));
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
		if (symbol_name && symbols_is_code_or_data(&symbol) &&
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

	if (!symbols_open(tool))
		dwfl_getmodules(tool->symbols->dwfl, complete_module, &completion, 0);
}
