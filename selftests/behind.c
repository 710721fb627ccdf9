// SPDX-License-Identifier: GPL-2.0
/*
 * Writes and reads that touch breakpoints: the data lands behind them.
 */

#include "target_memory.h"

#define PAGES	4
#define AROUND	16		/* bytes compared on each side */

FIXTURE(around)
{
	struct debuggee d;
	uint8_t *data;
};

FIXTURE_VARIANT(around)
{
	int offset;
	unsigned int size;
};

FIXTURE_VARIANT_ADD(around, up_to_it) { .offset = -4, .size = 4 };
FIXTURE_VARIANT_ADD(around, into_it) { .offset = -2, .size = 4 };
FIXTURE_VARIANT_ADD(around, from_it) { .offset = 0, .size = 4 };
FIXTURE_VARIANT_ADD(around, near_it) { .offset = 2, .size = 4 };
FIXTURE_VARIANT_ADD(around, after_it) { .offset = 4, .size = 4 };
FIXTURE_VARIANT_ADD(around, over_it) { .offset = -4, .size = 12 };
FIXTURE_VARIANT_ADD(around, one_byte) { .offset = 0, .size = 1 };

FIXTURE_SETUP(around)
{
	self->data = map_private(PAGES * page_size());
	ASSERT_TRUE(!!self->data);
	fill_plain(self->data, PAGES * page_size(), 3);
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(around)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* One write around a breakpoint at @address, and everything seen after it. */
static void write_around(struct __test_metadata *_metadata, struct debuggee *d,
			 uint8_t *address, int offset, unsigned int size,
			 unsigned int flags)
{
	uint8_t model[2 * AROUND], data[AROUND], original[CORDBG_OPCODE_MAX];
	uint8_t *start = address - AROUND;
	struct cordbg_breakpoint bp;
	uint64_t written;
	uint32_t buflen;

	memcpy(model, start, sizeof(model));
	fill_any(data, sizeof(data), 0xc0);
	memset(original, 0xa5, sizeof(original));
	ASSERT_EQ(0, do_set(d->session, ptr_u64(address), original,
			    sizeof(original), &buflen));
	EXPECT_EQ(OPCODE_LEN, buflen);
	EXPECT_EQ(0, memcmp(original, address, OPCODE_LEN));

	EXPECT_EQ(0, do_write(d->session, ptr_u64(address) + offset, data, size,
			      flags, &written, NULL));
	EXPECT_EQ(size, written);
	memcpy(model + AROUND + offset, data, size);
	expect_bytes(_metadata, d, start, model, sizeof(model), address);

	ASSERT_EQ(1, find_breakpoint(d->session, ptr_u64(address), &bp));
	EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED | CORDBG_BREAKPOINT_MINE, bp.flags);
	EXPECT_EQ(0, memcmp(bp.original, model + AROUND, OPCODE_LEN));

	EXPECT_EQ(0, do_clear(d->session, ptr_u64(address)));
	expect_bytes(_metadata, d, start, model, sizeof(model), NULL);
	EXPECT_EQ(0, count_breakpoints(d->session));
}

TEST_F(around, in_data)
{
	write_around(_metadata, &self->d, self->data + 1024, variant->offset,
		     variant->size, 0);
}

/* A write that begins in the page before. */
TEST_F(around, first_of_page)
{
	write_around(_metadata, &self->d, self->data + page_size(),
		     variant->offset, variant->size, 0);
}

/* A write that ends in the page after. */
TEST_F(around, last_of_page)
{
	write_around(_metadata, &self->d,
		     self->data + 2 * page_size() - OPCODE_LEN,
		     variant->offset, variant->size, 0);
}

TEST_F(around, in_text)
{
	write_around(_metadata, &self->d, program_text + 64, variant->offset,
		     variant->size, CORDBG_FORCE);
	EXPECT_TRUE(all_bytes(program_text, 0x55, PROGRAM_TEXT_SIZE));
}

TEST_F(around, text_last_of_page)
{
	write_around(_metadata, &self->d, program_text + 4096 - OPCODE_LEN,
		     variant->offset, variant->size, CORDBG_FORCE);
	EXPECT_TRUE(all_bytes(program_text, 0x55, PROGRAM_TEXT_SIZE));
}

