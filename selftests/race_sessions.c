// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions that race against each other on the same addresses of one process:
 * each keeps its promises, and in the end memory holds what was written last.
 */
#include "cordbg_harness.h"
#include "cordbg_process.h"

#define AREA_SIZE	16384
#define LONG_MS	6000
#define PLACES		8
#define PLACE(i)	(8000 + 64 * (i))	/* the last in a page of its own */

#define SETTERS		3

FIXTURE(sessions)
{
	struct target t;
	uint8_t *area;
};

FIXTURE_VARIANT(sessions)
{
	int setters;
	int places;
	unsigned long rounds;
};

/* One of them leaves clearing to close(). */
FIXTURE_VARIANT_ADD(sessions, many_places)
{
	.setters = SETTERS,
	.places = PLACES,
	.rounds = 2000,
};

/* All in one place, and memory restored each time. */
FIXTURE_VARIANT_ADD(sessions, one_place)
{
	.setters = 1,
	.places = 1,
	.rounds = 20000,
};

FIXTURE_VARIANT_ADD(sessions, one_place_shared)
{
	.setters = 2,
	.places = 1,
	.rounds = 10000,
};

FIXTURE_SETUP(sessions)
{
	self->area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->area != MAP_FAILED);
	memset(self->area, 1, AREA_SIZE);
	ASSERT_EQ(0, target_start(&self->t));
}

FIXTURE_TEARDOWN(sessions)
{
	EXPECT_EQ(0, target_stop(&self->t));
}

/**
 * struct progress - how far the one writer of a test is
 * @begun: Number of its latest write that may have begun.
 * @done: Number of its latest write that has returned.
 * @stop: The others are to end.
 */
struct progress {
	unsigned long begun;
	unsigned long done;
	int stop;
};

/**
 * struct setter - a thread with a session that sets and clears
 * @pid: The target.
 * @area: Its memory.
 * @places: How many breakpoints it sets.
 * @close: Leave it to close() to clear.
 * @progress: The writer's.
 * @rounds: How often it set a breakpoint.
 * @line: Where something was wrong, or 0.
 */
struct setter {
	pid_t pid;
	uint8_t *area;
	int places;
	bool close;
	struct progress *progress;
	unsigned long rounds;
	int line;
};

/* What write number @n writes: never an opcode. */
static uint8_t value_of(unsigned long n)
{
	return n % 200 + 1;
}

static unsigned long load(const unsigned long *n)
{
	return __atomic_load_n(n, __ATOMIC_SEQ_CST);
}

/* Whether a write with a number from @first to @last wrote @value. */
static bool written_between(uint8_t value, unsigned long first,
			    unsigned long last)
{
	unsigned long n;

	for (n = first; n <= last; n++)
		if (value_of(n) == value)
			return true;
	return false;
}

/* Set a breakpoint: the bytes it returns are the program's at that time. */
static int set_and_judge(struct setter *s, int fd, uint64_t at)
{
	unsigned long first = load(&s->progress->done);
	uint8_t original[CORDBG_OPCODE_MAX];
	uint32_t length;

	if (do_set(fd, at, original, sizeof(original), &length) ||
	    length != OPCODE_LEN)
		return __LINE__;
	__atomic_add_fetch(&s->rounds, 1, __ATOMIC_RELAXED);
	if (!written_between(original[0], first, load(&s->progress->begun)))
		return __LINE__;
	return filled_with(original, original[0], OPCODE_LEN) ? 0 : __LINE__;
}

static int set_and_clear_each(struct setter *s, int fd)
{
	uint64_t base = ptr_u64(s->area);
	int i, line = 0;

	for (i = 0; !line && i < s->places; i++)
		line = set_and_judge(s, fd, base + PLACE(i));
	for (i = 0; !line && !s->close && i < s->places; i++)
		if (do_clear(fd, base + PLACE(i)))
			line = __LINE__;
	return line;
}

