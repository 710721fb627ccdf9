// SPDX-License-Identifier: GPL-2.0
/*
 * Transfers of every size, on both sides of what is written as one.
 */

#include "target_memory.h"

#define PAGE		4096U
#define MIB		(1024 * 1024U)
#define BEYOND		(CORDBG_WINDOW + 3 * PAGE + 1)
#define FAR_BEYOND	(160 * MIB)
#define SECONDS		150

/*
 * Compare memory with what fill_any() makes of it, of which the window has one
 * period: how many bytes are as they should be.
 */
static long in_target_match(unsigned long address, unsigned long size,
			    unsigned long window)
{
	unsigned long done, n;

	for (done = 0; done < size; done += n) {
		n = size - done < FILL_PERIOD ? size - done : FILL_PERIOD;
		if (memcmp((void *)(address + done), (void *)window, n))
			break;
	}
	return done;
}

FIXTURE(sizes)
{
	struct debuggee d;
	uint32_t size;
	uint8_t *memory;	/* the target's, all zeroes */
	uint8_t *start;		/* of the range, inside it */
	uint8_t *buffer;	/* the caller's */
};

FIXTURE_VARIANT(sizes)
{
	uint32_t size;
	unsigned int offset;	/* of the range, in its page */
	unsigned int buffer;	/* of the buffer */
};

FIXTURE_VARIANT_ADD(sizes, none) { .size = 0 };
FIXTURE_VARIANT_ADD(sizes, none_inside) { .size = 0, .offset = 9 };
FIXTURE_VARIANT_ADD(sizes, one) { .size = 1 };
FIXTURE_VARIANT_ADD(sizes, one_last) { .size = 1, .offset = PAGE - 1 };
FIXTURE_VARIANT_ADD(sizes, page_less_one) { .size = PAGE - 1 };
FIXTURE_VARIANT_ADD(sizes, page_less_one_inside) {
	.size = PAGE - 1,
	.offset = 1,
};

FIXTURE_VARIANT_ADD(sizes, page_less_one_across) {
	.size = PAGE - 1,
	.offset = 2,
};

FIXTURE_VARIANT_ADD(sizes, page) { .size = PAGE };
FIXTURE_VARIANT_ADD(sizes, page_across) {
	.size = PAGE,
	.offset = 1,
	.buffer = 3,
};

FIXTURE_VARIANT_ADD(sizes, page_and_one) { .size = PAGE + 1 };
FIXTURE_VARIANT_ADD(sizes, page_and_one_across) {
	.size = PAGE + 1,
	.offset = PAGE - 1,
	.buffer = 1,
};

/* Around what fits a list of pages on the kernel's stack. */
FIXTURE_VARIANT_ADD(sizes, sixteen_pages) { .size = 16 * PAGE };
FIXTURE_VARIANT_ADD(sizes, sixteen_pages_across) {
	.size = 16 * PAGE,
	.offset = PAGE - 1,
};

FIXTURE_VARIANT_ADD(sizes, sixteen_pages_and_one) {
	.size = 16 * PAGE + 1,
	.offset = PAGE - 1,
};

FIXTURE_VARIANT_ADD(sizes, two_mebibytes_and_one) { .size = 2 * MIB + 1 };
FIXTURE_VARIANT_ADD(sizes, two_mebibytes_and_one_across) {
	.size = 2 * MIB + 1,
	.offset = 77,
	.buffer = 5,
};

FIXTURE_VARIANT_ADD(sizes, window) { .size = CORDBG_WINDOW };
FIXTURE_VARIANT_ADD(sizes, window_across) {
	.size = CORDBG_WINDOW,
	.offset = 1,
	.buffer = 1,
};

FIXTURE_VARIANT_ADD(sizes, beyond_window) { .size = BEYOND };
FIXTURE_VARIANT_ADD(sizes, beyond_window_across) {
	.size = BEYOND,
	.offset = PAGE - 1,
	.buffer = 9,
};

FIXTURE_VARIANT_ADD(sizes, far_beyond_window) {
	.size = FAR_BEYOND,
	.offset = 5,
};

