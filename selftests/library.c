// SPDX-License-Identifier: GPL-2.0
/*
 * libcordbg: every function and what it returns. What the ioctls below do is
 * tested elsewhere; here it is that the library hands it through unharmed.
 */
#include <cordbg.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cordbg_process.h"
#include "target_memory.h"

#define POISON_SIZE	((size_t)POISON64)
#define SYSCALL_STOP	(SIGTRAP | 0x80)

/* In the place of an errno, for a step that in_child() runs. */
#define ELEAK		253
#define EDIFFERS	252

/* Needs no memory and no descriptor, so that it works where they are short. */
static int count_fds(void)
{
	int fd, count = 0;

	for (fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Attach, expecting to fail: the error, if nothing is left behind. */
static int failing_attach(pid_t pid, unsigned int flags)
{
	struct cordbg_process *process = (void *)1;
	int fds = count_fds();
	int err = cordbg_attach(pid, flags, &process);

	return process || count_fds() != fds ? -ELEAK : err;
}

/* The same for taking over @fd, which is to stay open and as it was. */
static int failing_from_fd(int fd)
{
	struct cordbg_process *process = (void *)1;
	int flags = fcntl(fd, F_GETFD);
	int err = cordbg_from_fd(fd, &process);

	return process || fcntl(fd, F_GETFD) != flags ? -ELEAK : err;
}

/* Each error that the library documents has a text of its own, but for two. */
TEST(strerror_has_texts)
{
	static const int known[] = {
		0, E2BIG, EACCES, EBADF, EBUSY, EEXIST, EFAULT, EINTR, EINVAL, EMFILE,
		ENFILE, ENODEV, ENOENT, ENOMEM, ENOSPC, ENOSYS, ENOTCONN, ENXIO,
		EOVERFLOW, EPERM, ERANGE, ESRCH, EMSGSIZE, ECANCELED, EIO,
	};
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		EXPECT_STREQ(cordbg_strerror(known[i]), cordbg_strerror(-known[i]));
		for (j = 0; j < i; j++)
			EXPECT_STRNE(cordbg_strerror(known[i]),
				     cordbg_strerror(known[j]));
	}
	EXPECT_STREQ(cordbg_strerror(E2BIG), cordbg_strerror(ENOTTY));
	EXPECT_STREQ("unknown error", cordbg_strerror(EIO));
	EXPECT_STREQ("unknown error", cordbg_strerror(INT_MIN));
}

TEST(hresult)
{
	static const struct {
		int error;
		uint32_t hresult;
	} known[] = {
		{ 0, 0 },
		{ EINVAL, 0x80070057 }, { ENOMEM, 0x8007000e },
		{ EPERM, 0x80070005 }, { ESRCH, 0x80131301 },
		{ ENOENT, 0x80131c05 }, { EEXIST, 0x80131c07 },
		{ ENXIO, 0x800701e7 }, { EACCES, 0x800703e6 },
		{ EOVERFLOW, 0x80070216 }, { EINTR, 0x8007012b },
		{ EFAULT, 0x80004003 }, { ERANGE, 0x8007007a },
		{ EBUSY, 0x800700aa }, { ENOSPC, 0x80070718 },
		{ ECANCELED, 0x80004004 }, { EMSGSIZE, 0x80070018 },
		{ EBADF, 0x80070006 }, { ENOTCONN, 0x800708ca },
		{ ENODEV, 0x80070037 }, { EMFILE, 0x80070004 },
		{ ENFILE, 0x80070004 }, { E2BIG, 0x80004001 },
		{ ENOSYS, 0x80004001 }, { ENOTTY, 0x80004001 },
		{ EIO, 0x80004005 }, { 100000, 0x80004005 },
		{ INT_MAX, 0x80004005 }, { INT_MIN, 0x80004005 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		EXPECT_EQ((int32_t)known[i].hresult,
			  cordbg_hresult(known[i].error)) {
			TH_LOG("error %d", known[i].error);
		}
		if (known[i].error == INT_MIN)
			continue;
		EXPECT_EQ((int32_t)known[i].hresult,
			  cordbg_hresult(-known[i].error)) {
			TH_LOG("error %d", -known[i].error);
		}
	}
}

TEST(detach_null)
{
	cordbg_detach(NULL);
}

/*
 * A target has, where the test has it too, two writable pages, one that is only
 * readable and one that is not mapped. Every byte is 0x11.
 */
FIXTURE(library)
{
	struct target t;
	struct cordbg_process *process;
	uint8_t *area;
	uint8_t *read_only;
	uint8_t *hole;
	uint64_t base;
};

FIXTURE_SETUP(library)
{
	long page = page_size();

	self->area = map_private(4 * page);
	ASSERT_NE(NULL, self->area);
	memset(self->area, 0x11, 3 * page);
	self->base = ptr_u64(self->area);
	self->read_only = self->area + 2 * page;
	self->hole = self->area + 3 * page;
	ASSERT_EQ(0, mprotect(self->read_only, page, PROT_READ));
	ASSERT_EQ(0, munmap(self->hole, page));
	ASSERT_EQ(0, target_start(&self->t));
	ASSERT_EQ(0, cordbg_attach(self->t.pid, 0, &self->process));
}

FIXTURE_TEARDOWN(library)
{
	cordbg_detach(self->process);
	EXPECT_EQ(0, target_stop(&self->t));
}

/*
 * Attach
 */

TEST_F(library, attach_itself)
{
	struct cordbg_process *process;
	uint8_t byte = 0x22;

	ASSERT_EQ(0, cordbg_attach(getpid(), 0, &process));
	EXPECT_EQ(0, cordbg_write_memory(process, self->base, 1, &byte, NULL));
	EXPECT_EQ(0x22, self->area[0]);
	cordbg_detach(process);
}

TEST_F(library, attach_unknown_flag)
{
	EXPECT_EQ(-EINVAL, failing_attach(self->t.pid, 1));
	EXPECT_EQ(-EINVAL, failing_attach(self->t.pid, 1U << 31));
}

TEST_F(library, attach_no_process)
{
	siginfo_t info;
	pid_t pid;

	EXPECT_EQ(-EINVAL, failing_attach(0, 0));
	EXPECT_EQ(-EINVAL, failing_attach(-1, 0));
	EXPECT_EQ(-ESRCH, failing_attach(INT_MAX, 0));
	EXPECT_EQ(-ESRCH, failing_attach(2, 0)) {
		TH_LOG("a kernel thread");
	}

	pid = fork();
	if (!pid)
		_exit(0);
	ASSERT_EQ(0, waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	EXPECT_EQ(-ESRCH, failing_attach(pid, 0)) {
		TH_LOG("a zombie");
	}
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(-ESRCH, failing_attach(pid, 0));
}

static void *wait_for_end(void *pipe)
{
	pid_t tid = syscall(SYS_gettid);
	int *fds = pipe;
	char byte;

	if (write(fds[1], &tid, sizeof(tid)) == sizeof(tid))
		if (read(fds[2], &byte, 1))
			_exit(1);
	_exit(0);
}

/*
 * A process with a second thread that tells its ID, waits until the test closes
 * @end, and then ends the process. The first thread may end at once.
 */
static pid_t fork_threads(bool leader_exits, pid_t *tid, int *end)
{
	int ids[2], ends[2], fds[3];
	pthread_t thread;
	pid_t pid;

	if (pipe2(ids, O_CLOEXEC) || pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[1]);
		fds[1] = ids[1];
		fds[2] = ends[0];
		if (pthread_create(&thread, NULL, wait_for_end, fds))
			_exit(1);
		if (leader_exits)
			syscall(SYS_exit, 0);
		pause();
	}
	close(ends[0]);
	close(ids[1]);
	*end = ends[1];
	if (read(ids[0], tid, sizeof(*tid)) != sizeof(*tid))
		return -EPIPE;
	close(ids[0]);
	return pid;
}

TEST_F(library, attach_thread_id)
{
	pid_t pid, tid;
	int end;

	pid = fork_threads(false, &tid, &end);
	ASSERT_LT(0, pid);
	ASSERT_NE(pid, tid);
	EXPECT_EQ(-ESRCH, failing_attach(tid, 0));
	close(end);
	EXPECT_EQ(0, child_result(pid));
}

/* A zombie to look at, but not one to poll(2): the process goes on. */
TEST_F(library, attach_leader_exited)
{
	struct cordbg_process *process;
	uint8_t byte = 0x22, seen = 0;
	size_t n = POISON_SIZE;
	pid_t pid, tid;
	int end;

	pid = fork_threads(true, &tid, &end);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, wait_for_state(pid, 'Z', 10000));

	ASSERT_EQ(0, cordbg_attach(pid, 0, &process));
	EXPECT_EQ(0, cordbg_write_memory(process, self->base, 1, &byte, &n));
	EXPECT_EQ(1, n);
	EXPECT_EQ(0, cordbg_read_memory(process, self->base, 1, &seen, NULL));
	EXPECT_EQ(0x22, seen);
	EXPECT_EQ(-ESRCH, failing_attach(tid, 0));

	close(end);
	EXPECT_EQ(0, child_result(pid));
	EXPECT_EQ(-ESRCH, cordbg_write_memory(process, self->base, 1, &byte,
					      &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(-ESRCH, failing_attach(pid, 0));
	cordbg_detach(process);
}

/*
 * The gap between a number and its process, held open: the attaching process is
 * stopped as soon as it has its pidfd.
 */
static int run_to_syscall(pid_t pid, long nr)
{
	struct __ptrace_syscall_info info;
	bool entered = false;
	int status;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0))
			return -errno;
		if (waitpid(pid, &status, 0) != pid)
			return -errno;
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SYSCALL_STOP)
			return -ECHILD;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
			return -errno;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			entered = info.entry.nr == (uint64_t)nr;
		else if (entered)
			return info.exit.rval;
	}
}

