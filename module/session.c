// SPDX-License-Identifier: GPL-2.0
/*
 * One open file of /dev/cordbg: the ioctls, attach and its permission, release.
 */

#include <linux/build_bug.h>
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "compat.h"
#include "cordbg.h"

/**
 * cordbg_session_alive() - whether the bound image still runs
 * @session: The session, bound.
 *
 * Return: true if a thread of the process still has the mm: neither did the
 * process exit nor has an execve() replaced the image.
 */
bool cordbg_session_alive(const struct cordbg_session *session)
{
	struct mm_struct *mm = session->process->mm;
	struct task_struct *thread;

	if (likely(READ_ONCE(session->task->mm) == mm))
		return true;
	thread = cordbg_group_thread(session->task, mm);
	if (thread)
		put_task_struct(thread);
	return thread;
}

/*
 * Begin an operation on the bound process: it, with a user of its mm, for
 * session_leave(); or ERR_PTR of -ENOTCONN or -ESRCH.
 */
static struct cordbg_process *session_enter(struct cordbg_session *session)
{
	/* Pairs with the release in bind(). */
	struct cordbg_process *process = smp_load_acquire(&session->process);

	if (!process)
		return ERR_PTR(-ENOTCONN);
	if (!mmget_not_zero(process->mm))
		return ERR_PTR(-ESRCH);
	if (likely(cordbg_session_alive(session)))
		return process;
	mmput(process->mm);
	return ERR_PTR(-ESRCH);
}

/* End it; no lock is held. */
static void session_leave(struct cordbg_process *process)
{
	mmput(process->mm);
}

/* Whether the caller's process traces a thread of the target. */
static bool caller_traces(struct task_struct *task)
{
	struct task_struct *thread, *tracer;
	bool traces = false;

	rcu_read_lock();
	for_each_thread(task, thread) {
		tracer = ptrace_parent(thread);
		if (tracer && same_thread_group(tracer, current)) {
			traces = true;
			break;
		}
	}
	rcu_read_unlock();
	return traces;
}

static bool caller_capable(struct task_struct *task, struct mm_struct *mm)
{
	struct user_namespace *ns = cordbg_image_user_ns(task, mm);
	const struct cred *cred;
	bool capable;

	capable = ns_capable(ns, CAP_SYS_PTRACE);
	put_user_ns(ns);
	if (!capable)
		return false;
	cred = get_task_cred(task);
	capable = ns_capable(cred->user_ns, CAP_SYS_PTRACE);
	put_cred(cred);
	return capable;
}

/*
 * Modules cannot call ptrace_may_access(). What is left is stricter: being the
 * process; being its tracer, under the condition of ptrace_access_vm(); or the
 * capability, over the memory and over the credentials.
 */
static bool caller_may_attach(struct task_struct *task, struct mm_struct *mm)
{
	if (same_thread_group(task, current))
		return true;
	if (caller_traces(task) && cordbg_owner_may_look(task, mm))
		return true;
	return caller_capable(task, mm);
}

/* Take the task and memory of a thread group: a thread that has the memory. */
static struct task_struct *get_live_thread(struct task_struct *leader,
					   struct mm_struct **mm)
{
	struct task_struct *thread, *found = NULL;

