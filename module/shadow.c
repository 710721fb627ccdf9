// SPDX-License-Identifier: GPL-2.0
/*
 * The shadow list: which breakpoints a process has, whose they are, and the
 * program's bytes under them.
 *
 * A shadow validates itself: it counts only while the opcode stands in memory.
 * If the program has rewritten that memory, memory is the truth.
 */

#include <linux/mm.h>
#include <linux/slab.h>

#include "cordbg.h"

static struct kmem_cache *shadow_cache;
static struct kmem_cache *owner_cache;

int __init cordbg_shadow_init(void)
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

void cordbg_shadow_exit(void)
{
	kmem_cache_destroy(owner_cache);
	kmem_cache_destroy(shadow_cache);
}

/**
 * cordbg_reserves_init() - allocate what new breakpoints need
 * @reserves: Where to keep it; what is used is set to NULL.
 * @nr: The number of breakpoints.
 *
 * Return: 0 or -ENOMEM.
 */
int cordbg_reserves_init(struct cordbg_shadow **reserves, unsigned int nr)
{
	return kmem_cache_alloc_bulk(shadow_cache, GFP_KERNEL | __GFP_ZERO, nr,
				     (void **)reserves) ? 0 : -ENOMEM;
}

/**
 * cordbg_reserves_destroy() - free what was not used
 * @reserves: What cordbg_reserves_init() allocated.
 * @nr: The number of breakpoints.
 */
void cordbg_reserves_destroy(struct cordbg_shadow **reserves, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (reserves[i])
			kmem_cache_free(shadow_cache, reserves[i]);
	}
}

static struct cordbg_shadow *to_shadow(struct rb_node *node)
{
	return rb_entry_safe(node, struct cordbg_shadow, node);
}

static void assert_list_stable(const struct cordbg_process *process)
{
	lockdep_assert(lockdep_is_held(&process->lock) ||
		       lockdep_is_held(&process->map_lock));
}

/*
 * The first shadow that ends after @address, dropped or not. @below is set to the
 * one before it.
 */
static struct cordbg_shadow *
shadow_seek_between(const struct cordbg_process *process, unsigned long address,
		    struct cordbg_shadow **below)
{
	struct rb_node *node = process->shadows.rb_node;
	struct cordbg_shadow *first = NULL;

	assert_list_stable(process);
	*below = NULL;
	while (node) {
		struct cordbg_shadow *shadow = to_shadow(node);

		if (shadow->address + (CORDBG_OPCODE_LEN - 1) >= address) {
			first = shadow;
			node = node->rb_left;
		} else {
			*below = shadow;
			node = node->rb_right;
		}
	}
	return first;
}

static struct cordbg_shadow *shadow_seek(const struct cordbg_process *process,
					 unsigned long address)
{
	struct cordbg_shadow *below;

	return shadow_seek_between(process, address, &below);
}

/* shadow_seek() that remembers the gap below what it finds. */
static struct cordbg_shadow *shadow_seek_gap(struct cordbg_process *process,
					     unsigned long address)
{
	struct cordbg_gap *gap = &process->gap;
	struct cordbg_shadow *above;

	lockdep_assert_held(&process->lock);
	above = shadow_seek_between(process, address, &gap->below);
	gap->start = gap->below ? gap->below->address + CORDBG_OPCODE_LEN : 0;
	gap->end = above ? above->address : ULONG_MAX;
	return above;
}

static bool gap_holds(const struct cordbg_process *process,
		      unsigned long address, unsigned long size)
{
	lockdep_assert_held(&process->lock);
	return address >= process->gap.start &&
	       address + size <= process->gap.end;
}

static struct cordbg_shadow *shadow_step(const struct cordbg_shadow *shadow)
{
	return to_shadow(rb_next(&shadow->node));
}

static struct cordbg_shadow *skip_dropped(struct cordbg_shadow *shadow)
{
	return shadow && READ_ONCE(shadow->dropped) ?
		cordbg_shadow_next(shadow) : shadow;
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
	return skip_dropped(shadow_seek(process, address));
}

