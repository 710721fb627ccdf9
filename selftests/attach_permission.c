// SPDX-License-Identifier: GPL-2.0
/*
 * Who may attach to whom. Each variant of "permission" has a caller, a target and
 * what binds them: the caller traces a child of its own, say, or is root of a user
 * namespace and the target outside.
 *
 * The caller opens a node of its own that everybody may open, as a udev rule
 * could provide, so that only ATTACH decides.
 */
#include <linux/capability.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cordbg_harness.h"
#include "cordbg_image.h"
#include "cordbg_setting.h"

enum caller {
	ROOT,
	ROOT_WITHOUT,		/* without CAP_SYS_PTRACE */
	PLAIN,
	PLAIN_WITH,		/* CAP_SYS_PTRACE and nothing else */
	NAMESPACE_ROOT,		/* user PLAIN_ID outside */
};

enum victim {
	SELF,
	CHILD,			/* as the caller */
	CHILD_EXEC,		/* and with memory of the caller's namespace */
	CHILD_NAMESPACE,	/* that made a user namespace of its own */
	OUTSIDE,		/* the caller before it entered its namespace */
	HOST,			/* root's */
};

enum traced { UNTRACED, TRACEME, SEIZED, SEIZED_THREAD };

static uint8_t byte_written;

FIXTURE(permission)
{
	struct target host;
	char dir[32];
	char node[64];
};

FIXTURE_VARIANT(permission)
{
	enum caller caller;
	enum victim victim;
	enum traced traced;
	bool undumpable;
	int want;
};

FIXTURE_VARIANT_ADD(permission, root_host)
{
	.caller = ROOT,
	.victim = HOST,
};

FIXTURE_VARIANT_ADD(permission, root_undumpable)
{
	.caller = ROOT,
	.victim = CHILD,
	.undumpable = true,
};

FIXTURE_VARIANT_ADD(permission, root_namespace)
{
	.caller = ROOT,
	.victim = CHILD_NAMESPACE,
};

FIXTURE_VARIANT_ADD(permission, self_root)
{
	.caller = ROOT,
	.victim = SELF,
};

FIXTURE_VARIANT_ADD(permission, self_plain)
{
	.caller = PLAIN,
	.victim = SELF,
};

FIXTURE_VARIANT_ADD(permission, self_undumpable)
{
	.caller = PLAIN,
	.victim = SELF,
	.undumpable = true,
};

FIXTURE_VARIANT_ADD(permission, self_namespace)
{
	.caller = NAMESPACE_ROOT,
	.victim = SELF,
};

FIXTURE_VARIANT_ADD(permission, tracer_traceme)
{
	.caller = PLAIN,
	.victim = CHILD,
	.traced = TRACEME,
};

FIXTURE_VARIANT_ADD(permission, tracer_seize)
{
	.caller = PLAIN,
	.victim = CHILD,
	.traced = SEIZED,
};

FIXTURE_VARIANT_ADD(permission, tracer_of_thread)
{
	.caller = PLAIN,
	.victim = CHILD,
	.traced = SEIZED_THREAD,
};

FIXTURE_VARIANT_ADD(permission, tracer_undumpable)
{
	.caller = PLAIN,
	.victim = CHILD,
	.traced = TRACEME,
	.undumpable = true,
	.want = -EPERM,
};

FIXTURE_VARIANT_ADD(permission, tracer_undumpable_capable)
{
	.caller = PLAIN_WITH,
	.victim = CHILD,
	.traced = TRACEME,
	.undumpable = true,
};

FIXTURE_VARIANT_ADD(permission, plain_same_user)
{
	.caller = PLAIN,
	.victim = CHILD,
	.want = -EPERM,
};

FIXTURE_VARIANT_ADD(permission, plain_host)
{
	.caller = PLAIN,
	.victim = HOST,
	.want = -EPERM,
};

FIXTURE_VARIANT_ADD(permission, plain_owns_namespace)
{
	.caller = PLAIN,
	.victim = CHILD_NAMESPACE,
};

FIXTURE_VARIANT_ADD(permission, capable_host)
{
	.caller = PLAIN_WITH,
	.victim = HOST,
};

FIXTURE_VARIANT_ADD(permission, capable_undumpable)
{
	.caller = PLAIN_WITH,
	.victim = CHILD,
	.undumpable = true,
};

