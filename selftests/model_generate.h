/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Make up operations. Within an epoch each stripe of memory has one actor, so that
 * what comes of it does not depend on who is first.
 */
#ifndef MODEL_GENERATE_H
#define MODEL_GENERATE_H

#include "model_quiet.h"

static uint64_t dice;

static unsigned int chance(unsigned int n)
{
	return pick(&dice, n);
}

static const uint8_t protections[] = {
	PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE | PROT_EXEC,
	PROT_READ | PROT_EXEC, PROT_READ, PROT_NONE,
};

static uint8_t random_prot(void)
{
	return protections[chance(sizeof(protections))];
}

/* Give runs of pages to actors, and now and then each stripe to another. */
static void own_pages(struct ownership *o, unsigned int actors)
{
	unsigned int owner = 0, left = 0, s;
	bool mixed = false;
	size_t i;

	for (i = 0; i < NR_PAGES; i++) {
		if (!left--) {
			owner = chance(actors);
			mixed = !chance(4);
			left = chance(i < ARENA_PAGES ? 10 : 24);
		}
		for (s = 0; s < STRIPES; s++)
			o->stripes[i][s] = mixed ? chance(actors) : owner;
	}
	for (i = 0; i < FILE_PAGES; i++)
		o->shared[i] = chance(actors);
}

/* Pages of the shared file are their actor's wherever they are mapped. */
static void own_shared(struct ownership *o)
{
	size_t i;

	for (i = 0; i < NR_PAGES; i++)
		if (model.pages[i].kind == SHARED_FILE &&
		    is_present(&model.pages[i]))
			memset(o->stripes[i],
			       o->shared[model.pages[i].file_page], STRIPES);
}

/* A session whose breakpoints are all an actor's can be that actor's. */
static void own_slots(struct ownership *o, unsigned int actors)
{
	unsigned int slot, i;

	for (slot = 0; slot < SLOTS; slot++) {
		o->slots[slot] = chance(3) && actors > 1 ? NOBODY :
				 chance(actors);
		for (i = 0; i < model.nr_breakpoints; i++)
			if (model.breakpoints[i].slots & 1U << slot &&
			    !owns(o->slots[slot], model.breakpoints[i].address))
				o->slots[slot] = NOBODY;
	}
}

static void make_ownership(struct ownership *o)
{
	unsigned int actors = chance(4) ? ACTORS : 1;

	own_pages(o, actors);
	own_shared(o);
	model.ownership = o;
	own_slots(o, actors);
}

/* An address of an actor's, near something that is worth it. */
static uint64_t random_place(unsigned int actor)
{
	uint64_t at = 0;
	unsigned int i, n;

	for (i = 0; i < 60; i++) {
		n = chance(20);
		if (n < 7 && model.nr_breakpoints) {
			at = model.breakpoints[chance(model.nr_breakpoints)]
				     .address - chance(6);
		} else {
			n = n < 16 ? chance(ARENA_PAGES) :
				     ARENA_PAGES + n % 2 * HUGE_PAGES +
				     (HUGE_PAGES - HOT_PAGES / 2 +
				      chance(HOT_PAGES)) % HUGE_PAGES;
			at = page_address(n) + (chance(4) ? chance(PAGE) :
						PAGE - 1 - chance(8));
		}
		if (owns(actor, at))
			return at;
	}
	return at;
}

/* As many bytes from an address on as are wanted and the actor's. */
static uint32_t clip_size(unsigned int actor, uint64_t address, uint64_t size)
{
	while (size && !owns_all(actor, address, size))
		size /= 2;
	return size;
}

static uint32_t random_size(void)
{
	static const unsigned int most[] = {
		8, 8, 8, 256, 256, 256, 3 * PAGE, 3 * PAGE, 14 * PAGE, 1,
	};

	return 1 + chance(most[chance(10)]);
}

static void random_transfer(struct op *op)
{
	bool write = op->type == WRITE;

	op->address = random_place(op->actor);
	op->size = clip_size(op->actor, op->address, random_size());
	op->seed = chance(1U << 31);
	if (chance(20) < 9)
		op->flags |= CORDBG_FORCE;
	if (!chance(12))
		op->flags |= CORDBG_PROBE;
	if (!chance(write ? 200 : 3))
		op->flags |= CORDBG_RAW;
	if (!chance(200))
		op->flags |= 1U << 9;
	if (!chance(200))
		op->address = ~(uint64_t)chance(16);
	if (!chance(100))
		op->size = 0;
}

/* Some breakpoint of the actor's, NULL if none was found. */
static struct breakpoint *random_breakpoint(unsigned int actor)
{
	struct breakpoint *b;
	unsigned int i;

	for (i = 0; model.nr_breakpoints && i < 20; i++) {
		b = &model.breakpoints[chance(model.nr_breakpoints)];
		if (owns(actor, b->address))
			return b;
	}
	return NULL;
}

/* A session that an actor can use; it may be closed. */
static unsigned int random_slot(unsigned int actor)
{
	unsigned int i, slot = 0, owner;

	for (i = 0; i < 20; i++) {
		slot = chance(SLOTS);
		owner = model.ownership ? model.ownership->slots[slot] : actor;
		if ((owner == NOBODY || owner == actor) &&
		    (model.open & 1U << slot || !chance(8)))
			break;
	}
	return slot;
}

