// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls as an interface: structures and their sizes, flags, reserved
 * members, bad pointers, unknown numbers, and the device node. Whatever is
 * refused here must leave the target and the session as they were.
 */
#include <assert.h>
#include <limits.h>
#include <linux/major.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cordbg_harness.h"
#include "cordbg_process.h"

#define PAGE		4096
#define HELD		128	/* offset of the breakpoint that always is there */
#define TRIED		256	/* offset that the ioctl under test acts on */
#define TAIL		256	/* a longer structure is longer by so much */

#define LAYOUT(type, member, offset)					\
	static_assert(offsetof(struct type, member) == (offset),		\
		      #type "." #member)
#define LENGTH(type, size)						\
	static_assert(sizeof(struct type) == (size), #type)

/* The same for 32-bit and 64-bit callers, for ever. */
LENGTH(cordbg_attach, 16);
LAYOUT(cordbg_attach, argsz, 0);
LAYOUT(cordbg_attach, flags, 4);
LAYOUT(cordbg_attach, pid, 8);
LAYOUT(cordbg_attach, reserved, 12);
LENGTH(cordbg_transfer, 48);
LAYOUT(cordbg_transfer, argsz, 0);
LAYOUT(cordbg_transfer, flags, 4);
LAYOUT(cordbg_transfer, address, 8);
LAYOUT(cordbg_transfer, buffer, 16);
LAYOUT(cordbg_transfer, written, 24);
LAYOUT(cordbg_transfer, failed_address, 32);
LAYOUT(cordbg_transfer, size, 40);
LAYOUT(cordbg_transfer, reserved, 44);
LENGTH(cordbg_set_breakpoint, 32);
LAYOUT(cordbg_set_breakpoint, argsz, 0);
LAYOUT(cordbg_set_breakpoint, flags, 4);
LAYOUT(cordbg_set_breakpoint, address, 8);
LAYOUT(cordbg_set_breakpoint, buffer, 16);
LAYOUT(cordbg_set_breakpoint, bufsize, 24);
LAYOUT(cordbg_set_breakpoint, buflen, 28);
LENGTH(cordbg_clear_breakpoint, 16);
LAYOUT(cordbg_clear_breakpoint, argsz, 0);
LAYOUT(cordbg_clear_breakpoint, flags, 4);
LAYOUT(cordbg_clear_breakpoint, address, 8);
LENGTH(cordbg_breakpoint, 24);
LAYOUT(cordbg_breakpoint, address, 0);
LAYOUT(cordbg_breakpoint, length, 8);
LAYOUT(cordbg_breakpoint, flags, 12);
LAYOUT(cordbg_breakpoint, original, 16);
LENGTH(cordbg_list_breakpoints, 32);
LAYOUT(cordbg_list_breakpoints, argsz, 0);
LAYOUT(cordbg_list_breakpoints, flags, 4);
LAYOUT(cordbg_list_breakpoints, start, 8);
LAYOUT(cordbg_list_breakpoints, breakpoints, 16);
LAYOUT(cordbg_list_breakpoints, capacity, 24);
LAYOUT(cordbg_list_breakpoints, count, 28);
LENGTH(cordbg_operation, 56);
LAYOUT(cordbg_operation, op, 0);
LAYOUT(cordbg_operation, flags, 4);
LAYOUT(cordbg_operation, address, 8);
LAYOUT(cordbg_operation, buffer, 16);
LAYOUT(cordbg_operation, size, 24);
LAYOUT(cordbg_operation, done, 28);
LAYOUT(cordbg_operation, status, 32);
LAYOUT(cordbg_operation, reserved, 36);
LAYOUT(cordbg_operation, failed_address, 40);
LAYOUT(cordbg_operation, original, 48);
LENGTH(cordbg_batch, 32);
LAYOUT(cordbg_batch, argsz, 0);
LAYOUT(cordbg_batch, flags, 4);
LAYOUT(cordbg_batch, operations, 8);
LAYOUT(cordbg_batch, count, 16);
LAYOUT(cordbg_batch, operation_size, 20);
LAYOUT(cordbg_batch, done, 24);
LAYOUT(cordbg_batch, reserved, 28);

FIXTURE(abi)
{
	struct target t;
	int fd;			/* for ATTACH not bound, else bound to @t */
	uint8_t *page;		/* of the target */
	uint8_t before[PAGE];
	uint8_t buffer[64];
	uint64_t written;
	struct cordbg_breakpoint list[4];
	struct cordbg_operation op;
	union argument arg;
};

FIXTURE_VARIANT(abi)
{
	unsigned long cmd;
	size_t size;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(abi, attach)
{
	.cmd = CORDBG_ATTACH,
	.size = sizeof(struct cordbg_attach),
};

FIXTURE_VARIANT_ADD(abi, write)
{
	.cmd = CORDBG_WRITE_MEMORY,
	.size = sizeof(struct cordbg_transfer),
	.flags = CORDBG_FORCE | CORDBG_PROBE,
};

FIXTURE_VARIANT_ADD(abi, read)
{
	.cmd = CORDBG_READ_MEMORY,
	.size = sizeof(struct cordbg_transfer),
	.flags = CORDBG_FORCE | CORDBG_PROBE | CORDBG_RAW,
};

FIXTURE_VARIANT_ADD(abi, set)
{
	.cmd = CORDBG_SET_UNMANAGED_BREAKPOINT,
	.size = sizeof(struct cordbg_set_breakpoint),
};

FIXTURE_VARIANT_ADD(abi, clear)
{
	.cmd = CORDBG_CLEAR_UNMANAGED_BREAKPOINT,
	.size = sizeof(struct cordbg_clear_breakpoint),
};

FIXTURE_VARIANT_ADD(abi, list)
{
	.cmd = CORDBG_LIST_BREAKPOINTS,
	.size = sizeof(struct cordbg_list_breakpoints),
};

FIXTURE_VARIANT_ADD(abi, batch)
{
	.cmd = CORDBG_BATCH,
	.size = sizeof(struct cordbg_batch),
	.flags = CORDBG_BATCH_ATOMIC,
};

/* An operation that sets a breakpoint, with its results poisoned. */
static struct cordbg_operation set_operation(const void *address)
{
	return (struct cordbg_operation) {
		.op = CORDBG_OP_SET_BREAKPOINT,
		.address = ptr_u64(address),
		.done = POISON32,
		.status = INT_MAX,
		.failed_address = POISON64,
	};
}

/* Fill in an argument that succeeds, with its outputs poisoned. */
static void prepare(struct _test_data_abi *self, unsigned long cmd, size_t size)
{
	union argument *arg = &self->arg;

	memset(arg, 0, sizeof(*arg));
	memset(self->buffer, 0xa5, sizeof(self->buffer));
	memset(self->list, 0xa5, sizeof(self->list));
	self->written = POISON64;
	self->op = set_operation(self->page + TRIED);
	arg->head.argsz = size;
	switch (cmd) {
	case CORDBG_ATTACH:
		arg->attach.pid = self->t.pid;
		break;
	case CORDBG_WRITE_MEMORY:
	case CORDBG_READ_MEMORY:
		arg->transfer.address = ptr_u64(self->page + TRIED);
		arg->transfer.buffer = ptr_u64(self->buffer);
		arg->transfer.written = ptr_u64(&self->written);
		arg->transfer.failed_address = POISON64;
		arg->transfer.size = 8;
		break;
	case CORDBG_SET_UNMANAGED_BREAKPOINT:
		arg->set.address = ptr_u64(self->page + TRIED);
		arg->set.buffer = ptr_u64(self->buffer);
		arg->set.bufsize = sizeof(self->buffer);
		arg->set.buflen = POISON32;
		break;
	case CORDBG_CLEAR_UNMANAGED_BREAKPOINT:
		arg->clear.address = ptr_u64(self->page + HELD);
		break;
	case CORDBG_LIST_BREAKPOINTS:
		arg->list.breakpoints = ptr_u64(self->list);
		arg->list.capacity = ARRAY_SIZE(self->list);
		arg->list.count = POISON32;
		break;
	case CORDBG_BATCH:
		arg->batch.operations = ptr_u64(&self->op);
		arg->batch.count = 1;
		arg->batch.operation_size = sizeof(self->op);
		arg->batch.done = POISON32;
		break;
	}
}

/* Undo what a success did, so that the same argument succeeds again: 0. */
static int rearm(struct _test_data_abi *self, unsigned long cmd)
{
	switch (cmd) {
	case CORDBG_ATTACH:
		close(self->fd);
		self->fd = cordbg_open();
		return self->fd < 0 ? self->fd : 0;
	case CORDBG_SET_UNMANAGED_BREAKPOINT:
	case CORDBG_BATCH:
		return do_clear(self->fd, ptr_u64(self->page + TRIED));
	case CORDBG_CLEAR_UNMANAGED_BREAKPOINT:
		return do_break(self->fd, ptr_u64(self->page + HELD));
	}
	return 0;
}

/* Whether a refused call left everything as it was. */
static bool unchanged(struct _test_data_abi *self, unsigned long cmd)
{
	/* A SET may clear the room for its bytes before it looks further. */
	size_t room = cmd == CORDBG_SET_UNMANAGED_BREAKPOINT ? OPCODE_LEN : 0;
	struct cordbg_operation op = set_operation(self->page + TRIED);
	struct cordbg_breakpoint list[4];
	uint8_t now[PAGE], poison[sizeof(self->buffer)];
	uint32_t count;

	memset(poison, 0xa5, sizeof(poison));
	if (memcmp(self->buffer + room, poison, sizeof(poison) - room))
		return false;
	/* Set to 0 or left alone, but never a number of bytes. */
	if (self->written != POISON64 && self->written != 0)
		return false;
	if (memcmp(&self->op, &op, sizeof(op)))
		return false;
	if (peek(self->t.pid, self->page, now, PAGE) ||
	    memcmp(now, self->before, PAGE))
		return false;
	if (cmd == CORDBG_ATTACH)
		return do_list(self->fd, 0, list, 4, &count) == -ENOTCONN;
	return !do_list(self->fd, 0, list, 4, &count) && count == 1 &&
	       list[0].address == ptr_u64(self->page + HELD) &&
	       list[0].flags == (CORDBG_BREAKPOINT_PLANTED |
				 CORDBG_BREAKPOINT_MINE);
}

FIXTURE_SETUP(abi)
{
	int i;

	self->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->page != MAP_FAILED);
	for (i = 0; i < PAGE; i++)
		self->page[i] = i % 101 + 1;
	ASSERT_EQ(0, target_start(&self->t));
	if (variant->cmd == CORDBG_ATTACH) {
		self->fd = cordbg_open();
		ASSERT_LE(0, self->fd);
	} else {
		self->fd = session_open(self->t.pid);
		ASSERT_LE(0, self->fd);
		ASSERT_EQ(0, do_break(self->fd, ptr_u64(self->page + HELD)));
	}
	ASSERT_EQ(0, peek(self->t.pid, self->page, self->before, PAGE));
	prepare(self, variant->cmd, variant->size);
}

FIXTURE_TEARDOWN(abi)
{
	close(self->fd);
	EXPECT_EQ(0, target_stop(&self->t));
}

TEST_F(abi, argsz_exact)
{
	ASSERT_EQ(0, cordbg_ioctl(self->fd, variant->cmd, &self->arg));
}

TEST_F(abi, argsz_below_minimum)
{
	uint32_t size;

	for (size = 0; size < variant->size; size++) {
		self->arg.head.argsz = size;
		ASSERT_EQ(-EINVAL,
			  cordbg_ioctl(self->fd, variant->cmd, &self->arg))
			TH_LOG("argsz %u", size);
	}
	ASSERT_TRUE(unchanged(self, variant->cmd));
}

/* A caller compiled against a later header that uses nothing new of it. */
TEST_F(abi, argsz_longer_zero_tail)
{
	const uint32_t more[] = { 1, 4, 8, TAIL, PAGE - variant->size };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(more); i++) {
		prepare(self, variant->cmd, variant->size + more[i]);
		ASSERT_EQ(0, cordbg_ioctl(self->fd, variant->cmd, &self->arg))
			TH_LOG("%u bytes more", more[i]);
		ASSERT_EQ(variant->size + more[i], self->arg.head.argsz);
		/* The tail is not ours to write. */
		ASSERT_TRUE(filled_with(self->arg.bytes + variant->size, 0,
					more[i]));
		ASSERT_EQ(0, rearm(self, variant->cmd));
	}
}

/* One that does use something new: wherever it is, it is not ignored. */
TEST_F(abi, argsz_longer_dirty_tail)
{
	const uint32_t more[] = { 1, 8, 9, TAIL, PAGE - variant->size };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(more); i++) {
		uint8_t *end;

		prepare(self, variant->cmd, variant->size + more[i]);
		end = self->arg.bytes + variant->size + more[i];
		end[-1] = 1;
		ASSERT_EQ(-E2BIG,
			  cordbg_ioctl(self->fd, variant->cmd, &self->arg))
			TH_LOG("%u bytes more", more[i]);
		end[-1] = 0;
		self->arg.bytes[variant->size] = 0x80;
		ASSERT_EQ(-E2BIG,
			  cordbg_ioctl(self->fd, variant->cmd, &self->arg));
	}
	ASSERT_TRUE(unchanged(self, variant->cmd));
}

