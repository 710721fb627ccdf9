/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files of /proc and /sys that hold one value.
 */
#ifndef CORDBG_SETTING_H
#define CORDBG_SETTING_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Sessions, and task works that have not run yet. */
#define MODULE_USERS	"/sys/module/cordbg/refcnt"

/* Store @text, by one write(2) as the kernel wants it: 0 or a negative errno. */
static inline int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n != (ssize_t)strlen(text))
		err = n < 0 ? -errno : -EIO;
	close(fd);
	return err;
}

static inline int write_setting(const char *path, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld\n", value);
	return write_text(path, text);
}

/* The first number in there, which is none below 0, or a negative errno. */
static inline long read_setting(const char *path)
{
	FILE *f = fopen(path, "r");
	long value = -1;

	if (!f)
		return -errno;
	if (fscanf(f, "%ld", &value) != 1)
		value = -EIO;
	fclose(f);
	return value;
}

/* Store @value, and keep what was there in @old. */
static inline int exchange_setting(const char *path, long value, long *old)
{
	*old = read_setting(path);
	return *old < 0 ? (int)*old : write_setting(path, value);
}

/* Whether the kernel makes huge pages of ordinary memory: not with PREEMPT_RT. */
static inline bool has_huge_pages(void)
{
	return !access("/sys/kernel/mm/transparent_hugepage", F_OK);
}

#endif /* CORDBG_SETTING_H */
