// SPDX-License-Identifier: GPL-2.0
/*
 * An opcode of any length: where it may stand, transfers that meet a part of it,
 * and programs that change a part of it.
 */

#include "target_memory.h"

#define PAGES	3
#define AROUND	16		/* bytes compared on each side */
#define REACH	4		/* the longest opcode */

FIXTURE(part)
{
	struct debuggee d;
	uint8_t *data;
};

FIXTURE_VARIANT(part)
{
	int protection;
	bool page_end;
};

FIXTURE_VARIANT_ADD(part, in_data)
{
	.protection = PROT_READ | PROT_WRITE,
};

FIXTURE_VARIANT_ADD(part, in_code)
{
	.protection = PROT_READ | PROT_EXEC,
};

FIXTURE_VARIANT_ADD(part, in_written_code)
{
	.protection = PROT_READ | PROT_WRITE | PROT_EXEC,
};

FIXTURE_VARIANT_ADD(part, end_of_a_data_page)
{
	.protection = PROT_READ | PROT_WRITE,
	.page_end = true,
};

FIXTURE_VARIANT_ADD(part, end_of_a_code_page)
{
	.protection = PROT_READ | PROT_EXEC,
	.page_end = true,
};

FIXTURE_SETUP(part)
{
	self->data = map_private(PAGES * page_size());
	ASSERT_TRUE(!!self->data);
	fill_plain(self->data, PAGES * page_size(), 7);
	ASSERT_EQ(0, mprotect(self->data, PAGES * page_size(),
			      variant->protection));
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(part)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

static uint8_t *place(FIXTURE_DATA(part) * self, bool page_end)
{
	return self->data + page_size() +
		(page_end ? page_size() - OPCODE_LEN : 1024);
}

/* What the opcode does not reach is nobody's breakpoint. */
TEST_F(part, aligned)
{
	uint8_t *at = place(self, variant->page_end);
	uint8_t original[CORDBG_OPCODE_MAX];
	unsigned int i;

	memset(original, 0xa5, sizeof(original));
	for (i = 1; i < OPCODE_LEN; i++) {
		EXPECT_EQ(-EINVAL, do_set(self->d.session, ptr_u64(at) - i,
					  original, sizeof(original), NULL));
		EXPECT_TRUE(all_bytes(original, 0xa5, sizeof(original)));
	}
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_bytes(_metadata, &self->d, at - AROUND, at - AROUND, AROUND,
		     NULL);
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(at)));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(at) - OPCODE_LEN));
	for (i = 1; i < OPCODE_LEN; i++) {
		EXPECT_EQ(-EINVAL, do_break(self->d.session, ptr_u64(at) - i));
		EXPECT_EQ(-ENOENT, do_clear(self->d.session, ptr_u64(at) - i));
	}
	EXPECT_EQ(2, count_breakpoints(self->d.session));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(at) - OPCODE_LEN));
	expect_bytes(_metadata, &self->d, at - AROUND, at - AROUND,
		     AROUND + OPCODE_LEN, at);
}

/* Every range that begins and ends near it, written and then cleared. */
TEST_F(part, written_in_part)
{
	uint8_t *at = place(self, variant->page_end), *start = at - AROUND;
	uint8_t model[2 * AROUND], data[3 * REACH];
	int offset, size, round = 0;

	memcpy(model, start, sizeof(model));
	for (offset = -REACH; offset <= REACH; offset++) {
		for (size = 1; size <= 2 * REACH; size++) {
			fill_any(data, sizeof(data), round++);
			ASSERT_EQ(0, do_break(self->d.session, ptr_u64(at)));
			ASSERT_EQ(0, do_write(self->d.session,
					      ptr_u64(at) + offset, data, size,
					      CORDBG_FORCE, NULL, NULL));
			memcpy(model + AROUND + offset, data, size);
			expect_bytes(_metadata, &self->d, start, model,
				     sizeof(model), at);
			ASSERT_EQ(0, do_clear(self->d.session, ptr_u64(at)));
			expect_bytes(_metadata, &self->d, start, model,
				     sizeof(model), NULL);
		}
	}
}

TEST_F(part, read_in_part)
{
	uint8_t *at = place(self, variant->page_end);
	uint8_t seen[3 * REACH];
	int offset, size;

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(at)));
	for (offset = -REACH; offset <= REACH; offset++) {
		for (size = 1; size <= 2 * REACH; size++) {
			memset(seen, 0xa5, sizeof(seen));
			ASSERT_EQ(0, do_read(self->d.session,
					     ptr_u64(at) + offset, seen, size,
					     0, NULL, NULL));
			EXPECT_EQ(0, memcmp(at + offset, seen, size));
			EXPECT_TRUE(all_bytes(seen + size, 0xa5,
					      sizeof(seen) - size));
		}
	}
}

/* An opcode of which the program has rewritten one byte is none any more. */
TEST_F(part, rewritten_in_part)
{
	uint8_t *at = place(self, variant->page_end), *start = at - AROUND;
	uint8_t model[2 * AROUND], data[OPCODE_LEN];
	struct cordbg_breakpoint bp;
	unsigned int i;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 ptr_u64(self->data), PAGES * page_size(),
				 variant->protection | PROT_WRITE));
	for (i = 0; i < OPCODE_LEN; i++) {
		uint8_t byte = opcode[i] ^ 0x55;

		memcpy(model, start, sizeof(model));
		memset(data, 0x90 + i, sizeof(data));
		ASSERT_EQ(0, do_write(self->d.session, ptr_u64(start), model,
				      sizeof(model), CORDBG_FORCE, NULL, NULL));
		ASSERT_EQ(0, do_break(self->d.session, ptr_u64(at)));
		ASSERT_EQ(0, debuggee_poke(&self->d, at + i, &byte, 1));
		memcpy(model + AROUND, opcode, OPCODE_LEN);
		model[AROUND + i] = byte;
		expect_bytes(_metadata, &self->d, start, model, sizeof(model),
			     NULL);
		ASSERT_EQ(1, find_breakpoint(self->d.session, ptr_u64(at), &bp));
		EXPECT_EQ(CORDBG_BREAKPOINT_MINE, bp.flags);

		/* What is written goes to memory, and stays there. */
		ASSERT_EQ(0, do_write(self->d.session, ptr_u64(at), data,
				      OPCODE_LEN, CORDBG_FORCE, NULL, NULL));
		memcpy(model + AROUND, data, OPCODE_LEN);
		expect_bytes(_metadata, &self->d, start, model, sizeof(model),
			     NULL);
		ASSERT_EQ(0, do_clear(self->d.session, ptr_u64(at)));
		expect_bytes(_metadata, &self->d, start, model, sizeof(model),
			     NULL);
	}
}

TEST_HARNESS_MAIN