static pid_t fork_attacher(pid_t target)
{
	struct cordbg_process *process;
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP))
			_exit(255);
		_exit(-cordbg_attach(target, 0, &process));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL))
		return -ECHILD;
	return pid;
}

static pid_t fork_with_id(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = ptr_u64(&pid),
		.set_tid_size = 1,
	};
	pid_t child = syscall(SYS_clone3, &args, sizeof(args));

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return child < 0 ? -errno : child;
}

TEST_F(library, attach_id_used_again)
{
	struct cordbg_process *process;
	struct target t;
	pid_t attacher;

	ASSERT_EQ(0, target_start(&t));
	attacher = fork_attacher(t.pid);
	ASSERT_LT(0, attacher);
	ASSERT_LE(0, run_to_syscall(attacher, SYS_pidfd_open));

	/* Now the number passes to another process, which can be attached to. */
	child_kill(t.pid);
	ASSERT_EQ(t.pid, fork_with_id(t.pid));
	ASSERT_EQ(0, cordbg_attach(t.pid, 0, &process));
	cordbg_detach(process);

	ASSERT_EQ(0, ptrace(PTRACE_DETACH, attacher, 0, 0));
	EXPECT_EQ(-ESRCH, child_result(attacher));
	child_kill(t.pid);
}

/* The control: the same, with the process left alone. */
TEST_F(library, attach_traced)
{
	pid_t attacher = fork_attacher(self->t.pid);

	ASSERT_LT(0, attacher);
	ASSERT_LE(0, run_to_syscall(attacher, SYS_pidfd_open));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, attacher, 0, 0));
	EXPECT_EQ(0, child_result(attacher));
}

/* Steps for in_child(); @arg is the target's ID. */
static int attach_plain(void *arg)
{
	int err = become_plain();

	return err ? err : failing_attach(*(pid_t *)arg, 0);
}

static int attach_without_ptrace(void *arg)
{
	int err = become_without(CAP_SYS_PTRACE);

	return err ? err : failing_attach(*(pid_t *)arg, 0);
}

TEST_F(library, attach_forbidden)
{
	EXPECT_EQ(-EPERM, in_child(attach_plain, &self->t.pid)) {
		TH_LOG("may not open the device");
	}
	EXPECT_EQ(-EPERM, in_child(attach_without_ptrace, &self->t.pid)) {
		TH_LOG("may open the device, may not debug");
	}
}

/* An empty /dev, for this process alone. */
static int hide_devices(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/dev", "ramfs", 0, NULL))
		return -errno;
	return 0;
}

static int attach_no_node(void *arg)
{
	int err = hide_devices();

	return err ? err : failing_attach(*(pid_t *)arg, 0);
}

/* A node that has outlived the module. */
static int attach_no_driver(void *arg)
{
	int err = hide_devices();

	if (!err && mknod(CORDBG_DEVICE, S_IFCHR | 0600, makedev(4094, 0)))
		err = -errno;
	return err ? err : failing_attach(*(pid_t *)arg, 0);
}

