/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A target with a session bound to it, and functions that look at and change its
 * memory from inside, so that a test compares what the program itself sees.
 */
#ifndef TARGET_MEMORY_H
#define TARGET_MEMORY_H

#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "cordbg_harness.h"

#include "cordbg_selftest.h"
#include "cordbg_setting.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

#define HUGE_SIZE	(2UL << 20)
#define WINDOW_SIZE	(64UL << 10)
#define MAX_BREAKPOINTS	"/sys/module/cordbg/parameters/max_breakpoints"

/*
 * Program text that nobody runs, every byte 0x55. Global, like all of its kind:
 * on arm64 the address of a local symbol can come out as that of its section.
 */
#define PROGRAM_TEXT_SIZE	(8 << 12)
#define PROGRAM_TEXT			\
	".pushsection .text\n"		\
	".globl program_text\n"	\
	".balign 4096\n"		\
	"program_text:\n"		\
	".fill 8 << 12, 1, 0x55\n"	\
	".popsection\n"
asm(PROGRAM_TEXT);
extern uint8_t program_text[];

/**
 * struct debuggee - a target, and a session bound to it
 * @target: The process.
 * @session: File descriptor of the session.
 * @window: Memory that the test and the target share, for bytes to pass.
 */
struct debuggee {
	struct target target;
	int session;
	uint8_t *window;
};

