// SPDX-License-Identifier: GPL-2.0
/*
 * How much memory a breakpoint takes: for a tool that the kernel does not account
 * memory to, such as one in the root control group, and for one that it does, such
 * as all on a system with systemd. What the accounting takes comes on top.
 */

#include <stdio.h>
#include <sys/stat.h>

#include "bench.h"

#define BREAKPOINTS	100000
#define MOST_CACHES	512
#define CGROUPS		"/sys/fs/cgroup/"
#define CGROUP		CGROUPS "cordbg_bench"

#define TUNABLES	"tunables %*u %*u %*u"

/* A cache for small allocations, and what it takes. */
struct cache {
	char name[32];
	double bytes;
};

struct use {
	size_t n;
	struct cache caches[MOST_CACHES];
};

static FILE *open_file(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file)
		bench_die("%s: %s", path, strerror(errno));
	return file;
}

static void read_caches(struct use *use)
{
	FILE *slabinfo = open_file("/proc/slabinfo");
	unsigned long pages, slabs;
	struct cache *cache;
	char line[512];

	use->n = 0;
	while (fgets(line, sizeof(line), slabinfo) && use->n < MOST_CACHES) {
		cache = &use->caches[use->n];
		if (sscanf(line, "%31s %*u %*u %*u %*u %lu : " TUNABLES
			   " : slabdata %*u %lu", cache->name, &pages,
			   &slabs) != 3)
			continue;
		cache->bytes = (double)slabs * pages * page_size();
		use->n++;
	}
	fclose(slabinfo);
	if (!use->n)
		bench_die("/proc/slabinfo says nothing");
}

static double bytes_of(const struct use *use, const char *name)
{
	size_t i;

	for (i = 0; i < use->n; i++)
		if (!strcmp(use->caches[i].name, name))
			return use->caches[i].bytes;
	return 0;
}

/* What has grown by less than half a byte per breakpoint did so for others. */
static void report(const struct use *before, const struct use *after,
		   const char *state)
{
	const struct bench_label label = {
		.section = "memory",
		.route = "cordbg",
		.state = state,
		.breakpoints = BREAKPOINTS,
	};
	char caches[256] = "";
	double grown, sum = 0;
	size_t i, length = 0;

	for (i = 0; i < after->n; i++) {
		grown = after->caches[i].bytes -
			bytes_of(before, after->caches[i].name);
		grown /= BREAKPOINTS;
		if (grown < 0.5)
			continue;
		sum += grown;
		if (length < sizeof(caches))
			length += snprintf(caches + length,
					   sizeof(caches) - length,
					   "%s%s %.1f", length ? ", " : "",
					   after->caches[i].name, grown);
	}
	bench_memory_use(&label, sum, caches);
}

static void measure(struct bench_area *area, const char *state)
{
	static struct use before, after;
	uint8_t *from = area->base + KIB;
	int session = bench_session(area);

	bench_area_fill(area, from, BREAKPOINTS * BENCH_STRIDE);
	read_caches(&before);
	bench_set_many(session, from, BENCH_STRIDE, BREAKPOINTS);
	read_caches(&after);
	close(session);
	report(&before, &after, state);
	if (!bench_area_holds(area, false, from, BREAKPOINTS * BENCH_STRIDE))
		bench_die("close has not put all bytes back");
}

static int put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = fd < 0 || write(fd, value, strlen(value)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* Whether the kernel accounts what this process allocates already. */
static bool is_accounted(void)
{
	FILE *cgroup = open_file("/proc/self/cgroup");
	char line[256];
	bool root = false;

	while (fgets(line, sizeof(line), cgroup))
		root |= !strcmp(line, "0::/\n");
	fclose(cgroup);
	return !root;
}

static int measure_accounted(void *arg)
{
	bench_check(put(CGROUP "/cgroup.procs", "0"), CGROUP);
	measure(arg, "accounted");
	return 0;
}

void bench_memory(void)
{
	struct bench_area area;

	bench_check(bench_area_start(&area, MEMORY_PRIVATE, BENCH_FIELD),
		    "a target");
	if (is_accounted()) {
		measure(&area, "accounted");
	} else {
		measure(&area, "not accounted");
		bench_check(put(CGROUPS "cgroup.subtree_control", "+memory"),
			    "account memory");
		if (mkdir(CGROUP, 0755) && errno != EEXIST)
			bench_die(CGROUP ": %s", strerror(errno));
		if (in_child(measure_accounted, &area))
			bench_die("memory could not be measured");
		rmdir(CGROUP);
	}
	bench_area_stop(&area);
}
