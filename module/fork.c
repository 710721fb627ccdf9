// SPDX-License-Identifier: GPL-2.0
/*
 * fork(2): a child must not inherit opcodes.
 *
 * Its memory is a copy of the parent's, so the opcodes are in it. A task work
 * puts the program's bytes back before the child's first instruction:
 *
 *	parent	copies its memory	cordbg_fork_begin(): struct cordbg_fork
 *	parent	has made the child	probe_fork(): child_work is queued
 *	child	returns to user mode	child_work(): fork_clean()
 *	parent	returns to user mode	parent_work(): the fork failed, or not
 *
 * Everything that is needed is allocated at the first step, which may wait:
 * later there is nobody to report a failure to.
 *
 * From the first step until the child is clean the fork is under way. Meanwhile
 * no shadow leaves the list and no bytes under an opcode change, because the
 * child needs them as they were. An operation that has to do either does not
 * wait for the child to run: it cleans it itself, see cordbg_forks_settle().
 */

#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/task_work.h>
#include <linux/tracepoint.h>

#include "cordbg.h"

/* Forks that can go on when memory has run out. */
#define FORK_RESERVE	64

/**
 * struct cordbg_fork - one fork of a process under way
 * @node: Entry of @forks until the child is clean or the fork has failed.
 * @parent_work: Runs when the parent leaves the system call; owns a reference.
 * @child_work: Runs before the child enters user mode; owns a reference.
 * @refs: References.
 * @process: The parent's, kept; NULL if it had no breakpoints any more.
 * @parent: The thread that forks, for comparison only.
 * @child: The child, kept; NULL until it has been made.
 * @mm: The child's memory, kept by mmgrab().
 * @unmaps: process->unmaps when the memory was copied.
 *
 * @node, @child and @mm are set under forks_lock.
 */
struct cordbg_fork {
	struct list_head node;
	struct callback_head parent_work;
	struct callback_head child_work;
	refcount_t refs;
	struct cordbg_process *process;
	struct task_struct *parent;
	struct task_struct *child;
	struct mm_struct *mm;
	unsigned long unmaps;
};

/* Raw: the tracepoint is called with preemption off. Protects forks. */
static DEFINE_RAW_SPINLOCK(forks_lock);
static LIST_HEAD(forks);

static struct kmem_cache *fork_cache;
static mempool_t *fork_pool;
static struct tracepoint *fork_tracepoint;

/* Whether a task work has been queued that runs module text. */
bool cordbg_task_work_seen;

static void fork_put(struct cordbg_fork *fork)
{
	if (!refcount_dec_and_test(&fork->refs))
		return;
	if (fork->child) {
		put_task_struct(fork->child);
		mmdrop(fork->mm);
	}
	if (fork->process)
		cordbg_process_put(fork->process);
	mempool_free(fork, fork_pool);
	module_put(THIS_MODULE);
}

static void fork_unlink(struct cordbg_fork *fork)
{
	raw_spin_lock(&forks_lock);
	if (!list_empty(&fork->node)) {
		list_del_init(&fork->node);
		WRITE_ONCE(fork->process->nr_forks,
			   fork->process->nr_forks - 1);
	}
	raw_spin_unlock(&forks_lock);
}

/* Put the program's bytes back in the child, if nobody has. */
static int fork_clean(struct cordbg_fork *fork)
{
	struct cordbg_window window;
	int err = 0;

	lockdep_assert_held(&fork->process->lock);
	if (list_empty_careful(&fork->node))
		return 0;
	if (mmget_not_zero(fork->mm)) {
		cordbg_window_init(&window, fork->mm, fork->child, PAGE_SIZE,
				   true, true);
		/* What parent and child share is the parent's to restore. */
		window.private = true;
		err = cordbg_shadows_clean(fork->process, &window,
					   fork->unmaps);
		cordbg_window_unpin(&window, true);
		mmput_async(fork->mm);
	}
	if (!err)
		fork_unlink(fork);
	return err;
}

