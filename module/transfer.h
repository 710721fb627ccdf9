/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files about transfers share: transfer.c carries an ioctl out, copy.c
 * copies behind breakpoints, staged.c does both in the steps of an atomic batch.
 */
#ifndef CORDBG_TRANSFER_H
#define CORDBG_TRANSFER_H

#include <linux/instrumented.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#include "cordbg.h"

/* Up to this size the caller's bytes pass through the kernel stack. */
#define SMALL_BYTES	256

/**
 * struct transfer - one ioctl on its way
 * @session: The session, entered.
 * @window: The part of the range that is held.
 * @view: @window, or the fresh pages of a stale chunk.
 * @address: First address of the whole range.
 * @buffer: The caller's bytes.
 * @size: Bytes of the whole range.
 * @done: Bytes transferred.
 * @write: Direction.
 * @raw: Look at memory as it is.
 * @bounce: Kernel memory that stands for the caller's in the current chunk, or
 *	NULL: then bytes are copied straight from or to the caller, without
 *	taking faults.
 * @bounce_size: Bytes at @bounce.
 * @chunk: Address that @bounce begins with.
 * @plants: process->plants from before the window was pinned.
 * @drops: process->drops from before the window was pinned.
 * @live: process->epoch from when the pages were held. Breakpoints whose memory
 *	was unmapped since count: their opcodes are in these pages, and if they
 *	were moved, what is under them is yet to be put back. ULONG_MAX if that
 *	is not known.
 * @small: @bounce of a small transfer.
 */
struct transfer {
	struct cordbg_session *session;
	struct cordbg_window window;
	const struct cordbg_window *view;
	unsigned long address;
	char __user *buffer;
	u32 size;
	u32 done;
	bool write;
	bool raw;
	void *bounce;
	size_t bounce_size;
	unsigned long chunk;
	unsigned long plants;
	unsigned long drops;
	unsigned long live;
	u8 small[SMALL_BYTES];
};

/*
 * copy_from_user() and copy_to_user() for ranges that access_ok() has passed and
 * kernel memory that is the target's or known to be long enough: what hardened
 * usercopy looks for costs more than a short copy. The number of bytes copied.
 *
 * Inline like all that is called for each run between breakpoints, which may be
 * as short.
 */
static __always_inline size_t
cordbg_copy_from_caller(void *to, const void __user *from, size_t n)
{
	size_t left;

	instrument_copy_from_user_before(to, from, n);
	left = raw_copy_from_user(to, from, n);
	instrument_copy_from_user_after(to, from, n, left);
	return n - left;
}

static __always_inline size_t
cordbg_copy_to_caller(void __user *to, const void *from, size_t n)
{
	instrument_copy_to_user(to, from, n);
	return n - raw_copy_to_user(to, from, n);
}

/* Copy between @user and @kernel without taking faults: bytes copied. */
static __always_inline size_t
cordbg_copy_nofault(const struct transfer *t, char __user *user, void *kernel,
		    size_t n)
{
	/* The process lock is held, and the caller's page may block for ever. */
	pagefault_disable();
	n = t->write ? cordbg_copy_from_caller(kernel, user, n) :
		       cordbg_copy_to_caller(user, kernel, n);
	pagefault_enable();
	return n;
}

/* Whether no breakpoint can have been dropped since the pages were held. */
static __always_inline bool cordbg_all_live(const struct transfer *t)
{
	/* Pairs with shadow_drop(). */
	smp_rmb();
	return likely(t->live == ULONG_MAX ||
		      READ_ONCE(t->session->process->drops) == t->drops);
}

/* copy.c */
struct cordbg_shadow *cordbg_copy_first_since(const struct transfer *t,
					      unsigned long address,
					      unsigned long size);
unsigned long cordbg_copy_chunk(const struct transfer *t,
				unsigned long address, unsigned long end);

/* The first breakpoint with a byte in a range that counts for this transfer. */
static __always_inline struct cordbg_shadow *
cordbg_copy_first(const struct transfer *t, unsigned long address,
		  unsigned long size)
{
	struct cordbg_shadow *shadow =
		cordbg_shadow_in(t->session->process, address, size);

	return cordbg_all_live(t) ? shadow :
				    cordbg_copy_first_since(t, address, size);
}

/* transfer.c */
int cordbg_caller_fault(void);
int cordbg_transfer_pin(struct transfer *t, size_t n);
bool cordbg_transfer_changed(const struct transfer *t);
void cordbg_transfer_init(struct transfer *t, struct cordbg_session *session,
			  const struct cordbg_transfer *arg, bool write);

#endif /* CORDBG_TRANSFER_H */
