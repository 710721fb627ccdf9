// SPDX-License-Identifier: GPL-2.0
/*
 * Tens of thousands of breakpoints in one process are ordinary.
 */

#include "target_memory.h"

/* What each step may take, on a stock kernel in a machine that is busy otherwise. */
#define STEP_SECONDS	120.0

FIXTURE(many)
{
	struct debuggee d;
	size_t size;
	uint8_t *data;
	uint8_t *seen;
	struct cordbg_breakpoint *list;
	double begin;
};

FIXTURE_VARIANT(many)
{
	size_t count;
	size_t stride;
};

FIXTURE_VARIANT_ADD(many, ten_thousand_dense) {
	.count = 10000,
	.stride = OPCODE_LEN,
};

FIXTURE_VARIANT_ADD(many, ten_thousand_sparse) {
	.count = 10000,
	.stride = 1024,
};

FIXTURE_VARIANT_ADD(many, hundred_thousand) {
	.count = 100000,
	.stride = 128,
};

FIXTURE_SETUP(many)
{
	self->size = variant->count * variant->stride;
	self->data = map_private(self->size);
	self->seen = map_private(self->size);
	self->list = calloc(variant->count, sizeof(*self->list));
	ASSERT_TRUE(self->data && self->seen && self->list);
	fill_plain(self->data, self->size, 23);
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(many)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
	free(self->list);
}

static void expect_quick(struct __test_metadata *_metadata,
			 FIXTURE_DATA(many) * self, const char *step)
{
	double took = seconds() - self->begin;

	EXPECT_GT(STEP_SECONDS * slowness(), took) {
		TH_LOG("%s: %.2f s", step, took);
	}
	self->begin = seconds();
}

/* An order of setting and clearing that is neither up nor down. */
static uint64_t nth(FIXTURE_DATA(many) * self, size_t count, size_t stride,
		    size_t i)
{
	return ptr_u64(self->data) + i * 7919 % count * stride;
}

static int set_all(FIXTURE_DATA(many) * self, size_t count, size_t stride)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < count; i++)
		err = do_break(self->d.session, nth(self, count, stride, i));
	return err;
}

static int clear_all(FIXTURE_DATA(many) * self, size_t count, size_t stride)
{
	size_t i;
	int err = 0;

	for (i = count; !err && i; i--)
		err = do_clear(self->d.session,
			       nth(self, count, stride, i - 1));
	return err;
}

/* Entries that are not what they should be. */
static size_t wrong_entries(FIXTURE_DATA(many) * self, size_t count,
			    size_t stride)
{
	const struct cordbg_breakpoint *entry = self->list;
	size_t i, wrong = 0;

	for (i = 0; i < count; i++, entry++)
		wrong += entry->address != ptr_u64(self->data) + i * stride ||
			 entry->flags != (CORDBG_BREAKPOINT_PLANTED |
					  CORDBG_BREAKPOINT_MINE) ||
			 memcmp(entry->original, self->data + i * stride,
				OPCODE_LEN);
	return wrong;
}

TEST_F_TIMEOUT(many, set_list_write_clear, 150)
{
	uint64_t start = ptr_u64(self->data);
	uint32_t count;

	self->begin = seconds();
	ASSERT_EQ(0, set_all(self, variant->count, variant->stride));
	expect_quick(_metadata, self, "set");

	ASSERT_EQ(0, do_list(self->d.session, 0, self->list, variant->count,
			     &count));
	EXPECT_EQ(variant->count, count);
	EXPECT_EQ(0, wrong_entries(self, variant->count, variant->stride));
	expect_quick(_metadata, self, "list");

	ASSERT_EQ(0, do_read(self->d.session, start, self->seen, self->size, 0,
			     NULL, NULL));
	EXPECT_EQ(0, memcmp(self->data, self->seen, self->size));
	fill_any(self->data, self->size, 200);
	ASSERT_EQ(0, do_write(self->d.session, start, self->data, self->size,
			      0, NULL, NULL));
	expect_quick(_metadata, self, "read and write");

	ASSERT_EQ(0, clear_all(self, variant->count, variant->stride));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_quick(_metadata, self, "clear");
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, self->seen,
				   self->size));
	EXPECT_EQ(0, memcmp(self->data, self->seen, self->size));
}

TEST_F_TIMEOUT(many, close, 150)
{
	ASSERT_EQ(0, set_all(self, variant->count, variant->stride));
	self->begin = seconds();
	close(self->d.session);
	self->d.session = -1;
	expect_quick(_metadata, self, "close");
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, self->seen,
				   self->size));
	EXPECT_EQ(0, memcmp(self->data, self->seen, self->size));
}

/* Among many others, one costs no more: by far less than a scan of them. */
TEST_F_TIMEOUT(many, one_among_them, 150)
{
	uint64_t address = ptr_u64(self->data) + self->size / 2;
	uint8_t byte;
	int i;

	address -= address % OPCODE_LEN;
	ASSERT_EQ(0, set_all(self, variant->count, variant->stride));
	self->begin = seconds();
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, do_read(self->d.session, address, &byte, 1, 0,
				     NULL, NULL));
		ASSERT_EQ(0, do_write(self->d.session, address, &byte, 1, 0,
				      NULL, NULL));
	}
	EXPECT_GT(5.0 * slowness(), seconds() - self->begin);
}

TEST_HARNESS_MAIN
