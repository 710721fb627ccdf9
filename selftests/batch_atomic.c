// SPDX-License-Identifier: GPL-2.0
/*
 * CORDBG_BATCH_ATOMIC refused: whatever it is that one operation is refused for, and
 * wherever it stands among others, none happens. That it is the only one with an
 * error of its own; and what the limits are.
 */

#include "batch_selftest.h"

#define PAGES		(FIELD_PAGES + 1)
#define MOST_LISTED	8

/**
 * struct state - all that a refused batch must leave alone
 * @raw: Memory as it is.
 * @hidden: Memory with breakpoints hidden.
 * @list: The breakpoints.
 * @count: Their number.
 */
struct state {
	uint8_t raw[PAGES * 4096];
	uint8_t hidden[PAGES * 4096];
	struct cordbg_breakpoint list[MOST_LISTED];
	uint32_t count;
};

FIXTURE(atomic)
{
	struct field f;
	int fd;
	int other;		/* another session */
	uint8_t *held[2];	/* where @fd has breakpoints */
	uint8_t *theirs;	/* where @other has one */
	uint8_t *joined;	/* and one that @fd is to have too */
	uint8_t *foreign;	/* where an opcode is that is not cordbg's */
	uint8_t *data;		/* what operations write */
	uint8_t in[64];		/* where they read to */
	uint32_t done;
	struct state before, after;
};

static int state_take(struct _test_data_atomic *self, struct state *state)
{
	const uint64_t start = ptr_u64(self->f.memory);
	const size_t size = sizeof(state->raw);

	return do_read(self->fd, start, state->raw, size, CORDBG_RAW, NULL,
		       NULL) ?:
	       do_read(self->fd, start, state->hidden, size, 0, NULL, NULL) ?:
	       do_list(self->fd, 0, state->list, MOST_LISTED, &state->count);
}

FIXTURE_SETUP(atomic)
{
	uint8_t *page;

	ASSERT_EQ(4096, page_size());
	ASSERT_EQ(0, field_start(&self->f));
	self->fd = self->f.d.session;
	self->other = session_open(self->f.d.target.pid);
	ASSERT_LE(0, self->other);
	page = self->f.memory + page_size();
	self->held[0] = page + 64;
	self->held[1] = page + page_size() + 64;
	self->theirs = page + 96;
	self->foreign = page + 128;
	self->joined = page + 192;
	ASSERT_EQ(0, do_break(self->fd, ptr_u64(self->held[0])));
	ASSERT_EQ(0, do_break(self->fd, ptr_u64(self->held[1])));
	ASSERT_EQ(0, do_break(self->other, ptr_u64(self->theirs)));
	ASSERT_EQ(0, do_break(self->other, ptr_u64(self->joined)));
	ASSERT_EQ(0, do_write(self->fd, ptr_u64(self->foreign), opcode,
			      OPCODE_LEN, 0, NULL, NULL));
	self->data = map_private(self->f.size);
	ASSERT_TRUE(!!self->data);
	memset(self->data, 0x99, self->f.size);
	memset(self->in, 0xa5, sizeof(self->in));
	ASSERT_EQ(0, state_take(self, &self->before));
}

FIXTURE_TEARDOWN(atomic)
{
	close(self->other);
	EXPECT_EQ(0, debuggee_stop(&self->f.d));
}

/* Whether nothing has happened: neither there nor here. */
static bool unchanged(struct _test_data_atomic *self)
{
	return !state_take(self, &self->after) &&
	       !memcmp(&self->before, &self->after, sizeof(self->before)) &&
	       all_bytes(self->in, 0xa5, sizeof(self->in)) &&
	       all_bytes(self->data, 0x99, self->f.size);
}

/* Operations of each kind that are not refused. */
#define GOOD	7

static void good_ops(struct _test_data_atomic *self,
		     struct cordbg_operation *ops)
{
	uint8_t *memory = self->f.memory;
	const size_t page = page_size();

	ops[0] = op_write(memory + 10, self->data, 8);
	ops[1] = op_set(memory + 6 * page);
	ops[2] = op_write(memory + 3 * page + 100, self->data, 2 * page);
	ops[3] = op_clear(self->held[1]);
	ops[4] = op_read(memory + 20, self->in, 8);
	ops[5] = op_set(self->joined);
	ops[6] = op_write(self->held[0] - 8, self->data, 16);
}

