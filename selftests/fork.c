// SPDX-License-Identifier: GPL-2.0
/*
 * Children of a process that has breakpoints: those with memory of their own run
 * with the program's bytes from their first instruction on; those that share the
 * memory share the breakpoints.
 */

#include <sched.h>
#include <spawn.h>
#if __GLIBC_PREREQ(2, 35)
#include <sys/rseq.h>
#endif
#include <sys/stat.h>

#include "target_fork.h"

#define CGROUP		"/sys/fs/cgroup/cordbg"
#define PRINTK		"/proc/sys/kernel/printk"
#define NR_HUGEPAGES	"/proc/sys/vm/nr_hugepages"
#define CLEAN_ARGUMENT	"--clean"
#define SOON_MS		60000	/* a slow machine's "soon" */
#define STEPS_MS	5000	/* for the rounds of one test */

FIXTURE(child)
{
	struct debuggee d;
};

FIXTURE_VARIANT(child)
{
	enum way way;
};

FIXTURE_VARIANT_ADD(child, fork) { .way = BY_FORK };
FIXTURE_VARIANT_ADD(child, clone) { .way = BY_CLONE };
FIXTURE_VARIANT_ADD(child, clone_parent) { .way = BY_CLONE_PARENT };
FIXTURE_VARIANT_ADD(child, clone3) { .way = BY_CLONE3 };

FIXTURE_SETUP(child)
{
	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(child)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* 300 children, each with a breakpoint at another place. */
#define ONE_ROUNDS	300
#define ONE_ENOUGH	40

TEST_F_TIMEOUT(child, of_one_breakpoint, 200)
{
	uint64_t limit = race_end(STEPS_MS), at;
	unsigned int round;
	uint8_t byte;

	for (round = 0; round < ONE_ROUNDS &&
	     more_rounds(limit, round, ONE_ENOUGH); round++) {
		at = code_at(round * 8191 % CODE_INSNS);
		ASSERT_EQ(0, do_break(self->d.session, at));
		ASSERT_EQ(0, child_clean(&self->d.target, variant->way));
		/* The parent keeps it. */
		ASSERT_EQ(0, peek(self->d.target.pid, (void *)(uintptr_t)at,
				  &byte, 1));
		ASSERT_EQ(opcode[0], byte);
		ASSERT_EQ(0, do_clear(self->d.session, at));
	}
	TH_LOG("%u children", round);
	ASSERT_LE(ONE_ENOUGH, round);
	EXPECT_TRUE(target_intact(&self->d.target));
}

/* 4096 on one page and 4032 over all others; 20 children. */
#define MANY_ROUNDS	20
#define MANY_ENOUGH	4

TEST_F_TIMEOUT(child, of_thousands, 200)
{
	const size_t per_page = 4096 / OPCODE_LEN;
	uint64_t limit;
	unsigned int round;

	ASSERT_EQ(0, break_each(self->d.session, code_at(0), OPCODE_LEN,
				per_page));
	ASSERT_EQ(0, break_each(self->d.session, code_at(per_page), 64,
				(CODE_SIZE - 4096) / 64));
	limit = race_end(STEPS_MS);
	for (round = 0; round < MANY_ROUNDS &&
	     more_rounds(limit, round, MANY_ENOUGH); round++)
		ASSERT_EQ(0, child_clean(&self->d.target, variant->way));
	TH_LOG("%u children", round);
	ASSERT_LE(MANY_ENOUGH, round);
	close(self->d.session);
	self->d.session = -1;
	EXPECT_TRUE(target_intact(&self->d.target));
}

/* What was written behind a breakpoint is the child's byte too. */
TEST_F(child, of_written_bytes)
{
	const uint8_t *other = harmless[1];
	size_t i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, do_break(self->d.session, code_at(i * 600)));
		ASSERT_EQ(0, do_write(self->d.session, code_at(i * 600), other,
				      OPCODE_LEN, 0, NULL, NULL));
		memcpy(code.model + i * 600 * OPCODE_LEN, other, OPCODE_LEN);
	}
	EXPECT_EQ(0, child_clean(&self->d.target, variant->way));
}

