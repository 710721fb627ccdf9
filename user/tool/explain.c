// SPDX-License-Identifier: GPL-2.0-or-later
/* What an error of the library means here, and what to do about it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>

#include "errors.h"
#include "mappings.h"

/* A field of /proc/PID/status, or false. */
static bool status_field(const char *pid, const char *field, char *value, size_t size)
{
	size_t length = strlen(field);
	char path[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		if (strncmp(line, field, length) || line[length] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(value, size, "%s",
			 line + length + 1 + strspn(line + length + 1, " \t"));
		found = true;
	}
	fclose(file);
	return found;
}

static bool have_capability(unsigned int capability)
{
	unsigned long long effective = 0;
	char value[64];

	return status_field("self", "CapEff", value, sizeof(value)) &&
	       sscanf(value, "%llx", &effective) == 1 &&
	       (effective >> capability & 1);
}

/* /proc/misc has the name of every device like ours. */
static bool module_is_loaded(void)
{
	char line[64], name[64];
	bool found = false;
	FILE *file = fopen("/proc/misc", "re");

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*d %63s", name) == 1 && !strcmp(name, "cordbg");
	fclose(file);
	return found;
}

static int no_device(void)
{
	bool node = !access("/dev/cordbg", F_OK);

	if (module_is_loaded()) {
		error_say(STATUS_NO_MODULE, node ? "/dev/cordbg is not the module's device" :
						   "there is no /dev/cordbg here");
		error_note("the module is loaded: give this /dev (of a container?) the device");
	} else {
		error_say(STATUS_NO_MODULE,
			  node ? "the module is not loaded: nothing serves /dev/cordbg" :
				 "the module is not loaded: there is no /dev/cordbg");
		error_note("as root, 'modprobe cordbg' loads it");
	}
	return STATUS_NO_MODULE;
}

static int no_permission(pid_t pid)
{
	if (faccessat(AT_FDCWD, "/dev/cordbg", R_OK | W_OK, AT_EACCESS)) {
		error_say(STATUS_PERMISSION, "no permission to open /dev/cordbg");
		error_note("run as root (CAP_DAC_OVERRIDE), or open it to a group by a udev rule");
		return STATUS_PERMISSION;
	}
	error_say(STATUS_PERMISSION, "no permission to attach to process %d", pid);
	if (have_capability(CAP_SYS_PTRACE))
		error_note("CAP_SYS_PTRACE has to be held in the user namespace of the process");
	else
		error_note("that takes CAP_SYS_PTRACE, or being its ptrace tracer");
	return STATUS_PERMISSION;
}

static int no_process(pid_t pid)
{
	char id[16], value[64];

	snprintf(id, sizeof(id), "%d", pid);
	if (!status_field(id, "Tgid", value, sizeof(value)))
		return error_say(STATUS_GONE, "there is no process %d", pid);
	if (strcmp(value, id))
		return error_say(STATUS_GONE,
				 "%d is a thread of process %s: give that number",
				 pid, value);
	if (status_field(id, "State", value, sizeof(value)) && value[0] == 'Z')
		return error_say(STATUS_GONE,
				 "process %d has ended, and waits for its parent", pid);
	return error_say(STATUS_GONE,
			 "process %d has no memory: a kernel thread, or it is ending",
			 pid);
}

/* Errors that mean the same whatever was tried. */
static int general(struct tool *tool, int error)
{
	switch (error) {
	case -ESRCH:
		return error_say(STATUS_GONE,
				 "process %d has ended, or runs another program (execve)",
				 tool->pid);
	case -E2BIG:
	case -ENOTTY:
	case -ENOSYS:
		return error_say(STATUS_OLD_MODULE, "%s; they have to fit this tool (%s)",
				 cordbg_strerror(error), argp_program_version);
	default:
		return error_say(error_status(error), "%s", cordbg_strerror(error));
	}
}

int error_attach(pid_t pid, int error)
{
	struct tool tool = { .pid = pid };

	switch (error) {
	case -ENODEV:
		return no_device();
	case -EPERM:
		return no_permission(pid);
	case -ESRCH:
		return no_process(pid);
	default:
		return general(&tool, error);
	}
}

int error_session(struct tool *tool, int error)
{
	return general(tool, error);
}

/* "0x1000-0x2000 r-xp /bin/true"; also if it is gone by now. */
static void describe_mapping(const struct mapping *mapping, char *text, size_t size)
{
	if (mapping)
		snprintf(text, size, "%#" PRIx64 "-%#" PRIx64 " %s %s",
			 mapping->start, mapping->end, mapping->permissions,
			 *mapping->path ? mapping->path : "(anonymous)");
	else
		snprintf(text, size, "(which changed meanwhile)");
}

static void advise_force(const struct mapping *mapping, bool write, unsigned int flags)
{
	enum may may;

	if (!mapping)
		return;
	may = write ? mapping_may_write(mapping) : mapping_may_read(mapping);
	if (may == MAY_WITH_FORCE && !(flags & CORDBG_FORCE))
		error_note(write ? "--force writes there, into the program's own copy of the page" :
				   "--force reads there");
	else if (!mapping_private(mapping))
		error_note("it is shared memory, where --force does not help");
	else
		error_note("it is memory of a kind that --force does not help with");
}

static int protected(const struct mapping *mapping, bool write, unsigned int flags,
		     uint64_t address)
{
	char text[512];

	describe_mapping(mapping, text, sizeof(text));
	error_say(STATUS_PROTECTED, "%#" PRIx64 " is not %s: mapping %s", address,
		  write ? "writable" : "readable", text);
	advise_force(mapping, write, flags);
	return STATUS_PROTECTED;
}

static int unmapped(const struct tool *tool, const struct mapping *mapping,
		    uint64_t address)
{
	char text[512];

	if (!mapping) {
		error_say(STATUS_UNMAPPED, "%#" PRIx64 " is not mapped", address);
		error_note("'%smaps' shows what is", tool->shell ? "" : "cordbg ");
		return STATUS_UNMAPPED;
	}
	describe_mapping(mapping, text, sizeof(text));
	error_say(STATUS_UNMAPPED, "the page of %#" PRIx64 " cannot be had: mapping %s",
		  address, text);
	error_note("it lies behind the end of the file, or in memory of a device");
	return STATUS_UNMAPPED;
}

int error_transfer(struct tool *tool, int error, bool write, unsigned int flags,
		   uint64_t address, uint64_t size, uint64_t failed_address)
{
	struct mappings mappings;
	const struct mapping *mapping;
	int status;

	if (error == -EOVERFLOW)
		return error_say(STATUS_WRAPS,
				 "%" PRIu64 " bytes from %#" PRIx64 " go beyond the last address",
				 size, address);
	if (error != -EACCES && error != -ENXIO)
		return general(tool, error);
	if (mappings_read(tool->pid, MAPPINGS_FLAGS, &mappings))
		memset(&mappings, 0, sizeof(mappings));
	mapping = mappings_at(&mappings, failed_address);
	status = error == -EACCES ?
		 protected(mapping, write, flags, failed_address) :
		 unmapped(tool, mapping, failed_address);
	mappings_free(&mappings);
	return status;
}

static int cannot_plant(struct tool *tool, uint64_t address)
{
	struct mappings mappings;
	char text[512];

	if (mappings_read(tool->pid, MAPPINGS_FLAGS, &mappings))
		memset(&mappings, 0, sizeof(mappings));
	describe_mapping(mappings_at(&mappings, address), text, sizeof(text));
	mappings_free(&mappings);
	error_say(STATUS_PROTECTED,
		  "%#" PRIx64 ": no breakpoint can be in mapping %s", address, text);
	error_note("other processes would run into it (shared, hugetlb): --force does not help");
	return STATUS_PROTECTED;
}

static int in_the_way(uint64_t address)
{
	error_say(STATUS_BUSY, "%#" PRIx64 ": a breakpoint that is not cordbg's is in the way",
		  address);
	error_note("a debugger's or uprobe's, or one that the program has in its own code");
	return STATUS_BUSY;
}

static int too_many(uint64_t address)
{
	error_say(STATUS_FULL, "%#" PRIx64 ": %s", address, cordbg_strerror(-ENOSPC));
	error_note("/sys/module/cordbg/parameters/max_breakpoints is their number");
	return STATUS_FULL;
}

int error_breakpoint(struct tool *tool, int error, uint64_t address)
{
	switch (error) {
	case -EACCES:
		return cannot_plant(tool, address);
	case -ENXIO:
	case -EOVERFLOW:
		return error_transfer(tool, error, true, CORDBG_FORCE, address, 1,
				      address);
	case -EBUSY:
		return in_the_way(address);
	case -ENOSPC:
		return too_many(address);
	case -EEXIST:
	case -ENOENT:
		return error_say(error_status(error), "%#" PRIx64 ": %s", address,
				 cordbg_strerror(error));
	default:
		return general(tool, error);
	}
}
