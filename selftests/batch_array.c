// SPDX-License-Identifier: GPL-2.0
/*
 * The array of a batch: operations that are longer than this kernel's, that cannot be
 * loaded or whose results cannot be stored. The operations before them happen and
 * have their results; nothing behind them does.
 */

#include "batch_selftest.h"

/* Where it goes wrong: around what a kernel may load and store at a time. */
static const uint32_t places[] = { 0, 1, 31, 63, 64, 65, 127, 128, 200, 299 };

#define COUNT	300

FIXTURE(array)
{
	struct field f;
	int fd;
	uint8_t data[COUNT];	/* what operation number n writes */
	uint32_t done;
};

FIXTURE_SETUP(array)
{
	int i;

	ASSERT_EQ(0, field_start(&self->f));
	self->fd = self->f.d.session;
	for (i = 0; i < COUNT; i++)
		self->data[i] = 0x80 + i % 0x80;
}

FIXTURE_TEARDOWN(array)
{
	EXPECT_EQ(0, debuggee_stop(&self->f.d));
}

/* Operation number @n writes byte number @n. */
static struct cordbg_operation nth(struct _test_data_array *self, size_t n)
{
	return op_write(self->f.memory + n, &self->data[n], 1);
}

/* Put @count operations @stride apart, with @filler between them. */
static void lay_out(struct _test_data_array *self, uint8_t *array,
		    uint32_t stride, uint32_t count, uint8_t filler)
{
	struct cordbg_operation op;
	uint32_t i;

	memset(array, filler, (size_t)stride * count);
	for (i = 0; i < count; i++) {
		op = nth(self, i);
		memcpy(array + (size_t)i * stride, &op,
		       stride < sizeof(op) ? stride : sizeof(op));
	}
}

/* Whether the first @done operations happened, and told so, and no other. */
static bool happened(struct _test_data_array *self, const uint8_t *array,
		     uint32_t stride, uint32_t count, uint32_t done)
{
	struct cordbg_operation op;
	uint8_t expected[COUNT];
	uint32_t i;

	for (i = 0; i < count; i++) {
		memcpy(&op, array + (size_t)i * stride, sizeof(op));
		if (i < done ? !op_done(&op, 1) : !op_unanswered(&op))
			return false;
	}
	memcpy(expected, self->f.memory, COUNT);
	memcpy(expected, self->data, done);
	return field_holds(&self->f, self->f.memory, expected, COUNT, 0);
}

/* Give the target its bytes back. */
static int undo(struct _test_data_array *self)
{
	return do_write(self->fd, ptr_u64(self->f.memory), self->f.memory,
			COUNT, 0, NULL, NULL);
}

TEST_F(array, operation_too_short)
{
	struct cordbg_operation op = nth(self, 0);
	uint32_t stride;

	for (stride = 0; stride < sizeof(op); stride++) {
		ASSERT_EQ(-EINVAL, do_batch_of(self->fd, &op, 1, stride, 0,
					       &self->done)) {
			TH_LOG("operation_size %u", stride);
		}
		ASSERT_EQ(0U, self->done);
	}
	EXPECT_TRUE(op_unanswered(&op));
	EXPECT_TRUE(field_untouched(&self->f));
}

/* A caller compiled against a later header that uses nothing new of it. */
TEST_F(array, operation_longer)
{
	const uint32_t size = sizeof(struct cordbg_operation);
	const uint32_t strides[] = {
		size + 1, size + 4, size + 8, 2 * size, 1000, page_size(),
	};
	uint8_t *array = map_private(COUNT * page_size());
	size_t i, n;

	ASSERT_TRUE(!!array);
	for (i = 0; i < ARRAY_SIZE(strides); i++) {
		lay_out(self, array, strides[i], COUNT, 0);
		ASSERT_EQ(0, do_batch_of(self->fd, array, COUNT, strides[i], 0,
					 &self->done)) {
			TH_LOG("operation_size %u", strides[i]);
		}
		EXPECT_EQ(COUNT, self->done);
		EXPECT_TRUE(happened(self, array, strides[i], COUNT, COUNT));
		/* The tails are not the kernel's to write. */
		for (n = 0; n < COUNT; n++)
			ASSERT_TRUE(all_bytes(array + n * strides[i] + size, 0,
					      strides[i] - size));
		ASSERT_EQ(0, undo(self));
	}
}

