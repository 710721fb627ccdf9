// SPDX-License-Identifier: GPL-2.0
/*
 * CORDBG_BATCH_ATOMIC: all operations of a batch or none.
 *
 *	hold	everything that can fail or wait: memory, the caller's bytes, pages
 *	claim	under the process lock: every operation can be carried out
 *	commit	breakpoints are set, bytes copied, breakpoints cleared
 *
 * From the claims on nothing can fail, but for a program that stores an opcode of
 * its own in the very instant: then the breakpoints set so far are taken back.
 */

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "cordbg.h"

/**
 * struct step - one operation
 * @op: The operation.
 * @transfer: If it is one.
 * @window: Holds the page of a breakpoint.
 * @epoch: process->epoch from before it was held.
 * @reserve: For a new breakpoint.
 * @shadow: The breakpoint, once claimed or found to be cleared.
 * @owner: The session's claim to it: made, or about to be dropped.
 * @planted: The opcode has been put in memory.
 */
struct step {
	struct cordbg_operation *op;
	struct transfer *transfer;
	struct cordbg_window window;
	unsigned long epoch;
	struct cordbg_shadow *reserve;
	struct cordbg_shadow *shadow;
	struct cordbg_owner *owner;
	bool planted;
};

/**
 * struct atomic - one ioctl on its way
 * @session: The session, entered.
 * @nr: Operations.
 * @fresh: Breakpoints claimed that have no owner yet.
 * @at: The operation in hand, @nr if none is.
 * @happened: All has been carried out.
 * @ops: The operations.
 * @steps: What is held for each.
 * @order: Those that set or clear, by address.
 */
struct atomic {
	struct cordbg_session *session;
	u32 nr;
	u32 fresh;
	u32 at;
	bool happened;
	struct cordbg_operation *ops;
	struct step *steps;
	struct cordbg_operation **order;
};

static bool is_transfer(const struct cordbg_operation *op)
{
	return op->op == CORDBG_OP_WRITE_MEMORY ||
	       op->op == CORDBG_OP_READ_MEMORY;
}

static int hold_transfer(struct cordbg_session *session, struct step *step)
{
	struct cordbg_operation *op = step->op;
	struct cordbg_transfer arg = {
		.flags = op->flags,
		.address = op->address,
		.buffer = op->buffer,
		.size = op->size,
		.failed_address = op->failed_address,
	};
	struct transfer *t;

	if (!op->size)
		return 0;
	t = cordbg_transfer_hold(session, &arg,
				 op->op == CORDBG_OP_WRITE_MEMORY);
	op->failed_address = arg.failed_address;
	if (IS_ERR(t))
		return PTR_ERR(t);
	step->transfer = t;
	return 0;
}

static int hold_breakpoint(struct cordbg_session *session, struct step *step)
{
	int err;

	cordbg_opcode_window(&step->window, session);
	if (step->op->op != CORDBG_OP_SET_BREAKPOINT)
		return 0;
	err = cordbg_reserves_init(&step->reserve, 1);
	if (err)
		return err;
	step->epoch = READ_ONCE(session->process->epoch);
	err = cordbg_window_cover(&step->window, step->op->address);
	/* A page that cannot be held could change under the opcode. */
	if (!err && !cordbg_window_page(&step->window, step->op->address))
		err = -EACCES;
	return err;
}

static int hold_step(struct cordbg_session *session, struct step *step)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	return is_transfer(step->op) ? hold_transfer(session, step) :
				       hold_breakpoint(session, step);
}

static int hold(struct atomic *a)
{
	struct step *step;
	int err = 0;

	for (a->at = 0; a->at < a->nr; a->at++) {
		step = &a->steps[a->at];
		memset(step, 0, sizeof(*step));
		step->op = &a->ops[a->at];
		err = hold_step(a->session, step);
		if (err)
			break;
		cond_resched();
	}
	return err;
}

