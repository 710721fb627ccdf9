/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory of a tool's thread that its calls point to: of every kind, and
 * compared after each call, so that the kernel has stored nothing but results.
 */
#ifndef FUZZ_MEMORY_H
#define FUZZ_MEMORY_H

#include "fuzz.h"

/* Offsets in what each thread has; in between are holes. */
#define CALLER		0x70000000UL
#define CALLER_STEP	0x100000UL
#define ARGUMENTS	0UL		/* structures and results */
#define ARGUMENTS_SIZE	PAGE
#define READ_ONLY	0x8000UL	/* the same as WRITABLE */
#define READ_ONLY_SIZE	(2 * PAGE)
#define WRITABLE	0xc000UL
#define DATA		0x10000UL	/* bytes to write: no opcodes */
#define DATA_SIZE	(24 * PAGE)
#define HALF		0x2f000UL	/* one page, then SILENT_AT */
#define SILENT_AT	0x30000UL
#define SILENT_SIZE	(4 * PAGE)
#define CALLER_HOLE	0x40000UL
#define ROOM		0x50000UL	/* for what is read */
#define OPERATIONS	0x70000UL	/* of batches: nothing else lies over them */
#define OPERATIONS_SIZE	(3 * PAGE)

/* Kinds of places for something that a call points to. */
enum place {
	AT_MEMORY,	/* where it should be */
	AT_END,		/* right before a hole */
	AT_EDGE,	/* some of it in a hole */
	AT_READ_ONLY,
	AT_NOWHERE,	/* NULL, a hole, the kernel's */
	AT_SILENT,	/* some or all of it never answers */
	NR_PLACES
};

/* Parts of a thread's memory that are compared; the results are elsewhere. */
enum part {
	PART_ARGUMENTS, PART_OPERATIONS, PART_READ_ONLY, PART_HALF, PART_DATA,
	PART_ROOM, NR_PARTS
};

/* What is different in each call. */
#define BEFORE_READ_ONLY (ARGUMENTS_SIZE + OPERATIONS_SIZE)
#define BEFORE_HALF	(BEFORE_READ_ONLY + READ_ONLY_SIZE)
#define CHANGED_SIZE	(BEFORE_HALF + PAGE)

static const struct {
	unsigned long at;
	size_t size;
	size_t kept;		/* its copy is at, in struct caller */
} parts[NR_PARTS] = {
	[PART_ARGUMENTS] = { ARGUMENTS, ARGUMENTS_SIZE, 0 },
	[PART_OPERATIONS] = { OPERATIONS, OPERATIONS_SIZE, ARGUMENTS_SIZE },
	[PART_READ_ONLY] = { WRITABLE, READ_ONLY_SIZE, BEFORE_READ_ONLY },
	[PART_HALF] = { HALF, PAGE, BEFORE_HALF },
	[PART_DATA] = { DATA, DATA_SIZE, CHANGED_SIZE },
	[PART_ROOM] = { ROOM, DATA_SIZE, CHANGED_SIZE + DATA_SIZE },
};

/**
 * struct caller - a thread of a tool
 * @number: Which one.
 * @base: Its memory.
 * @random: Its random numbers.
 * @silent: A call may use silent memory now.
 * @blocks: This one does.
 * @kept: What its memory holds, but for results.
 */
struct caller {
	unsigned int number;
	unsigned long base;
	uint64_t random;
	bool silent;
	bool blocks;
	uint8_t kept[CHANGED_SIZE + 2 * DATA_SIZE];
};

static struct caller callers[THREADS];

static unsigned int chance(struct caller *c, unsigned int n)
{
	return pick(&c->random, n);
}

static bool caller_map(struct caller *c, unsigned int number)
{
	int fd = memfd_create("read_only", MFD_CLOEXEC);
	int rw = PROT_READ | PROT_WRITE;

	c->number = number;
	c->base = CALLER + number * CALLER_STEP;
	if (fd < 0 || ftruncate(fd, READ_ONLY_SIZE) ||
	    map_fixed(c->base + ARGUMENTS, ARGUMENTS_SIZE, rw, MAP_PRIVATE, -1,
		      0) == MAP_FAILED ||
	    map_fixed(c->base + OPERATIONS, OPERATIONS_SIZE, rw, MAP_PRIVATE,
		      -1, 0) == MAP_FAILED ||
	    map_fixed(c->base + READ_ONLY, READ_ONLY_SIZE, PROT_READ,
		      MAP_SHARED, fd, 0) == MAP_FAILED ||
	    map_fixed(c->base + WRITABLE, READ_ONLY_SIZE, rw, MAP_SHARED, fd,
		      0) == MAP_FAILED ||
	    map_fixed(c->base + DATA, DATA_SIZE, rw, MAP_PRIVATE, -1,
		      0) == MAP_FAILED ||
	    map_fixed(c->base + ROOM, DATA_SIZE, rw, MAP_PRIVATE, -1,
		      0) == MAP_FAILED ||
	    map_fixed(c->base + HALF, PAGE + SILENT_SIZE, rw, MAP_PRIVATE, -1,
		      0) == MAP_FAILED)
		return false;
	close(fd);
	fill_bytes((void *)(c->base + DATA), DATA_SIZE, number);
	return !make_silent(c->base + SILENT_AT, SILENT_SIZE);
}

/* Forget the last call's structures and results, and begin with known bytes. */
static void caller_clean(struct caller *c)
{
	memset((void *)(c->base + ARGUMENTS), 0, ARGUMENTS_SIZE);
	memset((void *)(c->base + OPERATIONS), 0, OPERATIONS_SIZE);
	memset((void *)(c->base + WRITABLE), 0x91, READ_ONLY_SIZE);
	memset((void *)(c->base + HALF), 0x92, PAGE);
	c->blocks = false;
}

