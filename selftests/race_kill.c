// SPDX-License-Identifier: GPL-2.0
/*
 * Tools and targets that die in the middle of it: a killed tool goes at once, has
 * written exactly what it says and leaves no opcode; a killed target ends the
 * tool's call; a target that exits while it is attached to harms nobody.
 */
#include "cordbg_harness.h"
#include "cordbg_process.h"

#define MIB		1048576U
#define OLD		0x00
#define FIRST		0x77	/* where what is read meets the buffer's first */
#define UNIT		(2 * MIB)
#define NEW		0x5a
#define PROMPT_MS	10000	/* a slow machine's "at once" */
#define PLENTY_MS	60000	/* for one large call */
#define SOME_MS		6000	/* for the rounds of one test */

/* Offsets of a tool's breakpoints, counted from both ends of its range. */
static const uint32_t places[] = { 100, 4096, 300000 };

/**
 * struct report - what a tool tells the test, in memory that outlives it
 * @written: Stored by the kernel.
 * @result: What the call returned, 1 before it did.
 */
struct report {
	uint64_t written;
	int result;
};

FIXTURE(killed)
{
	struct target t;
	uint8_t *area;		/* the target's, private */
	uint8_t *buffer;	/* the tool's, shared with the test */
	struct report *report;
};

FIXTURE_VARIANT(killed)
{
	unsigned long cmd;
	uint32_t size;
	uint32_t smaller;
};

FIXTURE_VARIANT_ADD(killed, write)
{
	.cmd = CORDBG_WRITE_MEMORY,
	.size = 3 * CORDBG_WINDOW,
	.smaller = 8 * MIB,
};

FIXTURE_VARIANT_ADD(killed, write_one_window)
{
	.cmd = CORDBG_WRITE_MEMORY,
	.size = CORDBG_WINDOW,
	.smaller = MIB,
};

FIXTURE_VARIANT_ADD(killed, read)
{
	.cmd = CORDBG_READ_MEMORY,
	.size = 3 * CORDBG_WINDOW,
	.smaller = 8 * MIB,
};

/* A buffer of @size bytes that takes no more memory than one of UNIT. */
static uint8_t *map_repeated(uint32_t size, uint8_t value)
{
	const int prot = PROT_READ | PROT_WRITE;
	int fd = memfd_create("buffer", MFD_CLOEXEC);
	uint8_t *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS |
			  MAP_NORESERVE, -1, 0);
	uint32_t at;

	if (p == MAP_FAILED || fd < 0 || ftruncate(fd, UNIT))
		return NULL;
	for (at = 0; at < size; at += UNIT)
		if (mmap(p + at, UNIT, prot, MAP_SHARED | MAP_FIXED, fd, 0) ==
		    MAP_FAILED)
			return NULL;
	close(fd);
	memset(p, value, UNIT);
	return p;
}

FIXTURE_SETUP(killed)
{
	const int prot = PROT_READ | PROT_WRITE;
	uint32_t at;

	self->area = mmap(NULL, variant->size, prot, MAP_PRIVATE |
			  MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(self->area != MAP_FAILED);
	for (at = 0; variant->cmd == CORDBG_READ_MEMORY && at < variant->size;
	     at += UNIT)
		self->area[at] = FIRST;
	self->buffer = map_repeated(variant->size, NEW);
	ASSERT_TRUE(!!self->buffer);
	self->report = mmap(NULL, sizeof(*self->report), prot,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->report != MAP_FAILED);
	ASSERT_EQ(0, target_start(&self->t));
}

FIXTURE_TEARDOWN(killed)
{
	int status = target_stop(&self->t);

	EXPECT_TRUE(!status || (WIFSIGNALED(status) &&
				WTERMSIG(status) == SIGKILL));
}

/* The life of a tool; it tells how it went through the report. */
static void tool_main(struct _test_data_killed *self, unsigned long cmd,
		      uint32_t size)
{
	int fd = session_open(self->t.pid);
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0)
		_exit(1);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (do_break(fd, ptr_u64(self->area + places[i])) ||
		    do_break(fd, ptr_u64(self->area + size - places[i])))
			_exit(2);
	self->report->result = do_transfer(fd, cmd, ptr_u64(self->area),
					   self->buffer, size, 0,
					   &self->report->written, NULL);
	_exit(0);
}

static pid_t tool_start(struct _test_data_killed *self, unsigned long cmd,
			uint32_t size)
{
	pid_t pid;

	self->report->result = 1;
	self->report->written = POISON64;
	pid = fork();
	if (!pid)
		tool_main(self, cmd, size);
	return pid;
}

