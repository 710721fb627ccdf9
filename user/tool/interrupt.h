/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ctrl-C while something long is under way. */
#ifndef CORDBG_INTERRUPT_H
#define CORDBG_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#define STATUS_INTERRUPTED	(STATUS_SIGNAL + SIGINT)

void interrupt_catch(void);
void interrupt_restore(void);
bool interrupt_came(void);
void interrupt_forget(void);

/* Like read(2) and write(2), but a Ctrl-C before they block ends them too. */
ssize_t interrupt_read(int fd, void *buffer, size_t size);
ssize_t interrupt_write(int fd, const void *data, size_t size);

#endif /* CORDBG_INTERRUPT_H */
