// SPDX-License-Identifier: GPL-2.0-or-later
/* Data that the user gives. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errors.h"
#include "input.h"
#include "interrupt.h"

static bool reserve(struct input *input, size_t more)
{
	uint8_t *data = realloc(input->data, input->size + more);

	if (data)
		input->data = data;
	return data;
}

static uint8_t digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower(c) - 'a' + 10;
}

/* Append pairs of digits, such as "90", "0x90" or "b82a000000". */
bool input_hex(struct input *input, const char *word)
{
	size_t i, length;

	if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
		word += 2;
	length = strlen(word);
	if (!length || length % 2 || strspn(word, "0123456789abcdefABCDEF") != length ||
	    !reserve(input, length / 2))
		return false;
	for (i = 0; i < length; i += 2)
		input->data[input->size++] = digit(word[i]) << 4 | digit(word[i + 1]);
	return true;
}

static int no_memory(void)
{
	return error_say(STATUS_NO_MEMORY, "%s", cordbg_strerror(-ENOMEM));
}

/* @zero: with the byte at its end that C strings have. */
int input_string(struct input *input, const char *string, bool zero)
{
	size_t length = strlen(string) + zero;

	if (!reserve(input, length + 1))
		return no_memory();
	memcpy(input->data, string, length);
	input->size = length;
	return STATUS_OK;
}

static int read_all(struct input *input, const char *name, int fd)
{
	size_t room = 0;
	ssize_t got;

	do {
		if (input->size == room) {
			room = room ? 2 * room : 65536;
			if (!reserve(input, room - input->size))
				return no_memory();
		}
		got = interrupt_read(fd, input->data + input->size,
				     room - input->size);
		if (got > 0)
			input->size += got;
	} while (got > 0);
	if (interrupt_came())
		return STATUS_INTERRUPTED;
	return got ? error_file(name, "read", errno) : STATUS_OK;
}

/* "-": standard input. */
int input_file(struct input *input, const char *name)
{
	int fd, status;

	if (!strcmp(name, "-"))
		return read_all(input, "standard input", STDIN_FILENO);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_file(name, "open", errno);
	status = read_all(input, name, fd);
	close(fd);
	return status;
}
