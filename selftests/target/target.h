/* SPDX-License-Identifier: GPL-2.0 */
/* What the program has from its library. */
#ifndef TOOL_TARGET_H
#define TOOL_TARGET_H

/* Called from outside the file, so never inlined. */
#define CALLED	__attribute__((noipa))

extern char library_text[];
int library_function(void);

#endif /* TOOL_TARGET_H */
