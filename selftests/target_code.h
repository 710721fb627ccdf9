/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A function to patch and to break in, and where a trap finds the program.
 */
#ifndef TARGET_CODE_H
#define TARGET_CODE_H

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>

#include "target_memory.h"

/*
 * int patched(void) returns NUMBER_BEFORE. The bytes of number_after, written
 * NUMBER_AT bytes into it, make it return NUMBER_AFTER.
 *
 * TRAP_AFTER is how far behind the opcode's address a trap leaves the program.
 */
#define NUMBER_BEFORE	0x1234
#define NUMBER_AFTER	0x5678

#ifdef __aarch64__
#define PATCHED	"mov w0, #0x1234\nret\n"
#define NUMBER_AT	0
#define TRAP_AFTER	0
static const uint8_t number_after[] = { 0x00, 0xcf, 0x8a, 0x52 };
#define context_pc(context)	((context)->uc_mcontext.pc)
#define regs_pc(regs)		((regs)->pc)
#else
#define PATCHED	"mov $0x1234, %eax\nret\n"
#define NUMBER_AT	1
#define TRAP_AFTER	OPCODE_LEN
static const uint8_t number_after[] = { 0x78, 0x56, 0x00, 0x00 };
#ifdef __x86_64__
#define context_pc(context)	((context)->uc_mcontext.gregs[REG_RIP])
#define regs_pc(regs)		((regs)->rip)
#else
#define context_pc(context)	((context)->uc_mcontext.gregs[REG_EIP])
#define regs_pc(regs)		((regs)->eip)
#endif
#endif

asm(".pushsection .text\n.globl patched\n.balign 16\npatched:\n" PATCHED
	".popsection\n");
int patched(void);

static inline uint8_t *patched_code(void)
{
	return (uint8_t *)(uintptr_t)patched;
}

static inline long in_target_patched(unsigned long a, unsigned long b,
				     unsigned long c)
{
	(void)a;
	(void)b;
	(void)c;
	return patched();
}

#endif /* TARGET_CODE_H */