/* Whether the tool's transfer has come to an offset. */
static bool tool_reached(struct _test_data_killed *self, unsigned long cmd,
			 uint32_t offset)
{
	uint8_t byte = OLD;

	if (cmd == CORDBG_READ_MEMORY)
		return __atomic_load_n(self->buffer + offset,
				       __ATOMIC_RELAXED) == FIRST;
	return !peek(self->t.pid, self->area + offset, &byte, 1) && byte == NEW;
}

/* Wait until it has: whether it did so before the tool's call was over. */
static bool tool_wait(struct _test_data_killed *self, unsigned long cmd,
		      uint32_t offset)
{
	uint64_t limit = now_ms() + PLENTY_MS;
	int *result = &self->report->result;

	while (!tool_reached(self, cmd, offset)) {
		if (__atomic_load_n(result, __ATOMIC_ACQUIRE) != 1 ||
		    now_ms() > limit)
			return false;
		usleep(100);
	}
	return true;
}

/* Whether the target has exactly @written new bytes, and no opcode. */
static bool exactly_written(struct _test_data_killed *self, uint32_t size,
			    uint64_t written)
{
	static uint8_t chunk[4 * MIB];
	uint64_t at, new;

	for (at = 0; at < size; at += sizeof(chunk)) {
		if (peek(self->t.pid, self->area + at, chunk, sizeof(chunk)))
			return false;
		new = written < at ? 0 : written - at;
		if (new > sizeof(chunk))
			new = sizeof(chunk);
		if (new && !filled_with(chunk, NEW, new))
			return false;
		if (new < sizeof(chunk) &&
		    !filled_with(chunk + new, OLD, sizeof(chunk) - new))
			return false;
	}
	return true;
}

/* Whether no breakpoint of the tool is left in what it only read. */
static bool untouched(struct _test_data_killed *self, uint32_t size)
{
	uint8_t low = NEW, high = NEW;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (peek(self->t.pid, self->area + places[i], &low, 1) ||
		    peek(self->t.pid, self->area + size - places[i], &high,
			 1) || low != OLD || high != OLD)
			return false;
	return true;
}

/* For target_call(). */
static long in_target_forget(unsigned long address, unsigned long size,
			     unsigned long unused)
{
	(void)unused;
	memset((void *)address, OLD, size);
	return 0;
}

