// SPDX-License-Identifier: GPL-2.0
/* Ctrl-C while something long is under way. */
#include <stdatomic.h>
#include <stddef.h>

#include "interrupt.h"

static atomic_bool came;
static unsigned int depth;
static struct sigaction old_action;

static void note(int signal)
{
	(void)signal;
	came = true;
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
}

void interrupt_forget(void)
{
	came = false;
}

bool interrupt_came(void)
{
	return came;
}
