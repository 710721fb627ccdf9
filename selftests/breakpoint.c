// SPDX-License-Identifier: GPL-2.0
/*
 * Setting and clearing breakpoints, by one session and by several.
 */

#include <pthread.h>
#include <setjmp.h>

#include "target_code.h"

#define PAGES	4

FIXTURE(breakpoint)
{
	struct debuggee d;
	size_t size;
	uint8_t *data;
	uint8_t *at;		/* where the tests break, in @data */
	uint64_t address;	/* the same */
	uint8_t original[CORDBG_OPCODE_MAX];
};

FIXTURE_SETUP(breakpoint)
{
	self->size = PAGES * page_size();
	self->data = map_private(self->size);
	ASSERT_TRUE(!!self->data);
	fill_plain(self->data, self->size, 14);
	self->at = self->data + page_size() + 128;
	self->address = ptr_u64(self->at);
	memset(self->original, 0xa5, sizeof(self->original));
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(breakpoint)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* The opcode's bytes are in memory, and all the rest is as it was. */
static void expect_planted(struct __test_metadata *_metadata,
			   FIXTURE_DATA(breakpoint) * self)
{
	expect_bytes(_metadata, &self->d, self->data, self->data, self->size,
		     self->at);
}

static void expect_not_planted(struct __test_metadata *_metadata,
			       FIXTURE_DATA(breakpoint) * self)
{
	expect_bytes(_metadata, &self->d, self->data, self->data, self->size,
		     NULL);
}

TEST_F(breakpoint, set)
{
	uint32_t buflen;

	EXPECT_EQ(0, do_set(self->d.session, self->address, self->original,
			    sizeof(self->original), &buflen));
	EXPECT_EQ(OPCODE_LEN, buflen);
	EXPECT_EQ(0, memcmp(self->at, self->original, OPCODE_LEN));
	EXPECT_TRUE(all_bytes(self->original + OPCODE_LEN, 0xa5,
			      sizeof(self->original) - OPCODE_LEN));
	EXPECT_EQ(1, count_breakpoints(self->d.session));
	expect_planted(_metadata, self);
}

TEST_F(breakpoint, clear)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_not_planted(_metadata, self);
	EXPECT_EQ(-ENOENT, do_clear(self->d.session, self->address));
}

TEST_F(breakpoint, set_again_after_clear)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_clear(self->d.session, self->address));
	EXPECT_EQ(0, do_set(self->d.session, self->address, self->original,
			    OPCODE_LEN, NULL));
	EXPECT_EQ(0, memcmp(self->at, self->original, OPCODE_LEN));
	expect_planted(_metadata, self);
}

TEST_F(breakpoint, first_and_last_of_page)
{
	uint64_t end = ptr_u64(self->data) + self->size;

	EXPECT_EQ(0, do_break(self->d.session, ptr_u64(self->data)));
	EXPECT_EQ(0, do_break(self->d.session, end - OPCODE_LEN));
	EXPECT_EQ(2, count_breakpoints(self->d.session));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(self->data)));
	EXPECT_EQ(0, do_clear(self->d.session, end - OPCODE_LEN));
	expect_not_planted(_metadata, self);
}

/* Neighbours do not disturb each other. */
TEST_F(breakpoint, next_to_each_other)
{
	uint64_t next = self->address + OPCODE_LEN;

	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(0, do_set(self->d.session, next, self->original,
			    OPCODE_LEN, NULL));
	EXPECT_EQ(0, memcmp(self->at + OPCODE_LEN, self->original,
			    OPCODE_LEN));
	EXPECT_EQ(0, do_clear(self->d.session, next));
	expect_planted(_metadata, self);
}

TEST_F(breakpoint, eexist)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(-EEXIST, do_break(self->d.session, self->address));
	EXPECT_EQ(1, count_breakpoints(self->d.session));
	expect_planted(_metadata, self);
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_not_planted(_metadata, self);
}

