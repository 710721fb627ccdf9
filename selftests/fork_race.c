// SPDX-License-Identifier: GPL-2.0
/*
 * Forks that race: against breakpoints that come and go, against writes behind
 * them, against each other, and against the end of child and tool. Every child
 * runs its code and compares every byte of it.
 */

#include "target_fork.h"

#define RACE_MS		4000	/* for the rounds of one race */
#define ENOUGH		10	/* rounds and children, at least */
#define MOST_FORKERS	4
#define PLACES		8	/* breakpoints that are written behind */
#define PLACE(i)	(40 + (i) * 64)

/**
 * struct race - what the test, the target and its children share
 * @stop: The target is to end.
 * @forks: Children that have been judged.
 * @wrong: Result of one that was not clean, or of a fork that failed.
 * @begun: Number of the latest write that may have begun.
 * @done: Number of the latest write that has returned.
 * @limit: By forker: one more than @begun when its fork had returned.
 * @turn: Whose turn it is, in write_after_fork.
 * @last: ID of the child that was made last.
 */
static struct race {
	int stop;
	unsigned long forks;
	int wrong;
	unsigned long begun;
	unsigned long done;
	unsigned long limit[MOST_FORKERS];
	int turn;
	pid_t last;
} *race;

static uint8_t *data;	/* private, with breakpoints that are written behind */

static unsigned long load(const unsigned long *n)
{
	return __atomic_load_n(n, __ATOMIC_SEQ_CST);
}

static void store(unsigned long *n, unsigned long value)
{
	__atomic_store_n(n, value, __ATOMIC_SEQ_CST);
}

static bool over(void)
{
	return __atomic_load_n(&race->stop, __ATOMIC_SEQ_CST);
}

/* What write number @n writes: never an opcode. */
static uint8_t value_of(unsigned long n)
{
	return n % 200 + 1;
}

static bool written_between(uint8_t value, unsigned long first,
			    unsigned long last)
{
	unsigned long n;

	if (last >= first + 200)
		return value;
	for (n = first; n <= last; n++)
		if (value_of(n) == value)
			return true;
	return false;
}

/* In a child: the data is that of a write before the fork had returned. */
static bool data_of_its_time(unsigned long first, const unsigned long *limit)
{
	int i;

	while (!load(limit))
		usleep(100);
	for (i = 0; i < PLACES; i++)
		if (!written_between(data[PLACE(i)], first, load(limit) - 1))
			return false;
	return true;
}

