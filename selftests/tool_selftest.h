/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests of the command-line tool: run it, and a program for it to work on.
 */
#ifndef TOOL_SELFTEST_H
#define TOOL_SELFTEST_H

#include "cordbg_harness.h"

#include <cordbg.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/**
 * struct target - a program for the tool to work on
 * @pid: Its process.
 * @in: Letters to it.
 * @out: What it says.
 * @names: The things it has told the addresses of.
 * @addresses: Their addresses.
 * @count: Their number.
 */
struct target {
	pid_t pid;
	int in;
	FILE *out;
	char names[32][32];
	uint64_t addresses[32];
	size_t count;
};

/* What the tool printed last: on standard output and error. */
static char said[1 << 16], complained[1 << 14];

static void read_back(int fd, char *text, size_t size)
{
	ssize_t got = pread(fd, text, size - 1, 0);

	text[got < 0 ? 0 : got] = '\0';
	close(fd);
}

static inline int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* For what has to hold in the tool's process before it begins. */
static inline int no_preparation(void)
{
	return 0;
}

/* A /dev without the node, as in a container. */
static inline int hide_device(void)
{
	return unshare(CLONE_NEWNS) || mount("", "/", "", MS_REC | MS_PRIVATE, NULL) ||
	       mount("none", "/dev", "tmpfs", 0, NULL);
}

/* With neither of the capabilities that follow map_files. */
static inline int only_ptrace(void)
{
	return prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0) ||
	       prctl(PR_CAPBSET_DROP, CAP_CHECKPOINT_RESTORE, 0, 0, 0);
}

/* Start a line of sh(1), "cordbg" being the tool; its output goes to @out, @err. */
static pid_t start_line(const char *line, int out, int err, int (*prepare)(void))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (prepare())
		_exit(200);
	execl("/bin/sh", "sh", "-c", line, NULL);
	_exit(201);
}

static int run_prepared(int (*prepare)(void), const char *format, va_list args)
{
	int out = memfd_create("out", MFD_CLOEXEC), status;
	int err = memfd_create("err", MFD_CLOEXEC);
	char line[4096] = "cordbg() { " CORDBG_TOOL " \"$@\"; }; ";
	size_t length = strlen(line);

	vsnprintf(line + length, sizeof(line) - length, format, args);
	status = -1;
	waitpid(start_line(line, out, err, prepare), &status, 0);
	read_back(out, said, sizeof(said));
	read_back(err, complained, sizeof(complained));
	return exit_status(status);
}

/* Run a line of sh(1): its exit status. */
static __attribute__((format(printf, 1, 2), unused)) int run(const char *format, ...)
{
	va_list args;
	int status;

	va_start(args, format);
	status = run_prepared(no_preparation, format, args);
	va_end(args);
	return status;
}

static __attribute__((format(printf, 2, 3), unused))
int run_after(int (*prepare)(void), const char *format, ...)
{
	va_list args;
	int status;

	va_start(args, format);
	status = run_prepared(prepare, format, args);
	va_end(args);
	return status;
}

/* The tool has printed text that has this in it. */
static __attribute__((format(printf, 2, 3), unused))
bool has(const char *text, const char *format, ...)
{
	char wanted[1024];
	va_list args;
	bool found;

	va_start(args, format);
	vsnprintf(wanted, sizeof(wanted), format, args);
	va_end(args);
	found = strstr(text, wanted);
	if (!found)
		printf("# not in there: %s\n# %s\n", wanted, text);
	return found;
}

/* What the tool printed, if it is JSON and nothing else; json_object_put() it. */
static inline struct json_object *said_json(void)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
					   JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, said, strlen(said) + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

/* Text at a JSON pointer (RFC 6901), "" if there is none. */
static inline const char *json_at(struct json_object *object, const char *pointer)
{
	struct json_object *found;

	return json_pointer_get(object, pointer, &found) ? "" :
		json_object_get_string(found);
}

/* A line that the program says, without its newline. */
static inline const char *target_line(struct target *target)
{
	static char line[256];

	if (!fgets(line, sizeof(line), target->out))
		return "";
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/* Give it a letter: its answer. */
static inline const char *target_ask(struct target *target, char letter)
{
	if (write(target->in, &letter, 1) != 1)
		return "";
	return target_line(target);
}

static bool target_listen(struct target *target)
{
	const char *line;

	target->count = 0;
	while (strcmp(line = target_line(target), "ready")) {
		size_t i = target->count++;

		if (sscanf(line, "%31s %" SCNx64, target->names[i],
			   &target->addresses[i]) != 2)
			return false;
	}
	return true;
}

static inline bool target_start(struct target *target, const char *program)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return false;
	target->pid = fork();
	if (!target->pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl(program, program, NULL);
		_exit(1);
	}
	close(in[0]);
	close(out[1]);
	target->in = in[1];
	target->out = fdopen(out[0], "r");
	return target_listen(target);
}

/* Where the program has what it calls so; 0 if it said nothing of it. */
static inline uint64_t at(const struct target *target, const char *name)
{
	size_t i;

	for (i = 0; i < target->count; i++)
		if (!strcmp(target->names[i], name))
			return target->addresses[i];
	printf("# the program has no %s\n", name);
	return 0;
}

/* End it: its exit status, as exit_status(). */
static inline int target_end(struct target *target)
{
	int status = -1;

	close(target->in);
	fclose(target->out);
	waitpid(target->pid, &status, 0);
	return exit_status(status);
}

#endif /* TOOL_SELFTEST_H */
