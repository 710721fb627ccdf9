/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data that the user gives. */
#ifndef CORDBG_INPUT_H
#define CORDBG_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct input - data to write
 * @data: The bytes; free() them.
 * @size: Their number.
 */
struct input {
	uint8_t *data;
	size_t size;
};

/* The first returns false if @word is not hexadecimal; the others a status. */
bool input_hex(struct input *input, const char *word);
int input_string(struct input *input, const char *string, bool zero);
int input_file(struct input *input, const char *name);

#endif /* CORDBG_INPUT_H */