/* Whether @ops tell that number @at was refused, and the others for it. */
static bool tell_refusal(const struct cordbg_operation *ops, size_t n, size_t at,
			 int status, uint64_t failed)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (i != at && !op_refused(&ops[i], -ECANCELED))
			return false;
	return ops[at].status == status && !ops[at].done &&
	       ops[at].failed_address == failed &&
	       all_bytes(ops[at].original, 0xa5, CORDBG_OPCODE_MAX);
}

/* A batch of good operations and of one that is refused; in all places. */
static void expect_refusal(struct __test_metadata *_metadata,
			   struct _test_data_atomic *self,
			   struct cordbg_operation bad, int status,
			   uint64_t failed)
{
	struct cordbg_operation ops[GOOD + 1];
	size_t at;

	for (at = 0; at <= GOOD; at++) {
		good_ops(self, ops);
		memmove(&ops[at + 1], &ops[at], (GOOD - at) * sizeof(*ops));
		ops[at] = bad;
		EXPECT_EQ(status, do_batch(self->fd, ops, GOOD + 1,
					   CORDBG_BATCH_ATOMIC, &self->done)) {
			TH_LOG("at %zu", at);
		}
		EXPECT_EQ(GOOD + 1, self->done);
		EXPECT_TRUE(tell_refusal(ops, GOOD + 1, at, status, failed)) {
			TH_LOG("at %zu, status %d, failed %#llx", at,
			       ops[at].status,
			       (unsigned long long)ops[at].failed_address);
		}
		ASSERT_TRUE(unchanged(self)) {
			TH_LOG("at %zu", at);
		}
	}
	/* It was refused for that one. */
	good_ops(self, ops);
	EXPECT_EQ(0, do_batch(self->fd, ops, GOOD, CORDBG_BATCH_ATOMIC,
			      &self->done));
	EXPECT_EQ(GOOD, self->done);
}

static void refuse(struct __test_metadata *_metadata,
		   struct _test_data_atomic *self, struct cordbg_operation bad,
		   int status)
{
	expect_refusal(_metadata, self, bad, status, POISON64);
}

static void refuse_at(struct __test_metadata *_metadata,
		      struct _test_data_atomic *self,
		      struct cordbg_operation bad, int status,
		      const uint8_t *failed)
{
	expect_refusal(_metadata, self, bad, status, ptr_u64(failed));
}

TEST_F(atomic, write_of_read_only)
{
	refuse_at(_metadata, self, op_write(self->f.read_only - 2, self->data,
					    4), -EACCES, self->f.read_only);
}

TEST_F(atomic, write_to_nothing)
{
	refuse_at(_metadata, self, op_write(self->f.hole, self->data, 4),
		  -ENXIO, self->f.hole);
}

/* A force does not map what is not mapped. */
TEST_F(atomic, write_beyond)
{
	refuse_at(_metadata, self,
		  op_any(CORDBG_OP_WRITE_MEMORY, self->f.hole - 5000,
			 self->data, 6000, CORDBG_FORCE), -ENXIO,
		  self->f.hole);
}

TEST_F(atomic, read_of_nothing)
{
	refuse_at(_metadata, self, op_read(self->f.hole - 2, self->in, 4),
		  -ENXIO, self->f.hole);
}

TEST_F(atomic, probe_of_nothing)
{
	refuse_at(_metadata, self,
		  op_any(CORDBG_OP_READ_MEMORY, self->f.hole - 2, NULL, 4,
			 CORDBG_PROBE), -ENXIO, self->f.hole);
}

TEST_F(atomic, write_from_nowhere)
{
	refuse(_metadata, self, op_write(self->f.memory, self->f.hole, 4),
	       -EFAULT);
}

TEST_F(atomic, write_of_pages_from_nowhere)
{
	refuse(_metadata, self,
	       op_write(self->f.memory, self->f.hole - 5000, 6000), -EFAULT);
}

TEST_F(atomic, read_to_nowhere)
{
	refuse(_metadata, self, op_read(self->f.memory, self->f.hole, 4),
	       -EFAULT);
}

TEST_F(atomic, read_of_pages_to_read_only)
{
	refuse(_metadata, self,
	       op_read(self->f.memory, self->f.read_only - 5000, 6000),
	       -EFAULT);
}

TEST_F(atomic, write_that_wraps)
{
	struct cordbg_operation op = op_write(NULL, self->data, 4);

	op.address = UINT64_MAX;
	refuse(_metadata, self, op, -EOVERFLOW);
}

