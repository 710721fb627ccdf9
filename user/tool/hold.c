// SPDX-License-Identifier: GPL-2.0-or-later
/* Wait while the session holds its breakpoints. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "errors.h"
#include "hold.h"
#include "session.h"

/* That a process has called execve only shows when the session is asked. */
#define LOOK_EVERY_MS	500

static const int end_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };

/* The caller's, which a command gets too. */
static sigset_t old_mask;

static bool ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

/* What the caller has the tool ignore, as nohup and "&" do, ends nothing. */
static void fill_signals(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < ARRAY_SIZE(end_signals); i++)
		if (!ignored(end_signals[i]))
			sigaddset(set, end_signals[i]);
}

/*
 * From here on signals wait until hold() asks for them: none is lost between the
 * first breakpoint and the wait. Return: What hold() takes, or a negative errno.
 */
int hold_prepare(void)
{
	sigset_t set;
	int signals, error;

	/* Ignored, a child's end would leave no status. */
	signal(SIGCHLD, SIG_DFL);
	fill_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &old_mask);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals >= 0)
		return signals;
	error = -errno;
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	return error;
}

void hold_unprepare(int signals)
{
	close(signals);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
}

/*
 * After hold_unprepare(): Ctrl-C is how a hold ends, but other signals that would
 * have ended the tool still do. Return: The status, should it live.
 */
int hold_end(int signal, int status)
{
	if (status || (signal != SIGTERM && signal != SIGHUP))
		return status;
	fflush(stdout);
	raise(signal);
	return STATUS_SIGNAL + signal;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static int milliseconds_until(double end)
{
	double left = (end - now()) * 1000;

	if (left < 0)
		return 0;
	return left < LOOK_EVERY_MS ? (int)left + 1 : LOOK_EVERY_MS;
}

/* A signal that came, or 0. */
static int take_signal(int signals)
{
	struct signalfd_siginfo info;

	return read(signals, &info, sizeof(info)) == sizeof(info) ?
		(int)info.ssi_signo : 0;
}

/*
 * Wait for a signal until @end, which 0 in @signal tells, or the process's end,
 * which is an error. Without @tool no process is looked at.
 */
static int wait_signal(struct tool *tool, int signals, double end, int *signal)
{
	struct pollfd poll_fd = { .fd = signals, .events = POLLIN };
	int error;

	do {
		error = tool ? session_check(tool) : 0;
		if (error)
			return error;
		poll(&poll_fd, 1, end < 0 ? LOOK_EVERY_MS : milliseconds_until(end));
		*signal = take_signal(signals);
	} while (!*signal && (end < 0 || now() < end));
	return 0;
}

/**
 * hold() - hold the breakpoints
 * @tool: The tool, with a session.
 * @signals: From hold_prepare().
 * @seconds: How long, or HOLD_FOREVER.
 * @signal: Receives the signal that ended it, or 0.
 *
 * Ends by time or a signal, and by the end of the process, which is an error.
 *
 * Return: A status.
 */
int hold(struct tool *tool, int signals, double seconds, int *signal)
{
	double end = seconds < 0 ? seconds : now() + seconds;
	int error;

	do {
		error = wait_signal(tool, signals, end, signal);
	} while (!error && *signal == SIGCHLD);
	return error ? error_session(tool, error) : STATUS_OK;
}

static pid_t start(char **argv)
{
	pid_t child = fork();

	if (child)
		return child;
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	execvp(argv[0], argv);
	_exit(error_say(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN,
			"cannot run %s: %s", argv[0], strerror(errno)));
}

static int status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? STATUS_SIGNAL + WTERMSIG(wait_status) :
					  WEXITSTATUS(wait_status);
}

/* A terminal sends Ctrl-C to both; the command decides what it means. */
static void pass_on(pid_t child, int signal)
{
	if (signal == SIGTERM || signal == SIGHUP)
		kill(child, signal);
}

/*
 * Hold the breakpoints while a command runs, also if the process ends before it:
 * the command's status, as sh(1) would have it.
 */
int hold_command(struct tool *tool, int signals, char **argv)
{
	struct tool *watched = tool;
	pid_t child = start(argv);
	int error, signal, wait_status = 0;
	pid_t ended;

	if (child < 0)
		return error_say(STATUS_NO_MEMORY, "cannot run %s: %s", argv[0],
				 strerror(errno));
	while (!(ended = waitpid(child, &wait_status, WNOHANG))) {
		error = wait_signal(watched, signals, HOLD_FOREVER, &signal);
		if (error) {
			error_session(tool, error);
			watched = NULL;
		} else {
			pass_on(child, signal);
		}
	}
	if (ended < 0)
		return error_say(STATUS_FAILED, "cannot tell how %s ended: %s", argv[0],
				 strerror(errno));
	return status_of(wait_status);
}
