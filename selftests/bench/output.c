// SPDX-License-Identifier: GPL-2.0
/* What the bench prints: one JSON object per line. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

/* The texts given to these functions have no character that JSON escapes. */
static void text(const char *name, const char *value)
{
	if (value)
		printf("\"%s\":\"%s\",", name, value);
}

static void number(const char *name, size_t value)
{
	if (value)
		printf("\"%s\":%zu,", name, value);
}

static void begin(const struct bench_label *label)
{
	putchar('{');
	text("section", label->section);
	text("route", label->route);
	text("operation", label->operation);
	text("memory", label->memory);
	text("place", label->place);
	text("state", label->state);
	number("size", label->size);
	number("count", label->count);
	number("tools", label->tools);
	printf("\"breakpoints\":%zu,\"others\":%zu,", label->breakpoints,
	       label->others);
}

static void end(void)
{
	puts("}");
	fflush(stdout);
}

void bench_result(const struct bench_label *label,
		  const struct bench_stats *stats)
{
	begin(label);
	printf("\"samples\":%zu,\"min\":%.0f,\"p25\":%.0f,\"p50\":%.0f,",
	       stats->samples, stats->min, stats->p25, stats->p50);
	printf("\"p75\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"p999\":%.0f,",
	       stats->p75, stats->p90, stats->p99, stats->p999);
	printf("\"max\":%.0f,\"mean\":%.0f", stats->max, stats->mean);
	end();
}

/* Results of two operations on the same. */
void bench_result_pair(const struct bench_label *label, const char *first,
		       const struct bench_stats *first_stats,
		       const char *second,
		       const struct bench_stats *second_stats)
{
	struct bench_label one = *label;

	one.operation = first;
	bench_result(&one, first_stats);
	one.operation = second;
	bench_result(&one, second_stats);
}

/* A result that is one number. */
void bench_number(const struct bench_label *label, const char *name,
		  double value)
{
	begin(label);
	printf("\"%s\":%.0f", name, value);
	end();
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of several values, the least and the most. */
static void spread(const char *name, double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	printf("\"%s\":%.3f,\"%s_low\":%.3f,\"%s_high\":%.3f", name,
	       values[n / 2], name, values[0], name, values[n - 1]);
}

/**
 * bench_rates() - what a number of tools got done
 * @rates: Calls per second in each round.
 * @best_of_one: The most that one tool got done; 0 if this is it.
 *
 * The most says what is possible: other load on the machine only ever takes away.
 *
 * Return: the most.
 */
double bench_rates(const struct bench_label *label, size_t rounds,
		   double *rates, double best_of_one)
{
	double best;

	begin(label);
	printf("\"rounds\":%zu,", rounds);
	spread("per_second", rates, rounds);
	best = rates[rounds - 1];
	printf(",\"speedup\":%.3f", best_of_one ? best / best_of_one : 1);
	end();
	return best;
}

/**
 * bench_memory_use() - what a breakpoint takes
 * @bytes: In the kernel's caches for small allocations.
 * @caches: Which caches have grown by how much.
 */
void bench_memory_use(const struct bench_label *label, double bytes,
		      const char *caches)
{
	begin(label);
	printf("\"bytes\":%.1f,\"caches\":\"%s\"", bytes, caches);
	end();
}

/**
 * bench_locks_taken() - which locks two sessions took
 * @locks: How many one of them took.
 * @shared: How many both took.
 * @by: A function that took one of those.
 */
void bench_locks_taken(const struct bench_label *label, size_t locks,
		       size_t shared, const char *by)
{
	begin(label);
	text("by", by);
	printf("\"locks\":%zu,\"shared\":%zu", locks, shared);
	end();
}

/* An error was planted, and a check found it. */
void bench_fault_found(const char *fault, const char *message)
{
	begin(&(struct bench_label){ .section = "faults", .operation = fault });
	printf("\"found\":\"%s\"", message);
	end();
}

/* Something that was not measured, and why. */
void bench_omitted(const struct bench_label *label, const char *reason)
{
	begin(label);
	printf("\"omitted\":\"%s\"", reason);
	end();
}

/* Something about the whole run. */
void bench_fact(const char *name, const char *value)
{
	printf("{\"fact\":\"%s\",\"value\":\"%s\"", name, value);
	end();
}

void bench_die(const char *message, ...)
{
	va_list arguments;

	printf("{\"failed\":\"");
	va_start(arguments, message);
	vprintf(message, arguments);
	va_end(arguments);
	printf("\"");
	end();
	exit(EXIT_FAILURE);
}

void bench_check(int err, const char *what)
{
	if (err < 0)
		bench_die("%s: %s", what, strerror(-err));
}