/* In the text of the program, which the child has as a copy of the copy. */
static bool text_intact(void)
{
	return all_bytes(program_text, 0x55, PROGRAM_TEXT_SIZE);
}

TEST_F(child, of_program_text)
{
	ASSERT_EQ(0, break_each(self->d.session, ptr_u64(program_text), 16,
				PROGRAM_TEXT_SIZE / 16));
	EXPECT_EQ(0, child_judged(&self->d.target, variant->way, text_intact));
}

/*
 * The instructions right behind fork(2). The parent runs into each of them and
 * goes on behind it; the child runs into none.
 */
static unsigned int hits;
static pid_t parent;

static void step_over_hit(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	if (getpid() != parent)
		_exit(ENOTRECOVERABLE);
	__atomic_add_fetch(&hits, 1, __ATOMIC_SEQ_CST);
	context_pc((ucontext_t *)context) += OPCODE_LEN - TRAP_AFTER;
}

/* Hits of the parent, or what the child returned. */
static long in_target_birth(unsigned long a, unsigned long b, unsigned long c)
{
	struct sigaction action = {
		.sa_sigaction = step_over_hit,
		.sa_flags = SA_SIGINFO,
	};
	pid_t pid;
	int err;

	(void)a;
	(void)b;
	(void)c;
	__atomic_store_n(&hits, 0, __ATOMIC_SEQ_CST);
	parent = getpid();
	if (sigaction(SIGTRAP, &action, NULL))
		return -errno;
	pid = birth();
	if (!pid)
		_exit(0);
	err = child_result(pid);
	return err ? err : (long)__atomic_load_n(&hits, __ATOMIC_SEQ_CST);
}

FIXTURE(birth)
{
	struct debuggee d;
};

