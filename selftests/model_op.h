/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The operations of the model: what is recorded of each, so that it can be carried
 * out again without others, and what must come of it.
 */
#ifndef MODEL_OP_H
#define MODEL_OP_H

#include "model_state.h"

enum op_type {
	WRITE, READ, SET, CLEAR,	/* what a batch can have, too */
	LIST, OPEN, CLOSE,
	STORE, MAP, UNMAP, PROTECT, ADVISE, MOVE, FORK,
	NR_TYPES
};

static const char * const type_names[NR_TYPES] = {
	"write", "read", "set", "clear", "list", "open", "close", "store",
	"map", "unmap", "protect", "advise", "move", "fork",
};

static const char * const kind_names[] = {
	"gap", "anonymous", "private-file", "shared-file", "hugetlb",
	"shared-hugetlb",
};

#define NOT_STARTED	1	/* in the place of a status */

/**
 * struct op - one operation
 * @type: What it does.
 * @epoch: Between which quiet points.
 * @actor: The thread that does it.
 * @slot: The session it uses.
 * @group: Neighbours of one group that is not 0 are one batch.
 * @atomic: That is CORDBG_BATCH_ATOMIC.
 * @flags: Of a transfer; protection of MAP and PROTECT; MREMAP_DONTUNMAP.
 * @kind: MAP: of what.
 * @file_page: MAP: the first page of the file.
 * @address: Where.
 * @size: Bytes.
 * @to: MOVE: where to.
 * @seed: WRITE, STORE: of the bytes.
 *
 * The rest is what the model predicts:
 * @possible: It makes sense after those before it.
 * @err: Its errno, negative.
 * @refused: In an atomic batch: the error it would be refused with.
 * @failed: Its failed_address, POISON64 if that must not change.
 * @done: Bytes transferred, or the length of the opcode.
 * @bytes: READ: what must be read. SET: the original.
 * @hash: FORK: of the bytes of the child.
 * @list: LIST: breakpoints on stripes of the actor.
 * @nr_list: How many.
 */
struct op {
	uint8_t type;
	uint8_t actor;
	uint8_t slot;
	uint8_t kind;
	bool atomic;
	uint16_t file_page;
	uint32_t epoch;
	uint32_t group;
	uint32_t flags;
	uint32_t size;
	uint64_t address;
	uint64_t to;
	uint64_t seed;

	bool possible;
	int err;
	int refused;
	uint64_t failed;
	uint32_t done;
	uint8_t *bytes;
	uint64_t hash;
	struct cordbg_breakpoint *list;
	unsigned int nr_list;
};

/* Memory for predictions, until the next epoch. */
#define SCRATCH_SIZE	(64UL << 20)
static uint8_t *scratch;
static size_t scratch_used;

static inline void *scratch_get(size_t size)
{
	void *p = scratch + scratch_used;

	scratch_used += (size + 15) & ~15UL;
	if (scratch_used > SCRATCH_SIZE)
		ksft_exit_fail_msg("an epoch is too large\n");
	return p;
}

static inline bool is_transfer(const struct op *op)
{
	return op->type == WRITE || op->type == READ;
}

static inline bool is_batchable(const struct op *op)
{
	return op->type <= CLEAR;
}

static inline bool uses_session(const struct op *op)
{
	return op->type <= CLOSE;
}

/* Whether @next is in the same batch as @op. */
static inline bool same_batch(const struct op *op, const struct op *next)
{
	return op->group && op->group == next->group;
}

static inline const char *prot_text(unsigned int prot, char *text)
{
	sprintf(text, "%c%c%c", prot & PROT_READ ? 'r' : '-',
		prot & PROT_WRITE ? 'w' : '-', prot & PROT_EXEC ? 'x' : '-');
	return text;
}

static inline void describe_flags(const struct op *op, char *text)
{
	char prot[4];

	if (is_transfer(op))
		sprintf(text, "%s%s%s", op->flags & CORDBG_FORCE ? " force" : "",
			op->flags & CORDBG_PROBE ? " probe" : "",
			op->flags & CORDBG_RAW ? " raw" : "");
	else if (op->type == MAP)
		sprintf(text, " %s %s page %u", kind_names[op->kind],
			prot_text(op->flags, prot), op->file_page);
	else if (op->type == PROTECT)
		sprintf(text, " %s", prot_text(op->flags, prot));
	else if (op->type == MOVE)
		sprintf(text, " to %#llx%s", (unsigned long long)op->to,
			op->flags ? " dontunmap" : "");
	else
		*text = 0;
}

static inline void describe_place(const struct op *op, char *text)
{
	if (op->type == OPEN || op->type == CLOSE || op->type == LIST ||
	    op->type == FORK)
		*text = 0;
	else if (op->type == SET || op->type == CLEAR)
		sprintf(text, " %#llx", (unsigned long long)op->address);
	else
		sprintf(text, " %#llx+%#x", (unsigned long long)op->address,
			op->size);
}

/* An operation on one line. */
static inline const char *describe(const struct op *op, char *text)
{
	char place[64], flags[64], *p = text;

	describe_place(op, place);
	describe_flags(op, flags);
	p += sprintf(p, "epoch %u thread %u ", op->epoch, op->actor);
	if (uses_session(op))
		p += sprintf(p, "session %u ", op->slot);
	p += sprintf(p, "%s%s%s", type_names[op->type], place, flags);
	if (op->type == WRITE || op->type == STORE)
		p += sprintf(p, " seed %#llx", (unsigned long long)op->seed);
	if (op->group)
		sprintf(p, " in %sbatch %u", op->atomic ? "atomic " : "",
			op->group);
	return text;
}

#endif /* MODEL_OP_H */
