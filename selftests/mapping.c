// SPDX-License-Identifier: GPL-2.0
/*
 * Each kind of memory that a process can have: written, read, broken in, and
 * seen by those who share it, and by nobody else.
 */

#include <sys/shm.h>

#include "target_memory.h"

#define NR_HUGEPAGES	"/proc/sys/vm/nr_hugepages"
#define THP_ENABLED	"/sys/kernel/mm/transparent_hugepage/enabled"
#define KSM(name)	("/sys/kernel/mm/ksm/" name)
#define KSM_SECONDS	60.0
#define SMALL_PAGES	64
#define PROT_RW		(PROT_READ | PROT_WRITE)

/*
 * Functions that put memory of one kind at @address, @size bytes, before the
 * target is forked. @file is a file of that many bytes.
 */
static long make_private(unsigned long address, size_t size, int file)
{
	(void)file;
	return map_at(address, size, PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static long make_small_pages(unsigned long address, size_t size, int file)
{
	long err = make_private(address, size, file);

	if (err || !has_huge_pages())
		return err;
	return in_target_advise(address, size, MADV_NOHUGEPAGE);
}

static long make_huge_pages(unsigned long address, size_t size, int file)
{
	return make_private(address, size, file) ?:
	       in_target_advise(address, size, MADV_HUGEPAGE);
}

static long make_shared(unsigned long address, size_t size, int file)
{
	(void)file;
	return map_at(address, size, PROT_RW, MAP_SHARED | MAP_ANONYMOUS, -1);
}

static long make_private_file(unsigned long address, size_t size, int file)
{
	return map_at(address, size, PROT_RW, MAP_PRIVATE, file);
}

static long make_shared_file(unsigned long address, size_t size, int file)
{
	return map_at(address, size, PROT_RW, MAP_SHARED, file);
}

static long make_shm(unsigned long address, size_t size, int file)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
	void *p;

	(void)file;
	if (id < 0)
		return -errno;
	p = shmat(id, (void *)address, SHM_REMAP);
	shmctl(id, IPC_RMID, NULL);
	return p == (void *)-1 ? -errno : 0;
}

static long make_hugetlb(unsigned long address, size_t size, int file)
{
	(void)file;
	return map_at(address, size, PROT_RW,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
}

static long make_hugetlb_shared(unsigned long address, size_t size, int file)
{
	(void)file;
	return map_at(address, size, PROT_RW,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1);
}

/*
 * Functions that then run in the target.
 */

/* Bring every page in, by reading it. */
static long prepare_touch(unsigned long address, size_t size)
{
	unsigned long i, sum = 0;

	for (i = 0; i < size; i += page_size())
		sum += *(uint8_t *)(address + i);
	return sum;
}

/* A huge page of the target's own, with the bytes it had before. */
static long prepare_own_huge_page(unsigned long address, size_t size)
{
	uint8_t *bytes = malloc(size);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, (void *)address, size);
	if (madvise((void *)address, size, MADV_DONTNEED))
		return -errno;
	memcpy((void *)address, bytes, size);
	free(bytes);
	return huge_kilobytes(address, size) == (long)size / 1024 ? 0 : -EAGAIN;
}

/* Let equal pages become one. */
static long prepare_merged(unsigned long address, size_t size)
{
	uint8_t *bytes = malloc(size);
	double begin = seconds();

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, (void *)address, size);
	memcpy((void *)address, bytes, size);
	free(bytes);
	if (madvise((void *)address, size, MADV_MERGEABLE))
		return -errno;
	while (read_setting(KSM("pages_sharing")) < SMALL_PAGES / 2) {
		if (seconds() - begin > KSM_SECONDS)
			return -ETIMEDOUT;
		usleep(10000);
	}
	return 0;
}

FIXTURE(mapping)
{
	struct debuggee d;
	int file;
	long hugepages;
	long ksm;
	size_t size;
	uint8_t *memory;
	uint8_t *before;
	uint8_t *model;
	uint8_t *seen;
};

FIXTURE_VARIANT(mapping)
{
	long (*make)(unsigned long address, size_t size, int file);
	long (*prepare)(unsigned long address, size_t size);
	bool shared;		/* by the test and the target */
	bool zero;		/* never written */
	bool huge;		/* the size of a huge page */
};

FIXTURE_VARIANT_ADD(mapping, private) { .make = make_small_pages };
FIXTURE_VARIANT_ADD(mapping, shared) { .make = make_shared, .shared = true };
FIXTURE_VARIANT_ADD(mapping, private_file) { .make = make_private_file };
FIXTURE_VARIANT_ADD(mapping, shared_file) {
	.make = make_shared_file,
	.shared = true,
};

FIXTURE_VARIANT_ADD(mapping, system_v) { .make = make_shm, .shared = true };
FIXTURE_VARIANT_ADD(mapping, hugetlb) {
	.make = make_hugetlb,
	.huge = true,
};

FIXTURE_VARIANT_ADD(mapping, hugetlb_shared) {
	.make = make_hugetlb_shared,
	.shared = true,
	.huge = true,
};

