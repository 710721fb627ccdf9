/* SPDX-License-Identifier: GPL-2.0 */
/* Processes that work beside the bench until they are told to stop. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stdatomic.h>
#include <stdio.h>

#include "bench.h"

#define CROWD_MOST	4

/**
 * struct crowd - shared by the bench and its helpers
 * @ready: Helpers that are waiting for @go.
 * @calls: What each has done.
 */
struct crowd {
	atomic_int ready;
	atomic_bool go;
	atomic_bool stop;
	unsigned long calls[CROWD_MOST];
	pid_t pids[CROWD_MOST];
	size_t size;
};

static inline struct crowd *crowd_new(void)
{
	struct crowd *crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (crowd == MAP_FAILED)
		bench_die("shared memory: %s", strerror(errno));
	return crowd;
}

/* For a helper: wait until all of them are there. */
static inline void crowd_wait(struct crowd *crowd)
{
	atomic_fetch_add(&crowd->ready, 1);
	while (!atomic_load(&crowd->go))
		usleep(100);
}

/* Start @size helpers, and return when they work. */
static inline void crowd_start(struct crowd *crowd, size_t size,
			       void (*helper)(struct crowd *crowd, size_t i,
					      void *context), void *context)
{
	size_t i;
	pid_t pid;

	crowd->size = size;
	for (i = 0; i < size; i++) {
		pid = fork();
		bench_check(pid < 0 ? -errno : 0, "fork");
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			helper(crowd, i, context);
			_exit(EXIT_SUCCESS);
		}
		crowd->pids[i] = pid;
	}
	while (atomic_load(&crowd->ready) < (int)size)
		usleep(100);
	atomic_store(&crowd->go, true);
}

/*
 * Stop them: the number of calls they have made, each of them at least one. A
 * helper has to end well.
 */
static inline unsigned long crowd_stop(struct crowd *crowd)
{
	unsigned long calls = 0;
	size_t i;

	atomic_store(&crowd->stop, true);
	for (i = 0; i < crowd->size; i++) {
		if (child_result(crowd->pids[i]))
			bench_die("a helper has failed");
		calls += crowd->calls[i];
	}
	munmap(crowd, sizeof(*crowd));
	return calls;
}

#endif /* BENCH_CROWD_H */
