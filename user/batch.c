// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Many operations in one call
 */

#include "private.h"

CORDBG_EXPORT int cordbg_batch(struct cordbg_process *process,
			       struct cordbg_operation *operations,
			       size_t count, unsigned int flags, size_t *done)
{
	struct cordbg_batch arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.operations = pointer_to_u64(operations),
		.count = count,
		.operation_size = sizeof(*operations),
	};
	int err;

	/* A bad pointer is found before the target is touched. */
	if (done)
		*done = 0;
	/* The kernel counts operations in 32 bits. */
	if (count > UINT32_MAX)
		return -EINVAL;
	err = session_ioctl(process->fd, CORDBG_BATCH, &arg);
	if (done)
		*done = arg.done;
	return err;
}
