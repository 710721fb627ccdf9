// SPDX-License-Identifier: GPL-2.0
/* The ways to write and read another process's memory, as a table. */

#include <stdio.h>
#include <sys/ptrace.h>

#include "bench.h"

static int cordbg_peer_open(struct bench_peer *peer)
{
	peer->fd = session_open(peer->pid);
	return peer->fd < 0 ? peer->fd : 0;
}

static void close_fd(struct bench_peer *peer)
{
	close(peer->fd);
}

/* With the count, which the others return as well. */
static int cordbg_peer_transfer(const struct bench_peer *peer, unsigned long cmd,
				uint8_t *address, const void *data, size_t size)
{
	uint64_t done;
	struct cordbg_transfer arg = {
		.argsz = sizeof(arg),
		.address = ptr_u64(address),
		.buffer = ptr_u64(data),
		.written = ptr_u64(&done),
		.size = size,
	};

	if (ioctl(peer->fd, cmd, &arg))
		return -errno;
	return done == size ? 0 : -EIO;
}

static int cordbg_peer_write(const struct bench_peer *peer, uint8_t *address,
			     const void *data, size_t size)
{
	return cordbg_peer_transfer(peer, CORDBG_WRITE_MEMORY, address, data,
				    size);
}

static int cordbg_peer_read(const struct bench_peer *peer, uint8_t *address,
			    void *data, size_t size)
{
	return cordbg_peer_transfer(peer, CORDBG_READ_MEMORY, address, data,
				    size);
}

/* What transferred @n of @size bytes: 0 or a negative errno. */
static int whole(ssize_t n, size_t size)
{
	if (n < 0)
		return -errno;
	return n == (ssize_t)size ? 0 : -EIO;
}

static int process_vm_write(const struct bench_peer *peer, uint8_t *address,
			    const void *data, size_t size)
{
	struct iovec local = { (void *)data, size };
	struct iovec remote = { address, size };

	return whole(process_vm_writev(peer->pid, &local, 1, &remote, 1, 0),
		     size);
}

static int process_vm_read(const struct bench_peer *peer, uint8_t *address,
			   void *data, size_t size)
{
	struct iovec local = { data, size };
	struct iovec remote = { address, size };

	return whole(process_vm_readv(peer->pid, &local, 1, &remote, 1, 0),
		     size);
}

static int proc_mem_open(struct bench_peer *peer)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", peer->pid);
	peer->fd = open(path, O_RDWR | O_CLOEXEC);
	return peer->fd < 0 ? -errno : 0;
}

static int proc_mem_write(const struct bench_peer *peer, uint8_t *address,
			  const void *data, size_t size)
{
	return whole(pwrite(peer->fd, data, size, ptr_u64(address)), size);
}

static int proc_mem_read(const struct bench_peer *peer, uint8_t *address,
			 void *data, size_t size)
{
	return whole(pread(peer->fd, data, size, ptr_u64(address)), size);
}

/* The process is stopped from here to ptrace_close(). */
static int ptrace_open(struct bench_peer *peer)
{
	int status;

	if (ptrace(PTRACE_SEIZE, peer->pid, NULL, NULL) ||
	    ptrace(PTRACE_INTERRUPT, peer->pid, NULL, NULL))
		return -errno;
	if (waitpid(peer->pid, &status, __WALL) != peer->pid)
		return -errno;
	return WIFSTOPPED(status) ? 0 : -EIO;
}

static void ptrace_close(struct bench_peer *peer)
{
	ptrace(PTRACE_DETACH, peer->pid, NULL, NULL);
}

int bench_ptrace_peek(pid_t pid, uint8_t *address, unsigned long *word)
{
	return syscall(SYS_ptrace, PTRACE_PEEKDATA, pid, address, word) ?
		-errno : 0;
}

int bench_ptrace_poke(pid_t pid, uint8_t *address, unsigned long word)
{
	return syscall(SYS_ptrace, PTRACE_POKEDATA, pid, address, word) ?
		-errno : 0;
}

/* Word by word; only a part of one has to be peeked first. */
static int ptrace_write(const struct bench_peer *peer, uint8_t *address,
			const void *data, size_t size)
{
	unsigned long word;
	size_t n;
	int err;

	for (; size; size -= n, address += n, data += n) {
		n = size < sizeof(word) ? size : sizeof(word);
		err = n < sizeof(word) ?
			bench_ptrace_peek(peer->pid, address, &word) : 0;
		if (err)
			return err;
		memcpy(&word, data, n);
		err = bench_ptrace_poke(peer->pid, address, word);
		if (err)
			return err;
	}
	return 0;
}

static int ptrace_read(const struct bench_peer *peer, uint8_t *address,
		       void *data, size_t size)
{
	unsigned long word;
	size_t n;
	int err;

	for (; size; size -= n, address += n, data += n) {
		n = size < sizeof(word) ? size : sizeof(word);
		err = bench_ptrace_peek(peer->pid, address, &word);
		if (err)
			return err;
		memcpy(data, &word, n);
	}
	return 0;
}

static int memcpy_write(const struct bench_peer *peer, uint8_t *address,
			const void *data, size_t size)
{
	(void)peer;
	memcpy(address, data, size);
	return 0;
}

static int memcpy_read(const struct bench_peer *peer, uint8_t *address,
		       void *data, size_t size)
{
	(void)peer;
	memcpy(data, address, size);
	return 0;
}

/* The first is what the others are measured against. */
const struct bench_route bench_routes[] = {
	{ .name = "cordbg", .quick = MOST,
	  .open = cordbg_peer_open, .close = close_fd,
	  .write = cordbg_peer_write, .read = cordbg_peer_read },
	{ .name = "process_vm", .quick = MOST,
	  .write = process_vm_write, .read = process_vm_read },
	{ .name = "proc_mem", .quick = MOST,
	  .open = proc_mem_open, .close = close_fd,
	  .write = proc_mem_write, .read = proc_mem_read },
	/* A system call for every eight bytes. */
	{ .name = "ptrace", .quick = 64 * KIB,
	  .open = ptrace_open, .close = ptrace_close,
	  .write = ptrace_write, .read = ptrace_read },
	/* The limit: no other process, no system call. */
	{ .name = "memcpy", .own = true, .quick = MOST,
	  .write = memcpy_write, .read = memcpy_read },
};

const size_t bench_routes_count = ARRAY_SIZE(bench_routes);

_Static_assert(ARRAY_SIZE(bench_routes) <= BENCH_MOST_ROUTES, "routes");

const struct bench_route *bench_route(const char *name)
{
	size_t i;

	for (i = 0; i < bench_routes_count; i++)
		if (!strcmp(bench_routes[i].name, name))
			return &bench_routes[i];
	bench_die("no route %s", name);
}

void bench_open(struct bench_peer *peer, const struct bench_route *route,
		pid_t pid)
{
	*peer = (struct bench_peer) { .route = route, .pid = pid, .fd = -1 };
	if (route->open)
		bench_check(route->open(peer), route->name);
}

void bench_close(struct bench_peer *peer)
{
	if (peer->route->close)
		peer->route->close(peer);
}
