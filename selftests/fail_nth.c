// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every copy from or to the caller fails once: in each ioctl,
 * in open and close, and in what a watched process does. Each time the call is
 * refused with an errno of its own or succeeds, nothing else changes, no opcode is
 * left anywhere, and the same call works right afterwards.
 *
 * For kernels with fault injection: see what FIXTURE_SETUP says.
 */
#include "fail_nth.h"

#define EXECUTED_ARGUMENT	"--executed"

/**
 * struct operation - a call, and what it does
 * @call: Make it: 0 or a negative errno.
 * @apply: Take down what it has done, from its results; @err is its own. Returns
 *	0 or the line that went wrong.
 * @flags: The following.
 */
struct operation {
	int (*call)(struct scene *s);
	int (*apply)(struct scene *s, int err);
	unsigned int flags;
};

#define BARE	1	/* without sessions that have breakpoints */
#define PARTS	2	/* some of it may have been done, and is not done again */
#define SAFE	4	/* what can fail is tried again or has another way */

static uint64_t written;

static uint8_t *area(size_t offset)
{
	return code.area + offset;
}

/* Transfers: @done counts what the model has to have. */
static int write_at(struct scene *s, size_t offset, size_t size)
{
	fill_code(bytes, size, ++s->turn);
	return do_write(s->d.session, ptr_u64(area(offset)), bytes, size, 0,
			&written, NULL);
}

static int wrote_at(int err, size_t offset, size_t size)
{
	if (err)
		return written && written != POISON64 ? __LINE__ : 0;
	if (written != size)
		return __LINE__;
	memcpy(code.model + offset, bytes, size);
	return 0;
}

#define WRITE(name, offset, size)					\
static int call_##name(struct scene *s)					\
{									\
	return write_at(s, offset, size);				\
}									\
static int apply_##name(struct scene *s, int err)			\
{									\
	(void)s;							\
	return wrote_at(err, offset, size);				\
}

WRITE(write_few, 64, 8)
WRITE(write_behind, 96, 16)
WRITE(write_page, 8192 + 1000 / OPCODE_LEN * OPCODE_LEN, 4096)
WRITE(write_pages, 4096, 3 * 4096)
WRITE(write_many_pages, 64, 40 * 4096)

static int read_at(struct scene *s, size_t size, uint32_t flags)
{
	memset(bytes, 0xa5, size);
	return do_read(s->d.session, ptr_u64(area(64)), bytes, size, flags,
		       &written, NULL);
}

static int has_read(struct scene *s, int err, size_t size, bool raw)
{
	unsigned int i;
	uint64_t offset;

	if (err)
		return written > size && written != POISON64 ? __LINE__ : 0;
	if (written != size)
		return __LINE__;
	for (i = 0; raw && s->breaks[i]; i++) {
		offset = s->breaks[i] - ptr_u64(area(64));
		if (offset >= size)
			continue;
		if (memcmp(bytes + offset, opcode, OPCODE_LEN))
			return __LINE__;
		memcpy(bytes + offset, code.model + 64 + offset, OPCODE_LEN);
	}
	return memcmp(bytes, code.model + 64, size) ? __LINE__ : 0;
}

#define READ(name, size, flags)						\
static int call_##name(struct scene *s)					\
{									\
	return read_at(s, size, flags);					\
}									\
static int apply_##name(struct scene *s, int err)			\
{									\
	return has_read(s, err, size, (flags) & CORDBG_RAW);		\
}

READ(read_few, 64, 0)
READ(read_page, 4096, 0)
READ(read_raw, 3 * 4096, CORDBG_RAW)
READ(read_many_pages, 40 * 4096, 0)

/* Pages that are not there yet. */
static int call_write_fresh(struct scene *s)
{
	fill_code(bytes, 3 * 4096, ++s->turn);
	return do_write(s->d.session, ptr_u64(s->fresh) + 100, bytes, 3 * 4096,
			0, &written, NULL);
}

