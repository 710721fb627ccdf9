// SPDX-License-Identifier: GPL-2.0
/*
 * Setting and clearing breakpoints.
 */

#include "target_memory.h"

#define PAGES	4

FIXTURE(breakpoint)
{
	struct debuggee d;
	size_t size;
	uint8_t *data;
	uint8_t *at;		/* where the tests break, in @data */
	uint64_t address;	/* the same */
	uint8_t original[CORDBG_OPCODE_MAX];
};

FIXTURE_SETUP(breakpoint)
{
	self->size = PAGES * page_size();
	self->data = map_private(self->size);
	ASSERT_TRUE(!!self->data);
	fill_plain(self->data, self->size, 14);
	self->at = self->data + page_size() + 128;
	self->address = ptr_u64(self->at);
	memset(self->original, 0xa5, sizeof(self->original));
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(breakpoint)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* The opcode's bytes are in memory, and all the rest is as it was. */
static void expect_planted(struct __test_metadata *_metadata,
			   FIXTURE_DATA(breakpoint) * self)
{
	expect_bytes(_metadata, &self->d, self->data, self->data, self->size,
		     self->at);
}

static void expect_not_planted(struct __test_metadata *_metadata,
			       FIXTURE_DATA(breakpoint) * self)
{
	expect_bytes(_metadata, &self->d, self->data, self->data, self->size,
		     NULL);
}

TEST_F(breakpoint, set)
{
	uint32_t buflen;

	EXPECT_EQ(0, do_set(self->d.session, self->address, self->original,
			    sizeof(self->original), &buflen));
	EXPECT_EQ(OPCODE_LEN, buflen);
	EXPECT_EQ(0, memcmp(self->at, self->original, OPCODE_LEN));
	EXPECT_TRUE(all_bytes(self->original + OPCODE_LEN, 0xa5,
			      sizeof(self->original) - OPCODE_LEN));
	EXPECT_EQ(1, count_breakpoints(self->d.session));
	expect_planted(_metadata, self);
}

TEST_F(breakpoint, clear)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_not_planted(_metadata, self);
	EXPECT_EQ(-ENOENT, do_clear(self->d.session, self->address));
}

TEST_F(breakpoint, set_again_after_clear)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_clear(self->d.session, self->address));
	EXPECT_EQ(0, do_set(self->d.session, self->address, self->original,
			    OPCODE_LEN, NULL));
	EXPECT_EQ(0, memcmp(self->at, self->original, OPCODE_LEN));
	expect_planted(_metadata, self);
}

TEST_F(breakpoint, first_and_last_of_page)
{
	uint64_t end = ptr_u64(self->data) + self->size;

	EXPECT_EQ(0, do_break(self->d.session, ptr_u64(self->data)));
	EXPECT_EQ(0, do_break(self->d.session, end - OPCODE_LEN));
	EXPECT_EQ(2, count_breakpoints(self->d.session));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(self->data)));
	EXPECT_EQ(0, do_clear(self->d.session, end - OPCODE_LEN));
	expect_not_planted(_metadata, self);
}

/* Neighbours do not disturb each other. */
TEST_F(breakpoint, next_to_each_other)
{
	uint64_t next = self->address + OPCODE_LEN;

	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(0, do_set(self->d.session, next, self->original,
			    OPCODE_LEN, NULL));
	EXPECT_EQ(0, memcmp(self->at + OPCODE_LEN, self->original,
			    OPCODE_LEN));
	EXPECT_EQ(0, do_clear(self->d.session, next));
	expect_planted(_metadata, self);
}

TEST_F(breakpoint, eexist)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(-EEXIST, do_break(self->d.session, self->address));
	EXPECT_EQ(1, count_breakpoints(self->d.session));
	expect_planted(_metadata, self);
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_not_planted(_metadata, self);
}

/* The length needed is told, and nothing is planted. */
TEST_F(breakpoint, erange)
{
	uint32_t bufsize, buflen;

	for (bufsize = 0; bufsize < OPCODE_LEN; bufsize++) {
		EXPECT_EQ(-ERANGE, do_set(self->d.session, self->address,
					  self->original, bufsize, &buflen));
		EXPECT_EQ(OPCODE_LEN, buflen);
		EXPECT_EQ(-ERANGE, do_set(self->d.session, self->address, NULL,
					  bufsize, &buflen));
		EXPECT_EQ(OPCODE_LEN, buflen);
	}
	EXPECT_TRUE(all_bytes(self->original, 0xa5, sizeof(self->original)));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_not_planted(_metadata, self);
}

TEST_F(breakpoint, bad_buffer)
{
	uint8_t *page = map_private(page_size());

	ASSERT_TRUE(!!page);
	EXPECT_EQ(-EFAULT, do_set(self->d.session, self->address, NULL,
				  OPCODE_LEN, NULL));
	ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, do_set(self->d.session, self->address, page,
				  OPCODE_LEN, NULL));
	ASSERT_EQ(0, munmap(page, page_size()));
	EXPECT_EQ(-EFAULT, do_set(self->d.session, self->address, page,
				  page_size(), NULL));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_not_planted(_metadata, self);
}

