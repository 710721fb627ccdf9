// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cordbg_set_unmanaged_breakpoint() and cordbg_clear_unmanaged_breakpoint(): run into
 * a breakpoint. A call with no room asks for the opcode's length.
 */
#include <cordbg.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The process to debug calls this; it is a copy of this one. */
static __attribute__((noipa)) int function(void)
{
	return EXIT_SUCCESS;
}

static int set_and_clear(struct cordbg_process *process, int set)
{
	uint8_t original[CORDBG_OPCODE_MAX];
	uint32_t length;
	int error;

	error = cordbg_set_unmanaged_breakpoint(process, (uintptr_t)function, 0, NULL,
						&length);
	if (error != -ERANGE)
		return error;
	printf("the opcode has %u byte(s), ", length);
	error = cordbg_set_unmanaged_breakpoint(process, (uintptr_t)function,
						sizeof(original), original, NULL);
	if (!error && !set)
		error = cordbg_clear_unmanaged_breakpoint(process, (uintptr_t)function);
	return error;
}

/* How a process ends that calls the function. */
static int call(int set)
{
	struct cordbg_process *process;
	int go[2], status = -1, error;
	pid_t pid;
	char byte;

	if (pipe(go))
		return -errno;
	pid = fork();
	if (!pid)
		_exit(read(go[0], &byte, 1) == 1 ? function() : EXIT_FAILURE);
	error = cordbg_attach(pid, 0, &process);
	if (!error)
		error = set_and_clear(process, set);
	if (error)
		fprintf(stderr, "%s\n", cordbg_strerror(error));
	if (write(go[1], "", 1) == 1)
		waitpid(pid, &status, 0);
	cordbg_detach(process);
	close(go[0]);
	close(go[1]);
	return status;
}

int main(void)
{
	int set = call(1), cleared;

	printf("set: %s\n", WIFSIGNALED(set) ? "it got the signal of a trap" : "?");
	cleared = call(0);
	printf("cleared: exit status %d\n", cleared);
	return WIFSIGNALED(set) && WTERMSIG(set) == SIGTRAP && !cleared ?
		EXIT_SUCCESS : EXIT_FAILURE;
}
