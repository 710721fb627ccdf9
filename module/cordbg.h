/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the module share.
 *
 * Objects and who keeps them
 *
 *	file ---> session ---> process ---> mm_struct (mmgrab: identity only)
 *	            |             |
 *	            |             +-- shadows, one per breakpoint
 *	            +-- owners ----------^  one per session and breakpoint
 *
 * - A session lives as long as its open file.
 * - A process lives as long as a session is bound to it. All sessions on one
 *   mm share it; it is found by mm, never by pid.
 * - A shadow lives as long as it has an owner; an owner lives until its session
 *   clears the breakpoint or is closed.
 * - The mm's memory is used only between mmget_not_zero() and mmput(), so that
 *   an idle session keeps none of it alive.
 *
 * Lock order
 *
 *	session->lock
 *	  processes_lock (process.c)
 *	process->lock
 *	  signal->exec_update_lock (read)
 *	    mmap_lock (read)
 *
 * session->lock and process->lock are never held together. The last mmput()
 * tears the mm down, so it is called with none of these held. No lock is held
 * while the caller's memory may fault: it can block as long as it likes
 * (userfaultfd, FUSE).
 */
#ifndef CORDBG_MODULE_H
#define CORDBG_MODULE_H

#include <linux/cordbg.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "opcode.h"

struct mm_struct;
struct page;
struct task_struct;

/**
 * struct cordbg_process - one debugged mm, shared by its sessions
 * @node: Entry of the table of processes, under processes_lock.
 * @mm: The memory, kept by mmgrab(). Constant.
 * @sessions: Sessions bound to it, under processes_lock.
 * @shadows: struct cordbg_shadow by address. They never overlap.
 */
struct cordbg_process {
	struct hlist_node node;
	struct mm_struct *mm;
	unsigned int sessions;
	/**
	 * @lock: Protects @shadows, the shadows and owners in it, and the
	 * opcodes in memory against other sessions. All waits for it but the
	 * release of a session are killable.
	 */
	struct mutex lock;
	struct rb_root shadows;
};

/**
 * struct cordbg_shadow - the program's bytes under one breakpoint
 * @node: Entry of process->shadows.
 * @owners: struct cordbg_owner by @shadow_node; never empty.
 * @address: Address of the opcode's first byte, a multiple of its length.
 * @original: The program's bytes, true only while the opcode stands in memory:
 *	whoever uses them looks there first.
 *
 * All under process->lock.
 */
struct cordbg_shadow {
	struct rb_node node;
	struct list_head owners;
	unsigned long address;
	cordbg_opcode_t original;
};

/**
 * struct cordbg_owner - one session's claim to one breakpoint
 * @shadow_node: Entry of shadow->owners.
 * @session_node: Entry of session->owners.
 * @shadow: The breakpoint.
 * @session: The session.
 *
 * All under process->lock.
 */
struct cordbg_owner {
	struct list_head shadow_node;
	struct list_head session_node;
	struct cordbg_shadow *shadow;
	struct cordbg_session *session;
};

/**
 * struct cordbg_session - one open file of /dev/cordbg
 * @process: What the session is bound to, NULL before ATTACH. Set once, with
 *	release semantics, after @task.
 * @task: A thread that had the process's mm at ATTACH; with its thread group it
 *	tells whether the image is still there.
 * @owners: struct cordbg_owner by @session_node, under process->lock.
 * @nr_owners: Length of @owners, under process->lock.
 */
struct cordbg_session {
	/** @lock: Serializes ATTACH on this file. */
	struct mutex lock;
	struct cordbg_process *process;
	struct task_struct *task;
	struct list_head owners;
	unsigned int nr_owners;
};

/* Pages a window can hold without an allocation: 64 KiB at any alignment. */
#define CORDBG_INLINE_PAGES	17

/**
 * struct cordbg_window - a verified range of the target, its pages held
 * @session: The session on whose process it is, between cordbg_session_enter()
 *	and cordbg_session_leave().
 * @write: The pages are for writing; otherwise for reading.
 * @force: Accept private mappings whose protection forbids the access.
 * @indirect: Bytes must go through access_process_vm(): a mapping has no pages
 *	to hold (vm_ops->access), or code is written and the instruction cache
 *	needs care that a module cannot give.
 * @address: First address of the range.
 * @failed: After -ENXIO and -EACCES, the first address that failed.
 * @nr_pages: Entries of @pages in use. A NULL entry is a page that only
 *	access_process_vm() can reach.
 * @capacity: Entries of @pages.
 * @pages: The pages, from the one with @address on.
 * @inline_pages: @pages of a small window.
 */
struct cordbg_window {
	struct cordbg_session *session;
	bool write;
	bool force;
	bool indirect;
	unsigned long address;
	unsigned long failed;
	unsigned long nr_pages;
	unsigned long capacity;
	struct page **pages;
	struct page *inline_pages[CORDBG_INLINE_PAGES];
};

/* session.c */
extern const struct file_operations cordbg_fops;
struct cordbg_process *cordbg_session_enter(struct cordbg_session *session);
void cordbg_session_leave(struct cordbg_process *process);
bool cordbg_session_alive(const struct cordbg_session *session);

/* process.c */
struct cordbg_process *cordbg_process_get(struct mm_struct *mm);
void cordbg_process_put(struct cordbg_process *process);
struct task_struct *cordbg_group_thread(struct task_struct *task,
					const struct mm_struct *mm);
int cordbg_process_access(struct cordbg_process *process,
			  struct task_struct *hint, unsigned long address,
			  void *buffer, int size, unsigned int gup_flags);

/* window.c */
int cordbg_window_init(struct cordbg_window *window,
		       struct cordbg_session *session, unsigned long size,
		       bool write, bool force);
int cordbg_window_pin(struct cordbg_window *window, unsigned long address,
		      unsigned long size);
void cordbg_window_unpin(struct cordbg_window *window, bool dirty);
void cordbg_window_destroy(struct cordbg_window *window);
struct page *cordbg_window_page(const struct cordbg_window *window,
				unsigned long address);
int cordbg_window_peek(const struct cordbg_window *window,
		       unsigned long address, cordbg_opcode_t *insn);
int cordbg_window_exchange(const struct cordbg_window *window,
			   unsigned long address, cordbg_opcode_t old,
			   cordbg_opcode_t new);

/* breakpoint.c */
extern unsigned int cordbg_max_breakpoints;
int cordbg_breakpoint_init(void);
void cordbg_breakpoint_exit(void);
struct cordbg_shadow *cordbg_shadow_first(const struct cordbg_process *process,
					  unsigned long address);
struct cordbg_shadow *cordbg_shadow_next(const struct cordbg_shadow *shadow);
bool cordbg_shadow_planted(const struct cordbg_shadow *shadow,
			   const struct cordbg_window *window);
int cordbg_breakpoint_set(struct cordbg_session *session, u64 address,
			  cordbg_opcode_t *original);
int cordbg_breakpoint_clear(struct cordbg_session *session, u64 address);
void cordbg_breakpoint_clear_all(struct cordbg_session *session);

/* list.c */
int cordbg_breakpoint_list(struct cordbg_session *session,
			   struct cordbg_list_breakpoints *arg);

/* transfer.c */
int cordbg_transfer(struct cordbg_session *session,
		    struct cordbg_transfer *arg, bool write, u32 *done);

#endif /* CORDBG_MODULE_H */
