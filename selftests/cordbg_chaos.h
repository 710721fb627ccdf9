/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For programs in which many processes do random things to each other: what they
 * share, random numbers that a seed repeats, and complaints from any of them.
 */
#ifndef CORDBG_CHAOS_H
#define CORDBG_CHAOS_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"

#define load(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)

/* A number up to @most, or the end. */
static inline uint64_t parse_number(const char *text, uint64_t most)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 0);

	if (*end || !*text || n > most)
		ksft_exit_fail_msg("bad number %s\n", text);
	return n;
}

/* What went wrong, counted, in memory that all processes share. */
static unsigned int *complaints;

/* Say what went wrong, in one piece, from any process; the first ones will do. */
__printf(1, 2)
static void complain(const char *format, ...)
{
	char text[256] = "# WRONG: ";
	size_t length = strlen(text);
	va_list args;

	if (load(complaints) >= 30)
		return;
	va_start(args, format);
	vsnprintf(text + length, sizeof(text) - length - 1, format, args);
	va_end(args);
	length = strlen(text);
	text[length++] = '\n';
	if (write(STDOUT_FILENO, text, length) < 0)
		_exit(KSFT_FAIL);
	/* Last: whoever sees it may kill this process. */
	__atomic_add_fetch(complaints, 1, __ATOMIC_SEQ_CST);
}

/* Random numbers below @n, from a seed that is never 0. */
static unsigned int pick(uint64_t *random, unsigned int n)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (*random >> 16) % n;
}

#endif /* CORDBG_CHAOS_H */
