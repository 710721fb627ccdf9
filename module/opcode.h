/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The breakpoint opcode of each architecture: all that cordbg knows about one.
 */
#ifndef CORDBG_OPCODE_H
#define CORDBG_OPCODE_H

#include <linux/cacheflush.h>
#include <linux/mm.h>
#include <linux/types.h>

#if defined(CONFIG_X86_64)

typedef u8 cordbg_opcode_t;

/* INT3. */
#define CORDBG_OPCODE		((cordbg_opcode_t)0xcc)

/* Instruction fetch sees data stores. */
#define CORDBG_COHERENT_ICACHE	true
static inline void cordbg_clean_code(const void *kaddr) {}
static inline void cordbg_drop_fetched(void) {}

/* Whether @insn stops the program for whoever planted it, cordbg or not. */
static inline bool cordbg_is_breakpoint(cordbg_opcode_t insn)
{
	return insn == CORDBG_OPCODE;
}

#elif defined(CONFIG_ARM64)

typedef __le32 cordbg_opcode_t;

/* BRK #0. */
#define CORDBG_OPCODE		cpu_to_le32(0xd4200000)

/*
 * Stores are fetched once the data cache is clean and what the instruction cache
 * holds is dropped: that of a page by its address; but where instructions are
 * found by the virtual address, they are held under another than ours.
 */
#define CORDBG_COHERENT_ICACHE	false

static inline void cordbg_clean_code(const void *kaddr)
{
	caches_clean_inval_pou((unsigned long)kaddr,
			       (unsigned long)kaddr + PAGE_SIZE);
}

static inline void cordbg_drop_fetched(void)
{
	icache_inval_all_pou();
}

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
