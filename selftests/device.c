// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is not the process's own: a device's, where there are no pages to
 * hold and only vm_ops->access, and the kernel's vDSO. The device is a VGA
 * frame buffer, which nothing displays here.
 */

#include <glob.h>
#include <poll.h>
#include <sys/auxv.h>

#include "cordbg_uffd.h"
#include "target_fork.h"
#include "target_memory.h"

#define DEVICE_PAGES	4

FIXTURE(device)
{
	struct debuggee d;
	size_t page;
	size_t size;
	uint8_t *start;		/* ordinary memory, DEVICE_PAGES pages */
	uint8_t *device;	/* DEVICE_PAGES pages after it */
	uint8_t *after;		/* and ordinary memory again */
	uint8_t *before;
	uint8_t *source;
	uint8_t *seen;
	int reach;		/* what a transfer there comes to */
	int fd;			/* of the device */
};

#ifdef __aarch64__	/* where the kernel's access function can fault: README, Limits */
#define CAN_BE_OUT_OF_REACH	true
#else
#define CAN_BE_OUT_OF_REACH	false
#endif

static int reach(struct debuggee *d, uint8_t *device)
{
	uint8_t byte;
	int got = do_read(d->session, ptr_u64(device), &byte, 1, 0, NULL, NULL);

	return CAN_BE_OUT_OF_REACH && got == -ENXIO ? got : 0;
}

/* Switch on the device of that folder: where firmware did not, nothing has. */
static void switch_on(const char *folder, int length)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%.*s/enable", length, folder);
	f = fopen(path, "w");
	if (!f)
		return;
	fputs("1", f);
	fclose(f);
}

/* Open the memory of the first VGA device: its fd or a negative errno. */
static int open_vga(void)
{
	glob_t devices;
	int fd = -ENODEV;
	size_t i;

	if (glob("/sys/bus/pci/devices/*/class", 0, NULL, &devices))
		return -ENODEV;
	for (i = 0; fd < 0 && i < devices.gl_pathc; i++) {
		char *path = devices.gl_pathv[i], memory[256];
		char class[16] = "";
		FILE *f = fopen(path, "r");

		if (!f)
			continue;
		if (fgets(class, sizeof(class), f) &&
		    !strncmp(class, "0x0300", 6)) {
			int folder = strrchr(path, '/') - path;

			switch_on(path, folder);
			snprintf(memory, sizeof(memory), "%.*s/resource0",
				 folder, path);
			fd = open(memory, O_RDWR | O_CLOEXEC);
		}
		fclose(f);
	}
	globfree(&devices);
	return fd;
}

FIXTURE_SETUP(device)
{
	self->fd = open_vga();
	if (self->fd < 0)
		SKIP(return, "no VGA device with memory to map");
	self->page = page_size();
	self->size = DEVICE_PAGES * self->page;
	self->start = map_private(3 * self->size);
	self->before = map_private(3 * self->size);
	self->source = map_private(3 * self->size);
	self->seen = map_private(3 * self->size);
	ASSERT_TRUE(self->start && self->before && self->source && self->seen);
	self->device = self->start + self->size;
	self->after = self->device + self->size;
	ASSERT_EQ(0, map_at((unsigned long)self->device, self->size,
			    PROT_READ | PROT_WRITE, MAP_SHARED, self->fd));
	fill_plain(self->before, 3 * self->size, 27);
	fill_any(self->source, 3 * self->size, 28);
	memcpy(self->start, self->before, 3 * self->size);
	ASSERT_EQ(0, debuggee_start(&self->d));
	self->reach = reach(&self->d, self->device);
}

FIXTURE_TEARDOWN(device)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
	close(self->fd);
}

/* The target's bytes, from @self->start to the end. */
static void expect_device(struct __test_metadata *_metadata,
			  FIXTURE_DATA(device) * self, const uint8_t *expected)
{
	ASSERT_EQ(0, debuggee_peek(&self->d, self->start, self->seen,
				   3 * self->size));
	EXPECT_EQ(0, memcmp(expected, self->seen, 3 * self->size));
}

TEST_F(device, read)
{
	uint64_t read;

	EXPECT_EQ(self->reach, do_read(self->d.session,
				       ptr_u64(self->device) + 5, self->seen, 8,
				       0, &read, NULL));
	EXPECT_EQ(self->reach ? 0 : 8, read);
	EXPECT_EQ(0, memcmp(self->before + self->size + 5, self->seen, read));
	EXPECT_EQ(self->reach, do_read(self->d.session, ptr_u64(self->start),
				       self->seen, 3 * self->size, 0, &read,
				       NULL));
	EXPECT_EQ(self->reach ? 0 : 3 * self->size, read);
	EXPECT_EQ(0, memcmp(self->before, self->seen, read));
}

TEST_F(device, write_few_bytes)
{
	uint64_t written;

	EXPECT_EQ(self->reach, do_write(self->d.session,
					ptr_u64(self->device) + 5, self->source,
					8, 0, &written, NULL));
	EXPECT_EQ(self->reach ? 0 : 8, written);
	memcpy(self->before + self->size + 5, self->source, written);
	expect_device(_metadata, self, self->before);
}

