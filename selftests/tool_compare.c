// SPDX-License-Identifier: GPL-2.0
/* cordbg compare, cordbg maps and cordbg list. */
#include <sys/ptrace.h>

#include "tool_fixture.h"

/* mov $7, %eax; ret: one byte differs. */
static const uint8_t patch[] = { 0xb8, 7, 0, 0, 0, 0xc3 };

/*
 * Somebody who does not use cordbg changes the program; attached to it, which newer
 * kernels ask for (PROC_MEM_FORCE_PTRACE).
 */
static int poke(const struct target *target, const char *name, const void *data,
		ssize_t size)
{
	char path[64];
	ssize_t done;
	int fd;

	if (ptrace(PTRACE_ATTACH, target->pid, 0, 0) ||
	    waitpid(target->pid, NULL, 0) != target->pid)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/mem", target->pid);
	fd = open(path, O_RDWR);
	done = pwrite(fd, data, size, at(target, name));
	close(fd);
	ptrace(PTRACE_DETACH, target->pid, 0, 0);
	return done != size;
}

TEST_F(tool, same)
{
	EXPECT_EQ(0, run("cordbg compare %d", self->target.pid));
	EXPECT_TRUE(has(said, "0 differences in "));
	EXPECT_EQ(0, run("cordbg compare --quiet %d", self->target.pid));
	EXPECT_STREQ("", said);
}

/* A breakpoint of cordbg is no difference. */
TEST_F(tool, breakpoints_are_hidden)
{
	EXPECT_EQ(0, run("printf '%%s\n' 'break target_function' 'compare tool_target' |\n"
			 "cordbg shell %d", self->target.pid));
	EXPECT_TRUE(has(said, "0 differences in "));
}

TEST_F(tool, patched)
{
	uint64_t function = at(&self->target, "library_function");

	ASSERT_EQ(0, poke(&self->target, "library_function", patch, sizeof(patch)));
	EXPECT_EQ(1, run("cordbg compare %d", self->target.pid));
	EXPECT_TRUE(has(said, "%#" PRIx64 "  /selftests/64/libtool_target.so  offset 0x",
			function + 1));
	EXPECT_TRUE(has(said, "  library_function+0x1 (libtool_target.so)\n"));
	EXPECT_TRUE(has(said, "\n    memory  07\n"));
	EXPECT_TRUE(has(said, "1 difference in "));
	EXPECT_EQ(1, run("cordbg compare %d libtool_target", self->target.pid));
	EXPECT_EQ(0, run("cordbg compare %d tool_target", self->target.pid));
}

TEST_F(tool, foreign_breakpoint)
{
	ASSERT_EQ(0, poke(&self->target, "target_function", "\xcc", 1));
	EXPECT_EQ(1, run("cordbg compare %d tool_target", self->target.pid));
	EXPECT_TRUE(has(said, "  1 byte  target_function (tool_target)\n"));
	EXPECT_TRUE(has(said, "a breakpoint opcode that is not cordbg's"));
	EXPECT_EQ(1, run("cordbg compare --color=always %d tool_target",
			 self->target.pid));
	EXPECT_TRUE(has(said, "memory  \033[1;31mcc\033[0m\n"));
}

TEST_F(tool, json)
{
	struct json_object *json;

	ASSERT_EQ(0, poke(&self->target, "target_function", patch, sizeof(patch)));
	EXPECT_EQ(1, run("cordbg compare --json %d tool_target", self->target.pid));
	json = said_json();
	ASSERT_NE(NULL, json);
	EXPECT_EQ(1, json_object_array_length(json));
	EXPECT_STREQ("target_function+0x1 (tool_target)", json_at(json, "/0/symbol"));
	EXPECT_STREQ("/selftests/64/tool_target", json_at(json, "/0/path"));
	EXPECT_STREQ("1", json_at(json, "/0/size"));
	EXPECT_STREQ("01", json_at(json, "/0/file"));
	EXPECT_STREQ("07", json_at(json, "/0/memory"));
	json_object_put(json);
	EXPECT_EQ(0, run("cordbg compare --json %d libc", self->target.pid));
	json = said_json();
	ASSERT_NE(NULL, json);
	EXPECT_EQ(0, json_object_array_length(json));
	json_object_put(json);
}

