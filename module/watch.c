// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel tells about the memory of a process that has breakpoints:
 * parts of it are unmapped, moved by mremap(2), or copied by fork(2).
 */

#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_notifier.h>

#include "cordbg.h"

/*
 * copy_page_range() sends MMU_NOTIFY_PROTECTION_PAGE for the parent, before it
 * copies, with mmap_lock held for writing. So does write-back of a shared page,
 * in page_vma_mkclean_one(), without the lock; if another thread has it just
 * then, a fork is recorded that never makes a child, which does no harm.
 */
static bool is_fork(const struct mmu_notifier_range *range)
{
	struct mm_struct *mm = range->mm;

	if (range->event != MMU_NOTIFY_PROTECTION_PAGE || current->mm != mm ||
	    !mmu_notifier_range_blockable(range))
		return false;
	if (!mmap_read_trylock(mm))
		return true;
	mmap_read_unlock(mm);
	return false;
}

static void watch_unmap(struct cordbg_process *process,
			const struct mmu_notifier_range *range)
{
	struct cordbg_move *move = cordbg_move_begin(process, range);
	bool any;

	/* One step, so that a SET in between is either dropped or undone. */
	any = cordbg_shadows_unmap(process, range->start, range->end);
	if (move)
		cordbg_move_unmapped(process, move, any);
}

static int watch_invalidate(struct mmu_notifier *notifier,
			    const struct mmu_notifier_range *range)
{
	struct cordbg_process *process =
		container_of(notifier, struct cordbg_process, notifier);

	if (range->event == MMU_NOTIFY_UNMAP)
		watch_unmap(process, range);
	else if (is_fork(range))
		cordbg_fork_begin(process);
	return 0;
}

static const struct mmu_notifier_ops watch_ops = {
	.invalidate_range_start = watch_invalidate,
};

static int watch_register(struct cordbg_process *process)
{
	int err;

	if (mmap_write_lock_killable(process->mm))
		return -EINTR;
	process->notifier.ops = &watch_ops;
	err = __mmu_notifier_register(&process->notifier, process->mm);
	mmap_write_unlock(process->mm);
	/* mm_take_all_locks() gives way to any signal. */
	if (err == -EINTR && !fatal_signal_pending(current))
		err = -ERESTARTNOINTR;
	return err;
}

/**
 * cordbg_process_watch() - be told about the process's memory from now on
 * @process: The process; the caller has a user of its mm.
 *
 * Before the first opcode is planted. A fork that has begun before this returns
 * has copied its memory by then.
 *
 * Return: 0, -ENOMEM, -EINTR, or -ERESTARTNOINTR to handle a signal first.
 */
int cordbg_process_watch(struct cordbg_process *process)
{
	int err = 0;

	if (READ_ONCE(process->watched))
		return 0;
	if (mutex_lock_killable(&process->lock))
		return -EINTR;
	if (!process->watched) {
		err = watch_register(process);
		WRITE_ONCE(process->watched, !err);
	}
	mutex_unlock(&process->lock);
	return err;
}

/**
 * cordbg_process_unwatch() - end what cordbg_process_watch() began
 * @process: The process; nobody else uses it any more.
 */
void cordbg_process_unwatch(struct cordbg_process *process)
{
	if (process->watched)
		mmu_notifier_unregister(&process->notifier, process->mm);
}
