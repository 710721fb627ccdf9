// SPDX-License-Identifier: GPL-2.0
/*
 * bench MODE: measure, and print JSON lines.
 *
 * instructions	the machine counts instructions ("qemu -icount shift=0"): least
 *		counts, one processor
 * time		an emulated machine in real time: also contention and scaling
 * native	the same on real hardware
 * profile	calls for plugin/profiler.c to count
 */

#include <stdio.h>
#include <sys/utsname.h>

#include "bench.h"

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

int main(int argc, char **argv)
{
	const char *mode = argc == 2 ? argv[1] : "";
	bool instructions = !strcmp(mode, "instructions");

	setvbuf(stdout, NULL, _IOLBF, 0);
	emulated = strcmp(mode, "native");
	if (!strcmp(mode, "profile")) {
		bench_buffers_init();
		bench_profile();
		return EXIT_SUCCESS;
	}
	if (!instructions && strcmp(mode, "time") && emulated) {
		fprintf(stderr, "usage: %s instructions|time|native|profile\n",
			argv[0]);
		return EXIT_FAILURE;
	}
	machine(mode);
	bench_clock_init(instructions);
	bench_buffers_init();
	bench_attach();
	bench_existing();
	bench_breakpoints();
	bench_insertions();
	if (!instructions) {
		bench_contention();
		bench_scaling();
	}
	bench_transfers();
	return EXIT_SUCCESS;
}
