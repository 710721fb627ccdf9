// SPDX-License-Identifier: GPL-2.0
/*
 * CORDBG_BATCH: operations one after the other, each with its own result.
 */

#include <sys/time.h>

#include "batch_selftest.h"

FIXTURE(batch)
{
	struct field f;
	int fd;
	uint8_t *at;		/* in the field */
	uint8_t data[64];
	uint32_t done;
};

FIXTURE_SETUP(batch)
{
	ASSERT_EQ(0, field_start(&self->f));
	self->fd = self->f.d.session;
	self->at = self->f.memory + page_size() + 128;
	memset(self->data, 0x99, sizeof(self->data));
}

FIXTURE_TEARDOWN(batch)
{
	EXPECT_EQ(0, debuggee_stop(&self->f.d));
}

/* One of each kind: what is done, what is told, and what is left alone. */
TEST_F(batch, each_kind)
{
	uint8_t hidden[16], raw[16];
	struct cordbg_operation before[6], ops[] = {
		op_set(self->at),
		op_set(self->at + 32),
		op_write(self->at, self->data, 16),
		op_read(self->at, hidden, 16),
		op_raw(self->at, raw, 16),
		op_clear(self->at + 32),
	};
	size_t i;

	memcpy(before, ops, sizeof(ops));
	ASSERT_EQ(0, do_batch(self->fd, ops, 6, 0, &self->done));
	EXPECT_EQ(6U, self->done);
	EXPECT_TRUE(op_planted(&ops[0], self->at));
	EXPECT_TRUE(op_planted(&ops[1], self->at + 32));
	for (i = 2; i < 5; i++)
		EXPECT_TRUE(op_done(&ops[i], 16));
	EXPECT_TRUE(op_done(&ops[5], 0));
	for (i = 0; i < 6; i++)
		EXPECT_TRUE(op_kept(&ops[i], &before[i]));

	EXPECT_EQ(0, memcmp(self->data, hidden, 16));
	EXPECT_EQ(0, memcmp(opcode, raw, OPCODE_LEN));
	EXPECT_EQ(0, memcmp(self->data, raw + OPCODE_LEN, 16 - OPCODE_LEN));
	EXPECT_TRUE(all_bytes(self->data, 0x99, sizeof(self->data)));
	EXPECT_EQ(1, count_breakpoints(self->fd));
	memcpy(self->at, self->data, 16);
	expect_bytes(_metadata, &self->f.d, self->f.memory, self->f.memory,
		     self->f.size, self->at);
}

/* What an operation did is there for the next one. */
TEST_F(batch, in_order)
{
	uint8_t one[8], two[8], seen[4][8];
	struct cordbg_operation ops[] = {
		op_write(self->at, one, 8),
		op_read(self->at, seen[0], 8),
		op_write(self->at, two, 8),
		op_read(self->at, seen[1], 8),
		op_set(self->at),
		op_raw(self->at, seen[2], 8),
		op_clear(self->at),
		op_raw(self->at, seen[3], 8),
		op_set(self->at),
		op_clear(self->at),
		op_set(self->at + 64),
		/* From where the batch itself has read to. */
		op_write(self->at + 64, seen[0], 8),
	};
	size_t i;

	memset(one, 1, 8);
	memset(two, 2, 8);
	ASSERT_EQ(0, do_batch(self->fd, ops, ARRAY_SIZE(ops), 0, &self->done));
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(0, ops[i].status) {
			TH_LOG("operation %zu", i);
		}
	}
	EXPECT_EQ(0, memcmp(one, seen[0], 8));
	EXPECT_EQ(0, memcmp(two, seen[1], 8));
	EXPECT_EQ(0, memcmp(opcode, seen[2], OPCODE_LEN));
	EXPECT_EQ(0, memcmp(two, seen[3], 8));
	memcpy(self->at, two, 8);
	memcpy(self->at + 64, one, 8);
	expect_bytes(_metadata, &self->f.d, self->f.memory, self->f.memory,
		     self->f.size, self->at + 64);
}

/*
 * What is refused: after a breakpoint at @at was set, one at @at + 32 by another
 * session, and an opcode written to @at + 96.
 */
