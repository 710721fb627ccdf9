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
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "cordbg.h"

unsigned int cordbg_max_breakpoints = 1U << 18;

/* How long a close waits for memory that cannot be written (userfaultfd). */
#define CLEAR_PATIENCE	(5 * HZ)

/* For what a killed task would leave undone. */
struct workqueue_struct *cordbg_workqueue;

/* A new breakpoint. -EAGAIN: the page is not the right one any more. */
static int set_new(struct cordbg_session *session,
		   const struct cordbg_window *window, unsigned long address,
		   unsigned long epoch, struct cordbg_shadow **reserve)
{
	struct cordbg_process *process = session->process;
	struct cordbg_shadow *shadow = *reserve;
	int err;

	shadow->address = address;
	cordbg_shadow_insert(process, shadow);
	*reserve = NULL;
	if (cordbg_page_moved(process, window, shadow, epoch))
		err = -EAGAIN;
	else
		err = cordbg_opcode_plant(process, window, shadow);
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
	if (cordbg_page_moved(process, window, shadow, epoch))
		return -EAGAIN;
	err = cordbg_owner_add(shadow, session);
	if (err || cordbg_shadow_planted(shadow, window))
		return err;
	err = cordbg_opcode_replant(process, window, shadow);
	if (err)
		cordbg_owner_drop(cordbg_owner_find(shadow, session));
	return err;
}

static int set_locked(struct cordbg_session *session,
		      const struct cordbg_window *window, unsigned long epoch,
		      struct cordbg_shadow **reserve,
		      struct cordbg_operation *op)
{
	struct cordbg_process *process = session->process;
	struct cordbg_shadow *shadow;
	int err;

	shadow = cordbg_shadow_in(process, op->address, 1);
	if (shadow && shadow->address != op->address)
		shadow = NULL;
	if (shadow && cordbg_owner_find(shadow, session))
		return -EEXIST;
	if (session->nr_owners >= READ_ONCE(cordbg_max_breakpoints))
		return -ENOSPC;
	if (shadow) {
		err = set_shared(session, window, epoch, shadow);
	} else {
		shadow = *reserve;
		err = set_new(session, window, op->address, epoch, reserve);
	}
	if (err)
		return err;
	memcpy(op->original, &shadow->original, CORDBG_OPCODE_LEN);
	op->done = CORDBG_OPCODE_LEN;
	return 0;
}

/* Let all operations of a page have the error that one of them would have. */
static unsigned int refuse(struct cordbg_operation *ops, unsigned int nr,
			   int err)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		ops[i].status = err;
	return nr;
}

/* Set breakpoints in a page that is held: as cordbg_breakpoints_set(). */
static unsigned int set_held(struct cordbg_session *session,
			     const struct cordbg_window *window,
			     unsigned long epoch,
			     struct cordbg_shadow **reserves,
			     struct cordbg_operation *ops, unsigned int nr)
{
	struct cordbg_process *process = session->process;
	unsigned int i;

	if (mutex_lock_killable(&process->lock))
		return refuse(ops, nr, -EINTR);
	cordbg_shadows_purge(process);
	for (i = 0; i < nr; i++) {
		ops[i].status = set_locked(session, window, epoch, &reserves[i],
					   &ops[i]);
		if (ops[i].status == -EAGAIN || ops[i].status == -EINTR)
			break;
	}
	mutex_unlock(&process->lock);
	if (i < nr && ops[i].status == -EINTR)
		i += refuse(ops + i, nr - i, -EINTR);
	return i;
}

/* Set breakpoints in one page; 0 if the page is not the right one any more. */
static unsigned int set_page(struct cordbg_session *session,
			     struct cordbg_shadow **reserves,
			     struct cordbg_operation *ops, unsigned int nr)
{
	unsigned long epoch = READ_ONCE(session->process->epoch);
	struct cordbg_window window;
	int err;

	cordbg_opcode_window(&window, session);
	err = cordbg_window_pin(&window, ops->address, CORDBG_OPCODE_LEN);
	if (err)
		return refuse(ops, nr, err);
	/* A page that cannot be held could change under the opcode. */
	if (cordbg_window_page(&window, ops->address))
		nr = set_held(session, &window, epoch, reserves, ops, nr);
	else
		refuse(ops, nr, -EACCES);
	cordbg_window_unpin(&window, true);
	return nr;
}

