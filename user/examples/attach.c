// SPDX-License-Identifier: LGPL-2.1-or-later
/* cordbg_attach() and cordbg_detach(): a session, and why there may be none. */
#include <cordbg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int try(pid_t pid)
{
	struct cordbg_process *process;
	int error = cordbg_attach(pid, 0, &process);

	printf("process %d: %s\n", pid, cordbg_strerror(error));
	cordbg_detach(process);	/* NULL after an error, which does nothing */
	return error;
}

int main(void)
{
	if (try(getpid()))
		return EXIT_FAILURE;
	return try(-1) ? EXIT_SUCCESS : EXIT_FAILURE;
}