FIXTURE_VARIANT_ADD(permission, incapable_root_host)
{
	.caller = ROOT_WITHOUT,
	.victim = HOST,
	.want = -EPERM,
};

FIXTURE_VARIANT_ADD(permission, incapable_root_child)
{
	.caller = ROOT_WITHOUT,
	.victim = CHILD,
	.want = -EPERM,
};

FIXTURE_VARIANT_ADD(permission, incapable_root_tracer)
{
	.caller = ROOT_WITHOUT,
	.victim = CHILD,
	.traced = TRACEME,
};

FIXTURE_VARIANT_ADD(permission, namespace_host)
{
	.caller = NAMESPACE_ROOT,
	.victim = HOST,
	.want = -EPERM,
};

FIXTURE_VARIANT_ADD(permission, namespace_outside)
{
	.caller = NAMESPACE_ROOT,
	.victim = OUTSIDE,
	.want = -EPERM,
};

FIXTURE_VARIANT_ADD(permission, namespace_memory_outside)
{
	.caller = NAMESPACE_ROOT,
	.victim = CHILD,
	.want = -EPERM,
};

FIXTURE_VARIANT_ADD(permission, namespace_child)
{
	.caller = NAMESPACE_ROOT,
	.victim = CHILD_EXEC,
};

FIXTURE_VARIANT_ADD(permission, namespace_inner)
{
	.caller = NAMESPACE_ROOT,
	.victim = CHILD_NAMESPACE,
};

/* A node for the device that everybody may open. */
static int open_node_make(const char *path)
{
	struct stat st;

	if (stat(CORDBG_DEVICE, &st) ||
	    mknod(path, S_IFCHR | 0600, st.st_rdev) || chmod(path, 0666))
		return -errno;
	return 0;
}

FIXTURE_SETUP(permission)
{
	ASSERT_EQ(0, private_mount(self->dir, sizeof(self->dir)));
	snprintf(self->node, sizeof(self->node), "%s/node", self->dir);
	ASSERT_EQ(0, open_node_make(self->node));
	ASSERT_EQ(0, target_start(&self->host));
}

FIXTURE_TEARDOWN(permission)
{
	EXPECT_EQ(0, target_stop(&self->host));
	private_unmount(self->dir);
}

/* Be root of a new user namespace, as the user and group @id of this one. */
static int enter_user_namespace(int id)
{
	char map[32];
	int err;

	if (unshare(CLONE_NEWUSER))
		return -errno;
	snprintf(map, sizeof(map), "0 %d 1", id);
	err = write_text("/proc/self/setgroups", "deny");
	if (!err)
		err = write_text("/proc/self/uid_map", map);
	if (!err)
		err = write_text("/proc/self/gid_map", map);
	return err;
}

static int become(enum caller caller)
{
	switch (caller) {
	case ROOT:
		return 0;
	case ROOT_WITHOUT:
		return become_without(CAP_SYS_PTRACE);
	case PLAIN:
		return become_plain();
	case PLAIN_WITH:
		return become_plain_with(CAP_SYS_PTRACE);
	case NAMESPACE_ROOT:
		return enter_user_namespace(PLAIN_ID);
	}
	return -EINVAL;
}

static void *child_thread(void *report)
{
	pid_t tid = syscall(SYS_gettid);

	if (write(*(int *)report, &tid, sizeof(tid)) == sizeof(tid))
		pause();
	return NULL;
}

