// SPDX-License-Identifier: GPL-2.0
/* What it takes to begin and to end work on a process. */

#include "bench.h"

static int open_peer(void *context)
{
	struct bench_peer *peer = context;

	return peer->route->open(peer);
}

static int close_peer(void *context)
{
	struct bench_peer *peer = context;

	peer->route->close(peer);
	return 0;
}

static void attach(struct bench_area *area, const char *route, const char *state)
{
	const struct bench_label label = {
		.section = "attach",
		.route = route,
		.state = state,
	};
	struct bench_stats open, close;
	struct bench_peer peer = {
		.route = bench_route(route),
		.pid = area->target.pid,
	};

	bench_check(bench_measure_pair(open_peer, close_peer, &peer, 1, &open,
				       &close), route);
	bench_result_pair(&label, "open", &open, "close", &close);
}

/* That the session works is shown by every transfer. */
void bench_attach(void)
{
	struct bench_area area;
	int session;

	bench_check(bench_area_start(&area, MEMORY_PRIVATE, MIB), "a target");
	attach(&area, "cordbg", "first");
	attach(&area, "proc_mem", "first");
	attach(&area, "ptrace", "first");
	session = bench_session(&area);
	bench_check(do_break(session, ptr_u64(area.base)), "a breakpoint");
	attach(&area, "cordbg", "another");
	attach(&area, "proc_mem", "another");
	close(session);
	bench_area_stop(&area);
}
