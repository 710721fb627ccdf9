/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tool of the stress program: it has several sessions, does everything that can
 * be done with them, knows what must come out, and may be killed at any time.
 */
#ifndef STRESS_TOOL_H
#define STRESS_TOOL_H

#include "stress.h"

#define SESSIONS	4
#define MOST_HELD	2000
#define LIST_ROOM	4096

/**
 * struct session - one open file
 * @fd: Its descriptor, -1 if it is not open.
 * @target: The target.
 * @image: The image it is bound to.
 * @nr: Breakpoints in the strict area.
 * @held: Their offsets.
 * @holds: By offset, whether there is one.
 * @first: The strict area as the image began with it.
 */
struct session {
	int fd;
	unsigned int target;
	unsigned int image;
	size_t nr;
	size_t held[MOST_HELD];
	bool holds[STRICT_SIZE];
	uint8_t first[STRICT_SIZE];
};

static struct session sessions[SESSIONS];
static unsigned int tool;	/* index of this tool */
static uint64_t tool_random;

static unsigned int chance(unsigned int n)
{
	return pick(&tool_random, n);
}

static struct model *model_of(const struct session *s)
{
	return &stress->models[tool][s->target];
}

/* What the byte at an offset should be, if that is this tool's or nobody's. */
static int expected_byte(const struct session *s, size_t offset)
{
	const struct model *model = model_of(s);
	unsigned int writer = stress->writers[offset];

	if (writer == FIRST_TOOL + tool && model->image == s->image)
		return model->bytes[offset];
	return writer == NOBODY || writer == FIRST_TOOL + tool ?
		s->first[offset] : -1;
}

static void session_close(struct session *s)
{
	close(s->fd);
	s->fd = -1;
	count(CLOSE);
}

/* Whether a result is what an operation should come to; -ESRCH may be, too. */
static bool came_to(struct session *s, const char *operation, size_t offset,
		    int err, int expected)
{
	if (err == expected)
		return true;
	if (err == -ESRCH && !image_lives(&stress->slots[s->target], s->image))
		count(ESRCH_SEEN);
	else
		complain("tool %u, target %u image %u: %s at %#lx: %d, not %d",
			 tool, s->target, s->image, operation, DATA + offset,
			 err, expected);
	session_close(s);
	return false;
}

/* Compare bytes with what this tool knows of them. */
static void check_bytes(const struct session *s, const char *operation,
			size_t offset, const uint8_t *bytes, size_t size,
			bool breakpoints)
{
	size_t i, cell;
	int expected;

	for (i = 0; i < size; i++) {
		expected = expected_byte(s, offset + i);
		if (expected < 0 || bytes[i] == expected)
			continue;
		cell = i - (offset + i) % OPCODE_LEN;
		if (breakpoints && is_opcode(bytes + cell))
			continue;
		complain("tool %u, target %u image %u: %s: %#lx holds %#x, not %#x",
			 tool, s->target, s->image, operation,
			 DATA + offset + i, bytes[i], expected);
		return;
	}
}

static bool expect_original(const struct session *s, size_t offset,
			    const uint8_t *original)
{
	size_t i;

	for (i = 0; i < OPCODE_LEN; i++) {
		int expected = expected_byte(s, offset + i);

		if (expected >= 0 && original[i] != expected)
			return false;
	}
	return true;
}

/* Only data of tools can be an opcode without a breakpoint. */
static bool may_be_busy(const struct session *s, size_t offset)
{
	size_t i;

	if (offset >= DATA_SIZE || stress->writers[offset] < FIRST_TOOL)
		return false;
	for (i = 0; i < OPCODE_LEN; i++) {
		int byte = expected_byte(s, offset + i);

		if (byte >= 0 && byte != opcode[i])
			return false;
	}
	return true;
}

