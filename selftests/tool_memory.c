// SPDX-License-Identifier: GPL-2.0
/* cordbg read and cordbg write. */
#include "tool_fixture.h"

#define PAGE	4096
#define BIG	(65 << 20)

/* The program itself says what it finds there now. */
#define EXPECT_ANSWER(answer)	EXPECT_STREQ(answer, target_ask(&self->target, 'c'))
#define UNCHANGED		"1 2 4 5 target text library text"

TEST_F(tool, dump)
{
	uint64_t text = at(&self->target, "target_text");

	EXPECT_EQ(0, run("cordbg read %d %#" PRIx64 " 12", self->target.pid, text));
	EXPECT_TRUE(has(said, "%016" PRIx64 "  74 61 72 67 65 74 20 74  65 78 74 00 ",
			text));
	EXPECT_TRUE(has(said, " 65 78 74 00              |target text.|\n"));
	EXPECT_TRUE(has(said, "|\n%016" PRIx64 "\n", text + 12));
	EXPECT_STREQ("", complained);
}

TEST_F(tool, dump_squeezes)
{
	uint64_t page = at(&self->target, "guarded");

	EXPECT_EQ(0, run("cordbg read %d %" PRIu64 " 4K", self->target.pid, page));
	EXPECT_TRUE(has(said, "|................|\n*\n%016" PRIx64 "\n", page + PAGE));
	EXPECT_EQ(0, run("cordbg read -v %d %" PRIu64 " 4K | wc -l", self->target.pid,
			 page));
	EXPECT_EQ(PAGE / 16 + 1, atoi(said));
}

/* The line behind a breakpoint's is shown, though the program's bytes are the same. */
TEST_F(tool, dump_squeezes_no_marks)
{
	uint64_t page = at(&self->target, "guarded");
	uint8_t original[CORDBG_OPCODE_MAX];
	struct cordbg_process *other;

	ASSERT_EQ(0, cordbg_attach(self->target.pid, 0, &other));
	ASSERT_EQ(0, cordbg_set_unmanaged_breakpoint(other, page, sizeof(original),
						     original, NULL));
	EXPECT_EQ(0, run("cordbg read %d %#" PRIx64 " 64", self->target.pid, page));
	EXPECT_TRUE(has(said, "%016" PRIx64 " >00 00 ", page));
	EXPECT_TRUE(has(said, "|\n%016" PRIx64 "  00 00 ", page + 16));
	EXPECT_TRUE(has(said, "|\n*\n%016" PRIx64 "\n", page + 64));
	cordbg_detach(other);
}

TEST_F(tool, default_size)
{
	EXPECT_EQ(0, run("cordbg read -o - %d %#" PRIx64 " | wc -c", self->target.pid,
			 at(&self->target, "guarded")));
	EXPECT_EQ(64, atoi(said));
}

TEST_F(tool, nothing)
{
	EXPECT_EQ(0, run("cordbg read %d target_text 0", self->target.pid));
	EXPECT_STREQ("", said);
}

TEST_F(tool, dump_marks)
{
	uint64_t text = at(&self->target, "target_text");
	uint8_t original[CORDBG_OPCODE_MAX];
	struct cordbg_process *other;

	ASSERT_EQ(0, cordbg_attach(self->target.pid, 0, &other));
	ASSERT_EQ(0, cordbg_set_unmanaged_breakpoint(other, text + 1, sizeof(original),
						     original, NULL));
	EXPECT_EQ(0, run("cordbg read %d target_text 8", self->target.pid));
	EXPECT_TRUE(has(said, "  74>61 72 67 65 74 20 74 "));
	EXPECT_TRUE(has(said, "|target t|\n"));
	EXPECT_TRUE(has(said, "\n> marks the program's bytes"));
	EXPECT_EQ(0, run("cordbg read --raw %d target_text 8", self->target.pid));
	EXPECT_TRUE(has(said, "  74>cc 72 67 65 74 20 74 "));
	EXPECT_TRUE(has(said, "|t.rget t|\n"));
	EXPECT_EQ(0, run("cordbg read --quiet %d target_text 8", self->target.pid));
	EXPECT_EQ(NULL, strstr(said, "marks"));
	EXPECT_EQ(0, run("cordbg read --color=always %d target_text 8",
			 self->target.pid));
	EXPECT_TRUE(has(said, "  74 \033[1;31m61\033[0m 72 67"));
	EXPECT_EQ(NULL, strstr(said, "marks"));
	cordbg_detach(other);
}

