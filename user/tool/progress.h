/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A progress bar on standard error. */
#ifndef CORDBG_PROGRESS_H
#define CORDBG_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct progress - one bar
 * @total: What there is to do, in bytes.
 * @shown: It is shown.
 */
struct progress {
	uint64_t total;
	bool shown;
};

void progress_begin(struct progress *progress, uint64_t total, bool quiet);
void progress_show(const struct progress *progress, uint64_t done);
void progress_end(const struct progress *progress);

#endif /* CORDBG_PROGRESS_H */
