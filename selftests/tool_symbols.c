// SPDX-License-Identifier: GPL-2.0
/* Addresses by name. */
#include "tool_fixture.h"

/* Where the tool finds a name, 0 if it does not. */
static uint64_t found(const struct target *target, const char *name)
{
	struct json_object *json;
	uint64_t address;

	if (run("cordbg read --probe --force --json %d '%s' 1", target->pid, name))
		return 0;
	json = said_json();
	address = strtoull(json_at(json, "/address"), NULL, 0);
	json_object_put(json);
	return address;
}

static bool means(const struct target *target, const char *name, uint64_t address)
{
	uint64_t got = found(target, name);

	if (got != address)
		printf("# %s is %#" PRIx64 ", not %#" PRIx64 "\n", name, address, got);
	return got == address;
}

/* The names that the program gives its things, and how to say them. */
TEST_F(tool, names)
{
	static const struct {
		const char *text, *name;
		int offset;
	} known[] = {
		{ "target_function", "target_function", 0 },
		{ "target_function+2", "target_function", 2 },
		{ "target_function-0x10", "target_function", -16 },
		{ "tool_target:target_text", "target_text", 0 },
		{ "static_function", "static_function", 0 },
		{ "library_function", "library_function", 0 },
		{ "libtool_target:library_function+1", "library_function", 1 },
		{ "libtool_target.so:in_both", "library_in_both", 0 },
		{ "tool_target:in_both", "in_both_here", 0 },
		{ "/selftests/64/tool_target:in_both", "in_both_here", 0 },
		{ "library_text", "library_text", 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		EXPECT_TRUE(means(&self->target, known[i].text,
				  at(&self->target, known[i].name) + known[i].offset));
}

TEST_F(tool, numbers)
{
	uint64_t guarded = at(&self->target, "guarded");
	char text[32];

	snprintf(text, sizeof(text), "%#" PRIx64, guarded);
	EXPECT_EQ(guarded, found(&self->target, text));
	snprintf(text, sizeof(text), "%" PRIu64 "+4095", guarded);
	EXPECT_EQ(guarded + 4095, found(&self->target, text));
	EXPECT_EQ(7, run("cordbg read --probe %d %" PRIu64 "+4K 1", self->target.pid,
			 at(&self->target, "guarded")));
}

/* A module's first bytes are its ELF header. */
TEST_F(tool, modules)
{
	EXPECT_EQ(0, run("cordbg read -o - %d libtool_target:1 3", self->target.pid));
	EXPECT_STREQ("ELF", said);
	EXPECT_EQ(0, run("cordbg read -o - %d libc:0+1 3", self->target.pid));
	EXPECT_STREQ("ELF", said);
	EXPECT_EQ(0, run("cordbg read -o - %d libc.so.6:1 3", self->target.pid));
	EXPECT_STREQ("ELF", said);
}

TEST_F(tool, unknown)
{
	EXPECT_EQ(15, run("cordbg read %d no_such_name", self->target.pid));
	EXPECT_TRUE(has(complained, "no symbol 'no_such_name'"));
	EXPECT_EQ(15, run("cordbg read %d nowhere:main", self->target.pid));
	EXPECT_TRUE(has(complained, "maps no file 'nowhere'"));
	EXPECT_EQ(15, run("cordbg read %d libtool_target:main", self->target.pid));
	EXPECT_TRUE(has(complained, "no symbol 'main' in that module"));
	EXPECT_EQ(15, run("cordbg read %d target_text-0xffffffffffffffff",
			  self->target.pid));
	EXPECT_TRUE(has(complained, "it wraps"));
	EXPECT_EQ(15, run("cordbg read %d libc:", self->target.pid));
	EXPECT_TRUE(has(complained, "without a symbol or number"));
	/* The C library has that, but it is no address. */
	EXPECT_EQ(15, run("cordbg read %d libc:GLIBC_2.2.5", self->target.pid));
	EXPECT_TRUE(has(complained, "no symbol 'GLIBC_2.2.5'"));
}

TEST_F(tool, ambiguous)
{
	EXPECT_EQ(15, run("cordbg read %d in_both", self->target.pid));
	EXPECT_TRUE(has(complained, "symbol 'in_both' is ambiguous: "));
	EXPECT_TRUE(has(complained, "%#" PRIx64 " in tool_target",
			at(&self->target, "in_both_here")));
	EXPECT_TRUE(has(complained, "%#" PRIx64 " in libtool_target.so",
			at(&self->target, "library_in_both")));
}

/* Of the C library, which has both. */
TEST_F(tool, versions)
{
	uint64_t new = at(&self->target, "realpath_new");
	uint64_t old = at(&self->target, "realpath_old");

	EXPECT_NE(0, old);
	EXPECT_NE(old, new);
	EXPECT_EQ(new, found(&self->target, "libc:realpath"));
	EXPECT_EQ(new, found(&self->target, "realpath"));
	EXPECT_EQ(new, found(&self->target, "realpath@GLIBC_2.3"));
	EXPECT_EQ(new, found(&self->target, "libc:realpath@@GLIBC_2.3"));
	EXPECT_EQ(old, found(&self->target, "libc:realpath@GLIBC_2.2.5"));
	EXPECT_EQ(old + 1, found(&self->target, "realpath@GLIBC_2.2.5+1"));
	EXPECT_EQ(15, run("cordbg read %d realpath@GLIBC_1", self->target.pid));
	EXPECT_TRUE(has(complained, "no symbol 'realpath@GLIBC_1'"));
	EXPECT_EQ(0, run("cordbg read --probe %d libc:memcpy", self->target.pid));
}

/* strlen(3) of the C library depends on the processor. */
TEST_F(tool, indirect)
{
	EXPECT_EQ(0, run("cordbg read --probe %d libc:strlen", self->target.pid));
	EXPECT_TRUE(has(complained, "'strlen' is an indirect function"));
}

TEST(ambiguous_in_one_file)
{
	struct target target;

	ASSERT_TRUE(target_start(&target, "./tool_target_static"));
	EXPECT_EQ(15, run("cordbg read %d twice", target.pid));
	EXPECT_TRUE(has(complained, " in tool_target_static; say the number\n"));
	EXPECT_EQ(0, target_end(&target));
}

/* Without the way to the file that is mapped, another one's symbols are no help. */
TEST(replaced)
{
	struct target target;

	ASSERT_EQ(0, run("cp tool_target libtool_target.so /tmp"));
	ASSERT_TRUE(target_start(&target, "/tmp/tool_target"));
	EXPECT_EQ(0, run_after(only_ptrace, "cordbg read %d static_function",
			       target.pid));
	/* So /proc still tells the path, which leads to another file. */
	ASSERT_EQ(0, mount("./tool_target", "/tmp/tool_target", NULL, MS_BIND, NULL));
	EXPECT_EQ(15, run_after(only_ptrace, "cordbg read %d static_function",
				target.pid));
	EXPECT_EQ(at(&target, "static_function"), found(&target, "static_function"));
	ASSERT_EQ(0, umount("/tmp/tool_target"));
	ASSERT_EQ(0, run("rm /tmp/tool_target; mkfifo /tmp/tool_target"));
	EXPECT_EQ(15, run_after(only_ptrace, "cordbg read %d static_function",
				target.pid));
	EXPECT_EQ(0, target_end(&target));
	EXPECT_EQ(0, run("rm /tmp/tool_target /tmp/libtool_target.so"));
}

/* What there is of the static function's name is gone. */
TEST(stripped)
{
	struct target target;

	ASSERT_TRUE(target_start(&target, "./tool_target_stripped"));
	EXPECT_EQ(at(&target, "target_function"), found(&target, "target_function"));
	EXPECT_EQ(at(&target, "library_function"), found(&target, "library_function"));
	EXPECT_EQ(0, found(&target, "static_function"));
	EXPECT_TRUE(has(complained, "debuginfo may know it"));
	EXPECT_EQ(0, target_end(&target));
}

TEST(not_relocated)
{
	struct target target;

	ASSERT_TRUE(target_start(&target, "./tool_target_static"));
	EXPECT_EQ(at(&target, "target_function"), found(&target, "target_function"));
	EXPECT_EQ(at(&target, "static_function"), found(&target, "static_function"));
	EXPECT_EQ(0, target_end(&target));
}

/* The file on disk is another by the time the tool looks. */
TEST(deleted)
{
	struct target target;

	ASSERT_EQ(0, run("cp tool_target libtool_target.so /tmp"));
	ASSERT_TRUE(target_start(&target, "/tmp/tool_target"));
	ASSERT_EQ(0, run("rm /tmp/tool_target; echo nonsense > /tmp/tool_target"));
	EXPECT_EQ(at(&target, "static_function"), found(&target, "static_function"));
	EXPECT_EQ(0, run("cordbg compare %d tool_target", target.pid));
	EXPECT_EQ(0, target_end(&target));
	EXPECT_EQ(0, run("rm /tmp/tool_target /tmp/libtool_target.so"));
}

TEST_HARNESS_MAIN
