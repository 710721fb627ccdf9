// SPDX-License-Identifier: GPL-2.0
/*
 * ATTACH and the process behind it: what can be attached to, once; a thread
 * group that lost its leader; and a session whose image has gone, by exit or by
 * execve(2). Who may attach is in attach_permission.c.
 */
#include <limits.h>
#include <sched.h>

#include "cordbg_harness.h"
#include "cordbg_image.h"

#define LONG_SIZE	20000	/* goes by another route than a few bytes */

/* Memory of a target that a test acts on. */
struct area {
	uint8_t bytes[32768];
};

static struct area *area_map(void)
{
	struct area *area = mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		return NULL;
	memset(area, 0x11, sizeof(*area));
	return area;
}

/* Whether a session can do all it is for: 0 or the line that shows otherwise. */
static int exercise(int fd, uint64_t base)
{
	static uint8_t out[LONG_SIZE], in[LONG_SIZE];
	struct cordbg_breakpoint list[2];
	uint64_t n;
	uint32_t count;

	memset(out, 0x22, sizeof(out));
	if (do_write(fd, base, out, 4, 0, &n, NULL) || n != 4)
		return __LINE__;
	if (do_write(fd, base + 64, out, LONG_SIZE, 0, &n, NULL) ||
	    n != LONG_SIZE)
		return __LINE__;
	if (do_break(fd, base + 128))
		return __LINE__;
	if (do_list(fd, base, list, 2, &count) || count != 1 ||
	    list[0].flags != (CORDBG_BREAKPOINT_PLANTED |
			      CORDBG_BREAKPOINT_MINE))
		return __LINE__;
	if (do_read(fd, base + 128, in, 4, CORDBG_RAW, &n, NULL) || n != 4 ||
	    memcmp(in, opcode, OPCODE_LEN))
		return __LINE__;
	memset(out, 0x44, sizeof(out));
	if (do_write(fd, base + 128, out, OPCODE_LEN, 0, &n, NULL) ||
	    n != OPCODE_LEN)
		return __LINE__;
	if (do_clear(fd, base + 128))
		return __LINE__;
	if (do_read(fd, base + 64, in, LONG_SIZE, 0, &n, NULL) ||
	    n != LONG_SIZE)
		return __LINE__;
	if (in[63] != 0x22 || !filled_with(in + 64, 0x44, OPCODE_LEN) ||
	    in[64 + OPCODE_LEN] != 0x22)
		return __LINE__;
	return 0;
}

/* For target_call(): whether the target sees what exercise() leaves: 0 if so. */
static long in_target_exercised(unsigned long base, unsigned long unused1,
				unsigned long unused2)
{
	const uint8_t *p = (const uint8_t *)base;

	(void)unused1;
	(void)unused2;
	return !(filled_with(p, 0x22, 4) && filled_with(p + 4, 0x11, 60) &&
		 filled_with(p + 64, 0x22, 64) &&
		 filled_with(p + 128, 0x44, OPCODE_LEN) &&
		 filled_with(p + 128 + OPCODE_LEN, 0x22,
			     LONG_SIZE - 64 - OPCODE_LEN) &&
		 p[64 + LONG_SIZE] == 0x11);
}

FIXTURE(attach)
{
	struct target t;
	struct area *area;
	int fd;
};