/* A program's data differ, and that is no patch. */
TEST_F(tool, all)
{
	EXPECT_EQ(0, run("cordbg compare %d tool_target", self->target.pid));
	EXPECT_EQ(0, run("cordbg write -q -s T %d target_text+7", self->target.pid));
	EXPECT_EQ(1, run("cordbg compare --all %d tool_target", self->target.pid));
	EXPECT_TRUE(has(said, "  1 byte  target_text+0x7 (tool_target)\n"));
}

TEST_F(tool, unknown_file)
{
	EXPECT_EQ(15, run("cordbg compare %d nowhere", self->target.pid));
	EXPECT_TRUE(has(complained, "the process maps no file 'nowhere'"));
}

TEST(other_file)
{
	struct target target;

	ASSERT_EQ(0, run("cp tool_target libtool_target.so /tmp"));
	ASSERT_TRUE(target_start(&target, "/tmp/tool_target"));
	EXPECT_EQ(0, run_after(only_ptrace, "cordbg compare %d tool_target",
			       target.pid));
	ASSERT_EQ(0, run("cp tool_target /tmp/new; mv /tmp/new /tmp/tool_target"));
	EXPECT_EQ(16, run_after(only_ptrace, "cordbg compare %d tool_target",
				target.pid));
	EXPECT_TRUE(has(complained, "no longer the file that is mapped"));
	/* The others are compared, and do not hide that this one is not. */
	ASSERT_EQ(0, poke(&target, "library_function", patch, sizeof(patch)));
	EXPECT_EQ(16, run_after(only_ptrace, "cordbg compare %d", target.pid));
	EXPECT_TRUE(has(said, "1 difference in "));
	EXPECT_EQ(0, run("cordbg compare %d tool_target", target.pid));
	EXPECT_EQ(0, target_end(&target));
	EXPECT_EQ(0, run("rm /tmp/tool_target /tmp/libtool_target.so"));
}

/* Mapped, but not so that it is compared. */
TEST_F(tool, no_code)
{
	EXPECT_EQ(0, run("grep -o 'tool_target\\.[a-zA-Z0-9]* (deleted)' /proc/%d/maps",
			 self->target.pid));
	said[strcspn(said, "\n")] = '\0';
	EXPECT_EQ(15, run("cordbg compare %d '%s'", self->target.pid, said));
	EXPECT_TRUE(has(complained, "has no executable mapping: --all compares others"));
}

/* A name that a terminal obeys, and that is no UTF-8. */
TEST(hostile_name)
{
	struct target target;
	struct json_object *json;

	ASSERT_EQ(0, run("cp libtool_target.so /tmp; cp tool_target \"$(%s)\"",
			 "printf '/tmp/\\033[31m\\302\\233\\377\\303\\244'"));
	ASSERT_TRUE(target_start(&target, "/tmp/\033[31m\302\233\377\303\244"));
	EXPECT_EQ(0, run("cordbg maps %d", target.pid));
	EXPECT_TRUE(has(said, "  /tmp/\\033[31m\\302\\233\\377\303\244\n"));
	EXPECT_EQ(NULL, strchr(said, '\033'));
	ASSERT_EQ(0, run("cordbg maps --json %d", target.pid));
	json = said_json();
	ASSERT_NE(NULL, json);
	EXPECT_STREQ("/tmp/\\033[31m\\302\\233\\377\303\244", json_at(json, "/0/path"));
	json_object_put(json);
	ASSERT_EQ(0, poke(&target, "target_function", patch, sizeof(patch)));
	EXPECT_EQ(1, run("cordbg compare %d", target.pid));
	EXPECT_TRUE(has(said, "  /tmp/\\033[31m"));
	EXPECT_TRUE(has(said, "  target_function+0x1 (\\033[31m"));
	EXPECT_EQ(NULL, strchr(said, '\033'));
	EXPECT_EQ(6, run("cordbg write %d target_function 00", target.pid));
	EXPECT_TRUE(has(complained, " /tmp/\\033[31m"));
	EXPECT_EQ(NULL, strchr(complained, '\033'));
	EXPECT_EQ(0, target_end(&target));
	EXPECT_EQ(0, run("rm /tmp/*31m* /tmp/libtool_target.so"));
}

