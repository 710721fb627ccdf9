// SPDX-License-Identifier: GPL-2.0
/* The tool's exit statuses, and that its messages say what to do. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "cordbg_setting.h"
#include "tool_fixture.h"

#define PARAMETER	"/sys/module/cordbg/parameters/max_breakpoints"

TEST(usage)
{
	EXPECT_EQ(0, run("cordbg --help"));
	EXPECT_TRUE(has(said, "Usage: cordbg [OPTION...] COMMAND PID"));
	EXPECT_TRUE(has(said, "\n  compare   Compare memory"));
	EXPECT_EQ(0, run("cordbg --version"));
	EXPECT_EQ(0, strncmp(said, "cordbg 1.", 9));
	EXPECT_EQ(64, run("cordbg"));
	EXPECT_EQ(64, run("cordbg frobnicate 1"));
	EXPECT_TRUE(has(complained, "there is no command 'frobnicate'"));
	EXPECT_EQ(64, run("cordbg clear 1 0"));
}

TEST(usage_of_commands)
{
	static const struct {
		const char *line, *message;
	} bad[] = {
		{ "read", "the PID is missing" },
		{ "read x 0", "'x' is not a process ID" },
		{ "read 0 0", "'0' is not a process ID" },
		{ "read 1", "the ADDRESS is missing" },
		{ "read 1 0 -- -1", "'-1' is not a size" },
		{ "read 1 0 99999999999G", "not a size" },
		{ "read 1 0 1 1", "an argument too many" },
		{ "read --json -o /tmp/x 1 0", "exclude each other" },
		{ "read --color=blue 1 0", "not 'blue'" },
		{ "read --nonsense 1 0", "unrecognized option" },
		{ "write 1 0", "give what to write" },
		{ "write 1 0 9", "not hexadecimal" },
		{ "write 1 0 90 -s x", "one of them" },
		{ "write 1 0 90 -z", "--zero belongs to --string" },
		{ "break 1", "the ADDRESS is missing" },
		{ "break 1 -- true", "the ADDRESS is missing" },
		{ "break -t x 1 0", "not a number of seconds" },
		{ "break -t 1 1 0 -- true", "exclude each other" },
		{ "list 1 1", "an argument too many" },
		{ "maps", "the PID is missing" },
		{ "shell 1 a b", "an argument too many" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(64, run("cordbg %s", bad[i].line))
			TH_LOG("cordbg %s", bad[i].line);
		EXPECT_TRUE(has(complained, "%s", bad[i].message));
	}
}

static int hide_module(void)
{
	return hide_device() || mount("/proc/self/cmdline", "/proc/misc", "", MS_BIND,
				      NULL);
}

TEST_F(tool, no_device)
{
	EXPECT_EQ(3, run_after(hide_device, "cordbg list %d", self->target.pid));
	EXPECT_TRUE(has(complained, "the module is loaded: give this /dev"));
}

TEST_F(tool, no_module)
{
	EXPECT_EQ(3, run_after(hide_module, "cordbg list %d", self->target.pid));
	EXPECT_TRUE(has(complained, "the module is not loaded"));
	EXPECT_TRUE(has(complained, "modprobe cordbg"));
}

/* A node that is left, as in a container after the module is gone. */
static int leave_node(void)
{
	return hide_module() ||
	       mknod("/dev/cordbg", S_IFCHR | 0600, makedev(10, 4242));
}

TEST_F(tool, node_of_no_module)
{
	EXPECT_EQ(3, run_after(leave_node, "cordbg list %d", self->target.pid));
	EXPECT_TRUE(has(complained, "not loaded: nothing serves /dev/cordbg"));
}

static int become_nobody(void)
{
	return setgid(1234) || setuid(1234);
}

static int drop_capability(void)
{
	return prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0);
}

/* Root in a user namespace of its own, which the device's mode lets in. */
static int become_other_root(void)
{
	return unshare(CLONE_NEWUSER) || write_text("/proc/self/setgroups", "deny") ||
	       write_text("/proc/self/uid_map", "0 0 1") ||
	       write_text("/proc/self/gid_map", "0 0 1");
}

TEST_F(tool, no_permission)
{
	EXPECT_EQ(4, run_after(become_nobody, "cordbg list %d", self->target.pid));
	EXPECT_TRUE(has(complained, "no permission to open /dev/cordbg"));
	EXPECT_TRUE(has(complained, "CAP_DAC_OVERRIDE"));
	EXPECT_TRUE(has(complained, "udev rule"));
	EXPECT_EQ(4, run_after(drop_capability, "cordbg list %d", self->target.pid));
	EXPECT_TRUE(has(complained, "no permission to attach to process %d",
			self->target.pid));
	EXPECT_TRUE(has(complained, "that takes CAP_SYS_PTRACE"));
	EXPECT_EQ(4, run_after(become_other_root, "cordbg list %d", self->target.pid));
	EXPECT_TRUE(has(complained, "user namespace"));
}

TEST_F(tool, no_process)
{
	pid_t child;

	EXPECT_EQ(5, run("cordbg list 4194303"));
	EXPECT_TRUE(has(complained, "there is no process 4194303"));
	EXPECT_EQ(5, run("cordbg list 2"));
	EXPECT_TRUE(has(complained, "a kernel thread"));
	EXPECT_EQ(5, run("cordbg list $(ls /proc/%d/task | tail -n 1)",
			 self->target.pid));
	EXPECT_TRUE(has(complained, "is a thread of process %d", self->target.pid));
	child = fork();
	if (!child)
		_exit(0);
	waitid(P_PID, child, NULL, WEXITED | WNOWAIT);
	EXPECT_EQ(5, run("cordbg list %d", child));
	EXPECT_TRUE(has(complained, "has ended, and waits for its parent"));
	waitpid(child, NULL, 0);
}

