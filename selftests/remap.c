// SPDX-License-Identifier: GPL-2.0
/*
 * The program unmaps, moves, protects, drops and rewrites memory with breakpoints
 * in it. What becomes of each breakpoint is decided by what is done and by where
 * it lies: it is kept, or dropped with the memory, or stays listed although its
 * opcode is gone. Opcodes that are carried to another address are put back.
 */

#include "cordbg_uffd.h"
#include "target_fork.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT		21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

#define KSM(name)	("/sys/kernel/mm/ksm/" name)
#define PATIENCE_MS	60000
#define RACE_MS		3000	/* for the rounds of one race */
#define PROT_RWX	(PROT_READ | PROT_WRITE | PROT_EXEC)

/*
 * What is done is done to PAGES pages, from PAGE on, of the CODE_PAGES in the
 * area; breakpoints are on all of them, on the first and last byte too.
 */
#define PAGE		16UL
#define PAGES		16UL
#define RANGE		(PAGE * 4096)
#define RANGE_SIZE	(PAGES * 4096)
#define PER_PAGE	3

static const size_t on_page[PER_PAGE] = { 0, 2048, 4096 - OPCODE_LEN };

static uint8_t *elsewhere;	/* where memory is moved; mapped, no breakpoints */

static unsigned long range(void)
{
	return (unsigned long)code.area + RANGE;
}

/*
 * Functions that run in the target and do something to the range: 0, or where
 * its memory is now, or a negative errno.
 */
static long unmap(void)
{
	return in_target_unmap(range(), RANGE_SIZE, 0);
}

static long map_over(void)
{
	return in_target_map(range(), RANGE_SIZE, PROT_RWX);
}

static long map_file_over(void)
{
	int fd = file_create(code.model, 4096, RANGE_SIZE);
	long err = map_at(range(), RANGE_SIZE, PROT_RWX, MAP_PRIVATE, fd);

	close(fd);
	return err;
}

static long remap(size_t old, size_t new, int flags, void *to)
{
	void *p = mremap((void *)range(), old, new, flags, to);

	return p == MAP_FAILED ? -errno : (long)(uintptr_t)p;
}

/* The next mapping does not let it grow where it is. */
static long move_to_grow(void)
{
	return remap(RANGE_SIZE, 2 * RANGE_SIZE, MREMAP_MAYMOVE, NULL);
}

static long move_fixed(void)
{
	return remap(RANGE_SIZE, RANGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		     elsewhere);
}

static long move_and_shrink(void)
{
	return remap(2 * RANGE_SIZE, RANGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		     elsewhere);
}

static long move_not_unmap(void)
{
	return remap(RANGE_SIZE, RANGE_SIZE,
		     MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		     elsewhere);
}

static long shrink(void)
{
	void *p = mremap(code.area, RANGE + RANGE_SIZE, RANGE, 0);

	return p == code.area ? 0 : -errno;
}

/* Other memory moves over the range. */
static long move_here(void)
{
	void *p = mremap(elsewhere, RANGE_SIZE, RANGE_SIZE,
			 MREMAP_MAYMOVE | MREMAP_FIXED, (void *)range());

	return p == MAP_FAILED ? -errno : 0;
}

static long grow_in_place(void)
{
	uint8_t *end = code.area + CODE_SIZE;
	void *p;

	if (munmap(end, RANGE_SIZE))
		return -errno;
	p = mremap((void *)range(), CODE_SIZE - RANGE,
		   CODE_SIZE - RANGE + RANGE_SIZE, 0);
	return p == MAP_FAILED ? -errno : 0;
}

/* Each fails in another place. */
static long fail_to_move(void)
{
	uint8_t *end = code.area + CODE_SIZE;
	long err;

	err = remap(RANGE_SIZE, RANGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    (void *)(range() + 4096));
	if (err != -EINVAL)
		return -EPROTO;
	err = remap(RANGE_SIZE, 2 * RANGE_SIZE, 0, NULL);
	if (err != -ENOMEM)
		return -EPROTO;
	if (munmap(end, 4096))
		return -errno;
	err = remap(CODE_SIZE - RANGE + 4096, 2 * CODE_SIZE, MREMAP_MAYMOVE,
		    NULL);
	if (err != -EFAULT)
		return -EPROTO;
	err = remap(RANGE_SIZE, (size_t)-4096, MREMAP_MAYMOVE, NULL);
	return err == -ENOMEM || err == -EINVAL ? 0 : -EPROTO;
}

static long protect(int prot)
{
	return in_target_protect(range(), RANGE_SIZE, prot);
}

static long protect_read_only(void)
{
	return protect(PROT_READ);
}

static long protect_none(void)
{
	return protect(PROT_NONE);
}

static long protect_and_back(void)
{
	return protect(PROT_NONE) ?: protect(PROT_READ) ?: protect(PROT_RWX);
}

static long give_up(void)
{
	return in_target_advise(range(), RANGE_SIZE, MADV_DONTNEED);
}

static long rewrite(void)
{
	memcpy((void *)range(), code.model + RANGE, RANGE_SIZE);
	return 0;
}

/* Without swap space this looks at all pages and keeps them. */
static long page_out(void)
{
	return in_target_advise(range(), RANGE_SIZE, MADV_PAGEOUT);
}

