// SPDX-License-Identifier: GPL-2.0
/*
 * Memory with breakpoints that one thread moves, and another moves on before the
 * first move is over: before its mremap(2) has returned and its bytes have been put
 * back. So that this takes its time, a tool writes to the process all the while.
 */

#include "target_fork.h"

#define PLACES		4
#define PER_PAGE	2
#define BUSY_SIZE	(2U << 20)
#define RACE_MS		4000
#define RACE_ROUNDS	400
#define RACE_ENOUGH	20

/* Where the code is, is moved, and is moved on; the others are free then. */
static uint8_t *places[PLACES];

/**
 * struct chase - what the threads of the target share
 * @start: Rounds begun.
 * @done: Threads that are done with theirs.
 * @err: The first error.
 * @stop: The target is to end.
 * @forks: Children that were clean.
 * @orphans: Children whose parent was killed while it moved, and were clean.
 */
static struct chase {
	unsigned long start;
	unsigned int done;
	int err;
	int stop;
	unsigned long forks;
	unsigned long orphans;
} *chase;

static int place_error(void)
{
	return __atomic_load_n(&chase->err, __ATOMIC_SEQ_CST);
}

/* Move the code from one place to the next, as soon as it is there. */
static void move_on(unsigned long from)
{
	void *p;

	do {
		p = mremap(places[from], CODE_SIZE, CODE_SIZE,
			   MREMAP_MAYMOVE | MREMAP_FIXED, places[from + 1]);
	} while (p == MAP_FAILED && errno == EFAULT && !place_error());
	if (p == MAP_FAILED)
		chase->err = -errno;
}

static void *mover(void *from)
{
	unsigned long round;

	for (round = 1; ; round++) {
		while (__atomic_load_n(&chase->start, __ATOMIC_SEQ_CST) < round) {
			if (__atomic_load_n(&chase->stop, __ATOMIC_SEQ_CST))
				return NULL;
			sched_yield();
		}
		move_on((unsigned long)from);
		__atomic_add_fetch(&chase->done, 1, __ATOMIC_SEQ_CST);
	}
}

/* Whether there is an opcode at a place, if anything is there. */
static bool place_clean(const uint8_t *place)
{
	unsigned char resident[CODE_PAGES];

	return mincore((void *)place, CODE_SIZE, resident) ||
	       !memcmp(place, code.model, CODE_SIZE);
}

static bool all_clean(void)
{
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		if (!place_clean(places[i]))
			return false;
	return true;
}

/* Fork all the time: a child is clean wherever its code is. */
static void *forker(void *unused)
{
	pid_t pid;

	while (!__atomic_load_n(&chase->stop, __ATOMIC_SEQ_CST)) {
		pid = fork();
		if (!pid)
			_exit(all_clean() ? 0 : EILSEQ);
		if (child_result(pid))
			chase->err = -ECHILD;
		else
			__atomic_add_fetch(&chase->forks, 1, __ATOMIC_SEQ_CST);
	}
	return unused;
}

/* One round: the code goes through all places, and back to the first. */
static long in_target_chase(unsigned long a, unsigned long b, unsigned long c)
{
	uint8_t *last = places[PLACES - 1];

	(void)a;
	(void)b;
	(void)c;
	__atomic_store_n(&chase->done, 0, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&chase->start, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&chase->done, __ATOMIC_SEQ_CST) < PLACES - 1)
		sched_yield();
	if (place_error())
		return place_error();
	if (memcmp(last, code.model, CODE_SIZE))
		return -EILSEQ;
	return mremap(last, CODE_SIZE, CODE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      places[0]) == places[0] ? 0 : -errno;
}

/* Let the first thread begin its move, and wait until the memory is there. */
static void begin_move(void)
{
	unsigned char resident[CODE_PAGES];

	__atomic_store_n(&chase->done, 0, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&chase->start, 1, __ATOMIC_SEQ_CST);
	while (mincore(places[1], CODE_SIZE, resident))
		;
}