/* Anonymous memory of the test; a target started later has a copy. */
static inline uint8_t *map_anon(size_t size, int prot, int flags)
{
	void *p = mmap(NULL, size, prot, flags | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static inline uint8_t *map_private(size_t size)
{
	return map_anon(size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

/*
 * Address space for @before bytes, then HUGE_SIZE bytes at a boundary of a huge
 * page, which is returned: a test has room there for memory of any kind.
 */
static inline uint8_t *map_before_huge(size_t before)
{
	size_t space = before + 3 * HUGE_SIZE;
	uint8_t *p = map_anon(space, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_NORESERVE);
	uintptr_t tail;

	if (!p)
		return NULL;
	tail = ((uintptr_t)p + before + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1);
	return (uint8_t *)tail;
}

/* A file of @size bytes that start with @data: its fd or a negative errno. */
static inline int file_create(const void *data, size_t length, off_t size)
{
	int fd = memfd_create("cordbg", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, data, length) != (ssize_t)length || ftruncate(fd, size)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static inline int debuggee_start(struct debuggee *d)
{
	int err;

	d->window = map_anon(WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
	if (!d->window)
		return -ENOMEM;
	err = target_start(&d->target);
	if (err)
		return err;
	d->session = session_open(d->target.pid);
	return d->session < 0 ? d->session : 0;
}

/* Close the session and end the target: its wait status. */
static inline int debuggee_stop(struct debuggee *d)
{
	if (d->session >= 0)
		close(d->session);
	d->session = -1;
	munmap(d->window, WINDOW_SIZE);
	return target_stop(&d->target);
}

/*
 * Functions for target_call().
 */
static inline long in_target_copy(unsigned long to, unsigned long from,
				  unsigned long size)
{
	memcpy((void *)to, (void *)from, size);
	return 0;
}

static inline long in_target_fill(unsigned long address, unsigned long size,
				  unsigned long byte)
{
	memset((void *)address, byte, size);
	return 0;
}

static inline long in_target_protect(unsigned long address, unsigned long size,
				     unsigned long prot)
{
	return mprotect((void *)address, size, prot) ? -errno : 0;
}

static inline long in_target_unmap(unsigned long address, unsigned long size,
				   unsigned long unused)
{
	(void)unused;
	return munmap((void *)address, size) ? -errno : 0;
}

static inline long in_target_advise(unsigned long address, unsigned long size,
				    unsigned long advice)
{
	return madvise((void *)address, size, advice) ? -errno : 0;
}

static inline long map_at(unsigned long address, unsigned long size, int prot,
			  int flags, int fd)
{
	void *p = mmap((void *)address, size, prot, flags | MAP_FIXED, fd, 0);

	return p == MAP_FAILED ? -errno : 0;
}

static inline long in_target_map(unsigned long address, unsigned long size,
				 unsigned long prot)
{
	return map_at(address, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* Copy the target's bytes, as the target itself reads them. */
static inline int debuggee_peek(struct debuggee *d, const void *address,
				void *buffer, size_t size)
{
	size_t done, n;
	long err;

	for (done = 0; done < size; done += n) {
		n = size - done < WINDOW_SIZE ? size - done : WINDOW_SIZE;
		err = target_call(&d->target, in_target_copy,
				  (unsigned long)d->window,
				  (unsigned long)address + done, n);
		if (err)
			return err;
		memcpy((char *)buffer + done, d->window, n);
	}
	return 0;
}

/* Let the target itself store @size bytes, at most WINDOW_SIZE. */
static inline int debuggee_poke(struct debuggee *d, void *address,
				const void *buffer, size_t size)
{
	memcpy(d->window, buffer, size);
	return target_call(&d->target, in_target_copy, (unsigned long)address,
			   (unsigned long)d->window, size);
}

/*
 * Compare the target's bytes with @expected: through the session, as memory is,
 * and as the target itself sees them. The latter two show the opcode at
 * @planted, if that is not NULL.
 */
static inline void expect_bytes(struct __test_metadata *_metadata,
				struct debuggee *d, const uint8_t *address,
				const uint8_t *expected, size_t size,
				const uint8_t *planted)
{
	uint8_t *raw = malloc(size), *seen = malloc(size);
	uint64_t read;

	ASSERT_TRUE(raw && seen);
	memset(seen, 0xa5, size);
	ASSERT_EQ(0, do_read(d->session, ptr_u64(address), seen, size, 0, &read,
			     NULL));
	EXPECT_EQ(size, read);
	EXPECT_EQ(0, memcmp(expected, seen, size));

	memcpy(raw, expected, size);
	if (planted)
		memcpy(raw + (planted - address), opcode, OPCODE_LEN);
	memset(seen, 0xa5, size);
	ASSERT_EQ(0, do_read(d->session, ptr_u64(address), seen, size,
			     CORDBG_RAW, &read, NULL));
	EXPECT_EQ(size, read);
	EXPECT_EQ(0, memcmp(raw, seen, size));

	memset(seen, 0xa5, size);
	ASSERT_EQ(0, debuggee_peek(d, address, seen, size));
	EXPECT_EQ(0, memcmp(raw, seen, size));
	free(raw);
	free(seen);
}

/* Bytes after which a filled buffer repeats: no multiple of a page. */
#define FILL_PERIOD	65521UL

static inline void fill(uint8_t *p, size_t size, unsigned int seed,
			uint8_t mask)
{
	size_t i, n;

	for (i = 0; i < size && i < FILL_PERIOD; i++)
		p[i] = (i * 31 + i / 509 + seed) & mask;
	for (; i < size; i += n) {
		n = size - i < FILL_PERIOD ? size - i : FILL_PERIOD;
		memcpy(p + i, p, n);
	}
}

/*
 * Fill @p with bytes that depend on their position and @seed and lie below 0x80,
 * so that no breakpoint opcode is among them.
 */
static inline void fill_plain(uint8_t *p, size_t size, unsigned int seed)
{
	fill(p, size, seed, 0x7f);
}

/* The same with all values of a byte, opcodes included. */
static inline void fill_any(uint8_t *p, size_t size, unsigned int seed)
{
	fill(p, size, seed, 0xff);
}

static inline bool all_bytes(const uint8_t *p, uint8_t value, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (p[i] != value)
			return false;
	return true;
}

/* Set a breakpoint at each of @count addresses, @stride apart. */
static inline int break_each(int session, uint64_t address, size_t stride,
			     size_t count)
{
	size_t i;
	int err;

	for (i = 0; i < count; i++) {
		err = do_break(session, address + i * stride);
		if (err)
			return err;
	}
	return 0;
}

static inline int clear_each(int session, uint64_t address, size_t stride,
			     size_t count)
{
	size_t i;
	int err;

	for (i = 0; i < count; i++) {
		err = do_clear(session, address + i * stride);
		if (err)
			return err;
	}
	return 0;
}

/* The breakpoint at @address in the list: 1 if it is there, 0, or -errno. */
static inline int find_breakpoint(int session, uint64_t address,
				  struct cordbg_breakpoint *found)
{
	uint32_t count;
	int err = do_list(session, address, found, 1, &count);

	if (err)
		return err;
	return count && found->address == address;
}

/* Breakpoints of the process, or a negative errno. */
static inline long count_breakpoints(int session)
{
	struct cordbg_breakpoint unused;
	uint32_t count;
	int err = do_list(session, 0, &unused, 0, &count);

	return err ? err : (long)count;
}

/* Where in its file is what this process has mapped at @address; 0 if nowhere. */
static inline unsigned long file_offset(unsigned long address)
{
	unsigned long low, high, start, found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	if (!maps)
		return 0;
	while (!found && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %lx", &low, &high, &start) == 3 &&
		    low <= address && address < high)
			found = address - low + start;
	fclose(maps);
	return found;
}

/*
 * Kilobytes in huge pages, in the mappings of this process that a range touches:
 * -ENOENT if there are none.
 */
static inline long huge_kilobytes(unsigned long address, size_t size)
{
	unsigned long low, high;
	FILE *smaps = fopen("/proc/self/smaps", "r");
	long found = -ENOENT, some;
	bool inside = false;
	char line[512];

	if (!smaps)
		return -errno;
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx", &low, &high) == 2)
			inside = low < address + size && high > address;
		else if (inside && sscanf(line, "AnonHugePages: %ld",
					  &some) == 1)
			found = (found < 0 ? 0 : found) + some;
	}
	fclose(smaps);
	return found;
}

static inline double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

#endif /* TARGET_MEMORY_H */
