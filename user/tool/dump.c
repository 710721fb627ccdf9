// SPDX-License-Identifier: GPL-2.0-or-later
/* Bytes as text. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "dump.h"
#include "interrupt.h"

#define MARK		">"
#define COLOR_ON	"\033[1;31m"
#define COLOR_OFF	"\033[0m"

/* The first breakpoint that ends after @address: they ascend, and do not overlap. */
static size_t first_after(const struct breakpoints *breakpoints, uint64_t address)
{
	size_t low = 0, high = breakpoints->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct cordbg_breakpoint *b = &breakpoints->list[middle];

		if (b->address + b->length > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool under_breakpoint(const struct breakpoints *breakpoints, uint64_t address)
{
	size_t i = first_after(breakpoints, address);

	return i < breakpoints->count && breakpoints->list[i].address <= address &&
	       (breakpoints->list[i].flags & CORDBG_BREAKPOINT_PLANTED);
}

static bool line_has_breakpoint(const struct breakpoints *breakpoints,
				uint64_t address, size_t size)
{
	size_t i = first_after(breakpoints, address);

	return i < breakpoints->count &&
	       breakpoints->list[i].address < address + size;
}

static void print_byte(struct dump *dump, uint64_t address, uint8_t byte)
{
	if (!under_breakpoint(dump->breakpoints, address)) {
		printf(" %02x", byte);
		return;
	}
	dump->marked = true;
	if (dump->color)
		printf(" " COLOR_ON "%02x" COLOR_OFF, byte);
	else
		printf(MARK "%02x", byte);
}

static void print_line(struct dump *dump, uint64_t address, const uint8_t *data,
		       size_t size)
{
	size_t i;

	printf("%016" PRIx64 " ", address);
	for (i = 0; i < DUMP_LINE; i++) {
		if (i == DUMP_LINE / 2)
			putchar(' ');
		if (i < size)
			print_byte(dump, address + i, data[i]);
		else
			fputs("   ", stdout);
	}
	fputs("  |", stdout);
	for (i = 0; i < size; i++)
		putchar(data[i] < 0x80 && isprint(data[i]) ? data[i] : '.');
	puts("|");
}

/* As hexdump -C does, but for lines that a breakpoint makes different, or the last. */
static bool repeats(struct dump *dump, uint64_t address, const uint8_t *data,
		    size_t size)
{
	bool marked = line_has_breakpoint(dump->breakpoints, address, size);
	bool same = dump->squeeze && dump->lines && size == DUMP_LINE &&
		    !marked && !dump->last_marked &&
		    !memcmp(dump->last, data, DUMP_LINE);

	dump->last_marked = marked;
	if (same && !dump->squeezing)
		puts("*");
	dump->squeezing = same;
	return same;
}

/* Pieces follow each other; all but the last are a multiple of DUMP_LINE. */
void dump_bytes(struct dump *dump, uint64_t address, const uint8_t *data, size_t size)
{
	size_t at;

	for (at = 0; at < size && !interrupt_came(); at += DUMP_LINE) {
		size_t length = size - at < DUMP_LINE ? size - at : DUMP_LINE;

		if (!repeats(dump, address + at, data + at, length))
			print_line(dump, address + at, data + at, length);
		memcpy(dump->last, data + at, length);
		dump->lines++;
	}
	dump->end = address + size;
}

void dump_end(const struct dump *dump)
{
	printf("%016" PRIx64 "\n", dump->end);
}

void dump_hex(FILE *stream, const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		fprintf(stream, "%s%02x", i ? " " : "", data[i]);
}
