/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The breakpoint opcode of each architecture: all that cordbg knows about one.
 */
#ifndef CORDBG_OPCODE_H
#define CORDBG_OPCODE_H

#include <linux/types.h>

#if defined(CONFIG_X86_64)

typedef u8 cordbg_opcode_t;

/* INT3. */
#define CORDBG_OPCODE		((cordbg_opcode_t)0xcc)

/* Instruction fetch sees data stores: no cache care is needed. */
#define CORDBG_COHERENT_ICACHE	true

/* Whether @insn stops the program for whoever planted it, cordbg or not. */
static inline bool cordbg_is_breakpoint(cordbg_opcode_t insn)
{
	return insn == CORDBG_OPCODE;
}

#elif defined(CONFIG_ARM64)

typedef __le32 cordbg_opcode_t;

/* BRK #0. */
#define CORDBG_OPCODE		cpu_to_le32(0xd4200000)
#define CORDBG_COHERENT_ICACHE	false

static inline bool cordbg_is_breakpoint(cordbg_opcode_t insn)
{
	return (le32_to_cpu(insn) & 0xffe0001f) == 0xd4200000;
}

#else
#error "cordbg knows no breakpoint opcode for this architecture"
#endif

/* Opcodes are aligned to their length, so none crosses a page. */
#define CORDBG_OPCODE_LEN	sizeof(cordbg_opcode_t)

#endif /* CORDBG_OPCODE_H */