/* The length needed is told, and nothing is planted. */
TEST_F(breakpoint, erange)
{
	uint32_t bufsize, buflen;

	for (bufsize = 0; bufsize < OPCODE_LEN; bufsize++) {
		EXPECT_EQ(-ERANGE, do_set(self->d.session, self->address,
					  self->original, bufsize, &buflen));
		EXPECT_EQ(OPCODE_LEN, buflen);
		EXPECT_EQ(-ERANGE, do_set(self->d.session, self->address, NULL,
					  bufsize, &buflen));
		EXPECT_EQ(OPCODE_LEN, buflen);
	}
	EXPECT_TRUE(all_bytes(self->original, 0xa5, sizeof(self->original)));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_not_planted(_metadata, self);
}

TEST_F(breakpoint, bad_buffer)
{
	uint8_t *page = map_private(page_size());

	ASSERT_TRUE(!!page);
	EXPECT_EQ(-EFAULT, do_set(self->d.session, self->address, NULL,
				  OPCODE_LEN, NULL));
	ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, do_set(self->d.session, self->address, page,
				  OPCODE_LEN, NULL));
	ASSERT_EQ(0, munmap(page, page_size()));
	EXPECT_EQ(-EFAULT, do_set(self->d.session, self->address, page,
				  page_size(), NULL));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_not_planted(_metadata, self);
}

TEST_F(breakpoint, bad_address)
{
	uint64_t high = 0xffffffff81000000ULL;

	EXPECT_EQ(-ENXIO, do_break(self->d.session, 0));
	EXPECT_EQ(-ENXIO, do_break(self->d.session, high));
	EXPECT_EQ(-ENXIO, do_break(self->d.session, self->address | 1ULL << 63));
	EXPECT_EQ(-EOVERFLOW, do_break(self->d.session,
				       UINT64_MAX - (OPCODE_LEN - 1)));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session, 0));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session, UINT64_MAX));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session,
				    self->address | 1ULL << 63));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_not_planted(_metadata, self);
}

/* Only the address it was set at clears a breakpoint. */
TEST_F(breakpoint, clear_beside)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session,
				    self->address - OPCODE_LEN));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session,
				    self->address + OPCODE_LEN));
	expect_planted(_metadata, self);
}

/* An opcode that the program itself has is not a byte to hide. */
TEST_F(breakpoint, foreign_opcode)
{
	ASSERT_EQ(0, debuggee_poke(&self->d, self->at, opcode, OPCODE_LEN));
	EXPECT_EQ(-EBUSY, do_set(self->d.session, self->address,
				 self->original, OPCODE_LEN, NULL));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session, self->address));
	memcpy(self->at, opcode, OPCODE_LEN);
	expect_not_planted(_metadata, self);
}

/* Nor is one that another debugger has planted, here with ptrace(2). */
TEST_F(breakpoint, foreign_debugger)
{
	long word;
	int status;

	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, self->d.target.pid, NULL, NULL));
	ASSERT_EQ(self->d.target.pid, waitpid(self->d.target.pid, &status, 0));
	memcpy(&word, self->at, sizeof(word));
	memcpy(&word, opcode, OPCODE_LEN);
	ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, self->d.target.pid, self->at,
			    word));
	EXPECT_EQ(-EBUSY, do_break(self->d.session, self->address));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->d.target.pid, NULL, NULL));
	memcpy(self->at, opcode, OPCODE_LEN);
	expect_not_planted(_metadata, self);
}

/* Data under a breakpoint may equal the opcode; cleared, it is foreign. */
TEST_F(breakpoint, own_data_becomes_foreign)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(0, do_write(self->d.session, self->address, opcode,
			      OPCODE_LEN, 0, NULL, NULL));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	EXPECT_EQ(-EBUSY, do_break(self->d.session, self->address));
}

/* The breakpoint is the target's alone: the test has memory of its own. */
TEST_F(breakpoint, nobody_else)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(program_text)));
	EXPECT_TRUE(all_bytes(program_text, 0x55, PROGRAM_TEXT_SIZE));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(program_text)));
	expect_planted(_metadata, self);
}

/* In shared writable memory it is everybody's, until it is cleared. */
TEST_F(breakpoint, shared_memory)
{
	uint8_t *shared = self->d.window;

	fill_plain(shared, 64, 1);
	EXPECT_EQ(0, do_set(self->d.session, ptr_u64(shared), self->original,
			    OPCODE_LEN, NULL));
	EXPECT_EQ(0, memcmp(opcode, shared, OPCODE_LEN));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(shared)));
	EXPECT_EQ(0, memcmp(self->original, shared, OPCODE_LEN));
}

