// SPDX-License-Identifier: GPL-2.0
/* cordbg shell: scripts. */
#include "tool_fixture.h"

/* Run a script on standard input: the exit status. */
static int run_script(const struct target *target, const char *options, const char *text)
{
	FILE *file = fopen("/tmp/script", "w");

	fputs(text, file);
	fclose(file);
	return run("cordbg shell %s %d < /tmp/script", options, target->pid);
}

TEST_F(tool, one_session)
{
	EXPECT_EQ(0, run_script(&self->target, "",
				"# everything in one session\n"
				"\n"
				"break target_text\n"
				"  list\n"
				"read target_text 4\n"
				"write target_text 54 41\n"
				"read --raw target_text 4\n"
				"maps\n"
				"clear target_text\n"
				"list\n"
				"read --quiet target_text 4\n"));
	EXPECT_TRUE(has(said, "  74  target_text (tool_target)\n"));
	EXPECT_TRUE(has(said, "  74  planted  mine    target_text (tool_target)\n"));
	EXPECT_TRUE(has(said, " >74 61 72 67 "));
	EXPECT_TRUE(has(said, " >cc 41 72 67 "));
	EXPECT_TRUE(has(said, "  yes      1  /selftests/64/tool_target\n"));
	EXPECT_TRUE(has(said, "  54 41 72 67 "));
	EXPECT_STREQ("1 2 4 5 TArget text library text", target_ask(&self->target, 'c'));
}

TEST_F(tool, breakpoints_end_with_it)
{
	EXPECT_EQ(0, run_script(&self->target, "", "break target_function\n"));
	EXPECT_STREQ("1 2 4 5 target text library text", target_ask(&self->target, 'c'));
}

TEST_F(tool, clear_all)
{
	EXPECT_EQ(0, run_script(&self->target, "",
				"break target_function library_function\n"
				"clear --all\n"
				"list\n"
				"break target_function static_function\n"
				"clear target_function static_function\n"));
	EXPECT_EQ(NULL, strstr(said, "planted"));
}

/* Of one command's breakpoints. */
TEST_F(tool, all_or_none)
{
	EXPECT_EQ(15, run_script(&self->target, "-k",
				 "break target_text no_such_name\nlist\n"));
	EXPECT_STREQ("", said);
	EXPECT_EQ(7, run_script(&self->target, "-k", "break target_text 0x10\nlist\n"));
	EXPECT_STREQ("", said);
	EXPECT_EQ(7, run_script(&self->target, "-k",
				"break -j target_text 0x10\nlist\n"));
	EXPECT_STREQ("", said);
	/* What an earlier command has planted stays. */
	EXPECT_EQ(9, run_script(&self->target, "-k",
				"break target_text\n"
				"break target_function target_text\nlist\n"));
	EXPECT_TRUE(has(said, "  planted  mine    target_text (tool_target)\n"));
	EXPECT_EQ(NULL, strstr(said, "target_function"));
}

TEST_F(tool, clear_goes_on)
{
	EXPECT_EQ(10, run_script(&self->target, "-k",
				 "break target_text\n"
				 "clear target_function target_text\nlist\n"));
	EXPECT_EQ(NULL, strstr(said, "planted"));
}

TEST_F(tool, stops_at_error)
{
	EXPECT_EQ(15, run_script(&self->target, "", "read no_such_name\nlist --nonsense\n"));
	EXPECT_TRUE(has(complained, "cordbg: standard input:1: no symbol"));
	EXPECT_EQ(NULL, strstr(complained, "nonsense"));
	EXPECT_EQ(64, run_script(&self->target, "-k", "read no_such_name\nlist --nonsense\n"
				 "read -q target_text 4"));
	EXPECT_TRUE(has(complained,
			"cordbg: standard input:2: list: unrecognized option '--nonsense'"));
	EXPECT_TRUE(has(said, " 74 61 72 67 "));
}

TEST_F(tool, file)
{
	EXPECT_EQ(0, run("echo 'read target_text 4' > /tmp/script;"
			 "cordbg shell %d /tmp/script", self->target.pid));
	EXPECT_TRUE(has(said, " 74 61 72 67 "));
	EXPECT_EQ(7, run("echo 'read 0' > /tmp/script; cordbg shell %d /tmp/script",
			 self->target.pid));
	EXPECT_TRUE(has(complained, "cordbg: /tmp/script:1: 0 is not mapped"));
	EXPECT_EQ(0, run("echo 'read target_text 4' | cordbg shell %d -",
			 self->target.pid));
}

TEST_F(tool, words)
{
	EXPECT_EQ(0, run_script(&self->target, "",
				"write target_text -s 'new text' -z\n"
				"read -o - \"target_text\" 8\n"));
	EXPECT_TRUE(has(said, "new text"));
	EXPECT_EQ(64, run_script(&self->target, "-k", "write target_text -s 'no end\n"));
	EXPECT_TRUE(has(complained, "a quote has no end"));
	EXPECT_EQ(64, run_script(&self->target, "-k", "read `date`\n"));
	EXPECT_TRUE(has(complained, "the shell runs no commands"));
	EXPECT_EQ(64, run_script(&self->target, "-k", "read target_text | cat\n"));
	EXPECT_TRUE(has(complained, "has to be quoted"));
}