TEST_F(device, write_pages)
{
	uint64_t written;

	EXPECT_EQ(self->reach, do_write(self->d.session,
					ptr_u64(self->device) + 5, self->source,
					self->size - 5, 0, &written, NULL));
	EXPECT_EQ(self->reach ? 0 : self->size - 5, written);
	memcpy(self->before + self->size + 5, self->source, written);
	expect_device(_metadata, self, self->before);
}

/* Together with ordinary memory on both sides. */
TEST_F(device, write_across)
{
	uint64_t written;

	EXPECT_EQ(self->reach, do_write(self->d.session, ptr_u64(self->start),
					self->source, 3 * self->size, 0,
					&written, NULL));
	EXPECT_EQ(self->reach ? 0 : 3 * self->size, written);
	memcpy(self->before, self->source, written);
	expect_device(_metadata, self, self->before);
}

/* The same behind a breakpoint. */
TEST_F(device, write_across_behind_a_breakpoint)
{
	uint64_t written, address = ptr_u64(self->after) + 64;
	uint8_t raw[OPCODE_LEN] = { 0xa5 };

	ASSERT_EQ(0, do_break(self->d.session, address));
	EXPECT_EQ(self->reach, do_write(self->d.session, ptr_u64(self->start),
					self->source, 3 * self->size, 0,
					&written, NULL));
	memcpy(self->before, self->source, written);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->after + 64, raw,
				   sizeof(raw)));
	EXPECT_EQ(0, memcmp(opcode, raw, sizeof(raw)));
	EXPECT_EQ(0, do_clear(self->d.session, address));
	expect_device(_metadata, self, self->before);
}

TEST_F(device, probe)
{
	EXPECT_EQ(self->reach, do_write(self->d.session, ptr_u64(self->start),
					NULL, 3 * self->size, CORDBG_PROBE,
					NULL, NULL));
	expect_device(_metadata, self, self->before);
}

TEST_F(device, bad_tail)
{
	uint64_t written, failed, bad = ptr_u64(self->after);
	int error = self->reach ? : -EACCES;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 (unsigned long)self->after, self->page,
				 PROT_READ));
	EXPECT_EQ(error, do_write(self->d.session, ptr_u64(self->start),
				  self->source, 3 * self->size, 0, &written,
				  &failed));
	EXPECT_EQ(0, written);
	EXPECT_EQ(self->reach ? ptr_u64(self->device) : bad, failed);
	EXPECT_EQ(error, do_write(self->d.session, bad - 4, self->source, 8, 0,
				  &written, &failed));
	EXPECT_EQ(self->reach ? bad - 4 : bad, failed);
	expect_device(_metadata, self, self->before);
}

/* The access function itself would not ask whether the mapping is writable. */
TEST_F(device, read_only)
{
	unsigned int force[] = { 0, CORDBG_FORCE };
	uint64_t written, failed;
	size_t i;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_protect,
				 (unsigned long)self->device, self->size,
				 PROT_READ));
	for (i = 0; i < ARRAY_SIZE(force); i++) {
		EXPECT_EQ(-EACCES, do_write(self->d.session,
					    ptr_u64(self->device) + 5,
					    self->source, 8, force[i], &written,
					    &failed));
		EXPECT_EQ(0, written);
		EXPECT_EQ(ptr_u64(self->device) + 5, failed);
		EXPECT_EQ(-EACCES, do_write(self->d.session,
					    ptr_u64(self->start), self->source,
					    3 * self->size, force[i], &written,
					    &failed));
		EXPECT_EQ(0, written);
		EXPECT_EQ(ptr_u64(self->device), failed);
	}
	expect_device(_metadata, self, self->before);
}

/* An opcode there could not be watched over, so it is not planted. */
TEST_F(device, breakpoint)
{
	EXPECT_EQ(-EACCES, do_break(self->d.session, ptr_u64(self->device)));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_device(_metadata, self, self->before);
}

/*
 * The device comes and goes while a transfer is under way.
 */

/* For target_call(). */
static long in_target_map_device(unsigned long address, unsigned long size,
				 unsigned long fd)
{
	return map_at(address, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
}

/**
 * struct blocked - a read whose caller's memory a userfaultfd watches
 * @session: Of the target.
 * @from: The target's memory.
 * @to: The caller's.
 * @size: Of both.
 * @err: What it came to.
 */
struct blocked {
	pthread_t thread;
	int session;
	const uint8_t *from;
	uint8_t *to;
	size_t size;
	int err;
};

static void *read_blocked(void *data)
{
	struct blocked *b = data;

	b->err = do_read(b->session, ptr_u64(b->from), b->to, b->size, 0, NULL,
			 NULL);
	return NULL;
}

/* Wait for the first fault: 0 or a negative errno. */
static int await_fault(int uffd)
{
	struct pollfd event = { .fd = uffd, .events = POLLIN };
	struct uffd_msg message;

	if (poll(&event, 1, 20000) != 1)
		return -ETIMEDOUT;
	return read(uffd, &message, sizeof(message)) == sizeof(message) ?
		0 : -errno;
}

static int serve_zeroes(int uffd, const uint8_t *at, size_t size)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)at, .len = size },
	};

	return ioctl(uffd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}

