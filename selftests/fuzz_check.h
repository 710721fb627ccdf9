/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What may come of a call of the fuzz program: the errnos that are documented,
 * results that make sense, and nothing else of the caller's memory changed.
 */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include "fuzz_call.h"

#define ANYWHERE	EINVAL, EFAULT, E2BIG, ENOMEM

/* But for ENOTCONN and ESRCH, which a call gets before it comes to operations. */
#define OF_TRANSFER	EOVERFLOW, ENXIO, EACCES
#define OF_SET		EEXIST, EBUSY, EACCES, ENXIO, ENOSPC, EOVERFLOW
#define OF_CLEAR	ENOENT, EACCES, ENXIO

static const int attach_errnos[] = { ANYWHERE, EPERM, EBUSY, ESRCH, 0 };
static const int transfer_errnos[] = {
	ANYWHERE, OF_TRANSFER, ESRCH, ENOTCONN, 0
};

static const int set_errnos[] = {
	ANYWHERE, OF_SET, ERANGE, ESRCH, ENOTCONN, 0
};

static const int clear_errnos[] = { ANYWHERE, OF_CLEAR, ESRCH, ENOTCONN, 0 };
static const int list_errnos[] = { ANYWHERE, ESRCH, ENOTCONN, 0 };
static const int batch_errnos[] = { ANYWHERE, EMSGSIZE, ESRCH, ENOTCONN, 0 };
static const int atomic_errnos[] = {
	ANYWHERE, OF_TRANSFER, OF_SET, OF_CLEAR, EMSGSIZE, ESRCH, ENOTCONN, 0
};

static const int operation_errnos[] = {
	EINVAL, EFAULT, ENOMEM, OF_TRANSFER, OF_SET, OF_CLEAR, ESRCH, 0
};

/* Until a list's 0. EINTR is no errno that anybody lives to see. */
static bool listed(const int *errnos, int err)
{
	while (*errnos && *errnos != -err)
		errnos++;
	return !err || *errnos;
}

static const int *errnos_of(const struct call *call)
{
	switch (call->name) {
	case ATTACH:
		return attach_errnos;
	case SET:
		return set_errnos;
	case CLEAR:
		return clear_errnos;
	case LIST:
		return list_errnos;
	case BATCH:
		return call->arg.batch.flags & CORDBG_BATCH_ATOMIC ?
			atomic_errnos : batch_errnos;
	default:
		return transfer_errnos;
	}
}

/* Where there is one answer, it: an errno, or 0. */
static int only_errno(const struct call *call)
{
	uint32_t size = calls[call->name].size;

	if (call->name == NUMBER)
		return ENOTTY;
	if (call->place == AT_NOWHERE)
		return EFAULT;
	if (call->place != AT_MEMORY && call->place != AT_END &&
	    call->place != AT_READ_ONLY)
		return 0;
	if (call->arg.head.argsz < size)
		return call->place == AT_END && call->arg.head.argsz < 4 ?
			EFAULT : EINVAL;
	return call->arg.head.argsz > PAGE ? E2BIG : 0;
}

/* Whether a call came as far as to use what its structure points to. */
static bool was_read(const struct call *call, int err)
{
	int only = only_errno(call);

	return !only && err != -EBADF;
}

static void transfer_results(struct caller *c, const struct call *call, int err)
{
	const struct cordbg_transfer *arg = &call->arg.transfer;

	caller_results(c, arg->written, arg->written ? 8 : 0);
	if (err == -ENXIO || err == -EACCES)
		caller_results(c, call->at + offsetof(struct cordbg_transfer,
						      failed_address), 8);
	if (call->name == READ && !(arg->flags & CORDBG_PROBE) &&
	    err != -EINVAL && err != -EOVERFLOW && err != -ENOTCONN)
		caller_results(c, arg->buffer, arg->size);
}

static void set_results(struct caller *c, const struct call *call, int err)
{
	const struct cordbg_set_breakpoint *arg = &call->arg.set;

	if (err == -EINVAL || err == -EOVERFLOW)
		return;
	caller_results(c, call->at + offsetof(struct cordbg_set_breakpoint,
					      buflen), 4);
	if (arg->bufsize >= OPCODE_LEN)
		caller_results(c, arg->buffer, OPCODE_LEN);
}

static void list_results(struct caller *c, const struct call *call, int err)
{
	const struct cordbg_list_breakpoints *arg = &call->arg.list;

	if (!err)
		caller_results(c, call->at +
			       offsetof(struct cordbg_list_breakpoints, count),
			       4);
	if (err != -EINVAL)
		caller_results(c, arg->breakpoints,
			       (uint64_t)arg->capacity *
			       sizeof(struct cordbg_breakpoint));
}

static void batch_results(struct caller *c, const struct call *call)
{
	const struct cordbg_batch *arg = &call->arg.batch;
	const struct cordbg_operation *op;
	uint32_t i;
	uint64_t at;

	caller_results(c, call->at + offsetof(struct cordbg_batch, done), 4);
	if (arg->operation_size < sizeof(*op))
		return;
	for (i = 0; i < arg->count && i < 4 * OPERATIONS_MOST; i++) {
		at = arg->operations + (uint64_t)i * arg->operation_size;
		caller_results(c, at + offsetof(struct cordbg_operation, done),
			       8);
		caller_results(c, at + offsetof(struct cordbg_operation,
						failed_address), 16);
		op = i < call->nr_ops ? &call->ops[i] : NULL;
		if (op && op->op == CORDBG_OP_READ_MEMORY &&
		    !(op->flags & CORDBG_PROBE))
			caller_results(c, op->buffer, op->size);
	}
}

