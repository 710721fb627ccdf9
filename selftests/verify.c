// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges that cannot be written or read whole: refused before the first byte,
 * with the first address that failed. Everything is tried with each kind of
 * memory at the end of the range.
 */

#include <pthread.h>

#include "cordbg_uffd.h"
#include "target_memory.h"

#define NR_HUGEPAGES	"/proc/sys/vm/nr_hugepages"

/* Good bytes before the tail: more pages than one batch of a kernel holds. */
#define GOOD_PAGES	520

/* A refusal must not wait for anybody. */
#define PROMPT		10.0

/*
 * Functions that run in the target and put memory of one kind at @tail, one page
 * or, if the kind comes in those, a huge page. They return 0 or an errno.
 */
static long make_read_only(unsigned long tail)
{
	return in_target_protect(tail, page_size(), PROT_READ);
}

static long make_none(unsigned long tail)
{
	return in_target_protect(tail, page_size(), PROT_NONE);
}

static long make_unmapped(unsigned long tail)
{
	return in_target_unmap(tail, page_size(), 0);
}

/* A file that ends with the page before. */
static long map_short_file(unsigned long tail, int prot, int flags)
{
	unsigned long start = tail - page_size();
	int fd = file_create((void *)start, page_size(), page_size());

	if (fd < 0)
		return fd;
	return map_at(start, 2 * page_size(), prot, flags, fd);
}

