// SPDX-License-Identifier: GPL-2.0
/*
 * Which locks an operation takes, and whether a session on another process takes
 * one of them too. The kernel tells, by probes in the functions that take a lock;
 * what counts is what the module itself asks for. A second session on the same
 * process has to share one: it shows that the probes see them.
 */

#include <stdio.h>
#include <sys/stat.h>

#include "bench.h"

#define TRACING	"/sys/kernel/tracing/"
#define OURS	TRACING "instances/cordbg_bench/"
#define GROUP	"cordbg_bench"
#define MOST_LOCKS	64

/* Where a function's caller stands when it begins. */
#ifdef __aarch64__
#define CALLER	"%lr"
#else
#define CALLER	"$stack0"
#endif

/* Functions whose first argument is a lock. */
static const char *const probes[] = {
	"mutex_lock",
	"mutex_lock_killable",
	"mutex_lock_interruptible",
	"mutex_trylock",
	"_raw_spin_lock",
	"_raw_spin_lock_bh",
	"_raw_spin_lock_irq",
	"_raw_spin_lock_irqsave",
	"_raw_spin_trylock",
	"_raw_read_lock",
	"_raw_write_lock",
	"down",
	"down_read",
	"down_read_killable",
	"down_read_trylock",
	"down_write",
	"down_write_killable",
	"down_write_trylock",
};

/* Locks, and which function of the module took each. */
struct locks {
	size_t n;
	struct {
		unsigned long address;
		char by[64];
	} taken[MOST_LOCKS];
};

