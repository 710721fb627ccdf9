// SPDX-License-Identifier: GPL-2.0
/* cordbg break: how long breakpoints are held, and what ends that. */
#include "tool_selftest.h"

/**
 * struct holder - a tool that holds breakpoints
 * @pid: Its process.
 * @out: What it prints.
 * @err: A file of what it complains.
 */
struct holder {
	pid_t pid;
	FILE *out;
	int err;
};

FIXTURE(hold)
{
	struct target target;
	struct cordbg_process *process;
	uint64_t rewritten;
};

FIXTURE_SETUP(hold)
{
	ASSERT_TRUE(target_start(&self->target, "./tool_target"));
	ASSERT_EQ(0, cordbg_attach(self->target.pid, 0, &self->process));
	self->rewritten = at(&self->target, "rewritten");
}

FIXTURE_TEARDOWN(hold)
{
	cordbg_detach(self->process);
	EXPECT_EQ(0, target_end(&self->target));
}

static size_t breakpoints(struct cordbg_process *process)
{
	size_t count = 99;

	cordbg_list_breakpoints(process, NULL, 0, &count);
	return count;
}

/* Start it, and wait for the line that it prints for one breakpoint. */
static bool start_holder_after(int (*prepare)(void), struct holder *holder,
			       const char *rest)
{
	char line[512], said_line[256] = "";
	int out[2];

	if (pipe2(out, O_CLOEXEC))
		return false;
	holder->err = memfd_create("err", MFD_CLOEXEC);
	snprintf(line, sizeof(line), "exec " CORDBG_TOOL " break %s", rest);
	holder->pid = start_line(line, out[1], holder->err, prepare);
	close(out[1]);
	holder->out = fdopen(out[0], "r");
	return fgets(said_line, sizeof(said_line), holder->out) &&
	       strstr(said_line, "  90\n");
}

static bool start_holder(struct holder *holder, const char *rest)
{
	return start_holder_after(no_preparation, holder, rest);
}

static int end_holder(struct holder *holder)
{
	int status;

	waitpid(holder->pid, &status, 0);
	fclose(holder->out);
	read_back(holder->err, complained, sizeof(complained));
	return exit_status(status);
}

/* Only Ctrl-C is how it is meant to end. */
TEST_F(hold, until_signal)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	static const int statuses[] = { 0, 1000 + SIGTERM, 1000 + SIGHUP };
	struct holder holder;
	char rest[64];
	size_t i;

	snprintf(rest, sizeof(rest), "%d %" PRIu64, self->target.pid, self->rewritten);
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		ASSERT_TRUE(start_holder(&holder, rest));
		EXPECT_EQ(1, breakpoints(self->process));
		kill(holder.pid, signals[i]);
		EXPECT_EQ(statuses[i], end_holder(&holder));
		EXPECT_TRUE(has(complained, "holding 1 breakpoint until Ctrl-C"));
		EXPECT_EQ(0, breakpoints(self->process));
	}
}

static int ignore_hangup(void)
{
	return signal(SIGHUP, SIG_IGN) == SIG_ERR;
}

/* As nohup(1) has it: it has a second to end, and must not. */
TEST_F(hold, ignored_signal)
{
	struct holder holder;
	char rest[64];

	snprintf(rest, sizeof(rest), "%d %" PRIu64, self->target.pid, self->rewritten);
	ASSERT_TRUE(start_holder_after(ignore_hangup, &holder, rest));
	kill(holder.pid, SIGHUP);
	sleep(1);
	EXPECT_EQ(0, waitpid(holder.pid, NULL, WNOHANG));
	EXPECT_EQ(1, breakpoints(self->process));
	kill(holder.pid, SIGTERM);
	EXPECT_EQ(1000 + SIGTERM, end_holder(&holder));
	EXPECT_EQ(0, breakpoints(self->process));
}