struct refusal {
	struct cordbg_operation op;
	int status;
	const uint8_t *failed;	/* or NULL */
};

static size_t list_refusals(struct _test_data_batch *self, struct refusal *list)
{
	const void *top = (void *)-1L;
	const struct field *f = &self->f;
	const struct refusal refusals[] = {
		{ op_write(f->read_only - 2, self->data, 4), -EACCES, f->read_only },
		{ op_write(f->hole - 2, self->data, 4), -EACCES, f->hole - 2 },
		{ op_write(f->hole, self->data, 4), -ENXIO, f->hole },
		{ op_read(f->hole - 2, self->data, 4), -ENXIO, f->hole },
		{ op_write(self->at, f->hole, 4), -EFAULT, NULL },
		{ op_read(self->at, f->hole, 4), -EFAULT, NULL },
		{ op_read(self->at, f->read_only, 4), -EFAULT, NULL },
		{ op_any(CORDBG_OP_WRITE_MEMORY, self->at, self->data, 4,
			 CORDBG_RAW), -EINVAL, NULL },
		{ op_set(self->at), -EEXIST, NULL },
		{ op_set(self->at + 96), -EBUSY, NULL },
		{ op_set(f->hole), -ENXIO, NULL },
		{ op_set(f->shared), -EACCES, NULL },
		{ op_clear(self->at + 32), -ENOENT, NULL },
		{ op_clear(self->at + 64), -ENOENT, NULL },
		{ op_clear(f->hole), -ENOENT, NULL },
		{ op_any(0, self->at, NULL, 0, 0), -EINVAL, NULL },
		{ op_any(5, self->at, NULL, 0, 0), -EINVAL, NULL },
		{ op_any(UINT32_MAX, self->at, NULL, 0, 0), -EINVAL, NULL },
		/* The last: it wraps, which takes 64 bits. */
		{ op_write(top, self->data, 4), -EOVERFLOW, NULL },
	};

	memcpy(list, refusals, sizeof(refusals));
	list[ARRAY_SIZE(refusals) - 1].op.address = UINT64_MAX;
	return ARRAY_SIZE(refusals);
}

#define MOST_REFUSALS	32

/* Each between two that are not: those happen, and it says why it did not. */
TEST_F(batch, refused_in_the_middle)
{
	struct refusal list[MOST_REFUSALS];
	struct cordbg_operation ops[2 * MOST_REFUSALS];
	size_t i, n = list_refusals(self, list);
	int other = session_open(self->f.d.target.pid);
	uint8_t *good = self->f.memory;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, do_break(self->fd, ptr_u64(self->at)));
	ASSERT_EQ(0, do_break(other, ptr_u64(self->at + 32)));
	ASSERT_EQ(0, do_write(self->fd, ptr_u64(self->at + 96), opcode,
			      OPCODE_LEN, 0, NULL, NULL));
	for (i = 0; i < n; i++) {
		ops[2 * i] = list[i].op;
		ops[2 * i + 1] = i % 2 ? op_set(good + 8 * i) :
					 op_write(good + 8 * i, self->data, 8);
	}
	ASSERT_EQ(0, do_batch(self->fd, ops, 2 * n, 0, &self->done));
	EXPECT_EQ(2 * n, self->done);
	for (i = 0; i < n; i++) {
		const struct cordbg_operation *op = &ops[2 * i];

		EXPECT_EQ(list[i].status, op->status) {
			TH_LOG("refusal %zu", i);
		}
		EXPECT_EQ(0U, op->done);
		EXPECT_EQ(list[i].failed ? ptr_u64(list[i].failed) : POISON64,
			  op->failed_address) {
			TH_LOG("refusal %zu", i);
		}
		EXPECT_TRUE(all_bytes(op->original, 0xa5, CORDBG_OPCODE_MAX));
		EXPECT_TRUE(op_kept(op, &list[i].op));
		EXPECT_TRUE(i % 2 ? op_planted(op + 1, good + 8 * i) :
				    op_done(op + 1, 8));
		if (i % 2 == 0)
			memcpy(good + 8 * i, self->data, 8);
	}
	EXPECT_TRUE(all_bytes(self->data, 0x99, sizeof(self->data)));
	EXPECT_EQ(2 + (long)n / 2, count_breakpoints(self->fd));
	memcpy(self->at + 96, opcode, OPCODE_LEN);
	EXPECT_TRUE(field_holds(&self->f, good, good, self->f.size, 0));
	close(other);
}

