// SPDX-License-Identifier: GPL-2.0
/*
 * CORDBG_FORCE: private memory that the program itself may not write.
 */

#include "target_code.h"

#define PAGES	8

/*
 * Memory of one kind, PAGES pages of it, that cannot be written without FORCE.
 */
static uint8_t *make_text(const uint8_t *bytes, size_t size, int *file)
{
	(void)bytes;
	(void)file;
	return size > PROGRAM_TEXT_SIZE ? NULL : program_text;
}

static uint8_t *make_file(const uint8_t *bytes, size_t size, int prot,
			  int flags, int *file)
{
	void *p;

	*file = file_create(bytes, size, size);
	if (*file < 0)
		return NULL;
	p = mmap(NULL, size, prot, flags, *file, 0);
	return p == MAP_FAILED ? NULL : p;
}

static uint8_t *make_file_code(const uint8_t *bytes, size_t size, int *file)
{
	return make_file(bytes, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, file);
}

static uint8_t *make_file_constants(const uint8_t *bytes, size_t size,
				    int *file)
{
	return make_file(bytes, size, PROT_READ, MAP_PRIVATE, file);
}

/* The file itself is not even open for writing. */
static uint8_t *make_read_only_file(const uint8_t *bytes, size_t size,
				    int *file)
{
	int writable = file_create(bytes, size, size);
	char name[32];
	void *p;

	if (writable < 0)
		return NULL;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", writable);
	*file = open(name, O_RDONLY | O_CLOEXEC);
	close(writable);
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, *file, 0);
	return p == MAP_FAILED ? NULL : p;
}

static uint8_t *make_anon(const uint8_t *bytes, size_t size, int prot)
{
	uint8_t *p = map_private(size);

	if (!p)
		return NULL;
	memcpy(p, bytes, size);
	return mprotect(p, size, prot) ? NULL : p;
}

static uint8_t *make_anon_read_only(const uint8_t *bytes, size_t size,
				    int *file)
{
	(void)file;
	return make_anon(bytes, size, PROT_READ);
}

static uint8_t *make_anon_none(const uint8_t *bytes, size_t size, int *file)
{
	(void)file;
	return make_anon(bytes, size, PROT_NONE);
}

/* Never touched, so that its pages are the kernel's page of zeroes. */
static uint8_t *make_zeroes(const uint8_t *bytes, size_t size, int *file)
{
	(void)bytes;
	(void)file;
	return map_anon(size, PROT_READ, MAP_PRIVATE);
}

FIXTURE(force)
{
	struct debuggee d;
	size_t size;
	int file;		/* -1 if there is none */
	uint8_t *memory;
	uint8_t *before;
	uint8_t *source;
	uint8_t *seen;
};

FIXTURE_VARIANT(force)
{
	uint8_t *(*make)(const uint8_t *bytes, size_t size, int *file);
	bool unreadable;
};

FIXTURE_VARIANT_ADD(force, program_text) { .make = make_text };
FIXTURE_VARIANT_ADD(force, file_code) { .make = make_file_code };
FIXTURE_VARIANT_ADD(force, file_constants) { .make = make_file_constants };
FIXTURE_VARIANT_ADD(force, read_only_file) { .make = make_read_only_file };
FIXTURE_VARIANT_ADD(force, anon_read_only) { .make = make_anon_read_only };
FIXTURE_VARIANT_ADD(force, zeroes) { .make = make_zeroes };
FIXTURE_VARIANT_ADD(force, anon_none) {
	.make = make_anon_none,
	.unreadable = true,
};

FIXTURE_SETUP(force)
{
	self->size = PAGES * page_size();
	self->file = -1;
	self->before = map_private(self->size);
	self->source = map_private(self->size);
	self->seen = map_private(self->size);
	ASSERT_TRUE(self->before && self->source && self->seen);
	fill_plain(self->before, self->size, 21);
	fill_any(self->source, self->size, 0xc7);
	self->memory = variant->make(self->before, self->size, &self->file);
	ASSERT_TRUE(!!self->memory);
	if (variant->make == make_text || variant->make == make_zeroes)
		memcpy(self->before, self->memory, self->size);
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(force)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
	if (self->file >= 0)
		close(self->file);
}

/* The bytes of the target; it has to make them readable for itself. */
static void expect_memory(struct __test_metadata *_metadata,
			  FIXTURE_DATA(force) * self, const uint8_t *expected)
{
	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 (unsigned long)self->memory, self->size,
				 PROT_READ | PROT_EXEC));
	memset(self->seen, 0xa5, self->size);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->memory, self->seen,
				   self->size));
	EXPECT_EQ(0, memcmp(expected, self->seen, self->size));
}

