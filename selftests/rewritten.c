// SPDX-License-Identifier: GPL-2.0
/*
 * Breakpoints whose opcode is no longer in memory: the program has rewritten,
 * dropped or replaced it. Memory is the truth then.
 */

#include "target_memory.h"

#define PAGES	3
#define AROUND	16

/*
 * Functions that run in the target and make the opcode at @address, on the page
 * at @page, disappear. They return 0 or a negative errno.
 */
static long overwrite(unsigned long page, unsigned long address)
{
	(void)page;
	memset((void *)address, 0x3c, OPCODE_LEN);
	return 0;
}

static long overwrite_page(unsigned long page, unsigned long address)
{
	(void)address;
	fill_plain((uint8_t *)page, page_size(), 99);
	return 0;
}

static long drop(unsigned long page, unsigned long address)
{
	(void)address;
	return in_target_advise(page, page_size(), MADV_DONTNEED);
}

static long unmap(unsigned long page, unsigned long address)
{
	(void)address;
	return in_target_unmap(page, page_size(), 0);
}

static long map_anew(unsigned long page, unsigned long address)
{
	(void)address;
	return in_target_map(page, page_size(), PROT_READ | PROT_WRITE);
}

static long map_anew_read_only(unsigned long page, unsigned long address)
{
	(void)address;
	return in_target_map(page, page_size(), PROT_READ);
}

static long map_file(unsigned long page, unsigned long address)
{
	uint8_t bytes[64];
	int fd;

	(void)address;
	fill_plain(bytes, sizeof(bytes), 50);
	fd = file_create(bytes, sizeof(bytes), page_size());
	if (fd < 0)
		return fd;
	return map_at(page, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE,
		      fd);
}

FIXTURE(rewritten)
{
	struct debuggee d;
	int other;
	uint8_t *data;
	uint8_t *page;
	uint8_t *at;		/* where the breakpoint is, on @page */
	uint64_t address;	/* the same */
	uint8_t now[2 * AROUND];	/* memory around it, after all that */
};

FIXTURE_VARIANT(rewritten)
{
	long (*make)(unsigned long page, unsigned long address);
	bool remapped;		/* the breakpoint may be gone altogether */
};

FIXTURE_VARIANT_ADD(rewritten, by_the_program) { .make = overwrite };
FIXTURE_VARIANT_ADD(rewritten, with_its_page) { .make = overwrite_page };
FIXTURE_VARIANT_ADD(rewritten, by_dropping) { .make = drop };
FIXTURE_VARIANT_ADD(rewritten, by_mapping) {
	.make = map_anew,
	.remapped = true,
};

FIXTURE_VARIANT_ADD(rewritten, by_mapping_a_file) {
	.make = map_file,
	.remapped = true,
};

FIXTURE_SETUP(rewritten)
{
	self->data = map_private(PAGES * page_size());
	ASSERT_TRUE(!!self->data);
	fill_plain(self->data, PAGES * page_size(), 18);
	self->page = self->data + page_size();
	self->at = self->page + 32;
	self->address = ptr_u64(self->at);
	ASSERT_EQ(0, debuggee_start(&self->d));
	self->other = session_open(self->d.target.pid);
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, target_call(&self->d.target, variant->make,
				 (unsigned long)self->page,
				 (unsigned long)self->at, 0));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->at - AROUND, self->now,
				   sizeof(self->now)));
	ASSERT_NE(0, memcmp(opcode, self->now + AROUND, OPCODE_LEN));
}

