// SPDX-License-Identifier: GPL-2.0
/*
 * bench MODE [SECTION...]: measure all or some sections, and print JSON lines.
 *
 * instructions	the machine counts instructions ("qemu -icount shift=0"): least
 *		counts, one processor
 * time		an emulated machine in real time: also contention
 * native	the same on real hardware
 * profile	calls for plugin/profiler.c to count
 */

#include <stdio.h>
#include <sys/utsname.h>

#include "bench.h"

/*
 * @timed: It says nothing when instructions are counted.
 *
 * The locks are last: to see them, the kernel's code is patched.
 */
static const struct section {
	const char *name;
	void (*run)(void);
	bool timed;
} sections[] = {
	{ .name = "faults", .run = bench_faults },
	{ .name = "attach", .run = bench_attach },
	{ .name = "existing", .run = bench_existing },
	{ .name = "memory", .run = bench_memory },
	{ .name = "breakpoints", .run = bench_breakpoints },
	{ .name = "insert", .run = bench_insertions },
	{ .name = "contention", .run = bench_contention, .timed = true },
	{ .name = "scaling", .run = bench_scaling },
	{ .name = "transfer", .run = bench_transfers },
	{ .name = "locks", .run = bench_locks },
};

static bool emulated;

/* Whether what would take minutes in emulation is left out. */
bool bench_emulated(void)
{
	return emulated;
}

static void machine(const char *mode)
{
	char line[256], model[128] = "";
	struct utsname name;
	FILE *cpuinfo;

	uname(&name);
	bench_fact("mode", mode);
	bench_fact("kernel", name.release);
	snprintf(line, sizeof(line), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	bench_fact("processors", line);
	cpuinfo = fopen("/proc/cpuinfo", "r");
	while (cpuinfo && fgets(line, sizeof(line), cpuinfo))
		if (sscanf(line, "model name : %127[^\n\"\\]", model) == 1)
			break;
	if (cpuinfo)
		fclose(cpuinfo);
	bench_fact("processor", model);
}

static bool is_named(const char *name, int argc, char **argv)
{
	int i;

	for (i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc <= 2;
}

int main(int argc, char **argv)
{
	const char *mode = argc >= 2 ? argv[1] : "";
	bool instructions = !strcmp(mode, "instructions");
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	emulated = strcmp(mode, "native");
	if (!strcmp(mode, "profile")) {
		bench_buffers_init();
		bench_profile();
		return EXIT_SUCCESS;
	}
	if (!instructions && strcmp(mode, "time") && emulated) {
		fputs("usage: bench instructions|time|native|profile [SECTION...]\n",
		      stderr);
		return EXIT_FAILURE;
	}
	machine(mode);
	bench_clock_init(instructions);
	bench_buffers_init();
	for (i = 0; i < ARRAY_SIZE(sections); i++)
		if (is_named(sections[i].name, argc, argv) &&
		    !(sections[i].timed && instructions))
			sections[i].run();
	return EXIT_SUCCESS;
}