/* Clean the child on behalf of anybody who may take the parent's lock. */
static int fork_clean_lock(struct cordbg_fork *fork)
{
	int err;

	/* Where mremap(2) has carried opcodes is not known before it ends. */
	while (cordbg_moves_pending(fork->process)) {
		if (schedule_timeout_killable(1) && fatal_signal_pending(current))
			return -EINTR;
	}
	if (mutex_lock_killable(&fork->process->lock))
		return -EINTR;
	err = fork_clean(fork);
	mutex_unlock(&fork->process->lock);
	return err;
}

static void child_work(struct callback_head *head)
{
	struct cordbg_fork *fork =
		container_of(head, struct cordbg_fork, child_work);

	/* It runs with its own bytes or not at all. */
	while (fork_clean_lock(fork) && !fatal_signal_pending(current))
		schedule_timeout_uninterruptible(1);
	fork_unlink(fork);
	fork_put(fork);
}

static void parent_work(struct callback_head *head)
{
	struct cordbg_fork *fork =
		container_of(head, struct cordbg_fork, parent_work);

	if (!READ_ONCE(fork->child))
		fork_unlink(fork);
	fork_put(fork);
}

/* The fork that a thread is in the middle of. */
static struct cordbg_fork *fork_of(const struct task_struct *parent)
{
	struct cordbg_fork *fork;

	lockdep_assert_held(&forks_lock);
	list_for_each_entry(fork, &forks, node) {
		if (fork->parent == parent && !fork->child)
			return fork;
	}
	return NULL;
}

/*
 * In a notifier memory may not be reclaimed, which could come back to notifiers.
 * Waiting is allowed: children that run give back to the reserve.
 */
static struct cordbg_fork *fork_alloc(void)
{
	struct cordbg_fork *fork;

	while (!fatal_signal_pending(current)) {
		fork = mempool_alloc(fork_pool, GFP_NOWAIT | __GFP_NOWARN);
		if (fork) {
			memset(fork, 0, sizeof(*fork));
			INIT_LIST_HEAD(&fork->node);
			return fork;
		}
		schedule_timeout_uninterruptible(1);
	}
	/* With a fatal signal the fork fails at its end, if not before. */
	return NULL;
}

static void fork_link(struct cordbg_fork *fork, struct cordbg_process *process)
{
	fork->process = process;
	fork->unmaps = READ_ONCE(process->unmaps);
	raw_spin_lock(&forks_lock);
	list_add_tail(&fork->node, &forks);
	WRITE_ONCE(process->nr_forks, process->nr_forks + 1);
	raw_spin_unlock(&forks_lock);
	/*
	 * The count first, the copy of the memory second; on the other side
	 * the opcode is taken away first and the count read second, see
	 * cordbg_forks_settled().
	 */
	smp_mb();
}

/**
 * cordbg_fork_begin() - the current thread copies its memory for a child
 * @process: Its process.
 *
 * Called once for each mapping, under the process's mmap_lock for writing.
 */
void cordbg_fork_begin(struct cordbg_process *process)
{
	struct cordbg_fork *fork;

	raw_spin_lock(&forks_lock);
	fork = fork_of(current);
	raw_spin_unlock(&forks_lock);
	if (fork)
		return;
	fork = fork_alloc();
	if (!fork)
		return;
	init_task_work(&fork->parent_work, parent_work);
	init_task_work(&fork->child_work, child_work);
	if (task_work_add(current, &fork->parent_work, TWA_RESUME)) {
		mempool_free(fork, fork_pool);
		return;
	}
	__module_get(THIS_MODULE);
	WRITE_ONCE(cordbg_task_work_seen, true);
	refcount_set(&fork->refs, 1);
	fork->parent = current;
	/* The last session may be closing: then there is nothing to clean. */
	if (cordbg_process_tryget(process))
		fork_link(fork, process);
}

/* The sched_process_fork tracepoint: the child exists and has not run yet. */
static void probe_fork(void *data, struct task_struct *parent,
		       struct task_struct *child)
{
	struct cordbg_fork *fork;

