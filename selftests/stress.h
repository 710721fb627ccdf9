/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the processes of the stress program share: where the memory of a target
 * is, who may write which byte of it, what each byte should be, and the report.
 *
 * Each byte of the strict area, data and code, has one writer: nobody, the target
 * or one tool. So each process knows what it has to find in its own bytes, and at
 * the end the whole area is known, however the processes raced. Breakpoints go
 * everywhere. An image is one life of a target, from fork(2) or execve(2) on.
 *
 * The loose area, moved about and a file, is written by the target alone.
 */
#ifndef STRESS_H
#define STRESS_H

#include "cordbg_chaos.h"
#include "cordbg_process.h"
#include "cordbg_slowness.h"

#define MAX_TARGETS	8
#define MAX_TOOLS	8

/* Addresses that are free in 32-bit and 64-bit programs. */
#define DATA		0x60000000UL
#define DATA_SIZE	0x10000UL
#define CODE		(DATA + DATA_SIZE)
#define CODE_SIZE	0x4000UL
#define STRICT_SIZE	(DATA_SIZE + CODE_SIZE)
/* Writable memory right before the file, that nobody changes. */
#define EDGE		0x600f0000UL
#define EDGE_SIZE	0x10000UL
#define FILE_AT		0x60100000UL
#define MOVE_A		0x60200000UL
#define MOVE_B		0x60300000UL
#define LOOSE_SIZE	0x4000UL

/*
 * The code is functions of FUNCTION_SIZE bytes that return a number. Between a
 * head and a tail they hold one-instruction spots that do nothing: a trap that is
 * ignored there is as good as the instruction.
 */
#define FUNCTION_SIZE	64UL
#define FUNCTIONS	(CODE_SIZE / FUNCTION_SIZE)

#ifdef __aarch64__
#define HEAD_SIZE	4UL		/* mov w0, #number */
#define TAIL_SIZE	4UL		/* ret */
#define context_skip(context)	((context)->uc_mcontext.pc += 4)
#define context_retry(context)	((void)(context))
#define context_trap(context)	((context)->uc_mcontext.pc)
static const uint32_t spots[] = { 0xd503201f, 0xaa0903e9, 0xaa0a03ea };
#else
#define HEAD_SIZE	5UL		/* mov $number, %eax */
#define TAIL_SIZE	1UL		/* ret */
#ifdef __x86_64__
#define context_pc(context)	((context)->uc_mcontext.gregs[REG_RIP])
#else
#define context_pc(context)	((context)->uc_mcontext.gregs[REG_EIP])
#endif
#define context_skip(context)	((void)(context))
#define context_retry(context)	(context_pc(context) -= 1)
#define context_trap(context)	((unsigned long)context_pc(context) - 1)
static const uint8_t spots[] = { 0x90, 0xf5, 0xf8, 0xf9, 0xfc };
#endif

/* Who writes a byte: one of these, or a tool from FIRST_TOOL on. */
enum writer { NOBODY, TARGET, FIRST_TOOL };

#define SHORT_STRIP	32UL
#define LONG_STRIP	3000UL

/* A run of bytes with one writer. */
struct strip {
	size_t start;
	size_t end;
	unsigned int writer;
};

enum operation {
	SET, CLEAR, CLEAR_NONE, SET_BATCH, WRITE, FORCE, REFUSED, READ, READ_RAW,
	PROBE, LIST, SET_LOOSE, CLEAR_LOOSE, ATTACH, CLOSE, SHARE, ESRCH_SEEN,
	HIT, RUN, STORE, REWRITE, FORK, VFORK, EXEC, EXIT, MOVE, UNMAP, DROP,
	PROTECT, KILL_TOOL, KILL_TARGET, KILL_BOTH, KILL_STOPPED, STALE,
	NR_OPERATIONS
};

static const char * const operation_names[NR_OPERATIONS] = {
	"set", "clear", "clear_none", "set_batch", "write", "force", "refused",
	"read", "read_raw", "probe", "list", "set_loose", "clear_loose",
	"attach", "close", "share", "esrch", "hit", "run", "store", "rewrite",
	"fork", "vfork", "exec", "exit", "move", "unmap", "drop", "protect",
	"kill_tool", "kill_target", "kill_both", "kill_stopped",
	"stale",
};