/* Let go of what hold() has held: 0, or -EFAULT of a read. */
static int release(struct atomic *a)
{
	struct step *step;
	int err = 0;
	u32 i;

	for (i = 0; i < a->nr && a->steps[i].op; i++) {
		step = &a->steps[i];
		if (step->transfer && cordbg_transfer_release(step->transfer)) {
			err = -EFAULT;
			step->op->status = err;
		}
		cordbg_window_unpin(&step->window, true);
		cordbg_reserves_destroy(&step->reserve, 1);
		step->op = NULL;
		cond_resched();
	}
	return err;
}

static struct cordbg_shadow *find(const struct atomic *a,
				  const struct step *step)
{
	struct cordbg_shadow *shadow =
		cordbg_shadow_in(a->session->process, step->op->address, 1);

	return shadow && shadow->address == step->op->address ? shadow : NULL;
}

/* A new breakpoint, without an owner until its opcode stands. */
static void claim_new(struct atomic *a, struct step *step)
{
	step->shadow = step->reserve;
	step->reserve = NULL;
	step->shadow->address = step->op->address;
	cordbg_shadow_insert(a->session->process, step->shadow);
	a->fresh++;
}

/* @step has the breakpoint, to be undone, only once it is claimed. */
static int claim_shared(struct atomic *a, struct step *step,
			struct cordbg_shadow *shadow)
{
	int err = cordbg_owner_add(shadow, a->session);

	if (err)
		return err;
	step->shadow = shadow;
	step->owner = cordbg_owner_find(shadow, a->session);
	return 0;
}

static int claim_set(struct atomic *a, struct step *step)
{
	struct cordbg_process *process = a->session->process;
	struct cordbg_shadow *shadow = find(a, step);
	cordbg_opcode_t insn;
	int err = 0;

	if (shadow && cordbg_owner_find(shadow, a->session))
		return -EEXIST;
	if (a->session->nr_owners + a->fresh >=
	    READ_ONCE(cordbg_max_breakpoints))
		return -ENOSPC;
	if (shadow)
		err = claim_shared(a, step, shadow);
	else
		claim_new(a, step);
	if (err)
		return err;
	if (cordbg_page_moved(process, &step->window, step->shadow,
			      step->epoch))
		return -EAGAIN;
	err = cordbg_window_peek(&step->window, step->op->address, &insn);
	if (!err && cordbg_is_breakpoint(insn) &&
	    (!step->owner || insn != CORDBG_OPCODE))
		err = -EBUSY;
	return err;
}

/* As in cordbg_opcode_remove(), with the page held until the commit. */
static int claim_clear(struct atomic *a, struct step *step)
{
	int err, stands;

	step->shadow = find(a, step);
	if (step->shadow)
		step->owner = cordbg_owner_find(step->shadow, a->session);
	if (!step->owner)
		return -ENOENT;
	if (cordbg_shadow_shared(step->shadow))
		return 0;
	err = cordbg_window_cover(&step->window, step->op->address);
	if (READ_ONCE(step->shadow->dropped)) {
		cordbg_window_unpin(&step->window, false);
		return 0;
	}
	if (err != -EACCES && err != -ENXIO)
		return err;
	stands = cordbg_opcode_stands(&step->window, step->op->address);
	return stands > 0 ? err : stands;
}

static int claim_step(struct atomic *a, struct step *step)
{
	switch (step->op->op) {
	case CORDBG_OP_SET_BREAKPOINT:
		return claim_set(a, step);
	case CORDBG_OP_CLEAR_BREAKPOINT:
		return claim_clear(a, step);
	}
	if (!step->transfer)
		return 0;
	return cordbg_transfer_settle(step->transfer,
				      &step->op->failed_address);
}

static int claim(struct atomic *a)
{
	int err;

	lockdep_assert_held(&a->session->process->lock);
	if (!cordbg_session_alive(a->session))
		return -ESRCH;
	err = cordbg_forks_clean(a->session->process);
	if (err)
		return err;
	for (a->at = 0; a->at < a->nr; a->at++) {
		err = claim_step(a, &a->steps[a->at]);
		if (err)
			break;
		cond_resched();
	}
	return err;
}

