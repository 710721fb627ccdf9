// SPDX-License-Identifier: GPL-2.0
/*
 * Every example, compiled by pkg-config against the installed library. They find out
 * by themselves whether what they show holds.
 */
#include "tool_selftest.h"

#define EXAMPLES	13

/* None is left out below. */
TEST(number)
{
	EXPECT_EQ(0, run("ls /examples | wc -l"));
	EXPECT_EQ(EXAMPLES, atoi(said));
}

FIXTURE(example)
{
};

FIXTURE_SETUP(example)
{
}

FIXTURE_TEARDOWN(example)
{
}

FIXTURE_VARIANT(example)
{
	const char *name;
};

FIXTURE_VARIANT_ADD(example, attach)
{
	.name = "attach",
};

FIXTURE_VARIANT_ADD(example, batch)
{
	.name = "batch",
};

FIXTURE_VARIANT_ADD(example, breakpoint)
{
	.name = "breakpoint",
};

FIXTURE_VARIANT_ADD(example, cplusplus)
{
	.name = "cplusplus",
};

FIXTURE_VARIANT_ADD(example, errors)
{
	.name = "errors",
};

FIXTURE_VARIANT_ADD(example, from_fd)
{
	.name = "from_fd",
};

FIXTURE_VARIANT_ADD(example, list_breakpoints)
{
	.name = "list_breakpoints",
};

FIXTURE_VARIANT_ADD(example, read_memory)
{
	.name = "read_memory",
};

FIXTURE_VARIANT_ADD(example, read_memory_ex)
{
	.name = "read_memory_ex",
};

FIXTURE_VARIANT_ADD(example, step_over)
{
	.name = "step_over",
};

FIXTURE_VARIANT_ADD(example, write_behind_breakpoint)
{
	.name = "write_behind_breakpoint",
};

FIXTURE_VARIANT_ADD(example, write_memory)
{
	.name = "write_memory",
};

FIXTURE_VARIANT_ADD(example, write_memory_ex)
{
	.name = "write_memory_ex",
};

TEST_F(example, runs)
{
	EXPECT_EQ(0, run("/examples/%s", variant->name));
	EXPECT_STRNE("", said);
	EXPECT_STREQ("", complained);
}

TEST_F(example, tells_why_not)
{
	EXPECT_EQ(1, run_after(hide_device, "/examples/%s 2>&1", variant->name));
	EXPECT_TRUE(has(said, "%s", cordbg_strerror(-ENODEV)));
}

TEST_HARNESS_MAIN
