// SPDX-License-Identifier: GPL-2.0
/*
 * mremap(2) carries planted opcodes to another address, where no breakpoint is
 * known: whoever runs into one there would die. Notifiers only tell that memory
 * leaves its old address, so the new one is taken from the system call itself,
 * when it returns: the program's bytes are put back there.
 */

#include <linux/compat.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>

#include <asm/syscall.h>
#include <asm/unistd.h>

#include "cordbg.h"

/**
 * struct cordbg_move - one mremap(2) under way
 * @node: Entry of process->moves, under moves_lock.
 * @work: Runs when the system call returns; owns the move.
 * @process: The process, kept; NULL if the last session is closing.
 * @from: The old address.
 * @size: Bytes that are carried over.
 * @since: process->epoch before the move.
 */
struct cordbg_move {
	struct list_head node;
	struct callback_head work;
	struct cordbg_process *process;
	unsigned long from;
	unsigned long size;
	unsigned long since;
};

/* Raw, because it is taken under forks_lock. Protects process->moves. */
static DEFINE_RAW_SPINLOCK(moves_lock);

static bool is_mremap(struct pt_regs *regs)
{
	int nr = syscall_get_nr(current, regs);

#ifdef CONFIG_IA32_EMULATION
	if (in_ia32_syscall())
		return nr == __NR_ia32_mremap;
#endif
#ifdef CONFIG_X86_X32_ABI
	nr &= ~__X32_SYSCALL_BIT;
#endif
	return nr == __NR_mremap;
}

static int move_restore(struct cordbg_move *move, unsigned long to)
{
	struct cordbg_process *process = move->process;
	struct cordbg_window window;
	int err;

	cordbg_window_init(&window, process->mm, current, PAGE_SIZE, true, true);
	window.private = true;
	if (mutex_lock_killable(&process->lock))
		return -EINTR;
	err = cordbg_shadows_move(process, &window, move->from, move->size, to,
				  move->since);
	mutex_unlock(&process->lock);
	cordbg_window_unpin(&window, true);
	return err;
}

/* Where the memory is now; after a failure it is back where it was. */
static unsigned long move_target(const struct cordbg_move *move)
{
	struct pt_regs *regs = current_pt_regs();

	return syscall_get_error(current, regs) ?
		move->from : syscall_get_return_value(current, regs);
}

static void move_work(struct callback_head *head)
{
	struct cordbg_move *move = container_of(head, struct cordbg_move, work);
	struct cordbg_process *process = move->process;

	if (process && !list_empty_careful(&move->node)) {
		while (current->mm == process->mm &&
		       move_restore(move, move_target(move)) == -ENOMEM &&
		       !fatal_signal_pending(current))
			schedule_timeout_uninterruptible(1);
		cordbg_move_cancel(move);
	}
	if (process)
		cordbg_process_put(process);
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

/* Fill in what mremap(2) carries over; false if this is another unmap. */
static bool move_range(struct cordbg_move *move,
		       const struct mmu_notifier_range *range)
{
	unsigned long args[6], end;

	syscall_get_arguments(current, current_pt_regs(), args);
	move->from = untagged_addr(args[0]);
	end = move->from + PAGE_ALIGN(min(args[1], args[2]));
	/*
	 * What goes away by shrinking begins at @end, and what was at the new
	 * address lies elsewhere. What is moved can be told to begin earlier,
	 * see try_realign_addr().
	 */
	if (range->end <= move->from || range->start >= end)
		return false;
	move->size = range->end - move->from;
	return true;
}

static void move_link(struct cordbg_move *move, struct cordbg_process *process)
{
	move->process = process;
	move->since = READ_ONCE(process->epoch);
	raw_spin_lock(&moves_lock);
	list_add(&move->node, &process->moves);
	raw_spin_unlock(&moves_lock);
}

/**
 * cordbg_move_begin() - memory is unmapped, or moved if this is mremap(2)
 * @process: The process.
 * @range: What leaves its address.
 *
 * Called before cordbg_shadows_unmap() for the range, under mmap_lock.
 *
 * Return: the move, or NULL if there is none.
 */
struct cordbg_move *cordbg_move_begin(struct cordbg_process *process,
				      const struct mmu_notifier_range *range)
{
	struct cordbg_move *move;

	if (current->mm != process->mm || !is_mremap(current_pt_regs()))
		return NULL;
	move = move_alloc();
	if (!move)
		return NULL;
	INIT_LIST_HEAD(&move->node);
	init_task_work(&move->work, move_work);
	if (!move_range(move, range) ||
	    task_work_add(current, &move->work, TWA_RESUME)) {
		kfree(move);
		return NULL;
	}
	__module_get(THIS_MODULE);
	WRITE_ONCE(cordbg_task_work_seen, true);
	/* The last session may be closing: then there is nothing to restore. */
	if (cordbg_process_tryget(process))
		move_link(move, process);
	return move;
}

/**
 * cordbg_move_cancel() - nobody has to wait for a move
 * @move: The move.
 */
void cordbg_move_cancel(struct cordbg_move *move)
{
	raw_spin_lock(&moves_lock);
	list_del_init(&move->node);
	raw_spin_unlock(&moves_lock);
}

/**
 * cordbg_moves_epoch() - what dropped shadows no move needs
 * @process: The process.
 *
 * Return: a shadow that was dropped no later than this is not needed by a move
 * under way.
 */
unsigned long cordbg_moves_epoch(const struct cordbg_process *process)
{
	unsigned long epoch = ULONG_MAX;
	struct cordbg_move *move;

	raw_spin_lock(&moves_lock);
	list_for_each_entry(move, &process->moves, node)
		epoch = min(epoch, move->since);
	raw_spin_unlock(&moves_lock);
	return epoch;
}
