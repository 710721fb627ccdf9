// SPDX-License-Identifier: GPL-2.0
/*
 * What a session outlives and what it does not: other sessions, its tool, its own
 * copies in other processes, and the image that it is bound to.
 */

#include <sys/vfs.h>

#include "cordbg_image.h"
#include "target_fork.h"

#define SLEEP_ARGUMENT	"--sleep"
#define PRINTK		"/proc/sys/kernel/printk"
#define SOON_MS		10000	/* a slow machine's "soon" */
#define SOME_MS		4000	/* for the rounds of one test */

/*
 * Two or three sessions own one breakpoint. They clear it or are closed in every
 * order: it stands until the last one has.
 */
#define MOST	3

FIXTURE(owners)
{
	struct debuggee d;
	int sessions[MOST];
};

FIXTURE_VARIANT(owners)
{
	int count;
	int orders;
};

FIXTURE_VARIANT_ADD(owners, two) { .count = 2, .orders = 2 };
FIXTURE_VARIANT_ADD(owners, three) { .count = 3, .orders = 6 };

FIXTURE_SETUP(owners)
{
	int i;

	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
	for (i = 0; i < MOST; i++) {
		self->sessions[i] = session_open(self->d.target.pid);
		ASSERT_LE(0, self->sessions[i]);
	}
}

FIXTURE_TEARDOWN(owners)
{
	int i;

	for (i = 0; i < MOST; i++)
		close(self->sessions[i]);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* Who is at place @place of order number @order. */
static int nth_in_order(int order, int place, int count)
{
	static const int orders[][MOST] = {
		{ 0, 1, 2 }, { 1, 0, 2 }, { 0, 2, 1 }, { 2, 0, 1 }, { 1, 2, 0 },
		{ 2, 1, 0 },
	};

	(void)count;
	return orders[order][place];
}

/* Whether the opcode stands at both addresses as it should. */
static bool stands(pid_t pid, uint64_t at, bool planted)
{
	uint8_t seen[OPCODE_LEN];

	if (peek(pid, (void *)(uintptr_t)at, seen, OPCODE_LEN))
		return false;
	return !memcmp(seen, opcode, OPCODE_LEN) == planted;
}

/* Session @who lets go of @at: by a clear, or by its end. */
static int let_go(int *session, pid_t pid, uint64_t at, bool by_close)
{
	if (!by_close)
		return do_clear(*session, at);
	close(*session);
	*session = session_open(pid);
	return *session < 0 ? *session : 0;
}

/* All orders, and in each all choices between clear and close: 8 or 48 rounds. */
TEST_F(owners, every_order)
{
	int order, closes, place, who, rounds = 0;
	pid_t pid = self->d.target.pid;
	uint64_t at;

	for (order = 0; order < variant->orders; order++) {
		for (closes = 0; closes < 1 << variant->count; closes++) {
			at = code_at(++rounds * 100);
			for (place = 0; place < variant->count; place++)
				ASSERT_EQ(0, do_break(self->sessions[place],
						      at));
			for (place = 0; place < variant->count; place++) {
				ASSERT_TRUE(stands(pid, at, true));
				who = nth_in_order(order, place,
						   variant->count);
				ASSERT_EQ(0, let_go(&self->sessions[who], pid,
						    at, closes >> place & 1));
				ASSERT_EQ(-ENOENT,
					  do_clear(self->sessions[who], at));
			}
			ASSERT_TRUE(stands(pid, at, false));
		}
	}
	TH_LOG("%d orders", rounds);
	ASSERT_EQ(variant->orders << variant->count, rounds);
	EXPECT_EQ(0, count_breakpoints(self->sessions[0]));
	EXPECT_TRUE(target_intact(&self->d.target));
}

/*
 * A session that has copies: its end is that of the last one.
 */
enum copy { BY_DUP, BY_INHERITANCE, BY_MESSAGE, IN_FLIGHT };

/* A helper without privileges: it gets the session, says so, and lives on. */
static void keep_session(int socket, int session)
{
	char byte = 'k';

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (become_plain())
		_exit(1);
	if (session < 0)
		session = fd_receive(socket, MSG_CMSG_CLOEXEC);
	if (session < 0 || do_break(session, code_at(77)))
		_exit(2);
	if (write(socket, &byte, 1) != 1)
		_exit(3);
	for (;;)
		pause();
}

FIXTURE(copies)
{
	struct debuggee d;
	int observer;
	int sockets[2];
	int copy;
	pid_t helper;
};

FIXTURE_VARIANT(copies)
{
	enum copy how;
};

FIXTURE_VARIANT_ADD(copies, dup) { .how = BY_DUP };
FIXTURE_VARIANT_ADD(copies, inherited) { .how = BY_INHERITANCE };
FIXTURE_VARIANT_ADD(copies, passed) { .how = BY_MESSAGE };
FIXTURE_VARIANT_ADD(copies, in_flight) { .how = IN_FLIGHT };

FIXTURE_SETUP(copies)
{
	self->copy = -1;
	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
	self->observer = session_open(self->d.target.pid);
	ASSERT_LE(0, self->observer);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				self->sockets));
}

