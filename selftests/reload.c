// SPDX-License-Identifier: GPL-2.0
/*
 * Unloading the module: refused while it is in use, and without a trace
 * otherwise, however often, while processes use it as soon as it is there.
 *
 * The test ends with the module loaded. CORDBG_MODULE says where its file is.
 * CORDBG_ROUNDS is how often it is loaded anew, whatever time that takes. By default
 * it is a quarter of a thousand times, because make test runs the program in four
 * lanes; on a machine that is busy with other things, fewer.
 */

#include <sys/utsname.h>

#include "cordbg_process.h"
#include "target_memory.h"

#define MODULE		"cordbg"
#define ROUNDS		250
#define ENOUGH_ROUNDS	30
#define PLENTY_MS	40000
#define TARGETS		2
#define TOOLS		2
#define AREA_SIZE	0x8000
#define MOST_BREAKS	20

/*
 * Memory that is freed late, or goes to the processes that run now. The module is
 * larger than 64 KiB: left behind in each of a thousand rounds, it would show.
 */
#define MEMORY_SLACK_KB	16384

static int module_unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

static int module_open(void)
{
	const char *path = getenv("CORDBG_MODULE");
	char installed[256];
	struct utsname name;
	int fd;

	fd = open(path ? path : "/cordbg.ko", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 || path || uname(&name))
		return fd;
	snprintf(installed, sizeof(installed),
		 "/lib/modules/%s/updates/module/cordbg.ko", name.release);
	return open(installed, O_RDONLY | O_CLOEXEC);
}

static int module_load(int fd)
{
	return syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
}

