/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What must come of an operation, and what it does to the model.
 */
#ifndef MODEL_PREDICT_H
#define MODEL_PREDICT_H

#include "model_inside.h"

/* Why a page cannot be accessed, or 0. */
static inline int page_refuses(const struct page *p, bool write, bool force)
{
	if (!p || p->kind == GAP)
		return -ENXIO;
	if (write && !(p->prot & PROT_WRITE) &&
	    !(force && is_private(p) && !is_hugetlb(p)))
		return -EACCES;
	/* There is no copy to make for a read: any mapping will do. */
	if (!write && !(p->prot & PROT_READ) && !force)
		return -EACCES;
	return is_present(p) ? 0 : -ENXIO;
}

/* Verify a range: 0, or the errno with the first address that fails. */
static inline int range_refuses(const struct op *op, uint64_t *failed)
{
	uint64_t at = op->address;
	int err;

	for (; at - op->address < op->size; at = (at / PAGE + 1) * PAGE) {
		err = page_refuses(page_of(at), op->type == WRITE,
				   op->flags & CORDBG_FORCE);
		if (err) {
			*failed = at;
			return err;
		}
	}
	return 0;
}

static inline int transfer_refuses(const struct op *op, uint64_t *failed)
{
	uint32_t known = CORDBG_FORCE | CORDBG_PROBE |
			 (op->type == READ ? CORDBG_RAW : 0);

	*failed = POISON64;
	if (op->flags & ~known)
		return -EINVAL;
	if (op->address + op->size < op->address)
		return -EOVERFLOW;
	return range_refuses(op, failed);
}

static inline int set_refuses(const struct op *op)
{
	const struct page *p = page_of(op->address);
	const struct breakpoint *b;

	if (op->address % OPCODE_LEN)
		return -EINVAL;
	if (!p || p->kind == GAP)
		return -ENXIO;
	if (!is_private(p) || is_hugetlb(p))
		return -EACCES;
	if (!is_present(p))
		return -ENXIO;
	b = breakpoint_at(op->address);
	if (b && b->slots & 1U << op->slot)
		return -EEXIST;
	if (b && has_opcode(op->address))
		return 0;
	return has_any_opcode(op->address) ? -EBUSY : 0;
}

static inline int clear_refuses(const struct op *op)
{
	const struct breakpoint *b = breakpoint_at(op->address);

	return b && b->slots & 1U << op->slot ? 0 : -ENOENT;
}

/* Why an operation that a batch can have would be refused now, or 0. */
static inline int op_refuses(const struct op *op, uint64_t *failed)
{
	*failed = POISON64;
	if (is_transfer(op))
		return transfer_refuses(op, failed);
	return op->type == SET ? set_refuses(op) : clear_refuses(op);
}

/*
 * Write behind breakpoints. Where no opcode stands, memory is written; if it is
 * one now, that is what the program has there.
 */
static inline void apply_write(const struct op *op)
{
	bool hidden[MOST_BREAKPOINTS] = { false };
	uint8_t *bytes = scratch_get(op->size);
	struct breakpoint *b;
	unsigned int i;

	seeded_bytes(bytes, op->size, op->address, op->seed);
	for (i = 0; i < model.nr_breakpoints; i++) {
		b = &model.breakpoints[i];
		hidden[i] = touches(b, op->address, op->size) && is_planted(b);
		if (hidden[i])
			overlay(b, op->address, bytes, op->size, true);
	}
	put_raw(op->address, bytes, op->size);
	for (i = 0; i < model.nr_breakpoints; i++) {
		b = &model.breakpoints[i];
		if (hidden[i])
			put_raw(b->address, opcode, OPCODE_LEN);
		else if (touches(b, op->address, op->size) && is_planted(b))
			memcpy(b->original, opcode, OPCODE_LEN);
	}
}

static inline void apply_transfer(struct op *op)
{
	op->done = op->flags & CORDBG_PROBE ? 0 : op->size;
	if (!op->done)
		return;
	if (op->type == WRITE) {
		apply_write(op);
		return;
	}
	op->bytes = scratch_get(op->size);
	if (op->flags & CORDBG_RAW)
		raw_view(op->address, op->bytes, op->size);
	else
		program_view(op->address, op->bytes, op->size);
}

static inline void apply_set(struct op *op)
{
	struct breakpoint *b = breakpoint_at(op->address);

	if (!b) {
		b = &model.breakpoints[model.nr_breakpoints++];
		b->address = op->address;
		b->slots = 0;
		memcpy(b->original, byte_at(op->address), OPCODE_LEN);
	} else if (!is_planted(b)) {
		memcpy(b->original, byte_at(op->address), OPCODE_LEN);
	}
	put_raw(op->address, opcode, OPCODE_LEN);
	b->slots |= 1U << op->slot;
	op->bytes = scratch_get(OPCODE_LEN);
	memcpy(op->bytes, b->original, OPCODE_LEN);
	op->done = OPCODE_LEN;
}

static inline void release_breakpoint(struct breakpoint *b, unsigned int slot)
{
	b->slots &= ~(1U << slot);
	if (b->slots)
		return;
	if (is_planted(b))
		put_raw(b->address, b->original, OPCODE_LEN);
	breakpoint_forget(b);
}

static inline void apply_op(struct op *op)
{
	op->err = op_refuses(op, &op->failed);
	op->done = 0;
	if (op->err)
		return;
	if (is_transfer(op))
		apply_transfer(op);
	else if (op->type == SET)
		apply_set(op);
	else
		release_breakpoint(breakpoint_at(op->address), op->slot);
}