TEST_F(library, attach_no_device)
{
	EXPECT_EQ(-ENODEV, in_child(attach_no_node, &self->t.pid));
	EXPECT_EQ(-ENODEV, in_child(attach_no_driver, &self->t.pid));
}

/* Leave @nr file descriptors to be opened. */
static int limit_fds(unsigned int nr)
{
	struct rlimit rlimit;
	unsigned int i;
	int fds[2];

	for (i = 0; i < nr; i++)
		fds[i] = dup(STDERR_FILENO);
	rlimit.rlim_cur = dup(STDERR_FILENO);
	rlimit.rlim_max = rlimit.rlim_cur;
	close(rlimit.rlim_cur);
	for (i = 0; i < nr; i++)
		close(fds[i]);
	return setrlimit(RLIMIT_NOFILE, &rlimit) ? -errno : 0;
}

/* @arg: the target, and how many descriptors may be opened. */
static int attach_few_fds(void *arg)
{
	struct cordbg_process *process;
	const pid_t *args = arg;
	int err = limit_fds(args[1]);

	if (err)
		return err;
	return args[1] < 2 ? failing_attach(args[0], 0) :
			     cordbg_attach(args[0], 0, &process);
}

TEST_F(library, attach_no_fd)
{
	pid_t args[] = { self->t.pid, 0 };

	EXPECT_EQ(-EMFILE, in_child(attach_few_fds, args));
	args[1] = 1;
	EXPECT_EQ(-EMFILE, in_child(attach_few_fds, args));
	args[1] = 2;
	EXPECT_EQ(0, in_child(attach_few_fds, args));
}

/* Take all memory that malloc() can give. */
static int exhaust_memory(void)
{
	struct rlimit none = { 0, 0 };
	void *memory;
	size_t size;

	if (setrlimit(RLIMIT_AS, &none) || setrlimit(RLIMIT_DATA, &none))
		return -errno;
	for (size = 1 << 20; size; size /= 2)
		do {
			memory = malloc(size);
			/* Or the compiler sees that nobody needs it. */
			asm volatile("" : "+r" (memory));
		} while (memory);
	return 0;
}

static int attach_no_memory(void *arg)
{
	int err = exhaust_memory();

	return err ? err : failing_attach(*(pid_t *)arg, 0);
}

static int from_fd_no_memory(void *arg)
{
	int err = exhaust_memory();

	return err ? err : failing_from_fd(*(int *)arg);
}

TEST_F(library, no_memory)
{
	int fd = session_open(self->t.pid);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOMEM, in_child(attach_no_memory, &self->t.pid));
	EXPECT_EQ(-ENOMEM, in_child(from_fd_no_memory, &fd));
}

/* Let a system call fail. @args: the target, the call's number, the errno. */
static int attach_filtered(void *arg)
{
	const int *args = arg;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, args[1], 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | args[2]),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return -errno;
	return failing_attach(args[0], 0);
}

/* No check, no session: the gap is not left open in silence. */
TEST_F(library, attach_filtered)
{
	int args[] = { self->t.pid, SYS_pidfd_open, ENOSYS };

	EXPECT_EQ(-ENOSYS, in_child(attach_filtered, args));
	args[2] = EPERM;
	EXPECT_EQ(-EPERM, in_child(attach_filtered, args));
	/* What kernels of different age say of a thread's ID. */
	args[2] = EINVAL;
	EXPECT_EQ(-ESRCH, in_child(attach_filtered, args));
	args[2] = ENOENT;
	EXPECT_EQ(-ESRCH, in_child(attach_filtered, args));
#ifdef SYS_poll
	args[1] = SYS_poll;
	args[2] = EPERM;
	EXPECT_EQ(-EPERM, in_child(attach_filtered, args));
#endif
}

/*
 * File descriptors
 */

TEST_F(library, fd)
{
	int fd = cordbg_fd(self->process);
	uint8_t byte = 0;

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(-EBUSY, do_attach(fd, self->t.pid));
	EXPECT_EQ(0, do_read(fd, self->base, &byte, 1, 0, NULL, NULL));
	EXPECT_EQ(0x11, byte);
}

TEST_F(library, detach_clears)
{
	uint8_t original[CORDBG_OPCODE_MAX], seen[OPCODE_LEN];
	int fd = cordbg_fd(self->process);

	ASSERT_EQ(0, cordbg_set_unmanaged_breakpoint(self->process, self->base,
						     sizeof(original), original,
						     NULL));
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, OPCODE_LEN));
	EXPECT_EQ(0, memcmp(opcode, seen, OPCODE_LEN));
	cordbg_detach(self->process);
	self->process = NULL;
	EXPECT_EQ(-1, fcntl(fd, F_GETFD));
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, OPCODE_LEN));
	EXPECT_TRUE(all_bytes(seen, 0x11, OPCODE_LEN));
}

TEST_F(library, from_fd)
{
	struct cordbg_process *process = NULL;
	int fd = open(CORDBG_DEVICE, O_RDWR);
	uint8_t byte = 0;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOTCONN, failing_from_fd(fd));
	ASSERT_EQ(0, do_attach(fd, self->t.pid));
	ASSERT_EQ(0, cordbg_from_fd(fd, &process));
	EXPECT_EQ(fd, cordbg_fd(process));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, cordbg_read_memory(process, self->base, 1, &byte, NULL));
	EXPECT_EQ(0x11, byte);
	cordbg_detach(process);
	EXPECT_EQ(-1, fcntl(fd, F_GETFD));
}

TEST_F(library, from_fd_process_gone)
{
	int fd = session_open(self->t.pid);

	ASSERT_LE(0, fd);
	child_kill(self->t.pid);
	EXPECT_EQ(-ESRCH, failing_from_fd(fd));
	ASSERT_EQ(0, target_start(&self->t));
}

TEST(from_fd_of_something_else)
{
	int fds[2], fd;

	EXPECT_EQ(-EBADF, failing_from_fd(-1));
	fd = open("/", O_RDONLY);
	EXPECT_EQ(-EINVAL, failing_from_fd(fd));
	close(fd);
	EXPECT_EQ(-EBADF, failing_from_fd(fd));
	fd = open(CORDBG_DEVICE, O_PATH);
	EXPECT_EQ(-EBADF, failing_from_fd(fd));
	close(fd);
	fd = open("/dev/null", O_RDWR);
	EXPECT_EQ(-EINVAL, failing_from_fd(fd));
	close(fd);
	fd = file_create("x", 1, 1);
	EXPECT_EQ(-EINVAL, failing_from_fd(fd));
	close(fd);
	fd = open("/proc/self/mem", O_RDWR);
	EXPECT_EQ(-EINVAL, failing_from_fd(fd));
	close(fd);
	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-EINVAL, failing_from_fd(fds[0]));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	EXPECT_EQ(-EINVAL, failing_from_fd(fds[0]));
}

