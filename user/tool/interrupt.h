/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ctrl-C while something long is under way. */
#ifndef CORDBG_INTERRUPT_H
#define CORDBG_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

void interrupt_catch(struct sigaction *old);
void interrupt_restore(const struct sigaction *old);
bool interrupt_came(void);
void interrupt_forget(void);

#endif /* CORDBG_INTERRUPT_H */