/* One that does use something new, in one operation. */
TEST_F(array, operation_longer_and_used)
{
	const uint32_t size = sizeof(struct cordbg_operation);
	const uint32_t stride = size + 16;
	uint8_t *array = map_private(COUNT * stride);
	size_t i, byte;

	ASSERT_TRUE(!!array);
	for (i = 0; i < 2 * ARRAY_SIZE(places); i++) {
		uint32_t at = places[i / 2];

		byte = i % 2 ? stride - 1 : size;
		lay_out(self, array, stride, COUNT, 0);
		array[at * stride + byte] = 1;
		ASSERT_EQ(-E2BIG, do_batch_of(self->fd, array, COUNT, stride, 0,
					      &self->done));
		ASSERT_EQ(at, self->done);
		ASSERT_TRUE(happened(self, array, stride, COUNT, at)) {
			TH_LOG("operation %u", at);
		}
		ASSERT_EQ(0, undo(self));
	}
}

TEST_F(array, operation_longer_than_page)
{
	const uint32_t page = page_size();
	const uint32_t strides[] = { page + 1, 2 * page, UINT32_MAX };
	uint8_t *array = map_private(2 * page);
	size_t i;

	ASSERT_TRUE(!!array);
	lay_out(self, array, 2 * page, 1, 0);
	for (i = 0; i < ARRAY_SIZE(strides); i++) {
		EXPECT_EQ(-E2BIG, do_batch_of(self->fd, array, 1, strides[i], 0,
					      &self->done));
		EXPECT_EQ(0U, self->done);
	}
	EXPECT_TRUE(happened(self, array, page, 1, 0));
}

/* What the page behind the end of the array is. */
static const int protections[] = { PROT_NONE, PROT_READ };

FIXTURE(edge)
{
	struct _test_data_array a;
	uint8_t *pages;
	uint8_t *edge;		/* the end of what can be written */
	size_t room;
};

FIXTURE_SETUP(edge)
{
	struct _test_data_array *a = &self->a;
	int i;

	ASSERT_EQ(0, field_start(&a->f));
	a->fd = a->f.d.session;
	for (i = 0; i < COUNT; i++)
		a->data[i] = 0x80 + i % 0x80;
	self->room = 8 * page_size();
	self->pages = map_private(2 * self->room);
	ASSERT_TRUE(!!self->pages);
	self->edge = self->pages + self->room;
}

FIXTURE_TEARDOWN(edge)
{
	EXPECT_EQ(0, debuggee_stop(&self->a.f.d));
}

/*
 * An array of which only the first operations, and a part of one more, can be
 * loaded; or can be loaded, but not get their results.
 */
TEST_F(edge, cut_off)
{
	const uint32_t size = sizeof(struct cordbg_operation);
	const uint32_t strides[] = { size, size + 8 };
	struct _test_data_array *a = &self->a;
	size_t i, n, cut;

	for (i = 0; i < 4 * ARRAY_SIZE(places); i++) {
		uint32_t whole = places[i / 4], stride = strides[i / 2 % 2];
		int protection = protections[i % 2];
		uint8_t *array = self->edge - whole * stride;

		/* A part that has no room for results, or none at all. */
		cut = i % 7 * 8;
		array -= cut;
		lay_out(a, array, stride, COUNT, 0);
		ASSERT_EQ(0, mprotect(self->edge, self->room, protection));
		ASSERT_EQ(-EFAULT, do_batch_of(a->fd, array, COUNT, stride, 0,
					       &a->done));
		ASSERT_EQ(whole, a->done) {
			TH_LOG("protection %d, stride %u", protection, stride);
		}
		ASSERT_EQ(0, mprotect(self->edge, self->room,
				      PROT_READ | PROT_WRITE));
		ASSERT_TRUE(happened(a, array, stride, COUNT, whole));
		ASSERT_EQ(0, undo(a));
	}
	/* Without any operation the array is not looked at. */
	n = 0;
	ASSERT_EQ(0, mprotect(self->edge, self->room, PROT_NONE));
	EXPECT_EQ(0, do_batch_of(a->fd, self->edge, n, size, 0, &a->done));
	EXPECT_EQ(0U, a->done);
}