FIXTURE_SETUP(birth)
{
	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(birth)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* 500 children. */
#define BIRTH_ROUNDS	500
#define BIRTH_ENOUGH	50

TEST_F_TIMEOUT(birth, first_instruction, 200)
{
	uint64_t limit = race_end(STEPS_MS);
	unsigned int round;

	ASSERT_EQ(0, break_each(self->d.session, ptr_u64(birth_insns),
				OPCODE_LEN, BIRTH_INSNS));
	for (round = 0; round < BIRTH_ROUNDS &&
	     more_rounds(limit, round, BIRTH_ENOUGH); round++)
		ASSERT_EQ(BIRTH_INSNS, target_call(&self->d.target,
						   in_target_birth, 0, 0, 0));
	TH_LOG("%u children, %u instructions each", round, BIRTH_INSNS);
	ASSERT_LE(BIRTH_ENOUGH, round);
}

/* Children of children, which were never anybody's target: the last one's result. */
static long in_target_descend(unsigned long depth, unsigned long b,
			      unsigned long c)
{
	unsigned long left = depth;
	pid_t pid = 0;

	(void)b;
	(void)c;
	while (!pid && left--) {
		pid = fork();
		if (!pid && !code_intact())
			_exit(EILSEQ);
	}
	if (left + 1 == depth)
		return pid < 0 ? -errno : child_result(pid);
	_exit(!pid ? 0 : pid < 0 ? EAGAIN : -child_result(pid));
}

TEST_F(birth, grandchildren)
{
	ASSERT_EQ(0, break_each(self->d.session, code_at(0), 512,
				CODE_SIZE / 512));
	EXPECT_EQ(0, target_call(&self->d.target, in_target_descend, 6, 0, 0));
}

/* A child that waits to be looked at. */
static long in_target_idle_child(unsigned long way, unsigned long b,
				 unsigned long c)
{
	pid_t pid = make_child(way);

	(void)b;
	(void)c;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid < 0 ? -errno : pid;
}

/* It is a process like any other, with breakpoints of its own. */
TEST_F(birth, attach_to_the_child)
{
	uint8_t *seen = malloc(CODE_SIZE), byte[CORDBG_OPCODE_MAX];
	int session;
	pid_t pid;

	ASSERT_TRUE(!!seen);
	ASSERT_EQ(0, break_each(self->d.session, code_at(0), 512, 200));
	pid = target_call(&self->d.target, in_target_idle_child, BY_FORK, 0, 0);
	ASSERT_LT(0, pid);
	session = session_open(pid);
	ASSERT_LE(0, session);
	EXPECT_EQ(0, count_breakpoints(session));
	ASSERT_EQ(0, do_read(session, code_at(0), seen, CODE_SIZE, CORDBG_RAW,
			     NULL, NULL));
	EXPECT_EQ(0, memcmp(seen, code.model, CODE_SIZE));
	EXPECT_EQ(0, do_set(session, code_at(0), byte, sizeof(byte), NULL));
	EXPECT_EQ(0, memcmp(byte, code.model, OPCODE_LEN));
	EXPECT_EQ(1, count_breakpoints(session));
	EXPECT_EQ(200, count_breakpoints(self->d.session));
	/* The ends of the two sessions do not meet either. */
	EXPECT_EQ(0, clear_each(self->d.session, code_at(0), 512, 200));
	ASSERT_EQ(0, peek(pid, code.area, seen, 1));
	EXPECT_EQ(opcode[0], seen[0]);
	EXPECT_TRUE(target_intact(&self->d.target));
	close(session);
	ASSERT_EQ(0, peek(pid, code.area, seen, CODE_SIZE));
	EXPECT_EQ(0, memcmp(seen, code.model, CODE_SIZE));
	kill(pid, SIGKILL);
}

/* A child would share an opcode in a shared mapping: there is none. */
TEST_F(birth, shared_mapping)
{
	EXPECT_EQ(-EACCES, do_break(self->d.session, ptr_u64(code.model)));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	EXPECT_EQ(0, child_clean(&self->d.target, BY_FORK));
}

/*
 * Whoever shares the memory shares the breakpoints.
 */
static long shared_trap;

static void leave_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	shared_trap = context_pc((ucontext_t *)context);
	context_pc((ucontext_t *)context) += OPCODE_LEN - TRAP_AFTER;
}

static long in_target_catch(unsigned long a, unsigned long b, unsigned long c)
{
	struct sigaction action = {
		.sa_sigaction = leave_trap,
		.sa_flags = SA_SIGINFO,
	};

	(void)a;
	(void)b;
	(void)c;
	return sigaction(SIGTRAP, &action, NULL) ? -errno : 0;
}

enum sharer { VFORK, VM_PROCESS, THREAD };

/**
 * struct sharing - what the test and somebody who shares the memory say
 * @pid: Who it is.
 * @run: The test lets it run the code.
 * @ran: It has.
 * @leave: The test lets it go.
 */
static struct sharing {
	pid_t pid;
	int run;
	int ran;
	int leave;
} *sharing;

static void wait_until(const int *flag)
{
	while (!__atomic_load_n(flag, __ATOMIC_SEQ_CST))
		usleep(500);
}

static int sharer_main(void *unused)
{
	(void)unused;
	__atomic_store_n(&sharing->pid, getpid(), __ATOMIC_SEQ_CST);
	wait_until(&sharing->run);
	code_call(code.area);
	__atomic_store_n(&sharing->ran, 1, __ATOMIC_SEQ_CST);
	wait_until(&sharing->leave);
	return 0;
}

static void *sharer_thread(void *unused)
{
	sharer_main(NULL);
	return unused;
}

static long in_target_share(unsigned long how, unsigned long b, unsigned long c)
{
	static long double stack[4096];
	int flags = CLONE_VM | SIGCHLD;
	pid_t pid;

	(void)b;
	(void)c;
	if (how == THREAD)
		return in_threads(sharer_thread, 1);
	if (how == VFORK)
		flags |= CLONE_VFORK;
	pid = clone(sharer_main, stack + ARRAY_SIZE(stack), flags, NULL);
	return pid < 0 ? -errno : child_result(pid);
}