	if (list_empty_careful(&forks) || child->mm == parent->mm)
		return;
	raw_spin_lock(&forks_lock);
	fork = fork_of(parent);
	if (fork) {
		mmgrab(child->mm);
		fork->mm = child->mm;
		refcount_inc(&fork->refs);
		WRITE_ONCE(fork->child, get_task_struct(child));
	}
	raw_spin_unlock(&forks_lock);
	if (fork)
		task_work_add(child, &fork->child_work, TWA_RESUME);
}

/* A fork of @process, or the one that makes @mm, with a reference. */
static struct cordbg_fork *fork_get(const struct cordbg_process *process,
				    const struct mm_struct *mm)
{
	struct cordbg_fork *fork, *found = NULL;

	raw_spin_lock(&forks_lock);
	list_for_each_entry(fork, &forks, node) {
		if (mm ? fork->mm == mm : fork->process == process) {
			refcount_inc(&fork->refs);
			found = fork;
			break;
		}
	}
	raw_spin_unlock(&forks_lock);
	return found;
}

/* Clean one child, or give its parent time to make it. */
static int fork_settle(struct cordbg_fork *fork)
{
	int err = 0;

	if (READ_ONCE(fork->child))
		err = fork_clean_lock(fork);
	else
		schedule_timeout_killable(1);
	fork_put(fork);
	return !err && fatal_signal_pending(current) ? -EINTR : err;
}

/**
 * cordbg_forks_settled() - whether no fork needs the shadow list as it is
 * @process: The process, locked.
 *
 * Return: true if none does. Forks that begin afterwards see memory as it is
 * by then.
 */
bool cordbg_forks_settled(const struct cordbg_process *process)
{
	/* Pairs with the barrier in fork_link(). */
	smp_mb();
	return !READ_ONCE(process->nr_forks) && !cordbg_moves_pending(process);
}

/**
 * cordbg_forks_settle() - finish the forks and moves that are under way
 * @process: The process, not locked.
 *
 * Return: 0, -ENOMEM or -EINTR.
 */
int cordbg_forks_settle(struct cordbg_process *process)
{
	struct cordbg_fork *fork;
	int err = 0;

	while (!err && (fork = fork_get(process, NULL)))
		err = fork_settle(fork);
	while (!err && cordbg_moves_pending(process)) {
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
			err = -EINTR;
	}
	return err;
}

/**
 * cordbg_forks_settle_child() - clean a child before anybody attaches to it
 * @mm: Its memory.
 *
 * Return: 0, -ENOMEM or -EINTR.
 */
int cordbg_forks_settle_child(const struct mm_struct *mm)
{
	struct cordbg_fork *fork = fork_get(NULL, mm);

	return fork ? fork_settle(fork) : 0;
}

static void find_tracepoint(struct tracepoint *tracepoint, void *data)
{
	if (!strcmp(tracepoint->name, "sched_process_fork"))
		fork_tracepoint = tracepoint;
}

int __init cordbg_fork_init(void)
{
	int err = -ENOMEM;

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	if (!fork_tracepoint)
		return -EOPNOTSUPP;
	fork_cache = KMEM_CACHE(cordbg_fork, 0);
	if (!fork_cache)
		return err;
	fork_pool = mempool_create_slab_pool(FORK_RESERVE, fork_cache);
	if (!fork_pool)
		goto out_cache;
	err = tracepoint_probe_register(fork_tracepoint, probe_fork, NULL);
	if (!err)
		return 0;
	mempool_destroy(fork_pool);
out_cache:
	kmem_cache_destroy(fork_cache);
	return err;
}

void cordbg_fork_exit(void)
{
	tracepoint_probe_unregister(fork_tracepoint, probe_fork, NULL);
	tracepoint_synchronize_unregister();
	/* A task may still be on its way out of the last task work. */
	if (cordbg_task_work_seen)
		synchronize_rcu_tasks();
	mempool_destroy(fork_pool);
	kmem_cache_destroy(fork_cache);
}
