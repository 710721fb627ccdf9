/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Carry out operations and compare what comes of them with what was predicted.
 */
#ifndef MODEL_RUN_H
#define MODEL_RUN_H

#include "model_target.h"

#define MOST_BATCH	12
#define TRANSFER_MOST	(32 * PAGE)

/**
 * struct run - the target that operations are carried out on
 * @target: The process.
 * @sessions: File descriptors, by slot.
 * @lock: One command at a time.
 * @fail_lock: Protects @failure.
 * @failure: What was wrong first; empty if nothing was.
 * @ops: The operations of this epoch.
 * @nr: How many.
 */
static struct run {
	struct target target;
	int sessions[SLOTS];
	pthread_mutex_t lock;
	pthread_mutex_t fail_lock;
	char failure[512];
	struct op *ops;
	size_t nr;
} run = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.fail_lock = PTHREAD_MUTEX_INITIALIZER,
};

/* Memory of one actor for what is transferred, for each operation of a batch. */
static uint8_t buffers[ACTORS][MOST_BATCH][TRANSFER_MOST];

__printf(2, 3)
static void fail(const struct op *op, const char *format, ...)
{
	char text[256];
	va_list args;
	size_t n;

	pthread_mutex_lock(&run.fail_lock);
	if (!*run.failure) {
		va_start(args, format);
		n = vsnprintf(run.failure, sizeof(run.failure) - 256, format,
			      args);
		va_end(args);
		if (op)
			snprintf(run.failure + n, sizeof(run.failure) - n,
				 ", in: %s", describe(op, text));
	}
	pthread_mutex_unlock(&run.fail_lock);
}

static bool failed(void)
{
	bool any;

	pthread_mutex_lock(&run.fail_lock);
	any = *run.failure;
	pthread_mutex_unlock(&run.fail_lock);
	return any;
}

/* Compare one result of an operation. */
static void expect(const struct op *op, const char *what, uint64_t seen,
		   uint64_t expected)
{
	if (seen != expected)
		fail(op, "%s is %lld (%#llx), not %lld (%#llx)", what,
		     (long long)seen, (unsigned long long)seen,
		     (long long)expected, (unsigned long long)expected);
}

static void expect_err(const struct op *op, int err, int expected)
{
	expect(op, "the result", (int64_t)err, (int64_t)expected);
}

static void expect_bytes(const struct op *op, const char *what,
			 uint64_t address, const uint8_t *seen,
			 const uint8_t *expected, size_t size)
{
	size_t i = 0;

	if (!memcmp(seen, expected, size))
		return;
	while (seen[i] == expected[i])
		i++;
	fail(op, "%s: %#llx holds %#x, not %#x", what,
	     (unsigned long long)(address + i), seen[i], expected[i]);
}

/* The caller's memory for an operation, number @i of its batch. */
static uint8_t *prepare_buffer(const struct op *op, size_t i)
{
	uint8_t *buffer = buffers[op->actor][i];

	if (op->type == WRITE)
		seeded_bytes(buffer, op->size, op->address, op->seed);
	else
		memset(buffer, 0xa5, op->size);
	return buffer;
}

static void expect_read(const struct op *op, const uint8_t *buffer)
{
	if (op->type == READ && !op->err && op->done)
		expect_bytes(op, "what was read", op->address, buffer,
			     op->bytes, op->size);
}

static void run_transfer(const struct op *op)
{
	uint8_t *buffer = prepare_buffer(op, 0);
	uint64_t done, at;
	int err;

	err = do_transfer(run.sessions[op->slot],
			  op->type == WRITE ? CORDBG_WRITE_MEMORY :
					      CORDBG_READ_MEMORY,
			  op->address, buffer, op->size, op->flags, &done, &at);
	expect_err(op, err, op->err);
	expect(op, "written", done, op->done);
	expect(op, "failed_address", at, op->failed);
	expect_read(op, buffer);
}

static void run_set(const struct op *op)
{
	uint8_t original[CORDBG_OPCODE_MAX];
	uint32_t length;
	int err;

	err = do_set(run.sessions[op->slot], op->address, original,
		     sizeof(original), &length);
	expect_err(op, err, op->err);
	if (op->err)
		return;
	expect(op, "buflen", length, OPCODE_LEN);
	expect_bytes(op, "the original", op->address, original, op->bytes,
		     OPCODE_LEN);
}

/* Compare a list: originals count while the opcode stands. */
static void compare_list(const struct op *op,
			 const struct cordbg_breakpoint *seen, unsigned int n,
			 const struct cordbg_breakpoint *expected,
			 unsigned int nr)
{
	unsigned int i;

	expect(op, "breakpoints listed", n, nr);
	for (i = 0; i < n && i < nr; i++) {
		expect(op, "a breakpoint's address", seen[i].address,
		       expected[i].address);
		expect(op, "a breakpoint's length", seen[i].length,
		       OPCODE_LEN);
		expect(op, "a breakpoint's flags", seen[i].flags,
		       expected[i].flags);
		if (expected[i].flags & CORDBG_BREAKPOINT_PLANTED)
			expect_bytes(op, "a listed original", seen[i].address,
				     seen[i].original, expected[i].original,
				     CORDBG_OPCODE_MAX);
	}
}

/* Others set and clear meanwhile, but not on the actor's stripes. */
static void run_list(const struct op *op)
{
	static struct cordbg_breakpoint lists[ACTORS][MOST_BREAKPOINTS];
	struct cordbg_breakpoint *list = lists[op->actor];
	uint32_t count, i, n = 0;
	int err;

	err = do_list(run.sessions[op->slot], 0, list, MOST_BREAKPOINTS,
		      &count);
	expect_err(op, err, 0);
	for (i = 0; !err && i < count && i < MOST_BREAKPOINTS; i++)
		if (owns(op->actor, list[i].address))
			list[n++] = list[i];
	compare_list(op, list, n, op->list, op->nr_list);
}

