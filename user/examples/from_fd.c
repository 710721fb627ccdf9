// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cordbg_fd() and cordbg_from_fd(): pass a session to another program, which needs
 * no right of its own to attach. Here that program is a child that inherits it; a
 * UNIX socket (SCM_RIGHTS) does as well.
 */
#include <cordbg.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[4] = "old";

/* The other program, which was told the file descriptor. */
static int other(int fd)
{
	struct cordbg_process *process;
	int error = cordbg_from_fd(fd, &process);

	if (error) {
		fprintf(stderr, "cordbg_from_fd: %s\n", cordbg_strerror(error));
		return EXIT_FAILURE;
	}
	error = cordbg_write_memory(process, (uintptr_t)text, sizeof(text), "new",
				    NULL);
	cordbg_detach(process);
	if (error)
		fprintf(stderr, "cordbg_write_memory: %s\n", cordbg_strerror(error));
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void)
{
	struct cordbg_process *process;
	int error = cordbg_attach(getpid(), 0, &process), status = -1;
	pid_t pid;

	if (error) {
		fprintf(stderr, "cordbg_attach: %s\n", cordbg_strerror(error));
		return EXIT_FAILURE;
	}
	pid = fork();
	if (!pid)
		_exit(other(fcntl(cordbg_fd(process), F_DUPFD, 0)));
	waitpid(pid, &status, 0);
	cordbg_detach(process);
	printf("the child wrote \"%s\"\n", text);
	return status || strcmp(text, "new") ? EXIT_FAILURE : EXIT_SUCCESS;
}
