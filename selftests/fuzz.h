/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the processes of the fuzz program share: the report, and where the memory
 * of targets and of tools is.
 *
 * No call names an address from which a range that can be transferred reaches a
 * canary: there are holes in between. So canaries never change, whatever happens.
 * All bytes that tools write are 0x80 and more, and no opcode: so an opcode that
 * is in a target without sessions has been left behind, and bytes that are taken
 * for an address by mistake are one of the kernel's.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <linux/userfaultfd.h>

#include "cordbg_chaos.h"
#include "cordbg_process.h"
#include "cordbg_setting.h"

#define PAGE		4096UL
#define TARGETS		3U
#define THREADS		3U
#define RESULTS		134	/* errnos, and 0 */

/* Areas of a target, and of every other process; free in 32 and 64 bits. */
enum area_name {
	CANARY_LOW, PLAIN, FIXED, CODE, TEXT, SHARED, NOTHING, SILENT, TAIL,
	CANARY_HIGH, LARGE, CANARY_END, NR_AREAS
};

/**
 * struct area - some pages of a target
 * @address: Where they are.
 * @pages: How many.
 * @prot: Their protection.
 * @shared: They are shared by all.
 * @constant: Nothing may ever change there.
 * @fill: They have bytes that are not 0 to begin with.
 */
static const struct area {
	unsigned long address;
	unsigned long pages;
	int prot;
	bool shared;
	bool constant;
	bool fill;
} areas[NR_AREAS] = {
	[CANARY_LOW] = { 0x60000000, 4, PROT_READ | PROT_WRITE, 0, 1, 1 },
	/* A hole. */
	[PLAIN] = { 0x60010000, 24, PROT_READ | PROT_WRITE, 0, 0, 1 },
	[FIXED] = { 0x60028000, 2, PROT_READ, 1, 1, 1 },
	[CODE] = { 0x6002a000, 4, PROT_READ | PROT_EXEC, 0, 0, 1 },
	[TEXT] = { 0x6002e000, 4, PROT_READ, 0, 0, 1 },
	[SHARED] = { 0x60032000, 2, PROT_READ | PROT_WRITE, 1, 0, 1 },
	[NOTHING] = { 0x60034000, 2, PROT_NONE, 0, 0, 0 },
	/* Behind userfaultfd(2), which nobody serves. */
	[SILENT] = { 0x60036000, 2, PROT_READ | PROT_WRITE, 0, 0, 0 },
	/* Its second page is past the end of its file. */
	[TAIL] = { 0x60038000, 2, PROT_READ | PROT_WRITE, 0, 0, 0 },
	/* A hole. */
	[CANARY_HIGH] = { 0x6003b000, 4, PROT_READ | PROT_WRITE, 0, 1, 1 },
	/* A hole. More than a window. */
	[LARGE] = { 0x61000000, 0x4008, PROT_READ, 0, 0, 0 },
	/* A hole. */
	[CANARY_END] = { 0x66000000, 4, PROT_READ | PROT_WRITE, 0, 1, 1 },
};

#define HOLE_LOW	0x60004000UL
#define HOLE_HIGH	0x6003a000UL
#define AREAS_BYTES	(24 * PAGE)	/* of the largest one that is filled */

/* The ioctls, and numbers that are none. */
enum call_name { ATTACH, WRITE, READ, SET, CLEAR, LIST, BATCH, NUMBER, NR_CALLS };

static const struct {
	const char *name;
	unsigned long cmd;
	uint32_t size;
} calls[NR_CALLS] = {
	[ATTACH] = { "attach", CORDBG_ATTACH, sizeof(struct cordbg_attach) },
	[WRITE] = { "write", CORDBG_WRITE_MEMORY,
		    sizeof(struct cordbg_transfer) },
	[READ] = { "read", CORDBG_READ_MEMORY,
		   sizeof(struct cordbg_transfer) },
	[SET] = { "set", CORDBG_SET_UNMANAGED_BREAKPOINT,
		  sizeof(struct cordbg_set_breakpoint) },
	[CLEAR] = { "clear", CORDBG_CLEAR_UNMANAGED_BREAKPOINT,
		    sizeof(struct cordbg_clear_breakpoint) },
	[LIST] = { "list", CORDBG_LIST_BREAKPOINTS,
		   sizeof(struct cordbg_list_breakpoints) },
	[BATCH] = { "batch", CORDBG_BATCH, sizeof(struct cordbg_batch) },
	[NUMBER] = { "number", 0, 0 },
};

/**
 * struct busy - what a thread of the tool is in
 * @since: When it entered the kernel, 0 if it is not there.
 * @silent: It may wait there for memory that does not answer.
 * @ended: It has made all its calls.
 */
struct busy {
	uint64_t since;
	unsigned int silent;
	unsigned int ended;
};

/**
 * struct fuzz - what all processes share
 * @seed: Of all random numbers.
 * @complaints: What went wrong, counted.
 * @targets: Process IDs.
 * @idle: A target has called execve(2), and does nothing any more.
 * @dead: The process ID of a target that has ended.
 * @threads: Those of the tool.
 * @results: How often each call had each errno.
 * @compat: Calls of a 64-bit program through the 32-bit entry.
 * @passed: Sessions that came from another process.
 * @forked: Children of tools that went on with their sessions.
 * @closed: Sessions that were closed, maybe in the middle of a call.
 * @children: Children of targets that found no opcode.
 * @blocked: Threads that waited for silent memory when they were killed.
 */
struct fuzz {
	unsigned int seed;
	unsigned int complaints;
	pid_t targets[TARGETS];
	unsigned int idle[TARGETS];
	pid_t dead;
	struct busy threads[THREADS];
	unsigned long results[NR_CALLS][RESULTS];
	unsigned long compat;
	unsigned long passed;
	unsigned long forked;
	unsigned long closed;
	unsigned long children;
	unsigned long blocked;
};

static struct fuzz *fuzz;
static int bus[2];	/* sessions go from tool to tool through it */

static inline void count_one(unsigned long *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static inline uint64_t fuzz_random(unsigned int role, unsigned int life)
{
	uint64_t random = (fuzz->seed + 1ULL) * 0x9e3779b97f4a7c15ULL ^
			  (role + 1ULL) << 40 ^ (uint64_t)life << 8 ^ 1;

	pick(&random, 2);
	pick(&random, 2);
	return random;
}

/* Bytes that are no opcode, nor a part of one, and no user address. */
static inline void fill_bytes(uint8_t *p, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++) {
		p[i] = 0x80 | (i * 7 + i / 251 + seed * 13);
		if (p[i] == 0xcc || p[i] == 0xd4)
			p[i]++;
	}
}

static inline bool holds_opcode(const uint8_t *p, size_t size)
{
	const uint8_t *end = p + size, *at = p;

	while ((at = memchr(at, opcode[0], end - at)) != NULL) {
		if ((at - p) % OPCODE_LEN == 0 &&
		    !memcmp(at, opcode, OPCODE_LEN))
			return true;
		at++;
	}
	return false;
}

static inline void *map_fixed(unsigned long address, size_t size, int prot,
			      int flags, int fd, off_t offset)
{
	return mmap((void *)address, size, prot,
		    flags | MAP_FIXED_NOREPLACE | (fd < 0 ? MAP_ANONYMOUS : 0),
		    fd, offset);
}

/* Let memory block whoever touches it, for ever: 0 or a negative errno. */
static inline int make_silent(unsigned long address, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register region = {
		.range = { address, size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) ||
	    ioctl(uffd, UFFDIO_REGISTER, &region))
		return -errno;
	return 0;
}

#endif /* FUZZ_H */