/* Without FORCE a breakpoint does not make text writable. */
TEST_F(around, text_without_force)
{
	uint8_t *address = program_text + 64;
	uint8_t data[AROUND], seen[2 * AROUND];
	uint64_t written, failed;

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(address)));
	fill_any(data, sizeof(data), 0xc0);
	EXPECT_EQ(-EACCES, do_write(self->d.session,
				    ptr_u64(address) + variant->offset, data,
				    variant->size, 0, &written, &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(ptr_u64(address) + variant->offset, failed);
	ASSERT_EQ(0, do_read(self->d.session, ptr_u64(address) - AROUND, seen,
			     sizeof(seen), 0, NULL, NULL));
	EXPECT_TRUE(all_bytes(seen, 0x55, sizeof(seen)));
}

/* The same ranges, read: the breakpoint is hidden, whole or in part. */
TEST_F(around, read)
{
	uint8_t *address = self->data + 2 * page_size() - OPCODE_LEN;
	uint8_t *start = address + variant->offset;
	uint8_t seen[AROUND];
	uint64_t read;

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(address)));
	memset(seen, 0xa5, sizeof(seen));
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(start), seen,
			     variant->size, 0, &read, NULL));
	EXPECT_EQ(variant->size, read);
	EXPECT_EQ(0, memcmp(start, seen, variant->size));
	EXPECT_TRUE(all_bytes(seen + variant->size, 0xa5,
			      sizeof(seen) - variant->size));
}

/* PROBE over a breakpoint changes neither memory nor what is behind it. */
TEST_F(around, probe)
{
	uint8_t *address = self->data + page_size();
	uint8_t data[AROUND];
	uint64_t written;

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(address)));
	memset(data, 0xee, sizeof(data));
	EXPECT_EQ(0, do_write(self->d.session,
			      ptr_u64(address) + variant->offset, data,
			      variant->size, CORDBG_PROBE, &written, NULL));
	EXPECT_EQ(0, written);
	expect_bytes(_metadata, &self->d, address - AROUND, address - AROUND,
		     2 * AROUND, address);
}

/*
 * Every value is data, also the opcode's and those that an implementation may
 * have taken for "none".
 */
FIXTURE(value)
{
	struct debuggee d;
	uint8_t *data;
};

FIXTURE_VARIANT(value)
{
	uint8_t byte;
};

FIXTURE_VARIANT_ADD(value, int3) { .byte = 0xcc };
FIXTURE_VARIANT_ADD(value, zero) { .byte = 0x00 };
FIXTURE_VARIANT_ADD(value, ones) { .byte = 0xff };

FIXTURE_SETUP(value)
{
	self->data = map_private(PAGES * page_size());
	ASSERT_TRUE(!!self->data);
	fill_plain(self->data, PAGES * page_size(), 5);
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(value)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* Write @size times the value at @offset from a breakpoint, and clear it. */
static void round_trip(struct __test_metadata *_metadata, struct debuggee *d,
		       uint8_t *address, uint8_t byte, int offset,
		       unsigned int size)
{
	uint8_t model[2 * AROUND], data[AROUND];
	uint8_t *start = address - AROUND;
	uint64_t written;

	memcpy(model, start, sizeof(model));
	memset(data, byte, sizeof(data));
	ASSERT_EQ(0, do_break(d->session, ptr_u64(address)));
	EXPECT_EQ(0, do_write(d->session, ptr_u64(address) + offset, data, size,
			      0, &written, NULL));
	EXPECT_EQ(size, written);
	memset(model + AROUND + offset, byte, size);
	expect_bytes(_metadata, d, start, model, sizeof(model), address);
	EXPECT_EQ(0, do_clear(d->session, ptr_u64(address)));
	expect_bytes(_metadata, d, start, model, sizeof(model), NULL);
}

TEST_F(value, exactly_the_opcode)
{
	round_trip(_metadata, &self->d, self->data + 256, variant->byte, 0,
		   OPCODE_LEN);
}

TEST_F(value, more_than_the_opcode)
{
	round_trip(_metadata, &self->d, self->data + 256, variant->byte, -8,
		   16);
}

TEST_F(value, across_pages)
{
	round_trip(_metadata, &self->d, self->data + page_size(),
		   variant->byte, -8, 16);
}

/* Two values after each other: the last one counts. */
TEST_F(value, overwritten)
{
	uint8_t *address = self->data + 256;
	uint8_t first[OPCODE_LEN], second[OPCODE_LEN], seen[OPCODE_LEN];

	memset(seen, 0xa5, sizeof(seen));
	memset(first, variant->byte, sizeof(first));
	memset(second, 0x11, sizeof(second));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(address)));
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(address), second,
			      sizeof(second), 0, NULL, NULL));
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(address), first,
			      sizeof(first), 0, NULL, NULL));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(address)));
	ASSERT_EQ(0, debuggee_peek(&self->d, address, seen, sizeof(seen)));
	EXPECT_EQ(0, memcmp(first, seen, sizeof(seen)));
}

