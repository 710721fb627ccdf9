/* SPDX-License-Identifier: GPL-2.0 */
/* Ctrl-C while something long is under way. */
#ifndef CORDBG_INTERRUPT_H
#define CORDBG_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

#define STATUS_INTERRUPTED	(STATUS_SIGNAL + SIGINT)

void interrupt_catch(void);
void interrupt_restore(void);
bool interrupt_came(void);
void interrupt_forget(void);

#endif /* CORDBG_INTERRUPT_H */
