// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Versions of symbols: .symtab has them in its names, .dynsym in sections beside it
 * (SHT_GNU_versym, SHT_GNU_verdef).
 */
#include <stdio.h>
#include <string.h>

#include "versions.h"

#define HIDDEN	0x8000

/**
 * struct tables - what tells versions of the symbols in .dynsym
 * @elf: The file.
 * @symbols: .dynsym.
 * @strings: Its names' section.
 * @versions: Each symbol's number of a version.
 * @definitions: What the numbers mean.
 * @definition_strings: Their names' section.
 */
struct tables {
	Elf *elf;
	Elf_Data *symbols;
	size_t strings;
	Elf_Data *versions;
	Elf_Data *definitions;
	size_t definition_strings;
};

static bool open_tables(struct tables *tables, Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	memset(tables, 0, sizeof(*tables));
	tables->elf = elf;
	while (elf && (section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header))
			continue;
		if (header.sh_type == SHT_DYNSYM) {
			tables->symbols = elf_getdata(section, NULL);
			tables->strings = header.sh_link;
		} else if (header.sh_type == SHT_GNU_versym) {
			tables->versions = elf_getdata(section, NULL);
		} else if (header.sh_type == SHT_GNU_verdef) {
			tables->definitions = elf_getdata(section, NULL);
			tables->definition_strings = header.sh_link;
		}
	}
	return tables->symbols && tables->versions && tables->definitions;
}

static const char *version_name(const struct tables *tables, unsigned int number)
{
	GElf_Verdef definition;
	GElf_Verdaux name;
	int at = 0;

	while (gelf_getverdef(tables->definitions, at, &definition)) {
		if (definition.vd_ndx == number &&
		    gelf_getverdaux(tables->definitions, at + definition.vd_aux, &name))
			return elf_strptr(tables->elf, tables->definition_strings,
					  name.vda_name);
		if (!definition.vd_next)
			break;
		at += definition.vd_next;
	}
	return NULL;
}

/* Take a version, unless there is a better one: whether it is the one @wanted. */
static bool take(struct version *version, const char *name, bool hidden,
		 const char *wanted)
{
	if (!*version->name || version->hidden) {
		snprintf(version->name, sizeof(version->name), "%s", name);
		version->hidden = hidden;
	}
	return !strcmp(name, wanted);
}

/* An address can have the same name with several versions. */
static bool search(const struct tables *tables, const char *symbol, size_t length,
		   const GElf_Sym *of, const char *wanted, struct version *version)
{
	const char *name;
	bool found = false;
	GElf_Versym number;
	GElf_Sym other;
	int i;

	for (i = 1; gelf_getsym(tables->symbols, i, &other); i++) {
		if (other.st_value != of->st_value || other.st_shndx == SHN_UNDEF ||
		    !gelf_getversym(tables->versions, i, &number))
			continue;
		name = elf_strptr(tables->elf, tables->strings, other.st_name);
		if (!name || strncmp(name, symbol, length) || name[length])
			continue;
		name = version_name(tables, number & ~HIDDEN);
		if (name && (number & ~HIDDEN) > VER_NDX_GLOBAL)
			found |= take(version, name, number & HIDDEN, wanted);
	}
	return found;
}

/**
 * version_find() - the version of a symbol
 * @elf: The file that defines it, or NULL.
 * @symbol: Its name, maybe with its version, as in .symtab.
 * @of: The symbol.
 * @wanted: The version to look for; "": any.
 * @version: Receives it, the default if it has several.
 *
 * Return: Whether it has the version @wanted.
 */
bool version_find(Elf *elf, const char *symbol, const GElf_Sym *of, const char *wanted,
		  struct version *version)
{
	const char *at = strchr(symbol, '@');
	struct tables tables;
	bool found;

	memset(version, 0, sizeof(*version));
	if (at)
		found = take(version, at + strspn(at, "@"), at[1] != '@', wanted);
	else
		found = GELF_ST_BIND(of->st_info) != STB_LOCAL &&
			open_tables(&tables, elf) &&
			search(&tables, symbol, strlen(symbol), of, wanted, version);
	return found || !*wanted;
}
