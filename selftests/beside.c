// SPDX-License-Identifier: GPL-2.0
/*
 * Beside others that plant opcodes or trace: gdb, strace, a uprobe, and a program
 * with opcodes of its own. Nothing of theirs is broken, and an opcode of theirs is
 * never taken for a byte of the program.
 *
 * gdb and strace are the real ones; without them the tests fail.
 */

#include <poll.h>
#include <sys/stat.h>

#include "beside_code.h"
#include "cordbg_process.h"
#include "target_memory.h"

#define TRACING		"/sys/kernel/tracing/"
#define PATIENCE_MS	60000

/* The program's bytes of the functions: a uprobe changes those of this process. */
static uint8_t function_bytes[64];

static __attribute__((constructor)) void keep_bytes(void)
{
	memcpy(function_bytes, last, sizeof(function_bytes));
}

/* For target_call(). */
static long run(unsigned long function, unsigned long times,
		unsigned long unused)
{
	(void)unused;
	while (times--)
		((void (*)(void))function)();
	return 0;
}

static long fork_children(unsigned long children, unsigned long at,
			  unsigned long byte)
{
	int status;
	pid_t pid;

	while (children--) {
		pid = fork();
		if (!pid)
			_exit(*(uint8_t *)at != byte);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return -errno;
		if (status)
			return status;
	}
	return 0;
}

/**
 * struct other - another program that looks after the target
 * @pid: The program.
 * @directory: Of its files: its output, and two pipes with names.
 * @up: It tells us where it is.
 * @down: We tell it to go on.
 */
struct other {
	pid_t pid;
	char directory[32];
	int up;
	int down;
};

static void other_path(const struct other *o, const char *name, char *path,
		       size_t size)
{
	snprintf(path, size, "%s/%s", o->directory, name);
}

static int other_pipe(const struct other *o, const char *name)
{
	char path[64];

	other_path(o, name, path, sizeof(path));
	if (mkfifo(path, 0600))
		return -errno;
	return open(path, O_RDWR | O_CLOEXEC);
}

static int other_prepare(struct other *o)
{
	static const char template[] = "/tmp/beside.XXXXXX";

	memcpy(o->directory, template, sizeof(template));
	if (!mkdtemp(o->directory))
		return -errno;
	o->up = other_pipe(o, "up");
	o->down = other_pipe(o, "down");
	o->pid = 0;
	return o->up < 0 || o->down < 0 ? -EIO : 0;
}

/* Start a program, with its output in a file. */
static void other_start(struct other *o, const char *const *argv)
{
	char path[64];
	int fd;

	other_path(o, "output", path, sizeof(path));
	o->pid = fork();
	if (o->pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	setenv("PATH", "/usr/bin:/bin", 1);
	execvp(argv[0], (char *const *)argv);
	perror(argv[0]);
	_exit(127);
}

/* Whether the program's output holds a text. */
static bool other_says(const struct other *o, const char *text)
{
	char path[64], line[512];
	bool found = false;
	FILE *f;

	other_path(o, "output", path, sizeof(path));
	f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, text);
	if (f)
		fclose(f);
	return found;
}

static void other_show(struct __test_metadata *_metadata, const struct other *o)
{
	char path[64], line[512];
	FILE *f;

	other_path(o, "output", path, sizeof(path));
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		TH_LOG("%s", line);
	}
	if (f)
		fclose(f);
}

/* Wait until the program says where it is. */
static int other_await(struct other *o, const char *where)
{
	struct pollfd poll_up = { .fd = o->up, .events = POLLIN };
	char text[64];
	ssize_t n;

	if (poll(&poll_up, 1, PATIENCE_MS) != 1)
		return -ETIMEDOUT;
	n = read(o->up, text, sizeof(text) - 1);
	if (n <= 0)
		return -EIO;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return strcmp(text, where) ? -EPROTO : 0;
}

static int other_go(struct other *o)
{
	return write(o->down, "\n", 1) == 1 ? 0 : -errno;
}

/* How the program ended, killed if it does not. */
static int other_end(struct other *o)
{
	int status = -ETIMEDOUT;

	if (child_wait(o->pid, PATIENCE_MS, &status))
		child_kill(o->pid);
	o->pid = 0;
	return status;
}

static void other_clean(struct other *o)
{
	static const char * const names[] = {
		"up", "down", "output", "script"
	};
	char path[64];
	size_t i;

	if (o->pid > 0)
		child_kill(o->pid);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		other_path(o, names[i], path, sizeof(path));
		unlink(path);
	}
	rmdir(o->directory);
	close(o->up);
	close(o->down);
}

