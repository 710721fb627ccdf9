// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a program that closes its userfaultfd(2) again and again. A session that
 * needs a page of it is refused or not, but comes back, and so does the program: it
 * must not be that each waits for the other.
 */
#include "cordbg_harness.h"
#include "cordbg_uffd.h"
#include "target_fork.h"
#include "target_memory.h"

#define RACE_MS		4000
#define ENOUGH		50	/* closes, and calls of either outcome */
#define PROMPT_MS	20000	/* a slow machine's "at once" */
#define PAGES		8
#define TOOLS		3

/**
 * struct race - what the test and the target share
 * @area: The memory.
 * @size: Its size.
 * @stop: The target is to end.
 * @error: What went wrong there.
 * @closes: How often it has closed a userfaultfd.
 */
static struct race {
	uint8_t *area;
	size_t size;
	int stop;
	int error;
	unsigned long closes;
} *race;

#define load(p)	__atomic_load_n(p, __ATOMIC_SEQ_CST)

/* Nothing is in the area while it is watched, but what the tools put there before. */
static void *watch_and_close(void *unused)
{
	unsigned int n = 0;
	int fd;

	while (!load(&race->stop)) {
		fd = uffd_register(race->area, race->size,
				   UFFDIO_REGISTER_MODE_MISSING, 0);
		if (fd < 0 || madvise(race->area, race->size, MADV_DONTNEED)) {
			race->error = -errno;
			break;
		}
		usleep(n++ * 37 % 1000);
		close(fd);
		__atomic_add_fetch(&race->closes, 1, __ATOMIC_SEQ_CST);
		usleep(n * 53 % 500);
	}
	return unused;
}

/**
 * struct tool - a thread with a session of its own
 * @pid: The target.
 * @call: What it does again and again with a place: 0 or a negative errno.
 * @outcomes: Calls that were done, and that were refused.
 * @error: What a call returned that it may not.
 */
struct tool {
	pthread_t thread;
	pid_t pid;
	int (*call)(int session, uint8_t *at);
	unsigned long outcomes[2];
	int error;
};

static int call_read(int session, uint8_t *at)
{
	uint8_t seen[64];

	return do_read(session, ptr_u64(at), seen, sizeof(seen), 0, NULL, NULL);
}

static int call_write(int session, uint8_t *at)
{
	static const uint8_t bytes[64];

	return do_write(session, ptr_u64(at), bytes, sizeof(bytes), 0, NULL,
			NULL);
}

/* What is left is the business of close(2), which cannot be refused. */
static int call_set(int session, uint8_t *at)
{
	return do_break(session, ptr_u64(at));
}

static void *tool_main(void *data)
{
	struct tool *t = data;
	int session = -1, err;
	unsigned long n;

	for (n = 0; !t->error && !load(&race->stop); n++) {
		if (n % PAGES == 0) {
			close(session);
			session = session_open(t->pid);
		}
		err = t->call(session, race->area +
			      n % PAGES * (race->size / PAGES) + 64);
		if (err && err != -ENXIO)
			t->error = err;
		__atomic_add_fetch(&t->outcomes[!!err], 1, __ATOMIC_SEQ_CST);
	}
	close(session);
	return NULL;
}

FIXTURE(closing)
{
	struct debuggee d;
	struct tool tools[TOOLS];
};

FIXTURE_VARIANT(closing)
{
	int (*call)(int session, uint8_t *at);
	bool huge;
};

FIXTURE_VARIANT_ADD(closing, read) { .call = call_read };
FIXTURE_VARIANT_ADD(closing, write) { .call = call_write };
FIXTURE_VARIANT_ADD(closing, read_huge) { .call = call_read, .huge = true };
FIXTURE_VARIANT_ADD(closing, write_huge) { .call = call_write, .huge = true };
FIXTURE_VARIANT_ADD(closing, set_and_close) { .call = call_set };

FIXTURE_SETUP(closing)
{
	int huge = variant->huge ? MAP_HUGETLB : 0;
	void *area;

	race = (void *)map_anon(sizeof(*race), PROT_READ | PROT_WRITE,
				MAP_SHARED);
	ASSERT_TRUE(!!race);
	race->size = PAGES * (variant->huge ? HUGE_SIZE : (size_t)page_size());
	area = mmap(NULL, race->size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | huge, -1, 0);
	ASSERT_NE(MAP_FAILED, area);
	race->area = area;
	ASSERT_EQ(0, debuggee_start(&self->d));
	/* The pages are to be the target's. */
	ASSERT_EQ(0, munmap(area, race->size));
}

FIXTURE_TEARDOWN(closing)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* Whether the target goes on. */
static bool closes_again(unsigned long closes)
{
	uint64_t limit = now_ms() + PROMPT_MS;

	while (load(&race->closes) == closes && now_ms() < limit)
		usleep(1000);
	return load(&race->closes) != closes;
}

static bool enough(const struct tool *tools)
{
	unsigned long done = 0, refused = 0;
	int i;

	for (i = 0; i < TOOLS; i++) {
		done += load(&tools[i].outcomes[0]);
		refused += load(&tools[i].outcomes[1]);
	}
	return done >= ENOUGH && refused >= ENOUGH;
}

TEST_F_TIMEOUT(closing, both_come_back, 100)
{
	uint64_t limit = race_end(RACE_MS);
	unsigned long closes = 0;
	int i;

	ASSERT_EQ(0, target_call(&self->d.target, in_target_thread,
				 (unsigned long)watch_and_close, 0, 0));
	for (i = 0; i < TOOLS; i++) {
		self->tools[i].pid = self->d.target.pid;
		self->tools[i].call = variant->call;
		ASSERT_EQ(0, pthread_create(&self->tools[i].thread, NULL,
					    tool_main, &self->tools[i]));
	}
	while (more_rounds(limit, closes, ENOUGH) || !enough(self->tools)) {
		ASSERT_TRUE(closes_again(closes)) {
			TH_LOG("nothing after %lu closes", closes);
		}
		closes = load(&race->closes);
		ASSERT_EQ(0, race->error);
	}
	__atomic_store_n(&race->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < TOOLS; i++) {
		ASSERT_EQ(0, pthread_join(self->tools[i].thread, NULL));
		EXPECT_EQ(0, self->tools[i].error);
		TH_LOG("%lu closes, %lu calls done, %lu refused", closes,
		       self->tools[i].outcomes[0], self->tools[i].outcomes[1]);
	}
}

TEST_HARNESS_MAIN
