// SPDX-License-Identifier: GPL-2.0
/* The chapters about a breakpoint and the bytes behind it. */
#include <signal.h>
#include <string.h>

#include "demo.h"

/* What lua's string.rep() calls to get its number. */
#define FUNCTION	"luaL_checkinteger"
#define CODE_SIZE	8

static const uint8_t int3[] = { 0xcc };
static const uint8_t return_7[] = { 0xb8, 7, 0, 0, 0, 0xc3 };

/* The function that the breakpoint is set on. */
struct function {
	uint64_t address;
	uint8_t code[CODE_SIZE];	/* as the program's author left it */
	uint32_t opcode_length;
};

/* Show the function in memory and through cordbg; it has to be @raw and @own. */
static void show_code(struct demo *demo, struct function *function,
		      const uint8_t *raw, const uint8_t *own)
{
	uint8_t peeked[CODE_SIZE], raw_read[CODE_SIZE], own_read[CODE_SIZE];
	uint64_t address = function->address;
	size_t done;

	peek(demo, address, peeked, CODE_SIZE);
	show("process_vm_readv", address, peeked, CODE_SIZE);
	require_ok(cordbg_read_memory_ex(demo->process, address, CODE_SIZE, raw_read,
					 CORDBG_RAW, &done, NULL),
		   "cordbg_read_memory_ex, CORDBG_RAW");
	show("cordbg, RAW", address, raw_read, CODE_SIZE);
	read_own(demo, address, own_read, CODE_SIZE);
	show("cordbg", address, own_read, CODE_SIZE);
	require(!memcmp(peeked, raw, CODE_SIZE), "memory is as the story says");
	require(!memcmp(raw_read, raw, CODE_SIZE), "RAW shows memory as it is");
	require(!memcmp(own_read, own, CODE_SIZE), "cordbg shows the program's bytes");
}

/* As show_code() while the breakpoint stands on the program's bytes @own. */
static void show_code_behind(struct demo *demo, struct function *function,
			     const uint8_t *own)
{
	uint8_t raw[CODE_SIZE];

	memcpy(raw, own, CODE_SIZE);
	memcpy(raw, int3, sizeof(int3));
	show_code(demo, function, raw, own);
}

static void set_breakpoint(struct demo *demo, struct function *function)
{
	uint8_t original[CORDBG_OPCODE_MAX];

	require_ok(cordbg_set_unmanaged_breakpoint(demo->process, function->address,
						   sizeof(original), original,
						   &function->opcode_length),
		   "cordbg_set_unmanaged_breakpoint");
	require(function->opcode_length == sizeof(int3) &&
		!memcmp(original, function->code, sizeof(int3)),
		"it returns the program's byte under the opcode");
}

static void clear_breakpoint(struct demo *demo, struct function *function)
{
	require_ok(cordbg_clear_unmanaged_breakpoint(demo->process, function->address),
		   "cordbg_clear_unmanaged_breakpoint");
}

/* The program has to run into the opcode; it is left stopped in front of it. */
static void catch_trap(struct demo *demo, struct function *function)
{
	pid_t pid = demo->program.pid;
	uint64_t pc;

	require(trace_wait(pid) == SI_KERNEL, "SIGTRAP comes from a breakpoint opcode");
	require(program_is_silent(&demo->program), "the program has printed nothing");
	pc = trace_pc(pid);
	say("It prints nothing: the tracer sees it stopped by SIGTRAP. Its PC is");
	say("%#llx, the breakpoint's address + %u, the opcode's length.",
	    (unsigned long long)pc, function->opcode_length);
	require(pc == function->address + function->opcode_length,
		"PC is the address + the opcode's length");
	trace_set_pc(pid, function->address);
	say("The tracer sets PC back to %#llx.", (unsigned long long)trace_pc(pid));
}

static void find_function(struct demo *demo, struct function *function)
{
	const struct mapping *file;

	function->address = symbol_address(&demo->maps, FUNCTION, &file);
	say("%s is exported by %s,", FUNCTION, file->path);
	say("and mapped at %#llx. Lua gets the number of stars from it.",
	    (unsigned long long)function->address);
	peek(demo, function->address, function->code, CODE_SIZE);
	show("its first bytes", function->address, function->code, CODE_SIZE);
}

static void catch(struct demo *demo, struct function *function)
{
	chapter("A breakpoint in one of its functions is hit, and a tracer catches it");
	find_function(demo, function);
	set_breakpoint(demo, function);
	say("cordbg_set_unmanaged_breakpoint() plants an opcode of %u byte there.",
	    function->opcode_length);
	trace_seize(demo->program.pid);
	say("A ptrace tracer seizes the program with PTRACE_SEIZE.");
	give_number(demo, 5);
	catch_trap(demo, function);
}

/* Run the instruction under the breakpoint and let the program go on. */
static void step_over(struct demo *demo, struct function *function)
{
	pid_t pid = demo->program.pid;

	clear_breakpoint(demo, function);
	trace_step(pid);
	say("The breakpoint is cleared, one instruction run (PC is now %#llx),",
	    (unsigned long long)trace_pc(pid));
	set_breakpoint(demo, function);
	trace_continue(pid);
	say("the breakpoint set again, and the program goes on:");
	expect_line(demo, 5);
}

static void read_behind(struct demo *demo, struct function *function)
{
	chapter("Memory holds the opcode, and cordbg shows the program's own bytes");
	show_code_behind(demo, function, function->code);
	step_over(demo, function);
}

/* Make the function one that returns 7; @own becomes the bytes it then has. */
static void write_behind(struct demo *demo, struct function *function, uint8_t *own)
{
	chapter("A write over the breakpoint lands behind it");
	memcpy(own, function->code, CODE_SIZE);
	memcpy(own, return_7, sizeof(return_7));
	say("cordbg_write_memory_ex() writes `mov $7,%%eax; ret` over the start of the");
	say("function, breakpoint and all (with CORDBG_FORCE, for it is program text).");
	show("written", function->address, return_7, sizeof(return_7));
	write_own(demo, function->address, return_7, sizeof(return_7), CORDBG_FORCE);
	show_code_behind(demo, function, own);
	say("The opcode is still in memory, so the breakpoint still works.");
	give_number(demo, 5);
	catch_trap(demo, function);
}

static void clear(struct demo *demo, struct function *function, const uint8_t *own)
{
	clear_breakpoint(demo, function);
	say("The breakpoint is cleared, and memory has all that was written:");
	show_code(demo, function, own, own);
	trace_detach(demo->program.pid);
	say("The tracer detaches. The new code runs, 7 stars whatever the number:");
	expect_line(demo, 7);
	write_own(demo, function->address, function->code, CODE_SIZE, CORDBG_FORCE);
	say("The old bytes are written back, and the program counts again:");
	show_code(demo, function, function->code, function->code);
	give_number(demo, 5);
	expect_line(demo, 5);
}

void tell_breakpoint(struct demo *demo)
{
	struct function function;
	uint8_t own[CODE_SIZE];

	catch(demo, &function);
	read_behind(demo, &function);
	write_behind(demo, &function, own);
	clear(demo, &function, own);
}
