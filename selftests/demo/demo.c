// SPDX-License-Identifier: GPL-2.0
/*
 * make demo: cordbg at work on a program that knows nothing of it.
 *
 * The program is Debian's lua5.4 with stars.lua. It prints a line for every
 * number it is given, so each step can show what the step did to the program,
 * and fails the demo if the program does anything else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "demo.h"

void peek(struct demo *demo, uint64_t address, void *buffer, size_t size)
{
	struct iovec local = { buffer, size };
	struct iovec remote = { (void *)address, size };

	if (process_vm_readv(demo->program.pid, &local, 1, &remote, 1, 0) != (ssize_t)size)
		fail("process_vm_readv: %s", strerror(errno));
}

void read_own(struct demo *demo, uint64_t address, void *buffer, size_t size)
{
	size_t done;

	require_ok(cordbg_read_memory(demo->process, address, size, buffer, &done),
		   "cordbg_read_memory");
	require(done == size, "all bytes were read");
}

void write_own(struct demo *demo, uint64_t address, const void *buffer,
	       size_t size, unsigned int flags)
{
	size_t written;

	require_ok(cordbg_write_memory_ex(demo->process, address, size, buffer,
					  flags, &written, NULL),
		   "cordbg_write_memory_ex");
	require(written == size, "all bytes were written");
}

void give_number(struct demo *demo, int number)
{
	say("We give it the number %d.", number);
	program_give(&demo->program, number);
}

void expect_line(struct demo *demo, size_t stars)
{
	const char *line = program_line(&demo->program);

	say("It prints:  %s", line);
	if (strspn(line, "*") != stars || line[stars] != ' ' ||
	    strcmp(line + stars + 1, demo->sign))
		fail("it prints %zu stars and \"%s\"", stars, demo->sign);
}

/* The first line, before anything was done to the program, tells its sign. */
static void first_line(struct demo *demo)
{
	const char *line;

	give_number(demo, 3);
	line = program_line(&demo->program);
	say("It prints:  %s", line);
	require(!strncmp(line, "*** ", 4), "it prints three stars");
	snprintf(demo->sign, sizeof(demo->sign), "%s", line + 4);
}

static void meet_program(struct demo *demo, char **argv)
{
	pid_t pid;

	chapter("A program from Debian, as it is");
	program_start(&demo->program, argv);
	pid = demo->program.pid;
	say("%s runs %s as process %d.", argv[0], argv[1], pid);
	say("For every number it is given it prints so many stars, and its sign.");
	first_line(demo);
	require_ok(cordbg_attach(pid, 0, &demo->process), "cordbg_attach");
	require(!trace_tracer(pid), "nobody traces the program");
	say("cordbg is attached to it. Nothing stops the program, nothing traces it.");
}

/* Lua keeps a string with a 0 byte at its end; its source text has a quote there. */
static uint64_t find_sign(struct demo *demo, const struct mapping *heap)
{
	size_t length = strlen(demo->sign) + 1, size = heap->end - heap->start;
	uint8_t *bytes = malloc(size), *found;
	uint64_t address;

	require(bytes, "there is memory for a copy of its heap");
	read_own(demo, heap->start, bytes, size);
	found = memmem(bytes, size, demo->sign, length);
	require(found, "its heap holds the text it prints");
	require(!memmem(found + 1, bytes + size - found - 1, demo->sign, length),
		"its heap holds the text once");
	address = heap->start + (found - bytes);
	free(bytes);
	return address;
}

static void change_text(struct demo *demo)
{
	const char *text = "cordbg rewrote this sign; the program does not know.";
	const struct mapping *heap;
	int length = strlen(demo->sign);
	uint8_t seen[8];
	uint64_t address;

	chapter("Its text changes, because its memory is written");
	maps_read(&demo->maps, demo->program.pid);
	heap = maps_find(&demo->maps, "[heap]");
	say("/proc/%d/maps has its heap at %#llx-%#llx.", demo->program.pid,
	    (unsigned long long)heap->start, (unsigned long long)heap->end);
	address = find_sign(demo, heap);
	say("Reading the heap, cordbg finds the text. Its first bytes:");
	peek(demo, address, seen, sizeof(seen));
	show("before", address, seen, sizeof(seen));
	snprintf(demo->sign, sizeof(demo->sign), "%-*.*s", length, length, text);
	write_own(demo, address, demo->sign, length, 0);
	say("cordbg_write_memory() writes %d bytes there.", length);
	peek(demo, address, seen, sizeof(seen));
	show("after", address, seen, sizeof(seen));
	give_number(demo, 4);
	expect_line(demo, 4);
}

static void end_program(struct demo *demo)
{
	struct cordbg_breakpoint left[1];
	size_t count = 1;

	chapter("The program goes on, and ends clean");
	require_ok(cordbg_list_breakpoints(demo->process, left, 1, &count),
		   "cordbg_list_breakpoints");
	require(count == 0, "no breakpoint is left in it");
	cordbg_detach(demo->process);
	say("No breakpoint is left in it. cordbg is detached.");
	give_number(demo, 6);
	expect_line(demo, 6);
	program_end(&demo->program);
	say("There are no more numbers; it has ended by itself, with exit status 0.");
}

int main(int argc, char **argv)
{
	static struct demo demo;

	setvbuf(stdout, NULL, _IOLBF, 0);
	require(argc == 3, "the demo is called with a program and its argument");
	meet_program(&demo, argv + 1);
	change_text(&demo);
	tell_breakpoint(&demo);
	tell_border(&demo);
	end_program(&demo);
	return EXIT_SUCCESS;
}
