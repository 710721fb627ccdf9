// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file that is replaced when all of its new contents are there: they go into a
 * file beside it, which then takes its name. What is no regular file, such as a
 * device, is written itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"
#include "output.h"

/* "-" is standard output: a status. */
int output_begin(struct output *output, const char *name)
{
	struct stat stat;

	memset(output, 0, sizeof(*output));
	output->name = name;
	output->fd = -1;
	if (!strcmp(name, "-")) {
		output->name = "standard output";
		output->fd = STDOUT_FILENO;
		return STATUS_OK;
	}
	if (!lstat(name, &stat)) {
		output->path = realpath(name, NULL);	/* not the link to it */
		if (!output->path)
			return error_file(name, "create", errno);
	} else {
		output->path = strdup(name);
		if (!output->path)
			return error_file(name, "create", ENOMEM);
	}
	return STATUS_OK;
}

/* As the file that it replaces, or as open(2) would make it. */
static void set_mode(int fd, const struct stat *old)
{
	mode_t mask = umask(0), mode;

	umask(mask);
	mode = old ? old->st_mode & 0777 : 0666 & ~mask;
	/* Only root can give files away; what the old group may is not for ours. */
	if (old && fchown(fd, old->st_uid, old->st_gid))
		mode &= 0700;
	fchmod(fd, mode);
}

static int open_temporary(struct output *output, const struct stat *old)
{
	if (asprintf(&output->temporary, "%s.XXXXXX", output->path) < 0) {
		output->temporary = NULL;
		errno = ENOMEM;
		return -1;
	}
	output->fd = mkostemp(output->temporary, O_CLOEXEC);
	if (output->fd >= 0)
		set_mode(output->fd, old);
	return output->fd;
}

/* Before the first byte; again, it does nothing: a status. */
int output_open(struct output *output)
{
	struct stat stat;
	bool exists;

	if (output->fd >= 0)
		return STATUS_OK;
	exists = !lstat(output->path, &stat);
	if (exists && !S_ISREG(stat.st_mode))
		output->fd = open(output->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	else
		open_temporary(output, exists ? &stat : NULL);
	return output->fd < 0 ? error_file(output->name, "create", errno) : STATUS_OK;
}

/* Replace the file unless @status is an error: @status, or another. */
int output_end(struct output *output, int status)
{
	if (output->path && output->fd >= 0) {
		if (close(output->fd) && !status)
			status = error_file(output->name, "write", errno);
		if (!status && output->temporary &&
		    rename(output->temporary, output->path))
			status = error_file(output->name, "create", errno);
		if (status && output->temporary)
			unlink(output->temporary);
	}
	free(output->temporary);
	free(output->path);
	return status;
}