FIXTURE(sharing)
{
	struct debuggee d;
};

FIXTURE_VARIANT(sharing)
{
	enum sharer how;
};

FIXTURE_VARIANT_ADD(sharing, vfork) { .how = VFORK };
FIXTURE_VARIANT_ADD(sharing, clone_vm) { .how = VM_PROCESS };
FIXTURE_VARIANT_ADD(sharing, thread) { .how = THREAD };

FIXTURE_SETUP(sharing)
{
	sharing = (void *)map_anon(sizeof(*sharing), PROT_READ | PROT_WRITE,
				   MAP_SHARED);
	ASSERT_TRUE(!!sharing);
	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, target_call(&self->d.target, in_target_catch, 0, 0, 0));
}

FIXTURE_TEARDOWN(sharing)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* One shadow list, found by memory and not by process. */
TEST_F(sharing, one_list)
{
	uint64_t first = code_at(3), second = code_at(9);
	struct cordbg_breakpoint bp;
	int session;
	long trap;

	ASSERT_EQ(0, do_break(self->d.session, first));
	ASSERT_EQ(0, target_begin(&self->d.target, in_target_share,
				  variant->how, 0, 0));
	wait_until(&sharing->pid);
	session = session_open(sharing->pid);
	ASSERT_LE(0, session);
	EXPECT_EQ(1, find_breakpoint(session, first, &bp));
	EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED, bp.flags);
	EXPECT_EQ(-ENOENT, do_clear(session, first));
	EXPECT_EQ(0, do_break(session, second));
	EXPECT_EQ(1, find_breakpoint(self->d.session, second, &bp));
	EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED, bp.flags);
	EXPECT_EQ(0, do_break(session, first));
	EXPECT_EQ(0, do_clear(self->d.session, first));
	EXPECT_EQ(1, find_breakpoint(session, first, &bp));
	/* It runs into both; the second is the last. */
	__atomic_store_n(&sharing->run, 1, __ATOMIC_SEQ_CST);
	wait_until(&sharing->ran);
	ASSERT_EQ(0, do_read(session, ptr_u64(&shared_trap), &trap,
			     sizeof(trap), 0, NULL, NULL));
	EXPECT_EQ((long)(second + TRAP_AFTER), trap);
	close(session);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	EXPECT_TRUE(target_intact(&self->d.target));
	__atomic_store_n(&sharing->leave, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, target_result(&self->d.target));
}

/* One leaves; the breakpoints of sessions on it stay until these are closed. */
TEST_F(sharing, one_leaves)
{
	struct cordbg_breakpoint bp;
	int session;

	ASSERT_EQ(0, target_begin(&self->d.target, in_target_share,
				  variant->how, 0, 0));
	wait_until(&sharing->pid);
	session = session_open(sharing->pid);
	ASSERT_LE(0, session);
	ASSERT_EQ(0, do_break(session, code_at(40)));
	__atomic_store_n(&sharing->run, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&sharing->leave, 1, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, target_result(&self->d.target));
	EXPECT_EQ(variant->how == THREAD ? 0 : -ESRCH,
		  do_break(session, code_at(50)));
	EXPECT_EQ(1, find_breakpoint(self->d.session, code_at(40), &bp));
	EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED, bp.flags);
	close(session);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	EXPECT_TRUE(target_intact(&self->d.target));
}

/* posix_spawn() runs in the parent's memory first; what it starts is clean. */
extern char **environ;

static long in_target_spawn(unsigned long a, unsigned long b, unsigned long c)
{
	static char *const argv[] = { "clean", CLEAN_ARGUMENT, NULL };
	pid_t pid;
	int err;

	(void)a;
	(void)b;
	(void)c;
	err = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
	return err ? -err : child_result(pid);
}

