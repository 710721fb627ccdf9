/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the library share.
 */
#ifndef CORDBG_PRIVATE_H
#define CORDBG_PRIVATE_H

#include <errno.h>
#include <sys/ioctl.h>

#include <cordbg.h>

/* Everything else is hidden; see libcordbg.map for the versions. */
#define CORDBG_EXPORT	__attribute__((visibility("default")))

/**
 * struct cordbg_process - one session
 * @fd: Its open file of /dev/cordbg, owned. Constant.
 */
struct cordbg_process {
	int fd;
};

/* The kernel takes pointers of every caller as 64 bits. */
static inline uint64_t pointer_to_u64(const void *pointer)
{
	return (uintptr_t)pointer;
}

/* ioctl(2), but 0 or a negative errno. */
static inline int session_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

#endif /* CORDBG_PRIVATE_H */
