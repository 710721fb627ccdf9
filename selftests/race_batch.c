// SPDX-License-Identifier: GPL-2.0
/*
 * Atomic batches that race: other sessions see all of one or nothing, whatever the
 * program does to its mappings one lands whole or is refused, a child that is forked
 * meanwhile is clean, and a tool that is killed leaves all or nothing.
 */

#include "batch_selftest.h"
#include "target_fork.h"

#define RACE_MS		4000
#define ENOUGH		100
#define AREA_PAGES	8
#define VALUES		100	/* bytes that are written: 1 to VALUES */
#define MANY		24	/* breakpoints of a batch */
#define LARGE		(CORDBG_ATOMIC_BYTES / 2)

static bool stopped;

static bool going_on(void)
{
	return !__atomic_load_n(&stopped, __ATOMIC_SEQ_CST);
}

static void stop(bool stop)
{
	__atomic_store_n(&stopped, stop, __ATOMIC_SEQ_CST);
}

static uint8_t value_of(unsigned long round)
{
	return round % VALUES + 1;
}

/* Two ranges of the target that are always written together. */
struct pair {
	uint8_t *at[2];
	size_t size;
};

static int pair_write(int fd, const struct pair *pair, uint8_t value)
{
	static __thread uint8_t out[AREA_PAGES * 4096];
	struct cordbg_operation ops[2];
	uint32_t done;

	memset(out, value, pair->size);
	ops[0] = op_write(pair->at[0], out, pair->size);
	ops[1] = op_write(pair->at[1], out, pair->size);
	return do_batch(fd, ops, 2, CORDBG_BATCH_ATOMIC, &done);
}

/* The one value of both, in what was read from the first to the second; or 0. */
static uint8_t pair_value(const struct pair *pair, const uint8_t *seen)
{
	const uint8_t *second = seen + (pair->at[1] - pair->at[0]);

	return filled_with(seen, seen[0], pair->size) &&
	       filled_with(second, seen[0], pair->size) ? seen[0] : 0;
}

static size_t pair_span(const struct pair *pair)
{
	return pair->at[1] - pair->at[0] + pair->size;
}

/**
 * struct writer - a thread with a session that writes pairs
 * @pid: The target.
 * @pair: Where it writes.
 * @rounds: How often it has.
 * @err: What a call returned.
 */
struct writer {
	pthread_t thread;
	pid_t pid;
	const struct pair *pair;
	unsigned long rounds;
	int err;
};

static void *write_pairs(void *data)
{
	struct writer *w = data;
	int fd = session_open(w->pid);

	w->err = fd < 0 ? fd : 0;
	while (!w->err && going_on()) {
		__atomic_store_n(&w->err, pair_write(fd, w->pair,
						     value_of(w->rounds)),
				 __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&w->rounds, 1, __ATOMIC_SEQ_CST);
	}
	close(fd);
	return NULL;
}

FIXTURE(race)
{
	struct debuggee d;
	uint8_t *area;
	uint8_t seen[AREA_PAGES * 4096];
};

FIXTURE_SETUP(race)
{
	stop(false);
	ASSERT_EQ(4096, page_size());
	self->area = map_private(AREA_PAGES * 4096);
	ASSERT_TRUE(!!self->area);
	memset(self->area, 1, AREA_PAGES * 4096);
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/*
 * Some threads write pairs in a session each; what one read of it all sees is the
 * work of one batch.
 */
static void expect_whole(struct __test_metadata *_metadata,
			 struct _test_data_race *self, const struct pair *pair,
			 int writers, uint32_t flags)
{
	struct writer w[2] = { };
	uint64_t limit = race_end(RACE_MS);
	unsigned long round, changes = 0;
	uint8_t value, last = 0;
	int i;

	for (i = 0; i < writers; i++) {
		w[i].pid = self->d.target.pid;
		w[i].pair = pair;
		w[i].rounds = i * VALUES / 2;
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, write_pairs,
					    &w[i]));
	}
	for (round = 0; more_rounds(limit, changes, ENOUGH); round++) {
		ASSERT_EQ(0, do_read(self->d.session, ptr_u64(pair->at[0]),
				     self->seen, pair_span(pair), flags, NULL,
				     NULL));
		value = pair_value(pair, self->seen);
		ASSERT_NE(0, value) {
			TH_LOG("torn: %u here, %u there, in round %lu",
			       self->seen[0],
			       self->seen[pair_span(pair) - 1], round);
		}
		changes += value != last;
		last = value;
		for (i = 0; i < writers; i++)
			ASSERT_EQ(0, __atomic_load_n(&w[i].err,
						     __ATOMIC_SEQ_CST));
	}
	stop(true);
	for (i = 0; i < writers; i++) {
		ASSERT_EQ(0, pthread_join(w[i].thread, NULL));
		EXPECT_EQ(0, w[i].err);
		TH_LOG("%lu reads of %lu batches", round, w[i].rounds);
	}
}

