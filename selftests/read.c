// SPDX-License-Identifier: GPL-2.0
/*
 * CORDBG_READ_MEMORY: the program's bytes, or memory as it is.
 */

#include "target_memory.h"

#define PAGES	8

FIXTURE(read)
{
	struct debuggee d;
	size_t page;
	size_t size;
	uint8_t *data;		/* of the target, PAGES pages */
	uint8_t *seen;		/* the caller's, as long */
};

FIXTURE_SETUP(read)
{
	self->page = page_size();
	self->size = PAGES * self->page;
	self->data = map_private(self->size);
	self->seen = map_private(self->size);
	ASSERT_TRUE(self->data && self->seen);
	fill_plain(self->data, self->size, 6);
	ASSERT_EQ(0, debuggee_start(&self->d));
	memset(self->seen, 0xa5, self->size);
}

FIXTURE_TEARDOWN(read)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

TEST_F(read, loads_the_bytes_and_their_number)
{
	uint64_t read, failed;

	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data) + 100,
			     self->seen, 3 * self->page, 0, &read, &failed));
	EXPECT_EQ(3 * self->page, read);
	EXPECT_EQ(POISON64, failed);
	EXPECT_EQ(0, memcmp(self->data + 100, self->seen, 3 * self->page));
	EXPECT_TRUE(all_bytes(self->seen + 3 * self->page, 0xa5,
			      self->size - 3 * self->page));
}

/* What is read is the target's memory, not the test's at the same address. */
TEST_F(read, sees_what_the_target_stored)
{
	uint8_t byte = 0xee;

	ASSERT_EQ(0, debuggee_poke(&self->d, self->data + 5, &byte, 1));
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data) + 4,
			     self->seen, 3, 0, NULL, NULL));
	EXPECT_EQ(self->data[4], self->seen[0]);
	EXPECT_EQ(0xee, self->seen[1]);
	EXPECT_EQ(self->data[6], self->seen[2]);
}

TEST_F(read, does_not_change_the_target)
{
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(self->data) + 64));
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), self->seen,
			     self->size, 0, NULL, NULL));
	expect_bytes(_metadata, &self->d, self->data, self->data, self->size,
		     self->data + 64);
}

/* Breakpoints are hidden, and RAW shows them: a page's first and last bytes. */
TEST_F(read, hides_breakpoints)
{
	uint8_t *first = self->data + self->page;
	uint8_t *last = self->data + 3 * self->page - OPCODE_LEN;

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(first)));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(last)));
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), self->seen,
			     self->size, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->data, self->seen, self->size));
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), self->seen,
			     self->size, CORDBG_RAW, NULL, NULL));
	memcpy(first, opcode, OPCODE_LEN);
	memcpy(last, opcode, OPCODE_LEN);
	EXPECT_EQ(0, memcmp(self->data, self->seen, self->size));
}

/* Those of another session too. */
TEST_F(read, hides_breakpoints_of_every_session)
{
	int other = session_open(self->d.target.pid);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, do_break(other, ptr_u64(self->data) + 8));
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), self->seen,
			     64, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->data, self->seen, 64));
	close(other);
}

TEST_F(read, read_may_be_null)
{
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), self->seen,
			     16, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->data, self->seen, 16));
	EXPECT_EQ(-ENXIO, do_read(self->d.session, 0, self->seen, 16, 0, NULL,
				  NULL));
}

TEST_F(read, probe)
{
	uint64_t end = ptr_u64(self->data) + self->size;
	uint64_t read, failed;

	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), self->seen,
			     self->size, CORDBG_PROBE, &read, &failed));
	EXPECT_EQ(0, read);
	EXPECT_EQ(POISON64, failed);
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), NULL, 8,
			     CORDBG_PROBE | CORDBG_RAW, &read, NULL));
	EXPECT_EQ(0, read);
	EXPECT_EQ(-ENXIO, do_read(self->d.session, 0, self->seen, 8,
				  CORDBG_PROBE, &read, &failed));
	EXPECT_EQ(0, read);
	EXPECT_EQ(0, failed);
	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 end - self->page, self->page, PROT_NONE));
	EXPECT_EQ(-EACCES, do_read(self->d.session, ptr_u64(self->data),
				   self->seen, self->size, CORDBG_PROBE, &read,
				   &failed));
	EXPECT_EQ(0, read);
	EXPECT_EQ(end - self->page, failed);
	EXPECT_TRUE(all_bytes(self->seen, 0xa5, self->size));
}

