// SPDX-License-Identifier: GPL-2.0
/*
 * CORDBG_BATCH_ATOMIC that succeeds: breakpoints are set first and cleared last,
 * transfers are done in their order.
 */

#include "batch_selftest.h"
#include "target_code.h"

FIXTURE(together)
{
	struct field f;
	int fd;
	uint8_t *at;		/* in the field */
	uint8_t data[16];
	uint8_t in[4][16];
	uint32_t done;
};

FIXTURE_SETUP(together)
{
	ASSERT_EQ(0, field_start(&self->f));
	self->fd = self->f.d.session;
	self->at = self->f.memory + page_size() + 128;
	memset(self->data, 0x99, sizeof(self->data));
	memset(self->in, 0xa5, sizeof(self->in));
}

FIXTURE_TEARDOWN(together)
{
	EXPECT_EQ(0, debuggee_stop(&self->f.d));
}

static int batch_atomic(struct _test_data_together *self,
			struct cordbg_operation *ops, uint32_t count)
{
	int err = do_batch(self->fd, ops, count, CORDBG_BATCH_ATOMIC,
			   &self->done);

	return err ? err : self->done == count ? 0 : -ERANGE;
}

/* The whole field: what sessions see, and the target, which has @planted too. */
static void expect_field(struct __test_metadata *_metadata,
			 struct _test_data_together *self,
			 const uint8_t *planted)
{
	expect_bytes(_metadata, &self->f.d, self->f.memory, self->f.memory,
		     self->f.size, planted);
}

TEST_F(together, each_kind)
{
	uint8_t *held = self->at + 64;
	struct cordbg_operation before[5], ops[] = {
		op_write(self->at, self->data, 16),
		op_clear(held),
		op_read(self->at, self->in[0], 16),
		op_set(self->at + 32),
		op_raw(self->at + 32, self->in[1], 16),
	};
	size_t i;

	memcpy(before, ops, sizeof(ops));
	ASSERT_EQ(0, do_break(self->fd, ptr_u64(held)));
	ASSERT_EQ(0, batch_atomic(self, ops, 5));
	EXPECT_TRUE(op_done(&ops[0], 16));
	EXPECT_TRUE(op_done(&ops[1], 0));
	EXPECT_TRUE(op_done(&ops[2], 16));
	EXPECT_TRUE(op_planted(&ops[3], self->at + 32));
	EXPECT_TRUE(op_done(&ops[4], 16));
	for (i = 0; i < 5; i++)
		EXPECT_TRUE(op_kept(&ops[i], &before[i]));
	EXPECT_EQ(0, memcmp(self->data, self->in[0], 16));
	EXPECT_EQ(0, memcmp(opcode, self->in[1], OPCODE_LEN));
	EXPECT_EQ(1, count_breakpoints(self->fd));
	memcpy(self->at, self->data, 16);
	expect_field(_metadata, self, self->at + 32);
}

/* The raw read and the write come before the set, which is first. */
TEST_F(together, sets_are_first)
{
	struct cordbg_operation ops[] = {
		op_raw(self->at, self->in[0], 16),
		op_write(self->at, self->data, 16),
		op_set(self->at),
	};

	ASSERT_EQ(0, batch_atomic(self, ops, 3));
	EXPECT_EQ(0, memcmp(opcode, self->in[0], OPCODE_LEN));
	EXPECT_EQ(0, memcmp(self->at + OPCODE_LEN, self->in[0] + OPCODE_LEN,
			    16 - OPCODE_LEN));
	EXPECT_TRUE(op_planted(&ops[2], self->at));
	memcpy(self->at, self->data, 16);
	expect_field(_metadata, self, self->at);
	EXPECT_EQ(0, do_clear(self->fd, ptr_u64(self->at)));
	expect_field(_metadata, self, NULL);
}