TEST_F_TIMEOUT(race, few_bytes_in_one_page, 100)
{
	const struct pair pair = { { self->area + 64, self->area + 200 }, 8 };

	expect_whole(_metadata, self, &pair, 1, 0);
}

TEST_F_TIMEOUT(race, few_bytes_far_apart, 100)
{
	uint8_t *area = self->area;
	const struct pair pair = { { area + 64, area + 7 * 4096 }, 8 };

	expect_whole(_metadata, self, &pair, 1, CORDBG_RAW);
}

TEST_F_TIMEOUT(race, pages, 100)
{
	uint8_t *area = self->area;
	const struct pair pair = { { area + 64, area + 4 * 4096 }, 3 * 4096 };

	expect_whole(_metadata, self, &pair, 1, 0);
}

/* What one session wrote is nowhere mixed with what the other one did. */
TEST_F_TIMEOUT(race, two_writers, 100)
{
	uint8_t *area = self->area;
	const struct pair pair = { { area + 64, area + 4 * 4096 }, 3 * 4096 };

	expect_whole(_metadata, self, &pair, 2, 0);
}

TEST_F_TIMEOUT(race, two_writers_of_few_bytes, 100)
{
	uint8_t *area = self->area;
	const struct pair pair = { { area + 64, area + 3 * 4096 }, 8 };

	expect_whole(_metadata, self, &pair, 2, 0);
}

/* Behind a breakpoint in each of the two. */
TEST_F_TIMEOUT(race, behind_breakpoints, 100)
{
	uint8_t *area = self->area;
	const struct pair pair = { { area + 64, area + 3 * 4096 }, 16 };

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(pair.at[0] + 8)));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(pair.at[1] + 8)));
	expect_whole(_metadata, self, &pair, 2, 0);
}

/* Breakpoint number @n of a batch, spread over the area. */
static uint8_t *nth_place(uint8_t *area, size_t n)
{
	return area + n * AREA_PAGES * 4096 / MANY / 8 * 8;
}

static void *set_and_clear(void *data)
{
	struct _test_data_race *self = data;
	int fd = session_open(self->d.target.pid), err = 0;
	struct cordbg_operation ops[MANY];
	bool set = false;
	uint32_t done;
	size_t i;

	while (!err && going_on()) {
		set = !set;
		for (i = 0; i < MANY; i++)
			ops[i] = set ? op_set(nth_place(self->area, i)) :
				       op_clear(nth_place(self->area, i));
		err = do_batch(fd, ops, MANY, CORDBG_BATCH_ATOMIC, &done);
	}
	close(fd);
	return (void *)(long)err;
}

/* How many of the breakpoints are in memory, as one read saw it. */
static size_t count_opcodes(struct _test_data_race *self)
{
	size_t i, n = 0;

	for (i = 0; i < MANY; i++)
		n += !memcmp(nth_place(self->seen, i), opcode, OPCODE_LEN);
	return n;
}

