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
 */
static struct chase {
	unsigned long start;
	unsigned int done;
	int err;
	int stop;
	unsigned long forks;
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

/* Fork all the time: a child is clean wherever its code is. */
static void *forker(void *unused)
{
	unsigned int i;
	pid_t pid;

	while (!__atomic_load_n(&chase->stop, __ATOMIC_SEQ_CST)) {
		pid = fork();
		if (!pid) {
			for (i = 0; i < PLACES; i++)
				if (!place_clean(places[i]))
					_exit(EILSEQ);
			_exit(0);
		}
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

FIXTURE(chase)
{
	struct debuggee d;
	uint8_t *busy;
	pid_t writer;
};

FIXTURE_VARIANT(chase)
{
	bool forks;
};

FIXTURE_VARIANT_ADD(chase, moves) { .forks = false };
FIXTURE_VARIANT_ADD(chase, moves_and_forks) { .forks = true };

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

FIXTURE_SETUP(chase)
{
	unsigned long i;

	chase = (void *)map_anon(sizeof(*chase), PROT_READ | PROT_WRITE,
				 MAP_SHARED);
	self->busy = map_private(BUSY_SIZE);
	ASSERT_TRUE(chase && self->busy);
	ASSERT_EQ(0, places_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
	for (i = 0; i < PLACES - 1; i++)
		ASSERT_EQ(0, target_call(&self->d.target, in_target_thread,
					 (unsigned long)mover, i, 0));
	if (variant->forks)
		ASSERT_EQ(0, target_call(&self->d.target, in_target_thread,
					 (unsigned long)forker, 0, 0));
	self->writer = fork();
	if (!self->writer) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			if (do_write(self->d.session, ptr_u64(self->busy),
				     self->busy, BUSY_SIZE, 0, NULL, NULL))
				_exit(1);
	}
	ASSERT_LT(0, self->writer);
}

FIXTURE_TEARDOWN(chase)
{
	EXPECT_EQ(SIGKILL, child_kill(self->writer));
	chase->stop = 1;
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* 20 to 400 rounds of 3 moves, each of 128 breakpoints. */
TEST_F_TIMEOUT(chase, clean_at_the_end, 200)
{
	uint64_t limit = now_ms() + RACE_MS;
	unsigned long round;

	for (round = 0; round < RACE_ROUNDS &&
	     more_rounds(limit, round, RACE_ENOUGH); round++) {
		ASSERT_EQ(0, break_each(self->d.session, code_at(0),
					4096 / PER_PAGE,
					CODE_PAGES * PER_PAGE));
		ASSERT_EQ(0, target_call(&self->d.target, in_target_chase,
					 0, 0, 0));
		ASSERT_EQ(0, count_breakpoints(self->d.session));
	}
	TH_LOG("%lu rounds, %lu clean children", round, chase->forks);
	ASSERT_EQ(0, chase->err);
	if (variant->forks)
		EXPECT_LT(0U, chase->forks);
}

TEST_HARNESS_MAIN
