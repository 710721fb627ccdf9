/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as text. */
#ifndef CORDBG_DUMP_H
#define CORDBG_DUMP_H

#include "session.h"

#define DUMP_LINE	16

/**
 * struct dump - a canonical hex dump under way
 * @breakpoints: Bytes under these, if planted, are marked.
 * @color: Mark them by colour.
 * @squeeze: Print "*" for lines that repeat the one before.
 * @marked: Bytes were marked.
 * @last: The last line's bytes.
 * @last_marked: It had a breakpoint.
 * @lines: Lines so far.
 * @squeezing: "*" has been printed for this run of lines.
 * @end: The address after the last byte.
 */
struct dump {
	const struct breakpoints *breakpoints;
	bool color;
	bool squeeze;
	bool marked;
	uint8_t last[DUMP_LINE];
	bool last_marked;
	size_t lines;
	bool squeezing;
	uint64_t end;
};

void dump_bytes(struct dump *dump, uint64_t address, const uint8_t *data, size_t size);
void dump_end(const struct dump *dump);
void dump_hex(FILE *stream, const uint8_t *data, size_t size);

#endif /* CORDBG_DUMP_H */
