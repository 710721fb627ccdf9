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
 * struct cordbg_move - one mremap(2)
 * @node: Entry of process->moves, in the order in which they happened.
 * @work: Runs when the system call returns.
 * @process: The process, kept until @work has run; NULL if the last session was
 *	closing.
 * @task: The thread, for comparison only.
 * @from: The old address.
 * @size: Bytes that are carried over.
 * @to: The new address, once @known.
 * @known: The system call has returned.
 * @since: process->epoch before the move.
 * @until: process->epoch after it.
 * @ended: process->epoch when all bytes had been restored, or 0.
 *
 * Until @work has run it owns the move, then the list does. Entries are added
 * and changed under moves_lock; those that are @known are removed only under
 * process->lock, too.
 */
struct cordbg_move {
	struct list_head node;
	struct callback_head work;
	struct cordbg_process *process;
	struct task_struct *task;
	unsigned long from;
	unsigned long size;
	unsigned long to;
	bool known;
	unsigned long since;
	unsigned long until;
	unsigned long ended;
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

/**
 * struct route - where moves have carried an address to
 * @address: As far as is known.
 * @whole: That is where it is.
 * @through: It went through a certain move.
 */
struct route {
	unsigned long address;
	bool whole;
	bool through;
};

/* Follow route->address from @move on, through moves that began before @epoch. */
static void follow(const struct cordbg_process *process,
		   const struct cordbg_move *move, unsigned long epoch,
		   const struct cordbg_move *through, struct route *route)
{
	lockdep_assert_held(&moves_lock);
	route->whole = true;
	route->through = false;
	list_for_each_entry_from(move, &process->moves, node) {
		if (move->since >= epoch)
			break;
		if (route->address - move->from >= move->size)
			continue;
		route->through |= move == through;
		route->whole = move->known;
		if (!move->known)
			break;
		route->address += move->to - move->from;
	}
}

/*
 * Put the bytes of one shadow that @origin has carried away back, if they went
 * through @move and have arrived. Else the one that they are with does it.
 */
static int restore_one(const struct cordbg_move *move,
		       const struct cordbg_move *origin,
		       struct cordbg_window *window,
		       struct cordbg_shadow *shadow)
{
	struct route route = { .address = shadow->address };
	int err = 0;

	raw_spin_lock(&moves_lock);
	follow(move->process, origin, ULONG_MAX, move, &route);
	raw_spin_unlock(&moves_lock);
	if (!route.through)
		return 0;
	if (route.whole)
		err = cordbg_shadow_restore(shadow, window, route.address);
	if (err == -ENOMEM || err == -EINTR)
		return err;
	cordbg_shadow_keep(move->process, shadow);
	return 0;
}

/* Whether a move carried away what was under a shadow. */
static bool carried(const struct cordbg_move *move,
		    const struct cordbg_shadow *shadow)
{
	unsigned long unmapped = READ_ONCE(shadow->unmapped);

	return unmapped > move->since && unmapped <= move->until &&
	       shadow->address - move->from < move->size;
}

static int restore_all(const struct cordbg_move *move,
		       const struct cordbg_move *origin,
		       struct cordbg_window *window)
{
	struct cordbg_shadow *shadow = NULL;
	int err = 0;

