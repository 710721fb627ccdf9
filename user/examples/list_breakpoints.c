// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cordbg_list_breakpoints() and cordbg_list_breakpoints_ex(): all breakpoints of a
 * process, in pieces.
 */
#include <cordbg.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE	2

static char places[5];

static int set_all(struct cordbg_process *process)
{
	uint8_t original[CORDBG_OPCODE_MAX];
	int error = 0;
	size_t i;

	for (i = 0; !error && i < sizeof(places); i++)
		error = cordbg_set_unmanaged_breakpoint(process,
							(uintptr_t)&places[i],
							sizeof(original), original, NULL);
	return error;
}

static void print(const struct cordbg_breakpoint *breakpoint)
{
	printf("%#" PRIx64 ": original %02x, %s, %s\n", (uint64_t)breakpoint->address,
	       breakpoint->original[0],
	       breakpoint->flags & CORDBG_BREAKPOINT_PLANTED ? "planted" : "gone",
	       breakpoint->flags & CORDBG_BREAKPOINT_MINE ? "mine" : "another's");
}

/* The number listed, or an error. */
static int list_all(struct cordbg_process *process)
{
	struct cordbg_breakpoint list[PIECE];
	uint64_t start = 0;
	size_t count, i;
	int listed = 0, error;

	do {
		error = cordbg_list_breakpoints_ex(process, start, list, PIECE, &count);
		for (i = 0; !error && i < count && i < PIECE; i++) {
			print(&list[i]);
			start = list[i].address + 1;
			listed++;
		}
	} while (!error && count > PIECE);
	return error ? error : listed;
}

int main(void)
{
	struct cordbg_process *process;
	int error = cordbg_attach(getpid(), 0, &process), listed;
	size_t count = 0;

	if (!error)
		error = set_all(process);
	if (!error)	/* How many are there? */
		error = cordbg_list_breakpoints(process, NULL, 0, &count);
	listed = error ? error : list_all(process);
	if (listed < 0)
		fprintf(stderr, "%s\n", cordbg_strerror(listed));
	cordbg_detach(process);
	return listed == (int)count && count == sizeof(places) ?
		EXIT_SUCCESS : EXIT_FAILURE;
}