static inline void apply_close(struct op *op)
{
	unsigned int i = 0;

	while (i < model.nr_breakpoints) {
		struct breakpoint *b = &model.breakpoints[i];
		unsigned int before = model.nr_breakpoints;

		if (b->slots & 1U << op->slot)
			release_breakpoint(b, op->slot);
		if (model.nr_breakpoints == before)
			i++;
	}
	model.open &= ~(1U << op->slot);
}

/* The errno with which an atomic batch refuses an operation, whatever is first. */
static inline int atomic_refuses(struct op *ops, size_t i)
{
	size_t j;

	ops[i].failed = POISON64;
	for (j = 0; j < i && !is_transfer(&ops[i]); j++)
		if (!is_transfer(&ops[j]) && ops[j].address == ops[i].address)
			return -EINVAL;
	return op_refuses(&ops[i], &ops[i].failed);
}

/* Of those that are refused one has its error, and all others ECANCELED. */
static inline void predict_atomic(struct op *ops, size_t nr)
{
	static const uint8_t order[] = { SET, WRITE, CLEAR };
	bool refused = false;
	size_t i, pass;

	for (i = 0; i < nr; i++) {
		ops[i].refused = atomic_refuses(ops, i);
		ops[i].err = -ECANCELED;
		ops[i].done = 0;
		refused |= ops[i].refused;
	}
	for (pass = 0; pass < 3 && !refused; pass++)
		for (i = 0; i < nr; i++)
			if (ops[i].type == order[pass] ||
			    (is_transfer(&ops[i]) && order[pass] == WRITE))
				apply_op(&ops[i]);
}

static inline int compare_breakpoints(const void *left, const void *right)
{
	const struct cordbg_breakpoint *l = left, *r = right;

	return l->address < r->address ? -1 : l->address > r->address;
}

/* The list as a session must get it, of the stripes of an actor or, -1, of all. */
static inline unsigned int expect_list(int slot, int actor,
				       struct cordbg_breakpoint *list)
{
	unsigned int i, nr = 0;

	for (i = 0; i < model.nr_breakpoints; i++) {
		struct breakpoint *b = &model.breakpoints[i];
		struct cordbg_breakpoint *e = &list[nr];

		if (actor >= 0 && !owns(actor, b->address))
			continue;
		memset(e, 0, sizeof(*e));
		e->address = b->address;
		e->length = OPCODE_LEN;
		if (slot >= 0 && b->slots & 1U << slot)
			e->flags |= CORDBG_BREAKPOINT_MINE;
		if (is_planted(b))
			e->flags |= CORDBG_BREAKPOINT_PLANTED;
		memcpy(e->original, b->original, OPCODE_LEN);
		nr++;
	}
	qsort(list, nr, sizeof(*list), compare_breakpoints);
	return nr;
}

static inline void predict_list(struct op *op)
{
	op->list = scratch_get(MOST_BREAKPOINTS * sizeof(*op->list));
	op->nr_list = expect_list(op->slot, op->actor, op->list);
}

/* Whether an operation's session is as it needs it, and the actor may use it. */
static inline bool session_fits(const struct op *op)
{
	bool is_open = model.open & 1U << op->slot;
	unsigned int owner = model.ownership ?
			     model.ownership->slots[op->slot] : op->actor;

	if (owner != op->actor &&
	    (owner != NOBODY || op->type == OPEN || op->type == CLOSE))
		return false;
	return op->type == OPEN ? !is_open : is_open;
}

/* Whether no other actor has to do with what an operation is about. */
static inline bool is_alone(const struct op *op)
{
	unsigned int i;

	if (uses_session(op) && !session_fits(op))
		return false;
	if (op->type == LIST || op->type == OPEN || op->type == CLOSE ||
	    op->type == FORK || op->address + op->size < op->address)
		return true;
	for (i = 0; op->type == MAP && op->kind == SHARED_FILE &&
	     i < op->size / PAGE && model.ownership; i++)
		if (op->file_page + i < FILE_PAGES &&
		    model.ownership->shared[op->file_page + i] != op->actor)
			return false;
	if (op->type == MOVE && !owns_all(op->actor, op->to, op->size))
		return false;
	return owns_all(op->actor, op->address, op->size ? op->size : 1);
}

static inline void predict_one(struct op *op)
{
	op->err = 0;
	op->failed = POISON64;
	op->possible = is_alone(op);
	if (!op->possible)
		return;
	if (is_batchable(op))
		apply_op(op);
	else if (op->type == LIST)
		predict_list(op);
	else if (op->type == OPEN)
		model.open |= 1U << op->slot;
	else if (op->type == CLOSE)
		apply_close(op);
	else
		predict_target(op);
}

/* Predict a batch, or one operation: how many they are. */
static inline size_t predict(struct op *ops, size_t nr)
{
	size_t i, n = 1;
	bool alone;

	while (n < nr && same_batch(ops, &ops[n]))
		n++;
	for (i = 0; i < n && !ops->atomic; i++)
		predict_one(&ops[i]);
	if (!ops->atomic)
		return n;
	for (i = 0, alone = true; i < n; i++)
		alone &= is_alone(&ops[i]);
	for (i = 0; i < n; i++)
		ops[i].possible = alone;
	if (alone)
		predict_atomic(ops, n);
	return n;
}

#endif /* MODEL_PREDICT_H */