static int apply_write_fresh(struct scene *s, int err)
{
	static uint8_t expected[4 * 4096];

	memset(expected, 0, sizeof(expected));
	if (!err)
		memcpy(expected + 100, bytes, 3 * 4096);
	return range_verify(s, s->fresh, expected, sizeof(expected));
}

/* The program's own copy of pages of its file. */
static int call_force_text(struct scene *s)
{
	fill_code(bytes, 3 * 4096, ++s->turn);
	return do_write(s->d.session, ptr_u64(program_text) + 100, bytes,
			3 * 4096, CORDBG_FORCE, &written, NULL);
}

static int apply_force_text(struct scene *s, int err)
{
	if (!err)
		memcpy(s->text + 100, bytes, 3 * 4096);
	return 0;
}

/* As much as a window holds, and more. */
static int call_write_window(struct scene *s)
{
	s->source[100] = ++s->turn;
	return do_write(s->d.session, ptr_u64(s->large), s->source,
			CORDBG_WINDOW, 0, &written, NULL);
}

static int apply_write_window(struct scene *s, int err)
{
	if (err)
		return s->large[100] == s->source[100] ? __LINE__ : 0;
	return s->large[100] != s->source[100] || written != CORDBG_WINDOW ?
		__LINE__ : 0;
}

static int call_write_two_windows(struct scene *s)
{
	s->source[100] = ++s->turn;
	s->source[CORDBG_WINDOW] = s->turn;
	return do_write(s->d.session, ptr_u64(s->large), s->source, LARGE_SIZE,
			0, &written, NULL);
}

/* The first window can have been written. */
static int apply_write_two_windows(struct scene *s, int err)
{
	bool first = s->large[100] == s->source[100];
	bool second = s->large[CORDBG_WINDOW] == s->source[CORDBG_WINDOW];

	if (written == POISON64)
		return !err || first || second ? __LINE__ : 0;
	if (!err && written != LARGE_SIZE)
		return __LINE__;
	return first != (written >= CORDBG_WINDOW) ||
	       second != (written == LARGE_SIZE) ? __LINE__ : 0;
}

static int call_read_window(struct scene *s)
{
	return do_read(s->d.session, ptr_u64(s->large), s->source,
		       CORDBG_WINDOW, 0, &written, NULL);
}

static int apply_read_window(struct scene *s, int err)
{
	if (!err && (written != CORDBG_WINDOW ||
		     memcmp(s->large, s->source, CORDBG_WINDOW)))
		return __LINE__;
	return 0;
}

static int call_probe(struct scene *s)
{
	return do_write(s->d.session, ptr_u64(s->large), NULL, LARGE_SIZE,
			CORDBG_PROBE, &written, NULL);
}

static int apply_nothing(struct scene *s, int err)
{
	(void)s;
	(void)err;
	return 0;
}

/* Breakpoints. */
#define BREAKPOINT(name, address)					\
static int call_##name(struct scene *s)					\
{									\
	return do_break(s->d.session, address);				\
}									\
static int apply_##name(struct scene *s, int err)			\
{									\
	if (!err)							\
		break_add(s, address);					\
	return 0;							\
}

BREAKPOINT(set, code_at(2000))
BREAKPOINT(set_text, ptr_u64(program_text) + 8)

static int call_set_shared(struct scene *s)
{
	return do_break(s->d.session, code_at(SHARED_BREAK));
}

static int apply_set_shared(struct scene *s, int err)
{
	struct cordbg_breakpoint found;

	if (find_breakpoint(s->d.session, code_at(SHARED_BREAK), &found) != 1)
		return __LINE__;
	return !(found.flags & CORDBG_BREAKPOINT_MINE) != !!err ? __LINE__ : 0;
}

static int call_clear(struct scene *s)
{
	return do_clear(s->d.session, code_at(101));
}

static int apply_clear(struct scene *s, int err)
{
	if (!err)
		break_drop(s, code_at(101));
	return 0;
}

