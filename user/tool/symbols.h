/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses by name (resolve.c), and names of addresses (symbols.c). */
#ifndef CORDBG_SYMBOLS_H
#define CORDBG_SYMBOLS_H

#include "tool.h"

int symbols_resolve(struct tool *tool, const char *text, uint64_t *address);
void symbols_describe(struct tool *tool, uint64_t address, char *text, size_t size);
void symbols_complete(struct tool *tool, const char *prefix,
		      void (*found)(const char *name, void *data), void *data);
bool symbols_module_has_name(const char *path, const char *name, size_t length);
void symbols_stale(struct tool *tool);
void symbols_close(struct tool *tool);

#endif /* CORDBG_SYMBOLS_H */
