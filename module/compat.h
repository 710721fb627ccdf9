/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between kernel versions, and nothing else. The rest of the
 * module is written for the newest kernel.
 */
#ifndef CORDBG_COMPAT_H
#define CORDBG_COMPAT_H

#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/sched/coredump.h>
#include <linux/sched/task.h>
#include <linux/user_namespace.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#include <linux/sched/exec_state.h>
#endif

/* Shadow stacks appeared in 6.6. */
#ifndef VM_SHADOW_STACK
#define VM_SHADOW_STACK VM_NONE
#endif

/* A name for it appeared in 6.8. */
#ifndef __uninitialized
#if __has_attribute(__uninitialized__)
#define __uninitialized __attribute__((__uninitialized__))
#else
#define __uninitialized
#endif
#endif

/* All architectures have it since 6.3, and the stable kernels of that time. */
#ifndef barrier_nospec
#define barrier_nospec() do { } while (0)
#endif

/* The vmas argument went away in 6.5. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
static inline long cordbg_pin_user_pages_remote(struct mm_struct *mm,
						unsigned long start,
						unsigned long nr_pages,
						unsigned int gup_flags,
						struct page **pages,
						int *locked)
{
	return pin_user_pages_remote(mm, start, nr_pages, gup_flags, pages,
				     NULL, locked);
}

static inline long cordbg_get_user_pages_remote(struct mm_struct *mm,
						unsigned long start,
						unsigned long nr_pages,
						unsigned int gup_flags,
						struct page **pages,
						int *locked)
{
	return get_user_pages_remote(mm, start, nr_pages, gup_flags, pages,
				     NULL, locked);
}

#define pin_user_pages_remote cordbg_pin_user_pages_remote
#define get_user_pages_remote cordbg_get_user_pages_remote
#endif

/*
 * Who may look at an image: since 7.2 the task knows, and not its memory. The
 * functions that ask are not exported. The caller has the task's
 * exec_update_lock, so that the answer is about the image it means.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
static inline bool cordbg_owner_may_look(struct task_struct *task,
					 struct mm_struct *mm)
{
	enum task_dumpable dumpable;

	rcu_read_lock();
	dumpable = READ_ONCE(rcu_dereference(task->exec_state)->dumpable);
	rcu_read_unlock();
	return dumpable == TASK_DUMPABLE_OWNER;
}

static inline struct user_namespace *
cordbg_image_user_ns(struct task_struct *task, struct mm_struct *mm)
{
	struct user_namespace *ns;

	rcu_read_lock();
	ns = get_user_ns(rcu_dereference(task->exec_state)->user_ns);
	rcu_read_unlock();
	return ns;
}
#else
static inline bool cordbg_owner_may_look(struct task_struct *task,
					 struct mm_struct *mm)
{
	return get_dumpable(mm) == SUID_DUMP_USER;
}

static inline struct user_namespace *
cordbg_image_user_ns(struct task_struct *task, struct mm_struct *mm)
{
	return get_user_ns(mm->user_ns);
}
#endif

/*
 * generic_access_phys(), which most devices' memory is accessed by, gives the page
 * protection of the program's mapping to ioremap_prot(). On arm64 that mapped the
 * memory for the program, so that the kernel's own copy faults, until "arm64: io:
 * Extract user memory type in ioremap_prot()", which was backported to some: Kbuild
 * looks for it.
 */
#ifndef CORDBG_IOREMAP_PROT_FAULTS
#define CORDBG_IOREMAP_PROT_FAULTS 0
#endif

#endif /* CORDBG_COMPAT_H */
