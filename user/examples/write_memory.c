// SPDX-License-Identifier: LGPL-2.1-or-later
/* cordbg_write_memory(): change a variable of a running process. */
#include <cordbg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The process to debug is a copy of this one, so the address is the same. */
int stop;

static int wait_for_stop(void)
{
	while (!stop)
		usleep(1000);
	return 7;
}

int main(void)
{
	struct cordbg_process *process;
	const int one = 1;
	int error, status = -1;
	size_t written;
	pid_t pid = fork();

	if (!pid)
		_exit(wait_for_stop());
	error = cordbg_attach(pid, 0, &process);
	if (!error)
		error = cordbg_write_memory(process, (uintptr_t)&stop, sizeof(one), &one,
					    &written);
	if (error) {
		fprintf(stderr, "%s\n", cordbg_strerror(error));
		kill(pid, SIGKILL);
		return EXIT_FAILURE;
	}
	cordbg_detach(process);
	waitpid(pid, &status, 0);
	printf("%zu bytes written, and it ended with status %d\n", written,
	       WEXITSTATUS(status));
	return WEXITSTATUS(status) == 7 ? EXIT_SUCCESS : EXIT_FAILURE;
}