/* The target itself may be the one who sets them. */
TEST_F(breakpoint, self)
{
	int session = session_open(getpid());

	ASSERT_LE(0, session);
	EXPECT_EQ(0, do_set(session, self->address, self->original,
			    OPCODE_LEN, NULL));
	EXPECT_EQ(0, memcmp(opcode, self->at, OPCODE_LEN));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	EXPECT_EQ(0, do_clear(session, self->address));
	EXPECT_EQ(0, memcmp(self->original, self->at, OPCODE_LEN));
	close(session);
}

/*
 * Several sessions on one process.
 */
FIXTURE(sessions)
{
	struct debuggee d;
	int other;
	uint8_t *at;
	uint64_t address;
	uint8_t before[OPCODE_LEN];
	uint8_t seen[OPCODE_LEN];
};

FIXTURE_SETUP(sessions)
{
	self->at = map_private(page_size());
	ASSERT_TRUE(!!self->at);
	fill_plain(self->at, page_size(), 15);
	self->at += 64;
	self->address = ptr_u64(self->at);
	memcpy(self->before, self->at, OPCODE_LEN);
	memset(self->seen, 0xa5, OPCODE_LEN);
	ASSERT_EQ(0, debuggee_start(&self->d));
	self->other = session_open(self->d.target.pid);
	ASSERT_LE(0, self->other);
}

FIXTURE_TEARDOWN(sessions)
{
	if (self->other >= 0)
		close(self->other);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* What the target has in memory. */
static void expect_memory(struct __test_metadata *_metadata,
			  FIXTURE_DATA(sessions) * self, const void *expected)
{
	memset(self->seen, 0xa5, OPCODE_LEN);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->at, self->seen, OPCODE_LEN));
	EXPECT_EQ(0, memcmp(expected, self->seen, OPCODE_LEN));
}

TEST_F(sessions, second_set_returns_the_original)
{
	uint32_t buflen;

	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(0, do_set(self->other, self->address, self->seen, OPCODE_LEN,
			    &buflen));
	EXPECT_EQ(OPCODE_LEN, buflen);
	EXPECT_EQ(0, memcmp(self->before, self->seen, OPCODE_LEN));
	EXPECT_EQ(-EEXIST, do_break(self->other, self->address));
	EXPECT_EQ(1, count_breakpoints(self->other));
	expect_memory(_metadata, self, opcode);
}

/* "Original" is what the program has now, also if a session wrote it. */
TEST_F(sessions, second_set_returns_what_was_written)
{
	uint8_t data[OPCODE_LEN];

	memset(data, 0xcc, sizeof(data));
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_write(self->d.session, self->address, data,
			      sizeof(data), 0, NULL, NULL));
	EXPECT_EQ(0, do_set(self->other, self->address, self->seen, OPCODE_LEN,
			    NULL));
	EXPECT_EQ(0, memcmp(data, self->seen, OPCODE_LEN));
}

TEST_F(sessions, first_clears_first)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_break(self->other, self->address));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_memory(_metadata, self, opcode);
	EXPECT_EQ(-ENOENT, do_clear(self->d.session, self->address));
	EXPECT_EQ(0, do_clear(self->other, self->address));
	expect_memory(_metadata, self, self->before);
	EXPECT_EQ(0, count_breakpoints(self->other));
}

TEST_F(sessions, second_clears_first)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_break(self->other, self->address));
	EXPECT_EQ(0, do_clear(self->other, self->address));
	expect_memory(_metadata, self, opcode);
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_memory(_metadata, self, self->before);
}