/**
 * cordbg_shadow_since() - cordbg_shadow_first() as it was some time ago
 * @process: The process, locked.
 * @address: The address.
 * @epoch: process->epoch of then.
 *
 * Return: the shadow, or NULL. Its memory may have been unmapped since, but what is
 * under it has not been put back.
 */
struct cordbg_shadow *cordbg_shadow_since(const struct cordbg_process *process,
					  unsigned long address,
					  unsigned long epoch)
{
	struct cordbg_shadow *shadow = shadow_seek(process, address);
	unsigned long dropped;

	for (; shadow; shadow = shadow_step(shadow)) {
		/* Pairs with shadow_drop(). */
		dropped = smp_load_acquire(&shadow->dropped);
		if (!dropped || (dropped > epoch &&
				 dropped == READ_ONCE(shadow->unmapped)))
			break;
	}
	return shadow;
}

/**
 * cordbg_shadows_unmapped() - whether memory under a breakpoint went away in between
 * @process: The process.
 * @start: First address of a range.
 * @size: Its size.
 * @first: process->epoch at the beginning.
 * @last: process->epoch at the end.
 *
 * Return: whether the memory of one in the range did.
 */
bool cordbg_shadows_unmapped(struct cordbg_process *process,
			     unsigned long start, unsigned long size,
			     unsigned long first, unsigned long last)
{
	struct cordbg_shadow *shadow;
	bool found = false;

	spin_lock(&process->map_lock);
	shadow = shadow_seek(process, start);
	for (; shadow && shadow->address < start + size && !found;
	     shadow = shadow_step(shadow))
		found = shadow->unmapped > first && shadow->unmapped <= last;
	spin_unlock(&process->map_lock);
	return found;
}

/**
 * cordbg_shadow_in() - the first breakpoint with a byte in a range
 * @process: The process, locked.
 * @address: First address of the range.
 * @size: Its size.
 *
 * Return: its shadow, or NULL.
 */