/* How many operations, from the first on, lie in its page. */
static unsigned int in_one_page(const struct cordbg_operation *ops,
				unsigned int nr)
{
	unsigned int i = 1;

	while (i < nr && (ops[i].address ^ ops->address) < PAGE_SIZE)
		i++;
	return i;
}

static unsigned int set_once(struct cordbg_session *session,
			     struct cordbg_shadow **reserves,
			     struct cordbg_operation *ops, unsigned int nr)
{
	unsigned int done;
	int err;

	if (fatal_signal_pending(current))
		return refuse(ops, nr, -EINTR);
	nr = in_one_page(ops, nr);
	err = cordbg_reserves_init(reserves, nr);
	if (err)
		return refuse(ops, nr, err);
	done = set_page(session, reserves, ops, nr);
	cordbg_reserves_destroy(reserves, nr);
	cond_resched();
	return done;
}

/**
 * cordbg_breakpoint_check() - whether a breakpoint can be meant
 * @address: Address of its opcode's first byte.
 *
 * Return: 0, -EINVAL or -EOVERFLOW.
 */
int cordbg_breakpoint_check(u64 address)
{
	u64 end;

	if (!IS_ALIGNED(address, CORDBG_OPCODE_LEN))
		return -EINVAL;
	return check_add_overflow(address, (u64)CORDBG_OPCODE_LEN, &end) ?
	       -EOVERFLOW : 0;
}

/**
 * cordbg_breakpoints_set() - plant breakpoints, or join those that are planted
 * @session: The session, entered.
 * @reserves: Room for @nr of them.
 * @ops: The operations, all CORDBG_OP_SET_BREAKPOINT; they get their results.
 * @nr: The number of operations.
 */
void cordbg_breakpoints_set(struct cordbg_session *session,
			    struct cordbg_shadow **reserves,
			    struct cordbg_operation *ops, unsigned int nr)
{
	int err = cordbg_process_watch(session->process);
	unsigned int done;

	if (err)
		refuse(ops, nr, err);
	for (done = 0; !err && done < nr; )
		done += set_once(session, reserves, ops + done, nr - done);
}

/* Memory first, the list second: a failed restore loses nothing. */
static int clear_locked(struct cordbg_session *session,
			struct cordbg_window *window, unsigned long address)
{
	struct cordbg_shadow *shadow =
		cordbg_shadow_in(session->process, address, 1);
	struct cordbg_owner *owner = NULL;
	int err;

	if (shadow && shadow->address == address)
		owner = cordbg_owner_find(shadow, session);
	if (!owner)
		return -ENOENT;
	if (!cordbg_shadow_shared(shadow)) {
		err = cordbg_opcode_remove(shadow, window);
		if (err)
			return err;
	}
	cordbg_owner_drop(owner);
	return 0;
}

/**
 * cordbg_breakpoints_clear() - take breakpoints of a session away
 * @session: The session, entered.
 * @ops: The operations, all CORDBG_OP_CLEAR_BREAKPOINT; they get their results.
 * @nr: The number of operations.
 */
void cordbg_breakpoints_clear(struct cordbg_session *session,
			      struct cordbg_operation *ops, unsigned int nr)
{
	struct cordbg_process *process = session->process;
	struct cordbg_window window;
	unsigned int i;

	if (mutex_lock_killable(&process->lock)) {
		refuse(ops, nr, -EINTR);
		return;
	}
	cordbg_opcode_window(&window, session);
	for (i = 0; i < nr; i++) {
		ops[i].status = clear_locked(session, &window, ops[i].address);
		if (ops[i].status == -EINTR)
			break;
	}
	refuse(ops + i, nr - i, -EINTR);
	cordbg_window_unpin(&window, true);
	cordbg_shadows_purge(process);
	mutex_unlock(&process->lock);
}

/* Take the opcodes out that no other session wants: 0, or why one stands. */
static int restore_all(struct cordbg_session *session)
{
	struct cordbg_window window;
	struct cordbg_owner *owner;
	int err, stands = 0;

	cordbg_opcode_window(&window, session);
	list_for_each_entry(owner, &session->owners, session_node) {
		struct cordbg_shadow *shadow = owner->shadow;

		if (READ_ONCE(shadow->dropped) ||
		    cordbg_shadow_shared(shadow))
			continue;
		err = cordbg_opcode_remove(shadow, &window);
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
