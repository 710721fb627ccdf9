// SPDX-License-Identifier: GPL-2.0
/*
 * One mremap(2) of several mappings. Since Linux 6.17 they all move; before, the
 * call is refused. Whatever has moved, no opcode has gone with it.
 */

#include <stdio.h>
#include <sys/utsname.h>

#include "cordbg_uffd.h"
#include "target_memory.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

#define PAGE		4096UL
#define MOVE		(MREMAP_MAYMOVE | MREMAP_FIXED)
#define PER_PAGE	3
#define SPACE		(16 * PAGE)

static const size_t on_page[PER_PAGE] = { 0, 2048, PAGE - OPCODE_LEN };

/* The mappings; before the second there is a gap. */
static const struct mapping {
	size_t offset;
	size_t size;
	int protection;
} mappings[] = {
	{ 0, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC },
	{ 5 * PAGE, 3 * PAGE, PROT_READ | PROT_EXEC },
	{ 8 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE },
};

#define MAPPINGS	(sizeof(mappings) / sizeof(*mappings))
#define SIZE		(10 * PAGE)

static uint8_t model[SIZE];

FIXTURE(several)
{
	struct debuggee d;
	uint8_t *from;
	uint8_t *to;
	bool moves;		/* this kernel can */
};

FIXTURE_VARIANT(several)
{
	int flags;
	bool without[MAPPINGS];	/* breakpoints */
	bool onto;		/* breakpoints where it moves to */
	bool into_nothing;	/* no memory there at all */
};

FIXTURE_VARIANT_ADD(several, all) { .flags = MOVE };
FIXTURE_VARIANT_ADD(several, first_without) {
	.flags = MOVE,
	.without = { true },
};

FIXTURE_VARIANT_ADD(several, second_without) {
	.flags = MOVE,
	.without = { false, true },
};

FIXTURE_VARIANT_ADD(several, last_alone) {
	.flags = MOVE,
	.without = { true, true },
};

FIXTURE_VARIANT_ADD(several, onto_others) { .flags = MOVE, .onto = true };
FIXTURE_VARIANT_ADD(several, into_nothing) {
	.flags = MOVE,
	.into_nothing = true,
};

FIXTURE_VARIANT_ADD(several, not_unmapped) {
	.flags = MOVE | MREMAP_DONTUNMAP,
};

static bool kernel_moves_several(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (!uname(&name))
		sscanf(name.release, "%u.%u", &major, &minor);
	return major > 6 || (major == 6 && minor >= 17);
}

