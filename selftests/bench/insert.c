// SPDX-License-Identifier: GPL-2.0
/*
 * Setting and clearing many breakpoints: by cordbg, and by what a debugger does
 * on the other routes.
 */

#include "bench.h"

#define MOST_INSERTED	10000

struct insertion {
	struct bench_peer peer;
	uint8_t *from;
	size_t count;
	uint8_t saved[MOST_INSERTED][OPCODE_LEN];
	struct cordbg_operation operations[MOST_INSERTED];
};

static uint8_t *address_of(const struct insertion *in, size_t i)
{
	return in->from + i * BENCH_STRIDE;
}

static int cordbg_set(struct insertion *in)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < in->count; i++)
		err = do_set(in->peer.fd, ptr_u64(address_of(in, i)),
			     in->saved[i], OPCODE_LEN, NULL);
	return err;
}

static int cordbg_clear(struct insertion *in)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < in->count; i++)
		err = do_clear(in->peer.fd, ptr_u64(address_of(in, i)));
	return err;
}

/* All in one call. */
static int cordbg_batch(struct insertion *in, uint32_t op)
{
	struct cordbg_batch arg = {
		.argsz = sizeof(arg),
		.operations = ptr_u64(in->operations),
		.count = in->count,
		.operation_size = sizeof(in->operations[0]),
	};
	int err;
	size_t i;

	for (i = 0; i < in->count; i++) {
		in->operations[i].op = op;
		in->operations[i].address = ptr_u64(address_of(in, i));
	}
	err = cordbg_ioctl(in->peer.fd, CORDBG_BATCH, &arg);
	for (i = 0; !err && i < in->count; i++)
		err = in->operations[i].status;
	return err;
}

static int cordbg_batch_set(struct insertion *in)
{
	return cordbg_batch(in, CORDBG_OP_SET_BREAKPOINT);
}

static int cordbg_batch_clear(struct insertion *in)
{
	return cordbg_batch(in, CORDBG_OP_CLEAR_BREAKPOINT);
}

/* Replace the opcode's bytes in one word, and save them. */
static int ptrace_exchange(struct insertion *in, size_t i, const void *new,
			   void *old)
{
	unsigned long word;
	int err;

	err = bench_ptrace_peek(in->peer.pid, address_of(in, i), &word);
	if (err)
		return err;
	if (old)
		memcpy(old, &word, OPCODE_LEN);
	memcpy(&word, new, OPCODE_LEN);
	return bench_ptrace_poke(in->peer.pid, address_of(in, i), word);
}

static int ptrace_set(struct insertion *in)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < in->count; i++)
		err = ptrace_exchange(in, i, opcode, in->saved[i]);
	return err;
}

static int ptrace_clear(struct insertion *in)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < in->count; i++)
		err = ptrace_exchange(in, i, in->saved[i], NULL);
	return err;
}

/* Read the bytes, write the opcode. */
static int other_set(struct insertion *in)
{
	const struct bench_route *route = in->peer.route;
	int err = 0;
	size_t i;

	for (i = 0; !err && i < in->count; i++) {
		err = route->read(&in->peer, address_of(in, i), in->saved[i],
				  OPCODE_LEN);
		if (!err)
			err = route->write(&in->peer, address_of(in, i), opcode,
					   OPCODE_LEN);
	}
	return err;
}

/* Write the bytes back. */
static int other_clear(struct insertion *in)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < in->count; i++)
		err = in->peer.route->write(&in->peer, address_of(in, i),
					    in->saved[i], OPCODE_LEN);
	return err;
}

/* The ways to do it, each over a route that is open. */
static const struct inserter {
	const char *name;
	const char *route;
	int (*set)(struct insertion *in);
	int (*clear)(struct insertion *in);
} inserters[] = {
	{ "cordbg", "cordbg", cordbg_set, cordbg_clear },
	{ "cordbg batch", "cordbg", cordbg_batch_set, cordbg_batch_clear },
	{ "process_vm", "process_vm", other_set, other_clear },
	{ "proc_mem", "proc_mem", other_set, other_clear },
	{ "ptrace", "ptrace", ptrace_set, ptrace_clear },
};

struct call {
	const struct inserter *inserter;
	struct insertion in;
};

static int set_all(void *context)
{
	struct call *call = context;

	return call->inserter->set(&call->in);
}

static int clear_all(void *context)
{
	struct call *call = context;

	return call->inserter->clear(&call->in);
}

/* Once outside of what is measured: every opcode was planted and taken away. */
static void check(struct bench_area *area, struct call *call)
{
	size_t i, size = call->in.count * BENCH_STRIDE;
	const char *name = call->inserter->name;
	const struct bench_route *route = bench_route("proc_mem");
	struct bench_peer peer;

	bench_check(set_all(call), name);
	bench_open(&peer, route, area->target.pid);
	bench_check(route->read(&peer, call->in.from, bench_buffer, size),
		    "read back");
	bench_close(&peer);
	for (i = 0; i < call->in.count; i++)
		if (memcmp(bench_buffer + i * BENCH_STRIDE, opcode, OPCODE_LEN))
			bench_die("%s has not planted an opcode", name);
	bench_check(clear_all(call), name);
}

/* Costs are per breakpoint. */
static void insert(struct bench_area *area, const struct inserter *inserter,
		   size_t count)
{
	const struct bench_label label = {
		.section = "insert",
		.route = inserter->name,
		.count = count,
	};
	static struct call call;
	struct bench_stats set, clear;
	size_t size = count * BENCH_STRIDE;

	call.inserter = inserter;
	call.in.from = area->base + KIB;
	call.in.count = count;
	bench_area_fill(area, call.in.from, size);
	bench_open(&call.in.peer, bench_route(inserter->route),
		   area->target.pid);
	bench_check(bench_measure_pair(set_all, clear_all, &call, count, &set,
				       &clear), inserter->name);
	check(area, &call);
	bench_close(&call.in.peer);
	if (!bench_area_holds(area, false, call.in.from, size))
		bench_die("%s has not put all bytes back", inserter->name);
	bench_result_pair(&label, "set", &set, "clear", &clear);
}

void bench_insertions(void)
{
	static const size_t counts[] = { 1, 1000, MOST_INSERTED };
	struct bench_area area;
	size_t c, i;

	bench_check(bench_area_start(&area, MEMORY_PRIVATE, BENCH_FIELD),
		    "a target");
	for (c = 0; c < ARRAY_SIZE(counts); c++)
		for (i = 0; i < ARRAY_SIZE(inserters); i++)
			insert(&area, &inserters[i], counts[c]);
	bench_area_stop(&area);
}

/* Ways that leave out the last breakpoint, for the check to find that. */
static int leave_out_set(struct insertion *in)
{
	int err = other_set(in);

	return err ? err :
		in->peer.route->write(&in->peer, address_of(in, in->count - 1),
				      in->saved[in->count - 1], OPCODE_LEN);
}

static int leave_out_clear(struct insertion *in)
{
	int err;

	in->count--;
	err = other_clear(in);
	in->count++;
	return err;
}

void bench_leave_out_set(struct bench_area *area)
{
	const struct inserter inserter = {
		"planted", "proc_mem", leave_out_set, other_clear
	};

	insert(area, &inserter, 10);
}

void bench_leave_out_clear(struct bench_area *area)
{
	const struct inserter inserter = {
		"planted", "proc_mem", other_set, leave_out_clear
	};

	insert(area, &inserter, 10);
}