/* What becomes of the breakpoints in the range. */
enum fate {
	KEPT,		/* nothing */
	DROPPED,	/* not listed; ENOENT */
	NOT_PLANTED,	/* listed, but the opcode is gone */
};

FIXTURE(range)
{
	struct debuggee d;
	uint8_t *seen;
};

FIXTURE_VARIANT(range)
{
	long (*make)(void);
	enum fate fate;
	bool unmapped;		/* there is nothing at the old address */
	bool zeroed;		/* there are zeroes */
	bool moved;		/* the memory is at the address returned */
	size_t more;		/* bytes after the range that share its fate */
};

FIXTURE_VARIANT_ADD(range, munmap) {
	.make = unmap,
	.fate = DROPPED,
	.unmapped = true,
};

FIXTURE_VARIANT_ADD(range, mmap_over) {
	.make = map_over,
	.fate = DROPPED,
	.zeroed = true,
};

FIXTURE_VARIANT_ADD(range, mmap_file_over) {
	.make = map_file_over,
	.fate = DROPPED,
};

FIXTURE_VARIANT_ADD(range, mremap_to_grow) {
	.make = move_to_grow,
	.fate = DROPPED,
	.unmapped = true,
	.moved = true,
};

FIXTURE_VARIANT_ADD(range, mremap_fixed) {
	.make = move_fixed,
	.fate = DROPPED,
	.unmapped = true,
	.moved = true,
};

FIXTURE_VARIANT_ADD(range, mremap_move_and_shrink) {
	.make = move_and_shrink,
	.fate = DROPPED,
	.unmapped = true,
	.moved = true,
	.more = RANGE_SIZE,
};

FIXTURE_VARIANT_ADD(range, mremap_dontunmap) {
	.make = move_not_unmap,
	.fate = DROPPED,
	.zeroed = true,
	.moved = true,
};

FIXTURE_VARIANT_ADD(range, mremap_over) {
	.make = move_here,
	.fate = DROPPED,
	.zeroed = true,
};

FIXTURE_VARIANT_ADD(range, mremap_to_shrink) {
	.make = shrink,
	.fate = DROPPED,
	.unmapped = true,
};

FIXTURE_VARIANT_ADD(range, mremap_in_place) { .make = grow_in_place };
FIXTURE_VARIANT_ADD(range, mremap_fails) { .make = fail_to_move };
FIXTURE_VARIANT_ADD(range, mprotect_read_only) { .make = protect_read_only };
FIXTURE_VARIANT_ADD(range, mprotect_none) { .make = protect_none };
FIXTURE_VARIANT_ADD(range, mprotect_and_back) { .make = protect_and_back };
FIXTURE_VARIANT_ADD(range, pageout) { .make = page_out };
FIXTURE_VARIANT_ADD(range, dontneed) {
	.make = give_up,
	.fate = NOT_PLANTED,
	.zeroed = true,
};

FIXTURE_VARIANT_ADD(range, rewritten) { .make = rewrite, .fate = NOT_PLANTED };

/* The area, and another mapping right after it. */
static int area_map(void)
{
	uint8_t *space = map_anon(CODE_SIZE + RANGE_SIZE, PROT_READ,
				  MAP_PRIVATE);

	elsewhere = map_private(2 * RANGE_SIZE);
	if (!space || !elsewhere || code_map())
		return -ENOMEM;
	if (mremap(code.area, CODE_SIZE, CODE_SIZE,
		   MREMAP_MAYMOVE | MREMAP_FIXED, space) != space)
		return -errno;
	code.area = space;
	return 0;
}

static int break_page(int session, unsigned long page)
{
	int i, err = 0;

	for (i = 0; !err && i < PER_PAGE; i++)
		err = do_break(session, code_at(0) + page * 4096 + on_page[i]);
	return err;
}

FIXTURE_SETUP(range)
{
	unsigned long page;

	self->seen = malloc(CODE_SIZE);
	ASSERT_TRUE(!!self->seen);
	ASSERT_EQ(0, area_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
	for (page = 0; page < CODE_PAGES; page++)
		ASSERT_EQ(0, break_page(self->d.session, page));
}

FIXTURE_TEARDOWN(range)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
	free(self->seen);
}

/* Call a function of no arguments in the target. */
static long call_plain(unsigned long function, unsigned long b, unsigned long c)
{
	(void)b;
	(void)c;
	return ((long (*)(void))function)();
}

static long run_in(struct target *target, long (*function)(void))
{
	return target_call(target, call_plain, (unsigned long)function, 0, 0);
}

/* Whether a breakpoint on @page shares the fate of the range. */
static bool affected(const FIXTURE_VARIANT(range) * variant, unsigned long page)
{
	return page >= PAGE && page < PAGE + PAGES + variant->more / 4096;
}

static void expect_fate(struct __test_metadata *_metadata, int session,
			uint64_t at, enum fate fate)
{
	struct cordbg_breakpoint bp;

	if (fate == DROPPED) {
		EXPECT_EQ(0, find_breakpoint(session, at, &bp));
		return;
	}
	ASSERT_EQ(1, find_breakpoint(session, at, &bp));
	EXPECT_EQ(CORDBG_BREAKPOINT_MINE |
		  (fate == KEPT ? CORDBG_BREAKPOINT_PLANTED : 0), bp.flags);
}

