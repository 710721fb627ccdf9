// SPDX-License-Identifier: GPL-2.0
/*
 * What one, two and four tools get done on as many processes. Where instructions
 * are counted there is one processor, and what matters is that an operation takes
 * no more of them; in real time, how much more gets done.
 */

#include <stdio.h>

#include "crowd.h"

#define SIZE		8
#define INSTRUCTIONS	20000000
#define MICROSECONDS	200000
#define ROUNDS		7

/* Something to be done again and again. */
struct work {
	const char *route;
	const char *operation;
	int (*once)(const struct bench_peer *peer, uint8_t *address);
};

static int write_once(const struct bench_peer *peer, uint8_t *address)
{
	return peer->route->write(peer, address, bench_source, SIZE);
}

static int set_and_clear(const struct bench_peer *peer, uint8_t *address)
{
	int err = do_break(peer->fd, ptr_u64(address));

	return err ? err : do_clear(peer->fd, ptr_u64(address));
}

static int attach_and_close(const struct bench_peer *peer, uint8_t *address)
{
	struct bench_peer another;

	(void)address;
	bench_open(&another, peer->route, peer->pid);
	bench_close(&another);
	return 0;
}

static const struct work works[] = {
	{ "cordbg", "write", write_once },
	{ "process_vm", "write", write_once },
	{ "memcpy", "write", write_once },
	{ "cordbg", "set and clear", set_and_clear },
	{ "cordbg", "attach and close", attach_and_close },
};

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
	if (work->once != write_once)
		bench_area_fill(&area, address, SIZE);
	bench_open(&peer, bench_route(work->route), area.target.pid);
	crowd_wait(crowd);
	do {
		err = work->once(&peer, address);
		calls++;
	} while (!err && !atomic_load(&crowd->stop));
	bench_check(err, work->route);
	crowd->calls[i] = calls;
	bench_close(&peer);
	if (!bench_area_holds(&area, peer.route->own, address, SIZE))
		bench_die("%s: a write has not arrived", work->route);
	bench_area_stop(&area);
}

/* Calls per second, or in 1,000,000,000 instructions. */
static double rate(const struct work *work, size_t tools)
{
	struct crowd *crowd = crowd_new();
	double seconds;
	uint64_t start;

	crowd_start(crowd, tools, tool, (void *)work);
	start = bench_now();
	usleep(bench_counts() ? INSTRUCTIONS / 1000 : MICROSECONDS);
	atomic_store(&crowd->stop, true);
	seconds = (bench_now() - start) / 1e9;
	return crowd_stop(crowd) / seconds;
}

/* The numbers of tools take turns: other load does not fall on one of them alone. */
static void scale(const struct work *work)
{
	static const size_t tools[] = { 1, 2, CROWD_MOST };
	size_t t, round, rounds = bench_counts() ? 1 : ROUNDS;
	double rates[ARRAY_SIZE(tools)][ROUNDS], one = 0, best;
	struct bench_label label = {
		.section = "scaling",
		.route = work->route,
		.operation = work->operation,
	};

	for (round = 0; round < rounds; round++)
		for (t = 0; t < ARRAY_SIZE(tools); t++)
			rates[t][round] = rate(work, tools[t]);
	for (t = 0; t < ARRAY_SIZE(tools); t++) {
		label.tools = tools[t];
		best = bench_rates(&label, rounds, rates[t], one);
		one = one ? one : best;
	}
}

void bench_scaling(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(works); i++)
		scale(&works[i]);
}
