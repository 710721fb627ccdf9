// SPDX-License-Identifier: GPL-2.0
/*
 * One debugged mm, shared by its sessions: lookup, lifetime, and the way to it
 * that goes through a task.
 */

#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "cordbg.h"

/* Protects the table; a process in it has references. */
static DEFINE_MUTEX(processes_lock);
static DEFINE_HASHTABLE(processes, 8);

static struct cordbg_process *process_find(const struct mm_struct *mm)
{
	struct cordbg_process *process;

	lockdep_assert_held(&processes_lock);
	hash_for_each_possible(processes, process, node, (unsigned long)mm) {
		if (process->mm == mm)
			return process;
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
	process->shadows = RB_ROOT;
	process->gap.end = ULONG_MAX;
	INIT_LIST_HEAD(&process->cleared);
	INIT_LIST_HEAD(&process->moves);
	hash_add(processes, &process->node, (unsigned long)mm);
	return process;
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
	struct cordbg_process *process;

	mutex_lock(&processes_lock);
	process = process_find(mm);
	if (process)
		refcount_inc(&process->refs);
	else
		process = process_create(mm);
	mutex_unlock(&processes_lock);
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
	if (!refcount_dec_and_mutex_lock(&process->refs, &processes_lock))
		return;
	hash_del(&process->node);
	mutex_unlock(&processes_lock);
	cordbg_process_unwatch(process);
	cordbg_shadows_destroy(process);
	mmdrop(process->mm);
	mutex_destroy(&process->lock);
	kfree(process);
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
