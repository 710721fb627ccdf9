/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What it does to the model when the program changes its own memory, and what a
 * child of it must have.
 */
#ifndef MODEL_INSIDE_H
#define MODEL_INSIDE_H

#include "model_op.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

/* Whether every page of a range is mapped, and, if asked for, present. */
static inline bool all_mapped(uint64_t address, uint64_t size, bool present)
{
	uint64_t at;

	for (at = address; at - address < size; at = (at / PAGE + 1) * PAGE)
		if (!is_mapped(at) || (present && !is_present(page_of(at))))
			return false;
	return true;
}

static inline bool all_have(uint64_t address, uint64_t size, uint8_t prot)
{
	uint64_t at;

	for (at = address; at - address < size; at = (at / PAGE + 1) * PAGE)
		if (!(page_of(at)->prot & prot))
			return false;
	return true;
}

static inline void predict_store(struct op *op)
{
	uint8_t *bytes = scratch_get(op->size);

	op->possible = all_mapped(op->address, op->size, true) &&
		       all_have(op->address, op->size, PROT_WRITE);
	if (!op->possible)
		return;
	seeded_bytes(bytes, op->size, op->address, op->seed);
	put_raw(op->address, bytes, op->size);
}

static inline void predict_map(struct op *op)
{
	struct page *p = page_of(op->address);
	size_t i;

	drop_breakpoints(op->address, op->size);
	for (i = 0; i < op->size / PAGE; i++, p++) {
		p->kind = op->kind;
		p->prot = op->flags;
		p->file_page = op->file_page + i;
		page_reset(p);
	}
}

static inline void predict_protect(struct op *op)
{
	struct page *p = page_of(op->address);
	size_t i;

	op->possible = all_mapped(op->address, op->size, false);
	for (i = 0; op->possible && i < op->size / PAGE; i++)
		p[i].prot = op->flags;
}

static inline void predict_advise(struct op *op)
{
	struct page *p = page_of(op->address);
	size_t i;

	op->possible = all_mapped(op->address, op->size, false);
	for (i = 0; op->possible && i < op->size / PAGE; i++)
		page_reset(&p[i]);
}

/* The program's bytes arrive; nothing is broken in any more, here or there. */
static inline void predict_move(struct op *op)
{
	struct page *from = page_of(op->address), *to = page_of(op->to);
	size_t i;

	op->possible = all_mapped(op->address, op->size, false);
	if (!op->possible)
		return;
	for (i = 0; i < op->size / PAGE; i++, from++, to++) {
		to->kind = from->kind;
		to->prot = from->prot;
		to->file_page = from->file_page;
		to->bytes = from->bytes;
		if (is_private(from)) {
			to->bytes = model.own[to - model.pages];
			program_view(page_address(from - model.pages),
				     to->bytes, PAGE);
		}
		if (!op->flags)
			from->kind = GAP;
	}
	drop_breakpoints(op->to, op->size);
	drop_breakpoints(op->address, op->size);
	for (i = 0, from = page_of(op->address); i < op->size / PAGE; i++)
		page_reset(&from[i]);
}

/* The bytes that the actor owns, as a child must have them. */
static inline uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes,
				  size_t size)
{
	unsigned long word;
	size_t i;

	for (i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		hash = (hash ^ word) * 0x100000001b3ULL;
	}
	return hash;
}

/* What a child is to look at: runs of stripes. */
struct look {
	uint64_t address;
	uint64_t size;
};

#define MOST_LOOKS	(NR_PAGES * STRIPES / 2)

/* The stripes of an actor that the program can read. */
static inline unsigned int find_looks(const struct op *op, struct look *looks)
{
	unsigned int nr = 0;
	size_t i, s;

	for (i = 0; i < NR_PAGES; i++) {
		const struct page *p = &model.pages[i];

		if (is_cold(i) || !is_present(p) || !(p->prot & PROT_READ))
			continue;
		for (s = 0; s < STRIPES; s++) {
			uint64_t at = page_address(i) + s * STRIPE;

			if (!owns(op->actor, at))
				continue;
			if (nr && looks[nr - 1].address + looks[nr - 1].size == at)
				looks[nr - 1].size += STRIPE;
			else
				looks[nr++] = (struct look){ at, STRIPE };
		}
	}
	return nr;
}

static inline void predict_fork(struct op *op)
{
	struct look *looks = scratch_get(MOST_LOOKS * sizeof(*looks));
	unsigned int nr = find_looks(op, looks), i;
	size_t used = scratch_used;
	uint8_t *bytes;

	op->hash = 0;
	op->size = nr;
	op->bytes = (uint8_t *)looks;
	for (i = 0; i < nr; i++) {
		bytes = scratch_get(looks[i].size);
		program_view(looks[i].address, bytes, looks[i].size);
		op->hash = hash_bytes(op->hash, bytes, looks[i].size);
		scratch_used = used;
	}
}

static inline void predict_target(struct op *op)
{
	if (op->type == STORE)
		predict_store(op);
	else if (op->type == MAP || op->type == UNMAP)
		predict_map(op);
	else if (op->type == PROTECT)
		predict_protect(op);
	else if (op->type == ADVISE)
		predict_advise(op);
	else if (op->type == MOVE)
		predict_move(op);
	else
		predict_fork(op);
}

#endif /* MODEL_INSIDE_H */
