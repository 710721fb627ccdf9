/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the demo share. Every function here ends the demo with a
 * failure if it cannot do what it is asked for, so callers check nothing.
 */
#ifndef CORDBG_DEMO_H
#define CORDBG_DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include <cordbg.h>

/* story.c: what the reader sees */

/* Print one line of the story. */
#define say(format, ...)	printf("   " format "\n", ##__VA_ARGS__)

/* End the demo: what the line says does not hold. */
#define fail(format, ...)						\
	do {								\
		printf("   FAILED, this has to hold: " format "\n", ##__VA_ARGS__); \
		exit(EXIT_FAILURE);					\
	} while (0)

/* Begin the next chapter. */
void chapter(const char *title);
/* Print a line of bytes, in hexadecimal and as text. */
void show(const char *label, uint64_t address, const void *bytes, size_t size);
/* The step that @what describes holds only if @holds. */
void require(bool holds, const char *what);
/* As require(), for a call that returns 0 or a negative errno. */
void require_ok(int error, const char *what);

/* program.c: the program that the demo works on, as its user sees it */

struct program {
	pid_t pid;
	FILE *in;		/* what it reads */
	FILE *out;		/* what it prints */
};

/* Start argv[0], which reads numbers and prints a line for each of them. */
void program_start(struct program *program, char **argv);
/* Give it a number. */
void program_give(struct program *program, int number);
/* The line it prints next, without the newline; valid until the next call. */
const char *program_line(struct program *program);
/* Whether there is no line to read now. */
bool program_is_silent(struct program *program);
/* Let it come to its end, which has to be a clean one. */
void program_end(struct program *program);

/* maps.c: where things are in its memory */

#define MAPPINGS_MAX	256

struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;	/* of @start in the file at @path */
	char protection[8];
	char path[256];
};

struct maps {
	size_t count;
	struct mapping list[MAPPINGS_MAX];
};

/* Read /proc/PID/maps. */
void maps_read(struct maps *maps, pid_t pid);
/* The mapping that the kernel calls @path. */
const struct mapping *maps_find(const struct maps *maps, const char *path);
/* A writable mapping that a read-only one follows without a gap. */
const struct mapping *maps_find_border(const struct maps *maps);

/* symbol.c: functions by name, through libelf */

/*
 * The address of the function @name, exported by one of the mapped ELF files;
 * @file is set to the mapping it lies in.
 */
uint64_t symbol_address(const struct maps *maps, const char *name,
			const struct mapping **file);

/* trace.c: the ptrace(2) tracer */

/* Who traces @pid, 0 for nobody. */
pid_t trace_tracer(pid_t pid);
/* Become the tracer of @pid, which keeps running. */
void trace_seize(pid_t pid);
/* Wait until @pid is stopped by SIGTRAP; the signal's si_code. */
int trace_wait(pid_t pid);
uint64_t trace_pc(pid_t pid);
void trace_set_pc(pid_t pid, uint64_t pc);
/* Run one instruction. */
void trace_step(pid_t pid);
void trace_continue(pid_t pid);
/* Let it run, untraced from now on. */
void trace_detach(pid_t pid);

/* demo.c: the program and cordbg together */

struct demo {
	struct program program;
	struct maps maps;
	struct cordbg_process *process;
	char sign[128];		/* what the program prints after its stars */
};

/* Memory as everybody but cordbg sees it, for a second opinion. */
void peek(struct demo *demo, uint64_t address, void *buffer, size_t size);
/* The program's own bytes, through cordbg. */
void read_own(struct demo *demo, uint64_t address, void *buffer, size_t size);
void write_own(struct demo *demo, uint64_t address, const void *buffer,
	       size_t size, unsigned int flags);
void give_number(struct demo *demo, int number);
/* Its next line has to be so many stars and the sign, nothing else. */
void expect_line(struct demo *demo, size_t stars);

/* breakpoint.c: the chapters about a breakpoint and the bytes behind it */
void tell_breakpoint(struct demo *demo);

/* border.c: the chapter about a write that runs into read-only memory */
void tell_border(struct demo *demo);

#endif /* CORDBG_DEMO_H */
