// SPDX-License-Identifier: GPL-2.0
/*
 * Writes that race against the target itself, which unmaps, protects and drops
 * their pages and looks at its breakpoints; and against other sessions on the
 * same addresses. Each test makes a number of rounds, or fewer if they take long;
 * but never fewer than mean something, until the harness ends it.
 */
#include "cordbg_harness.h"
#include "cordbg_process.h"

#define PAGES		4
#define LONG_MS		4000	/* for the rounds of one test */
#define STALE		0x7f	/* memory before the first write */

/**
 * struct shared - what the test and the threads of its target share
 * @stop: The threads are to end.
 * @rounds: Loops a thread has made.
 * @missing: Looks at an opcode that was not there.
 */
struct shared {
	int stop;
	unsigned long rounds;
	unsigned long missing;
};

static struct shared *shared;

static bool shared_map(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared != MAP_FAILED;
}

static bool stopped(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
}

static void stop(void)
{
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
}

static unsigned long thread_rounds(void)
{
	return __atomic_load_n(&shared->rounds, __ATOMIC_ACQUIRE);
}

static void round_done(unsigned long n)
{
	__atomic_add_fetch(&shared->rounds, n, __ATOMIC_RELEASE);
}

/* Bytes to write in a round: all alike, never the opcode's or STALE. */
static uint8_t value_of(unsigned long round)
{
	return round % 100 + 1;
}

/*
 * A page of the range comes and goes while it is written: each write lands whole
 * or not at all.
 */
enum change { UNMAP, PROTECT, DROP };

FIXTURE(changing)
{
	struct target t;
	int fd;
	size_t page_size;
	uint8_t *area;
	uint8_t *buffer;
};

FIXTURE_VARIANT(changing)
{
	enum change change;
	int page;		/* the one that changes */
	size_t skip;		/* bytes of the area before the range; or */
	size_t before;		/* of the range before the page */
	size_t size;		/* of the range; 0: to the end */
	bool breakpoints;
};

FIXTURE_VARIANT_ADD(changing, unmapped_few_bytes)
{
	.change = UNMAP,
	.page = 3,
	.before = 8,
	.size = 16,
};

FIXTURE_VARIANT_ADD(changing, unmapped_tail)
{
	.change = UNMAP,
	.page = 3,
	.skip = 1,
};

FIXTURE_VARIANT_ADD(changing, unmapped_middle)
{
	.change = UNMAP,
	.page = 1,
};

FIXTURE_VARIANT_ADD(changing, unmapped_tail_breakpoints)
{
	.change = UNMAP,
	.page = 3,
	.skip = 64,
	.breakpoints = true,
};

FIXTURE_VARIANT_ADD(changing, protected_few_bytes)
{
	.change = PROTECT,
	.page = 3,
	.before = 8,
	.size = 16,
};

FIXTURE_VARIANT_ADD(changing, protected_tail)
{
	.change = PROTECT,
	.page = 3,
	.skip = 1,
};

FIXTURE_VARIANT_ADD(changing, protected_middle)
{
	.change = PROTECT,
	.page = 1,
};

FIXTURE_VARIANT_ADD(changing, protected_tail_breakpoints)
{
	.change = PROTECT,
	.page = 3,
	.skip = 64,
	.breakpoints = true,
};

FIXTURE_VARIANT_ADD(changing, dropped_few_bytes)
{
	.change = DROP,
	.page = 3,
	.before = 8,
	.size = 16,
};

FIXTURE_VARIANT_ADD(changing, dropped_tail)
{
	.change = DROP,
	.page = 3,
	.skip = 1,
};

FIXTURE_VARIANT_ADD(changing, dropped_tail_breakpoints)
{
	.change = DROP,
	.page = 3,
	.skip = 64,
	.breakpoints = true,
};

/* Offsets of breakpoints, none in a page that changes in their variants. */
static const size_t breakpoints[] = { 64, 1000, 4096, 12284 };

