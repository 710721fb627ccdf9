/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the bench share. One program measures the ways ("routes") to
 * write and read another process's memory side by side, and prints one JSON
 * object per line and measurement. Whatever was measured is checked once,
 * outside the timed part.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cordbg_process.h"
#include "cordbg_selftest.h"

#define KIB	1024UL
#define MIB	(1024 * KIB)

/* The largest transfer, and an area with room around it. */
#define MOST	(64 * MIB)
#define AREA	(MOST + 4 * MIB)

/* Bytes from one breakpoint to the next, and for 100,000 of them. */
#define BENCH_STRIDE	64
#define BENCH_FIELD	(8 * MIB)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* sample.c */

/**
 * struct bench_stats - nanoseconds per call, less what the measuring takes
 *
 * With "qemu -icount shift=0" a nanosecond is an instruction.
 */
struct bench_stats {
	size_t samples;
	double min, p25, p50, p75, p90, p99, p999, max, mean;
};

/* Something to be measured: 0 or a negative errno. */
typedef int bench_call(void *context);

void bench_clock_init(bool instructions);
bool bench_counts(void);
int bench_rounds(size_t size);
uint64_t bench_now(void);
int bench_sample(bench_call *call, void *context, uint64_t *ns);
void bench_evaluate(uint64_t *samples, size_t n, struct bench_stats *stats);
int bench_measure(bench_call *call, void *context, struct bench_stats *stats);
int bench_measure_pair(bench_call *first, bench_call *second, void *context,
		       size_t per, struct bench_stats *first_stats,
		       struct bench_stats *second_stats);

/* output.c */

/**
 * struct bench_label - what a result is about; members that are 0 are not said
 * @section: The part of the bench.
 * @route: The route, or the way breakpoints are set.
 * @operation: What was done.
 * @memory: In which kind of memory.
 * @place: Where the range begins.
 * @state: What else matters.
 * @size: Bytes.
 * @count: Breakpoints set in a row.
 * @tools: Tools at work at a time.
 * @breakpoints: Breakpoints that are there.
 * @others: Other sessions at work.
 */
struct bench_label {
	const char *section, *route, *operation, *memory, *place, *state;
	size_t size, count, tools, breakpoints, others;
};

void bench_result(const struct bench_label *label,
		  const struct bench_stats *stats);
void bench_result_pair(const struct bench_label *label, const char *first,
		       const struct bench_stats *first_stats,
		       const char *second,
		       const struct bench_stats *second_stats);
void bench_number(const struct bench_label *label, const char *name,
		  double value);
double bench_rates(const struct bench_label *label, size_t rounds,
		   double *rates, double best_of_one);
void bench_memory_use(const struct bench_label *label, double bytes,
		      const char *caches);
void bench_fault_found(const char *fault, const char *message);
void bench_locks_taken(const struct bench_label *label, size_t locks,
		       size_t shared, const char *by);
void bench_omitted(const struct bench_label *label, const char *reason);
void bench_fact(const char *name, const char *value);
_Noreturn void bench_die(const char *message, ...);
void bench_check(int err, const char *what);

/* area.c */

enum bench_memory {
	MEMORY_PRIVATE,
	MEMORY_SHARED,
	MEMORY_THP,
	MEMORY_HUGETLB,
	MEMORY_KINDS,
};

/**
 * struct bench_area - memory of a target, and at the same address here
 * @memory: What kind of memory is at @base, in the target and here.
 * @base: A multiple of 2 MiB.
 * @size: Bytes at @base.
 * @target: The process.
 */
struct bench_area {
	enum bench_memory memory;
	uint8_t *base;
	size_t size;
	struct target target;
};

extern const char *const bench_memory_names[MEMORY_KINDS];
extern uint8_t *bench_source;	/* random bytes, the same in every target */
extern uint8_t *bench_buffer;	/* where reads go to */

void bench_buffers_init(void);
int bench_area_start(struct bench_area *area, enum bench_memory memory,
		     size_t size);
void bench_area_stop(struct bench_area *area);
int bench_session(const struct bench_area *area);
void bench_area_poison(struct bench_area *area, bool own, uint8_t *address,
		       size_t size);
void bench_area_fill(struct bench_area *area, uint8_t *address, size_t size);
bool bench_area_holds(struct bench_area *area, bool own, uint8_t *address,
		      size_t size);

/* route.c */

struct bench_peer;

/**
 * struct bench_route - one way to write and read a process's memory
 * @name: What the results call it.
 * @own: It works on the memory here, not on the target's.
 * @quick: The most bytes that are measured everywhere.
 * @open: Whatever has to be done once per process.
 * @close: Undo it.
 * @write: Write the whole range: 0 or a negative errno.
 * @read: Read the whole range.
 */
struct bench_route {
	const char *name;
	bool own;
	size_t quick;
	int (*open)(struct bench_peer *peer);
	void (*close)(struct bench_peer *peer);
	int (*write)(const struct bench_peer *peer, uint8_t *address,
		     const void *data, size_t size);
	int (*read)(const struct bench_peer *peer, uint8_t *address,
		    void *data, size_t size);
};

/* A process by one route. */
struct bench_peer {
	const struct bench_route *route;
	pid_t pid;
	int fd;
};

extern const struct bench_route bench_routes[];	/* the first is cordbg */
extern const size_t bench_routes_count;

#define BENCH_MOST_ROUTES	8

const struct bench_route *bench_route(const char *name);
void bench_open(struct bench_peer *peer, const struct bench_route *route,
		pid_t pid);
void bench_close(struct bench_peer *peer);
int bench_ptrace_peek(pid_t pid, uint8_t *address, unsigned long *word);
int bench_ptrace_poke(pid_t pid, uint8_t *address, unsigned long word);

/* transfer.c */

/* A range that is written and read by a route. */
struct bench_transfer {
	struct bench_area *area;
	const struct bench_route *route;
	struct bench_peer peer;
	uint8_t *address;
	size_t size;
};

void bench_write(struct bench_transfer *t, struct bench_stats *stats);
void bench_read(struct bench_transfer *t, struct bench_stats *stats);
void bench_write_read(struct bench_transfer *t, struct bench_stats *write,
		      struct bench_stats *read);

/* breakpoints.c */
void bench_set_many(int session, uint8_t *from, size_t stride, size_t n);

/* insert.c */
void bench_leave_out_set(struct bench_area *area);
void bench_leave_out_clear(struct bench_area *area);

/* main.c */
bool bench_emulated(void);

/* What is measured. */
void bench_faults(void);
void bench_attach(void);
void bench_memory(void);
void bench_locks(void);
void bench_existing(void);
void bench_breakpoints(void);
void bench_insertions(void);
void bench_contention(void);
void bench_scaling(void);
void bench_transfers(void);
void bench_profile(void);

#endif /* BENCH_H */
