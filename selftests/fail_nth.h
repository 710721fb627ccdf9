/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection, and a scene in which every byte and every breakpoint is known:
 * what a call that was refused may have changed, which is nothing.
 */
#ifndef FAIL_NTH_H
#define FAIL_NTH_H

#include "batch_selftest.h"
#include "target_fork.h"

#define MOST_POINTS	4000	/* a call with more does not end */
#define BREAKS		8

/* The next allocation or copy but @n - 1 of this thread fails. */
static int nth_fd = -1;

/* Let all fail that can: atomic or not, of any size; without a word. */
static inline int nth_open(void)
{
	static const char * const knobs[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	char path[64];
	size_t i;
	int err;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		return -errno;
	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 knobs[i][0]);
		err = write_text(path, knobs[i][1]);
		if (err)
			return err;
	}
	return 0;
}

static inline void nth_set(int fd, unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	/* While it is set this write can be what fails. */
	while (pwrite(fd, text, length, 0) != length)
		;
}

/* End it: whether something has failed. */
static inline bool nth_end(int fd)
{
	char text[16] = "";
	bool failed;

	/* If the read fails, nothing has before. */
	failed = pread(fd, text, sizeof(text) - 1, 0) > 0 && text[0] == '0';
	nth_set(fd, 0);
	return failed;
}

/**
 * struct scene - a target, of which all is known
 * @d: It, and a session; its memory is the code area.
 * @other: Another session.
 * @spare: A session that is not bound.
 * @breaks: Addresses of breakpoints, ascending; 0 at the end.
 * @turn: What is written is different each time.
 * @fresh: Memory that the target has given up before each call.
 * @large: Shared by the test and the target; a page more than a window.
 * @source: As much that the test has.
 * @text: What the program text is to the target.
 */
struct scene {
	struct debuggee d;
	int other;
	int spare;
	uint64_t breaks[BREAKS];
	unsigned int turn;
	uint8_t *fresh;
	uint8_t *large;
	uint8_t *source;
	uint8_t text[PROGRAM_TEXT_SIZE];
};

#define LARGE_SIZE	(CORDBG_WINDOW + 4096UL)
#define WRITE_SIZE	(CODE_SIZE - 4096)	/* what is not code at its end */

static uint8_t bytes[CODE_SIZE];	/* to write, and to read to */

/* Instructions; the last page's return stays. */
static inline void fill_code(uint8_t *p, size_t size, unsigned int turn)
{
	size_t i;

	for (i = 0; i + OPCODE_LEN <= size; i += OPCODE_LEN)
		memcpy(p + i, harmless[(i / OPCODE_LEN + i / 4096 + turn) %
				       ARRAY_SIZE(harmless)], OPCODE_LEN);
}

static inline void break_add(struct scene *s, uint64_t address)
{
	unsigned int i, j;

	for (i = 0; s->breaks[i] && s->breaks[i] < address; i++)
		;
	for (j = BREAKS - 1; j > i; j--)
		s->breaks[j] = s->breaks[j - 1];
	s->breaks[i] = address;
}

static inline void break_drop(struct scene *s, uint64_t address)
{
	unsigned int i;

	for (i = 0; s->breaks[i] != address; i++)
		;
	for (; s->breaks[i]; i++)
		s->breaks[i] = s->breaks[i + 1];
}

/* The breakpoints that there are when an operation begins. */
static const size_t base_breaks[] = { 100, 101, 5000, 6000 };

#define SHARED_BREAK	3000	/* of the other session */

static inline int base_set(struct scene *s)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(base_breaks); i++) {
		if (do_break(s->d.session, code_at(base_breaks[i])))
			return -1;
		break_add(s, code_at(base_breaks[i]));
	}
	if (do_break(s->other, code_at(SHARED_BREAK)))
		return -1;
	break_add(s, code_at(SHARED_BREAK));
	return 0;
}

/* Begin again: no fault is injected here. 0 or the line that went wrong. */
static inline int scene_reset(struct scene *s, bool bare)
{
	pid_t pid = s->d.target.pid;

	if (close(s->d.session) || close(s->other))
		return __LINE__;
	memset(s->breaks, 0, sizeof(s->breaks));
	s->d.session = session_open(pid);
	s->other = session_open(pid);
	if (s->d.session < 0 || s->other < 0 ||
	    (!bare && base_set(s)))
		return __LINE__;
	if (target_call(&s->d.target, in_target_advise,
			(unsigned long)program_text, PROGRAM_TEXT_SIZE,
			MADV_DONTNEED) ||
	    target_call(&s->d.target, in_target_advise,
			(unsigned long)s->fresh, 4 * 4096, MADV_DONTNEED))
		return __LINE__;
	memset(s->text, 0x55, sizeof(s->text));
	if (s->spare >= 0)
		close(s->spare);
	s->spare = cordbg_open();
	return s->spare < 0 ? __LINE__ : 0;
}

static inline int scene_start(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->spare = -1;
	s->fresh = map_private(4 * 4096);
	s->large = map_anon(LARGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
	s->source = map_private(LARGE_SIZE);
	if (code_map() || !s->fresh || !s->large || !s->source ||
	    debuggee_start(&s->d))
		return __LINE__;
	s->other = session_open(s->d.target.pid);
	return s->other < 0 ? __LINE__ : scene_reset(s, false);
}

/* @memory and @size of the target against what it should be, both views. */
static inline int range_verify(struct scene *s, const uint8_t *memory,
			       const uint8_t *expected, size_t size)
{
	static uint8_t raw[CODE_SIZE], seen[CODE_SIZE];
	unsigned int i;

	if (do_read(s->d.session, ptr_u64(memory), seen, size, CORDBG_FORCE,
		    NULL, NULL) || memcmp(seen, expected, size))
		return __LINE__;
	memcpy(raw, expected, size);
	for (i = 0; s->breaks[i]; i++)
		if (s->breaks[i] - ptr_u64(memory) < size)
			memcpy(raw + (s->breaks[i] - ptr_u64(memory)), opcode,
			       OPCODE_LEN);
	if (do_read(s->d.session, ptr_u64(memory), seen, size,
		    CORDBG_FORCE | CORDBG_RAW, NULL, NULL) ||
	    memcmp(seen, raw, size))
		return __LINE__;
	if (peek(s->d.target.pid, memory, seen, size) || memcmp(seen, raw, size))
		return __LINE__;
	return 0;
}

/* Everything: 0 or the line that went wrong. */
static inline int scene_verify(struct scene *s)
{
	struct cordbg_breakpoint list[BREAKS];
	uint32_t count, i;
	int line;

	if (do_list(s->d.session, 0, list, BREAKS, &count))
		return __LINE__;
	for (i = 0; s->breaks[i]; i++)
		if (i >= count || list[i].address != s->breaks[i] ||
		    !(list[i].flags & CORDBG_BREAKPOINT_PLANTED))
			return __LINE__;
	if (i != count)
		return __LINE__;
	line = range_verify(s, code.area, code.model, CODE_SIZE);
	return line ? line : range_verify(s, program_text, s->text,
					  sizeof(s->text));
}

/* Nobody but this program uses the module: its sessions are gone. */
static inline int await_unused(void)
{
	uint64_t end = now_ms() + PROMPT_MS;
	long users;

	do {
		users = read_setting(MODULE_USERS);
		if (!users)
			return 0;
		usleep(10000);
	} while (now_ms() < end);
	return users < 0 ? users : -EBUSY;
}

#endif /* FAIL_NTH_H */
