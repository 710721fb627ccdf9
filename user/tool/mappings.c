// SPDX-License-Identifier: GPL-2.0-or-later
/* The mappings of a process, as /proc tells them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mappings.h"

/* A line that begins a mapping, with its newline cut off: 0, -EINVAL, -ENOMEM. */
static int parse_mapping(const char *line, struct mapping *mapping)
{
	unsigned int major, minor;
	int path = 0;

	memset(mapping, 0, sizeof(*mapping));
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %lu %n",
		   &mapping->start, &mapping->end, mapping->permissions,
		   &mapping->offset, &major, &minor, &mapping->inode, &path) != 7)
		return -EINVAL;
	mapping->filesystem = makedev(major, minor);
	/* The kernel's own page, in no process's memory. */
	mapping->device = !strcmp(line + path, "[vsyscall]");
	mapping->path = strdup(line + path);
	return mapping->path ? 0 : -ENOMEM;
}

static bool has_flag(const char *flags, const char *flag)
{
	const char *found = strstr(flags, flag);

	return found && found[-1] == ' ';
}

/* "VmFlags: rd wr mr mw me ac ht" */
static void parse_flags(const char *flags, struct mapping *mapping)
{
	mapping->hugetlb = has_flag(flags, "ht");
	mapping->device |= has_flag(flags, "io") || has_flag(flags, "pf");
	mapping->shadow_stack = has_flag(flags, "ss");
	mapping->never_writable = !has_flag(flags, "mw");
}

static int add(struct mappings *mappings, const struct mapping *mapping)
{
	struct mapping *list = mappings->list;

	if (!(mappings->count & (mappings->count - 1))) {
		size_t room = mappings->count ? 2 * mappings->count : 1;

		list = realloc(list, room * sizeof(*list));
		if (!list)
			return -ENOMEM;
		mappings->list = list;
	}
	list[mappings->count++] = *mapping;
	return 0;
}

static int parse_line(char *line, struct mappings *mappings)
{
	struct mapping mapping;
	int error;

	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "VmFlags:", 8) && mappings->count) {
		parse_flags(line, &mappings->list[mappings->count - 1]);
		return 0;
	}
	error = parse_mapping(line, &mapping);
	if (error)
		return error == -EINVAL ? 0 : error;	/* a line of details */
	error = add(mappings, &mapping);
	if (error)
		free(mapping.path);
	return error;
}

/**
 * mappings_read() - read the mappings of a process
 * @pid: The process.
 * @flags: MAPPINGS_FLAGS or false.
 * @mappings: Receives them; end with mappings_free().
 *
 * Return: 0, or a negative errno. A process without memory has no mappings.
 */
int mappings_read(pid_t pid, bool flags, struct mappings *mappings)
{
	char path[64], *line = NULL;
	size_t size = 0;
	int error = 0;
	FILE *file;

	memset(mappings, 0, sizeof(*mappings));
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, flags ? "smaps" : "maps");
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (!error && getline(&line, &size, file) > 0)
		error = parse_line(line, mappings);
	if (!error && ferror(file))
		error = -EIO;
	free(line);
	fclose(file);
	if (error)
		mappings_free(mappings);
	return error;
}

void mappings_free(struct mappings *mappings)
{
	size_t i;

	for (i = 0; i < mappings->count; i++)
		free(mappings->list[i].path);
	free(mappings->list);
	memset(mappings, 0, sizeof(*mappings));
}

const struct mapping *mappings_at(const struct mappings *mappings, uint64_t address)
{
	size_t i;

	for (i = 0; i < mappings->count; i++)
		if (address >= mappings->list[i].start &&
		    address < mappings->list[i].end)
			return &mappings->list[i];
	return NULL;
}

/*
 * Whether a mapping of the file would look like @mapping. Only /proc tells: some
 * file systems, as btrfs, tell stat(2) another device.
 */
static bool is_file_of(int fd, const struct mapping *mapping)
{
	const struct mapping *ours;
	struct mappings mappings;
	bool same = false;
	void *page;

	page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
	if (page == MAP_FAILED)
		return false;
	if (!mappings_read(getpid(), false, &mappings)) {
		ours = mappings_at(&mappings, (uintptr_t)page);
		same = ours && ours->inode == mapping->inode &&
		       ours->filesystem == mapping->filesystem;
		mappings_free(&mappings);
	}
	munmap(page, 1);
	return same;
}

/* A FIFO must not block, nor a terminal become ours. */
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat stat;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &stat) && S_ISREG(stat.st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

/*
 * Open the file that is mapped: its link in map_files leads to it even if it was
 * deleted or lies in another mount namespace, but takes CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE. Its path must still lead to the same file.
 *
 * Return: A file descriptor, or a negative errno; -ESTALE if the path does not lead
 * to the file any more, -EINVAL if it is no regular file.
 */
int mapping_open_file(pid_t pid, const struct mapping *mapping)
{
	char *path;
	int fd;

	if (asprintf(&path, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid,
		     mapping->start, mapping->end) < 0)
		return -ENOMEM;
	fd = open_regular(path);
	free(path);
	if (fd >= 0 || fd == -EINVAL)
		return fd;
	if (asprintf(&path, "/proc/%d/root%s", pid, mapping->path) < 0)
		return -ENOMEM;
	fd = open_regular(path);
	free(path);
	if (fd < 0)
		return fd == -ENOENT || fd == -EINVAL ? -ESTALE : fd;
	if (!is_file_of(fd, mapping)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

bool mapping_private(const struct mapping *mapping)
{
	return mapping->permissions[3] == 'p';
}

/*
 * The module's rules; CORDBG_FORCE lifts a protection that the program could lift
 * by mprotect(2). Reading a shared mapping that is not readable takes VM_MAYREAD,
 * which a file that is open for reading has.
 */
enum may mapping_may_read(const struct mapping *mapping)
{
	if (mapping->device)
		return MAY_NOT;
	return mapping->permissions[0] == 'r' ? MAY : MAY_WITH_FORCE;
}

enum may mapping_may_write(const struct mapping *mapping)
{
	if (mapping->device)
		return MAY_NOT;
	if (mapping->permissions[1] == 'w' && !mapping->shadow_stack)
		return MAY;
	if (!mapping_private(mapping) || mapping->hugetlb || mapping->never_writable)
		return MAY_NOT;
	return MAY_WITH_FORCE;
}

enum may mapping_may_break(const struct mapping *mapping)
{
	if (mapping->device || mapping->hugetlb || !mapping_private(mapping) ||
	    mapping->never_writable)
		return MAY_NOT;
	return MAY;
}