/* Kill a tool that has come to @offset: whether it died as it should. */
static bool tool_kill(struct _test_data_killed *self, unsigned long cmd,
		      uint32_t size, uint32_t offset)
{
	pid_t tool = tool_start(self, cmd, size);
	uint64_t since;
	int status;

	if (tool < 0)
		return false;
	tool_wait(self, cmd, offset);
	since = now_ms();
	kill(tool, SIGKILL);
	if (child_wait(tool, PROMPT_MS, &status))
		return false;
	printf("# killed after %llu of %u bytes, gone after %llu ms\n",
	       (unsigned long long)self->report->written, size,
	       (unsigned long long)(now_ms() - since));
	return !status || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

#define TOOL_ATTEMPTS	5

/*
 * However slow the test, one of several tools is caught in the middle of its call;
 * and then it ends there, not at the end of its window.
 */
TEST_F_TIMEOUT(killed, tool, 200)
{
	bool write = variant->cmd == CORDBG_WRITE_MEMORY;
	uint32_t size = variant->size, offset = 0;
	uint64_t written = size;
	int attempt;

	/* In the second window of several. */
	if (write && size > CORDBG_WINDOW)
		offset = CORDBG_WINDOW;
	for (attempt = 0; attempt < TOOL_ATTEMPTS && written == size;
	     attempt++) {
		if (attempt && write)
			ASSERT_EQ(0, target_call(&self->t, in_target_forget,
						 (unsigned long)self->area,
						 size, 0));
		ASSERT_TRUE(tool_kill(self, variant->cmd, size, offset));
		written = self->report->written;
		ASSERT_GE(size, written);
		ASSERT_LT(offset, written);
		ASSERT_TRUE(write ? exactly_written(self, size, written) :
				    untouched(self, size));
	}
	ASSERT_GT(size, written);
}

/* Milliseconds that one whole call takes, setup included. */
static uint64_t tool_duration(struct _test_data_killed *self,
			      unsigned long cmd, uint32_t size)
{
	uint64_t since = now_ms();
	pid_t tool = tool_start(self, cmd, size);
	int status;

	if (waitpid(tool, &status, 0) != tool || status)
		return 0;
	return now_ms() - since + 1;
}

#define ANY_ROUNDS	24
#define ANY_ENOUGH	3

/* Kill it in all phases, from the setting of breakpoints to the exit. */
TEST_F_TIMEOUT(killed, tool_any_time, 100)
{
	const uint32_t size = variant->smaller;
	uint64_t limit = race_end(SOME_MS), duration, written;
	int status, round, partial = 0;
	pid_t tool;

	/* The first one finds pages missing and takes longer. */
	ASSERT_NE(0U, tool_duration(self, variant->cmd, size));
	duration = tool_duration(self, variant->cmd, size);
	ASSERT_NE(0U, duration);
	for (round = 0; round < ANY_ENOUGH ||
	     (round < ANY_ROUNDS && now_ms() < limit); round++) {
		ASSERT_EQ(0, target_call(&self->t, in_target_forget,
					 (unsigned long)self->area, size, 0));
		tool = tool_start(self, variant->cmd, size);
		ASSERT_LT(0, tool);
		/* In an order that few rounds cover it all as well. */
		usleep(duration * 1000 * (round * 7 % ANY_ROUNDS) / ANY_ROUNDS);
		kill(tool, SIGKILL);
		ASSERT_EQ(0, child_wait(tool, PROMPT_MS, &status));
		written = self->report->written;
		if (written == POISON64)
			written = 0;
		ASSERT_GE(size, written);
		partial += written && written < size;
		if (variant->cmd == CORDBG_READ_MEMORY)
			written = 0;
		ASSERT_TRUE(exactly_written(self, size, written));
	}
	TH_LOG("%d rounds, %d interrupted", round, partial);
}

/* The tool's call ends, with an error that says why if it failed at all. */
TEST_F_TIMEOUT(killed, target, 150)
{
	pid_t tool = tool_start(self, variant->cmd, variant->size);
	int status, result;

	ASSERT_LT(0, tool);
	ASSERT_TRUE(tool_wait(self, variant->cmd, 0));
	kill(self->t.pid, SIGKILL);
	ASSERT_EQ(0, child_wait(tool, PLENTY_MS, &status));
	ASSERT_EQ(0, status);
	result = self->report->result;
	ASSERT_TRUE(result == 0 || result == -ESRCH);
	TH_LOG("%s after %llu bytes", result ? "ESRCH" : "success",
	       (unsigned long long)self->report->written);
	ASSERT_EQ(!result, self->report->written == variant->size);
	ASSERT_GE(variant->size, self->report->written);
}

/*
 * A target at work, with breakpoints of a tool that is killed.
 */
#define COUNTERS	16
#define STRIDE		256	/* between counters; breakpoints in between */

/**
 * struct work - memory of a target that is at work
 * @page: The target's own: counters, and breakpoints between them.
 * @stop: It is to end.
 * @rounds: How often it has counted.
 * @lost: Counts that were not what it had left there.
 */
struct work {
	uint8_t *page;
	int stop;
	unsigned long rounds;
	unsigned long lost;
};

static struct work *work;

/* Functions that get breakpoints; each has its own way to a result. */
static long add_one(unsigned long a, unsigned long b, unsigned long c)
{
	return a + b + c + 1;
}

static long mix_two(unsigned long a, unsigned long b, unsigned long c)
{
	return (a ^ b) * 3 + c;
}

static long pick_three(unsigned long a, unsigned long b, unsigned long c)
{
	return a > b ? a - c : b - c;
}

typedef long (*function_t)(unsigned long a, unsigned long b, unsigned long c);
static const function_t functions[] = { add_one, mix_two, pick_three };

FIXTURE(at_work)
{
	struct target t;
	pid_t tool;
};

FIXTURE_SETUP(at_work)
{
	work = mmap(NULL, sizeof(*work), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(work != MAP_FAILED);
	work->page = mmap(NULL, COUNTERS * STRIDE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(work->page != MAP_FAILED);
	memset(work->page, 0x11, COUNTERS * STRIDE);
	ASSERT_EQ(0, target_start(&self->t));
}

FIXTURE_TEARDOWN(at_work)
{
	work->stop = 1;
	if (self->tool)
		child_kill(self->tool);
	EXPECT_EQ(0, target_stop(&self->t));
}

/* Count up, and notice when a count was undone. */
static void *count(void *unused)
{
	unsigned int n = 0, was;
	int i;

	for (i = 0; i < COUNTERS; i++)
		__atomic_store_n((unsigned int *)(work->page + i * STRIDE), n,
				 __ATOMIC_RELAXED);
	while (!__atomic_load_n(&work->stop, __ATOMIC_RELAXED)) {
		for (i = 0; i < COUNTERS; i++) {
			unsigned int *c = (void *)(work->page + i * STRIDE);

			was = __atomic_load_n(c, __ATOMIC_RELAXED);
			work->lost += was != n;
			__atomic_store_n(c, n + 1, __ATOMIC_RELAXED);
		}
		n++;
		__atomic_store_n(&work->rounds, n, __ATOMIC_RELAXED);
	}
	return unused;
}

/* The life of a tool: breakpoints come and go until it is killed. */
static void planter_main(pid_t pid)
{
	int fd = session_open(pid), i;
	bool there = false;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0)
		_exit(1);
	for (;; there = !there) {
		for (i = 0; i < COUNTERS; i++) {
			uint64_t at = ptr_u64(work->page + i * STRIDE + 128);

			if (there ? do_clear(fd, at) : do_break(fd, at))
				_exit(2);
		}
		for (i = 0; i < (int)ARRAY_SIZE(functions); i++) {
			uint64_t at = (uintptr_t)functions[i];

			if (there ? do_clear(fd, at) : do_break(fd, at))
				_exit(3);
		}
	}
}

/* Whether the target has its own bytes everywhere: 0 or the line. */
static int target_clean(struct target *t)
{
	uint8_t page[COUNTERS * STRIDE], text[16];
	size_t i;

	if (peek(t->pid, work->page, page, sizeof(page)))
		return __LINE__;
	for (i = 0; i < COUNTERS; i++)
		if (!filled_with(page + i * STRIDE + 4, 0x11, STRIDE - 4))
			return __LINE__;
	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		if (peek(t->pid, (void *)functions[i], text, sizeof(text)) ||
		    memcmp(text, (void *)functions[i], sizeof(text)))
			return __LINE__;
		if (target_call(t, functions[i], 70, 50, 9) !=
		    functions[i](70, 50, 9))
			return __LINE__;
	}
	return 0;
}

#define PLANTER_ROUNDS	60
#define PLANTER_ENOUGH	15

TEST_F_TIMEOUT(at_work, tool_killed, 100)
{
	uint64_t limit = race_end(SOME_MS);
	uint8_t byte = 0;
	int round, status, caught = 0;

	ASSERT_EQ(0, target_call(&self->t, in_target_thread,
				 (unsigned long)count, 0, 0));
	for (round = 0; round < PLANTER_ENOUGH || !caught ||
	     (round < PLANTER_ROUNDS && now_ms() < limit); round++) {
		self->tool = fork();
		ASSERT_LE(0, self->tool);
		if (!self->tool)
			planter_main(self->t.pid);
		usleep(2000 + round * 777 % 9000);
		kill(self->tool, SIGSTOP);
		ASSERT_EQ(0, wait_for_state(self->tool, 'T', PROMPT_MS));
		ASSERT_EQ(0, peek(self->t.pid, work->page + 128, &byte, 1));
		caught += byte == opcode[0];
		status = child_kill(self->tool);
		self->tool = 0;
		ASSERT_TRUE(WIFSIGNALED(status));
		ASSERT_EQ(SIGKILL, WTERMSIG(status));
		ASSERT_EQ(0, target_clean(&self->t));
	}
	TH_LOG("%d tools killed, %d with breakpoints; %lu counts", round,
	       caught, work->rounds);
	EXPECT_EQ(0U, work->lost);
	EXPECT_LT(1000U, work->rounds);
}

#define EXIT_ROUNDS	400
#define EXIT_ENOUGH	50

/* Attach to, use and close targets that are about to exit. */
TEST_F_TIMEOUT(at_work, others_exit, 100)
{
	uint64_t limit = race_end(SOME_MS);
	int round, step, attached = 0, used = 0;

	for (round = 0; round < EXIT_ENOUGH || !attached ||
	     (round < EXIT_ROUNDS && now_ms() < limit); round++) {
		uint64_t at = ptr_u64(work->page) + 64;
		pid_t pid = fork();
		int fd, err = 0;

		ASSERT_LE(0, pid);
		if (!pid) {
			usleep(round % 20 * 100);
			_exit(0);
		}
		fd = session_open(pid);
		ASSERT_TRUE(fd >= 0 || fd == -ESRCH);
		attached += fd >= 0;
		for (step = 0; fd >= 0 && !err && step < 16; step++) {
			uint8_t bytes[128] = { 0 };

			err = do_break(fd, at + step * OPCODE_LEN) ?:
			      do_write(fd, at - 64, bytes, 128, 0, NULL, NULL);
			used += !err;
		}
		ASSERT_TRUE(!err || err == -ESRCH);
		if (round % 2)
			close(fd);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		if (round % 2 == 0)
			close(fd);
	}
	TH_LOG("%d rounds, %d attached, %d steps", round, attached, used);
	/* The one that goes on has none of it. */
	ASSERT_EQ(0, target_clean(&self->t));
}

TEST_HARNESS_MAIN
