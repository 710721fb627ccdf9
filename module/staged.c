// SPDX-License-Identifier: GPL-2.0
/*
 * The transfers of an atomic batch: hold everything, copy, let go.
 */

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "transfer.h"

/* Give a whole transfer kernel memory, with what the caller wants written. */
static int hold_bytes(struct transfer *t)
{
	if (!access_ok(t->buffer, t->size))
		return -EFAULT;
	t->bounce = kvmalloc(t->size, GFP_KERNEL_ACCOUNT);
	if (!t->bounce)
		return -ENOMEM;
	if (t->write)
		return copy_from_user(t->bounce, t->buffer, t->size) ?
			cordbg_caller_fault() : 0;
	/* Without changing them: the batch may be refused. */
	return fault_in_safe_writeable(t->buffer, t->size) ? cordbg_caller_fault() : 0;
}

/* Hold the target's pages. What cannot be held could fail half-way. */
static int hold_pages(struct transfer *t)
{
	unsigned long i;
	int err = cordbg_transfer_pin(t, t->size);

	for (i = 0; i < t->window.nr_pages && !err; i++) {
		if (t->window.pages[i])
			continue;
		t->window.failed = i ? (t->address & PAGE_MASK) + i * PAGE_SIZE :
				       t->address;
		err = -EACCES;
	}
	return err;
}

/**
 * cordbg_transfer_hold() - get hold of all that a transfer needs
 * @session: The session, entered.
 * @arg: The ioctl's argument, of a size above 0 and no more than CORDBG_WINDOW;
 *	failed_address is set after -ENXIO and -EACCES.
 * @write: Whether to write.
 *
 * Return: the transfer, for cordbg_transfer_release(), or ERR_PTR().
 */
struct transfer *cordbg_transfer_hold(struct cordbg_session *session,
				      struct cordbg_transfer *arg, bool write)
{
	bool probe = arg->flags & CORDBG_PROBE;
	struct transfer *t;
	int err;

	t = kmalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return ERR_PTR(-ENOMEM);
	cordbg_transfer_init(t, session, arg, write);
	err = cordbg_window_init(&t->window, session->process->mm,
				 session->task, t->size, write,
				 arg->flags & CORDBG_FORCE);
	if (err) {
		kfree(t);
		return ERR_PTR(err);
	}
	if (!probe)
		err = hold_bytes(t);
	if (!err)
		err = hold_pages(t);
	if (!err)
		return t;
	if (err == -ENXIO || err == -EACCES)
		arg->failed_address = t->window.failed;
	cordbg_transfer_release(t);
	return ERR_PTR(err);
}

/*
 * Whether a read holds the pages that the process has there now. A write may have
 * replaced one by a copy since, that of another session or one that is held for
 * the same batch.
 */
static bool is_current(const struct transfer *t)
{
	unsigned long address;

	for (address = t->address & PAGE_MASK;
	     address < t->address + t->size; address += PAGE_SIZE) {
		if (cordbg_window_current(&t->window, address) <= 0)
			return false;
		cond_resched();
	}
	return true;
}

/*
 * Pages that are held for writing stay what they are; those for reading do if this
 * finds them to be the process's own, and so do the opcodes in them, whatever is
 * unmapped from then on. Also see cordbg_transfer_changed().
 */
static bool is_stale(struct transfer *t)
{
	t->live = READ_ONCE(t->session->process->epoch);
	return cordbg_transfer_changed(t) || !is_current(t);
}

/**
 * cordbg_transfer_settle() - hold what a read has to see
 * @t: The transfer; its process is locked.
 * @failed: Where to store the address after -ENXIO and -EACCES.
 *
 * What other sessions plant between hold and lock makes a read stale. Its pages are
 * held again under the lock, where they plant nothing: they could do so each time.
 *
 * Return: 0; -EAGAIN if the program has changed its mappings meanwhile; or the error
 * of cordbg_transfer_pin().
 */
int cordbg_transfer_settle(struct transfer *t, u64 *failed)
{
	int err;

	if (t->write || !t->bounce || !is_stale(t))
		return 0;
	cordbg_window_unpin(&t->window, false);
	err = hold_pages(t);
	if (err == -ENXIO || err == -EACCES)
		*failed = t->window.failed;
	if (!err && is_stale(t))
		err = -EAGAIN;
	return err;
}

/**
 * cordbg_transfer_commit() - copy what is held
 * @t: The transfer; its process is locked.
 * @done: Where to store the number of bytes transferred.
 *
 * Return: 0, or -ENXIO if the pages are held but their bytes have to go by
 * access_process_vm(), and the program has unmapped them.
 */
int cordbg_transfer_commit(struct transfer *t, u32 *done)
{
	if (!t->bounce)
		return 0;
	t->chunk = t->address;
	/* What the batch itself has planted is in the pages of a read. */
	if (!t->write)
		t->plants = t->session->process->plants;
	t->done = cordbg_copy_chunk(t, t->address, t->address + t->size) -
		  t->address;
	*done = t->done;
	return t->done < t->size ? -ENXIO : 0;
}

/**
 * cordbg_transfer_release() - give what was read to the caller; free the rest
 * @t: The transfer; no lock is held.
 *
 * Return: 0 or -EFAULT.
 */
int cordbg_transfer_release(struct transfer *t)
{
	int err = 0;

	if (!t->write && t->done && copy_to_user(t->buffer, t->bounce, t->done))
		err = -EFAULT;
	cordbg_window_unpin(&t->window, t->done);
	cordbg_window_destroy(&t->window);
	kvfree(t->bounce);
	kfree(t);
	return err;
}
