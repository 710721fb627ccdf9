/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes as the tests of attach and of races need them: helpers that end when
 * the test ends, file descriptors passed between them, threads inside a target,
 * privileges, and a look at memory that does not go through /dev/cordbg.
 */
#ifndef CORDBG_PROCESS_H
#define CORDBG_PROCESS_H

#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "cordbg_selftest.h"

/* A user and group that nothing else in the test machine runs as. */
#define PLAIN_ID	1234

/* What in_threads() can run. */
#define THREADS_MAX	8

/* In the place of an errno: the helper was killed by a signal. */
#define EKILLED		254

static inline uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/* When a race that should take @ms is over; $CORDBG_PACE says how many percent. */
static inline uint64_t race_end(unsigned int ms)
{
	const char *pace = getenv("CORDBG_PACE");

	return now_ms() + ms * (pace ? strtoul(pace, NULL, 0) : 100) / 100;
}

/* Copy another process's memory as it is: 0 or a negative errno. */
static inline int peek(pid_t pid, const void *address, void *buffer,
		       size_t size)
{
	struct iovec local = { buffer, size };
	struct iovec remote = { (void *)address, size };
	ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (n < 0)
		return -errno;
	return n == (ssize_t)size ? 0 : -EFAULT;
}

/* Whether @size bytes, at least 1, all are @value; fast for large ranges. */
static inline bool filled_with(const uint8_t *p, uint8_t value, size_t size)
{
	return p[0] == value && !memcmp(p, p + 1, size - 1);
}

/* Wait up to @ms for a child to end: 0 or -ETIMEDOUT. */
static inline int child_wait(pid_t pid, unsigned int ms, int *status)
{
	uint64_t end = now_ms() + ms;
	pid_t got;

	do {
		got = waitpid(pid, status, WNOHANG);
		if (got)
			return got < 0 ? -errno : 0;
		usleep(500);
	} while (now_ms() < end);
	return -ETIMEDOUT;
}

/* Kill a child of the test's and reap it: its wait status. */
static inline int child_kill(pid_t pid)
{
	int status = -1;

	kill(pid, SIGKILL);
	return waitpid(pid, &status, __WALL) == pid ? status : -errno;
}

/* What a child that ends with _exit(-result) returned. */
static inline int child_result(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EKILLED;
}

/* Run @step in a child: what it returned, 0 or a negative errno. */
static inline int in_child(int (*step)(void *arg), void *arg)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(-step(arg));
	}
	return child_result(pid);
}

/* A control message of one file descriptor. */
union fd_message {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

static inline void fd_message_init(struct msghdr *message, struct iovec *iov,
				   union fd_message *control)
{
	memset(message, 0, sizeof(*message));
	memset(control, 0, sizeof(*control));
	message->msg_iov = iov;
	message->msg_iovlen = 1;
	message->msg_control = control;
	message->msg_controllen = sizeof(*control);
}

/* Pass a file descriptor to another process: 0 or a negative errno. */
static inline int fd_send(int socket, int fd)
{
	struct iovec iov = { "x", 1 };
	union fd_message control;
	struct msghdr message;
	struct cmsghdr *header;

	fd_message_init(&message, &iov, &control);
	header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

/* What another process has passed; @flags are those of recvmsg(2). */
static inline int fd_receive(int socket, int flags)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union fd_message control;
	struct msghdr message;
	struct cmsghdr *header;
	int fd;

	fd_message_init(&message, &iov, &control);
	if (recvmsg(socket, &message, flags) != 1)
		return -EPROTO;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* The state letter of a process or thread in /proc, 0 if there is none. */
static inline char process_state(pid_t pid)
{
	char path[32], text[512], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strrchr(text, ')');
	return p ? p[2] : 0;
}

/* Wait up to @ms for a process to come to a state: 0 or -ETIMEDOUT. */
static inline int wait_for_state(pid_t pid, char state, unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	while (process_state(pid) != state) {
		if (now_ms() > end)
			return -ETIMEDOUT;
		usleep(500);
	}
	return 0;
}

/* For target_call(): run @function(@arg) in a new thread of the target. */
static inline long in_target_thread(unsigned long function, unsigned long arg,
				    unsigned long unused)
{
	pthread_t thread;

	(void)unused;
	return -pthread_create(&thread, NULL, (void *(*)(void *))function,
			       (void *)arg);
}

/* Run @function(0) to @function(@count - 1) in threads, and wait for their ends. */
static inline int in_threads(void *(*function)(void *number), uintptr_t count)
{
	pthread_t threads[THREADS_MAX];
	uintptr_t i;

	if (count > THREADS_MAX)
		return -EINVAL;
	for (i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, function, (void *)i))
			return -EAGAIN;
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

/*
 * Become an ordinary user. Changing the user makes a process undumpable and
 * forgets its death signal, neither of which a login session would have.
 */
static inline int become_plain(void)
{
	if (setgroups(0, NULL) || setresgid(PLAIN_ID, PLAIN_ID, PLAIN_ID) ||
	    setresuid(PLAIN_ID, PLAIN_ID, PLAIN_ID))
		return -errno;
	if (prctl(PR_SET_DUMPABLE, 1) || prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	return 0;
}

static inline int capabilities(int call, uint64_t *mask)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	memset(data, 0, sizeof(data));
	if (call == SYS_capset) {
		data[0].effective = *mask;
		data[0].permitted = *mask;
		data[1].effective = *mask >> 32;
		data[1].permitted = *mask >> 32;
	}
	if (syscall(call, &header, data))
		return -errno;
	*mask = (uint64_t)data[1].effective << 32 | data[0].effective;
	return 0;
}

/* Be an ordinary user who has one capability. */
static inline int become_plain_with(int capability)
{
	uint64_t mask = 1ULL << capability;
	int err;

	if (prctl(PR_SET_KEEPCAPS, 1))
		return -errno;
	err = become_plain();
	return err ? err : capabilities(SYS_capset, &mask);
}

/* Stay who we are, without one capability. */
static inline int become_without(int capability)
{
	uint64_t mask = 0;
	int err = capabilities(SYS_capget, &mask);

	if (err)
		return err;
	mask &= ~(1ULL << capability);
	return capabilities(SYS_capset, &mask);
}

#endif /* CORDBG_PROCESS_H */
