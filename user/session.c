// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions: attach to a process, take one over, detach
 */

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "private.h"

#define CORDBG_DEVICE	"/dev/cordbg"

/*
 * What pidfd_open(2) says of an ID that leads no thread group depends on the
 * kernel; for us there is no such process. A pidfd closes on exec by itself.
 */
static int open_pidfd(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0)
		return fd;
	if (pid > 0 && (errno == EINVAL || errno == ENOENT))
		return -ESRCH;
	return -errno;
}

/* Errors of open(2) that mean something else in this library get their own. */
static int open_device(void)
{
	int fd = open(CORDBG_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	switch (errno) {
	case EACCES:
		return -EPERM;
	case ENOENT:
	case ENXIO:	/* a node that no module serves */
		return -ENODEV;
	default:
		return -errno;
	}
}

static int bind_session(int fd, pid_t pid, unsigned int flags)
{
	struct cordbg_attach arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.pid = pid,
	};

	return session_ioctl(fd, CORDBG_ATTACH, &arg);
}

/*
 * A pidfd becomes readable when the last thread of the group is gone, which may
 * be long after its leader. poll(2) can be cut short by a signal even if it does
 * not wait; asking again is free of side effects.
 */
static int check_alive(int pidfd)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
	int ready;

	do {
		ready = poll(&poll_fd, 1, 0);
	} while (ready < 0 && errno == EINTR);

	if (ready < 0)
		return -errno;
	return ready ? -ESRCH : 0;
}

static int new_process(int fd, struct cordbg_process **process)
{
	struct cordbg_process *new = malloc(sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->fd = fd;
	*process = new;
	return 0;
}

/*
 * CORDBG_ATTACH takes a number, and numbers are used again. But none is as long
 * as its process is not reaped, so if the process that the pidfd was opened for
 * is alive afterwards, it is the one that was attached to.
 */
CORDBG_EXPORT int cordbg_attach(pid_t pid, unsigned int flags,
				struct cordbg_process **process)
{
	int pidfd, fd, err;

	*process = NULL;
	pidfd = open_pidfd(pid);
	if (pidfd < 0)
		return pidfd;

	fd = open_device();
	if (fd < 0) {
		err = fd;
		goto close_pidfd;
	}
	err = bind_session(fd, pid, flags);
	if (!err)
		err = check_alive(pidfd);
	if (!err)
		err = new_process(fd, process);
	if (err)
		close(fd);
close_pidfd:
	close(pidfd);
	return err;
}

/*
 * Whatever another kind of file makes of the ioctl, error or success, it does
 * not store a count that can be told from what was there.
 */
static int check_session(int fd)
{
	struct cordbg_list_breakpoints arg = {
		.argsz = sizeof(arg),
		.count = UINT32_MAX,
	};
	int err = session_ioctl(fd, CORDBG_LIST_BREAKPOINTS, &arg);

	switch (err) {
	case 0:
		return arg.count == UINT32_MAX ? -EINVAL : 0;
	case -EBADF:
	case -EINTR:
	case -ENOMEM:
	case -ENOTCONN:
	case -ESRCH:
		return err;
	default:
		return -EINVAL;
	}
}

CORDBG_EXPORT int cordbg_from_fd(int fd, struct cordbg_process **process)
{
	int err;

	*process = NULL;
	err = check_session(fd);
	if (!err)
		err = new_process(fd, process);
	if (!err)
		fcntl(fd, F_SETFD, FD_CLOEXEC);	/* cannot fail on an open fd */
	return err;
}

CORDBG_EXPORT int cordbg_fd(const struct cordbg_process *process)
{
	return process->fd;
}

CORDBG_EXPORT void cordbg_detach(struct cordbg_process *process)
{
	if (!process)
		return;
	close(process->fd);
	free(process);
}