static int commit_opcode(struct atomic *a, struct step *step)
{
	struct cordbg_process *process = a->session->process;
	int err;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (step->owner)
			err = cordbg_opcode_replant(process, &step->window,
						    step->shadow);
		else
			err = cordbg_opcode_plant(process, &step->window,
						  step->shadow);
	} while (err == -EAGAIN);
	step->planted = !err;
	return err;
}

static int commit_set(struct atomic *a, struct step *step)
{
	int err = 0;

	if (!step->owner ||
	    !cordbg_shadow_planted(step->shadow, &step->window))
		err = commit_opcode(a, step);
	/* The first owner of a breakpoint needs no memory. */
	if (!err && !step->owner)
		err = cordbg_owner_add(step->shadow, a->session);
	if (err)
		return err;
	step->owner = cordbg_owner_find(step->shadow, a->session);
	memcpy(step->op->original, &step->shadow->original, CORDBG_OPCODE_LEN);
	step->op->done = CORDBG_OPCODE_LEN;
	return 0;
}

static int commit_clear(struct step *step)
{
	int err = 0;

	if (step->window.nr_pages)
		err = cordbg_window_exchange(&step->window, step->op->address,
					     CORDBG_OPCODE,
					     step->shadow->original);
	/* The release of the session does what a killed tool could not. */
	if (cordbg_no_answer(err))
		return err;
	cordbg_owner_drop(step->owner);
	return 0;
}

static void undo_set(struct atomic *a, struct step *step)
{
	/* As in commit_clear(). */
	if (step->planted &&
	    cordbg_no_answer(cordbg_opcode_remove(step->shadow, &step->window)))
		return;
	if (step->owner)
		cordbg_owner_drop(step->owner);
	else if (step->shadow)
		cordbg_shadow_cancel(a->session->process, step->shadow);
}

/* Take back what was claimed and set: what has been refused sets nothing. */
static void undo_sets(struct atomic *a)
{
	u32 i;

	for (i = 0; i < a->nr; i++) {
		if (a->ops[i].op == CORDBG_OP_SET_BREAKPOINT)
			undo_set(a, &a->steps[i]);
	}
}

static int commit_sets(struct atomic *a)
{
	int err = 0;

	for (a->at = 0; !err && a->at < a->nr; a->at += !err) {
		if (a->ops[a->at].op == CORDBG_OP_SET_BREAKPOINT)
			err = commit_set(a, &a->steps[a->at]);
	}
	return err;
}

/* Nothing is refused any more, but by cordbg_mm_access() (arm64). */
static int commit(struct atomic *a)
{
	struct cordbg_process *process = a->session->process;
	struct step *step;
	int err = 0;
	u32 i;

	a->happened = true;
	/*
	 * A read that holds its pages already takes them again: one may have been
	 * replaced when this batch took it for writing.
	 */
	WRITE_ONCE(process->plants, process->plants + 1);
	for (i = 0; i < a->nr; i++) {
		step = &a->steps[i];
		if (!step->transfer)
			continue;
		step->op->status = cordbg_transfer_commit(step->transfer,
							  &step->op->done);
		err = err ?: step->op->status;
		cond_resched();
	}
	for (i = 0; i < a->nr; i++) {
		step = &a->steps[i];
		if (step->op->op != CORDBG_OP_CLEAR_BREAKPOINT)
			continue;
		step->op->status = commit_clear(step);
		err = err ?: step->op->status;
	}
	return err;
}

static int carry_out(struct atomic *a)
{
	struct cordbg_process *process = a->session->process;
	int err;

	a->at = a->nr;
	a->fresh = 0;
	if (mutex_lock_killable(&process->lock))
		return -EINTR;
	cordbg_shadows_purge(process);
	err = claim(a);
	if (!err)
		err = commit_sets(a);
	if (err)
		undo_sets(a);
	else
		err = commit(a);
	cordbg_shadows_purge(process);
	mutex_unlock(&process->lock);
	return err;
}