TEST_F(atomic, operation_unknown)
{
	refuse(_metadata, self, op_any(9, self->f.memory, NULL, 0, 0), -EINVAL);
}

TEST_F(atomic, flag_unknown)
{
	refuse(_metadata, self,
	       op_any(CORDBG_OP_WRITE_MEMORY, self->f.memory, self->data, 4,
		      CORDBG_RAW), -EINVAL);
}

TEST_F(atomic, reserved)
{
	struct cordbg_operation op = op_write(self->f.memory, self->data, 4);

	op.reserved = 1;
	refuse(_metadata, self, op, -EINVAL);
}

TEST_F(atomic, set_again)
{
	refuse(_metadata, self, op_set(self->held[0]), -EEXIST);
}

TEST_F(atomic, set_on_foreign)
{
	refuse(_metadata, self, op_set(self->foreign), -EBUSY);
}

/* Sets come first: what is to be written there later does not help. */
TEST_F(atomic, set_on_foreign_that_is_written_over)
{
	struct cordbg_operation ops[] = {
		op_write(self->foreign, self->data, OPCODE_LEN),
		op_set(self->foreign),
	};

	EXPECT_EQ(-EBUSY, do_batch(self->fd, ops, 2, CORDBG_BATCH_ATOMIC,
				   &self->done));
	EXPECT_TRUE(tell_refusal(ops, 2, 1, -EBUSY, POISON64));
	EXPECT_TRUE(unchanged(self));
}

TEST_F(atomic, set_on_shared)
{
	refuse(_metadata, self, op_set(self->f.shared), -EACCES);
}

TEST_F(atomic, set_on_nothing)
{
	refuse(_metadata, self, op_set(self->f.hole), -ENXIO);
}

TEST_F(atomic, clear_of_another)
{
	refuse(_metadata, self, op_clear(self->theirs), -ENOENT);
}

TEST_F(atomic, clear_of_none)
{
	refuse(_metadata, self, op_clear(self->f.memory), -ENOENT);
}

/* Of two at one address the second is refused, whatever the first is. */
TEST_F(atomic, two_at_one_address)
{
	uint8_t *none = self->f.memory, *held = self->held[0];
	const struct cordbg_operation pairs[][2] = {
		{ op_set(none), op_set(none) },
		{ op_set(none), op_clear(none) },
		{ op_clear(held), op_clear(held) },
		{ op_clear(held), op_set(held) },
	};
	struct cordbg_operation ops[5];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		ops[0] = op_write(none + 8, self->data, 8);
		ops[1] = pairs[i][0];
		ops[2] = op_read(none, self->in, 8);
		ops[3] = pairs[i][1];
		ops[4] = op_set(none + 64);
		EXPECT_EQ(-EINVAL, do_batch(self->fd, ops, 5,
					    CORDBG_BATCH_ATOMIC, &self->done));
		EXPECT_EQ(5U, self->done);
		EXPECT_TRUE(tell_refusal(ops, 5, 3, -EINVAL, POISON64)) {
			TH_LOG("pair %zu", i);
		}
		EXPECT_TRUE(unchanged(self));
	}
}

/* Sets come first: what is to be cleared still counts. */
TEST_F(atomic, limit_of_breakpoints)
{
	struct cordbg_operation ops[] = {
		op_clear(self->held[0]),
		op_set(self->f.memory),
		op_set(self->f.memory + 32),
	};
	long max;

	ASSERT_EQ(0, exchange_setting(MAX_BREAKPOINTS, 3, &max));
	EXPECT_EQ(-ENOSPC, do_batch(self->fd, ops, 3, CORDBG_BATCH_ATOMIC,
				    &self->done));
	EXPECT_TRUE(tell_refusal(ops, 3, 2, -ENOSPC, POISON64));
	EXPECT_TRUE(unchanged(self));
	EXPECT_EQ(0, do_batch(self->fd, ops, 2, CORDBG_BATCH_ATOMIC,
			      &self->done));
	EXPECT_EQ(0, write_setting(MAX_BREAKPOINTS, max));
}