static void run_command(const struct op *op)
{
	long err;

	pthread_mutex_lock(&run.lock);
	command->op = *op;
	if (op->type == FORK)
		memcpy(command->looks, op->bytes,
		       op->size * sizeof(struct look));
	err = target_call(&run.target, in_target_command, 0, 0, 0);
	pthread_mutex_unlock(&run.lock);
	if (op->type == FORK && err == -EILSEQ)
		fail(op, "a child has other bytes than the program's");
	else
		expect_err(op, err, 0);
}

static void run_session(const struct op *op)
{
	int *fd = &run.sessions[op->slot];

	if (op->type == OPEN) {
		*fd = session_open(run.target.pid);
		if (*fd < 0)
			fail(op, "attach: %d", *fd);
	} else if (close(*fd)) {
		fail(op, "close: %d", errno);
	}
}

static void run_one(const struct op *op)
{
	if (is_transfer(op))
		run_transfer(op);
	else if (op->type == SET)
		run_set(op);
	else if (op->type == CLEAR)
		expect_err(op, do_clear(run.sessions[op->slot], op->address),
			   op->err);
	else if (op->type == LIST)
		run_list(op);
	else if (uses_session(op))
		run_session(op);
	else
		run_command(op);
}

static struct cordbg_operation batch_operation(const struct op *op, size_t i)
{
	static const uint32_t codes[] = {
		CORDBG_OP_WRITE_MEMORY, CORDBG_OP_READ_MEMORY,
		CORDBG_OP_SET_BREAKPOINT, CORDBG_OP_CLEAR_BREAKPOINT,
	};
	struct cordbg_operation operation = {
		.op = codes[op->type],
		.flags = op->flags,
		.address = op->address,
		.size = op->size,
		.done = POISON32,
		.status = POISON32,
		.failed_address = POISON64,
	};

	if (is_transfer(op))
		operation.buffer = ptr_u64(prepare_buffer(op, i));
	return operation;
}

static void expect_operation(const struct op *op,
			     const struct cordbg_operation *seen)
{
	expect(op, "the status", (int64_t)seen->status, (int64_t)op->err);
	expect(op, "done", seen->done, op->done);
	expect(op, "failed_address", seen->failed_address, op->failed);
	expect_read(op, (uint8_t *)(uintptr_t)seen->buffer);
	if (op->type == SET && !op->err)
		expect_bytes(op, "the original", op->address, seen->original,
			     op->bytes, OPCODE_LEN);
}

/* One that is to be refused has the batch's error, all others ECANCELED. */
static void expect_refused(const struct op *ops, size_t nr, int err,
			   const struct cordbg_operation *seen)
{
	size_t i, refused = 0;

	for (i = 0; i < nr; i++) {
		expect(&ops[i], "done", seen[i].done, 0);
		if (seen[i].status == -ECANCELED)
			continue;
		refused++;
		expect(&ops[i], "the status", (int64_t)seen[i].status,
		       (int64_t)ops[i].refused);
		expect(&ops[i], "the status", (int64_t)seen[i].status,
		       (int64_t)err);
		expect(&ops[i], "failed_address", seen[i].failed_address,
		       ops[i].failed);
	}
	expect(ops, "operations refused", refused, 1);
}

static void run_batch(const struct op *ops, size_t nr)
{
	struct cordbg_operation operations[MOST_BATCH];
	struct cordbg_batch arg = {
		.argsz = sizeof(arg),
		.flags = ops->atomic ? CORDBG_BATCH_ATOMIC : 0,
		.operations = ptr_u64(operations),
		.count = nr,
		.operation_size = sizeof(*operations),
		.done = POISON32,
	};
	bool refused = false;
	size_t i;
	int err;

	for (i = 0; i < nr; i++) {
		operations[i] = batch_operation(&ops[i], i);
		refused |= ops->atomic && ops[i].refused;
	}
	err = cordbg_ioctl(run.sessions[ops->slot], CORDBG_BATCH, &arg);
	expect(ops, "operations done", arg.done, nr);
	if (refused) {
		expect_refused(ops, nr, err, operations);
		return;
	}
	expect_err(ops, err, 0);
	for (i = 0; i < nr; i++)
		expect_operation(&ops[i], &operations[i]);
}

/* Carry out a batch, or one operation: how many they are. */
static size_t run_some(struct op *ops, size_t nr)
{
	struct op batch[MOST_BATCH];
	size_t n, in_batch = 0;

	for (n = 0; !n || (n < nr && same_batch(ops, &ops[n])); n++)
		if (ops[n].possible)
			batch[in_batch++] = ops[n];
	if (in_batch && ops->group)
		run_batch(batch, in_batch);
	else if (in_batch)
		run_one(batch);
	return n;
}

/* For in_threads(): the operations of one actor, in their order. */
static void *run_actor(void *number)
{
	size_t i = 0;

	while (i < run.nr && !failed()) {
		if (run.ops[i].actor == (uintptr_t)number)
			i += run_some(&run.ops[i], run.nr - i);
		else
			i++;
	}
	return NULL;
}

/* Carry out the operations of an epoch. */
static void run_epoch(struct op *ops, size_t nr, bool threads)
{
	size_t i = 0;

	run.ops = ops;
	run.nr = nr;
	if (threads && in_threads(run_actor, ACTORS))
		ksft_exit_fail_perror("threads");
	while (!threads && i < nr && !failed())
		i += run_some(&ops[i], nr - i);
}

#endif /* MODEL_RUN_H */