static void set_at(struct session *s, size_t offset)
{
	uint8_t original[OPCODE_LEN];
	int expected = s->holds[offset] ? -EEXIST : 0;
	int err;

	if (!expected && s->nr == MOST_HELD)
		return;
	err = do_set(s->fd, DATA + offset, original, sizeof(original), NULL);
	count(SET);
	if (err == -EBUSY && may_be_busy(s, offset))
		return;
	if (!came_to(s, "set", offset, err, expected) || err)
		return;
	if (!expect_original(s, offset, original))
		complain("tool %u, target %u image %u: set at %#lx found %#x",
			 tool, s->target, s->image, DATA + offset, original[0]);
	s->holds[offset] = true;
	s->held[s->nr++] = offset;
}

static void set(struct session *s)
{
	set_at(s, random_spot(&tool_random));
}

static void set_batch(struct session *s)
{
	size_t i, n = 50 + chance(300);

	for (i = 0; s->fd >= 0 && i < n; i++)
		set(s);
	count(SET_BATCH);
}

static void clear(struct session *s)
{
	size_t n, i, offset;

	for (n = 1 + chance(60); s->fd >= 0 && s->nr && n; n--) {
		i = chance(s->nr);
		offset = s->held[i];
		if (!came_to(s, "clear", offset, do_clear(s->fd, DATA + offset),
			     0))
			return;
		s->holds[offset] = false;
		s->held[i] = s->held[--s->nr];
		count(CLEAR);
	}
}

static void clear_none(struct session *s)
{
	size_t offset = random_spot(&tool_random);

	if (s->holds[offset])
		return;
	came_to(s, "clear", offset, do_clear(s->fd, DATA + offset), -ENOENT);
	count(CLEAR_NONE);
}

/* The model of the image, without what was written to another before. */
static struct model *model_begin(const struct session *s)
{
	struct model *model = model_of(s);

	if (model->image != s->image) {
		store(&model->image, 0);
		store(&model->pending, 0);
		strict_bytes(s->image, model->bytes);
		store(&model->image, s->image);
	}
	return model;
}

/* Another session has written to a later image: this one must be dead. */
static void write_dead(struct session *s)
{
	uint8_t byte = 0;

	if (came_to(s, "late write", 0,
		    do_write(s->fd, DATA, &byte, 1, 0, NULL, NULL), -ESRCH))
		session_close(s);
	count(ESRCH_SEEN);
}

static void write_own(struct session *s)
{
	struct strip strip = random_strip(&tool_random, FIRST_TOOL + tool);
	size_t size, at = random_part(&tool_random, &strip, &size);
	uint32_t flags = at >= DATA_SIZE ? CORDBG_FORCE : 0;
	struct model *model;
	uint64_t written;
	int err;

	if (model_of(s)->image > s->image) {
		write_dead(s);
		return;
	}
	model = model_begin(s);
	random_bytes(&tool_random, at, true, model->pending_bytes, size);
	model->pending_at = at;
	store(&model->pending, size);
	err = do_write(s->fd, DATA + at, model->pending_bytes, size, flags,
		       &written, NULL);
	if (came_to(s, "write", at, err, 0)) {
		if (written != size)
			complain("tool %u: wrote %llu of %zu", tool,
				 (unsigned long long)written, size);
		memcpy(model->bytes + at, model->pending_bytes, size);
	}
	store(&model->pending, 0);
	count(flags ? FORCE : WRITE);
}

/* A range that ends in the file, without force: refused, and nothing changes. */
static void write_refused(struct session *s)
{
	static const uint8_t bytes[64] = { [0 ... 63] = 0xee };
	uint64_t written, failed;
	int err;

	err = do_write(s->fd, FILE_AT - 32, bytes, sizeof(bytes), 0, &written,
		       &failed);
	count(REFUSED);
	if (!came_to(s, "refused write", FILE_AT - DATA, err, -EACCES))
		return;
	if (written || failed != FILE_AT)
		complain("tool %u: refused at %#llx, %llu written", tool,
			 (unsigned long long)failed,
			 (unsigned long long)written);
}

