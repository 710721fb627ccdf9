// SPDX-License-Identifier: GPL-2.0
/* The clock, what reading it takes, samples and what they say. */

#include <stdlib.h>
#include <time.h>

#include "bench.h"

/* Samples are taken until there are enough of them or this has passed. */
#define BUDGET_INSTRUCTIONS	30000000ULL
#define BUDGET_TIME		30000000ULL

#define ROUNDS		3

/* Calls before the first that counts: fewer where they take long. */
#define WARMUP		3
#define WARMUP_SHARE	6	/* of the budget */
#define LONG_CALL	100000000ULL

#define MOST_SAMPLES	2000
#define MANY		20	/* counts of instructions repeat */

static bool instructions;
static uint64_t overhead;

uint64_t bench_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/**
 * bench_sample() - one timed call
 *
 * Return: the error of the call, or 0.
 */
int bench_sample(bench_call *call, void *context, uint64_t *ns)
{
	uint64_t start = bench_now();
	int err = call(context);
	uint64_t took = bench_now() - start;

	*ns = took > overhead ? took - overhead : 0;
	return err;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double quantile(const uint64_t *samples, size_t n, double q)
{
	return samples[(size_t)(q * (n - 1) + 0.5)];
}

/**
 * bench_evaluate() - what samples say
 * @samples: At least one; they get sorted.
 */
void bench_evaluate(uint64_t *samples, size_t n, struct bench_stats *stats)
{
	double sum = 0;
	size_t i;

	qsort(samples, n, sizeof(*samples), by_value);
	for (i = 0; i < n; i++)
		sum += samples[i];
	*stats = (struct bench_stats) {
		.samples = n,
		.min = samples[0],
		.p25 = quantile(samples, n, 0.25),
		.p50 = quantile(samples, n, 0.5),
		.p75 = quantile(samples, n, 0.75),
		.p90 = quantile(samples, n, 0.9),
		.p99 = quantile(samples, n, 0.99),
		.p999 = quantile(samples, n, 0.999),
		.max = samples[n - 1],
		.mean = sum / n,
	};
}

/* Whether the clock counts instructions. */
bool bench_counts(void)
{
	return instructions;
}

/* How often to repeat the whole, in the hope of a quiet moment. */
int bench_rounds(size_t size)
{
	return instructions || size > MIB ? 1 : ROUNDS;
}

static uint64_t budget(void)
{
	return instructions ? BUDGET_INSTRUCTIONS : BUDGET_TIME;
}

/* Whether a call that took @ns, the @n-th, is one that does not count. */
static bool warming_up(size_t n, uint64_t ns)
{
	return ns < LONG_CALL && n <= WARMUP &&
	       n * ns < budget() / WARMUP_SHARE + ns;
}

/* Whether enough was measured, in @n samples that took @spent. */
static bool enough(size_t n, uint64_t spent)
{
	return n >= (instructions ? MANY : MOST_SAMPLES) || spent > budget();
}

/**
 * bench_measure_pair() - measure two calls that alternate, such as set and clear
 * @first: Called first, timed.
 * @second: Called then, timed; may be NULL.
 * @per: What one call stands for: results are divided by it.
 *
 * Return: the first error of a call, or 0.
 */
int bench_measure_pair(bench_call *first, bench_call *second, void *context,
		       size_t per, struct bench_stats *first_stats,
		       struct bench_stats *second_stats)
{
	static uint64_t samples[2][MOST_SAMPLES];
	uint64_t spent = 0, ns[2] = { 0 };
	size_t n = 0, calls = 0;
	int err;

	do {
		err = bench_sample(first, context, &ns[0]);
		if (!err && second)
			err = bench_sample(second, context, &ns[1]);
		if (err)
			return err;
		if (warming_up(++calls, ns[0] + ns[1]))
			continue;
		samples[0][n] = ns[0] / per;
		samples[1][n] = ns[1] / per;
		n++;
		spent += ns[0] + ns[1];
	} while (!enough(n, spent));
	bench_evaluate(samples[0], n, first_stats);
	if (second)
		bench_evaluate(samples[1], n, second_stats);
	return 0;
}

int bench_measure(bench_call *call, void *context, struct bench_stats *stats)
{
	return bench_measure_pair(call, NULL, context, 1, stats, NULL);
}

static int nothing(void *context)
{
	(void)context;
	return 0;
}

void bench_clock_init(bool count_instructions)
{
	struct bench_stats stats;

	instructions = count_instructions;
	bench_measure(nothing, NULL, &stats);
	overhead = instructions ? stats.min : stats.p50;
	bench_number(&(struct bench_label){ .section = "clock" }, "overhead",
		     overhead);
}