TEST_F_TIMEOUT(birth, posix_spawn, 200)
{
	uint64_t limit = race_end(STEPS_MS);
	unsigned int round;

	ASSERT_EQ(0, break_each(self->d.session, ptr_u64(program_text), 64,
				PROGRAM_TEXT_SIZE / 64));
	for (round = 0; round < 100 && more_rounds(limit, round, 5); round++)
		ASSERT_EQ(0, target_call(&self->d.target, in_target_spawn,
					 0, 0, 0));
	TH_LOG("%u spawned", round);
	ASSERT_LE(5U, round);
	EXPECT_EQ(PROGRAM_TEXT_SIZE / 64, count_breakpoints(self->d.session));
}

/*
 * Forks that fail after the memory has been copied.
 */
enum failure { PID_TAKEN, PIDS_MAX };

static long in_target_fork_fails(unsigned long failure, unsigned long b,
				 unsigned long c)
{
	pid_t pid;

	(void)b;
	(void)c;
	pid = failure == PID_TAKEN ? raw_clone3(0, getppid()) : fork();
	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : pid;
}

/* A control group for the target, and nobody else. */
static int cgroup_enter(pid_t pid)
{
	int err = write_text("/sys/fs/cgroup/cgroup.subtree_control",
			     "+pids +memory");

	if (!err && mkdir(CGROUP, 0755) && errno != EEXIST)
		err = -errno;
	return err ?: write_setting(CGROUP "/cgroup.procs", pid);
}

FIXTURE(failing)
{
	struct debuggee d;
};

FIXTURE_VARIANT(failing)
{
	enum failure failure;
	int error;
};

FIXTURE_VARIANT_ADD(failing, pid_taken) {
	.failure = PID_TAKEN,
	.error = -EEXIST,
};

FIXTURE_VARIANT_ADD(failing, pids_max) {
	.failure = PIDS_MAX,
	.error = -EAGAIN,
};

FIXTURE_SETUP(failing)
{
	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
	if (variant->failure == PIDS_MAX) {
		ASSERT_EQ(0, cgroup_enter(self->d.target.pid));
		ASSERT_EQ(0, write_text(CGROUP "/pids.max", "1"));
	}
}

FIXTURE_TEARDOWN(failing)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
	if (variant->failure == PIDS_MAX)
		EXPECT_EQ(0, rmdir(CGROUP));
}

/* 500 failures; each leaves nothing to wait for. */
#define FAILING_ROUNDS	500
#define FAILING_ENOUGH	50

TEST_F_TIMEOUT(failing, nothing_hangs, 200)
{
	uint64_t limit = race_end(STEPS_MS), at;
	unsigned int round;

	for (round = 0; round < FAILING_ROUNDS &&
	     more_rounds(limit, round, FAILING_ENOUGH); round++) {
		at = code_at(round);
		ASSERT_EQ(0, do_break(self->d.session, at));
		ASSERT_EQ(variant->error, target_call(&self->d.target,
						      in_target_fork_fails,
						      variant->failure, 0, 0));
		ASSERT_EQ(0, do_write(self->d.session, at, harmless[0],
				      OPCODE_LEN, 0, NULL, NULL));
		ASSERT_EQ(0, do_write(self->d.session, at,
				      code.model + round * OPCODE_LEN,
				      OPCODE_LEN, 0, NULL, NULL));
		ASSERT_EQ(0, do_clear(self->d.session, at));
	}
	TH_LOG("%u forks failed", round);
	ASSERT_LE(FAILING_ENOUGH, round);
	EXPECT_TRUE(target_intact(&self->d.target));
	if (variant->failure == PIDS_MAX)
		ASSERT_EQ(0, write_text(CGROUP "/pids.max", "max"));
	ASSERT_EQ(0, break_each(self->d.session, code_at(0), 512, 500));
	EXPECT_EQ(0, child_clean(&self->d.target, BY_FORK));
}

/*
 * The kernel kills a process if it cannot write to the area that the C library
 * registers with rseq(2), for want of memory too.
 */