FIXTURE_TEARDOWN(rewritten)
{
	close(self->other);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* Every view shows memory as it is. */
static void expect_now(struct __test_metadata *_metadata,
		       FIXTURE_DATA(rewritten) * self)
{
	expect_bytes(_metadata, &self->d, self->at - AROUND, self->now,
		     sizeof(self->now), NULL);
}

TEST_F(rewritten, listed_as_not_planted)
{
	struct cordbg_breakpoint bp;
	int found = find_breakpoint(self->d.session, self->address, &bp);

	if (!variant->remapped)
		ASSERT_EQ(1, found);
	ASSERT_LE(0, found);
	if (found)
		EXPECT_EQ(CORDBG_BREAKPOINT_MINE, bp.flags);
}

TEST_F(rewritten, read_shows_memory)
{
	expect_now(_metadata, self);
}

TEST_F(rewritten, write_goes_through)
{
	uint8_t data[8];
	uint64_t written;

	fill_any(data, sizeof(data), 0x61);
	EXPECT_EQ(0, do_write(self->d.session, self->address - 4, data,
			      sizeof(data), 0, &written, NULL));
	EXPECT_EQ(sizeof(data), written);
	memcpy(self->now + AROUND - 4, data, sizeof(data));
	expect_now(_metadata, self);
}

TEST_F(rewritten, long_write_goes_through)
{
	size_t size = PAGES * page_size();
	uint8_t *data = malloc(size);

	ASSERT_TRUE(!!data);
	fill_any(data, size, 0x62);
	EXPECT_EQ(0, do_write(self->other, ptr_u64(self->data), data, size, 0,
			      NULL, NULL));
	memcpy(self->now, data + (self->at - AROUND - self->data),
	       sizeof(self->now));
	expect_now(_metadata, self);
}

/* The opcode's bytes are data there too, and nothing hides them. */
TEST_F(rewritten, write_of_the_opcode_goes_through)
{
	EXPECT_EQ(0, do_write(self->d.session, self->address, opcode,
			      OPCODE_LEN, 0, NULL, NULL));
	memcpy(self->now + AROUND, opcode, OPCODE_LEN);
	expect_now(_metadata, self);
	do_clear(self->d.session, self->address);
	expect_now(_metadata, self);
}

/* The same, brought in by a write of several pages. */
TEST_F(rewritten, long_write_of_the_opcode_goes_through)
{
	size_t size = PAGES * page_size();
	uint8_t *data = malloc(size);

	ASSERT_TRUE(!!data);
	memset(data, 0xcc, size);
	memcpy(data + (self->at - self->data), opcode, OPCODE_LEN);
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data), data, size,
			      0, NULL, NULL));
	memcpy(self->now, data + (self->at - AROUND - self->data),
	       sizeof(self->now));
	expect_now(_metadata, self);
	do_clear(self->d.session, self->address);
	expect_now(_metadata, self);
}

TEST_F(rewritten, clear_leaves_memory)
{
	struct cordbg_breakpoint bp;
	int found = find_breakpoint(self->d.session, self->address, &bp);

	EXPECT_EQ(found ? 0 : -ENOENT,
		  do_clear(self->d.session, self->address));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_now(_metadata, self);
}

TEST_F(rewritten, close_leaves_memory)
{
	close(self->d.session);
	self->d.session = dup(self->other);
	ASSERT_LE(0, self->d.session);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_now(_metadata, self);
}

/* Another session plants it again, over the bytes that are there now. */
TEST_F(rewritten, set_by_another_session)
{
	uint8_t original[OPCODE_LEN];
	struct cordbg_breakpoint bp;

	memset(original, 0xa5, sizeof(original));
	EXPECT_EQ(0, do_set(self->other, self->address, original,
			    sizeof(original), NULL));
	EXPECT_EQ(0, memcmp(self->now + AROUND, original, OPCODE_LEN));
	ASSERT_EQ(1, find_breakpoint(self->other, self->address, &bp));
	EXPECT_EQ(CORDBG_BREAKPOINT_MINE | CORDBG_BREAKPOINT_PLANTED, bp.flags);
	EXPECT_EQ(0, memcmp(self->now + AROUND, bp.original, OPCODE_LEN));
	expect_bytes(_metadata, &self->d, self->at - AROUND, self->now,
		     sizeof(self->now), self->at);
	do_clear(self->d.session, self->address);
	expect_bytes(_metadata, &self->d, self->at - AROUND, self->now,
		     sizeof(self->now), self->at);
	EXPECT_EQ(0, do_clear(self->other, self->address));
	EXPECT_EQ(0, count_breakpoints(self->other));
	expect_now(_metadata, self);
}

/* The same session does it by clearing first. */
TEST_F(rewritten, set_again)
{
	uint8_t original[OPCODE_LEN];

	memset(original, 0xa5, sizeof(original));
	do_clear(self->d.session, self->address);
	EXPECT_EQ(0, do_set(self->d.session, self->address, original,
			    sizeof(original), NULL));
	EXPECT_EQ(0, memcmp(self->now + AROUND, original, OPCODE_LEN));
	expect_bytes(_metadata, &self->d, self->at - AROUND, self->now,
		     sizeof(self->now), self->at);
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_now(_metadata, self);
}

