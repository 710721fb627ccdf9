// SPDX-License-Identifier: GPL-2.0
/* How long a small write takes while four others work on the same process. */

#include <stdio.h>

#include "crowd.h"

#define SIZE		8
#define OTHERS_SIZE	(4 * KIB)
#define SAMPLES		3000
/* Where each of the others writes. */
#define APART		(64 * KIB)

struct company {
	struct bench_area *area;
	const struct bench_route *route;
	bool breakpoints;	/* the others set and clear one as well */
};

static int work(const struct bench_peer *peer, uint8_t *address,
		bool breakpoints)
{
	uint64_t breakpoint = ptr_u64(address + OTHERS_SIZE);
	int err = peer->route->write(peer, address, bench_source, OTHERS_SIZE);

	if (!err && breakpoints)
		err = do_break(peer->fd, breakpoint);
	if (!err && breakpoints)
		err = do_clear(peer->fd, breakpoint);
	return err;
}

static void other(struct crowd *crowd, size_t i, void *context)
{
	const struct company *company = context;
	uint8_t *address = company->area->base + (i + 1) * APART;
	struct bench_peer peer;
	int err;

	bench_open(&peer, company->route, company->area->target.pid);
	crowd_wait(crowd);
	do {
		err = work(&peer, address, company->breakpoints);
		crowd->calls[i]++;
	} while (!err && !atomic_load(&crowd->stop));
	bench_check(err, company->route->name);
	bench_close(&peer);
}

static int write_once(void *context)
{
	const struct bench_transfer *t = context;

	return t->peer.route->write(&t->peer, t->address, bench_source,
				    t->size);
}

static void sample_writes(struct bench_transfer *t, struct bench_stats *stats)
{
	static uint64_t samples[SAMPLES];
	size_t i;

	bench_open(&t->peer, t->route, t->area->target.pid);
	for (i = 0; i < SAMPLES; i++)
		bench_check(bench_sample(write_once, t, &samples[i]),
			    t->route->name);
	bench_close(&t->peer);
	bench_evaluate(samples, SAMPLES, stats);
}

/* The writes of all have to have arrived. */
static void check(const struct company *company, uint8_t *address,
		  size_t others)
{
	bool own = company->route->own;
	size_t i;

	if (!bench_area_holds(company->area, own, address, SIZE))
		bench_die("%s: a write has not arrived", company->route->name);
	for (i = 0; i < others && !own; i++)
		if (!bench_area_holds(company->area, own,
				      company->area->base + (i + 1) * APART,
				      OTHERS_SIZE))
			bench_die("%s: an other's write has not arrived",
				  company->route->name);
}

static void contend(struct bench_area *area, const struct bench_route *route,
		    bool breakpoints, size_t others)
{
	struct company company = { area, route, breakpoints };
	const struct bench_label label = {
		.section = "contention",
		.route = route->name,
		.state = breakpoints ? "write, set, clear" : "write",
		.others = others,
	};
	struct crowd *crowd = crowd_new();
	struct bench_stats stats;
	struct bench_transfer t = {
		.area = area,
		.route = route,
		.address = area->base + KIB,
		.size = SIZE,
	};

	bench_area_poison(area, route->own, area->base + KIB,
			  (CROWD_MOST + 1) * APART);
	crowd_start(crowd, others, other, &company);
	sample_writes(&t, &stats);
	crowd_stop(crowd);
	check(&company, t.address, others);
	bench_result(&label, &stats);
}

void bench_contention(void)
{
	static const struct bench_label ptrace = {
		.section = "contention",
		.route = "ptrace",
		.others = CROWD_MOST,
	};
	struct bench_area area;
	size_t i;

	bench_check(bench_area_start(&area, MEMORY_PRIVATE, 2 * MIB),
		    "a target");
	for (i = 0; i < bench_routes_count; i++) {
		contend(&area, &bench_routes[i], false, 0);
		if (!strcmp(bench_routes[i].name, "ptrace"))
			bench_omitted(&ptrace, "a process has one tracer");
		else
			contend(&area, &bench_routes[i], false, CROWD_MOST);
	}
	contend(&area, &bench_routes[0], true, CROWD_MOST);
	bench_area_stop(&area);
}