TEST_F(breakpoint, bad_address)
{
	uint64_t high = 0xffffffff81000000ULL;

	EXPECT_EQ(-ENXIO, do_break(self->d.session, 0));
	EXPECT_EQ(-ENXIO, do_break(self->d.session, high));
	EXPECT_EQ(-ENXIO, do_break(self->d.session, self->address | 1ULL << 63));
	EXPECT_EQ(-EOVERFLOW, do_break(self->d.session,
				       UINT64_MAX - (OPCODE_LEN - 1)));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session, 0));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session, UINT64_MAX));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session,
				    self->address | 1ULL << 63));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_not_planted(_metadata, self);
}

/* Only the address it was set at clears a breakpoint. */
TEST_F(breakpoint, clear_beside)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session,
				    self->address - OPCODE_LEN));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session,
				    self->address + OPCODE_LEN));
	expect_planted(_metadata, self);
}

/* An opcode that the program itself has is not a byte to hide. */
TEST_F(breakpoint, foreign_opcode)
{
	ASSERT_EQ(0, debuggee_poke(&self->d, self->at, opcode, OPCODE_LEN));
	EXPECT_EQ(-EBUSY, do_set(self->d.session, self->address,
				 self->original, OPCODE_LEN, NULL));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session, self->address));
	memcpy(self->at, opcode, OPCODE_LEN);
	expect_not_planted(_metadata, self);
}

/* Data under a breakpoint may equal the opcode; cleared, it is foreign. */
TEST_F(breakpoint, own_data_becomes_foreign)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(0, do_write(self->d.session, self->address, opcode,
			      OPCODE_LEN, 0, NULL, NULL));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	EXPECT_EQ(-EBUSY, do_break(self->d.session, self->address));
}

/* The breakpoint is the target's alone: the test has memory of its own. */
TEST_F(breakpoint, nobody_else)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(program_text)));
	EXPECT_TRUE(all_bytes(program_text, 0x55, PROGRAM_TEXT_SIZE));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(program_text)));
	expect_planted(_metadata, self);
}

/* Others would run into an opcode in memory they share, writable or not. */
TEST_F(breakpoint, shared_memory)
{
	uint8_t *shared = self->d.window, before[64];

	fill_plain(shared, 64, 1);
	memcpy(before, shared, sizeof(before));
	EXPECT_EQ(-EACCES, do_break(self->d.session, ptr_u64(shared)));
	EXPECT_EQ(0, memcmp(before, shared, sizeof(before)));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
}

/* The target itself may be the one who sets them. */
TEST_F(breakpoint, self)
{
	int session = session_open(getpid());

	ASSERT_LE(0, session);
	EXPECT_EQ(0, do_set(session, self->address, self->original,
			    OPCODE_LEN, NULL));
	EXPECT_EQ(0, memcmp(opcode, self->at, OPCODE_LEN));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	EXPECT_EQ(0, do_clear(session, self->address));
	EXPECT_EQ(0, memcmp(self->original, self->at, OPCODE_LEN));
	close(session);
}

/*
 * The cap on breakpoints of a session.
 */
FIXTURE(cap)
{
	struct debuggee d;
	long cap;
	uint8_t *data;
};

FIXTURE_SETUP(cap)
{
	self->data = map_private(page_size());
	ASSERT_TRUE(!!self->data);
	fill_plain(self->data, page_size(), 16);
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, exchange_setting(MAX_BREAKPOINTS, 3, &self->cap));
}

FIXTURE_TEARDOWN(cap)
{
	EXPECT_EQ(0, write_setting(MAX_BREAKPOINTS, self->cap));
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

TEST_F(cap, enospc)
{
	uint64_t start = ptr_u64(self->data);
	uint8_t seen[OPCODE_LEN] = { 0xa5 };

	ASSERT_EQ(0, break_each(self->d.session, start, 64, 3));
	EXPECT_EQ(-ENOSPC, do_break(self->d.session, start + 3 * 64));
	EXPECT_EQ(3, count_breakpoints(self->d.session));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data + 3 * 64, seen,
				   sizeof(seen)));
	EXPECT_EQ(0, memcmp(self->data + 3 * 64, seen, sizeof(seen)));
	EXPECT_EQ(0, do_clear(self->d.session, start + 64));
	EXPECT_EQ(0, do_break(self->d.session, start + 3 * 64));
}

/* One session's breakpoints do not keep another from setting its own. */
TEST_F(cap, is_per_session)
{
	uint64_t start = ptr_u64(self->data);
	int other = session_open(self->d.target.pid);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, break_each(self->d.session, start, 64, 3));
	EXPECT_EQ(0, break_each(other, start + 32, 64, 3));
	EXPECT_EQ(-ENOSPC, do_break(other, start));
	EXPECT_EQ(-ENOSPC, do_break(self->d.session, start + 32));
	EXPECT_EQ(6, count_breakpoints(other));
	close(other);
}

TEST_HARNESS_MAIN
