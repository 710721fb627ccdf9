// SPDX-License-Identifier: GPL-2.0
/*
 * A tail that cannot be written, or a source whose tail cannot be read, however
 * far away: nothing is written. A range beyond the window is verified whole too.
 */

#include "target_memory.h"

#define PAGE		4096U
#define FAR_BEYOND	(160 * 1024 * 1024U)
#define SECONDS		150

FIXTURE(far_tail)
{
	struct debuggee d;
	uint8_t *memory;	/* the target's, all zeroes */
	uint8_t *tail;		/* its last page */
	uint8_t *buffer;
};

FIXTURE_VARIANT(far_tail)
{
	uint32_t size;		/* the tail included */
};

FIXTURE_VARIANT_ADD(far_tail, in_window) { .size = CORDBG_WINDOW };
FIXTURE_VARIANT_ADD(far_tail, beyond_window) {
	.size = CORDBG_WINDOW + 2 * PAGE,
};

FIXTURE_VARIANT_ADD(far_tail, far_beyond_window) { .size = FAR_BEYOND };

FIXTURE_SETUP(far_tail)
{
	self->memory = map_private(variant->size);
	self->buffer = map_private(variant->size);
	ASSERT_TRUE(self->memory && self->buffer);
	self->tail = self->memory + variant->size - PAGE;
	ASSERT_EQ(0, debuggee_start(&self->d));
	memset(self->buffer, 0xee, variant->size);
}

FIXTURE_TEARDOWN(far_tail)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* How many bytes equal @byte, before the first one that does not. */
static long count_bytes(unsigned long address, unsigned long size,
			unsigned long byte)
{
	const unsigned long *p = (void *)address;
	unsigned long word, i;

	memset(&word, byte, sizeof(word));
	for (i = 0; i < size / sizeof(*p); i++)
		if (p[i] != word)
			break;
	return i * sizeof(*p);
}

/* Everything but the tail is still zero. */
static void expect_zeroes(struct __test_metadata *_metadata,
			  FIXTURE_DATA(far_tail) * self)
{
	long size = self->tail - self->memory;

	EXPECT_EQ(size, target_call(&self->d.target, count_bytes,
				    (unsigned long)self->memory, size, 0));
}

static void refuse(struct __test_metadata *_metadata,
		   FIXTURE_DATA(far_tail) * self, uint32_t size, int expected)
{
	uint64_t written, failed;

	EXPECT_EQ(expected, do_write(self->d.session, ptr_u64(self->memory),
				     self->buffer, size, 0, &written,
				     &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(ptr_u64(self->tail), failed);
}

TEST_F_TIMEOUT(far_tail, read_only, SECONDS)
{
	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 (unsigned long)self->tail, PAGE, PROT_READ));
	refuse(_metadata, self, variant->size, -EACCES);
	refuse(_metadata, self, variant->size - PAGE + 1, -EACCES);
	expect_zeroes(_metadata, self);
}

TEST_F_TIMEOUT(far_tail, unmapped, SECONDS)
{
	ASSERT_EQ(0, target_call(&self->d.target, in_target_unmap,
				 (unsigned long)self->tail, PAGE, 0));
	refuse(_metadata, self, variant->size, -ENXIO);
	refuse(_metadata, self, variant->size - PAGE + 1, -ENXIO);
	expect_zeroes(_metadata, self);
}

static long map_empty_file(unsigned long address, unsigned long unused,
			   unsigned long unused_too)
{
	int fd = file_create("", 0, 0);

	(void)unused;
	(void)unused_too;
	if (fd < 0)
		return fd;
	return map_at(address, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
}

TEST_F_TIMEOUT(far_tail, past_end_of_file, SECONDS)
{
	ASSERT_EQ(0, target_call(&self->d.target, map_empty_file,
				 (unsigned long)self->tail, 0, 0));
	refuse(_metadata, self, variant->size, -ENXIO);
	expect_zeroes(_metadata, self);
}

TEST_F_TIMEOUT(far_tail, read_into_buffer, SECONDS)
{
	uint64_t read, failed;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 (unsigned long)self->tail, PAGE, PROT_NONE));
	EXPECT_EQ(-EACCES, do_read(self->d.session, ptr_u64(self->memory),
				   self->buffer, variant->size, 0, &read,
				   &failed));
	EXPECT_EQ(0, read);
	EXPECT_EQ(ptr_u64(self->tail), failed);
	EXPECT_EQ(variant->size, count_bytes((unsigned long)self->buffer,
					     variant->size, 0xee));
}

TEST_F_TIMEOUT(far_tail, source_unreadable, SECONDS)
{
	uint64_t written, failed;

	ASSERT_EQ(0, munmap(self->buffer + variant->size - PAGE, PAGE));
	EXPECT_EQ(-EFAULT, do_write(self->d.session, ptr_u64(self->memory),
				    self->buffer, variant->size, 0, &written,
				    &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(POISON64, failed);
	expect_zeroes(_metadata, self);
}

TEST_F_TIMEOUT(far_tail, probe, SECONDS)
{
	uint64_t written, failed;

	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->memory), NULL,
			      variant->size, CORDBG_PROBE, &written, NULL));
	EXPECT_EQ(0, written);
	ASSERT_EQ(0, target_call(&self->d.target, in_target_unmap,
				 (unsigned long)self->tail, PAGE, 0));
	EXPECT_EQ(-ENXIO, do_write(self->d.session, ptr_u64(self->memory), NULL,
				   variant->size, CORDBG_PROBE, &written,
				   &failed));
	EXPECT_EQ(ptr_u64(self->tail), failed);
	expect_zeroes(_metadata, self);
}

TEST_HARNESS_MAIN