/* They come after the clear, which is last, and puts back what was written. */
TEST_F(together, clears_are_last)
{
	struct cordbg_operation ops[] = {
		op_clear(self->at),
		op_raw(self->at, self->in[0], 16),
		op_write(self->at, self->data, 16),
		op_raw(self->at, self->in[1], 16),
	};

	ASSERT_EQ(0, do_break(self->fd, ptr_u64(self->at)));
	ASSERT_EQ(0, batch_atomic(self, ops, 4));
	EXPECT_EQ(0, memcmp(opcode, self->in[0], OPCODE_LEN));
	EXPECT_EQ(0, memcmp(opcode, self->in[1], OPCODE_LEN));
	EXPECT_EQ(0, memcmp(self->data, self->in[1] + OPCODE_LEN,
			    16 - OPCODE_LEN));
	EXPECT_EQ(0, count_breakpoints(self->fd));
	memcpy(self->at, self->data, 16);
	expect_field(_metadata, self, NULL);
}

TEST_F(together, transfers_in_order)
{
	const size_t size = 3 * page_size();
	uint8_t *other = map_private(size), *in = map_private(2 * size);
	uint8_t two[16];
	struct cordbg_operation ops[] = {
		op_read(self->at, self->in[0], 16),
		op_write(self->at, self->data, 16),
		op_read(self->at, self->in[1], 16),
		op_write(self->at + 8, two, 8),
		op_read(self->at, self->in[2], 16),
		/* The same in pages. */
		op_read(self->f.memory, in, size),
		op_write(self->f.memory + 100, other, size - 100),
		op_read(self->f.memory, in + size, size),
		op_write(self->at, two, 16),
	};

	ASSERT_TRUE(other && in);
	memset(two, 0x31, sizeof(two));
	memset(other, 0x32, size);
	ASSERT_EQ(0, batch_atomic(self, ops, 9));
	EXPECT_EQ(0, memcmp(self->at, self->in[0], 16));
	EXPECT_EQ(0, memcmp(self->data, self->in[1], 16));
	memcpy(self->at, self->data, 16);
	memcpy(self->at + 8, two, 8);
	EXPECT_EQ(0, memcmp(self->at, self->in[2], 16));
	EXPECT_EQ(0, memcmp(self->f.memory, in, size));
	memset(self->f.memory + 100, 0x32, size - 100);
	EXPECT_EQ(0, memcmp(self->f.memory, in + size, size));
	memcpy(self->at, two, 16);
	expect_field(_metadata, self, NULL);
}

/* Data like any other, in the same batch as the breakpoint over it. */
TEST_F(together, opcode_as_data)
{
	struct cordbg_operation set[] = {
		op_set(self->at),
		op_write(self->at, opcode, OPCODE_LEN),
		op_read(self->at, self->in[0], OPCODE_LEN),
	};
	struct cordbg_operation clear[] = {
		op_write(self->at, opcode, OPCODE_LEN),
		op_clear(self->at),
	};

	ASSERT_EQ(0, batch_atomic(self, set, 3));
	EXPECT_TRUE(op_planted(&set[0], self->at));
	EXPECT_EQ(0, memcmp(opcode, self->in[0], OPCODE_LEN));
	memcpy(self->at, opcode, OPCODE_LEN);
	expect_field(_metadata, self, NULL);
	EXPECT_EQ(1, count_breakpoints(self->fd));
	ASSERT_EQ(0, batch_atomic(self, clear, 2));
	expect_field(_metadata, self, NULL);
	EXPECT_EQ(0, count_breakpoints(self->fd));
}

TEST_F(together, probe)
{
	struct cordbg_operation ops[] = {
		op_any(CORDBG_OP_WRITE_MEMORY, self->at, self->data, 16,
		       CORDBG_PROBE),
		op_any(CORDBG_OP_READ_MEMORY, self->at, self->in[0], 16,
		       CORDBG_PROBE),
		op_any(CORDBG_OP_WRITE_MEMORY, self->f.memory, NULL,
		       3 * page_size(), CORDBG_PROBE),
		op_any(CORDBG_OP_WRITE_MEMORY, self->f.read_only, NULL, 8,
		       CORDBG_PROBE | CORDBG_FORCE),
		op_write(self->f.hole, NULL, 0),
	};
	size_t i;

	ASSERT_EQ(0, batch_atomic(self, ops, 5));
	for (i = 0; i < 5; i++)
		EXPECT_TRUE(op_done(&ops[i], 0));
	EXPECT_TRUE(all_bytes(self->in[0], 0xa5, 16));
	EXPECT_TRUE(field_untouched(&self->f));
}

