// SPDX-License-Identifier: GPL-2.0-or-later
/* Ctrl-C while something long is under way. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"

static atomic_bool came;
static unsigned int depth;
static struct sigaction old_action;

/* Readable after SIGINT: a handler alone does not end a call that has yet to begin. */
static int wake = -1;

static void note(int signal)
{
	int saved = errno;

	(void)signal;
	came = true;
	eventfd_write(wake, 1);
	errno = saved;
}

/*
 * Only note SIGINT from here on; system calls end with EINTR. A caller that ignores
 * it, as nohup and "&" do, goes on ignoring it. Calls nest: the shell catches it for
 * all of its commands.
 */
void interrupt_catch(void)
{
	struct sigaction action = { .sa_handler = note };

	if (depth++)
		return;
	came = false;
	wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigaction(SIGINT, NULL, &old_action);
	if (old_action.sa_handler != SIG_IGN)
		sigaction(SIGINT, &action, NULL);
}

/* Nothing of it is left for what comes next. */
void interrupt_restore(void)
{
	if (--depth)
		return;
	sigaction(SIGINT, &old_action, NULL);
	came = false;
	if (wake >= 0)
		close(wake);
	wake = -1;
}

void interrupt_forget(void)
{
	eventfd_t count;

	came = false;
	if (wake >= 0)
		eventfd_read(wake, &count);
}

bool interrupt_came(void)
{
	return came;
}

/* Wait until the file is ready: false after Ctrl-C. */
static bool ready(int fd, short events)
{
	struct pollfd files[] = {
		{ .fd = fd, .events = events },
		{ .fd = wake, .events = POLLIN },
	};

	if (depth)
		poll(files, 2, -1);
	if (!came)
		return true;
	errno = EINTR;
	return false;
}

ssize_t interrupt_read(int fd, void *buffer, size_t size)
{
	return ready(fd, POLLIN) ? read(fd, buffer, size) : -1;
}

/* More than a pipe that is ready has room for would block in the middle. */
ssize_t interrupt_write(int fd, const void *data, size_t size)
{
	struct stat stat;

	if (depth && size > PIPE_BUF && (fstat(fd, &stat) || !S_ISREG(stat.st_mode)))
		size = PIPE_BUF;
	return ready(fd, POLLOUT) ? write(fd, data, size) : -1;
}
