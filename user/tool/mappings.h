/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mappings of a process, as /proc tells them. */
#ifndef CORDBG_MAPPINGS_H
#define CORDBG_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/**
 * struct mapping - one mapping
 * @start: First address.
 * @end: The address after its last one.
 * @permissions: As in /proc/PID/maps, such as "r-xp".
 * @offset: The file's offset at @start.
 * @filesystem: The device number of the file's file system.
 * @inode: The file's inode, 0 for anonymous memory.
 * @path: The file's path, a name such as "[heap]", or "".
 * @hugetlb: hugetlb memory; known by MAPPINGS_FLAGS only, as the next three.
 * @device: Device memory.
 * @shadow_stack: A shadow stack.
 * @never_writable: Not even mprotect(2) could make it writable, such as [vvar].
 */
struct mapping {
	uint64_t start;
	uint64_t end;
	char permissions[5];
	uint64_t offset;
	dev_t filesystem;
	unsigned long inode;
	char *path;
	bool hugetlb;
	bool device;
	bool shadow_stack;
	bool never_writable;
};

struct mappings {
	struct mapping *list;
	size_t count;
};

/* Whether cordbg may do something in a mapping. */
enum may {
	MAY_NOT,
	MAY_WITH_FORCE,
	MAY,
};

/* Read the kernel's flags too, which takes longer. */
#define MAPPINGS_FLAGS	true

int mappings_read(pid_t pid, bool flags, struct mappings *mappings);
void mappings_free(struct mappings *mappings);
const struct mapping *mappings_at(const struct mappings *mappings, uint64_t address);
int mapping_open_file(pid_t pid, const struct mapping *mapping);

bool mapping_private(const struct mapping *mapping);
enum may mapping_may_read(const struct mapping *mapping);
enum may mapping_may_write(const struct mapping *mapping);
enum may mapping_may_break(const struct mapping *mapping);

#endif /* CORDBG_MAPPINGS_H */
