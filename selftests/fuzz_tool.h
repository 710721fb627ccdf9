/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tool of the fuzz program: threads that make random calls on sessions which
 * they share, and close, pass on and inherit in the middle of calls.
 */
#ifndef FUZZ_TOOL_H
#define FUZZ_TOOL_H

#include "fuzz_check.h"

#define SESSIONS	6U
#define CALLS		400U	/* of a thread */
#define CHILD_CALLS	30U	/* of a child of the tool */

static int sessions[SESSIONS];

#ifdef __x86_64__
#define COMPAT_IOCTL	54
/* An ioctl as 32-bit programs make it. */
static int ioctl_compat(int fd, unsigned int cmd, uint64_t arg)
{
	long result = COMPAT_IOCTL;

	asm volatile("int $0x80" : "+a" (result)
		     : "b" ((long)fd), "c" ((long)cmd), "d" (arg & 0xffffffff)
		     : "r8", "r9", "r10", "r11", "memory");
	return result;
}
#endif

/* By one entry or the other; a 32-bit one cuts the pointer. */
static int ioctl_random(struct caller *c, int fd, const struct call *call)
{
	(void)c;
#ifdef __x86_64__
	if (!chance(c, 4)) {
		count_one(&fuzz->compat);
		return ioctl_compat(fd, call->cmd, call->at);
	}
#endif
	return ioctl(fd, call->cmd, (void *)(uintptr_t)call->at) ? -errno : 0;
}

/* From here to leave() a thread is in the kernel, and should be soon back. */
static void enter(struct caller *c)
{
	store(&fuzz->threads[c->number].silent, c->blocks);
	store(&fuzz->threads[c->number].since, now_ms());
}

static void leave(struct caller *c)
{
	store(&fuzz->threads[c->number].since, 0);
}

static void call_any(struct caller *c, int fd)
{
	static struct call made[THREADS];
	struct call *call = &made[c->number];
	int err;

	call_make(c, call);
	enter(c);
	err = ioctl_random(c, fd, call);
	leave(c);
	call_check(c, call, err);
}

static void put_session(struct caller *c, unsigned int slot, int fd)
{
	int old = __atomic_exchange_n(&sessions[slot], fd, __ATOMIC_SEQ_CST);

	if (old < 0)
		return;
	enter(c);
	close(old);
	leave(c);
}

static void session_new(struct caller *c, unsigned int slot)
{
	pid_t pid = load(&fuzz->targets[chance(c, TARGETS)]);
	int fd = cordbg_open();

	if (fd < 0)
		complain("open: %d", fd);
	else if (chance(c, 4))
		do_attach(fd, pid);
	put_session(c, slot, fd);
}

/* Others go on with the number, which may be another session's soon. */
static void session_close(struct caller *c)
{
	enter(c);
	close(load(&sessions[chance(c, SESSIONS)]));
	leave(c);
	count_one(&fuzz->closed);
}

static void session_pass(struct caller *c)
{
	int fd;

	if (chance(c, 2)) {
		fd_send(bus[0], load(&sessions[chance(c, SESSIONS)]));
		return;
	}
	fd = fd_receive(bus[1], MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (fd < 0)
		return;
	count_one(&fuzz->passed);
	put_session(c, chance(c, SESSIONS), fd);
}

/* A child has all sessions, and its own copy of the thread's memory. */
static void tool_fork(struct caller *c)
{
	unsigned int i;
	int status;
	pid_t pid;

	c->blocks = false;
	enter(c);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c->silent = false;
		for (i = 0; i < CHILD_CALLS; i++)
			call_any(c, load(&sessions[chance(c, SESSIONS)]));
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		complain("a child of a tool ended with %#x", status);
	leave(c);
	count_one(&fuzz->forked);
}

static void step(struct caller *c)
{
	unsigned int n = chance(c, 400);

	c->blocks = false;
	if (n < 16)
		session_new(c, chance(c, SESSIONS));
	else if (n < 20)
		session_close(c);
	else if (n < 28)
		session_pass(c);
	else if (n < 29)
		tool_fork(c);
	else
		call_any(c, load(&sessions[chance(c, SESSIONS)]));
}

static void *tool_thread(void *number)
{
	struct caller *c = &callers[(uintptr_t)number];
	unsigned int i;

	/* The first is soon in a call that does not end; others go on. */
	for (i = c->number ? 0 : CALLS * 3 / 4; i < CALLS; i++)
		step(c);
	/* So are most of them, sooner or later. */
	c->silent = true;
	for (i = 0; i < 20; i++)
		call_any(c, load(&sessions[chance(c, SESSIONS)]));
	store(&fuzz->threads[c->number].ended, 1);
	return NULL;
}

static void tool_main(unsigned int life)
{
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < SESSIONS; i++)
		sessions[i] = -1;
	for (i = 0; i < THREADS; i++) {
		callers[i].random = fuzz_random(i, life);
		if (!caller_map(&callers[i], i)) {
			complain("no memory for a tool's thread");
			_exit(0);
		}
	}
	for (i = 0; i < SESSIONS; i++)
		session_new(&callers[0], i);
	if (in_threads(tool_thread, THREADS))
		complain("no threads");
	_exit(0);
}

#endif /* FUZZ_TOOL_H */