/* Nobody else sees the write: neither the file nor the test's own mapping. */
static void expect_private(struct __test_metadata *_metadata,
			   FIXTURE_DATA(force) * self)
{
	ASSERT_EQ(0, mprotect(self->memory, self->size, PROT_READ | PROT_EXEC));
	EXPECT_EQ(0, memcmp(self->before, self->memory, self->size));
	if (self->file < 0)
		return;
	memset(self->seen, 0xa5, self->size);
	ASSERT_EQ((ssize_t)self->size,
		  pread(self->file, self->seen, self->size, 0));
	EXPECT_EQ(0, memcmp(self->before, self->seen, self->size));
}

TEST_F(force, refused_without)
{
	uint64_t start = ptr_u64(self->memory) + 100;
	uint64_t written, failed;

	EXPECT_EQ(-EACCES, do_write(self->d.session, start, self->source, 8, 0,
				    &written, &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(start, failed);
	EXPECT_EQ(-EACCES, do_write(self->d.session, ptr_u64(self->memory),
				    self->source, self->size, 0, &written,
				    &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(ptr_u64(self->memory), failed);
	expect_memory(_metadata, self, self->before);
}

TEST_F(force, few_bytes)
{
	uint64_t written, failed;

	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->memory) + 100,
			      self->source, 8, CORDBG_FORCE, &written,
			      &failed));
	EXPECT_EQ(8, written);
	EXPECT_EQ(POISON64, failed);
	expect_private(_metadata, self);
	memcpy(self->before + 100, self->source, 8);
	expect_memory(_metadata, self, self->before);
}

TEST_F(force, pages)
{
	uint64_t written;

	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->memory) + 5,
			      self->source, self->size - 9, CORDBG_FORCE,
			      &written, NULL));
	EXPECT_EQ(self->size - 9, written);
	expect_private(_metadata, self);
	memcpy(self->before + 5, self->source, self->size - 9);
	expect_memory(_metadata, self, self->before);
}

TEST_F(force, probe)
{
	uint64_t written;

	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->memory),
			      self->source, self->size,
			      CORDBG_FORCE | CORDBG_PROBE, &written, NULL));
	EXPECT_EQ(0, written);
	expect_memory(_metadata, self, self->before);
}

/* FORCE is for one call: the next one without it is refused. */
TEST_F(force, lasts_one_call)
{
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->memory),
			      self->source, 8, CORDBG_FORCE, NULL, NULL));
	EXPECT_EQ(-EACCES, do_write(self->d.session, ptr_u64(self->memory),
				    self->source, 8, 0, NULL, NULL));
}

/* Breakpoints need no FORCE, and writes land behind them with it. */
TEST_F(force, behind_breakpoints)
{
	uint8_t *first = self->memory + page_size();
	uint8_t *last = self->memory + self->size - OPCODE_LEN;
	uint8_t raw[OPCODE_LEN];

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(first)));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(last)));
	expect_private(_metadata, self);
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->memory),
			      self->source, self->size, CORDBG_FORCE, NULL,
			      NULL));
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(first), raw, sizeof(raw),
			     CORDBG_RAW | CORDBG_FORCE, NULL, NULL));
	EXPECT_EQ(0, memcmp(opcode, raw, sizeof(raw)));
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->memory),
			     self->seen, self->size, CORDBG_FORCE, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->source, self->seen, self->size));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(first)));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(last)));
	expect_private(_metadata, self);
	expect_memory(_metadata, self, self->source);
}

/* Reads need FORCE only where the mapping is not readable. */
TEST_F(force, read)
{
	uint64_t read, failed;

	EXPECT_EQ(variant->unreadable ? -EACCES : 0,
		  do_read(self->d.session, ptr_u64(self->memory), self->seen,
			  self->size, 0, &read, &failed));
	EXPECT_EQ(variant->unreadable ? 0 : self->size, read);
	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->memory),
			     self->seen, self->size, CORDBG_FORCE, &read,
			     NULL));
	EXPECT_EQ(self->size, read);
	EXPECT_EQ(0, memcmp(self->before, self->seen, self->size));
}

/* A range of which only a part needs it. */
TEST_F(force, for_a_part)
{
	size_t half = self->size / 2;
	unsigned long start = (unsigned long)self->memory;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect, start,
				 half, PROT_READ | PROT_WRITE));
	EXPECT_EQ(-EACCES, do_write(self->d.session, start, self->source,
				    self->size, 0, NULL, NULL));
	EXPECT_EQ(0, do_write(self->d.session, start, self->source, self->size,
			      CORDBG_FORCE, NULL, NULL));
	expect_private(_metadata, self);
	expect_memory(_metadata, self, self->source);
}