static bool holds(struct debuggee *d, const uint8_t *at, const uint8_t *insn)
{
	uint8_t bytes[OPCODE_LEN];

	return !peek(d->target.pid, at, bytes, OPCODE_LEN) &&
	       !memcmp(bytes, insn, OPCODE_LEN);
}

static bool holds_opcode(struct debuggee *d, const uint8_t *at)
{
	return holds(d, at, opcode);
}

/* Memory as it is holds the test's own byte there. */
static bool holds_own(struct debuggee *d, const uint8_t *at)
{
	uint8_t bytes[OPCODE_LEN];

	return !peek(d->target.pid, at, bytes, OPCODE_LEN) &&
	       !memcmp(bytes, function_bytes + (at - first) % 64,
		       OPCODE_LEN);
}

static bool reads(struct debuggee *d, const uint8_t *at, const uint8_t *bytes)
{
	uint8_t seen[OPCODE_LEN];

	return !do_read(d->session, ptr_u64(at), seen, OPCODE_LEN, 0, NULL,
			NULL) &&
	       !memcmp(seen, bytes, OPCODE_LEN);
}

/* Whether LIST has a breakpoint of ours there that is planted. */
static bool listed_planted(struct debuggee *d, const uint8_t *at)
{
	struct cordbg_breakpoint found;

	return find_breakpoint(d->session, ptr_u64(at), &found) == 1 &&
	       found.flags & CORDBG_BREAKPOINT_PLANTED;
}

FIXTURE(gdb)
{
	struct debuggee d;
	struct other gdb;
	FILE *script;
};

/* Commands of gdb to say where it is, and to wait for us. */
static void gdb_say(FILE *script, const struct other *gdb, const char *where)
{
	fprintf(script, "shell echo %s > %s/up\n", where, gdb->directory);
}

static void gdb_wait(FILE *script, const struct other *gdb, const char *where)
{
	gdb_say(script, gdb, where);
	fprintf(script, "shell read x < %s/down\n", gdb->directory);
}

static void gdb_start(struct other *gdb, FILE *script)
{
	char path[64];
	const char * const argv[] = { "gdb", "-nx", "-batch", "-x", path, NULL };

	fclose(script);
	other_path(gdb, "script", path, sizeof(path));
	other_start(gdb, argv);
}

FIXTURE_SETUP(gdb)
{
	char path[64];

	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, other_prepare(&self->gdb));
	other_path(&self->gdb, "script", path, sizeof(path));
	self->script = fopen(path, "w");
	ASSERT_TRUE(!!self->script);
	fprintf(self->script,
		"set debuginfod enabled off\nset auto-load off\nattach %d\n",
		self->d.target.pid);
}

FIXTURE_TEARDOWN(gdb)
{
	if (_metadata->exit_code)
		other_show(_metadata, &self->gdb);
	other_clean(&self->gdb);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

#define GDB_HITS	30

/* Set, clear and write around a breakpoint of gdb that is hit meanwhile. */
static void work_around(struct __test_metadata *_metadata, struct debuggee *d)
{
	const uint8_t *at = second + OPCODE_LEN;
	uint8_t data[256];

	memcpy(data, last + 64, sizeof(data));
	ASSERT_EQ(0, do_break(d->session, ptr_u64(at)));
	ASSERT_EQ(0, do_write(d->session, ptr_u64(last + 64), data,
			      sizeof(data), CORDBG_FORCE, NULL, NULL));
	ASSERT_TRUE(holds_opcode(d, at));
	ASSERT_TRUE(reads(d, at, function_bytes + OPCODE_LEN));
	ASSERT_EQ(0, do_clear(d->session, ptr_u64(at)));
	ASSERT_TRUE(holds_own(d, at));
}

TEST_F_TIMEOUT(gdb, works_in_the_same_process, 150)
{
	unsigned int rounds = 0;
	struct pollfd done = { .events = POLLIN };

	done.fd = self->d.target.from;
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(second)));
	fprintf(self->script, "break *%p\nignore 1 1000\nbreak *%p\n", first,
		last);
	gdb_say(self->script, &self->gdb, "ready");
	fprintf(self->script, "continue\ninfo breakpoints\ndetach\n");
	gdb_start(&self->gdb, self->script);
	ASSERT_EQ(0, other_await(&self->gdb, "ready"));
	ASSERT_EQ(0, target_begin(&self->d.target, run, (unsigned long)first,
				  GDB_HITS, 0));
	while (poll(&done, 1, 0) == 0) {
		work_around(_metadata, &self->d);
		ASSERT_TRUE(listed_planted(&self->d, second));
		rounds++;
	}
	ASSERT_EQ(0, target_result(&self->d.target));
	TH_LOG("%u rounds", rounds);
	EXPECT_LT(10U, rounds);
	EXPECT_EQ(0, target_call(&self->d.target, run, (unsigned long)last, 1,
				 0));
	EXPECT_EQ(0, other_end(&self->gdb));
	EXPECT_TRUE(other_says(&self->gdb, "already hit 30 times"));
	EXPECT_TRUE(other_says(&self->gdb, "already hit 1 time"));
	EXPECT_TRUE(listed_planted(&self->d, second));
	EXPECT_TRUE(holds_opcode(&self->d, second));
	EXPECT_TRUE(holds_own(&self->d, first));
}