/**
 * struct model - what one tool has written to one target
 * @image: The image that @bytes are about; without it nothing was written.
 * @pending: Bytes of a write that has not returned, 0 if there is none.
 * @pending_at: Where they go.
 * @pending_bytes: The bytes.
 * @bytes: What the tool's bytes of the strict area should be.
 */
struct model {
	unsigned int image;
	size_t pending;
	size_t pending_at;
	uint8_t pending_bytes[LONG_STRIP];
	uint8_t bytes[STRICT_SIZE];
};

/**
 * struct slot - one target after another
 * @pid: The process.
 * @image: The image it runs or sets up.
 * @ready: The image that tools may attach to, 0 while there is none.
 * @dying: It is being killed, whatever image it runs by then.
 * @quiet: The image that has stopped doing anything.
 * @leave: The target is to exit.
 * @moved_at: Once it is quiet, where the memory is that is moved about.
 * @moved_seed: Once it is quiet, what is in that.
 * @bytes: Once it is quiet, what its own bytes of the strict area should be.
 */
struct slot {
	pid_t pid;
	unsigned int image;
	unsigned int ready;
	int dying;
	unsigned int quiet;
	int leave;
	unsigned long moved_at;
	unsigned int moved_seed;
	uint8_t bytes[STRICT_SIZE];
};

/**
 * struct stress - what all processes share
 * @fd: The file it is in, open in all of them.
 * @seed: Of all random numbers.
 * @targets: Targets at a time.
 * @tools: Tools at a time.
 * @stop_tools: Tools are to exit.
 * @stop_targets: Targets are to do nothing any more.
 * @complaints: What went wrong, counted.
 * @images: The last image.
 * @counts: Operations, by kind.
 * @writers: Who writes each byte of the strict area.
 * @slots: The targets.
 * @models: What each tool has written to each target.
 */
struct stress {
	int fd;
	unsigned int seed;
	unsigned int targets;
	unsigned int tools;
	int stop_tools;
	int stop_targets;
	unsigned int complaints;
	unsigned int images;
	unsigned long counts[NR_OPERATIONS];
	uint8_t writers[STRICT_SIZE];
	struct slot slots[MAX_TARGETS];
	struct model models[MAX_TOOLS][MAX_TARGETS];
};

static struct stress *stress;

static void count(enum operation operation)
{
	__atomic_add_fetch(&stress->counts[operation], 1, __ATOMIC_RELAXED);
}

static uint64_t random_seed(unsigned int role, unsigned int life)
{
	uint64_t random = (stress->seed + 1ULL) * 0x9e3779b97f4a7c15ULL ^
			  (role + 1ULL) << 32 ^ life;

	if (!random)
		random = 1;
	pick(&random, 2);
	pick(&random, 2);
	return random;
}

static struct strip strip_at(size_t offset)
{
	size_t start = 0, length = SHORT_STRIP, end = DATA_SIZE / 2;
	struct strip strip;

	if (offset >= DATA_SIZE) {
		start = DATA_SIZE;
		length = FUNCTION_SIZE;
		end = STRICT_SIZE;
	} else if (offset >= DATA_SIZE / 2) {
		start = DATA_SIZE / 2;
		length = LONG_STRIP;
		end = DATA_SIZE;
	}
	strip.start = start + (offset - start) / length * length;
	strip.end = strip.start + length < end ? strip.start + length : end;
	strip.writer = (offset - start) / length % (FIRST_TOOL + stress->tools);
	if (start == DATA_SIZE) {
		strip.start += HEAD_SIZE;
		strip.end -= TAIL_SIZE;
	}
	return strip;
}

static struct strip random_strip(uint64_t *random, unsigned int writer)
{
	struct strip strip;

	do {
		strip = strip_at(pick(random, STRICT_SIZE));
	} while (strip.writer != writer);
	return strip;
}

/* An offset where a breakpoint can be, in data or at a spot of a function. */
static size_t random_spot(uint64_t *random)
{
	struct strip strip;
	size_t offset;

	do {
		offset = pick(random, STRICT_SIZE) / OPCODE_LEN * OPCODE_LEN;
		strip = strip_at(offset);
	} while (offset < strip.start || offset >= strip.end);
	return offset;
}

/* A part of a strip: its offset; whole spots if it is code. */
static size_t random_part(uint64_t *random, const struct strip *strip,
			  size_t *size)
{
	size_t unit = strip->start < DATA_SIZE ? 1 : OPCODE_LEN;
	size_t units = (strip->end - strip->start) / unit;
	size_t first = pick(random, units);

	*size = (1 + pick(random, units - first)) * unit;
	return strip->start + first * unit;
}