static long make_past_end(unsigned long tail)
{
	return map_short_file(tail, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static long make_past_end_private(unsigned long tail)
{
	return map_short_file(tail, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static long make_empty_file(unsigned long tail)
{
	int fd = file_create("", 0, 0);

	if (fd < 0)
		return fd;
	return map_at(tail, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd);
}

static long make_shared_read_only(unsigned long tail)
{
	int fd = file_create((void *)tail, page_size(), page_size());

	if (fd < 0)
		return fd;
	return map_at(tail, page_size(), PROT_READ, MAP_SHARED, fd);
}

static long make_secret(unsigned long tail)
{
	int fd = syscall(SYS_memfd_secret, 0);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, page_size()))
		return -errno;
	return map_at(tail, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd);
}

/*
 * The same, whose writes the kernel keeps track of for a userfaultfd without a
 * handler. Before Linux 6.7 there is none that could.
 */
static long make_secret_tracked(unsigned long tail)
{
	long err = make_secret(tail);
	int fd;

	if (err)
		return err;
	fd = uffd_register((void *)tail, page_size(), UFFDIO_REGISTER_MODE_WP,
			   UFFD_FEATURE_WP_ASYNC);
	return fd < 0 && fd != -EINVAL ? fd : 0;
}

static void *sleep_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* The guard page of a thread's stack, put at the tail as pthreads made it. */
static long make_guard(unsigned long tail)
{
	size_t guard, size;
	pthread_attr_t attr;
	pthread_t thread;
	void *stack;

	if (pthread_create(&thread, NULL, sleep_for_ever, NULL))
		return -EAGAIN;
	if (pthread_getattr_np(thread, &attr) ||
	    pthread_attr_getguardsize(&attr, &guard) ||
	    pthread_attr_getstack(&attr, &stack, &size) || !guard)
		return -EINVAL;
	if (mremap((char *)stack - guard, guard, guard,
		   MREMAP_MAYMOVE | MREMAP_FIXED, tail) == MAP_FAILED)
		return -errno;
	return 0;
}

/* A hole that a handler is to fill, and there is no handler. */
static long make_uffd_hole(unsigned long tail)
{
	int fd;

	if (madvise((void *)tail, page_size(), MADV_DONTNEED))
		return -errno;
	fd = uffd_register((void *)tail, page_size(),
			   UFFDIO_REGISTER_MODE_MISSING, 0);
	return fd < 0 ? fd : 0;
}

/* A page whose writes wait for a handler. */
static long make_uffd_protected(unsigned long tail)
{
	struct uffdio_writeprotect protect = {
		.range = { .start = tail, .len = page_size() },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int fd;

	memset((void *)tail, 0x11, 1);
	fd = uffd_register((void *)tail, page_size(), UFFDIO_REGISTER_MODE_WP,
			   0);
	if (fd < 0)
		return fd;
	return ioctl(fd, UFFDIO_WRITEPROTECT, &protect) ? -errno : 0;
}

/* A huge page that the empty pool cannot give. */
static long make_no_huge_page(unsigned long tail)
{
	return map_at(tail, HUGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE,
		      -1);
}

FIXTURE(tail)
{
	struct debuggee d;
	long hugepages;
	size_t page;
	size_t good;		/* bytes before the tail */
	size_t bad;		/* bytes of the tail */
	size_t size;		/* of both and a page after them */
	uint8_t *start;
	uint8_t *tail;
	uint8_t *source;	/* @size bytes, as the others */
	uint8_t *before;	/* what the bytes from @start on were */
	uint8_t *seen;
};

FIXTURE_VARIANT(tail)
{
	long (*make)(unsigned long tail);	/* puts it there */
	int write;		/* errno of a write */
	int read;
	int force_write;	/* with CORDBG_FORCE */
	int force_read;
	int set;		/* errno of setting a breakpoint */
};

FIXTURE_VARIANT_ADD(tail, read_only) {
	.make = make_read_only,
	.write = -EACCES,
};

FIXTURE_VARIANT_ADD(tail, none) {
	.make = make_none,
	.write = -EACCES,
	.read = -EACCES,
};

FIXTURE_VARIANT_ADD(tail, guard_page) {
	.make = make_guard,
	.write = -EACCES,
	.read = -EACCES,
};

FIXTURE_VARIANT_ADD(tail, unmapped) {
	.make = make_unmapped,
	.write = -ENXIO,
	.read = -ENXIO,
	.force_write = -ENXIO,
	.force_read = -ENXIO,
	.set = -ENXIO,
};

FIXTURE_VARIANT_ADD(tail, past_end_of_file) {
	.make = make_past_end,
	.write = -ENXIO,
	.read = -ENXIO,
	.force_write = -ENXIO,
	.force_read = -ENXIO,
	.set = -EACCES,
};

FIXTURE_VARIANT_ADD(tail, past_end_of_private_file) {
	.make = make_past_end_private,
	.write = -ENXIO,
	.read = -ENXIO,
	.force_write = -ENXIO,
	.force_read = -ENXIO,
	.set = -ENXIO,
};

FIXTURE_VARIANT_ADD(tail, shared_read_only) {
	.make = make_shared_read_only,
	.write = -EACCES,
	.force_write = -EACCES,
	.set = -EACCES,
};

FIXTURE_VARIANT_ADD(tail, memfd_secret) {
	.make = make_secret,
	.write = -ENXIO,
	.read = -ENXIO,
	.force_write = -ENXIO,
	.force_read = -ENXIO,
	.set = -EACCES,
};

FIXTURE_VARIANT_ADD(tail, memfd_secret_tracked) {
	.make = make_secret_tracked,
	.write = -ENXIO,
	.read = -ENXIO,
	.force_write = -ENXIO,
	.force_read = -ENXIO,
	.set = -EACCES,
};

FIXTURE_VARIANT_ADD(tail, userfaultfd_hole) {
	.make = make_uffd_hole,
	.write = -ENXIO,
	.read = -ENXIO,
	.force_write = -ENXIO,
	.force_read = -ENXIO,
	.set = -ENXIO,
};

FIXTURE_VARIANT_ADD(tail, userfaultfd_write_protected) {
	.make = make_uffd_protected,
	.write = -ENXIO,
	.force_write = -ENXIO,
	.set = -ENXIO,
};

FIXTURE_VARIANT_ADD(tail, no_huge_page) {
	.make = make_no_huge_page,
	.write = -ENXIO,
	.read = -ENXIO,
	.force_write = -ENXIO,
	.force_read = -ENXIO,
	.set = -EACCES,
};

FIXTURE_SETUP(tail)
{
	long err;

	if (variant->make == make_uffd_protected && !uffd_has_wp())
		SKIP(return, NO_UFFD_WP);
	self->page = page_size();
	self->good = GOOD_PAGES * self->page;
	self->bad = variant->make == make_no_huge_page ? HUGE_SIZE : self->page;
	self->size = self->good + self->bad + self->page;
	self->tail = map_before_huge(self->good);
	self->source = map_private(self->size);
	self->before = map_private(self->size);
	self->seen = map_private(self->size);
	ASSERT_TRUE(self->tail && self->source && self->before && self->seen);
	self->start = self->tail - self->good;
	fill_plain(self->before, self->size, 12);
	fill_any(self->source, self->size, 0xc1);
	memset(self->seen, 0xa5, self->size);
	memcpy(self->start, self->before, self->size);
	if (variant->make == make_no_huge_page)
		ASSERT_EQ(0, exchange_setting(NR_HUGEPAGES, 0,
					      &self->hugepages));
	ASSERT_EQ(0, debuggee_start(&self->d));
	err = target_call(&self->d.target, variant->make,
			  (unsigned long)self->tail, 0, 0);
	if (err && variant->make == make_secret)
		SKIP(return, "no memfd_secret (see secretmem.enable): %s",
		     strerror(-err));
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(tail)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
	if (variant->make == make_no_huge_page)
		EXPECT_EQ(0, write_setting(NR_HUGEPAGES, self->hugepages));
}

/* No good byte of the target has changed. */
static void expect_unchanged(struct __test_metadata *_metadata,
			     FIXTURE_DATA(tail) * self)
{
	uint8_t *now = malloc(self->good);

	ASSERT_TRUE(!!now);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->start, now, self->good));
	EXPECT_EQ(0, memcmp(self->before, now, self->good));
	free(now);
}

/* Ranges of @back good bytes and then @ahead of the tail. */
static const struct {
	size_t back;
	size_t ahead;
} ranges[] = {
	{ 4, 4 },		/* two pages, few bytes */
	{ 1, 1 },
	{ 4096, 1 },
	{ 3 * 4096 + 5, 77 },
	{ 3 * 4096, 4096 },
	{ 20 * 4096 + 9, 4096 },
	{ GOOD_PAGES * 4096, 4096 },
	{ GOOD_PAGES * 4096 - 100, 1 },
};

static void refuse_write(struct __test_metadata *_metadata,
			 FIXTURE_DATA(tail) * self, size_t i,
			 unsigned int flags, int expected)
{
	uint64_t start = ptr_u64(self->tail) - ranges[i].back;
	double begin = seconds();
	uint64_t written, failed;

	EXPECT_EQ(expected, do_write(self->d.session, start, self->source,
				     ranges[i].back + ranges[i].ahead, flags,
				     &written, &failed)) {
		TH_LOG("range %zu, flags %u", i, flags);
	}
	EXPECT_EQ(0, written);
	EXPECT_EQ(ptr_u64(self->tail), failed);
	EXPECT_GT(PROMPT, seconds() - begin);
}

TEST_F(tail, write_refused_whole)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		refuse_write(_metadata, self, i, 0, variant->write);
		refuse_write(_metadata, self, i, CORDBG_PROBE, variant->write);
	}
	expect_unchanged(_metadata, self);
}