static long in_target_leave_rseq(unsigned long a, unsigned long b,
				 unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
#if __GLIBC_PREREQ(2, 35)
	if (__rseq_size &&
	    syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
		    sizeof(struct rseq), RSEQ_FLAG_UNREGISTER, RSEQ_SIG))
		return -errno;
#endif
	return 0;
}

/*
 * A child whose bytes cannot be put back for want of memory does not run before
 * they can.
 */
static long in_target_scarce_child(unsigned long a, unsigned long b,
				   unsigned long c)
{
	long result = in_target_child(BY_FORK, (unsigned long)code_intact, 0);

	(void)a;
	(void)b;
	(void)c;
	/* A pipe takes memory too: the test is told when there is some. */
	__atomic_store_n(&sharing->ran, 1, __ATOMIC_SEQ_CST);
	wait_until(&sharing->leave);
	return result;
}

FIXTURE(scarce)
{
	struct debuggee d;
	long loglevel;
};

FIXTURE_SETUP(scarce)
{
	sharing = (void *)map_anon(sizeof(*sharing), PROT_READ | PROT_WRITE,
				   MAP_SHARED);
	ASSERT_TRUE(!!sharing);
	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, target_call(&self->d.target, in_target_leave_rseq, 0, 0, 0));
	/* A control group out of memory fills the console. */
	ASSERT_EQ(0, exchange_setting(PRINTK, 1, &self->loglevel));
	ASSERT_EQ(0, cgroup_enter(self->d.target.pid));
}

FIXTURE_TEARDOWN(scarce)
{
	write_text(CGROUP "/memory.max", "max");
	EXPECT_EQ(0, debuggee_stop(&self->d));
	EXPECT_EQ(0, rmdir(CGROUP));
	EXPECT_EQ(0, write_setting(PRINTK, self->loglevel));
}

static bool ran_within(unsigned int ms)
{
	uint64_t limit = now_ms() + ms;

	while (!__atomic_load_n(&sharing->ran, __ATOMIC_SEQ_CST)) {
		if (now_ms() > limit)
			return false;
		usleep(1000);
	}
	return true;
}

/* Limits from what is in use up to enough for a child, 16 KiB at a time. */
#define SCARCE_STEP	16384
#define SCARCE_STEPS	40

TEST_F_TIMEOUT(scarce, no_memory_no_child, 200)
{
	unsigned int step, clean = 0, waited = 0, refused = 0;
	uint64_t limit = now_ms() + 2 * STEPS_MS;
	long used, result;

	ASSERT_EQ(0, break_each(self->d.session, code_at(0), 4096, CODE_PAGES));
	/* Nobody in the group may be killed for memory. */
	snprintf((char *)self->d.window, 64, "/proc/%d/oom_score_adj",
		 self->d.target.pid);
	ASSERT_EQ(0, write_setting((char *)self->d.window, -1000));
	for (step = 0; step < SCARCE_STEPS && now_ms() < limit; step++) {
		used = read_setting(CGROUP "/memory.current");
		ASSERT_LE(0, used);
		ASSERT_EQ(0, write_setting(CGROUP "/memory.max",
					   used + step * SCARCE_STEP));
		memset(sharing, 0, sizeof(*sharing));
		ASSERT_EQ(0, target_begin(&self->d.target,
					  in_target_scarce_child, 0, 0, 0));
		waited += !ran_within(150);
		ASSERT_EQ(0, write_text(CGROUP "/memory.max", "max"));
		ASSERT_TRUE(ran_within(SOON_MS));
		sharing->leave = 1;
		result = target_result(&self->d.target);
		if (result && result != -ENOMEM)
			ASSERT_EQ(-EAGAIN, result);
		clean += !result;
		refused += !!result;
	}
	TH_LOG("%u limits: %u children clean, %u forks refused, %u waited",
	       step, clean, refused, waited);
	EXPECT_LT(0U, clean);
	EXPECT_LT(0U, waited);
	EXPECT_EQ(CODE_PAGES, count_breakpoints(self->d.session));
}