static struct cordbg_breakpoint listed[BREAKS];
static uint32_t nr_listed;

static int call_list(struct scene *s)
{
	return do_list(s->d.session, 0, listed, BREAKS, &nr_listed);
}

static int apply_list(struct scene *s, int err)
{
	unsigned int i;

	for (i = 0; !err && s->breaks[i]; i++)
		if (listed[i].address != s->breaks[i] ||
		    !(listed[i].flags & CORDBG_BREAKPOINT_PLANTED) ||
		    memcmp(listed[i].original, code.model +
			   (s->breaks[i] - ptr_u64(code.area)), OPCODE_LEN))
			return __LINE__;
	return !err && nr_listed != i ? __LINE__ : 0;
}

/* A batch that does everything. */
#define BATCH_READ	5	/* index of the one that reads */

static struct cordbg_operation ops[7];
static uint32_t nr_done;
static uint8_t batch_bytes[2 * 4096];

static int call_batch_of(struct scene *s, uint32_t flags)
{
	fill_code(bytes, sizeof(bytes), ++s->turn);
	ops[0] = op_write(area(32), bytes, 8);
	ops[1] = op_set(area(2000 * OPCODE_LEN));
	ops[2] = op_set(area(2040 * OPCODE_LEN));
	ops[3] = op_set(area(SHARED_BREAK * OPCODE_LEN));
	ops[4] = op_write(area(20 * 4096), bytes, 18 * 4096);
	ops[BATCH_READ] = op_read(area(100 * OPCODE_LEN), batch_bytes,
				  sizeof(batch_bytes));
	ops[6] = op_clear(area(101 * OPCODE_LEN));
	return do_batch(s->d.session, ops, ARRAY_SIZE(ops), flags, &nr_done);
}

static int call_batch(struct scene *s)
{
	return call_batch_of(s, 0);
}

static int call_batch_atomic(struct scene *s)
{
	return call_batch_of(s, CORDBG_BATCH_ATOMIC);
}

/* What one operation has done, if its status is 0. */
static int apply_operation(struct scene *s, const struct cordbg_operation *op)
{
	size_t offset = op->address - ptr_u64(code.area);

	switch (op->op) {
	case CORDBG_OP_WRITE_MEMORY:
		if (op->done != op->size)
			return __LINE__;
		memcpy(code.model + offset, bytes, op->size);
		return 0;
	case CORDBG_OP_READ_MEMORY:
		return op->done != op->size ? __LINE__ : 0;
	case CORDBG_OP_CLEAR_BREAKPOINT:
		break_drop(s, op->address);
		return 0;
	default:
		if (offset != SHARED_BREAK * OPCODE_LEN)
			break_add(s, op->address);
		return memcmp(op->original, code.model + offset, OPCODE_LEN) ?
			__LINE__ : 0;
	}
}

static int apply_batch(struct scene *s, int err)
{
	unsigned int i, refused = 0;
	int line = 0;

	if (nr_done == POISON32)
		return err ? 0 : __LINE__;
	if (!err && nr_done != ARRAY_SIZE(ops))
		return __LINE__;
	for (i = 0; !line && i < nr_done; i++) {
		if (!ops[i].status)
			line = apply_operation(s, &ops[i]);
		else if (ops[i].status != -ENOMEM && ops[i].status != -EFAULT)
			line = __LINE__;
		else
			refused++;
	}
	if (!line && !err && !refused &&
	    memcmp(batch_bytes, code.model + 100 * OPCODE_LEN, 4096))
		line = __LINE__;
	return line;
}

/*
 * All or nothing; but what could be copied may fail at its very end, when the read
 * is given to the caller, and then has happened: the operation says so.
 */