struct receiver {
	int socket;
	uint64_t base;
};

/* Someone who may neither open the device nor debug, but gets a session. */
static int use_received(struct receiver *receiver)
{
	uint8_t original[CORDBG_OPCODE_MAX], bytes[] = { 0x22, 0x33 };
	struct cordbg_process *process;
	int fd, err;

	/* Without FD_CLOEXEC, which is for the library to set. */
	fd = fd_receive(receiver->socket, 0);
	if (fd < 0)
		return fd;
	err = become_plain();
	if (!err)
		err = cordbg_from_fd(fd, &process);
	if (err)
		return err;
	if (cordbg_fd(process) != fd || fcntl(fd, F_GETFD) != FD_CLOEXEC)
		return -EDIFFERS;
	err = cordbg_set_unmanaged_breakpoint(process, receiver->base,
					      sizeof(original), original, NULL);
	if (!err)
		err = cordbg_write_memory(process, receiver->base + 8,
					  sizeof(bytes), bytes, NULL);
	cordbg_detach(process);
	return err;
}

TEST_F(library, from_fd_received)
{
	struct receiver receiver = { .base = self->base };
	uint8_t seen[16];
	int sockets[2];
	size_t count;
	pid_t pid;

	/* Forked before there is a session to inherit. */
	cordbg_detach(self->process);
	self->process = NULL;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	receiver.socket = sockets[1];
	pid = fork();
	if (!pid)
		_exit(-use_received(&receiver));

	ASSERT_EQ(0, cordbg_attach(self->t.pid, 0, &self->process));
	ASSERT_EQ(0, fd_send(sockets[0], cordbg_fd(self->process)));
	EXPECT_EQ(0, child_result(pid));

	/* Its breakpoint is the session's, and the session is still open. */
	EXPECT_EQ(0, cordbg_list_breakpoints(self->process, NULL, 0, &count));
	EXPECT_EQ(1, count);
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, sizeof(seen)));
	EXPECT_EQ(0, memcmp(opcode, seen, OPCODE_LEN));
	EXPECT_EQ(0x22, seen[8]);
	EXPECT_EQ(0x33, seen[9]);
	EXPECT_EQ(0, cordbg_clear_unmanaged_breakpoint(self->process,
						       self->base));
}

/*
 * Write and read
 */

TEST_F(library, write_and_read)
{
	uint8_t out[100], in[100], seen[100];
	size_t n = POISON_SIZE;

	fill_any(out, sizeof(out), 0);
	EXPECT_EQ(0, cordbg_write_memory(self->process, self->base + 10,
					 sizeof(out), out, &n));
	EXPECT_EQ(sizeof(out), n);
	ASSERT_EQ(0, peek(self->t.pid, self->area + 10, seen, sizeof(seen)));
	EXPECT_EQ(0, memcmp(out, seen, sizeof(out)));

	n = POISON_SIZE;
	EXPECT_EQ(0, cordbg_read_memory(self->process, self->base + 10,
					sizeof(in), in, &n));
	EXPECT_EQ(sizeof(in), n);
	EXPECT_EQ(0, memcmp(out, in, sizeof(out)));
}

TEST_F(library, count_not_wanted)
{
	uint8_t byte = 0x22, seen = 0;

	EXPECT_EQ(0, cordbg_write_memory(self->process, self->base, 1, &byte,
					 NULL));
	EXPECT_EQ(0, cordbg_read_memory(self->process, self->base, 1, &seen,
					NULL));
	EXPECT_EQ(0x22, seen);
	EXPECT_EQ(0, cordbg_write_memory_ex(self->process, self->base, 1, &byte,
					    0, NULL, NULL));
	EXPECT_EQ(-ENXIO, cordbg_write_memory_ex(self->process,
						 ptr_u64(self->hole), 1, &byte,
						 0, NULL, NULL));
	EXPECT_EQ(-ENXIO, cordbg_read_memory_ex(self->process,
						ptr_u64(self->hole), 1, &byte,
						0, NULL, NULL));
}

TEST_F(library, size_zero)
{
	uint64_t failed = POISON64;
	size_t n = POISON_SIZE;

	EXPECT_EQ(0, cordbg_write_memory(self->process, self->base, 0, NULL,
					 &n));
	EXPECT_EQ(0, n);
	n = POISON_SIZE;
	EXPECT_EQ(0, cordbg_read_memory(self->process, self->base, 0, NULL,
					&n));
	EXPECT_EQ(0, n);
	n = POISON_SIZE;
	EXPECT_EQ(0, cordbg_write_memory_ex(self->process, ptr_u64(self->hole),
					    0, NULL, 0, &n, &failed));
	EXPECT_EQ(0, n);
	EXPECT_EQ(POISON64, failed);
}

/* More than one page, so another route in the kernel than the few bytes. */
TEST_F(library, long_range)
{
	static uint8_t out[8000], in[sizeof(out)];
	size_t n = POISON_SIZE;

	fill_any(out, sizeof(out), 3);
	EXPECT_EQ(0, cordbg_write_memory(self->process, self->base + 1,
					 sizeof(out), out, &n));
	EXPECT_EQ(sizeof(out), n);
	ASSERT_EQ(0, peek(self->t.pid, self->area + 1, in, sizeof(in)));
	EXPECT_EQ(0, memcmp(out, in, sizeof(in)));
	memset(in, 0, sizeof(in));
	n = POISON_SIZE;
	EXPECT_EQ(0, cordbg_read_memory(self->process, self->base + 1,
					sizeof(in), in, &n));
	EXPECT_EQ(sizeof(in), n);
	EXPECT_EQ(0, memcmp(out, in, sizeof(in)));
}

