// SPDX-License-Identifier: GPL-2.0
/*
 * The program that the tool's tests work on. It prints a line "NAME ADDRESS" for
 * each thing there is to find, then "ready", and then does what each letter that
 * it reads says, and answers with a line.
 */
#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target.h"

#define PAGE	4096UL
#define BIG	(65UL << 20)

char target_text[] = "target text";

CALLED int target_function(void)
{
	return 1;
}

static CALLED int static_function(void)
{
	return 4;
}

static CALLED __attribute__((used)) int twice(void)
{
	return 7;
}

/* Another than the library's. */
static CALLED int in_both(void)
{
	return 5;
}

static void *map(const char *name, size_t size, int protection, int flags, int fd)
{
	void *address = mmap(NULL, size, protection, flags, fd, 0);

	if (address == MAP_FAILED)
		err(1, "mmap %s", name);
	printf("%s %p\n", name, address);
	return address;
}

/* Memory with a hole behind it: the hole's address. */
static char *map_guarded(const char *name, size_t size)
{
	char *pages = map(name, size + PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1);

	return pages + size;
}

/* Not before all is mapped: new mappings would go into the holes. */
static void make_hole(char *hole)
{
	if (munmap(hole, PAGE))
		err(1, "munmap");
}

/* A file of a page and a half behind three pages of memory. */
static void map_short_file(void)
{
	char path[] = "/tmp/tool_target.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || ftruncate(fd, PAGE + PAGE / 2))
		err(1, "%s", path);
	unlink(path);
	map("short_file", 3 * PAGE, PROT_READ, MAP_PRIVATE, fd);
	close(fd);
}

static char *rewritten;

static void map_all(void)
{
	int private = MAP_PRIVATE | MAP_ANONYMOUS, both = PROT_READ | PROT_WRITE;
	char *holes[2];

	holes[0] = map_guarded("guarded", PAGE);
	map_short_file();
	map("read_only", PAGE, PROT_READ, private, -1);
	map("no_access", PAGE, PROT_NONE, private, -1);
	map("shared", PAGE, both, MAP_SHARED | MAP_ANONYMOUS, -1);
	map("shared_read_only", PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1);
	holes[1] = map_guarded("big", BIG);
	map("huge", 2UL << 20, both, private | MAP_HUGETLB, -1);
	rewritten = map("rewritten", PAGE, both, private, -1);
	memset(rewritten, 0x90, PAGE);
	rewritten[8] = 0xcc;
	make_hole(holes[0]);
	make_hole(holes[1]);
}

static void *sleep_forever(void *argument)
{
	for (;;)
		pause();
	return argument;
}

static void say_where(void)
{
	pthread_t thread;

	printf("target_function %p\n", target_function);
	printf("static_function %p\n", static_function);
	printf("in_both_here %p\n", in_both);
	printf("target_text %p\n", target_text);
	printf("library_function %p\n", library_function);
	printf("library_in_both %#lx\n",
	       (unsigned long)dlsym(RTLD_DEFAULT, "in_both"));
	printf("library_text %p\n", library_text);
	printf("realpath_new %#lx\n",
	       (unsigned long)dlvsym(RTLD_DEFAULT, "realpath", "GLIBC_2.3"));
	printf("realpath_old %#lx\n",
	       (unsigned long)dlvsym(RTLD_DEFAULT, "realpath", "GLIBC_2.2.5"));
	map_all();
	if (pthread_create(&thread, NULL, sleep_forever, NULL))
		errx(1, "pthread_create");
}

static void answer(int letter, char **argv)
{
	switch (letter) {
	case 'c':	/* call */
		printf("%d %d %d %d %s %s\n", target_function(), library_function(),
		       static_function(), in_both(), target_text, library_text);
		break;
	case 'x':	/* become another image */
		execv(argv[0], argv);
		err(1, "%s", argv[0]);
	case 'w':	/* rewrite memory under a breakpoint */
		memset(rewritten, 0x91, 8);
		puts("rewritten");
		break;
	case 'q':
		exit(0);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int letter;

	(void)argc;
	setvbuf(stdin, NULL, _IONBF, 0);
	say_where();
	puts("ready");
	fflush(stdout);
	while ((letter = getchar()) != EOF)
		answer(letter, argv);
	return 0;
}
