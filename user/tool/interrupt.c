// SPDX-License-Identifier: GPL-2.0-or-later
/* Ctrl-C while something long is under way. */
#include <stdatomic.h>
#include <stddef.h>

#include "interrupt.h"

static atomic_bool came;

static void note(int signal)
{
	(void)signal;
	came = true;
}

/* Only note SIGINT from here on; system calls end with EINTR. */
void interrupt_catch(struct sigaction *old)
{
	struct sigaction action = { .sa_handler = note };

	came = false;
	sigaction(SIGINT, &action, old);
}

void interrupt_restore(const struct sigaction *old)
{
	sigaction(SIGINT, old, NULL);
}

void interrupt_forget(void)
{
	came = false;
}

bool interrupt_came(void)
{
	return came;
}