TEST_F(library, probe)
{
	uint64_t failed = POISON64;
	size_t n = POISON_SIZE;
	uint8_t seen;

	EXPECT_EQ(0, cordbg_write_memory_ex(self->process, self->base, 1000,
					    NULL, CORDBG_PROBE, &n, &failed));
	EXPECT_EQ(0, n);
	EXPECT_EQ(POISON64, failed);
	ASSERT_EQ(0, peek(self->t.pid, self->area, &seen, 1));
	EXPECT_EQ(0x11, seen);

	EXPECT_EQ(-EACCES, cordbg_write_memory_ex(self->process,
						  ptr_u64(self->read_only), 1,
						  NULL, CORDBG_PROBE, &n,
						  &failed));
	EXPECT_EQ(ptr_u64(self->read_only), failed);
	n = POISON_SIZE;
	EXPECT_EQ(0, cordbg_read_memory_ex(self->process,
					   ptr_u64(self->read_only), 1, NULL,
					   CORDBG_PROBE, &n, &failed));
	EXPECT_EQ(0, n);
}

TEST_F(library, force)
{
	uint64_t address = ptr_u64(self->read_only);
	uint8_t byte = 0x22, seen = 0;
	size_t n = POISON_SIZE;

	EXPECT_EQ(0, cordbg_write_memory_ex(self->process, address, 1, &byte,
					    CORDBG_FORCE, &n, NULL));
	EXPECT_EQ(1, n);
	ASSERT_EQ(0, target_call(&self->t, in_target_protect, address,
				 page_size(), PROT_NONE));
	EXPECT_EQ(-EACCES, cordbg_read_memory(self->process, address, 1, &seen,
					      &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, cordbg_read_memory_ex(self->process, address, 1, &seen,
					   CORDBG_FORCE, &n, NULL));
	EXPECT_EQ(1, n);
	EXPECT_EQ(0x22, seen);
}

/* The raw view: behind it is for the breakpoint's tests. */
TEST_F(library, raw)
{
	uint8_t original[CORDBG_OPCODE_MAX], raw[16], behind[16];
	size_t n = POISON_SIZE;

	ASSERT_EQ(0, cordbg_set_unmanaged_breakpoint(self->process, self->base,
						     sizeof(original), original,
						     NULL));
	EXPECT_EQ(0, cordbg_read_memory_ex(self->process, self->base,
					   sizeof(raw), raw, CORDBG_RAW, &n,
					   NULL));
	EXPECT_EQ(sizeof(raw), n);
	EXPECT_EQ(0, memcmp(opcode, raw, OPCODE_LEN));
	EXPECT_TRUE(all_bytes(raw + OPCODE_LEN, 0x11,
			      sizeof(raw) - OPCODE_LEN));
	EXPECT_EQ(0, cordbg_read_memory_ex(self->process, self->base,
					   sizeof(behind), behind, 0, &n,
					   NULL));
	EXPECT_TRUE(all_bytes(behind, 0x11, sizeof(behind)));
}

/*
 * A transfer that is refused: two bytes below @boundary, two above. Neither
 * is written, and the boundary is told.
 */
static void expect_refusal(struct __test_metadata *_metadata,
			   struct cordbg_process *process, uint64_t boundary,
			   int write_error, int read_error)
{
	uint8_t bytes[4] = { 0x22, 0x22, 0x22, 0x22 };
	uint64_t failed = POISON64;
	size_t n = POISON_SIZE;

	EXPECT_EQ(write_error, cordbg_write_memory(process, boundary - 2, 4,
						   bytes, &n));
	EXPECT_EQ(0, n);
	n = POISON_SIZE;
	EXPECT_EQ(write_error, cordbg_write_memory_ex(process, boundary - 2, 4,
						      bytes, 0, &n, &failed));
	EXPECT_EQ(0, n);
	EXPECT_EQ(boundary, failed);

	failed = POISON64;
	n = POISON_SIZE;
	EXPECT_EQ(read_error, cordbg_read_memory(process, boundary - 2, 4,
						 bytes, &n));
	EXPECT_EQ(read_error ? 0 : 4, n);
	n = POISON_SIZE;
	EXPECT_EQ(read_error, cordbg_read_memory_ex(process, boundary - 2, 4,
						    bytes, 0, &n, &failed));
	EXPECT_EQ(read_error ? 0 : 4, n);
	EXPECT_EQ(read_error ? boundary : POISON64, failed);
}

TEST_F(library, failed_address)
{
	long page = page_size();
	uint8_t seen[2];

	expect_refusal(_metadata, self->process, ptr_u64(self->read_only),
		       -EACCES, 0);
	ASSERT_EQ(0, peek(self->t.pid, self->read_only - 2, seen, 2));
	EXPECT_TRUE(all_bytes(seen, 0x11, 2));

	ASSERT_EQ(0, target_call(&self->t, in_target_protect,
				 (unsigned long)self->read_only, page,
				 PROT_READ | PROT_WRITE));
	expect_refusal(_metadata, self->process, ptr_u64(self->hole), -ENXIO,
		       -ENXIO);
	ASSERT_EQ(0, peek(self->t.pid, self->hole - 2, seen, 2));
	EXPECT_TRUE(all_bytes(seen, 0x11, 2));

	ASSERT_EQ(0, target_call(&self->t, in_target_protect,
				 (unsigned long)self->read_only, page,
				 PROT_NONE));
	expect_refusal(_metadata, self->process, ptr_u64(self->read_only),
		       -EACCES, -EACCES);
}

/* Errors that no address of the target is to blame for. */
TEST_F(library, transfer_refused)
{
	uint8_t bytes[4] = { 0x22, 0x22, 0x22, 0x22 };
	const struct {
		int error;
		uint64_t address;
		void *buffer;
		unsigned int flags;
		bool write_only;
	} cases[] = {
		{ -EINVAL, self->base, bytes, 1U << 31, false },
		{ -EINVAL, self->base, bytes, CORDBG_RAW, true },
		{ -EFAULT, self->base, NULL, 0, false },
		{ -EFAULT, self->base, self->hole, 0, false },
		{ -EOVERFLOW, UINT64_MAX - 1, bytes, 0, false },
	};
	uint64_t failed = POISON64;
	uint8_t seen[4];
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		n = POISON_SIZE;
		EXPECT_EQ(cases[i].error,
			  cordbg_write_memory_ex(self->process,
						 cases[i].address, 4,
						 cases[i].buffer,
						 cases[i].flags, &n, &failed)) {
			TH_LOG("case %zu", i);
		}
		EXPECT_EQ(0, n);
		if (cases[i].write_only)
			continue;
		n = POISON_SIZE;
		EXPECT_EQ(cases[i].error,
			  cordbg_read_memory_ex(self->process,
						cases[i].address, 4,
						cases[i].buffer,
						cases[i].flags, &n, &failed)) {
			TH_LOG("case %zu", i);
		}
		EXPECT_EQ(0, n);
	}
	EXPECT_EQ(POISON64, failed);
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, 4));
	EXPECT_TRUE(all_bytes(seen, 0x11, 4));
}