/*
 * Bytes to store at an offset. Data of a tool may be opcodes; that of a target
 * may not, because nobody could tell them from planted ones.
 */
static void random_bytes(uint64_t *random, size_t offset, bool opcodes,
			 uint8_t *bytes, size_t size)
{
	size_t i;

	if (offset >= DATA_SIZE) {
		for (i = 0; i < size; i += OPCODE_LEN)
			memcpy(bytes + i, &spots[pick(random, ARRAY_SIZE(spots))],
			       OPCODE_LEN);
		return;
	}
	for (i = 0; i < size; i++)
		bytes[i] = pick(random, 128);
	for (i = -offset % OPCODE_LEN; opcodes && i + OPCODE_LEN <= size;
	     i += OPCODE_LEN) {
		if (!pick(random, 8))
			memcpy(bytes + i, opcode, OPCODE_LEN);
	}
}

static unsigned int function_number(unsigned int image, size_t function)
{
	return (image * 257 + function * 31) & 0x7fff;
}

static void function_code(unsigned int number, uint8_t *bytes)
{
	size_t i;
#ifdef __aarch64__
	uint32_t head = 0x52800000 | number << 5, tail = 0xd65f03c0;
#else
	uint8_t head[] = { 0xb8, number, number >> 8, 0, 0 }, tail = 0xc3;
#endif
	memcpy(bytes, &head, HEAD_SIZE);
	for (i = HEAD_SIZE; i < FUNCTION_SIZE - TAIL_SIZE; i += OPCODE_LEN)
		memcpy(bytes + i, &spots[0], OPCODE_LEN);
	memcpy(bytes + i, &tail, TAIL_SIZE);
}

/* The strict area as an image begins with it: no byte of data is an opcode's. */
static void strict_bytes(unsigned int image, uint8_t *bytes)
{
	size_t i;

	for (i = 0; i < DATA_SIZE; i++)
		bytes[i] = (i * 31 + i / 509 + image * 7) & 0x7f;
	for (i = 0; i < FUNCTIONS; i++)
		function_code(function_number(image, i),
			      bytes + DATA_SIZE + i * FUNCTION_SIZE);
}

static void loose_bytes(unsigned int seed, uint8_t *bytes)
{
	size_t i;

	for (i = 0; i < LOOSE_SIZE; i++)
		bytes[i] = (i * 13 + i / 251 + seed * 29) & 0x7f;
}

static bool is_opcode(const uint8_t *bytes)
{
	return !memcmp(bytes, opcode, OPCODE_LEN);
}

/*
 * The first byte of @writer in the strict area that is neither what was expected
 * nor, if breakpoints may be there, part of an opcode; -1 if there is none.
 */
static ssize_t strict_wrong(const uint8_t *expected, const uint8_t *bytes,
			    unsigned int writer, bool breakpoints)
{
	size_t i;

	for (i = 0; i < STRICT_SIZE; i++) {
		if (bytes[i] == expected[i] || stress->writers[i] != writer)
			continue;
		if (!breakpoints || !is_opcode(bytes + i - i % OPCODE_LEN))
			return i;
	}
	return -1;
}

static ssize_t loose_wrong(const uint8_t *expected, const uint8_t *bytes)
{
	size_t i;

	for (i = 0; i < LOOSE_SIZE; i++)
		if (bytes[i] != expected[i] &&
		    !is_opcode(bytes + i - i % OPCODE_LEN))
			return i;
	return -1;
}

/*
 * Find out from memory how far a write came whose tool was killed: up to one
 * byte its data is there, from there on what was there before. The first byte
 * that is neither, or -1.
 */
static ssize_t pending_settle(struct model *model, const uint8_t *bytes)
{
	size_t i = 0, size = model->pending;
	uint8_t *before = model->bytes + model->pending_at;
	ssize_t wrong = -1;

	while (i < size && bytes[i] == model->pending_bytes[i])
		i++;
	while (i < size && bytes[i] == before[i])
		i++;
	if (i < size)
		wrong = model->pending_at + i;
	memcpy(before, bytes, size);
	store(&model->pending, 0);
	return wrong;
}

/* In the other order: start_target() takes back @ready, and then @dying. */
static bool image_lives(const struct slot *slot, unsigned int image)
{
	return !load(&slot->dying) && load(&slot->ready) == image;
}

#endif /* STRESS_H */
