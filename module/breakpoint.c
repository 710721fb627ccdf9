// SPDX-License-Identifier: GPL-2.0
/*
 * Set and clear breakpoints.
 *
 * A shadow is on the list before its opcode is in memory, and leaves it after
 * the opcode has left memory and every child that was forked in between has
 * been cleaned: at every instant the list covers all opcodes there are.
 */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "cordbg.h"

unsigned int cordbg_max_breakpoints = 1U << 18;

static struct workqueue_struct *clear_workqueue;

/*
 * Put the opcode in memory and learn what it replaces. An opcode that is there
 * already is somebody else's (a uprobe, another debugger) and no program byte.
 */
static int plant(const struct cordbg_window *window,
		 struct cordbg_shadow *shadow)
{
	cordbg_opcode_t insn;
	int err;

	/* Another round is needed only if the program itself wrote there. */
	do {
		err = cordbg_window_peek(window, shadow->address, &insn);
		if (err)
			return err;
		if (cordbg_is_breakpoint(insn))
			return -EBUSY;
		shadow->original = insn;
		err = cordbg_window_exchange(window, shadow->address, insn,
					     CORDBG_OPCODE);
	} while (err == -EAGAIN);
	return err;
}

/* A new breakpoint. -EAGAIN: the page may not be the right one any more. */
static int set_new(struct cordbg_session *session,
		   const struct cordbg_window *window, unsigned long address,
		   unsigned long unmaps, struct cordbg_reserve *reserve)
{
	struct cordbg_process *process = session->process;
	struct cordbg_shadow *shadow = reserve->shadow;
	int err;

	shadow->address = address;
	cordbg_shadow_insert(process, shadow);
	reserve->shadow = NULL;
	/* An unmap from now on drops it; one since the pin has to be found. */
	if (READ_ONCE(process->unmaps) != unmaps &&
	    !cordbg_window_current(window, address))
		err = -EAGAIN;
	else
		err = plant(window, shadow);
	if (err) {
		/* It was never planted, so no fork can have copied it. */
		cordbg_shadow_erase(process, shadow);
		return err;
	}
	cordbg_owner_add(reserve->owner, shadow, session);
	reserve->owner = NULL;
	return 0;
}

/* Join a breakpoint of other sessions; plant it again if it is not there. */
static int set_shared(struct cordbg_session *session,
		      const struct cordbg_window *window,
		      struct cordbg_shadow *shadow,
		      struct cordbg_reserve *reserve)
{
	int err;

	if (!cordbg_shadow_planted(shadow, window)) {
		if (!cordbg_forks_settled(session->process))
			return -EAGAIN;
		err = plant(window, shadow);
		if (err)
			return err;
	}
	cordbg_owner_add(reserve->owner, shadow, session);
	reserve->owner = NULL;
	return 0;
}

static int set_locked(struct cordbg_session *session,
		      const struct cordbg_window *window,
		      unsigned long address, unsigned long unmaps,
		      struct cordbg_reserve *reserve, cordbg_opcode_t *original)
{
	struct cordbg_process *process = session->process;
	struct cordbg_shadow *shadow;
	int err;

	cordbg_shadows_purge(process);
	shadow = cordbg_shadow_first(process, address);
	if (shadow && shadow->address != address)
		shadow = NULL;
	if (shadow && cordbg_owner_find(shadow, session))
		return -EEXIST;
	if (session->nr_owners >= READ_ONCE(cordbg_max_breakpoints))
		return -ENOSPC;
	if (shadow) {
		err = set_shared(session, window, shadow, reserve);
	} else {
		shadow = reserve->shadow;
		err = set_new(session, window, address, unmaps, reserve);
	}
	if (!err)
		*original = shadow->original;
	return err;
}

static int set_once(struct cordbg_session *session, unsigned long address,
		    struct cordbg_reserve *reserve, cordbg_opcode_t *original)
{
	struct cordbg_process *process = session->process;
	unsigned long unmaps = READ_ONCE(process->unmaps);
	struct cordbg_window window;
	int err;

