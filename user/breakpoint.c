// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Breakpoints: set, clear, list
 */

#include "private.h"

CORDBG_EXPORT int cordbg_set_unmanaged_breakpoint(struct cordbg_process *process,
						  uint64_t address,
						  uint32_t bufsize,
						  uint8_t *buffer,
						  uint32_t *buflen)
{
	struct cordbg_set_breakpoint arg = {
		.argsz = sizeof(arg),
		.address = address,
		.buffer = pointer_to_u64(buffer),
		.bufsize = bufsize,
	};
	int err = session_ioctl(process->fd, CORDBG_SET_UNMANAGED_BREAKPOINT,
				&arg);

	if (buflen)
		*buflen = !err || err == -ERANGE ? arg.buflen : 0;
	return err;
}

CORDBG_EXPORT int cordbg_clear_unmanaged_breakpoint(struct cordbg_process *process,
						    uint64_t address)
{
	struct cordbg_clear_breakpoint arg = {
		.argsz = sizeof(arg),
		.address = address,
	};

	return session_ioctl(process->fd, CORDBG_CLEAR_UNMANAGED_BREAKPOINT,
			     &arg);
}

CORDBG_EXPORT int cordbg_list_breakpoints(struct cordbg_process *process,
					  struct cordbg_breakpoint *list,
					  size_t capacity, size_t *count)
{
	return cordbg_list_breakpoints_ex(process, 0, list, capacity, count);
}

/* The kernel counts entries in 32 bits; there cannot be more breakpoints. */
CORDBG_EXPORT int cordbg_list_breakpoints_ex(struct cordbg_process *process,
					     uint64_t start,
					     struct cordbg_breakpoint *list,
					     size_t capacity, size_t *count)
{
	struct cordbg_list_breakpoints arg = {
		.argsz = sizeof(arg),
		.start = start,
		.breakpoints = pointer_to_u64(list),
		.capacity = capacity < UINT32_MAX ? capacity : UINT32_MAX,
	};
	int err = session_ioctl(process->fd, CORDBG_LIST_BREAKPOINTS, &arg);

	*count = err ? 0 : arg.count;
	return err;
}