static void random_break(struct op *op)
{
	struct breakpoint *b = random_breakpoint(op->actor);

	op->address = random_place(op->actor) / OPCODE_LEN * OPCODE_LEN;
	if (!chance(50))
		op->address += OPCODE_LEN / 2;
	if (b && !chance(op->type == SET ? 5 : 1))
		op->address = b->address;
	while (op->type == CLEAR && op->address == (b ? b->address : 0) &&
	       !(b->slots & 1U << op->slot) && chance(8))
		op->slot = random_slot(op->actor);
}

/* Whole pages that are an actor's, and mapped; none if that is bad luck. */
static uint64_t random_pages(struct op *op, bool mapped)
{
	uint64_t size = (1 + chance(6)) * PAGE;
	size_t i, first = chance(8) ? chance(ARENA_PAGES - 6) :
			  ARENA_PAGES + chance(HOT_PAGES);

	for (i = 0; i < size / PAGE; i++)
		if ((mapped && model.pages[first + i].kind == GAP) ||
		    !owns_all(op->actor, page_address(first + i), PAGE))
			break;
	op->size = i * PAGE;
	return page_address(first);
}

static void random_map(struct op *op)
{
	op->kind = op->type == MAP ? ANON + chance(3) : GAP;
	op->address = random_pages(op, false);
	op->flags = op->type == MAP ? random_prot() : 0;
	op->file_page = chance(FILE_PAGES + 1);
}

static void random_move(struct op *op)
{
	struct op to = *op;

	op->address = random_pages(op, true);
	to.address = random_pages(&to, false);
	op->to = to.address;
	if (to.size < op->size)
		op->size = to.size;
	if (op->to < op->address + op->size && op->address < op->to + op->size)
		op->size = 0;
	if (op->address >= THP || op->to >= THP)
		op->size = 0;
	op->flags = chance(3) ? 0 : MREMAP_DONTUNMAP;
}

static void random_store(struct op *op)
{
	op->address = random_place(op->actor);
	op->size = random_size();
	while (op->size && (op->size > STORE_MOST ||
			    !owns_all(op->actor, op->address, op->size) ||
			    !all_mapped(op->address, op->size, true) ||
			    !all_have(op->address, op->size, PROT_WRITE)))
		op->size /= 2;
	op->seed = chance(1U << 31);
}

static enum op_type random_type(void)
{
	static const uint8_t weights[NR_TYPES] = {
		[WRITE] = 28, [READ] = 12, [SET] = 22, [CLEAR] = 9, [LIST] = 2,
		[OPEN] = 6, [CLOSE] = 3, [STORE] = 12, [MAP] = 5, [UNMAP] = 2,
		[PROTECT] = 6, [ADVISE] = 3, [MOVE] = 8, [FORK] = 1,
	};
	unsigned int n = chance(119), i = 0;

	while (n >= weights[i])
		n -= weights[i++];
	return i;
}

/* Make up the rest of an operation: whether it came to something. */
static bool random_rest(struct op *op)
{
	if (is_transfer(op))
		random_transfer(op);
	else if (op->type == SET || op->type == CLEAR)
		random_break(op);
	else if (op->type == STORE)
		random_store(op);
	else if (op->type == MAP || op->type == UNMAP)
		random_map(op);
	else if (op->type == MOVE)
		random_move(op);
	else if (op->type == PROTECT || op->type == ADVISE)
		op->address = random_pages(op, true);
	if (op->type == PROTECT)
		op->flags = random_prot();
	if (op->type == SET && model.nr_breakpoints > MOST_BREAKPOINTS - 32)
		return false;
	return uses_session(op) || op->type == FORK || op->size;
}

/* Make up a batch, or one operation: how many there are. */
static size_t random_ops(struct op *ops, uint32_t epoch, uint32_t group)
{
	unsigned int actor = chance(ACTORS), n = 1, i, nr = 0;
	unsigned int slot = random_slot(actor);
	bool batch = !chance(12), atomic = batch && chance(2);

	if (batch)
		n = 2 + chance(MOST_BATCH - 2);
	for (i = 0; i < n; i++) {
		struct op *op = &ops[nr];

		memset(op, 0, sizeof(*op));
		op->type = batch ? (enum op_type)chance(CLEAR + 1) :
				   random_type();
		op->actor = actor;
		op->slot = slot;
		op->epoch = epoch;
		op->group = batch ? group : 0;
		op->atomic = atomic;
		if (!random_rest(op))
			continue;
		if (batch)
			op->slot = slot;
		nr += is_alone(op);
	}
	return nr;
}

/* The layout that a target begins with: operations, too. */
static size_t random_layout(struct op *ops)
{
	static const uint8_t huge_kinds[] = { HUGE_PRIVATE, HUGE_SHARED };
	size_t nr = 0, i;

	for (i = 0; i < ARENA_PAGES; nr++) {
		unsigned int n = 1 + chance(6);

		if (n > ARENA_PAGES - i)
			n = ARENA_PAGES - i;
		ops[nr] = (struct op) {
			.type = MAP, .address = page_address(i),
			.size = n * PAGE, .flags = random_prot(),
			.kind = ANON + chance(3), .file_page = chance(9),
		};
		if (!chance(8)) {
			ops[nr].type = UNMAP;
			ops[nr].kind = GAP;
		}
		i += n;
	}
	ops[nr++] = (struct op) {
		.type = MAP, .address = THP, .size = HUGE, .kind = ANON,
		.flags = PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	ops[nr++] = (struct op) {
		.type = MAP, .address = HUGETLB, .size = HUGE,
		.kind = huge_kinds[chance(2)],
		.flags = chance(4) ? PROT_READ | PROT_WRITE : random_prot(),
	};
	return nr;
}

#endif /* MODEL_GENERATE_H */