static void *set_and_clear(void *data)
{
	struct setter *s = data;
	int fd = session_open(s->pid);

	while (fd >= 0 && !s->line &&
	       !__atomic_load_n(&s->progress->stop, __ATOMIC_SEQ_CST)) {
		s->line = set_and_clear_each(s, fd);
		if (s->close) {
			close(fd);
			fd = session_open(s->pid);
		}
	}
	if (fd < 0)
		s->line = __LINE__;
	close(fd);
	return NULL;
}

#define ENOUGH		100

/* Write number @n over every place, in few bytes each or all at once. */
static bool write_over(int fd, uint8_t *area, int places, unsigned long n)
{
	static uint8_t out[AREA_SIZE];
	uint64_t done;
	int i;

	memset(out, value_of(n), sizeof(out));
	if (n % 8 == 0)
		return !do_write(fd, ptr_u64(area), out, AREA_SIZE, 0, &done,
				 NULL) && done == AREA_SIZE;
	for (i = 0; i < places; i++)
		if (do_write(fd, ptr_u64(area + PLACE(i) - 32), out, 64, 0,
			     &done, NULL) || done != 64)
			return false;
	return true;
}

/* Whether the writer and each setter did something to mean something. */
static bool met_enough(const struct setter *s, int setters, unsigned long round)
{
	int i;

	for (i = 0; i < setters; i++)
		if (load(&s[i].rounds) < ENOUGH &&
		    !__atomic_load_n(&s[i].line, __ATOMIC_RELAXED))
			return false;
	return round > ENOUGH;
}

/* Nobody else writes: what the program reads is what was written. */
TEST_F_TIMEOUT(sessions, write_set_clear, 100)
{
	const size_t size = 64 * variant->places;
	uint8_t *start = self->area + PLACE(0) - 32;
	struct progress progress = { 0 };
	struct setter setters[SETTERS];
	struct cordbg_breakpoint list[PLACES];
	pthread_t threads[SETTERS];
	uint8_t seen[64 * PLACES];
	uint64_t limit = race_end(LONG_MS);
	unsigned long round;
	uint32_t count;
	int fd, i;

	fd = session_open(self->t.pid);
	ASSERT_LE(0, fd);
	for (i = 0; i < variant->setters; i++) {
		setters[i] = (struct setter) {
			.pid = self->t.pid,
			.area = self->area,
			.places = variant->places,
			.close = i == SETTERS - 1,
			.progress = &progress,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, set_and_clear,
					    &setters[i]));
	}
	for (round = 1; !met_enough(setters, variant->setters, round) ||
	     (round < variant->rounds && now_ms() < limit); round++) {
		__atomic_store_n(&progress.begun, round, __ATOMIC_SEQ_CST);
		ASSERT_TRUE(write_over(fd, self->area, variant->places, round));
		__atomic_store_n(&progress.done, round, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, do_read(fd, ptr_u64(start), seen, size, 0, NULL,
				     NULL));
		ASSERT_TRUE(filled_with(seen, value_of(round), size));
	}
	__atomic_store_n(&progress.stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < variant->setters; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, setters[i].line);
		TH_LOG("%lu writes, %lu breakpoints", round, setters[i].rounds);
	}
	/* No session has a breakpoint left, and memory no opcode. */
	ASSERT_EQ(0, do_list(fd, 0, list, PLACES, &count));
	EXPECT_EQ(0U, count);
	ASSERT_EQ(0, peek(self->t.pid, start, seen, size));
	EXPECT_TRUE(filled_with(seen, value_of(round - 1), size));
	close(fd);
}

/**
 * struct writer - a thread with a session that writes over breakpoints
 * @barrier: All threads meet here before and after each round.
 * @fd: Its session.
 * @address: Start of its range.
 * @size: Of its range.
 * @value: What it writes in this round.
 * @rounds: Rounds to go.
 * @err: What a call of its returned.
 * @written: What it stored; each time this should be @size.
 */
struct writer {
	pthread_barrier_t *barrier;
	int fd;
	uint8_t *address;
	size_t size;
	uint8_t value;
	unsigned long rounds;
	int err;
	uint64_t written;
};

