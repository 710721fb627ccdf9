// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cordbg_write_memory_ex(): write into a page that the program may only read. Ask
 * with CORDBG_PROBE first, and use CORDBG_FORCE if that is what it takes.
 */
#include <cordbg.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *map_read_only(size_t size)
{
	return mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(void)
{
	static const char data[] = "written";
	char *page = map_read_only(sizeof(data));
	struct cordbg_process *process;
	uint64_t address = (uintptr_t)page, failed;
	int error;

	if (page == MAP_FAILED)
		return EXIT_FAILURE;
	error = cordbg_attach(getpid(), 0, &process);
	if (error) {
		fprintf(stderr, "%s\n", cordbg_strerror(error));
		return EXIT_FAILURE;
	}
	error = cordbg_write_memory_ex(process, address, sizeof(data), NULL,
				       CORDBG_PROBE, NULL, &failed);
	printf("probe: %s", cordbg_strerror(error));
	if (error == -EACCES) {
		printf(" at %#" PRIx64 ": force", failed);
		error = cordbg_write_memory_ex(process, address, sizeof(data), data,
					       CORDBG_FORCE, NULL, &failed);
	}
	printf("\n%s: \"%s\"\n", cordbg_strerror(error), page);
	cordbg_detach(process);
	return strcmp(page, data) ? EXIT_FAILURE : EXIT_SUCCESS;
}