/* Pages that the program has never touched, or shares with a file. */
TEST_F(together, fresh_pages)
{
	const size_t page = page_size(), size = 4 * page;
	int file = file_create(self->f.memory, size, size);
	uint8_t *fresh = map_private(size), *expected = map_private(size);
	uint8_t *mapped = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE,
			       file, 0);
	struct cordbg_operation ops[] = {
		/* Read before it is written: of a page that is not its own. */
		op_read(mapped, self->in[0], 16),
		op_read(fresh + 2 * page, self->in[1], 16),
		op_set(mapped + 32),
		op_any(CORDBG_OP_WRITE_MEMORY, mapped, self->data, 16,
		       CORDBG_FORCE),
		op_write(fresh, self->data, 16),
		op_set(fresh + 2 * page),
		op_read(mapped, self->in[2], 16),
		op_read(fresh, self->in[3], 16),
	};
	struct debuggee d;
	uint32_t done;

	ASSERT_TRUE(file >= 0 && fresh && expected && mapped != MAP_FAILED);
	ASSERT_EQ(0, debuggee_start(&d));
	ASSERT_EQ(0, do_batch(d.session, ops, 8, CORDBG_BATCH_ATOMIC, &done));
	EXPECT_EQ(8U, done);
	EXPECT_EQ(0, memcmp(self->f.memory, self->in[0], 16));
	EXPECT_TRUE(all_bytes(self->in[1], 0, 16));
	EXPECT_EQ(0, memcmp(self->data, self->in[2], 16));
	EXPECT_EQ(0, memcmp(self->data, self->in[3], 16));
	EXPECT_TRUE(op_planted(&ops[2], self->f.memory + 32));
	EXPECT_TRUE(op_planted(&ops[5], expected));
	memcpy(expected, self->data, 16);
	expect_bytes(_metadata, &d, fresh, expected, size, fresh + 2 * page);
	memcpy(expected, self->f.memory, size);
	memcpy(expected, self->data, 16);
	expect_bytes(_metadata, &d, mapped, expected, size, mapped + 32);
	/* Neither the file nor whoever else maps it. */
	EXPECT_EQ(0, memcmp(mapped, self->f.memory, size));
	EXPECT_EQ(0, debuggee_stop(&d));
	close(file);
}

/* A function and its breakpoint; the target runs the new one. */
TEST_F(together, code)
{
	uint8_t *function = patched_code();
	struct target *target = &self->f.d.target;
	struct cordbg_operation break_and_patch[] = {
		op_any(CORDBG_OP_WRITE_MEMORY, function + NUMBER_AT,
		       number_after, sizeof(number_after), CORDBG_FORCE),
		op_set(function),
	};
	struct cordbg_operation clear = op_clear(function);

	ASSERT_EQ(0, batch_atomic(self, break_and_patch, 2));
	EXPECT_TRUE(field_holds(&self->f, function, opcode, OPCODE_LEN,
				CORDBG_RAW));
	ASSERT_EQ(0, batch_atomic(self, &clear, 1));
	EXPECT_EQ(NUMBER_AFTER,
		  target_call(target, in_target_patched, 0, 0, 0));
	EXPECT_EQ(NUMBER_BEFORE, patched());
}

/* A breakpoint that two sessions have stays until the last clears it. */
TEST_F(together, other_sessions)
{
	int other = session_open(self->f.d.target.pid);
	struct cordbg_operation set = op_set(self->at);
	struct cordbg_operation clear[] = {
		op_clear(self->at), op_write(self->at, self->data, 16),
	};

	ASSERT_LE(0, other);
	ASSERT_EQ(0, do_break(other, ptr_u64(self->at)));
	ASSERT_EQ(0, batch_atomic(self, &set, 1));
	EXPECT_TRUE(op_planted(&set, self->at));
	EXPECT_EQ(1, count_breakpoints(other));
	ASSERT_EQ(0, batch_atomic(self, clear, 2));
	memcpy(self->at, self->data, 16);
	expect_field(_metadata, self, self->at);
	close(other);
	expect_field(_metadata, self, NULL);
}