FIXTURE_SETUP(changing)
{
	size_t i;

	self->page_size = page_size();
	self->area = mmap(NULL, PAGES * self->page_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->area != MAP_FAILED);
	memset(self->area, STALE, PAGES * self->page_size);
	self->buffer = malloc(PAGES * self->page_size);
	ASSERT_TRUE(!!self->buffer);
	ASSERT_TRUE(shared_map());
	ASSERT_EQ(0, target_start(&self->t));
	self->fd = session_open(self->t.pid);
	ASSERT_LE(0, self->fd);
	for (i = 0; variant->breakpoints && i < ARRAY_SIZE(breakpoints); i++)
		ASSERT_EQ(0, do_break(self->fd,
				      ptr_u64(self->area + breakpoints[i])));
}

FIXTURE_TEARDOWN(changing)
{
	stop();
	close(self->fd);
	EXPECT_EQ(0, target_stop(&self->t));
}

static void *unmap_and_map(void *page)
{
	size_t size = page_size();

	for (; !stopped(); round_done(1)) {
		munmap(page, size);
		mmap(page, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	return NULL;
}

static void *protect_and_not(void *page)
{
	size_t size = page_size();

	for (; !stopped(); round_done(1)) {
		mprotect(page, size, PROT_READ);
		mprotect(page, size, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

static void *drop(void *page)
{
	size_t size = page_size();

	for (; !stopped(); round_done(1))
		madvise(page, size, MADV_DONTNEED);
	return NULL;
}

/* Whether [from, to) of the target holds @value, with breakpoints as planted. */
static bool range_holds(struct _test_data_changing *self, uint8_t *from,
			uint8_t *to, uint8_t value, bool with_breakpoints)
{
	size_t size = to - from, i;
	uint8_t *at;

	if (to <= from)
		return true;
	if (peek(self->t.pid, from, self->buffer, size))
		return false;
	for (i = 0; with_breakpoints && i < ARRAY_SIZE(breakpoints); i++) {
		at = self->area + breakpoints[i];
		if (at < from || at >= to)
			continue;
		if (memcmp(self->buffer + (at - from), opcode, OPCODE_LEN))
			return false;
		memset(self->buffer + (at - from), value, OPCODE_LEN);
	}
	return filled_with(self->buffer, value, size);
}

/* Whether the program would read @value in [from, to). */
static bool program_holds(struct _test_data_changing *self, uint8_t *from,
			  uint8_t *to, uint8_t value)
{
	size_t size = to - from;
	uint64_t n;

	return !do_read(self->fd, ptr_u64(from), self->buffer, size, 0, &n,
			NULL) &&
	       n == size && filled_with(self->buffer, value, size);
}

/* A dropped page is the one written or a new one; the others keep their bytes. */
static bool changing_page_holds(struct _test_data_changing *self,
				enum change change, uint8_t *from, uint8_t *to,
				uint8_t value)
{
	if (change == UNMAP)
		return true;
	return range_holds(self, from, to, value, false) ||
	       (change == DROP && range_holds(self, from, to, 0, false));
}

#define CHANGING_ROUNDS		3000
#define CHANGING_ENOUGH		300
#define CHANGING_EACH_WAY	10

/* Whether page and writes met often, and not only one way. */
static bool changed_enough(enum change change, unsigned long rounds,
			   unsigned long refused)
{
	if (rounds < CHANGING_ENOUGH || thread_rounds() < CHANGING_EACH_WAY)
		return false;
	return change == DROP || (refused >= CHANGING_EACH_WAY &&
				  rounds - refused >= CHANGING_EACH_WAY);
}

TEST_F_TIMEOUT(changing, whole_or_nothing, 100)
{
	void *change = variant->change == UNMAP ? unmap_and_map :
		       variant->change == PROTECT ? protect_and_not : drop;
	const int want = variant->change == UNMAP ? -ENXIO : -EACCES;
	uint8_t *page = self->area + variant->page * self->page_size;
	uint8_t *from = variant->before ? page - variant->before :
					  self->area + variant->skip;
	uint8_t *end = self->area + PAGES * self->page_size;
	uint8_t *to = variant->size ? from + variant->size : end;
	uint8_t *behind = page + self->page_size;
	unsigned long round, refused = 0;
	uint64_t written, failed, limit = race_end(LONG_MS);
	uint8_t held = STALE;
	int err;

	if (behind > to)
		behind = to;
	ASSERT_EQ(0, target_call(&self->t, in_target_thread,
				 (unsigned long)change, (unsigned long)page,
				 0));
	for (round = 0; !changed_enough(variant->change, round, refused) ||
	     (round < CHANGING_ROUNDS && now_ms() < limit); round++) {
		memset(self->buffer, value_of(round), to - from);
		err = do_write(self->fd, ptr_u64(from), self->buffer, to - from,
			       0, &written, &failed);
		if (err) {
			ASSERT_NE(DROP, variant->change);
			ASSERT_EQ(want, err);
			ASSERT_EQ(0U, written);
			ASSERT_EQ(ptr_u64(page), failed);
			refused++;
		} else {
			ASSERT_EQ((uint64_t)(to - from), written);
			ASSERT_EQ(POISON64, failed);
			held = value_of(round);
		}
		ASSERT_TRUE(range_holds(self, from, page, held,
					variant->breakpoints));
		ASSERT_TRUE(program_holds(self, from, page, held));
		ASSERT_TRUE(range_holds(self, behind, to, held, false));
		ASSERT_TRUE(changing_page_holds(self, variant->change, page,
						behind, held));
	}
	TH_LOG("%lu writes, %lu refused, %lu changes", round, refused,
	       thread_rounds());
}

/*
 * The program looks at a breakpoint all the time: the opcode stands there at
 * every instant, whatever is written over it and planted around it.
 */
FIXTURE(opcode)
{
	struct target t;
	int fd, neighbour_fd;
	uint8_t *area;
	uint8_t *at;		/* the breakpoint */
	uint8_t *buffer;
};

FIXTURE_VARIANT(opcode)
{
	size_t before;		/* bytes of the range before the breakpoint */
	size_t size;
	bool text;
};

FIXTURE_VARIANT_ADD(opcode, alone)
{
	.size = OPCODE_LEN,
};

FIXTURE_VARIANT_ADD(opcode, few_bytes)
{
	.before = 8,
	.size = 32,
};

FIXTURE_VARIANT_ADD(opcode, one_page)
{
	.before = 1024,
	.size = 4096,
};

FIXTURE_VARIANT_ADD(opcode, pages)
{
	.before = 8192,
	.size = 20000,
};

FIXTURE_VARIANT_ADD(opcode, large)
{
	.before = 0x50000,
	.size = 0xa0000,
};

FIXTURE_VARIANT_ADD(opcode, text_few_bytes)
{
	.before = 8,
	.size = 32,
	.text = true,
};

FIXTURE_VARIANT_ADD(opcode, text_pages)
{
	.before = 8192,
	.size = 20000,
	.text = true,
};

#define OPCODE_AREA	1048576

/* Private memory with 0x11 in it: text is a file's that may not be written. */
static uint8_t *opcode_area(bool text)
{
	int prot = text ? PROT_READ | PROT_EXEC : PROT_READ | PROT_WRITE;
	int fd = memfd_create("text", MFD_CLOEXEC);
	static uint8_t bytes[OPCODE_AREA];
	uint8_t *area;

	memset(bytes, 0x11, sizeof(bytes));
	if (fd < 0 || write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		return MAP_FAILED;
	area = mmap(NULL, OPCODE_AREA, prot, MAP_PRIVATE, fd, 0);
	close(fd);
	return area;
}

FIXTURE_SETUP(opcode)
{
	self->area = opcode_area(variant->text);
	ASSERT_TRUE(self->area != MAP_FAILED);
	/* In the middle of a page, in the middle of the area. */
	self->at = self->area + OPCODE_AREA / 2 + 2000;
	self->buffer = malloc(OPCODE_AREA);
	ASSERT_TRUE(!!self->buffer);
	ASSERT_TRUE(shared_map());
	ASSERT_EQ(0, target_start(&self->t));
	self->fd = session_open(self->t.pid);
	ASSERT_LE(0, self->fd);
	self->neighbour_fd = session_open(self->t.pid);
	ASSERT_LE(0, self->neighbour_fd);
}

FIXTURE_TEARDOWN(opcode)
{
	stop();
	close(self->neighbour_fd);
	close(self->fd);
	EXPECT_EQ(0, target_stop(&self->t));
}

static bool opcode_stands(const uint8_t *at)
{
	size_t i;

	for (i = 0; i < OPCODE_LEN; i++)
		if (__atomic_load_n(at + i, __ATOMIC_RELAXED) != opcode[i])
			return false;
	return true;
}

static void *look(void *at)
{
	unsigned long missing, i;

	while (!stopped()) {
		missing = 0;
		for (i = 0; i < 256; i++)
			missing += !opcode_stands(at);
		__atomic_add_fetch(&shared->missing, missing, __ATOMIC_RELAXED);
		round_done(256);
	}
	return NULL;
}

struct neighbour {
	int fd;
	uint8_t *at;
	unsigned long rounds;
	int err;
};

/* Set and clear breakpoints around the one that is looked at. */
static void *set_and_clear_around(void *data)
{
	static const int offsets[] = { -64, -8, 8, 512 };
	struct neighbour *n = data;
	size_t i = 0;

	while (!stopped() && !n->err) {
		uint64_t at = ptr_u64(n->at + offsets[i++ % 4]);

		n->err = do_break(n->fd, at) ?: do_clear(n->fd, at);
		__atomic_add_fetch(&n->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

#define OPCODE_ROUNDS	1500
#define OPCODE_ENOUGH	100

static bool looked_enough(const struct neighbour *n, unsigned long rounds)
{
	return rounds >= OPCODE_ENOUGH && thread_rounds() >= OPCODE_ENOUGH &&
	       (__atomic_load_n(&n->rounds, __ATOMIC_RELAXED) >=
		OPCODE_ENOUGH || __atomic_load_n(&n->err, __ATOMIC_RELAXED));
}

TEST_F_TIMEOUT(opcode, never_missing, 100)
{
	struct neighbour neighbour = { self->neighbour_fd, self->at, 0, 0 };
	uint32_t flags = variant->text ? CORDBG_FORCE : 0;
	uint64_t limit = race_end(LONG_MS), n;
	uint8_t seen[OPCODE_LEN];
	unsigned long round;
	pthread_t thread;
	void *around = set_and_clear_around;

	ASSERT_EQ(0, do_break(self->fd, ptr_u64(self->at)));
	ASSERT_EQ(0, target_call(&self->t, in_target_thread,
				 (unsigned long)look, (unsigned long)self->at,
				 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, around, &neighbour));
	for (round = 0; !looked_enough(&neighbour, round) ||
	     (round < OPCODE_ROUNDS && now_ms() < limit); round++) {
		memset(self->buffer, value_of(round), variant->size);
		ASSERT_EQ(0, do_write(self->fd,
				      ptr_u64(self->at - variant->before),
				      self->buffer, variant->size, flags, &n,
				      NULL));
		ASSERT_EQ(variant->size, n);
		ASSERT_EQ(0, do_read(self->fd, ptr_u64(self->at), seen,
				     OPCODE_LEN, 0, NULL, NULL));
		ASSERT_TRUE(filled_with(seen, value_of(round), OPCODE_LEN));
	}
	stop();
	ASSERT_EQ(0, pthread_join(thread, NULL));
	TH_LOG("%lu writes, %lu looks, %lu neighbours", round, thread_rounds(),
	       neighbour.rounds);
	EXPECT_EQ(0U, shared->missing);
	EXPECT_EQ(0, neighbour.err);
	/* It was data all the time; now it shows. */
	ASSERT_EQ(0, do_clear(self->fd, ptr_u64(self->at)));
	ASSERT_EQ(0, peek(self->t.pid, self->at - variant->before, self->buffer,
			  variant->size));
	ASSERT_TRUE(filled_with(self->buffer, value_of(round - 1),
				variant->size));
}

TEST_HARNESS_MAIN