TEST_F(tail, write_with_force)
{
	size_t i;

	for (i = 0; variant->force_write && i < ARRAY_SIZE(ranges); i++) {
		refuse_write(_metadata, self, i, CORDBG_FORCE,
			     variant->force_write);
		refuse_write(_metadata, self, i, CORDBG_FORCE | CORDBG_PROBE,
			     variant->force_write);
	}
	if (variant->force_write)
		expect_unchanged(_metadata, self);
}

/* Where FORCE is enough, every byte arrives, and the protection stays. */
TEST_F(tail, forced_write_arrives)
{
	uint64_t start = ptr_u64(self->tail) - self->page;
	size_t size = 2 * self->page;
	uint64_t written;

	EXPECT_EQ(variant->force_write,
		  do_write(self->d.session, start, self->source, size,
			   CORDBG_FORCE, &written, NULL));
	EXPECT_EQ(variant->force_write ? 0 : size, written);
	EXPECT_EQ(variant->write, do_write(self->d.session, start, self->source,
					   size, 0, NULL, NULL));
	if (variant->force_write)
		return;
	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 (unsigned long)self->tail, self->page,
				 PROT_READ));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->tail - self->page,
				   self->seen, size));
	EXPECT_EQ(0, memcmp(self->source, self->seen, size));
}

/* The range begins where it fails: at the address itself, inside the page. */
TEST_F(tail, write_in_the_tail)
{
	uint64_t start = ptr_u64(self->tail) + 16;
	uint64_t written, failed;

	EXPECT_EQ(variant->write, do_write(self->d.session, start,
					   self->source, 1, 0, &written,
					   &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(start, failed);
	EXPECT_EQ(variant->write, do_write(self->d.session, start,
					   self->source, self->page, 0,
					   &written, &failed));
	EXPECT_EQ(start, failed);
	EXPECT_EQ(variant->write, do_write(self->d.session, start, NULL,
					   self->page - 16, CORDBG_PROBE,
					   &written, &failed));
	EXPECT_EQ(start, failed);
}

/* What breakpoints hide changes as little as memory. */
TEST_F(tail, write_leaves_breakpoints)
{
	uint8_t *address = self->tail - 2 * self->page;
	struct cordbg_breakpoint bp;

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(address)));
	refuse_write(_metadata, self, 3, 0, variant->write);
	ASSERT_EQ(1, find_breakpoint(self->d.session, ptr_u64(address), &bp));
	EXPECT_EQ(CORDBG_BREAKPOINT_MINE | CORDBG_BREAKPOINT_PLANTED, bp.flags);
	EXPECT_EQ(0, memcmp(self->before + (address - self->start),
			    bp.original, OPCODE_LEN));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(address)));
	expect_unchanged(_metadata, self);
}

