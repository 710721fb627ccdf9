/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the memory of the model's target must be: its mappings, every byte as it is
 * in memory, and the breakpoints with the program's bytes under them.
 *
 * A breakpoint counts while its opcode stands in memory, whoever put it there.
 * The program's view is memory with the originals of those breakpoints.
 */
#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include "cordbg_process.h"
#include "kselftest.h"

#define PAGE		4096UL
#define STRIPE		256UL			/* what one actor owns */
#define STRIPES		(PAGE / STRIPE)
/* Addresses that are free in 32-bit and 64-bit programs. */
#define ARENA		0x60000000UL
#define ARENA_PAGES	96UL
#define HUGE		(2UL << 20)
#define HUGE_PAGES	(HUGE / PAGE)
#define THP		(ARENA + HUGE)
#define HUGETLB		(ARENA + 2 * HUGE)
#define NR_PAGES	(ARENA_PAGES + 2 * HUGE_PAGES)
#define FILE_PAGES	8UL			/* of either file */
/* Pages of huge memory, at either end, where things happen. */
#define HOT_PAGES	24UL
#define ACTORS		3
#define SLOTS		4			/* sessions */
#define MOST_BREAKPOINTS 512
#define NOBODY		0xff

enum kind { GAP, ANON, PRIVATE_FILE, SHARED_FILE, HUGE_PRIVATE, HUGE_SHARED };

/**
 * struct page - one page of the target's address space
 * @kind: What is mapped there.
 * @prot: Its protection.
 * @file_page: Which page of the file.
 * @bytes: Memory as it is.
 */
struct page {
	uint8_t kind;
	uint8_t prot;
	uint16_t file_page;
	uint8_t *bytes;
};

/**
 * struct ownership - who acts on what in one epoch
 * @stripes: Actors of each page's stripes.
 * @shared: Actors of the shared file's pages, wherever they are mapped.
 * @slots: Actors that open, use and close sessions alone, or NOBODY.
 */
struct ownership {
	uint8_t stripes[NR_PAGES][STRIPES];
	uint8_t shared[FILE_PAGES];
	uint8_t slots[SLOTS];
};

/**
 * struct breakpoint - one breakpoint of the target
 * @address: Where.
 * @slots: The sessions that have it, a bit each.
 * @original: The program's bytes, while the opcode stands.
 */
struct breakpoint {
	uint64_t address;
	unsigned int slots;
	uint8_t original[OPCODE_LEN];
};

/**
 * struct model - what the target must be
 * @pages: Its mappings.
 * @own: Bytes of private pages.
 * @shared: Bytes of the shared file.
 * @breakpoints: In no order.
 * @nr_breakpoints: How many.
 * @open: Sessions that are open, a bit each.
 * @ownership: Of this epoch; NULL if one actor has everything.
 */
static struct model {
	struct page pages[NR_PAGES];
	uint8_t own[NR_PAGES][PAGE];
	uint8_t shared[FILE_PAGES][PAGE];
	struct breakpoint breakpoints[MOST_BREAKPOINTS];
	unsigned int nr_breakpoints;
	unsigned int open;
	const struct ownership *ownership;
} model;

/* Random numbers below @n. */
static inline unsigned int pick(uint64_t *random, unsigned int n)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (*random >> 16) % n;
}

static inline uint64_t random_from(uint64_t seed)
{
	uint64_t random = (seed + 1) * 0x9e3779b97f4a7c15ULL;

	random ^= random >> 29;
	return random ? random : 1;
}

/*
 * Bytes that follow from a seed: all values, and here and there an opcode, or
 * nothing else.
 */
static inline void seeded_bytes(uint8_t *p, size_t size, uint64_t address,
				uint64_t seed)
{
	uint64_t random = random_from(seed);
	size_t i;

	for (i = 0; i < size; i++)
		p[i] = pick(&random, 256);
	for (i = -address % OPCODE_LEN; i + OPCODE_LEN <= size; i += OPCODE_LEN)
		if (!(seed % 8) || !pick(&random, 12))
			memcpy(p + i, opcode, OPCODE_LEN);
}

/* The files as they are at first; the private one stays so. */
static inline void file_bytes(uint8_t *p, unsigned int page, bool shared)
{
	seeded_bytes(p, PAGE, 0, 1001 + 2 * page + shared);
}

/* The page of an address, NULL if that is outside of what the model knows. */
static inline struct page *page_of(uint64_t address)
{
	if (address >= ARENA && address < ARENA + ARENA_PAGES * PAGE)
		return &model.pages[(address - ARENA) / PAGE];
	if (address >= THP && address < THP + 2 * HUGE)
		return &model.pages[ARENA_PAGES + (address - THP) / PAGE];
	return NULL;
}

static inline size_t page_index(uint64_t address)
{
	return page_of(address) - model.pages;
}

/* The address of page number @i. */
static inline uint64_t page_address(size_t i)
{
	return i < ARENA_PAGES ? ARENA + i * PAGE :
				 THP + (i - ARENA_PAGES) * PAGE;
}

static inline bool is_private(const struct page *p)
{
	return p->kind == ANON || p->kind == PRIVATE_FILE ||
	       p->kind == HUGE_PRIVATE;
}

static inline bool is_hugetlb(const struct page *p)
{
	return p->kind == HUGE_PRIVATE || p->kind == HUGE_SHARED;
}

/* Whether a page is in the middle of huge memory, which is looked at less often. */
static inline bool is_cold(size_t i)
{
	return i >= ARENA_PAGES &&
	       (i - ARENA_PAGES + HOT_PAGES) % HUGE_PAGES >= 2 * HOT_PAGES;
}