/* A count that cannot be stored is found before the target is touched. */
TEST_F(library, bad_count)
{
	uint8_t byte = 0x22, seen;
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		cordbg_write_memory(self->process, self->base, 1, &byte,
				    (size_t *)self->hole);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	ASSERT_EQ(0, peek(self->t.pid, self->area, &seen, 1));
	EXPECT_EQ(0x11, seen);
}

/*
 * Breakpoints
 */

static int set_breakpoint(struct cordbg_process *process, const void *address)
{
	uint8_t original[CORDBG_OPCODE_MAX];

	return cordbg_set_unmanaged_breakpoint(process, ptr_u64(address),
					       sizeof(original), original,
					       NULL);
}

TEST_F(library, breakpoint)
{
	uint8_t original[CORDBG_OPCODE_MAX + 1], seen[OPCODE_LEN];
	uint8_t data[OPCODE_LEN];
	uint32_t length = POISON32;
	size_t n = POISON_SIZE;

	memset(original, 0xa5, sizeof(original));
	memset(data, 0x22, sizeof(data));
	EXPECT_EQ(0, cordbg_set_unmanaged_breakpoint(self->process, self->base,
						     CORDBG_OPCODE_MAX,
						     original, &length));
	EXPECT_EQ(OPCODE_LEN, length);
	EXPECT_TRUE(all_bytes(original, 0x11, OPCODE_LEN));
	EXPECT_TRUE(all_bytes(original + OPCODE_LEN, 0xa5,
			      sizeof(original) - OPCODE_LEN));

	EXPECT_EQ(0, cordbg_write_memory(self->process, self->base, OPCODE_LEN,
					 data, &n));
	EXPECT_EQ(OPCODE_LEN, n);
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, OPCODE_LEN));
	EXPECT_EQ(0, memcmp(opcode, seen, OPCODE_LEN));
	EXPECT_EQ(0, cordbg_read_memory(self->process, self->base, OPCODE_LEN,
					seen, &n));
	EXPECT_EQ(0, memcmp(data, seen, OPCODE_LEN));

	EXPECT_EQ(0, cordbg_clear_unmanaged_breakpoint(self->process,
						       self->base));
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, OPCODE_LEN));
	EXPECT_EQ(0, memcmp(data, seen, OPCODE_LEN));
}

/* Asking for the length first, and with a buffer of exactly that length. */
TEST_F(library, opcode_length)
{
	uint8_t original[OPCODE_LEN], seen[OPCODE_LEN];
	uint32_t length = POISON32;
	size_t count;

	EXPECT_EQ(-ERANGE, cordbg_set_unmanaged_breakpoint(self->process,
							   self->base, 0, NULL,
							   &length));
	EXPECT_EQ(OPCODE_LEN, length);
	length = POISON32;
	EXPECT_EQ(-ERANGE, cordbg_set_unmanaged_breakpoint(self->process,
							   self->base,
							   OPCODE_LEN - 1,
							   original, &length));
	EXPECT_EQ(OPCODE_LEN, length);
	EXPECT_EQ(-ERANGE, cordbg_set_unmanaged_breakpoint(self->process,
							   self->base, 0, NULL,
							   NULL));
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, OPCODE_LEN));
	EXPECT_TRUE(all_bytes(seen, 0x11, OPCODE_LEN));
	EXPECT_EQ(0, cordbg_list_breakpoints(self->process, NULL, 0, &count));
	EXPECT_EQ(0, count);

	length = POISON32;
	EXPECT_EQ(0, cordbg_set_unmanaged_breakpoint(self->process, self->base,
						     OPCODE_LEN, original,
						     &length));
	EXPECT_EQ(OPCODE_LEN, length);
}

TEST_F(library, breakpoint_refused)
{
	uint8_t original[CORDBG_OPCODE_MAX];
	uint8_t *foreign = self->area + 64;
	const struct {
		int error;
		const void *address;
		void *buffer;
	} cases[] = {
		{ -EEXIST, self->area, original },
		{ -EBUSY, foreign, original },
		{ -ENXIO, self->hole, original },
		{ -EFAULT, self->area + 128, NULL },
		{ -EFAULT, self->area + 128, self->hole },
	};
	uint32_t length;
	size_t i;

	ASSERT_EQ(0, set_breakpoint(self->process, self->area));
	ASSERT_EQ(0, cordbg_write_memory(self->process, ptr_u64(foreign),
					 OPCODE_LEN, opcode, NULL));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		length = POISON32;
		EXPECT_EQ(cases[i].error,
			  cordbg_set_unmanaged_breakpoint(self->process,
							  ptr_u64(cases[i].address),
							  sizeof(original),
							  cases[i].buffer,
							  &length)) {
			TH_LOG("case %zu", i);
		}
		EXPECT_EQ(0, length);
	}
}

TEST_F(library, breakpoint_in_shared_read_only)
{
	struct cordbg_process *process;
	uint8_t *shared = map_anon(page_size(), PROT_READ, MAP_SHARED);

	ASSERT_NE(NULL, shared);
	ASSERT_EQ(0, cordbg_attach(getpid(), 0, &process));
	EXPECT_EQ(-EACCES, set_breakpoint(process, shared));
	cordbg_detach(process);
}

TEST_F(library, too_many_breakpoints)
{
	long max;

	ASSERT_EQ(0, exchange_setting(MAX_BREAKPOINTS, 1, &max));
	EXPECT_EQ(0, set_breakpoint(self->process, self->area));
	EXPECT_EQ(-ENOSPC, set_breakpoint(self->process, self->area + 64));
	EXPECT_EQ(0, write_setting(MAX_BREAKPOINTS, max));
	EXPECT_EQ(0, set_breakpoint(self->process, self->area + 64));
}

TEST_F(library, clear_not_set)
{
	EXPECT_EQ(-ENOENT, cordbg_clear_unmanaged_breakpoint(self->process,
							     self->base));
	ASSERT_EQ(0, set_breakpoint(self->process, self->area));
	EXPECT_EQ(0, cordbg_clear_unmanaged_breakpoint(self->process,
						       self->base));
	EXPECT_EQ(-ENOENT, cordbg_clear_unmanaged_breakpoint(self->process,
							     self->base));
}

