// SPDX-License-Identifier: GPL-2.0
/*
 * Several sessions on one process share its breakpoints.
 */

#include "target_memory.h"

FIXTURE(sessions)
{
	struct debuggee d;
	int other;
	uint8_t *at;
	uint64_t address;
	uint8_t before[OPCODE_LEN];
	uint8_t seen[OPCODE_LEN];
};

FIXTURE_SETUP(sessions)
{
	self->at = map_private(page_size());
	ASSERT_TRUE(!!self->at);
	fill_plain(self->at, page_size(), 15);
	self->at += 64;
	self->address = ptr_u64(self->at);
	memcpy(self->before, self->at, OPCODE_LEN);
	memset(self->seen, 0xa5, OPCODE_LEN);
	ASSERT_EQ(0, debuggee_start(&self->d));
	self->other = session_open(self->d.target.pid);
	ASSERT_LE(0, self->other);
}

FIXTURE_TEARDOWN(sessions)
{
	if (self->other >= 0)
		close(self->other);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* What the target has in memory. */
static void expect_memory(struct __test_metadata *_metadata,
			  FIXTURE_DATA(sessions) * self, const void *expected)
{
	memset(self->seen, 0xa5, OPCODE_LEN);
	ASSERT_EQ(0, debuggee_peek(&self->d, self->at, self->seen, OPCODE_LEN));
	EXPECT_EQ(0, memcmp(expected, self->seen, OPCODE_LEN));
}

TEST_F(sessions, second_set_returns_the_original)
{
	uint32_t buflen;

	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(0, do_set(self->other, self->address, self->seen, OPCODE_LEN,
			    &buflen));
	EXPECT_EQ(OPCODE_LEN, buflen);
	EXPECT_EQ(0, memcmp(self->before, self->seen, OPCODE_LEN));
	EXPECT_EQ(-EEXIST, do_break(self->other, self->address));
	EXPECT_EQ(1, count_breakpoints(self->other));
	expect_memory(_metadata, self, opcode);
}

/* "Original" is what the program has now, also if a session wrote it. */
TEST_F(sessions, second_set_returns_what_was_written)
{
	uint8_t data[OPCODE_LEN];

	memset(data, 0xcc, sizeof(data));
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_write(self->d.session, self->address, data,
			      sizeof(data), 0, NULL, NULL));
	EXPECT_EQ(0, do_set(self->other, self->address, self->seen, OPCODE_LEN,
			    NULL));
	EXPECT_EQ(0, memcmp(data, self->seen, OPCODE_LEN));
}

TEST_F(sessions, first_clears_first)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_break(self->other, self->address));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_memory(_metadata, self, opcode);
	EXPECT_EQ(-ENOENT, do_clear(self->d.session, self->address));
	EXPECT_EQ(0, do_clear(self->other, self->address));
	expect_memory(_metadata, self, self->before);
	EXPECT_EQ(0, count_breakpoints(self->other));
}

TEST_F(sessions, second_clears_first)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_break(self->other, self->address));
	EXPECT_EQ(0, do_clear(self->other, self->address));
	expect_memory(_metadata, self, opcode);
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_memory(_metadata, self, self->before);
}

/* What any session wrote is what the last owner puts back. */
TEST_F(sessions, last_clear_puts_back_what_was_written)
{
	uint8_t data[OPCODE_LEN];

	memset(data, 0x77, sizeof(data));
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_break(self->other, self->address));
	ASSERT_EQ(0, do_write(self->other, self->address, data, sizeof(data),
			      0, NULL, NULL));
	EXPECT_EQ(0, do_read(self->d.session, self->address, self->seen,
			     OPCODE_LEN, 0, NULL, NULL));
	EXPECT_EQ(0, memcmp(data, self->seen, OPCODE_LEN));
	EXPECT_EQ(0, do_clear(self->other, self->address));
	expect_memory(_metadata, self, opcode);
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_memory(_metadata, self, data);
}

TEST_F(sessions, clear_of_another)
{
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	EXPECT_EQ(-ENOENT, do_clear(self->other, self->address));
	EXPECT_EQ(1, count_breakpoints(self->other));
	expect_memory(_metadata, self, opcode);
}

TEST_F(sessions, close_clears)
{
	ASSERT_EQ(0, do_break(self->other, self->address));
	expect_memory(_metadata, self, opcode);
	close(self->other);
	self->other = -1;
	expect_memory(_metadata, self, self->before);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
}

/* Closing takes away the session's own breakpoints, and no other. */
TEST_F(sessions, close_leaves_those_of_others)
{
	uint64_t second = self->address + 64;

	ASSERT_EQ(0, do_break(self->other, self->address));
	ASSERT_EQ(0, do_break(self->d.session, self->address));
	ASSERT_EQ(0, do_break(self->other, second));
	close(self->other);
	self->other = -1;
	expect_memory(_metadata, self, opcode);
	EXPECT_EQ(1, count_breakpoints(self->d.session));
	EXPECT_EQ(0, do_clear(self->d.session, self->address));
	expect_memory(_metadata, self, self->before);
}

/* One of two descriptors of a session is not the session. */
TEST_F(sessions, close_of_a_duplicate)
{
	int duplicate = dup(self->other);

	ASSERT_LE(0, duplicate);
	ASSERT_EQ(0, do_break(self->other, self->address));
	close(self->other);
	self->other = duplicate;
	expect_memory(_metadata, self, opcode);
	EXPECT_EQ(0, do_clear(duplicate, self->address));
	expect_memory(_metadata, self, self->before);
}

/* A debugger that dies leaves nothing behind. */
TEST_F(sessions, killed_debugger)
{
	int status, ready[2];
	pid_t tool;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	tool = fork();
	ASSERT_LE(0, tool);
	if (!tool) {
		int session = session_open(self->d.target.pid);

		if (session < 0 || do_break(session, self->address) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	expect_memory(_metadata, self, opcode);
	kill(tool, SIGKILL);
	ASSERT_EQ(tool, waitpid(tool, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	expect_memory(_metadata, self, self->before);
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	close(ready[0]);
}

TEST_HARNESS_MAIN
