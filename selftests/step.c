// SPDX-License-Identifier: GPL-2.0
/*
 * Hits: a thread that runs into a breakpoint stops for its tracer, at the
 * documented address, and is taken over it: clear, single step, set again, while
 * the other threads are stopped. No hit is lost and none counts twice.
 */

#include "target_fork.h"

#define CALLS		25	/* of patched() by each thread */
#define PATIENCE_MS	60000

/**
 * struct tally - what the threads of the target say
 * @tids: Who they are.
 * @ready: How many of them there are.
 * @go: The test is their tracer.
 * @right: Calls that returned what they should.
 */
static struct tally {
	pid_t tids[THREADS_MAX];
	unsigned int ready;
	int go;
	unsigned int right;
} *tally;

static void *call_patched(void *unused)
{
	unsigned int n = __atomic_fetch_add(&tally->ready, 1, __ATOMIC_SEQ_CST);
	int i;

	__atomic_store_n(&tally->tids[n], syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&tally->go, __ATOMIC_SEQ_CST))
		usleep(1000);
	for (i = 0; i < CALLS; i++)
		if (patched() == NUMBER_BEFORE)
			__atomic_add_fetch(&tally->right, 1, __ATOMIC_SEQ_CST);
	return unused;
}

static long in_target_threads(unsigned long count, unsigned long b,
			      unsigned long c)
{
	int err;

	(void)b;
	(void)c;
	err = in_threads(call_patched, count);
	return err ? err : (long)tally->right;
}

FIXTURE(step)
{
	struct debuggee d;
	uint64_t at;
	bool stopped[THREADS_MAX];
	int pending[THREADS_MAX];	/* a stop that is not handled yet */
	bool gone[THREADS_MAX];
};

FIXTURE_VARIANT(step)
{
	unsigned int threads;
};

FIXTURE_VARIANT_ADD(step, one_thread) { .threads = 1 };
FIXTURE_VARIANT_ADD(step, eight_threads) { .threads = THREADS_MAX };

static bool all_ready(unsigned int threads)
{
	uint64_t limit = now_ms() + PATIENCE_MS;
	unsigned int i;

	for (i = 0; i < threads; i++)
		while (!__atomic_load_n(&tally->tids[i], __ATOMIC_SEQ_CST)) {
			if (now_ms() > limit)
				return false;
			usleep(1000);
		}
	return true;
}

FIXTURE_SETUP(step)
{
	unsigned int i;

	tally = (void *)map_anon(sizeof(*tally), PROT_READ | PROT_WRITE,
				 MAP_SHARED);
	ASSERT_TRUE(!!tally);
	self->at = ptr_u64(patched_code());
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, target_begin(&self->d.target, in_target_threads,
				  variant->threads, 0, 0));
	ASSERT_TRUE(all_ready(variant->threads));
	for (i = 0; i < variant->threads; i++)
		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, tally->tids[i], 0, 0));
}

FIXTURE_TEARDOWN(step)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* Stop all threads but one; a hit that comes up in between is kept for later. */
static int stop_others(FIXTURE_DATA(step) * self, unsigned int threads,
		       unsigned int but)
{
	unsigned int i;
	int status;

	for (i = 0; i < threads; i++) {
		if (i == but || self->stopped[i] || self->gone[i])
			continue;
		if (ptrace(PTRACE_INTERRUPT, tally->tids[i], 0, 0))
			return -errno;
		if (waitpid(tally->tids[i], &status, __WALL) != tally->tids[i])
			return -errno;
		self->gone[i] = !WIFSTOPPED(status);
		self->stopped[i] = !self->gone[i];
		if (self->stopped[i] && status >> 16 != PTRACE_EVENT_STOP)
			self->pending[i] = status;
	}
	return 0;
}

/* Let all go on that have nothing to say. */
static int resume_others(FIXTURE_DATA(step) * self, unsigned int threads)
{
	unsigned int i;

	for (i = 0; i < threads; i++) {
		if (!self->stopped[i] || self->pending[i])
			continue;
		if (ptrace(PTRACE_CONT, tally->tids[i], 0, 0))
			return -errno;
		self->stopped[i] = false;
	}
	return 0;
}

static int step_once(pid_t tid)
{
	int status;

	/* An interrupt from before is no step. */
	do {
		if (ptrace(PTRACE_SINGLESTEP, tid, 0, 0) ||
		    waitpid(tid, &status, __WALL) != tid)
			return -errno;
	} while (WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_STOP);
	return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP ? 0 : -EPROTO;
}

/* Put a stopped thread at @address: where it was, or 0. */
static uint64_t move_thread(pid_t tid, uint64_t address)
{
	struct user_regs_struct regs;
	struct iovec iov = { .iov_base = &regs, .iov_len = sizeof(regs) };
	uint64_t was;

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov))
		return 0;
	was = (unsigned long)regs_pc(&regs);
	regs_pc(&regs) = address;
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov) ? 0 : was;
}

/* Take a thread over the breakpoint that it has hit. */
static int step_over(FIXTURE_DATA(step) * self, unsigned int threads,
		     unsigned int who)
{
	pid_t tid = tally->tids[who];
	int err;

	err = stop_others(self, threads, who);
	if (err)
		return err;
	if (move_thread(tid, self->at) != self->at + TRAP_AFTER)
		return -EFAULT;
	err = do_clear(self->d.session, self->at) ?: step_once(tid) ?:
	      do_break(self->d.session, self->at);
	self->pending[who] = 0;
	return err ?: resume_others(self, threads);
}

/* The next thread with something to say: its index, or -1 if all have ended. */
static int next_event(FIXTURE_DATA(step) * self, unsigned int threads)
{
	unsigned int i, left;
	int status;

	for (;;) {
		for (i = 0, left = 0; i < threads; i++) {
			if (self->pending[i])
				return i;
			if (self->gone[i])
				continue;
			left++;
			if (waitpid(tally->tids[i], &status,
				    __WALL | WNOHANG) != tally->tids[i])
				continue;
			self->gone[i] = !WIFSTOPPED(status);
			self->stopped[i] = !self->gone[i];
			if (self->gone[i])
				continue;
			/* An interrupt that a hit was faster than. */
			if (status >> 16 == PTRACE_EVENT_STOP) {
				ptrace(PTRACE_CONT, tally->tids[i], 0, 0);
				self->stopped[i] = false;
				continue;
			}
			self->pending[i] = status;
			return i;
		}
		if (!left)
			return -1;
		usleep(100);
	}
}

/* 25 calls in each thread: 25 or 200 hits. */
TEST_F_TIMEOUT(step, every_hit_once, 120)
{
	unsigned int hits = 0;
	int who;

	ASSERT_EQ(0, do_break(self->d.session, self->at));
	__atomic_store_n(&tally->go, 1, __ATOMIC_SEQ_CST);
	while ((who = next_event(self, variant->threads)) >= 0) {
		ASSERT_EQ(SIGTRAP, self->pending[who] >> 8);
		hits++;
		ASSERT_EQ(0, step_over(self, variant->threads, who));
	}
	TH_LOG("%u hits in %u threads", hits, variant->threads);
	EXPECT_EQ(CALLS * variant->threads, hits);
	EXPECT_EQ(CALLS * variant->threads, target_result(&self->d.target));
	EXPECT_EQ(0, do_clear(self->d.session, self->at));
}

TEST_HARNESS_MAIN