FIXTURE_TEARDOWN(copies)
{
	close(self->observer);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* Make a copy of the session: 0 or a negative errno. */
static int copy_session(FIXTURE_DATA(copies) * self, enum copy how)
{
	char byte;

	if (how == BY_DUP) {
		self->copy = dup(self->d.session);
		return self->copy < 0 ? -errno :
		       do_break(self->copy, code_at(77));
	}
	if (how == IN_FLIGHT)
		return do_break(self->d.session, code_at(77)) ?:
		       fd_send(self->sockets[0], self->d.session);
	self->helper = fork();
	if (!self->helper) {
		if (how == BY_MESSAGE)
			close(self->d.session);
		keep_session(self->sockets[1],
			     how == BY_MESSAGE ? -1 : self->d.session);
	}
	if (how == BY_MESSAGE && fd_send(self->sockets[0], self->d.session))
		return -EIO;
	return read(self->sockets[0], &byte, 1) == 1 ? 0 : -EIO;
}

static void drop_copy(FIXTURE_DATA(copies) * self)
{
	close(self->copy);
	close(self->sockets[0]);
	close(self->sockets[1]);
	if (self->helper)
		child_kill(self->helper);
	self->helper = 0;
}

/* What is closed last in another way may take a moment. */
static bool soon_none(int session)
{
	uint64_t limit = now_ms() + SOON_MS;

	while (count_breakpoints(session) && now_ms() < limit)
		usleep(1000);
	return !count_breakpoints(session);
}

TEST_F(copies, last_close)
{
	ASSERT_EQ(0, do_break(self->d.session, code_at(5)));
	ASSERT_EQ(0, copy_session(self, variant->how));
	EXPECT_EQ(-EEXIST, do_break(self->d.session, code_at(77)));
	close(self->d.session);
	self->d.session = -1;
	EXPECT_EQ(2, count_breakpoints(self->observer));
	drop_copy(self);
	EXPECT_TRUE(soon_none(self->observer));
	EXPECT_TRUE(target_intact(&self->d.target));
}

TEST_F(copies, first_close)
{
	ASSERT_EQ(0, do_break(self->d.session, code_at(5)));
	ASSERT_EQ(0, copy_session(self, variant->how));
	drop_copy(self);
	usleep(20000);
	EXPECT_EQ(2, count_breakpoints(self->observer));
	EXPECT_EQ(0, do_clear(self->d.session, code_at(77)));
	close(self->d.session);
	self->d.session = -1;
	EXPECT_EQ(0, count_breakpoints(self->observer));
	EXPECT_TRUE(target_intact(&self->d.target));
}

/*
 * A tool that dies in the middle of setting thousands of breakpoints.
 */
enum state { RUNNING, STOPPED, TRACED, KILLED };

FIXTURE(tool)
{
	struct debuggee d;
	pid_t tool;
	long loglevel;
};

FIXTURE_VARIANT(tool)
{
	enum state target;
	int signal;		/* the tool's end; 0: there is no memory left */
};

FIXTURE_VARIANT_ADD(tool, out_of_memory) { .signal = 0 };
FIXTURE_VARIANT_ADD(tool, killed) { .signal = SIGKILL };
FIXTURE_VARIANT_ADD(tool, crashed) { .signal = SIGSEGV };
FIXTURE_VARIANT_ADD(tool, killed_target_stopped) {
	.target = STOPPED,
	.signal = SIGKILL,
};

FIXTURE_VARIANT_ADD(tool, crashed_target_stopped) {
	.target = STOPPED,
	.signal = SIGSEGV,
};

FIXTURE_VARIANT_ADD(tool, killed_target_traced) {
	.target = TRACED,
	.signal = SIGKILL,
};

FIXTURE_VARIANT_ADD(tool, killed_with_target) {
	.target = KILLED,
	.signal = SIGKILL,
};

FIXTURE_SETUP(tool)
{
	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
	/* Killing for memory, the kernel fills the console. */
	ASSERT_EQ(0, exchange_setting(PRINTK, 1, &self->loglevel));
}

FIXTURE_TEARDOWN(tool)
{
	EXPECT_EQ(0, write_setting(PRINTK, self->loglevel));
	if (self->tool)
		child_kill(self->tool);
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* End a tool by a signal, or make the kernel kill it for want of memory. */
static int end_tool(pid_t tool, int signal)
{
	char path[40];
	int err;

	if (signal)
		return kill(tool, signal) ? -errno : 0;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", tool);
	err = write_setting(path, 1000);
	if (err)
		return err;
	return write_text("/proc/sysrq-trigger", "f");
}

/* Set as many as there are places for; then clear and begin again. */
static void tool_main(pid_t pid)
{
	int session = session_open(pid);
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;; close(session), session = session_open(pid)) {
		if (session < 0)
			_exit(1);
		for (i = 0; i < CODE_INSNS; i += 7) {
			int err = do_break(session, code_at(i));

			/* The target may be killed with the tool. */
			while (err == -ESRCH)
				pause();
			if (err)
				_exit(2);
		}
	}
}

static int hold_target(pid_t pid, enum state state)
{
	int status;

	switch (state) {
	case STOPPED:
		kill(pid, SIGSTOP);
		return waitpid(pid, &status, WUNTRACED) == pid ? 0 : -errno;
	case TRACED:
		if (ptrace(PTRACE_SEIZE, pid, 0, 0) ||
		    ptrace(PTRACE_INTERRUPT, pid, 0, 0))
			return -errno;
		return waitpid(pid, &status, 0) == pid ? 0 : -errno;
	default:
		return 0;
	}
}

static int release_target(pid_t pid, enum state state)
{
	int status;

	if (state == STOPPED) {
		kill(pid, SIGCONT);
		return waitpid(pid, &status, WCONTINUED) == pid ? 0 : -errno;
	}
	if (state == TRACED)
		return ptrace(PTRACE_DETACH, pid, 0, 0) ? -errno : 0;
	return 0;
}

static long in_target_judge(unsigned long a, unsigned long b, unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	return code_intact() ? 0 : -EILSEQ;
}

/* 40 tools, each killed after another time with up to 37449 breakpoints. */
#define TOOL_ROUNDS	40
#define TOOL_ENOUGH	8

TEST_F_TIMEOUT(tool, target_is_clean, 200)
{
	uint64_t limit = race_end(SOME_MS);
	struct target *target = &self->d.target;
	unsigned int round, caught = 0;
	int status;
	long set;

	for (round = 0; round < TOOL_ROUNDS &&
	     (caught < TOOL_ENOUGH / 2 ||
	      more_rounds(limit, round, TOOL_ENOUGH)); round++) {
		ASSERT_EQ(0, hold_target(target->pid, variant->target));
		self->tool = fork();
		ASSERT_LE(0, self->tool);
		if (!self->tool)
			tool_main(target->pid);
		usleep(1000 + round * 3701 % 60000);
		set = count_breakpoints(self->d.session);
		caught += set > 0;
		ASSERT_EQ(0, end_tool(self->tool, variant->signal));
		if (variant->target == KILLED) {
			kill(target->pid, SIGKILL);
			debuggee_stop(&self->d);
		}
		ASSERT_EQ(self->tool, waitpid(self->tool, &status, 0));
		ASSERT_EQ(variant->signal ?: SIGKILL, WTERMSIG(status));
		self->tool = 0;
		if (variant->target == KILLED) {
			ASSERT_EQ(0, debuggee_start(&self->d));
			continue;
		}
		ASSERT_TRUE(target_intact(target));
		ASSERT_EQ(0, count_breakpoints(self->d.session));
		ASSERT_EQ(0, release_target(target->pid, variant->target));
		ASSERT_EQ(0, target_call(target, in_target_judge, 0, 0, 0));
	}
	TH_LOG("%u tools, %u with breakpoints", round, caught);
	ASSERT_LE(TOOL_ENOUGH, round);
	ASSERT_LE(TOOL_ENOUGH / 2, caught);
}

/*
 * A process that has ended or changed its image: an open session keeps none of
 * its memory. A file that is deleted and that only the target maps is gone.
 */
enum end { EXITS, IS_KILLED, EXECS };

FIXTURE(dead)
{
	struct debuggee d;
	char dir[32];
	uint8_t *memory;
};

FIXTURE_VARIANT(dead)
{
	enum end end;
};

FIXTURE_VARIANT_ADD(dead, exited) { .end = EXITS };
FIXTURE_VARIANT_ADD(dead, killed) { .end = IS_KILLED };
FIXTURE_VARIANT_ADD(dead, replaced) { .end = EXECS };

#define DEAD_SIZE	(4UL << 20)

FIXTURE_SETUP(dead)
{
	ASSERT_EQ(0, private_mount(self->dir, sizeof(self->dir)));
}

FIXTURE_TEARDOWN(dead)
{
	private_unmount(self->dir);
}

/* The memory of a file that has no name any more; the test lets go of it. */
static uint8_t *map_nameless(const char *dir)
{
	char path[64];
	uint8_t *p;
	int fd;

	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || unlink(path) || ftruncate(fd, DEAD_SIZE))
		return NULL;
	if (fallocate(fd, 0, 0, DEAD_SIZE))
		return NULL;
	p = mmap(NULL, DEAD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static long in_target_end(unsigned long end, unsigned long b, unsigned long c)
{
	(void)b;
	(void)c;
	if (end == EXECS)
		execl(IMAGE_SELF, "sleep", SLEEP_ARGUMENT, NULL);
	if (end == IS_KILLED)
		kill(getpid(), SIGKILL);
	_exit(0);
}

/* Blocks of the file system in use. */
static long blocks_used(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) ? -errno : (long)(fs.f_blocks - fs.f_bfree);
}

static bool soon_gone(int session)
{
	uint64_t limit = now_ms() + SOON_MS;

	while (count_breakpoints(session) != -ESRCH && now_ms() < limit)
		usleep(1000);
	return count_breakpoints(session) == -ESRCH;
}

static bool soon_free(const char *dir, long used)
{
	uint64_t limit = now_ms() + SOON_MS;

	while (blocks_used(dir) > used && now_ms() < limit)
		usleep(1000);
	return blocks_used(dir) <= used;
}

/* 15 processes. */
#define DEAD_ROUNDS	15
#define DEAD_ENOUGH	4

TEST_F_TIMEOUT(dead, memory_is_free, 200)
{
	uint64_t limit = race_end(SOME_MS), at;
	long used = blocks_used(self->dir);
	unsigned int round;

	for (round = 0; round < DEAD_ROUNDS &&
	     more_rounds(limit, round, DEAD_ENOUGH); round++) {
		self->memory = map_nameless(self->dir);
		ASSERT_TRUE(!!self->memory);
		at = ptr_u64(self->memory);
		ASSERT_EQ(0, debuggee_start(&self->d));
		munmap(self->memory, DEAD_SIZE);
		ASSERT_EQ(0, break_each(self->d.session, at, 4096, 100));
		ASSERT_LT(used + 100, blocks_used(self->dir));
		ASSERT_EQ(0, target_begin(&self->d.target, in_target_end,
					  variant->end, 0, 0));
		ASSERT_TRUE(soon_gone(self->d.session));
		EXPECT_EQ(-ESRCH, do_break(self->d.session, at));
		EXPECT_EQ(-ESRCH, do_clear(self->d.session, at));
		EXPECT_TRUE(soon_free(self->dir, used));
		kill(self->d.target.pid, SIGKILL);
		debuggee_stop(&self->d);
	}
	TH_LOG("%u processes", round);
	ASSERT_LE(DEAD_ENOUGH, round);
}

/*
 * Reads, lists and breakpoints that race against execve(2), with the threads of
 * the old image running through breakpoints. See also race_exec.c.
 */
enum fire { READS, LISTS, SETS };

FIXTURE(replaced)
{
	struct image image;
	char dir[32];
};

FIXTURE_VARIANT(replaced)
{
	enum fire fire;
	char how;
	bool set_uid;
};

FIXTURE_VARIANT_ADD(replaced, reads) { .fire = READS, .how = IMAGE_EXEC };
FIXTURE_VARIANT_ADD(replaced, reads_set_uid) {
	.fire = READS,
	.how = IMAGE_EXEC,
	.set_uid = true,
};

FIXTURE_VARIANT_ADD(replaced, reads_by_thread) {
	.fire = READS,
	.how = IMAGE_THREAD,
};

FIXTURE_VARIANT_ADD(replaced, lists) { .fire = LISTS, .how = IMAGE_EXEC };
FIXTURE_VARIANT_ADD(replaced, sets_by_thread) {
	.fire = SETS,
	.how = IMAGE_THREAD,
};

FIXTURE_VARIANT_ADD(replaced, sets_set_uid) {
	.fire = SETS,
	.how = IMAGE_EXEC,
	.set_uid = true,
};

FIXTURE_SETUP(replaced)
{
	ASSERT_EQ(0, private_mount(self->dir, sizeof(self->dir)));
	ASSERT_EQ(0, image_start_in(&self->image, self->dir, variant->set_uid));
}

FIXTURE_TEARDOWN(replaced)
{
	EXPECT_EQ(0, image_stop(&self->image));
	private_unmount(self->dir);
}

/* A read shows the old image only: its marker, or ESRCH. */
static int fire_read(int session)
{
	static uint8_t seen[MARKER_SIZE];
	int err = do_read(session, ptr_u64(marker), seen, MARKER_SIZE, 0, NULL,
			  NULL);

	return err || filled_with(seen, MARKER_OLD, MARKER_SIZE) ? err : -EILSEQ;
}

static int fire_list(int session)
{
	struct cordbg_breakpoint list[32];
	uint32_t count;
	int err = do_list(session, 0, list, ARRAY_SIZE(list), &count);

	if (err)
		return err;
	return count == 16 && list[15].original[0] == MARKER_OLD ? 0 : -EILSEQ;
}

static int fire(int session, enum fire what, unsigned long n)
{
	switch (what) {
	case READS:
		return fire_read(session);
	case LISTS:
		return fire_list(session);
	default:
		n = n * 8 % MARKER_SIZE;
		return n % 1024 ? do_break(session, ptr_u64(marker) + n) : 0;
	}
}

static int session_on_old(const struct image *image)
{
	int session;

	if (image_ask(image, IMAGE_AGE) != IMAGE_YES)
		return -EPIPE;
	session = session_open(image->pid);
	if (session >= 0 && break_each(session, ptr_u64(marker), 1024, 16))
		return -EIO;
	return session;
}

/* 200 images. */
#define IMAGE_ROUNDS	200
#define IMAGE_ENOUGH	8

TEST_F_TIMEOUT(replaced, only_the_old_image, 200)
{
	uint64_t limit = race_end(SOME_MS);
	const char how = variant->how;
	unsigned long round, shots = 0, n;
	int session, err;
	char ready;

	for (round = 0; round < IMAGE_ROUNDS &&
	     more_rounds(limit, round, IMAGE_ENOUGH); round++) {
		session = session_on_old(&self->image);
		ASSERT_LE(0, session);
		ASSERT_EQ(1, write(self->image.to, &how, 1));
		for (n = 0, err = 0; !err || err == -EEXIST; n++)
			err = fire(session, variant->fire, n);
		ASSERT_EQ(-ESRCH, err);
		shots += n;
		ASSERT_EQ(1, read(self->image.from, &ready, 1));
		ASSERT_EQ(IMAGE_READY, ready);
		ASSERT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_CHECK));
		ASSERT_EQ(0, close(session));
		ASSERT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_CHECK));
	}
	TH_LOG("%lu images, %lu shots", round, shots);
	ASSERT_LE(IMAGE_ENOUGH, round);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], SLEEP_ARGUMENT)) {
		sleep(60);
		return 0;
	}
	image_main(argc, argv);
	return test_harness_run(argc, argv);
}