/* Where no breakpoint is, the opcode's bytes are data that nobody hides. */
TEST_F(value, without_breakpoint)
{
	uint8_t *start = self->data + 256;
	uint8_t model[AROUND];

	memset(model, variant->byte, sizeof(model));
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(start), model,
			      sizeof(model), 0, NULL, NULL));
	expect_bytes(_metadata, &self->d, start, model, sizeof(model), NULL);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
}

/*
 * Many breakpoints under one transfer.
 */
#define MANY	1000

FIXTURE(thousand)
{
	struct debuggee d;
	size_t size;
	uint8_t *data;
	uint8_t *model;
	uint8_t *seen;
};

FIXTURE_VARIANT(thousand)
{
	size_t stride;
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(thousand, one_page) { .stride = OPCODE_LEN };
FIXTURE_VARIANT_ADD(thousand, one_mebibyte) { .stride = 1048 };
FIXTURE_VARIANT_ADD(thousand, read_only) {
	.stride = 1048,
	.flags = CORDBG_FORCE,
};

FIXTURE_SETUP(thousand)
{
	self->size = variant->stride * MANY;
	self->data = map_private(self->size);
	self->model = map_private(self->size);
	self->seen = map_private(self->size);
	ASSERT_TRUE(self->data && self->model && self->seen);
	fill_plain(self->data, self->size, 1);
	if (variant->flags & CORDBG_FORCE)
		ASSERT_EQ(0, mprotect(self->data, self->size,
				      PROT_READ | PROT_EXEC));
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, break_each(self->d.session, ptr_u64(self->data),
				variant->stride, MANY));
}

FIXTURE_TEARDOWN(thousand)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* Lay the opcodes over @bytes. */
static void overlay(uint8_t *bytes, size_t stride)
{
	size_t i;

	for (i = 0; i < MANY; i++)
		memcpy(bytes + i * stride, opcode, OPCODE_LEN);
}

TEST_F(thousand, read)
{
	uint64_t read;

	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), self->seen,
			     self->size, 0, &read, NULL));
	EXPECT_EQ(self->size, read);
	EXPECT_EQ(0, memcmp(self->data, self->seen, self->size));
}

TEST_F(thousand, write)
{
	uint64_t written;

	fill_any(self->model, self->size, 77);
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data), self->model,
			      self->size, variant->flags, &written, NULL));
	EXPECT_EQ(self->size, written);
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), self->seen,
			     self->size, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->model, self->seen, self->size));

	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), self->seen,
			     self->size, CORDBG_RAW, NULL, NULL));
	overlay(self->model, variant->stride);
	EXPECT_EQ(0, memcmp(self->model, self->seen, self->size));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, self->seen,
				   self->size));
	EXPECT_EQ(0, memcmp(self->model, self->seen, self->size));

	EXPECT_EQ(0, clear_each(self->d.session, ptr_u64(self->data),
				variant->stride, MANY));
	fill_any(self->model, self->size, 77);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, self->seen,
				   self->size));
	EXPECT_EQ(0, memcmp(self->model, self->seen, self->size));
}

/* Only the bytes that were written change behind the breakpoints. */
TEST_F(thousand, write_half)
{
	size_t half = self->size / 2;

	memcpy(self->model, self->data, self->size);
	memset(self->model + half, 0x99, self->size - half);
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data) + half,
			      self->model + half, self->size - half,
			      variant->flags, NULL, NULL));
	EXPECT_EQ(0, clear_each(self->d.session, ptr_u64(self->data),
				variant->stride, MANY));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, self->seen,
				   self->size));
	EXPECT_EQ(0, memcmp(self->model, self->seen, self->size));
}

TEST_HARNESS_MAIN