/* Whether there is a page, and not only a mapping. */
static inline bool is_present(const struct page *p)
{
	if (p->kind == PRIVATE_FILE || p->kind == SHARED_FILE)
		return p->file_page < FILE_PAGES;
	return p->kind != GAP;
}

static inline bool is_mapped(uint64_t address)
{
	const struct page *p = page_of(address);

	return p && p->kind != GAP;
}

/* Whether an actor has a byte; one that no page of the model has is everybody's. */
static inline bool owns(unsigned int actor, uint64_t address)
{
	const struct page *p = page_of(address);
	const struct ownership *o = model.ownership;

	if (!o || !p)
		return true;
	if (p->kind == SHARED_FILE && is_present(p) &&
	    o->shared[p->file_page] != actor)
		return false;
	return o->stripes[p - model.pages][address % PAGE / STRIPE] == actor;
}

static inline bool owns_all(unsigned int actor, uint64_t address, uint64_t size)
{
	uint64_t at;

	for (at = address; at - address < size; at = (at / STRIPE + 1) * STRIPE)
		if (!owns(actor, at))
			return false;
	return true;
}

static inline uint8_t *byte_at(uint64_t address)
{
	return page_of(address)->bytes + address % PAGE;
}

static inline bool has_opcode(uint64_t address)
{
	return !memcmp(byte_at(address), opcode, OPCODE_LEN);
}

/* Where the kernel would not plant: any opcode that stops the program. */
static inline bool has_any_opcode(uint64_t address)
{
#ifdef __aarch64__
	uint32_t insn;

	memcpy(&insn, byte_at(address), sizeof(insn));
	return (insn & 0xffe0001f) == 0xd4200000;
#else
	return has_opcode(address);
#endif
}

static inline struct breakpoint *breakpoint_at(uint64_t address)
{
	unsigned int i;

	for (i = 0; i < model.nr_breakpoints; i++)
		if (model.breakpoints[i].address == address)
			return &model.breakpoints[i];
	return NULL;
}

static inline void breakpoint_forget(struct breakpoint *b)
{
	*b = model.breakpoints[--model.nr_breakpoints];
}

/* Whether a breakpoint has a byte in a range. */
static inline bool touches(const struct breakpoint *b, uint64_t address,
			   uint64_t size)
{
	return b->address < address + size &&
	       b->address + OPCODE_LEN > address;
}

/* Whether the opcode of a breakpoint stands in memory. */
static inline bool is_planted(const struct breakpoint *b)
{
	return is_present(page_of(b->address)) && has_opcode(b->address);
}

/* Copy memory as it is, all of it present. */
static inline void raw_view(uint64_t address, uint8_t *to, size_t size)
{
	size_t done, n;

	for (done = 0; done < size; done += n) {
		n = PAGE - (address + done) % PAGE;
		if (n > size - done)
			n = size - done;
		memcpy(to + done, byte_at(address + done), n);
	}
}

/* Store bytes in memory as it is. */
static inline void put_raw(uint64_t address, const uint8_t *bytes, size_t size)
{
	size_t done, n;

	for (done = 0; done < size; done += n) {
		n = PAGE - (address + done) % PAGE;
		if (n > size - done)
			n = size - done;
		memcpy(byte_at(address + done), bytes + done, n);
	}
}

/* Copy the bytes that a range and a breakpoint share, one way or the other. */
static inline void overlay(struct breakpoint *b, uint64_t address,
			   uint8_t *bytes, size_t size, bool into_breakpoint)
{
	size_t i;

	for (i = 0; i < OPCODE_LEN; i++) {
		uint64_t at = b->address + i - address;

		if (at >= size)
			continue;
		if (into_breakpoint)
			b->original[i] = bytes[at];
		else
			bytes[at] = b->original[i];
	}
}

/* Copy the program's bytes, all of them present. */
static inline void program_view(uint64_t address, uint8_t *to, size_t size)
{
	unsigned int i;

	raw_view(address, to, size);
	for (i = 0; i < model.nr_breakpoints; i++) {
		struct breakpoint *b = &model.breakpoints[i];

		if (touches(b, address, size) && is_planted(b))
			overlay(b, address, to, size, false);
	}
}

/* What a page holds before anybody has written to it. */
static inline void page_reset(struct page *p)
{
	p->bytes = model.own[p - model.pages];
	if (p->kind == SHARED_FILE && is_present(p))
		p->bytes = model.shared[p->file_page];
	else if (p->kind == PRIVATE_FILE && is_present(p))
		file_bytes(p->bytes, p->file_page, false);
	else
		memset(p->bytes, 0, PAGE);
}

/* Memory is unmapped: its breakpoints are dropped. */
static inline void drop_breakpoints(uint64_t address, uint64_t size)
{
	unsigned int i = 0;

	while (i < model.nr_breakpoints) {
		if (touches(&model.breakpoints[i], address, size))
			breakpoint_forget(&model.breakpoints[i]);
		else
			i++;
	}
}

static inline void model_reset(void)
{
	size_t i;

	memset(&model.pages, 0, sizeof(model.pages));
	for (i = 0; i < NR_PAGES; i++)
		page_reset(&model.pages[i]);
	for (i = 0; i < FILE_PAGES; i++)
		file_bytes(model.shared[i], i, true);
	model.nr_breakpoints = 0;
	model.open = 0;
	model.ownership = NULL;
}

#endif /* MODEL_STATE_H */
