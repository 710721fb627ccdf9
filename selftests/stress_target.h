/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A target of the stress program: a process that knows what its memory should
 * be, looks, runs code and lets its memory live. Two more threads run code and
 * fork.
 */
#ifndef STRESS_TARGET_H
#define STRESS_TARGET_H

#include <stdio.h>
#include <ucontext.h>

#include "stress.h"

#define TARGET_ARGUMENT	"--target"
#define CHILD_ARGUMENT	"--child"

static struct slot *self;
static unsigned int self_index;
static unsigned int self_image;
static pid_t self_pid;
static int file_fd;
static bool threads_stop;
static __thread unsigned long trapped_at;	/* and to be run again */
static uint8_t first_bytes[STRICT_SIZE];
static uint8_t own_bytes[STRICT_SIZE];
static uint8_t file_bytes[LOOSE_SIZE];
static uint8_t moved_bytes[LOOSE_SIZE];
static unsigned long moved_at = MOVE_A;
static unsigned int moved_seed;

static void strict_complain(const char *who, ssize_t wrong,
			    const uint8_t *expected)
{
	const uint8_t *data = (const uint8_t *)DATA;

	if (wrong >= 0)
		complain("target %u image %u, %s: %#lx holds %#x, not %#x",
			 self_index, self_image, who, DATA + wrong,
			 data[wrong], expected[wrong]);
}

/*
 * A trap where there should be no opcode. If it has gone since, run the spot again:
 * it was there then.
 */
static void unexpected_trap(ucontext_t *context, unsigned long at)
{
	bool gone = !is_opcode((const uint8_t *)at);

	if (gone && trapped_at != at) {
		trapped_at = at;
		context_retry(context);
		return;
	}
	if (!gone)
		complain("target %u: %s hit an opcode at %#lx", self_index,
			 getpid() == self_pid ? "it" : "a child", at);
	context_skip(context);
}

/* A breakpoint at a spot: go on behind it, which does what the spot does. */
static void on_trap(int signal, siginfo_t *info, void *data)
{
	ucontext_t *context = data;
	unsigned long at = context_trap(context);
	struct strip strip = strip_at(at - DATA);

	(void)signal;
	(void)info;
	if (at < CODE || at < DATA + strip.start || at >= DATA + strip.end) {
		complain("target %u: a trap at %#lx", self_index, at);
		_exit(KSFT_FAIL);
	}
	if (getpid() != self_pid || load(&self->leave)) {
		unexpected_trap(context, at);
		return;
	}
	context_skip(context);
	count(HIT);
}

static unsigned int call_function(size_t function)
{
	return ((unsigned int (*)(void))(CODE + function * FUNCTION_SIZE))();
}

/*
 * After a trap at a spot that holds no opcode, run the same code again. QEMU before
 * 8.0 can keep an opcode that was taken away while it translated the code: then it
 * traps there again, which no processor does with other bytes in memory. If it does
 * not, the opcode was in memory when it should have been gone.
 */
static void judge_trap(size_t function)
{
	unsigned long at = trapped_at;

	trapped_at = 0;
	call_function(function);
	if (trapped_at == at)
		count(STALE);
	else
		complain("target %u: %s: an opcode at %#lx went away only after a trap",
			 self_index, getpid() == self_pid ? "it" : "a child", at);
	trapped_at = 0;
}

static void run_function(size_t function)
{
	unsigned int number = call_function(function);

	if (number != function_number(self_image, function))
		complain("target %u: function %zu returned %#x", self_index,
			 function, number);
	if (trapped_at)
		judge_trap(function);
}

/* In a child of fork(2): nothing but the program's own bytes is there. */
static void check_child_code(void)
{
	const uint8_t *data = (const uint8_t *)DATA;
	size_t i;

	for (i = 0; i < FUNCTIONS; i++)
		run_function(i);
	strict_complain("child",
			strict_wrong(first_bytes, data, NOBODY, false),
			first_bytes);
}

/* Both places of the memory that moves about, as far as it is mapped. */
static void check_child_moved(void)
{
	static const unsigned long places[] = { MOVE_A, MOVE_B };
	uint8_t page[4096];
	size_t i, at, j;

	for (i = 0; i < 2; i++) {
		for (at = places[i]; at < places[i] + LOOSE_SIZE;
		     at += sizeof(page)) {
			if (peek(getpid(), (void *)at, page, sizeof(page)))
				continue;
			for (j = 0; j < sizeof(page); j += OPCODE_LEN)
				if (is_opcode(page + j))
					complain("target %u: a child has an opcode at %#zx",
						 self_index, at + j);
		}
	}
}

static void fork_child(bool exact)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return;
	if (!pid) {
		check_child_code();
		check_child_moved();
		if (exact) {
			strict_complain("child's own",
					strict_wrong(own_bytes,
						     (uint8_t *)DATA, TARGET,
						     false), own_bytes);
			if (memcmp((void *)FILE_AT, file_bytes, LOOSE_SIZE))
				complain("target %u: a child's file", self_index);
			if (memcmp((void *)moved_at, moved_bytes,
				   LOOSE_SIZE))
				complain("target %u: a child's moved bytes",
					 self_index);
		}
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		complain("target %u: a child ended with %#x", self_index,
			 status);
	count(FORK);
}

