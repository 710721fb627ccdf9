/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cordbg selftests share: the ioctls as functions that return 0 or a
 * negative errno, and a target process that runs functions on request.
 *
 * Every output is poisoned before the call, so that a test sees what the kernel
 * stored and not what happened to be there.
 */
#ifndef CORDBG_SELFTEST_H
#define CORDBG_SELFTEST_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/cordbg.h>

/* What any of the ioctls is given, and a page. */
union argument {
	struct {
		__u32 argsz;
		__u32 flags;
	} head;
	struct cordbg_attach attach;
	struct cordbg_transfer transfer;
	struct cordbg_set_breakpoint set;
	struct cordbg_clear_breakpoint clear;
	struct cordbg_list_breakpoints list;
	struct cordbg_batch batch;
	uint8_t bytes[4096];
};

#define CORDBG_DEVICE	"/dev/cordbg"
#define POISON32	0xa5a5a5a5U
#define POISON64	0xa5a5a5a5a5a5a5a5ULL

#if defined(__x86_64__) || defined(__i386__)
static const uint8_t opcode[] = { 0xcc };		/* INT3 */
#elif defined(__aarch64__)
static const uint8_t opcode[] = { 0x00, 0x00, 0x20, 0xd4 };	/* BRK #0 */
#else
#error "no breakpoint opcode known for this architecture"
#endif
#define OPCODE_LEN	sizeof(opcode)

static inline uint64_t ptr_u64(const void *p)
{
	return (uintptr_t)p;
}

static inline int cordbg_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static inline int cordbg_open(void)
{
	int fd = open(CORDBG_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static inline int do_attach(int fd, pid_t pid)
{
	struct cordbg_attach arg = { .argsz = sizeof(arg), .pid = pid };

	return cordbg_ioctl(fd, CORDBG_ATTACH, &arg);
}

/* A new session bound to @pid: a file descriptor or a negative errno. */
static inline int session_open(pid_t pid)
{
	int fd = cordbg_open();
	int err;

	if (fd < 0)
		return fd;
	err = do_attach(fd, pid);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static inline int do_transfer(int fd, unsigned long cmd, uint64_t address,
			      const void *buffer, uint32_t size,
			      uint32_t flags, uint64_t *written,
			      uint64_t *failed)
{
	struct cordbg_transfer arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.address = address,
		.buffer = ptr_u64(buffer),
		.written = ptr_u64(written),
		.failed_address = POISON64,
		.size = size,
	};
	int err;

	if (written)
		*written = POISON64;
	err = cordbg_ioctl(fd, cmd, &arg);
	if (failed)
		*failed = arg.failed_address;
	return err;
}

static inline int do_write(int fd, uint64_t address, const void *buffer,
			   uint32_t size, uint32_t flags, uint64_t *written,
			   uint64_t *failed)
{
	return do_transfer(fd, CORDBG_WRITE_MEMORY, address, buffer, size,
			   flags, written, failed);
}

static inline int do_read(int fd, uint64_t address, void *buffer,
			  uint32_t size, uint32_t flags, uint64_t *read,
			  uint64_t *failed)
{
	return do_transfer(fd, CORDBG_READ_MEMORY, address, buffer, size,
			   flags, read, failed);
}

static inline int do_set(int fd, uint64_t address, void *buffer,
			 uint32_t bufsize, uint32_t *buflen)
{
	struct cordbg_set_breakpoint arg = {
		.argsz = sizeof(arg),
		.address = address,
		.buffer = ptr_u64(buffer),
		.bufsize = bufsize,
		.buflen = POISON32,
	};
	int err = cordbg_ioctl(fd, CORDBG_SET_UNMANAGED_BREAKPOINT, &arg);

	if (buflen)
		*buflen = arg.buflen;
	return err;
}

/* Set a breakpoint when the original bytes do not matter to the test. */
static inline int do_break(int fd, uint64_t address)
{
	uint8_t original[CORDBG_OPCODE_MAX];

	return do_set(fd, address, original, sizeof(original), NULL);
}

static inline int do_clear(int fd, uint64_t address)
{
	struct cordbg_clear_breakpoint arg = {
		.argsz = sizeof(arg),
		.address = address,
	};

	return cordbg_ioctl(fd, CORDBG_CLEAR_UNMANAGED_BREAKPOINT, &arg);
}

static inline int do_list(int fd, uint64_t start,
			  struct cordbg_breakpoint *list, uint32_t capacity,
			  uint32_t *count)
{
	struct cordbg_list_breakpoints arg = {
		.argsz = sizeof(arg),
		.start = start,
		.breakpoints = ptr_u64(list),
		.capacity = capacity,
		.count = POISON32,
	};
	int err;

	memset(list, 0xa5, sizeof(*list) * capacity);
	err = cordbg_ioctl(fd, CORDBG_LIST_BREAKPOINTS, &arg);
	if (count)
		*count = arg.count;
	return err;
}

/*
 * A target is a fork of the test: it has the test's code and private memory at
 * the same addresses, and it runs whatever function the test names. It dies
 * with the test.
 */
struct target {
	pid_t pid;
	int to;			/* the test writes calls here */
	int from;		/* and reads results here */
};

struct target_call {
	long (*function)(unsigned long a, unsigned long b, unsigned long c);
	unsigned long a, b, c;
};

/* A test can let allocations of the target fail, and here it would be one of those. */
static inline bool target_answer(int out, long result)
{
	ssize_t n;

	do {
		n = write(out, &result, sizeof(result));
	} while (n < 0 && errno == ENOMEM);
	return n == sizeof(result);
}

static inline void target_serve(int in, int out)
{
	struct target_call call;

	while (read(in, &call, sizeof(call)) == sizeof(call)) {
		long result = call.function(call.a, call.b, call.c);

		if (!target_answer(out, result))
			break;
	}
	_exit(0);
}

/* Start a target: 0 or a negative errno. */
static inline int target_start(struct target *t)
{
	int to[2], from[2];

	if (pipe(to))
		return -errno;
	if (pipe(from))
		return -errno;
	t->pid = fork();
	if (t->pid < 0)
		return -errno;
	if (!t->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		close(from[0]);
		target_serve(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	t->to = to[1];
	t->from = from[0];
	return 0;
}

/* Start a call in the target without waiting for its result. */
static inline int target_begin(struct target *t, void *function,
			       unsigned long a, unsigned long b, unsigned long c)
{
	struct target_call call = { function, a, b, c };

	return write(t->to, &call, sizeof(call)) == sizeof(call) ? 0 : -EPIPE;
}

/* Wait for the result of target_begin(); LONG_MIN-like -EPIPE if it died. */
static inline long target_result(struct target *t)
{
	long result;

	if (read(t->from, &result, sizeof(result)) != sizeof(result))
		return -EPIPE;
	return result;
}

/* Run function(a, b, c) in the target and return its result. */
static inline long target_call(struct target *t, void *function,
			       unsigned long a, unsigned long b, unsigned long c)
{
	int err = target_begin(t, function, a, b, c);

	return err ? err : target_result(t);
}

/*
 * End the target: its wait status, 0 if it left by itself without trouble. A
 * target that hit a stale opcode shows up here as killed by SIGTRAP.
 */
static inline int target_stop(struct target *t)
{
	int status = -1;

	close(t->to);
	close(t->from);
	if (waitpid(t->pid, &status, 0) != t->pid)
		return -errno;
	return status;
}

static inline long page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

#endif /* CORDBG_SELFTEST_H */