/* A page that the target may read but not write is no obstacle. */
TEST_F(read, read_only_memory)
{
	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 (unsigned long)self->data, self->size,
				 PROT_READ));
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), self->seen,
			     self->size, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->data, self->seen, self->size));
}

TEST_F(read, program_text)
{
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(program_text),
			     self->seen, self->size, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(program_text, self->seen, self->size));
}

/*
 * Memory that is mapped but not for reading. Whether the processor could read
 * it all the same does not matter.
 */
FIXTURE(unreadable)
{
	struct debuggee d;
	size_t page;
	uint8_t *data;		/* two pages, the second is unreadable */
};

FIXTURE_VARIANT(unreadable)
{
	int prot;
};

FIXTURE_VARIANT_ADD(unreadable, none) { .prot = PROT_NONE };
FIXTURE_VARIANT_ADD(unreadable, write_only) { .prot = PROT_WRITE };
FIXTURE_VARIANT_ADD(unreadable, exec_only) { .prot = PROT_EXEC };

FIXTURE_SETUP(unreadable)
{
	self->page = page_size();
	self->data = map_private(2 * self->page);
	ASSERT_TRUE(!!self->data);
	fill_plain(self->data, 2 * self->page, 8);
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 (unsigned long)self->data + self->page,
				 self->page, variant->prot));
}

FIXTURE_TEARDOWN(unreadable)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

static void expect_unreadable(struct __test_metadata *_metadata,
			      FIXTURE_DATA(unreadable) * self, uint64_t start,
			      uint32_t size, uint64_t expected)
{
	uint8_t seen[2 << 12];
	uint64_t read, failed;

	memset(seen, 0xa5, sizeof(seen));
	EXPECT_EQ(-EACCES, do_read(self->d.session, start, seen, size, 0,
				   &read, &failed));
	EXPECT_EQ(0, read);
	EXPECT_EQ(expected, failed);
	EXPECT_EQ(-EACCES, do_read(self->d.session, start, seen, size,
				   CORDBG_RAW, &read, &failed));
	EXPECT_EQ(0, read);
	EXPECT_EQ(expected, failed);
	EXPECT_TRUE(all_bytes(seen, 0xa5, sizeof(seen)));
}

TEST_F(unreadable, refused)
{
	uint64_t tail = ptr_u64(self->data) + self->page;

	expect_unreadable(_metadata, self, tail + 16, 8, tail + 16);
	expect_unreadable(_metadata, self, tail - 4, 8, tail);
	expect_unreadable(_metadata, self, tail - self->page, 2 * self->page,
			  tail);
}

TEST_F(unreadable, read_with_force)
{
	size_t size = 2 * self->page;
	uint8_t *seen = malloc(size);
	uint64_t read;

	ASSERT_TRUE(!!seen);
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data) + self->page,
			     seen, 8, CORDBG_FORCE, &read, NULL));
	EXPECT_EQ(8, read);
	EXPECT_EQ(0, memcmp(self->data + self->page, seen, 8));
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->data), seen, size,
			     CORDBG_FORCE, &read, NULL));
	EXPECT_EQ(size, read);
	EXPECT_EQ(0, memcmp(self->data, seen, size));
}

/* Writing asks for permission to write, and for no other. */
TEST_F(unreadable, write)
{
	bool writable = variant->prot & PROT_WRITE;
	uint64_t start = ptr_u64(self->data) + self->page - 4;
	uint8_t model[8], before[8], seen[8];
	uint64_t written;

	memcpy(before, self->data + self->page - 4, sizeof(before));
	memset(model, 0xee, sizeof(model));
	EXPECT_EQ(writable ? 0 : -EACCES,
		  do_write(self->d.session, start, model, sizeof(model), 0,
			   &written, NULL));
	EXPECT_EQ(writable ? sizeof(model) : 0, written);
	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 (unsigned long)self->data, 2 * self->page,
				 PROT_READ));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data + self->page - 4, seen,
				   sizeof(seen)));
	EXPECT_EQ(0, memcmp(writable ? model : before, seen, sizeof(seen)));
}

/*
 * The caller's buffer.
 */
static void expect_efault(struct __test_metadata *_metadata,
			  FIXTURE_DATA(read) * self, uint8_t *buffer,
			  uint32_t size)
{
	uint64_t read, failed;

	EXPECT_EQ(-EFAULT, do_read(self->d.session, ptr_u64(self->data), buffer,
				   size, 0, &read, &failed));
	EXPECT_EQ(POISON64, failed);
	EXPECT_GT(size, read);
}

