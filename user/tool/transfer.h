/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and writes of any length. */
#ifndef CORDBG_TRANSFER_H
#define CORDBG_TRANSFER_H

#include "tool.h"

/* Takes a piece of what was read: a status. */
typedef int (*transfer_sink)(void *context, uint64_t address, const uint8_t *data,
			     size_t size);

int transfer_read(const struct options *options, uint64_t address, uint64_t size,
		  transfer_sink sink, void *context);
int transfer_write(const struct options *options, uint64_t address,
		   const uint8_t *data, uint64_t size);

#endif /* CORDBG_TRANSFER_H */
