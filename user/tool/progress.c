// SPDX-License-Identifier: GPL-2.0-or-later
/* A progress bar on standard error. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "progress.h"

#define WIDTH	40
#define MIB	(1024 * 1024)

/* Shown on a terminal only, and not @quiet. */
void progress_begin(struct progress *progress, uint64_t total, bool quiet)
{
	progress->total = total;
	progress->shown = !quiet && total && isatty(STDERR_FILENO);
	progress_show(progress, 0);
}

void progress_show(const struct progress *progress, uint64_t done)
{
	static const char bar[] = "########################################";
	double part = (double)done / progress->total;

	if (!progress->shown)
		return;
	fprintf(stderr, "\r[%-*.*s] %3d%% %" PRIu64 " of %" PRIu64 " MiB", WIDTH,
		(int)(part * WIDTH), bar, (int)(part * 100), done / MIB,
		progress->total / MIB);
	fflush(stderr);
}

/* Give the line back, for what is printed next. */
void progress_end(const struct progress *progress)
{
	if (progress->shown)
		fprintf(stderr, "\r%*s\r", WIDTH + 40, "");
}
