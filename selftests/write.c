// SPDX-License-Identifier: GPL-2.0
/*
 * CORDBG_WRITE_MEMORY: its arguments, what it stores in them, and the target
 * being the caller itself.
 */

#include "target_memory.h"

#define PAGES	8

FIXTURE(write)
{
	struct debuggee d;
	size_t page;
	size_t size;
	uint8_t *data;		/* of the target, PAGES pages */
	uint8_t *source;	/* the caller's, as long */
	uint8_t *seen;
};

FIXTURE_SETUP(write)
{
	self->page = page_size();
	self->size = PAGES * self->page;
	self->data = map_private(self->size);
	self->source = map_private(self->size);
	self->seen = map_private(self->size);
	ASSERT_TRUE(self->data && self->source && self->seen);
	fill_plain(self->data, self->size, 9);
	fill_any(self->source, self->size, 0x80);
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(write)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* No byte of the target's data has changed. */
static void expect_unchanged(struct __test_metadata *_metadata,
			     FIXTURE_DATA(write) * self)
{
	memset(self->seen, 0xa5, self->size);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, self->seen,
				   self->size));
	EXPECT_EQ(0, memcmp(self->data, self->seen, self->size));
}

/* A write of @size bytes from @source is refused with EFAULT. */
static void expect_efault(struct __test_metadata *_metadata,
			  FIXTURE_DATA(write) * self, const uint8_t *source,
			  uint32_t size)
{
	uint64_t written, failed;

	EXPECT_EQ(-EFAULT, do_write(self->d.session, ptr_u64(self->data),
				    source, size, 0, &written, &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(POISON64, failed);
	expect_unchanged(_metadata, self);
}

TEST_F(write, stores_the_bytes_and_their_number)
{
	uint64_t written, failed;

	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data) + 100,
			      self->source, 3 * self->page, 0, &written,
			      &failed));
	EXPECT_EQ(3 * self->page, written);
	EXPECT_EQ(POISON64, failed);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, self->seen,
				   self->size));
	memcpy(self->data + 100, self->source, 3 * self->page);
	EXPECT_EQ(0, memcmp(self->data, self->seen, self->size));
}

/* The target has a copy of the test's memory, not that memory. */
TEST_F(write, touches_no_other_process)
{
	uint8_t before = self->data[10];

	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data) + 10,
			      self->source, 1, 0, NULL, NULL));
	EXPECT_EQ(before, self->data[10]);
}

TEST_F(write, written_may_be_null)
{
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data),
			      self->source, 16, 0, NULL, NULL));
	EXPECT_EQ(-ENXIO, do_write(self->d.session, 0, self->source, 16, 0,
				   NULL, NULL));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, self->seen, 16));
	EXPECT_EQ(0, memcmp(self->source, self->seen, 16));
}

TEST_F(write, written_is_zero_after_a_refusal)
{
	uint64_t written;

	EXPECT_EQ(-EINVAL, do_write(self->d.session, ptr_u64(self->data),
				    self->source, 16, CORDBG_RAW, &written,
				    NULL));
	EXPECT_EQ(-ENXIO, do_write(self->d.session, 0, self->source, 16, 0,
				   &written, NULL));
	EXPECT_EQ(0, written);
	EXPECT_EQ(-EOVERFLOW, do_write(self->d.session, UINT64_MAX - 3,
				       self->source, 16, 0, &written, NULL));
	EXPECT_EQ(0, written);
	expect_unchanged(_metadata, self);
}

/* A @written pointer that cannot be stored through, in each way it can be bad. */
FIXTURE(bad_written)
{
	struct debuggee d;
	uint8_t *data;
	uint64_t pointer;
};

FIXTURE_VARIANT(bad_written)
{
	int prot;		/* of the page @pointer is in */
	bool unmap;
	unsigned int offset;	/* in the page */
	uint64_t pointer;	/* instead of all that */
};

FIXTURE_VARIANT_ADD(bad_written, unmapped) { .unmap = true };
FIXTURE_VARIANT_ADD(bad_written, no_access) { .prot = PROT_NONE };
FIXTURE_VARIANT_ADD(bad_written, read_only) { .prot = PROT_READ };
FIXTURE_VARIANT_ADD(bad_written, half_unmapped) {
	.prot = PROT_READ | PROT_WRITE,
	.offset = 4092,
};

FIXTURE_VARIANT_ADD(bad_written, kernel) { .pointer = 0xffff888000001000ULL };
FIXTURE_VARIANT_ADD(bad_written, wrapping) { .pointer = UINT64_MAX - 3 };

