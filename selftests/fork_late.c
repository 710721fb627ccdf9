// SPDX-License-Identifier: GPL-2.0
/*
 * A child that has been made but cannot run yet, because what the parent was moving
 * when it forked is still on its way: the mremap(2) waits for a reader of its
 * userfaultfd(2) event. What happens in the parent meanwhile is no business of the
 * child's.
 */
#include <poll.h>

#include "batch_selftest.h"
#include "cordbg_uffd.h"
#include "target_fork.h"

#define PROMPT_MS	20000	/* a slow machine's "at once" */
#define BEFORE		0x33	/* what the parent stores before the fork */
#define LATER		0x11	/* and after */
#define RACE_MS		4000
#define ENOUGH		40
#define TOGETHER	CORDBG_ATOMIC_OPERATIONS

/**
 * struct late - what the functions in the target share
 * @uffd: Told when @moving moves, which waits until the event is read.
 * @moving: Memory that moves, and
 * @there: where to.
 * @spot: Page aligned; its first bytes are an opcode of the program's own.
 */
static struct {
	int uffd;
	uint8_t *moving;
	uint8_t *there;
	uint8_t *spot;
} late;

static long in_target_prepare(unsigned long a, unsigned long b, unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	late.uffd = uffd_register(late.moving, page_size(),
				  UFFDIO_REGISTER_MODE_MISSING,
				  UFFD_FEATURE_EVENT_REMAP);
	return late.uffd < 0 ? late.uffd : 0;
}

static void *mover(void *unused)
{
	if (mremap(late.moving, page_size(), page_size(),
		   MREMAP_MAYMOVE | MREMAP_FIXED, late.there) != late.there)
		_exit(KSFT_FAIL);
	return unused;
}

/* Begin to move, and wait until the thread waits for us. */
static long in_target_move(unsigned long a, unsigned long b, unsigned long c)
{
	struct pollfd event = { .events = POLLIN };
	long err = in_target_thread((unsigned long)mover, 0, 0);

	(void)a;
	(void)b;
	(void)c;
	event.fd = late.uffd;
	if (err)
		return err;
	return poll(&event, 1, PROMPT_MS) == 1 ? 0 : -ETIMEDOUT;
}

static long in_target_end_move(unsigned long a, unsigned long b, unsigned long c)
{
	struct uffd_msg event;

	(void)a;
	(void)b;
	(void)c;
	if (read(late.uffd, &event, sizeof(event)) != sizeof(event))
		return -errno;
	return event.event == UFFD_EVENT_REMAP ? 0 : -EPROTO;
}

/* A child that says what its first byte is, if it ever runs. */
static long in_target_fork(unsigned long a, unsigned long b, unsigned long c)
{
	pid_t pid = fork();

	(void)a;
	(void)b;
	(void)c;
	if (!pid)
		_exit(late.spot[0]);
	return pid;
}

static long in_target_store(unsigned long value, unsigned long b,
			    unsigned long c)
{
	(void)b;
	(void)c;
	memset(late.spot, value, OPCODE_LEN);
	return 0;
}

static long in_target_reap(unsigned long pid, unsigned long b, unsigned long c)
{
	(void)b;
	(void)c;
	return -child_result(pid);
}

FIXTURE(late)
{
	struct debuggee d;
};

FIXTURE_SETUP(late)
{
	late.moving = map_private(page_size());
	late.there = map_private(page_size());
	late.spot = map_private(page_size());
	ASSERT_TRUE(late.moving && late.there && late.spot);
	memset(late.moving, 0x22, page_size());
	memcpy(late.spot, opcode, OPCODE_LEN);
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, target_call(&self->d.target, in_target_prepare, 0, 0, 0));
}

FIXTURE_TEARDOWN(late)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/*
 * The child has a breakpoint opcode of its own. The parent stores something else
 * over its own, and there a breakpoint is set.
 */
