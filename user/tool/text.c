// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names that the process has chosen, made fit for a terminal and for JSON: control
 * characters, which a terminal obeys, and what is no UTF-8 are shown as \ooo.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* The length of a UTF-8 sequence by its first byte; 0: none begins so. */
static size_t length_of(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* What the second byte may be, at the ends of the ranges; C1 controls are out. */
static int second_fits(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xc2:
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second < 0xa0;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second < 0x90;
	default:
		return 1;
	}
}

/* The bytes of the character at @at, if it can be printed, else 0. */
static size_t printable(const char *at)
{
	const uint8_t *byte = (const uint8_t *)at;
	size_t length = length_of(*byte), i;

	if (length == 1)
		return *byte >= 0x20 && *byte != 0x7f;
	for (i = 1; i < length; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	return length && second_fits(byte[0], byte[1]) ? length : 0;
}

/* A copy to free(), or NULL. */
char *text_safe(const char *text)
{
	char *safe = malloc(4 * strlen(text) + 1), *to = safe;
	size_t length;

	if (!safe)
		return NULL;
	while (*text) {
		length = printable(text);
		if (length) {
			memcpy(to, text, length);
			to += length;
			text += length;
		} else {
			to += sprintf(to, "\\%03o", (uint8_t)*text++);
		}
	}
	*to = '\0';
	return safe;
}

/* In its place, cut off at @size; nothing is left of it without memory. */
void text_make_safe(char *text, size_t size)
{
	char *safe = text_safe(text);

	snprintf(text, size, "%s", safe ? safe : "");
	free(safe);
}
