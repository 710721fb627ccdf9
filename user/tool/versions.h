/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Versions of symbols, as memcpy@GLIBC_2.2.5 and memcpy@@GLIBC_2.14. */
#ifndef CORDBG_VERSIONS_H
#define CORDBG_VERSIONS_H

#include <gelf.h>
#include <stdbool.h>

/**
 * struct version - the version of a symbol
 * @name: Its name, or "".
 * @hidden: It is not the default: a program that is linked today gets another.
 */
struct version {
	char name[64];
	bool hidden;
};

bool version_find(Elf *elf, const char *symbol, const GElf_Sym *of, const char *wanted,
		  struct version *version);

#endif /* CORDBG_VERSIONS_H */