FIXTURE_SETUP(bad_written)
{
	size_t page = page_size();
	uint8_t *slot = map_private(2 * page);

	self->data = map_private(2 * page);
	ASSERT_TRUE(slot && self->data);
	fill_plain(self->data, 2 * page, 4);
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, munmap(slot + page, page));
	ASSERT_EQ(0, variant->unmap ? munmap(slot, page) :
		     mprotect(slot, page, variant->prot));
	self->pointer = variant->pointer ?: ptr_u64(slot) + variant->offset;
}

FIXTURE_TEARDOWN(bad_written)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

static int transfer_to(FIXTURE_DATA(bad_written) * self, unsigned long cmd,
		       void *buffer, uint32_t size)
{
	struct cordbg_transfer arg = {
		.argsz = sizeof(arg),
		.address = ptr_u64(self->data),
		.buffer = ptr_u64(buffer),
		.written = self->pointer,
		.size = size,
	};

	return cordbg_ioctl(self->d.session, cmd, &arg);
}

TEST_F(bad_written, nothing_is_written)
{
	size_t size = 2 * page_size();
	uint8_t *source = malloc(size), *seen = malloc(size);

	ASSERT_TRUE(source && seen);
	memset(source, 0xee, size);
	EXPECT_EQ(-EFAULT, transfer_to(self, CORDBG_WRITE_MEMORY, source, 8));
	EXPECT_EQ(-EFAULT, transfer_to(self, CORDBG_WRITE_MEMORY, source,
				       size));
	EXPECT_EQ(-EFAULT, transfer_to(self, CORDBG_WRITE_MEMORY, source, 0));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, seen, size));
	EXPECT_EQ(0, memcmp(self->data, seen, size));
}

TEST_F(bad_written, nothing_is_read)
{
	uint8_t seen[8];

	memset(seen, 0xa5, sizeof(seen));
	EXPECT_EQ(-EFAULT, transfer_to(self, CORDBG_READ_MEMORY, seen,
				       sizeof(seen)));
	EXPECT_TRUE(all_bytes(seen, 0xa5, sizeof(seen)));
}

/*
 * A source buffer that cannot be read is found before the first byte is written,
 * however long the part is that can.
 */
TEST_F(write, source_unmapped)
{
	ASSERT_EQ(0, munmap(self->source, self->page));
	expect_efault(_metadata, self, self->source, 1);
	expect_efault(_metadata, self, self->source, self->size);
}

TEST_F(write, source_no_access)
{
	ASSERT_EQ(0, mprotect(self->source, self->page, PROT_NONE));
	expect_efault(_metadata, self, self->source, 8);
	expect_efault(_metadata, self, self->source, self->size);
}

TEST_F(write, source_last_page_unmapped)
{
	ASSERT_EQ(0, munmap(self->source + self->size - self->page,
			    self->page));
	expect_efault(_metadata, self, self->source, self->size);
	expect_efault(_metadata, self, self->source,
		      self->size - self->page + 1);
	expect_efault(_metadata, self,
		      self->source + self->size - self->page - 4, 8);
}

TEST_F(write, source_middle_page_no_access)
{
	ASSERT_EQ(0, mprotect(self->source + 3 * self->page, self->page,
			      PROT_NONE));
	expect_efault(_metadata, self, self->source, self->size);
}

TEST_F(write, source_past_end_of_file)
{
	int fd = file_create(self->source, self->page, self->page);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, map_at((unsigned long)self->source, 2 * self->page,
			    PROT_READ, MAP_SHARED, fd));
	expect_efault(_metadata, self, self->source, 2 * self->page);
	expect_efault(_metadata, self, self->source + self->page - 4, 8);
	close(fd);
}

TEST_F(write, source_in_the_kernel)
{
	struct cordbg_transfer arg = {
		.argsz = sizeof(arg),
		.address = ptr_u64(self->data),
		.buffer = 0xffff888000001000ULL,
		.size = 8,
	};

	EXPECT_EQ(-EFAULT, cordbg_ioctl(self->d.session, CORDBG_WRITE_MEMORY,
					&arg));
	arg.buffer = UINT64_MAX - 3;
	EXPECT_EQ(-EFAULT, cordbg_ioctl(self->d.session, CORDBG_WRITE_MEMORY,
					&arg));
	expect_unchanged(_metadata, self);
}

/* The caller's buffer may be read-only, and a write does not modify it. */
TEST_F(write, source_read_only)
{
	uint64_t written;

	memcpy(self->seen, self->source, self->size);
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(self->data) + 64));
	ASSERT_EQ(0, mprotect(self->source, self->size, PROT_READ));
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data),
			      self->source, self->size, 0, &written, NULL));
	EXPECT_EQ(self->size, written);
	EXPECT_EQ(0, memcmp(self->seen, self->source, self->size));
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data),
			      self->source, 128, 0, &written, NULL));
	EXPECT_EQ(0, memcmp(self->seen, self->source, self->size));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(self->data) + 64));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, self->seen,
				   self->size));
	EXPECT_EQ(0, memcmp(self->source, self->seen, self->size));
}