TEST_F_TIMEOUT(gdb, has_been_there_first, 150)
{
	fprintf(self->script, "set breakpoint always-inserted on\nbreak *%p\n",
		first);
	gdb_wait(self->script, &self->gdb, "inserted");
	fprintf(self->script, "delete\n");
	gdb_wait(self->script, &self->gdb, "removed");
	fprintf(self->script, "detach\n");
	gdb_start(&self->gdb, self->script);
	ASSERT_EQ(0, other_await(&self->gdb, "inserted"));
	ASSERT_TRUE(holds_opcode(&self->d, first));
	EXPECT_EQ(-EBUSY, do_break(self->d.session, ptr_u64(first)));
	EXPECT_TRUE(reads(&self->d, first, opcode));
	EXPECT_EQ(0, count_breakpoints(self->d.session));
	EXPECT_EQ(0, do_break(self->d.session, ptr_u64(first + OPCODE_LEN)));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(first + OPCODE_LEN)));
	EXPECT_TRUE(holds_opcode(&self->d, first));
	ASSERT_EQ(0, other_go(&self->gdb));
	ASSERT_EQ(0, other_await(&self->gdb, "removed"));
	EXPECT_TRUE(holds_own(&self->d, first));
	EXPECT_EQ(0, do_break(self->d.session, ptr_u64(first)));
	EXPECT_TRUE(reads(&self->d, first, function_bytes));
	ASSERT_EQ(0, other_go(&self->gdb));
	EXPECT_EQ(0, other_end(&self->gdb));
	EXPECT_TRUE(holds_opcode(&self->d, first));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(first)));
	EXPECT_TRUE(holds_own(&self->d, first));
}

/* gdb takes our opcode for the program's byte, and so puts it back. */
TEST_F_TIMEOUT(gdb, comes_to_our_breakpoint, 150)
{
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(first)));
	fprintf(self->script, "set breakpoint always-inserted on\nbreak *%p\n",
		first);
	gdb_wait(self->script, &self->gdb, "inserted");
	fprintf(self->script, "delete\n");
	gdb_wait(self->script, &self->gdb, "removed");
	fprintf(self->script, "detach\n");
	gdb_start(&self->gdb, self->script);
	ASSERT_EQ(0, other_await(&self->gdb, "inserted"));
	EXPECT_TRUE(holds_opcode(&self->d, first));
	EXPECT_TRUE(listed_planted(&self->d, first));
	EXPECT_TRUE(reads(&self->d, first, function_bytes));
	ASSERT_EQ(0, other_go(&self->gdb));
	ASSERT_EQ(0, other_await(&self->gdb, "removed"));
	EXPECT_TRUE(holds_opcode(&self->d, first));
	EXPECT_TRUE(listed_planted(&self->d, first));
	EXPECT_TRUE(reads(&self->d, first, function_bytes));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(first)));
	EXPECT_TRUE(holds_own(&self->d, first));
	ASSERT_EQ(0, other_go(&self->gdb));
	EXPECT_EQ(0, other_end(&self->gdb));
	EXPECT_TRUE(holds_own(&self->d, first));
	EXPECT_EQ(0, target_call(&self->d.target, run, (unsigned long)first, 3,
				 0));
}

FIXTURE(strace)
{
	struct debuggee d;
	struct other strace;
};

