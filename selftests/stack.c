// SPDX-License-Identifier: GPL-2.0
/*
 * A stack grows for the program, not for a debugger.
 */

#include <limits.h>

#include "target_memory.h"

FIXTURE(stack)
{
	struct debuggee d;
	unsigned long low;	/* first address of the mapping */
};

FIXTURE_VARIANT(stack)
{
	bool main;		/* or a mapping that grows downwards */
};

FIXTURE_VARIANT_ADD(stack, main) { .main = true };
FIXTURE_VARIANT_ADD(stack, grows_down) { .main = false };

/* The first address of the mapping of @pid that holds @address. */
static unsigned long mapping_start(pid_t pid, unsigned long address)
{
	unsigned long low, high, found = 0;
	char line[PATH_MAX + 128], name[32];
	FILE *maps;

	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	maps = fopen(name, "r");
	if (!maps)
		return 0;
	while (!found && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &low, &high) == 2 &&
		    low <= address && address < high)
			found = low;
	fclose(maps);
	return found;
}

FIXTURE_SETUP(stack)
{
	uint8_t *space = map_private(64 * page_size());
	uint8_t *high = space + 60 * page_size();
	unsigned long inside = (unsigned long)&space;

	ASSERT_TRUE(!!space);
	if (!variant->main) {
		ASSERT_EQ(0, munmap(space, 64 * page_size()));
		ASSERT_EQ(0, map_at((unsigned long)high, 2 * page_size(),
				    PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN,
				    -1));
		*high = 1;
		inside = (unsigned long)high;
	}
	ASSERT_EQ(0, debuggee_start(&self->d));
	self->low = mapping_start(self->d.target.pid, inside);
	ASSERT_NE(0, self->low);
}

FIXTURE_TEARDOWN(stack)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* The stack would have grown for a store of the program's own. */
static void expect_not_grown(struct __test_metadata *_metadata,
			     FIXTURE_DATA(stack) * self)
{
	EXPECT_EQ(0, mapping_start(self->d.target.pid, self->low - 1));
	EXPECT_EQ(self->low, mapping_start(self->d.target.pid, self->low));
}

TEST_F(stack, write_below)
{
	size_t below[] = { 1, 8, 4096, 4096 + 8 };
	uint8_t source[2 * 4096] = { 0 };
	uint64_t written, failed;
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(below); i++) {
		for (size = 1; size <= sizeof(source); size *= 2) {
			EXPECT_EQ(-ENXIO, do_write(self->d.session,
						   self->low - below[i],
						   source, size, 0, &written,
						   &failed));
			EXPECT_EQ(0, written);
			EXPECT_EQ(self->low - below[i], failed);
		}
	}
	EXPECT_EQ(-ENXIO, do_write(self->d.session, self->low - 8, source, 16,
				   CORDBG_FORCE, &written, &failed));
	EXPECT_EQ(-ENXIO, do_write(self->d.session, self->low - 8, source, 16,
				   CORDBG_PROBE, &written, &failed));
	expect_not_grown(_metadata, self);
}

TEST_F(stack, read_below)
{
	uint8_t seen[4096 + 16];
	uint64_t read, failed;

	memset(seen, 0xa5, sizeof(seen));
	EXPECT_EQ(-ENXIO, do_read(self->d.session, self->low - 1, seen, 1, 0,
				  &read, &failed));
	EXPECT_EQ(self->low - 1, failed);
	EXPECT_EQ(-ENXIO, do_read(self->d.session, self->low - 8, seen, 16,
				  CORDBG_RAW, &read, &failed));
	EXPECT_EQ(self->low - 8, failed);
	EXPECT_EQ(-ENXIO, do_read(self->d.session, self->low - 4096, seen,
				  sizeof(seen), CORDBG_FORCE, &read, &failed));
	EXPECT_EQ(0, read);
	EXPECT_TRUE(all_bytes(seen, 0xa5, sizeof(seen)));
	expect_not_grown(_metadata, self);
}

TEST_F(stack, breakpoint_below)
{
	EXPECT_EQ(-ENXIO, do_break(self->d.session, self->low - OPCODE_LEN));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	expect_not_grown(_metadata, self);
}

/* The lowest bytes themselves are ordinary memory. */
TEST_F(stack, write_lowest)
{
	uint8_t source[16], seen[16];

	fill_any(source, sizeof(source), 0x31);
	EXPECT_EQ(0, do_write(self->d.session, self->low, source,
			      sizeof(source), 0, NULL, NULL));
	ASSERT_EQ(0, debuggee_peek(&self->d, (void *)self->low, seen,
				   sizeof(seen)));
	EXPECT_EQ(0, memcmp(source, seen, sizeof(seen)));
	expect_not_grown(_metadata, self);
}

TEST_HARNESS_MAIN
