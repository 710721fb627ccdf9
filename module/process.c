// SPDX-License-Identifier: GPL-2.0
/*
 * One debugged mm, shared by its sessions: lookup, lifetime, and the way to it
 * that goes through a task.
 */

#include <linux/hash.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "cordbg.h"

#define PROCESS_BITS	8

/**
 * struct bucket - processes whose mm has the same hash
 * @processes: struct cordbg_process by @node.
 */
static struct bucket {
	/** @lock: Protects @processes; a process in it has references. */
	spinlock_t lock;
	struct hlist_head processes;
} buckets[1 << PROCESS_BITS];

void __init cordbg_process_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(buckets); i++)
		spin_lock_init(&buckets[i].lock);
}

static struct bucket *bucket_of(const struct mm_struct *mm)
{
	return &buckets[hash_ptr(mm, PROCESS_BITS)];
}

/* Find the process of an mm and take a reference. */
static struct cordbg_process *bucket_get(const struct bucket *bucket,
					 const struct mm_struct *mm)
{
	struct cordbg_process *process;

	lockdep_assert_held(&bucket->lock);
	hlist_for_each_entry(process, &bucket->processes, node) {
		if (process->mm == mm) {
			refcount_inc(&process->refs);
			return process;
		}
	}
	return NULL;
}

static struct cordbg_process *process_create(struct mm_struct *mm)
{
	struct cordbg_process *process;

	process = kzalloc(sizeof(*process), GFP_KERNEL_ACCOUNT);
	if (!process)
		return NULL;
	mmgrab(mm);
	process->mm = mm;
	refcount_set(&process->refs, 1);
	mutex_init(&process->lock);
	spin_lock_init(&process->map_lock);
	spin_lock_init(&process->moves_lock);
	process->shadows = RB_ROOT;
	INIT_LIST_HEAD(&process->cleared);
	INIT_LIST_HEAD(&process->moves);
	return process;
}

static void process_free(struct cordbg_process *process)
{
	mmdrop(process->mm);
	mutex_destroy(&process->lock);
	kfree(process);
}

/**
 * cordbg_process_get() - the process of an mm, for one more session
 * @mm: The memory; the caller has a user of it.
 *
 * Return: the process, to be given back with cordbg_process_put(), or NULL if
 * there is no memory for it.
 */
struct cordbg_process *cordbg_process_get(struct mm_struct *mm)
{
	struct bucket *bucket = bucket_of(mm);
	struct cordbg_process *process, *new;

	new = process_create(mm);
	if (!new)
		return NULL;
	spin_lock(&bucket->lock);
	process = bucket_get(bucket, mm);
	if (!process)
		hlist_add_head(&new->node, &bucket->processes);
	spin_unlock(&bucket->lock);
	if (!process)
		return new;
	process_free(new);
	return process;
}

/**
 * cordbg_process_tryget() - one more reference, unless the last is gone
 * @process: The process.
 *
 * Return: whether there is one.
 */
bool cordbg_process_tryget(struct cordbg_process *process)
{
	return refcount_inc_not_zero(&process->refs);
}

/**
 * cordbg_process_put() - give a reference back; the last one frees the process
 * @process: The process.
 *
 * No lock is held, and it is not called from a notifier, which it ends.
 */
void cordbg_process_put(struct cordbg_process *process)
{
	struct bucket *bucket = bucket_of(process->mm);
	bool last;

	spin_lock(&bucket->lock);
	last = refcount_dec_and_test(&process->refs);
	if (last)
		hlist_del(&process->node);
	spin_unlock(&bucket->lock);
	if (!last)
		return;
	cordbg_process_unwatch(process);
	cordbg_shadows_destroy(process);
	process_free(process);
}

/**
 * cordbg_group_thread() - find a thread that has an mm
 * @task: Any thread of the thread group.
 * @mm: The memory.
 *
 * The leader will not do: it may have exited before its group.
 *
 * Return: the thread, with a reference, or NULL.
 */
struct task_struct *cordbg_group_thread(struct task_struct *task,
					const struct mm_struct *mm)
{
	struct task_struct *thread, *found = NULL;

	rcu_read_lock();
	for_each_thread(task, thread) {
		if (READ_ONCE(thread->mm) == mm) {
			found = get_task_struct(thread);
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

/* Find any thread that has the mm; other groups may share it (CLONE_VM). */
static struct task_struct *mm_thread(struct task_struct *hint,
				     const struct mm_struct *mm)
{
	struct task_struct *found = cordbg_group_thread(hint, mm);
	struct task_struct *group;

	if (found)
		return found;
	rcu_read_lock();
	for_each_process(group) {
		if (group->flags & PF_KTHREAD)
			continue;
		found = cordbg_group_thread(group, mm);
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}

/*
 * access_process_vm() looks task->mm up itself. Under exec_update_lock that is
 * still the mm we mean, so that nothing reaches the image of an execve().
 */
static int thread_access(struct task_struct *thread, const struct mm_struct *mm,
			 unsigned long address, void *buffer, int size,
			 unsigned int gup_flags)
{
	int copied = -ESRCH;

	if (down_read_killable(&thread->signal->exec_update_lock))
		return -EINTR;
	if (READ_ONCE(thread->mm) == mm)
		copied = access_process_vm(thread, address, buffer, size,
					   gup_flags);
	/* An exit does not take the lock: then nothing was copied. */
	if (copied != size && READ_ONCE(thread->mm) != mm)
		copied = -ESRCH;
	up_read(&thread->signal->exec_update_lock);
	return copied;
}

/**
 * cordbg_mm_access() - access_process_vm() on memory instead of a task
 * @mm: The memory; the caller has a user of it.
 * @hint: Where to look first for a thread that has the mm.
 * @address: First address.
 * @buffer: Kernel memory to read to or write from.
 * @size: Bytes, all in one page of the process.
 * @gup_flags: FOLL_WRITE, FOLL_FORCE.
 *
 * The caller has looked at the mapping: access_process_vm() would grow a stack
 * downwards, and where pages cannot be had it calls vm_ops->access() without
 * asking whether the mapping is writable.
 *
 * Return: 0 if all bytes were copied, else -ENXIO, -ESRCH or -EINTR.
 */
int cordbg_mm_access(struct mm_struct *mm, struct task_struct *hint,
		     unsigned long address, void *buffer, int size,
		     unsigned int gup_flags)
{
	struct task_struct *thread;
	int copied;

	/* A thread that leaves the mm in between does not have it again. */
	do {
		thread = mm_thread(hint, mm);
		if (!thread)
			return -ESRCH;
		copied = thread_access(thread, mm, address, buffer, size,
				       gup_flags);
		put_task_struct(thread);
	} while (copied == -ESRCH);
	if (copied == size)
		return 0;
	if (copied == -EINTR || fatal_signal_pending(current))
		return -EINTR;
	return -ENXIO;
}
