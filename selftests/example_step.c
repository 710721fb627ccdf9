// SPDX-License-Identifier: GPL-2.0
/*
 * The example of a debugger that steps threads over a breakpoint, as it stands in
 * user/examples: it fails unless every call was a hit.
 */
#include "cordbg_harness.h"

#include <sys/wait.h>
#include <unistd.h>

#define main example_main
#include "step_over.c"
#undef main

TEST(every_hit_once)
{
	pid_t pid = fork();
	int status;

	ASSERT_LE(0, pid);
	/* It exits by itself if something does not hold. */
	if (!pid)
		exit(example_main());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
