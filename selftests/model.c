// SPDX-License-Identifier: GPL-2.0
/*
 * A model of a process: what each of its bytes must be, as the program and as
 * memory has it, and its breakpoints, while random operations of several threads
 * and sessions, and of the program itself, go on.
 *
 * Between two quiet points each thread has memory of its own, so that the outcome
 * is known; at the quiet points every byte is compared. All follows from a seed. A
 * round that goes wrong is repeated with operations left out, until what is left is
 * short enough to read.
 *
 *	model [-s SEED] [-n OPERATIONS]
 *
 * or CORDBG_SEED and CORDBG_OPERATIONS in the environment.
 */

#include <sys/random.h>

#include "model_shrink.h"

#define DEFAULT_OPERATIONS	10000

static uint64_t parse(const char *text, uint64_t otherwise)
{
	char *end;
	unsigned long long n;

	if (!text)
		return otherwise;
	n = strtoull(text, &end, 0);
	if (*end || !*text)
		ksft_exit_fail_msg("bad number %s\n", text);
	return n;
}

static uint64_t random_seed(void)
{
	uint32_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		ksft_exit_fail_perror("getrandom");
	return seed;
}

static void prepare(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (page_size() != PAGE)
		ksft_exit_fail_msg("pages are not of %lu bytes\n", PAGE);
	scratch = mmap(NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	command = mmap(NULL, sizeof(*command), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (scratch != MAP_FAILED)
		madvise(scratch, SCRATCH_SIZE, MADV_DONTFORK);
	if (scratch == MAP_FAILED || command == MAP_FAILED)
		ksft_exit_fail_perror("memory");
}

/* One round after another, each with a seed of its own. */
static bool run_rounds(uint64_t seed, uint64_t operations)
{
	uint64_t done = 0, left;

	while (done < operations) {
		left = operations - done;
		if (left > ROUND_OPS)
			left = ROUND_OPS;
		if (!record_round(seed, left)) {
			ksft_print_msg("to see it again: model -s %llu -n %llu\n",
				       (unsigned long long)seed,
				       (unsigned long long)left);
			report_failure();
			return false;
		}
		done += left;
		seed++;
		if (!(done % (10 * ROUND_OPS)))
			ksft_print_msg("%llu operations\n",
				       (unsigned long long)done);
	}
	return true;
}

int main(int argc, char **argv)
{
	uint64_t operations = parse(getenv("CORDBG_OPERATIONS"),
				    DEFAULT_OPERATIONS);
	uint64_t seed = parse(getenv("CORDBG_SEED"), random_seed());
	int option;

	ksft_print_header();
	ksft_set_plan(1);
	while ((option = getopt(argc, argv, "s:n:")) != -1) {
		if (option == 's')
			seed = parse(optarg, 0);
		else if (option == 'n')
			operations = parse(optarg, 0);
		else
			ksft_exit_fail_msg("options: -s SEED -n OPERATIONS\n");
	}
	prepare();
	ksft_print_msg("seed %llu, %llu operations\n",
		       (unsigned long long)seed,
		       (unsigned long long)operations);
	ksft_test_result(run_rounds(seed, operations), "all_as_predicted\n");
	ksft_finished();
}