static int apply_batch_atomic(struct scene *s, int err)
{
	unsigned int i, happened = 0;
	int line = 0;

	for (i = 0; nr_done != POISON32 && i < nr_done; i++)
		happened += !ops[i].status;
	if (!err)
		return happened != ARRAY_SIZE(ops) ? __LINE__ :
						      apply_batch(s, err);
	if (!happened)
		return 0;
	if (happened != ARRAY_SIZE(ops) - 1 || !ops[BATCH_READ].status)
		return __LINE__;
	for (i = 0; !line && i < ARRAY_SIZE(ops); i++)
		if (i != BATCH_READ)
			line = apply_operation(s, &ops[i]);
	return line;
}

/* Sessions. */
static int call_open(struct scene *s)
{
	int fd = cordbg_open();

	if (fd < 0)
		return fd;
	/* No need for a new one. */
	close(s->spare);
	s->spare = fd;
	return 0;
}

static int call_attach(struct scene *s)
{
	return do_attach(s->spare, s->d.target.pid);
}

static int apply_attach(struct scene *s, int err)
{
	if (err)
		return do_list(s->spare, 0, listed, 0, NULL) == -ENOTCONN ?
			0 : __LINE__;
	if (do_list(s->spare, 0, listed, 0, NULL))
		return __LINE__;
	close(s->spare);
	s->spare = cordbg_open();
	return s->spare < 0 ? __LINE__ : 0;
}

/* It cannot be refused; the worker that restores memory can have to wait. */
static int call_close(struct scene *s)
{
	close(s->other);
	s->other = -1;
	return 0;
}

static int apply_close(struct scene *s, int err)
{
	(void)err;
	break_drop(s, code_at(SHARED_BREAK));
	s->other = session_open(s->d.target.pid);
	return s->other < 0 ? __LINE__ : 0;
}

FIXTURE(fail)
{
	struct scene s;
};

FIXTURE_SETUP(fail)
{
	int err = nth_open();

	ASSERT_EQ(0, err) {
		TH_LOG("this needs a kernel with fault injection, and debugfs:");
		TH_LOG("FAULT_INJECTION, FAULT_INJECTION_DEBUG_FS, FAILSLAB,");
		TH_LOG("FAIL_PAGE_ALLOC, FAULT_INJECTION_USERCOPY");
	}
	ASSERT_EQ(0, scene_start(&self->s));
}

FIXTURE_TEARDOWN(fail)
{
	struct scene *s = &self->s;

	close(s->other);
	close(s->spare);
	EXPECT_EQ(0, debuggee_stop(&s->d));
	EXPECT_EQ(0, await_unused());
}

/* Once, with the failure of the @n-th: whether there are so many. */
static bool fail_one(struct __test_metadata *_metadata, struct scene *s,
		     const struct operation *op, unsigned int n,
		     unsigned int *refused)
{
	bool failed;
	int err;

	ASSERT_EQ(0, scene_reset(s, op->flags & BARE));
	nth_set(nth_fd, n);
	err = op->call(s);
	failed = nth_end(nth_fd) && n;
	if (err) {
		ASSERT_TRUE(failed);
		ASSERT_TRUE(err == -ENOMEM || err == -EFAULT) {
			TH_LOG("%d", err);
		}
		++*refused;
	}
	ASSERT_EQ(0, op->apply(s, err));
	ASSERT_EQ(0, scene_verify(s));
	if (!failed)
		return false;
	/* What has been done before is not in the way of doing it. */
	if (!err || (op->flags & PARTS))
		ASSERT_EQ(0, scene_reset(s, op->flags & BARE));
	ASSERT_EQ(0, op->call(s));
	ASSERT_EQ(0, op->apply(s, 0));
	ASSERT_EQ(0, scene_verify(s));
	return true;
}

static void walk(struct __test_metadata *_metadata, struct scene *s,
		 const struct operation *op)
{
	unsigned int n = 1, refused = 0;

	/* Once as it is: this program's own pages are there then. */
	fail_one(_metadata, s, op, 0, &refused);
	while (fail_one(_metadata, s, op, n, &refused)) {
		n++;
		ASSERT_GT(MOST_POINTS, n);
	}
	TH_LOG("%u can fail, the call was refused in %u of them", n - 1,
	       refused);
	if (!(op->flags & SAFE))
		EXPECT_LT(0, refused);
}

