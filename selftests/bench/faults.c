// SPDX-License-Identifier: GPL-2.0
/*
 * The checks of what was measured, checked: errors are planted, and each has to be
 * found, by the very functions that measure.
 */

#include <stdio.h>

#include "bench.h"

#define SIZE	64

static int write_all(const struct bench_peer *peer, uint8_t *address,
		     const void *data, size_t size)
{
	return bench_route("proc_mem")->write(peer, address, data, size);
}

static int read_all(const struct bench_peer *peer, uint8_t *address, void *data,
		    size_t size)
{
	return bench_route("proc_mem")->read(peer, address, data, size);
}

static int write_short(const struct bench_peer *peer, uint8_t *address,
		       const void *data, size_t size)
{
	return write_all(peer, address, data, size - 1);
}

static int write_long(const struct bench_peer *peer, uint8_t *address,
		      const void *data, size_t size)
{
	return write_all(peer, address, data, size + 1);
}

static int write_wrong(const struct bench_peer *peer, uint8_t *address,
		       const void *data, size_t size)
{
	uint8_t wrong = ((const uint8_t *)data)[size / 2] ^ 1;
	int err = write_all(peer, address, data, size);

	return err ? err : write_all(peer, address + size / 2, &wrong, 1);
}

static int read_short(const struct bench_peer *peer, uint8_t *address,
		      void *data, size_t size)
{
	return read_all(peer, address, data, size - 1);
}

static int read_wrong(const struct bench_peer *peer, uint8_t *address,
		      void *data, size_t size)
{
	int err = read_all(peer, address, data, size);

	((uint8_t *)data)[size / 2] ^= 1;
	return err;
}

/* A transfer by a route with an error. */
static void transfer(struct bench_area *area,
		     int (*write)(const struct bench_peer *, uint8_t *,
				  const void *, size_t),
		     int (*read)(const struct bench_peer *, uint8_t *, void *,
				 size_t))
{
	struct bench_route route = *bench_route("proc_mem");
	struct bench_transfer t = {
		.area = area,
		.route = &route,
		.address = area->base + KIB,
		.size = SIZE,
	};
	struct bench_stats stats;

	route.write = write;
	route.read = read;
	bench_write_read(&t, &stats, &stats);
}

static void plant_write_short(struct bench_area *area)
{
	transfer(area, write_short, read_all);
}

static void plant_write_long(struct bench_area *area)
{
	transfer(area, write_long, read_all);
}

static void plant_write_wrong(struct bench_area *area)
{
	transfer(area, write_wrong, read_all);
}

static void plant_read_short(struct bench_area *area)
{
	transfer(area, write_all, read_short);
}

static void plant_read_wrong(struct bench_area *area)
{
	transfer(area, write_all, read_wrong);
}

/* The errors, and what the message that finds each ends with. */
static const struct fault {
	const char *name;
	void (*run)(struct bench_area *area);
	const char *found;
} faults[] = {
	{ "a write of a byte less", plant_write_short,
	  "bytes were not written as they should be" },
	{ "a write of a byte more", plant_write_long,
	  "bytes were not written as they should be" },
	{ "a write of a wrong byte", plant_write_wrong,
	  "bytes were not written as they should be" },
	{ "a read of a byte less", plant_read_short,
	  "bytes were not read as they are" },
	{ "a read of a wrong byte", plant_read_wrong,
	  "bytes were not read as they are" },
	{ "a breakpoint left out", bench_leave_out_set,
	  "has not planted an opcode" },
	{ "a breakpoint not cleared", bench_leave_out_clear,
	  "has not put all bytes back" },
};

/* In a child, whose output goes to a pipe: it begins with what failed. */
static pid_t start(const struct fault *fault, int *output)
{
	struct bench_area area;
	int pipes[2];
	pid_t pid;

	bench_check(pipe2(pipes, O_CLOEXEC) ? -errno : 0, "a pipe");
	fflush(stdout);
	pid = fork();
	bench_check(pid < 0 ? -errno : 0, "fork");
	if (pid) {
		close(pipes[1]);
		*output = pipes[0];
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(pipes[1], STDOUT_FILENO);
	bench_check(bench_area_start(&area, MEMORY_PRIVATE, MIB), "a target");
	fault->run(&area);
	_exit(EXIT_SUCCESS);
}

static void plant(const struct fault *fault)
{
	char message[256] = "", *end;
	int output;
	pid_t pid = start(fault, &output);
	FILE *lines = fdopen(output, "r");

	if (!lines || !fgets(message, sizeof(message), lines) ||
	    sscanf(message, "{\"failed\":\"%255[^\"]", message) != 1)
		bench_die("nothing finds %s", fault->name);
	fclose(lines);
	end = message + strlen(message) - strlen(fault->found);
	if (child_result(pid) != -EXIT_FAILURE || end < message ||
	    strcmp(end, fault->found))
		bench_die("what finds %s is: %s", fault->name, message);
	bench_fault_found(fault->name, message);
}

void bench_faults(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++)
		plant(&faults[i]);
}