/* Every breakpoint has met its fate, and clearing it works accordingly. */
static void judge_breakpoints(struct __test_metadata *_metadata, int session,
			      const FIXTURE_VARIANT(range) * variant)
{
	unsigned long page;
	enum fate fate;
	uint64_t at;
	int i;

	for (page = 0; page < CODE_PAGES; page++) {
		fate = affected(variant, page) ? variant->fate : KEPT;
		for (i = 0; i < PER_PAGE; i++) {
			at = code_at(0) + page * 4096 + on_page[i];
			expect_fate(_metadata, session, at, fate);
			EXPECT_EQ(fate == DROPPED ? -ENOENT : 0,
				  do_clear(session, at));
		}
	}
	EXPECT_EQ(0, count_breakpoints(session));
}

/* Read memory as it is, whatever its protection. */
static int look(int session, const uint8_t *address, uint8_t *seen, size_t size)
{
	return do_read(session, ptr_u64(address), seen, size,
		       CORDBG_RAW | CORDBG_FORCE, NULL, NULL);
}

/* There is no opcode any more, in the range or outside of it. */
static void judge_memory(struct __test_metadata *_metadata,
			 FIXTURE_DATA(range) * self,
			 const FIXTURE_VARIANT(range) * variant)
{
	size_t behind = RANGE + RANGE_SIZE + variant->more;
	uint8_t expected[RANGE_SIZE];

	ASSERT_EQ(0, look(self->d.session, code.area, self->seen, RANGE));
	EXPECT_EQ(0, memcmp(self->seen, code.model, RANGE));
	ASSERT_EQ(0, look(self->d.session, code.area + behind, self->seen,
			  CODE_SIZE - behind));
	EXPECT_EQ(0, memcmp(self->seen, code.model + behind,
			    CODE_SIZE - behind));
	if (variant->unmapped) {
		EXPECT_EQ(-ENXIO, look(self->d.session, code.area + RANGE,
				       self->seen, RANGE_SIZE));
		return;
	}
	ASSERT_EQ(0, look(self->d.session, code.area + RANGE, self->seen,
			  RANGE_SIZE));
	memcpy(expected, code.model + RANGE, RANGE_SIZE);
	if (variant->zeroed || variant->make == map_file_over)
		memset(expected, 0, RANGE_SIZE);
	if (variant->make == map_file_over)
		memcpy(expected, code.model, 4096);
	EXPECT_EQ(0, memcmp(self->seen, expected, RANGE_SIZE));
}

static long in_target_run(unsigned long address, unsigned long size,
			  unsigned long unused)
{
	unsigned long i;

	(void)unused;
	for (i = 0; i < size; i += 4 * 4096)
		code_call((uint8_t *)address + i);
	return memcmp((void *)address, code.model + RANGE, size) ? -EILSEQ : 0;
}

TEST_F(range, fate_and_clear)
{
	long where = run_in(&self->d.target, variant->make);

	if (variant->moved) {
		ASSERT_EQ(0, where % 4096);
		EXPECT_EQ(0, target_call(&self->d.target, in_target_run, where,
					 RANGE_SIZE, 0));
	} else {
		ASSERT_EQ(0, where);
	}
	judge_breakpoints(_metadata, self->d.session, variant);
	judge_memory(_metadata, self, variant);
}

/* The end of the session does the same, and the list takes new breakpoints. */
TEST_F(range, close)
{
	uint64_t at = code_at(0) + RANGE + 2048;
	long where;

	where = run_in(&self->d.target, variant->make);
	if (variant->fate == DROPPED && !variant->unmapped) {
		EXPECT_EQ(0, do_break(self->d.session, at));
		EXPECT_EQ(-EEXIST, do_break(self->d.session, at));
	}
	close(self->d.session);
	self->d.session = session_open(self->d.target.pid);
	ASSERT_LE(0, self->d.session);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	if (variant->moved)
		EXPECT_EQ(0, target_call(&self->d.target, in_target_run, where,
					 RANGE_SIZE, 0));
	judge_memory(_metadata, self, variant);
}

/* A child forked afterwards is clean at the old and at the new address. */
static long in_target_moved_child(unsigned long where, unsigned long b,
				  unsigned long c)
{
	pid_t pid = fork();

	(void)b;
	(void)c;
	if (!pid) {
		if (memcmp(code.area, code.model, RANGE))
			_exit(EILSEQ);
		if (where && in_target_run(where, RANGE_SIZE, 0))
			_exit(ENOTRECOVERABLE);
		_exit(0);
	}
	return pid < 0 ? -errno : child_result(pid);
}

TEST_F(range, child)
{
	long where = run_in(&self->d.target, variant->make);

	EXPECT_EQ(0, target_call(&self->d.target, in_target_moved_child,
				 variant->moved ? where : 0, 0, 0));
}

/*
 * The same against a tool that sets, writes, reads and clears all the time, in the
 * range and outside of it. The target does it and undoes it, over and over.
 */
/**
 * struct racing - what the test and the target share during a race
 * @stop: The target is to end.
 * @rounds: Of the target.
 * @wrong: Where the target saw something wrong, or 0.
 */
