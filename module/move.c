// SPDX-License-Identifier: GPL-2.0
/*
 * mremap(2) carries planted opcodes to another address, where no breakpoint is
 * known: whoever runs into one there would die. Notifiers only tell that memory
 * leaves its old address, so the new one is taken from the system call itself,
 * when it returns: the program's bytes are put back there.
 *
 * Since Linux 6.17 one call can move several mappings, one after the other and
 * all by the same distance. Each is a move of its own here. If one cannot be
 * moved the call fails, but those before it have gone.
 */

#include <linux/compat.h>
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>
#include <linux/workqueue.h>

#include <asm/syscall.h>
#include <asm/unistd.h>

#include "cordbg.h"

/*
 * Moves that are listed for what they may carry on of another, and unmaps. What
 * is carried on by more moves than that, while the first is under way, is lost.
 */
#define MOST_MOVES	256

/**
 * struct cordbg_move - one mapping moved by mremap(2), or an unmap while one is
 *	under way
 * @node: Entry of process->moves, in the order in which they happened.
 * @work: Runs when the system call returns.
 * @late: Does what @work could not, because the thread was killed.
 * @process: The process, kept until @work has run; NULL if the last session was
 *	closing.
 * @task: The thread while it is in the system call, for comparison only.
 * @from: The old address.
 * @size: Bytes that are carried over.
 * @offset: How far @from is from the address that mremap(2) was called with.
 * @to: The new address, once @known.
 * @known: The system call has returned, or the unmap is recorded.
 * @gone: This is an unmap: what was carried to @from is not there any more.
 * @back: It could not be moved, and mremap(2) has put it back.
 * @since: process->epoch before the move.
 * @until: process->epoch after it.
 * @ended: process->epoch when all bytes had been restored, or 0.
 *
 * Until @work or @late has run they own the move, then the list does. Entries are
 * added and changed under process->moves_lock; those that are @known are removed
 * only under process->lock, too.
 */
struct cordbg_move {
	struct list_head node;
	struct callback_head work;
	struct work_struct late;
	struct cordbg_process *process;
	struct task_struct *task;
	unsigned long from;
	unsigned long size;
	unsigned long offset;
	unsigned long to;
	bool known;
	bool gone;
	bool back;
	unsigned long since;
	unsigned long until;
	unsigned long ended;
};

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
	lockdep_assert_held(&process->moves_lock);
	route->whole = true;
	route->through = false;
	list_for_each_entry_from(move, &process->moves, node) {
		if (move->since >= epoch)
			break;
		if (route->address - move->from >= move->size)
			continue;
		route->through |= move == through;
		route->whole = move->known && !move->gone;
		if (!route->whole)
			break;
		route->address += move->to - move->from;
	}
}

static struct route route_of(const struct cordbg_move *origin,
			     const struct cordbg_shadow *shadow,
			     const struct cordbg_move *through)
{
	struct route route = { .address = shadow->address };

	spin_lock(&through->process->moves_lock);
	follow(through->process, origin, ULONG_MAX, through, &route);
	spin_unlock(&through->process->moves_lock);
	return route;
}

/*
 * Put the bytes of one shadow that @origin has carried away back, if they went
 * through @move and have arrived. Else the one that they are with does it.
 * Without @window there is no memory any more, but forked children remain.
 */
static int restore_one(const struct cordbg_move *move,
		       const struct cordbg_move *origin,
		       struct cordbg_window *window,
		       struct cordbg_shadow *shadow)
{
	struct route route = route_of(origin, shadow, move);
	int err = 0;