/* A buffer the test shares with a file it may write is not modified either. */
TEST_F(write, source_writable)
{
	memcpy(self->seen, self->source, self->size);
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(self->data) + 64));
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data),
			      self->source, self->size, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->seen, self->source, self->size));
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data) + 60,
			      self->source, 8, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->seen, self->source, self->size));
}

/* PROBE: verified, not written; the buffer does not even have to be there. */
TEST_F(write, probe)
{
	uint64_t written, failed;

	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data),
			      self->source, self->size, CORDBG_PROBE, &written,
			      &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(POISON64, failed);
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data) + 4, NULL,
			      8, CORDBG_PROBE, &written, NULL));
	EXPECT_EQ(0, written);
	expect_unchanged(_metadata, self);
}

TEST_F(write, probe_refuses_as_a_write_does)
{
	uint64_t end = ptr_u64(self->data) + self->size;
	uint64_t written, failed;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 end - self->page, self->page, PROT_READ));
	EXPECT_EQ(-EACCES, do_write(self->d.session, ptr_u64(self->data),
				    self->source, self->size, CORDBG_PROBE,
				    &written, &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(end - self->page, failed);
	ASSERT_EQ(0, target_call(&self->d.target, in_target_unmap,
				 end - self->page, self->page, 0));
	EXPECT_EQ(-ENXIO, do_write(self->d.session, ptr_u64(self->data),
				   self->source, self->size, CORDBG_PROBE,
				   &written, &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(end - self->page, failed);
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->data),
			      self->source, self->size - self->page,
			      CORDBG_PROBE, &written, NULL));
}

TEST_F(write, raw_is_for_reads)
{
	EXPECT_EQ(-EINVAL, do_write(self->d.session, ptr_u64(self->data),
				    self->source, 8, CORDBG_RAW, NULL, NULL));
	EXPECT_EQ(-EINVAL, do_write(self->d.session, ptr_u64(self->data),
				    self->source, 8, CORDBG_RAW | CORDBG_FORCE,
				    NULL, NULL));
	EXPECT_EQ(-EINVAL, do_write(self->d.session, ptr_u64(self->data),
				    self->source, 8, CORDBG_RAW | CORDBG_PROBE,
				    NULL, NULL));
	expect_unchanged(_metadata, self);
}

/* No byte, no verification: size 0 succeeds wherever it points. */
TEST_F(write, size_zero)
{
	uint64_t anywhere[] = { 0, ptr_u64(self->data), 0xffff888000000000ULL,
				UINT64_MAX };
	uint64_t written, failed;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(anywhere); i++) {
		EXPECT_EQ(0, do_write(self->d.session, anywhere[i],
				      self->source, 0, 0, &written, &failed));
		EXPECT_EQ(0, written);
		EXPECT_EQ(POISON64, failed);
		EXPECT_EQ(0, do_write(self->d.session, anywhere[i], NULL, 0,
				      CORDBG_FORCE, &written, &failed));
		EXPECT_EQ(0, written);
		EXPECT_EQ(0, do_write(self->d.session, anywhere[i], NULL, 0,
				      CORDBG_PROBE, NULL, NULL));
	}
	expect_unchanged(_metadata, self);
}