/* Whether a line of a file begins with @text. */
static bool file_has(const char *path, const char *text)
{
	char line[4096];
	bool found = false;
	FILE *f = fopen(path, "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, text, strlen(text));
	if (f)
		fclose(f);
	return found;
}

/* What the kernel shows of a module that is there, or half gone. */
static bool module_shows(void)
{
	return file_has("/proc/modules", MODULE " ") ||
	       file_has("/proc/slabinfo", "cordbg_") ||
	       !access("/sys/module/" MODULE, F_OK) ||
	       !access(CORDBG_DEVICE, F_OK);
}

static long memory_available(void)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && kb < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "MemAvailable: %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

FIXTURE(in_use)
{
	struct debuggee d;
	uint8_t *area;
};

FIXTURE_SETUP(in_use)
{
	self->area = map_private(AREA_SIZE);
	ASSERT_TRUE(!!self->area);
	fill_plain(self->area, AREA_SIZE, 5);
	ASSERT_EQ(0, debuggee_start(&self->d));
}

FIXTURE_TEARDOWN(in_use)
{
	EXPECT_EQ(0, debuggee_stop(&self->d));
}

/* The module is refused to go, and all works as before. */
static void expect_stays(struct __test_metadata *_metadata)
{
	size_t i;

	for (i = 0; i < 50; i++)
		EXPECT_EQ(-EWOULDBLOCK, module_unload());
	EXPECT_TRUE(module_shows());
}

TEST_F(in_use, bound_session_keeps_it)
{
	uint8_t *at = self->area + 100;
	uint8_t expected[32];

	memcpy(expected, at - 16, sizeof(expected));
	ASSERT_EQ(0, do_break(self->d.session, ptr_u64(at)));
	expect_stays(_metadata);
	expect_bytes(_metadata, &self->d, at - 16, expected, sizeof(expected),
		     at);
	EXPECT_EQ(0, do_clear(self->d.session, ptr_u64(at)));
	expect_bytes(_metadata, &self->d, at - 16, expected, sizeof(expected),
		     NULL);
}

TEST_F(in_use, unbound_session_keeps_it)
{
	int fd = cordbg_open();

	ASSERT_LE(0, fd);
	close(self->d.session);
	self->d.session = -1;
	expect_stays(_metadata);
	EXPECT_EQ(0, do_attach(fd, self->d.target.pid));
	close(fd);
}

TEST_F(in_use, session_of_a_dead_process_keeps_it)
{
	child_kill(self->d.target.pid);
	expect_stays(_metadata);
	EXPECT_EQ(-ESRCH, do_break(self->d.session, ptr_u64(self->area)));
	close(self->d.session);
	self->d.session = -1;
	ASSERT_EQ(0, target_start(&self->d.target));
}

TEST_F(in_use, duplicate_keeps_it)
{
	int fd = dup(self->d.session);

	ASSERT_LE(0, fd);
	close(self->d.session);
	self->d.session = fd;
	expect_stays(_metadata);
	EXPECT_EQ(0, do_break(fd, ptr_u64(self->area)));
}

/**
 * struct traffic - what the processes of the test share
 * @stop_tools: Tools are to end.
 * @stop_targets: Targets are to end.
 * @forks: Children that were compared.
 * @sessions: Sessions that were bound.
 * @absent: Opens that found no module.
 * @breaks: Breakpoints set.
 * @wrong: What went wrong, counted.
 * @error: The last of it: a negative errno or wait status.
 */
struct traffic {
	int stop_tools;
	int stop_targets;
	unsigned long forks;
	unsigned long sessions;
	unsigned long absent;
	unsigned long breaks;
	unsigned long wrong;
	int error;
};

static struct traffic *traffic;
static uint8_t *area;
static uint8_t area_bytes[AREA_SIZE];
static uint8_t text_bytes[PROGRAM_TEXT_SIZE];
static pid_t targets[TARGETS];
static pid_t tools[TOOLS];

static void count(unsigned long *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void went_wrong(int error)
{
	traffic->error = error;
	count(&traffic->wrong);
}

static bool stopped(const int *stop)
{
	return __atomic_load_n(stop, __ATOMIC_ACQUIRE);
}

static bool own_bytes(void)
{
	return !memcmp(area, area_bytes, AREA_SIZE) &&
	       !memcmp(program_text, text_bytes, PROGRAM_TEXT_SIZE);
}

/* Fork, also with nobody listening, and let memory come, move and go. */
static void target_main(void)
{
	void *p, *q;
	int status;
	pid_t pid;

	while (!stopped(&traffic->stop_targets)) {
		pid = fork();
		if (!pid)
			_exit(!own_bytes());
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			went_wrong(pid < 0 ? -errno : status);
		count(&traffic->forks);
		p = map_private(0x4000);
		q = mremap(p, 0x4000, 0x8000, MREMAP_MAYMOVE);
		munmap(q, 0x8000);
		usleep(rand() % 10000);
	}
	_exit(0);
}

/* Break at places, and write there what is there. */
static void use_session(int fd)
{
	int i, n = rand() % MOST_BREAKS, err = 0;

	for (i = 0; i < n && !err; i++) {
		size_t at = rand() % AREA_SIZE / OPCODE_LEN * OPCODE_LEN;
		bool text = rand() % 2;

		err = do_break(fd, ptr_u64((text ? program_text : area) + at));
		if (err == -EEXIST)
			err = 0;
		count(&traffic->breaks);
	}
	if (!err)
		err = do_write(fd, ptr_u64(area), area_bytes, AREA_SIZE, 0,
			       NULL, NULL);
	if (err)
		went_wrong(err);
}

/* One session: it ends by itself, with a helper, or when the tool is killed. */
static void one_session(void)
{
	int fd = cordbg_open(), err;
	pid_t helper;

	if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO) {
		count(&traffic->absent);
		return;
	}
	err = fd < 0 ? fd : do_attach(fd, targets[rand() % TARGETS]);
	if (err) {
		went_wrong(err);
		return;
	}
	count(&traffic->sessions);
	use_session(fd);
	if (rand() % 4) {
		close(fd);
		return;
	}
	helper = fork();
	if (!helper) {
		usleep(rand() % 2000);
		use_session(fd);
		_exit(0);
	}
	close(fd);
	waitpid(helper, NULL, 0);
}

/* A pause is longer than the work, or a slow machine would never be idle. */
static void tool_main(void)
{
	uint64_t began;

	while (!stopped(&traffic->stop_tools)) {
		began = now_ms();
		one_session();
		usleep(rand() % 40000 + 2000 * (now_ms() - began));
	}
	_exit(0);
}

static pid_t start(void (*function)(void))
{
	static unsigned int started;
	pid_t pid;

	started++;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		srand(started);
		function();
	}
	return pid;
}

/* Whether a target has its own bytes and nothing else, seen from outside. */
static bool target_clean(pid_t pid)
{
	static uint8_t bytes[AREA_SIZE];

	return !peek(pid, area, bytes, AREA_SIZE) &&
	       !memcmp(bytes, area_bytes, AREA_SIZE) &&
	       !peek(pid, program_text, bytes, PROGRAM_TEXT_SIZE) &&
	       !memcmp(bytes, text_bytes, PROGRAM_TEXT_SIZE);
}

