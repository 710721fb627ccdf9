/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the module share.
 *
 * Objects and who keeps them
 *
 *	file ---> session ---> process ---> mm_struct (mmgrab: identity only)
 *	            |             |  ^
 *	            |             |  +-- forks and moves under way
 *	            |             +-- shadows, one per breakpoint
 *	            +-- owners ----------^  one per session and breakpoint
 *
 * - A session lives as long as its open file.
 * - A process lives as long as a session is bound to it, or a fork or mremap of
 *   it is under way. All sessions on one mm share it; it is found by mm, never
 *   by pid.
 * - An owner lives until its session clears the breakpoint or is closed. A
 *   shadow is dropped with its last owner, or when its memory is unmapped: from
 *   then on it exists only for forks and moves that began before, and is freed
 *   when there is none.
 * - A fork lives from the copy of the memory until the parent has returned and
 *   the child is clean; a move until mremap(2) has returned, and no fork or move
 *   that began before is under way. Both run as task works and keep the module;
 *   what a killed thread leaves of a move is done by a worker. Meanwhile unmaps
 *   are recorded as moves to nowhere.
 * - The mm's memory is used only between mmget_not_zero() and mmput(), so that
 *   an idle session keeps none of it alive.
 *
 * Lock order
 *
 *	session->lock | process->lock
 *	process->lock
 *	  signal->exec_update_lock (read)
 *	    mmap_lock
 *	      process->map_lock | process->moves_lock |
 *	      bucket->lock (process.c) | forks_lock (fork.c, raw)
 *
 * Those on one line are never held together. mmap_lock is taken for writing
 * only to register the notifier. Notifiers run under mmap_lock and take only
 * what is below it, which is never held around a fault. The last mmput() tears
 * the mm down, so it is called with none of these held. No lock is held while
 * the caller's memory may fault: it can block as long as it likes (userfaultfd,
 * FUSE); the target's memory faults at most under process->lock, which is why
 * memory can be allocated under it, too.
 */
#ifndef CORDBG_MODULE_H
#define CORDBG_MODULE_H

#include <linux/build_bug.h>
#include <linux/cordbg.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "opcode.h"

struct cordbg_move;
struct cordbg_shadow;
struct mm_struct;
struct page;
struct task_struct;
struct transfer;

/**
 * struct cordbg_gap - a range in which no shadow has a byte, dropped or not
 * @start: Its first address.
 * @end: The address after its last.
 * @below: The last shadow below it, or NULL if there is none or it was freed.
 *
 * A debugger often comes back to where it was. What is dropped or freed leaves
 * a gap a gap; what is inserted into it makes it smaller.
 */
struct cordbg_gap {
	unsigned long start;
	unsigned long end;
	struct cordbg_shadow *below;
};

/**
 * struct cordbg_process - one debugged mm, shared by its sessions
 * @node: Entry of the table of processes, under its bucket's lock.
 * @mm: The memory, kept by mmgrab(). Constant.
 * @refs: Sessions, forks and moves.
 * @notifier: Tells about unmaps and forks, once @watched.
 * @watched: @notifier is registered; under @lock.
 * @shadows: struct cordbg_shadow by address; those that are not dropped never
 *	overlap. Changed under @lock and @map_lock, so stable under either.
 * @epoch: Counts unmaps, drops and ends of moves, under @map_lock.
 * @drops: Counts shadows that stopped hiding bytes, under @map_lock.
 * @nr_unmapped: Shadows dropped with their memory that have owners, under
 *	@map_lock.
 * @cleared: Shadows without owners by their @own.session_node, under @lock.
 * @plants: Counts opcodes planted and atomic batches, under @lock.
 * @purged: What cordbg_shadows_purge() went up to, under @lock.
 * @gap: Where nothing was found when it was last looked for, under @lock.
 * @moves: mremap(2) under way and what they carried on from, oldest first, under
 *	@moves_lock.
 * @nr_moves: Length of @moves, under @moves_lock.
 * @nr_forks: Forks of the process under way, under forks_lock.
 */
struct cordbg_process {
	struct hlist_node node;
	struct mm_struct *mm;
	refcount_t refs;
	/**
	 * @lock: Protects the shadows and owners, and the opcodes in memory
	 * against other sessions. All waits for it but the release of a
	 * session are killable.
	 */
	struct mutex lock;
	struct mmu_notifier notifier;
	bool watched;
	/** @map_lock: Protects what notifiers use. */
	spinlock_t map_lock;
	struct rb_root shadows;
	unsigned long epoch;
	unsigned long drops;
	unsigned int nr_unmapped;
	struct list_head cleared;
	unsigned long plants;
	unsigned long purged;
	struct cordbg_gap gap;
	/** @moves_lock: Protects the moves. */
	spinlock_t moves_lock;
	struct list_head moves;
	unsigned int nr_moves;
	unsigned int nr_forks;
};