static struct racing {
	int stop;
	unsigned long rounds;
	int wrong;
} *racing;

/* Bring the range back as it was at the start. */
static long undo_with_model(void)
{
	return in_target_map(range(), RANGE_SIZE, PROT_RWX) ?: rewrite();
}

static long undo_move(void)
{
	void *p = mremap(elsewhere, RANGE_SIZE, RANGE_SIZE,
			 MREMAP_MAYMOVE | MREMAP_FIXED, (void *)range());

	return p == MAP_FAILED ? -errno : 0;
}

static long undo_protect(void)
{
	return protect(PROT_RWX);
}

/* The tool does not touch the new address: moved memory is clean there. */
static bool moved_clean(void)
{
	return !in_target_run((unsigned long)elsewhere, RANGE_SIZE, 0);
}

FIXTURE(racing)
{
	struct debuggee d;
	uint8_t *seen;
};

FIXTURE_VARIANT(racing)
{
	long (*make)(void);
	long (*undo)(void);
	bool moved;
};

FIXTURE_VARIANT_ADD(racing, munmap) { .make = unmap, .undo = undo_with_model };
FIXTURE_VARIANT_ADD(racing, mmap_over) {
	.make = map_over,
	.undo = undo_with_model,
};

FIXTURE_VARIANT_ADD(racing, mremap) {
	.make = move_fixed,
	.undo = undo_move,
	.moved = true,
};

FIXTURE_VARIANT_ADD(racing, mremap_dontunmap) {
	.make = move_not_unmap,
	.undo = undo_move,
	.moved = true,
};

FIXTURE_VARIANT_ADD(racing, mprotect) {
	.make = protect_none,
	.undo = undo_protect,
};

FIXTURE_VARIANT_ADD(racing, dontneed) { .make = give_up, .undo = rewrite };
FIXTURE_VARIANT_ADD(racing, rewritten) { .make = rewrite, .undo = rewrite };
FIXTURE_VARIANT_ADD(racing, pageout) { .make = page_out, .undo = page_out };

