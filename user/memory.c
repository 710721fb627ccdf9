// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The program's bytes: write and read
 */

#include "private.h"

/*
 * @done is a size_t to the caller and a __u64 to the kernel. Storing 0 first
 * finds a bad pointer before the target is touched.
 */
static int transfer(const struct cordbg_process *process, unsigned long request,
		    uint64_t address, uint32_t size, const void *buffer,
		    unsigned int flags, size_t *done, uint64_t *failed_address)
{
	__u64 transferred = 0;
	struct cordbg_transfer arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.address = address,
		.buffer = pointer_to_u64(buffer),
		.written = pointer_to_u64(&transferred),
		.size = size,
	};
	int err;

	if (done)
		*done = 0;
	err = session_ioctl(process->fd, request, &arg);
	if (done)
		*done = transferred;
	if (failed_address && (err == -EACCES || err == -ENXIO))
		*failed_address = arg.failed_address;
	return err;
}

CORDBG_EXPORT int cordbg_write_memory(struct cordbg_process *process,
				      uint64_t address, uint32_t size,
				      const void *buffer, size_t *written)
{
	return transfer(process, CORDBG_WRITE_MEMORY, address, size, buffer, 0,
			written, NULL);
}

CORDBG_EXPORT int cordbg_write_memory_ex(struct cordbg_process *process,
					 uint64_t address, uint32_t size,
					 const void *buffer, unsigned int flags,
					 size_t *written,
					 uint64_t *failed_address)
{
	return transfer(process, CORDBG_WRITE_MEMORY, address, size, buffer,
			flags, written, failed_address);
}

CORDBG_EXPORT int cordbg_read_memory(struct cordbg_process *process,
				     uint64_t address, uint32_t size,
				     void *buffer, size_t *read)
{
	return transfer(process, CORDBG_READ_MEMORY, address, size, buffer, 0,
			read, NULL);
}

CORDBG_EXPORT int cordbg_read_memory_ex(struct cordbg_process *process,
					uint64_t address, uint32_t size,
					void *buffer, unsigned int flags,
					size_t *read, uint64_t *failed_address)
{
	return transfer(process, CORDBG_READ_MEMORY, address, size, buffer,
			flags, read, failed_address);
}
