// SPDX-License-Identifier: GPL-2.0
/*
 * CORDBG_LIST_BREAKPOINTS: the shadow list, as the caller sees it.
 */

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "cordbg.h"

/* Breakpoints listed under one hold of the lock. */
#define LIST_BATCH	64

/* 0, or -EINTR or -ENOMEM if it cannot be told whether the opcode stands. */
static int describe(const struct cordbg_session *session,
		    struct cordbg_window *window,
		    const struct cordbg_shadow *shadow,
		    struct cordbg_breakpoint *entry)
{
	int err = cordbg_window_cover(window, shadow->address);

	if (cordbg_no_answer(err))
		return err;
	memset(entry, 0, sizeof(*entry));
	entry->address = shadow->address;
	entry->length = CORDBG_OPCODE_LEN;
	if (!err && cordbg_shadow_planted(shadow, window))
		entry->flags |= CORDBG_BREAKPOINT_PLANTED;
	if (cordbg_owner_find(shadow, session))
		entry->flags |= CORDBG_BREAKPOINT_MINE;
	memcpy(entry->original, &shadow->original, CORDBG_OPCODE_LEN);
	return 0;
}

/* The first breakpoint that begins at or above an address. */
static struct cordbg_shadow *list_first(const struct cordbg_process *process,
					u64 start)
{
	struct cordbg_shadow *shadow = cordbg_shadow_first(process, start);

	while (shadow && shadow->address < start)
		shadow = cordbg_shadow_next(shadow);
	return shadow;
}

/* Describe up to @nr breakpoints from @start on: their number, or an error. */
static int list_batch(struct cordbg_session *session, u64 start,
		      struct cordbg_breakpoint *entries, u32 nr)
{
	struct cordbg_process *process = session->process;
	struct cordbg_shadow *shadow;
	struct cordbg_window window;
	int err = 0;
	u32 i;

	if (cordbg_window_init(&window, process->mm, session->task, PAGE_SIZE,
			       false, true))
		return -ENOMEM;
	if (mutex_lock_killable(&process->lock))
		return -EINTR;
	shadow = list_first(process, start);
	for (i = 0; !err && shadow && i < nr; i++) {
		err = describe(session, &window, shadow, &entries[i]);
		shadow = cordbg_shadow_next(shadow);
	}
	mutex_unlock(&process->lock);
	cordbg_window_unpin(&window, false);
	return err ?: i;
}

/* Count the breakpoints from @start on. */
static int list_count(struct cordbg_process *process, u64 start, u32 *count)
{
	struct cordbg_shadow *shadow;

	if (mutex_lock_killable(&process->lock))
		return -EINTR;
	shadow = list_first(process, start);
	for (; shadow; shadow = cordbg_shadow_next(shadow))
		++*count;
	mutex_unlock(&process->lock);
	return 0;
}

static int list_fill(struct cordbg_session *session, u64 *start,
		     struct cordbg_breakpoint *entries,
		     struct cordbg_breakpoint __user *out, u32 capacity)
{
	u32 stored = 0;
	int nr;

	while (stored < capacity) {
		nr = list_batch(session, *start, entries,
				min_t(u32, capacity - stored, LIST_BATCH));
		if (nr <= 0)
			return nr < 0 ? nr : stored;
		if (copy_to_user(out + stored, entries, nr * sizeof(*entries)))
			return -EFAULT;
		stored += nr;
		*start = entries[nr - 1].address + 1;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return stored;
}

/**
 * cordbg_breakpoint_list() - list breakpoints into the caller's array
 * @session: The session, entered.
 * @arg: The ioctl's argument; its count is set.
 *
 * Return: 0 or an errno of CORDBG_LIST_BREAKPOINTS.
 */
int cordbg_breakpoint_list(struct cordbg_session *session,
			   struct cordbg_list_breakpoints *arg)
{
	struct cordbg_breakpoint *entries;
	u32 capacity = min_t(u32, arg->capacity, INT_MAX);
	u64 start = arg->start;
	int stored;

	entries = kmalloc_array(LIST_BATCH, sizeof(*entries),
				GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	stored = list_fill(session, &start, entries,
			   u64_to_user_ptr(arg->breakpoints), capacity);
	kfree(entries);
	if (stored < 0)
		return stored;
	arg->count = stored;
	/* One that is set since would count, and not be in the array. */
	if (stored < capacity)
		return 0;
	return list_count(session->process, start, &arg->count);
}
