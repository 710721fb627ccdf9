// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cordbg_batch(): plant many breakpoints in one call, of which one cannot be planted;
 * then replace two values that belong together, both or none.
 */
#include <cordbg.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char places[4];
static int width = 640, height = 480;

/* Each operation has its own answer: the number planted, or an error. */
static int plant(struct cordbg_process *process, const uint64_t *addresses, size_t count)
{
	struct cordbg_operation *operations = calloc(count, sizeof(*operations));
	int error = operations ? 0 : -ENOMEM, planted = 0;
	size_t i, done = 0;

	for (i = 0; operations && i < count; i++) {
		operations[i].op = CORDBG_OP_SET_BREAKPOINT;
		operations[i].address = addresses[i];
	}
	if (!error)
		error = cordbg_batch(process, operations, count, 0, &done);
	for (i = 0; i < done; i++) {
		printf("%#" PRIx64 ": %s\n", addresses[i],
		       cordbg_strerror(operations[i].status));
		planted += !operations[i].status;
	}
	free(operations);
	return error ? error : planted;
}

static struct cordbg_operation write_int(int *place, const int *value)
{
	return (struct cordbg_operation) {
		.op = CORDBG_OP_WRITE_MEMORY,
		.address = (uintptr_t)place,
		.buffer = (uintptr_t)value,
		.size = sizeof(*value),
	};
}

/* No other tool that reads both sees one old and one new. */
static int resize(struct cordbg_process *process, int new_width, int new_height)
{
	struct cordbg_operation operations[] = {
		write_int(&width, &new_width),
		write_int(&height, &new_height),
	};

	return cordbg_batch(process, operations, 2, CORDBG_BATCH_ATOMIC, NULL);
}

int main(void)
{
	uint64_t addresses[] = {
		(uintptr_t)&places[0], (uintptr_t)&places[1], 0, (uintptr_t)&places[3],
	};
	struct cordbg_process *process;
	int error = cordbg_attach(getpid(), 0, &process), planted = 0;

	if (!error)
		planted = plant(process, addresses, 4);
	if (planted < 0)
		error = planted;
	if (!error)
		error = resize(process, 1920, 1080);
	if (error)
		fprintf(stderr, "%s\n", cordbg_strerror(error));
	cordbg_detach(process);
	printf("%d planted, %d x %d\n", planted, width, height);
	return planted == 3 && width == 1920 && height == 1080 ? EXIT_SUCCESS : EXIT_FAILURE;
}