static void read_some(struct session *s, uint32_t flags, enum operation counted)
{
	static uint8_t bytes[STRICT_SIZE];
	size_t at = 0, size = STRICT_SIZE;
	uint64_t n;

	if (chance(4)) {
		at = chance(STRICT_SIZE);
		size = 1 + chance(STRICT_SIZE - at < 3000 ? STRICT_SIZE - at :
							    3000);
	}
	/* Whole opcodes, to be able to tell them. */
	size += at % OPCODE_LEN;
	at -= at % OPCODE_LEN;
	size += -size % OPCODE_LEN;
	count(counted);
	if (!came_to(s, "read", at,
		     do_read(s->fd, DATA + at, bytes, size, flags, &n, NULL),
		     0))
		return;
	if (n != size)
		complain("tool %u: read %llu of %zu", tool,
			 (unsigned long long)n, size);
	check_bytes(s, flags ? "raw read" : "read", at, bytes, size, flags);
}

/* An opcode of ours stands in memory, if the target does not write there. */
static void read_held(struct session *s)
{
	uint8_t bytes[OPCODE_LEN];
	size_t offset;

	if (!s->nr)
		return;
	offset = s->held[chance(s->nr)];
	if (!came_to(s, "raw read", offset,
		     do_read(s->fd, DATA + offset, bytes, OPCODE_LEN,
			     CORDBG_RAW, NULL, NULL), 0))
		return;
	if (stress->writers[offset] != TARGET && !is_opcode(bytes))
		complain("tool %u, target %u image %u: no opcode at %#lx", tool,
			 s->target, s->image, DATA + offset);
}

static void probe(struct session *s)
{
	size_t at = chance(STRICT_SIZE);

	came_to(s, "probe", at,
		do_write(s->fd, DATA + at, NULL, STRICT_SIZE - at,
			 CORDBG_PROBE | CORDBG_FORCE, NULL, NULL), 0);
	count(PROBE);
}

static void check_entry(const struct session *s,
			const struct cordbg_breakpoint *entry)
{
	size_t offset = entry->address - DATA;
	bool mine = entry->flags & CORDBG_BREAKPOINT_MINE;
	bool planted = entry->flags & CORDBG_BREAKPOINT_PLANTED;

	if (mine != s->holds[offset])
		complain("tool %u, target %u image %u: %#lx listed with %#x",
			 tool, s->target, s->image, DATA + offset,
			 entry->flags);
	if (stress->writers[offset] == TARGET)
		return;
	if (mine && !planted)
		complain("tool %u, target %u image %u: %#lx not planted", tool,
			 s->target, s->image, DATA + offset);
	if (planted && !expect_original(s, offset, entry->original))
		complain("tool %u, target %u image %u: %#lx listed over %#x",
			 tool, s->target, s->image, DATA + offset,
			 entry->original[0]);
}

static void check_list(struct session *s)
{
	static struct cordbg_breakpoint entries[LIST_ROOM];
	uint32_t total, i, mine = 0;
	uint64_t last = 0;

	count(LIST);
	if (!came_to(s, "list", 0,
		     do_list(s->fd, 0, entries, LIST_ROOM, &total), 0))
		return;
	for (i = 0; i < total && i < LIST_ROOM; i++) {
		if (entries[i].address <= last)
			complain("tool %u: list is not in order", tool);
		last = entries[i].address;
		if (last - DATA >= STRICT_SIZE)
			continue;
		check_entry(s, &entries[i]);
		mine += s->holds[last - DATA];
	}
	if (total <= LIST_ROOM && mine != s->nr)
		complain("tool %u, target %u image %u: %u of %zu listed", tool,
			 s->target, s->image, mine, s->nr);
}

static uint64_t loose_address(void)
{
	static const unsigned long places[] = { FILE_AT, MOVE_A, MOVE_B };

	return places[chance(3)] + chance(LOOSE_SIZE / OPCODE_LEN) * OPCODE_LEN;
}

/* The target moves its memory meanwhile: several results are right. */
static void set_loose(struct session *s)
{
	uint64_t address = loose_address();
	int err = do_break(s->fd, address);

	count(SET_LOOSE);
	if (err == -EEXIST || err == -ENXIO)
		return;
	if (err == -EBUSY && address >= MOVE_A)
		return;
	came_to(s, "loose set", address - DATA, err, 0);
}