#define OPERATION(name, call, apply, flags)				\
TEST_F_TIMEOUT(fail, name, 600)						\
{									\
	static const struct operation op = { call, apply, flags };	\
									\
	walk(_metadata, &self->s, &op);					\
}

OPERATION(write_few, call_write_few, apply_write_few, SAFE)
OPERATION(write_behind, call_write_behind, apply_write_behind, SAFE)
OPERATION(write_page, call_write_page, apply_write_page, SAFE)
OPERATION(write_pages, call_write_pages, apply_write_pages, SAFE)
OPERATION(write_many, call_write_many_pages, apply_write_many_pages, 0)
OPERATION(write_fresh, call_write_fresh, apply_write_fresh, 0)
OPERATION(write_window, call_write_window, apply_write_window, SAFE)
OPERATION(write_windows, call_write_two_windows, apply_write_two_windows, SAFE)
OPERATION(force, call_force_text, apply_force_text, 0)
OPERATION(probe, call_probe, apply_nothing, SAFE)
OPERATION(read_few, call_read_few, apply_read_few, 0)
OPERATION(read_page, call_read_page, apply_read_page, SAFE)
OPERATION(read_raw, call_read_raw, apply_read_raw, SAFE)
OPERATION(read_many, call_read_many_pages, apply_read_many_pages, 0)
OPERATION(read_window, call_read_window, apply_read_window, SAFE)
OPERATION(set, call_set, apply_set, 0)
OPERATION(set_first, call_set, apply_set, BARE)
OPERATION(set_text, call_set_text, apply_set_text, 0)
OPERATION(set_shared, call_set_shared, apply_set_shared, 0)
OPERATION(clear, call_clear, apply_clear, SAFE)
OPERATION(list, call_list, apply_list, 0)
OPERATION(batch, call_batch, apply_batch, PARTS)
OPERATION(batch_atomic, call_batch_atomic, apply_batch_atomic, PARTS)
OPERATION(open, call_open, apply_nothing, 0)
OPERATION(attach, call_attach, apply_attach, 0)
OPERATION(close, call_close, apply_close, SAFE | PARTS)

/*
 * What a watched process does: the failure is in itself.
 */

/**
 * struct outcome - of a system call that a target has made
 * @err: 0 or a negative errno.
 * @failed: Something has been made to fail.
 * @child: What became of a child.
 * @at: Where memory has been moved to.
 */
struct outcome {
	int err;
	bool failed;
	int child;
	uint8_t *at;
};

static struct outcome *outcome_of(struct scene *s)
{
	return (struct outcome *)s->d.window;
}

static long in_target_nth_open(unsigned long a, unsigned long b,
			       unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	return nth_open();
}

/* A child that looks at all its code. */
static long in_target_fork(unsigned long n, unsigned long out, unsigned long c)
{
	struct outcome *outcome = (struct outcome *)out;
	pid_t pid;

	(void)c;
	nth_set(nth_fd, n);
	pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		_exit(code_intact() ? 0 : EILSEQ);
	outcome->err = pid < 0 ? -errno : 0;
	outcome->failed = nth_end(nth_fd);
	outcome->child = pid < 0 ? 0 : child_result(pid);
	return 0;
}

/* @n of 0: nothing is made to fail. */
static long in_target_unmap_nth(unsigned long n, unsigned long out,
				unsigned long address)
{
	struct outcome *outcome = (struct outcome *)out;

	nth_set(nth_fd, n);
	outcome->err = munmap((void *)address, 4096) ? -errno : 0;
	outcome->failed = nth_end(nth_fd);
	return 0;
}

static uint8_t *moved_to;