/* No structure is longer than a page, whatever is in it. */
TEST_F(abi, argsz_longer_than_page)
{
	const size_t size = page_size();
	union argument *arg = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(arg != MAP_FAILED);
	memcpy(arg, &self->arg, variant->size);
	arg->head.argsz = size + 1;
	ASSERT_EQ(-E2BIG, cordbg_ioctl(self->fd, variant->cmd, arg));
	arg->head.argsz = 2 * size;
	ASSERT_EQ(-E2BIG, cordbg_ioctl(self->fd, variant->cmd, arg));
	arg->head.argsz = UINT_MAX;
	ASSERT_EQ(-E2BIG, cordbg_ioctl(self->fd, variant->cmd, arg));
	ASSERT_TRUE(unchanged(self, variant->cmd));
	arg->head.argsz = size;
	ASSERT_EQ(0, cordbg_ioctl(self->fd, variant->cmd, arg));
}

/* The byte after the structure is the caller's own business. */
TEST_F(abi, argsz_exact_dirty_behind)
{
	memset(self->arg.bytes + variant->size, 0xff, TAIL);
	ASSERT_EQ(0, cordbg_ioctl(self->fd, variant->cmd, &self->arg));
	ASSERT_TRUE(filled_with(self->arg.bytes + variant->size, 0xff, TAIL));
}