TEST_F(tool, maps)
{
	uint8_t original[CORDBG_OPCODE_MAX];
	struct cordbg_process *other;

	ASSERT_EQ(0, cordbg_attach(self->target.pid, 0, &other));
	ASSERT_EQ(0, cordbg_set_unmanaged_breakpoint(other, at(&self->target, "guarded"),
						     sizeof(original), original, NULL));
	EXPECT_EQ(0, run("cordbg maps %d", self->target.pid));
	EXPECT_TRUE(has(said, "%016" PRIx64 "-%016" PRIx64 "  rw-p  yes    yes    yes      1",
			at(&self->target, "guarded"),
			at(&self->target, "guarded") + 4096));
	EXPECT_TRUE(has(said, "  r-xp  yes    force  yes      0  /selftests/64/tool_target\n"));
	EXPECT_TRUE(has(said, "  [stack]\n"));
	cordbg_detach(other);
}

/* What it says that may be done can be done, and nothing else. */
static bool may_is_true(struct cordbg_process *process, struct json_object *mapping)
{
	uint64_t start = strtoull(json_at(mapping, "/start"), NULL, 0);
	uint8_t original[CORDBG_OPCODE_MAX];
	const char *read = "no", *write = "no", *set = "no";

	if (!cordbg_read_memory_ex(process, start, 1, NULL, CORDBG_PROBE, NULL, NULL))
		read = "yes";
	else if (!cordbg_read_memory_ex(process, start, 1, NULL,
					CORDBG_PROBE | CORDBG_FORCE, NULL, NULL))
		read = "force";
	if (!cordbg_write_memory_ex(process, start, 1, NULL, CORDBG_PROBE, NULL, NULL))
		write = "yes";
	else if (!cordbg_write_memory_ex(process, start, 1, NULL,
					 CORDBG_PROBE | CORDBG_FORCE, NULL, NULL))
		write = "force";
	if (!cordbg_set_unmanaged_breakpoint(process, start, sizeof(original), original,
					     NULL))
		set = "yes";
	cordbg_clear_unmanaged_breakpoint(process, start);
	if (!strcmp(read, json_at(mapping, "/read")) &&
	    !strcmp(write, json_at(mapping, "/write")) &&
	    !strcmp(set, json_at(mapping, "/break")))
		return true;
	printf("# read %s write %s break %s, but: %s\n", read, write, set,
	       json_object_to_json_string(mapping));
	return false;
}

TEST_F(tool, maps_tell_the_truth)
{
	struct cordbg_process *process;
	struct json_object *json;
	size_t i;

	ASSERT_EQ(0, cordbg_attach(self->target.pid, 0, &process));
	ASSERT_EQ(0, run("cordbg maps --json %d", self->target.pid));
	json = said_json();
	ASSERT_NE(NULL, json);
	EXPECT_LT(15, json_object_array_length(json));
	for (i = 0; i < json_object_array_length(json); i++)
		EXPECT_TRUE(may_is_true(process, json_object_array_get_idx(json, i)));
	json_object_put(json);
	cordbg_detach(process);
}

TEST_F(tool, list)
{
	uint64_t rewritten = at(&self->target, "rewritten");
	uint8_t original[CORDBG_OPCODE_MAX];
	struct cordbg_process *other;
	struct json_object *json;

	EXPECT_EQ(0, run("cordbg list %d", self->target.pid));
	EXPECT_STREQ("", said);
	ASSERT_EQ(0, cordbg_attach(self->target.pid, 0, &other));
	ASSERT_EQ(0, cordbg_set_unmanaged_breakpoint(other, rewritten, sizeof(original),
						     original, NULL));
	ASSERT_EQ(0, cordbg_set_unmanaged_breakpoint(other, rewritten + 9,
						     sizeof(original), original, NULL));
	EXPECT_STREQ("rewritten", target_ask(&self->target, 'w'));
	EXPECT_EQ(0, run("cordbg list %d", self->target.pid));
	EXPECT_TRUE(has(said, "%#" PRIx64 "  90  gone     others", rewritten));
	EXPECT_TRUE(has(said, "%#" PRIx64 "  90  planted  others", rewritten + 9));
	EXPECT_EQ(0, run("cordbg list --json %d", self->target.pid));
	json = said_json();
	ASSERT_NE(NULL, json);
	EXPECT_EQ(rewritten, strtoull(json_at(json, "/0/address"), NULL, 0));
	EXPECT_STREQ("false", json_at(json, "/0/planted"));
	EXPECT_STREQ("true", json_at(json, "/1/planted"));
	EXPECT_STREQ("90", json_at(json, "/1/original"));
	json_object_put(json);
	cordbg_detach(other);
}

TEST_HARNESS_MAIN
