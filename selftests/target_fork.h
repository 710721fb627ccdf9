/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A target that has children: memory full of code that a child runs and compares
 * as soon as it exists, and every way to make one.
 */
#ifndef TARGET_FORK_H
#define TARGET_FORK_H

#include <linux/sched.h>

#include "cordbg_process.h"
#include "target_code.h"

#define CODE_PAGES	64
#define CODE_SIZE	((size_t)CODE_PAGES << 12)
#define CODE_INSNS	(CODE_SIZE / OPCODE_LEN)

/* Instructions that do nothing that matters, one opcode long, and a return. */
#ifdef __aarch64__
static const uint8_t harmless[][OPCODE_LEN] = {
	{ 0x1f, 0x20, 0x03, 0xd5 },	/* nop */
	{ 0x3f, 0x20, 0x03, 0xd5 },	/* yield */
};

static const uint8_t returns[] = { 0xc0, 0x03, 0x5f, 0xd6 };
#else
static const uint8_t harmless[][OPCODE_LEN] = {
	{ 0x90 }, { 0xf8 }, { 0xf5 }, { 0xf9 },	/* nop, clc, cmc, stc */
};

static const uint8_t returns[] = { 0xc3 };
#endif

/**
 * struct code - memory of the target that is full of code
 * @area: Private; a function on each page, which returns at its end.
 * @model: The same bytes, shared by all and never broken in.
 *
 * Set before the target is started, which has the same.
 */
static struct {
	uint8_t *area;
	uint8_t *model;
} code;

static inline void code_fill(uint8_t *p, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += OPCODE_LEN)
		memcpy(p + i, harmless[(i / 3 + i / 97) % ARRAY_SIZE(harmless)],
		       OPCODE_LEN);
	for (i = 4096; i <= size; i += 4096)
		memcpy(p + i - OPCODE_LEN, returns, OPCODE_LEN);
}

static inline int code_map(void)
{
	code.area = map_anon(CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE);
	code.model = map_anon(CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
	if (!code.area || !code.model)
		return -ENOMEM;
	code_fill(code.model, CODE_SIZE);
	memcpy(code.area, code.model, CODE_SIZE);
	__builtin___clear_cache((char *)code.area,
				(char *)code.area + CODE_SIZE);
	return 0;
}

/* The address of instruction number @n. */
static inline uint64_t code_at(size_t n)
{
	return ptr_u64(code.area + n * OPCODE_LEN);
}

/* Run a function for its instructions; an opcode among them is a SIGTRAP. */
static inline void code_call(const uint8_t *function)
{
	((void (*)(void))(uintptr_t)function)();
}

/* Run a part of the area, and compare all of it: whether it is the program's. */
static inline bool code_intact(void)
{
	size_t i;

	for (i = 0; i < CODE_SIZE; i += 8 * 4096)
		code_call(code.area + i);
	return !memcmp(code.area, code.model, CODE_SIZE);
}

/*
 * birth(): fork(2), and then 64 instructions that do nothing, from birth_insns
 * on: they are the first of the child.
 */
#define BIRTH_INSNS	64
#if defined(__x86_64__)
#define BIRTH	"mov $57, %eax\nsyscall\nbirth_insns:\n.fill 64, 1, 0x90\nret\n"
#elif defined(__i386__)
#define BIRTH	"mov $2, %eax\nint $0x80\nbirth_insns:\n.fill 64, 1, 0x90\nret\n"
#else
#define BIRTH	"mov x8, #220\nmov x0, #17\nmov x1, #0\nmov x2, #0\n" \
		"mov x3, #0\nmov x4, #0\nsvc #0\n" \
		"birth_insns:\n.fill 64, 4, 0xd503201f\nret\n"
#endif
asm(".pushsection .text\n.globl birth, birth_insns\n.balign 16\nbirth:\n" BIRTH
	".popsection\n");
long birth(void);
extern uint8_t birth_insns[];

/* Ways to make a child with memory of its own. */
enum way { BY_FORK, BY_CLONE, BY_CLONE_PARENT, BY_CLONE3, BY_BIRTH };

static inline long raw_clone3(unsigned long flags, pid_t tid)
{
	pid_t set_tid = tid;
	struct clone_args args = {
		.flags = flags,
		.exit_signal = SIGCHLD,
		.set_tid = tid ? ptr_u64(&set_tid) : 0,
		.set_tid_size = !!tid,
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

/* As fork(2). */
static inline pid_t make_child(enum way way)
{
	switch (way) {
	case BY_CLONE:
		return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	case BY_CLONE_PARENT:
		return syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	case BY_CLONE3:
		return raw_clone3(0, 0);
	case BY_BIRTH:
		return birth();
	default:
		return fork();
	}
}

/*
 * For target_call(): make a child that says whether its memory is the program's,
 * as the function @intact sees it. 0 if so; or its ID if it is the test's to wait
 * for.
 */
static inline long in_target_child(unsigned long way, unsigned long intact,
				   unsigned long unused)
{
	pid_t pid = make_child(way);

	(void)unused;
	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(((bool (*)(void))intact)() ? 0 : EILSEQ);
	return way == BY_CLONE_PARENT ? pid : child_result(pid);
}

/* The same from the test: 0 if the child was clean. */
static inline long child_judged(struct target *target, enum way way,
				bool (*intact)(void))
{
	long result = target_call(target, in_target_child, way,
				  (unsigned long)intact, 0);

	if (way == BY_CLONE_PARENT && result > 0)
		return child_result(result);
	return result;
}

/* A child that judges its code. */
static inline long child_clean(struct target *target, enum way way)
{
	return child_judged(target, way, code_intact);
}

/* Whether the target's code is its own, as memory is. */
static inline bool target_intact(const struct target *target)
{
	uint8_t *seen = malloc(CODE_SIZE);
	bool intact = seen && !peek(target->pid, code.area, seen, CODE_SIZE) &&
		      !memcmp(seen, code.model, CODE_SIZE);

	free(seen);
	return intact;
}

/* Whether a race goes on: until its time is over and it had enough rounds. */
static inline bool more_rounds(uint64_t limit, unsigned long rounds,
			       unsigned long enough)
{
	return rounds < enough || now_ms() < limit;
}

/*
 * Run @step(@arg) in a process of its own that shares the test's sessions, for
 * calls that must not be waited for: what it returned, or -ETIMEDOUT.
 */
static inline int in_time(int (*step)(void *arg), void *arg, unsigned int ms,
			  pid_t *late)
{
	pid_t pid = fork();
	int status;

	*late = 0;
	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(-step(arg));
	if (child_wait(pid, ms, &status)) {
		*late = pid;
		return -ETIMEDOUT;
	}
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EKILLED;
}

#endif /* TARGET_FORK_H */