TEST_F(abi, flags_unknown)
{
	int bit;

	for (bit = 0; bit < 32; bit++) {
		if (variant->flags & (1U << bit))
			continue;
		self->arg.head.flags = 1U << bit;
		ASSERT_EQ(-EINVAL,
			  cordbg_ioctl(self->fd, variant->cmd, &self->arg))
			TH_LOG("bit %d", bit);
		self->arg.head.flags |= variant->flags;
		ASSERT_EQ(-EINVAL,
			  cordbg_ioctl(self->fd, variant->cmd, &self->arg))
			TH_LOG("bit %d among known ones", bit);
	}
	ASSERT_TRUE(unchanged(self, variant->cmd));
}

TEST_F(abi, flags_known)
{
	uint32_t flags;

	/* Each subset, the empty one last. */
	for (flags = variant->flags;; flags = (flags - 1) & variant->flags) {
		bool probe = flags & CORDBG_PROBE;

		prepare(self, variant->cmd, variant->size);
		self->arg.head.flags = flags;
		if (probe)
			self->arg.transfer.buffer = 0;
		ASSERT_EQ(0, cordbg_ioctl(self->fd, variant->cmd, &self->arg))
			TH_LOG("flags %#x", flags);
		if (probe) {
			ASSERT_EQ(0U, self->written);
			ASSERT_TRUE(unchanged(self, variant->cmd));
		}
		ASSERT_EQ(0, rearm(self, variant->cmd));
		if (!flags)
			break;
		ASSERT_EQ(0, peek(self->t.pid, self->page, self->before, PAGE));
	}
}

