// SPDX-License-Identifier: GPL-2.0
/*
 * Set and clear breakpoints.
 *
 * A shadow is on the list before its opcode is in memory, and stays there after
 * the opcode has left memory until every child that was forked in between is
 * clean: at every instant the list covers all opcodes there are.
 */

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "cordbg.h"

unsigned int cordbg_max_breakpoints = 1U << 18;

/* How long a close waits for memory that cannot be written (userfaultfd). */
#define CLEAR_PATIENCE	(5 * HZ)

/* For what a killed task would leave undone. */
struct workqueue_struct *cordbg_workqueue;

/* A window for the process's own opcodes. */
static void opcode_window(struct cordbg_window *window,
			  const struct cordbg_session *session)
{
	cordbg_window_init(window, session->process->mm, session->task,
			   PAGE_SIZE, true, true);
	window->private = true;
}

/*
 * Put the opcode in memory and learn what it replaces. An opcode that is there
 * already is somebody else's (a uprobe, another debugger) and no program byte.
 * -EAGAIN: the program wrote there at the same time.
 */
static int plant(struct cordbg_process *process,
		 const struct cordbg_window *window,
		 struct cordbg_shadow *shadow)
{
	cordbg_opcode_t insn;
	int err;

	err = cordbg_window_peek(window, shadow->address, &insn);
	if (err)
		return err;
	if (cordbg_is_breakpoint(insn))
		return -EBUSY;
	shadow->original = insn;
	WRITE_ONCE(process->plants, process->plants + 1);
	shadow->planted = process->plants;
	return cordbg_window_exchange(window, shadow->address, insn,
				      CORDBG_OPCODE);
}

/* An unmap from now on drops the shadow; one since the pin has to be found. */
static bool is_moved(const struct cordbg_process *process,
		     const struct cordbg_window *window,
		     const struct cordbg_shadow *shadow, unsigned long epoch)
{
	return READ_ONCE(process->epoch) != epoch &&
	       !cordbg_shadow_current(shadow, window);
}

/* A new breakpoint. -EAGAIN: the page is not the right one any more. */
static int set_new(struct cordbg_session *session,
		   const struct cordbg_window *window, unsigned long address,
		   unsigned long epoch, struct cordbg_reserve *reserve)
{
	struct cordbg_process *process = session->process;
	struct cordbg_shadow *shadow = reserve->shadow;
	int err;

	shadow->address = address;
	cordbg_shadow_insert(process, shadow);
	reserve->shadow = NULL;
	if (is_moved(process, window, shadow, epoch))
		err = -EAGAIN;
	else
		err = plant(process, window, shadow);
	if (err) {
		cordbg_shadow_cancel(process, shadow);
		return err;
	}
	return cordbg_owner_add(shadow, session);
}

/* Join a breakpoint of other sessions; plant it again if it is not there. */
static int set_shared(struct cordbg_session *session,
		      const struct cordbg_window *window, unsigned long epoch,
		      struct cordbg_shadow *shadow)
{
	struct cordbg_process *process = session->process;
	int err;

	/* The shadow may be that of memory which is there only since. */
	if (is_moved(process, window, shadow, epoch))
		return -EAGAIN;
	err = cordbg_owner_add(shadow, session);
	if (err || cordbg_shadow_planted(shadow, window))
		return err;
	/* A forked child needs the bytes as they were. */
	err = cordbg_forks_clean(process);
	if (!err)
		err = plant(process, window, shadow);
	if (err)
		cordbg_owner_drop(cordbg_owner_find(shadow, session));
	return err;
}

static int set_locked(struct cordbg_session *session,
		      const struct cordbg_window *window,
		      unsigned long address, unsigned long epoch,
		      struct cordbg_reserve *reserve, cordbg_opcode_t *original)
{
	struct cordbg_process *process = session->process;
	struct cordbg_shadow *shadow;
	int err;

	cordbg_shadows_purge(process);
	shadow = cordbg_shadow_in(process, address, 1);
	if (shadow && shadow->address != address)
		shadow = NULL;
	if (shadow && cordbg_owner_find(shadow, session))
		return -EEXIST;
	if (session->nr_owners >= READ_ONCE(cordbg_max_breakpoints))
		return -ENOSPC;
	if (shadow) {
		err = set_shared(session, window, epoch, shadow);
	} else {
		shadow = reserve->shadow;
		err = set_new(session, window, address, epoch, reserve);
	}
	if (!err)
		*original = shadow->original;
	return err;
}

static int set_once(struct cordbg_session *session, unsigned long address,
		    struct cordbg_reserve *reserve, cordbg_opcode_t *original)
{
	struct cordbg_process *process = session->process;
	unsigned long epoch = READ_ONCE(process->epoch);
	struct cordbg_window window;
	int err;

	opcode_window(&window, session);
	err = cordbg_window_pin(&window, address, CORDBG_OPCODE_LEN);
	if (err)
		return err;
	if (!cordbg_window_page(&window, address)) {
		/* A page that cannot be held could change under the opcode. */
		err = -EACCES;
	} else if (mutex_lock_killable(&process->lock)) {
		err = -EINTR;
	} else {
		err = set_locked(session, &window, address, epoch, reserve,
				 original);
		mutex_unlock(&process->lock);
	}
	cordbg_window_unpin(&window, !err);
	return err;
}

