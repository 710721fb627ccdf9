// SPDX-License-Identifier: GPL-2.0
/* The demo's output. */
#include <ctype.h>
#include <string.h>

#include "demo.h"

void chapter(const char *title)
{
	static int number;

	printf("\n%d. %s\n", ++number, title);
}

void show(const char *label, uint64_t address, const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;
	size_t i;

	printf("     %-16s %#llx ", label, (unsigned long long)address);
	for (i = 0; i < size; i++)
		printf(" %02x", byte[i]);
	printf("  |");
	for (i = 0; i < size; i++)
		putchar(isprint(byte[i]) ? byte[i] : '.');
	printf("|\n");
}

void require(bool holds, const char *what)
{
	if (!holds)
		fail("%s", what);
}

void require_ok(int error, const char *what)
{
	if (error)
		fail("%s: %s", what, strerror(-error));
}