/* All or nothing; -EAGAIN if memory has moved since it was held. */
static int attempt(struct atomic *a)
{
	int err = hold(a), release_err;

	if (!err)
		err = carry_out(a);
	release_err = release(a);
	return err ?: release_err;
}

static int compare(const void *left, const void *right)
{
	const struct cordbg_operation *l = *(struct cordbg_operation **)left;
	const struct cordbg_operation *r = *(struct cordbg_operation **)right;

	if (l->address != r->address)
		return l->address < r->address ? -1 : 1;
	return l < r ? -1 : l > r;
}

/* Refuse the second breakpoint at an address. */
static int check_addresses(struct atomic *a)
{
	u32 i, nr = 0;

	for (i = 0; i < a->nr; i++) {
		if (!is_transfer(&a->ops[i]))
			a->order[nr++] = &a->ops[i];
	}
	sort(a->order, nr, sizeof(*a->order), compare, NULL);
	for (i = 1; i < nr; i++) {
		if (a->order[i]->address == a->order[i - 1]->address) {
			a->at = a->order[i] - a->ops;
			return -EINVAL;
		}
	}
	return 0;
}

static int check(struct atomic *a)
{
	u64 bytes = 0;
	int err;

	for (a->at = 0; a->at < a->nr; a->at++) {
		err = cordbg_operation_check(&a->ops[a->at]);
		if (err)
			return err;
		bytes += a->ops[a->at].size;
		if (bytes > CORDBG_ATOMIC_BYTES)
			return -EMSGSIZE;
	}
	return check_addresses(a);
}

static int run(struct atomic *a)
{
	int err = check(a);
	u32 i;

	while (!err && !a->happened) {
		err = attempt(a);
		if (err == -EAGAIN)
			err = 0;
	}
	for (i = 0; i < a->nr && !a->happened; i++) {
		a->ops[i].status = i == a->at ? err : -ECANCELED;
		a->ops[i].done = 0;
	}
	return err;
}

/* Load, carry out, store. */
static int run_user(struct atomic *a, struct cordbg_batch *arg)
{
	char __user *user = u64_to_user_ptr(arg->operations);
	u32 stride = arg->operation_size, nr = a->nr;
	int err;

	err = cordbg_operations_load(a->ops, user, stride, &nr);
	if (!err)
		err = cordbg_operations_storable(user, stride, &nr);
	if (err)
		return err;
	err = run(a);
	arg->done = cordbg_operations_store(a->ops, user, stride, a->nr);
	return arg->done < a->nr ? -EFAULT : err;
}

/**
 * cordbg_batch_atomic() - carry out all operations or none
 * @session: The session, entered.
 * @arg: The ioctl's argument; its done is set.
 *
 * Return: 0 or an errno of CORDBG_BATCH.
 */
int cordbg_batch_atomic(struct cordbg_session *session,
			struct cordbg_batch *arg)
{
	struct atomic a = { .session = session, .nr = arg->count };
	int err = -ENOMEM;

	arg->done = 0;
	if (a.nr > CORDBG_ATOMIC_OPERATIONS)
		return -EMSGSIZE;
	if (!a.nr)
		return 0;
	a.ops = kvmalloc_array(a.nr, sizeof(*a.ops), GFP_KERNEL_ACCOUNT);
	a.steps = kvcalloc(a.nr, sizeof(*a.steps), GFP_KERNEL_ACCOUNT);
	a.order = kvmalloc_array(a.nr, sizeof(*a.order), GFP_KERNEL_ACCOUNT);
	if (a.ops && a.steps && a.order)
		err = run_user(&a, arg);
	kvfree(a.order);
	kvfree(a.steps);
	kvfree(a.ops);
	return err;
}