static void vfork_child(void)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		execl("/proc/self/exe", "stress", CHILD_ARGUMENT, NULL);
		_exit(126);
	}
	if (pid < 0)
		return;
	if (waitpid(pid, &status, 0) != pid || status)
		complain("target %u: a program ended with %#x", self_index,
			 status);
	count(VFORK);
}

static void *run_thread(void *unused)
{
	uint64_t random = random_seed(100 + self_index, self_image);

	(void)unused;
	while (!load(&threads_stop)) {
		run_function(pick(&random, FUNCTIONS));
		count(RUN);
		if (!pick(&random, 300))
			usleep(pick(&random, 3000));
	}
	return NULL;
}

static void *fork_thread(void *unused)
{
	uint64_t random = random_seed(200 + self_index, self_image);

	(void)unused;
	while (!load(&threads_stop)) {
		if (pick(&random, 8))
			fork_child(false);
		else
			vfork_child();
		usleep(pick(&random, 3000));
	}
	return NULL;
}

static void check_own(void)
{
	const uint8_t *data = (const uint8_t *)DATA;
	ssize_t wrong;

	strict_complain("nobody's byte",
			strict_wrong(first_bytes, data, NOBODY, true),
			first_bytes);
	strict_complain("own byte",
			strict_wrong(own_bytes, data, TARGET, true),
			own_bytes);
	wrong = loose_wrong(file_bytes, (void *)FILE_AT);
	if (wrong >= 0)
		complain("target %u: file byte %#zx", self_index, wrong);
	wrong = loose_wrong(moved_bytes, (void *)moved_at);
	if (wrong >= 0)
		complain("target %u: moved byte %#lx holds %#x, not %#x",
			 self_index, moved_at + wrong,
			 ((uint8_t *)moved_at)[wrong],
			 moved_bytes[wrong]);
}

/* Store own bytes: data, or code that rewrites itself. */
static void store_own(uint64_t *random)
{
	struct strip strip = random_strip(random, TARGET);
	bool code = strip.start >= DATA_SIZE;
	size_t size, at = random_part(random, &strip, &size);
	uint8_t bytes[LONG_STRIP], *to = (uint8_t *)DATA + at;

	random_bytes(random, at, false, bytes, size);
	memcpy(own_bytes + at, bytes, size);
	if (code)
		mprotect((void *)CODE, CODE_SIZE,
			 PROT_READ | PROT_WRITE | PROT_EXEC);
	memcpy(to, bytes, size);
	__builtin___clear_cache((char *)to, (char *)to + size);
	if (code && pick(random, 2))
		mprotect((void *)CODE, CODE_SIZE, PROT_READ | PROT_EXEC);
	count(code ? REWRITE : STORE);
}

static unsigned long other_place(void)
{
	return moved_at == MOVE_A ? MOVE_B : MOVE_A;
}

static bool map_moved(int flags)
{
	void *p = mmap((void *)moved_at, LOOSE_SIZE,
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p != (void *)moved_at)
		complain("target %u: mmap %#lx: %d", self_index,
			 moved_at, errno);
	return p == (void *)moved_at;
}

static void fill_moved(void)
{
	loose_bytes(++moved_seed, moved_bytes);
	memcpy((void *)moved_at, moved_bytes, LOOSE_SIZE);
}

static bool move(unsigned long from, size_t size, unsigned long to, int flags)
{
	return mremap((void *)from, size, size,
		      MREMAP_MAYMOVE | MREMAP_FIXED | flags, to) == (void *)to;
}

/* Moved in pieces, the memory may have become several mappings. */
static void move_pieces(unsigned long from, size_t piece, unsigned long to)
{
	unsigned long i;

	for (i = LOOSE_SIZE; i; i -= piece)
		if (!move(from + i - piece, piece, to + i - piece, 0))
			complain("target %u: mremap %#lx: %d", self_index,
				 from + i - piece, errno);
}

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

/* Carry the memory to its other place, in one piece or in two. */
static void move_memory(uint64_t *random)
{
	unsigned long from = moved_at, to = other_place();
	int flags = pick(random, 2) ? MREMAP_DONTUNMAP : 0;

	if (!pick(random, 3) || !move(from, LOOSE_SIZE, to, flags))
		move_pieces(from, page_size(), to);
	else if (flags)
		munmap((void *)from, LOOSE_SIZE);
	moved_at = to;
	count(MOVE);
}

static void unmap_memory(uint64_t *random)
{
	if (pick(random, 2)) {
		munmap((void *)moved_at, LOOSE_SIZE);
		moved_at = other_place();
		map_moved(MAP_FIXED_NOREPLACE);
	} else {
		map_moved(MAP_FIXED);
	}
	fill_moved();
	count(UNMAP);
}

static void drop_memory(uint64_t *random)
{
	if (pick(random, 2)) {
		madvise((void *)FILE_AT, LOOSE_SIZE, MADV_DONTNEED);
	} else {
		madvise((void *)moved_at, LOOSE_SIZE, MADV_DONTNEED);
		fill_moved();
	}
	count(DROP);
}