static void expect_entry(struct __test_metadata *_metadata,
			 const struct cordbg_breakpoint *entry,
			 const void *address, uint32_t flags)
{
	EXPECT_EQ(ptr_u64(address), entry->address);
	EXPECT_EQ(OPCODE_LEN, entry->length);
	EXPECT_EQ(flags, entry->flags);
	EXPECT_TRUE(all_bytes(entry->original, 0x11, OPCODE_LEN));
	EXPECT_TRUE(all_bytes(entry->original + OPCODE_LEN, 0,
			      CORDBG_OPCODE_MAX - OPCODE_LEN));
}

TEST_F(library, list)
{
	const uint32_t planted = CORDBG_BREAKPOINT_PLANTED;
	const uint32_t mine = planted | CORDBG_BREAKPOINT_MINE;
	struct cordbg_breakpoint list[5];
	struct cordbg_process *other;
	size_t count = POISON_SIZE;
	/* More than the kernel's 32 bits can say, where that is possible. */
	size_t enormous = (size_t)(1ULL << 32) ?: SIZE_MAX;

	EXPECT_EQ(0, cordbg_list_breakpoints(self->process, NULL, 0, &count));
	EXPECT_EQ(0, count);

	ASSERT_EQ(0, set_breakpoint(self->process, self->area + 64));
	ASSERT_EQ(0, set_breakpoint(self->process, self->area + 32));
	ASSERT_EQ(0, set_breakpoint(self->process, self->area));
	ASSERT_EQ(0, cordbg_attach(self->t.pid, 0, &other));
	ASSERT_EQ(0, set_breakpoint(other, self->area + 48));
	ASSERT_EQ(0, set_breakpoint(other, self->area + 64));

	memset(list, 0xa5, sizeof(list));
	EXPECT_EQ(0, cordbg_list_breakpoints(self->process, list, 5, &count));
	EXPECT_EQ(4, count);
	expect_entry(_metadata, &list[0], self->area, mine);
	expect_entry(_metadata, &list[1], self->area + 32, mine);
	expect_entry(_metadata, &list[2], self->area + 48, planted);
	expect_entry(_metadata, &list[3], self->area + 64, mine);
	EXPECT_TRUE(all_bytes((void *)&list[4], 0xa5, sizeof(*list)));

	memset(list, 0xa5, sizeof(list));
	EXPECT_EQ(0, cordbg_list_breakpoints(self->process, list, 2, &count));
	EXPECT_EQ(4, count);
	expect_entry(_metadata, &list[1], self->area + 32, mine);
	EXPECT_TRUE(all_bytes((void *)&list[2], 0xa5, 3 * sizeof(*list)));

	memset(list, 0xa5, sizeof(list));
	EXPECT_EQ(0, cordbg_list_breakpoints(self->process, list, enormous,
					     &count));
	EXPECT_EQ(4, count);
	expect_entry(_metadata, &list[3], self->area + 64, mine);

	memset(list, 0xa5, sizeof(list));
	EXPECT_EQ(0, cordbg_list_breakpoints_ex(other, self->base + 33, list, 1,
						&count));
	EXPECT_EQ(2, count);
	expect_entry(_metadata, &list[0], self->area + 48, mine);
	EXPECT_TRUE(all_bytes((void *)&list[1], 0xa5, sizeof(*list)));
	cordbg_detach(other);

	count = POISON_SIZE;
	EXPECT_EQ(-EFAULT, cordbg_list_breakpoints(self->process, NULL, 1,
						   &count));
	EXPECT_EQ(0, count);
}

/*
 * Batches
 */

static struct cordbg_operation operation(uint32_t op, uint64_t address,
					 void *buffer, uint32_t size)
{
	return (struct cordbg_operation) {
		.op = op,
		.address = address,
		.buffer = ptr_u64(buffer),
		.size = size,
		.done = POISON32,
		.status = INT_MAX,
	};
}

TEST_F(library, batch)
{
	uint8_t data[8], read[8], seen[8];
	struct cordbg_operation ops[] = {
		operation(CORDBG_OP_SET_BREAKPOINT, self->base, NULL, 0),
		operation(CORDBG_OP_WRITE_MEMORY, self->base, data, 8),
		operation(CORDBG_OP_CLEAR_BREAKPOINT, self->base + 64, NULL, 0),
		operation(CORDBG_OP_READ_MEMORY, self->base, read, 8),
	};
	size_t done = POISON_SIZE;

	memset(data, 0x22, sizeof(data));
	EXPECT_EQ(0, cordbg_batch(self->process, ops, 4, 0, &done));
	EXPECT_EQ(4, done);
	EXPECT_EQ(0, ops[0].status);
	EXPECT_EQ(OPCODE_LEN, ops[0].done);
	EXPECT_TRUE(all_bytes(ops[0].original, 0x11, OPCODE_LEN));
	EXPECT_EQ(0, ops[1].status);
	EXPECT_EQ(8, ops[1].done);
	EXPECT_EQ(-ENOENT, ops[2].status);
	EXPECT_EQ(0, ops[3].status);
	EXPECT_TRUE(all_bytes(read, 0x22, 8));
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, 8));
	EXPECT_EQ(0, memcmp(opcode, seen, OPCODE_LEN));
	/* The number may be of no interest. */
	EXPECT_EQ(0, cordbg_batch(self->process, ops + 1, 1, 0, NULL));
}

TEST_F(library, batch_atomic)
{
	uint8_t data[8], seen[8];
	struct cordbg_operation ops[] = {
		operation(CORDBG_OP_WRITE_MEMORY, self->base, data, 8),
		operation(CORDBG_OP_CLEAR_BREAKPOINT, self->base + 64, NULL, 0),
	};
	size_t done = POISON_SIZE;

	memset(data, 0x22, sizeof(data));
	EXPECT_EQ(-ENOENT, cordbg_batch(self->process, ops, 2,
					CORDBG_BATCH_ATOMIC, &done));
	EXPECT_EQ(2, done);
	EXPECT_EQ(-ECANCELED, ops[0].status);
	EXPECT_EQ(-ENOENT, ops[1].status);
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, 8));
	EXPECT_TRUE(all_bytes(seen, 0x11, 8));

	EXPECT_EQ(0, cordbg_batch(self->process, ops, 1, CORDBG_BATCH_ATOMIC,
				  &done));
	EXPECT_EQ(1, done);
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, 8));
	EXPECT_TRUE(all_bytes(seen, 0x22, 8));
}