/*
 * Memory that nothing can be planted in any more.
 */
FIXTURE(lost)
{
	struct debuggee d;
	uint8_t *page;
	uint64_t address;
};

FIXTURE_VARIANT(lost)
{
	long (*make)(unsigned long page, unsigned long address);
	int error;		/* of a write there */
};

FIXTURE_VARIANT_ADD(lost, unmapped) { .make = unmap, .error = -ENXIO };
FIXTURE_VARIANT_ADD(lost, read_only) {
	.make = map_anew_read_only,
	.error = -EACCES,
};

FIXTURE_SETUP(lost)
{
	self->page = map_private(page_size());
	ASSERT_TRUE(!!self->page);
	fill_plain(self->page, page_size(), 19);
	self->address = ptr_u64(self->page) + 32;
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, target_call(&self->d.target, variant->make,
				 (unsigned long)self->page, self->address, 0));
}

FIXTURE_TEARDOWN(lost)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

TEST_F(lost, clear)
{
	struct cordbg_breakpoint bp;
	int found = find_breakpoint(self->d.session, self->address, &bp);

	ASSERT_LE(0, found);
	if (found)
		EXPECT_EQ(CORDBG_BREAKPOINT_MINE, bp.flags);
	EXPECT_EQ(found ? 0 : -ENOENT,
		  do_clear(self->d.session, self->address));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
}

/* A breakpoint that was there does not lend the range any rights. */
TEST_F(lost, write)
{
	uint8_t data[OPCODE_LEN] = { 0x11 };
	uint64_t written, failed;

	EXPECT_EQ(variant->error, do_write(self->d.session, self->address, data,
					   sizeof(data), 0, &written,
					   &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(self->address, failed);
}

/* Mapped again, the memory is new: the opcode does not come back. */
TEST_F(lost, mapped_again)
{
	uint8_t *seen = malloc(page_size());

	ASSERT_TRUE(!!seen);
	ASSERT_EQ(0, target_call(&self->d.target, map_anew,
				 (unsigned long)self->page, self->address, 0));
	do_clear(self->d.session, self->address);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->page, seen, page_size()));
	EXPECT_TRUE(all_bytes(seen, 0, page_size()));
}

/*
 * A private mapping of a file whose changed page the program drops: the file's
 * bytes are back, without the opcode.
 */
FIXTURE(file)
{
	struct debuggee d;
	uint8_t *page;
	uint8_t *before;
	uint64_t address;
};

FIXTURE_SETUP(file)
{
	size_t size = page_size();
	void *p;
	int fd;

	self->before = map_private(size);
	ASSERT_TRUE(!!self->before);
	fill_plain(self->before, size, 20);
	fd = file_create(self->before, size, size);
	ASSERT_LE(0, fd);
	p = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	ASSERT_FALSE(p == MAP_FAILED);
	close(fd);
	self->page = p;
	self->address = ptr_u64(p) + 32;
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, do_break(self->d.session, self->address));
}

FIXTURE_TEARDOWN(file)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

TEST_F(file, dropped)
{
	struct cordbg_breakpoint bp;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_advise,
				 (unsigned long)self->page, page_size(),
				 MADV_DONTNEED));
	ASSERT_EQ(1, find_breakpoint(self->d.session, self->address, &bp));
	EXPECT_EQ(CORDBG_BREAKPOINT_MINE, bp.flags);
	expect_bytes(_metadata, &self->d, self->page, self->before, page_size(),
		     NULL);
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_bytes(_metadata, &self->d, self->page, self->before, page_size(),
		     NULL);
}

/* Written behind the breakpoint, then dropped: the write is dropped with it. */
TEST_F(file, written_and_dropped)
{
	uint8_t data[OPCODE_LEN] = { 0x11 };

	ASSERT_EQ(0, do_write(self->d.session, self->address, data,
			      sizeof(data), CORDBG_FORCE, NULL, NULL));
	ASSERT_EQ(0, target_call(&self->d.target, in_target_advise,
				 (unsigned long)self->page, page_size(),
				 MADV_DONTNEED));
	expect_bytes(_metadata, &self->d, self->page, self->before, page_size(),
		     NULL);
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_bytes(_metadata, &self->d, self->page, self->before, page_size(),
		     NULL);
}

TEST_HARNESS_MAIN
