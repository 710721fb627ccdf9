// SPDX-License-Identifier: GPL-2.0
/* The program that the demo works on: started, spoken to, ended. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

#define TIMEOUT_MS	20000	/* an emulated machine can be slow */

static void run(char **argv, int in, int out)
{
	/* A demo that fails leaves no program behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execv(argv[0], argv);
	_exit(127);
}

void program_start(struct program *program, char **argv)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	program->pid = fork();
	if (program->pid < 0)
		fail("fork: %s", strerror(errno));
	if (!program->pid)
		run(argv, in[0], out[1]);
	signal(SIGPIPE, SIG_IGN);
	close(in[0]);
	close(out[1]);
	program->in = fdopen(in[1], "w");
	program->out = fdopen(out[0], "r");
	require(program->in && program->out, "there is memory for two streams");
}

void program_give(struct program *program, int number)
{
	fprintf(program->in, "%d\n", number);
	if (fflush(program->in))
		fail("the program reads: %s", strerror(errno));
}

/* It prints one line per number, so a stream never holds a second one. */
static bool has_line(struct program *program, int timeout)
{
	struct pollfd out = { .fd = fileno(program->out), .events = POLLIN };

	return poll(&out, 1, timeout) > 0;
}

bool program_is_silent(struct program *program)
{
	return !has_line(program, 0);
}

const char *program_line(struct program *program)
{
	static char line[256];

	if (!has_line(program, TIMEOUT_MS))
		fail("the program prints a line");
	if (!fgets(line, sizeof(line), program->out))
		fail("the program is still there");
	line[strcspn(line, "\n")] = '\0';
	return line;
}

void program_end(struct program *program)
{
	int status;

	fclose(program->in);
	require(fgetc(program->out) == EOF, "the program prints nothing more");
	fclose(program->out);
	if (waitpid(program->pid, &status, 0) != program->pid)
		fail("waitpid: %s", strerror(errno));
	if (WIFSIGNALED(status))
		fail("it ends by itself, but: %s", strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		fail("its exit status is 0, not %d", WEXITSTATUS(status));
}