TEST_F(tool, read_json)
{
	uint8_t original[CORDBG_OPCODE_MAX];
	struct cordbg_process *other;
	struct json_object *json;

	ASSERT_EQ(0, cordbg_attach(self->target.pid, 0, &other));
	ASSERT_EQ(0, cordbg_set_unmanaged_breakpoint(other, at(&self->target,
							       "target_text"),
						     sizeof(original), original, NULL));
	EXPECT_EQ(0, run("cordbg read --json %d target_text 8", self->target.pid));
	json = said_json();
	ASSERT_NE(NULL, json);
	EXPECT_EQ(self->target.pid, atoi(json_at(json, "/pid")));
	EXPECT_EQ(at(&self->target, "target_text"),
		  strtoull(json_at(json, "/address"), NULL, 0));
	EXPECT_STREQ("target_text (tool_target)", json_at(json, "/symbol"));
	EXPECT_STREQ("8", json_at(json, "/size"));
	EXPECT_STREQ("7461726765742074", json_at(json, "/bytes"));
	EXPECT_STREQ("74", json_at(json, "/breakpoints/0/original"));
	EXPECT_STREQ("true", json_at(json, "/breakpoints/0/planted"));
	EXPECT_STREQ("false", json_at(json, "/breakpoints/0/mine"));
	json_object_put(json);
	EXPECT_EQ(0, run("cordbg read --json --probe %d target_text 8",
			 self->target.pid));
	json = said_json();
	EXPECT_STREQ("8", json_at(json, "/size"));
	EXPECT_STREQ("", json_at(json, "/bytes"));
	json_object_put(json);
	cordbg_detach(other);
}

TEST_F(tool, output)
{
	EXPECT_EQ(0, run("cordbg read --output=/tmp/out %d target_text 6 && cat /tmp/out",
			 self->target.pid));
	EXPECT_STREQ("target", said);
	EXPECT_EQ(0, run("cordbg read -o - %d target_text+7 4", self->target.pid));
	EXPECT_STREQ("text", said);
	unlink("/tmp/out");
}

/* What the caller had stays until there is something better. */
TEST_F(tool, output_refused)
{
	ASSERT_EQ(0, run("mkdir /tmp/dir; printf old > /tmp/dir/out"));
	EXPECT_EQ(7, run("cordbg read -o /tmp/dir/out %d 0x10", self->target.pid));
	EXPECT_EQ(7, run("cordbg read -o /tmp/dir/new %d 0x10", self->target.pid));
	EXPECT_EQ(0, run("cat /tmp/dir/out; ls /tmp/dir"));
	EXPECT_STREQ("oldout\n", said);
	ASSERT_EQ(0, run("rm -r /tmp/dir"));
}

TEST_F(tool, output_replaces)
{
	ASSERT_EQ(0, run("mkdir /tmp/dir; cd /tmp/dir; printf longer > out\n"
			 "chmod 640 out; ln -s out link"));
	EXPECT_EQ(0, run("cd /tmp/dir; cordbg read -o link %d target_text 6",
			 self->target.pid));
	EXPECT_EQ(0, run("cd /tmp/dir; cat out; [ -L link ]; ls; stat -c %%a out"));
	EXPECT_STREQ("targetlink\nout\n640\n", said);
	ASSERT_EQ(0, run("rm -r /tmp/dir"));
}

TEST_F(tool, write_hex)
{
	EXPECT_EQ(0, run("cordbg write %d target_text 54 0x41 5247", self->target.pid));
	EXPECT_TRUE(has(said, "%#" PRIx64 ": 4 bytes written\n",
			at(&self->target, "target_text")));
	EXPECT_ANSWER("1 2 4 5 TARGet text library text");
}

TEST_F(tool, write_string)
{
	EXPECT_EQ(0, run("cordbg write -q -s TEXT %d target_text+7", self->target.pid));
	EXPECT_STREQ("", said);
	EXPECT_ANSWER("1 2 4 5 target TEXT library text");
	EXPECT_EQ(0, run("cordbg write -s new -z %d target_text", self->target.pid));
	EXPECT_ANSWER("1 2 4 5 new library text");
}

TEST_F(tool, write_input)
{
	EXPECT_EQ(0, run("printf TAR > /tmp/in; cordbg write -i /tmp/in %d target_text",
			 self->target.pid));
	EXPECT_ANSWER("1 2 4 5 TARget text library text");
	EXPECT_EQ(0, run("printf tar | cordbg write -i - %d target_text",
			 self->target.pid));
	EXPECT_ANSWER(UNCHANGED);
	unlink("/tmp/in");
}

/* mov $7, %eax; ret */
TEST_F(tool, write_force)
{
	EXPECT_EQ(6, run("cordbg write %d target_function b8 07000000 c3",
			 self->target.pid));
	EXPECT_ANSWER(UNCHANGED);
	EXPECT_EQ(0, run("cordbg write --force %d target_function b8 07000000 c3",
			 self->target.pid));
	EXPECT_ANSWER("7 2 4 5 target text library text");
}

TEST_F(tool, write_behind)
{
	uint8_t original[CORDBG_OPCODE_MAX];
	struct cordbg_process *other;

	ASSERT_EQ(0, cordbg_attach(self->target.pid, 0, &other));
	ASSERT_EQ(0, cordbg_set_unmanaged_breakpoint(other, at(&self->target,
							       "target_function"),
						     sizeof(original), original, NULL));
	EXPECT_EQ(0, run("cordbg write -f %d target_function b8 07000000 c3",
			 self->target.pid));
	EXPECT_EQ(0, run("cordbg read -r %d target_function 6", self->target.pid));
	EXPECT_TRUE(has(said, " >cc 07 00 00 00 c3 "));
	cordbg_detach(other);
	EXPECT_ANSWER("7 2 4 5 target text library text");
}