/* Whatever is not documented as an output comes back as it was passed in. */
TEST_F(abi, members_kept)
{
	union argument want = self->arg;

	ASSERT_EQ(0, cordbg_ioctl(self->fd, variant->cmd, &self->arg));
	switch (variant->cmd) {
	case CORDBG_SET_UNMANAGED_BREAKPOINT:
		want.set.buflen = OPCODE_LEN;
		ASSERT_EQ(0, memcmp(self->buffer, self->before + TRIED,
				    OPCODE_LEN));
		ASSERT_TRUE(filled_with(self->buffer + OPCODE_LEN, 0xa5,
					sizeof(self->buffer) - OPCODE_LEN));
		break;
	case CORDBG_LIST_BREAKPOINTS:
		want.list.count = 1;
		ASSERT_TRUE(filled_with((uint8_t *)&self->list[1], 0xa5,
					3 * sizeof(self->list[1])));
		break;
	case CORDBG_BATCH:
		want.batch.done = 1;
		ASSERT_EQ(0, self->op.status);
		ASSERT_EQ(OPCODE_LEN, self->op.done);
		ASSERT_EQ(0, memcmp(self->op.original, self->before + TRIED,
				    OPCODE_LEN));
		ASSERT_EQ(POISON64, self->op.failed_address);
		break;
	case CORDBG_WRITE_MEMORY:
		ASSERT_EQ(8U, self->written);
		ASSERT_TRUE(filled_with(self->buffer, 0xa5,
					sizeof(self->buffer)));
		break;
	case CORDBG_READ_MEMORY:
		ASSERT_EQ(8U, self->written);
		ASSERT_TRUE(filled_with(self->buffer + 8, 0xa5,
					sizeof(self->buffer) - 8));
		break;
	}
	ASSERT_EQ(0, memcmp(&want, &self->arg, sizeof(want)));
}