static void *write_rounds(void *data)
{
	static __thread uint8_t out[AREA_SIZE];
	struct writer *w = data;

	while (w->rounds--) {
		pthread_barrier_wait(w->barrier);
		memset(out, w->value, w->size);
		w->err = do_write(w->fd, ptr_u64(w->address), out, w->size, 0,
				  &w->written, NULL);
		pthread_barrier_wait(w->barrier);
	}
	return NULL;
}

/* Which of @size bytes is neither @a nor @b: its offset, or @size. */
static size_t find_other(const uint8_t *p, size_t size, uint8_t a, uint8_t b)
{
	size_t i;

	for (i = 0; i < size && (p[i] == a || p[i] == b); i++)
		;
	return i;
}

#define OVERLAP_ROUNDS	1000

FIXTURE(overlap)
{
	struct target t;
	uint8_t *area;
	int fds[3];
};

FIXTURE_VARIANT(overlap)
{
	size_t size;
};

FIXTURE_VARIANT_ADD(overlap, few_bytes)
{
	.size = 200,
};

FIXTURE_VARIANT_ADD(overlap, pages)
{
	.size = 9000,
};

FIXTURE_SETUP(overlap)
{
	int i;

	self->area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->area != MAP_FAILED);
	memset(self->area, 1, AREA_SIZE);
	ASSERT_EQ(0, target_start(&self->t));
	for (i = 0; i < 3; i++) {
		self->fds[i] = session_open(self->t.pid);
		ASSERT_LE(0, self->fds[i]);
	}
}

FIXTURE_TEARDOWN(overlap)
{
	int i;

	for (i = 0; i < 3; i++)
		close(self->fds[i]);
	EXPECT_EQ(0, target_stop(&self->t));
}

/*
 * Two sessions write overlapping ranges. Which byte is whose is open, but each is
 * one or the other's, and a shadow is never anything else.
 */
TEST_F_TIMEOUT(overlap, bytes_are_written_ones, 100)
{
	/* The second range begins in the middle of the first. */
	uint8_t *middle = self->area + 6000;
	size_t common = variant->size - variant->size / 2, i;
	uint8_t raw[AREA_SIZE], seen[AREA_SIZE];
	pthread_barrier_t barrier;
	struct writer writers[2];
	pthread_t threads[2];
	unsigned long round;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, 3));
	for (i = 0; i < common; i += 48)
		ASSERT_EQ(0, do_break(self->fds[2], ptr_u64(middle + i)));
	for (i = 0; i < 2; i++) {
		writers[i] = (struct writer) {
			.barrier = &barrier,
			.fd = self->fds[i],
			.address = middle - (i ? 0 : variant->size / 2),
			.size = variant->size,
			.rounds = OVERLAP_ROUNDS,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_rounds,
					    &writers[i]));
	}
	for (round = 0; round < OVERLAP_ROUNDS; round++) {
		uint8_t a = round % 100 + 1, b = a + 100;

		writers[0].value = a;
		writers[1].value = b;
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0, writers[i].err);
			ASSERT_EQ(variant->size, writers[i].written);
		}
		ASSERT_EQ(0, do_read(self->fds[2], ptr_u64(middle), seen,
				     common, 0, NULL, NULL));
		ASSERT_EQ(common, find_other(seen, common, a, b));
		ASSERT_EQ(0, peek(self->t.pid, middle, raw, common));
		for (i = 0; i < common; i += 48) {
			ASSERT_EQ(0, memcmp(raw + i, opcode, OPCODE_LEN));
			memcpy(raw + i, seen + i, OPCODE_LEN);
		}
		ASSERT_EQ(0, memcmp(raw, seen, common));
	}
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	for (i = 0; i < common; i += 48)
		ASSERT_EQ(0, do_clear(self->fds[2], ptr_u64(middle + i)));
	ASSERT_EQ(0, peek(self->t.pid, middle, raw, common));
	EXPECT_EQ(0, memcmp(raw, seen, common));
	pthread_barrier_destroy(&barrier);
}

TEST_HARNESS_MAIN
