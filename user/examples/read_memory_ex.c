// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cordbg_read_memory_ex(): the program's bytes and, with CORDBG_RAW, memory as it
 * is. They differ where a breakpoint is.
 */
#include <cordbg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char text[5] = "AAAA";

static int show(struct cordbg_process *process, unsigned int flags, uint8_t *first)
{
	uint8_t bytes[4];
	uint64_t failed;
	int error = cordbg_read_memory_ex(process, (uintptr_t)text, sizeof(bytes), bytes,
					  flags, NULL, &failed);

	if (!error)
		printf("%02x %02x %02x %02x\n", bytes[0], bytes[1], bytes[2], bytes[3]);
	*first = bytes[0];
	return error;
}

int main(void)
{
	uint8_t original[CORDBG_OPCODE_MAX], behind, raw;
	struct cordbg_process *process;
	int error = cordbg_attach(getpid(), 0, &process);

	if (!error)
		error = cordbg_set_unmanaged_breakpoint(process, (uintptr_t)text,
							sizeof(original), original, NULL);
	if (!error)
		error = show(process, 0, &behind);
	if (!error)
		error = show(process, CORDBG_RAW, &raw);
	cordbg_detach(process);
	if (error)
		fprintf(stderr, "%s\n", cordbg_strerror(error));
	return error || behind != 'A' || raw == 'A' ? EXIT_FAILURE : EXIT_SUCCESS;
}