/* Two pages, of which the second has the given protection. */
static uint8_t *half_mapped(int prot)
{
	uint8_t *p = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + page_size(), page_size(), prot))
		return NULL;
	return p + page_size();
}

TEST_F(abi, structure_unreadable)
{
	uint8_t *edge = half_mapped(PROT_NONE);
	size_t mapped;

	ASSERT_TRUE(!!edge);
	ASSERT_EQ(-EFAULT, cordbg_ioctl(self->fd, variant->cmd, NULL));
	ASSERT_EQ(-EFAULT, cordbg_ioctl(self->fd, variant->cmd, edge));
	ASSERT_EQ(-EFAULT,
		  cordbg_ioctl(self->fd, variant->cmd, (void *)-4096L));
	ASSERT_EQ(0, munmap(edge, page_size()));
	ASSERT_EQ(-EFAULT, cordbg_ioctl(self->fd, variant->cmd, edge));
	/* Cut off after each byte, in argsz and behind it. */
	for (mapped = 1; mapped < variant->size; mapped++) {
		memcpy(edge - mapped, &self->arg, mapped);
		ASSERT_EQ(-EFAULT, cordbg_ioctl(self->fd, variant->cmd,
						edge - mapped))
			TH_LOG("%zu bytes mapped", mapped);
	}
	ASSERT_TRUE(unchanged(self, variant->cmd));
}

TEST_F(abi, tail_unreadable)
{
	uint8_t *edge = half_mapped(PROT_NONE);

	ASSERT_TRUE(!!edge);
	self->arg.head.argsz += TAIL;
	memcpy(edge - variant->size, &self->arg, variant->size);
	ASSERT_EQ(-EFAULT, cordbg_ioctl(self->fd, variant->cmd,
					edge - variant->size));
	ASSERT_TRUE(unchanged(self, variant->cmd));
}