TEST_F(tool, protected)
{
	uint64_t shared = at(&self->target, "shared_read_only");

	EXPECT_EQ(6, run("cordbg write %d %" PRIu64 " 00", self->target.pid,
			 at(&self->target, "target_function")));
	EXPECT_TRUE(has(complained, " is not writable: mapping 0x"));
	EXPECT_TRUE(has(complained, " r-xp /selftests/64/tool_target\n"));
	EXPECT_TRUE(has(complained, "--force writes there"));
	EXPECT_EQ(6, run("cordbg read %d %" PRIu64, self->target.pid,
			 at(&self->target, "no_access")));
	EXPECT_TRUE(has(complained, " is not readable: mapping 0x"));
	EXPECT_TRUE(has(complained, "--force reads there"));
	EXPECT_EQ(6, run("cordbg write --force %d %" PRIu64 " 00", self->target.pid,
			 shared));
	EXPECT_TRUE(has(complained, "shared memory, where --force does not help"));
	EXPECT_EQ(6, run("cordbg break -t 0 %d %" PRIu64, self->target.pid, shared));
	EXPECT_TRUE(has(complained, "would run into it (shared, hugetlb): --force"));
}

TEST_F(tool, unmapped)
{
	uint64_t file = at(&self->target, "short_file");

	EXPECT_EQ(7, run("cordbg read %d 0x10", self->target.pid));
	EXPECT_TRUE(has(complained, "0x10 is not mapped"));
	EXPECT_TRUE(has(complained, "'cordbg maps' shows"));
	EXPECT_EQ(7, run("echo read 0x10 | cordbg shell %d", self->target.pid));
	EXPECT_TRUE(has(complained, "'maps' shows"));
	EXPECT_EQ(7, run("cordbg read %d %" PRIu64 " 12K", self->target.pid, file));
	EXPECT_TRUE(has(complained, "the page of %#" PRIx64 " cannot be had", file + 8192));
	EXPECT_EQ(7, run("cordbg break -t 0 %d 0x10", self->target.pid));
	EXPECT_TRUE(has(complained, "0x10 is not mapped"));
}

TEST_F(tool, breakpoints)
{
	uint64_t rewritten = at(&self->target, "rewritten");

	EXPECT_EQ(8, run("cordbg break -t 0 %d %" PRIu64, self->target.pid,
			 rewritten + 8));
	EXPECT_TRUE(has(complained, "not cordbg's is in the way"));
	EXPECT_EQ(9, run("cordbg break -t 0 %d %" PRIu64 " %" PRIu64, self->target.pid,
			 rewritten, rewritten));
	EXPECT_TRUE(has(complained, "has a breakpoint there already"));
	EXPECT_EQ(10, run("echo clear %" PRIu64 " | cordbg shell %d", rewritten,
			  self->target.pid));
	EXPECT_TRUE(has(complained, "standard input:1: "));
	EXPECT_TRUE(has(complained, "this session has no breakpoint there"));
}

TEST_F(tool, too_many_breakpoints)
{
	uint64_t rewritten = at(&self->target, "rewritten");

	ASSERT_EQ(0, run("cat " PARAMETER "; echo 1 > " PARAMETER));
	EXPECT_EQ(11, run("cordbg break -t 0 %d %" PRIu64 " %" PRIu64, self->target.pid,
			  rewritten, rewritten + 1));
	EXPECT_TRUE(has(complained, "as many breakpoints as it may"));
	EXPECT_TRUE(has(complained, PARAMETER));
	ASSERT_EQ(0, run("echo 262144 > " PARAMETER));
}

/* Enough for the loader, which opens one file at a time. */
static int limit_files(void)
{
	struct rlimit limit = { 4, 4 };

	return setrlimit(RLIMIT_NOFILE, &limit);
}

TEST_F(tool, no_descriptors)
{
	EXPECT_EQ(12, run_after(limit_files, "exec " CORDBG_TOOL " list %d",
				self->target.pid));
	EXPECT_TRUE(has(complained, "no file descriptor left"));
}

TEST_F(tool, wraps)
{
	EXPECT_EQ(13, run("cordbg read %d 0xfffffffffffffff0 64", self->target.pid));
	EXPECT_TRUE(has(complained, "beyond the last address"));
	EXPECT_EQ(13, run("cordbg read %d 0xfffffffffffffff0 64G", self->target.pid));
}

/* A kernel without pidfd_open(2). */
static int filter_pidfd_open(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

TEST_F(tool, old_kernel)
{
	EXPECT_EQ(14, run_after(filter_pidfd_open, "cordbg list %d", self->target.pid));
	EXPECT_TRUE(has(complained, "the kernel lacks pidfd_open()"));
}

TEST_F(tool, files)
{
	EXPECT_EQ(16, run("cordbg write -i /nowhere %d target_text", self->target.pid));
	EXPECT_TRUE(has(complained, "/nowhere: cannot open: No such file"));
	EXPECT_EQ(16, run("cordbg read -o /nowhere/x %d target_text", self->target.pid));
	EXPECT_TRUE(has(complained, "/nowhere/x: cannot create: No such file"));
	EXPECT_EQ(16, run("cordbg read -o /dev/full %d target_text", self->target.pid));
	EXPECT_TRUE(has(complained, "/dev/full: cannot write: No space left"));
	EXPECT_EQ(16, run("cordbg list --json %d > /dev/full", self->target.pid));
	EXPECT_TRUE(has(complained, "standard output: cannot write"));
	EXPECT_EQ(16, run("cordbg shell %d /nowhere", self->target.pid));
	EXPECT_TRUE(has(complained, "/nowhere: cannot open: No such file"));
}

TEST_HARNESS_MAIN