static long in_target_move_nth(unsigned long n, unsigned long out,
			       unsigned long address)
{
	struct outcome *outcome = (struct outcome *)out;
	void *p;

	nth_set(nth_fd, n);
	p = mremap((void *)address, 4 * 4096, 4 * 4096,
		   MREMAP_MAYMOVE | MREMAP_FIXED, moved_to);
	outcome->err = p == MAP_FAILED ? -errno : 0;
	outcome->failed = nth_end(nth_fd);
	outcome->at = outcome->err ? (uint8_t *)address : p;
	return 0;
}

/* Let the target do something in which the @n-th fails. */
static void target_nth(struct __test_metadata *_metadata, struct scene *s,
		       void *function, unsigned int n, void *address)
{
	struct outcome *outcome = outcome_of(s);

	memset(outcome, 0, sizeof(*outcome));
	ASSERT_EQ(0, target_call(&s->d.target, function, n,
				 (unsigned long)outcome,
				 (unsigned long)address)) {
		TH_LOG("%u: the target ended: %d", n, debuggee_stop(&s->d));
	}
	if (!outcome->err)
		return;
	ASSERT_TRUE(outcome->failed);
	ASSERT_TRUE(outcome->err == -ENOMEM || outcome->err == -EAGAIN ||
		    outcome->err == -EFAULT) {
		TH_LOG("%d", outcome->err);
	}
}

TEST_F_TIMEOUT(fail, fork, 900)
{
	struct outcome *outcome = outcome_of(&self->s);
	struct target *target = &self->s.d.target;
	unsigned int n = 0, refused = 0;

	ASSERT_EQ(0, target_call(target, in_target_nth_open, 0, 0, 0));
	do {
		n++;
		ASSERT_GT(MOST_POINTS, n);
		target_nth(_metadata, &self->s, in_target_fork, n, NULL);
		EXPECT_EQ(0, outcome->child);
		refused += outcome->err < 0;
		ASSERT_EQ(0, scene_verify(&self->s));
		EXPECT_EQ(0, child_clean(target, BY_FORK));
	} while (outcome->failed);
	TH_LOG("%u can fail, fork was refused in %u of them", n - 1, refused);
	EXPECT_LT(0, refused);
}

/*
 * The child's own: what it inherits lets its allocations of pages fail, too, at
 * which its bytes are put back. It waits until there is memory, or there is no
 * child.
 */
#define PAGES_ATTR	"/sys/kernel/debug/fail_page_alloc/"

static long in_target_may_fail(unsigned long may, unsigned long b,
			       unsigned long c)
{
	(void)b;
	(void)c;
	return write_setting("/proc/self/make-it-fail", may);
}

static void fail_pages(struct __test_metadata *_metadata, long after)
{
	ASSERT_EQ(0, write_text(PAGES_ATTR "task-filter", "Y"));
	ASSERT_EQ(0, write_setting(PAGES_ATTR "times", after ? 1 : 0));
	ASSERT_EQ(0, write_setting(PAGES_ATTR "space", after));
	ASSERT_EQ(0, write_setting(PAGES_ATTR "probability", after ? 100 : 0));
}

TEST_F_TIMEOUT(fail, child, 900)
{
	struct target *target = &self->s.d.target;
	unsigned int n = 0, refused = 0;
	long result, left;

	ASSERT_EQ(0, target_call(target, in_target_may_fail, 1, 0, 0));
	do {
		n++;
		ASSERT_GT(MOST_POINTS, n);
		fail_pages(_metadata, n);
		result = child_clean(target, BY_CLONE);
		left = read_setting(PAGES_ATTR "times");
		fail_pages(_metadata, 0);
		ASSERT_TRUE(!result || result == -ENOMEM ||
			    result == -EAGAIN) {
			TH_LOG("page %u: %ld", n, result);
		}
		refused += result < 0;
		ASSERT_EQ(0, scene_verify(&self->s));
	} while (!left);
	TH_LOG("%u pages, fork was refused in %u of them", n - 1, refused);
	EXPECT_LT(refused, n - 1);
}