/* Threads of the target fork as the C library does not: without its locks. */
static void *fork_and_judge(void *number)
{
	unsigned long *limit = &race->limit[(uintptr_t)number], first;
	int result;
	pid_t pid;

	while (!over()) {
		store(limit, 0);
		first = load(&race->done);
		pid = make_child((uintptr_t)number % 2 ? BY_CLONE3 : BY_CLONE);
		if (!pid)
			_exit(!code_intact() ? EILSEQ :
			      data_of_its_time(first, limit) ? 0 : ESTALE);
		__atomic_store_n(&race->last, pid, __ATOMIC_SEQ_CST);
		store(limit, load(&race->begun) + 1);
		result = pid < 0 ? -errno : child_result(pid);
		if (result)
			race->wrong = result;
		__atomic_add_fetch(&race->forks, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static long in_target_forkers(unsigned long count, unsigned long b,
			      unsigned long c)
{
	(void)b;
	(void)c;
	return in_threads(fork_and_judge, count) ?: race->wrong;
}

FIXTURE(forking)
{
	struct debuggee d;
	pid_t tool;
};

FIXTURE_VARIANT(forking)
{
	unsigned long forkers;
};

FIXTURE_VARIANT_ADD(forking, one_thread) { .forkers = 1 };
FIXTURE_VARIANT_ADD(forking, four_threads) { .forkers = 4 };

static int race_map(void)
{
	race = (void *)map_anon(sizeof(*race), PROT_READ | PROT_WRITE,
				MAP_SHARED);
	data = map_private(4096);
	if (!race || !data)
		return -ENOMEM;
	memset(data, value_of(0), 4096);
	return code_map();
}

FIXTURE_SETUP(forking)
{
	ASSERT_EQ(0, race_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, target_begin(&self->d.target, in_target_forkers,
				  variant->forkers, 0, 0));
}

FIXTURE_TEARDOWN(forking)
{
	race->stop = 1;
	if (self->tool)
		child_kill(self->tool);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* End the forks: all children were clean, and there were enough of them. */
static void expect_clean(struct __test_metadata *_metadata,
			 FIXTURE_DATA(forking) * self, unsigned long round)
{
	race->stop = 1;
	EXPECT_EQ(0, target_result(&self->d.target));
	TH_LOG("%lu rounds, %lu children", round, race->forks);
	ASSERT_LE(ENOUGH, round);
	ASSERT_LE(ENOUGH, race->forks);
	if (self->d.session >= 0)
		EXPECT_EQ(0, count_breakpoints(self->d.session));
	EXPECT_TRUE(target_intact(&self->d.target));
}

/* Whether a race goes on: see more_rounds(). */
static bool racing(uint64_t limit, unsigned long round)
{
	return more_rounds(limit, round, ENOUGH) || load(&race->forks) < ENOUGH;
}

/* In each round 8 breakpoints come, are written behind, and go. */
TEST_F_TIMEOUT(forking, set_write_clear, 200)
{
	uint64_t limit = race_end(RACE_MS), at;
	unsigned long round, i;
	int session = self->d.session;

	for (round = 0; racing(limit, round); round++) {
		for (i = 0; i < 8; i++) {
			at = code_at((round * 641 + i * 7919) % CODE_INSNS);
			ASSERT_EQ(0, do_break(session, at));
		}
		ASSERT_EQ(0, do_write(session, code_at(0), code.model,
				      CODE_SIZE / (round % 2 ? 64 : 1), 0, NULL,
				      NULL));
		for (i = 0; i < 8; i++) {
			at = code_at((round * 641 + i * 7919) % CODE_INSNS);
			ASSERT_EQ(0, do_clear(session, at));
		}
	}
	expect_clean(_metadata, self, round);
}

/* Another tool: breakpoints come and go in two pages, one by one. */
static void set_and_clear(pid_t pid)
{
	int session = session_open(pid);
	unsigned long i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; ; i++) {
		uint64_t at = code_at(i * 7919 % (2 * 4096 / OPCODE_LEN));
		uint64_t old = code_at((i - 5) * 7919 % (2 * 4096 / OPCODE_LEN));

		if (do_break(session, at) || (i >= 5 && do_clear(session, old)))
			_exit(1);
	}
}

/*
 * A read hides breakpoints that are planted while it runs, also in a page that a
 * fork and the next breakpoint have replaced since.
 */
TEST_F_TIMEOUT(forking, read, 200)
{
	uint64_t limit = race_end(RACE_MS);
	uint8_t seen[2 * 4096];
	unsigned long round;
	int status;

	self->tool = fork();
	if (!self->tool)
		set_and_clear(self->d.target.pid);
	for (round = 0; racing(limit, round); round++) {
		ASSERT_EQ(0, do_read(self->d.session, code_at(0), seen,
				     sizeof(seen), 0, NULL, NULL));
		ASSERT_EQ(0, memcmp(seen, code.model, sizeof(seen)));
	}
	ASSERT_EQ(0, waitpid(self->tool, &status, WNOHANG));
	EXPECT_EQ(SIGKILL, child_kill(self->tool));
	self->tool = 0;
	expect_clean(_metadata, self, round);
}

/* What is written after a fork is not the child's. */
TEST_F_TIMEOUT(forking, write, 200)
{
	uint64_t limit = race_end(RACE_MS);
	uint8_t bytes[PLACE(PLACES)];
	unsigned long round;
	int i;

	for (i = 0; i < PLACES; i++)
		ASSERT_EQ(0, do_break(self->d.session,
				      ptr_u64(data) + PLACE(i)));
	for (round = 1; racing(limit, round); round++) {
		memset(bytes, value_of(round), sizeof(bytes));
		store(&race->begun, round);
		ASSERT_EQ(0, do_write(self->d.session, ptr_u64(data), bytes,
				      sizeof(bytes), 0, NULL, NULL));
		store(&race->done, round);
		if (round % 8 == 0)
			usleep(500);
	}
	for (i = 0; i < PLACES; i++)
		ASSERT_EQ(0, do_clear(self->d.session,
				      ptr_u64(data) + PLACE(i)));
	expect_clean(_metadata, self, round);
}

/* In each round a session with 100 breakpoints ends. */
TEST_F_TIMEOUT(forking, session_closed, 200)
{
	uint64_t limit = race_end(RACE_MS);
	unsigned long round;
	int session;

	for (round = 0; racing(limit, round); round++) {
		session = session_open(self->d.target.pid);
		ASSERT_LE(0, session);
		ASSERT_EQ(0, break_each(session, code_at(round % 64), 2560,
					100));
		close(session);
	}
	expect_clean(_metadata, self, round);
}

static void tool_main(pid_t pid)
{
	int session = session_open(pid);
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (session < 0)
		_exit(1);
	for (;;) {
		for (i = 0; i < CODE_INSNS; i += 61)
			if (do_break(session, code_at(i)))
				_exit(2);
		for (i = 0; i < CODE_INSNS; i += 61)
			if (do_clear(session, code_at(i)))
				_exit(3);
	}
}

/* In each round a tool with up to 4298 breakpoints is killed. */
TEST_F_TIMEOUT(forking, tool_killed, 200)
{
	uint64_t limit = now_ms() + 2 * RACE_MS;
	unsigned long round;
	int status;

	for (round = 0; racing(limit, round); round++) {
		self->tool = fork();
		ASSERT_LE(0, self->tool);
		if (!self->tool)
			tool_main(self->d.target.pid);
		usleep(1000 + round * 3701 % 40000);
		status = child_kill(self->tool);
		self->tool = 0;
		ASSERT_TRUE(WIFSIGNALED(status));
	}
	expect_clean(_metadata, self, round);
}

/*
 * Forks that are not judged by a thread of the target.
 */
FIXTURE(one)
{
	struct debuggee d;
};

FIXTURE_SETUP(one)
{
	ASSERT_EQ(0, race_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(one)
{
	race->stop = 1;
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/*
 * The test writes behind a breakpoint at once when the fork has returned. The
 * child has the byte from before, when it looks first and when the write is done.
 */
enum turn { FORK, WRITE, WRITTEN };

static void set_turn(enum turn turn)
{
	__atomic_store_n(&race->turn, turn, __ATOMIC_SEQ_CST);
}

static void await_turn(enum turn turn)
{
	while (__atomic_load_n(&race->turn, __ATOMIC_SEQ_CST) != (int)turn &&
	       !over())
		;
}

static long in_target_take_turns(unsigned long a, unsigned long b,
				 unsigned long c)
{
	uint8_t expected;
	int result;
	pid_t pid;

	(void)a;
	(void)b;
	(void)c;
	for (;;) {
		await_turn(FORK);
		if (over())
			return race->wrong;
		expected = value_of(race->done);
		pid = make_child(BY_CLONE);
		if (!pid) {
			result = data[PLACE(0)] != expected;
			await_turn(WRITTEN);
			_exit(result || data[PLACE(0)] != expected ? ESTALE :
			      code_intact() ? 0 : EILSEQ);
		}
		set_turn(WRITE);
		result = pid < 0 ? -errno : child_result(pid);
		if (result)
			race->wrong = result;
		set_turn(FORK);
		store(&race->forks, race->forks + 1);
	}
}

/* 1000 children of a target with 2000 breakpoints. */
#define TURN_ROUNDS	1000
#define TURN_ENOUGH	20

TEST_F_TIMEOUT(one, write_after_fork, 200)
{
	uint64_t limit;
	unsigned long round;
	uint8_t byte;

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(data) + PLACE(0)));
	ASSERT_EQ(0, break_each(self->d.session, code_at(0), 128, 2000));
	set_turn(FORK);
	ASSERT_EQ(0, target_begin(&self->d.target, in_target_take_turns,
				  0, 0, 0));
	limit = race_end(RACE_MS);
	for (round = 1; round < TURN_ROUNDS &&
	     more_rounds(limit, round, TURN_ENOUGH + 1); round++) {
		byte = value_of(round);
		await_turn(WRITE);
		ASSERT_EQ(0, do_write(self->d.session,
				      ptr_u64(data) + PLACE(0), &byte, 1, 0,
				      NULL, NULL));
		store(&race->done, round);
		set_turn(WRITTEN);
		while (load(&race->forks) < round)
			usleep(100);
	}
	race->stop = 1;
	EXPECT_EQ(0, target_result(&self->d.target));
	TH_LOG("%lu children", race->forks);
	ASSERT_LE(TURN_ENOUGH, race->forks);
}

/* Every process forks again: 2 to the power of @levels in the end. */
static long in_target_storm(unsigned long levels, unsigned long b,
			    unsigned long c)
{
	int children = 0, wrong = 0;
	bool is_child = false;
	pid_t pids[16], pid;

	(void)b;
	(void)c;
	while (levels--) {
		pid = make_child(levels % 2 ? BY_CLONE : BY_CLONE3);
		if (pid < 0) {
			wrong = EAGAIN;
		} else if (pid) {
			pids[children++] = pid;
		} else {
			is_child = true;
			children = 0;
			if (!code_intact())
				wrong = EILSEQ;
		}
	}
	while (children)
		wrong |= -child_result(pids[--children]);
	if (is_child)
		_exit(wrong);
	return -wrong;
}

/* Each storm has 32 processes; a session sets and clears meanwhile. */
TEST_F_TIMEOUT(one, storm, 200)
{
	uint64_t limit, at;
	unsigned long round, storms = 0;
	pid_t tool;

	ASSERT_EQ(0, break_each(self->d.session, code_at(0), 2560, 100));
	tool = fork();
	if (!tool)
		tool_main(self->d.target.pid);
	limit = race_end(RACE_MS);
	while (more_rounds(limit, storms, 3)) {
		ASSERT_EQ(0, target_begin(&self->d.target, in_target_storm, 5,
					  0, 0));
		for (round = 0; round < 20; round++) {
			at = code_at(1 + (round + storms) * 61);
			ASSERT_EQ(0, do_break(self->d.session, at));
			ASSERT_EQ(0, do_clear(self->d.session, at));
		}
		ASSERT_EQ(0, target_result(&self->d.target));
		storms++;
	}
	child_kill(tool);
	TH_LOG("%lu storms", storms);
	ASSERT_LE(3U, storms);
}

/*
 * Children that somebody gets hold of at the very moment that they come into
 * being: their ID is the next one.
 */
static long in_target_breed(unsigned long live_us, unsigned long b,
			    unsigned long c)
{
	pid_t pid;
	int status;

	(void)b;
	(void)c;
	while (!over()) {
		pid = make_child(BY_CLONE);
		if (!pid) {
			usleep(live_us);
			_exit(code_intact() ? 0 : EILSEQ);
		}
		if (waitpid(pid, &status, 0) != pid ||
		    (WIFEXITED(status) ? WEXITSTATUS(status) :
		     WTERMSIG(status) != SIGKILL))
			race->wrong = EILSEQ;
		__atomic_store_n(&race->last, pid, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&race->forks, 1, __ATOMIC_SEQ_CST);
	}
	return race->wrong;
}

/* Attach to the next child as soon as it has an ID: a session, or -ESRCH. */
static int attach_to_next(unsigned int tries)
{
	pid_t next = __atomic_load_n(&race->last, __ATOMIC_SEQ_CST) + 1;
	int fd = cordbg_open(), err = -ESRCH;

	while (fd >= 0 && err && tries--)
		err = do_attach(fd, next);
	if (fd >= 0 && err)
		close(fd);
	return err ? err : fd;
}

/* From the first look on it has its own bytes, and may get an opcode there. */
static int judge_newborn(int session)
{
	uint8_t seen[4096], original[CORDBG_OPCODE_MAX];
	int err;

	err = do_read(session, code_at(0), seen, sizeof(seen), CORDBG_RAW, NULL,
		      NULL);
	if (err)
		return err == -ESRCH ? 0 : err;
	if (memcmp(seen, code.model, sizeof(seen)))
		return -EILSEQ;
	err = do_set(session, code_at(0), original, sizeof(original), NULL);
	if (err)
		return err == -ESRCH ? 0 : err;
	if (memcmp(original, code.model, OPCODE_LEN))
		return -ENOTRECOVERABLE;
	err = do_clear(session, code_at(0));
	return err == -ESRCH ? 0 : err;
}

TEST_F_TIMEOUT(one, attach_at_birth, 200)
{
	unsigned long attached = 0;
	uint64_t limit;
	int session;

	ASSERT_EQ(0, break_each(self->d.session, code_at(0), 64, 1000));
	race->last = self->d.target.pid;
	ASSERT_EQ(0, target_begin(&self->d.target, in_target_breed, 3000, 0,
				  0));
	limit = race_end(RACE_MS);
	while (more_rounds(limit, attached, 20)) {
		session = attach_to_next(2000);
		if (session < 0) {
			ASSERT_EQ(-ESRCH, session);
			continue;
		}
		attached++;
		EXPECT_EQ(0, judge_newborn(session));
		/* The child sleeps until this is over. */
		close(session);
	}
	race->stop = 1;
	/* A child that ran into the test's opcode is no failure of the fork. */
	target_result(&self->d.target);
	TH_LOG("%lu children, %lu attached to", race->forks, attached);
	ASSERT_LE(20U, attached);
}

/* Children that are killed at birth leave nothing to wait for. */
struct killer {
	pid_t group;		/* the target's, which nobody else is in */
	unsigned long killed;
};

static void *kill_next(void *data)
{
	struct killer *killer = data;

	while (!over()) {
		pid_t next = __atomic_load_n(&race->last, __ATOMIC_SEQ_CST) + 1;

		if (next > 1 && getpgid(next) == killer->group &&
		    !kill(next, SIGKILL))
			killer->killed++;
	}
	return NULL;
}

TEST_F_TIMEOUT(one, killed_at_birth, 200)
{
	struct killer killer = { .group = self->d.target.pid };
	unsigned long round;
	uint64_t limit, at;
	pthread_t thread;

	ASSERT_EQ(0, break_each(self->d.session, code_at(0), 128, 2000));
	ASSERT_EQ(0, setpgid(killer.group, killer.group));
	ASSERT_EQ(0, pthread_create(&thread, NULL, kill_next, &killer));
	ASSERT_EQ(0, target_begin(&self->d.target, in_target_breed, 0, 0, 0));
	limit = race_end(RACE_MS);
	for (round = 0; more_rounds(limit, round, 100) ||
	     load(&race->forks) < 30; round++) {
		at = code_at(1 + round % 2000 * 128 / OPCODE_LEN);
		ASSERT_EQ(0, do_break(self->d.session, at));
		ASSERT_EQ(0, do_clear(self->d.session, at));
	}
	race->stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, target_result(&self->d.target));
	TH_LOG("%lu children, %lu signals, %lu rounds", race->forks,
	       killer.killed, round);
	ASSERT_LE(30U, race->forks);
	ASSERT_LE(10U, killer.killed);
	ASSERT_LE(100U, round);
}

TEST_HARNESS_MAIN
