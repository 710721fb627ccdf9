// SPDX-License-Identifier: GPL-2.0
/*
 * The shadow list: which breakpoints a process has, whose they are, and the
 * program's bytes under them.
 *
 * A shadow validates itself: it counts only while the opcode stands in memory.
 * If the program has rewritten or dropped that memory, memory is the truth.
 */

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "cordbg.h"

unsigned int cordbg_max_breakpoints = 1U << 18;

static struct kmem_cache *shadow_cache;
static struct kmem_cache *owner_cache;

int __init cordbg_breakpoint_init(void)
{
	shadow_cache = KMEM_CACHE(cordbg_shadow, SLAB_ACCOUNT);
	if (!shadow_cache)
		return -ENOMEM;
	owner_cache = KMEM_CACHE(cordbg_owner, SLAB_ACCOUNT);
	if (!owner_cache) {
		kmem_cache_destroy(shadow_cache);
		return -ENOMEM;
	}
	return 0;
}

void cordbg_breakpoint_exit(void)
{
	kmem_cache_destroy(owner_cache);
	kmem_cache_destroy(shadow_cache);
}

static struct cordbg_shadow *to_shadow(struct rb_node *node)
{
	return rb_entry_safe(node, struct cordbg_shadow, node);
}

/**
 * cordbg_shadow_first() - the first breakpoint that ends after an address
 * @process: The process, locked.
 * @address: The address.
 *
 * Return: its shadow, or NULL.
 */