static void protect_memory(uint64_t *random)
{
	bool file = pick(random, 2);
	void *at = (void *)(file ? FILE_AT : moved_at);

	mprotect(at, LOOSE_SIZE, PROT_NONE);
	usleep(pick(random, 200));
	mprotect(at, LOOSE_SIZE, file ? PROT_READ : PROT_READ | PROT_WRITE);
	count(PROTECT);
}

static void replace_image(void)
{
	char fd[12], index[12];

	snprintf(fd, sizeof(fd), "%d", stress->fd);
	snprintf(index, sizeof(index), "%u", self_index);
	store(&self->ready, 0);
	count(EXEC);
	execl("/proc/self/exe", "stress", TARGET_ARGUMENT, fd, index, NULL);
	complain("target %u: execve: %d", self_index, errno);
	_exit(KSFT_FAIL);
}

static void leave_early(void)
{
	store(&self->ready, 0);
	count(EXIT);
	_exit(0);
}

static void target_operation(uint64_t *random)
{
	unsigned int n = pick(random, 128);

	if (n < 30)
		store_own(random);
	else if (n < 50)
		check_own();
	else if (n < 60)
		fork_child(true);
	else if (n < 80)
		move_memory(random);
	else if (n < 92)
		unmap_memory(random);
	else if (n < 104)
		drop_memory(random);
	else if (n < 112)
		protect_memory(random);
	else if (n < 126)
		usleep(pick(random, 2000));
	else if (!pick(random, 4))
		replace_image();
	else if (!pick(random, 8))
		leave_early();
}

static bool map_code(void)
{
	int fd = memfd_create("code", MFD_CLOEXEC);
	void *p;

	if (fd < 0 || write(fd, first_bytes + DATA_SIZE, CODE_SIZE) !=
	    (ssize_t)CODE_SIZE)
		return false;
	p = mmap((void *)CODE, CODE_SIZE, PROT_READ | PROT_EXEC,
		 MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);
	close(fd);
	return p == (void *)CODE;
}

static bool map_file(void)
{
	file_fd = memfd_create("file", MFD_CLOEXEC);
	loose_bytes(self_image, file_bytes);
	if (file_fd < 0 || write(file_fd, file_bytes, LOOSE_SIZE) !=
	    (ssize_t)LOOSE_SIZE)
		return false;
	if (mmap((void *)EDGE, EDGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) !=
	    (void *)EDGE)
		return false;
	return mmap((void *)FILE_AT, LOOSE_SIZE, PROT_READ,
		    MAP_PRIVATE | MAP_FIXED_NOREPLACE, file_fd, 0) ==
	       (void *)FILE_AT;
}

static bool map_strict(void)
{
	void *p = mmap((void *)DATA, DATA_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0);

	strict_bytes(self_image, first_bytes);
	memcpy(own_bytes, first_bytes, STRICT_SIZE);
	if (p != (void *)DATA || !map_code())
		return false;
	memcpy(p, first_bytes, DATA_SIZE);
	return true;
}

/* Be a new image: make its memory and let tools come. */
static bool target_begin_life(unsigned int index)
{
	struct sigaction action = {
		.sa_sigaction = on_trap,
		.sa_flags = SA_SIGINFO | SA_RESTART,
	};

	self_index = index;
	self = &stress->slots[index];
	self_pid = getpid();
	self_image = __atomic_add_fetch(&stress->images, 1, __ATOMIC_SEQ_CST);
	if (sigaction(SIGTRAP, &action, NULL) || !map_strict() || !map_file() ||
	    !map_moved(MAP_FIXED_NOREPLACE))
		return false;
	fill_moved();
	store(&self->image, self_image);
	store(&self->pid, self_pid);
	store(&self->ready, self_image);
	return true;
}

/*
 * Say what our memory should be, and let it be looked at. Then all tools are gone:
 * no opcode may be left for us to run into.
 */
static void target_leave(void)
{
	size_t i;

	self->moved_at = moved_at;
	self->moved_seed = moved_seed;
	memcpy(self->bytes, own_bytes, STRICT_SIZE);
	store(&self->quiet, self_image);
	while (!load(&self->leave))
		usleep(1000);
	for (i = 0; i < FUNCTIONS; i++)
		run_function(i);
	fork_child(true);
	_exit(0);
}

static void target_main(unsigned int index)
{
	pthread_t runner, forker;
	uint64_t random;

	if (!target_begin_life(index)) {
		complain("target %u cannot make its memory: %d", index, errno);
		_exit(KSFT_FAIL);
	}
	random = random_seed(300 + index, self_image);
	if (pthread_create(&runner, NULL, run_thread, NULL) ||
	    pthread_create(&forker, NULL, fork_thread, NULL)) {
		complain("target %u has no threads: %d", index, errno);
		_exit(KSFT_FAIL);
	}
	while (!load(&stress->stop_targets))
		target_operation(&random);
	store(&threads_stop, true);
	pthread_join(runner, NULL);
	pthread_join(forker, NULL);
	target_leave();
}

#endif /* STRESS_TARGET_H */