/* The new place is given to other memory, which has opcodes of its own. */
static long in_target_reuse(unsigned long a, unsigned long b, unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	begin_move();
	if (mmap(places[1], CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	memset(places[1], opcode[0], CODE_SIZE);
	while (!__atomic_load_n(&chase->done, __ATOMIC_SEQ_CST))
		sched_yield();
	if (!filled_with(places[1], opcode[0], CODE_SIZE))
		return -EILSEQ;
	if (munmap(places[1], CODE_SIZE) ||
	    mmap(places[0], CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	memcpy(places[0], code.model, CODE_SIZE);
	return 0;
}

/* A child is made while the memory moves, and the parent waits to be killed. */
static long in_target_orphan(unsigned long a, unsigned long b, unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	begin_move();
	if (!fork()) {
		if (all_clean())
			__atomic_add_fetch(&chase->orphans, 1, __ATOMIC_SEQ_CST);
		else
			chase->err = -EILSEQ;
		_exit(0);
	}
	kill(getpid(), SIGKILL);
	return 0;
}

FIXTURE(chase)
{
	struct debuggee d;
	uint8_t *busy;
	pid_t writer;
};

FIXTURE_VARIANT(chase)
{
	long (*round)(unsigned long a, unsigned long b, unsigned long c);
	unsigned long movers;
	bool forks;
};

FIXTURE_VARIANT_ADD(chase, moves) {
	.round = in_target_chase,
	.movers = PLACES - 1,
};

FIXTURE_VARIANT_ADD(chase, moves_and_forks) {
	.round = in_target_chase,
	.movers = PLACES - 1,
	.forks = true,
};

FIXTURE_VARIANT_ADD(chase, reuse) {
	.round = in_target_reuse,
	.movers = 1,
};

/* The places are what the test process leaves free, which nothing else takes. */
static int places_map(void)
{
	uint8_t *space = map_anon(PLACES * 2 * CODE_SIZE, PROT_NONE, MAP_PRIVATE);
	size_t i;

	if (!space || code_map())
		return -ENOMEM;
	for (i = 0; i < PLACES; i++) {
		places[i] = space + i * 2 * CODE_SIZE;
		if (i && munmap(places[i], CODE_SIZE))
			return -errno;
	}
	if (mremap(code.area, CODE_SIZE, CODE_SIZE,
		   MREMAP_MAYMOVE | MREMAP_FIXED, places[0]) != places[0])
		return -errno;
	code.area = places[0];
	return 0;
}

/* A target with the code, and threads that move it. */
static int start_target(FIXTURE_DATA(chase) * self, unsigned long movers)
{
	unsigned long i;
	int err;

	chase->start = 0;
	err = debuggee_start(&self->d);
	for (i = 0; !err && i < movers; i++)
		err = target_call(&self->d.target, in_target_thread,
				  (unsigned long)mover, i, 0);
	return err;
}

/* Keep the process locked most of the time. */
static pid_t start_writer(const FIXTURE_DATA(chase) * self)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		if (do_write(self->d.session, ptr_u64(self->busy), self->busy,
			     BUSY_SIZE, 0, NULL, NULL))
			pause();
}

FIXTURE_SETUP(chase)
{
	chase = (void *)map_anon(sizeof(*chase), PROT_READ | PROT_WRITE,
				 MAP_SHARED);
	self->busy = map_private(BUSY_SIZE);
	ASSERT_TRUE(chase && self->busy);
	ASSERT_EQ(0, places_map());
	ASSERT_EQ(0, start_target(self, variant->movers));
	if (variant->forks)
		ASSERT_EQ(0, target_call(&self->d.target, in_target_thread,
					 (unsigned long)forker, 0, 0));
	self->writer = start_writer(self);
	ASSERT_LT(0, self->writer);
}

FIXTURE_TEARDOWN(chase)
{
	EXPECT_EQ(SIGKILL, child_kill(self->writer));
	chase->stop = 1;
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* 20 to 400 rounds, each with moves of 128 breakpoints. */
TEST_F_TIMEOUT(chase, clean_at_the_end, 200)
{
	uint64_t limit = race_end(RACE_MS);
	unsigned long round;

	for (round = 0; round < RACE_ROUNDS &&
	     more_rounds(limit, round, RACE_ENOUGH); round++) {
		ASSERT_EQ(0, break_each(self->d.session, code_at(0),
					4096 / PER_PAGE,
					CODE_PAGES * PER_PAGE));
		ASSERT_EQ(0, target_call(&self->d.target, variant->round,
					 0, 0, 0));
		ASSERT_EQ(0, count_breakpoints(self->d.session));
	}
	TH_LOG("%lu rounds, %lu clean children", round, chase->forks);
	ASSERT_EQ(0, chase->err);
	if (variant->forks)
		EXPECT_LT(0U, chase->forks);
}

FIXTURE(orphan)
{
	FIXTURE_DATA(chase) chase;
};

FIXTURE_SETUP(orphan)
{
	chase = (void *)map_anon(sizeof(*chase), PROT_READ | PROT_WRITE,
				 MAP_SHARED);
	self->chase.busy = map_private(BUSY_SIZE);
	ASSERT_TRUE(chase && self->chase.busy);
	ASSERT_EQ(0, places_map());
	/* To be told when the children of the killed have ended. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
}

FIXTURE_TEARDOWN(orphan)
{
}

/* 20 to 400 processes that are killed while one thread moves and one forks. */
TEST_F_TIMEOUT(orphan, is_clean, 200)
{
	uint64_t limit = race_end(RACE_MS);
	unsigned long round;
	int status;

	for (round = 0; round < RACE_ROUNDS &&
	     more_rounds(limit, round, RACE_ENOUGH); round++) {
		ASSERT_EQ(0, start_target(&self->chase, 1));
		self->chase.writer = start_writer(&self->chase);
		ASSERT_EQ(0, break_each(self->chase.d.session, code_at(0),
					4096 / PER_PAGE,
					CODE_PAGES * PER_PAGE));
		ASSERT_EQ(0, target_begin(&self->chase.d.target,
					  in_target_orphan, 0, 0, 0));
		ASSERT_EQ(self->chase.d.target.pid,
			  waitpid(self->chase.d.target.pid, &status, 0));
		EXPECT_EQ(SIGKILL, child_kill(self->chase.writer));
		debuggee_stop(&self->chase.d);
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
	TH_LOG("%lu processes, %lu clean children", round, chase->orphans);
	EXPECT_EQ(0, chase->err);
	/* A parent can be killed before the fork is done: there is no child. */
	EXPECT_LT(0U, chase->orphans);
}

TEST_HARNESS_MAIN