/*
 * A call with something to store refuses a read-only structure before it acts;
 * one that only reads it does not mind.
 */
TEST_F(abi, structure_read_only)
{
	bool outputs = variant->cmd == CORDBG_SET_UNMANAGED_BREAKPOINT ||
		       variant->cmd == CORDBG_LIST_BREAKPOINTS ||
		       variant->cmd == CORDBG_BATCH;
	uint8_t *page = half_mapped(PROT_NONE);

	ASSERT_TRUE(!!page);
	page -= page_size();
	memcpy(page, &self->arg, variant->size);
	ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
	ASSERT_EQ(outputs ? -EFAULT : 0,
		  cordbg_ioctl(self->fd, variant->cmd, page));
	if (outputs)
		ASSERT_EQ(0, memcmp(page, &self->arg, variant->size));
	if (outputs)
		ASSERT_TRUE(unchanged(self, variant->cmd));
}

TEST_F(abi, number_unknown)
{
	const unsigned long cmds[] = {
		_IO(CORDBG_TYPE, 0x00), _IO(CORDBG_TYPE, 0x3f),
		_IO(CORDBG_TYPE, 0x47), _IO(CORDBG_TYPE, 0x48),
		_IO(CORDBG_TYPE, 0x4f), _IO(CORDBG_TYPE, 0x50),
		_IO(CORDBG_TYPE, 0xc0), _IO(CORDBG_TYPE, 0xff),
		/* The right number, but of another type or with a size. */
		variant->cmd ^ (1 << _IOC_TYPESHIFT),
		variant->cmd ^ (0x80 << _IOC_TYPESHIFT),
		variant->cmd | ((_IOC_READ | _IOC_WRITE) << _IOC_DIRSHIFT),
		variant->cmd | (variant->size << _IOC_SIZESHIFT),
		variant->cmd ^ 0x40, 0, 0x5401 /* TCGETS */, ULONG_MAX,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		ASSERT_EQ(-ENOTTY, cordbg_ioctl(self->fd, cmds[i], &self->arg))
			TH_LOG("cmd %#lx", cmds[i]);
		ASSERT_EQ(-ENOTTY, cordbg_ioctl(self->fd, cmds[i], NULL));
	}
	ASSERT_TRUE(unchanged(self, variant->cmd));
}

TEST_F(abi, unbound)
{
	int fd = cordbg_open();

	ASSERT_LE(0, fd);
	if (variant->cmd == CORDBG_ATTACH) {
		EXPECT_EQ(0, cordbg_ioctl(fd, variant->cmd, &self->arg));
		/* Bound by the call before, and not to this one's session. */
		EXPECT_TRUE(unchanged(self, variant->cmd));
	} else {
		EXPECT_EQ(-ENOTCONN,
			  cordbg_ioctl(fd, variant->cmd, &self->arg));
		EXPECT_TRUE(unchanged(self, variant->cmd));
	}
	EXPECT_EQ(0, close(fd));
}

FIXTURE(reserved)
{
	int fd;
	uint8_t *page;
};

FIXTURE_VARIANT(reserved)
{
	unsigned long cmd;
};

FIXTURE_VARIANT_ADD(reserved, attach)
{
	.cmd = CORDBG_ATTACH,
};

FIXTURE_VARIANT_ADD(reserved, write)
{
	.cmd = CORDBG_WRITE_MEMORY,
};

FIXTURE_VARIANT_ADD(reserved, read)
{
	.cmd = CORDBG_READ_MEMORY,
};

FIXTURE_VARIANT_ADD(reserved, batch)
{
	.cmd = CORDBG_BATCH,
};

FIXTURE_SETUP(reserved)
{
	self->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->page != MAP_FAILED);
	if (variant->cmd == CORDBG_ATTACH)
		self->fd = cordbg_open();
	else
		self->fd = session_open(getpid());
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(reserved)
{
	close(self->fd);
}

