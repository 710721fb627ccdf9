/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kselftest harness, for machines of any speed.
 */
#ifndef CORDBG_HARNESS_H
#define CORDBG_HARNESS_H

#include "cordbg_slowness.h"
#include "kselftest_harness.h"

/* All tests are registered by then. */
static void __attribute__((constructor(KSELFTEST_PRIO_XFAIL + 1)))
scale_timeouts(void)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;

	for (fixture = __fixture_list; fixture; fixture = fixture->next)
		for (test = fixture->tests; test; test = test->next)
			test->timeout *= slowness();
}

#endif /* CORDBG_HARNESS_H */
