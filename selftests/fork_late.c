// SPDX-License-Identifier: GPL-2.0
/*
 * A child that has been made but cannot run yet, because what the parent was moving
 * when it forked is still on its way: the mremap(2) waits for a reader of its
 * userfaultfd(2) event. What happens in the parent meanwhile is no business of the
 * child's.
 */
#include <poll.h>

#include "cordbg_process.h"
#include "cordbg_uffd.h"
#include "target_memory.h"

#define PROMPT_MS	20000	/* a slow machine's "at once" */
#define BEFORE		0x33	/* what the parent stores before the fork */
#define LATER		0x11	/* and after */

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

TEST_HARNESS_MAIN