/* Members that mean nothing for an operation are not ignored. */
TEST_F(batch, members_without_meaning)
{
	struct cordbg_operation ops[256];
	size_t i, n = 0;
	uint32_t op;
	int bit;

	for (op = CORDBG_OP_WRITE_MEMORY; op <= CORDBG_OP_CLEAR_BREAKPOINT;
	     op++) {
		bool transfer = op <= CORDBG_OP_READ_MEMORY;
		uint32_t known = !transfer ? 0 : CORDBG_FORCE | CORDBG_PROBE |
				 (op == CORDBG_OP_READ_MEMORY ? CORDBG_RAW : 0);
		struct cordbg_operation good = transfer ?
			op_any(op, self->at, self->data, 8, 0) :
			op_any(op, self->at, NULL, 0, 0);

		for (bit = 0; bit < 32; bit++) {
			ops[n] = good;
			ops[n].reserved = 1U << bit;
			n++;
			if (known & (1U << bit))
				continue;
			ops[n] = good;
			ops[n].flags = known | (1U << bit);
			n++;
		}
		if (transfer)
			continue;
		ops[n] = good;
		ops[n].buffer = ptr_u64(self->data);
		n++;
		ops[n] = good;
		ops[n].size = 1;
		n++;
	}
	ASSERT_GE(ARRAY_SIZE(ops), n);
	ASSERT_EQ(0, do_batch(self->fd, ops, n, 0, &self->done));
	EXPECT_EQ(n, self->done);
	for (i = 0; i < n; i++) {
		EXPECT_TRUE(op_refused(&ops[i], -EINVAL)) {
			TH_LOG("operation %zu: op %u, flags %#x", i, ops[i].op,
			       ops[i].flags);
		}
	}
	EXPECT_TRUE(all_bytes(self->data, 0x99, sizeof(self->data)));
	EXPECT_TRUE(field_untouched(&self->f));
}

/* Verified and nothing more; the buffer is not used. */
TEST_F(batch, probe)
{
	const struct field *f = &self->f;
	const uint32_t force = CORDBG_PROBE | CORDBG_FORCE;
	struct cordbg_operation ops[] = {
		op_any(CORDBG_OP_WRITE_MEMORY, self->at, self->data, 8,
		       CORDBG_PROBE),
		op_any(CORDBG_OP_WRITE_MEMORY, self->at, NULL, 8, CORDBG_PROBE),
		op_any(CORDBG_OP_READ_MEMORY, self->at, self->data, 8,
		       CORDBG_PROBE),
		op_any(CORDBG_OP_WRITE_MEMORY, f->read_only, NULL, 8, force),
		op_any(CORDBG_OP_WRITE_MEMORY, f->read_only - 4, NULL, 8,
		       CORDBG_PROBE),
		op_any(CORDBG_OP_READ_MEMORY, f->hole - 4, NULL, 8,
		       CORDBG_PROBE),
	};
	size_t i;

	ASSERT_EQ(0, do_batch(self->fd, ops, 6, 0, &self->done));
	EXPECT_EQ(6U, self->done);
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(op_done(&ops[i], 0));
	EXPECT_EQ(-EACCES, ops[4].status);
	EXPECT_EQ(ptr_u64(f->read_only), ops[4].failed_address);
	EXPECT_EQ(-ENXIO, ops[5].status);
	EXPECT_EQ(ptr_u64(f->hole), ops[5].failed_address);
	EXPECT_TRUE(all_bytes(self->data, 0x99, sizeof(self->data)));
	EXPECT_TRUE(field_untouched(&self->f));
}

