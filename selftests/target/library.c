// SPDX-License-Identifier: GPL-2.0
/* The library of the program that the tool's tests work on. */
#include "target.h"

char library_text[] = "library text";

CALLED int library_function(void)
{
	return 2;
}

/* So has the program, which makes it two in one file if that is linked statically. */
static CALLED __attribute__((used)) int twice(void)
{
	return 6;
}

/* The program has a static function of that name. */
CALLED int in_both(void)
{
	return 3;
}