	while (!err) {
		shadow = cordbg_shadow_next_unmapped(move->process, shadow,
						     origin->from,
						     origin->size);
		if (!shadow)
			break;
		if (carried(origin, shadow))
			err = restore_one(move, origin, window, shadow);
		cond_resched();
	}
	return err;
}

/* The first move that is known, after @move or at all. */
static struct cordbg_move *next_known(const struct cordbg_process *process,
				      struct cordbg_move *move)
{
	lockdep_assert_held(&process->lock);
	raw_spin_lock(&moves_lock);
	move = list_prepare_entry(move, &process->moves, node);
	list_for_each_entry_continue(move, &process->moves, node) {
		if (move->known)
			goto out;
	}
	move = NULL;
out:
	raw_spin_unlock(&moves_lock);
	return move;
}

static int move_restore(struct cordbg_move *move)
{
	struct cordbg_process *process = move->process;
	struct cordbg_move *origin = NULL;
	struct cordbg_window window;
	int err = 0;

	if (mutex_lock_killable(&process->lock))
		return -EINTR;
	raw_spin_lock(&moves_lock);
	move->known = true;
	raw_spin_unlock(&moves_lock);
	cordbg_window_init(&window, process->mm, current, PAGE_SIZE, true, true);
	window.private = true;
	while (!err && (origin = next_known(process, origin)))
		err = restore_all(move, origin, &window);
	cordbg_window_unpin(&window, true);
	raw_spin_lock(&moves_lock);
	move->known = !err;
	raw_spin_unlock(&moves_lock);
	if (!err) {
		WRITE_ONCE(move->ended, cordbg_epoch_advance(process));
		cordbg_moves_purge(process);
	}
	mutex_unlock(&process->lock);
	return err;
}

static void move_unlink(struct cordbg_move *move)
{
	raw_spin_lock(&moves_lock);
	list_del_init(&move->node);
	raw_spin_unlock(&moves_lock);
}

/* Where the memory is now; after a failure it is back where it was. */
static unsigned long move_target(const struct cordbg_move *move)
{
	struct pt_regs *regs = current_pt_regs();

	return syscall_get_error(current, regs) ?
		move->from : syscall_get_return_value(current, regs);
}

/* Whether the list owns the move from now on. */
static bool move_end(struct cordbg_move *move)
{
	const struct mm_struct *mm = move->process->mm;
	int err = -ESRCH;

	if (list_empty_careful(&move->node))
		return false;
	move->to = move_target(move);
	while (current->mm == mm && !fatal_signal_pending(current)) {
		err = move_restore(move);
		if (err != -ENOMEM)
			break;
		schedule_timeout_uninterruptible(1);
	}
	if (err)
		move_unlink(move);
	return !err;
}

static void move_work(struct callback_head *head)
{
	struct cordbg_move *move = container_of(head, struct cordbg_move, work);
	struct cordbg_process *process = move->process;

	if (!process || !move_end(move))
		kfree(move);
	if (process)
		cordbg_process_put(process);
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

/* Whether the thread's mremap(2) is known already: it tells of the unmap, too. */
static bool move_begun(const struct cordbg_process *process)
{
	struct cordbg_move *move;
	bool begun = false;

	raw_spin_lock(&moves_lock);
	list_for_each_entry(move, &process->moves, node)
		begun |= move->task == current && !move->ended;
	raw_spin_unlock(&moves_lock);
	return begun;
}

static void move_link(struct cordbg_move *move, struct cordbg_process *process)
{
	move->process = process;
	move->task = current;
	move->since = READ_ONCE(process->epoch);
	raw_spin_lock(&moves_lock);
	list_add_tail(&move->node, &process->moves);
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

	if (current->mm != process->mm || !is_mremap(current_pt_regs()) ||
	    move_begun(process))
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
 * cordbg_move_unmapped() - what a move carries over has left its address
 * @move: The move.
 * @any: There were breakpoints.
 *
 * Without any it matters only if it can carry on what another has carried there.
 */
void cordbg_move_unmapped(struct cordbg_move *move, bool any)
{
	if (!move->process)
		return;
	if (!any && list_is_singular(&move->process->moves))
		move_unlink(move);
	else
		WRITE_ONCE(move->until, READ_ONCE(move->process->epoch));
}

/**
 * cordbg_moved() - where moves had carried what was under a breakpoint
 * @process: The process, locked.
 * @shadow: The breakpoint.
 * @epoch: process->epoch as of when; moves that began before have ended.
 * @address: Set to the new address.
 *
 * Return: whether they had.
 */
bool cordbg_moved(const struct cordbg_process *process,
		  const struct cordbg_shadow *shadow, unsigned long epoch,
		  unsigned long *address)
{
	struct route route = { .address = shadow->address };
	struct cordbg_move *move;

	lockdep_assert_held(&process->lock);
	raw_spin_lock(&moves_lock);
	list_for_each_entry(move, &process->moves, node) {
		if (move->since < epoch && carried(move, shadow)) {
			follow(process, move, epoch, NULL, &route);
			break;
		}
	}
	raw_spin_unlock(&moves_lock);
	*address = route.address;
	return route.whole;
}

/**
 * cordbg_moves_purge() - forget moves that have ended and that nothing needs
 * @process: The process, locked.
 *
 * A move is needed by forks and moves that began before it ended: they may have
 * copied or carried on opcodes from its new address. All moves since the oldest
 * that is needed are kept, because the way of an opcode leads through them.
 */
void cordbg_moves_purge(struct cordbg_process *process)
{
	struct cordbg_move *move, *next, *oldest = NULL;
	unsigned long needed;
	LIST_HEAD(unneeded);

	lockdep_assert_held(&process->lock);
	if (list_empty_careful(&process->moves))
		return;
	needed = cordbg_forks_epoch(process);
	raw_spin_lock(&moves_lock);
	list_for_each_entry_reverse(move, &process->moves, node) {
		if (move->ended && move->ended <= needed)
			continue;
		needed = min(needed, move->since);
		oldest = move;
	}
	list_for_each_entry_safe(move, next, &process->moves, node) {
		if (move == oldest)
			break;
		list_move(&move->node, &unneeded);
	}
	raw_spin_unlock(&moves_lock);
	list_for_each_entry_safe(move, next, &unneeded, node)
		kfree(move);
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
	list_for_each_entry(move, &process->moves, node) {
		if (!READ_ONCE(move->ended))
			epoch = min(epoch, move->since);
	}
	raw_spin_unlock(&moves_lock);
	return epoch;
}