TEST_F(batch, force_and_no_bytes)
{
	struct cordbg_operation ops[] = {
		op_any(CORDBG_OP_WRITE_MEMORY, self->f.read_only, self->data, 8,
		       CORDBG_FORCE),
		op_write(self->f.hole, NULL, 0),
		op_read(NULL, NULL, 0),
	};

	ASSERT_EQ(0, do_batch(self->fd, ops, 3, 0, &self->done));
	EXPECT_EQ(3U, self->done);
	EXPECT_TRUE(op_done(&ops[0], 8));
	EXPECT_TRUE(op_done(&ops[1], 0));
	EXPECT_TRUE(op_done(&ops[2], 0));
	EXPECT_TRUE(field_holds(&self->f, self->f.read_only, self->data, 8,
				CORDBG_RAW));
}

TEST_F(batch, empty)
{
	EXPECT_EQ(0, do_batch(self->fd, NULL, 0, 0, &self->done));
	EXPECT_EQ(0U, self->done);
	EXPECT_EQ(0, do_batch(self->fd, NULL, 0, CORDBG_BATCH_ATOMIC,
			      &self->done));
	EXPECT_EQ(0U, self->done);
}

/* A long one: every seventh operation is refused. */
#define MANY		5003

static bool is_again(size_t i)
{
	return i % 7 == 6;
}

TEST_F(batch, many)
{
	struct cordbg_operation *ops = calloc(MANY, sizeof(*ops));
	uint8_t *at = self->f.memory;
	size_t i, bad = 0, set = 0;

	ASSERT_TRUE(!!ops);
	for (i = 0; i < MANY; i++)
		ops[i] = op_set(at + OPCODE_LEN * (is_again(i) ? i - 1 : i));
	ASSERT_GE(self->f.size, MANY * OPCODE_LEN);
	ASSERT_EQ(0, do_batch(self->fd, ops, MANY, 0, &self->done));
	EXPECT_EQ(MANY, self->done);
	for (i = 0; i < MANY; i++) {
		set += !is_again(i);
		if (is_again(i) ? !op_refused(&ops[i], -EEXIST) :
		    !op_planted(&ops[i], at + OPCODE_LEN * i))
			bad++;
	}
	EXPECT_EQ(0U, bad);
	EXPECT_EQ((long)set, count_breakpoints(self->fd));

	for (i = 0; i < MANY; i++)
		ops[i] = op_clear(at + OPCODE_LEN * i);
	ASSERT_EQ(0, do_batch(self->fd, ops, MANY, 0, &self->done));
	EXPECT_EQ(MANY, self->done);
	for (i = 0, bad = 0; i < MANY; i++)
		bad += is_again(i) ? !op_refused(&ops[i], -ENOENT) :
				     !op_done(&ops[i], 0);
	EXPECT_EQ(0U, bad);
	EXPECT_TRUE(field_untouched(&self->f));
	free(ops);
}

/* Each byte by an operation of its own, in turn with breakpoints. */
TEST_F(batch, many_mixed)
{
	struct cordbg_operation *ops = calloc(MANY, sizeof(*ops));
	uint8_t *at = self->f.memory, out[256], *in = calloc(1, MANY);
	size_t i, bad = 0;

	ASSERT_TRUE(ops && in);
	for (i = 0; i < 256; i++)
		out[i] = i;
	for (i = 0; i < MANY; i++) {
		uint8_t *place = at + i / 4 * OPCODE_LEN;

		ops[i] = i % 4 == 0 ? op_set(place) :
			 i % 4 == 1 ? op_write(place, &out[i % 251], 1) :
			 i % 4 == 2 ? op_read(place, &in[i], 1) :
				      op_clear(place);
	}
	ASSERT_EQ(0, do_batch(self->fd, ops, MANY, 0, &self->done));
	EXPECT_EQ(MANY, self->done);
	for (i = 0; i < MANY; i++) {
		bad += ops[i].status != 0;
		if (i % 4 == 2)
			bad += in[i] != (i - 1) % 251;
		if (i % 4 == 1)
			at[i / 4 * OPCODE_LEN] = i % 251;
	}
	EXPECT_EQ(0U, bad);
	EXPECT_TRUE(field_holds(&self->f, at, at, self->f.size, 0));
	free(ops);
	free(in);
}