/* The life of a CHILD: say which thread may be traced, then wait to be killed. */
static void child_main(const struct _fixture_variant_permission *v, int report)
{
	pid_t tid = getpid();
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (v->traced == TRACEME && ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(1);
	if (v->undumpable && prctl(PR_SET_DUMPABLE, 0))
		_exit(2);
	if (v->traced == SEIZED_THREAD) {
		if (pthread_create(&thread, NULL, child_thread, &report))
			_exit(3);
	} else if (write(report, &tid, sizeof(tid)) != sizeof(tid)) {
		_exit(4);
	}
	for (;;)
		pause();
}

/* Start a CHILD and trace it as the variant says: its ID or a negative errno. */
static pid_t child_start(const struct _fixture_variant_permission *v)
{
	int report[2];
	pid_t pid, tid;

	if (pipe(report))
		return -errno;
	pid = fork();
	if (!pid)
		child_main(v, report[1]);
	close(report[1]);
	if (pid < 0 || read(report[0], &tid, sizeof(tid)) != sizeof(tid))
		return -ECHILD;
	close(report[0]);
	if ((v->traced == SEIZED || v->traced == SEIZED_THREAD) &&
	    ptrace(PTRACE_SEIZE, tid, 0, 0))
		return -errno;
	return pid;
}

/* The caller's uid is its own in a namespace of its own, too. */
static int become_namespace(void)
{
	return enter_user_namespace(geteuid());
}

static pid_t image_child(int (*become)(void))
{
	struct image image = { 0 };
	int err = image_start(&image, IMAGE_SELF, become);

	return err ? err : image.pid;
}

static pid_t victim_start(const struct _fixture_variant_permission *v, pid_t host)
{
	switch (v->victim) {
	case SELF:
		if (v->undumpable && prctl(PR_SET_DUMPABLE, 0))
			return -errno;
		return getpid();
	case CHILD:
		return child_start(v);
	case CHILD_EXEC:
		return image_child(NULL);
	case CHILD_NAMESPACE:
		return image_child(become_namespace);
	case OUTSIDE:
	case HOST:
		return host;
	}
	return -EINVAL;
}

/* Attach, and use the session as far as the victim lets us. */
static int attach_and_write(const char *node, pid_t pid)
{
	const uint8_t byte = 0x77;
	int fd = open(node, O_RDWR | O_CLOEXEC);
	uint8_t seen = 0;
	int err;

	if (fd < 0)
		return -ENODEV;
	err = do_attach(fd, pid);
	if (!err && (do_write(fd, ptr_u64(&byte_written), &byte, 1, 0, NULL,
			      NULL) ||
		     do_read(fd, ptr_u64(&byte_written), &seen, 1, 0, NULL,
			     NULL) || seen != byte))
		err = -EIO;
	close(fd);
	return err;
}

struct permission {
	const struct _fixture_variant_permission *v;
	const char *node;
	pid_t host;
};

/* The caller's life; a refusal other than ATTACH's own must not look like it. */
static int call(void *data)
{
	struct permission *p = data;
	pid_t pid, host = p->host;
	int err = 0;

	if (p->v->caller == NAMESPACE_ROOT)
		err = become_plain();
	if (!err && p->v->victim == OUTSIDE)
		host = child_start(p->v);
	if (err || host < 0)
		return -EPROTO;
	if (become(p->v->caller))
		return -EPROTO;
	pid = victim_start(p->v, host);
	if (pid < 0)
		return -ECHILD;
	err = attach_and_write(p->node, pid);
	if (pid != getpid() && pid != p->host)
		kill(pid, SIGKILL);
	/* Threads that are traced one by one are reaped one by one. */
	while (waitpid(-1, NULL, __WALL) > 0)
		;
	return err;
}

TEST_F(permission, attach)
{
	struct permission p = { variant, self->node, self->host.pid };

	ASSERT_EQ(variant->want, in_child(call, &p));
}

/* Without a udev rule nobody but root gets as far as that. */
static int open_as_plain(void *unused)
{
	int err = become_plain();

	(void)unused;
	return err ? -EPROTO : cordbg_open();
}

FIXTURE(session)
{
	struct target t;
	uint8_t *page;
};

FIXTURE_SETUP(session)
{
	self->page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->page != MAP_FAILED);
	memset(self->page, 0x11, page_size());
	ASSERT_EQ(0, target_start(&self->t));
}

FIXTURE_TEARDOWN(session)
{
	EXPECT_EQ(0, target_stop(&self->t));
}

TEST_F(session, node_closed_to_others)
{
	ASSERT_EQ(-EACCES, in_child(open_as_plain, NULL));
}

struct passed {
	int fd;
	int socket;
	uint8_t *page;
};

/* What the holder of a session may do, whoever it is: 0 or -EIO. */
static int use_session(int fd, uint8_t *page)
{
	uint8_t bytes[4] = { 0x22, 0x22, 0x22, 0x22 }, seen[4];
	struct cordbg_breakpoint list[4];
	uint32_t count;

	if (do_write(fd, ptr_u64(page), bytes, 4, 0, NULL, NULL))
		return -EIO;
	if (do_break(fd, ptr_u64(page)) || do_break(fd, ptr_u64(page + 64)))
		return -EIO;
	if (do_read(fd, ptr_u64(page), seen, 4, 0, NULL, NULL) ||
	    memcmp(seen, bytes, 4))
		return -EIO;
	if (do_clear(fd, ptr_u64(page)))
		return -EIO;
	if (do_list(fd, 0, list, 4, &count) || count != 1)
		return -EIO;
	return 0;
}