FIXTURE(code)
{
	struct debuggee d;
};

FIXTURE_SETUP(code)
{
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(code)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

static long run_patched(struct debuggee *d)
{
	return target_call(&d->target, in_target_patched, 0, 0, 0);
}

/* The way a debugger patches code: the target runs it, the test does not. */
TEST_F(code, runs_as_patched)
{
	uint64_t address = ptr_u64(patched_code() + NUMBER_AT);

	EXPECT_EQ(NUMBER_BEFORE, run_patched(&self->d));
	EXPECT_EQ(-EACCES, do_write(self->d.session, address, number_after,
				    sizeof(number_after), 0, NULL, NULL));
	EXPECT_EQ(NUMBER_BEFORE, run_patched(&self->d));
	EXPECT_EQ(0, do_write(self->d.session, address, number_after,
			      sizeof(number_after), CORDBG_FORCE, NULL, NULL));
	EXPECT_EQ(NUMBER_AFTER, run_patched(&self->d));
	EXPECT_EQ(NUMBER_BEFORE, patched());
}

/* Patched under a breakpoint, it runs when that is gone. */
TEST_F(code, patched_behind_a_breakpoint)
{
	uint64_t start = ptr_u64(patched_code());

	ASSERT_EQ(0, do_break(self->d.session, start));
	EXPECT_EQ(0, do_write(self->d.session, start + NUMBER_AT, number_after,
			      sizeof(number_after), CORDBG_FORCE, NULL, NULL));
	EXPECT_EQ(0, do_clear(self->d.session, start));
	EXPECT_EQ(NUMBER_AFTER, run_patched(&self->d));
}

/*
 * Shared memory that is not writable stays so: there is no copy to make.
 */
FIXTURE(shared)
{
	struct debuggee d;
	size_t size;
	int file;
	uint8_t *memory;
	uint8_t *before;
};

FIXTURE_VARIANT(shared)
{
	int prot;
	bool read_only_file;
};

FIXTURE_VARIANT_ADD(shared, read_only) { .prot = PROT_READ };
FIXTURE_VARIANT_ADD(shared, code) { .prot = PROT_READ | PROT_EXEC };
FIXTURE_VARIANT_ADD(shared, none) { .prot = PROT_NONE };
FIXTURE_VARIANT_ADD(shared, read_only_file) {
	.prot = PROT_READ,
	.read_only_file = true,
};

FIXTURE_SETUP(shared)
{
	char name[32];
	void *p;

	self->size = PAGES * page_size();
	self->before = map_private(self->size);
	ASSERT_TRUE(!!self->before);
	fill_plain(self->before, self->size, 22);
	self->file = file_create(self->before, self->size, self->size);
	ASSERT_LE(0, self->file);
	if (variant->read_only_file) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", self->file);
		self->file = open(name, O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, self->file);
	}
	p = mmap(NULL, self->size, variant->prot, MAP_SHARED, self->file, 0);
	ASSERT_FALSE(p == MAP_FAILED);
	self->memory = p;
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(shared)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
	close(self->file);
}

TEST_F(shared, refused)
{
	uint64_t start = ptr_u64(self->memory) + 8;
	uint8_t *data = malloc(self->size);
	uint64_t written, failed;

	ASSERT_TRUE(!!data);
	memset(data, 0xee, self->size);
	EXPECT_EQ(-EACCES, do_write(self->d.session, start, data, 8, 0,
				    &written, &failed));
	EXPECT_EQ(start, failed);
	EXPECT_EQ(-EACCES, do_write(self->d.session, start, data, 8,
				    CORDBG_FORCE, &written, &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(start, failed);
	EXPECT_EQ(-EACCES, do_write(self->d.session, start, data,
				    self->size - 8, CORDBG_FORCE, &written,
				    &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(start, failed);
	ASSERT_EQ((ssize_t)self->size, pread(self->file, data, self->size, 0));
	EXPECT_EQ(0, memcmp(self->before, data, self->size));
}

TEST_F(shared, no_breakpoint)
{
	uint8_t *data = malloc(self->size);

	ASSERT_TRUE(!!data);
	EXPECT_EQ(-EACCES, do_break(self->d.session, ptr_u64(self->memory)));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	ASSERT_EQ((ssize_t)self->size, pread(self->file, data, self->size, 0));
	EXPECT_EQ(0, memcmp(self->before, data, self->size));
}

TEST_HARNESS_MAIN