TEST_F_TIMEOUT(race, breakpoints, 100)
{
	uint64_t limit = race_end(RACE_MS);
	unsigned long round, times[2] = { };
	pthread_t thread;
	size_t seen;
	void *err;

	ASSERT_EQ(0, pthread_create(&thread, NULL, set_and_clear, self));
	for (round = 0; more_rounds(limit, times[0], ENOUGH) ||
	     times[1] < ENOUGH; round++) {
		seen = count_breakpoints(self->d.session);
		ASSERT_TRUE(seen == 0 || seen == MANY) {
			TH_LOG("%zu listed", seen);
		}
		ASSERT_EQ(0, do_read(self->d.session, ptr_u64(self->area),
				     self->seen, sizeof(self->seen),
				     CORDBG_RAW, NULL, NULL));
		seen = count_opcodes(self);
		ASSERT_TRUE(seen == 0 || seen == MANY) {
			TH_LOG("%zu in memory", seen);
		}
		times[!!seen]++;
		ASSERT_EQ(0, do_read(self->d.session, ptr_u64(self->area),
				     self->seen, sizeof(self->seen), 0, NULL,
				     NULL));
		ASSERT_EQ(0U, count_opcodes(self));
	}
	stop(true);
	ASSERT_EQ(0, pthread_join(thread, &err));
	EXPECT_TRUE(!err);
	TH_LOG("%lu reads without them, %lu with", times[0], times[1]);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
}

/*
 * The program changes the mapping of the second of two.
 */

static bool *end_changes;	/* shared with the target */

