/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BESIDE_CODE_H
#define BESIDE_CODE_H

#include <stdint.h>

/*
 * Functions of two instructions that do nothing, and a return. One of them has an
 * opcode of its own, which is not run.
 */
#ifdef __aarch64__
#define OWN_OPCODE	"brk #0\n"
#define UPROBE_OPCODE	{ 0xa0, 0x00, 0x20, 0xd4 }	/* BRK #5 */
#else
#define OWN_OPCODE	"int3\n"
#define UPROBE_OPCODE	{ 0xcc }			/* as everybody's */
#endif
static const uint8_t uprobe_opcode[] = UPROBE_OPCODE;
#define FUNCTION(name)	".globl " #name "\n.balign 64\n" #name ":\nnop\nnop\nret\n"
#define FUNCTIONS				\
	".pushsection .text\n.balign 4096\n"	\
	FUNCTION(first)				\
	FUNCTION(second)			\
	FUNCTION(last)				\
	".globl own\n.balign 64\nown:\nret\n" OWN_OPCODE "ret\n"	\
	".balign 4096\n.popsection\n"
asm(FUNCTIONS);
extern uint8_t first[];
extern uint8_t second[];
extern uint8_t last[];
extern uint8_t own[];

#endif /* BESIDE_CODE_H */
