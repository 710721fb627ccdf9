// SPDX-License-Identifier: GPL-2.0
/* What the tool does on a terminal only: the interactive shell, bars, colours. */
#include <poll.h>
#include <pty.h>

#include "tool_selftest.h"

#define PATIENCE_MS	20000

/**
 * struct terminal - the tool, with a terminal
 * @pid: Its process.
 * @fd: The terminal's other end.
 * @text: All that came from there since it was last looked for something.
 */
struct terminal {
	pid_t pid;
	int fd;
	char text[8192];
};

FIXTURE(terminal)
{
	struct target target;
	struct terminal terminal;
};

FIXTURE_SETUP(terminal)
{
	unlink("/tmp/.cordbg_history");
	ASSERT_TRUE(target_start(&self->target, "./tool_target"));
}

FIXTURE_TEARDOWN(terminal)
{
	EXPECT_EQ(0, target_end(&self->target));
}

static void start_terminal(struct terminal *terminal, const char *line)
{
	struct winsize size = { .ws_row = 25, .ws_col = 200 };
	char command[256];

	memset(terminal, 0, sizeof(*terminal));
	snprintf(command, sizeof(command), "exec " CORDBG_TOOL " %s", line);
	terminal->pid = forkpty(&terminal->fd, NULL, NULL, &size);
	if (terminal->pid)
		return;
	setenv("HOME", "/tmp", 1);
	setenv("TERM", "dumb", 1);
	unsetenv("NO_COLOR");
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(201);
}

/* More of what the tool prints: false at its end, or if nothing comes. */
static bool hear(struct terminal *terminal)
{
	struct pollfd poll_fd = { .fd = terminal->fd, .events = POLLIN };
	size_t length = strlen(terminal->text);
	ssize_t got;

	if (poll(&poll_fd, 1, PATIENCE_MS) <= 0 || length + 1 >= sizeof(terminal->text))
		return false;
	got = read(terminal->fd, terminal->text + length,
		   sizeof(terminal->text) - 1 - length);
	terminal->text[length + (got > 0 ? got : 0)] = '\0';
	return got > 0;
}

/* Wait until the tool prints @wanted, and forget everything up to there. */
static bool expect(struct terminal *terminal, const char *wanted)
{
	char *found;

	while (!(found = strstr(terminal->text, wanted)))
		if (!hear(terminal))
			break;
	if (!found) {
		printf("# not on the terminal: %s\n# %s\n", wanted, terminal->text);
		return false;
	}
	found += strlen(wanted);
	memmove(terminal->text, found, strlen(found) + 1);
	return true;
}

static void type_text(const struct terminal *terminal, const char *text)
{
	if (write(terminal->fd, text, strlen(text)) < 0)
		printf("# cannot type %s\n", text);
}

static int end_terminal(struct terminal *terminal)
{
	int status;

	while (hear(terminal))
		;
	waitpid(terminal->pid, &status, 0);
	close(terminal->fd);
	return exit_status(status);
}

static void start_shell(struct terminal *terminal, const struct target *target)
{
	char line[64];

	snprintf(line, sizeof(line), "shell %d", target->pid);
	start_terminal(terminal, line);
}

/* An error does not end it, the end of input does. */
TEST_F(terminal, session)
{
	struct terminal *t = &self->terminal;

	start_shell(t, &self->target);
	ASSERT_TRUE(expect(t, "cordbg> "));
	type_text(t, "break target_function\n");
	EXPECT_TRUE(expect(t, "  b8  target_function (tool_target)"));
	type_text(t, "read nonsense\n");
	EXPECT_TRUE(expect(t, "no symbol 'nonsense'"));
	type_text(t, "list\n");
	EXPECT_TRUE(expect(t, "planted  mine "));
	EXPECT_TRUE(expect(t, "cordbg> "));
	type_text(t, "\004");
	EXPECT_EQ(0, end_terminal(t));
	EXPECT_STREQ("1 2 4 5 target text library text", target_ask(&self->target, 'c'));
}