/**
 * struct cordbg_owner - one session's claim to one breakpoint
 * @session_node: Entry of session->owners.
 * @next: The next of shadow->owners.
 * @shadow: The breakpoint.
 * @session: The session, NULL while this is not in use.
 *
 * All under process->lock.
 */
struct cordbg_owner {
	struct list_head session_node;
	struct cordbg_owner *next;
	struct cordbg_shadow *shadow;
	struct cordbg_session *session;
};

/**
 * struct cordbg_shadow - the program's bytes under one breakpoint
 * @node: Entry of process->shadows.
 * @owners: The owners, under process->lock.
 * @own: Memory for one of them: there is rarely another. Once @cleared, its
 *	@session_node is the entry of process->cleared.
 * @address: Address of the opcode's first byte, a multiple of its length.
 * @dropped: 0, or process->epoch as of when it was dropped; under
 *	process->map_lock.
 * @unmapped: 0, or process->epoch as of when its memory was unmapped or moved;
 *	under process->map_lock.
 * @planted: process->plants as of when the opcode was planted.
 * @replanted: It had been planted before, too.
 * @cleared: The last owner is gone.
 * @original: The program's bytes, true only while the opcode stands in memory:
 *	whoever uses them looks there first. Under process->lock.
 */
struct cordbg_shadow {
	struct rb_node node;
	struct cordbg_owner *owners;
	struct cordbg_owner own;
	unsigned long address;
	unsigned long dropped;
	unsigned long unmapped;
	unsigned long planted;
	bool replanted;
	bool cleared;
	cordbg_opcode_t original;
};

/* All that a breakpoint takes, with the pointer that accounting adds. */
static_assert(sizeof(struct cordbg_shadow) + sizeof(void *) <= 128);

/* Whether an error leaves open what is in the target's memory. */
static inline bool cordbg_no_answer(int err)
{
	return err == -ENOMEM || err == -EINTR;
}

/* Whether more than one session has claimed a breakpoint that one has. */
static inline bool cordbg_shadow_shared(const struct cordbg_shadow *shadow)
{
	return shadow->owners->next;
}

/**
 * cordbg_shadow_next() - the breakpoint after another
 * @shadow: The other; its process is locked.
 *
 * Return: its shadow, or NULL.
 */
static inline struct cordbg_shadow *
cordbg_shadow_next(const struct cordbg_shadow *shadow)
{
	struct cordbg_shadow *next;

	do {
		next = rb_entry_safe(rb_next(&shadow->node),
				     struct cordbg_shadow, node);
		shadow = next;
	} while (next && READ_ONCE(next->dropped));
	return next;
}

/**
 * struct cordbg_seen - where there was a mapping lately
 * @start: Its first address.
 * @end: The address after its last.
 *
 * A hint that nothing depends on: there is no lock, and the two may not belong
 * together.
 */
struct cordbg_seen {
	unsigned long start;
	unsigned long end;
};

/**
 * struct cordbg_session - one open file of /dev/cordbg
 * @process: What the session is bound to, NULL before ATTACH. Set once, with
 *	release semantics, after @task.
 * @task: A thread that had the process's mm at ATTACH; with its thread group it
 *	tells whether the image is still there.
 * @owners: struct cordbg_owner by @session_node, under process->lock.
 * @nr_owners: Length of @owners, under process->lock.
 * @claimed: It has owned a breakpoint, under process->lock.
 * @seen: The mapping that a transfer has been in last.
 */
struct cordbg_session {
	/** @lock: Serializes ATTACH on this file. */
	struct mutex lock;
	struct cordbg_process *process;
	struct task_struct *task;
	struct list_head owners;
	unsigned int nr_owners;
	bool claimed;
	struct cordbg_seen seen;
};

/* Pages a window can hold without an allocation: 64 KiB at any alignment. */
#define CORDBG_INLINE_PAGES	17