static void clear_loose(struct session *s)
{
	uint64_t address = loose_address();
	int err = do_clear(s->fd, address);

	count(CLEAR_LOOSE);
	if (err != -ENOENT)
		came_to(s, "loose clear", address - DATA, err, 0);
}

/*
 * Another process uses the session too, where nothing is known exactly, and
 * outlives this tool if it is killed.
 */
static void share(struct session *s)
{
	unsigned int left = 1 + chance(200), i;
	pid_t pid = fork();

	if (pid)
		return;
	count(SHARE);
	/* Only the session of the moment stays open. */
	for (i = 0; i < SESSIONS; i++)
		if (sessions[i].fd >= 0 && &sessions[i] != s)
			close(sessions[i].fd);
	tool_random ^= getpid();
	for (; left && s->fd >= 0 && !load(&stress->stop_tools); left--) {
		if (chance(2))
			set_loose(s);
		else
			clear_loose(s);
	}
	_exit(0);
}

/* Find out how far a write has come that died with the tool before us. */
static void finish_pending(struct session *s)
{
	struct model *model = model_of(s);
	uint8_t bytes[LONG_STRIP];
	ssize_t wrong;

	if (!load(&model->pending) || model->image != s->image)
		return;
	if (!came_to(s, "first read", model->pending_at,
		     do_read(s->fd, DATA + model->pending_at, bytes,
			     model->pending, 0, NULL, NULL), 0))
		return;
	wrong = pending_settle(model, bytes);
	if (wrong >= 0)
		complain("tool %u, target %u image %u: a killed write tore %#lx",
			 tool, s->target, s->image, DATA + wrong);
}

/* Bind a session to a target; its image is known only if it stays the same. */
static void session_bind(struct session *s)
{
	unsigned int target = chance(stress->targets);
	struct slot *slot = &stress->slots[target];
	unsigned int image = load(&slot->ready);
	int fd;

	if (!image) {
		usleep(1000);
		return;
	}
	fd = session_open(load(&slot->pid));
	if (fd < 0 && fd != -ESRCH)
		complain("tool %u, target %u: attach: %d", tool, target, fd);
	if (fd < 0)
		return;
	if (!image_lives(slot, image)) {
		close(fd);
		return;
	}
	memset(s->holds, 0, sizeof(s->holds));
	strict_bytes(image, s->first);
	s->nr = 0;
	s->fd = fd;
	s->target = target;
	s->image = image;
	count(ATTACH);
	finish_pending(s);
}

static void tool_operation(struct session *s)
{
	unsigned int n = chance(100);

	if (s->fd < 0)
		session_bind(s);
	else if (n < 24)
		set(s);
	else if (n < 26)
		set_batch(s);
	else if (n < 36)
		clear(s);
	else if (n < 40)
		clear_none(s);
	else if (n < 56)
		write_own(s);
	else if (n < 66)
		read_some(s, 0, READ);
	else if (n < 70)
		read_some(s, CORDBG_RAW, READ_RAW);
	else if (n < 76)
		read_held(s);
	else if (n < 80)
		probe(s);
	else if (n < 82)
		check_list(s);
	else if (n < 90)
		set_loose(s);
	else if (n < 96)
		clear_loose(s);
	else if (n < 97)
		write_refused(s);
	else if (!chance(4))
		share(s);
	else if (!chance(4))
		session_close(s);
}

static void tool_main(unsigned int index, unsigned int life)
{
	size_t i;

	tool = index;
	tool_random = random_seed(400 + index, life);
	signal(SIGCHLD, SIG_IGN);
	for (i = 0; i < SESSIONS; i++)
		sessions[i].fd = -1;
	while (!load(&stress->stop_tools))
		tool_operation(&sessions[chance(SESSIONS)]);
	_exit(0);
}

#endif /* STRESS_TOOL_H */