FIXTURE_SETUP(strace)
{
	char pid[12];
	const char * const argv[] = {
		"strace", "-f", "-e", "trace=process", "-p", pid, NULL
	};
	uint64_t end = now_ms() + PATIENCE_MS;

	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, other_prepare(&self->strace));
	snprintf(pid, sizeof(pid), "%d", self->d.target.pid);
	other_start(&self->strace, argv);
	while (!other_says(&self->strace, "attached") && now_ms() < end)
		usleep(10000);
	ASSERT_TRUE(other_says(&self->strace, "attached"));
}

FIXTURE_TEARDOWN(strace)
{
	if (_metadata->exit_code)
		other_show(_metadata, &self->strace);
	other_clean(&self->strace);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

#define CHILDREN	40

/* Children of a traced process, which strace -f traces too, are clean. */
TEST_F_TIMEOUT(strace, follows_forks, 150)
{
	struct pollfd done = { .events = POLLIN };
	unsigned int rounds = 0;

	done.fd = self->d.target.from;
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(first)));
	ASSERT_EQ(0, target_begin(&self->d.target, fork_children, CHILDREN,
				  (unsigned long)first, *function_bytes));
	while (poll(&done, 1, 0) == 0) {
		work_around(_metadata, &self->d);
		ASSERT_TRUE(holds_opcode(&self->d, first));
		rounds++;
	}
	EXPECT_EQ(0, target_result(&self->d.target));
	TH_LOG("%u rounds", rounds);
	EXPECT_LT(10U, rounds);
	kill(self->strace.pid, SIGINT);
	other_end(&self->strace);
	EXPECT_TRUE(other_says(&self->strace, "exited with 0"));
	EXPECT_FALSE(other_says(&self->strace, "SIGTRAP"));
	EXPECT_FALSE(other_says(&self->strace, "exited with 1"));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(first)));
	EXPECT_EQ(0, target_call(&self->d.target, run, (unsigned long)first, 3,
				 0));
}

/*
 * A uprobe at first. The kernel plants it in every process that maps the file,
 * this one included; last, which is the same code, is left alone.
 */
FIXTURE(uprobe)
{
	struct debuggee d;
};

#define UPROBE		"cordbg_beside"
#define UPROBE_ENABLE	TRACING "events/uprobes/" UPROBE "/enable"

static int uprobe_define(const void *address)
{
	char path[256], text[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return -errno;
	path[n] = 0;
	snprintf(text, sizeof(text), "p:uprobes/" UPROBE " %s:0x%lx\n", path,
		 file_offset((unsigned long)address));
	return write_text(TRACING "uprobe_events", text);
}

static int uprobe_enable(bool on)
{
	return write_text(UPROBE_ENABLE, on ? "1" : "0");
}

static long uprobe_hits(void)
{
	char line[512], name[64];
	unsigned long hits;
	long found = -ENOENT;
	FILE *f = fopen(TRACING "uprobe_profile", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %63s %lu", name, &hits) == 2 &&
		    !strcmp(name, UPROBE))
			found = hits;
	}
	if (f)
		fclose(f);
	return found;
}

FIXTURE_SETUP(uprobe)
{
	ASSERT_EQ(0, debuggee_start(&self->d));
	ASSERT_EQ(0, uprobe_define(first));
}

FIXTURE_TEARDOWN(uprobe)
{
	uprobe_enable(false);
	EXPECT_EQ(0, write_text(TRACING "uprobe_events",
				"-:uprobes/" UPROBE "\n"));
	EXPECT_TRUE(holds_own(&self->d, first));
	EXPECT_EQ(0, target_call(&self->d.target, run, (unsigned long)first, 3,
				 0));
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* The target runs into the uprobe, which counts it and hides it. */
static void expect_hits(struct __test_metadata *_metadata, struct debuggee *d)
{
	long before = uprobe_hits();

	EXPECT_LE(0, before);
	EXPECT_EQ(0, target_call(&d->target, run, (unsigned long)first, 5, 0));
	EXPECT_EQ(before + 5, uprobe_hits());
}

TEST_F(uprobe, has_been_there_first)
{
	ASSERT_EQ(0, uprobe_enable(true));
	ASSERT_TRUE(holds(&self->d, first, uprobe_opcode));
	expect_hits(_metadata, &self->d);
	EXPECT_EQ(-EBUSY, do_break(self->d.session, ptr_u64(first)));
	EXPECT_TRUE(reads(&self->d, first, uprobe_opcode));
	expect_hits(_metadata, &self->d);
	EXPECT_EQ(0, do_break(self->d.session, ptr_u64(second)));
	expect_hits(_metadata, &self->d);
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(second)));
	EXPECT_TRUE(holds(&self->d, first, uprobe_opcode));
	EXPECT_TRUE(holds_own(&self->d, second));
	expect_hits(_metadata, &self->d);
	close(self->d.session);
	self->d.session = session_open(self->d.target.pid);
	expect_hits(_metadata, &self->d);
	ASSERT_EQ(0, uprobe_enable(false));
	EXPECT_TRUE(holds_own(&self->d, first));
	EXPECT_EQ(0, do_break(self->d.session, ptr_u64(first)));
	EXPECT_TRUE(reads(&self->d, first, function_bytes));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(first)));
}