static void try_read(struct __test_metadata *_metadata,
		     FIXTURE_DATA(tail) * self, size_t i, unsigned int flags,
		     int expected)
{
	uint64_t start = ptr_u64(self->tail) - ranges[i].back;
	size_t size = ranges[i].back + ranges[i].ahead;
	double begin = seconds();
	uint64_t read, failed;

	memset(self->seen, 0xa5, size);
	EXPECT_EQ(expected, do_read(self->d.session, start, self->seen, size,
				    flags, &read, &failed)) {
		TH_LOG("range %zu, flags %u", i, flags);
	}
	EXPECT_GT(PROMPT, seconds() - begin);
	if (expected) {
		EXPECT_EQ(0, read);
		EXPECT_EQ(ptr_u64(self->tail), failed);
		EXPECT_TRUE(all_bytes(self->seen, 0xa5, size));
	} else {
		EXPECT_EQ(size, read);
		EXPECT_EQ(0, memcmp(self->before + self->good - ranges[i].back,
				    self->seen, ranges[i].back));
	}
}

/* A refused read leaves the caller's buffer alone. */
TEST_F(tail, read)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		try_read(_metadata, self, i, 0, variant->read);
		try_read(_metadata, self, i, CORDBG_RAW, variant->read);
		try_read(_metadata, self, i, CORDBG_FORCE,
			 variant->force_read);
	}
	expect_unchanged(_metadata, self);
}

TEST_F(tail, read_in_the_tail)
{
	uint64_t start = ptr_u64(self->tail) + 16;
	uint64_t read, failed;

	EXPECT_EQ(variant->read, do_read(self->d.session, start, self->seen, 1,
					 0, &read, &failed));
	EXPECT_EQ(variant->read ? 0 : 1, read);
	EXPECT_EQ(variant->read ? start : POISON64, failed);
}

TEST_F(tail, breakpoint)
{
	uint64_t address = ptr_u64(self->tail);
	double begin = seconds();

	EXPECT_EQ(variant->set, do_break(self->d.session, address));
	EXPECT_GT(PROMPT, seconds() - begin);
	EXPECT_EQ(variant->set ? 0 : 1, count_breakpoints(self->d.session));
	EXPECT_EQ(variant->set ? -ENOENT : 0,
		  do_clear(self->d.session, address));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
}

static void probe_from_last_good(struct __test_metadata *_metadata,
				 FIXTURE_DATA(tail) * self, int expected)
{
	uint64_t start = ptr_u64(self->tail) - self->page;
	uint64_t written, failed;

	EXPECT_EQ(expected, do_write(self->d.session, start, NULL,
				     self->bad + 2 * self->page, CORDBG_PROBE,
				     &written, &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(ptr_u64(self->tail), failed);
}

/* What follows does not matter: another protection, or nothing. */
TEST_F(tail, first_of_two_failures)
{
	uint64_t next = ptr_u64(self->tail) + self->bad;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect, next,
				 self->page, PROT_NONE));
	probe_from_last_good(_metadata, self, variant->write);
	ASSERT_EQ(0, target_call(&self->d.target, in_target_unmap, next,
				 self->page, 0));
	probe_from_last_good(_metadata, self, variant->write);
	ASSERT_EQ(0, target_call(&self->d.target, make_empty_file, next,
				 0, 0));
	probe_from_last_good(_metadata, self, variant->write);
	expect_unchanged(_metadata, self);
}

/* The bad page in the middle, good ones after it. */
TEST_F(tail, good_after_bad)
{
	size_t size = self->bad + 2 * self->page;
	uint8_t *next = self->tail + self->bad;
	uint64_t written, failed;

	EXPECT_EQ(variant->write, do_write(self->d.session,
					   ptr_u64(self->tail) - self->page,
					   self->source, size, 0, &written,
					   &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(ptr_u64(self->tail), failed);
	expect_unchanged(_metadata, self);
	ASSERT_EQ(0, debuggee_peek(&self->d, next, self->seen, self->page));
	EXPECT_EQ(0, memcmp(self->before + (next - self->start), self->seen,
			    self->page));
}

TEST_HARNESS_MAIN