TEST_F(terminal, colors)
{
	struct terminal *t = &self->terminal;

	start_shell(t, &self->target);
	ASSERT_TRUE(expect(t, "cordbg> "));
	type_text(t, "break target_text\nread target_text 4\nquit\n");
	EXPECT_TRUE(expect(t, "  \033[1;31m74\033[0m 61 72 67 "));
	EXPECT_EQ(0, end_terminal(t));
}

TEST_F(terminal, completion)
{
	struct terminal *t = &self->terminal;

	start_shell(t, &self->target);
	ASSERT_TRUE(expect(t, "cordbg> "));
	type_text(t, "rea\tlibrary_f\t--pr\t\n");
	EXPECT_TRUE(expect(t, "read library_function --probe"));
	EXPECT_TRUE(expect(t, "64 bytes can be read"));
	type_text(t, "help wr\t\n");
	EXPECT_TRUE(expect(t, "Usage: write [OPTION...] ADDRESS [HEX...]"));
	type_text(t, "read tool_target:target_te\t 4\n");
	EXPECT_TRUE(expect(t, "|targ|"));
	type_text(t, "quit\n");
	EXPECT_EQ(0, end_terminal(t));
}

TEST_F(terminal, history)
{
	struct terminal *t = &self->terminal;

	start_shell(t, &self->target);
	ASSERT_TRUE(expect(t, "cordbg> "));
	type_text(t, "read target_text 4\n");
	EXPECT_TRUE(expect(t, "|targ|"));
	type_text(t, "\020\n");
	EXPECT_TRUE(expect(t, "|targ|"));
	type_text(t, "exit\n");
	EXPECT_EQ(0, end_terminal(t));
	start_shell(t, &self->target);
	ASSERT_TRUE(expect(t, "cordbg> "));
	type_text(t, "\020\020\n");
	EXPECT_TRUE(expect(t, "|targ|"));
	type_text(t, "quit\n");
	EXPECT_EQ(0, end_terminal(t));
}

/* Ctrl-C gives up a line, and a wait. */
TEST_F(terminal, interrupt)
{
	struct terminal *t = &self->terminal;

	start_shell(t, &self->target);
	ASSERT_TRUE(expect(t, "cordbg> "));
	type_text(t, "nonsense");
	EXPECT_TRUE(expect(t, "nonsense"));
	type_text(t, "\003");
	EXPECT_TRUE(expect(t, "cordbg> "));
	type_text(t, "break target_text\n");
	EXPECT_TRUE(expect(t, "target_text (tool_target)"));
	type_text(t, "wait\n");
	EXPECT_TRUE(expect(t, "wait\r\n"));
	usleep(500000);
	type_text(t, "\003");
	EXPECT_TRUE(expect(t, "cordbg> "));
	type_text(t, "list\n");
	EXPECT_TRUE(expect(t, "planted  mine "));
	type_text(t, "quit\n");
	EXPECT_EQ(0, end_terminal(t));
}

TEST_F(terminal, progress)
{
	struct terminal *t = &self->terminal;
	char line[128];

	snprintf(line, sizeof(line), "read -o /dev/null %d %" PRIu64 " 65M",
		 self->target.pid, at(&self->target, "big"));
	start_terminal(t, line);
	EXPECT_TRUE(expect(t, "\r[                                        ]   0% 0 of 65 MiB"));
	EXPECT_TRUE(expect(t, "\r[####################################### ]  98% 64 of 65 MiB"));
	EXPECT_TRUE(expect(t, "\r[########################################] 100% 65 of 65 MiB"));
	EXPECT_EQ(0, end_terminal(t));
	snprintf(line, sizeof(line), "read -q -o /dev/null %d %" PRIu64 " 65M",
		 self->target.pid, at(&self->target, "big"));
	start_terminal(t, line);
	EXPECT_EQ(0, end_terminal(t));
	EXPECT_STREQ("", t->text);
}

TEST_HARNESS_MAIN
