// SPDX-License-Identifier: GPL-2.0
/*
 * mremap(2) carries planted opcodes to another address, where no breakpoint is
 * known: whoever runs into one there would die. Notifiers only tell that memory
 * leaves its old address, so the new one is taken from the system call itself,
 * when it returns: the program's bytes are put back there.
 */

#include <linux/compat.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/task_work.h>

#include <asm/syscall.h>
#include <asm/unistd.h>

#include "cordbg.h"

/**
 * struct cordbg_move - one mremap(2) under way
 * @work: Runs when the system call returns.
 * @process: The process, kept; NULL if it had no breakpoints any more.
 * @from: The old address.
 * @size: Bytes that are carried over.
 * @since: process->unmaps before the move.
 */
struct cordbg_move {
	struct callback_head work;
	struct cordbg_process *process;
	unsigned long from;
	unsigned long size;
	unsigned long since;
};

static bool is_mremap(struct pt_regs *regs)
{
	int nr = syscall_get_nr(current, regs);

#ifdef CONFIG_IA32_EMULATION
	if (in_ia32_syscall())
		return nr == __NR_ia32_mremap;
#endif
	return nr == __NR_mremap;
}

static int move_restore(struct cordbg_move *move, unsigned long to)
{
	struct cordbg_process *process = move->process;
	struct cordbg_window window;
	int err;

	err = cordbg_window_init(&window, process->mm, current, PAGE_SIZE, true,
				 true);
	if (err)
		return err;
	if (mutex_lock_killable(&process->lock))
		return -EINTR;
	err = cordbg_shadows_move(process, &window, move->from, move->size, to,
				  move->since);
	mutex_unlock(&process->lock);
	cordbg_window_unpin(&window, true);
	return err;
}

static void move_finish(struct cordbg_move *move)
{
	struct cordbg_process *process = move->process;
	struct pt_regs *regs = current_pt_regs();
	unsigned long to = move->from;

	/* After a failure the memory is back where it was. */
	if (!syscall_get_error(current, regs))
		to = syscall_get_return_value(current, regs);
	while (current->mm == process->mm && move_restore(move, to) &&
	       !fatal_signal_pending(current))
		schedule_timeout_uninterruptible(1);
	atomic_dec(&process->nr_moves);
	cordbg_process_put(process);
}

static void move_work(struct callback_head *head)
{
	struct cordbg_move *move = container_of(head, struct cordbg_move, work);

	if (move->process)
		move_finish(move);
	kfree(move);
	module_put(THIS_MODULE);
}

/* See fork_alloc(): no reclaim in a notifier, but time to wait. */
static struct cordbg_move *move_alloc(void)
{
	struct cordbg_move *move = NULL;

	while (!move && !fatal_signal_pending(current)) {
		move = kzalloc(sizeof(*move), GFP_NOWAIT | __GFP_NOWARN);
		if (!move)
			schedule_timeout_uninterruptible(1);
	}
	return move;
}

/**
 * cordbg_move_begin() - memory is unmapped, or moved if this is mremap(2)
 * @process: The process.
 * @range: What leaves its address.
 *
 * Called before cordbg_shadows_unmap() for the range, under mmap_lock.
 */
void cordbg_move_begin(struct cordbg_process *process,
		       const struct mmu_notifier_range *range)
{
	unsigned long args[6];
	struct cordbg_move *move;

	if (current->mm != process->mm || !is_mremap(current_pt_regs()))
		return;
	syscall_get_arguments(current, current_pt_regs(), args);
	/* Not the pages that go away at the new address, or by shrinking. */
	if (range->end <= args[0] ||
	    range->start >= args[0] + min(args[1], args[2]))
		return;
	move = move_alloc();
	if (!move)
		return;
	move->from = args[0];
	move->size = min(args[1], args[2]);
	move->since = READ_ONCE(process->unmaps);
	init_task_work(&move->work, move_work);
	if (task_work_add(current, &move->work, TWA_RESUME)) {
		kfree(move);
		return;
	}
	__module_get(THIS_MODULE);
	WRITE_ONCE(cordbg_task_work_seen, true);
	/* The last session may be closing: then there is nothing to restore. */
	if (!cordbg_process_tryget(process))
		return;
	move->process = process;
	atomic_inc(&process->nr_moves);
}
