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
 * the shadows that the child needs stay on the list: those that were not dropped
 * when the memory was copied, see cordbg_forks_epoch(). Whoever is about to
 * change bytes under an opcode does not wait for a child to run but cleans it
 * first, see cordbg_forks_clean().
 */

#include <linux/jiffies.h>
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
 * @begun: Orders forks by when they began.
 * @id: Orders forks by when their child was made.
 * @mm: The child's memory, kept by mmgrab().
 * @epoch: process->epoch when the memory was copied.
 * @plants: process->plants when it had been copied.
 * @settled: Of its bytes only moved ones may not be back, under process->lock.
 *
 * @node, @child, @mm and @plants are set under forks_lock.
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
	u64 begun;
	u64 id;
	unsigned long epoch;
	unsigned long plants;
	bool settled;
};

/* Raw: the tracepoint is called with preemption off. Protects forks. */
static DEFINE_RAW_SPINLOCK(forks_lock);
static LIST_HEAD(forks);
static u64 last_begun, last_id;

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

/* Where a mremap(2) before the fork has put opcodes is known when it ends. */
static bool fork_ready(const struct cordbg_fork *fork)
{
	return READ_ONCE(fork->child) &&
	       cordbg_moves_epoch(fork->process) >= fork->epoch;
}

/*
 * Put the program's bytes back in the child, if nobody has; all that can be
 * found, if the child is not ready yet.
 *
 * It runs with its own bytes or not at all. Only where a page that it shares
 * with the parent cannot be copied for it is the second the case: in private
 * hugetlb memory, with the pool exhausted. Its own store there would kill it.
 */
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
		err = cordbg_shadows_clean(fork->process, &window, fork->epoch,
					   fork->plants, fork->settled);
		cordbg_window_unpin(&window, true);
		mmput_async(fork->mm);
	}
	if (cordbg_no_answer(err))
		return err;
	if (err)
		send_sig(SIGKILL, fork->child, 1);
	fork->settled = true;
	if (fork_ready(fork))
		fork_unlink(fork);
	return 0;
}

/* Wait until the child can be cleaned, and clean it. */
static int fork_clean_wait(struct cordbg_fork *fork)
{
	int err;

	while (!fork_ready(fork)) {
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
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

	while (fork_clean_wait(fork) && !fatal_signal_pending(current))
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
	fork->epoch = READ_ONCE(process->epoch);
	raw_spin_lock(&forks_lock);
	fork->begun = ++last_begun;
	list_add(&fork->node, &forks);
	WRITE_ONCE(process->nr_forks, process->nr_forks + 1);
	raw_spin_unlock(&forks_lock);
	/*
	 * On the list first, the memory copied second; on the other side the
	 * opcode is taken away first and the list read second, see
	 * cordbg_forks_epoch().
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
		fork->id = ++last_id;
		/* The memory copied first; see cordbg_opcode_plant(). */
		smp_mb();
		fork->plants = READ_ONCE(fork->process->plants);
		refcount_inc(&fork->refs);
		WRITE_ONCE(fork->child, get_task_struct(child));
	}
	raw_spin_unlock(&forks_lock);
	if (fork)
		task_work_add(child, &fork->child_work, TWA_RESUME);
}

/**
 * cordbg_forks_epoch() - what dropped shadows no fork needs
 * @process: The process, locked.
 *
 * Return: a shadow that was dropped no later than this is not needed by a fork
 * under way, nor by one that begins from now on.
 */
unsigned long cordbg_forks_epoch(struct cordbg_process *process)
{
	unsigned long epoch = READ_ONCE(process->epoch);
	struct cordbg_fork *fork;

	/* Pairs with the barrier in fork_link(). */
	smp_mb();
	epoch = min(epoch, cordbg_moves_epoch(process));
	/* Other processes' sessions need the lock. */
	if (!READ_ONCE(process->nr_forks))
		return epoch;
	raw_spin_lock(&forks_lock);
	list_for_each_entry(fork, &forks, node) {
		if (fork->process == process)
			epoch = min(epoch, fork->epoch);
	}
	raw_spin_unlock(&forks_lock);
	return epoch;
}

/* The first child made after @id and up to @last, with a reference. */
static struct cordbg_fork *fork_get_next(const struct cordbg_process *process,
					 u64 id, u64 last)
{
	struct cordbg_fork *fork, *found = NULL;

	raw_spin_lock(&forks_lock);
	list_for_each_entry(fork, &forks, node) {
		if (fork->process == process && fork->id > id &&
		    fork->id <= last) {
			found = fork;
			last = fork->id;
		}
	}
	if (found)
		refcount_inc(&found->refs);
	raw_spin_unlock(&forks_lock);
	return found;
}

/* Whether a fork up to @last, of that process if not NULL, has no child yet. */
static bool fork_begun_before(const struct cordbg_process *process, u64 last)
{
	struct cordbg_fork *fork;
	bool found = false;

	raw_spin_lock(&forks_lock);
	list_for_each_entry(fork, &forks, node)
		found |= !fork->child && fork->begun <= last &&
			 (!process || fork->process == process);
	raw_spin_unlock(&forks_lock);
	return found;
}

/*
 * Wait until the forks under way have their children: a child's process ID can be
 * seen, and its memory has been copied, before the tracepoint tells whose child it
 * is. A fork that takes longer waits for somebody else.
 */
static int fork_wait_children(const struct cordbg_process *process)
{
	unsigned long deadline = jiffies + HZ;
	u64 last = READ_ONCE(last_begun);

	while (fork_begun_before(process, last) &&
	       time_before(jiffies, deadline)) {
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/**
 * cordbg_forks_clean() - clean the children there are
 * @process: The parent, locked.
 *
 * Before bytes under an opcode change: a child has them as they were when it was
 * forked. Forks that begin while this runs are concurrent with the change.
 *
 * Return: 0, -ENOMEM or -EINTR.
 */
int cordbg_forks_clean(struct cordbg_process *process)
{
	struct cordbg_fork *fork;
	u64 id = 0, last;
	int err;

	lockdep_assert_held(&process->lock);
	if (!READ_ONCE(process->nr_forks))
		return 0;
	err = fork_wait_children(process);
	raw_spin_lock(&forks_lock);
	last = last_id;
	raw_spin_unlock(&forks_lock);
	while (!err && (fork = fork_get_next(process, id, last))) {
		id = fork->id;
		err = fork_clean(fork);
		fork_put(fork);
	}
	return err;
}

/* The fork that made @mm, with a reference. */
static struct cordbg_fork *fork_get_child(const struct mm_struct *mm)
{
	struct cordbg_fork *fork, *found = NULL;

	raw_spin_lock(&forks_lock);
	list_for_each_entry(fork, &forks, node) {
		if (fork->mm == mm) {
			refcount_inc(&fork->refs);
			found = fork;
			break;
		}
	}
	raw_spin_unlock(&forks_lock);
	return found;
}

/**
 * cordbg_fork_settle() - clean a child before anybody attaches to it
 * @mm: Its memory.
 *
 * Return: 0, -ENOMEM or -EINTR.
 */
int cordbg_fork_settle(const struct mm_struct *mm)
{
	struct cordbg_fork *fork;
	int err;

	if (list_empty_careful(&forks))
		return 0;
	err = fork_wait_children(NULL);
	if (err)
		return err;
	fork = fork_get_child(mm);
	if (!fork)
		return 0;
	err = fork_clean_wait(fork);
	fork_put(fork);
	return err;
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