FIXTURE_SETUP(racing)
{
	racing = (void *)map_anon(sizeof(*racing), PROT_READ | PROT_WRITE,
				  MAP_SHARED);
	self->seen = malloc(CODE_SIZE);
	ASSERT_TRUE(racing && self->seen);
	ASSERT_EQ(0, area_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(racing)
{
	racing->stop = 1;
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

static bool race_over(void)
{
	return __atomic_load_n(&racing->stop, __ATOMIC_SEQ_CST);
}

/* Addresses may be negative too. */
static bool is_error(long result)
{
	return (unsigned long)result >= -4095UL;
}

/* In the target: the result is the first error, or the line of a wrong byte. */
static long do_and_undo(unsigned long make, unsigned long undo,
			unsigned long moved)
{
	long err;

	while (!race_over()) {
		err = ((long (*)(void))make)();
		if (is_error(err))
			return err;
		if (moved && !moved_clean())
			return -EILSEQ;
		err = ((long (*)(void))undo)();
		if (is_error(err))
			return err;
		__atomic_add_fetch(&racing->rounds, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

/* The documented errors of memory that comes and goes. */
static bool comes_and_goes(int err)
{
	return !err || err == -ENXIO || err == -EACCES;
}

/* A round of the tool at one address: 0, or the line of what is wrong. */
static int tool_round(int session, uint64_t at, const uint8_t *own)
{
	uint8_t bytes[64];
	int err;

	err = do_break(session, at);
	if (err != -EEXIST && !comes_and_goes(err))
		return __LINE__;
	if (!comes_and_goes(do_write(session, at, own, OPCODE_LEN, CORDBG_FORCE,
				     NULL, NULL)))
		return __LINE__;
	if (!comes_and_goes(do_read(session, at & ~63ULL, bytes, sizeof(bytes),
				    0, NULL, NULL)))
		return __LINE__;
	err = do_clear(session, at);
	return !err || err == -ENOENT ? 0 : __LINE__;
}

/* Every round acts at 4 addresses, 3 of them in the range. */
#define RACE_ENOUGH	200

static bool race_goes_on(uint64_t limit, unsigned long round)
{
	return more_rounds(limit, round, RACE_ENOUGH) ||
	       more_rounds(limit, racing->rounds, RACE_ENOUGH / 10);
}

TEST_F_TIMEOUT(racing, nothing_stays, 200)
{
	uint64_t limit = race_end(RACE_MS);
	unsigned long round, n;
	int i, line = 0;

	ASSERT_EQ(0, target_begin(&self->d.target, do_and_undo,
				  (unsigned long)variant->make,
				  (unsigned long)variant->undo,
				  variant->moved));
	for (round = 0; !line && race_goes_on(limit, round); round++) {
		for (i = 0; !line && i < 4; i++) {
			n = (i ? RANGE + (round * 13 + i * 997) * OPCODE_LEN %
			     RANGE_SIZE :
			     round * OPCODE_LEN % RANGE);
			line = tool_round(self->d.session, code_at(0) + n,
					  code.model + n);
		}
	}
	racing->stop = 1;
	EXPECT_EQ(0, line);
	EXPECT_EQ(0, target_result(&self->d.target));
	TH_LOG("%lu rounds of the tool, %lu of the target", round,
	       racing->rounds);
	ASSERT_LE(RACE_ENOUGH, round);
	ASSERT_LE(RACE_ENOUGH / 10, racing->rounds);
	close(self->d.session);
	self->d.session = session_open(self->d.target.pid);
	ASSERT_LE(0, self->d.session);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	ASSERT_EQ(0, look(self->d.session, code.area, self->seen, CODE_SIZE));
	EXPECT_EQ(0, memcmp(self->seen, code.model, RANGE));
	EXPECT_EQ(NULL, memchr(self->seen + RANGE, opcode[0], RANGE_SIZE));
	if (variant->make != give_up)
		EXPECT_EQ(0, memcmp(self->seen, code.model, CODE_SIZE));
}

FIXTURE(plain)
{
	struct debuggee d;
	uint8_t *seen;
};

FIXTURE_SETUP(plain)
{
	racing = (void *)map_anon(sizeof(*racing), PROT_READ | PROT_WRITE,
				  MAP_SHARED);
	self->seen = malloc(CODE_SIZE);
	ASSERT_TRUE(racing && self->seen);
	ASSERT_EQ(0, area_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(plain)
{
	racing->stop = 1;
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* Forks while memory is being moved: the child is clean at both addresses. */
static void *fork_and_judge(void *unused)
{
	pid_t pid;

	while (!race_over()) {
		pid = fork();
		if (!pid)
			_exit(memchr(code.area, opcode[0], RANGE) ||
			      in_target_run((unsigned long)elsewhere,
					    RANGE_SIZE, 0) ? EILSEQ : 0);
		if (child_result(pid))
			racing->wrong = __LINE__;
		__atomic_add_fetch(&racing->rounds, 1, __ATOMIC_SEQ_CST);
	}
	return unused;
}

/* Move over what was moved before, whose bytes are the same. */
static long move_a_copy(unsigned long a, unsigned long b, unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	return is_error(move_fixed()) ? -errno : undo_with_model();
}

#define FORKED_ROUNDS	500
#define FORKED_ENOUGH	5

TEST_F_TIMEOUT(plain, moved_while_forking, 200)
{
	struct target *target = &self->d.target;
	uint64_t limit;
	unsigned long round, page;

	ASSERT_EQ(0, target_call(target, move_a_copy, 0, 0, 0));
	ASSERT_EQ(0, target_call(target, in_target_thread,
				 (unsigned long)fork_and_judge, 0, 0));
	limit = race_end(RACE_MS);
	for (round = 0; round < FORKED_ROUNDS &&
	     (more_rounds(limit, round, FORKED_ENOUGH) ||
	      racing->rounds < FORKED_ENOUGH); round++) {
		for (page = PAGE; page < PAGE + PAGES; page++)
			ASSERT_EQ(0, break_page(self->d.session, page));
		ASSERT_EQ(0, target_call(target, move_a_copy, 0, 0, 0));
	}
	racing->stop = 1;
	TH_LOG("%lu moves, %lu forks", round, racing->rounds);
	EXPECT_EQ(0, racing->wrong);
	ASSERT_LE(FORKED_ENOUGH, round);
	ASSERT_LE(FORKED_ENOUGH, racing->rounds);
}

/* Move one page away, which leaves an empty one, and back over that. */
static void *move_for_ever(void *unused)
{
	void *page = (void *)range();

	while (!race_over() && !racing->wrong) {
		if (mremap(page, 4096, 4096,
			   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			   elsewhere) != elsewhere ||
		    memcmp(elsewhere, code.model + RANGE, 4096) ||
		    mremap(elsewhere, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
			   page) != page)
			racing->wrong = __LINE__;
		__atomic_add_fetch(&racing->rounds, 1, __ATOMIC_SEQ_CST);
	}
	return unused;
}

#define MOVED_ROUNDS	40000
#define MOVED_ENOUGH	1000
#define MOVES_ENOUGH	50

/*
 * The page that a SET found at the address is back there when it is looked for, but
 * the breakpoint belongs to the empty page and was dropped with that.
 */
TEST_F_TIMEOUT(plain, moved_there_and_back, 200)
{
	uint64_t limit = now_ms() + 2 * RACE_MS, at = code_at(0) + RANGE;
	unsigned long round;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_thread,
				 (unsigned long)move_for_ever, 0, 0));
	for (round = 0; round < MOVED_ROUNDS && !racing->wrong &&
	     more_rounds(limit, round, MOVED_ENOUGH); round++) {
		if (comes_and_goes(do_break(self->d.session, at)))
			do_clear(self->d.session, at);
	}
	TH_LOG("%lu breakpoints, %lu moves", round, racing->rounds);
	EXPECT_EQ(0, racing->wrong);
	EXPECT_LE(MOVES_ENOUGH, racing->rounds);
}

/*
 * Code that rewrites itself under a breakpoint that comes and goes: no store of
 * the program is lost, and none is undone.
 */
static void *rewrite_for_ever(void *unused)
{
	uint32_t *word = (void *)(code.area + 64);
	uint32_t n = 0;

	while (!race_over()) {
		n++;
		__atomic_store_n(word, n & 0x7f7f7f7f, __ATOMIC_RELAXED);
		__atomic_store_n(&racing->rounds, n, __ATOMIC_SEQ_CST);
	}
	return unused;
}

/* 5000 times a breakpoint is set and cleared while the program stores. */
#define REWRITE_ROUNDS	5000
#define REWRITE_ENOUGH	300

TEST_F_TIMEOUT(plain, rewriting_code, 200)
{
	uint64_t limit = race_end(RACE_MS);
	unsigned long round;
	uint32_t word;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_thread,
				 (unsigned long)rewrite_for_ever, 0, 0));
	for (round = 0; round < REWRITE_ROUNDS &&
	     more_rounds(limit, round, REWRITE_ENOUGH); round++) {
		uint64_t at = code_at(0) + 64 + (OPCODE_LEN == 1 ? round % 4 : 0);

		ASSERT_EQ(0, do_break(self->d.session, at));
		ASSERT_EQ(0, do_clear(self->d.session, at));
	}
	racing->stop = 1;
	usleep(200000);
	ASSERT_EQ(0, look(self->d.session, code.area + 64, (uint8_t *)&word,
			  sizeof(word)));
	EXPECT_EQ((uint32_t)racing->rounds & 0x7f7f7f7f, word);
	TH_LOG("%lu rounds, %lu stores", round, racing->rounds);
	ASSERT_LE(REWRITE_ENOUGH, round);
	ASSERT_LE(REWRITE_ENOUGH, racing->rounds);
}

/* The heap shrinks: what lay behind its new end is dropped. */
static long in_target_break(unsigned long by, unsigned long b, unsigned long c)
{
	void *p = sbrk((long)by);

	(void)b;
	(void)c;
	if (p == (void *)-1)
		return -errno;
	if ((long)by > 0)
		memset(p, 0x17, by);
	return (long)(uintptr_t)p;
}

TEST_F(plain, brk)
{
	struct target *target = &self->d.target;
	long at = target_call(target, in_target_break, 16 * 4096, 0, 0);
	struct cordbg_breakpoint bp;

	ASSERT_TRUE(at > 0 || at < -4095);
	at = (at + 4095) & -4096;
	ASSERT_EQ(0, break_each(self->d.session, (unsigned long)at, 4096, 15));
	target_call(target, in_target_break, -8 * 4096UL, 0, 0);
	EXPECT_EQ(8, count_breakpoints(self->d.session));
	EXPECT_EQ(1, find_breakpoint(self->d.session, (unsigned long)at, &bp));
	EXPECT_EQ(-ENOENT, do_clear(self->d.session,
				    (unsigned long)at + 14 * 4096));
	target_call(target, in_target_break, 8 * 4096, 0, 0);
	EXPECT_EQ(0, clear_each(self->d.session, (unsigned long)at, 4096, 8));
	ASSERT_EQ(0, look(self->d.session, (uint8_t *)at, self->seen,
			  14 * 4096));
	EXPECT_TRUE(all_bytes(self->seen, 0x17, 14 * 4096));
}

/*
 * Pages that the program itself has write-protected with userfaultfd(2), to learn
 * about its own writes.
 */
static long in_target_track(unsigned long address, unsigned long size,
			    unsigned long unused)
{
	struct uffdio_writeprotect wp = {
		.range = { address, size },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int fd = uffd_register((void *)address, size, UFFDIO_REGISTER_MODE_WP,
			       UFFD_FEATURE_PAGEFAULT_FLAG_WP);

	(void)unused;
	if (fd < 0)
		return fd;
	return ioctl(fd, UFFDIO_WRITEPROTECT, &wp) ? -errno : fd;
}

static long in_target_untrack(unsigned long fd, unsigned long b, unsigned long c)
{
	(void)b;
	(void)c;
	return close(fd) ? -errno : 0;
}

/* Either it is cleared, or it stays and is not forgotten. */
TEST_F(plain, write_tracked)
{
	uint64_t at = code_at(0) + RANGE + 100 * OPCODE_LEN;
	long fd;
	int err;

	if (!uffd_has_wp())
		SKIP(return, NO_UFFD_WP);
	ASSERT_EQ(0, do_break(self->d.session, at));
	fd = target_call(&self->d.target, in_target_track, range(), 4096, 0);
	ASSERT_LE(0, fd);
	err = do_clear(self->d.session, at);
	TH_LOG("clear: %d", err);
	if (!err)
		EXPECT_TRUE(target_intact(&self->d.target));
	EXPECT_EQ(err ? 1 : 0, count_breakpoints(self->d.session));
	ASSERT_EQ(0, target_call(&self->d.target, in_target_untrack, fd, 0, 0));
	if (err)
		EXPECT_EQ(0, do_clear(self->d.session, at));
	EXPECT_TRUE(target_intact(&self->d.target));
}

/* The session ends while the pages are protected, which ends a while later. */
static int close_session(void *data)
{
	int *session = data;

	return close(*session) ? -errno : 0;
}

TEST_F(plain, close_of_write_tracked)
{
	uint64_t at = code_at(0) + RANGE + 100 * OPCODE_LEN;
	pid_t late;
	long fd;

	if (!uffd_has_wp())
		SKIP(return, NO_UFFD_WP);
	ASSERT_EQ(0, do_break(self->d.session, at));
	fd = target_call(&self->d.target, in_target_track, range(), 4096, 0);
	ASSERT_LE(0, fd);
	/* The copy in the other process is the last. */
	late = fork();
	if (!late) {
		usleep(50000);
		_exit(-close_session(&self->d.session));
	}
	close(self->d.session);
	self->d.session = -1;
	usleep(500000);
	ASSERT_EQ(0, target_call(&self->d.target, in_target_untrack, fd, 0, 0));
	EXPECT_EQ(0, child_result(late));
	EXPECT_TRUE(target_intact(&self->d.target));
}

/*
 * Equal pages become one, with an opcode in each: they stay separate breakpoints
 * of separate pages.
 */
static long in_target_merge(unsigned long address, unsigned long size,
			    unsigned long unused)
{
	(void)unused;
	return in_target_advise(address, size, MADV_MERGEABLE);
}

static int wait_for_merged(long pages)
{
	uint64_t limit = now_ms() + PATIENCE_MS;

	while (read_setting(KSM("pages_sharing")) < pages) {
		if (now_ms() > limit)
			return -ETIMEDOUT;
		usleep(10000);
	}
	return 0;
}

TEST_F_TIMEOUT(plain, merged, 200)
{
	struct target *target = &self->d.target;
	uint64_t at = code_at(0) + RANGE + 100 * OPCODE_LEN;
	struct cordbg_breakpoint bp;
	unsigned long i;
	long run;

	for (i = 1; i < PAGES; i++)
		ASSERT_EQ(0, target_call(target, in_target_copy,
					 range() + i * 4096, range(), 4096));
	ASSERT_EQ(0, break_each(self->d.session, at, 4096, PAGES));
	ASSERT_EQ(0, exchange_setting(KSM("run"), 1, &run));
	ASSERT_EQ(0, write_setting(KSM("sleep_millisecs"), 1));
	ASSERT_EQ(0, target_call(target, in_target_merge, range(), RANGE_SIZE,
				 0));
	EXPECT_EQ(0, wait_for_merged(PAGES / 2));
	for (i = 0; i < PAGES; i++) {
		ASSERT_EQ(1, find_breakpoint(self->d.session, at + i * 4096,
					     &bp));
		EXPECT_EQ(CORDBG_BREAKPOINT_MINE | CORDBG_BREAKPOINT_PLANTED,
			  bp.flags);
	}
	EXPECT_EQ(0, do_clear(self->d.session, at));
	ASSERT_EQ(0, look(self->d.session, code.area + RANGE, self->seen,
			  RANGE_SIZE));
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(i ? opcode[0] : code.model[RANGE + 100 * OPCODE_LEN],
			  self->seen[i * 4096 + 100 * OPCODE_LEN]);
	EXPECT_EQ(0, wait_for_merged(PAGES / 2));
	EXPECT_EQ(0, clear_each(self->d.session, at + 4096, 4096, PAGES - 1));
	ASSERT_EQ(0, look(self->d.session, code.area + RANGE, self->seen,
			  RANGE_SIZE));
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(0, memcmp(self->seen + i * 4096, code.model + RANGE,
				    4096));
	EXPECT_EQ(0, write_setting(KSM("run"), run));
}

/*
 * A huge page that is split, and one that is made.
 */
static uint8_t *huge;

static long huge_in_use(void)
{
	return huge_kilobytes((unsigned long)huge, HUGE_SIZE);
}

static long huge_fill(void)
{
	madvise(huge, HUGE_SIZE, MADV_DONTNEED);
	memset(huge, 0x13, HUGE_SIZE);
	return 0;
}

/* The program's pages become one: fails where one is held, for a moment. */
static long huge_collapse(void)
{
	int tries;

	for (tries = 0; tries < 200; tries++) {
		if (!madvise(huge, HUGE_SIZE, MADV_COLLAPSE))
			return 0;
		usleep(1000);
	}
	return -errno;
}

static long huge_split(void)
{
	return mprotect(huge + 4096, 4096, PROT_READ) ? -errno : 0;
}

static long huge_unmap_page(void)
{
	return munmap(huge + 4096, 4096) ? -errno : 0;
}

static long huge_drop_page(void)
{
	return madvise(huge + 4096, 4096, MADV_DONTNEED) ? -errno : 0;
}

static long huge_move_page(void)
{
	void *p = mremap(huge + 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
			 elsewhere);

	return p == MAP_FAILED ? -errno : 0;
}

FIXTURE(huge)
{
	struct debuggee d;
	uint8_t *seen;
};

FIXTURE_VARIANT(huge)
{
	long (*make)(void);
	bool small;		/* it begins as small pages */
	enum fate fate;		/* of the breakpoint in the second page */
	long kilobytes;		/* in huge pages, afterwards */
};

FIXTURE_VARIANT_ADD(huge, collapse) {
	.make = huge_collapse,
	.small = true,
	.kilobytes = HUGE_SIZE / 1024,
};

FIXTURE_VARIANT_ADD(huge, split_by_mprotect) { .make = huge_split };
FIXTURE_VARIANT_ADD(huge, split_by_munmap) {
	.make = huge_unmap_page,
	.fate = DROPPED,
};

FIXTURE_VARIANT_ADD(huge, split_by_dontneed) {
	.make = huge_drop_page,
	.fate = NOT_PLANTED,
};

FIXTURE_VARIANT_ADD(huge, split_by_mremap) {
	.make = huge_move_page,
	.fate = DROPPED,
};

FIXTURE_SETUP(huge)
{
	struct target *target;

	if (!has_huge_pages())
		SKIP(return, "no transparent huge pages");
	huge = map_before_huge(0);
	elsewhere = map_private(4096);
	self->seen = malloc(HUGE_SIZE);
	ASSERT_TRUE(huge && elsewhere && self->seen);
	ASSERT_EQ(0, madvise(huge, HUGE_SIZE,
			     variant->small ? MADV_NOHUGEPAGE : MADV_HUGEPAGE));
	ASSERT_EQ(0, debuggee_start(&self->d));
	target = &self->d.target;
	ASSERT_EQ(0, run_in(target, huge_fill));
	ASSERT_EQ(variant->small ? 0 : (long)HUGE_SIZE / 1024,
		  run_in(target, huge_in_use));
	if (variant->small)
		ASSERT_EQ(0, target_call(target, in_target_advise,
					 (unsigned long)huge, HUGE_SIZE,
					 MADV_HUGEPAGE));
	ASSERT_EQ(0, break_each(self->d.session, ptr_u64(huge) + 20, 4096,
				HUGE_SIZE / 4096));
}

FIXTURE_TEARDOWN(huge)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
	free(self->seen);
}

TEST_F_TIMEOUT(huge, fate_and_clear, 200)
{
	struct target *target = &self->d.target;
	size_t i;

	ASSERT_EQ(0, run_in(target, variant->make));
	if (variant->kilobytes)
		EXPECT_EQ(variant->kilobytes, run_in(target, huge_in_use));
	for (i = 0; i < HUGE_SIZE / 4096; i++) {
		uint64_t at = ptr_u64(huge) + i * 4096 + 20;
		enum fate fate = i == 1 ? variant->fate : KEPT;

		expect_fate(_metadata, self->d.session, at, fate);
		EXPECT_EQ(fate == DROPPED ? -ENOENT : 0,
			  do_clear(self->d.session, at));
	}
	for (i = 0; i < HUGE_SIZE / 4096; i++) {
		if (i == 1 && variant->fate != KEPT)
			continue;
		ASSERT_EQ(0, look(self->d.session, huge + i * 4096, self->seen,
				  4096));
		EXPECT_TRUE(all_bytes(self->seen, 0x13, 4096));
	}
	if (variant->make == huge_move_page) {
		ASSERT_EQ(0, look(self->d.session, elsewhere, self->seen,
				  4096));
		EXPECT_TRUE(all_bytes(self->seen, 0x13, 4096));
	}
}

/* Split and collapse, over and over, while a tool sets and clears: for 1 s. */
static long huge_again(unsigned long a, unsigned long b, unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	while (!race_over()) {
		if (mprotect(huge + 4096, 4096, PROT_READ) ||
		    mprotect(huge + 4096, 4096, PROT_READ | PROT_WRITE))
			return -errno;
		if (!madvise(huge, HUGE_SIZE, MADV_COLLAPSE))
			__atomic_add_fetch(&racing->rounds, 1,
					   __ATOMIC_SEQ_CST);
	}
	return 0;
}

TEST_F_TIMEOUT(huge, race, 200)
{
	struct target *target = &self->d.target;
	uint8_t byte = 0x13;
	unsigned long round;
	uint64_t limit, at;

	racing = (void *)self->d.window;
	memset(racing, 0, sizeof(*racing));
	ASSERT_EQ(0, clear_each(self->d.session, ptr_u64(huge) + 20, 4096,
				HUGE_SIZE / 4096));
	/* The window of the test is where the target has it. */
	ASSERT_EQ(0, debuggee_poke(&self->d, &racing, &racing,
				   sizeof(racing)));
	memset(racing, 0, sizeof(*racing));
	ASSERT_EQ(0, target_begin(target, huge_again, 0, 0, 0));
	limit = race_end(RACE_MS / 3);
	for (round = 0; more_rounds(limit, round, RACE_ENOUGH) ||
	     !racing->rounds; round++) {
		at = ptr_u64(huge) + round * 4099 % HUGE_SIZE;
		at &= ~(uint64_t)(OPCODE_LEN - 1);
		ASSERT_EQ(0, do_break(self->d.session, at));
		ASSERT_EQ(0, do_write(self->d.session, at, &byte, 1,
				      CORDBG_FORCE, NULL, NULL));
		ASSERT_EQ(0, do_clear(self->d.session, at));
	}
	racing->stop = 1;
	ASSERT_EQ(0, target_result(target));
	TH_LOG("%lu rounds, %lu collapses", round, racing->rounds);
	ASSERT_LE(RACE_ENOUGH, round);
	EXPECT_LT(0U, racing->rounds);
	ASSERT_EQ(0, look(self->d.session, huge, self->seen, HUGE_SIZE));
	EXPECT_TRUE(all_bytes(self->seen, 0x13, HUGE_SIZE));
}

TEST_HARNESS_MAIN