static void *change_protection(void *page)
{
	while (!__atomic_load_n(end_changes, __ATOMIC_SEQ_CST)) {
		mprotect(page, 4096, PROT_READ);
		mprotect(page, 4096, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

static void *change_mapping(void *page)
{
	while (!__atomic_load_n(end_changes, __ATOMIC_SEQ_CST)) {
		munmap(page, 4096);
		map_at((unsigned long)page, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1);
	}
	return NULL;
}

static void expect_clean_refusals(struct __test_metadata *_metadata,
				  struct _test_data_race *self,
				  void *(*change)(void *page), int error,
				  bool keeps)
{
	uint8_t *area = self->area;
	const struct pair pair = { { area + 64, area + 4 * 4096 }, 1024 };
	uint64_t limit = race_end(RACE_MS);
	unsigned long round, refused = 0;
	uint8_t value, last = 1, now[2];
	int err;

	end_changes = (void *)map_anon(4096, PROT_READ | PROT_WRITE,
				       MAP_SHARED);
	/* A target that knows of it. */
	EXPECT_EQ(0, debuggee_stop(&self->d));
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, target_call(&self->d.target, in_target_thread,
				 (unsigned long)change,
				 (unsigned long)pair.at[1], 0));
	/* Some are refused, and some are not. */
	for (round = 1; more_rounds(limit, refused, ENOUGH) ||
	     round - refused < ENOUGH; round++) {
		value = value_of(round);
		err = pair_write(self->d.session, &pair, value);
		ASSERT_TRUE(!err || err == error) {
			TH_LOG("error %d", err);
		}
		refused += !!err;
		last = err ? last : value;
		ASSERT_EQ(0, peek(self->d.target.pid, pair.at[0], now, 1));
		ASSERT_EQ(last, now[0]);
		if (!keeps)
			continue;
		ASSERT_EQ(0, peek(self->d.target.pid, pair.at[1] + 1023,
				  now + 1, 1));
		ASSERT_EQ(last, now[1]);
	}
	__atomic_store_n(end_changes, true, __ATOMIC_SEQ_CST);
	TH_LOG("%lu rounds, %lu refused", round, refused);
}

TEST_F_TIMEOUT(race, program_protects, 100)
{
	expect_clean_refusals(_metadata, self, change_protection, -EACCES, true);
}

/* What it maps there anew has nothing of what was. */
TEST_F_TIMEOUT(race, program_unmaps, 100)
{
	expect_clean_refusals(_metadata, self, change_mapping, -ENXIO, false);
}

/* Gives a batch of some milliseconds the time to hold the page in between. */
static void *replace_now_and_then(void *page)
{
	unsigned int n = 0;

	while (!__atomic_load_n(end_changes, __ATOMIC_SEQ_CST)) {
		map_at((unsigned long)page, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
		usleep(n++ * 700 % 40000);
	}
	return NULL;
}

/*
 * The program replaces the page that breakpoints are set in while a large write
 * takes its time, and then it is read. The opcodes are in what was held.
 */
TEST_F_TIMEOUT(race, program_replaces_what_is_read, 100)
{
	uint8_t *far = map_private(LARGE), *bytes = map_private(LARGE);
	uint64_t limit = race_end(RACE_MS);
	struct cordbg_operation ops[MANY + 2];
	unsigned long round;
	uint32_t done;
	size_t i;

	end_changes = (void *)map_anon(4096, PROT_READ | PROT_WRITE,
				       MAP_SHARED);
	ASSERT_TRUE(far && bytes && end_changes);
	/* A target that has them. */
	EXPECT_EQ(0, debuggee_stop(&self->d));
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, target_call(&self->d.target, in_target_thread,
				 (unsigned long)replace_now_and_then,
				 (unsigned long)self->area, 0));
	for (round = 1; more_rounds(limit, round, 20); round++) {
		ops[0] = op_write(far, bytes, LARGE);
		for (i = 0; i < MANY; i++)
			ops[i + 1] = op_set(self->area + 8 * i);
		ops[MANY + 1] = op_read(self->area, self->seen, 4096);
		ASSERT_EQ(0, do_batch(self->d.session, ops, MANY + 2,
				      CORDBG_BATCH_ATOMIC, &done));
		for (i = 0; i < MANY; i++) {
			ASSERT_NE(0, memcmp(self->seen + 8 * i, opcode,
					    OPCODE_LEN)) {
				TH_LOG("an opcode in round %lu", round);
			}
		}
		for (i = 0; i < MANY; i++)
			do_clear(self->d.session, ptr_u64(self->area + 8 * i));
	}
	__atomic_store_n(end_changes, true, __ATOMIC_SEQ_CST);
	TH_LOG("%lu rounds", round);
}

/* A thread with a session that sets and clears one breakpoint. */
struct breaker {
	pthread_t thread;
	pid_t pid;
	uint64_t address;
};

static void *break_again(void *data)
{
	struct breaker *b = data;
	int fd = session_open(b->pid), err = 0;

	while (!err && going_on())
		err = do_break(fd, b->address) ? : do_clear(fd, b->address);
	close(fd);
	return (void *)(long)err;
}

/*
 * Another session plants while so much memory is being held: the batch comes to an
 * end all the same, and shows the program's bytes.
 */
TEST_F_TIMEOUT(race, large_read_while_others_plant, 100)
{
	uint8_t *far = map_private(LARGE), *bytes = map_private(LARGE);
	struct cordbg_operation op;
	unsigned long round;
	struct breaker b;
	uint32_t done;
	void *err;

	ASSERT_TRUE(far && bytes);
	fill_plain(far, LARGE, 29);
	EXPECT_EQ(0, debuggee_stop(&self->d));
	ASSERT_EQ(0, debuggee_start(&self->d));
	b.pid = self->d.target.pid;
	b.address = ptr_u64(far) + LARGE / 2;
	ASSERT_EQ(0, pthread_create(&b.thread, NULL, break_again, &b));
	for (round = 0; round < 5; round++) {
		memset(bytes, 0, LARGE);
		op = op_read(far, bytes, LARGE);
		ASSERT_EQ(0, do_batch(self->d.session, &op, 1,
				      CORDBG_BATCH_ATOMIC, &done));
		ASSERT_EQ(0, memcmp(far, bytes, LARGE));
	}
	stop(true);
	ASSERT_EQ(0, pthread_join(b.thread, &err));
	EXPECT_TRUE(!err);
}

/*
 * Tools that are killed at any time.
 */

static void tool_main(pid_t pid, uint8_t *at, uint8_t *bytes)
{
	int fd = session_open(pid);
	struct cordbg_operation ops[] = {
		op_write(at, bytes, LARGE),
		op_set(at + LARGE / 2),
		op_write(at + LARGE, bytes, LARGE),
	};
	uint32_t done;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(fd < 0 || do_batch(fd, ops, 3, CORDBG_BATCH_ATOMIC, &done));
}

TEST_F_TIMEOUT(race, tool_killed, 200)
{
	uint8_t *at = map_private(2 * LARGE), *bytes = map_private(LARGE);
	uint8_t *seen = map_private(2 * LARGE), last = 0;
	uint64_t limit = 0, duration = 0, since;
	unsigned long round, whole = 0;
	int status;
	pid_t tool;

	ASSERT_TRUE(at && bytes && seen);
	EXPECT_EQ(0, debuggee_stop(&self->d));
	ASSERT_EQ(0, debuggee_start(&self->d));
	for (round = 0; more_rounds(limit, round, 12); round++) {
		memset(bytes, value_of(round), LARGE);
		since = now_ms();
		tool = fork();
		ASSERT_LE(0, tool);
		if (!tool)
			tool_main(self->d.target.pid, at, bytes);
		/* Two of them may live: the first finds pages missing. */
		if (round >= 2) {
			usleep(duration * 1000 * (round * 7 % 24) / 24);
			kill(tool, SIGKILL);
		}
		ASSERT_EQ(0, child_wait(tool, 60000, &status));
		ASSERT_TRUE(!status || WIFSIGNALED(status));
		if (round < 2)
			duration = now_ms() - since + 1;
		if (round == 2)
			limit = race_end(RACE_MS);
		ASSERT_EQ(0, peek(self->d.target.pid, at, seen, 2 * LARGE));
		ASSERT_TRUE(filled_with(seen, seen[0], 2 * LARGE));
		ASSERT_TRUE(seen[0] == last || seen[0] == value_of(round));
		whole += seen[0] == value_of(round);
		last = seen[0];
		ASSERT_EQ(0, count_breakpoints(self->d.session));
	}
	TH_LOG("%lu tools, %lu came to the end", round, whole);
}

/*
 * Children that are forked while breakpoints come and go together.
 */

FIXTURE(forking)
{
	struct target t;
};

FIXTURE_SETUP(forking)
{
	stop(false);
	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, target_start(&self->t));
}

FIXTURE_TEARDOWN(forking)
{
	EXPECT_EQ(0, target_stop(&self->t));
}

static void *break_code(void *data)
{
	int fd = session_open(*(pid_t *)data), err = 0;
	struct cordbg_operation ops[MANY];
	unsigned long round, i, n;
	uint32_t done;

	for (round = 0; !err && going_on(); round++) {
		for (i = 0; i < MANY; i++) {
			n = (round / 2 * 8191 + i * 997) % CODE_INSNS;
			ops[i] = op_any(round % 2 ? CORDBG_OP_CLEAR_BREAKPOINT :
					CORDBG_OP_SET_BREAKPOINT,
					(void *)(uintptr_t)code_at(n), NULL, 0,
					0);
		}
		err = do_batch(fd, ops, MANY, CORDBG_BATCH_ATOMIC, &done);
	}
	close(fd);
	return (void *)(long)err;
}

TEST_F_TIMEOUT(forking, child_clean, 100)
{
	uint64_t limit = race_end(RACE_MS);
	unsigned long round;
	pthread_t thread;
	void *err;

	ASSERT_EQ(0, pthread_create(&thread, NULL, break_code, &self->t.pid));
	for (round = 0; more_rounds(limit, round, ENOUGH); round++)
		ASSERT_EQ(0, child_clean(&self->t, round % 2 ? BY_FORK :
					 BY_BIRTH));
	stop(true);
	ASSERT_EQ(0, pthread_join(thread, &err));
	EXPECT_TRUE(!err);
	EXPECT_TRUE(target_intact(&self->t));
	TH_LOG("%lu children", round);
}

TEST_HARNESS_MAIN