TEST_F(tool, probe)
{
	uint64_t text = at(&self->target, "target_text");
	char line[64];

	EXPECT_EQ(0, run("cordbg write --probe %d target_text ff ff", self->target.pid));
	EXPECT_TRUE(has(said, "%#" PRIx64 ": 2 bytes can be written\n", text));
	EXPECT_EQ(0, run("cordbg read --probe %d target_text 12", self->target.pid));
	snprintf(line, sizeof(line), "%#" PRIx64 ": 12 bytes can be read\n", text);
	EXPECT_STREQ(line, said);
	EXPECT_EQ(6, run("cordbg write --probe %d target_function 00", self->target.pid));
	EXPECT_EQ(0, run("cordbg write --probe -f %d target_function b8 07000000 c3",
			 self->target.pid));
	EXPECT_ANSWER(UNCHANGED);
}

TEST_F(tool, write_json)
{
	struct json_object *json;

	EXPECT_EQ(0, run("cordbg write --json -s TAR %d target_text", self->target.pid));
	json = said_json();
	ASSERT_NE(NULL, json);
	EXPECT_STREQ("3", json_at(json, "/size"));
	EXPECT_STREQ("3", json_at(json, "/written"));
	json_object_put(json);
	EXPECT_EQ(0, run("cordbg write --json -p -s X %d target_text", self->target.pid));
	json = said_json();
	EXPECT_STREQ("0", json_at(json, "/written"));
	json_object_put(json);
	EXPECT_ANSWER("1 2 4 5 TARget text library text");
}

/* A file of zeros but for its end. */
static int file_with_end(off_t size, const char *end)
{
	int fd = open("/tmp/big", O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t length = strlen(end);

	if (fd < 0 || pwrite(fd, end, length, size - length) != length)
		return -1;
	return close(fd);
}

/* More than a window, there and back: the last byte tells. */
TEST_F(tool, big)
{
	uint64_t big = at(&self->target, "big");
	char end[4] = "";
	int fd;

	ASSERT_EQ(0, file_with_end(BIG, "end"));
	EXPECT_EQ(0, run("cordbg write -i /tmp/big %d %#" PRIx64, self->target.pid,
			 big));
	EXPECT_EQ(0, run("cordbg read %d %#" PRIx64 " 4", self->target.pid,
			 big + BIG - 4));
	EXPECT_TRUE(has(said, " 00 65 6e 64 "));
	unlink("/tmp/big");
	EXPECT_EQ(0, run("cordbg read -o /tmp/big %d %#" PRIx64 " 65M",
			 self->target.pid, big));
	fd = open("/tmp/big", O_RDONLY);
	EXPECT_EQ(3, pread(fd, end, 3, BIG - 3));
	EXPECT_STREQ("end", end);
	close(fd);
	unlink("/tmp/big");
}

/* What follows is not mapped, so not a byte is written. */
TEST_F(tool, big_is_verified_whole)
{
	uint64_t big = at(&self->target, "big");
	char zeros[128] = "";

	ASSERT_EQ(0, file_with_end(BIG, "end"));
	ASSERT_EQ(0, run("printf start | dd of=/tmp/big conv=notrunc"));
	EXPECT_EQ(7, run("cordbg write -i /tmp/big %d %#" PRIx64, self->target.pid,
			 big + 2 * PAGE));
	EXPECT_TRUE(has(complained, "%#" PRIx64 " is not mapped", big + BIG));
	memset(zeros, '0', 20);
	EXPECT_EQ(0, run("cordbg read --json %d %#" PRIx64 " 10", self->target.pid,
			 big + 2 * PAGE));
	EXPECT_TRUE(has(said, "%s", zeros));
	unlink("/tmp/big");
}

/* Nobody takes what it reads, so it is in the first window when Ctrl-C comes. */
TEST_F(tool, interrupt)
{
	int out[2], err = memfd_create("err", 0), queued = 0, status;
	char line[256];
	pid_t pid;

	ASSERT_EQ(0, pipe2(out, O_CLOEXEC));
	snprintf(line, sizeof(line), "exec " CORDBG_TOOL " read -o - %d %#" PRIx64 " 65M",
		 self->target.pid, at(&self->target, "big"));
	pid = start_line(line, out[1], err, no_preparation);
	while (queued < 65536 && !ioctl(out[0], FIONREAD, &queued))
		usleep(10000);
	kill(pid, SIGINT);
	waitpid(pid, &status, 0);
	EXPECT_EQ(130, exit_status(status));
	read_back(err, complained, sizeof(complained));
	EXPECT_TRUE(has(complained, "the read ended after 0 of 68157440 bytes"));
	close(out[0]);
	close(out[1]);
}

TEST_HARNESS_MAIN
