// SPDX-License-Identifier: GPL-2.0
/*
 * A caller whose own memory never answers: it lies in a userfaultfd(2) region that
 * nobody serves. The call blocks for ever, but only that call: other sessions on
 * the same process go on, so does the process, and the caller can be killed.
 */
#include <poll.h>

#include "cordbg_harness.h"
#include "cordbg_process.h"
#include "cordbg_uffd.h"

#define PROMPT_MS	10000	/* a slow machine's "at once" */
#define AREA_SIZE	1048576

/* The part of the caller's memory that blocks. */
enum part { STRUCTURE, WRITTEN, BUFFER, BUFFER_TAIL, OPERATIONS };

FIXTURE(blocked)
{
	struct target t;
	uint8_t *area;
	pid_t tool;
	int fd;
};

FIXTURE_VARIANT(blocked)
{
	unsigned long cmd;
	enum part part;
	uint32_t size;
	uint32_t flags;		/* of a batch */
};

FIXTURE_VARIANT_ADD(blocked, write_structure)
{
	.cmd = CORDBG_WRITE_MEMORY,
	.part = STRUCTURE,
	.size = 8,
};

FIXTURE_VARIANT_ADD(blocked, write_written)
{
	.cmd = CORDBG_WRITE_MEMORY,
	.part = WRITTEN,
	.size = 8,
};

FIXTURE_VARIANT_ADD(blocked, write_few_bytes)
{
	.cmd = CORDBG_WRITE_MEMORY,
	.part = BUFFER,
	.size = 8,
};

FIXTURE_VARIANT_ADD(blocked, write_page)
{
	.cmd = CORDBG_WRITE_MEMORY,
	.part = BUFFER,
	.size = 4096,
};

FIXTURE_VARIANT_ADD(blocked, write_large)
{
	.cmd = CORDBG_WRITE_MEMORY,
	.part = BUFFER,
	.size = AREA_SIZE,
};

FIXTURE_VARIANT_ADD(blocked, write_large_tail)
{
	.cmd = CORDBG_WRITE_MEMORY,
	.part = BUFFER_TAIL,
	.size = AREA_SIZE,
};

FIXTURE_VARIANT_ADD(blocked, read_few_bytes)
{
	.cmd = CORDBG_READ_MEMORY,
	.part = BUFFER,
	.size = 8,
};

FIXTURE_VARIANT_ADD(blocked, read_page)
{
	.cmd = CORDBG_READ_MEMORY,
	.part = BUFFER,
	.size = 4096,
};

FIXTURE_VARIANT_ADD(blocked, read_large)
{
	.cmd = CORDBG_READ_MEMORY,
	.part = BUFFER,
	.size = AREA_SIZE,
};

FIXTURE_VARIANT_ADD(blocked, read_large_tail)
{
	.cmd = CORDBG_READ_MEMORY,
	.part = BUFFER_TAIL,
	.size = AREA_SIZE,
};

FIXTURE_VARIANT_ADD(blocked, set_original)
{
	.cmd = CORDBG_SET_UNMANAGED_BREAKPOINT,
	.part = BUFFER,
	.size = CORDBG_OPCODE_MAX,
};

FIXTURE_VARIANT_ADD(blocked, list_array)
{
	.cmd = CORDBG_LIST_BREAKPOINTS,
	.part = BUFFER,
	.size = 100,
};

FIXTURE_VARIANT_ADD(blocked, batch_operations)
{
	.cmd = CORDBG_BATCH,
	.part = OPERATIONS,
	.size = 10,
};

FIXTURE_VARIANT_ADD(blocked, batch_write)
{
	.cmd = CORDBG_BATCH,
	.part = BUFFER,
	.size = 8,
};

FIXTURE_VARIANT_ADD(blocked, batch_atomic_operations)
{
	.cmd = CORDBG_BATCH,
	.part = OPERATIONS,
	.size = 10,
	.flags = CORDBG_BATCH_ATOMIC,
};

FIXTURE_VARIANT_ADD(blocked, batch_atomic_write)
{
	.cmd = CORDBG_BATCH,
	.part = BUFFER,
	.size = 8,
	.flags = CORDBG_BATCH_ATOMIC,
};