TEST_F(read, buffer_unmapped)
{
	ASSERT_EQ(0, munmap(self->seen, self->page));
	expect_efault(_metadata, self, self->seen, 8);
	expect_efault(_metadata, self, self->seen, self->size);
}

TEST_F(read, buffer_read_only)
{
	ASSERT_EQ(0, mprotect(self->seen, self->size, PROT_READ));
	expect_efault(_metadata, self, self->seen, 8);
	expect_efault(_metadata, self, self->seen, self->size);
	EXPECT_TRUE(all_bytes(self->seen, 0xa5, self->size));
}

TEST_F(read, buffer_last_page_read_only)
{
	uint8_t *last = self->seen + self->size - self->page;

	ASSERT_EQ(0, mprotect(last, self->page, PROT_READ));
	expect_efault(_metadata, self, self->seen, self->size);
	expect_efault(_metadata, self, last - 4, 8);
	EXPECT_TRUE(all_bytes(last, 0xa5, self->page));
}

TEST_F(read, buffer_past_end_of_file)
{
	int fd = file_create("", 0, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, map_at((unsigned long)self->seen, self->page,
			    PROT_READ | PROT_WRITE, MAP_SHARED, fd));
	expect_efault(_metadata, self, self->seen, 8);
	expect_efault(_metadata, self, self->seen, self->size);
	close(fd);
}

/* Bytes read count exactly, also when the buffer ends too early. */
TEST_F(read, count_is_exact_after_a_fault)
{
	uint8_t *last = self->seen + self->size - self->page;
	uint64_t read;

	ASSERT_EQ(0, munmap(last, self->page));
	EXPECT_EQ(-EFAULT, do_read(self->d.session, ptr_u64(self->data),
				   self->seen, self->size, 0, &read, NULL));
	ASSERT_GE(self->size - self->page, read);
	EXPECT_EQ(0, memcmp(self->data, self->seen, read));
}

TEST_F(read, size_zero)
{
	uint64_t anywhere[] = { 0, ptr_u64(self->data), 0xffff888000000000ULL,
				UINT64_MAX };
	uint64_t read, failed;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(anywhere); i++) {
		EXPECT_EQ(0, do_read(self->d.session, anywhere[i], self->seen,
				     0, 0, &read, &failed));
		EXPECT_EQ(0, read);
		EXPECT_EQ(POISON64, failed);
		EXPECT_EQ(0, do_read(self->d.session, anywhere[i], NULL, 0,
				     CORDBG_RAW | CORDBG_FORCE, NULL, NULL));
	}
	EXPECT_TRUE(all_bytes(self->seen, 0xa5, self->size));
}

TEST_F(read, address_wraps)
{
	uint64_t read, failed;

	EXPECT_EQ(-EOVERFLOW, do_read(self->d.session, UINT64_MAX - 3,
				      self->seen, 8, 0, &read, &failed));
	EXPECT_EQ(0, read);
	EXPECT_EQ(POISON64, failed);
	EXPECT_TRUE(all_bytes(self->seen, 0xa5, self->size));
}

TEST_F(read, addresses_of_no_process)
{
	uint64_t addresses[] = { 0, UINT64_MAX - self->size,
				 0x8000000000000000ULL, 0xffff888000000000ULL,
				 0xffffffff81000000ULL };
	uint64_t read, failed;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		EXPECT_EQ(-ENXIO, do_read(self->d.session, addresses[i],
					  self->seen, 8, 0, &read, &failed));
		EXPECT_EQ(0, read);
		EXPECT_EQ(addresses[i], failed);
		EXPECT_EQ(-ENXIO, do_read(self->d.session, addresses[i],
					  self->seen, self->size,
					  CORDBG_FORCE | CORDBG_RAW, &read,
					  &failed));
		EXPECT_EQ(addresses[i], failed);
	}
	EXPECT_TRUE(all_bytes(self->seen, 0xa5, self->size));
}

/* The caller itself as the target. */
TEST_F(read, self)
{
	int session = session_open(getpid());
	uint64_t read;

	ASSERT_LE(0, session);
	ASSERT_EQ(0, do_break(session, ptr_u64(self->data) + 32));
	EXPECT_EQ(0, do_read(session, ptr_u64(self->data), self->seen,
			     self->size, 0, &read, NULL));
	EXPECT_EQ(self->size, read);
	EXPECT_EQ(0, do_clear(session, ptr_u64(self->data) + 32));
	EXPECT_EQ(0, memcmp(self->data, self->seen, self->size));
	close(session);
}

TEST_HARNESS_MAIN
