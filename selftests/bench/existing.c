// SPDX-License-Identifier: GPL-2.0
/* What one breakpoint costs where there are many. */

#include "bench.h"

struct list {
	int session;
	uint8_t *base;
	size_t count;
	size_t turn;
};

/* The addresses that get used in turn are spread over the whole list. */
static uint64_t next_address(struct list *list)
{
	list->turn = (list->turn + list->count * 7 / 11 + 1) % list->count;
	return ptr_u64(list->base + list->turn * BENCH_STRIDE);
}

static uint64_t this_address(const struct list *list)
{
	return ptr_u64(list->base + list->turn * BENCH_STRIDE);
}

/* Between two that are there already. */
static int set_one(void *context)
{
	struct list *list = context;

	return do_break(list->session, next_address(list) + BENCH_STRIDE / 2);
}

static int clear_one(void *context)
{
	const struct list *list = context;

	return do_clear(list->session, this_address(list) + BENCH_STRIDE / 2);
}

/* A read of one byte that a breakpoint hides. */
static int look_up(void *context)
{
	struct list *list = context;

	return do_read(list->session, next_address(list), bench_buffer, 1, 0,
		       NULL, NULL);
}

/* Hidden bytes have to be what the target had there, and are when cleared. */
static void check(struct list *list)
{
	size_t i, size = list->count * BENCH_STRIDE;

	for (i = 0; i < list->count; i++) {
		look_up(list);
		if (bench_buffer[0] != bench_source[list->turn * BENCH_STRIDE])
			bench_die("a look-up has not found the byte");
	}
	bench_check(do_read(list->session, ptr_u64(list->base), bench_buffer,
			    size, 0, NULL, NULL), "read back");
	if (memcmp(bench_buffer, bench_source, size))
		bench_die("breakpoints show");
}

static void existing(struct bench_area *area, size_t count)
{
	struct bench_label label = {
		.section = "existing",
		.route = "cordbg",
		.breakpoints = count,
	};
	struct bench_stats set, clear, lookup;
	struct list list = {
		.session = bench_session(area),
		.base = area->base + KIB,
		.count = count,
	};
	size_t size = count * BENCH_STRIDE;

	bench_area_fill(area, list.base, size);
	bench_set_many(list.session, list.base, BENCH_STRIDE, count);
	bench_check(bench_measure_pair(set_one, clear_one, &list, 1, &set,
				       &clear), "set and clear");
	bench_check(bench_measure(look_up, &list, &lookup), "look up");
	bench_result_pair(&label, "set", &set, "clear", &clear);
	label.operation = "lookup";
	bench_result(&label, &lookup);
	check(&list);
	close(list.session);
	if (!bench_area_holds(area, false, list.base, size))
		bench_die("close has not put all bytes back");
}

void bench_existing(void)
{
	struct bench_area area;

	bench_check(bench_area_start(&area, MEMORY_PRIVATE, BENCH_FIELD),
		    "a target");
	existing(&area, 100);
	existing(&area, 10000);
	existing(&area, 100000);
	bench_area_stop(&area);
}
