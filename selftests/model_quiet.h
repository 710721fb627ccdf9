/* SPDX-License-Identifier: GPL-2.0 */
/*
 * At a quiet point: every byte of the target, as the program and as memory has it,
 * and the list of breakpoints.
 */
#ifndef MODEL_QUIET_H
#define MODEL_QUIET_H

#include "model_run.h"

#define COMPARE_ALL	8	/* all of huge memory at each so many quiet points */

static void check_view(int session, uint64_t address, size_t size, bool raw)
{
	static uint8_t seen[HUGE], expected[HUGE];
	uint64_t done;
	int err;

	err = do_read(session, address, seen, size,
		      CORDBG_FORCE | (raw ? CORDBG_RAW : 0), &done, NULL);
	if (err || done != size) {
		fail(NULL, "at a quiet point %#llx+%#zx: %d, read %llu",
		     (unsigned long long)address, size, err,
		     (unsigned long long)done);
		return;
	}
	if (raw)
		raw_view(address, expected, size);
	else
		program_view(address, expected, size);
	expect_bytes(NULL, raw ? "memory, at a quiet point" :
				 "the program's bytes, at a quiet point",
		     address, seen, expected, size);
}

/* What the kernel itself says is there, where the program can read. */
static void check_peek(uint64_t address)
{
	uint8_t seen[PAGE];
	int err;

	if (!(page_of(address)->prot & PROT_READ))
		return;
	err = peek(run.target.pid, (void *)(uintptr_t)address, seen, PAGE);
	if (err)
		fail(NULL, "%#llx cannot be read: %d",
		     (unsigned long long)address, err);
	else
		expect_bytes(NULL, "process_vm_readv", address, seen,
			     byte_at(address), PAGE);
}

/* Whether a page is the next to one that is looked at together with it. */
static bool is_next(size_t i, size_t first, size_t end)
{
	return i < end && is_present(&model.pages[i]) &&
	       page_address(i) == page_address(first) + (i - first) * PAGE;
}

/* All there is of pages [first, end), if asked for by the kernel's word, too. */
static void check_pages(int session, size_t first, size_t end, bool kernel)
{
	size_t i;

	for (; first < end; first = i) {
		for (i = first; is_next(i, first, end); i++)
			if (kernel)
				check_peek(page_address(i));
		if (i == first) {
			i++;
			continue;
		}
		check_view(session, page_address(first), (i - first) * PAGE,
			   false);
		check_view(session, page_address(first), (i - first) * PAGE,
			   true);
	}
}

static void check_list(int session, int slot)
{
	static struct cordbg_breakpoint expected[MOST_BREAKPOINTS];
	static struct cordbg_breakpoint seen[MOST_BREAKPOINTS];
	unsigned int nr = expect_list(slot, -1, expected);
	uint32_t count;
	int err = do_list(session, 0, seen, MOST_BREAKPOINTS, &count);

	if (err)
		fail(NULL, "list, at a quiet point: %d", err);
	else
		compare_list(NULL, seen, count, expected, nr);
}

static void check_huge(int session, size_t first, bool all)
{
	if (all) {
		check_pages(session, first, first + HUGE_PAGES, true);
		return;
	}
	check_pages(session, first, first + HOT_PAGES, false);
	check_pages(session, first + HUGE_PAGES - HOT_PAGES,
		    first + HUGE_PAGES, false);
}

static void check_quiet(bool all)
{
	int session = session_open(run.target.pid);
	unsigned int i;

	if (session < 0) {
		fail(NULL, "attach, at a quiet point: %d", session);
		return;
	}
	check_pages(session, 0, ARENA_PAGES, all);
	check_huge(session, ARENA_PAGES, all);
	check_huge(session, ARENA_PAGES + HUGE_PAGES, all);
	check_list(session, -1);
	for (i = 0; i < SLOTS; i++)
		if (model.open & 1U << i)
			check_list(run.sessions[i], i);
	close(session);
}

#endif /* MODEL_QUIET_H */