FIXTURE_SETUP(sizes)
{
	self->size = variant->size;
	self->memory = map_private(self->size + 3 * PAGE);
	self->buffer = map_private(self->size + PAGE);
	ASSERT_TRUE(self->memory && self->buffer);
	self->start = self->memory + PAGE + variant->offset;
	self->buffer += variant->buffer;
	ASSERT_EQ(0, debuggee_start(&self->d));
	fill_any(self->buffer, self->size, 0xc4);
	fill_any(self->d.window, FILL_PERIOD, 0xc4);
}

FIXTURE_TEARDOWN(sizes)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* The target has the buffer's bytes, and zeroes before and after them. */
static void expect_written(struct __test_metadata *_metadata,
			   FIXTURE_DATA(sizes) * self)
{
	size_t before = self->start - self->memory;
	size_t after = 3 * PAGE - before;
	uint8_t seen[2 * PAGE];

	fill_any(self->d.window, FILL_PERIOD, 0xc4);
	EXPECT_EQ(self->size,
		  target_call(&self->d.target, in_target_match,
			      (unsigned long)self->start, self->size,
			      (unsigned long)self->d.window));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->memory, seen, before));
	EXPECT_TRUE(all_bytes(seen, 0, before));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->start + self->size, seen,
				   after));
	EXPECT_TRUE(all_bytes(seen, 0, after));
}

/* A read gives the same bytes; RAW says whether breakpoints are hidden. */
static void expect_read(struct __test_metadata *_metadata,
			FIXTURE_DATA(sizes) * self, unsigned int flags)
{
	uint64_t read;

	memset(self->buffer, 0xa5, self->size);
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->start),
			     self->buffer, self->size, flags, &read, NULL));
	EXPECT_EQ(self->size, read);
	fill_any(self->d.window, FILL_PERIOD, 0xc4);
	EXPECT_EQ(self->size,
		  in_target_match((unsigned long)self->buffer, self->size,
				  (unsigned long)self->d.window));
}

TEST_F_TIMEOUT(sizes, write_and_read, SECONDS)
{
	uint64_t written, failed;

	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->start),
			      self->buffer, self->size, 0, &written, &failed));
	EXPECT_EQ(self->size, written);
	EXPECT_EQ(POISON64, failed);
	expect_written(_metadata, self);
	expect_read(_metadata, self, 0);
	expect_read(_metadata, self, CORDBG_RAW);
}

/* Breakpoints: the range's first and last, and the last and first of a window. */
static size_t breakpoints(FIXTURE_DATA(sizes) * self, uint64_t *addresses)
{
	uint64_t first = (ptr_u64(self->start) + OPCODE_LEN - 1) &
			 -(uint64_t)OPCODE_LEN;
	uint64_t end = ptr_u64(self->start) + self->size;
	size_t n = 0;

	if (self->size < 2 * OPCODE_LEN)
		return 0;
	addresses[n++] = first;
	addresses[n++] = (end & -(uint64_t)OPCODE_LEN) - OPCODE_LEN;
	if (self->size > CORDBG_WINDOW + 2 * OPCODE_LEN) {
		addresses[n++] = first + CORDBG_WINDOW;
		addresses[n++] = first + CORDBG_WINDOW - OPCODE_LEN;
	}
	return n;
}

TEST_F_TIMEOUT(sizes, behind_breakpoints, SECONDS)
{
	uint8_t seen[OPCODE_LEN] = { 0xa5 };
	uint64_t addresses[4], written;
	size_t i, n = breakpoints(self, addresses);

	for (i = 0; i < n; i++)
		ASSERT_EQ(0, do_break(self->d.session, addresses[i]));
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->start),
			      self->buffer, self->size, 0, &written, NULL));
	EXPECT_EQ(self->size, written);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, debuggee_peek(&self->d,
					   (void *)(uintptr_t)addresses[i],
					   seen, sizeof(seen)));
		EXPECT_EQ(0, memcmp(opcode, seen, sizeof(seen)));
	}
	expect_read(_metadata, self, 0);
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, do_clear(self->d.session, addresses[i]));
	expect_written(_metadata, self);
}

TEST_HARNESS_MAIN