/* Unload as soon as nobody uses it: how often it was refused, or an error. */
static long unload_patiently(void)
{
	uint64_t end = now_ms() + 120000;
	long refused = 0;
	int err;

	while ((err = module_unload()) == -EWOULDBLOCK) {
		if (now_ms() > end)
			return -ETIMEDOUT;
		refused++;
		usleep(500);
	}
	return err ? err : refused;
}

FIXTURE(traffic)
{
	int module;
};

FIXTURE_SETUP(traffic)
{
	size_t i;

	self->module = module_open();
	ASSERT_LE(0, self->module);
	traffic = mmap(NULL, sizeof(*traffic), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(traffic != MAP_FAILED);
	area = map_private(AREA_SIZE);
	ASSERT_TRUE(!!area);
	fill_plain(area, AREA_SIZE, 9);
	memcpy(area_bytes, area, AREA_SIZE);
	memcpy(text_bytes, program_text, PROGRAM_TEXT_SIZE);
	for (i = 0; i < TARGETS; i++)
		targets[i] = start(target_main);
	for (i = 0; i < TOOLS; i++)
		tools[i] = start(tool_main);
}

FIXTURE_TEARDOWN(traffic)
{
	size_t i;

	__atomic_store_n(&traffic->stop_tools, 1, __ATOMIC_RELEASE);
	for (i = 0; i < TOOLS; i++)
		EXPECT_EQ(0, child_result(tools[i]));
	/* Helpers of tools that were killed may still be at work. */
	if (module_shows())
		EXPECT_LE(0, unload_patiently());
	for (i = 0; i < TARGETS; i++)
		EXPECT_TRUE(target_clean(targets[i]));
	__atomic_store_n(&traffic->stop_targets, 1, __ATOMIC_RELEASE);
	for (i = 0; i < TARGETS; i++)
		EXPECT_EQ(0, child_result(targets[i]));
	EXPECT_EQ(0, module_load(self->module));
	close(self->module);
}

/* Let forks happen while the module is not there. */
static void await_forks(unsigned long n)
{
	unsigned long end = __atomic_load_n(&traffic->forks, __ATOMIC_RELAXED);
	uint64_t limit = now_ms() + 20000;

	end += n;
	while (__atomic_load_n(&traffic->forks, __ATOMIC_RELAXED) < end &&
	       now_ms() < limit)
		usleep(200);
}

/* Whether there are more rounds to come. */
static bool go_on(size_t round, uint64_t began)
{
	const char *text = getenv("CORDBG_ROUNDS");

	if (text)
		return round < strtoul(text, NULL, 0);
	return round < ROUNDS &&
	       (round < ENOUGH_ROUNDS || now_ms() < began + PLENTY_MS);
}

/* Change a tool for another while it is at work. */
static void replace_tool(size_t i)
{
	child_kill(tools[i]);
	tools[i] = start(tool_main);
}

TEST_F_TIMEOUT(traffic, leaves_nothing, 3600)
{
	long refused = 0, before = 0, after, n;
	uint64_t began = now_ms();
	size_t round, i;

	for (round = 0; go_on(round, began); round++) {
		if (round == ENOUGH_ROUNDS / 2)
			before = memory_available();
		usleep(rand() % 20000);
		if (round % 8 == 0)
			replace_tool(round / 8 % TOOLS);
		n = unload_patiently();
		ASSERT_LE(0, n);
		refused += n;
		ASSERT_FALSE(module_shows());
		for (i = 0; i < TARGETS; i++)
			ASSERT_TRUE(target_clean(targets[i]));
		if (round % 8 == 0)
			await_forks(4);
		ASSERT_EQ(0, module_load(self->module));
		ASSERT_TRUE(module_shows());
		if (round % 50 == 49)
			TH_LOG("%zu rounds", round + 1);
		ASSERT_EQ(0U, traffic->wrong) {
			TH_LOG("error %d", traffic->error);
		}
	}
	after = memory_available();
	TH_LOG("%zu rounds in %llu ms, %ld refused, %ld kB less", round,
	       (unsigned long long)(now_ms() - began), refused, before - after);
	TH_LOG("%lu sessions, %lu breakpoints, %lu forks, %lu opens in vain",
	       traffic->sessions, traffic->breaks, traffic->forks,
	       traffic->absent);
	EXPECT_GT(MEMORY_SLACK_KB, before - after);
	EXPECT_LT(0, refused);
	EXPECT_LT(round / 10, traffic->sessions);
	EXPECT_LT(round / 10, traffic->forks);
	EXPECT_LT(0U, traffic->absent);
}

TEST_HARNESS_MAIN
