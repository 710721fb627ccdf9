// SPDX-License-Identifier: GPL-2.0
/* The chapter about a write that runs into read-only memory. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "demo.h"

#define PAGE	4096
#define HALF	4
#define SIZE	(2 * HALF)

static const uint8_t data[SIZE] = "cordbg!!";

/*
 * Where read-only memory follows writable memory, and the two pages there. The
 * chapter writes SIZE bytes at @start, half of them on each side of @address.
 */
struct border {
	uint64_t address;
	uint64_t start;
	uint8_t before[2 * PAGE];
	uint8_t now[2 * PAGE];
};

static void show_border(struct demo *demo, struct border *border, const char *label)
{
	peek(demo, border->address - PAGE, border->now, sizeof(border->now));
	show(label, border->start, border->now + PAGE - HALF, SIZE);
}

static bool unchanged(const struct border *border)
{
	return !memcmp(border->now, border->before, sizeof(border->now));
}

static bool half_written(const struct border *border)
{
	return !memcmp(border->now + PAGE - HALF, data, HALF) &&
	       !memcmp(border->now + PAGE, border->before + PAGE, PAGE);
}

static void find_border(struct demo *demo, struct border *border)
{
	const struct mapping *m;

	maps_read(&demo->maps, demo->program.pid);
	m = maps_find_border(&demo->maps);
	border->address = m->end;
	border->start = m->end - HALF;
	say("In its maps, read-only memory follows writable memory without a gap:");
	for (; m->start <= border->address; m++)
		say("  %#llx-%#llx %s %s", (unsigned long long)m->start,
		    (unsigned long long)m->end, m->protection,
		    m->path[0] ? m->path : "(anonymous)");
	say("The last %d bytes of the one and the first %d of the other:", HALF, HALF);
	show_border(demo, border, "before");
	memcpy(border->before, border->now, sizeof(border->before));
	require(!half_written(border), "writing there changes something");
}

static void refused_write(struct demo *demo, struct border *border)
{
	uint64_t failed = 0;
	size_t written = 1;
	int error;

	error = cordbg_write_memory_ex(demo->process, border->start, SIZE, data, 0,
				       &written, &failed);
	say("cordbg_write_memory_ex() of these %d bytes: %s,", SIZE, strerror(-error));
	say("%zu bytes written, the first address that failed is %#llx.", written,
	    (unsigned long long)failed);
	require(error == -EACCES && !written && failed == border->address,
		"the write is refused at the border");
	show_border(demo, border, "after");
	require(unchanged(border), "no byte of the two pages has changed");
}

/* The program waits for a number and does not look at these bytes meanwhile. */
static void half_write(struct demo *demo, struct border *border)
{
	struct iovec local = { (void *)data, SIZE };
	struct iovec remote = { (void *)border->start, SIZE };
	ssize_t done = process_vm_writev(demo->program.pid, &local, 1, &remote, 1, 0);

	say("process_vm_writev() of the same bytes to the same place: %zd written.", done);
	show_border(demo, border, "after");
	require(done == HALF && half_written(border), "it leaves a half-written range");
	say("That is half a write, and nobody takes it back. We put the old bytes there:");
	write_own(demo, border->start, border->before + PAGE - HALF, HALF, 0);
	show_border(demo, border, "put back");
	require(unchanged(border), "the two pages are as they were");
}

void tell_border(struct demo *demo)
{
	static struct border border;

	chapter("A write that ends in read-only memory changes nothing");
	find_border(demo, &border);
	refused_write(demo, &border);
	half_write(demo, &border);
}