/* As many bytes as a size can say: refused where the memory ends. */
TEST_F(write, size_largest)
{
	uint64_t end = ptr_u64(self->data) + self->size - self->page;
	uint64_t written, failed;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_unmap, end,
				 self->page, 0));
	EXPECT_EQ(-ENXIO, do_write(self->d.session, ptr_u64(self->data), NULL,
				   UINT32_MAX, CORDBG_PROBE, &written,
				   &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(end, failed);
}

TEST_F(write, address_wraps)
{
	uint64_t written, failed;

	EXPECT_EQ(-EOVERFLOW, do_write(self->d.session, UINT64_MAX,
				       self->source, 2, 0, &written, &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(POISON64, failed);
	EXPECT_EQ(-EOVERFLOW, do_write(self->d.session, UINT64_MAX - 3,
				       self->source, 8, CORDBG_FORCE, NULL,
				       NULL));
	EXPECT_EQ(-EOVERFLOW, do_write(self->d.session, UINT64_MAX - 3, NULL,
				       8, CORDBG_PROBE, NULL, NULL));
	EXPECT_EQ(-EOVERFLOW, do_write(self->d.session,
				       UINT64_MAX - self->page, self->source,
				       self->size, 0, NULL, NULL));
}

/* Addresses that no process has: the kernel's, or beyond a 32-bit process. */
TEST_F(write, addresses_of_no_process)
{
	uint64_t addresses[] = { 0, UINT64_MAX - self->size,
				 0x8000000000000000ULL, 0xffff888000000000ULL,
				 0xffffffff81000000ULL,
				 ptr_u64(self->data) | 1ULL << 63 };
	uint64_t written, failed;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		EXPECT_EQ(-ENXIO, do_write(self->d.session, addresses[i],
					   self->source, 8, 0, &written,
					   &failed));
		EXPECT_EQ(0, written);
		EXPECT_EQ(addresses[i], failed);
		EXPECT_EQ(-ENXIO, do_write(self->d.session, addresses[i],
					   self->source, self->size,
					   CORDBG_FORCE, &written, &failed));
		EXPECT_EQ(addresses[i], failed);
	}
	expect_unchanged(_metadata, self);
}

/* The upper half of an address counts, also for a 32-bit target. */
TEST_F(write, address_is_not_truncated)
{
	uint64_t address = ptr_u64(self->data) + (1ULL << 32);
	uint64_t written, failed;

	if (sizeof(long) > 4)
		address = ptr_u64(self->data) + (1ULL << 60);
	EXPECT_EQ(-ENXIO, do_write(self->d.session, address, self->source, 8,
				   0, &written, &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(address, failed);
	expect_unchanged(_metadata, self);
}

/*
 * The caller itself as the target.
 */
FIXTURE(self_write)
{
	int session;
	size_t size;
	uint8_t *data;
	uint8_t *source;
	uint8_t *model;
};

FIXTURE_SETUP(self_write)
{
	self->size = PAGES * page_size();
	self->data = map_private(self->size);
	self->source = map_private(self->size);
	self->model = map_private(self->size);
	ASSERT_TRUE(self->data && self->source && self->model);
	fill_plain(self->data, self->size, 2);
	memcpy(self->model, self->data, self->size);
	fill_any(self->source, self->size, 0x42);
	self->session = session_open(getpid());
	ASSERT_LE(0, self->session);
}

FIXTURE_TEARDOWN(self_write)
{
	close(self->session);
}

TEST_F(self_write, bytes)
{
	uint64_t written;

	EXPECT_EQ(0, do_write(self->session, ptr_u64(self->data) + 33,
			      self->source, 8, 0, &written, NULL));
	EXPECT_EQ(8, written);
	memcpy(self->model + 33, self->source, 8);
	EXPECT_EQ(0, memcmp(self->model, self->data, self->size));
}

TEST_F(self_write, pages)
{
	uint64_t written;

	EXPECT_EQ(0, do_write(self->session, ptr_u64(self->data),
			      self->source, self->size, 0, &written, NULL));
	EXPECT_EQ(self->size, written);
	EXPECT_EQ(0, memcmp(self->source, self->data, self->size));
}

TEST_F(self_write, behind_a_breakpoint)
{
	uint8_t *address = self->data + 4 * page_size();

	ASSERT_EQ(0, do_break(self->session, ptr_u64(address)));
	EXPECT_EQ(0, memcmp(opcode, address, OPCODE_LEN));
	EXPECT_EQ(0, do_write(self->session, ptr_u64(self->data),
			      self->source, self->size, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(opcode, address, OPCODE_LEN));
	EXPECT_EQ(0, do_read(self->session, ptr_u64(self->data), self->model,
			     self->size, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->source, self->model, self->size));
	EXPECT_EQ(0, do_clear(self->session, ptr_u64(address)));
	EXPECT_EQ(0, memcmp(self->source, self->data, self->size));
}

TEST_F(self_write, bad_tail)
{
	size_t page = page_size();
	uint64_t tail = ptr_u64(self->data) + self->size - page;
	uint64_t written, failed;

	ASSERT_EQ(0, mprotect(self->data + self->size - page, page,
			      PROT_READ));
	EXPECT_EQ(-EACCES, do_write(self->session, ptr_u64(self->data),
				    self->source, self->size, 0, &written,
				    &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(tail, failed);
	EXPECT_EQ(0, memcmp(self->model, self->data, self->size));
}

/* @written in the caller's own memory, next to the range. */
TEST_F(self_write, written_beside_the_range)
{
	uint64_t *written = (uint64_t *)self->data;

	EXPECT_EQ(0, do_write(self->session, ptr_u64(self->data) + 8,
			      self->source, 64, 0, written, NULL));
	EXPECT_EQ(64, *written);
	EXPECT_EQ(0, memcmp(self->source, self->data + 8, 64));
}

TEST_HARNESS_MAIN
