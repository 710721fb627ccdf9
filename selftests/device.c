// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is not the process's own: a device's, where there are no pages to
 * hold and only vm_ops->access, and the kernel's vDSO. The device is a VGA
 * frame buffer, which nothing displays here.
 */

#include <glob.h>
#include <sys/auxv.h>

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
	int fd = open_vga();

	if (fd < 0)
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
			    PROT_READ | PROT_WRITE, MAP_SHARED, fd));
	close(fd);
	fill_plain(self->before, 3 * self->size, 27);
	fill_any(self->source, 3 * self->size, 28);
	memcpy(self->start, self->before, 3 * self->size);
	ASSERT_EQ(0, debuggee_start(&self->d));
	self->reach = reach(&self->d, self->device);
}

FIXTURE_TEARDOWN(device)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
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