FIXTURE_VARIANT_ADD(mapping, huge_page_of_the_parent) {
	.make = make_huge_pages,
	.huge = true,
};

FIXTURE_VARIANT_ADD(mapping, huge_page) {
	.make = make_huge_pages,
	.huge = true,
	.prepare = prepare_own_huge_page,
};

FIXTURE_VARIANT_ADD(mapping, untouched) {
	.make = make_small_pages,
	.zero = true,
};

FIXTURE_VARIANT_ADD(mapping, zero_page) {
	.make = make_small_pages,
	.prepare = prepare_touch,
	.zero = true,
};

FIXTURE_VARIANT_ADD(mapping, huge_zero_page) {
	.make = make_huge_pages,
	.huge = true,
	.prepare = prepare_touch,
	.zero = true,
};

FIXTURE_VARIANT_ADD(mapping, merged) {
	.make = make_small_pages,
	.prepare = prepare_merged,
};

/* The bytes that the memory begins with. */
static void first_bytes(FIXTURE_DATA(mapping) * self, bool equal_pages,
			bool zero)
{
	size_t i;

	if (zero)
		memset(self->before, 0, self->size);
	else
		fill_plain(self->before, self->size, 24);
	if (equal_pages)
		for (i = page_size(); i < self->size; i += page_size())
			memcpy(self->before + i, self->before, page_size());
	memcpy(self->model, self->before, self->size);
}

/* Make the kernel offer what the variant needs. */
static void set_up_kernel(struct __test_metadata *_metadata,
			  FIXTURE_DATA(mapping) * self, bool hugetlb, bool ksm)
{
	self->hugepages = -1;
	self->ksm = -1;
	if (hugetlb) {
		ASSERT_EQ(0, exchange_setting(NR_HUGEPAGES, 8,
					      &self->hugepages));
		ASSERT_LE(8, read_setting(NR_HUGEPAGES));
	}
	if (ksm) {
		ASSERT_EQ(0, exchange_setting(KSM("run"), 1, &self->ksm));
		ASSERT_EQ(0, write_setting(KSM("sleep_millisecs"), 1));
		ASSERT_EQ(0, write_setting(KSM("pages_to_scan"), 1000));
	}
}

FIXTURE_SETUP(mapping)
{
	if (variant->make == make_huge_pages && !has_huge_pages())
		SKIP(return, "no transparent huge pages");
	set_up_kernel(_metadata, self,
		      variant->make == make_hugetlb ||
		      variant->make == make_hugetlb_shared,
		      variant->prepare == prepare_merged);
	self->size = SMALL_PAGES * page_size();
	if (variant->huge)
		self->size = HUGE_SIZE;
	self->memory = map_before_huge(page_size());
	self->before = map_private(self->size);
	self->model = map_private(self->size);
	self->seen = map_private(self->size);
	ASSERT_TRUE(self->memory && self->before && self->model && self->seen);
	first_bytes(self, variant->prepare == prepare_merged, variant->zero);
	self->file = file_create(self->before, self->size, self->size);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(0, variant->make((unsigned long)self->memory, self->size,
				   self->file));
	if (!variant->zero)
		memcpy(self->memory, self->before, self->size);
	ASSERT_EQ(0, debuggee_start(&self->d));
	if (variant->prepare)
		ASSERT_EQ(0, target_call(&self->d.target, variant->prepare,
					 (unsigned long)self->memory, self->size,
					 0));
}

FIXTURE_TEARDOWN(mapping)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
	close(self->file);
	if (self->ksm >= 0)
		EXPECT_EQ(0, write_setting(KSM("run"), self->ksm));
	if (self->hugepages >= 0)
		EXPECT_EQ(0, write_setting(NR_HUGEPAGES, self->hugepages));
}

/*
 * The target has @self->model. The test has it too if they share the memory,
 * else what it had before; so has the file.
 */
static void expect_model(struct __test_metadata *_metadata,
			 FIXTURE_DATA(mapping) * self, bool shared, bool file)
{
	ASSERT_EQ(0, do_read(self->d.session, ptr_u64(self->memory),
			     self->seen, self->size, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->model, self->seen, self->size));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->memory, self->seen, self->size));
	EXPECT_EQ(0, memcmp(self->model, self->seen, self->size));
	EXPECT_EQ(0, memcmp(shared ? self->model : self->before, self->memory,
			    self->size));
	ASSERT_EQ((ssize_t)self->size, pread(self->file, self->seen, self->size, 0));
	EXPECT_EQ(0, memcmp(file ? self->model : self->before, self->seen,
			    self->size));
}

static void write_model(struct __test_metadata *_metadata,
			FIXTURE_DATA(mapping) * self, size_t offset,
			size_t size)
{
	uint64_t written;

	fill_any(self->model + offset, size, 0xbb);
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->memory) + offset,
			      self->model + offset, size, 0, &written, NULL));
	EXPECT_EQ(size, written);
}

