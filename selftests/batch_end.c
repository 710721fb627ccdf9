// SPDX-License-Identifier: GPL-2.0
/*
 * Batches that end early: the process exits or calls execve(2), or the tool is killed,
 * in the middle. Operations before it have their results, and those after it have
 * not happened.
 *
 * A page of the tool that a userfaultfd(2) region holds back is "the middle".
 */

#include "batch_selftest.h"
#include "cordbg_image.h"

#define BEFORE		70	/* operations before the middle, more than a few */
#define COUNT		150

/* What the operations behind the middle are. */
enum rest { WRITES, READS, SETS, CLEARS, MIX };

static struct cordbg_operation rest_op(enum rest rest, uint8_t *at,
				       uint8_t *buffer)
{
	switch (rest) {
	case WRITES:
		return op_write(at, buffer, 1);
	case READS:
		return op_read(at, buffer, 1);
	case SETS:
		return op_set(at);
	default:
		return op_clear(at);
	}
}

/**
 * struct run - a batch on its way
 * @ops: Its operations, which write to a byte of their own each; in the middle
 *	one whose data does not come.
 * @arg: The ioctl's argument.
 * @fd: The session.
 * @err: What the call returned.
 */
struct run {
	struct cordbg_operation ops[COUNT];
	struct cordbg_batch arg;
	int fd;
	int err;
};

static void run_prepare(struct run *run, int fd, enum rest rest, uint8_t *at,
			uint8_t *buffer, uint8_t *silent)
{
	int i;

	for (i = 0; i < BEFORE; i++)
		run->ops[i] = op_write(at + i, buffer, 1);
	for (; i < COUNT; i++) {
		enum rest kind = rest == MIX ? (enum rest)(i % MIX) : rest;

		run->ops[i] = rest_op(kind, at + 8 * i, buffer);
	}
	run->ops[BEFORE] = op_write(at + BEFORE, silent, 1);
	run->arg = (struct cordbg_batch) {
		.argsz = sizeof(run->arg),
		.operations = ptr_u64(run->ops),
		.count = COUNT,
		.operation_size = sizeof(*run->ops),
		.done = POISON32,
	};
	run->fd = fd;
	run->err = 1;
}

static void *run_main(void *data)
{
	struct run *run = data;

	run->err = cordbg_ioctl(run->fd, CORDBG_BATCH, &run->arg);
	return NULL;
}

FIXTURE(gone)
{
	struct image image;
	struct silent silent;
	struct run run;
	uint8_t byte;
	bool dead;
};

FIXTURE_VARIANT(gone)
{
	enum rest rest;
	char how;		/* a request to the image, or 0: it is killed */
};

FIXTURE_VARIANT_ADD(gone, killed_writes) { .rest = WRITES };
FIXTURE_VARIANT_ADD(gone, killed_reads) { .rest = READS };
FIXTURE_VARIANT_ADD(gone, killed_sets) { .rest = SETS };
FIXTURE_VARIANT_ADD(gone, killed_clears) { .rest = CLEARS };
FIXTURE_VARIANT_ADD(gone, exits) { .rest = MIX, .how = IMAGE_QUIT };
FIXTURE_VARIANT_ADD(gone, execs_writes) { .rest = WRITES, .how = IMAGE_EXEC };
FIXTURE_VARIANT_ADD(gone, execs_sets) { .rest = SETS, .how = IMAGE_EXEC };
FIXTURE_VARIANT_ADD(gone, execs) { .rest = MIX, .how = IMAGE_EXEC };

FIXTURE_SETUP(gone)
{
	ASSERT_EQ(0, image_start(&self->image, IMAGE_SELF, NULL));
	ASSERT_EQ(0, silent_map(&self->silent));
	self->byte = 0x99;
	run_prepare(&self->run, session_open(self->image.pid), variant->rest,
		    marker, &self->byte, self->silent.page);
	ASSERT_LE(0, self->run.fd);
}

FIXTURE_TEARDOWN(gone)
{
	if (!self->dead)
		EXPECT_EQ(0, image_stop(&self->image));
	close(self->run.fd);
}

/* End the image that the session is bound to. */
static int end_image(struct _test_data_gone *self, char how)
{
	if (how == IMAGE_EXEC)
		return image_ask(&self->image, how) == IMAGE_READY ? 0 : -EPIPE;
	self->dead = true;
	if (how)
		return image_stop(&self->image);
	return WIFSIGNALED(child_kill(self->image.pid)) ? 0 : -ECHILD;
}

