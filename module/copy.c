// SPDX-License-Identifier: GPL-2.0
/*
 * Copy behind breakpoints.
 *
 * Bytes are copied in runs between the opcodes, never over them, so that an
 * opcode stands in memory at every instant and a store of the program in the
 * same page is not undone. Bytes under an opcode come from and go to its shadow.
 */

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "transfer.h"

/* Copy between the caller's bytes for @address and @kernel: bytes copied. */
static __always_inline size_t copy_caller(const struct transfer *t,
					  unsigned long address, void *kernel,
					  size_t n)
{
	void *bounce;

	if (likely(!t->bounce))
		return cordbg_copy_nofault(t, t->buffer + (address - t->address),
				    kernel, n);
	bounce = t->bounce + (address - t->chunk);
	memcpy(t->write ? kernel : bounce, t->write ? bounce : kernel, n);
	return n;
}

/* Copy within one page by access_process_vm(): bytes copied. */
static size_t copy_indirect(const struct transfer *t, unsigned long address,
			    size_t n)
{
	unsigned int flags = (t->write ? FOLL_WRITE : 0) |
			     (t->view->force ? FOLL_FORCE : 0);

	return cordbg_mm_access(t->view->mm, t->view->task, address,
				t->bounce + (address - t->chunk), n, flags) ?
		0 : n;
}

/*
 * How many of @n bytes, the first in @page, lie in one piece of kernel memory:
 * the pages of a large folio do.
 */
static size_t contiguous(const struct transfer *t, unsigned long address,
			 struct page *page, size_t n)
{
	size_t whole = PAGE_SIZE - offset_in_page(address);
	unsigned long pfn = page_to_pfn(page);

	while (!IS_ENABLED(CONFIG_HIGHMEM) && whole < n) {
		page = cordbg_window_page(t->view, address + whole);
		if (!page || page_to_pfn(page) != ++pfn)
			break;
		whole += PAGE_SIZE;
	}
	return min(n, whole);
}

/**
 * struct piece - a part of a window that lies in one piece of kernel memory
 * @address: Address of its first page.
 * @end: The address after its last byte.
 * @kaddr: Its first page, or NULL if access_process_vm() is the way to it.
 */
struct piece {
	unsigned long address;
	unsigned long end;
	void *kaddr;
};

/* The piece that begins at @address and ends no later than at @end. */
static struct piece piece_map(const struct transfer *t, unsigned long address,
			      unsigned long end)
{
	struct page *page = cordbg_window_page(t->view, address);
	struct piece piece = { .address = address & PAGE_MASK };

	if (!page || (t->write && t->view->indirect)) {
		piece.end = min(end, piece.address + PAGE_SIZE);
	} else {
		piece.end = address + contiguous(t, address, page,
						 end - address);
		piece.kaddr = kmap_local_page(page);
	}
	return piece;
}

static void piece_unmap(const struct piece *piece)
{
	if (piece->kaddr)
		kunmap_local(piece->kaddr);
}

/*
 * Copy the bytes of a piece in [address, end), in which no opcode stands: where
 * it came to.
 */
static __always_inline unsigned long copy_run(const struct transfer *t,
					      const struct piece *piece,
					      unsigned long address,
					      unsigned long end)
{
	void *kaddr = piece->kaddr + (address - piece->address);

	if (address >= end)
		return address;
	if (!piece->kaddr)
		return address + copy_indirect(t, address, end - address);
	return address + copy_caller(t, address, kaddr, end - address);
}

/**
 * cordbg_copy_first_since() - cordbg_copy_first() after something was dropped
 * @t: The transfer; its process is locked.
 * @address: First address of the range.
 * @size: Its size.
 *
 * Return: the shadow, or NULL.
 */
struct cordbg_shadow *cordbg_copy_first_since(const struct transfer *t,
					      unsigned long address,
					      unsigned long size)
{
	struct cordbg_shadow *shadow =
		cordbg_shadow_since(t->session->process, address, t->live);

	return shadow && shadow->address < address + size ? shadow : NULL;
}