	err = cordbg_window_init(&window, process->mm, session->task,
				 CORDBG_OPCODE_LEN, true, true);
	if (!err)
		err = cordbg_window_pin(&window, address, CORDBG_OPCODE_LEN);
	if (err)
		return err;
	if (!cordbg_window_page(&window, address)) {
		/* A page that cannot be held could change under the opcode. */
		err = -EACCES;
	} else if (mutex_lock_killable(&process->lock)) {
		err = -EINTR;
	} else {
		err = set_locked(session, &window, address, unmaps, reserve,
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
		err = cordbg_reserve_init(&reserve);
		if (err)
			break;
		err = set_once(session, address, &reserve, original);
		cordbg_reserve_destroy(&reserve);
		if (err == -EAGAIN)
			err = cordbg_forks_settle(session->process) ?: -EAGAIN;
	} while (err == -EAGAIN);
	return err;
}

/* Put the program's bytes back in the process itself. */
static int unplant(struct cordbg_session *session,
		   const struct cordbg_shadow *shadow)
{
	struct cordbg_window window;
	int err;

	err = cordbg_window_init(&window, session->process->mm, session->task,
				 PAGE_SIZE, true, true);
	if (!err)
		err = cordbg_shadow_restore(shadow, &window, shadow->address);
	cordbg_window_unpin(&window, true);
	return err;
}

/*
 * Memory first, the list second: a failed restore loses nothing. -EAGAIN: a
 * forked child still needs the shadow.
 */
static int clear_locked(struct cordbg_session *session, unsigned long address)
{
	struct cordbg_process *process = session->process;
	struct cordbg_shadow *shadow = cordbg_shadow_first(process, address);
	struct cordbg_owner *owner = NULL;
	int err;

	if (shadow && shadow->address == address)
		owner = cordbg_owner_find(shadow, session);
	if (!owner)
		return -ENOENT;
	if (list_is_singular(&shadow->owners)) {
		err = unplant(session, shadow);
		if (err)
			return err;
		if (!cordbg_forks_settled(process))
			return -EAGAIN;
	}
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

	do {
		if (mutex_lock_killable(&process->lock))
			return -EINTR;
		err = clear_locked(session, address);
		mutex_unlock(&process->lock);
		if (err == -EAGAIN)
			err = cordbg_forks_settle(process) ?: -EAGAIN;
	} while (err == -EAGAIN);
	return err;
}

/* Nothing can interrupt a worker, and memory comes back: no opcode stays. */
static void unplant_all(struct cordbg_session *session)
{
	struct cordbg_window window;
	struct cordbg_owner *owner;

	if (cordbg_window_init(&window, session->process->mm, session->task,
			       PAGE_SIZE, true, true))
		return;
	list_for_each_entry(owner, &session->owners, session_node) {
		struct cordbg_shadow *shadow = owner->shadow;

		if (READ_ONCE(shadow->dropped) ||
		    !list_is_singular(&shadow->owners))
			continue;
		while (cordbg_shadow_restore(shadow, &window, shadow->address))
			msleep(20);
		cond_resched();
	}
	cordbg_window_unpin(&window, true);
}

/* Whether the session's claims could be dropped: no fork is under way. */
static bool drop_all(struct cordbg_session *session)
{
	struct cordbg_process *process = session->process;
	struct cordbg_owner *owner, *next;
	bool alive = mmget_not_zero(process->mm);
	bool settled;

	mutex_lock(&process->lock);
	if (alive)
		unplant_all(session);
	settled = cordbg_forks_settled(process);
	if (settled) {
		list_for_each_entry_safe(owner, next, &session->owners,
					 session_node)
			cordbg_owner_drop(owner);
	}
	mutex_unlock(&process->lock);
	if (alive)
		mmput(process->mm);
	return settled;
}

static void clear_all(struct work_struct *work)
{
	struct cordbg_session *session =
		container_of(work, struct cordbg_session, clear_work);
	bool dropped = drop_all(session);

	complete(session->clean);
	while (!dropped) {
		while (cordbg_forks_settle(session->process))
			msleep(20);
		dropped = drop_all(session);
	}
	cordbg_session_free(session);
}

/**
 * cordbg_breakpoint_clear_all() - end a session that has breakpoints
 * @session: The session; its file is being released. Freed.
 *
 * On return memory is clean. The last close may be that of a task killed by
 * SIGKILL, and faults fail in a task with a fatal signal: a kernel worker, which
 * has none, does it. It stays behind if a fork is under way that needs the list,
 * for a fork can wait for others in turn (userfaultfd).
 */
void cordbg_breakpoint_clear_all(struct cordbg_session *session)
{
	DECLARE_COMPLETION_ONSTACK(clean);

	session->clean = &clean;
	INIT_WORK(&session->clear_work, clear_all);
	queue_work(clear_workqueue, &session->clear_work);
	wait_for_completion(&clean);
}

int __init cordbg_breakpoint_init(void)
{
	clear_workqueue = alloc_workqueue("cordbg", WQ_UNBOUND, 0);
	return clear_workqueue ? 0 : -ENOMEM;
}

void cordbg_breakpoint_exit(void)
{
	destroy_workqueue(clear_workqueue);
}
