/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that a userfaultfd(2) watches, and nobody serves.
 */
#ifndef CORDBG_UFFD_H
#define CORDBG_UFFD_H

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC	0x8000
#endif

#define NO_UFFD_WP	"no write protection by userfaultfd"

/* Whether a process of this kernel can have its writes wait for a handler. */
static inline int uffd_has_wp(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), err;

	if (fd < 0)
		return 0;
	err = ioctl(fd, UFFDIO_API, &api);
	close(fd);
	return !err && (api.features & UFFD_FEATURE_PAGEFAULT_FLAG_WP);
}

/*
 * Watch @size bytes at @at, both of whole pages, with UFFDIO_REGISTER_MODE_... and
 * UFFD_FEATURE_...: the descriptor or a negative errno.
 */
static inline int uffd_register(const void *at, size_t size, uint64_t mode,
				uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register region = {
		.range = { .start = (uintptr_t)at, .len = size },
		.mode = mode,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), err;

	if (fd < 0)
		return -errno;
	if (!ioctl(fd, UFFDIO_API, &api) &&
	    !ioctl(fd, UFFDIO_REGISTER, &region))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

#endif /* CORDBG_UFFD_H */
