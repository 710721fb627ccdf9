// SPDX-License-Identifier: GPL-2.0
/*
 * Pages with breakpoints that are swapped out and in again. Swap space is a file
 * in memory behind a loop device: one of the test's own.
 */

#include <linux/loop.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>

#include "cordbg_image.h"
#include "target_fork.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define SWAP_SIZE	(32UL << 20)
#define PATIENCE_MS	20000

FIXTURE(swap)
{
	struct debuggee d;
	char dir[32];
	char device[32];
	int loop;
	bool on;
};

/* What mkswap(8) leaves in the first page. */
static int make_swap_header(int fd)
{
	union {
		uint8_t page[4096];
		struct {
			uint8_t boot[1024];
			uint32_t version;
			uint32_t last_page;
			uint32_t bad_pages;
		} info;
	} header;

	memset(&header, 0, sizeof(header));
	header.info.version = 1;
	header.info.last_page = SWAP_SIZE / 4096 - 1;
	memcpy(header.page + 4096 - 10, "SWAPSPACE2", 10);
	return pwrite(fd, &header, sizeof(header), 0) == sizeof(header) ?
		0 : -errno;
}

/* A loop device over a new file of SWAP_SIZE bytes: 0 or a negative errno. */
static int loop_open(FIXTURE_DATA(swap) * self)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number, fd;
	char path[64];

	if (control < 0)
		return -errno;
	number = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	snprintf(self->device, sizeof(self->device), "/dev/loop%d", number);
	snprintf(path, sizeof(path), "%s/swap", self->dir);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	self->loop = open(self->device, O_RDWR | O_CLOEXEC);
	if (fd < 0 || self->loop < 0 || ftruncate(fd, SWAP_SIZE))
		return -errno;
	if (make_swap_header(fd) || ioctl(self->loop, LOOP_SET_FD, fd))
		return -errno;
	close(fd);
	return 0;
}

FIXTURE_SETUP(swap)
{
	ASSERT_EQ(0, private_mount(self->dir, sizeof(self->dir)));
	ASSERT_EQ(0, loop_open(self));
	ASSERT_EQ(0, swapon(self->device, 0));
	self->on = true;
	ASSERT_EQ(0, code_map());
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(swap)
{
	if (self->on) {
		EXPECT_EQ(0, debuggee_stop(&self->d));
		EXPECT_EQ(0, swapoff(self->device));
	}
	ioctl(self->loop, LOOP_CLR_FD, 0);
	close(self->loop);
	private_unmount(self->dir);
}

/* The area as the target's own, for it to be swapped out. */
static long in_target_own(unsigned long a, unsigned long b, unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	if (madvise(code.area, CODE_SIZE, MADV_DONTNEED))
		return -errno;
	memcpy(code.area, code.model, CODE_SIZE);
	return 0;
}

/* Kilobytes of the target's memory that are swapped out. */
static long swapped(pid_t pid)
{
	char path[40], line[128];
	long kilobytes = -ENOENT;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "r");
	if (!status)
		return -errno;
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "VmSwap: %ld", &kilobytes) == 1)
			break;
	fclose(status);
	return kilobytes;
}

/* Swap the area out: 0 once most of it is. */
static int swap_out(struct target *target)
{
	uint64_t limit = now_ms() + PATIENCE_MS;

	while (swapped(target->pid) < (long)CODE_SIZE / 1024 / 2) {
		if (now_ms() > limit)
			return -ETIMEDOUT;
		target_call(target, in_target_advise, (unsigned long)code.area,
			    CODE_SIZE, MADV_PAGEOUT);
		usleep(1000);
	}
	return 0;
}

/* 20 times out and in, by a list, a write, a fork, a clear and by the end. */
#define SWAP_ROUNDS	20

TEST_F_TIMEOUT(swap, breakpoints, 120)
{
	struct target *target = &self->d.target;
	struct cordbg_breakpoint bp;
	uint64_t at = code_at(50);
	int round;

	ASSERT_EQ(0, target_call(target, in_target_own, 0, 0, 0));
	for (round = 0; round < SWAP_ROUNDS; round++) {
		ASSERT_EQ(0, swap_out(target));
		ASSERT_EQ(0, break_each(self->d.session, at, 4096, CODE_PAGES));
		ASSERT_EQ(0, swap_out(target));
		ASSERT_EQ(1, find_breakpoint(self->d.session, at, &bp));
		ASSERT_EQ(CORDBG_BREAKPOINT_MINE | CORDBG_BREAKPOINT_PLANTED,
			  bp.flags);
		ASSERT_EQ(0, do_write(self->d.session, at, code.model + 50 *
				      OPCODE_LEN, OPCODE_LEN, 0, NULL, NULL));
		ASSERT_EQ(0, swap_out(target));
		ASSERT_EQ(0, child_clean(target, BY_FORK));
		ASSERT_EQ(0, swap_out(target));
		ASSERT_EQ(0, clear_each(self->d.session, at, 4096,
					CODE_PAGES / 2));
		ASSERT_EQ(0, swap_out(target));
		close(self->d.session);
		self->d.session = session_open(target->pid);
		ASSERT_LE(0, self->d.session);
		ASSERT_TRUE(target_intact(target));
	}
	TH_LOG("%d rounds", round);
}

/* Pages come and go while breakpoints do: for 4 s. */
static int racing_stop;

static void *page_out(void *unused)
{
	while (!__atomic_load_n(&racing_stop, __ATOMIC_SEQ_CST))
		madvise(code.area, CODE_SIZE, MADV_PAGEOUT);
	return unused;
}

static long in_target_stop(unsigned long a, unsigned long b, unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	__atomic_store_n(&racing_stop, 1, __ATOMIC_SEQ_CST);
	return 0;
}

TEST_F_TIMEOUT(swap, race, 120)
{
	struct target *target = &self->d.target;
	unsigned long round, n;
	long most = 0, now;
	uint64_t limit;

	ASSERT_EQ(0, target_call(target, in_target_own, 0, 0, 0));
	ASSERT_EQ(0, target_call(target, in_target_thread,
				 (unsigned long)page_out, 0, 0));
	limit = now_ms() + 4000;
	for (round = 0; now_ms() < limit; round++) {
		n = round * 8191 % CODE_INSNS;
		ASSERT_EQ(0, do_break(self->d.session, code_at(n)));
		ASSERT_EQ(0, do_write(self->d.session, code_at(n),
				      code.model + n * OPCODE_LEN, OPCODE_LEN,
				      0, NULL, NULL));
		ASSERT_EQ(0, do_clear(self->d.session, code_at(n)));
		now = round % 64 ? 0 : swapped(target->pid);
		most = now > most ? now : most;
	}
	ASSERT_EQ(0, target_call(target, in_target_stop, 0, 0, 0));
	TH_LOG("%lu rounds, up to %ld KiB swapped out", round, most);
	ASSERT_LE(100U, round);
	ASSERT_LT(0, most);
	EXPECT_TRUE(target_intact(target));
}

TEST_HARNESS_MAIN