TEST_F(tool, comments)
{
	EXPECT_EQ(64, run_script(&self->target, "", "#\n\t # 'nothing\nread # 'nothing\n"));
	EXPECT_TRUE(has(complained, "input:3: read: the ADDRESS is missing"));
	EXPECT_EQ(0, run_script(&self->target, "",
				"write -q target_text -s '# # ' # \"the text\n"
				"write -q target_text+4 -s \\#new\t#the text\n"
				"write -q target_text+8 -s a#b\n"
				"read -o - target_text 11 # 3\n"));
	EXPECT_STREQ("# # #newa#b", said);
}

/* What another shell would expand is part of names. */
TEST_F(tool, nothing_is_expanded)
{
	EXPECT_EQ(15, run_script(&self->target, "-k",
				 "read *\nread /*\nread ~\nread s[a-z]lftest?\n"
				 "read $HOME\nread \"$((1+2))\"\nread '$x'\nread \\$y\n"));
	EXPECT_TRUE(has(complained, "1: no symbol '*'"));
	EXPECT_TRUE(has(complained, "2: no symbol '/*'"));
	EXPECT_TRUE(has(complained, "3: no symbol '~'"));
	EXPECT_TRUE(has(complained, "4: no symbol 's[a-z]lftest?'"));
	EXPECT_TRUE(has(complained, "5: no symbol '$HOME'"));
	EXPECT_TRUE(has(complained, "6: no symbol '$((1+2))'"));
	EXPECT_TRUE(has(complained, "7: no symbol '$x'"));
	EXPECT_TRUE(has(complained, "8: no symbol '$y'"));
}

TEST_F(tool, line_ends)
{
	EXPECT_EQ(0, run_script(&self->target, "",
				"# no Unix\r\n\r\nread -o - target_text 6\r\n"));
	EXPECT_STREQ("target", said);
}

/* The rest of the script would be what is written. */
TEST_F(tool, input_is_the_script)
{
	EXPECT_EQ(64, run_script(&self->target, "-k",
				 "write target_text -i -\nread -o - target_text 6\n"));
	EXPECT_TRUE(has(complained, "input:1: write: standard input is the script"));
	EXPECT_STREQ("target", said);
	EXPECT_EQ(0, run("echo 'write -q target_text -i -' > /tmp/script;"
			 "printf input | cordbg shell %d /tmp/script",
			 self->target.pid));
	EXPECT_EQ(0, run("cordbg read -o - %d target_text 6", self->target.pid));
	EXPECT_STREQ("inputt", said);
}

TEST_F(tool, usage)
{
	EXPECT_EQ(64, run_script(&self->target, "-k",
				 "frobnicate\n"
				 "shell 1\n"
				 "read\n"
				 "break -t 1 0\n"
				 "break 0 -- true\n"
				 "clear\n"
				 "clear --all 0\n"
				 "wait soon\n"
				 "help frobnicate\n"
				 "quit now\n"
				 "read --color=blue 0\n"));
	EXPECT_TRUE(has(complained, "there is no command 'frobnicate'"));
	EXPECT_TRUE(has(complained, "there is no command 'shell'"));
	EXPECT_TRUE(has(complained, "\ncordbg: standard input:3: read: the ADDRESS is missing\n"));
	EXPECT_EQ(NULL, strstr(complained, "--usage"));
	EXPECT_TRUE(has(complained, "holds breakpoints until it ends: no --seconds"));
	EXPECT_TRUE(has(complained, "break: the shell runs no commands"));
	EXPECT_TRUE(has(complained, "clear: the ADDRESS is missing"));
	EXPECT_TRUE(has(complained, "clear: --all needs no ADDRESS"));
	EXPECT_TRUE(has(complained, "'soon' is not a number of seconds"));
	EXPECT_TRUE(has(complained, "quit: there is an argument too many: now"));
	EXPECT_TRUE(has(complained, "not 'blue'"));
}

TEST_F(tool, help)
{
	EXPECT_EQ(0, run_script(&self->target, "", "help\nhelp read\nlist --help\nquit\nread 0\n"));
	EXPECT_TRUE(has(said, "\n  clear     Clear breakpoints of this session.\n"));
	EXPECT_TRUE(has(said, "Usage: read [OPTION...] ADDRESS [SIZE]\n"));
	EXPECT_TRUE(has(said, "Usage: list [OPTION...]\n"));
	EXPECT_STREQ("", complained);
}

TEST_F(tool, wait)
{
	EXPECT_EQ(0, run_script(&self->target, "", "wait 0.1\nlist\n"));
	EXPECT_STREQ("", complained);
}

/* Its end ends a wait, and every command says so. */
TEST_F(tool, process_ends)
{
	char line[128];

	snprintf(line, sizeof(line), "break target_function\nwait\nlist\nread main 4\n");
	EXPECT_EQ(5, run("(sleep 1; kill -9 %d) & printf '%s' | cordbg shell -k %d",
			 self->target.pid, line, self->target.pid));
	EXPECT_TRUE(has(complained, "standard input:2: process %d has ended",
			self->target.pid));
	EXPECT_TRUE(has(complained, "standard input:3: process %d has ended",
			self->target.pid));
	EXPECT_TRUE(has(complained, "standard input:4: process %d has ended",
			self->target.pid));
	target_end(&self->target);
	ASSERT_TRUE(target_start(&self->target, "./tool_target"));
}

TEST_HARNESS_MAIN
