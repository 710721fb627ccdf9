// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads and writes of any length. What fits into the window goes in one call, and
 * so whole or not at all. A longer range is verified whole first and then goes by
 * windows, with a progress bar.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "errors.h"
#include "interrupt.h"
#include "progress.h"
#include "transfer.h"

/* What one call verifies of a range that is longer than a call can take. */
#define VERIFY_AT_ONCE	(16 * CORDBG_WINDOW)

/**
 * struct transfer - a transfer under way
 * @options: The command's options.
 * @write: It is a write.
 * @address: The range's first address.
 * @size: Its size.
 * @done: Bytes transferred.
 * @sink: Takes what is read.
 * @context: For @sink.
 */
struct transfer {
	const struct options *options;
	bool write;
	uint64_t address;
	uint64_t size;
	uint64_t done;
	transfer_sink sink;
	void *context;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* One call at the offset @at: a status. @done receives what it did, also then. */
static int call(const struct transfer *transfer, uint64_t at, uint32_t size,
		void *buffer, unsigned int flags, size_t *done)
{
	struct tool *tool = transfer->options->tool;
	uint64_t address = transfer->address + at, failed = address;
	int error;

	if (transfer->write)
		error = cordbg_write_memory_ex(tool->process, address, size, buffer,
					       flags, done, &failed);
	else
		error = cordbg_read_memory_ex(tool->process, address, size, buffer,
					      flags, done, &failed);
	if (!error)
		return STATUS_OK;
	return error_transfer(tool, error, transfer->write, flags, address, size,
			      failed);
}

/* It takes as long that a bar is wanted where it takes several calls. */
static int verify(const struct transfer *transfer)
{
	unsigned int flags = transfer->options->flags | CORDBG_PROBE;
	struct progress progress;
	uint64_t at;
	size_t done;
	int status = STATUS_OK;

	if (transfer->size && transfer->size - 1 > UINT64_MAX - transfer->address)
		return error_transfer(transfer->options->tool, -EOVERFLOW,
				      transfer->write, flags, transfer->address,
				      transfer->size, transfer->address);
	progress_begin(&progress, transfer->size,
		       transfer->options->quiet || transfer->size <= VERIFY_AT_ONCE);
	for (at = 0; !status && at < transfer->size; at += VERIFY_AT_ONCE) {
		progress_show(&progress, at);
		status = interrupt_came() ? STATUS_INTERRUPTED :
			 call(transfer, at,
			      smaller(transfer->size - at, VERIFY_AT_ONCE), NULL,
			      flags, &done);
	}
	progress_end(&progress);
	return status;
}

/*
 * One window to or from @buffer: a status. What is read counts when the sink has
 * taken it.
 */
static int window(struct transfer *transfer, uint8_t *buffer)
{
	uint64_t left = transfer->size - transfer->done;
	size_t size;
	int status;

	if (interrupt_came())
		return STATUS_INTERRUPTED;
	status = call(transfer, transfer->done, smaller(left, CORDBG_WINDOW), buffer,
		      transfer->options->flags, &size);
	if (!status && !transfer->write)
		status = transfer->sink(transfer->context,
					transfer->address + transfer->done, buffer,
					size);
	/* Sinks give up on Ctrl-C: what they have taken is not known. */
	if (!transfer->write && interrupt_came())
		status = STATUS_INTERRUPTED;
	if (!status || transfer->write)
		transfer->done += size;
	return status;
}

/* What a transfer that ended early has done. */
static int tell_partial(const struct transfer *transfer, int status)
{
	if (interrupt_came())
		status = STATUS_INTERRUPTED;
	return error_say(status, "the %s ended after %" PRIu64 " of %" PRIu64 " bytes",
			 transfer->write ? "write" : "read", transfer->done,
			 transfer->size);
}

/* A write's @buffer has all the data, a read's is for one window. */
static int windows(struct transfer *transfer, uint8_t *buffer,
		   const struct progress *progress)
{
	int status = STATUS_OK;

	while (!status && transfer->done < transfer->size && !interrupt_came()) {
		status = window(transfer, transfer->write ?
				buffer + transfer->done : buffer);
		progress_show(progress, transfer->done);
	}
	return status;
}

static int by_windows(struct transfer *transfer, uint8_t *buffer)
{
	struct progress progress;
	int status;

	status = verify(transfer);
	if (status)
		return status;
	interrupt_catch();
	progress_begin(&progress, transfer->size, transfer->options->quiet);
	status = windows(transfer, buffer, &progress);
	progress_end(&progress);
	if (transfer->done < transfer->size)
		status = tell_partial(transfer, status);
	interrupt_restore();
	return status;
}

/* Read, or verify with CORDBG_PROBE: a status. */
int transfer_read(const struct options *options, uint64_t address, uint64_t size,
		  transfer_sink sink, void *context)
{
	struct transfer transfer = {
		options, false, address, size, 0, sink, context
	};
	uint8_t *buffer;
	int status;

	if (options->flags & CORDBG_PROBE)
		return verify(&transfer);
	buffer = malloc(smaller(size, CORDBG_WINDOW) + 1);
	if (!buffer)
		return error_session(options->tool, -ENOMEM);
	status = size > CORDBG_WINDOW ? by_windows(&transfer, buffer) :
					window(&transfer, buffer);
	free(buffer);
	return status;
}

/* Write, or verify with CORDBG_PROBE: a status. */
int transfer_write(const struct options *options, uint64_t address,
		   const uint8_t *data, uint64_t size)
{
	struct transfer transfer = { options, true, address, size, 0, NULL, NULL };

	if (options->flags & CORDBG_PROBE)
		return verify(&transfer);
	if (size > CORDBG_WINDOW)
		return by_windows(&transfer, (uint8_t *)data);
	return window(&transfer, (uint8_t *)data);
}
