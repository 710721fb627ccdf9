// SPDX-License-Identifier: LGPL-2.1-or-later
/* cordbg_read_memory(): what a process has in a variable. */
#include <cordbg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The process to debug is a copy of this one, so the address is the same. */
static char text[32];

int main(void)
{
	struct cordbg_process *process;
	char copy[sizeof(text)];
	int error, ready[2];
	pid_t pid;

	if (pipe(ready))
		return EXIT_FAILURE;
	pid = fork();
	if (!pid) {
		snprintf(text, sizeof(text), "I am %d", getpid());
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], copy, 1))	/* until it closes the pipe */
		return EXIT_FAILURE;
	error = cordbg_attach(pid, 0, &process);
	if (!error)
		error = cordbg_read_memory(process, (uintptr_t)text, sizeof(copy), copy,
					   NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cordbg_detach(process);
	snprintf(text, sizeof(text), "I am %d", pid);
	printf("%s: \"%s\"\n", cordbg_strerror(error), error ? "" : copy);
	return error || strcmp(copy, text) ? EXIT_FAILURE : EXIT_SUCCESS;
}