TEST_F(library, batch_refused)
{
	uint8_t data[8] = { 0 };
	struct cordbg_operation op = operation(CORDBG_OP_WRITE_MEMORY,
					       self->base, data, 8);
	/* What does not fit into the kernel's 32 bits, where that is possible. */
	size_t enormous = (size_t)((1ULL << 32) + 1);
	size_t done = POISON_SIZE;
	uint8_t seen[8];

	EXPECT_EQ(0, cordbg_batch(self->process, NULL, 0, 0, &done));
	EXPECT_EQ(0, done);
	done = POISON_SIZE;
	EXPECT_EQ(-EINVAL, cordbg_batch(self->process, &op, 1, 1U << 31,
					&done));
	EXPECT_EQ(0, done);
	done = POISON_SIZE;
	EXPECT_EQ(-EFAULT, cordbg_batch(self->process, NULL, 1, 0, &done));
	EXPECT_EQ(0, done);
	done = POISON_SIZE;
	EXPECT_EQ(-EMSGSIZE, cordbg_batch(self->process, &op,
					  CORDBG_ATOMIC_OPERATIONS + 1,
					  CORDBG_BATCH_ATOMIC, &done));
	EXPECT_EQ(0, done);
	done = POISON_SIZE;
	if (enormous > UINT32_MAX) {
		EXPECT_EQ(-EINVAL, cordbg_batch(self->process, &op, enormous, 0,
						&done));
		EXPECT_EQ(0, done);
	}
	EXPECT_EQ(INT_MAX, op.status);
	ASSERT_EQ(0, peek(self->t.pid, self->area, seen, 8));
	EXPECT_TRUE(all_bytes(seen, 0x11, 8));
}

/* Every call on a session whose process is gone. */
TEST_F(library, process_gone)
{
	uint8_t buffer[CORDBG_OPCODE_MAX] = { 0 };
	struct cordbg_process *p = self->process;
	struct cordbg_operation op = operation(CORDBG_OP_CLEAR_BREAKPOINT,
					       self->base, NULL, 0);
	size_t n = POISON_SIZE, count = POISON_SIZE;
	uint64_t failed = POISON64;
	uint32_t length = POISON32;

	ASSERT_EQ(0, set_breakpoint(p, self->area));
	child_kill(self->t.pid);
	EXPECT_EQ(-ESRCH, cordbg_write_memory_ex(p, self->base, 1, buffer, 0,
						 &n, &failed));
	EXPECT_EQ(0, n);
	n = POISON_SIZE;
	EXPECT_EQ(-ESRCH, cordbg_read_memory_ex(p, self->base, 1, buffer, 0,
						&n, &failed));
	EXPECT_EQ(0, n);
	EXPECT_EQ(POISON64, failed);
	EXPECT_EQ(-ESRCH, cordbg_set_unmanaged_breakpoint(p, self->base + 64,
							  sizeof(buffer),
							  buffer, &length));
	EXPECT_EQ(0, length);
	EXPECT_EQ(-ESRCH, cordbg_clear_unmanaged_breakpoint(p, self->base));
	EXPECT_EQ(-ESRCH, cordbg_list_breakpoints(p, NULL, 0, &count));
	EXPECT_EQ(0, count);
	n = POISON_SIZE;
	EXPECT_EQ(-ESRCH, cordbg_batch(p, &op, 1, 0, &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(INT_MAX, op.status);
	ASSERT_EQ(0, target_start(&self->t));
}

/*
 * Threads: each works in a part of the page of its own, all on one session.
 */

#define NR_THREADS	4
#define NR_ROUNDS	100
#define PART_SIZE	128

struct worker {
	pthread_t thread;
	struct cordbg_process *process;
	pthread_barrier_t *barrier;
	uint64_t base;
	int failed;		/* line of the first step that failed */
};

static int worker_round(struct worker *w, unsigned int seed)
{
	uint8_t out[PART_SIZE], in[PART_SIZE], original[CORDBG_OPCODE_MAX];
	struct cordbg_breakpoint entry;
	uint32_t length;
	size_t n;

	fill_plain(out, sizeof(out), seed + w->base);
	if (cordbg_set_unmanaged_breakpoint(w->process, w->base + 64,
					    sizeof(original), original,
					    &length) || length != OPCODE_LEN)
		return __LINE__;
	if (cordbg_write_memory(w->process, w->base, sizeof(out), out, &n) ||
	    n != sizeof(out))
		return __LINE__;
	if (cordbg_list_breakpoints_ex(w->process, w->base, &entry, 1, &n) ||
	    n < 1 || entry.address != w->base + 64 ||
	    memcmp(entry.original, out + 64, OPCODE_LEN))
		return __LINE__;
	if (cordbg_read_memory(w->process, w->base, sizeof(in), in, &n) ||
	    n != sizeof(in) || memcmp(in, out, sizeof(in)))
		return __LINE__;
	if (cordbg_clear_unmanaged_breakpoint(w->process, w->base + 64))
		return __LINE__;
	if (cordbg_read_memory_ex(w->process, w->base, sizeof(in), in,
				  CORDBG_RAW, &n, NULL) ||
	    n != sizeof(in) || memcmp(in, out, sizeof(in)))
		return __LINE__;
	return 0;
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;
	unsigned int i;

	pthread_barrier_wait(w->barrier);
	for (i = 0; i < NR_ROUNDS && !w->failed; i++)
		w->failed = worker_round(w, i);
	return NULL;
}

TEST_F(library, threads)
{
	struct worker workers[NR_THREADS];
	pthread_barrier_t barrier;
	size_t i, count;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, NR_THREADS));
	for (i = 0; i < NR_THREADS; i++) {
		workers[i] = (struct worker) {
			.process = self->process,
			.barrier = &barrier,
			.base = self->base + i * PART_SIZE,
		};
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL,
					    worker_run, &workers[i]));
	}
	for (i = 0; i < NR_THREADS; i++) {
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));
		EXPECT_EQ(0, workers[i].failed) {
			TH_LOG("a step of worker_round() failed, see its line");
		}
	}
	EXPECT_EQ(0, cordbg_list_breakpoints(self->process, NULL, 0, &count));
	EXPECT_EQ(0, count);
}

TEST_HARNESS_MAIN
