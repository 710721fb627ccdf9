// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once, for a time: targets that run code, fork, exec, move and
 * rewrite their memory and exit; tools that set, clear, write, read, list, pass
 * their sessions on; and random kills of both. At the end of each round every
 * byte of every target that lives is compared with what it should be.
 *
 * stress [-s SEED] [-t SECONDS] [-n TARGETS] [-m TOOLS]
 */
#include <getopt.h>

#include "cordbg_setting.h"
#include "stress_target.h"
#include "stress_tool.h"

#define ROUND_MS	5000
#define PATIENCE_MS	60000

static pid_t targets[MAX_TARGETS];
static pid_t tools[MAX_TOOLS];
static unsigned int lives;
static unsigned int survivors;
static uint64_t main_random;

static void start_target(unsigned int i)
{
	store(&stress->slots[i].ready, 0);
	store(&stress->slots[i].dying, 0);
	targets[i] = fork();
	if (!targets[i])
		target_main(i);
}

static void start_tool(unsigned int i)
{
	tools[i] = fork();
	if (!tools[i])
		tool_main(i, ++lives);
	lives++;
}

static bool ended_well(int status, bool killed)
{
	return !status ||
	       (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Forget a child that has ended; kill_target() has buried those it killed. */
static void bury(pid_t pid, int status)
{
	unsigned int i;

	for (i = 0; i < stress->targets; i++) {
		struct slot *slot = &stress->slots[i];

		if (targets[i] != pid)
			continue;
		targets[i] = 0;
		if (!ended_well(status, false))
			complain("target %u image %u ended with %#x", i,
				 slot->image, status);
		return;
	}
	for (i = 0; i < stress->tools; i++)
		if (tools[i] == pid)
			tools[i] = 0;
	if (!ended_well(status, true))
		complain("process %d ended with %#x", pid, status);
}

static void bury_all(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		bury(pid, status);
}

static void kill_target(unsigned int i)
{
	int status;

	if (!targets[i])
		return;
	store(&stress->slots[i].dying, 1);
	kill(targets[i], SIGKILL);
	if (waitpid(targets[i], &status, 0) != targets[i] ||
	    !ended_well(status, true))
		complain("target %u, killed, ended with %#x", i, status);
	targets[i] = 0;
}

static void kill_tool(unsigned int i)
{
	if (tools[i])
		kill(tools[i], SIGKILL);
}

static void kill_some(void)
{
	unsigned int target = pick(&main_random, stress->targets);
	unsigned int n = pick(&main_random, 20);

	if (n < 10) {
		kill_tool(pick(&main_random, stress->tools));
		count(KILL_TOOL);
	} else if (n < 13) {
		kill_target(target);
		count(KILL_TARGET);
	} else if (n < 16) {
		kill_tool(pick(&main_random, stress->tools));
		kill_target(target);
		count(KILL_BOTH);
	} else if (targets[target]) {
		kill(targets[target], SIGSTOP);
		kill_tool(pick(&main_random, stress->tools));
		usleep(pick(&main_random, 20000));
		kill(targets[target], SIGCONT);
		count(KILL_STOPPED);
	}
}

static void start_missing(void)
{
	unsigned int i;

	bury_all();
	for (i = 0; i < stress->targets; i++)
		if (!targets[i])
			start_target(i);
	for (i = 0; i < stress->tools; i++)
		if (!tools[i])
			start_tool(i);
}

static bool tools_gone(void)
{
	unsigned int i;

	for (i = 0; i < stress->tools; i++)
		if (tools[i])
			return false;
	return true;
}

static bool targets_quiet(void)
{
	unsigned int i;

	for (i = 0; i < stress->targets; i++) {
		struct slot *slot = &stress->slots[i];

		if (targets[i] && (!load(&slot->ready) ||
				   load(&slot->quiet) != load(&slot->ready)))
			return false;
	}
	return true;
}

static bool targets_gone(void)
{
	unsigned int i;

	for (i = 0; i < stress->targets; i++)
		if (targets[i])
			return false;
	return true;
}

static bool module_unused(void)
{
	long users = read_setting(MODULE_USERS);

	if (users < 0)
		complain("cannot read " MODULE_USERS);
	return !users;
}

static bool await(const char *what, bool (*condition)(void))
{
	uint64_t end = now_ms() + PATIENCE_MS;

	while (!condition()) {
		if (now_ms() > end) {
			complain("waited in vain: %s", what);
			return false;
		}
		usleep(10000);
		bury_all();
	}
	return true;
}

/* What the strict area of a target should be, by all who have written there. */
static void overlay(unsigned int target, uint8_t *expected)
{
	const struct slot *slot = &stress->slots[target];
	size_t i;

	strict_bytes(slot->ready, expected);
	for (i = 0; i < STRICT_SIZE; i++) {
		unsigned int writer = stress->writers[i];
		const struct model *model;

		if (writer == TARGET)
			expected[i] = slot->bytes[i];
		if (writer < FIRST_TOOL)
			continue;
		model = &stress->models[writer - FIRST_TOOL][target];
		if (model->image == slot->ready)
			expected[i] = model->bytes[i];
	}
}

static void settle_writes(unsigned int target, const uint8_t *bytes)
{
	unsigned int i;

	for (i = 0; i < stress->tools; i++) {
		struct model *model = &stress->models[i][target];
		ssize_t wrong;

		if (!model->pending ||
		    model->image != stress->slots[target].ready)
			continue;
		wrong = pending_settle(model, bytes + model->pending_at);
		if (wrong >= 0)
			complain("tool %u, target %u: a killed write tore %#lx",
				 i, target, DATA + wrong);
	}
}

static void check_range(unsigned int target, unsigned long at,
			const uint8_t *expected, const uint8_t *bytes,
			size_t size)
{
	size_t i, wrong = 0;

	for (i = 0; i < size; i++) {
		if (bytes[i] == expected[i])
			continue;
		if (wrong++ < 8)
			complain("target %u image %u: %#lx holds %#x, not %#x",
				 target, stress->slots[target].image, at + i,
				 bytes[i], expected[i]);
	}
}

static void check_loose(unsigned int target, unsigned long at,
			const uint8_t *expected, size_t size)
{
	static uint8_t bytes[EDGE_SIZE];

	if (peek(targets[target], (void *)at, bytes, size))
		complain("target %u: %#lx cannot be read", target, at);
	else
		check_range(target, at, expected, bytes, size);
}

/* Every byte of a target that does nothing and that no session is bound to. */
static void check_target(unsigned int target)
{
	static uint8_t bytes[STRICT_SIZE], expected[STRICT_SIZE];
	static const uint8_t edge[EDGE_SIZE];
	const struct slot *slot = &stress->slots[target];

	if (peek(targets[target], (void *)DATA, bytes, STRICT_SIZE)) {
		complain("target %u cannot be read", target);
		return;
	}
	settle_writes(target, bytes);
	overlay(target, expected);
	check_range(target, DATA, expected, bytes, STRICT_SIZE);
	loose_bytes(slot->ready, expected);
	check_loose(target, FILE_AT, expected, LOOSE_SIZE);
	loose_bytes(slot->moved_seed, expected);
	check_loose(target, slot->moved_at, expected, LOOSE_SIZE);
	check_loose(target, EDGE, edge, EDGE_SIZE);
	survivors++;
}

static void end_round(void)
{
	unsigned int i;

	store(&stress->stop_tools, 1);
	await("tools exit", tools_gone);
	store(&stress->stop_targets, 1);
	await("targets come to rest", targets_quiet);
	await("sessions are closed", module_unused);
	for (i = 0; i < stress->targets; i++)
		if (targets[i])
			check_target(i);
	for (i = 0; i < stress->targets; i++)
		store(&stress->slots[i].leave, 1);
	await("targets exit", targets_gone);
	await("forks are over", module_unused);
}

static void one_round(uint64_t ms)
{
	uint64_t end = now_ms() + ms;
	unsigned int i;

	stress->stop_tools = 0;
	stress->stop_targets = 0;
	for (i = 0; i < stress->targets; i++)
		stress->slots[i].leave = 0;
	while (now_ms() < end && !load(&stress->complaints)) {
		start_missing();
		usleep(20000 + pick(&main_random, 150000));
		kill_some();
	}
	start_missing();
	end_round();
}

static unsigned int parse_arguments(int argc, char **argv)
{
	unsigned int seconds = 20 * slowness();
	int option;

	stress->seed = 1;
	stress->targets = 3;
	stress->tools = 3;
	while ((option = getopt(argc, argv, "s:t:n:m:")) != -1) {
		if (option == 's')
			stress->seed = parse_number(optarg, UINT32_MAX);
		else if (option == 't')
			seconds = parse_number(optarg, 1000000);
		else if (option == 'n')
			stress->targets = parse_number(optarg, MAX_TARGETS);
		else if (option == 'm')
			stress->tools = parse_number(optarg, MAX_TOOLS);
		else
			ksft_exit_fail_msg("options: -s SEED -t SECONDS -n TARGETS -m TOOLS\n");
	}
	if (!stress->targets || !stress->tools)
		ksft_exit_fail_msg("at least one target and one tool\n");
	return seconds;
}

static bool stress_map(int fd)
{
	stress = mmap(NULL, sizeof(*stress), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	if (stress == MAP_FAILED)
		return false;
	complaints = &stress->complaints;
	return true;
}

static void prepare(void)
{
	int fd = memfd_create("stress", 0);

	if (fd < 0 || ftruncate(fd, sizeof(*stress)) || !stress_map(fd))
		ksft_exit_fail_perror("memory");
	/* Children of children that were killed are to be buried, too. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		ksft_exit_fail_perror("prctl");
	stress->fd = fd;
}

static void prepare_writers(void)
{
	struct strip strip;
	size_t i;

	for (i = 0; i < STRICT_SIZE; i++) {
		strip = strip_at(i);
		stress->writers[i] = i >= strip.start && i < strip.end ?
			strip.writer : NOBODY;
	}
}

static void report_counts(void)
{
	size_t i;

	ksft_print_msg("counts:");
	for (i = 0; i < NR_OPERATIONS; i++)
		printf(" %s %lu", operation_names[i], stress->counts[i]);
	printf("\n");
	ksft_print_msg("seed %u, %u targets in all, %u survivors compared\n",
		       stress->seed, stress->images, survivors);
}

/* What happens seldom may not have happened in a short time. */
static bool tried_all(void)
{
	static const enum operation seldom[] = { EXIT, EXEC, KILL_BOTH, STALE };
	bool all = true;
	size_t i, j;

	for (i = 0; i < NR_OPERATIONS; i++) {
		for (j = 0; j < ARRAY_SIZE(seldom) && seldom[j] != i; j++)
			;
		if (stress->counts[i] || j < ARRAY_SIZE(seldom))
			continue;
		ksft_print_msg("never: %s\n", operation_names[i]);
		all = false;
	}
	return all;
}

/* A target started over by execve(2), or a program that a target ran. */
static int other_program(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], TARGET_ARGUMENT)) {
		if (!stress_map(atoi(argv[2])))
			return KSFT_FAIL;
		target_main(atoi(argv[3]));
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t left;

	if (argc > 1 && (!strcmp(argv[1], TARGET_ARGUMENT) ||
			 !strcmp(argv[1], CHILD_ARGUMENT)))
		return other_program(argc, argv);
	ksft_print_header();
	ksft_set_plan(3);
	prepare();
	left = parse_arguments(argc, argv) * 1000ULL;
	prepare_writers();
	main_random = random_seed(0, 0);
	ksft_print_msg("seed %u\n", stress->seed);
	while (left && !load(&stress->complaints)) {
		uint64_t ms = left < 2 * ROUND_MS ? left : ROUND_MS;

		one_round(ms);
		left -= ms;
		ksft_print_msg("%llu s left, %u targets so far, %u compared\n",
			       (unsigned long long)left / 1000, stress->images,
			       survivors);
	}
	report_counts();
	ksft_test_result(!stress->complaints, "nothing_went_wrong\n");
	ksft_test_result(survivors, "targets_survive\n");
	ksft_test_result(tried_all(), "everything_was_tried\n");
	ksft_finished();
}
