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
#else
#define OWN_OPCODE	"int3\n"
#endif
#define FUNCTION(name)	".balign 64\n" #name ":\nnop\nnop\nret\n"
#define FUNCTIONS				\
	".pushsection .text\n.balign 4096\n"	\
	FUNCTION(first)				\
	FUNCTION(second)			\
	FUNCTION(last)				\
	".balign 64\nown:\nret\n" OWN_OPCODE "ret\n"	\
	".balign 4096\n.popsection\n"
asm(FUNCTIONS);
extern uint8_t first[];
extern uint8_t second[];
extern uint8_t last[];
extern uint8_t own[];

#endif /* BESIDE_CODE_H */
