// SPDX-License-Identifier: GPL-2.0
/* A small ptrace(2) tracer. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

#if !defined(__x86_64__)
#error "the demo knows the program counter and instructions of x86-64 only"
#endif

#define PC		offsetof(struct user, regs.rip)
#define POLL_US		10000
#define POLLS		2000	/* an emulated machine can be slow */

static void trace(int request, pid_t pid, unsigned long address,
		  unsigned long data, const char *what)
{
	if (ptrace(request, pid, address, data))
		fail("%s: %s", what, strerror(errno));
}

pid_t trace_tracer(pid_t pid)
{
	char path[64], line[256];
	int tracer = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	if (!file)
		fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	fclose(file);
	return tracer;
}

void trace_seize(pid_t pid)
{
	trace(PTRACE_SEIZE, pid, 0, 0, "PTRACE_SEIZE");
}

int trace_wait(pid_t pid)
{
	siginfo_t info;
	int i, status;
	pid_t got = 0;

	for (i = 0; i < POLLS && !got; i++) {
		got = waitpid(pid, &status, __WALL | WNOHANG);
		if (!got)
			usleep(POLL_US);
	}
	require(got == pid, "the tracer sees the program stop");
	require(WIFSTOPPED(status), "the program is still there");
	if (WSTOPSIG(status) != SIGTRAP)
		fail("the signal is SIGTRAP, not: %s", strsignal(WSTOPSIG(status)));
	trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info, "PTRACE_GETSIGINFO");
	return info.si_code;
}

uint64_t trace_pc(pid_t pid)
{
	uint64_t pc;

	errno = 0;
	pc = ptrace(PTRACE_PEEKUSER, pid, PC, 0);
	if (errno)
		fail("PTRACE_PEEKUSER: %s", strerror(errno));
	return pc;
}

void trace_set_pc(pid_t pid, uint64_t pc)
{
	trace(PTRACE_POKEUSER, pid, PC, pc, "PTRACE_POKEUSER");
}

void trace_step(pid_t pid)
{
	trace(PTRACE_SINGLESTEP, pid, 0, 0, "PTRACE_SINGLESTEP");
	require(trace_wait(pid) == TRAP_TRACE, "one instruction was run");
}

void trace_continue(pid_t pid)
{
	trace(PTRACE_CONT, pid, 0, 0, "PTRACE_CONT");
}

void trace_detach(pid_t pid)
{
	trace(PTRACE_DETACH, pid, 0, 0, "PTRACE_DETACH");
}