/* A count that no array can have. */
TEST_F(edge, count_beyond)
{
	const uint32_t size = sizeof(struct cordbg_operation);
	struct _test_data_array *a = &self->a;
	uint8_t *array = self->edge - COUNT * size;

	lay_out(a, array, size, COUNT, 0);
	ASSERT_EQ(0, munmap(self->edge, self->room));
	ASSERT_EQ(-EFAULT, do_batch_of(a->fd, array, UINT32_MAX, size, 0,
				       &a->done));
	EXPECT_EQ(COUNT, a->done);
	EXPECT_TRUE(happened(a, array, size, COUNT, COUNT));
}

TEST_F(edge, bad_pointer)
{
	struct _test_data_array *a = &self->a;
	void *const pointers[] = {
		NULL, self->edge, (void *)-4096L, (void *)-56L, (void *)-1L,
	};
	const uint32_t flags[] = { 0, CORDBG_BATCH_ATOMIC };
	size_t i;

	ASSERT_EQ(0, munmap(self->edge, self->room));
	for (i = 0; i < 2 * ARRAY_SIZE(pointers); i++) {
		a->done = POISON32;
		EXPECT_EQ(-EFAULT, do_batch(a->fd, pointers[i / 2], 2,
					    flags[i % 2], &a->done)) {
			TH_LOG("array %p", pointers[i / 2]);
		}
		EXPECT_EQ(0U, a->done);
	}
	EXPECT_TRUE(field_untouched(&a->f));
}

/* All or nothing: an array of which a part is bad is bad. */
TEST_F(edge, cut_off_atomic)
{
	const uint32_t size = sizeof(struct cordbg_operation);
	struct _test_data_array *a = &self->a;
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(places); i++) {
		uint32_t whole = places[i / 2];
		uint8_t *array = self->edge - whole * size;

		lay_out(a, array, size, COUNT, 0);
		ASSERT_EQ(0, mprotect(self->edge, self->room,
				      protections[i % 2]));
		ASSERT_EQ(-EFAULT, do_batch_of(a->fd, array, COUNT, size,
					       CORDBG_BATCH_ATOMIC, &a->done));
		ASSERT_EQ(0U, a->done);
		ASSERT_EQ(0, mprotect(self->edge, self->room,
				      PROT_READ | PROT_WRITE));
		ASSERT_TRUE(happened(a, array, size, COUNT, 0));
	}
}

TEST_F(array, atomic_operation_longer)
{
	const uint32_t size = sizeof(struct cordbg_operation);
	const uint32_t stride = size + 16;
	uint8_t *array = map_private(COUNT * stride);
	size_t i;

	ASSERT_TRUE(!!array);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		lay_out(self, array, stride, COUNT, 0);
		array[places[i] * stride + size] = 1;
		ASSERT_EQ(-E2BIG, do_batch_of(self->fd, array, COUNT, stride,
					      CORDBG_BATCH_ATOMIC,
					      &self->done));
		ASSERT_EQ(0U, self->done);
		ASSERT_TRUE(happened(self, array, stride, COUNT, 0));
	}
	lay_out(self, array, stride, COUNT, 0);
	ASSERT_EQ(0, do_batch_of(self->fd, array, COUNT, stride,
				 CORDBG_BATCH_ATOMIC, &self->done));
	EXPECT_EQ(COUNT, self->done);
	EXPECT_TRUE(happened(self, array, stride, COUNT, COUNT));
}

TEST_HARNESS_MAIN