/*
 * A page of hugetlb memory, which a child cannot have a copy of when the pool is
 * empty: no opcode gets there in the first place.
 */
#ifndef MAP_HUGETLB
#define MAP_HUGETLB	0x40000
#endif

static uint8_t *huge_page;

static bool huge_intact(void)
{
	return huge_page[100] != opcode[0];
}

static long in_target_huge_map(unsigned long a, unsigned long b, unsigned long c)
{
	uint8_t *p = map_anon(HUGE_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_HUGETLB);

	(void)a;
	(void)b;
	(void)c;
	if (!p)
		return -errno;
	memset(p, 0x31, 4096);
	huge_page = p;
	return (long)(uintptr_t)p;
}

FIXTURE(huge)
{
	struct debuggee d;
	long pool;
};

FIXTURE_SETUP(huge)
{
	ASSERT_EQ(0, exchange_setting(NR_HUGEPAGES, 1, &self->pool));
	ASSERT_EQ(1, read_setting(NR_HUGEPAGES));
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(huge)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
	EXPECT_EQ(0, write_setting(NR_HUGEPAGES, self->pool));
}

TEST_F(huge, pool_exhausted)
{
	unsigned long page = target_call(&self->d.target, in_target_huge_map,
					 0, 0, 0);

	ASSERT_EQ(0U, page % 4096);
	EXPECT_EQ(-EACCES, do_break(self->d.session, page + 100));
	EXPECT_EQ(0, child_judged(&self->d.target, BY_FORK, huge_intact));
}

/*
 * A parent that is traced: the tracer gets hold of a child at its birth.
 */
FIXTURE(traced)
{
	struct debuggee d;
	pid_t late;
};

FIXTURE_SETUP(traced)
{
	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, break_each(self->d.session, code_at(0), 256, 500));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->d.target.pid, 0,
			    PTRACE_O_TRACEFORK | PTRACE_O_TRACESYSGOOD));
}

FIXTURE_TEARDOWN(traced)
{
	if (self->late)
		child_kill(self->late);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

struct calls {
	int session;
	uint64_t at;
};

/* What a debugger does while its tracee is stopped. */
static int use_stopped(void *data)
{
	struct calls *calls = data;
	uint8_t bytes[OPCODE_LEN];

	return do_read(calls->session, calls->at, bytes, OPCODE_LEN, 0, NULL,
		       NULL) ?:
	       do_write(calls->session, calls->at, bytes, OPCODE_LEN, 0, NULL,
			NULL) ?:
	       do_clear(calls->session, calls->at) ?:
	       do_break(calls->session, calls->at);
}

/* The tracee's next stop; a forked child's is another's. */
static int next_stop(pid_t pid)
{
	int status;

	return waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) ?
		status >> 8 : -1;
}

static bool peeks_clean(pid_t pid)
{
	unsigned long word;
	size_t i;

	for (i = 0; i < 500; i += 10) {
		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, pid, code.area + i * 256, NULL);
		if (errno || memcmp(&word, code.model + i * 256, sizeof(word)))
			return false;
	}
	return true;
}

static bool reads_clean(pid_t pid)
{
	uint8_t *seen = malloc(CODE_SIZE);
	int session = session_open(pid);
	bool clean;

	clean = seen && session >= 0 && !count_breakpoints(session) &&
		!do_read(session, code_at(0), seen, CODE_SIZE, CORDBG_RAW, NULL,
			 NULL) &&
		!memcmp(seen, code.model, CODE_SIZE);
	close(session);
	free(seen);
	return clean;
}

/* 100 children. */
#define TRACED_ROUNDS	100
#define TRACED_ENOUGH	3

