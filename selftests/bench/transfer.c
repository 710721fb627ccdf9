// SPDX-License-Identifier: GPL-2.0
/* Writes and reads of all sizes, in all kinds of memory, by every route. */

#include "bench.h"

/* Where a range begins relative to a page, and the sizes that is done for. */
static const struct place {
	const char *name;
	int offset;
	size_t least, most;
} places[] = {
	{ "aligned", 0, 1, MOST },
	{ "odd", 3, 1, MOST },
	/* From one page into the next. */
	{ "crossing", -3, 8, 64 },
};

static const size_t sizes[] = {
	1, 8, 64, 4 * KIB, 64 * KIB, MIB, MOST,
};

static int write_once(void *context)
{
	const struct bench_transfer *t = context;

	return t->peer.route->write(&t->peer, t->address, bench_source,
				    t->size);
}

static int read_once(void *context)
{
	const struct bench_transfer *t = context;

	return t->peer.route->read(&t->peer, t->address, bench_buffer, t->size);
}

/* Measure writes of the source's bytes; the caller checks what they did. */
void bench_write(struct bench_transfer *t, struct bench_stats *stats)
{
	bench_open(&t->peer, t->route, t->area->target.pid);
	bench_check(bench_measure(write_once, t, stats), t->route->name);
	bench_close(&t->peer);
}

/* Measure reads of a range that holds the source's bytes. */
void bench_read(struct bench_transfer *t, struct bench_stats *stats)
{
	memset(bench_buffer, 0, t->size);
	bench_open(&t->peer, t->route, t->area->target.pid);
	bench_check(bench_measure(read_once, t, stats), t->route->name);
	bench_close(&t->peer);
	if (memcmp(bench_buffer, bench_source, t->size))
		bench_die("%s: %zu bytes were not read as they are",
			  t->route->name, t->size);
}

/*
 * Measure writes and then reads of a range. The target is asked in between
 * whether the writes did what they should.
 */
void bench_write_read(struct bench_transfer *t, struct bench_stats *write,
		      struct bench_stats *read)
{
	bool own = t->route->own;

	bench_area_poison(t->area, own, t->address, t->size);
	bench_write(t, write);
	if (!bench_area_holds(t->area, own, t->address, t->size))
		bench_die("%s: %zu bytes were not written as they should be",
			  t->route->name, t->size);
	bench_read(t, read);
}

/* Why a case is not worth its time, or NULL. */
static const char *too_slow(const struct bench_route *route, size_t size,
			    enum bench_memory memory, const struct place *place)
{
	if (size <= route->quick)
		return NULL;
	if (memory != MEMORY_PRIVATE || place->offset)
		return "slow; measured in private memory, aligned";
	if (size > MIB && bench_emulated())
		return "takes minutes in emulation";
	return NULL;
}

static void keep_better(struct bench_stats *best,
			const struct bench_stats *stats, int round)
{
	if (!round || stats->p50 < best->p50)
		*best = *stats;
}

/* The routes take turns, so that no other load falls on one of them alone. */
static void measure(struct bench_transfer *t, const struct place *place,
		    struct bench_stats best[][2])
{
	struct bench_stats write, read;
	int round;
	size_t r;

	for (round = 0; round < bench_rounds(t->size); round++) {
		for (r = 0; r < bench_routes_count; r++) {
			t->route = &bench_routes[r];
			if (too_slow(t->route, t->size, t->area->memory, place))
				continue;
			bench_write_read(t, &write, &read);
			keep_better(&best[r][0], &write, round);
			keep_better(&best[r][1], &read, round);
		}
	}
}

static void one_place(struct bench_area *area, const struct place *place,
		      size_t size)
{
	struct bench_stats best[BENCH_MOST_ROUTES][2];
	struct bench_label label = {
		.section = "transfer",
		.memory = bench_memory_names[area->memory],
		.place = place->name,
		.size = size,
	};
	struct bench_transfer t = {
		.area = area,
		.address = area->base + 2 * MIB + place->offset,
		.size = size,
	};
	const char *reason;
	size_t r;

	measure(&t, place, best);
	for (r = 0; r < bench_routes_count; r++) {
		label.route = bench_routes[r].name;
		reason = too_slow(&bench_routes[r], size, area->memory, place);
		if (reason)
			bench_omitted(&label, reason);
		else
			bench_result_pair(&label, "write", &best[r][0], "read",
					  &best[r][1]);
	}
}

static void one_size(struct bench_area *area, size_t size)
{
	size_t p;

	for (p = 0; p < ARRAY_SIZE(places); p++)
		if (size >= places[p].least && size <= places[p].most)
			one_place(area, &places[p], size);
}

void bench_transfers(void)
{
	struct bench_label label = { .section = "transfer" };
	struct bench_area area;
	int memory;
	size_t i;

	for (memory = 0; memory < MEMORY_KINDS; memory++) {
		label.memory = bench_memory_names[memory];
		if (bench_area_start(&area, memory, AREA)) {
			bench_omitted(&label, "no such memory to spare");
			continue;
		}
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			one_size(&area, sizes[i]);
		bench_area_stop(&area);
	}
}