struct cordbg_shadow *cordbg_shadow_in(struct cordbg_process *process,
				       unsigned long address,
				       unsigned long size)
{
	struct cordbg_shadow *shadow;

	if (gap_holds(process, address, size))
		return NULL;
	shadow = skip_dropped(shadow_seek_gap(process, address));
	return shadow && shadow->address < address + size ? shadow : NULL;
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

/**
 * cordbg_shadow_current() - whether a breakpoint's page is the one that is held
 * @shadow: The breakpoint; its process is locked.
 * @window: A pinned window that holds a page of its address.
 *
 * The page may have come to the address only since the breakpoint was dropped,
 * so that is asked second. An unmap from then on concerns both.
 *
 * Return: as cordbg_window_current().
 */
int cordbg_shadow_current(const struct cordbg_shadow *shadow,
			  const struct cordbg_window *window)
{
	int current_page = cordbg_window_current(window, shadow->address);

	return READ_ONCE(shadow->dropped) ? 0 : current_page;
}

/**
 * cordbg_opcode_stands() - whether memory that cannot be written holds the opcode
 * @window: The window for writing that could not be pinned.
 * @address: The opcode's address.
 *
 * Return: 1 if it does, 0 if not; -ENOMEM or -EINTR if that cannot be told.
 */
int cordbg_opcode_stands(const struct cordbg_window *window,
			 unsigned long address)
{
	struct cordbg_window look;
	cordbg_opcode_t insn;
	int stands;

	cordbg_window_init(&look, window->mm, window->task, CORDBG_OPCODE_LEN,
			   false, true);
	look.private = window->private;
	stands = cordbg_window_pin(&look, address, CORDBG_OPCODE_LEN);
	if (stands)
		return cordbg_no_answer(stands) ? stands : 0;
	stands = !cordbg_window_peek(&look, address, &insn) &&
		 insn == CORDBG_OPCODE;
	cordbg_window_unpin(&look, false);
	return stands;
}

/**
 * cordbg_shadow_restore() - put the program's bytes back
 * @shadow: The breakpoint; its process is locked.
 * @window: A one-page window for writing on the memory in question.
 * @address: Where the opcode is.
 *
 * Memory that is not mapped any more or that holds something else is left alone.
 *
 * Return: 0 if the opcode is not there any more; -ENOMEM or -EINTR; -EACCES or
 * -ENXIO if it stands in memory that cannot be written (a shared mapping made
 * read-only, write protection by userfaultfd, an exhausted hugetlb pool).
 */
int cordbg_shadow_restore(const struct cordbg_shadow *shadow,
			  struct cordbg_window *window, unsigned long address)
{
	int err = cordbg_window_cover(window, address), stands;

	if (err == -EACCES || err == -ENXIO) {
		stands = cordbg_opcode_stands(window, address);
		return stands > 0 ? err : stands;
	}
	if (!err && cordbg_window_page(window, address))
		err = cordbg_window_exchange(window, address, CORDBG_OPCODE,
					     shadow->original);
	return cordbg_no_answer(err) ? err : 0;
}

/**
 * cordbg_shadow_insert() - add a breakpoint to the list
 * @process: The process, locked.
 * @shadow: The breakpoint, without owners.
 */
void cordbg_shadow_insert(struct cordbg_process *process,
			  struct cordbg_shadow *shadow)
{
	struct rb_node **link = &process->shadows.rb_node, *parent = NULL;
	bool in_gap = gap_holds(process, shadow->address, CORDBG_OPCODE_LEN);

	if (in_gap && process->gap.below) {
		/* There is nothing in between: no need to begin at the root. */
		parent = &process->gap.below->node;
		link = &parent->rb_right;
	}
	while (*link) {
		parent = *link;
		if (shadow->address < to_shadow(parent)->address)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	spin_lock(&process->map_lock);
	rb_link_node(&shadow->node, parent, link);
	rb_insert_color(&shadow->node, &process->shadows);
	spin_unlock(&process->map_lock);
	if (in_gap) {
		/* What is above: who comes next usually goes on upwards. */
		process->gap.start = shadow->address + CORDBG_OPCODE_LEN;
		process->gap.below = shadow;
	}
}

static void epoch_advance(struct cordbg_process *process)
{
	lockdep_assert_held(&process->map_lock);
	WRITE_ONCE(process->epoch, process->epoch + 1);
}

/**
 * cordbg_epoch_advance() - tell what began before from what begins from now on
 * @process: The process.
 *
 * Return: process->epoch.
 */
unsigned long cordbg_epoch_advance(struct cordbg_process *process)
{
	unsigned long epoch;

	spin_lock(&process->map_lock);
	epoch_advance(process);
	epoch = process->epoch;
	spin_unlock(&process->map_lock);
	return epoch;
}

/* The breakpoint is gone, but for children that were forked before. */
static void shadow_drop(struct cordbg_process *process,
			struct cordbg_shadow *shadow)
{
	WRITE_ONCE(process->drops, process->drops + 1);
	epoch_advance(process);
	/* Who does not see the breakpoint any more sees that one was dropped. */
	smp_store_release(&shadow->dropped, process->epoch);
}

/**
 * cordbg_shadows_unmap() - the memory under some breakpoints goes away
 * @process: The process; its mmap_lock is held by whoever unmaps.
 * @start: First address.
 * @end: Address after the last.
 *
 * The list itself cannot be changed here.
 *
 * Return: whether there were any.
 */
bool cordbg_shadows_unmap(struct cordbg_process *process, unsigned long start,
			  unsigned long end)
{
	struct cordbg_shadow *shadow;
	bool any = false;

	spin_lock(&process->map_lock);
	epoch_advance(process);
	shadow = shadow_seek(process, start);
	for (; shadow && shadow->address < end; shadow = shadow_step(shadow)) {
		if (shadow->dropped)
			continue;
		/* It is the second that tells cordbg_shadow_since(). */
		WRITE_ONCE(shadow->unmapped, process->epoch + 1);
		shadow_drop(process, shadow);
		WRITE_ONCE(process->nr_unmapped, process->nr_unmapped + 1);
		any = true;
	}
	spin_unlock(&process->map_lock);
	return any;
}

/**
 * cordbg_shadow_next_unmapped() - walk over breakpoints whose memory went away
 * @process: The process, locked.
 * @shadow: Where the walk is, NULL to begin.
 * @from: First address of a range.
 * @size: Its size.
 *
 * Return: the next one that begins in the range, or NULL.
 */
struct cordbg_shadow *
cordbg_shadow_next_unmapped(const struct cordbg_process *process,
			    const struct cordbg_shadow *shadow,
			    unsigned long from, unsigned long size)
{
	struct cordbg_shadow *next;

	lockdep_assert_held(&process->lock);
	next = shadow ? shadow_step(shadow) : shadow_seek(process, from);
	while (next && next->address - from < size && !READ_ONCE(next->unmapped))
		next = shadow_step(next);
	return next && next->address - from < size ? next : NULL;
}

/**
 * cordbg_shadow_keep() - take a breakpoint as dropped only now
 * @process: The process, locked.
 * @shadow: The breakpoint; it has been dropped.
 *
 * A fork since its memory was moved has copied the opcode at its new address.
 */
void cordbg_shadow_keep(struct cordbg_process *process,
			struct cordbg_shadow *shadow)
{
	spin_lock(&process->map_lock);
	shadow_drop(process, shadow);
	spin_unlock(&process->map_lock);
}

/**
 * cordbg_shadows_clean() - restore all bytes in a forked child
 * @process: The parent, locked.
 * @window: A one-page window for writing on the child's memory.
 * @epoch: process->epoch from when the child's memory was copied.
 * @plants: process->plants from after that. An opcode planted since is not in the
 *	copy, and if there is one, it is the program's own byte.
 * @moved: Only those that have been moved; bytes under others may have changed
 *	since they were put back.
 *
 * Return: 0 or the error of cordbg_shadow_restore().
 */
int cordbg_shadows_clean(struct cordbg_process *process,
			 struct cordbg_window *window, unsigned long epoch,
			 unsigned long plants, bool moved)
{
	struct cordbg_shadow *shadow = shadow_seek(process, 0);
	unsigned long dropped, unmapped, moved_to;
	int err = 0;

	for (; shadow; shadow = shadow_step(shadow)) {
		dropped = READ_ONCE(shadow->dropped);
		if (dropped && dropped <= epoch)
			continue;
		/* An atomic batch claims breakpoints before it plants them. */
		if (!shadow->planted)
			continue;
		if (shadow->planted > plants && !shadow->replanted)
			continue;
		unmapped = READ_ONCE(shadow->unmapped);
		if (!unmapped || unmapped > epoch)
			err = moved ? 0 :
			      cordbg_shadow_restore(shadow, window,
						    shadow->address);
		else if (cordbg_moved(process, shadow, epoch, &moved_to))
			err = cordbg_shadow_restore(shadow, window, moved_to);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/**
 * cordbg_owner_find() - a session's claim to a breakpoint
 * @shadow: The breakpoint; its process is locked.
 * @session: The session.
 *
 * Return: the owner, or NULL.
 */
struct cordbg_owner *cordbg_owner_find(const struct cordbg_shadow *shadow,
				       const struct cordbg_session *session)
{
	struct cordbg_owner *owner;

	for (owner = shadow->owners; owner; owner = owner->next) {
		if (owner->session == session)
			return owner;
	}
	return NULL;
}

/**
 * cordbg_owner_add() - let a session claim a breakpoint
 * @shadow: The breakpoint; its process is locked.
 * @session: The session.
 *
 * Return: 0, or -ENOMEM if it is not the first.
 */
int cordbg_owner_add(struct cordbg_shadow *shadow,
		     struct cordbg_session *session)
{
	struct cordbg_owner *owner = &shadow->own;

	if (owner->session)
		owner = kmem_cache_alloc(owner_cache, GFP_KERNEL);
	if (!owner)
		return -ENOMEM;
	owner->shadow = shadow;
	owner->session = session;
	owner->next = shadow->owners;
	shadow->owners = owner;
	list_add_tail(&owner->session_node, &session->owners);
	session->nr_owners++;
	session->claimed = true;
	return 0;
}

static void owner_remove(struct cordbg_shadow *shadow,
			 struct cordbg_owner *owner)
{
	struct cordbg_owner **link = &shadow->owners;

	while (*link != owner)
		link = &(*link)->next;
	*link = owner->next;
	list_del(&owner->session_node);
	owner->session->nr_owners--;
	owner->session = NULL;
	if (owner != &shadow->own)
		kmem_cache_free(owner_cache, owner);
}

/**
 * cordbg_owner_drop() - end a claim, and the breakpoint with the last one
 * @owner: The claim; freed. If it is the last one, the opcode has left memory.
 */
void cordbg_owner_drop(struct cordbg_owner *owner)
{
	struct cordbg_process *process = owner->session->process;
	struct cordbg_shadow *shadow = owner->shadow;

	lockdep_assert_held(&process->lock);
	owner_remove(shadow, owner);
	if (shadow->owners)
		return;
	spin_lock(&process->map_lock);
	if (shadow->dropped)
		WRITE_ONCE(process->nr_unmapped, process->nr_unmapped - 1);
	else
		shadow_drop(process, shadow);
	spin_unlock(&process->map_lock);
	shadow->cleared = true;
	list_add_tail(&shadow->own.session_node, &process->cleared);
}

static void shadow_free(struct cordbg_process *process,
			struct cordbg_shadow *shadow)
{
	lockdep_assert_held(&process->lock);
	spin_lock(&process->map_lock);
	rb_erase(&shadow->node, &process->shadows);
	spin_unlock(&process->map_lock);
	if (process->gap.below == shadow)
		process->gap.below = NULL;
	kmem_cache_free(shadow_cache, shadow);
}

/**
 * cordbg_shadow_cancel() - take a breakpoint away that was never planted
 * @process: The process, locked.
 * @shadow: The breakpoint, without owners; freed.
 */
void cordbg_shadow_cancel(struct cordbg_process *process,
			  struct cordbg_shadow *shadow)
{
	spin_lock(&process->map_lock);
	if (shadow->dropped)
		WRITE_ONCE(process->nr_unmapped, process->nr_unmapped - 1);
	spin_unlock(&process->map_lock);
	shadow_free(process, shadow);
}

/* End the claims to memory that was unmapped. */
static void clear_unmapped(struct cordbg_process *process, unsigned long limit)
{
	struct cordbg_shadow *shadow = shadow_seek(process, 0);
	unsigned long dropped;

	for (; shadow; shadow = shadow_step(shadow)) {
		dropped = READ_ONCE(shadow->dropped);
		if (!dropped || dropped > limit)
			continue;
		while (shadow->owners)
			cordbg_owner_drop(shadow->owners);
	}
}

static void free_cleared(struct cordbg_process *process, unsigned long limit)
{
	struct cordbg_shadow *shadow, *next;

	list_for_each_entry_safe(shadow, next, &process->cleared,
				 own.session_node) {
		if (READ_ONCE(shadow->dropped) > limit)
			break;
		list_del(&shadow->own.session_node);
		shadow_free(process, shadow);
	}
}

/**
 * cordbg_shadows_purge() - free dropped breakpoints that no child needs
 * @process: The process, locked.
 */
void cordbg_shadows_purge(struct cordbg_process *process)
{
	unsigned long limit;

	lockdep_assert_held(&process->lock);
	cordbg_moves_purge(process);
	if (list_empty(&process->cleared) && !READ_ONCE(process->nr_unmapped))
		return;
	limit = cordbg_forks_epoch(process);
	/* A walk finds nothing more than the last one below its limit. */
	if (READ_ONCE(process->nr_unmapped) && limit != process->purged) {
		process->purged = limit;
		clear_unmapped(process, limit);
	}
	free_cleared(process, limit);
}

/**
 * cordbg_shadows_destroy() - free what is left on the list
 * @process: The process; nobody uses it any more.
 */
void cordbg_shadows_destroy(struct cordbg_process *process)
{
	mutex_lock(&process->lock);
	cordbg_moves_purge(process);
	free_cleared(process, ULONG_MAX);
	mutex_unlock(&process->lock);
}
