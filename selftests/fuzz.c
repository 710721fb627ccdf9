// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls, right and wrong, by the 64-bit and the 32-bit entry, from several
 * threads, on sessions in every state: without a process, with one that lives,
 * has been killed or has called execve(2), closed in the middle of a call, passed
 * on and inherited. Structures and what they point to are anywhere.
 *
 * Nothing may hang: a call that waits for memory which never answers ends with
 * SIGKILL, all others end soon. Each result is a documented one, nothing but
 * results is stored, canaries in the targets stay, and no opcode is left.
 *
 * fuzz [-s SEED] [-t SECONDS]; without -t the seconds of $CORDBG_FUZZ, or 10.
 */
#include <getopt.h>
#include <time.h>

#include "fuzz_target.h"
#include "fuzz_tool.h"

/* For what a slow machine has not come to in time. */
#define PATIENCE_MS	60000

#define HANG_MS		60000	/* what takes so long has no end */

static pid_t targets[TARGETS];
static unsigned int target_lives;
static uint64_t main_random;
static unsigned int compared;

static void start_target(unsigned int i)
{
	fuzz->targets[i] = 0;
	fuzz->idle[i] = 0;
	targets[i] = fork();
	if (!targets[i])
		target_main(i, target_lives);
	target_lives++;
	while (targets[i] > 0 && !load(&fuzz->targets[i]))
		usleep(200);
}

static void kill_target(unsigned int i)
{
	int status = child_kill(targets[i]);

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		complain("target %d ended with %#x", targets[i], status);
	fuzz->dead = targets[i];
	targets[i] = 0;
}

/* Kill one now and then; one that has ended by itself is found, too. */
static void tend_targets(void)
{
	unsigned int i = pick(&main_random, TARGETS);
	int status;

	if (waitpid(targets[i], &status, WNOHANG)) {
		complain("target %d ended with %#x", targets[i], status);
		start_target(i);
	}
	target_check(targets[i], true);
	if (load(&fuzz->idle[i]) || !pick(&main_random, 4)) {
		kill_target(i);
		start_target(i);
	}
}

/* Threads in calls that need not end; complains of others that do not. */
static unsigned int waiting_threads(void)
{
	unsigned int i, waiting = 0;
	uint64_t since, now = now_ms();

	for (i = 0; i < THREADS; i++) {
		struct busy *busy = &fuzz->threads[i];

		since = load(&busy->since);
		if (since && load(&busy->silent) && now > since + 100)
			waiting++;
		else if (since && now > since + HANG_MS)
			complain("thread %u hangs in a call", i);
	}
	return waiting;
}

static unsigned int ended_threads(void)
{
	unsigned int i, ended = 0;

	for (i = 0; i < THREADS; i++)
		ended += load(&fuzz->threads[i].ended);
	return ended;
}

/* Until the tool has nothing to do any more, or, if @ms, for that time. */
static bool tool_await(pid_t pid, unsigned int ms, int *status)
{
	uint64_t start = now_ms();

	while (!load(&fuzz->complaints)) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		if (ms && now_ms() > start + ms)
			break;
		if (waiting_threads() + ended_threads() == THREADS)
			break;
		if (!pick(&main_random, 30))
			tend_targets();
		usleep(10000);
	}
	return false;
}

/* A tool, from its start to its end, by itself or by SIGKILL. */
static void tool_live(unsigned int life)
{
	unsigned int ms = pick(&main_random, 3) ?
			  0 : 1 + pick(&main_random, 400);
	int status = -1;
	pid_t pid;

	memset(fuzz->threads, 0, sizeof(fuzz->threads));
	pid = fork();
	if (!pid)
		tool_main(life);
	if (!tool_await(pid, ms, &status)) {
		fuzz->blocked += waiting_threads();
		kill(pid, SIGKILL);
		if (child_wait(pid, HANG_MS, &status))
			ksft_exit_fail_msg("life %u does not end with SIGKILL\n",
					   life);
	}
	if (status && (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL))
		complain("tool ended with %#x", status);
}

/* Children of tools that were killed are this process's now. */
static void bury(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		if (status && (!WIFSIGNALED(status) ||
			       WTERMSIG(status) != SIGKILL))
			complain("process %d ended with %#x", pid, status);
}

static bool module_unused(void)
{
	uint64_t end = now_ms() + HANG_MS;
	long users = -1;

	while (now_ms() < end) {
		bury();
		users = read_setting(MODULE_USERS);
		if (users <= 0)
			break;
		usleep(10000);
	}
	if (users)
		ksft_print_msg("the module still has %ld users\n", users);
	return !users;
}