/* Memory of the target that is moved and unmapped: three breakpoints in it. */
#define MOVED_SIZE	(4 * 4096)
#define MOVED_BREAKS	3

/* Each breakpoint stands in memory, or is none any more. */
static int moved_verify(struct scene *s, const uint8_t *at, bool dropped)
{
	static uint8_t model[MOVED_SIZE], seen[MOVED_SIZE];
	struct cordbg_breakpoint found;
	unsigned int i;
	uint64_t address;
	int there;

	memset(model, 0x41, sizeof(model));
	if (do_read(s->d.session, ptr_u64(at), seen, sizeof(seen), 0, NULL,
		    NULL) || memcmp(seen, model, sizeof(seen)))
		return __LINE__;
	for (i = 0; i < MOVED_BREAKS; i++) {
		address = ptr_u64(at) + 64 + i * 4096;
		there = find_breakpoint(s->d.session, address, &found);
		if (there < 0 || (there && dropped))
			return __LINE__;
		if (there)
			memcpy(model + (address - ptr_u64(at)), opcode,
			       OPCODE_LEN);
	}
	if (peek(s->d.target.pid, at, seen, sizeof(seen)))
		return __LINE__;
	return memcmp(seen, model, sizeof(seen)) ? __LINE__ : 0;
}

static int moved_prepare(struct scene *s, uint8_t *at)
{
	unsigned int i;
	int err;

	err = target_call(&s->d.target, in_target_map, (unsigned long)at,
			  MOVED_SIZE, PROT_READ | PROT_WRITE);
	if (!err)
		err = target_call(&s->d.target, in_target_fill,
				  (unsigned long)at, MOVED_SIZE, 0x41);
	for (i = 0; !err && i < MOVED_BREAKS; i++)
		err = do_break(s->d.session, ptr_u64(at) + 64 + i * 4096);
	return err;
}

/* A target in which nothing has been made to fail yet. */
static void start_again(struct __test_metadata *_metadata, struct scene *s)
{
	ASSERT_EQ(0, debuggee_stop(&s->d));
	ASSERT_EQ(0, debuggee_start(&s->d));
	ASSERT_EQ(0, scene_reset(s, false));
	ASSERT_EQ(0, target_call(&s->d.target, in_target_nth_open, 0, 0, 0));
}

/*
 * To where there are no page tables yet, half of it in one and half in another: if
 * the second cannot be had, what has been moved already comes back.
 */
TEST_F_TIMEOUT(fail, mremap, 900)
{
	struct outcome *outcome;
	struct scene *s = &self->s;
	unsigned int n = 0, refused = 0;
	uint8_t *from = map_private(MOVED_SIZE);

	moved_to = map_before_huge(HUGE_SIZE);
	ASSERT_TRUE(from && moved_to);
	moved_to -= MOVED_SIZE / 2;
	do {
		n++;
		ASSERT_GT(MOST_POINTS, n);
		start_again(_metadata, s);
		outcome = outcome_of(s);
		ASSERT_EQ(0, moved_prepare(s, from));
		target_nth(_metadata, s, in_target_move_nth, n, from);
		refused += outcome->err < 0;
		ASSERT_EQ(0, moved_verify(s, outcome->at, !outcome->err)) {
			TH_LOG("%u: %d", n, outcome->err);
		}
		if (outcome->err) {
			target_nth(_metadata, s, in_target_move_nth, 0, from);
			ASSERT_EQ(0, moved_verify(s, outcome->at, true));
			outcome->failed = true;
		}
	} while (outcome->failed);
	TH_LOG("%u can fail, mremap was refused in %u of them", n - 1, refused);
	EXPECT_LT(0, refused);
}

