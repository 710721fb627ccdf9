// SPDX-License-Identifier: LGPL-2.1-or-later
/* Patch getpid() in a running process while a breakpoint is set there. */
#include <cordbg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __aarch64__	/* mov w0, #42; ret */
static const uint8_t code[] = { 0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6 };
#else			/* mov $42, %eax; ret */
static const uint8_t code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
#endif

static void check(int failed, const char *what)
{
	printf("%-26s %s\n", what, failed < 0 ? cordbg_strerror(failed) : failed ? "no" : "ok");
	if (failed)
		exit(EXIT_FAILURE);
}

int main(void)
{
	uint8_t original[CORDBG_OPCODE_MAX], behind[sizeof(code)], raw[sizeof(code)];
	uint64_t address = (uintptr_t)getpid;
	struct cordbg_process *process;
	int start[2], status = -1;
	uint32_t length;
	size_t written;
	pid_t pid;

	check(pipe(start) != 0, "pipe");
	pid = fork();
	if (!pid)	/* The process to debug; it waits here until it may go on. */
		_exit(read(start[0], raw, 1) == 1 ? getpid() : EXIT_FAILURE);

	check(cordbg_attach(pid, 0, &process), "attach");
	check(cordbg_set_unmanaged_breakpoint(process, address, sizeof(original),
					      original, &length), "set a breakpoint");
	check(cordbg_write_memory_ex(process, address, sizeof(code), code, CORDBG_FORCE,
				     &written, NULL), "write behind it");
	check(cordbg_read_memory(process, address, sizeof(behind), behind, NULL), "read");
	check(cordbg_read_memory_ex(process, address, sizeof(raw), raw, CORDBG_RAW, NULL,
				    NULL), "read memory as it is");
	check(written != sizeof(code) || memcmp(behind, code, sizeof(code)),
	      "program's bytes: all new");
	check(!memcmp(raw, code, length) ||
	      memcmp(raw + length, code + length, sizeof(code) - length),
	      "memory: opcode, then new");
	check(cordbg_clear_unmanaged_breakpoint(process, address), "clear the breakpoint");
	cordbg_detach(process);

	check(write(start[1], "", 1) != 1 || waitpid(pid, &status, 0) != pid, "run it");
	check(!WIFEXITED(status) || WEXITSTATUS(status) != 42, "getpid() returns 42");
	return EXIT_SUCCESS;
}