TEST_F_TIMEOUT(traced, child_at_birth, 200)
{
	struct calls calls = { self->d.session, code_at(256 / OPCODE_LEN) };
	pid_t pid = self->d.target.pid;
	uint64_t limit = race_end(STEPS_MS);
	unsigned long child;
	unsigned int round;

	for (round = 0; round < TRACED_ROUNDS &&
	     more_rounds(limit, round, TRACED_ENOUGH); round++) {
		ASSERT_EQ(0, target_begin(&self->d.target, in_target_child,
					  BY_FORK, (unsigned long)code_intact,
					  0));
		ASSERT_EQ(SIGTRAP | PTRACE_EVENT_FORK << 8, next_stop(pid));
		ASSERT_EQ(0, ptrace(PTRACE_GETEVENTMSG, pid, 0, &child));
		/* With the parent stopped, and the child anywhere. */
		if (round % 2)
			ASSERT_EQ(0, in_time(use_stopped, &calls, SOON_MS,
					     &self->late));
		ASSERT_LT(0, next_stop(child));
		ASSERT_TRUE(round % 4 < 2 ? peeks_clean(child) :
					    reads_clean(child));
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, child, 0, 0));
		ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, 0, 0));
		/* It gets SIGCHLD. */
		ASSERT_EQ(SIGCHLD, next_stop(pid));
		ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, 0, SIGCHLD));
		ASSERT_EQ(0, target_result(&self->d.target));
	}
	TH_LOG("%u children", round);
	ASSERT_LE(TRACED_ENOUGH, round);
	kill(pid, SIGSTOP);
	ASSERT_EQ(SIGSTOP, next_stop(pid));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, 0, 0));
	kill(pid, SIGCONT);
}

/* Stop at the end of the system call @nr: its stop, or -1. */
static int stop_after(pid_t pid, long nr)
{
	struct __ptrace_syscall_info info;
	long entered = -1;

	for (;;) {
		if (next_stop(pid) != (SIGTRAP | 0x80) ||
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info),
			   &info) < 0)
			return -1;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			entered = info.entry.nr;
		else if (entered == nr)
			return 0;
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0))
			return -1;
	}
}

/* A fork that fails, and whose end the tracer looks at: nothing waits for it. */
TEST_F(traced, failed_fork)
{
	struct calls calls = { self->d.session, code_at(256 / OPCODE_LEN) };
	pid_t pid = self->d.target.pid;

	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	ASSERT_LT(0, next_stop(pid));
	ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, pid, 0, 0));
	ASSERT_EQ(0, target_begin(&self->d.target, in_target_fork_fails,
				  PID_TAKEN, 0, 0));
	ASSERT_EQ(0, stop_after(pid, SYS_clone3));
	EXPECT_EQ(0, in_time(use_stopped, &calls, SOON_MS, &self->late));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, 0, 0));
	EXPECT_EQ(-EEXIST, target_result(&self->d.target));
}

/* The same for mremap(2), with a breakpoint in what it moves. */
static long in_target_move(unsigned long address, unsigned long size,
			   unsigned long to)
{
	void *p = mremap((void *)address, size, size,
			 MREMAP_MAYMOVE | MREMAP_FIXED, (void *)to);

	return p == MAP_FAILED ? -errno : 0;
}

TEST_F(traced, moved_memory)
{
	struct calls calls = { self->d.session, code_at(256 / OPCODE_LEN) };
	uint8_t *to = map_private(4096);
	pid_t pid = self->d.target.pid;

	ASSERT_TRUE(!!to);
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	ASSERT_LT(0, next_stop(pid));
	ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, pid, 0, 0));
	ASSERT_EQ(0, target_begin(&self->d.target, in_target_move,
				  (unsigned long)code.area + 4096, 4096,
				  (unsigned long)to));
	ASSERT_EQ(0, stop_after(pid, SYS_mremap));
	EXPECT_EQ(0, in_time(use_stopped, &calls, SOON_MS, &self->late));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, 0, 0));
	EXPECT_EQ(0, target_result(&self->d.target));
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], CLEAN_ARGUMENT))
		return text_intact() ? 0 : EILSEQ;
	return test_harness_run(argc, argv);
}
