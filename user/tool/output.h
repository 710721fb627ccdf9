/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that is replaced when all of its new contents are there. */
#ifndef CORDBG_OUTPUT_H
#define CORDBG_OUTPUT_H

/**
 * struct output - a file to write
 * @name: Its name, for messages.
 * @fd: Where to write; -1 before output_open().
 * @path: The file to replace, or NULL.
 * @temporary: What is to replace it, or NULL.
 */
struct output {
	const char *name;
	int fd;
	char *path;
	char *temporary;
};

int output_begin(struct output *output, const char *name);
int output_open(struct output *output);
int output_end(struct output *output, int status);

#endif /* CORDBG_OUTPUT_H */