/* What any session wrote is what the last owner puts back. */
TEST_F(sessions, last_clear_puts_back_what_was_written)
{
	uint8_t data[OPCODE_LEN];

	memset(data, 0x77, sizeof(data));
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_break(self->other, self->address));
	ASSERT_EQ(0, do_write(self->other, self->address, data, sizeof(data),
			      0, NULL, NULL));
	EXPECT_EQ(0, do_read(self->d.session, self->address, self->seen,
			     OPCODE_LEN, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(data, self->seen, OPCODE_LEN));
	EXPECT_EQ(0, do_clear(self->other, self->address));
	expect_memory(_metadata, self, opcode);
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_memory(_metadata, self, data);
}

TEST_F(sessions, clear_of_another)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(-ENOENT, do_clear(self->other, self->address));
	EXPECT_EQ(1, count_breakpoints(self->other));
	expect_memory(_metadata, self, opcode);
}

TEST_F(sessions, close_clears)
{
	ASSERT_EQ(0, do_break(self->other, self->address));
	expect_memory(_metadata, self, opcode);
	close(self->other);
	self->other = -1;
	expect_memory(_metadata, self, self->before);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
}

/* Closing takes away the session's own breakpoints, and no other. */
TEST_F(sessions, close_leaves_those_of_others)
{
	uint64_t second = self->address + 64;

	ASSERT_EQ(0, do_break(self->other, self->address));
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_break(self->other, second));
	close(self->other);
	self->other = -1;
	expect_memory(_metadata, self, opcode);
	EXPECT_EQ(1, count_breakpoints(self->d.session));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_memory(_metadata, self, self->before);
}

/* One of two descriptors of a session is not the session. */
TEST_F(sessions, close_of_a_duplicate)
{
	int duplicate = dup(self->other);

	ASSERT_LE(0, duplicate);
	ASSERT_EQ(0, do_break(self->other, self->address));
	close(self->other);
	self->other = duplicate;
	expect_memory(_metadata, self, opcode);
	EXPECT_EQ(0, do_clear(duplicate, self->address));
	expect_memory(_metadata, self, self->before);
}

/* A debugger that dies leaves nothing behind. */
TEST_F(sessions, killed_debugger)
{
	int status, ready[2];
	pid_t tool;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	tool = fork();
	ASSERT_LE(0, tool);
	if (!tool) {
		int session = session_open(self->d.target.pid);

		if (session < 0 || do_break(session, self->address) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	expect_memory(_metadata, self, opcode);
	kill(tool, SIGKILL);
	ASSERT_EQ(tool, waitpid(tool, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	expect_memory(_metadata, self, self->before);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	close(ready[0]);
}

/*
 * The cap on breakpoints of a session.
 */
FIXTURE(cap)
{
	struct debuggee d;
	long cap;
	uint8_t *data;
};

FIXTURE_SETUP(cap)
{
	self->data = map_private(page_size());
	ASSERT_TRUE(!!self->data);
	fill_plain(self->data, page_size(), 16);
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, exchange_setting(MAX_BREAKPOINTS, 3, &self->cap));
}

FIXTURE_TEARDOWN(cap)
{
	EXPECT_EQ(0, exchange_setting(MAX_BREAKPOINTS, self->cap, NULL));
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

TEST_F(cap, enospc)
{
	uint64_t start = ptr_u64(self->data);
	uint8_t seen[OPCODE_LEN] = { 0xa5 };

	ASSERT_EQ(0, break_each(self->d.session, start, 64, 3));
	EXPECT_EQ(-ENOSPC, do_break(self->d.session, start + 3 * 64));
	EXPECT_EQ(3, count_breakpoints(self->d.session));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data + 3 * 64, seen,
				   sizeof(seen)));
	EXPECT_EQ(0, memcmp(self->data + 3 * 64, seen, sizeof(seen)));
	EXPECT_EQ(0, do_clear(self->d.session, start + 64));
	EXPECT_EQ(0, do_break(self->d.session, start + 3 * 64));
}

/* One session's breakpoints do not keep another from setting its own. */
TEST_F(cap, is_per_session)
{
	uint64_t start = ptr_u64(self->data);
	int other = session_open(self->d.target.pid);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, break_each(self->d.session, start, 64, 3));
	EXPECT_EQ(0, break_each(other, start + 32, 64, 3));
	EXPECT_EQ(-ENOSPC, do_break(other, start));
	EXPECT_EQ(-ENOSPC, do_break(self->d.session, start + 32));
	EXPECT_EQ(6, count_breakpoints(other));
	close(other);
}

/*
 * A thread that runs into the opcode gets SIGTRAP.
 */
static sigjmp_buf before_trap;
static unsigned long trap_pc;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	trap_pc = context_pc((ucontext_t *)context);
	siglongjmp(before_trap, 1);
}