TEST_F(uprobe, comes_to_our_page)
{
	int i;

	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(second)));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(last)));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, uprobe_enable(true));
		EXPECT_TRUE(listed_planted(&self->d, second));
		EXPECT_TRUE(reads(&self->d, second, function_bytes));
		expect_hits(_metadata, &self->d);
		EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(last)));
		EXPECT_TRUE(holds(&self->d, first, uprobe_opcode));
		EXPECT_EQ(0, do_break(self->d.session, ptr_u64(last)));
		ASSERT_EQ(0, uprobe_enable(false));
		EXPECT_TRUE(listed_planted(&self->d, second));
		EXPECT_TRUE(listed_planted(&self->d, last));
		EXPECT_TRUE(holds_own(&self->d, first));
	}
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(second)));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(last)));
	EXPECT_TRUE(holds_own(&self->d, second));
	EXPECT_TRUE(holds_own(&self->d, last));
}

/*
 * A uprobe finds our opcode, takes it for its own and counts. Whoever leaves
 * first takes the opcode along; the program's byte is there in the end. If its
 * opcode is another, ours is not in memory any more: it stays until it leaves.
 */
static bool same_opcode(void)
{
	return !memcmp(uprobe_opcode, opcode, OPCODE_LEN);
}

TEST_F(uprobe, comes_to_our_breakpoint_and_leaves_first)
{
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(first)));
	ASSERT_EQ(0, uprobe_enable(true));
	EXPECT_EQ(same_opcode(), listed_planted(&self->d, first));
	EXPECT_TRUE(reads(&self->d, first,
			  same_opcode() ? function_bytes : uprobe_opcode));
	expect_hits(_metadata, &self->d);
	ASSERT_EQ(0, uprobe_enable(false));
	EXPECT_TRUE(holds_own(&self->d, first));
	EXPECT_FALSE(listed_planted(&self->d, first));
	EXPECT_TRUE(reads(&self->d, first, function_bytes));
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(first)));
	EXPECT_TRUE(holds_own(&self->d, first));
}

TEST_F(uprobe, comes_to_our_breakpoint_and_leaves_last)
{
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(first)));
	ASSERT_EQ(0, uprobe_enable(true));
	expect_hits(_metadata, &self->d);
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(first)));
	EXPECT_TRUE(holds(&self->d, first, same_opcode() ? function_bytes :
							  uprobe_opcode));
	EXPECT_EQ(0, target_call(&self->d.target, run, (unsigned long)first, 5,
				 0));
	ASSERT_EQ(0, uprobe_enable(false));
	EXPECT_TRUE(holds_own(&self->d, first));
}

/* An opcode that the program has itself is its own, and nobody's breakpoint. */
TEST(opcode_of_the_program)
{
	struct debuggee d;
	uint8_t *at = own;

	while (memcmp(at, opcode, OPCODE_LEN))
		at += OPCODE_LEN;
	ASSERT_EQ(0, debuggee_start(&d));
	EXPECT_EQ(-EBUSY, do_break(d.session, ptr_u64(at)));
	EXPECT_TRUE(reads(&d, at, opcode));
	EXPECT_EQ(-ENOENT, do_clear(d.session, ptr_u64(at)));
	EXPECT_TRUE(holds_opcode(&d, at));
	EXPECT_EQ(0, do_break(d.session, ptr_u64(own)));
	EXPECT_TRUE(reads(&d, at, opcode));
	EXPECT_EQ(0, target_call(&d.target, fork_children, 3, (unsigned long)at,
				 *opcode));
	EXPECT_EQ(0, do_clear(d.session, ptr_u64(own)));
	EXPECT_TRUE(holds_opcode(&d, at));
	EXPECT_EQ(0, count_breakpoints(d.session));
	EXPECT_EQ(0, debuggee_stop(&d));
}

TEST_HARNESS_MAIN