/**
 * cordbg_breakpoint_set() - plant a breakpoint, or join one that is planted
 * @session: The session, entered.
 * @address: Address of the opcode's first byte.
 * @original: Where to store the program's bytes under the opcode.
 *
 * Return: 0 or an errno of CORDBG_SET_UNMANAGED_BREAKPOINT.
 */
int cordbg_breakpoint_set(struct cordbg_session *session, u64 address,
			  cordbg_opcode_t *original)
{
	struct cordbg_reserve reserve;
	int err;

	err = cordbg_process_watch(session->process);
	if (err)
		return err;
	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		err = cordbg_reserve_init(&reserve);
		if (err)
			return err;
		err = set_once(session, address, &reserve, original);
		cordbg_reserve_destroy(&reserve);
		cond_resched();
	} while (err == -EAGAIN);
	return err;
}

/*
 * Put the program's bytes back. Memory that has been unmapped since the opcode
 * was looked for is somebody else's by the time its page is held.
 */
static int take_out(const struct cordbg_shadow *shadow,
		    struct cordbg_window *window)
{
	cordbg_window_cover(window, shadow->address);
	if (READ_ONCE(shadow->dropped))
		return 0;
	return cordbg_shadow_restore(shadow, window, shadow->address);
}

/* Memory first, the list second: a failed restore loses nothing. */
static int clear_locked(struct cordbg_session *session, unsigned long address)
{
	struct cordbg_process *process = session->process;
	struct cordbg_shadow *shadow = cordbg_shadow_in(process, address, 1);
	struct cordbg_owner *owner = NULL;
	struct cordbg_window window;
	int err = 0;

	if (shadow && shadow->address == address)
		owner = cordbg_owner_find(shadow, session);
	if (!owner)
		return -ENOENT;
	if (!cordbg_shadow_shared(shadow)) {
		opcode_window(&window, session);
		err = take_out(shadow, &window);
		cordbg_window_unpin(&window, true);
	}
	if (err)
		return err;
	cordbg_owner_drop(owner);
	cordbg_shadows_purge(process);
	return 0;
}

/**
 * cordbg_breakpoint_clear() - take one breakpoint of a session away
 * @session: The session, entered.
 * @address: Where it was set.
 *
 * Return: 0 or an errno of CORDBG_CLEAR_UNMANAGED_BREAKPOINT.
 */
int cordbg_breakpoint_clear(struct cordbg_session *session, u64 address)
{
	struct cordbg_process *process = session->process;
	int err;

	if (mutex_lock_killable(&process->lock))
		return -EINTR;
	err = clear_locked(session, address);
	mutex_unlock(&process->lock);
	return err;
}

/* Take the opcodes out that no other session wants: 0, or why one stands. */
static int restore_all(struct cordbg_session *session)
{
	struct cordbg_window window;
	struct cordbg_owner *owner;
	int err, stands = 0;

	opcode_window(&window, session);
	list_for_each_entry(owner, &session->owners, session_node) {
		struct cordbg_shadow *shadow = owner->shadow;

		if (READ_ONCE(shadow->dropped) ||
		    cordbg_shadow_shared(shadow))
			continue;
		err = take_out(shadow, &window);
		if (err && stands != -ENOMEM)
			stands = err;
		cond_resched();
	}
	cordbg_window_unpin(&window, true);
	return stands;
}

static int clear_all_locked(struct cordbg_session *session, bool patient)
{
	struct cordbg_process *process = session->process;
	struct cordbg_owner *owner, *next;
	int err = 0;

	if (mmget_not_zero(process->mm)) {
		err = restore_all(session);
		mmput_async(process->mm);
	}
	if (err == -ENOMEM || (err && patient))
		return err;
	list_for_each_entry_safe(owner, next, &session->owners, session_node)
		cordbg_owner_drop(owner);
	cordbg_shadows_purge(process);
	return 0;
}

struct clear_work {
	struct work_struct work;
	struct cordbg_session *session;
};

static void clear_all(struct work_struct *work)
{
	struct cordbg_session *session =
		container_of(work, struct clear_work, work)->session;
	struct mutex *lock = &session->process->lock;
	unsigned long deadline = jiffies + CLEAR_PATIENCE;
	int err;

	/* Nothing can interrupt a worker, and memory comes back. */
	for (;;) {
		mutex_lock(lock);
		err = clear_all_locked(session, time_before(jiffies, deadline));
		mutex_unlock(lock);
		if (!err)
			break;
		msleep(20);
	}
}

/**
 * cordbg_breakpoint_clear_all() - take all breakpoints of a session away
 * @session: The session; its file is being released.
 *
 * The last close may be that of a task killed by SIGKILL, and faults fail in a
 * task with a fatal signal: a kernel worker, which has none, does it.
 */
void cordbg_breakpoint_clear_all(struct cordbg_session *session)
{
	struct clear_work work = { .session = session };

	INIT_WORK_ONSTACK(&work.work, clear_all);
	queue_work(cordbg_workqueue, &work.work);
	flush_work(&work.work);
	destroy_work_on_stack(&work.work);
}

int __init cordbg_breakpoint_init(void)
{
	cordbg_workqueue = alloc_workqueue("cordbg", WQ_UNBOUND, 0);
	return cordbg_workqueue ? 0 : -ENOMEM;
}

void cordbg_breakpoint_exit(void)
{
	destroy_workqueue(cordbg_workqueue);
}