	rcu_read_lock();
	for_each_thread(leader, thread) {
		*mm = get_task_mm(thread);
		if (*mm) {
			found = get_task_struct(thread);
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

/*
 * Take a thread of the group and its memory. Under exec_update_lock the memory
 * belongs to the credentials that are checked: a set-user-ID execve() changes
 * both or neither.
 */
static struct task_struct *get_permitted(struct task_struct *leader,
					 struct mm_struct **mm)
{
	struct rw_semaphore *exec_lock = &leader->signal->exec_update_lock;
	struct task_struct *task;
	bool permitted;

	if (down_read_killable(exec_lock))
		return ERR_PTR(-EINTR);
	task = get_live_thread(leader, mm);
	permitted = task && caller_may_attach(task, *mm);
	up_read(exec_lock);
	if (!task)
		return ERR_PTR(-ESRCH);
	if (permitted)
		return task;
	put_task_struct(task);
	mmput(*mm);
	return ERR_PTR(-EPERM);
}

static int bind(struct cordbg_session *session, struct task_struct *task,
		struct mm_struct *mm)
{
	struct cordbg_process *process;
	int err = cordbg_fork_settle(mm);

	if (err)
		return err;
	process = cordbg_process_get(mm);
	if (!process)
		return -ENOMEM;
	if (mutex_lock_killable(&session->lock)) {
		err = -EINTR;
	} else {
		err = session->process ? -EBUSY : 0;
		if (!err) {
			session->task = get_task_struct(task);
			/* Pairs with session_enter(). */
			smp_store_release(&session->process, process);
		}
		mutex_unlock(&session->lock);
	}
	if (err)
		cordbg_process_put(process);
	return err;
}

static long ioctl_attach(struct cordbg_session *session, void *data,
			 void __user *uarg)
{
	struct cordbg_attach *arg = data;
	struct task_struct *leader, *task;
	struct mm_struct *mm;
	int err;

	if (arg->flags || arg->reserved || arg->pid <= 0)
		return -EINVAL;
	if (READ_ONCE(session->process))
		return -EBUSY;
	rcu_read_lock();
	leader = pid_task(find_vpid(arg->pid), PIDTYPE_TGID);
	if (leader)
		get_task_struct(leader);
	rcu_read_unlock();
	if (!leader)
		return -ESRCH;
	task = get_permitted(leader, &mm);
	put_task_struct(leader);
	if (IS_ERR(task))
		return PTR_ERR(task);
	err = bind(session, task, mm);
	put_task_struct(task);
	mmput(mm);
	return err;
}

static long ioctl_transfer(struct cordbg_session *session,
			   struct cordbg_transfer *arg,
			   struct cordbg_transfer __user *uarg, bool write)
{
	u64 __user *written = u64_to_user_ptr(arg->written);
	struct cordbg_process *process;
	u32 done = 0;
	int err;

	/* Also shows that the number can be stored at the end. */
	if (written && put_user(0ULL, written))
		return -EFAULT;
	err = cordbg_transfer_check(arg, write);
	if (err)
		return err;
	process = session_enter(session);
	if (IS_ERR(process))
		return PTR_ERR(process);
	if (arg->size)
		err = cordbg_transfer(session, arg, write, &done);
	session_leave(process);
	if (written && done && put_user((u64)done, written))
		return -EFAULT;
	if ((err == -ENXIO || err == -EACCES) &&
	    put_user(arg->failed_address, &uarg->failed_address))
		return -EFAULT;
	return err;
}

static long ioctl_write_memory(struct cordbg_session *session, void *data,
			       void __user *uarg)
{
	return ioctl_transfer(session, data, uarg, true);
}

static long ioctl_read_memory(struct cordbg_session *session, void *data,
			      void __user *uarg)
{
	return ioctl_transfer(session, data, uarg, false);
}

/*
 * Store what the caller's buffer gets. Zeroes, before anything is planted, show
 * that the bytes can be stored afterwards.
 */
static int store_original(const struct cordbg_set_breakpoint *arg,
			  struct cordbg_set_breakpoint __user *uarg,
			  const u8 *original)
{
	if (put_user((u32)CORDBG_OPCODE_LEN, &uarg->buflen))
		return -EFAULT;
	if (arg->bufsize < CORDBG_OPCODE_LEN)
		return -ERANGE;
	if (copy_to_user(u64_to_user_ptr(arg->buffer), original,
			 CORDBG_OPCODE_LEN))
		return -EFAULT;
	return 0;
}

static long ioctl_set_breakpoint(struct cordbg_session *session, void *data,
				 void __user *uarg)
{
	struct cordbg_set_breakpoint *arg = data;
	struct cordbg_operation op = { .address = arg->address };
	struct cordbg_process *process;
	struct cordbg_shadow *reserve;
	int err;

	err = arg->flags ? -EINVAL : cordbg_breakpoint_check(arg->address);
	if (!err)
		err = store_original(arg, uarg, op.original);
	if (err)
		return err;
	process = session_enter(session);
	if (IS_ERR(process))
		return PTR_ERR(process);
	cordbg_breakpoints_set(session, &reserve, &op, 1);
	err = op.status;
	if (!err) {
		err = store_original(arg, uarg, op.original);
		/* The caller took its buffer away while the call ran. */
		if (err)
			cordbg_breakpoints_clear(session, &op, 1);
	}
	session_leave(process);
	return err;
}

static long ioctl_clear_breakpoint(struct cordbg_session *session, void *data,
				   void __user *uarg)
{
	struct cordbg_clear_breakpoint *arg = data;
	struct cordbg_operation op = { .address = arg->address };
	struct cordbg_process *process;

	if (arg->flags)
		return -EINVAL;
	process = session_enter(session);
	if (IS_ERR(process))
		return PTR_ERR(process);
	cordbg_breakpoints_clear(session, &op, 1);
	session_leave(process);
	return op.status;
}

static long ioctl_list_breakpoints(struct cordbg_session *session, void *data,
				   void __user *uarg)
{
	struct cordbg_list_breakpoints __user *out = uarg;
	struct cordbg_list_breakpoints *arg = data;
	struct cordbg_process *process;
	int err;

	if (arg->flags)
		return -EINVAL;
	process = session_enter(session);
	if (IS_ERR(process))
		return PTR_ERR(process);
	err = cordbg_breakpoint_list(session, arg);
	session_leave(process);
	if (err)
		return err;
	return put_user(arg->count, &out->count);
}

static int check_batch(const struct cordbg_batch *arg)
{
	if ((arg->flags & ~CORDBG_BATCH_ATOMIC) || arg->reserved ||
	    arg->operation_size < CORDBG_OPERATION_SIZE_VER0)
		return -EINVAL;
	return arg->operation_size > PAGE_SIZE ? -E2BIG : 0;
}

static long ioctl_batch(struct cordbg_session *session, void *data,
			void __user *uarg)
{
	struct cordbg_batch __user *out = uarg;
	struct cordbg_batch *arg = data;
	struct cordbg_process *process;
	int err;

	/* Also shows that the number can be stored at the end. */
	if (put_user(0U, &out->done))
		return -EFAULT;
	err = check_batch(arg);
	if (err)
		return err;
	process = session_enter(session);
	if (IS_ERR(process))
		return PTR_ERR(process);
	/* Now, because it can ask for the call to be restarted. */
	err = cordbg_process_watch(process);
	if (err)
		arg->done = 0;
	else if (arg->flags & CORDBG_BATCH_ATOMIC)
		err = cordbg_batch_atomic(session, arg);
	else
		err = cordbg_batch(session, arg);
	session_leave(process);
	return put_user(arg->done, &out->done) ? -EFAULT : err;
}

/**
 * struct cordbg_ioctl - how one ioctl is dispatched
 * @cmd: Its number.
 * @min_size: Bytes of the first version of its structure.
 * @size: Bytes of its structure now.
 * @handler: Called with a kernel copy of the structure and the caller's.
 */
struct cordbg_ioctl {
	unsigned int cmd;
	u32 min_size;
	u32 size;
	long (*handler)(struct cordbg_session *session, void *data,
			void __user *uarg);
};

/* By number from CORDBG_ATTACH on. */
static const struct cordbg_ioctl cordbg_ioctls[] = {
	{ CORDBG_ATTACH, CORDBG_ATTACH_SIZE_VER0,
	  sizeof(struct cordbg_attach), ioctl_attach },
	{ CORDBG_WRITE_MEMORY, CORDBG_TRANSFER_SIZE_VER0,
	  sizeof(struct cordbg_transfer), ioctl_write_memory },
	{ CORDBG_READ_MEMORY, CORDBG_TRANSFER_SIZE_VER0,
	  sizeof(struct cordbg_transfer), ioctl_read_memory },
	{ CORDBG_SET_UNMANAGED_BREAKPOINT, CORDBG_SET_BREAKPOINT_SIZE_VER0,
	  sizeof(struct cordbg_set_breakpoint), ioctl_set_breakpoint },
	{ CORDBG_CLEAR_UNMANAGED_BREAKPOINT, CORDBG_CLEAR_BREAKPOINT_SIZE_VER0,
	  sizeof(struct cordbg_clear_breakpoint), ioctl_clear_breakpoint },
	{ CORDBG_LIST_BREAKPOINTS, CORDBG_LIST_BREAKPOINTS_SIZE_VER0,
	  sizeof(struct cordbg_list_breakpoints), ioctl_list_breakpoints },
	{ CORDBG_BATCH, CORDBG_BATCH_SIZE_VER0, sizeof(struct cordbg_batch),
	  ioctl_batch },
};

/* No holes, and one layout for 32-bit and 64-bit callers. */
static_assert(sizeof(struct cordbg_attach) == CORDBG_ATTACH_SIZE_VER0);
static_assert(sizeof(struct cordbg_transfer) == CORDBG_TRANSFER_SIZE_VER0);
static_assert(sizeof(struct cordbg_set_breakpoint) ==
	      CORDBG_SET_BREAKPOINT_SIZE_VER0);
static_assert(sizeof(struct cordbg_clear_breakpoint) ==
	      CORDBG_CLEAR_BREAKPOINT_SIZE_VER0);
static_assert(sizeof(struct cordbg_list_breakpoints) ==
	      CORDBG_LIST_BREAKPOINTS_SIZE_VER0);
static_assert(sizeof(struct cordbg_batch) == CORDBG_BATCH_SIZE_VER0);
static_assert(sizeof(struct cordbg_breakpoint) == 24);
static_assert(sizeof(struct cordbg_operation) == CORDBG_OPERATION_SIZE_VER0);
static_assert(CORDBG_OPCODE_LEN <= CORDBG_OPCODE_MAX);

union cordbg_arg {
	struct cordbg_attach attach;
	struct cordbg_transfer transfer;
	struct cordbg_set_breakpoint set;
	struct cordbg_clear_breakpoint clear;
	struct cordbg_list_breakpoints list;
	struct cordbg_batch batch;
	/* All structures are whole words. */
	u64 words[sizeof(struct cordbg_transfer) / sizeof(u64)];
};

static_assert(sizeof(union cordbg_arg) == sizeof(struct cordbg_transfer));
static_assert(sizeof(struct cordbg_attach) % sizeof(u64) == 0);
static_assert(sizeof(struct cordbg_set_breakpoint) % sizeof(u64) == 0);
static_assert(sizeof(struct cordbg_clear_breakpoint) % sizeof(u64) == 0);
static_assert(sizeof(struct cordbg_list_breakpoints) % sizeof(u64) == 0);
static_assert(sizeof(struct cordbg_batch) % sizeof(u64) == 0);

/* copy_from_user() of whole words: for so few of them its checks cost more. */
static int fetch_words(u64 *words, const u64 __user *from, size_t size)
{
	const u64 __user *end = from + size / sizeof(*from);

	if (!user_read_access_begin(from, size))
		return -EFAULT;
	for (; from < end; from++, words++)
		unsafe_get_user(*words, from, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static int fetch(union cordbg_arg *arg, const struct cordbg_ioctl *ioctl,
		 const void __user *uarg)
{
	u32 argsz;

	if (get_user(argsz, (u32 __user *)uarg))
		return -EFAULT;
	if (argsz == ioctl->size)
		return fetch_words(arg->words, uarg, ioctl->size);
	if (argsz < ioctl->min_size)
		return -EINVAL;
	if (argsz > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(arg, ioctl->size, uarg, argsz);
}

static long cordbg_dispatch(struct file *file, unsigned int cmd,
			    unsigned long data)
{
	void __user *uarg = (void __user *)data;
	const struct cordbg_ioctl *ioctl;
	unsigned int nr = _IOC_NR(cmd) - _IOC_NR(CORDBG_ATTACH);
	union cordbg_arg arg __uninitialized;
	int err;

	if (nr >= ARRAY_SIZE(cordbg_ioctls) || cordbg_ioctls[nr].cmd != cmd)
		return -ENOIOCTLCMD;
	ioctl = &cordbg_ioctls[nr];
	err = fetch(&arg, ioctl, uarg);
	if (err)
		return err;
	return ioctl->handler(file->private_data, &arg, uarg);
}

static int cordbg_open(struct inode *inode, struct file *file)
{
	struct cordbg_session *session;

	session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session)
		return -ENOMEM;
	mutex_init(&session->lock);
	INIT_LIST_HEAD(&session->owners);
	file->private_data = session;
	return nonseekable_open(inode, file);
}

static int cordbg_release(struct inode *inode, struct file *file)
{
	struct cordbg_session *session = file->private_data;

	/* Not whether @owners is empty: another session may be purging it. */
	if (session->claimed)
		cordbg_breakpoint_clear_all(session);
	if (session->process) {
		cordbg_process_put(session->process);
		put_task_struct(session->task);
	}
	mutex_destroy(&session->lock);
	kfree(session);
	return 0;
}

const struct file_operations cordbg_fops = {
	.owner = THIS_MODULE,
	.open = cordbg_open,
	.release = cordbg_release,
	.unlocked_ioctl = cordbg_dispatch,
	.compat_ioctl = compat_ptr_ioctl,
};
