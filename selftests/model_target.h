/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the target of the model does on command, in its own memory.
 */
#ifndef MODEL_TARGET_H
#define MODEL_TARGET_H

#include "cordbg_setting.h"
#include "model_predict.h"

#ifndef MAP_HUGETLB
#define MAP_HUGETLB	0x40000
#endif

#define STORE_MOST	(16 * PAGE)

/**
 * struct command - what the target is to do, in memory that it shares
 * @op: The operation.
 * @looks: FORK: what the child is to look at, op.size of them.
 */
struct command {
	struct op op;
	struct look looks[MOST_LOOKS];
};

static struct command *command;
static int private_fd = -1;
static int shared_fd = -1;

/*
 * In the order of put_raw(): if a page of the file is mapped twice, the last store
 * counts, and memcpy() may begin with any.
 */
static int target_store(const struct op *op)
{
	static uint8_t bytes[STORE_MOST];
	char *at = (char *)(uintptr_t)op->address;
	size_t done, n;

	seeded_bytes(bytes, op->size, op->address, op->seed);
	for (done = 0; done < op->size; done += n) {
		n = PAGE - (op->address + done) % PAGE;
		if (n > op->size - done)
			n = op->size - done;
		memcpy(at + done, bytes + done, n);
		/* Or the compiler may make one copy of all. */
		__asm__ volatile ("" : : : "memory");
	}
	__builtin___clear_cache(at, at + op->size);
	return 0;
}

static int target_map(const struct op *op)
{
	static const int flags[] = {
		[ANON] = MAP_PRIVATE | MAP_ANONYMOUS,
		[PRIVATE_FILE] = MAP_PRIVATE,
		[SHARED_FILE] = MAP_SHARED,
		[HUGE_PRIVATE] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
		[HUGE_SHARED] = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB,
	};
	int fd = op->kind == PRIVATE_FILE ? private_fd :
		 op->kind == SHARED_FILE ? shared_fd : -1;
	void *at = (void *)(uintptr_t)op->address;

	if (mmap(at, op->size, op->flags, flags[op->kind] | MAP_FIXED, fd,
		 op->file_page * PAGE) == MAP_FAILED)
		return -errno;
	if (op->kind != ANON || op->size != HUGE)
		return 0;
	if (has_huge_pages() && madvise(at, HUGE, MADV_HUGEPAGE))
		return -errno;
	*(uint8_t *)at = 0;
	return 0;
}

static bool move(uint64_t from, size_t size, uint64_t to, int flags)
{
	return mremap((void *)(uintptr_t)from, size, size,
		      MREMAP_MAYMOVE | MREMAP_FIXED | flags,
		      (void *)(uintptr_t)to) != MAP_FAILED;
}

/* Several mappings cannot be moved at once: then it is done page by page. */
static int target_move(const struct op *op)
{
	uint64_t i;

	if (move(op->address, op->size, op->to, op->flags))
		return 0;
	for (i = 0; i < op->size; i += PAGE)
		if (!move(op->address + i, PAGE, op->to + i, op->flags))
			return -errno;
	return 0;
}

/* In a child: a hash of what it has. */
static uint64_t child_hash(const struct op *op)
{
	uint64_t hash = 0;
	unsigned int i;

	for (i = 0; i < op->size; i++)
		hash = hash_bytes(hash, (uint8_t *)(uintptr_t)
				  command->looks[i].address,
				  command->looks[i].size);
	return hash;
}

static int target_fork(const struct op *op)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(child_hash(op) == op->hash ? 0 : EILSEQ);
	return child_result(pid);
}

/* For target_call(). */
static long in_target_command(unsigned long a, unsigned long b, unsigned long c)
{
	const struct op *op = &command->op;
	void *at = (void *)(uintptr_t)op->address;

	(void)a;
	(void)b;
	(void)c;
	switch (op->type) {
	case STORE:
		return target_store(op);
	case MAP:
		return target_map(op);
	case UNMAP:
		return munmap(at, op->size) ? -errno : 0;
	case PROTECT:
		return mprotect(at, op->size, op->flags) ? -errno : 0;
	case ADVISE:
		return madvise(at, op->size, MADV_DONTNEED) ? -errno : 0;
	case MOVE:
		return target_move(op);
	default:
		return target_fork(op);
	}
}

static int make_file(bool shared)
{
	int fd = memfd_create("model", MFD_CLOEXEC);
	uint8_t bytes[PAGE];
	unsigned int i;

	for (i = 0; fd >= 0 && i < FILE_PAGES; i++) {
		file_bytes(bytes, i, shared);
		if (write(fd, bytes, PAGE) != (ssize_t)PAGE)
			return -1;
	}
	return fd;
}

#endif /* MODEL_TARGET_H */
