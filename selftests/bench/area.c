// SPDX-License-Identifier: GPL-2.0
/*
 * The memory that is measured: in a target process, which fills and checks it by
 * itself, so that no route is checked by a route; and, for memcpy, of the same
 * kind at the same address here.
 */

#include <stdio.h>

#include "bench.h"

#define HUGE	(2 * MIB)
#define POISON	0xa5
/* Bytes around a range that have to stay as they were. */
#define MARGIN	16

const char *const bench_memory_names[MEMORY_KINDS] = {
	"private", "shared", "thp", "hugetlb",
};

uint8_t *bench_source;
uint8_t *bench_buffer;

static uint8_t *map_buffer(void)
{
	uint8_t *buffer = mmap(NULL, MOST, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (buffer == MAP_FAILED)
		bench_die("a buffer of 64 MiB: %s", strerror(errno));
	madvise(buffer, MOST, MADV_NOHUGEPAGE);
	return buffer;
}

/*
 * Before any target is forked. No byte is negative: neither POISON nor part of an
 * opcode, which SET would take for a foreign breakpoint.
 */
void bench_buffers_init(void)
{
	uint64_t random = 88172645463325252ULL, bytes;
	size_t i;

	bench_source = map_buffer();
	bench_buffer = map_buffer();
	for (i = 0; i < MOST / sizeof(random); i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		bytes = random & 0x7f7f7f7f7f7f7f7fULL;
		memcpy(bench_source + i * sizeof(bytes), &bytes, sizeof(bytes));
	}
	memset(bench_buffer, 0, MOST);
}

/* Map an area and bring it in: 0 or a negative errno. */
static long area_map(unsigned long base, unsigned long size,
		     unsigned long memory)
{
	int flags = MAP_ANONYMOUS | MAP_FIXED;
	void *area;

	flags |= memory == MEMORY_SHARED ? MAP_SHARED : MAP_PRIVATE;
	flags |= memory == MEMORY_HUGETLB ? MAP_HUGETLB : 0;
	area = mmap((void *)base, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (area == MAP_FAILED)
		return -errno;
	if (memory == MEMORY_THP)
		madvise(area, size, MADV_HUGEPAGE);
	else
		madvise(area, size, MADV_NOHUGEPAGE);
	memset(area, POISON, size);
	return 0;
}

/* Address space that begins at a huge page. */
static uint8_t *reserve(size_t size)
{
	uint8_t *space = mmap(NULL, size + HUGE, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (space == MAP_FAILED)
		bench_die("%zu bytes of addresses: %s", size, strerror(errno));
	return (uint8_t *)(((uintptr_t)space + HUGE - 1) & -HUGE);
}

/* Kilobytes of the area that are huge pages, of a process; 0 if unknown. */
static size_t huge_kilobytes(pid_t pid, const uint8_t *base, size_t size)
{
	size_t kilobytes, sum = 0;
	unsigned long start, end;
	bool inside = false;
	char line[512];
	FILE *smaps;

	snprintf(line, sizeof(line), "/proc/%d/smaps", pid);
	smaps = fopen(line, "r");
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start >= (uintptr_t)base &&
				 end <= (uintptr_t)base + size;
		else if (inside &&
			 sscanf(line, "AnonHugePages: %zu", &kilobytes) == 1)
			sum += kilobytes;
	}
	if (smaps)
		fclose(smaps);
	return sum;
}

/* 0, or a negative errno if the machine does not have such memory. */
int bench_area_start(struct bench_area *area, enum bench_memory memory,
		     size_t size)
{
	long err;

	area->memory = memory;
	area->size = size;
	area->base = reserve(size);
	bench_check(target_start(&area->target), "start a target");
	err = area_map((uintptr_t)area->base, size, memory);
	if (!err)
		err = target_call(&area->target, area_map,
				  (uintptr_t)area->base, size, memory);
	if (!err && memory == MEMORY_THP &&
	    huge_kilobytes(area->target.pid, area->base, size) != size / KIB)
		err = -ENODEV;
	if (err)
		bench_area_stop(area);
	return err;
}

/* A new session bound to the target. */
int bench_session(const struct bench_area *area)
{
	int fd = session_open(area->target.pid);

	bench_check(fd, "open a session");
	return fd;
}

void bench_area_stop(struct bench_area *area)
{
	int status = target_stop(&area->target);

	munmap(area->base, area->size);
	if (status)
		bench_die("a target ended with status %#x", status);
}

static long poison(unsigned long address, unsigned long size,
		   unsigned long unused)
{
	(void)unused;
	memset((uint8_t *)address - MARGIN, POISON, size + 2 * MARGIN);
	return 0;
}

static long fill(unsigned long address, unsigned long size,
		 unsigned long unused)
{
	poison(address, size, unused);
	memcpy((void *)address, bench_source, size);
	return 0;
}

/* Whether a range is the source's bytes and what is around it is untouched. */
static long holds(unsigned long address, unsigned long size,
		  unsigned long unused)
{
	const uint8_t *range = (uint8_t *)address;

	(void)unused;
	return filled_with(range - MARGIN, POISON, MARGIN) &&
	       filled_with(range + size, POISON, MARGIN) &&
	       !memcmp(range, bench_source, size);
}

static long run(struct bench_area *area, bool own,
		long (*function)(unsigned long, unsigned long, unsigned long),
		uint8_t *address, size_t size)
{
	long result;

	if (own)
		return function((uintptr_t)address, size, 0);
	result = target_call(&area->target, function, (uintptr_t)address, size,
			     0);
	bench_check(result, "ask a target");
	return result;
}

/**
 * bench_area_poison() - fill a range with what the source's bytes are not
 * @own: Here, not in the target.
 */
void bench_area_poison(struct bench_area *area, bool own, uint8_t *address,
		       size_t size)
{
	run(area, own, poison, address, size);
}

/* Fill a range of the target with the source's bytes. */
void bench_area_fill(struct bench_area *area, uint8_t *address, size_t size)
{
	run(area, false, fill, address, size);
}

/* Whether the source's bytes, and no others, were written. */
bool bench_area_holds(struct bench_area *area, bool own, uint8_t *address,
		      size_t size)
{
	return run(area, own, holds, address, size);
}
