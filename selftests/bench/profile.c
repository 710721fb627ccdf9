// SPDX-License-Identifier: GPL-2.0
/*
 * Not a measurement: calls between marks that the QEMU plugin in plugin/profiler.c
 * recognizes, so that it can tell how many instructions of each function a call
 * takes.
 */

#include "bench.h"

#define CALLS	100

/* No-ops that nothing else uses; plugin/profiler.c knows them. */
#define MARK(last) ({							\
	__asm__ volatile(".byte 0x0f, 0x1f, 0x80, 0xdb, 0xc0, 0x0d, " #last \
			 ::: "memory");					\
})

/* Profile @call, which must succeed; the mean over CALLS of them. */
static void profile(const char *name, bench_call *call, void *context)
{
	const struct bench_label label = {
		.section = "profile",
		.operation = name,
	};
	int i, err = 0;

	for (i = 0; !err && i < CALLS; i++)
		err = call(context);
	bench_check(err, name);
	MARK(1);
	for (i = 0; i < CALLS; i++)
		err |= call(context);
	MARK(2);
	bench_check(err, name);
	bench_number(&label, "calls", CALLS);
}

struct transfer {
	struct bench_peer peer;
	uint8_t *address;
	size_t size;
};

static int write_once(void *context)
{
	struct transfer *t = context;

	return t->peer.route->write(&t->peer, t->address, bench_source,
				    t->size);
}

static int read_once(void *context)
{
	struct transfer *t = context;

	return t->peer.route->read(&t->peer, t->address, bench_buffer, t->size);
}

/* @where: In what kind of memory, or beside what. */
static void profile_transfer(struct bench_area *area, const char *route,
			     size_t size, const char *where)
{
	struct transfer t = { .address = area->base + MIB, .size = size };
	char name[64];

	bench_open(&t.peer, bench_route(route), area->target.pid);
	snprintf(name, sizeof(name), "%s write %zu %s", route, size, where);
	profile(name, write_once, &t);
	snprintf(name, sizeof(name), "%s read %zu %s", route, size, where);
	profile(name, read_once, &t);
	bench_close(&t.peer);
}

static void profile_beside(struct bench_area *area)
{
	int session = bench_session(area);

	bench_set_many(session, area->base + 2 * MIB, BENCH_STRIDE, 10000);
	profile_transfer(area, "cordbg", 8, "private, 10000 elsewhere");
	bench_set_many(session, area->base + MIB, MIB / 1000, 1000);
	profile_transfer(area, "cordbg", MIB, "private, 1000 inside");
	close(session);
}

/* A breakpoint, set and cleared in turn, at an address that goes on. */
struct breakpoint {
	int session;
	uint64_t address;
};

static int set_once(void *context)
{
	struct breakpoint *b = context;

	b->address += 64;
	return do_break(b->session, b->address);
}

static int clear_once(void *context)
{
	struct breakpoint *b = context;
	int err = do_clear(b->session, b->address);

	b->address -= 64;
	return err;
}

#define BATCHED		100

/* Breakpoints that are set, and cleared again. */
struct batched {
	int session;
	struct cordbg_batch arg;
	struct cordbg_operation operations[2 * BATCHED];
};

static int batch_once(void *context)
{
	struct batched *b = context;

	return cordbg_ioctl(b->session, CORDBG_BATCH, &b->arg);
}

static void profile_batch(struct bench_area *area)
{
	static struct batched b;
	size_t i;

	b.session = bench_session(area);
	b.arg.argsz = sizeof(b.arg);
	b.arg.operations = ptr_u64(b.operations);
	b.arg.count = ARRAY_SIZE(b.operations);
	b.arg.operation_size = sizeof(b.operations[0]);
	for (i = 0; i < ARRAY_SIZE(b.operations); i++) {
		b.operations[i].op = i < BATCHED ? CORDBG_OP_SET_BREAKPOINT :
						   CORDBG_OP_CLEAR_BREAKPOINT;
		b.operations[i].address = ptr_u64(area->base) +
					  i % BATCHED * BENCH_STRIDE;
	}
	profile("cordbg batch of 100 set and 100 clear", batch_once, &b);
	close(b.session);
}

/* profile() makes two rounds, the first of which does not count. */
static void profile_breakpoints(struct bench_area *area)
{
	struct breakpoint b = {
		.session = session_open(area->target.pid),
		.address = ptr_u64(area->base),
	};

	bench_check(b.session, "open a session");
	profile("cordbg set", set_once, &b);
	profile("cordbg clear", clear_once, &b);
	close(b.session);
}

static int attach_once(void *context)
{
	struct bench_peer peer;

	bench_open(&peer, &bench_routes[0], *(pid_t *)context);
	bench_close(&peer);
	return 0;
}

static int open_mem_once(void *context)
{
	struct bench_peer peer;

	bench_open(&peer, bench_route("proc_mem"), *(pid_t *)context);
	bench_close(&peer);
	return 0;
}

static void profile_memory(enum bench_memory memory)
{
	static const size_t sizes[] = { 8, 64, 4 * KIB, 64 * KIB, MIB };
	const char *name = bench_memory_names[memory];
	struct bench_area area;
	size_t i;

	bench_check(bench_area_start(&area, memory, AREA), name);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		profile_transfer(&area, "cordbg", sizes[i], name);
		profile_transfer(&area, "process_vm", sizes[i], name);
		profile_transfer(&area, "proc_mem", sizes[i], name);
	}
	bench_area_stop(&area);
}

void bench_profile(void)
{
	struct bench_area area;

	profile_memory(MEMORY_PRIVATE);
	profile_memory(MEMORY_SHARED);
	profile_memory(MEMORY_THP);
	bench_check(bench_area_start(&area, MEMORY_PRIVATE, AREA), "private");
	profile_beside(&area);
	profile_breakpoints(&area);
	profile_batch(&area);
	profile("cordbg attach and close", attach_once, &area.target.pid);
	profile("proc_mem open and close", open_mem_once, &area.target.pid);
	bench_area_stop(&area);
}
