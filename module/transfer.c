// SPDX-License-Identifier: GPL-2.0
/*
 * WRITE_MEMORY and READ_MEMORY: verify a range, hold its pages, then copy.
 */

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "transfer.h"

/* Bytes copied under one hold of the process lock. */
#define CHUNK_BYTES	SZ_256K

/* Bytes of a stale chunk: what a window holds without an allocation. */
#define FRESH_BYTES	((CORDBG_INLINE_PAGES - 1) * PAGE_SIZE)

/* Bytes of the caller's buffer brought in between two looks for a signal. */
#define FAULT_IN_BYTES	SZ_2M

/**
 * cordbg_caller_fault() - why a caller's buffer could not be brought in
 *
 * Return: -EINTR or -EFAULT.
 */
int cordbg_caller_fault(void)
{
	return fatal_signal_pending(current) ? -EINTR : -EFAULT;
}

/*
 * Bring the caller's buffer in before anything is copied, so that a bad one is
 * found in time. fault_in_writeable() stores zeroes: by then the transfer has
 * been verified.
 */
static int caller_fault_in(const struct transfer *t, char __user *buffer,
			   size_t size)
{
	size_t n;

	for (; size; size -= n, buffer += n) {
		n = min_t(size_t, size, FAULT_IN_BYTES);
		if (t->write ? fault_in_readable(buffer, n) :
			       fault_in_writeable(buffer, n))
			return cordbg_caller_fault();
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static bool has_breakpoints(const struct transfer *t, size_t n)
{
	return cordbg_copy_first(t, t->address + t->done, n);
}

/* Lock the process to copy @n bytes: 0 or an error. */
static int transfer_lock(const struct transfer *t, size_t n)
{
	struct cordbg_process *process = t->session->process;
	int err = 0;

	if (mutex_lock_killable(&process->lock))
		return -EINTR;
	if (t->write && has_breakpoints(t, n))
		err = cordbg_forks_clean(process);
	if (err)
		mutex_unlock(&process->lock);
	return err;
}

/**
 * cordbg_transfer_changed() - whether a read has to hold its pages again
 * @t: The transfer; its process is locked.
 *
 * They are not pinned, and a fork takes them away: they may show opcodes that the
 * list does not tell from the program's bytes. If a breakpoint has been dropped
 * since, its opcode may still be in the page that is held; if one has been
 * planted, maybe in that page, and then it was replaced. An atomic batch since may
 * have replaced a part of the pages, too.
 *
 * Return: true if it has.
 */
bool cordbg_transfer_changed(const struct transfer *t)
{
	const struct cordbg_process *process = t->session->process;

	return !t->write && (READ_ONCE(process->drops) != t->drops ||
			     process->plants != t->plants);
}

/* Give a transfer a bounce page if bytes of a window have to go indirectly. */
static int transfer_bounce(struct transfer *t,
			   const struct cordbg_window *window)
{
	if (t->bounce || !window->indirect)
		return 0;
	t->bounce = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	t->bounce_size = PAGE_SIZE;
	return t->bounce ? 0 : -ENOMEM;
}

/* Copy from fresh pages what they have of a chunk: bytes copied, or an error. */
static long copy_view(struct transfer *t, const struct cordbg_window *fresh,
		      unsigned long address, size_t n)
{
	unsigned long plants = t->plants;
	long copied;

	/* A device may have come to where the pages were. */
	copied = transfer_bounce(t, fresh);
	if (copied)
		return copied;
	if (t->bounce)
		n = min(n, t->bounce_size);
	t->view = fresh;
	/* Held under the process lock, the pages have all opcodes there are. */
	t->plants = t->session->process->plants;
	copied = cordbg_copy_chunk(t, address, address + n) - address;
	t->plants = plants;
	t->view = &t->window;
	return copied;
}

/* Copy what a stale chunk should have shown: where it came to, or an error. */
static long copy_fresh_once(struct transfer *t, unsigned long address, size_t n)
{
	struct cordbg_window fresh;
	long copied;

	n = min_t(size_t, n, FRESH_BYTES);
	cordbg_window_init(&fresh, t->window.mm, t->window.task, n, false,
			   t->window.force);
	copied = cordbg_window_pin(&fresh, address, n);
	if (copied) {
		t->window.failed = fresh.failed;
		return copied;
	}
	copied = copy_view(t, &fresh, address, n);
	cordbg_window_unpin(&fresh, false);
	return copied;
}

/* What is unmapped while it is copied is looked for again. */
static long copy_fresh(struct transfer *t, unsigned long address, size_t n)
{
	const struct cordbg_process *process = t->session->process;
	unsigned long drops;
	long copied;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		drops = READ_ONCE(process->drops);
		copied = copy_fresh_once(t, address, n);
		/* Pairs with shadow_drop(). */
		smp_rmb();
	} while (copied > 0 && READ_ONCE(process->drops) != drops);
	return copied;
}

/* Copy one chunk under the process lock: bytes copied, or an error. */
static long transfer_chunk(struct transfer *t, size_t n)
{
	unsigned long address = t->address + t->done;
	char __user *user = t->buffer + t->done;
	long copied;

	/* All that a small write writes is in @small from the start. */
	t->chunk = t->write && t->bounce == t->small ? t->address : address;
	if (t->write && t->bounce && t->bounce != t->small &&
	    copy_from_user(t->bounce, user, n))
		return cordbg_caller_fault();
	copied = transfer_lock(t, n);
	if (copied)
		return copied;
	if (!cordbg_transfer_changed(t))
		copied = cordbg_copy_chunk(t, address, address + n) - address;
	/* Pairs with shadow_drop(): the program can unmap at any time. */
	smp_rmb();
	if (cordbg_transfer_changed(t))
		copied = copy_fresh(t, address, n);
	mutex_unlock(&t->session->process->lock);
	if (!t->write && t->bounce && copied > 0 &&
	    copy_to_user(user, t->bounce, copied))
		return cordbg_caller_fault();
	return copied;
}

/* Why a chunk came to less than was asked for; 0 if it is worth another try. */
static int transfer_stalled(struct transfer *t, size_t left)
{
	/* access_process_vm() failed on a range that was verified. */
	if (t->bounce) {
		if (fatal_signal_pending(current))
			return -EINTR;
		t->window.failed = t->address + t->done;
		return cordbg_session_alive(t->session) ? -ENXIO : -ESRCH;
	}
	/* The caller's page was taken away since it was brought in. */
	return caller_fault_in(t, t->buffer + t->done, left);
}

static void transfer_free_bounce(struct transfer *t)
{
	if (t->bounce && t->bounce != t->small) {
		free_page((unsigned long)t->bounce);
		t->bounce = NULL;
	}
}

/* Copy @n bytes, all in the window. */
static int transfer_window(struct transfer *t, size_t n)
{
	size_t end = t->done + n, chunk;
	long copied;
	int err;

	err = transfer_bounce(t, &t->window);
	if (!err && !t->write && !t->bounce)
		err = caller_fault_in(t, t->buffer + t->done, n);
	while (!err && t->done < end) {
		chunk = min_t(size_t, end - t->done,
			      t->bounce ? t->bounce_size : CHUNK_BYTES);
		copied = transfer_chunk(t, chunk);
		if (copied < 0) {
			err = copied;
			break;
		}
		t->done += copied;
		if (!copied)
			err = transfer_stalled(t, chunk);
		else if (t->done < end && fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	transfer_free_bounce(t);
	return err;
}

/* Verify the whole range and transfer nothing. */
static int transfer_verify(struct transfer *t)
{
	u32 n, pos;
	int err = 0;

	for (pos = 0; !err && pos < t->size; pos += n) {
		n = min_t(u32, t->size - pos, CORDBG_WINDOW);
		err = cordbg_window_pin(&t->window, t->address + pos, n);
		cordbg_window_unpin(&t->window, false);
	}
	return err;
}

/*
 * Whether pages were held before and after the memory of a breakpoint in the range
 * went away: its opcode is in those before and not in those after.
 */
static bool held_apart(const struct transfer *t, size_t n)
{
	const struct cordbg_window *window = &t->window;

	return t->write && window->first != window->last &&
	       cordbg_shadows_unmapped(t->session->process, t->address + t->done,
				       n, window->first, window->last);
}

/**
 * cordbg_transfer_pin() - verify the next bytes and hold their pages
 * @t: The transfer.
 * @n: How many, all in one window.
 *
 * Return: 0 or the error of cordbg_window_pin().
 */
int cordbg_transfer_pin(struct transfer *t, size_t n)
{
	const struct cordbg_process *process = t->session->process;
	int err;

	t->plants = READ_ONCE(process->plants);
	t->drops = READ_ONCE(process->drops);
	t->window.epoch = &process->epoch;
	err = cordbg_window_pin(&t->window, t->address + t->done, n);
	while (!err && held_apart(t, n)) {
		cordbg_window_unpin(&t->window, false);
		err = cordbg_window_pin(&t->window, t->address + t->done, n);
	}
	if (t->write)
		t->live = t->window.first;
	return err;
}

/*
 * Copy @n bytes, in one page that is held, unless a breakpoint may be under them:
 * how many have been.
 */
static size_t copy_plain(struct transfer *t, size_t n)
{
	struct cordbg_process *process = t->session->process;
	size_t copied = 0;
	void *kaddr;

	if (t->window.indirect || mutex_lock_killable(&process->lock))
		return 0;
	if (t->raw || !has_breakpoints(t, n)) {
		kaddr = kmap_local_page(t->window.pages[0]) +
			offset_in_page(t->window.address);
		if (t->write && t->bounce) {
			memcpy(kaddr, t->bounce, n);
			copied = n;
		} else {
			copied = cordbg_copy_nofault(t, t->buffer + t->done,
						     kaddr, n);
		}
		kunmap_local(kaddr);
	}
	/* Pairs with shadow_drop(): the program can unmap at any time. */
	smp_rmb();
	if (cordbg_transfer_changed(t))
		copied = 0;
	mutex_unlock(&process->lock);
	return copied;
}

/* Hold the pages of the next @n bytes, all in one window, and copy them. */
static int transfer_part(struct transfer *t, size_t n)
{
	u32 before = t->done;
	int err = cordbg_transfer_pin(t, n);

	if (err)
		return err;
	if (t->window.nr_pages == 1)
		t->done += copy_plain(t, n);
	n -= t->done - before;
	if (n)
		err = transfer_window(t, n);
	cordbg_window_unpin(&t->window, t->done > before);
	/* A read whose memory went away meanwhile is refused whole. */
	if (!t->write && (err == -ENXIO || err == -EACCES))
		t->done = before;
	return err;
}

static int transfer_all(struct transfer *t)
{
	int err = 0;

	if (t->size > CORDBG_WINDOW)
		err = transfer_verify(t);
	while (!err && t->done < t->size) {
		if (t->done && !cordbg_session_alive(t->session))
			return -ESRCH;
		err = transfer_part(t, min_t(u32, t->size - t->done,
					     CORDBG_WINDOW));
	}
	return err;
}

/* Get hold of what the caller wants written, before any of it is written. */
static int transfer_source(struct transfer *t)
{
	if (!access_ok(t->buffer, t->size))
		return -EFAULT;
	/* As in copy_from_user(), for all copies that rely on it. */
	if (t->write)
		barrier_nospec();
	if (t->size <= SMALL_BYTES) {
		t->bounce = t->small;
		t->bounce_size = SMALL_BYTES;
		if (!t->write)
			return 0;
		return cordbg_copy_from_caller(t->small, t->buffer, t->size) ==
		       t->size ? 0 : cordbg_caller_fault();
	}
	if (!t->write)
		return 0;
	if (t->size <= PAGE_SIZE)
		return fault_in_readable(t->buffer, t->size) ? cordbg_caller_fault() :
							       0;
	return caller_fault_in(t, t->buffer, t->size);
}

/**
 * cordbg_transfer_check() - whether a transfer can be meant
 * @arg: The ioctl's argument.
 * @write: Whether to write.
 *
 * Return: 0, -EINVAL or -EOVERFLOW.
 */
int cordbg_transfer_check(const struct cordbg_transfer *arg, bool write)
{
	u32 known = CORDBG_FORCE | CORDBG_PROBE | (write ? 0 : CORDBG_RAW);
	u64 end;

	if ((arg->flags & ~known) || arg->reserved)
		return -EINVAL;
	if (check_add_overflow(arg->address, (u64)arg->size, &end))
		return -EOVERFLOW;
	return 0;
}

/**
 * cordbg_transfer_init() - prepare a transfer, but for its window
 * @t: The transfer.
 * @session: The session, entered.
 * @arg: The ioctl's argument.
 * @write: Whether to write.
 */
void cordbg_transfer_init(struct transfer *t, struct cordbg_session *session,
			  const struct cordbg_transfer *arg, bool write)
{
	t->session = session;
	t->view = &t->window;
	t->address = arg->address;
	t->buffer = u64_to_user_ptr(arg->buffer);
	t->size = arg->size;
	t->done = 0;
	t->write = write;
	t->raw = arg->flags & CORDBG_RAW;
	t->bounce = NULL;
	t->live = ULONG_MAX;
}

/**
 * cordbg_transfer() - write or read a range of the target
 * @session: The session, entered.
 * @arg: The ioctl's argument; failed_address is set after -ENXIO and -EACCES.
 * @write: Whether to write.
 * @done: Where to store the number of bytes transferred, also on failure.
 *
 * Return: 0 or an errno of CORDBG_WRITE_MEMORY.
 */
int cordbg_transfer(struct cordbg_session *session,
		    struct cordbg_transfer *arg, bool write, u32 *done)
{
	bool probe = arg->flags & CORDBG_PROBE;
	struct transfer t __uninitialized;
	int err;

	cordbg_transfer_init(&t, session, arg, write);
	err = probe ? 0 : transfer_source(&t);
	if (err)
		return err;
	err = cordbg_window_init(&t.window, session->process->mm, session->task,
				 min(t.size, CORDBG_WINDOW), write,
				 arg->flags & CORDBG_FORCE);
	if (err)
		return err;
	t.window.seen = &session->seen;
	err = probe ? transfer_verify(&t) : transfer_all(&t);
	cordbg_window_destroy(&t.window);
	*done = t.done;
	if (err == -ENXIO || err == -EACCES)
		arg->failed_address = t.window.failed;
	return err;
}
