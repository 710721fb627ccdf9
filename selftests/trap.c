// SPDX-License-Identifier: GPL-2.0
/*
 * Running into breakpoints: ours, and those that others have planted in code.
 */

#include <linux/perf_event.h>
#include <pthread.h>
#include <setjmp.h>

#include "target_code.h"

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

/*
 * Opcodes in code that are not cordbg's.
 */
FIXTURE(foreign)
{
	struct debuggee d;
	uint64_t address;
};

FIXTURE_SETUP(foreign)
{
	self->address = ptr_u64(patched_code());
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(foreign)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* Put a uprobe at @address of this program in @pid: an fd that keeps it. */
static int open_probe(pid_t pid, unsigned long address)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = read_setting("/sys/bus/event_source/devices/uprobe/type"),
		.config1 = ptr_u64("/proc/self/exe"),
		.config2 = file_offset(address),
	};
	int fd = syscall(SYS_perf_event_open, &attr, pid, -1, -1,
			 PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The probe is neither saved as the program's byte nor disturbed. */
TEST_F(foreign, uprobe)
{
	struct target *target = &self->d.target;
	int probe = open_probe(target->pid, self->address);
	uint8_t seen[OPCODE_LEN] = { 0xa5 };

	ASSERT_LE(0, probe);
	ASSERT_EQ(0, debuggee_peek(&self->d, patched_code(), seen,
				   sizeof(seen)));
	ASSERT_NE(0, memcmp(patched_code(), seen, sizeof(seen)));
	EXPECT_EQ(-EBUSY, do_break(self->d.session, self->address));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	EXPECT_EQ(NUMBER_BEFORE,
		  target_call(target, in_target_patched, 0, 0, 0));
	close(probe);
	EXPECT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	EXPECT_EQ(NUMBER_BEFORE,
		  target_call(target, in_target_patched, 0, 0, 0));
}

/* Another debugger's, planted with ptrace(2). */
TEST_F(foreign, debugger)
{
	pid_t pid = self->d.target.pid;
	uint8_t seen[OPCODE_LEN] = { 0xa5 };
	int status;
	long word;

	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	memcpy(&word, patched_code(), sizeof(word));
	memcpy(&word, opcode, OPCODE_LEN);
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, pid, patched_code(), word));
	EXPECT_EQ(-EBUSY, do_break(self->d.session, self->address));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
	ASSERT_EQ(0, debuggee_peek(&self->d, patched_code(), seen,
				   sizeof(seen)));
	EXPECT_EQ(0, memcmp(opcode, seen, sizeof(seen)));
}

TEST_HARNESS_MAIN