/* Not by way of a shell, which takes notice of its children. */
TEST_F(hold, ignored_children)
{
	char process[16], address[32];
	int status;
	pid_t pid;

	snprintf(process, sizeof(process), "%d", self->target.pid);
	snprintf(address, sizeof(address), "%" PRIu64, self->rewritten);
	pid = fork();
	if (!pid) {
		signal(SIGCHLD, SIG_IGN);
		close(STDOUT_FILENO);
		open("/dev/null", O_WRONLY);
		execl(CORDBG_TOOL, "cordbg", "break", process, address, "--", "sh",
		      "-c", "exit 7", NULL);
		_exit(201);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(7, exit_status(status));
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	return sigprocmask(SIG_BLOCK, &set, NULL);
}

/* The command gets the mask of who called the tool: SIGHUP and SIGUSR1. */
TEST_F(hold, signal_mask)
{
	EXPECT_EQ(0, run_after(block_signals,
			       "exec " CORDBG_TOOL " break %d %" PRIu64
			       " -- grep SigBlk: /proc/self/status",
			       self->target.pid, self->rewritten));
	EXPECT_TRUE(has(said, "SigBlk:\t0000000000000201\n"));
}

/* No suffixes, and nothing but decimal. */
TEST_F(hold, process_id)
{
	EXPECT_EQ(64, run("cordbg break -t 0 %#x %" PRIu64, self->target.pid,
			  self->rewritten));
	EXPECT_TRUE(has(complained, "'%#x' is not a process ID", self->target.pid));
	EXPECT_EQ(64, run("cordbg break -t 0 1K %" PRIu64, self->rewritten));
	EXPECT_TRUE(has(complained, "'1K' is not a process ID"));
	EXPECT_EQ(0, run("cordbg break -t 0 0%d %" PRIu64, self->target.pid,
			 self->rewritten));
}

TEST_F(hold, until_killed)
{
	struct holder holder;
	char rest[64];

	snprintf(rest, sizeof(rest), "-q %d %" PRIu64, self->target.pid,
		 self->rewritten);
	ASSERT_TRUE(start_holder(&holder, rest));
	kill(holder.pid, SIGKILL);
	EXPECT_EQ(1000 + SIGKILL, end_holder(&holder));
	EXPECT_STREQ("", complained);
	EXPECT_EQ(0, breakpoints(self->process));
}

TEST_F(hold, for_seconds)
{
	EXPECT_EQ(0, run("cordbg break --seconds 0.1 %d target_function %" PRIu64 "+1",
			 self->target.pid, self->rewritten));
	EXPECT_TRUE(has(said, "%#" PRIx64 "  b8  target_function (tool_target)\n",
			at(&self->target, "target_function")));
	EXPECT_TRUE(has(said, "%#" PRIx64 "  90\n", self->rewritten + 1));
	EXPECT_STREQ("", complained);
	EXPECT_EQ(0, breakpoints(self->process));
}

TEST_F(hold, json)
{
	struct json_object *json;

	EXPECT_EQ(0, run("cordbg break -j -t 0 %d %" PRIu64 " %" PRIu64 "+1",
			 self->target.pid, self->rewritten, self->rewritten));
	json = said_json();
	ASSERT_NE(NULL, json);
	EXPECT_EQ(self->rewritten + 1,
		  strtoull(json_at(json, "/1/address"), NULL, 0));
	EXPECT_STREQ("90", json_at(json, "/1/original"));
	EXPECT_STREQ("true", json_at(json, "/1/mine"));
	json_object_put(json);
}

/* All or none: the tool ends, and its session with it. */
TEST_F(hold, all_or_none)
{
	EXPECT_EQ(7, run("cordbg break %d %" PRIu64 " 0x10", self->target.pid,
			 self->rewritten));
	EXPECT_STREQ("", said);
	EXPECT_EQ(0, breakpoints(self->process));
}

TEST_F(hold, while_a_command_runs)
{
	EXPECT_EQ(0, run("cordbg break %d %" PRIu64 " -- " CORDBG_TOOL " list %d",
			 self->target.pid, self->rewritten, self->target.pid));
	EXPECT_TRUE(has(said, "%#" PRIx64 "  90  planted  others", self->rewritten));
	EXPECT_EQ(0, breakpoints(self->process));
	EXPECT_EQ(7, run("cordbg break %d %" PRIu64 " -- sh -c 'exit 7'",
			 self->target.pid, self->rewritten));
	EXPECT_EQ(128 + SIGTERM, run("cordbg break %d %" PRIu64 " -- sh -c 'kill $$'",
				     self->target.pid, self->rewritten));
}

TEST_F(hold, command_that_cannot_run)
{
	EXPECT_EQ(127, run("cordbg break %d %" PRIu64 " -- /nowhere", self->target.pid,
			   self->rewritten));
	EXPECT_TRUE(has(complained, "cannot run /nowhere: No such file"));
	EXPECT_EQ(126, run("cordbg break %d %" PRIu64 " -- /proc/version",
			   self->target.pid, self->rewritten));
	EXPECT_TRUE(has(complained, "cannot run /proc/version: Permission denied"));
}

/* SIGTERM is the command's affair. */
TEST_F(hold, signal_to_command)
{
	struct holder holder;
	char rest[256], line[64] = "";

	snprintf(rest, sizeof(rest), "%d %" PRIu64
		 " -- sh -c 'trap \"exit 9\" TERM; echo on; while :; do sleep 0.1; done'",
		 self->target.pid, self->rewritten);
	ASSERT_TRUE(start_holder(&holder, rest));
	EXPECT_STREQ("on\n", fgets(line, sizeof(line), holder.out));
	kill(holder.pid, SIGTERM);
	EXPECT_EQ(9, end_holder(&holder));
}

/* Another program runs in the process, and after a while none. */
TEST_F(hold, process_ends)
{
	struct holder holder;
	char rest[64];

	snprintf(rest, sizeof(rest), "%d %" PRIu64, self->target.pid, self->rewritten);
	ASSERT_TRUE(start_holder(&holder, rest));
	EXPECT_STRNE("", target_ask(&self->target, 'x'));
	ASSERT_TRUE(target_listen(&self->target));
	EXPECT_EQ(5, end_holder(&holder));
	EXPECT_TRUE(has(complained, "has ended, or runs another program"));

	snprintf(rest, sizeof(rest), "%d %" PRIu64, self->target.pid,
		 at(&self->target, "rewritten"));
	ASSERT_TRUE(start_holder(&holder, rest));
	EXPECT_STREQ("", target_ask(&self->target, 'q'));
	EXPECT_EQ(5, end_holder(&holder));
}

TEST_F(hold, process_ends_before_command)
{
	EXPECT_EQ(3, run("cordbg break %d %" PRIu64
			 " -- sh -c 'kill -9 %d; sleep 2; exit 3'",
			 self->target.pid, self->rewritten, self->target.pid));
	EXPECT_TRUE(has(complained, "has ended, or runs another program"));
	target_end(&self->target);
	ASSERT_TRUE(target_start(&self->target, "./tool_target"));
}

TEST_HARNESS_MAIN
