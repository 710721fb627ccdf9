// SPDX-License-Identifier: GPL-2.0
/* What the tool does on a terminal only: the interactive shell, bars, colours. */
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>

#include "tool_selftest.h"

#define PATIENCE_MS	20000
#define WAITS		100

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

/* Of a lot of text, what came last is enough to find something in. */
static size_t make_room(struct terminal *terminal)
{
	size_t length = strlen(terminal->text), half = sizeof(terminal->text) / 2;

	if (length + 1 < sizeof(terminal->text))
		return length;
	memmove(terminal->text, terminal->text + half, length - half + 1);
	return length - half;
}

/* More of what the tool prints: false at its end, or if nothing comes. */
static bool hear(struct terminal *terminal)
{
	struct pollfd poll_fd = { .fd = terminal->fd, .events = POLLIN };
	size_t length = make_room(terminal);
	ssize_t got;

	if (poll(&poll_fd, 1, PATIENCE_MS) <= 0)
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

/* Wait until what is typed is echoed by the terminal: no line is being edited. */
static bool await_echo(const struct terminal *terminal)
{
	struct termios mode = { };
	unsigned int ms;

	for (ms = 0; ms < PATIENCE_MS && !(mode.c_lflag & ECHO); ms++) {
		if (tcgetattr(terminal->fd, &mode))
			return false;
		usleep(1000);
	}
	return mode.c_lflag & ECHO;
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

/* Ctrl-C gives up a line, and a wait, also one that has hardly begun. */
TEST_F(terminal, interrupt)
{
	struct terminal *t = &self->terminal;
	unsigned int i;

	start_shell(t, &self->target);
	ASSERT_TRUE(expect(t, "cordbg> "));
	type_text(t, "nonsense");
	EXPECT_TRUE(expect(t, "nonsense"));
	type_text(t, "\003");
	EXPECT_TRUE(expect(t, "cordbg> "));
	type_text(t, "break target_text\n");
	EXPECT_TRUE(expect(t, "target_text (tool_target)"));
	EXPECT_TRUE(expect(t, "cordbg> "));
	for (i = 0; i < WAITS; i++) {
		type_text(t, "wait\n");
		ASSERT_TRUE(expect(t, "wait\r\n"));
		usleep(i * 100);
		type_text(t, "\003");
		ASSERT_TRUE(expect(t, "cordbg> "));
	}
	type_text(t, "list\n");
	EXPECT_TRUE(expect(t, "planted  mine "));
	type_text(t, "quit\n");
	EXPECT_EQ(0, end_terminal(t));
}

/* Nor does it end a shell that is at work, or clear its breakpoints. */
TEST_F(terminal, interrupted_commands)
{
	struct terminal *t = &self->terminal;
	char line[64];

	start_shell(t, &self->target);
	ASSERT_TRUE(expect(t, "cordbg> "));
	type_text(t, "break target_text\n");
	EXPECT_TRUE(expect(t, "target_text (tool_target)"));
	EXPECT_TRUE(expect(t, "cordbg> "));
	snprintf(line, sizeof(line), "read -v %" PRIu64 " 60M\n", at(&self->target, "big"));
	type_text(t, line);
	EXPECT_TRUE(expect(t, "|................|"));
	type_text(t, "\003");
	EXPECT_TRUE(expect(t, "interrupted\r\n"));
	EXPECT_TRUE(expect(t, "cordbg> "));
	type_text(t, "write target_text -i -\n");
	EXPECT_TRUE(expect(t, "-i -\r\n"));
	EXPECT_TRUE(await_echo(t));
	type_text(t, "typed");
	EXPECT_TRUE(expect(t, "typed"));
	type_text(t, "\003");
	EXPECT_TRUE(expect(t, "interrupted\r\n"));
	EXPECT_TRUE(expect(t, "cordbg> "));
	type_text(t, "list\n");
	EXPECT_TRUE(expect(t, "planted  mine "));
	type_text(t, "read target_text 4\n");
	EXPECT_TRUE(expect(t, "|targ|"));
	type_text(t, "quit\n");
	EXPECT_EQ(0, end_terminal(t));
}

/* Ctrl-C ends a script, whatever may fail in it. */
TEST_F(terminal, interrupted_script)
{
	struct terminal *t = &self->terminal;
	FILE *file = fopen("/tmp/script", "w");
	char line[64];
	int fifo;

	fprintf(file, "read -o /tmp/fifo %" PRIu64 " 65M\nread target_text 4\n",
		at(&self->target, "big"));
	fclose(file);
	unlink("/tmp/fifo");
	ASSERT_EQ(0, mkfifo("/tmp/fifo", 0600));
	fifo = open("/tmp/fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_NE(-1, fifo);
	snprintf(line, sizeof(line), "shell -k %d /tmp/script", self->target.pid);
	start_terminal(t, line);
	/* Nobody takes what it reads, so it gets no further. */
	EXPECT_TRUE(expect(t, "0% 0 of 65 MiB"));
	type_text(t, "\003");
	EXPECT_TRUE(expect(t, "the read ended after 0 of 68157440 bytes"));
	EXPECT_EQ(130, end_terminal(t));
	EXPECT_EQ(NULL, strstr(t->text, "|targ|"));
	close(fifo);
	unlink("/tmp/fifo");
}

/* What was typed is kept at once, and beside what another shell keeps. */
TEST_F(terminal, history_of_a_lost_shell)
{
	struct terminal *t = &self->terminal, other;

	start_shell(&other, &self->target);
	ASSERT_TRUE(expect(&other, "cordbg> "));
	start_shell(t, &self->target);
	ASSERT_TRUE(expect(t, "cordbg> "));
	type_text(t, "read target_text 5\n");
	EXPECT_TRUE(expect(t, "|targe|"));
	EXPECT_TRUE(expect(t, "cordbg> "));
	kill(t->pid, SIGHUP);
	EXPECT_EQ(1000 + SIGHUP, end_terminal(t));
	type_text(&other, "help\n");
	EXPECT_TRUE(expect(&other, "cordbg> "));
	type_text(&other, "quit\n");
	EXPECT_EQ(0, end_terminal(&other));
	EXPECT_EQ(0, run("cat /tmp/.cordbg_history"));
	EXPECT_STREQ("read target_text 5\nhelp\nquit\n", said);
}

TEST_F(terminal, completion_of_files)
{
	struct terminal *t = &self->terminal;

	ASSERT_EQ(0, run("touch /tmp/input_of_write"));
	start_shell(t, &self->target);
	ASSERT_TRUE(expect(t, "cordbg> "));
	type_text(t, "write target_text --input /tmp/input_o\t\n");
	EXPECT_TRUE(expect(t, "--input /tmp/input_of_write"));
	EXPECT_TRUE(expect(t, "0 bytes written"));
	type_text(t, "quit\n");
	EXPECT_EQ(0, end_terminal(t));
	unlink("/tmp/input_of_write");
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
