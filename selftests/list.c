// SPDX-License-Identifier: GPL-2.0
/*
 * CORDBG_LIST_BREAKPOINTS.
 */

#include "cordbg_process.h"
#include "target_memory.h"

#define RACE_MS	3000	/* for at least ENOUGH rounds */
#define ENOUGH	1000
#define PAGES	3
#define NR	7

/* Where the breakpoints are, in the order they are set. */
static const unsigned int offsets[NR] = {
	2 * 4096, 64, 4096, 0, 4096 - OPCODE_LEN, 3 * 4096 - OPCODE_LEN, 128,
};

FIXTURE(list)
{
	struct debuggee d;
	int other;
	uint8_t *data;
	uint64_t sorted[NR];
	struct cordbg_breakpoint list[NR + 1];
	uint32_t count;
};

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

FIXTURE_SETUP(list)
{
	size_t i;

	self->data = map_private((PAGES + 1) * 4096);
	ASSERT_TRUE(!!self->data);
	fill_plain(self->data, PAGES * 4096, 17);
	ASSERT_EQ(0, debuggee_start(&self->d));
	self->other = session_open(self->d.target.pid);
	ASSERT_LE(0, self->other);
	for (i = 0; i < NR; i++) {
		self->sorted[i] = ptr_u64(self->data) + offsets[i];
		ASSERT_EQ(0, do_break(self->d.session, self->sorted[i]));
	}
	qsort(self->sorted, NR, sizeof(self->sorted[0]), compare);
}

FIXTURE_TEARDOWN(list)
{
	close(self->other);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* Entries are @self->sorted from @first on; what follows them is untouched. */
static void expect_entries(struct __test_metadata *_metadata,
			   FIXTURE_DATA(list) * self, size_t first, size_t nr)
{
	struct cordbg_breakpoint *entry = self->list;
	uint8_t *original;
	size_t i;

	for (i = 0; i < nr; i++, entry++) {
		original = self->data + self->sorted[first + i] -
			   ptr_u64(self->data);
		EXPECT_EQ(self->sorted[first + i], entry->address);
		EXPECT_EQ(OPCODE_LEN, entry->length);
		EXPECT_EQ(0, memcmp(original, entry->original, OPCODE_LEN));
		EXPECT_TRUE(all_bytes(entry->original + OPCODE_LEN, 0,
				      CORDBG_OPCODE_MAX - OPCODE_LEN));
	}
	EXPECT_TRUE(all_bytes((uint8_t *)entry, 0xa5, sizeof(*entry)));
}

TEST_F(list, by_ascending_address)
{
	size_t i;

	EXPECT_EQ(0, do_list(self->d.session, 0, self->list, NR + 1,
			     &self->count));
	EXPECT_EQ(NR, self->count);
	expect_entries(_metadata, self, 0, NR);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED | CORDBG_BREAKPOINT_MINE,
			  self->list[i].flags);
}

TEST_F(list, of_another_session)
{
	size_t i;

	EXPECT_EQ(0, do_list(self->other, 0, self->list, NR + 1,
			     &self->count));
	EXPECT_EQ(NR, self->count);
	expect_entries(_metadata, self, 0, NR);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED, self->list[i].flags);
}

/* One entry for a breakpoint that both have, and it is each one's own. */
TEST_F(list, of_both)
{
	ASSERT_EQ(0, do_break(self->other, self->sorted[2]));
	EXPECT_EQ(0, do_list(self->other, self->sorted[2], self->list, 2,
			     &self->count));
	EXPECT_EQ(NR - 2, self->count);
	EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED | CORDBG_BREAKPOINT_MINE,
		  self->list[0].flags);
	EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED, self->list[1].flags);
	EXPECT_EQ(0, do_list(self->d.session, self->sorted[2], self->list, 2,
			     &self->count));
	EXPECT_EQ(NR - 2, self->count);
	EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED | CORDBG_BREAKPOINT_MINE,
		  self->list[0].flags);
	ASSERT_EQ(0, do_clear(self->d.session, self->sorted[2]));
	EXPECT_EQ(0, do_list(self->d.session, self->sorted[2], self->list, 1,
			     &self->count));
	EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED, self->list[0].flags);
}

/* The count is that of all, whatever there is room for. */
TEST_F(list, capacity)
{
	uint32_t capacity;

	for (capacity = 0; capacity <= NR; capacity++) {
		memset(self->list, 0xa5, sizeof(self->list));
		EXPECT_EQ(0, do_list(self->d.session, 0, self->list, capacity,
				     &self->count));
		EXPECT_EQ(NR, self->count);
		expect_entries(_metadata, self, 0, capacity);
	}
}

TEST_F(list, capacity_zero_needs_no_array)
{
	struct cordbg_list_breakpoints arg = {
		.argsz = sizeof(arg),
		.count = POISON32,
	};

	EXPECT_EQ(0, cordbg_ioctl(self->d.session, CORDBG_LIST_BREAKPOINTS,
				  &arg));
	EXPECT_EQ(NR, arg.count);
}

