// SPDX-License-Identifier: GPL-2.0-or-later
/* Error messages, and the exit status that belongs to each. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "text.h"

static const struct {
	int error;
	enum status status;
} statuses[] = {
	{ ENODEV, STATUS_NO_MODULE },
	{ EPERM, STATUS_PERMISSION },
	{ ESRCH, STATUS_GONE },
	{ EACCES, STATUS_PROTECTED },
	{ ENXIO, STATUS_UNMAPPED },
	{ EBUSY, STATUS_BUSY },
	{ EEXIST, STATUS_EXISTS },
	{ ENOENT, STATUS_NO_BREAKPOINT },
	{ ENOSPC, STATUS_FULL },
	{ ENOMEM, STATUS_NO_MEMORY },
	{ EMFILE, STATUS_NO_MEMORY },
	{ ENFILE, STATUS_NO_MEMORY },
	{ EOVERFLOW, STATUS_WRAPS },
	{ E2BIG, STATUS_OLD_MODULE },
	{ ENOTTY, STATUS_OLD_MODULE },
	{ ENOSYS, STATUS_OLD_MODULE },
};

enum status error_status(int error)
{
	size_t i;

	if (!error)
		return STATUS_OK;
	for (i = 0; i < ARRAY_SIZE(statuses); i++)
		if (error == -statuses[i].error)
			return statuses[i].status;
	return STATUS_FAILED;
}

static const char *place_script;
static unsigned int place_line;

void error_place(const char *script, unsigned int line)
{
	place_script = script;
	place_line = line;
}

char *error_prefix(void)
{
	char *prefix;

	if (!place_script)
		return strdup("cordbg: ");
	if (asprintf(&prefix, "cordbg: %s:%u: ", place_script, place_line) < 0)
		return NULL;
	return prefix;
}

/* Messages can have names in them that the process has chosen. */
static void say(const char *format, va_list args)
{
	char *prefix = error_prefix(), *text = NULL, *safe = NULL;

	if (vasprintf(&text, format, args) >= 0)
		safe = text_safe(text);
	fflush(stdout);
	fprintf(stderr, "%s%s\n", prefix ? prefix : "cordbg: ",
		safe ? safe : format);
	free(prefix);
	free(text);
	free(safe);
}

int error_say(enum status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return status;
}

void error_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

int error_file(const char *name, const char *what, int error)
{
	return error_say(STATUS_FILE, "%s: cannot %s: %s", name, what,
			 strerror(error));
}
