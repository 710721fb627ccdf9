// SPDX-License-Identifier: GPL-2.0
/*
 * Memory with breakpoints that the program moves while a large write to it is under
 * way: the write holds its pages and lands whole, wherever they are by then. What it
 * writes are opcodes, which nothing in memory tells from those of the breakpoints.
 */

#include "cordbg_process.h"
#include "target_memory.h"

#define AREA_SIZE	(4UL << 20)
#define BREAKS		64
#define RACE_MS		6000
#define ENOUGH		20

static uint8_t *here, *there;	/* where the memory is, and where it moves to */
static uint8_t bytes[AREA_SIZE];

/* Move after @us, and be back before the next round. */
static long in_target_move(unsigned long us, unsigned long b, unsigned long c)
{
	(void)b;
	(void)c;
	usleep(us);
	return mremap(here, AREA_SIZE, AREA_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      there) == there ? 0 : -errno;
}

static long in_target_move_back(unsigned long a, unsigned long b, unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	return mremap(there, AREA_SIZE, AREA_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      here) == here ? 0 : -errno;
}

FIXTURE(moved)
{
	struct debuggee d;
};

/* Where the breakpoints are: in the pages that are written first, or last. */
FIXTURE_VARIANT(moved)
{
	size_t offset;
};

FIXTURE_VARIANT_ADD(moved, in_the_first_pages) { .offset = 0 };
FIXTURE_VARIANT_ADD(moved, in_the_last_pages) {
	.offset = AREA_SIZE - BREAKS * 4096,
};

FIXTURE_SETUP(moved)
{
	here = map_private(AREA_SIZE);
	there = map_private(AREA_SIZE);
	ASSERT_TRUE(here && there);
	memset(here, 1, AREA_SIZE);
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(moved)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

static int break_some(int fd, size_t offset)
{
	int i, err = 0;

	for (i = 0; !err && i < BREAKS; i++)
		err = do_break(fd, ptr_u64(here + offset + i * 4096));
	return err;
}

TEST_F_TIMEOUT(moved, opcodes_written_meanwhile, 200)
{
	uint64_t limit = race_end(RACE_MS), took = 20, since;
	unsigned long round, caught = 0;
	struct target *t = &self->d.target;
	size_t i;
	int err;

	for (i = 0; i < AREA_SIZE; i += OPCODE_LEN)
		memcpy(bytes + i, opcode, OPCODE_LEN);
	for (round = 0; now_ms() < limit || round < ENOUGH; round++) {
		ASSERT_EQ(0, break_some(self->d.session, variant->offset));
		ASSERT_EQ(0, target_begin(t, in_target_move,
					  took * 1000 * (round % 16) / 16, 0,
					  0));
		since = now_ms();
		err = do_write(self->d.session, ptr_u64(here), bytes, AREA_SIZE,
			       0, NULL, NULL);
		took = now_ms() - since + 1;
		ASSERT_EQ(0, target_result(t));
		caught += !err;
		/* It was gone before anything was written. */
		ASSERT_TRUE(!err || err == -ENXIO);
		memset(bytes, 0, AREA_SIZE);
		ASSERT_EQ(0, do_read(self->d.session, ptr_u64(there), bytes,
				     AREA_SIZE, 0, NULL, NULL));
		for (i = 0; !err && i < AREA_SIZE; i += OPCODE_LEN) {
			ASSERT_EQ(0, memcmp(bytes + i, opcode, OPCODE_LEN)) {
				TH_LOG("%#zx holds %#x in round %lu", i,
				       bytes[i], round);
			}
		}
		for (i = 0; i < AREA_SIZE; i += OPCODE_LEN)
			memcpy(bytes + i, opcode, OPCODE_LEN);
		ASSERT_EQ(0, target_call(t, in_target_move_back, 0, 0, 0));
		/* Without opcodes of its own, breakpoints can be set again. */
		ASSERT_EQ(0, target_call(t, in_target_fill,
					 (unsigned long)here, AREA_SIZE, 1));
	}
	TH_LOG("%lu rounds, %lu writes came first", round, caught);
}

TEST_HARNESS_MAIN
