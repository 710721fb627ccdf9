// SPDX-License-Identifier: GPL-2.0
/* What a write or read costs when there are breakpoints, elsewhere or inside. */

#include "bench.h"

void bench_set_many(int session, uint8_t *from, size_t stride, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		bench_check(do_break(session, ptr_u64(from + i * stride)),
			    "set a breakpoint");
}

static void transfers_beside(struct bench_area *area, size_t breakpoints)
{
	static const size_t sizes[] = { 1, 8, 64, 4 * KIB, 64 * KIB, MIB };
	struct bench_label label = {
		.section = "elsewhere",
		.route = "cordbg",
		.breakpoints = breakpoints,
	};
	struct bench_stats write, read;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct bench_transfer t = {
			.area = area,
			.route = &bench_routes[0],
			.address = area->base + BENCH_FIELD + KIB,
			.size = sizes[i],
		};

		label.size = sizes[i];
		bench_write_read(&t, &write, &read);
		bench_result_pair(&label, "write", &write, "read", &read);
	}
}

/* Half of the breakpoints are below the range that is written, half above it. */
static void elsewhere(struct bench_area *area, size_t breakpoints)
{
	int session = bench_session(area);

	bench_set_many(session, area->base, BENCH_STRIDE, breakpoints / 2);
	bench_set_many(session, area->base + BENCH_FIELD + 2 * MIB,
		       BENCH_STRIDE, breakpoints / 2);
	transfers_beside(area, breakpoints);
	close(session);
}

/* Read back what was written behind breakpoints; every opcode is in place. */
static void check_inside(const struct bench_transfer *t, int session,
			 size_t breakpoints)
{
	size_t i;

	bench_check(do_read(session, ptr_u64(t->address), bench_buffer, t->size,
			    0, NULL, NULL), "read back");
	if (memcmp(bench_buffer, bench_source, t->size))
		bench_die("what was written behind breakpoints is not there");
	bench_check(do_read(session, ptr_u64(t->address), bench_buffer, t->size,
			    CORDBG_RAW, NULL, NULL), "read back");
	for (i = 0; i < breakpoints; i++)
		if (memcmp(bench_buffer + i * (t->size / breakpoints), opcode,
			   OPCODE_LEN))
			bench_die("a write has destroyed an opcode");
}

static void inside(struct bench_area *area, size_t size, size_t breakpoints)
{
	const struct bench_label label = {
		.section = "inside",
		.route = "cordbg",
		.size = size,
		.breakpoints = breakpoints,
	};
	int session = bench_session(area);
	struct bench_stats write, read;
	struct bench_transfer t = {
		.area = area,
		.route = &bench_routes[0],
		.address = area->base + MIB,
		.size = size,
	};

	bench_area_poison(area, false, t.address, size);
	if (breakpoints)
		bench_set_many(session, t.address, size / breakpoints, breakpoints);
	bench_write(&t, &write);
	check_inside(&t, session, breakpoints);
	bench_read(&t, &read);
	bench_result_pair(&label, "write", &write, "read", &read);
	close(session);
	if (!bench_area_holds(area, false, t.address, size))
		bench_die("the bytes under breakpoints are not back");
}

void bench_breakpoints(void)
{
	struct bench_area area;

	bench_check(bench_area_start(&area, MEMORY_PRIVATE,
				     2 * BENCH_FIELD + 4 * MIB), "a target");
	elsewhere(&area, 0);
	elsewhere(&area, 10000);
	elsewhere(&area, 100000);
	inside(&area, MIB, 0);
	inside(&area, MIB, 1000);
	inside(&area, 4 * KIB, 0);
	inside(&area, 4 * KIB, 16);
	bench_area_stop(&area);
}