TEST_F(late, set_over_the_childs_own_opcode)
{
	struct target *t = &self->d.target;
	uint8_t original[CORDBG_OPCODE_MAX];
	long child;

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(late.moving)));
	ASSERT_EQ(0, target_call(t, in_target_move, 0, 0, 0));
	child = target_call(t, in_target_fork, 0, 0, 0);
	ASSERT_LT(0, child);
	ASSERT_EQ(0, target_call(t, in_target_store, LATER, 0, 0));
	ASSERT_EQ(0, do_set(self->d.session, ptr_u64(late.spot), original,
			    sizeof(original), NULL));
	EXPECT_EQ(LATER, original[0]);
	ASSERT_EQ(0, target_call(t, in_target_end_move, 0, 0, 0));
	EXPECT_EQ(opcode[0], target_call(t, in_target_reap, child, 0, 0));
	ASSERT_EQ(0, do_clear(self->d.session, ptr_u64(late.spot)));
}

/*
 * The child has an opcode of cordbg's. The parent stores something else there, and
 * another session plants the breakpoint again.
 */
TEST_F(late, planted_again_under_the_child)
{
	struct target *t = &self->d.target;
	int other = session_open(t->pid);
	long child;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, target_call(t, in_target_store, BEFORE, 0, 0));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(late.moving)));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(late.spot)));
	ASSERT_EQ(0, target_call(t, in_target_move, 0, 0, 0));
	child = target_call(t, in_target_fork, 0, 0, 0);
	ASSERT_LT(0, child);
	ASSERT_EQ(0, target_call(t, in_target_store, LATER, 0, 0));
	ASSERT_EQ(0, do_break(other, ptr_u64(late.spot)));
	ASSERT_EQ(0, target_call(t, in_target_end_move, 0, 0, 0));
	EXPECT_EQ(BEFORE, target_call(t, in_target_reap, child, 0, 0));
	EXPECT_EQ(0, close(other));
}

/* Fork a child as above, and store. */
static long in_target_fork_store(unsigned long value, unsigned long b,
				 unsigned long c)
{
	long pid = in_target_fork(0, 0, 0);

	in_target_store(value, b, c);
	return pid;
}

/**
 * struct setter - a thread that sets breakpoints together
 * @session: Its own.
 * @ops: @spot's first, and all the others.
 * @us: How long it took.
 * @err: What it came to.
 */
struct setter {
	int session;
	struct cordbg_operation ops[TOGETHER];
	uint64_t us;
	int err;
};

static void *set_together(void *data)
{
	struct setter *s = data;
	double begin = seconds();
	uint32_t done;

	s->err = do_batch(s->session, s->ops, TOGETHER, CORDBG_BATCH_ATOMIC,
			  &done);
	s->us = (seconds() - begin) * 1e6;
	return NULL;
}

/*
 * A batch that finds an opcode of cordbg's, and later plants it again, because the
 * parent has stored something there. In between the parent forks: any time at all
 * is tried.
 */
TEST_F_TIMEOUT(late, planted_again_by_a_batch, 100)
{
	struct target *t = &self->d.target;
	uint8_t *others = map_private(TOGETHER * OPCODE_LEN);
	uint64_t limit = race_end(RACE_MS);
	static struct setter s;
	unsigned long round, i;
	pthread_t thread;
	long child;

	ASSERT_TRUE(!!others);
	EXPECT_EQ(0, debuggee_stop(&self->d));
	ASSERT_EQ(0, debuggee_start(&self->d));
	for (i = 0; i < TOGETHER; i++)
		s.ops[i] = op_set(i ? others + i * OPCODE_LEN : late.spot);
	for (round = 0; more_rounds(limit, round, ENOUGH); round++) {
		ASSERT_EQ(0, target_call(t, in_target_store, BEFORE, 0, 0));
		ASSERT_EQ(0, do_break(self->d.session, ptr_u64(late.spot)));
		s.session = session_open(t->pid);
		ASSERT_LE(0, s.session);
		ASSERT_EQ(0, pthread_create(&thread, NULL, set_together, &s));
		usleep(s.us * (round * 7 % 24) / 24);
		child = target_call(t, in_target_fork_store, LATER, 0, 0);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(0, s.err);
		ASSERT_LT(0, child);
		ASSERT_EQ(BEFORE, target_call(t, in_target_reap, child, 0, 0)) {
			TH_LOG("round %lu", round);
		}
		ASSERT_EQ(0, close(s.session));
		ASSERT_EQ(0, do_clear(self->d.session, ptr_u64(late.spot)));
	}
	TH_LOG("%lu batches of %llu us", round, (unsigned long long)s.us);
}

TEST_HARNESS_MAIN