/* Remember what is there when the call is made. */
static void caller_keep(struct caller *c)
{
	static bool filled[THREADS];
	unsigned int i;

	for (i = 0; i < NR_PARTS; i++)
		if (i < PART_DATA || !filled[c->number])
			memcpy(c->kept + parts[i].kept,
			       (void *)(c->base + parts[i].at), parts[i].size);
	filled[c->number] = true;
}

/* The call may have stored there: put back what was there before. */
static void caller_results(struct caller *c, uint64_t at, uint64_t size)
{
	unsigned int i;
	uint64_t from, to, start;

	/* A range that wraps has not been stored to. */
	if (at + size < at)
		return;
	for (i = 0; i < NR_PARTS; i++) {
		start = c->base + parts[i].at;
		from = at > start ? at : start;
		to = at + size < start + parts[i].size ?
			at + size : start + parts[i].size;
		if (from < to)
			memcpy((void *)(uintptr_t)from,
			       c->kept + parts[i].kept + (from - start),
			       to - from);
	}
}

/* Whether all else is as it was; the large parts now and then. */
static void caller_compare(struct caller *c, const char *name, int err)
{
	unsigned int i, nr = chance(c, 16) ? PART_DATA : NR_PARTS;
	uint8_t *now, *kept;
	size_t at;

	for (i = 0; i < nr; i++) {
		now = (uint8_t *)c->base + parts[i].at;
		kept = c->kept + parts[i].kept;
		if (!memcmp(kept, now, parts[i].size))
			continue;
		for (at = 0; kept[at] == now[at]; at++)
			;
		complain("%s, %d, or a call before it: stored %#x over %#x at %#lx of the caller's",
			 name, err, now[at], kept[at],
			 c->base + parts[i].at + at);
		memcpy(now, kept, parts[i].size);
	}
}

static uint64_t nowhere(struct caller *c)
{
	static const uint64_t places[] = {
		0, 8, CALLER_HOLE, 0xffff888000000000, 0xffffffff81000000,
		0xfffffffffffff000, 0xffffffffffffffff, 0x8000000000000000,
		0x7fffffffffff, 0x800000000000, 0x100000000,
	};
	uint64_t at = places[chance(c, ARRAY_SIZE(places))];

	return at == CALLER_HOLE ? c->base + at : at;
}

static enum place random_place(struct caller *c)
{
	unsigned int n = chance(c, 40);

	if (c->silent && n < 20)
		return AT_SILENT;
	switch (n) {
	case 36:
		return AT_EDGE;
	case 37:
		return AT_READ_ONLY;
	case 38:
		return AT_NOWHERE;
	case 39:
		return AT_END;
	default:
		return AT_MEMORY;
	}
}

/**
 * struct region - where something that a call points to should be
 * @start: Offset in a thread's memory.
 * @size: Its size.
 * @end: Offset of the hole behind it.
 * @read_only: Offset of the same that can only be read.
 */
struct region {
	unsigned long start;
	size_t size;
	unsigned long end;
	unsigned long read_only;
};

static const struct region at_structure = {
	ARGUMENTS, 0x800, ARGUMENTS + ARGUMENTS_SIZE, READ_ONLY
};

static const struct region at_written = {
	ARGUMENTS + 0x800, 0x100, ARGUMENTS + ARGUMENTS_SIZE, READ_ONLY
};

static const struct region at_operations = {
	OPERATIONS, OPERATIONS_SIZE, OPERATIONS + OPERATIONS_SIZE, READ_ONLY
};

/* Never where structures are: their bytes are not to be written to a target. */
static const struct region at_data = {
	DATA, DATA_SIZE, DATA + DATA_SIZE, READ_ONLY + PAGE
};

static const struct region at_room = {
	ROOM, DATA_SIZE, ROOM + DATA_SIZE, READ_ONLY + PAGE
};

/* An address for @size bytes. */
static uint64_t put(struct caller *c, enum place where,
		    const struct region *region, size_t size)
{
	unsigned long end = c->base + region->end;

	if (size > region->size)
		size = region->size;
	switch (where) {
	case AT_END:
		return end - size;
	case AT_EDGE:
		return end - size + (size ? 1 + chance(c, size) : 0);
	case AT_READ_ONLY:
		return c->base + region->read_only +
		       (size < PAGE ? chance(c, PAGE - size) : 0);
	case AT_NOWHERE:
		return nowhere(c);
	case AT_SILENT:
		c->blocks = true;
		if (size > 1 && size <= PAGE && chance(c, 2))
			return c->base + SILENT_AT - 1 - chance(c, size - 1);
		return c->base + SILENT_AT + chance(c, 64);
	default:
		return c->base + region->start +
		       chance(c, region->size - size + 1);
	}
}

/* Store a structure where a call points to, as much of it as can be. */
static void put_bytes(struct caller *c, uint64_t at, const void *bytes,
		      size_t size)
{
	uint64_t offset = at - c->base;
	unsigned int i;
	size_t n;

	if (offset - READ_ONLY < READ_ONLY_SIZE)
		offset += WRITABLE - READ_ONLY;
	for (i = 0; i < NR_PARTS; i++) {
		if (i >= PART_DATA || offset < parts[i].at ||
		    offset >= parts[i].at + parts[i].size)
			continue;
		n = parts[i].at + parts[i].size - offset;
		memcpy((void *)(c->base + (unsigned long)offset), bytes,
		       size < n ? size : n);
	}
}

#endif /* FUZZ_MEMORY_H */
