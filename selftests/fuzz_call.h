/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One random call of the fuzz program: its structure and what that points to.
 */
#ifndef FUZZ_CALL_H
#define FUZZ_CALL_H

#include "fuzz_memory.h"

#define OPERATIONS_MOST	200

/**
 * struct call - one ioctl
 * @name: Which one.
 * @cmd: Its number.
 * @at: Where its structure is.
 * @place: What kind of place that is.
 * @written_place: The same of the number that a transfer stores.
 * @arg: The structure.
 * @ops: The operations of a batch.
 * @nr_ops: How many of them have been prepared.
 */
struct call {
	enum call_name name;
	unsigned int cmd;
	uint64_t at;
	enum place place;
	enum place written_place;
	union argument arg;
	struct cordbg_operation ops[OPERATIONS_MOST];
	unsigned int nr_ops;
};

/* Mostly 0, or else anything. */
static uint32_t random_reserved(struct caller *c)
{
	return chance(c, 30) ? 0 : 1U << chance(c, 32);
}

static uint32_t random_flags(struct caller *c, unsigned int valid)
{
	unsigned int n = chance(c, 40);

	if (!n)
		return 1U << chance(c, 32);
	return n < 20 ? 0 : chance(c, valid + 1) & valid;
}

/* An address in the target, where a range that can be had holds no canary. */
static uint64_t random_address(struct caller *c)
{
	static const enum area_name wanted[] = {
		PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, FIXED, CODE, CODE, TEXT,
		SHARED, NOTHING, SILENT, TAIL,
	};
	static const unsigned long edges[] = { HOLE_LOW, HOLE_HIGH };
	const struct area *area = &areas[wanted[chance(c, ARRAY_SIZE(wanted))]];
	unsigned int n = chance(c, 3000);

	if (n < 50)
		return nowhere(c);
	if (n < 100)
		return edges[chance(c, 2)] + chance(c, PAGE);
	/* Few, so that threads and sessions meet. */
	if (n < 1500)
		return area->address + chance(c, 32) * OPCODE_LEN;
	return area->address + chance(c, area->pages * PAGE);
}

/* For breakpoints: one that was set there is often found again. */
static uint64_t random_spot(struct caller *c)
{
	if (!chance(c, 3))
		return random_address(c);
	return areas[PLAIN].address + chance(c, 16) * OPCODE_LEN;
}

static uint32_t random_size(struct caller *c)
{
	static const uint32_t sizes[] = {
		0, 1, 7, 8, 64, 255, 256, 257, 4095, 4096, 4097, 3 * 4096,
		16 * 4096, 20 * 4096 + 5, 24 * 4096, 128 << 10, 1 << 20,
		(64 << 20) - 1, 64 << 20, (64 << 20) + 4097, 0x7fffffff,
		0x80000000, 0xfffff000, 0xffffffff,
	};

	if (chance(c, 4))
		return chance(c, 100);
	return sizes[chance(c, ARRAY_SIZE(sizes))];
}

/* Enough of a structure's size that the first versions of them differ. */
static uint32_t random_argsz(struct caller *c, uint32_t size)
{
	switch (chance(c, 60)) {
	case 0:
		return chance(c, 2) ? 0 : size - 1;
	case 1:
		return size + 8 * (1 + chance(c, 20));
	case 2:
		return PAGE;
	case 3:
		return PAGE + 1;
	case 4:
		return 0x80000000 | chance(c, 1000);
	default:
		return size;
	}
}

static void make_attach(struct caller *c, struct cordbg_attach *arg)
{
	static const int pids[] = { 0, -1, INT32_MIN, INT32_MAX, 2 };
	unsigned int n = chance(c, 40);

	arg->flags = random_flags(c, 0);
	arg->reserved = random_reserved(c);
	if (n < ARRAY_SIZE(pids))
		arg->pid = pids[n];
	else if (n == 5)
		arg->pid = load(&fuzz->dead);
	else if (n == 6)
		arg->pid = getpid();
	else if (n == 7)
		arg->pid = syscall(SYS_gettid);
	else
		arg->pid = load(&fuzz->targets[chance(c, TARGETS)]);
}

static void make_transfer(struct caller *c, struct call *call)
{
	struct cordbg_transfer *arg = &call->arg.transfer;

	arg->flags = random_flags(c, CORDBG_FORCE | CORDBG_PROBE | CORDBG_RAW);
	arg->address = random_address(c);
	arg->size = random_size(c);
	/* Seldom: it takes long. */
	if (!chance(c, 400))
		arg->address = areas[LARGE].address + chance(c, 2 * PAGE);
	arg->buffer = put(c, random_place(c),
			  call->name == READ ? &at_room : &at_data, arg->size);
	call->written_place = random_place(c);
	if (chance(c, 5))
		arg->written = put(c, call->written_place, &at_written, 8);
	arg->failed_address = POISON64;
	arg->reserved = random_reserved(c);
}

static void make_set(struct caller *c, struct cordbg_set_breakpoint *arg)
{
	arg->flags = random_flags(c, 0);
	arg->address = random_spot(c);
	if (chance(c, 8))
		arg->address -= arg->address % OPCODE_LEN;
	arg->bufsize = chance(c, 10) ? CORDBG_OPCODE_MAX : chance(c, 4);
	arg->buffer = put(c, random_place(c), &at_room, CORDBG_OPCODE_MAX);
	arg->buflen = POISON32;
}

static void make_clear(struct caller *c, struct cordbg_clear_breakpoint *arg)
{
	arg->flags = random_flags(c, 0);
	arg->address = random_spot(c);
}

