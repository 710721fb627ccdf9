/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rounds: a target, and operations on it, made up or recorded. A recorded round
 * that fails is made shorter: operations are left out as long as it still fails.
 */
#ifndef MODEL_SHRINK_H
#define MODEL_SHRINK_H

#include "model_generate.h"

#define ROUND_OPS	2500
#define EPOCH_OPS	100
#define MOST_OPS	(ROUND_OPS + ARENA_PAGES + 2 * MOST_BATCH + SLOTS)
#define MOST_EPOCHS	(2 * ROUND_OPS / EPOCH_OPS + 4)
#define SHRINK_MS	90000	/* then what is left is short enough */
#define TRIES		4	/* with threads, where each may end otherwise */

/**
 * struct record - what was done in a round
 * @nr: Operations.
 * @ops: The operations.
 * @ownership: Whose memory was whose, by epoch.
 */
static struct record {
	size_t nr;
	struct op ops[MOST_OPS];
	struct ownership ownership[MOST_EPOCHS];
} record;

/*
 * For target_call(): give up what only the test needs, so that children are made
 * faster.
 */
static long in_target_shed(unsigned long start, unsigned long size,
			   unsigned long unused)
{
	unsigned long first = (start + PAGE - 1) / PAGE * PAGE;

	(void)unused;
	return madvise((void *)first, (start + size - first) / PAGE * PAGE,
		       MADV_DONTNEED) ? -errno : 0;
}

static long shed(void *start, size_t size)
{
	return target_call(&run.target, in_target_shed, (unsigned long)start,
			   size, 0);
}

static bool begin_round(void)
{
	*run.failure = 0;
	model_reset();
	shared_fd = make_file(true);
	private_fd = make_file(false);
	if (shared_fd < 0 || private_fd < 0 || target_start(&run.target))
		return false;
	close(shared_fd);
	close(private_fd);
	return !shed(&model, sizeof(model)) &&
	       !shed(&record, sizeof(record)) &&
	       !shed(buffers, sizeof(buffers));
}

/* Close what is open, and let the target leave. */
static void end_round(void)
{
	unsigned int i;
	int status;

	for (i = 0; i < SLOTS; i++)
		if (model.open & 1U << i)
			close(run.sessions[i]);
	status = target_stop(&run.target);
	if (status)
		fail(NULL, "the target ended with %#x", status);
}

/* Carry out operations that have been predicted, and look at everything. */
static void finish_epoch(struct op *ops, size_t nr, bool threads)
{
	run_epoch(ops, nr, threads);
	if (!failed())
		check_quiet(ops->epoch % COMPARE_ALL == COMPARE_ALL - 1);
	scratch_used = 0;
}

static void record_epoch(uint32_t epoch)
{
	size_t first = record.nr, n, all;

	make_ownership(&record.ownership[epoch]);
	while (record.nr - first < EPOCH_OPS) {
		n = random_ops(&record.ops[record.nr], epoch, record.nr + 1);
		if (!n)
			continue;
		all = record.nr + n;
		predict(&record.ops[record.nr], n);
		if (record.ops[record.nr].possible)
			record.nr = all;
	}
	finish_epoch(&record.ops[first], record.nr - first, true);
}

/* At the end all sessions are closed: nothing is left. */
static void record_close(uint32_t epoch)
{
	size_t first = record.nr;
	unsigned int i;

	model.ownership = NULL;
	for (i = 0; i < SLOTS; i++) {
		if (!(model.open & 1U << i))
			continue;
		record.ops[record.nr] = (struct op) {
			.type = CLOSE, .slot = i, .epoch = epoch,
		};
		predict(&record.ops[record.nr++], 1);
	}
	record.ops[record.nr] = (struct op) { .type = FORK, .epoch = epoch };
	predict(&record.ops[record.nr++], 1);
	finish_epoch(&record.ops[first], record.nr - first, false);
}

/* A round of new operations: whether all was as predicted. */
static bool record_round(uint64_t seed, size_t nr_ops)
{
	uint32_t epoch = 1;
	size_t i;

	dice = random_from(seed);
	if (!begin_round())
		ksft_exit_fail_perror("target");
	record.nr = random_layout(record.ops);
	for (i = 0; i < record.nr; i++)
		predict(&record.ops[i], 1);
	finish_epoch(record.ops, record.nr, false);
	nr_ops += record.nr;
	while (!failed() && record.nr < nr_ops && epoch < MOST_EPOCHS - 1)
		record_epoch(epoch++);
	if (!failed())
		record_close(epoch);
	end_round();
	return !*run.failure;
}

/* Carry recorded operations out again: whether something is wrong. */
static bool replay_fails(struct op *ops, size_t nr, bool threads)
{
	size_t first, end;
	uint32_t epoch;

	if (!begin_round())
		return false;
	for (first = 0; first < nr && !failed(); first = end) {
		epoch = ops[first].epoch;
		model.ownership = threads && epoch ? &record.ownership[epoch] :
						     NULL;
		for (end = first; end < nr && ops[end].epoch == epoch; )
			end += predict(&ops[end], nr - end);
		finish_epoch(&ops[first], end - first, threads && epoch);
	}
	end_round();
	return *run.failure;
}

static bool any_replay_fails(struct op *ops, size_t nr, bool threads)
{
	unsigned int i;

	for (i = 0; i < (threads ? TRIES : 1); i++)
		if (replay_fails(ops, nr, threads))
			return true;
	return false;
}

/* Leave @n operations out from number @i on: whether it still fails. */
static bool try_without(size_t i, size_t n, bool threads)
{
	static struct op shorter[MOST_OPS];
	size_t nr = record.nr - n;

	memcpy(shorter, record.ops, i * sizeof(*shorter));
	memcpy(shorter + i, record.ops + i + n, (nr - i) * sizeof(*shorter));
	if (!any_replay_fails(shorter, nr, threads))
		return false;
	memcpy(record.ops, shorter, nr * sizeof(*shorter));
	record.nr = nr;
	return true;
}

/* Delta debugging: ever smaller parts are left out, until none can be. */
static void leave_out(bool threads)
{
	uint64_t end = now_ms() + SHRINK_MS;
	size_t part = record.nr / 2, i;
	bool any;

	while (part && now_ms() < end) {
		any = false;
		for (i = record.nr; i > 0 && now_ms() < end; ) {
			i = i > part ? i - part : 0;
			if (i + part <= record.nr)
				any |= try_without(i, part, threads);
			else if (i < record.nr)
				any |= try_without(i, record.nr - i, threads);
		}
		if (!any || part > 1)
			part = part > 1 ? (part + 1) / 2 : 0;
	}
}

static void print_record(void)
{
	char text[256];
	size_t i;

	for (i = 0; i < record.nr; i++)
		ksft_print_msg("%s\n", describe(&record.ops[i], text));
}

/* Say what was wrong, and print as short a sequence as can be found. */
static void report_failure(void)
{
	char first[sizeof(run.failure)];
	bool threads = false;

	memcpy(first, run.failure, sizeof(first));
	ksft_print_msg("WRONG: %s\n", first);
	if (!any_replay_fails(record.ops, record.nr, false)) {
		threads = true;
		if (!any_replay_fails(record.ops, record.nr, true)) {
			ksft_print_msg("not so again, in %u tries\n", TRIES);
			return;
		}
	}
	leave_out(threads);
	any_replay_fails(record.ops, record.nr, threads);
	ksft_print_msg("shortened to %zu operations%s: %s\n", record.nr,
		       threads ? ", in threads" : "",
		       *run.failure ? run.failure : "not so in the last try");
	print_record();
}

#endif /* MODEL_SHRINK_H */
