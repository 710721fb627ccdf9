// SPDX-License-Identifier: GPL-2.0
/*
 * WRITE_MEMORY and READ_MEMORY: verify a range, then copy behind breakpoints.
 *
 * Bytes are copied in runs between the opcodes, never over them, so that an
 * opcode stands in memory at every instant and a store of the program in the
 * same page is not undone. Bytes under an opcode come from and go to its shadow.
 */

#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/instrumented.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "cordbg.h"

/* Up to this size the caller's bytes pass through the kernel stack. */
#define SMALL_BYTES	256

/* Bytes copied under one hold of the process lock. */
#define CHUNK_BYTES	SZ_256K

/* Bytes of a stale chunk: what a window holds without an allocation. */
#define FRESH_BYTES	((CORDBG_INLINE_PAGES - 1) * PAGE_SIZE)

/* Bytes of the caller's buffer brought in between two looks for a signal. */
#define FAULT_IN_BYTES	SZ_2M

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
static __always_inline size_t copy_from_caller(void *to,
					       const void __user *from,
					       size_t n)
{
	size_t left;

	instrument_copy_from_user_before(to, from, n);
	left = raw_copy_from_user(to, from, n);
	instrument_copy_from_user_after(to, from, n, left);
	return n - left;
}

static __always_inline size_t copy_to_caller(void __user *to, const void *from,
					     size_t n)
{
	instrument_copy_to_user(to, from, n);
	return n - raw_copy_to_user(to, from, n);
}

/* Copy between @user and @kernel without taking faults: bytes copied. */
static __always_inline size_t copy_nofault(const struct transfer *t,
					   char __user *user, void *kernel,
					   size_t n)
{
	/* The process lock is held, and the caller's page may block for ever. */
	pagefault_disable();
	n = t->write ? copy_from_caller(kernel, user, n) :
		       copy_to_caller(user, kernel, n);
	pagefault_enable();
	return n;
}