/* As memory is once there are no sessions, whatever its protection. */
static void compare_target(pid_t pid)
{
	unsigned int i;

	target_check(pid, false);
	for (i = 0; i < ARRAY_SIZE(looked_at); i++)
		compared += look_forced(pid, looked_at[i]);
}

static void end_targets(void)
{
	unsigned int i;

	for (i = 0; i < TARGETS; i++) {
		compare_target(targets[i]);
		kill_target(i);
	}
}

static void report(void)
{
	unsigned int i, j;

	for (i = 0; i < NR_CALLS; i++) {
		ksft_print_msg("%s:", calls[i].name);
		for (j = 0; j < RESULTS; j++)
			if (fuzz->results[i][j])
				printf(" %s %lu", j ? strerrorname_np(j) : "ok",
				       fuzz->results[i][j]);
		printf("\n");
	}
	ksft_print_msg("%lu calls by the 32-bit entry, %lu sessions passed on, %lu closed\n",
		       fuzz->compat, fuzz->passed, fuzz->closed);
	ksft_print_msg("%lu children of tools, %lu of targets\n",
		       fuzz->forked, fuzz->children);
	ksft_print_msg("%lu threads killed while they waited, %u areas\n",
		       fuzz->blocked, compared);
}

static bool tried_all(void)
{
	static const int usual[] = { EFAULT, EINVAL, EBADF };
	bool all = fuzz->passed && fuzz->closed && fuzz->forked &&
		   fuzz->children && fuzz->blocked;
	unsigned long gone = 0;
	unsigned int i, j;

#ifdef __x86_64__
	all = all && fuzz->compat;
#endif
	for (i = ATTACH; i < NUMBER; i++) {
		all = all && fuzz->results[i][0];
		gone += fuzz->results[i][ESRCH];
		for (j = 0; j < ARRAY_SIZE(usual); j++)
			all = all && fuzz->results[i][usual[j]];
	}
	return all && gone && fuzz->results[NUMBER][ENOTTY];
}

static unsigned int parse_arguments(int argc, char **argv)
{
	const char *seconds = getenv("CORDBG_FUZZ");
	int option;

	fuzz->seed = time(NULL) ^ getpid() << 16;
	while ((option = getopt(argc, argv, "s:t:")) != -1) {
		if (option == 's')
			fuzz->seed = parse_number(optarg, UINT32_MAX);
		else if (option == 't')
			seconds = optarg;
		else
			ksft_exit_fail_msg("options: -s SEED -t SECONDS\n");
	}
	return seconds ? parse_number(seconds, UINT32_MAX) : 10;
}

static void prepare(void)
{
	fuzz = mmap(NULL, sizeof(*fuzz), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fuzz == MAP_FAILED || !areas_map())
		ksft_exit_fail_perror("memory");
	complaints = &fuzz->complaints;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       bus) || prctl(PR_SET_CHILD_SUBREAPER, 1))
		ksft_exit_fail_perror("socketpair");
}

static void run(unsigned int seconds)
{
	uint64_t end = now_ms() + seconds * 1000ULL;
	uint64_t late = end + PATIENCE_MS;
	unsigned int i, life;

	for (i = 0; i < TARGETS; i++)
		start_target(i);
	/* On a slow machine some of it takes longer. */
	for (life = 0; !load(&fuzz->complaints) &&
	     (now_ms() < end || (!tried_all() && now_ms() < late)); life++)
		tool_live(life);
	ksft_print_msg("%u tools, %u targets, %u complaints\n", life,
		       target_lives, fuzz->complaints);
	/* What nobody has received. */
	close(bus[0]);
	close(bus[1]);
}

int main(int argc, char **argv)
{
	unsigned int seconds;
	bool unused;

	if (argc > 1 && !strcmp(argv[1], IDLE_ARGUMENT))
		for (;;)
			pause();
	ksft_print_header();
	ksft_set_plan(3);
	prepare();
	seconds = parse_arguments(argc, argv);
	main_random = fuzz_random(200, 0);
	ksft_print_msg("seed %u, to try again: -s %u\n", fuzz->seed, fuzz->seed);
	run(seconds);
	unused = module_unused();
	end_targets();
	report();
	ksft_test_result(!fuzz->complaints, "nothing_went_wrong\n");
	ksft_test_result(tried_all() && compared, "everything_was_tried\n");
	ksft_test_result(unused, "the_module_is_unused\n");
	ksft_finished();
}
