/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernels that look for mistakes take their time for it.
 */
#ifndef CORDBG_SLOWNESS_H
#define CORDBG_SLOWNESS_H

#include <stdlib.h>

/* How many times as long as on a stock kernel things take: $CORDBG_SLOWNESS, or 1. */
static inline int slowness(void)
{
	const char *text = getenv("CORDBG_SLOWNESS");

	return text ? atoi(text) : 1;
}

#endif /* CORDBG_SLOWNESS_H */