	if (!route.through)
		return 0;
	if (route.whole && window) {
		/* If it has gone on since, the page may be somebody else's. */
		cordbg_window_cover(window, route.address);
		route = route_of(origin, shadow, move);
		if (route.whole)
			err = cordbg_shadow_restore(shadow, window,
						    route.address);
	}
	if (cordbg_no_answer(err))
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
static struct cordbg_move *next_known(struct cordbg_process *process,
				      struct cordbg_move *move)
{
	lockdep_assert_held(&process->lock);
	spin_lock(&process->moves_lock);
	move = list_prepare_entry(move, &process->moves, node);
	list_for_each_entry_continue(move, &process->moves, node) {
		if (move->known)
			goto out;
	}
	move = NULL;
out:
	spin_unlock(&process->moves_lock);
	return move;
}

static int restore_routes(const struct cordbg_move *move,
			  struct cordbg_window *window)
{
	struct cordbg_move *origin = NULL;
	int err = 0;

	/* What later ones have carried away did not go through this one. */
	while (!err && origin != move &&
	       (origin = next_known(move->process, origin)))
		err = restore_all(move, origin, window);
	return err;
}

static int restore_memory(const struct cordbg_move *move)
{
	struct mm_struct *mm = move->process->mm;
	struct cordbg_window window;
	int err;

	if (!mmget_not_zero(mm))
		return restore_routes(move, NULL);
	cordbg_window_init(&window, mm, current, PAGE_SIZE, true, true);
	window.private = true;
	err = restore_routes(move, &window);
	cordbg_window_unpin(&window, true);
	mmput_async(mm);
	return err;
}

static void set_known(struct cordbg_move *move, bool known)
{
	spin_lock(&move->process->moves_lock);
	move->known = known;
	spin_unlock(&move->process->moves_lock);
}

/* End a move: then the list owns it. After an error it is still under way. */
static int move_end(struct cordbg_move *move)
{
	struct cordbg_process *process = move->process;
	int err;

	lockdep_assert_held(&process->lock);
	set_known(move, true);
	err = restore_memory(move);
	if (err) {
		set_known(move, false);
		return err;
	}
	WRITE_ONCE(move->ended, cordbg_epoch_advance(process));
	cordbg_moves_purge(process);
	return 0;
}

/* What mremap(2) was called with. */
struct arguments {
	unsigned long from, old_size, new_size, flags, to;
};

static struct arguments mremap_arguments(void)
{
	unsigned long args[6];
	size_t i;

	syscall_get_arguments(current, current_pt_regs(), args);
	/* What a 64-bit program leaves in the upper halves does not count. */
	for (i = 0; in_compat_syscall() && i < ARRAY_SIZE(args); i++)
		args[i] = lower_32_bits(args[i]);
	return (struct arguments) { untagged_addr(args[0]), PAGE_ALIGN(args[1]),
				    PAGE_ALIGN(args[2]), args[3], args[4] };
}

/*
 * Where the memory is now. A call fails with the mapping that it could not move,
 * which is back where it was: the last of the range, or one that was seen to
 * come back.
 */
static unsigned long move_target(const struct cordbg_move *move)
{
	struct pt_regs *regs = current_pt_regs();
	struct arguments args = mremap_arguments();

	if (!syscall_get_error(current, regs))
		return syscall_get_return_value(current, regs) + move->offset;
	if (!(args.flags & MREMAP_FIXED) || move->back ||
	    move->offset + move->size >= min(args.old_size, args.new_size))
		return move->from;
	return args.to + move->offset;
}

/* In a kernel worker, which no signal interrupts. */
static void move_late(struct work_struct *work)
{
	struct cordbg_move *move = container_of(work, struct cordbg_move, late);
	struct cordbg_process *process = move->process;
	int err;

	do {
		mutex_lock(&process->lock);
		err = move_end(move);
		mutex_unlock(&process->lock);
		if (err)
			msleep(20);
	} while (err);
	cordbg_process_put(process);
	module_put(THIS_MODULE);
}

/* In the thread that called mremap(2): 0, or an error if it is being killed. */
static int move_now(struct cordbg_move *move)
{
	struct cordbg_process *process = move->process;
	int err;

	do {
		if (mutex_lock_killable(&process->lock))
			return -EINTR;
		err = move_end(move);
		mutex_unlock(&process->lock);
		if (err)
			schedule_timeout_killable(1);
	} while (err && !fatal_signal_pending(current));
	return err;
}

static void move_work(struct callback_head *head)
{
	struct cordbg_move *move = container_of(head, struct cordbg_move, work);
	struct cordbg_process *process = move->process;

	if (!process || list_empty_careful(&move->node)) {
		kfree(move);
	} else {
		/* The task may end before the move, and its address be reused. */
		WRITE_ONCE(move->task, NULL);
		move->to = move_target(move);
		if (move_now(move)) {
			/* Others may share the memory, or have a copy. */
			INIT_WORK(&move->late, move_late);
			queue_work(cordbg_workqueue, &move->late);
			return;
		}
	}
	if (process)
		cordbg_process_put(process);
	module_put(THIS_MODULE);
}

/*
 * See fork_alloc(): no reclaim in a notifier, but time to wait. Not accounted to
 * the process, which would have no way out when it has come to its limit. The OOM
 * reaper must not wait for the memory that it is about to free.
 */
static struct cordbg_move *move_alloc(const struct mmu_notifier_range *range)
{
	struct cordbg_move *move = NULL;