/* At the start address itself, just above it, and beyond the last one. */
TEST_F(list, start)
{
	size_t i;

	for (i = 0; i < NR; i++) {
		EXPECT_EQ(0, do_list(self->d.session, self->sorted[i],
				     self->list, NR + 1, &self->count));
		EXPECT_EQ(NR - i, self->count);
		expect_entries(_metadata, self, i, NR - i);
		EXPECT_EQ(0, do_list(self->d.session, self->sorted[i] + 1,
				     self->list, NR + 1, &self->count));
		EXPECT_EQ(NR - i - 1, self->count);
		expect_entries(_metadata, self, i + 1, NR - i - 1);
	}
	EXPECT_EQ(0, do_list(self->d.session, UINT64_MAX, self->list, NR + 1,
			     &self->count));
	EXPECT_EQ(0, self->count);
	expect_entries(_metadata, self, 0, 0);
}

/* Page through the list, one entry at a time. */
TEST_F(list, cursor)
{
	uint64_t start = 0;
	size_t i;

	for (i = 0; i < NR; i++) {
		ASSERT_EQ(0, do_list(self->d.session, start, self->list, 1,
				     &self->count));
		EXPECT_EQ(NR - i, self->count);
		ASSERT_EQ(self->sorted[i], self->list[0].address);
		start = self->list[0].address + 1;
	}
	EXPECT_EQ(0, do_list(self->d.session, start, self->list, 1,
			     &self->count));
	EXPECT_EQ(0, self->count);
}

/* Original means what the program has now, also where it is the opcode. */
TEST_F(list, original_is_what_was_written)
{
	size_t i;

	memset(self->data, 0xcc, PAGES * 4096);
	ASSERT_EQ(0, do_write(self->other, ptr_u64(self->data), self->data,
			      PAGES * 4096, 0, NULL, NULL));
	EXPECT_EQ(0, do_list(self->d.session, 0, self->list, NR + 1,
			     &self->count));
	EXPECT_EQ(NR, self->count);
	expect_entries(_metadata, self, 0, NR);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(CORDBG_BREAKPOINT_PLANTED | CORDBG_BREAKPOINT_MINE,
			  self->list[i].flags);
}

/* Listing looks at memory and changes nothing in it. */
TEST_F(list, changes_nothing)
{
	uint8_t *before = malloc(PAGES * 4096), *after = malloc(PAGES * 4096);

	ASSERT_TRUE(before && after);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, before, PAGES * 4096));
	EXPECT_EQ(0, do_list(self->d.session, 0, self->list, NR, NULL));
	ASSERT_EQ(0, debuggee_peek(&self->d, self->data, after, PAGES * 4096));
	EXPECT_EQ(0, memcmp(before, after, PAGES * 4096));
}

TEST_F(list, cleared_ones_are_gone)
{
	ASSERT_EQ(0, do_clear(self->d.session, self->sorted[0]));
	EXPECT_EQ(0, do_list(self->d.session, 0, self->list, NR + 1,
			     &self->count));
	EXPECT_EQ(NR - 1, self->count);
	expect_entries(_metadata, self, 1, NR - 1);
}

TEST_F(list, bad_array)
{
	struct cordbg_list_breakpoints arg = {
		.argsz = sizeof(arg),
		.capacity = NR,
	};
	struct cordbg_breakpoint *page = (void *)map_private(page_size());

	ASSERT_TRUE(!!page);
	EXPECT_EQ(-EFAULT, cordbg_ioctl(self->d.session,
					CORDBG_LIST_BREAKPOINTS, &arg));
	arg.breakpoints = UINT64_MAX - 7;
	EXPECT_EQ(-EFAULT, cordbg_ioctl(self->d.session,
					CORDBG_LIST_BREAKPOINTS, &arg));
	ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
	arg.breakpoints = ptr_u64(page);
	EXPECT_EQ(-EFAULT, cordbg_ioctl(self->d.session,
					CORDBG_LIST_BREAKPOINTS, &arg));
}

/* More room than there are breakpoints is not touched, nor has to exist. */
TEST_F(list, more_capacity_than_array)
{
	struct cordbg_list_breakpoints arg = {
		.argsz = sizeof(arg),
		.breakpoints = ptr_u64(self->list),
		.capacity = UINT32_MAX,
	};

	memset(self->list, 0xa5, sizeof(self->list));
	EXPECT_EQ(0, cordbg_ioctl(self->d.session, CORDBG_LIST_BREAKPOINTS,
				  &arg));
	EXPECT_EQ(NR, arg.count);
	expect_entries(_metadata, self, 0, NR);
}

static void set_and_clear(pid_t pid, uint64_t address)
{
	int fd = session_open(pid);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (fd >= 0 && !do_break(fd, address) && !do_clear(fd, address))
		;
	_exit(KSFT_FAIL);
}

/* What is counted is in the array, if there is room, also if it has just come. */
TEST_F_TIMEOUT(list, last_one_comes_and_goes, 60)
{
	uint64_t last = ptr_u64(self->data + PAGES * 4096);
	uint64_t limit = race_end(RACE_MS);
	unsigned long round, times[2] = { };
	pid_t tool = fork();

	ASSERT_LE(0, tool);
	if (!tool)
		set_and_clear(self->d.target.pid, last);
	for (round = 0; now_ms() < limit || round < ENOUGH; round++) {
		ASSERT_EQ(0, do_list(self->d.session, 0, self->list, NR + 1,
				     &self->count));
		ASSERT_TRUE(self->count == NR || self->count == NR + 1);
		times[self->count - NR]++;
		if (self->count > NR)
			ASSERT_EQ(last, self->list[NR].address);
	}
	TH_LOG("%lu rounds without it, %lu with", times[0], times[1]);
	EXPECT_LT(0, times[1]);
	EXPECT_EQ(SIGKILL, child_kill(tool));
}

TEST_HARNESS_MAIN