TEST_F_TIMEOUT(mapping, read, 120)
{
	expect_model(_metadata, self, variant->shared,
		     variant->make == make_shared_file);
}

TEST_F_TIMEOUT(mapping, write_few_bytes, 120)
{
	write_model(_metadata, self, 5 * 4096 + 77, 8);
	expect_model(_metadata, self, variant->shared,
		     variant->make == make_shared_file);
}

TEST_F_TIMEOUT(mapping, write_across_pages, 120)
{
	write_model(_metadata, self, 9 * 4096 - 3, 6);
	write_model(_metadata, self, 20 * 4096 + 9, 3 * 4096);
	expect_model(_metadata, self, variant->shared,
		     variant->make == make_shared_file);
}

TEST_F_TIMEOUT(mapping, write_all, 120)
{
	write_model(_metadata, self, 0, self->size);
	expect_model(_metadata, self, variant->shared,
		     variant->make == make_shared_file);
}

/* PROBE may copy pages, but changes no byte. */
TEST_F_TIMEOUT(mapping, probe, 120)
{
	EXPECT_EQ(0, do_write(self->d.session, ptr_u64(self->memory), NULL,
			      self->size, CORDBG_PROBE, NULL, NULL));
	expect_model(_metadata, self, variant->shared,
		     variant->make == make_shared_file);
}

/* Breakpoints where they can be planted, and a write behind them. */
TEST_F_TIMEOUT(mapping, breakpoints, 120)
{
	uint64_t first = ptr_u64(self->memory) + 4096;
	uint64_t last = ptr_u64(self->memory) + self->size - OPCODE_LEN;
	uint8_t seen[OPCODE_LEN] = { 0xa5 };
	/* Where others, or forked children, would run into the opcode. */
	bool refused = variant->shared || variant->make == make_hugetlb;

	EXPECT_EQ(refused ? -EACCES : 0, do_break(self->d.session, first));
	EXPECT_EQ(refused ? -EACCES : 0, do_break(self->d.session, last));
	if (refused) {
		expect_model(_metadata, self, variant->shared,
			     variant->make == make_shared_file);
		return;
	}
	ASSERT_EQ(0, debuggee_peek(&self->d, self->memory + 4096, seen,
				   OPCODE_LEN));
	EXPECT_EQ(0, memcmp(opcode, seen, OPCODE_LEN));
	write_model(_metadata, self, 0, 3 * 4096);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->memory + 4096, seen,
				   OPCODE_LEN));
	EXPECT_EQ(0, memcmp(opcode, seen, OPCODE_LEN));
	EXPECT_EQ(0, do_clear(self->d.session, first));
	EXPECT_EQ(0, do_clear(self->d.session, last));
	expect_model(_metadata, self, variant->shared,
		     variant->make == make_shared_file);
}

/*
 * Pages that the target shares copy-on-write with a child of its own: here the
 * test is the target, and has a child.
 */
FIXTURE(parent)
{
	struct debuggee child;
	int session;
	size_t size;
	uint8_t *data;
	uint8_t *source;
	uint8_t *before;
	uint8_t *seen;
};

FIXTURE_SETUP(parent)
{
	self->size = 8 * page_size();
	self->data = map_private(self->size);
	self->source = map_private(self->size);
	self->before = map_private(self->size);
	self->seen = map_private(self->size);
	ASSERT_TRUE(self->data && self->source && self->before && self->seen);
	fill_plain(self->data, self->size, 25);
	fill_any(self->source, self->size, 26);
	memcpy(self->before, self->data, self->size);
	ASSERT_EQ(0, debuggee_start(&self->child));
	self->session = session_open(getpid());
	ASSERT_LE(0, self->session);
}

FIXTURE_TEARDOWN(parent)
{
	close(self->session);
	EXPECT_EQ(0, debuggee_stop(&self->child));
}

TEST_F(parent, child_does_not_see_the_write)
{
	EXPECT_EQ(0, do_write(self->session, ptr_u64(self->data) + 3,
			      self->source, 5, 0, NULL, NULL));
	EXPECT_EQ(0, do_write(self->session, ptr_u64(self->data) + 4096,
			      self->source, self->size - 4096, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->source, self->data + 3, 5));
	EXPECT_EQ(0, memcmp(self->source, self->data + 4096,
			    self->size - 4096));
	ASSERT_EQ(0, debuggee_peek(&self->child, self->data, self->seen,
				   self->size));
	EXPECT_EQ(0, memcmp(self->before, self->seen, self->size));
}

TEST_F(parent, child_does_not_see_the_breakpoint)
{
	EXPECT_EQ(0, do_break(self->session, ptr_u64(self->data)));
	ASSERT_EQ(0, debuggee_peek(&self->child, self->data, self->seen,
				   self->size));
	EXPECT_EQ(0, memcmp(self->before, self->seen, self->size));
	EXPECT_EQ(0, do_clear(self->session, ptr_u64(self->data)));
	EXPECT_EQ(0, memcmp(self->before, self->data, self->size));
}

TEST_HARNESS_MAIN
