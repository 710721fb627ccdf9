/* SPDX-License-Identifier: GPL-2.0 */
/* Most tests of the tool work on one program, which has to end well. */
#ifndef TOOL_FIXTURE_H
#define TOOL_FIXTURE_H

#include "tool_selftest.h"

FIXTURE(tool)
{
	struct target target;
};

FIXTURE_SETUP(tool)
{
	ASSERT_TRUE(target_start(&self->target, "./tool_target"));
}

FIXTURE_TEARDOWN(tool)
{
	EXPECT_EQ(0, target_end(&self->target));
}

#endif /* TOOL_FIXTURE_H */
