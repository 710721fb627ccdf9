/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of CORDBG_BATCH share: operations with poisoned results, the
 * ioctl, and a target with memory of several kinds.
 */
#ifndef BATCH_SELFTEST_H
#define BATCH_SELFTEST_H

#include <poll.h>

#include "cordbg_process.h"
#include "cordbg_uffd.h"
#include "target_memory.h"

#define POISON_STATUS	((int32_t)POISON32)

static inline struct cordbg_operation op_any(uint32_t op, const void *address,
					     const void *buffer, uint32_t size,
					     uint32_t flags)
{
	struct cordbg_operation operation = {
		.op = op,
		.flags = flags,
		.address = ptr_u64(address),
		.buffer = ptr_u64(buffer),
		.size = size,
		.done = POISON32,
		.status = POISON_STATUS,
		.failed_address = POISON64,
	};

	memset(operation.original, 0xa5, sizeof(operation.original));
	return operation;
}

static inline struct cordbg_operation op_write(const void *address,
					       const void *buffer,
					       uint32_t size)
{
	return op_any(CORDBG_OP_WRITE_MEMORY, address, buffer, size, 0);
}

static inline struct cordbg_operation op_read(const void *address, void *buffer,
					      uint32_t size)
{
	return op_any(CORDBG_OP_READ_MEMORY, address, buffer, size, 0);
}

static inline struct cordbg_operation op_raw(const void *address, void *buffer,
					     uint32_t size)
{
	return op_any(CORDBG_OP_READ_MEMORY, address, buffer, size, CORDBG_RAW);
}

static inline struct cordbg_operation op_set(const void *address)
{
	return op_any(CORDBG_OP_SET_BREAKPOINT, address, NULL, 0, 0);
}

static inline struct cordbg_operation op_clear(const void *address)
{
	return op_any(CORDBG_OP_CLEAR_BREAKPOINT, address, NULL, 0, 0);
}

/* The ioctl, on operations that are @stride bytes apart. */
static inline int do_batch_of(int fd, const void *ops, uint32_t count,
			      uint32_t stride, uint32_t flags, uint32_t *done)
{
	struct cordbg_batch arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.operations = ptr_u64(ops),
		.count = count,
		.operation_size = stride,
		.done = POISON32,
	};
	int err = cordbg_ioctl(fd, CORDBG_BATCH, &arg);

	*done = arg.done;
	return err;
}

static inline int do_batch(int fd, struct cordbg_operation *ops, uint32_t count,
			   uint32_t flags, uint32_t *done)
{
	return do_batch_of(fd, ops, count, sizeof(*ops), flags, done);
}

/* Whether an operation has no result. */
static inline bool op_unanswered(const struct cordbg_operation *op)
{
	return op->done == POISON32 && op->status == POISON_STATUS &&
	       op->failed_address == POISON64 &&
	       all_bytes(op->original, 0xa5, sizeof(op->original));
}

static inline bool ops_unanswered(const struct cordbg_operation *ops, size_t n)
{
	while (n && op_unanswered(&ops[n - 1]))
		n--;
	return !n;
}

/* Whether it was refused with @status, and tells nothing but that. */
static inline bool op_refused(const struct cordbg_operation *op, int status)
{
	return !op->done && op->status == status &&
	       op->failed_address == POISON64 &&
	       all_bytes(op->original, 0xa5, sizeof(op->original));
}

/* Whether it succeeded, and all it tells are the bytes it transferred. */
static inline bool op_done(const struct cordbg_operation *op, uint32_t done)
{
	return op->done == done && !op->status &&
	       op->failed_address == POISON64 &&
	       all_bytes(op->original, 0xa5, sizeof(op->original));
}

/* Whether it set a breakpoint, where the program had @original. */
static inline bool op_planted(const struct cordbg_operation *op,
			      const void *original)
{
	return op->done == OPCODE_LEN && !op->status &&
	       op->failed_address == POISON64 &&
	       !memcmp(op->original, original, OPCODE_LEN);
}

/* Whether what a caller passes in is as in @before. */
static inline bool op_kept(const struct cordbg_operation *op,
			   const struct cordbg_operation *before)
{
	return op->op == before->op && op->flags == before->flags &&
	       op->address == before->address && op->buffer == before->buffer &&
	       op->size == before->size && op->reserved == before->reserved;
}

/**
 * struct field - memory of a target, at the same address in the test
 * @d: The target.
 * @size: Bytes that can be written, which are below 0x80.
 * @memory: They; the test's are what the target's have been.
 * @read_only: A page behind them.
 * @hole: A page behind that, which is not mapped.
 * @shared: A page of shared memory.
 */
struct field {
	struct debuggee d;
	size_t size;
	uint8_t *memory;
	uint8_t *read_only;
	uint8_t *hole;
	uint8_t *shared;
};

#define FIELD_PAGES	8

static inline int field_start(struct field *f)
{
	size_t page = page_size();

	f->size = FIELD_PAGES * page;
	f->memory = map_private(f->size + 2 * page);
	f->shared = map_anon(page, PROT_READ | PROT_WRITE, MAP_SHARED);
	if (!f->memory || !f->shared)
		return -ENOMEM;
	fill_plain(f->memory, f->size + page, 17);
	fill_plain(f->shared, page, 18);
	f->read_only = f->memory + f->size;
	f->hole = f->read_only + page;
	if (mprotect(f->read_only, page, PROT_READ) || munmap(f->hole, page))
		return -errno;
	return debuggee_start(&f->d);
}

/* Whether the target has @expected there; raw, or as its sessions see it. */
static inline bool field_holds(struct field *f, const void *address,
			       const void *expected, size_t size, uint32_t raw)
{
	uint8_t *seen = malloc(size);
	bool holds = seen && !do_read(f->d.session, ptr_u64(address), seen,
				      size, raw, NULL, NULL) &&
		     !memcmp(expected, seen, size);

	free(seen);
	return holds;
}

/* Whether the target's memory is as it was at the start, without opcodes. */
static inline bool field_untouched(struct field *f)
{
	return field_holds(f, f->memory, f->memory, f->size + page_size(),
			   CORDBG_RAW) &&
	       !count_breakpoints(f->d.session);
}

#define PROMPT_MS	20000	/* a slow machine's "at once" */

/**
 * struct silent - a page of the caller that does not answer yet
 * @page: The page.
 * @uffd: Its userfaultfd.
 */
struct silent {
	uint8_t *page;
	int uffd;
};

static inline int silent_map(struct silent *s)
{
	s->page = map_private(page_size());
	if (!s->page)
		return -ENOMEM;
	s->uffd = uffd_register(s->page, page_size(),
				UFFDIO_REGISTER_MODE_MISSING, 0);
	return s->uffd < 0 ? s->uffd : 0;
}

/* Wait until somebody waits for the page. */
static inline int silent_wait(const struct silent *s)
{
	struct pollfd event = { .fd = s->uffd, .events = POLLIN };

	return poll(&event, 1, PROMPT_MS) == 1 ? 0 : -ETIMEDOUT;
}

static inline int silent_answer(const struct silent *s)
{
	struct uffdio_zeropage zero = {
		.range = { ptr_u64(s->page), page_size() },
	};

	return ioctl(s->uffd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}

#endif /* BATCH_SELFTEST_H */
