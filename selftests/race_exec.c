// SPDX-License-Identifier: GPL-2.0
/*
 * Writes, breakpoints and closes that race against execve(2) in the target. What
 * was meant for one image never lands in the next, least of all in a set-uid one.
 *
 * The marker has one address in all images (see cordbg_image.h): each round wears
 * it out in the old image, replaces that under fire, and looks at the new one.
 */
#include "cordbg_harness.h"
#include "cordbg_image.h"

#define FIRE_MS		6000	/* for more than ENOUGH rounds of one test */
#define EXEC_MS		30000	/* for one, with all that happens to it */
#define ROUNDS		2000
#define ENOUGH		50

enum fire { FEW_BYTES, PAGES, BREAKPOINTS, CLOSE };

FIXTURE(replaced)
{
	struct image image;
	char dir[32];
	uint64_t duration;	/* of an execve(), in microseconds */
};

FIXTURE_VARIANT(replaced)
{
	enum fire fire;
	char how;
	bool set_uid;
};

FIXTURE_VARIANT_ADD(replaced, few_bytes)
{
	.fire = FEW_BYTES,
	.how = IMAGE_EXEC,
};

FIXTURE_VARIANT_ADD(replaced, few_bytes_set_uid)
{
	.fire = FEW_BYTES,
	.how = IMAGE_EXEC,
	.set_uid = true,
};

FIXTURE_VARIANT_ADD(replaced, few_bytes_by_thread)
{
	.fire = FEW_BYTES,
	.how = IMAGE_THREAD,
};

FIXTURE_VARIANT_ADD(replaced, pages)
{
	.fire = PAGES,
	.how = IMAGE_EXEC,
};

FIXTURE_VARIANT_ADD(replaced, breakpoints)
{
	.fire = BREAKPOINTS,
	.how = IMAGE_EXEC,
};

FIXTURE_VARIANT_ADD(replaced, breakpoints_set_uid)
{
	.fire = BREAKPOINTS,
	.how = IMAGE_EXEC,
	.set_uid = true,
};

FIXTURE_VARIANT_ADD(replaced, close)
{
	.fire = CLOSE,
	.how = IMAGE_EXEC,
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

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ULL + now.tv_nsec / 1000;
}

/* One shot at the image of the session: 0 until it is gone. */
static int shoot(int fd, enum fire fire, unsigned long n)
{
	static uint8_t bytes[MARKER_SIZE];
	uint64_t base = ptr_u64(marker);
	int err;

	memset(bytes, 0x44, sizeof(bytes));
	switch (fire) {
	case FEW_BYTES:
		return do_write(fd, base + 16 * (n % 1000), bytes, 8, 0, NULL,
				NULL);
	case PAGES:
		return do_write(fd, base + 1, bytes, MARKER_SIZE - 2, 0, NULL,
				NULL);
	case BREAKPOINTS:
		err = do_break(fd, base + 4 * (n % 1000));
		return err ?: do_clear(fd, base + 4 * (n % 1000));
	case CLOSE:
		break;
	}
	return -EINVAL;
}

/* Shoot until the session's image is gone: shots, or what went wrong. */
static long fire_until_gone(int fd, enum fire fire)
{
	uint64_t limit = now_ms() + EXEC_MS;
	long n = 0;
	int err;

	do {
		err = shoot(fd, fire, n++);
	} while (!err && now_ms() < limit);
	return err == -ESRCH ? n : err ? err : -ETIMEDOUT;
}

/* Close the session at some time during the execve(). */
static long close_meanwhile(int fd, uint64_t duration, unsigned long round)
{
	uint64_t at = now_us() + duration * (round % 32) / 32;

	while (now_us() < at)
		;
	return close(fd) ? -errno : 1;
}

/* A session with breakpoints in an image that has changed its marker. */
static int session_on(const struct image *image)
{
	uint64_t base = ptr_u64(marker);
	size_t i;
	int fd;

	if (image_ask(image, IMAGE_AGE) != IMAGE_YES)
		return -EPIPE;
	fd = session_open(image->pid);
	/* Behind the addresses of the shots that set others. */
	for (i = 4096; fd >= 0 && i < MARKER_SIZE; i += 1024)
		if (do_break(fd, base + i))
			return -EIO;
	return fd;
}

TEST_F_TIMEOUT(replaced, new_image_untouched, 100)
{
	uint64_t limit = race_end(FIRE_MS), since, took = 3000;
	const char how = variant->how;
	unsigned long round;
	long shots = 0, n;
	char ready;
	int fd;

	for (round = 0; round < ENOUGH ||
	     (round < ROUNDS && now_ms() < limit); round++) {
		fd = session_on(&self->image);
		ASSERT_LE(0, fd);
		since = now_us();
		ASSERT_EQ(1, write(self->image.to, &how, 1));
		if (variant->fire == CLOSE)
			n = close_meanwhile(fd, took, round);
		else
			n = fire_until_gone(fd, variant->fire);
		ASSERT_LT(0, n);
		shots += n;
		ASSERT_EQ(1, read(self->image.from, &ready, 1));
		took = now_us() - since;
		ASSERT_EQ(IMAGE_READY, ready);
		ASSERT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_CHECK));
		if (variant->fire == CLOSE)
			continue;
		/* Neither does the end of the session reach it. */
		ASSERT_EQ(0, close(fd));
		ASSERT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_CHECK));
	}
	if (variant->set_uid)
		ASSERT_EQ(IMAGE_YES, image_ask(&self->image, IMAGE_RAISED));
	TH_LOG("%lu images, %ld shots", round, shots);
}

int main(int argc, char **argv)
{
	image_main(argc, argv);
	return test_harness_run(argc, argv);
}