/* Run patched(): where SIGTRAP came, or 0 if it returned as it should. */
static long run_trapped(void)
{
	struct sigaction action = {
		.sa_sigaction = on_trap,
		.sa_flags = SA_SIGINFO,
	};

	trap_pc = 0;
	if (sigaction(SIGTRAP, &action, NULL))
		return -errno;
	if (!sigsetjmp(before_trap, 1) && patched() != NUMBER_BEFORE)
		return -EIO;
	return trap_pc;
}

static void *thread_trapped(void *result)
{
	*(long *)result = run_trapped();
	return NULL;
}

static long in_target_trapped(unsigned long in_thread, unsigned long unused,
			      unsigned long unused_too)
{
	pthread_t thread;
	long result;

	(void)unused;
	(void)unused_too;
	if (!in_thread)
		return run_trapped();
	if (pthread_create(&thread, NULL, thread_trapped, &result) ||
	    pthread_join(thread, NULL))
		return -EAGAIN;
	return result;
}

FIXTURE(trap)
{
	struct debuggee d;
	uint64_t address;
};

FIXTURE_SETUP(trap)
{
	self->address = ptr_u64(patched_code());
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, do_break(self->d.session, self->address));
}

FIXTURE_TEARDOWN(trap)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

static void run_into_it(struct __test_metadata *_metadata,
			FIXTURE_DATA(trap) * self, bool in_thread)
{
	struct target *target = &self->d.target;

	EXPECT_EQ(self->address + TRAP_AFTER,
		  target_call(target, in_target_trapped, in_thread, 0, 0));
	EXPECT_EQ(self->address + TRAP_AFTER,
		  target_call(target, in_target_trapped, in_thread, 0, 0));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	EXPECT_EQ(0, target_call(target, in_target_trapped, in_thread, 0, 0));
}

TEST_F(trap, main_thread)
{
	run_into_it(_metadata, self, false);
}

TEST_F(trap, another_thread)
{
	run_into_it(_metadata, self, true);
}

/* The test runs the same code and has no breakpoint in it. */
TEST_F(trap, not_the_test)
{
	EXPECT_EQ(NUMBER_BEFORE, patched());
}

/* Put a stopped tracee at @address: where it was before. */
static long move_tracee(pid_t pid, unsigned long address)
{
	struct user_regs_struct regs;
	struct iovec iov = { .iov_base = &regs, .iov_len = sizeof(regs) };
	unsigned long was;

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov))
		return -errno;
	was = regs_pc(&regs);
	regs_pc(&regs) = address;
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov))
		return -errno;
	return was;
}

/* A tracer sees the trap first, clears the breakpoint and lets it go on. */
TEST_F(trap, tracer)
{
	struct target *target = &self->d.target;
	int status;

	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, target->pid, NULL, NULL));
	ASSERT_EQ(0, target_begin(target, in_target_patched, 0, 0, 0));
	ASSERT_EQ(target->pid, waitpid(target->pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGTRAP, WSTOPSIG(status));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	EXPECT_EQ(self->address + TRAP_AFTER,
		  move_tracee(target->pid, self->address));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, target->pid, NULL, NULL));
	EXPECT_EQ(NUMBER_BEFORE, target_result(target));
}

/* Nobody handles it: the program dies of it, as of any other breakpoint. */
TEST_F(trap, unhandled)
{
	int status;

	ASSERT_EQ(0, target_begin(&self->d.target, in_target_patched, 0, 0, 0));
	ASSERT_EQ(self->d.target.pid, waitpid(self->d.target.pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGTRAP, WTERMSIG(status));
	EXPECT_EQ(-ESRCH, do_clear(self->d.session, self->address));
	close(self->d.session);
	ASSERT_EQ(0, debuggee_start(&self->d));
}

TEST_HARNESS_MAIN