/* The one after it. */
static __always_inline struct cordbg_shadow *
next_of(const struct transfer *t, const struct cordbg_shadow *shadow)
{
	struct cordbg_shadow *next = cordbg_shadow_next(shadow);

	if (cordbg_all_live(t))
		return next;
	return cordbg_shadow_since(t->session->process,
				   shadow->address + CORDBG_OPCODE_LEN,
				   t->live);
}

/* Copy the bytes of [address, end) that lie under an opcode: where it came to. */
static unsigned long copy_under(const struct transfer *t,
				struct cordbg_shadow *shadow,
				unsigned long address, unsigned long end)
{
	void *under = (void *)&shadow->original + (address - shadow->address);

	return address + copy_caller(t, address, under, end - address);
}

/* cordbg_shadow_planted(), without a detour for what is mapped already. */
static __always_inline bool is_planted(const struct transfer *t,
				       const struct piece *piece,
				       const struct cordbg_shadow *shadow)
{
	const cordbg_opcode_t *insn =
		piece->kaddr + (shadow->address - piece->address);

	return piece->kaddr ? READ_ONCE(*insn) == CORDBG_OPCODE :
			      cordbg_shadow_planted(shadow, t->view);
}

/*
 * Whether a breakpoint hides bytes of a piece: its opcode is in the page that is
 * held, and if it was planted since, that is still the page at its address. Where
 * that cannot be told, an opcode is taken for the breakpoint's and stays.
 */
static __always_inline bool hides(const struct transfer *t,
				  const struct piece *piece,
				  const struct cordbg_shadow *shadow)
{
	if (!is_planted(t, piece, shadow))
		return false;
	return shadow->planted <= t->plants ||
	       cordbg_shadow_current(shadow, t->view);
}

/* Copy up to and over bytes that a breakpoint hides: where it came to. */
static unsigned long copy_hidden(const struct transfer *t,
				 const struct piece *piece,
				 struct cordbg_shadow *shadow,
				 unsigned long address, unsigned long end)
{
	unsigned long stop = max(address, shadow->address);

	address = copy_run(t, piece, address, stop);
	if (address < stop)
		return address;
	return copy_under(t, shadow, address, end);
}

/*
 * Write up to and over bytes at a breakpoint whose opcode is not in memory. If
 * the program's bytes now happen to be the opcode, they are also what is under
 * it.
 */
static unsigned long copy_through(const struct transfer *t,
				  const struct piece *piece,
				  struct cordbg_shadow *shadow,
				  unsigned long address, unsigned long end)
{
	address = copy_run(t, piece, address, end);
	if (hides(t, piece, shadow))
		shadow->original = CORDBG_OPCODE;
	return address;
}

/*
 * Copy a piece behind breakpoints, from @address on: where it came to. @next is
 * the first breakpoint that ends after @address, and then that of the rest.
 */
static unsigned long copy_piece(const struct transfer *t,
				const struct piece *piece,
				struct cordbg_shadow **next,
				unsigned long address)
{
	struct cordbg_shadow *shadow = *next;
	unsigned long stop;

	for (; shadow && shadow->address < piece->end;
	     shadow = next_of(t, shadow)) {
		stop = min(piece->end, shadow->address + CORDBG_OPCODE_LEN);
		if (hides(t, piece, shadow))
			address = copy_hidden(t, piece, shadow, address, stop);
		else if (t->write)
			address = copy_through(t, piece, shadow, address, stop);
		else
			continue;
		if (address < stop)
			return address;
	}
	*next = shadow;
	return copy_run(t, piece, address, piece->end);
}

/**
 * cordbg_copy_chunk() - copy behind breakpoints
 * @t: The transfer; its process is locked.
 * @address: First address.
 * @end: Address after the last.
 *
 * Return: the address it came to.
 */
unsigned long cordbg_copy_chunk(const struct transfer *t, unsigned long address,
				unsigned long end)
{
	struct cordbg_shadow *next = NULL;
	struct piece piece;

	if (!t->raw)
		next = cordbg_copy_first(t, address, end - address);
	while (address < end) {
		piece = piece_map(t, address, end);
		address = copy_piece(t, &piece, &next, address);
		piece_unmap(&piece);
		if (address < piece.end)
			break;
	}
	return address;
}