static int use_as_plain(void *data)
{
	struct passed *p = data;

	if (become_plain() || cordbg_open() != -EACCES)
		return -EPROTO;
	return use_session(p->fd, p->page);
}

/* The session is the open file's: what the child planted stays when it ends. */
TEST_F(session, inherited)
{
	struct passed p = { .page = self->page };
	uint8_t seen[128];

	p.fd = session_open(self->t.pid);
	ASSERT_LE(0, p.fd);
	ASSERT_EQ(0, in_child(use_as_plain, &p));
	ASSERT_EQ(0, peek(self->t.pid, self->page, seen, 128));
	EXPECT_TRUE(filled_with(seen, 0x22, 4));
	EXPECT_TRUE(filled_with(seen + 4, 0x11, 60));
	EXPECT_EQ(0, memcmp(seen + 64, opcode, OPCODE_LEN));
	ASSERT_EQ(0, close(p.fd));
	ASSERT_EQ(0, peek(self->t.pid, self->page, seen, 128));
	EXPECT_TRUE(filled_with(seen + 4, 0x11, 124));
}

static int receive_and_use(void *data)
{
	struct passed *p = data;

	if (become_plain())
		return -EPROTO;
	p->fd = fd_receive(p->socket, MSG_CMSG_CLOEXEC);
	return p->fd < 0 ? p->fd : use_session(p->fd, p->page);
}

TEST_F(session, passed)
{
	struct passed p = { .page = self->page };
	uint8_t seen[128];
	int sockets[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	p.socket = sockets[1];
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-receive_and_use(&p));
	fd = session_open(self->t.pid);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fd_send(sockets[0], fd));
	/* The receiver's file is now the only one, and dies with it. */
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, child_result(pid));
	ASSERT_EQ(0, peek(self->t.pid, self->page, seen, 128));
	EXPECT_TRUE(filled_with(seen, 0x22, 4));
	EXPECT_TRUE(filled_with(seen + 4, 0x11, 124));
}

static int attach_then_drop(void *data)
{
	struct passed *p = data;
	int fd = session_open(p->fd);

	if (fd < 0 || become_plain())
		return -EPROTO;
	return use_session(fd, p->page);
}

/* Permission was decided at ATTACH. */
TEST_F(session, outlives_privilege)
{
	struct passed p = { .fd = self->t.pid, .page = self->page };

	ASSERT_EQ(0, in_child(attach_then_drop, &p));
}

/* In the namespace our target has the ID that kthreadd has outside. */
static int attach_as_init(const uint8_t *page, pid_t outside)
{
	struct target t;
	int err, fd;
	uint8_t byte = 0x33;

	if (getpid() != 1 || target_start(&t) || t.pid != 2)
		return -EPROTO;
	fd = session_open(2);
	if (fd < 0)
		return fd;
	err = do_write(fd, ptr_u64(page), &byte, 1, 0, NULL, NULL);
	if (err || peek(2, page, &byte, 1) || byte != 0x33)
		return -EIO;
	close(fd);
	/* Who is outside has no ID here. */
	if (session_open(outside) != -ESRCH)
		return -EEXIST;
	return target_stop(&t) ? -EIO : 0;
}

static int enter_pid_namespace(void *data)
{
	struct passed *p = data;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return -EPROTO;
	pid = fork();
	if (!pid)
		_exit(-attach_as_init(p->page, p->fd));
	return child_result(pid);
}

TEST_F(session, pid_namespace)
{
	struct passed p = { .fd = self->t.pid, .page = self->page };
	uint8_t seen;

	ASSERT_LT(2, self->t.pid);
	ASSERT_EQ(0, in_child(enter_pid_namespace, &p));
	ASSERT_EQ(0, peek(self->t.pid, self->page, &seen, 1));
	EXPECT_EQ(0x11, seen);
}

int main(int argc, char **argv)
{
	image_main(argc, argv);
	return test_harness_run(argc, argv);
}
