/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that the process has chosen, made fit for a terminal and for JSON. */
#ifndef CORDBG_TEXT_H
#define CORDBG_TEXT_H

#include <stddef.h>

char *text_safe(const char *text);
void text_make_safe(char *text, size_t size);

#endif /* CORDBG_TEXT_H */
