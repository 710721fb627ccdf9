// SPDX-License-Identifier: GPL-2.0
/*
 * CORDBG_BATCH: many operations in one call. They are loaded, carried out and
 * stored by the chunk; neighbours of one kind share a lock and the pages they hold.
 */

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cordbg.h"

/* Operations of a chunk. */
#define CHUNK_OPERATIONS	64

/**
 * struct batch - one ioctl on its way
 * @session: The session, entered.
 * @user: The caller's operations that come next.
 * @stride: Bytes from one to the next.
 * @left: Operations from @user on.
 * @done: Operations whose results have been stored.
 * @reserves: For the breakpoints of a chunk.
 * @ops: A chunk.
 */
struct batch {
	struct cordbg_session *session;
	char __user *user;
	u32 stride;
	u32 left;
	u32 done;
	struct cordbg_shadow *reserves[CHUNK_OPERATIONS];
	struct cordbg_operation ops[CHUNK_OPERATIONS];
};

static int check_transfer(const struct cordbg_operation *op)
{
	const struct cordbg_transfer arg = {
		.flags = op->flags,
		.address = op->address,
		.size = op->size,
		.reserved = op->reserved,
	};

	return cordbg_transfer_check(&arg, op->op == CORDBG_OP_WRITE_MEMORY);
}

/**
 * cordbg_operation_check() - whether an operation can be meant
 * @op: The operation.
 *
 * Return: 0, -EINVAL or -EOVERFLOW.
 */
int cordbg_operation_check(const struct cordbg_operation *op)
{
	if (op->op == CORDBG_OP_WRITE_MEMORY || op->op == CORDBG_OP_READ_MEMORY)
		return check_transfer(op);
	if (op->flags || op->buffer || op->size || op->reserved)
		return -EINVAL;
	if (op->op == CORDBG_OP_SET_BREAKPOINT)
		return cordbg_breakpoint_check(op->address);
	/* A clear of what cannot have been set finds nothing. */
	return op->op == CORDBG_OP_CLEAR_BREAKPOINT ? 0 : -EINVAL;
}

/*
 * Copy operations that lie side by side: how many there are before one that
 * cannot be read. A copy may end some bytes before the one that it cannot read,
 * as on arm64: then one after the other.
 */
static u32 load_array(struct cordbg_operation *ops, const char __user *user,
		      u32 nr)
{
	size_t size = nr * sizeof(*ops);
	u32 n = (size - copy_from_user(ops, user, size)) / sizeof(*ops);

	while (n < nr && !copy_from_user(&ops[n], user + n * sizeof(*ops),
					 sizeof(*ops)))
		n++;
	return n;
}

/**
 * cordbg_operations_load() - copy operations from the caller
 * @ops: Where to; results are reset.
 * @user: Where from.
 * @stride: Bytes from one to the next there.
 * @nr: How many; set to how many there are before one that cannot be loaded.
 *
 * Return: 0, -EFAULT or -E2BIG.
 */
int cordbg_operations_load(struct cordbg_operation *ops,
			   const char __user *user, u32 stride, u32 *nr)
{
	u32 i, n = *nr;
	int err = 0;

	if (stride == sizeof(*ops))
		n = load_array(ops, user, *nr);
	for (i = 0; i < n; i++) {
		if (stride != sizeof(*ops))
			err = copy_struct_from_user(&ops[i], sizeof(ops[i]),
						    user + (size_t)i * stride,
						    stride);
		if (err)
			break;
		ops[i].done = 0;
		ops[i].status = 0;
	}
	if (n < *nr)
		err = -EFAULT;
	*nr = i;
	return err;
}

/**
 * cordbg_operations_storable() - whether results can be stored
 * @user: The caller's operations.
 * @stride: Bytes from one to the next.
 * @nr: How many; set to how many can get their results.
 *
 * Return: 0 or -EFAULT.
 */
int cordbg_operations_storable(char __user *user, u32 stride, u32 *nr)
{
	size_t size = (size_t)*nr * stride;
	size_t left = fault_in_safe_writeable(user, size);

	*nr = (size - left) / stride;
	return left ? -EFAULT : 0;
}