/* What a call has stored where it may; after that it has been there. */
static void call_results(struct caller *c, const struct call *call, int err)
{
	switch (call->name) {
	case WRITE:
	case READ:
		transfer_results(c, call, err);
		break;
	case SET:
		set_results(c, call, err);
		break;
	case LIST:
		list_results(c, call, err);
		break;
	case BATCH:
		batch_results(c, call);
		break;
	default:
		break;
	}
}

static void check_written(const struct call *call, int err)
{
	const struct cordbg_transfer *arg = &call->arg.transfer;
	uint64_t done, whole = arg->flags & CORDBG_PROBE ? 0 : arg->size;

	if (call->written_place != AT_MEMORY || !arg->written)
		return;
	memcpy(&done, (void *)(uintptr_t)arg->written, sizeof(done));
	if (!err ? done != whole :
	    done > whole || (done && arg->size <= CORDBG_WINDOW &&
			     (err == -ENXIO || err == -EACCES)))
		complain("%s of %#x bytes, flags %#x: %d, and written is %#llx",
			 calls[call->name].name, arg->size, arg->flags, err,
			 (unsigned long long)done);
}

static void check_list(struct caller *c, const struct call *call, int err)
{
	const struct cordbg_list_breakpoints *arg = &call->arg.list;
	struct cordbg_breakpoint *entry;
	uint64_t before = arg->start, at;
	uint32_t i, count = 0;

	if (err || call->place != AT_MEMORY)
		return;
	at = call->at + offsetof(struct cordbg_list_breakpoints, count);
	memcpy(&count, (void *)(uintptr_t)at, sizeof(count));
	/* As many as are in the middle of what is compared. */
	if (arg->breakpoints - c->base - ROOM >= DATA_SIZE / 2)
		return;
	entry = (void *)(uintptr_t)arg->breakpoints;
	for (i = 0; i < count && i < arg->capacity && i < 1000; i++, entry++) {
		if (entry->address < before || entry->length != OPCODE_LEN ||
		    (entry->flags & ~(CORDBG_BREAKPOINT_PLANTED |
				      CORDBG_BREAKPOINT_MINE)))
			complain("list: entry %u of %u is wrong", i, count);
		before = entry->address + 1;
	}
}

static void check_operation(const struct cordbg_operation *was,
			    const struct cordbg_operation *op)
{
	bool transfer = was->op == CORDBG_OP_WRITE_MEMORY ||
			was->op == CORDBG_OP_READ_MEMORY;

	if (!listed(operation_errnos, op->status) &&
	    op->status != -ECANCELED && op->status != -EMSGSIZE)
		complain("operation %u: status %d", was->op, op->status);
	if (op->done > (transfer ? was->size : OPCODE_LEN))
		complain("operation %u of %u bytes: done %u", was->op,
			 was->size, op->done);
}

static void check_batch(const struct call *call, int err)
{
	const struct cordbg_batch *arg = &call->arg.batch;
	const struct cordbg_operation *op;
	uint32_t i, done;

	if (call->place != AT_MEMORY || err == -EFAULT)
		return;
	memcpy(&done, (void *)(uintptr_t)(call->at +
	       offsetof(struct cordbg_batch, done)), sizeof(done));
	/* So much longer than the kernel's that it was not looked at. */
	if (err == -E2BIG && done == POISON32)
		return;
	if (done > arg->count || (!err && done != arg->count))
		complain("batch of %u, flags %#x: %d, and done is %u",
			 arg->count, arg->flags, err, done);
	if (arg->operation_size != sizeof(*op))
		return;
	op = (void *)(uintptr_t)arg->operations;
	for (i = 0; i < done && i < call->nr_ops; i++)
		check_operation(&call->ops[i], &op[i]);
}

static void call_check(struct caller *c, const struct call *call, int err)
{
	int only = only_errno(call);

	__atomic_add_fetch(&fuzz->results[call->name]
			   [-err < RESULTS ? -err : RESULTS - 1], 1,
			   __ATOMIC_RELAXED);
	/* Another thread may have closed the session. */
	if (err != -EBADF && (only ? err != -only :
			      !listed(errnos_of(call), err)))
		complain("%s %#x with %#x bytes at %#llx, place %u: %d, not %d",
			 calls[call->name].name, call->cmd,
			 call->arg.head.argsz, (unsigned long long)call->at,
			 call->place, err, -only);
	if (was_read(call, err)) {
		if (call->name == WRITE || call->name == READ)
			check_written(call, err);
		else if (call->name == LIST)
			check_list(c, call, err);
		else if (call->name == BATCH)
			check_batch(call, err);
		call_results(c, call, err);
	}
	caller_compare(c, calls[call->name].name, err);
}

#endif /* FUZZ_CHECK_H */
