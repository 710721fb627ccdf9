/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kselftest harness, for machines of any speed: $CORDBG_SLOWNESS says how many
 * times as long as on a stock kernel a test may take.
 */
#ifndef SELFTESTS_CORDBG_HARNESS_H
#define SELFTESTS_CORDBG_HARNESS_H

#include <stdlib.h>

#include "kselftest_harness.h"

/* All tests are registered by then. */
static void __attribute__((constructor(KSELFTEST_PRIO_XFAIL + 1)))
scale_timeouts(void)
{
	const char *slowness = getenv("CORDBG_SLOWNESS");
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;

	if (!slowness)
		return;
	for (fixture = __fixture_list; fixture; fixture = fixture->next)
		for (test = fixture->tests; test; test = test->next)
			test->timeout *= atoi(slowness);
}

#endif /* SELFTESTS_CORDBG_HARNESS_H */
