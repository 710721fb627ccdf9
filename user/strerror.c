// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What each error means here
 */

#include "private.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

static const struct {
	int error;
	const char *text;
} texts[] = {
	{ 0, "success" },
	{ E2BIG, "the module is older than the library" },
	{ EACCES, "the memory is protected against this access" },
	{ EBADF, "the file descriptor is not open" },
	{ EBUSY, "another breakpoint is in the way" },
	{ ECANCELED, "another operation of the batch was refused" },
	{ EEXIST, "this session has a breakpoint there already" },
	{ EFAULT, "a buffer of the caller cannot be accessed" },
	{ EINTR, "a fatal signal ended the call" },
	{ EINVAL, "an argument makes no sense" },
	{ EMFILE, "the caller has no file descriptor left" },
	{ EMSGSIZE, "too much for one atomic batch" },
	{ ENFILE, "the system has no file descriptor left" },
	{ ENODEV, "the module is not loaded" },
	{ ENOENT, "this session has no breakpoint there" },
	{ ENOMEM, "out of memory" },
	{ ENOSPC, "the session holds as many breakpoints as it may" },
	{ ENOSYS, "the kernel lacks pidfd_open()" },
	{ ENOTCONN, "the session is not bound to a process" },
	{ ENOTTY, "the module is older than the library" },
	{ ENXIO, "the memory is not mapped" },
	{ EOVERFLOW, "the range goes beyond the last address" },
	{ EPERM, "no permission to debug the process" },
	{ ERANGE, "the buffer is smaller than the opcode" },
	{ ESRCH, "the process is gone" },
};

CORDBG_EXPORT const char *cordbg_strerror(int error)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (error == texts[i].error || error == -texts[i].error)
			return texts[i].text;
	return "unknown error";
}
