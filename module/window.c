// SPDX-License-Identifier: GPL-2.0
/*
 * A window is a range of the target that has been verified and whose pages are
 * held, so that a copy into it cannot fail half-way, whatever the target does.
 *
 * Bytes go by one of two routes, and the mapping decides which. Pages that can
 * be held are held and copied to directly. access_process_vm() carries the
 * rest: mappings that only offer vm_ops->access. It is no way to write code,
 * although it looks after the instruction cache: it finds pages by address, and
 * the program can put another one there while its opcode is looked for.
 *
 * There is no third route for short ranges. access_process_vm() alone would
 * grow a stack downwards and call vm_ops->access() on mappings that are not
 * writable; after the look at the mapping that prevents this, holding the page
 * is the cheaper way at every size.
 */

#include <linux/highmem.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>

#include "compat.h"
#include "cordbg.h"

/* Pages taken under one hold of the target's mmap_lock. */
#define PIN_BATCH	512

static unsigned long pages_spanned(unsigned long address, unsigned long size)
{
	return (offset_in_page(address) + size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/**
 * cordbg_window_init() - prepare a window
 * @window: The window.
 * @mm: The memory; the caller has a user of it.
 * @task: Where to look first for a thread that has the memory.
 * @size: The most bytes it will hold.
 * @write: Whether it is for writing.
 * @force: Whether protection of private mappings is overridden.
 *
 * Return: 0 or -ENOMEM.
 */
int cordbg_window_init(struct cordbg_window *window, struct mm_struct *mm,
		       struct task_struct *task, unsigned long size,
		       bool write, bool force)
{
	window->mm = mm;
	window->task = task;
	window->write = write;
	window->force = force;
	window->private = false;
	window->indirect = false;
	window->seen = NULL;
	window->epoch = NULL;
	window->nr_pages = 0;
	window->capacity = CORDBG_INLINE_PAGES;
	window->pages = window->inline_pages;
	if (size <= (CORDBG_INLINE_PAGES - 1) * PAGE_SIZE)
		return 0;
	window->capacity = size / PAGE_SIZE + 2;
	window->pages = kvmalloc_array(window->capacity, sizeof(*window->pages),
				       GFP_KERNEL_ACCOUNT);
	return window->pages ? 0 : -ENOMEM;
}

/**
 * cordbg_window_destroy() - free what cordbg_window_init() took
 * @window: The window, not pinned.
 */
void cordbg_window_destroy(struct cordbg_window *window)
{
	if (window->pages != window->inline_pages)
		kvfree(window->pages);
}

/*
 * Others see an opcode in a shared mapping and would run into it, and on disk it
 * would outlive the process. Private hugetlb pages cannot be copied on demand to
 * put a forked child's bytes back.
 */
static bool plantable(struct vm_area_struct *vma)
{
	return !(vma->vm_flags & VM_SHARED) && !is_vm_hugetlb_page(vma);
}

/*
 * The protection rules of check_vma_flags() in mm/gup.c, to tell EACCES from
 * ENXIO.
 */
static bool vma_permits(struct vm_area_struct *vma,
			const struct cordbg_window *window)
{
	vm_flags_t flags = vma->vm_flags;

	if (window->private && !plantable(vma))
		return false;
	if (!window->write)
		return flags & (window->force ? VM_MAYREAD : VM_READ);
	if ((flags & VM_WRITE) && !(flags & VM_SHADOW_STACK))
		return true;
	return window->force && !(flags & VM_SHARED) && (flags & VM_MAYWRITE) &&
	       !is_vm_hugetlb_page(vma);
}

static bool vma_offers_access(const struct vm_area_struct *vma)
{
	return IS_ENABLED(CONFIG_HAVE_IOREMAP_PROT) &&
	       !CORDBG_IOREMAP_PROT_FAULTS && vma->vm_ops &&
	       vma->vm_ops->access;
}

/* Enter pages that only access_process_vm() can reach: the number of them. */
static long take_no_pages(struct cordbg_window *window, unsigned long nr)
{
	memset(&window->pages[window->nr_pages], 0, nr * sizeof(struct page *));
	window->indirect = true;
	return nr;
}

/* Any page can be code, by another mapping or from now on. */
static void sync_code(struct page **pages, unsigned long nr)
{
	void *kaddr;

	if (CORDBG_COHERENT_ICACHE)
		return;
	while (nr--) {
		kaddr = kmap_local_page(pages[nr]);
		cordbg_clean_code(kaddr);
		kunmap_local(kaddr);
	}
	cordbg_drop_fetched();
}

static void let_go(const struct cordbg_window *window, struct page **pages,
		   unsigned long nr, bool dirty)
{
	if (window->write) {
		if (dirty)
			sync_code(pages, nr);
		unpin_user_pages_dirty_lock(pages, nr, dirty);
		return;
	}
	while (nr--)
		put_page(pages[nr]);
}

/*
 * Readers take a plain reference: a pin would break copy-on-write sharing of
 * pages that are only looked at.
 */
static long hold(struct cordbg_window *window, unsigned int flags, int *locked,
		 unsigned long address, unsigned long nr)
{
	struct page **pages = &window->pages[window->nr_pages];

	if (window->force)
		flags |= FOLL_FORCE;
	if (window->write)
		return pin_user_pages_remote(window->mm, address, nr,
					     flags | FOLL_WRITE, pages, locked);
	return get_user_pages_remote(window->mm, address, nr, flags, pages,
				     locked);
}

/* What get_user_pages() or a fault came to, if not to pages. */
static long take_error(long err)
{
	if (err == -ENOMEM)
		return err;
	return fatal_signal_pending(current) ? -EINTR : -ENXIO;
}

/*
 * Hold @nr pages of a mapping: the number held, or an error. 0: mmap_lock has
 * been dropped to wait for a page, so the mapping has to be looked at again.
 *
 * The wait is killable.
 */
static long take_pages(struct cordbg_window *window, int *locked,
		       unsigned long address, unsigned long nr)
{
	struct page **pages = &window->pages[window->nr_pages];
	long got = hold(window, 0, locked, address, nr);

	if (got > 0 && !*locked) {
		let_go(window, pages, got, false);
		return 0;
	}
	return got > 0 ? got : take_error(got);
}

/*
 * Whether faults in a mapping may be for the handler of a userfaultfd(2). One that
 * only keeps track of writes (UFFD_FEATURE_WP_ASYNC) has none, and can watch memory
 * whose pages nobody can hold.
 */
static bool has_handler(struct vm_area_struct *vma)
{
	return userfaultfd_armed(vma) &&
	       (vma_is_anonymous(vma) || is_vm_hugetlb_page(vma) ||
		(vma->vm_file && shmem_mapping(vma->vm_file->f_mapping)));
}

/*
 * Bring in a page of such a mapping without waiting for the handler: an error, or 0
 * if it is there, or VM_FAULT_NOPAGE if it may be.
 */
static long fault_armed(const struct cordbg_window *window,
			struct vm_area_struct *vma, unsigned long address)
{
	unsigned int flags = FAULT_FLAG_REMOTE;
	vm_fault_t fault;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (window->write)
		flags |= FAULT_FLAG_WRITE;
	fault = handle_mm_fault(vma, address, flags, NULL);
	if (fault & VM_FAULT_ERROR)
		return take_error(vm_fault_to_errno(fault, 0));
	return (__force long)(fault & VM_FAULT_NOPAGE);
}

/*
 * Hold pages of a huge page of such a mapping: the number held, 0 or an error. Linux
 * 6.1 does not know FOLL_NOFAULT there: the fault comes first, and if its page has
 * gone again, and is not in a file's cache, FOLL_DUMP keeps get_user_pages() from
 * taking another.
 */
static long take_armed_huge(struct cordbg_window *window,
			    struct vm_area_struct *vma, unsigned long address,
			    unsigned long nr)
{
	unsigned long size = huge_page_size(hstate_vma(vma));
	long got = fault_armed(window, vma, address);

	if (got)
		return min(got, 0L);
	size -= (address & PAGE_MASK) & (size - 1);
	return max(hold(window, FOLL_NOFAULT | FOLL_DUMP, NULL, address,
			min(nr, size >> PAGE_SHIFT)), 0L);
}

/*
 * As take_pages(), in such a mapping.
 *
 * get_user_pages() may not take the fault: while the userfaultfd is being closed,
 * handle_userfault() of Linux before 6.15, if not mended, tells it to try again, and
 * it does, with the mmap_lock that the close is waiting for. So a fault is taken
 * once, and then the lock is given away.
 */
static long take_armed(struct cordbg_window *window, struct vm_area_struct *vma,
		       int *locked, unsigned long address, unsigned long nr)
{
	long got;

	if (is_vm_hugetlb_page(vma)) {
		got = take_armed_huge(window, vma, address, nr);
	} else {
		got = hold(window, FOLL_NOFAULT, NULL, address, nr);
		if (got <= 0)
			got = min(fault_armed(window, vma, address), 0L);
	}
	if (!got) {
		mmap_read_unlock(window->mm);
		*locked = 0;
	}
	return got;
}

/*
 * Remember a mapping for take_present(). Not a stack, next to which
 * get_user_pages() would complain if it had become shorter, nor hugetlb memory,
 * for which Linux 6.1 does not know FOLL_NOFAULT.
 */
static void see_mapping(const struct cordbg_window *window,
			const struct vm_area_struct *vma)
{
	if (!window->seen || (vma->vm_flags & (VM_GROWSDOWN | VM_HUGETLB)))
		return;
	WRITE_ONCE(window->seen->start, vma->vm_start);
	WRITE_ONCE(window->seen->end, vma->vm_end);
}

/*
 * Hold up to @nr pages for which no fault is needed: the number held, and 0
 * means nothing. get_user_pages() looks the mapping up and has all the rules of
 * vma_permits() itself, so that for pages which it can hold at once a look at
 * the mapping would be one too many.
 */
static long take_present(struct cordbg_window *window, unsigned long address,
			 unsigned long nr)
{
	unsigned long end;

	if (!window->seen || address < READ_ONCE(window->seen->start))
		return 0;
	end = READ_ONCE(window->seen->end);
	if (address >= end)
		return 0;
	nr = min(nr, (end - (address & PAGE_MASK)) >> PAGE_SHIFT);
	return max(hold(window, FOLL_NOFAULT, NULL, address, nr), 0L);
}

/* Hold up to @nr pages of the one mapping at @address; see take_pages(). */
static long take_mapping(struct cordbg_window *window, int *locked,
			 unsigned long address, unsigned long nr)
{
	struct vm_area_struct *vma = vma_lookup(window->mm, address);

	if (!vma)
		return -ENXIO;
	if (!vma_permits(vma, window))
		return -EACCES;
	nr = min(nr, (vma->vm_end - (address & PAGE_MASK)) >> PAGE_SHIFT);
	if (vma->vm_flags & (VM_IO | VM_PFNMAP))
		return vma_offers_access(vma) ? take_no_pages(window, nr) :
						-ENXIO;
	see_mapping(window, vma);
	return has_handler(vma) ?
	       take_armed(window, vma, locked, address, nr) :
	       take_pages(window, locked, address, nr);
}

/* The first address that is not held yet. */
static unsigned long next_address(const struct cordbg_window *window)
{
	if (!window->nr_pages)
		return window->address;
	return (window->address & PAGE_MASK) + window->nr_pages * PAGE_SIZE;
}

/* Hold up to @nr more pages, in as many mappings as they lie in. */
static int take_batch(struct cordbg_window *window, unsigned long nr)
{
	int locked = 1;
	long got = 0;

	if (mmap_read_lock_killable(window->mm))
		return -EINTR;
	/* Nothing that is held now is unmapped before the lock is given away. */
	if (window->epoch) {
		window->last = READ_ONCE(*window->epoch);
		if (!window->nr_pages)
			window->first = window->last;
	}
	while (locked && got >= 0 && nr) {
		window->failed = next_address(window);
		got = take_present(window, window->failed, nr);
		if (!got)
			got = take_mapping(window, &locked, window->failed, nr);
		if (got > 0) {
			window->nr_pages += got;
			nr -= got;
		}
	}
	if (locked)
		mmap_read_unlock(window->mm);
	return got < 0 ? got : 0;
}

/**
 * cordbg_window_pin() - verify a range and hold its pages
 * @window: The window, not pinned.
 * @address: First address.
 * @size: Bytes, at least 1 and no more than the window was made for.
 *
 * Every page is mapped, its protection permits the access, and it has been
 * brought in.
 *
 * Return: 0, or -ENXIO, -EACCES (see window->failed), -ENOMEM or -EINTR, and
 * then nothing is held.
 */
int cordbg_window_pin(struct cordbg_window *window, unsigned long address,
		      unsigned long size)
{
	unsigned long nr = pages_spanned(address, size);
	int err = 0;

	window->address = address;
	window->nr_pages = 0;
	window->indirect = false;
	while (!err && window->nr_pages < nr) {
		err = take_batch(window, min_t(unsigned long, PIN_BATCH,
					       nr - window->nr_pages));
		/* More of them, or once more: a lock was given away to others. */
		if (window->nr_pages < nr)
			cond_resched();
	}
	if (err)
		cordbg_window_unpin(window, false);
	return err;
}

/**
 * cordbg_window_unpin() - let go of the pages
 * @window: The window.
 * @dirty: Whether pages held for writing were written.
 */
void cordbg_window_unpin(struct cordbg_window *window, bool dirty)
{
	unsigned long i;

	if (!window->indirect) {
		let_go(window, window->pages, window->nr_pages, dirty);
	} else {
		for (i = 0; i < window->nr_pages; i++) {
			if (window->pages[i])
				let_go(window, &window->pages[i], 1, dirty);
		}
	}
	window->nr_pages = 0;
}

/**
 * cordbg_window_cover() - let a window of one page hold the page of an address
 * @window: The window, made for PAGE_SIZE bytes.
 * @address: The address.
 *
 * A walk over addresses in ascending order takes each page once.
 *
 * Return: 0, or the error of cordbg_window_pin().
 */
int cordbg_window_cover(struct cordbg_window *window, unsigned long address)
{
	address &= PAGE_MASK;
	if (window->nr_pages && window->address == address)
		return 0;
	cordbg_window_unpin(window, true);
	return cordbg_window_pin(window, address, PAGE_SIZE);
}

/**
 * cordbg_window_page() - the page that holds an address
 * @window: The window, pinned.
 * @address: An address in one of its pages.
 *
 * Return: the page, or NULL if only access_process_vm() can reach it.
 */
struct page *cordbg_window_page(const struct cordbg_window *window,
				unsigned long address)
{
	return window->pages[(address >> PAGE_SHIFT) -
			     (window->address >> PAGE_SHIFT)];
}

/**
 * cordbg_window_current() - whether a page is still the one at its address
 * @window: The window, pinned.
 * @address: An address in one of its pages.
 *
 * Return: 1 if it is; 0 if the memory has been unmapped or moved since; -EINTR
 * or -ENOMEM if it cannot be told.
 */
int cordbg_window_current(const struct cordbg_window *window,
			  unsigned long address)
{
	struct cordbg_window now;
	int err, same;

	cordbg_window_init(&now, window->mm, window->task, 1, false, true);
	err = cordbg_window_pin(&now, address, 1);
	if (err)
		return cordbg_no_answer(err) ? err : 0;
	same = cordbg_window_page(&now, address) ==
	       cordbg_window_page(window, address);
	cordbg_window_unpin(&now, false);
	return same;
}

/**
 * cordbg_window_peek() - read one instruction
 * @window: The window, pinned.
 * @address: Its address, in one of the window's pages.
 * @insn: Where to store it.
 *
 * Return: 0, or the error of cordbg_mm_access().
 */
int cordbg_window_peek(const struct cordbg_window *window,
		       unsigned long address, cordbg_opcode_t *insn)
{
	struct page *page = cordbg_window_page(window, address);
	void *kaddr;

	if (!page)
		return cordbg_mm_access(window->mm, window->task, address, insn,
					sizeof(*insn),
					window->force ? FOLL_FORCE : 0);
	kaddr = kmap_local_page(page);
	*insn = READ_ONCE(*(cordbg_opcode_t *)(kaddr + offset_in_page(address)));
	kunmap_local(kaddr);
	return 0;
}

static bool page_exchange(struct page *page, unsigned long offset,
			  cordbg_opcode_t old, cordbg_opcode_t new)
{
	void *kaddr = kmap_local_page(page);
	bool done = cmpxchg((cordbg_opcode_t *)(kaddr + offset), old, new) == old;

	kunmap_local(kaddr);
	return done;
}

/**
 * cordbg_window_exchange() - replace one instruction if it is the expected one
 * @window: The window, pinned for writing.
 * @address: Its address, in a page that is held.
 * @old: What must be there.
 * @new: What to put there.
 *
 * The exchange is atomic against the program itself, so that no store of the
 * program is lost. Where there are only devices' access functions, a store in the
 * same instant can be.
 *
 * Return: 0, -EAGAIN if something else is there, or the error of
 * cordbg_mm_access().
 */
int cordbg_window_exchange(const struct cordbg_window *window,
			   unsigned long address, cordbg_opcode_t old,
			   cordbg_opcode_t new)
{
	cordbg_opcode_t now;

	if (!window->indirect)
		return page_exchange(cordbg_window_page(window, address),
				     offset_in_page(address), old, new) ?
			0 : -EAGAIN;
	if (cordbg_window_peek(window, address, &now) || now != old)
		return -EAGAIN;
	return cordbg_mm_access(window->mm, window->task, address, &new,
				sizeof(new), FOLL_WRITE | FOLL_FORCE);
}
