/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A target of the fuzz program: memory of every kind, which it changes now and
 * then, children, and other images.
 */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include "fuzz.h"

#define IDLE_ARGUMENT	"--idle"

/* Where a target has memory with bytes of its own, and children look at it. */
static const enum area_name looked_at[] = { PLAIN, CODE, TEXT, TAIL };

static bool area_map(const struct area *area, unsigned int name)
{
	int flags = area->shared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE;
	size_t size = area->pages * PAGE;
	int fd = -1;
	void *p;

	if (name == TAIL) {
		fd = memfd_create("tail", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, PAGE))
			return false;
	}
	p = map_fixed(area->address, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (p == MAP_FAILED)
		return false;
	if (fd >= 0)
		close(fd);
	if (area->fill)
		fill_bytes(p, size, name);
	return !mprotect(p, size, area->prot);
}

/* Once, before there are other processes, which all have it then. */
static bool areas_map(void)
{
	unsigned int i;

	for (i = 0; i < NR_AREAS; i++)
		if (!area_map(&areas[i], i))
			return false;
	return true;
}

/* The bytes of an area, less those that cannot be looked at. */
static size_t area_size(enum area_name name)
{
	return name == TAIL ? PAGE : areas[name].pages * PAGE;
}

static void look_for_opcodes(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(looked_at); i++)
		if (holds_opcode((void *)areas[looked_at[i]].address,
				 area_size(looked_at[i])))
			complain("a child of %d has an opcode in area %u",
				 getppid(), looked_at[i]);
}

static void target_fork(void)
{
	int status;
	pid_t pid;

	/* All of it has to be readable, in the child. */
	mprotect((void *)areas[PLAIN].address, area_size(PLAIN),
		 areas[PLAIN].prot);
	pid = fork();
	if (!pid) {
		look_for_opcodes();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		complain("a child of %d ended with %#x", getpid(), status);
	count_one(&fuzz->children);
}

/* Change a part of what tools write to. */
static void target_change(uint64_t *random)
{
	uint8_t *at = (uint8_t *)areas[PLAIN].address + 20 * PAGE;
	size_t size = (1 + pick(random, 4)) * PAGE;

	switch (pick(random, 4)) {
	case 0:
		mprotect(at, size, pick(random, 2) ? PROT_READ : PROT_NONE);
		break;
	case 1:
		mprotect(at, size, PROT_READ | PROT_WRITE);
		break;
	case 2:
		madvise(at, size, MADV_DONTNEED);
		break;
	default:
		if (mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			 MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			complain("target %d: no memory", getpid());
	}
}

static void target_exec(unsigned int i)
{
	store(&fuzz->idle[i], 1);
	execl("/proc/self/exe", "fuzz", IDLE_ARGUMENT, NULL);
	complain("target %u: execve: %d", i, errno);
}

static void target_main(unsigned int i, unsigned int life)
{
	uint64_t random = fuzz_random(100 + i, life);
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What nobody receives is to be closed when the test does it. */
	close(bus[0]);
	close(bus[1]);
	status = make_silent(areas[SILENT].address, area_size(SILENT));
	if (status)
		complain("target %u: userfaultfd: %d", i, status);
	store(&fuzz->targets[i], getpid());
	for (;;) {
		usleep(2000 + pick(&random, 20000));
		/* One is there to the end. */
		if (i && !pick(&random, 100))
			target_exec(i);
		else if (pick(&random, 4))
			target_change(&random);
		else
			target_fork();
	}
}

/* What is in a process, as memory is; @constant: only what never changes. */
static void target_check(pid_t pid, bool constant)
{
	static uint8_t seen[AREAS_BYTES], expected[AREAS_BYTES];
	unsigned int i;
	size_t size;

	for (i = 0; i < NR_AREAS; i++) {
		size = area_size(i);
		if (!areas[i].fill || (constant && !areas[i].constant))
			continue;
		/* Parts may be protected, and it may have ended. */
		if (peek(pid, (void *)areas[i].address, seen, size))
			continue;
		fill_bytes(expected, size, i);
		if (areas[i].constant && memcmp(expected, seen, size))
			complain("target %d: area %u has changed", pid, i);
		if (holds_opcode(seen, size))
			complain("target %d: opcode in area %u", pid, i);
	}
}

/* An area that may be protected: whether it could be looked at. */
static bool look_forced(pid_t pid, enum area_name name)
{
	static uint8_t seen[AREAS_BYTES];
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = pread(fd, seen, area_size(name), areas[name].address);
	close(fd);
	/* The target may run another program. */
	if (n != (ssize_t)area_size(name))
		return false;
	if (holds_opcode(seen, n))
		complain("target %d: opcode in area %u", pid, name);
	return true;
}

#endif /* FUZZ_TARGET_H */