FIXTURE_SETUP(attach)
{
	self->area = area_map();
	ASSERT_TRUE(!!self->area);
	ASSERT_EQ(0, target_start(&self->t));
	self->fd = cordbg_open();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(attach)
{
	close(self->fd);
	EXPECT_EQ(0, target_stop(&self->t));
}

TEST_F(attach, child)
{
	ASSERT_EQ(0, do_attach(self->fd, self->t.pid));
	ASSERT_EQ(0, exercise(self->fd, ptr_u64(self->area)));
	ASSERT_EQ(0, target_call(&self->t, in_target_exercised,
				 (unsigned long)self->area, 0, 0));
	/* The test has the same memory at the same address, untouched. */
	ASSERT_TRUE(filled_with(self->area->bytes, 0x11, sizeof(struct area)));
}

TEST_F(attach, itself)
{
	ASSERT_EQ(0, do_attach(self->fd, getpid()));
	ASSERT_EQ(0, exercise(self->fd, ptr_u64(self->area)));
	ASSERT_EQ(0, in_target_exercised((unsigned long)self->area, 0, 0));
}

TEST_F(attach, once)
{
	uint8_t byte = 0x77, seen;

	ASSERT_EQ(0, do_attach(self->fd, self->t.pid));
	EXPECT_EQ(-EBUSY, do_attach(self->fd, self->t.pid));
	EXPECT_EQ(-EBUSY, do_attach(self->fd, getpid()));
	/* It is still bound to the first. */
	ASSERT_EQ(0, do_write(self->fd, ptr_u64(self->area), &byte, 1, 0, NULL,
			      NULL));
	ASSERT_EQ(0, peek(self->t.pid, self->area, &seen, 1));
	EXPECT_EQ(0x77, seen);
	EXPECT_EQ(0x11, self->area->bytes[0]);
}

static int zombie_make(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (!pid)
		_exit(0);
	if (pid < 0 || waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		return -errno;
	return pid;
}

TEST_F(attach, no_process)
{
	pid_t pid = zombie_make();

	ASSERT_LT(0, pid);
	EXPECT_EQ(-ESRCH, do_attach(self->fd, pid));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(-ESRCH, do_attach(self->fd, pid));
	EXPECT_EQ(-ESRCH, do_attach(self->fd, INT_MAX));
	/* A session that was refused can be bound. */
	EXPECT_EQ(-ENOTCONN, do_clear(self->fd, ptr_u64(self->area)));
	EXPECT_EQ(0, do_attach(self->fd, self->t.pid));
}

TEST_F(attach, kernel_thread)
{
	char name[16] = "";
	int fd = open("/proc/2/comm", O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_LT(0, read(fd, name, sizeof(name) - 1));
	close(fd);
	ASSERT_STREQ("kthreadd\n", name);
	EXPECT_EQ(-ESRCH, do_attach(self->fd, 2));
	EXPECT_EQ(-ENOTCONN, do_clear(self->fd, ptr_u64(self->area)));
}

static void *thread_waits(void *pipe)
{
	int fd = *(int *)pipe;
	pid_t tid = syscall(SYS_gettid);

	if (write(fd, &tid, sizeof(tid)) == sizeof(tid))
		pause();
	return NULL;
}

/* The ID of a process is that of its leader, as for /proc and tgkill(2). */
TEST_F(attach, thread_id)
{
	static int tids[2];
	struct target t = { 0 };
	pid_t tid;

	ASSERT_EQ(0, pipe2(tids, O_CLOEXEC));
	ASSERT_EQ(0, target_start(&t));
	ASSERT_EQ(0, target_call(&t, in_target_thread,
				 (unsigned long)thread_waits,
				 (unsigned long)&tids[1], 0));
	ASSERT_EQ((ssize_t)sizeof(tid), read(tids[0], &tid, sizeof(tid)));
	ASSERT_NE(t.pid, tid);
	EXPECT_EQ(-ESRCH, do_attach(self->fd, tid));
	EXPECT_EQ(0, do_attach(self->fd, t.pid));
	EXPECT_EQ(0, target_stop(&t));
}

/**
 * struct contender - one of two threads that attach the same file
 * @go: Both spin until this is the number of the round, to start as one.
 * @done: Rounds it has made.
 * @fd: The file of the round.
 * @pid: Its own idea of a target.
 * @result: What ATTACH returned.
 */
struct contender {
	unsigned int *go;
	unsigned int done;
	int fd;
	pid_t pid;
	int result;
};

#define CONTENDED_ROUNDS	1000
#define CONTENDED_ENOUGH	100
#define CONTENDED_MS		6000

static void *contend(void *data)
{
	struct contender *c = data;
	unsigned int round, spins = 0;

	for (round = 1; round <= CONTENDED_ROUNDS; round++) {
		while (__atomic_load_n(c->go, __ATOMIC_ACQUIRE) < round)
			if (++spins % 512 == 0)
				sched_yield();
		c->result = do_attach(c->fd, c->pid);
		__atomic_store_n(&c->done, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Let both contend for a new file, which is returned. */
static int contend_once(struct contender *c, unsigned int *go,
			unsigned int round)
{
	int fd = cordbg_open(), i;

	for (i = 0; i < 2; i++)
		c[i].fd = fd;
	__atomic_store_n(go, round, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++)
		while (__atomic_load_n(&c[i].done, __ATOMIC_ACQUIRE) < round)
			sched_yield();
	return fd;
}

/* Two ATTACH on one file at a time: one wins, and the session is bound to its. */
TEST_F_TIMEOUT(attach, contended, 100)
{
	uint64_t limit = race_end(CONTENDED_MS);
	struct contender c[2] = { 0 };
	struct target other = { 0 };
	unsigned int go = 0, round;
	uint8_t byte, seen;
	pthread_t thread;
	int fd, i;

	ASSERT_EQ(0, target_start(&other));
	for (i = 0; i < 2; i++) {
		c[i].go = &go;
		c[i].pid = i ? other.pid : self->t.pid;
		/* They end with the test. */
		ASSERT_EQ(0, pthread_create(&thread, NULL, contend, &c[i]));
	}
	for (round = 1; round <= CONTENDED_ROUNDS; round++) {
		if (round > CONTENDED_ENOUGH && now_ms() > limit)
			break;
		fd = contend_once(c, &go, round);
		ASSERT_LE(0, fd);
		i = c[0].result != 0;
		ASSERT_EQ(0, c[i].result);
		ASSERT_EQ(-EBUSY, c[!i].result);
		byte = round;
		ASSERT_EQ(0, do_write(fd, ptr_u64(self->area), &byte, 1, 0,
				      NULL, NULL));
		ASSERT_EQ(0, peek(c[i].pid, self->area, &seen, 1));
		ASSERT_EQ(byte, seen);
		ASSERT_EQ(0, close(fd));
	}
	ASSERT_LT(CONTENDED_ENOUGH, round);
	EXPECT_EQ(0, target_stop(&other));
}

/*
 * A thread group whose leader has exited. Its ID and its memory live on, but the
 * leader's task has none.
 */
FIXTURE(leaderless)
{
	struct target t;
	struct area *area;
	int fd;
};

FIXTURE_VARIANT(leaderless)
{
	bool attach_first;
};

FIXTURE_VARIANT_ADD(leaderless, exits_before_attach)
{
	.attach_first = false,
};

FIXTURE_VARIANT_ADD(leaderless, exits_after_attach)
{
	.attach_first = true,
};

static int worker_in[2], worker_out[2];

static void *worker(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	target_serve(worker_in[0], worker_out[1]);
	return NULL;
}

/* For target_begin(): leave the group to a thread that serves in our place. */
static long in_target_leave(unsigned long unused1, unsigned long unused2,
			    unsigned long unused3)
{
	(void)unused3;
	close(worker_in[1]);
	close(worker_out[0]);
	if (in_target_thread((unsigned long)worker, unused1, unused2))
		_exit(1);
	syscall(SYS_exit, 0);
	return 0;
}

FIXTURE_SETUP(leaderless)
{
	self->area = area_map();
	ASSERT_TRUE(!!self->area);
	ASSERT_EQ(0, pipe(worker_in));
	ASSERT_EQ(0, pipe(worker_out));
	ASSERT_EQ(0, target_start(&self->t));
	if (variant->attach_first) {
		self->fd = session_open(self->t.pid);
		ASSERT_LE(0, self->fd);
	}
	ASSERT_EQ(0, target_begin(&self->t, in_target_leave, 0, 0, 0));
	close(self->t.to);
	close(self->t.from);
	close(worker_in[0]);
	close(worker_out[1]);
	self->t.to = worker_in[1];
	self->t.from = worker_out[0];
	ASSERT_EQ(0, wait_for_state(self->t.pid, 'Z', 5000));
	if (!variant->attach_first) {
		self->fd = session_open(self->t.pid);
		ASSERT_LE(0, self->fd);
	}
}

FIXTURE_TEARDOWN(leaderless)
{
	close(self->fd);
	EXPECT_EQ(0, target_stop(&self->t));
}

TEST_F(leaderless, works)
{
	ASSERT_EQ(0, exercise(self->fd, ptr_u64(self->area)));
	ASSERT_EQ(0, target_call(&self->t, in_target_exercised,
				 (unsigned long)self->area, 0, 0));
}

/* Closing the session has to reach the memory as well. */
TEST_F(leaderless, close_restores)
{
	ASSERT_EQ(0, exercise(self->fd, ptr_u64(self->area)));
	ASSERT_EQ(0, do_break(self->fd, ptr_u64(self->area)));
	ASSERT_EQ(0, do_break(self->fd, ptr_u64(self->area) + 8192));
	ASSERT_EQ(1, target_call(&self->t, in_target_exercised,
				 (unsigned long)self->area, 0, 0));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	ASSERT_EQ(0, target_call(&self->t, in_target_exercised,
				 (unsigned long)self->area, 0, 0));
}

/* How the image of a session comes to its end. */
enum end { EXITS, KILLED, REAPED, EXECS, EXECS_IN_THREAD };

FIXTURE(gone)
{
	struct image image;
	char dir[32];
	int fd;
};

FIXTURE_VARIANT(gone)
{
	enum end end;
	bool set_uid;
};

FIXTURE_VARIANT_ADD(gone, exited)
{
	.end = EXITS,
};

FIXTURE_VARIANT_ADD(gone, killed)
{
	.end = KILLED,
};

FIXTURE_VARIANT_ADD(gone, reaped)
{
	.end = REAPED,
};

FIXTURE_VARIANT_ADD(gone, replaced)
{
	.end = EXECS,
};

FIXTURE_VARIANT_ADD(gone, replaced_by_thread)
{
	.end = EXECS_IN_THREAD,
};

FIXTURE_VARIANT_ADD(gone, replaced_by_set_uid)
{
	.end = EXECS,
	.set_uid = true,
};

FIXTURE_VARIANT_ADD(gone, replaced_by_set_uid_thread)
{
	.end = EXECS_IN_THREAD,
	.set_uid = true,
};

FIXTURE_SETUP(gone)
{
	ASSERT_EQ(0, private_mount(self->dir, sizeof(self->dir)));
	ASSERT_EQ(0, image_start_in(&self->image, self->dir, variant->set_uid));
	ASSERT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_AGE));
	self->fd = session_open(self->image.pid);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(gone)
{
	bool lives = variant->end == EXECS || variant->end == EXECS_IN_THREAD;

	close(self->fd);
	if (variant->end == EXITS || variant->end == KILLED)
		child_kill(self->image.pid);
	if (lives)
		EXPECT_EQ(0, image_stop(&self->image));
	private_unmount(self->dir);
}

static bool image_end(struct image *image, enum end end)
{
	siginfo_t info;

	switch (end) {
	case EXECS:
		return image_ask(image, IMAGE_EXEC) == IMAGE_READY;
	case EXECS_IN_THREAD:
		return image_ask(image, IMAGE_THREAD) == IMAGE_READY;
	case EXITS:
		return !image_ask(image, IMAGE_QUIT) &&
		       !waitid(P_PID, image->pid, &info, WEXITED | WNOWAIT);
	case KILLED:
		kill(image->pid, SIGKILL);
		return !waitid(P_PID, image->pid, &info, WEXITED | WNOWAIT);
	case REAPED:
		return WIFSIGNALED(child_kill(image->pid));
	}
	return false;
}

/* Each operation says ESRCH and stores nothing: 0 or the line that does not. */
static int all_gone(int fd)
{
	static uint8_t buffer[LONG_SIZE];
	const uint64_t base = ptr_u64(marker);
	const uint32_t sizes[] = { 1, 8, MARKER_SIZE };
	struct cordbg_breakpoint list[1];
	uint32_t flags;
	uint64_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (flags = 0; flags <= CORDBG_FORCE + CORDBG_PROBE; flags++) {
			memset(buffer, 0x99, sizeof(buffer));
			if (do_write(fd, base, buffer, sizes[i], flags, &n,
				     NULL) != -ESRCH || n)
				return __LINE__;
			if (do_read(fd, base, buffer, sizes[i], flags, &n,
				    NULL) != -ESRCH || n)
				return __LINE__;
			if (!filled_with(buffer, 0x99, sizeof(buffer)))
				return __LINE__;
		}
	}
	if (do_read(fd, base, buffer, 8, CORDBG_RAW, &n, NULL) != -ESRCH || n)
		return __LINE__;
	if (do_break(fd, base + 64) != -ESRCH)
		return __LINE__;
	if (do_clear(fd, base) != -ESRCH || do_clear(fd, base + 64) != -ESRCH)
		return __LINE__;
	if (do_list(fd, 0, list, 1, NULL) != -ESRCH ||
	    !filled_with((uint8_t *)list, 0xa5, sizeof(list)))
		return __LINE__;
	/* The session was bound once and for all. */
	return do_attach(fd, getpid()) == -EBUSY ? 0 : __LINE__;
}

TEST_F(gone, every_operation)
{
	ASSERT_EQ(0, do_break(self->fd, ptr_u64(marker)));
	ASSERT_EQ(0, do_break(self->fd, ptr_u64(marker) + 8192));
	ASSERT_TRUE(image_end(&self->image, variant->end));
	EXPECT_EQ(0, all_gone(self->fd));
	EXPECT_EQ(0, all_gone(self->fd));
	EXPECT_EQ(0, close(self->fd));
	self->fd = -1;
}

/* The new image has nothing of what was done to the old one. */
TEST_F(gone, new_image_untouched)
{
	uint8_t seen[8];
	uint64_t n;
	int fd;

	ASSERT_EQ(0, do_break(self->fd, ptr_u64(marker)));
	ASSERT_EQ(0, do_break(self->fd, ptr_u64(marker) + 8192));
	ASSERT_TRUE(image_end(&self->image, variant->end));
	fd = session_open(self->image.pid);
	if (variant->end != EXECS && variant->end != EXECS_IN_THREAD) {
		ASSERT_EQ(-ESRCH, fd);
		return;
	}
	ASSERT_LE(0, fd);
	EXPECT_EQ(variant->set_uid ? IMAGE_YES : IMAGE_NO,
		  image_ask(&self->image, IMAGE_RAISED));
	EXPECT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_CHECK));
	EXPECT_EQ(0, all_gone(self->fd));
	EXPECT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_CHECK));
	/* A session on the new image is one like any other. */
	EXPECT_EQ(-ENOENT, do_clear(fd, ptr_u64(marker)));
	EXPECT_EQ(0, do_read(fd, ptr_u64(marker), seen, 8, 0, &n, NULL));
	EXPECT_EQ(8U, n);
	EXPECT_TRUE(filled_with(seen, MARKER_NEW, 8));
	EXPECT_EQ(0, do_break(fd, ptr_u64(marker)));
	EXPECT_EQ(IMAGE_NO, image_ask(&self->image, IMAGE_CHECK));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_CHECK));
}

int main(int argc, char **argv)
{
	image_main(argc, argv);
	return test_harness_run(argc, argv);
}