/* Sessions share breakpoints set in batches as well. */
TEST_F(batch, other_sessions)
{
	int other = session_open(self->f.d.target.pid);
	uint8_t data[OPCODE_LEN];
	struct cordbg_operation set[] = {
		op_set(self->at), op_set(self->at + 32),
	};
	struct cordbg_operation clear[] = {
		op_clear(self->at), op_clear(self->at + 32),
	};

	memset(data, 0x31, sizeof(data));
	ASSERT_LE(0, other);
	ASSERT_EQ(0, do_break(other, ptr_u64(self->at)));
	ASSERT_EQ(0, do_write(other, ptr_u64(self->at), data, OPCODE_LEN, 0,
			      NULL, NULL));
	ASSERT_EQ(0, do_batch(self->fd, set, 2, 0, &self->done));
	EXPECT_TRUE(op_planted(&set[0], data));
	EXPECT_TRUE(op_planted(&set[1], self->at + 32));
	close(other);
	EXPECT_TRUE(field_holds(&self->f, self->at, opcode, OPCODE_LEN,
				CORDBG_RAW));
	ASSERT_EQ(0, do_batch(self->fd, clear, 2, 0, &self->done));
	EXPECT_TRUE(op_done(&clear[0], 0));
	EXPECT_TRUE(op_done(&clear[1], 0));
	EXPECT_TRUE(field_holds(&self->f, self->at, data, OPCODE_LEN,
				CORDBG_RAW));
}

TEST_F(batch, limit_of_breakpoints)
{
	struct cordbg_operation ops[] = {
		op_set(self->at), op_set(self->at + 32), op_set(self->at + 64),
		op_clear(self->at), op_set(self->at + 96),
	};
	long max;

	ASSERT_EQ(0, exchange_setting(MAX_BREAKPOINTS, 2, &max));
	EXPECT_EQ(0, do_batch(self->fd, ops, 5, 0, &self->done));
	EXPECT_EQ(0, write_setting(MAX_BREAKPOINTS, max));
	EXPECT_EQ(5U, self->done);
	EXPECT_EQ(0, ops[1].status);
	EXPECT_TRUE(op_refused(&ops[2], -ENOSPC));
	EXPECT_EQ(0, ops[3].status);
	EXPECT_EQ(0, ops[4].status);
	EXPECT_EQ(2, count_breakpoints(self->fd));
}

static void on_alarm(int signal)
{
	(void)signal;
}

#define SIGNAL_ROUNDS	40
#define MANY_MAPPINGS	1000

/* The next mapping differs, so that each is one of its own. */
static int map_many(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < MANY_MAPPINGS; i++)
		err = map_anon(4096, i % 2 ? PROT_READ : PROT_NONE,
			       MAP_PRIVATE) ? 0 : -ENOMEM;
	return err;
}

/*
 * The first breakpoint of a process takes all its locks, which gives way to any
 * signal: it is not seen in a result. The alarm comes ever later.
 */
TEST_F_TIMEOUT(batch, signals, 100)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval alarm = { }, never = { };
	int round, fd;

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, map_many());
	for (round = 0; round < SIGNAL_ROUNDS; round++) {
		struct cordbg_operation op = op_set(self->at);
		struct target target;

		ASSERT_EQ(0, target_start(&target));
		fd = session_open(target.pid);
		ASSERT_LE(0, fd);
		alarm.it_value.tv_usec = 1 + round * 50;
		ASSERT_EQ(0, setitimer(ITIMER_REAL, &alarm, NULL));
		EXPECT_EQ(0, do_batch(fd, &op, 1, 0, &self->done));
		EXPECT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
		EXPECT_EQ(0, op.status);
		close(fd);
		EXPECT_EQ(0, target_stop(&target));
	}
}

/* The caller may be the target. */
TEST_F(batch, on_itself)
{
	int fd = session_open(getpid());
	uint8_t in[8], before[8];
	struct cordbg_operation ops[] = {
		op_set(self->at),
		op_write(self->at, self->data, 8),
		op_read(self->at, in, 8),
		op_clear(self->at),
	};

	memcpy(before, self->at, 8);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, do_batch(fd, ops, 4, 0, &self->done));
	EXPECT_TRUE(op_planted(&ops[0], before));
	EXPECT_EQ(0, memcmp(self->data, in, 8));
	EXPECT_EQ(0, memcmp(self->data, self->at, 8));
	close(fd);
}

TEST_HARNESS_MAIN