TEST_F(gone, in_the_middle)
{
	const struct cordbg_operation *ops = self->run.ops;
	pthread_t thread;
	uint32_t i, last;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run_main, &self->run));
	ASSERT_EQ(0, silent_wait(&self->silent));
	ASSERT_EQ(0, end_image(self, variant->how));
	ASSERT_EQ(0, silent_answer(&self->silent));
	ASSERT_EQ(0, pthread_join(thread, NULL));

	EXPECT_EQ(-ESRCH, self->run.err);
	for (i = 0; i < BEFORE; i++)
		EXPECT_TRUE(op_done(&ops[i], 1));
	/* The one in the middle may have got through. */
	last = ops[BEFORE].status ? BEFORE : BEFORE + 1;
	EXPECT_TRUE(op_refused(&ops[last], -ESRCH));
	EXPECT_EQ(last + 1, self->run.arg.done);
	EXPECT_TRUE(ops_unanswered(ops + last + 1, COUNT - last - 1));
	/* Nothing of it is in the next image. */
	if (!self->dead)
		EXPECT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_CHECK));
}

/* It has gone before the batch begins. */
TEST_F(gone, before)
{
	ASSERT_EQ(0, end_image(self, variant->how));
	run_main(&self->run);
	EXPECT_EQ(-ESRCH, self->run.err);
	EXPECT_EQ(0U, self->run.arg.done);
	EXPECT_TRUE(ops_unanswered(self->run.ops, COUNT));
	self->run.arg.flags = CORDBG_BATCH_ATOMIC;
	run_main(&self->run);
	EXPECT_EQ(-ESRCH, self->run.err);
	if (!self->dead)
		EXPECT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_CHECK));
}

/* Either all of an atomic batch was for the image it is bound to, or nothing. */
TEST_F(gone, atomic)
{
	const struct cordbg_operation *ops = self->run.ops;
	pthread_t thread;
	int i, end;

	/* A clear of what was not set would be refused for that. */
	for (i = BEFORE + 1; i < COUNT; i++)
		if (ops[i].op == CORDBG_OP_CLEAR_BREAKPOINT)
			ASSERT_EQ(0, do_break(self->run.fd, ops[i].address));
	self->run.arg.flags = CORDBG_BATCH_ATOMIC;
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_main, &self->run));
	ASSERT_EQ(0, silent_wait(&self->silent));
	end = end_image(self, variant->how);
	ASSERT_EQ(0, silent_answer(&self->silent));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, end);
	ASSERT_TRUE(!self->run.err || self->run.err == -ESRCH);
	if (!self->run.err)
		for (i = 0; i < COUNT; i++)
			EXPECT_EQ(0, ops[i].status);
	if (!self->dead)
		EXPECT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_CHECK));
}

/*
 * A tool that is killed. What it shares with the test outlives it.
 */

FIXTURE(killed)
{
	struct field f;
	struct run *run;
	uint8_t *byte;
};

FIXTURE_SETUP(killed)
{
	ASSERT_EQ(0, field_start(&self->f));
	self->run = (void *)map_anon(sizeof(*self->run), PROT_READ | PROT_WRITE,
				     MAP_SHARED);
	self->byte = map_anon(page_size(), PROT_READ | PROT_WRITE, MAP_SHARED);
	ASSERT_TRUE(self->run && self->byte);
	*self->byte = 0x99;
}

FIXTURE_TEARDOWN(killed)
{
	EXPECT_EQ(0, debuggee_stop(&self->f.d));
}

/* The life of a tool: it is killed while its batch waits for the page. */
static void tool_main(struct _test_data_killed *self, uint32_t flags)
{
	struct silent silent;
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (silent_map(&silent))
		_exit(1);
	run_prepare(self->run, session_open(self->f.d.target.pid), SETS,
		    self->f.memory, self->byte, silent.page);
	self->run->arg.flags = flags;
	if (pthread_create(&thread, NULL, run_main, self->run) ||
	    silent_wait(&silent))
		_exit(2);
	kill(getpid(), SIGKILL);
	pause();
}

static int kill_tool(struct _test_data_killed *self, uint32_t flags)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		tool_main(self, flags);
	if (child_wait(pid, PROMPT_MS, &status))
		return -ETIMEDOUT;
	return WIFSIGNALED(status) ? 0 : -WEXITSTATUS(status);
}