/* One whose opcode the program has overwritten is cleared, and memory left. */
TEST_F(together, clear_of_rewritten)
{
	struct cordbg_operation ops[] = {
		op_clear(self->at), op_set(self->at + 32),
	};

	ASSERT_EQ(0, do_break(self->fd, ptr_u64(self->at)));
	ASSERT_EQ(0, debuggee_poke(&self->f.d, self->at, self->data, 16));
	memcpy(self->at, self->data, 16);
	ASSERT_EQ(0, batch_atomic(self, ops, 2));
	EXPECT_EQ(1, count_breakpoints(self->fd));
	expect_field(_metadata, self, self->at + 32);
}

/*
 * What a batch reads is of one moment, although it has held the pages before, some
 * of which are the program's own only since another session has written there.
 */
struct reader {
	struct cordbg_operation ops[3];
	int fd;
	int err;
};

static void *reader_main(void *data)
{
	struct reader *r = data;
	uint32_t done;

	r->err = do_batch(r->fd, r->ops, 3, CORDBG_BATCH_ATOMIC, &done);
	return NULL;
}

static void expect_one_moment(struct __test_metadata *_metadata,
			      struct _test_data_together *self, uint32_t flags)
{
	uint8_t *pages[2] = { self->f.memory, self->f.memory + page_size() };
	int other = session_open(self->f.d.target.pid);
	struct reader reader = { .fd = self->fd };
	struct silent silent;
	struct cordbg_operation write[] = {
		op_write(pages[0], self->data, 16),
		op_write(pages[1], self->data, 16),
	};
	pthread_t thread;
	uint32_t done;
	int i;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, silent_map(&silent));
	/* One of the pages is the target's own already. */
	ASSERT_EQ(0, debuggee_poke(&self->f.d, pages[1], pages[1], 16));
	for (i = 0; i < 2; i++)
		reader.ops[i] = op_any(CORDBG_OP_READ_MEMORY, pages[i],
				       self->in[i], 16, flags);
	reader.ops[2] = op_write(self->f.memory + 3 * page_size(), silent.page,
				 16);
	ASSERT_EQ(0, pthread_create(&thread, NULL, reader_main, &reader));
	ASSERT_EQ(0, silent_wait(&silent));
	ASSERT_EQ(0, do_batch(other, write, 2, CORDBG_BATCH_ATOMIC, &done));
	ASSERT_EQ(0, silent_answer(&silent));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, reader.err);
	EXPECT_EQ(0, memcmp(self->data, self->in[0], 16));
	EXPECT_EQ(0, memcmp(self->data, self->in[1], 16));
	close(other);
}

TEST_F(together, reads_of_one_moment)
{
	expect_one_moment(_metadata, self, 0);
}

TEST_F(together, raw_reads_of_one_moment)
{
	expect_one_moment(_metadata, self, CORDBG_RAW);
}

/* As many as there may be, over all of which one write goes. */
#define MOST		(CORDBG_ATOMIC_OPERATIONS - 1)

TEST_F(together, most)
{
	struct cordbg_operation *ops = calloc(MOST + 1, sizeof(*ops));
	uint8_t *memory = self->f.memory, *out = map_private(self->f.size);
	size_t i, bad = 0;

	ASSERT_TRUE(ops && out);
	fill_any(out, self->f.size, 3);
	for (i = 0; i < MOST; i++)
		ops[i] = op_set(memory + i * 16);
	ops[MOST] = op_write(memory, out, self->f.size);
	ASSERT_EQ(0, batch_atomic(self, ops, MOST + 1));
	for (i = 0; i < MOST; i++)
		bad += !op_planted(&ops[i], memory + i * 16) ||
		       !field_holds(&self->f, memory + i * 16, opcode,
				    OPCODE_LEN, CORDBG_RAW);
	EXPECT_EQ(0U, bad);
	EXPECT_TRUE(field_holds(&self->f, memory, out, self->f.size, 0));
	EXPECT_EQ(MOST, count_breakpoints(self->fd));
	for (i = 0; i < MOST; i++)
		ops[i] = op_clear(memory + i * 16);
	memcpy(out, memory, self->f.size);
	ops[MOST] = op_write(memory, out, self->f.size);
	ASSERT_EQ(0, batch_atomic(self, ops, MOST + 1));
	EXPECT_TRUE(field_untouched(&self->f));
	free(ops);
}

TEST_HARNESS_MAIN