static void make_list(struct caller *c, struct cordbg_list_breakpoints *arg)
{
	static const uint32_t capacities[] = {
		0, 1, 4, 100, 1000, 0x7fffffff, 0x80000000, 0xffffffff
	};

	arg->flags = random_flags(c, 0);
	arg->start = chance(c, 2) ? 0 : random_address(c);
	arg->capacity = capacities[chance(c, ARRAY_SIZE(capacities))];
	arg->breakpoints = put(c, random_place(c), &at_room,
			       arg->capacity < 1000 ? arg->capacity * 24 :
			       DATA_SIZE);
	arg->count = POISON32;
}

static void make_operation(struct caller *c, struct cordbg_operation *op)
{
	memset(op, 0, sizeof(*op));
	op->op = 1 + chance(c, 4);
	op->address = op->op <= CORDBG_OP_READ_MEMORY ? random_address(c) :
							random_spot(c);
	op->done = POISON32;
	op->status = (int32_t)POISON32;
	op->reserved = random_reserved(c);
	if (!chance(c, 60))
		op->op = chance(c, 2) ? 0 : 5 + chance(c, 1000);
	if (op->op <= CORDBG_OP_READ_MEMORY || !chance(c, 60)) {
		op->size = random_size(c);
		op->flags = random_flags(c, CORDBG_FORCE | CORDBG_PROBE |
					 CORDBG_RAW);
		op->buffer = put(c, random_place(c),
				 op->op == CORDBG_OP_WRITE_MEMORY ? &at_data :
				 &at_room, op->size);
	}
}

static void make_batch(struct caller *c, struct call *call)
{
	static const uint32_t counts[] = {
		0, CORDBG_ATOMIC_OPERATIONS, CORDBG_ATOMIC_OPERATIONS + 1,
		0x80000000, 0xffffffff
	};
	static const uint32_t strides[] = {
		0, 55, 57, 64, 4096, 4097, 0x80000000, 0xffffffff
	};
	struct cordbg_batch *arg = &call->arg.batch;
	uint32_t i, stride = sizeof(call->ops[0]);

	call->nr_ops = 1 + chance(c, chance(c, 3) ? 12 : OPERATIONS_MOST);
	arg->count = call->nr_ops;
	if (!chance(c, 15))
		arg->count = counts[chance(c, ARRAY_SIZE(counts))];
	if (!chance(c, 15))
		stride = strides[chance(c, ARRAY_SIZE(strides))];
	arg->operation_size = stride;
	arg->flags = random_flags(c, CORDBG_BATCH_ATOMIC);
	arg->reserved = random_reserved(c);
	arg->done = POISON32;
	arg->operations = put(c, random_place(c), &at_operations,
			      call->nr_ops * sizeof(call->ops[0]));
	for (i = 0; i < call->nr_ops; i++) {
		make_operation(c, &call->ops[i]);
		/* What does not fit is left out. */
		if (stride <= PAGE && stride >= sizeof(call->ops[0]))
			put_bytes(c, arg->operations + (uint64_t)i * stride,
				  &call->ops[i], sizeof(call->ops[0]));
	}
}

/* A number that no ioctl has: wrong in one part, or anything. */
static unsigned int random_number(struct caller *c)
{
	unsigned int nr = 0x40 + chance(c, 16);

	switch (chance(c, 4)) {
	case 0:
		return _IO(CORDBG_TYPE, 0x47 + chance(c, 0xb9));
	case 1:
		return _IOC(1 + chance(c, 3), CORDBG_TYPE, nr, chance(c, 64));
	case 2:
		return _IOC(_IOC_NONE, CORDBG_TYPE, nr, 1 + chance(c, 64));
	default:
		return _IO(0xe0 + chance(c, 16), chance(c, 256));
	}
}

static void make_argument(struct caller *c, struct call *call)
{
	switch (call->name) {
	case ATTACH:
		make_attach(c, &call->arg.attach);
		break;
	case SET:
		make_set(c, &call->arg.set);
		break;
	case CLEAR:
		make_clear(c, &call->arg.clear);
		break;
	case LIST:
		make_list(c, &call->arg.list);
		break;
	case BATCH:
		make_batch(c, call);
		break;
	default:
		make_transfer(c, call);
	}
}

static void call_make(struct caller *c, struct call *call)
{
	static const enum call_name names[] = {
		ATTACH, WRITE, WRITE, READ, READ, SET, SET, SET, CLEAR, CLEAR,
		LIST, BATCH, BATCH, NUMBER
	};
	union argument *arg = &call->arg;
	size_t size;

	caller_clean(c);
	memset(arg, 0, sizeof(*arg));
	call->nr_ops = 0;
	call->name = names[chance(c, ARRAY_SIZE(names))];
	call->cmd = call->name == NUMBER ? random_number(c) :
					   calls[call->name].cmd;
	make_argument(c, call);
	if (call->name == NUMBER)
		arg->head.argsz = sizeof(struct cordbg_transfer);
	else
		arg->head.argsz = random_argsz(c, calls[call->name].size);
	/* A tail that the kernel does not know. */
	if (!chance(c, 100))
		arg->bytes[sizeof(struct cordbg_transfer) + chance(c, 32)] = 1;
	size = arg->head.argsz < PAGE ? arg->head.argsz :
					sizeof(struct cordbg_transfer);
	/* Blocked at its beginning, a call is in nobody's way. */
	call->place = c->silent && chance(c, 8) ? AT_MEMORY : random_place(c);
	call->at = put(c, call->place, &at_structure, size);
	put_bytes(c, call->at, arg, size < 4 ? 4 : size);
	caller_keep(c);
}

#endif /* FUZZ_CALL_H */