	while (mmu_notifier_range_blockable(range)) {
		move = kzalloc(sizeof(*move), GFP_NOWAIT | __GFP_NOWARN);
		if (move || fatal_signal_pending(current))
			break;
		schedule_timeout_uninterruptible(1);
	}
	if (!move)
		move = kzalloc(sizeof(*move), GFP_ATOMIC | __GFP_NOWARN);
	if (move)
		INIT_LIST_HEAD(&move->node);
	return move;
}

/* Whether this is what mremap(2) carries over, and not another unmap. */
static bool is_carried(const struct arguments *args,
		       const struct mmu_notifier_range *range)
{
	/*
	 * What goes away by shrinking begins behind it, and what was at the new
	 * address lies elsewhere. What is moved can be told to begin earlier,
	 * see try_realign_addr().
	 */
	return range->end > args->from && range->start < args->from +
	       min(args->old_size, args->new_size);
}

static void move_link(struct cordbg_move *move, struct cordbg_process *process)
{
	move->since = READ_ONCE(process->epoch);
	spin_lock(&process->moves_lock);
	list_add_tail(&move->node, &process->moves);
	process->nr_moves++;
	spin_unlock(&process->moves_lock);
}

/*
 * The move that the thread has just begun, if it is of this range: the unmap of
 * the old address comes after it, and nothing can come in between.
 */
static struct cordbg_move *move_begun(struct cordbg_process *process,
				      const struct mmu_notifier_range *range)
{
	struct cordbg_move *move = NULL;

	spin_lock(&process->moves_lock);
	if (!list_empty(&process->moves)) {
		move = list_last_entry(&process->moves, struct cordbg_move,
				       node);
		if (READ_ONCE(move->task) != current ||
		    range->end > move->from + move->size)
			move = NULL;
	}
	spin_unlock(&process->moves_lock);
	return move;
}

/*
 * The thread unmaps something else. If it is where it has just moved a mapping
 * to, the mapping has come back: another's new address would lie elsewhere.
 */
static void move_back(struct cordbg_process *process,
		      const struct arguments *args,
		      const struct mmu_notifier_range *range)
{
	struct cordbg_move *move;
	unsigned long to;

	spin_lock(&process->moves_lock);
	list_for_each_entry_reverse(move, &process->moves, node) {
		if (READ_ONCE(move->task) != current)
			continue;
		to = args->to + move->offset;
		if (range->end > to && range->start < to + move->size)
			move->back = true;
		break;
	}
	spin_unlock(&process->moves_lock);
}

static struct cordbg_move *begin_gone(struct cordbg_process *process,
				      const struct mmu_notifier_range *range)
{
	struct cordbg_move *move;

	if (list_empty_careful(&process->moves))
		return NULL;
	move = move_alloc(range);
	if (!move)
		return NULL;
	move->from = range->start;
	move->size = range->end - range->start;
	move->gone = true;
	move_link(move, process);
	return move;
}

static struct cordbg_move *begin_move(struct cordbg_process *process,
				      const struct arguments *args,
				      const struct mmu_notifier_range *range)
{
	struct cordbg_move *move = move_alloc(range);

	if (!move)
		return NULL;
	init_task_work(&move->work, move_work);
	if (task_work_add(current, &move->work, TWA_RESUME)) {
		kfree(move);
		return NULL;
	}
	__module_get(THIS_MODULE);
	WRITE_ONCE(cordbg_task_work_seen, true);
	move->task = current;
	move->from = max(args->from, range->start);
	move->size = range->end - move->from;
	move->offset = move->from - args->from;
	/* The last session may be closing: then there is nothing to restore. */
	if (!cordbg_process_tryget(process))
		return NULL;
	move->process = process;
	move_link(move, process);
	return move;
}

/**
 * cordbg_move_begin() - memory is unmapped, or moved if this is mremap(2)
 * @process: The process.
 * @range: What leaves its address.
 *
 * Called before cordbg_shadows_unmap() for the range, under mmap_lock.
 *
 * Return: the move, for cordbg_move_unmapped(), or NULL if there is none.
 */
struct cordbg_move *cordbg_move_begin(struct cordbg_process *process,
				      const struct mmu_notifier_range *range)
{
	struct cordbg_move *move;
	struct arguments args;

	if (current->mm != process->mm || !is_mremap(current_pt_regs()))
		return begin_gone(process, range);
	args = mremap_arguments();
	if (!is_carried(&args, range)) {
		move_back(process, &args, range);
		return begin_gone(process, range);
	}
	move = move_begun(process, range);
	return move ?: begin_move(process, &args, range);
}

/**
 * cordbg_move_unmapped() - what a move carries over has left its address
 * @process: The process.
 * @move: The move.
 * @any: There were breakpoints.
 *
 * Without any it matters only for what another move has carried there.
 */
void cordbg_move_unmapped(struct cordbg_process *process,
			  struct cordbg_move *move, bool any)
{
	bool needed;