TEST_F(killed, tool)
{
	const struct cordbg_operation *ops = self->run->ops;
	int i;

	ASSERT_EQ(0, kill_tool(self, 0));
	for (i = 0; i < BEFORE; i++)
		EXPECT_TRUE(op_done(&ops[i], 1));
	EXPECT_TRUE(op_refused(&ops[BEFORE], -EINTR)) {
		TH_LOG("status %d", ops[BEFORE].status);
	}
	EXPECT_EQ(BEFORE + 1, self->run->arg.done);
	EXPECT_TRUE(ops_unanswered(ops + BEFORE + 1, COUNT - BEFORE - 1));
	memset(self->f.memory, 0x99, BEFORE);
	EXPECT_TRUE(field_untouched(&self->f));
}

TEST_F(killed, tool_atomic)
{
	ASSERT_EQ(0, kill_tool(self, CORDBG_BATCH_ATOMIC));
	EXPECT_TRUE(field_untouched(&self->f));
}

/*
 * A long batch, of large writes, and no page to wait for.
 */
#define PIECE		131072U
#define MIDDLE		100	/* the write at which the tool is killed */
#define ATTEMPTS	8

static pid_t start_large(struct _test_data_killed *self, uint8_t *at,
			 uint8_t *bytes)
{
	struct run *run = self->run;
	pid_t pid;
	int i;

	for (i = 0; i < COUNT; i++)
		run->ops[i] = op_write(at + i * PIECE, bytes, PIECE);
	run->arg.argsz = sizeof(run->arg);
	run->arg.operations = ptr_u64(run->ops);
	run->arg.count = COUNT;
	run->arg.operation_size = sizeof(*run->ops);
	run->arg.done = POISON32;
	run->err = 1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run->fd = session_open(self->f.d.target.pid);
		run_main(run);
		_exit(0);
	}
	return pid;
}

/* Kill the tool when it has come to the middle: 0 or a negative errno. */
static int kill_large(struct _test_data_killed *self, uint8_t *at, pid_t tool)
{
	uint64_t limit = now_ms() + PROMPT_MS;
	uint8_t byte = 0;
	int status;

	while (byte != 0x99 && now_ms() < limit)
		if (peek(self->f.d.target.pid, at + MIDDLE * PIECE, &byte, 1))
			return -EFAULT;
	kill(tool, SIGKILL);
	return child_wait(tool, PROMPT_MS, &status);
}

/* Whether a range has @new bytes that were written, and then none. */
static bool begins_with_new(const uint8_t *p, size_t new)
{
	return (!new || filled_with(p, 0x99, new)) &&
	       (new == PIECE || filled_with(p + new, 0, PIECE - new));
}

/* What is told and what is there: 0 or the line. */
static int judge_large(const struct run *run, const uint8_t *seen)
{
	const struct cordbg_operation *op;
	uint32_t i, done = run->arg.done;

	if (done > COUNT || !ops_unanswered(run->ops + done, COUNT - done))
		return __LINE__;
	for (i = 0; i < COUNT; i++) {
		op = &run->ops[i];
		if (i >= done ? !begins_with_new(seen + i * PIECE, 0) :
		    !begins_with_new(seen + i * PIECE, op->done))
			return __LINE__;
		if (i < done && op->status && (op->status != -EINTR ||
					       i != done - 1))
			return __LINE__;
		if (i < done && !op->status && op->done != PIECE)
			return __LINE__;
	}
	return 0;
}

TEST_F_TIMEOUT(killed, tool_with_large_writes, 200)
{
	uint8_t *at = map_private(COUNT * PIECE), *seen;
	uint8_t *bytes = map_private(PIECE);
	uint32_t done = COUNT;
	int attempt;
	pid_t tool;

	seen = map_private(COUNT * PIECE);
	ASSERT_TRUE(at && bytes && seen);
	memset(bytes, 0x99, PIECE);
	EXPECT_EQ(0, debuggee_stop(&self->f.d));
	ASSERT_EQ(0, debuggee_start(&self->f.d));
	for (attempt = 0; attempt < ATTEMPTS && done == COUNT; attempt++) {
		ASSERT_EQ(0, target_call(&self->f.d.target, in_target_fill,
					 (unsigned long)at, COUNT * PIECE, 0));
		tool = start_large(self, at, bytes);
		ASSERT_LT(0, tool);
		ASSERT_EQ(0, kill_large(self, at, tool));
		done = self->run->arg.done;
		ASSERT_EQ(0, peek(self->f.d.target.pid, at, seen,
				  COUNT * PIECE));
		ASSERT_EQ(0, judge_large(self->run, seen));
		TH_LOG("killed after %u of %u operations", done, COUNT);
	}
	ASSERT_GT(COUNT, done);
	ASSERT_LE(MIDDLE, done);
}

int main(int argc, char **argv)
{
	image_main(argc, argv);
	return test_harness_run(argc, argv);
}