static int put(const char *path, int flags, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	int err = fd < 0 || write(fd, value, strlen(value)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

static void probes_stop(void)
{
	put(OURS "events/" GROUP "/enable", 0, "0");
	rmdir(OURS);
	put(TRACING "kprobe_events", O_APPEND, "-:" GROUP "/");
}

/* 0 or a negative errno. */
static int probes_start(void)
{
	char text[128];
	size_t i;
	int err;

	if (mkdir(OURS, 0700) && errno != EEXIST)
		return -errno;
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		snprintf(text, sizeof(text),
			 "p:" GROUP "/%s %s lock=$arg1:x64 by=" CALLER ":symbol",
			 probes[i], probes[i]);
		err = put(TRACING "kprobe_events", O_APPEND, text);
		/* Not every kernel has all of them, or lets them be probed. */
		if (err && err != -ENOENT && err != -EINVAL)
			return err;
	}
	snprintf(text, sizeof(text), "%d", getpid());
	err = put(OURS "set_event_pid", 0, text);
	return err ? err : put(OURS "events/" GROUP "/enable", 0, "1");
}

/* Add what one line of the trace tells; a refcount takes locks for the module. */
static void add(struct locks *locks, const char *line)
{
	const char *lock = strstr(line, "lock=0x"), *by = strstr(line, "by=");
	unsigned long address;
	size_t i;

	if (!lock || !by || (!strstr(by, "[cordbg]") &&
			     !strstr(by, "by=refcount_dec_and_")))
		return;
	address = strtoul(lock + strlen("lock="), NULL, 16);
	for (i = 0; i < locks->n; i++)
		if (locks->taken[i].address == address)
			return;
	if (locks->n == MOST_LOCKS)
		bench_die("more than %d locks", MOST_LOCKS);
	locks->taken[locks->n].address = address;
	if (sscanf(by, "by=%63[^+ ]", locks->taken[locks->n].by) != 1)
		bench_die("the trace names no function");
	locks->n++;
}

/* What one operation needs, and in which order they are looked at. */
struct look {
	struct bench_area *area;
	int session;
};

static int attach(struct look *look)
{
	return do_attach(look->session, look->area->target.pid);
}

static int set(struct look *look)
{
	return do_break(look->session, ptr_u64(look->area->base));
}

static int write_behind(struct look *look)
{
	return do_write(look->session, ptr_u64(look->area->base), bench_source,
			4 * KIB, 0, NULL, NULL);
}

static int read_behind(struct look *look)
{
	return do_read(look->session, ptr_u64(look->area->base), bench_buffer,
		       4 * KIB, 0, NULL, NULL);
}

static int list(struct look *look)
{
	struct cordbg_breakpoint entry;

	return do_list(look->session, 0, &entry, 1, NULL);
}

static int clear(struct look *look)
{
	return do_clear(look->session, ptr_u64(look->area->base));
}

static int close_session(struct look *look)
{
	return close(look->session) ? -errno : 0;
}

static const struct operation {
	const char *name;
	int (*run)(struct look *look);
} operations[] = {
	{ "attach", attach },
	{ "set", set },
	{ "write", write_behind },
	{ "read", read_behind },
	{ "list", list },
	{ "clear", clear },
	{ "close", close_session },
};

static void watch(const struct operation *operation, struct look *look,
		  struct locks *locks)
{
	char line[512];
	FILE *trace;

	bench_check(put(OURS "trace", O_TRUNC, ""), "empty the trace");
	bench_check(put(OURS "tracing_on", 0, "1"), "trace");
	bench_check(operation->run(look), operation->name);
	bench_check(put(OURS "tracing_on", 0, "0"), "trace");
	trace = fopen(OURS "trace", "r");
	if (!trace)
		bench_die("the trace: %s", strerror(errno));
	locks->n = 0;
	while (fgets(line, sizeof(line), trace))
		add(locks, line);
	fclose(trace);
}

/* How many locks are in both. */
static size_t in_both(const struct locks *a, const struct locks *b,
		      const char **by)
{
	size_t i, j, n = 0;

	for (i = 0; i < a->n; i++)
		for (j = 0; j < b->n; j++)
			if (a->taken[i].address == b->taken[j].address) {
				*by = a->taken[i].by;
				n++;
			}
	return n;
}

/*
 * Both sessions are open before the first operation and stay so until the last:
 * an address is that of one lock all the time. Returns how many locks were shared.
 */
static size_t compare(struct bench_area *area, struct bench_area *other,
		      const char *state)
{
	struct bench_label label = { .section = "locks", .route = "cordbg",
				     .state = state };
	struct look looks[2] = {
		{ .area = area, .session = cordbg_open() },
		{ .area = other, .session = cordbg_open() },
	};
	static struct locks locks[2];
	size_t i, shared, sum = 0;
	const char *by;

	bench_check(looks[0].session, "open a session");
	bench_check(looks[1].session, "open a session");
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		watch(&operations[i], &looks[0], &locks[0]);
		watch(&operations[i], &looks[1], &locks[1]);
		by = NULL;
		shared = in_both(&locks[0], &locks[1], &by);
		label.operation = operations[i].name;
		bench_locks_taken(&label, locks[0].n, shared, by);
		sum += shared;
	}
	return sum;
}

void bench_locks(void)
{
	const struct bench_label label = { .section = "locks" };
	struct bench_area one, other;
	char reason[64];
	int err;

	if (bench_emulated() && sysconf(_SC_NPROCESSORS_ONLN) > 1) {
		bench_omitted(&label, "emulated processors fail while code is patched");
		return;
	}
	err = probes_start();
	if (err) {
		probes_stop();
		snprintf(reason, sizeof(reason), "no probes: %s", strerror(-err));
		bench_omitted(&label, reason);
		return;
	}
	bench_check(bench_area_start(&one, MEMORY_PRIVATE, MIB), "a target");
	bench_check(bench_area_start(&other, MEMORY_PRIVATE, MIB), "a target");
	compare(&one, &other, "processes of their own");
	if (!compare(&one, &one, "the same process"))
		bench_die("no lock is seen where one must be shared");
	/* A machine that ends anyway would wait for long. */
	if (!bench_emulated())
		probes_stop();
	/* The other target holds the pipe to the first one open. */
	bench_area_stop(&other);
	bench_area_stop(&one);
}
