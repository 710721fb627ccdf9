/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An image is this very program started over: it looks after a marker in its
 * data, which every execve(2) brings back as the file has it, and replaces itself
 * on request. A byte that was meant for the image before shows in the marker of
 * the image after.
 *
 * The program must be linked at a fixed address, so that the marker has one
 * address in all of them; it is initialised and global for the compiler to leave
 * its bytes alone.
 */
#ifndef CORDBG_IMAGE_H
#define CORDBG_IMAGE_H

#include <sys/mount.h>
#include <sys/stat.h>

#include "cordbg_process.h"

#define IMAGE_ARGUMENT	"--image"
#define IMAGE_SELF	"/proc/self/exe"
#define MARKER_SIZE	16384
#define MARKER_NEW	0x5a	/* as in the file */
#define MARKER_OLD	0x33	/* as an image leaves it for the test */

uint8_t marker[MARKER_SIZE] = { [0 ... MARKER_SIZE - 1] = MARKER_NEW };

/* Requests; an image answers each with one byte. */
#define IMAGE_CHECK	'c'	/* IMAGE_YES if nothing touched the marker */
#define IMAGE_AGE	'a'	/* set the marker to MARKER_OLD: IMAGE_YES */
#define IMAGE_EXEC	'x'	/* execve(): the next image says IMAGE_READY */
#define IMAGE_THREAD	't'	/* the same from a thread */
#define IMAGE_RAISED	'u'	/* IMAGE_YES if set-uid made it root */
#define IMAGE_QUIT	'q'	/* no answer: it exits with 0 */
#define IMAGE_READY	'r'
#define IMAGE_YES	'y'
#define IMAGE_NO	'n'

/**
 * struct image - a process that runs one image after the other
 * @pid: The process.
 * @to: Requests go here.
 * @from: Answers come from here.
 */
struct image {
	pid_t pid;
	int to;
	int from;
};

/* What an image is told: its pipes, and the file that replaces it. */
struct image_args {
	const char *next;
	int in;
	int out;
};

/* Run an image from the file @path in our place. */
static inline void image_run(const struct image_args *args, const char *path)
{
	char in[12], out[12], address[20];

	snprintf(in, sizeof(in), "%d", args->in);
	snprintf(out, sizeof(out), "%d", args->out);
	snprintf(address, sizeof(address), "%lx", (unsigned long)marker);
	execl(path, path, IMAGE_ARGUMENT, in, out, address, args->next, NULL);
	_exit(126);
}

static inline void *image_replace(void *data)
{
	const struct image_args *args = data;

	image_run(args, args->next);
	return NULL;
}

static inline char image_obey(const struct image_args *args, char request)
{
	pthread_t thread;

	switch (request) {
	case IMAGE_CHECK:
		return filled_with(marker, MARKER_NEW, MARKER_SIZE) ?
			IMAGE_YES : IMAGE_NO;
	case IMAGE_AGE:
		memset(marker, MARKER_OLD, MARKER_SIZE);
		return IMAGE_YES;
	case IMAGE_EXEC:
		image_run(args, args->next);
		return IMAGE_NO;
	case IMAGE_THREAD:
		if (!pthread_create(&thread, NULL, image_replace, (void *)args))
			pthread_join(thread, NULL);
		return IMAGE_NO;
	case IMAGE_RAISED:
		return getuid() && !geteuid() ? IMAGE_YES : IMAGE_NO;
	case IMAGE_QUIT:
		_exit(0);
	}
	return IMAGE_NO;
}

/* The image's main(), if this is one; otherwise it returns. */
static inline void image_main(int argc, char **argv)
{
	struct image_args args;
	char request, answer = IMAGE_READY;

	if (argc != 6 || strcmp(argv[1], IMAGE_ARGUMENT))
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	args.in = atoi(argv[2]);
	args.out = atoi(argv[3]);
	args.next = argv[5];
	if (strtoul(argv[4], NULL, 16) != (unsigned long)marker)
		answer = IMAGE_NO;
	while (write(args.out, &answer, 1) == 1 &&
	       read(args.in, &request, 1) == 1)
		answer = image_obey(&args, request);
	_exit(0);
}

/* Ask and wait for the answer; 0 if the image died. */
static inline char image_ask(const struct image *image, char request)
{
	char answer = 0;

	if (write(image->to, &request, 1) != 1 ||
	    read(image->from, &answer, 1) != 1)
		return 0;
	return answer;
}

/*
 * Start an image of this very file, as who @become makes of it; @next is the file
 * of all that follow it. 0 or a negative errno.
 */
static inline int image_start(struct image *image, const char *next,
			      int (*become)(void))
{
	int to[2], from[2];
	char ready = 0;

	if (pipe(to) || pipe(from))
		return -errno;
	image->pid = fork();
	if (image->pid < 0)
		return -errno;
	if (!image->pid) {
		struct image_args args = { next, to[0], from[1] };

		close(to[1]);
		close(from[0]);
		if (become && become())
			_exit(125);
		image_run(&args, IMAGE_SELF);
	}
	close(to[0]);
	close(from[1]);
	image->to = to[1];
	image->from = from[0];
	if (read(image->from, &ready, 1) != 1)
		return -EPIPE;
	return ready == IMAGE_READY ? 0 : -EXDEV;
}

/* End the process: its wait status. */
static inline int image_stop(struct image *image)
{
	const char quit = IMAGE_QUIT;
	int status = -1;

	if (write(image->to, &quit, 1) != 1)
		kill(image->pid, SIGKILL);
	close(image->to);
	close(image->from);
	return waitpid(image->pid, &status, 0) == image->pid ? status : -errno;
}

/* A file system for the test alone, which honours device nodes and set-uid. */
static inline int private_mount(char *path, size_t size)
{
	snprintf(path, size, "/tmp/cordbg.XXXXXX");
	if (!mkdtemp(path))
		return -errno;
	if (mount("cordbg", path, "tmpfs", 0, "mode=0755")) {
		int err = -errno;

		rmdir(path);
		return err;
	}
	return 0;
}

static inline void private_unmount(const char *path)
{
	umount2(path, MNT_DETACH);
	rmdir(path);
}

/* Copy this program to @path with the given mode: 0 or a negative errno. */
static inline int copy_program(const char *path, mode_t mode)
{
	int in = open(IMAGE_SELF, O_RDONLY | O_CLOEXEC);
	int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char buffer[65536];
	ssize_t n = -1;
	int err = 0;

	while (in >= 0 && out >= 0 && (n = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, n) != n)
			err = -EIO;
	if (n || fchmod(out, mode))
		err = -EIO;
	close(in);
	close(out);
	return err;
}

/*
 * Start an image that will be replaced: by its like, or if @set_uid, being an
 * ordinary user's, by a set-uid program, which lies in the test's own @dir.
 */
static inline int image_start_in(struct image *image, const char *dir,
				 bool set_uid)
{
	char path[64];

	if (!set_uid)
		return image_start(image, IMAGE_SELF, NULL);
	snprintf(path, sizeof(path), "%s/image", dir);
	return copy_program(path, 04755) ?:
	       image_start(image, path, become_plain);
}

#endif /* CORDBG_IMAGE_H */