/**
 * struct cordbg_window - a verified range of the target, its pages held
 * @mm: The memory; the caller has a user of it.
 * @task: Where to look first for a thread that has the memory.
 * @write: The pages are for writing; otherwise for reading.
 * @force: Accept private mappings whose protection forbids the access.
 * @private: Accept only mappings in which an opcode can be planted.
 * @seen: Where there was a mapping lately, or NULL.
 * @epoch: process->epoch, or NULL if nobody wants to know:
 * @first: What it was when the first pages were held, under mmap_lock, and
 * @last: when the last ones were.
 * @indirect: Bytes must go through access_process_vm(): a mapping has no pages
 *	to hold (vm_ops->access).
 * @address: First address of the range.
 * @failed: After -ENXIO and -EACCES, the first address that failed.
 * @nr_pages: Entries of @pages in use. A NULL entry is a page that only
 *	access_process_vm() can reach.
 * @capacity: Entries of @pages.
 * @pages: The pages, from the one with @address on.
 * @inline_pages: @pages of a small window.
 */
struct cordbg_window {
	struct mm_struct *mm;
	struct task_struct *task;
	bool write;
	bool force;
	bool private;
	bool indirect;
	struct cordbg_seen *seen;
	const unsigned long *epoch;
	unsigned long first;
	unsigned long last;
	unsigned long address;
	unsigned long failed;
	unsigned long nr_pages;
	unsigned long capacity;
	struct page **pages;
	struct page *inline_pages[CORDBG_INLINE_PAGES];
};

/* session.c */
extern const struct file_operations cordbg_fops;
bool cordbg_session_alive(const struct cordbg_session *session);

/* process.c */
void cordbg_process_init(void);
struct cordbg_process *cordbg_process_get(struct mm_struct *mm);
bool cordbg_process_tryget(struct cordbg_process *process);
void cordbg_process_put(struct cordbg_process *process);
struct task_struct *cordbg_group_thread(struct task_struct *task,
					const struct mm_struct *mm);
int cordbg_mm_access(struct mm_struct *mm, struct task_struct *hint,
		     unsigned long address, void *buffer, int size,
		     unsigned int gup_flags);

/* watch.c */
int cordbg_process_watch(struct cordbg_process *process);
void cordbg_process_unwatch(struct cordbg_process *process);

/* fork.c */
extern bool cordbg_task_work_seen;
int cordbg_fork_init(void);
void cordbg_fork_exit(void);
void cordbg_fork_begin(struct cordbg_process *process);
unsigned long cordbg_forks_epoch(struct cordbg_process *process);
int cordbg_forks_clean(struct cordbg_process *process);
int cordbg_fork_settle(const struct mm_struct *mm);

/* move.c */
struct cordbg_move *cordbg_move_begin(struct cordbg_process *process,
				      const struct mmu_notifier_range *range);
void cordbg_move_unmapped(struct cordbg_process *process,
			  struct cordbg_move *move, bool any);
bool cordbg_moved(struct cordbg_process *process,
		  const struct cordbg_shadow *shadow, unsigned long epoch,
		  unsigned long *address);
void cordbg_moves_purge(struct cordbg_process *process);
unsigned long cordbg_moves_epoch(struct cordbg_process *process);

/* window.c */
int cordbg_window_init(struct cordbg_window *window, struct mm_struct *mm,
		       struct task_struct *task, unsigned long size,
		       bool write, bool force);
int cordbg_window_pin(struct cordbg_window *window, unsigned long address,
		      unsigned long size);
int cordbg_window_cover(struct cordbg_window *window, unsigned long address);
void cordbg_window_unpin(struct cordbg_window *window, bool dirty);
void cordbg_window_destroy(struct cordbg_window *window);
struct page *cordbg_window_page(const struct cordbg_window *window,
				unsigned long address);
int cordbg_window_current(const struct cordbg_window *window,
			  unsigned long address);
int cordbg_window_peek(const struct cordbg_window *window,
		       unsigned long address, cordbg_opcode_t *insn);
int cordbg_window_exchange(const struct cordbg_window *window,
			   unsigned long address, cordbg_opcode_t old,
			   cordbg_opcode_t new);

/* shadow.c */
int cordbg_shadow_init(void);
void cordbg_shadow_exit(void);
int cordbg_reserves_init(struct cordbg_shadow **reserves, unsigned int nr);
void cordbg_reserves_destroy(struct cordbg_shadow **reserves, unsigned int nr);
struct cordbg_shadow *cordbg_shadow_first(const struct cordbg_process *process,
					  unsigned long address);
bool cordbg_shadows_unmapped(struct cordbg_process *process,
			     unsigned long start, unsigned long size,
			     unsigned long first, unsigned long last);
struct cordbg_shadow *cordbg_shadow_since(const struct cordbg_process *process,
					  unsigned long address,
					  unsigned long epoch);
