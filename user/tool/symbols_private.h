/* SPDX-License-Identifier: GPL-2.0-or-later */
/* elfutils' view of the process, for symbols.c and resolve.c alone. */
#ifndef CORDBG_SYMBOLS_PRIVATE_H
#define CORDBG_SYMBOLS_PRIVATE_H

#include <elfutils/libdwfl.h>

#include "tool.h"

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

int symbols_open(struct tool *tool);
const char *symbols_module_path(Dwfl_Module *module, Dwarf_Addr *start);
const char *symbols_base_name(const char *path);
bool symbols_is_code_or_data(const GElf_Sym *symbol);

#endif /* CORDBG_SYMBOLS_PRIVATE_H */
