// SPDX-License-Identifier: LGPL-2.1-or-later
/* cordbg_strerror() and cordbg_hresult(): what to tell a user, and a .NET debugger. */
#include <cordbg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
	struct cordbg_process *process;
	int error = cordbg_attach(getpid(), 0, &process);
	char byte;

	printf("attach:         %#010x %s\n", (unsigned int)cordbg_hresult(error),
	       cordbg_strerror(error));
	if (error)
		return EXIT_FAILURE;
	error = cordbg_read_memory(process, 0, 1, &byte, NULL);
	printf("read address 0: %#010x %s\n", (unsigned int)cordbg_hresult(error),
	       cordbg_strerror(error));
	cordbg_detach(process);
	return error ? EXIT_SUCCESS : EXIT_FAILURE;
}
