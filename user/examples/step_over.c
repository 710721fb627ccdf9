// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Count the calls of a function in a process with several threads: stop at a
 * breakpoint, step over it, and go on.
 *
 * A thread can only be stepped over a breakpoint that is not there for a moment.
 * So that no other thread runs through meanwhile, all of them are stopped.
 */
#include <cordbg.h>
#include <elf.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	4
#define CALLS	50

#if defined(__x86_64__)
#define pc(regs)	((regs)->rip)
#define AFTER_OPCODE	1	/* where the trap leaves the thread */
#elif defined(__i386__)
#define pc(regs)	((regs)->eip)
#define AFTER_OPCODE	1
#else
#define pc(regs)	((regs)->pc)
#define AFTER_OPCODE	0
#endif

/* A thread of the debugged process. */
struct thread {
	pid_t tid;
	bool running;
	bool hit;	/* it has stopped at the breakpoint, and was not seen to yet */
	bool gone;
};

static struct thread threads[THREADS];
static struct cordbg_process *process;
static uint64_t address;

static void check(bool failed, const char *what)
{
	if (!failed)
		return;
	perror(what);
	exit(EXIT_FAILURE);
}

static void check_cordbg(int error, const char *what)
{
	if (!error)
		return;
	fprintf(stderr, "%s: %s\n", what, cordbg_strerror(error));
	exit(EXIT_FAILURE);
}

/* The debugged process. */
static __attribute__((noipa)) void function(void)
{
	__asm__ volatile("");
}

static void *thread_main(void *pipes)
{
	int *fds = pipes, i;
	pid_t tid = syscall(SYS_gettid);
	char go;

	check(write(fds[1], &tid, sizeof(tid)) != sizeof(tid), "write");
	check(read(fds[2], &go, 1) != 1, "read");
	for (i = 0; i < CALLS; i++)
		function();
	return NULL;
}

static void debuggee(int *pipes)
{
	pthread_t handles[THREADS];
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < THREADS; i++)
		check(pthread_create(&handles[i], NULL, thread_main, pipes), "pthread_create");
	for (i = 0; i < THREADS; i++)
		pthread_join(handles[i], NULL);
	_exit(EXIT_SUCCESS);
}

/* Wait for a thread to stop or to end; without @block, only if it has. */
static bool wait_thread(struct thread *t, bool block)
{
	int status;

	if (waitpid(t->tid, &status, __WALL | (block ? 0 : WNOHANG)) != t->tid)
		return false;
	t->running = false;
	t->gone = !WIFSTOPPED(status);
	/* What is no hit is the answer to PTRACE_INTERRUPT. */
	if (!t->gone && status >> 16 != PTRACE_EVENT_STOP)
		t->hit = true;
	return true;
}

static void resume(struct thread *t)
{
	check(ptrace(PTRACE_CONT, t->tid, 0, 0), "PTRACE_CONT");
	t->running = true;
}

static void stop_others(const struct thread *but)
{
	struct thread *t;

	for (t = threads; t < threads + THREADS; t++) {
		if (t == but || t->gone || !t->running)
			continue;
		check(ptrace(PTRACE_INTERRUPT, t->tid, 0, 0), "PTRACE_INTERRUPT");
		wait_thread(t, true);
	}
}

static void step_over(struct thread *t)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };
	uint8_t original[CORDBG_OPCODE_MAX];
	uint32_t length;
	int status;

	stop_others(t);
	check(ptrace(PTRACE_GETREGSET, t->tid, NT_PRSTATUS, &iov), "PTRACE_GETREGSET");
	check((unsigned long)pc(&regs) != address + AFTER_OPCODE, "the thread is somewhere else");
	pc(&regs) = address;
	check(ptrace(PTRACE_SETREGSET, t->tid, NT_PRSTATUS, &iov), "PTRACE_SETREGSET");

	check_cordbg(cordbg_clear_unmanaged_breakpoint(process, address),
		     "clear the breakpoint");
	do {	/* An interrupt that is still on its way is no step. */
		check(ptrace(PTRACE_SINGLESTEP, t->tid, 0, 0), "PTRACE_SINGLESTEP");
		check(waitpid(t->tid, &status, __WALL) != t->tid, "waitpid");
	} while (WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_STOP);
	check_cordbg(cordbg_set_unmanaged_breakpoint(process, address, sizeof(original),
						     original, &length),
		     "set the breakpoint");
	t->hit = false;
}

/* See to what the threads have come to: their hits. */
static unsigned int run(void)
{
	unsigned int hits = 0, left;
	struct thread *t;

	do {
		for (left = 0, t = threads; t < threads + THREADS; t++) {
			if (!t->gone && t->running)
				wait_thread(t, false);
			if (t->hit) {
				hits++;
				step_over(t);
			}
			left += !t->gone;
		}
		for (t = threads; t < threads + THREADS; t++) {
			if (!t->gone && !t->running && !t->hit)
				resume(t);
		}
		usleep(100);
	} while (left);
	return hits;
}

int main(void)
{
	uint8_t original[CORDBG_OPCODE_MAX];
	unsigned int hits;
	uint32_t length;
	int pipes[4], i;
	pid_t pid;

	check(pipe(pipes) || pipe(pipes + 2), "pipe");
	pid = fork();
	if (!pid)
		debuggee(pipes);
	address = (uintptr_t)function;
	check_cordbg(cordbg_attach(pid, 0, &process), "attach");
	for (i = 0; i < THREADS; i++) {
		check(read(pipes[0], &threads[i].tid, sizeof(pid_t)) != sizeof(pid_t), "read");
		check(ptrace(PTRACE_SEIZE, threads[i].tid, 0, 0), "PTRACE_SEIZE");
		threads[i].running = true;
	}
	check_cordbg(cordbg_set_unmanaged_breakpoint(process, address, sizeof(original),
						     original, &length),
		     "set the breakpoint");
	check(write(pipes[3], "1234", THREADS) != THREADS, "write");
	hits = run();
	printf("%u threads, %u calls each: %u hits\n", THREADS, CALLS, hits);
	cordbg_detach(process);
	return hits == THREADS * CALLS ? EXIT_SUCCESS : EXIT_FAILURE;
}
