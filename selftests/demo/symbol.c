// SPDX-License-Identifier: GPL-2.0
/* Functions by name: the dynamic symbols of the files that a process maps. */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

/* The value of the function @name in the file, or 0. */
static uint64_t lookup(Elf *elf, const char *name)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	GElf_Sym symbol;
	Elf_Data *data;
	const char *s;
	int i;

	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM)
			continue;
		data = elf_getdata(section, NULL);
		for (i = 0; gelf_getsym(data, i, &symbol); i++) {
			s = elf_strptr(elf, header.sh_link, symbol.st_name);
			if (GELF_ST_TYPE(symbol.st_info) == STT_FUNC &&
			    symbol.st_shndx != SHN_UNDEF && s && !strcmp(s, name))
				return symbol.st_value;
		}
	}
	return 0;
}

/* Where in the file the segments place what will stand at @value in memory. */
static uint64_t file_offset(Elf *elf, uint64_t value)
{
	GElf_Phdr segment;
	int i;

	for (i = 0; gelf_getphdr(elf, i, &segment); i++)
		if (segment.p_type == PT_LOAD && value >= segment.p_vaddr &&
		    value - segment.p_vaddr < segment.p_filesz)
			return value - segment.p_vaddr + segment.p_offset;
	fail("a symbol lies in a segment of its file");
}

/* The function's address if this mapping holds it, or 0. */
static uint64_t address_in(const struct mapping *mapping, const char *name)
{
	uint64_t value, offset, address = 0;
	Elf *elf;
	int fd;

	fd = open(mapping->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", mapping->path, strerror(errno));
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		fail("%s: %s", mapping->path, elf_errmsg(-1));
	value = lookup(elf, name);
	if (value) {
		offset = file_offset(elf, value);
		if (offset >= mapping->offset &&
		    offset - mapping->offset < mapping->end - mapping->start)
			address = mapping->start + offset - mapping->offset;
	}
	elf_end(elf);
	close(fd);
	return address;
}

uint64_t symbol_address(const struct maps *maps, const char *name,
			const struct mapping **file)
{
	const struct mapping *m;
	uint64_t address;

	elf_version(EV_CURRENT);
	for (m = maps->list; m < maps->list + maps->count; m++) {
		if (m->path[0] != '/' || m->protection[2] != 'x')
			continue;
		address = address_in(m, name);
		if (address) {
			*file = m;
			return address;
		}
	}
	fail("a mapped file exports %s", name);
}