static uint8_t *lay_out(void)
{
	uint8_t *space = map_anon(SPACE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	const struct mapping *m;

	if (!space || munmap(space, SPACE))
		return NULL;
	for (m = mappings; m < mappings + MAPPINGS; m++) {
		if (in_target_map(ptr_u64(space) + m->offset, m->size,
				  PROT_READ | PROT_WRITE))
			return NULL;
		memcpy(space + m->offset, model + m->offset, m->size);
		if (mprotect(space + m->offset, m->size, m->protection))
			return NULL;
	}
	return space;
}

/* Do something with the breakpoints of one mapping; 0, or the first error. */
static int each(int session, uint8_t *at, size_t which,
		int (*action)(int session, uint64_t address))
{
	const struct mapping *m = &mappings[which];
	size_t page, i;
	int err = 0;

	for (page = 0; page < m->size; page += PAGE)
		for (i = 0; !err && i < PER_PAGE; i++)
			err = action(session, ptr_u64(at) + m->offset + page +
					      on_page[i]);
	return err;
}

/* For each(): 0, or what is wrong with the address. */
static int is_planted(int session, uint64_t address)
{
	struct cordbg_breakpoint bp;

	if (find_breakpoint(session, address, &bp) != 1)
		return -ENOENT;
	return bp.flags & CORDBG_BREAKPOINT_PLANTED ? 0 : -EILSEQ;
}

static int is_unknown(int session, uint64_t address)
{
	return do_clear(session, address) == -ENOENT ? 0 : -EEXIST;
}

FIXTURE_SETUP(several)
{
	size_t i;

	self->moves = kernel_moves_several();
	fill_plain(model, SIZE, 11);
	self->from = lay_out();
	self->to = lay_out();
	ASSERT_TRUE(self->from && self->to);
	if (variant->into_nothing)
		ASSERT_EQ(0, munmap(self->to, SIZE));
	ASSERT_EQ(0, debuggee_start(&self->d));
	for (i = 0; i < MAPPINGS; i++) {
		if (!variant->without[i])
			ASSERT_EQ(0, each(self->d.session, self->from, i,
					  do_break));
		if (variant->onto)
			ASSERT_EQ(0, each(self->d.session, self->to, i,
					  do_break));
	}
}

FIXTURE_TEARDOWN(several)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* In the target: 0 or a negative errno. */
static long move_all(unsigned long from, unsigned long to, unsigned long flags)
{
	void *p = mremap((void *)from, SIZE, SIZE, flags, (void *)to);

	return p == MAP_FAILED ? -errno : p == (void *)to ? 0 : -EPROTO;
}

/* Memory as it is holds the program's bytes. */
static bool is_clean(FIXTURE_DATA(several) * self, uint8_t *at, size_t which)
{
	const struct mapping *m = &mappings[which];
	uint8_t seen[4 * PAGE];

	memset(seen, 0xa5, sizeof(seen));
	return !do_read(self->d.session, ptr_u64(at) + m->offset, seen, m->size,
			CORDBG_RAW, NULL, NULL) &&
		!memcmp(seen, model + m->offset, m->size);
}

static void expect_moved(struct __test_metadata *_metadata,
			 FIXTURE_DATA(several) * self, size_t which)
{
	int session = self->d.session;

	EXPECT_TRUE(is_clean(self, self->to, which));
	EXPECT_EQ(0, each(session, self->from, which, is_unknown));
	EXPECT_EQ(0, each(session, self->to, which, is_unknown));
	EXPECT_EQ(0, each(session, self->to, which, do_break));
	EXPECT_EQ(0, each(session, self->to, which, is_planted));
	EXPECT_EQ(0, each(session, self->to, which, do_clear));
	EXPECT_TRUE(is_clean(self, self->to, which));
}

static void expect_stayed(struct __test_metadata *_metadata,
			  FIXTURE_DATA(several) * self, size_t which,
			  bool without)
{
	int session = self->d.session;

	if (!without) {
		EXPECT_EQ(0, each(session, self->from, which, is_planted));
		EXPECT_EQ(0, each(session, self->from, which, do_clear));
	}
	EXPECT_TRUE(is_clean(self, self->from, which));
}

TEST_F(several, move)
{
	size_t i;

	EXPECT_EQ(self->moves ? 0 : -EFAULT,
		  target_call(&self->d.target, move_all, ptr_u64(self->from),
			      ptr_u64(self->to), variant->flags));
	for (i = 0; i < MAPPINGS; i++) {
		if (self->moves)
			expect_moved(_metadata, self, i);
		else
			expect_stayed(_metadata, self, i, variant->without[i]);
	}
	if (self->moves)
		EXPECT_EQ(0, count_breakpoints(self->d.session));
}

/* And back, before anybody has looked. */
static long move_and_return(unsigned long from, unsigned long to,
			    unsigned long flags)
{
	return move_all(from, to, flags) ?: move_all(to, from, flags);
}

TEST_F(several, there_and_back)
{
	uint8_t *from = self->from;
	size_t i;

	EXPECT_EQ(self->moves ? 0 : -EFAULT,
		  target_call(&self->d.target, move_and_return,
			      ptr_u64(self->from), ptr_u64(self->to),
			      variant->flags));
	if (self->moves)
		self->to = from;
	for (i = 0; i < MAPPINGS; i++) {
		if (self->moves)
			expect_moved(_metadata, self, i);
		else
			expect_stayed(_metadata, self, i, variant->without[i]);
	}
}

/* Mappings that userfaultfd(2) watches do not move along with others. */
static long watch_last(unsigned long from, unsigned long b, unsigned long c)
{
	const struct mapping *m = &mappings[MAPPINGS - 1];
	int fd = uffd_register((void *)(from + m->offset), m->size,
			       UFFDIO_REGISTER_MODE_MISSING, 0);

	(void)b;
	(void)c;
	return fd < 0 ? fd : 0;
}

/* The call fails; what came before the last mapping has moved. */
TEST_F(several, but_the_last)
{
	size_t i;

	ASSERT_EQ(0, target_call(&self->d.target, watch_last,
				 ptr_u64(self->from), 0, 0));
	EXPECT_EQ(-EFAULT, target_call(&self->d.target, move_all,
				       ptr_u64(self->from), ptr_u64(self->to),
				       variant->flags));
	for (i = 0; i < MAPPINGS; i++) {
		if (self->moves && i < MAPPINGS - 1)
			expect_moved(_metadata, self, i);
		else
			expect_stayed(_metadata, self, i, variant->without[i]);
	}
}

TEST_HARNESS_MAIN
