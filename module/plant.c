// SPDX-License-Identifier: GPL-2.0
/*
 * Put an opcode in memory and take it out, without a store of the program being
 * lost and without touching what has come to the address since.
 */

#include <linux/mm.h>

#include "cordbg.h"

/**
 * cordbg_opcode_window() - prepare a window of one page for the process's opcodes
 * @window: The window.
 * @session: The session, entered.
 */
void cordbg_opcode_window(struct cordbg_window *window,
			  const struct cordbg_session *session)
{
	cordbg_window_init(window, session->process->mm, session->task,
			   PAGE_SIZE, true, true);
	window->private = true;
}

/**
 * cordbg_opcode_plant() - plant the opcode and learn what it replaces
 * @process: The process, locked.
 * @window: The window that holds the page.
 * @shadow: The breakpoint, on the list.
 *
 * An opcode that is there already is somebody else's (a uprobe, another debugger)
 * and no program byte.
 *
 * Return: 0; -EBUSY; -EAGAIN if the program wrote there at the same time; or the
 * error of cordbg_mm_access().
 */
int cordbg_opcode_plant(struct cordbg_process *process,
			const struct cordbg_window *window,
			struct cordbg_shadow *shadow)
{
	unsigned long planted = shadow->planted;
	bool replanted = shadow->replanted;
	cordbg_opcode_t insn;
	int err;

	lockdep_assert_held(&process->lock);
	err = cordbg_window_peek(window, shadow->address, &insn);
	if (err)
		return err;
	if (cordbg_is_breakpoint(insn))
		return -EBUSY;
	shadow->original = insn;
	WRITE_ONCE(process->plants, process->plants + 1);
	shadow->replanted = planted;
	shadow->planted = process->plants;
	/* The count first, the opcode second; see probe_fork(). */
	smp_wmb();
	err = cordbg_window_exchange(window, shadow->address, insn,
				     CORDBG_OPCODE);
	if (err) {
		/* No child can have it. */
		shadow->planted = planted;
		shadow->replanted = replanted;
	}
	return err;
}

/**
 * cordbg_opcode_replant() - plant the opcode of a breakpoint that has lost it
 * @process: The process, locked.
 * @window: The window that holds the page.
 * @shadow: The breakpoint, on the list.
 *
 * A forked child may have the opcode, and needs the bytes that were under it then.
 *
 * Return: as cordbg_opcode_plant() and cordbg_forks_clean().
 */
int cordbg_opcode_replant(struct cordbg_process *process,
			  const struct cordbg_window *window,
			  struct cordbg_shadow *shadow)
{
	return cordbg_forks_clean(process) ?:
	       cordbg_opcode_plant(process, window, shadow);
}

/**
 * cordbg_page_moved() - whether a page is not the one of a breakpoint any more
 * @process: The process, locked.
 * @window: The window that holds the page.
 * @shadow: The breakpoint, on the list.
 * @epoch: process->epoch from before the page was held.
 *
 * An unmap from now on drops the shadow; one since then has to be found.
 *
 * Return: whether it may not be.
 */
bool cordbg_page_moved(const struct cordbg_process *process,
		       const struct cordbg_window *window,
		       const struct cordbg_shadow *shadow, unsigned long epoch)
{
	return READ_ONCE(process->epoch) != epoch &&
	       cordbg_shadow_current(shadow, window) <= 0;
}

/**
 * cordbg_opcode_remove() - put the program's bytes back
 * @shadow: The breakpoint; its process is locked.
 * @window: From cordbg_opcode_window().
 *
 * Memory that has been unmapped since the opcode was looked for is somebody
 * else's by the time its page is held.
 *
 * Return: 0 or the error of cordbg_shadow_restore().
 */
int cordbg_opcode_remove(const struct cordbg_shadow *shadow,
			 struct cordbg_window *window)
{
	cordbg_window_cover(window, shadow->address);
	if (READ_ONCE(shadow->dropped))
		return 0;
	return cordbg_shadow_restore(shadow, window, shadow->address);
}
