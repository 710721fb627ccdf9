// SPDX-License-Identifier: GPL-2.0
/* What one, two and four tools get done on as many processes. */

#include <stdio.h>

#include "crowd.h"

#define SIZE		8
#define MICROSECONDS	200000
#define ROUNDS		5

struct work {
	const struct bench_route *route;
	bool breakpoints;	/* set and clear instead of writing */
};

static int work_once(const struct work *work, const struct bench_peer *peer,
		     uint8_t *address)
{
	int err;

	if (!work->breakpoints)
		return peer->route->write(peer, address, bench_source, SIZE);
	err = do_break(peer->fd, ptr_u64(address));
	return err ? err : do_clear(peer->fd, ptr_u64(address));
}

/* A tool, with a target of its own, which it asks at the end. */
static void tool(struct crowd *crowd, size_t i, void *context)
{
	const struct work *work = context;
	unsigned long calls = 0;
	struct bench_area area;
	struct bench_peer peer;
	uint8_t *address;
	int err;

	bench_check(bench_area_start(&area, MEMORY_PRIVATE, MIB), "a target");
	address = area.base + KIB;
	if (work->breakpoints)
		bench_area_fill(&area, address, SIZE);
	bench_open(&peer, work->route, area.target.pid);
	crowd_wait(crowd);
	do {
		err = work_once(work, &peer, address);
		calls++;
	} while (!err && !atomic_load(&crowd->stop));
	bench_check(err, work->route->name);
	crowd->calls[i] = calls;
	bench_close(&peer);
	if (!bench_area_holds(&area, work->route->own, address, SIZE))
		bench_die("%s: a write has not arrived", work->route->name);
	bench_area_stop(&area);
}

/* Calls per second. */
static double rate(struct work *work, size_t tools)
{
	struct crowd *crowd = crowd_new();
	double seconds;
	uint64_t start;

	crowd_start(crowd, tools, tool, work);
	start = bench_now();
	usleep(MICROSECONDS);
	atomic_store(&crowd->stop, true);
	seconds = (bench_now() - start) / 1e9;
	return crowd_stop(crowd) / seconds;
}

/* What is scaled: writes by every route, and breakpoints by cordbg. */
static bool work_of(size_t i, struct work *work)
{
	*work = (struct work) {
		.route = &bench_routes[i < bench_routes_count ? i : 0],
		.breakpoints = i == bench_routes_count,
	};
	return i <= bench_routes_count;
}

static void report(const struct work *work, size_t tools, double per_second)
{
	const struct bench_label label = {
		.section = "scaling",
		.route = work->route->name,
		.operation = work->breakpoints ? "set and clear" : "write",
		.tools = tools,
	};

	bench_number(&label, "per_second", per_second);
}

/* The best of several rounds: other load only ever takes away. */
void bench_scaling(void)
{
	static const size_t tools[] = { 1, 2, CROWD_MOST };
	double best[ARRAY_SIZE(tools)][BENCH_MOST_ROUTES + 1] = { };
	struct work work;
	size_t t, i, round;
	double now;

	for (round = 0; round < ROUNDS; round++)
		for (i = 0; work_of(i, &work); i++)
			for (t = 0; t < ARRAY_SIZE(tools); t++) {
				now = rate(&work, tools[t]);
				if (now > best[t][i])
					best[t][i] = now;
			}
	for (i = 0; work_of(i, &work); i++)
		for (t = 0; t < ARRAY_SIZE(tools); t++)
			report(&work, tools[t], best[t][i]);
}