struct cordbg_shadow *cordbg_shadow_first(const struct cordbg_process *process,
					  unsigned long address)
{
	struct rb_node *node = process->shadows.rb_node;
	struct cordbg_shadow *first = NULL;

	lockdep_assert_held(&process->lock);
	while (node) {
		struct cordbg_shadow *shadow = to_shadow(node);

		if (shadow->address + (CORDBG_OPCODE_LEN - 1) >= address) {
			first = shadow;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return first;
}

/**
 * cordbg_shadow_next() - the breakpoint after another
 * @shadow: The other; its process is locked.
 *
 * Return: its shadow, or NULL.
 */
struct cordbg_shadow *cordbg_shadow_next(const struct cordbg_shadow *shadow)
{
	return to_shadow(rb_next(&shadow->node));
}

/**
 * cordbg_shadow_planted() - whether the opcode stands in memory
 * @shadow: The breakpoint; its process is locked.
 * @window: A pinned window that holds the breakpoint's page.
 *
 * Return: true if it does; memory that cannot be read does not hold it.
 */
bool cordbg_shadow_planted(const struct cordbg_shadow *shadow,
			   const struct cordbg_window *window)
{
	cordbg_opcode_t insn;

	return !cordbg_window_peek(window, shadow->address, &insn) &&
	       insn == CORDBG_OPCODE;
}

static void shadow_insert(struct cordbg_process *process,
			  struct cordbg_shadow *shadow)
{
	struct rb_node **link = &process->shadows.rb_node, *parent = NULL;

	lockdep_assert_held(&process->lock);
	while (*link) {
		parent = *link;
		if (shadow->address < to_shadow(parent)->address)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&shadow->node, parent, link);
	rb_insert_color(&shadow->node, &process->shadows);
}

static struct cordbg_owner *owner_find(const struct cordbg_shadow *shadow,
				       const struct cordbg_session *session)
{
	struct cordbg_owner *owner;

	list_for_each_entry(owner, &shadow->owners, shadow_node) {
		if (owner->session == session)
			return owner;
	}
	return NULL;
}

static void owner_add(struct cordbg_owner *owner, struct cordbg_shadow *shadow,
		      struct cordbg_session *session)
{
	owner->shadow = shadow;
	owner->session = session;
	list_add_tail(&owner->shadow_node, &shadow->owners);
	list_add_tail(&owner->session_node, &session->owners);
	session->nr_owners++;
}

/* Take one owner away, and the shadow with the last. */
static void owner_drop(struct cordbg_owner *owner)
{
	struct cordbg_session *session = owner->session;
	struct cordbg_shadow *shadow = owner->shadow;

	lockdep_assert_held(&session->process->lock);
	list_del(&owner->shadow_node);
	list_del(&owner->session_node);
	session->nr_owners--;
	kmem_cache_free(owner_cache, owner);
	if (!list_empty(&shadow->owners))
		return;
	rb_erase(&shadow->node, &session->process->shadows);
	kmem_cache_free(shadow_cache, shadow);
}

/*
 * Put the opcode in memory and learn what it replaces. An opcode that is there
 * already is somebody else's (a uprobe, another debugger) and no program byte.
 */
static int plant(const struct cordbg_window *window, unsigned long address,
		 cordbg_opcode_t *original)
{
	cordbg_opcode_t insn;
	int err;

	/* Another round is needed only if the program itself wrote there. */
	do {
		err = cordbg_window_peek(window, address, &insn);
		if (err)
			return err;
		if (cordbg_is_breakpoint(insn))
			return -EBUSY;
		err = cordbg_window_exchange(window, address, insn,
					     CORDBG_OPCODE);
	} while (err == -EAGAIN);
	if (!err)
		*original = insn;
	return err;
}

/* What a SET has allocated before it takes the lock. */
struct set_reserve {
	struct cordbg_shadow *shadow;
	struct cordbg_owner *owner;
};

static int set_reserve(struct set_reserve *reserve)
{
	reserve->shadow = kmem_cache_zalloc(shadow_cache, GFP_KERNEL);
	if (!reserve->shadow)
		return -ENOMEM;
	reserve->owner = kmem_cache_zalloc(owner_cache, GFP_KERNEL);
	if (!reserve->owner) {
		kmem_cache_free(shadow_cache, reserve->shadow);
		return -ENOMEM;
	}
	return 0;
}

static void set_release(struct set_reserve *reserve)
{
	if (reserve->shadow)
		kmem_cache_free(shadow_cache, reserve->shadow);
	if (reserve->owner)
		kmem_cache_free(owner_cache, reserve->owner);
}

static int set_locked(struct cordbg_window *window, unsigned long address,
		      struct set_reserve *reserve, cordbg_opcode_t *original)
{
	struct cordbg_session *session = window->session;
	struct cordbg_process *process = session->process;
	struct cordbg_shadow *shadow = cordbg_shadow_first(process, address);
	int err;

	if (shadow && shadow->address != address)
		shadow = NULL;
	if (shadow && owner_find(shadow, session))
		return -EEXIST;
	if (session->nr_owners >= READ_ONCE(cordbg_max_breakpoints))
		return -ENOSPC;
	if (!shadow || !cordbg_shadow_planted(shadow, window)) {
		err = plant(window, address, original);
		if (err)
			return err;
		if (!shadow) {
			swap(shadow, reserve->shadow);
			INIT_LIST_HEAD(&shadow->owners);
			shadow->address = address;
			shadow_insert(process, shadow);
		}
		shadow->original = *original;
	}
	*original = shadow->original;
	owner_add(reserve->owner, shadow, session);
	reserve->owner = NULL;
	return 0;
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
	struct cordbg_process *process = session->process;
	struct set_reserve reserve;
	struct cordbg_window window;
	int err;

	err = set_reserve(&reserve);
	if (err)
		return err;
	err = cordbg_window_init(&window, session, CORDBG_OPCODE_LEN, true,
				 true);
	if (!err)
		err = cordbg_window_pin(&window, address, CORDBG_OPCODE_LEN);
	if (err)
		goto out_release;
	/* A page that cannot be held could change under the opcode. */
	err = -EACCES;
	if (!cordbg_window_page(&window, address))
		goto out_unpin;
	err = -EINTR;
	if (mutex_lock_killable(&process->lock))
		goto out_unpin;
	err = set_locked(&window, address, &reserve, original);
	mutex_unlock(&process->lock);
out_unpin:
	cordbg_window_unpin(&window, !err);
out_release:
	set_release(&reserve);
	return err;
}

/*
 * Put the program's bytes back, if the opcode still stands in memory. Memory
 * that is not mapped any more, or that nobody may write, does not hold it.
 */
static int restore(struct cordbg_session *session,
		   const struct cordbg_shadow *shadow)
{
	struct cordbg_window window;
	int err;

	err = cordbg_window_init(&window, session, CORDBG_OPCODE_LEN, true,
				 true);
	if (!err)
		err = cordbg_window_pin(&window, shadow->address,
					CORDBG_OPCODE_LEN);
	if (err)
		return err == -ENXIO || err == -EACCES ? 0 : err;
	if (cordbg_window_page(&window, shadow->address))
		err = cordbg_window_exchange(&window, shadow->address,
					     CORDBG_OPCODE, shadow->original);
	cordbg_window_unpin(&window, !err);
	return err == -EAGAIN || err == -ENXIO ? 0 : err;
}

/* Memory first, the list second: a failed restore loses nothing. */
static int clear_owner(struct cordbg_owner *owner)
{
	int err = 0;

	if (list_is_singular(&owner->shadow->owners))
		err = restore(owner->session, owner->shadow);
	if (!err)
		owner_drop(owner);
	return err;
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
	struct cordbg_owner *owner = NULL;
	struct cordbg_shadow *shadow;
	int err = -ENOENT;

	if (mutex_lock_killable(&process->lock))
		return -EINTR;
	shadow = cordbg_shadow_first(process, address);
	if (shadow && shadow->address == address)
		owner = owner_find(shadow, session);
	if (owner)
		err = clear_owner(owner);
	mutex_unlock(&process->lock);
	return err;
}

struct clear_work {
	struct work_struct work;
	struct cordbg_session *session;
};

static void clear_all(struct work_struct *work)
{
	struct cordbg_session *session =
		container_of(work, struct clear_work, work)->session;
	struct cordbg_process *process = session->process;
	bool alive = mmget_not_zero(process->mm);
	struct cordbg_owner *owner, *next;

	mutex_lock(&process->lock);
	list_for_each_entry_safe(owner, next, &session->owners, session_node) {
		if (alive && list_is_singular(&owner->shadow->owners))
			restore(session, owner->shadow);
		owner_drop(owner);
		cond_resched();
	}
	mutex_unlock(&process->lock);
	if (alive)
		mmput(process->mm);
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

	if (list_empty(&session->owners))
		return;
	INIT_WORK_ONSTACK(&work.work, clear_all);
	queue_work(system_unbound_wq, &work.work);
	flush_work(&work.work);
	destroy_work_on_stack(&work.work);
}