FIXTURE_VARIANT_ADD(blocked, batch_atomic_write_tail)
{
	.cmd = CORDBG_BATCH,
	.part = BUFFER_TAIL,
	.size = AREA_SIZE,
	.flags = CORDBG_BATCH_ATOMIC,
};

/* Memory whose last @size bytes block, after @before bytes that do not. */
static uint8_t *map_silent(size_t before, size_t size, int *uffd)
{
	size_t page = page_size();
	uint8_t *p;

	before = (before + page - 1) & ~(page - 1);
	size = (size + page - 1) & ~(page - 1);
	p = mmap(NULL, before + size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	memset(p, 0x22, before);
	*uffd = uffd_register(p + before, size, UFFDIO_REGISTER_MODE_MISSING,
			      0);
	return *uffd < 0 ? NULL : p + before;
}

/**
 * struct call - the call of a tool that blocks
 * @fd: Its session.
 * @cmd: The ioctl.
 * @arg: Its argument.
 */
struct call {
	int fd;
	unsigned long cmd;
	void *arg;
};

static void *call_main(void *data)
{
	struct call *call = data;

	ioctl(call->fd, call->cmd, call->arg);
	/* The call returned, which it must not. */
	_exit(1);
}

/* Operations that block, or one whose data does. */
static void batch_fill(struct cordbg_batch *arg, uint64_t target,
		       const struct _fixture_variant_blocked *v,
		       uint8_t *buffer)
{
	static struct cordbg_operation op = { .op = CORDBG_OP_WRITE_MEMORY };

	op.address = target;
	op.buffer = ptr_u64(buffer);
	op.size = v->size;
	arg->argsz = sizeof(*arg);
	arg->flags = v->flags;
	arg->operations = ptr_u64(v->part == OPERATIONS ? (void *)buffer : &op);
	arg->count = v->part == OPERATIONS ? v->size : 1;
	arg->operation_size = sizeof(op);
}

static void argument_fill(union argument *arg, uint64_t target,
			  const struct _fixture_variant_blocked *v,
			  uint8_t *buffer, uint64_t *written)
{
	memset(arg, 0, sizeof(*arg));
	switch (v->cmd) {
	case CORDBG_SET_UNMANAGED_BREAKPOINT:
		arg->head.argsz = sizeof(arg->set);
		arg->set.address = target;
		arg->set.buffer = ptr_u64(buffer);
		arg->set.bufsize = v->size;
		break;
	case CORDBG_BATCH:
		batch_fill(&arg->batch, target, v, buffer);
		break;
	case CORDBG_LIST_BREAKPOINTS:
		arg->head.argsz = sizeof(arg->list);
		arg->list.breakpoints = ptr_u64(buffer);
		arg->list.capacity = v->size;
		break;
	default:
		arg->head.argsz = sizeof(arg->transfer);
		arg->transfer.address = target;
		arg->transfer.buffer = ptr_u64(buffer);
		arg->transfer.written = ptr_u64(written);
		arg->transfer.size = v->size;
	}
}

/*
 * The life of the tool: make the call in a thread, and tell the test when the
 * thread waits for its page. A fault is reported once, and never answered.
 */
static void tool_main(const struct _test_data_blocked *self,
		      const struct _fixture_variant_blocked *v, int report)
{
	struct call call = { session_open(self->t.pid), v->cmd, NULL };
	size_t before = v->part == BUFFER_TAIL ? v->size / 2 : 0;
	union argument arg;
	struct pollfd event;
	uint64_t written;
	pthread_t thread;
	uint8_t *silent;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	silent = map_silent(before, AREA_SIZE, &event.fd);
	if (call.fd < 0 || !silent || do_break(call.fd, ptr_u64(self->area)))
		_exit(2);
	argument_fill(&arg, ptr_u64(self->area + 64), v, silent - before,
		      v->part == WRITTEN ? (uint64_t *)silent : &written);
	if (v->part == STRUCTURE || v->part == WRITTEN)
		arg.transfer.buffer = ptr_u64(self->area);
	call.arg = v->part == STRUCTURE ? (void *)silent : &arg;
	event.events = POLLIN;
	if (pthread_create(&thread, NULL, call_main, &call))
		_exit(3);
	if (poll(&event, 1, PROMPT_MS) != 1 || event.revents != POLLIN ||
	    write(report, "b", 1) != 1)
		_exit(4);
	for (;;)
		pause();
}

FIXTURE_SETUP(blocked)
{
	int report[2];
	char byte;

	self->area = mmap(NULL, 2 * AREA_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->area != MAP_FAILED);
	memset(self->area, 0x11, 2 * AREA_SIZE);
	ASSERT_EQ(0, target_start(&self->t));
	ASSERT_EQ(0, pipe(report));
	self->tool = fork();
	ASSERT_LE(0, self->tool);
	if (!self->tool) {
		close(report[0]);
		tool_main(self, variant, report[1]);
	}
	close(report[1]);
	ASSERT_EQ(1, read(report[0], &byte, 1));
	close(report[0]);
	self->fd = session_open(self->t.pid);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(blocked)
{
	if (self->tool > 0)
		child_kill(self->tool);
	close(self->fd);
	EXPECT_EQ(0, target_stop(&self->t));
}

/* What another session does meanwhile: 0 or the line that failed. */
static int use_session(int fd, uint8_t *area)
{
	static uint8_t out[AREA_SIZE], in[AREA_SIZE];
	struct cordbg_breakpoint list[4];
	uint64_t n;

	memset(out, 0x33, sizeof(out));
	if (do_write(fd, ptr_u64(area), out, 8, 0, &n, NULL) || n != 8)
		return __LINE__;
	if (do_write(fd, ptr_u64(area), out, sizeof(out), 0, &n, NULL) ||
	    n != sizeof(out))
		return __LINE__;
	if (do_break(fd, ptr_u64(area + 4096)))
		return __LINE__;
	if (do_read(fd, ptr_u64(area), in, sizeof(in), 0, &n, NULL) ||
	    n != sizeof(in) || memcmp(in, out, sizeof(in)))
		return __LINE__;
	if (do_list(fd, ptr_u64(area + 4096), list, 4, NULL) ||
	    list[0].address != ptr_u64(area + 4096))
		return __LINE__;
	return do_clear(fd, ptr_u64(area + 4096)) ? __LINE__ : 0;
}

/* For target_call(): the process can change its own mappings. */
static long in_target_map(unsigned long address, unsigned long size,
			  unsigned long unused)
{
	(void)unused;
	if (mprotect((void *)address, size, PROT_READ) ||
	    mprotect((void *)address, size, PROT_READ | PROT_WRITE))
		return -errno;
	return 0;
}

/* All this hangs, and the harness ends it, if the blocked call is in the way. */
TEST_F_TIMEOUT(blocked, others_go_on, 60)
{
	uint64_t since = now_ms();
	int status;

	ASSERT_EQ(0, use_session(self->fd, self->area));
	ASSERT_EQ(0, target_call(&self->t, in_target_map,
				 (unsigned long)self->area, AREA_SIZE, 0));
	ASSERT_EQ(0, close(self->fd));
	self->fd = session_open(self->t.pid);
	ASSERT_LE(0, self->fd);
	EXPECT_GT((uint64_t)PROMPT_MS, now_ms() - since);
	/* It still waits; nothing of its call has happened. */
	ASSERT_EQ(0, waitpid(self->tool, &status, WNOHANG));
	kill(self->tool, SIGKILL);
	ASSERT_EQ(0, child_wait(self->tool, PROMPT_MS, &status));
	self->tool = 0;
	ASSERT_TRUE(WIFSIGNALED(status));
}

/* The tool dies at once, and takes its breakpoint and nothing else with it. */
TEST_F_TIMEOUT(blocked, killed, 60)
{
	static uint8_t seen[2 * AREA_SIZE];
	int status;

	kill(self->tool, SIGKILL);
	ASSERT_EQ(0, child_wait(self->tool, PROMPT_MS, &status));
	self->tool = 0;
	ASSERT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, sizeof(seen)));
	ASSERT_TRUE(filled_with(seen, 0x11, sizeof(seen)));
	ASSERT_EQ(0, use_session(self->fd, self->area));
}

TEST_HARNESS_MAIN