/*
 * A read that holds ordinary pages waits for the caller's memory. Then the device
 * is where they were, and a breakpoint elsewhere has the read look again.
 */
TEST_F(device, appears_under_a_read)
{
	struct blocked b = {
		.session = self->d.session,
		.from = self->start,
		.to = map_private(self->size),
		.size = self->size,
	};
	int uffd, err;

	ASSERT_TRUE(!!b.to);
	uffd = uffd_register(b.to, b.size, UFFDIO_REGISTER_MODE_MISSING, 0);
	ASSERT_LE(0, uffd);
	ASSERT_EQ(0, pthread_create(&b.thread, NULL, read_blocked, &b));
	err = await_fault(uffd);
	if (!err)
		err = target_call(&self->d.target, in_target_map_device,
				  (unsigned long)self->start, self->size,
				  self->fd);
	if (!err)
		err = do_break(self->d.session, ptr_u64(program_text));
	EXPECT_EQ(0, err);
	EXPECT_EQ(0, serve_zeroes(uffd, b.to, b.size));
	ASSERT_EQ(0, pthread_join(b.thread, NULL));
	EXPECT_EQ(self->reach, b.err);
	EXPECT_EQ(0, b.err ? 0 : memcmp(self->before + self->size, b.to, b.size));
	close(uffd);
}

#define FEW	16

/* Shared with the target. */
struct flicker {
	uint8_t *page;
	int fd;
	bool end;
};

/* For in_target_thread(): a page of the device goes and comes again. */
static void *flicker(void *data)
{
	struct flicker *f = data;
	off_t offset = page_size();

	while (!__atomic_load_n(&f->end, __ATOMIC_SEQ_CST)) {
		munmap(f->page, page_size());
		mmap(f->page, page_size(), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_FIXED, f->fd, offset);
	}
	return NULL;
}

/* Whether the last bytes written are those that were before or that were meant. */
static bool is_old_or_new(const uint8_t *seen, const uint8_t *old,
			  const uint8_t *new)
{
	return !memcmp(seen, old, FEW / 2) || !memcmp(seen, new, FEW / 2);
}

/*
 * Few bytes on two pages, of which the second is out of reach for an instant: what
 * is tried again is the rest of the bytes, and not the first of them once more.
 */
TEST_F_TIMEOUT(device, flickers_under_a_write, 100)
{
	uint64_t address = ptr_u64(self->device) + self->page - FEW / 2;
	struct flicker *f = (void *)self->d.window;
	uint8_t out[FEW], *seen = self->device + self->page;
	unsigned long round, failed = 0;
	uint64_t limit;
	uint8_t old[FEW / 2];
	int err;

	f->page = seen;
	f->fd = self->fd;
	f->end = false;
	ASSERT_EQ(0, target_call(&self->d.target, in_target_thread,
				 (unsigned long)flicker, (unsigned long)f, 0));
	limit = race_end(4000);
	for (round = 0; more_rounds(limit, round, 1000); round++) {
		memcpy(old, seen, sizeof(old));
		fill_any(out, FEW, round);
		err = do_write(self->d.session, address, out, FEW, 0, NULL,
			       NULL);
		ASSERT_TRUE(!err || err == -ENXIO);
		failed += !!err;
		ASSERT_TRUE(is_old_or_new(seen, old, out + FEW / 2)) {
			TH_LOG("other bytes in round %lu", round);
		}
	}
	__atomic_store_n(&f->end, true, __ATOMIC_SEQ_CST);
	TH_LOG("%lu rounds, %lu without the page", round, failed);
}

/*
 * What the kernel maps into every process.
 */
FIXTURE(vdso)
{
	struct debuggee d;
	uint8_t *code;
};

FIXTURE_SETUP(vdso)
{
	self->code = (uint8_t *)getauxval(AT_SYSINFO_EHDR);
	ASSERT_TRUE(!!self->code);
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(vdso)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

TEST_F(vdso, read)
{
	uint8_t seen[256] = { 0xa5 };

	EXPECT_EQ(0, do_read(self->d.session, ptr_u64(self->code), seen,
			     sizeof(seen), 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(self->code, seen, sizeof(seen)));
}

/* The target gets its own copy; every other process runs the one there is. */
TEST_F(vdso, breakpoint)
{
	uint8_t before[OPCODE_LEN], seen[OPCODE_LEN] = { 0xa5 };

	memcpy(before, self->code, sizeof(before));
	EXPECT_EQ(0, do_break(self->d.session, ptr_u64(self->code)));
	EXPECT_EQ(0, memcmp(before, self->code, sizeof(before)));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->code, seen, sizeof(seen)));
	EXPECT_EQ(0, memcmp(opcode, seen, sizeof(seen)));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(self->code)));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->code, seen, sizeof(seen)));
	EXPECT_EQ(0, memcmp(before, seen, sizeof(seen)));
}

TEST_HARNESS_MAIN