/* Copy between the caller's bytes for @address and @kernel: bytes copied. */
static __always_inline size_t copy_caller(const struct transfer *t,
					  unsigned long address, void *kernel,
					  size_t n)
{
	void *bounce;

	if (likely(!t->bounce))
		return copy_nofault(t, t->buffer + (address - t->address),
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
 * held, and if it was planted since, that is still the page at its address.
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
	     shadow = cordbg_shadow_next(shadow)) {
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

/* Copy [address, end) behind breakpoints: where it came to. */
static unsigned long copy_chunk(const struct transfer *t, unsigned long address,
				unsigned long end)
{
	struct cordbg_shadow *next = NULL;
	struct piece piece;

	if (!t->raw)
		next = cordbg_shadow_in(t->session->process, address,
					end - address);
	while (address < end) {
		piece = piece_map(t, address, end);
		address = copy_piece(t, &piece, &next, address);
		piece_unmap(&piece);
		if (address < piece.end)
			break;
	}
	return address;
}

/* The error of a caller's buffer that could not be brought in. */
static int caller_fault(void)
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
			return caller_fault();
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static bool has_breakpoints(const struct transfer *t, size_t n)
{
	return cordbg_shadow_in(t->session->process, t->address + t->done, n);
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

/*
 * Whether the pages of a read may show opcodes that the list does not tell from
 * the program's bytes: they are not pinned, and a fork takes them away. If a
 * breakpoint has been dropped since, its opcode may still be in the page that is
 * held; if one has been planted, maybe in that page, and then it was replaced. An
 * atomic batch since may have replaced a part of the pages, too.
 */
static bool is_stale(const struct transfer *t)
{
	const struct cordbg_process *process = t->session->process;

	return !t->write && (READ_ONCE(process->drops) != t->drops ||
			     process->plants != t->plants);
}

/* Copy what a stale chunk should have shown: where it came to, or an error. */
static long copy_fresh(struct transfer *t, unsigned long address, size_t n)
{
	struct cordbg_window fresh;
	unsigned long plants;
	long copied;

	n = min_t(size_t, n, FRESH_BYTES);
	cordbg_window_init(&fresh, t->window.mm, t->window.task, n, false,
			   t->window.force);
	copied = cordbg_window_pin(&fresh, address, n);
	if (copied) {
		t->window.failed = fresh.failed;
		return copied;
	}
	t->view = &fresh;
	/* Held under the process lock, the pages have all opcodes there are. */
	plants = t->plants;
	t->plants = t->session->process->plants;
	copied = copy_chunk(t, address, address + n) - address;
	t->plants = plants;
	t->view = &t->window;
	cordbg_window_unpin(&fresh, false);
	return copied;
}

/* Copy one chunk under the process lock: bytes copied, or an error. */
static long transfer_chunk(struct transfer *t, size_t n)
{
	unsigned long address = t->address + t->done;
	char __user *user = t->buffer + t->done;
	long copied;

	t->chunk = address;
	if (t->write && t->bounce && t->bounce != t->small &&
	    copy_from_user(t->bounce, user, n))
		return caller_fault();
	copied = transfer_lock(t, n);
	if (copied)
		return copied;
	if (is_stale(t))
		copied = copy_fresh(t, address, n);
	else
		copied = copy_chunk(t, address, address + n) - address;
	mutex_unlock(&t->session->process->lock);
	if (!t->write && t->bounce && copied > 0 &&
	    copy_to_user(user, t->bounce, copied))
		return caller_fault();
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

/* Give the window's bytes a bounce page if they have to go indirectly. */
static int transfer_bounce(struct transfer *t)
{
	if (t->bounce || !t->window.indirect)
		return 0;
	t->bounce = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	t->bounce_size = PAGE_SIZE;
	return t->bounce ? 0 : -ENOMEM;
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

	err = transfer_bounce(t);
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

static int transfer_pin(struct transfer *t, size_t n)
{
	t->plants = READ_ONCE(t->session->process->plants);
	t->drops = READ_ONCE(t->session->process->drops);
	return cordbg_window_pin(&t->window, t->address + t->done, n);
}

/*
 * Copy @n bytes, in one page that is held, unless a breakpoint may be under them:
 * whether it could be done.
 */
static bool copy_plain(struct transfer *t, size_t n)
{
	struct cordbg_process *process = t->session->process;
	void *kaddr;
	bool plain;

	if (t->window.indirect || mutex_lock_killable(&process->lock))
		return false;
	plain = (t->raw || !has_breakpoints(t, n)) && !is_stale(t);
	if (plain) {
		kaddr = kmap_local_page(t->window.pages[0]) +
			offset_in_page(t->window.address);
		if (t->write && t->bounce)
			memcpy(kaddr, t->bounce, n);
		else
			plain = copy_nofault(t, t->buffer + t->done, kaddr,
					     n) == n;
		kunmap_local(kaddr);
	}
	mutex_unlock(&process->lock);
	return plain;
}

/* Hold the pages of the next @n bytes, all in one window, and copy them. */
static int transfer_part(struct transfer *t, size_t n)
{
	u32 before = t->done;
	int err = transfer_pin(t, n);

	if (err)
		return err;
	if (t->window.nr_pages == 1 && copy_plain(t, n))
		t->done += n;
	else
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
	if (t->size <= SMALL_BYTES) {
		t->bounce = t->small;
		t->bounce_size = SMALL_BYTES;
		if (!t->write)
			return 0;
		return copy_from_caller(t->small, t->buffer, t->size) ==
		       t->size ? 0 : caller_fault();
	}
	if (!t->write)
		return 0;
	if (t->size <= PAGE_SIZE)
		return fault_in_readable(t->buffer, t->size) ? caller_fault() :
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

static void transfer_init(struct transfer *t, struct cordbg_session *session,
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

	transfer_init(&t, session, arg, write);
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
			caller_fault() : 0;
	/* Without changing them: the batch may be refused. */
	return fault_in_safe_writeable(t->buffer, t->size) ? caller_fault() : 0;
}

/* Hold the target's pages. What cannot be held could fail half-way. */
static int hold_pages(struct transfer *t)
{
	unsigned long i;
	int err = transfer_pin(t, t->size);

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
	transfer_init(t, session, arg, write);
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
		if (!cordbg_window_current(&t->window, address))
			return false;
		cond_resched();
	}
	return true;
}

/**
 * cordbg_transfer_stale() - whether a transfer has to be held again
 * @t: The transfer; its process is locked.
 *
 * Pages that are held for writing stay what they are. Also see is_stale().
 *
 * Return: true if it has.
 */
bool cordbg_transfer_stale(const struct transfer *t)
{
	if (t->write || !t->bounce)
		return false;
	return is_stale(t) || !is_current(t);
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
	t->done = copy_chunk(t, t->address, t->address + t->size) - t->address;
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
