// SPDX-License-Identifier: GPL-2.0
/* The mappings of a process. */
#include <errno.h>
#include <string.h>

#include "demo.h"

/* One line is: start-end protection offset device inode [path]. */
static void parse(struct mapping *mapping, const char *line)
{
	unsigned long long start, end, offset;
	int fields;

	mapping->path[0] = '\0';
	fields = sscanf(line, "%llx-%llx %7s %llx %*s %*s %255[^\n]", &start, &end,
			mapping->protection, &offset, mapping->path);
	require(fields >= 4, "/proc/PID/maps can be read");
	mapping->start = start;
	mapping->end = end;
	mapping->offset = offset;
}

void maps_read(struct maps *maps, pid_t pid)
{
	char path[64], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "r");
	if (!file)
		fail("%s: %s", path, strerror(errno));
	for (maps->count = 0; fgets(line, sizeof(line), file); maps->count++) {
		require(maps->count < MAPPINGS_MAX, "there is room for its maps");
		parse(&maps->list[maps->count], line);
	}
	fclose(file);
}

const struct mapping *maps_find(const struct maps *maps, const char *path)
{
	size_t i;

	for (i = 0; i < maps->count; i++)
		if (!strcmp(maps->list[i].path, path))
			return &maps->list[i];
	fail("the program has a %s", path);
}

const struct mapping *maps_find_border(const struct maps *maps)
{
	const struct mapping *m;

	for (m = maps->list; m + 1 < maps->list + maps->count; m++)
		if (m[0].end == m[1].start &&
		    !strncmp(m[0].protection, "rw-p", 4) &&
		    !strncmp(m[1].protection, "r--p", 4) && m[1].path[0] == '/')
			return m;
	fail("a writable mapping is followed by a read-only one");
}