/* A page in the middle of a mapping, which has to be split. */
TEST_F_TIMEOUT(fail, munmap, 900)
{
	struct outcome *outcome;
	struct scene *s = &self->s;
	unsigned int n = 0, refused = 0;
	uint8_t *from = map_private(MOVED_SIZE);
	bool failed;

	ASSERT_TRUE(!!from);
	start_again(_metadata, s);
	outcome = outcome_of(s);
	do {
		n++;
		ASSERT_GT(MOST_POINTS, n);
		ASSERT_EQ(0, scene_reset(s, false));
		ASSERT_EQ(0, moved_prepare(s, from));
		target_nth(_metadata, s, in_target_unmap_nth, n, from + 4096);
		failed = outcome->failed;
		if (outcome->err) {
			refused++;
			ASSERT_EQ(0, moved_verify(s, from, false));
			ASSERT_EQ(8, count_breakpoints(s->d.session));
			target_nth(_metadata, s, in_target_unmap_nth, 0,
				   from + 4096);
		}
		ASSERT_EQ(7, count_breakpoints(s->d.session));
	} while (failed);
	TH_LOG("%u can fail, munmap was refused in %u of them", n - 1, refused);
	EXPECT_LT(0, refused);
}

/* A new image says whether something has failed on the way to it. */
static int executed(void)
{
	char value = 0;
	int fd;

	do {
		fd = open("/proc/thread-self/fail-nth", O_RDWR);
	} while (fd < 0);
	if (pread(fd, &value, 1, 0) != 1)
		value = '1';
	nth_set(fd, 0);
	return value == '0';
}

static long in_target_exec(unsigned long n, unsigned long out, unsigned long c)
{
	static char *const argv[] = { "executed", EXECUTED_ARGUMENT, NULL };
	struct outcome *outcome = (struct outcome *)out;

	(void)c;
	nth_set(nth_fd, n);
	execv("/proc/self/exe", argv);
	outcome->err = -errno;
	outcome->failed = nth_end(nth_fd);
	return 0;
}

/* The image lives on with all it has, or it has ended. */
static bool exec_one(struct __test_metadata *_metadata, struct scene *s,
		     unsigned int n, unsigned int *refused)
{
	struct outcome *outcome = outcome_of(s);
	int status;

	ASSERT_EQ(0, target_call(&s->d.target, in_target_nth_open, 0, 0, 0));
	ASSERT_EQ(0, target_begin(&s->d.target, in_target_exec, n,
				  (unsigned long)outcome, 0));
	if (!target_result(&s->d.target)) {
		++*refused;
		ASSERT_TRUE(outcome->failed);
		ASSERT_EQ(0, scene_verify(s));
		ASSERT_EQ(0, child_clean(&s->d.target, BY_FORK));
		ASSERT_EQ(0, debuggee_stop(&s->d));
		return true;
	}
	ASSERT_EQ(-ESRCH, count_breakpoints(s->d.session));
	ASSERT_EQ(-ESRCH, do_break(s->d.session, code_at(1)));
	status = debuggee_stop(&s->d);
	/* Too late for an error, the kernel kills. */
	if (WIFSIGNALED(status)) {
		ASSERT_NE(SIGTRAP, WTERMSIG(status));
		return true;
	}
	return WEXITSTATUS(status);
}

TEST_F_TIMEOUT(fail, execve, 900)
{
	struct scene *s = &self->s;
	unsigned int n = 1, refused = 0;

	while (exec_one(_metadata, s, n, &refused)) {
		n++;
		ASSERT_GT(MOST_POINTS, n);
		ASSERT_EQ(0, debuggee_start(&s->d));
		ASSERT_EQ(0, scene_reset(s, false));
	}
	TH_LOG("%u can fail, execve was refused in %u of them", n - 1, refused);
	EXPECT_LT(0, refused);
	ASSERT_EQ(0, debuggee_start(&s->d));
}

/*
 * If the kernel cannot store to a thread's rseq area when it returns to it, that is
 * a SIGSEGV, whoever the page is refused to: no rseq then.
 */
static void without_rseq(char **argv)
{
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	without_rseq(argv);
	if (argc == 2 && !strcmp(argv[1], EXECUTED_ARGUMENT))
		return executed();
	return test_harness_run(argc, argv);
}