TEST_F(reserved, not_zero)
{
	uint8_t buffer[8] = "written";
	struct cordbg_attach attach = {
		.argsz = sizeof(attach),
		.pid = getpid(),
	};
	struct cordbg_transfer transfer = {
		.argsz = sizeof(transfer),
		.address = ptr_u64(self->page),
		.buffer = ptr_u64(buffer),
		.size = sizeof(buffer),
	};
	struct cordbg_operation op = set_operation(self->page);
	struct cordbg_batch batch = {
		.argsz = sizeof(batch),
		.operations = ptr_u64(&op),
		.count = 1,
		.operation_size = sizeof(op),
	};
	__u32 *reserved = &transfer.reserved;
	void *arg = &transfer;
	int bit;

	if (variant->cmd == CORDBG_ATTACH) {
		reserved = &attach.reserved;
		arg = &attach;
	} else if (variant->cmd == CORDBG_BATCH) {
		reserved = &batch.reserved;
		arg = &batch;
	}

	for (bit = 0; bit < 32; bit++) {
		*reserved = 1U << bit;
		ASSERT_EQ(-EINVAL, cordbg_ioctl(self->fd, variant->cmd, arg))
			TH_LOG("bit %d", bit);
	}
	ASSERT_TRUE(filled_with(self->page, 0, PAGE));
	ASSERT_STREQ("written", (char *)buffer);
	/* That alone was wrong with it. */
	*reserved = 0;
	ASSERT_EQ(0, cordbg_ioctl(self->fd, variant->cmd, arg));
}

FIXTURE(node)
{
	int fd;
};

FIXTURE_SETUP(node)
{
	self->fd = session_open(getpid());
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(node)
{
	close(self->fd);
}

TEST_F(node, attach_pid_invalid)
{
	const pid_t pids[] = { 0, -1, -2, INT_MIN };
	int fd = cordbg_open();
	size_t i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		EXPECT_EQ(-EINVAL, do_attach(fd, pids[i]));
	EXPECT_EQ(-ENOTCONN, do_clear(fd, 0));
	EXPECT_EQ(0, do_attach(fd, getpid()));
	close(fd);
}

static int mmap_error(int fd, int prot, int flags)
{
	return mmap(NULL, page_size(), prot, flags, fd, 0) == MAP_FAILED ?
		errno : 0;
}

/* Data goes through ioctls only. */
TEST_F(node, other_operations)
{
	struct pollfd poll_fd = { .fd = self->fd, .events = POLLIN | POLLOUT };
	char byte = 'x';

	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ('x', byte);
	EXPECT_EQ(-1, write(self->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(ENODEV, mmap_error(self->fd, PROT_READ, MAP_SHARED));
	EXPECT_EQ(ENODEV, mmap_error(self->fd, PROT_WRITE, MAP_PRIVATE));
	/* A file without poll is always ready; it must not block or hang up. */
	EXPECT_EQ(1, poll(&poll_fd, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, poll_fd.revents);
	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-ENOENT, do_clear(self->fd, 0));
}

/* The minor number of a misc device, or a negative errno. */
static int misc_minor(const char *name)
{
	FILE *f = fopen("/proc/misc", "re");
	char found[64];
	int minor;

	if (!f)
		return -errno;
	while (fscanf(f, "%d %63s", &minor, found) == 2) {
		if (!strcmp(found, name)) {
			fclose(f);
			return minor;
		}
	}
	fclose(f);
	return -ENOENT;
}

TEST_F(node, owner_and_mode)
{
	struct stat st;

	ASSERT_EQ(0, stat(CORDBG_DEVICE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0600U, st.st_mode & 07777);
	EXPECT_EQ(0U, st.st_uid);
	EXPECT_EQ(0U, st.st_gid);
	EXPECT_EQ((unsigned int)MISC_MAJOR, major(st.st_rdev));
	EXPECT_EQ(misc_minor("cordbg"), (int)minor(st.st_rdev));
}

TEST_HARNESS_MAIN