static int store_results(const struct cordbg_operation *op,
			 struct cordbg_operation __user *user)
{
	if (!user_write_access_begin(user, sizeof(*user)))
		return -EFAULT;
	unsafe_put_user(op->done, &user->done, fault);
	unsafe_put_user(op->status, &user->status, fault);
	if (op->status == -ENXIO || op->status == -EACCES)
		unsafe_put_user(op->failed_address, &user->failed_address,
				fault);
	if (op->op == CORDBG_OP_SET_BREAKPOINT && !op->status)
		unsafe_put_user(*(const u64 *)op->original,
				(u64 __user *)user->original, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/**
 * cordbg_operations_store() - copy results to the caller
 * @ops: The operations.
 * @user: The caller's.
 * @stride: Bytes from one to the next there.
 * @nr: How many.
 *
 * Return: how many have been stored.
 */
u32 cordbg_operations_store(const struct cordbg_operation *ops,
			    char __user *user, u32 stride, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		if (store_results(&ops[i], (void __user *)
				  (user + (size_t)i * stride)))
			break;
	}
	return i;
}

static void run_transfer(struct cordbg_session *session,
			 struct cordbg_operation *op)
{
	struct cordbg_transfer arg = {
		.flags = op->flags,
		.address = op->address,
		.buffer = op->buffer,
		.size = op->size,
		.failed_address = op->failed_address,
	};

	if (!op->size)
		return;
	op->status = cordbg_transfer(session, &arg,
				     op->op == CORDBG_OP_WRITE_MEMORY,
				     &op->done);
	op->failed_address = arg.failed_address;
}

/* How many operations, from the first on, are of its kind and can be meant. */
static u32 run_length(struct cordbg_operation *ops, u32 nr)
{
	u32 i;

	for (i = 0; i < nr && ops[i].op == ops->op; i++) {
		ops[i].status = cordbg_operation_check(&ops[i]);
		if (ops[i].status)
			break;
	}
	return i;
}

/* Carry out some operations: how many, or one that cannot be meant. */
static u32 run_some(struct batch *batch, struct cordbg_operation *ops, u32 nr)
{
	if (ops->op != CORDBG_OP_SET_BREAKPOINT &&
	    ops->op != CORDBG_OP_CLEAR_BREAKPOINT)
		nr = 1;
	nr = run_length(ops, nr);
	if (!nr)
		return 1;
	if (ops->op == CORDBG_OP_SET_BREAKPOINT)
		cordbg_breakpoints_set(batch->session, batch->reserves, ops,
				       nr);
	else if (ops->op == CORDBG_OP_CLEAR_BREAKPOINT)
		cordbg_breakpoints_clear(batch->session, ops, nr);
	else
		run_transfer(batch->session, ops);
	return nr;
}

/* Where a batch ends early: after this operation, with this error. */
static int find_end(const struct cordbg_operation *ops, u32 *nr)
{
	u32 i;

	for (i = 0; i < *nr; i++) {
		if (ops[i].status == -EINTR || ops[i].status == -ESRCH) {
			*nr = i + 1;
			return ops[i].status;
		}
	}
	return 0;
}

/* Carry out up to @nr operations; @nr is set to how many have been. */
static int run_chunk(struct batch *batch, u32 *nr)
{
	u32 done = 0, some;
	int err = 0;

	while (!err && done < *nr) {
		struct cordbg_operation *ops = batch->ops + done;

		if (fatal_signal_pending(current))
			ops->status = -EINTR;
		else if (!cordbg_session_alive(batch->session))
			ops->status = -ESRCH;
		some = ops->status ? 1 : run_some(batch, ops, *nr - done);
		err = find_end(ops, &some);
		done += some;
		cond_resched();
	}
	*nr = done;
	return err;
}

/* Load, carry out and store the next chunk: 0, or why there is no next. */
static int next_chunk(struct batch *batch)
{
	u32 nr = min_t(u32, batch->left, CHUNK_OPERATIONS), stored;
	int err, load_err;

	load_err = cordbg_operations_load(batch->ops, batch->user,
					  batch->stride, &nr);
	err = cordbg_operations_storable(batch->user, batch->stride, &nr);
	if (!err)
		err = load_err;
	load_err = run_chunk(batch, &nr);
	if (load_err)
		err = load_err;
	stored = cordbg_operations_store(batch->ops, batch->user,
					 batch->stride, nr);
	batch->user += (size_t)stored * batch->stride;
	batch->done += stored;
	batch->left -= stored;
	return stored < nr ? -EFAULT : err;
}

/**
 * cordbg_batch() - carry out operations, each for itself
 * @session: The session, entered.
 * @arg: The ioctl's argument; its done is set.
 *
 * Return: 0 or an errno of CORDBG_BATCH.
 */
int cordbg_batch(struct cordbg_session *session, struct cordbg_batch *arg)
{
	struct batch *batch;
	int err = 0;

	batch = kmalloc(sizeof(*batch), GFP_KERNEL_ACCOUNT);
	if (!batch)
		return -ENOMEM;
	batch->session = session;
	batch->user = u64_to_user_ptr(arg->operations);
	batch->stride = arg->operation_size;
	batch->left = arg->count;
	batch->done = 0;
	while (!err && batch->left)
		err = next_chunk(batch);
	arg->done = batch->done;
	kfree(batch);
	return err;
}
