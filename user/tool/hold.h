/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wait while the session holds its breakpoints. */
#ifndef CORDBG_HOLD_H
#define CORDBG_HOLD_H

#include "tool.h"

/* No end by time. */
#define HOLD_FOREVER	-1.0

int hold_prepare(void);
void hold_unprepare(int signals);
int hold_end(int signal, int status);
int hold(struct tool *tool, int signals, double seconds, int *signal);
int hold_command(struct tool *tool, int signals, char **argv);

#endif /* CORDBG_HOLD_H */