TEST_F(atomic, number_of_operations)
{
	const uint32_t most = CORDBG_ATOMIC_OPERATIONS;
	struct cordbg_operation *ops = calloc(most + 1, sizeof(*ops));
	uint32_t i;

	ASSERT_EQ(1024U, most);
	ASSERT_TRUE(!!ops);
	for (i = 0; i <= most; i++)
		ops[i] = op_write(self->f.memory + i, self->data, 1);
	EXPECT_EQ(-EMSGSIZE, do_batch(self->fd, ops, most + 1,
				      CORDBG_BATCH_ATOMIC, &self->done));
	EXPECT_EQ(0U, self->done);
	EXPECT_TRUE(ops_unanswered(ops, most + 1));
	EXPECT_EQ(-EMSGSIZE, do_batch(self->fd, ops, UINT32_MAX,
				      CORDBG_BATCH_ATOMIC, &self->done));
	EXPECT_TRUE(unchanged(self));
	EXPECT_EQ(0, do_batch(self->fd, ops, most, CORDBG_BATCH_ATOMIC,
			      &self->done));
	EXPECT_EQ(most, self->done);
	EXPECT_TRUE(op_done(&ops[most - 1], 1));
	EXPECT_TRUE(op_unanswered(&ops[most]));
	memcpy(self->f.memory, self->data, most);
	EXPECT_TRUE(field_holds(&self->f, self->f.memory, self->f.memory,
				most + 1, 0));
	free(ops);
}

/* What is only probed is held, too. */
TEST_F(atomic, number_of_bytes_probed)
{
	const uint32_t most = CORDBG_ATOMIC_BYTES;
	uint8_t *bytes = map_private(most);
	struct cordbg_operation ops[2];
	struct debuggee large;
	uint32_t more;

	ASSERT_TRUE(!!bytes);
	ASSERT_EQ(0, debuggee_start(&large));
	for (more = 0; more < 2; more++) {
		ops[0] = op_any(CORDBG_OP_WRITE_MEMORY, bytes, NULL, most - 8,
				CORDBG_PROBE);
		ops[1] = op_any(CORDBG_OP_READ_MEMORY, bytes, NULL, 8 + more,
				CORDBG_PROBE);
		EXPECT_EQ(more ? -EMSGSIZE : 0,
			  do_batch(large.session, ops, 2, CORDBG_BATCH_ATOMIC,
				   &self->done));
	}
	EXPECT_TRUE(tell_refusal(ops, 2, 1, -EMSGSIZE, POISON64));
	EXPECT_EQ(0, debuggee_stop(&large));
}

/* Bytes, of reads and writes together. */
TEST_F(atomic, number_of_bytes)
{
	const uint32_t most = CORDBG_ATOMIC_BYTES, half = most / 2;
	uint8_t *bytes = map_private(most), *in = map_private(most);
	struct cordbg_operation ops[4];
	struct debuggee large;
	uint32_t more;

	ASSERT_EQ(16777216U, most);
	ASSERT_TRUE(bytes && in);
	memset(bytes, 0x11, most);
	ASSERT_EQ(0, debuggee_start(&large));
	memset(bytes, 0x22, half);
	for (more = 2; more-- > 0;) {
		ops[0] = op_write(bytes, bytes, half);
		ops[1] = op_read(bytes + half, in, half - 100);
		ops[2] = op_set(bytes + half);
		ops[3] = op_read(bytes, in + half, 100 + more);
		EXPECT_EQ(more ? -EMSGSIZE : 0,
			  do_batch(large.session, ops, 4, CORDBG_BATCH_ATOMIC,
				   &self->done));
		EXPECT_EQ(4U, self->done);
		if (!more)
			break;
		EXPECT_TRUE(tell_refusal(ops, 4, 3, -EMSGSIZE, POISON64));
		EXPECT_EQ(0, count_breakpoints(large.session));
		ASSERT_EQ(0, do_read(large.session, ptr_u64(bytes), in + half,
				     half, 0, NULL, NULL));
		EXPECT_TRUE(all_bytes(in, 0, half));
		EXPECT_TRUE(all_bytes(in + half, 0x11, half));
	}
	EXPECT_TRUE(op_done(&ops[0], half));
	EXPECT_TRUE(op_done(&ops[1], half - 100));
	EXPECT_TRUE(op_planted(&ops[2], bytes + half));
	EXPECT_TRUE(op_done(&ops[3], 100));
	EXPECT_TRUE(all_bytes(in, 0x11, half - 100));
	EXPECT_TRUE(all_bytes(in + half, 0x22, 100));
	ASSERT_EQ(0, do_read(large.session, ptr_u64(bytes), in, half, 0, NULL,
			     NULL));
	EXPECT_TRUE(all_bytes(in, 0x22, half));
	EXPECT_EQ(0, debuggee_stop(&large));
}

TEST_HARNESS_MAIN