	spin_lock(&process->moves_lock);
	needed = any || move->until ||
		 (process->nr_moves > 1 && process->nr_moves <= MOST_MOVES);
	if (needed) {
		move->until = READ_ONCE(process->epoch);
		if (move->gone) {
			/* From here on only the purge may free it. */
			move->known = true;
			WRITE_ONCE(move->ended, move->until);
		}
	} else {
		list_del_init(&move->node);
		process->nr_moves--;
	}
	spin_unlock(&process->moves_lock);
	if (!needed && move->gone)
		kfree(move);
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
bool cordbg_moved(struct cordbg_process *process,
		  const struct cordbg_shadow *shadow, unsigned long epoch,
		  unsigned long *address)
{
	struct route route = { .address = shadow->address };
	struct cordbg_move *move;

	lockdep_assert_held(&process->lock);
	spin_lock(&process->moves_lock);
	list_for_each_entry(move, &process->moves, node) {
		if (move->since < epoch && carried(move, shadow)) {
			follow(process, move, epoch, NULL, &route);
			break;
		}
	}
	spin_unlock(&process->moves_lock);
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
	spin_lock(&process->moves_lock);
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
		process->nr_moves--;
	}
	spin_unlock(&process->moves_lock);
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
unsigned long cordbg_moves_epoch(struct cordbg_process *process)
{
	unsigned long epoch = ULONG_MAX;
	struct cordbg_move *move;

	spin_lock(&process->moves_lock);
	list_for_each_entry(move, &process->moves, node) {
		if (READ_ONCE(move->ended))
			continue;
		epoch = move->since;
		break;
	}
	spin_unlock(&process->moves_lock);
	return epoch;
}