struct cordbg_shadow *cordbg_shadow_in(struct cordbg_process *process,
				       unsigned long address,
				       unsigned long size);
bool cordbg_shadow_planted(const struct cordbg_shadow *shadow,
			   const struct cordbg_window *window);
int cordbg_shadow_current(const struct cordbg_shadow *shadow,
			  const struct cordbg_window *window);
int cordbg_opcode_stands(const struct cordbg_window *window,
			 unsigned long address);
int cordbg_shadow_restore(const struct cordbg_shadow *shadow,
			  struct cordbg_window *window, unsigned long address);
void cordbg_shadow_insert(struct cordbg_process *process,
			  struct cordbg_shadow *shadow);
void cordbg_shadow_cancel(struct cordbg_process *process,
			  struct cordbg_shadow *shadow);
bool cordbg_shadows_unmap(struct cordbg_process *process, unsigned long start,
			  unsigned long end);
struct cordbg_shadow *
cordbg_shadow_next_unmapped(const struct cordbg_process *process,
			    const struct cordbg_shadow *shadow,
			    unsigned long from, unsigned long size);
unsigned long cordbg_epoch_advance(struct cordbg_process *process);
void cordbg_shadow_keep(struct cordbg_process *process,
			struct cordbg_shadow *shadow);
int cordbg_shadows_clean(struct cordbg_process *process,
			 struct cordbg_window *window, unsigned long epoch,
			 unsigned long plants, bool moved);
void cordbg_shadows_purge(struct cordbg_process *process);
void cordbg_shadows_destroy(struct cordbg_process *process);
struct cordbg_owner *cordbg_owner_find(const struct cordbg_shadow *shadow,
				       const struct cordbg_session *session);
int cordbg_owner_add(struct cordbg_shadow *shadow,
		     struct cordbg_session *session);
void cordbg_owner_drop(struct cordbg_owner *owner);

/* plant.c */
void cordbg_opcode_window(struct cordbg_window *window,
			  const struct cordbg_session *session);
int cordbg_opcode_plant(struct cordbg_process *process,
			const struct cordbg_window *window,
			struct cordbg_shadow *shadow);
int cordbg_opcode_replant(struct cordbg_process *process,
			  const struct cordbg_window *window,
			  struct cordbg_shadow *shadow);
bool cordbg_page_moved(const struct cordbg_process *process,
		       const struct cordbg_window *window,
		       const struct cordbg_shadow *shadow, unsigned long epoch);
int cordbg_opcode_remove(const struct cordbg_shadow *shadow,
			 struct cordbg_window *window);

/* breakpoint.c */
extern unsigned int cordbg_max_breakpoints;
extern struct workqueue_struct *cordbg_workqueue;
int cordbg_breakpoint_init(void);
void cordbg_breakpoint_exit(void);
int cordbg_breakpoint_check(u64 address);
void cordbg_breakpoints_set(struct cordbg_session *session,
			    struct cordbg_shadow **reserves,
			    struct cordbg_operation *ops, unsigned int nr);
void cordbg_breakpoints_clear(struct cordbg_session *session,
			      struct cordbg_operation *ops, unsigned int nr);
void cordbg_breakpoint_clear_all(struct cordbg_session *session);

/* list.c */
int cordbg_breakpoint_list(struct cordbg_session *session,
			   struct cordbg_list_breakpoints *arg);

/* transfer.c */
int cordbg_transfer_check(const struct cordbg_transfer *arg, bool write);
int cordbg_transfer(struct cordbg_session *session,
		    struct cordbg_transfer *arg, bool write, u32 *done);
struct transfer *cordbg_transfer_hold(struct cordbg_session *session,
				      struct cordbg_transfer *arg, bool write);
int cordbg_transfer_settle(struct transfer *t, u64 *failed);
int cordbg_transfer_commit(struct transfer *t, u32 *done);
int cordbg_transfer_release(struct transfer *t);

/* batch.c */
int cordbg_operation_check(const struct cordbg_operation *op);
int cordbg_operations_load(struct cordbg_operation *ops,
			   const char __user *user, u32 stride, u32 *nr);
int cordbg_operations_storable(char __user *user, u32 stride, u32 *nr);
u32 cordbg_operations_store(const struct cordbg_operation *ops,
			    char __user *user, u32 stride, u32 nr);
int cordbg_batch(struct cordbg_session *session, struct cordbg_batch *arg);

/* atomic.c */
int cordbg_batch_atomic(struct cordbg_session *session,
			struct cordbg_batch *arg);

#endif /* CORDBG_MODULE_H */
