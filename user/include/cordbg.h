/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libcordbg: write another process's memory behind breakpoints
 *
 * A thin library over the ioctls of /dev/cordbg, one function for each; their
 * full contract is in <linux/cordbg.h>. The functions follow ICorDebugProcess
 * and ICorDebugProcess2 of .NET's debugging interface.
 *
 * Return values. Functions return 0 or a negative errno; they do not set errno
 * to anything a caller may rely on. An error has one meaning everywhere:
 *
 *   -E2BIG, -ENOTTY	the module is older than the library and does not know
 *			this call
 *   -EACCES		the target range is mapped but its protection forbids
 *			the access; a breakpoint cannot be planted there
 *   -EBADF		the file descriptor is not open
 *   -EBUSY		the breakpoint would overlap another one, or a breakpoint
 *			opcode that is not cordbg's stands there already
 *   -ECANCELED		not carried out, because another operation of an atomic
 *			batch was refused
 *   -EEXIST		this session has a breakpoint at that address
 *   -EFAULT		a buffer of the *caller* cannot be read or written
 *   -EINTR		a fatal signal ended the call
 *   -EINVAL		unknown flag, or a value that makes no sense
 *   -EMFILE, -ENFILE	no file descriptor is left
 *   -EMSGSIZE		too many operations or bytes for an atomic batch
 *   -ENODEV		there is no /dev/cordbg: the module is not loaded
 *   -ENOENT		this session has no breakpoint at that address
 *   -ENOMEM		the library or the kernel is out of memory
 *   -ENOSPC		the session holds as many breakpoints as it may
 *   -ENOSYS		pidfd_open(2) is missing or filtered away
 *   -ENOTCONN		the file of /dev/cordbg is not bound to a process yet
 *   -ENXIO		some byte of the *target* range is not mapped, or its
 *			page cannot be brought in
 *   -EOVERFLOW		address + size wraps
 *   -EPERM		the caller may not open /dev/cordbg, or may not debug the
 *			process
 *   -ERANGE		the buffer is smaller than the opcode
 *   -ESRCH		there is no such process, or the image the session is
 *			bound to is gone: it exited or was replaced by execve(2)
 *
 * Arguments. Addresses are those of the target process, sizes count bytes. A
 * pointer may be NULL only where its description says so. The library itself
 * stores through @written, @read, @failed_address, @buflen, @count, @done and
 * @process: there a bad pointer is a SIGSEGV, before the target is touched in the
 * case of @written, @read and @done.
 *
 * Threads. The library has no state of its own. Any number of threads may use
 * one struct cordbg_process at the same time, up to cordbg_detach(). Two calls
 * on overlapping ranges at the same time are not atomic against each other.
 *
 * Processes. Whoever holds a session's file descriptor has its rights. The
 * descriptor closes on execve(2), but a child of fork(2) inherits it, and the
 * session, with its breakpoints, lasts until the last copy is closed.
 */
#ifndef CORDBG_H
#define CORDBG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/cordbg.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One session on one process; see cordbg_attach(). */
struct cordbg_process;

/**
 * cordbg_attach() - start a session on a process
 * @pid: Process (thread group) ID, in the caller's PID namespace.
 * @flags: None is defined; must be 0.
 * @process: Receives the session, NULL on error. End it with cordbg_detach().
 *
 * The session is bound to the image that the process runs now, and to no later
 * one. The process is not stopped, and need not be.
 *
 * The caller must be the process itself, the ptrace(2) tracer of one of its
 * threads, or have CAP_SYS_PTRACE over it; and it must be allowed to open
 * /dev/cordbg.
 *
 * If the process that had @pid when the call began ends meanwhile and another
 * one gets its ID, the call fails with -ESRCH. That the ID was the right one to
 * begin with is for the caller to know: it is the ID of a child not waited for
 * yet, or the caller has a pidfd and finds it alive after this call. A thread
 * group whose leader has exited is alive as long as one of its threads is.
 *
 * Return: 0; -EINVAL (@flags, or @pid is not positive), -EPERM, -ESRCH (also a
 * kernel thread, a zombie, or the ID of a thread that is not a group leader),
 * -ENODEV, -EMFILE, -ENFILE, -ENOMEM, -ENOSYS, -EINTR.
 */
int cordbg_attach(pid_t pid, unsigned int flags,
		  struct cordbg_process **process);

/**
 * cordbg_from_fd() - take over a session that is open already
 * @fd: File descriptor of a bound session, for instance one that was received
 *	through a UNIX socket (SCM_RIGHTS), inherited, or bound with
 *	CORDBG_ATTACH.
 * @process: Receives the session, NULL on error. End it with cordbg_detach().
 *
 * On success the library owns @fd, and has made it close on execve(2). On error
 * @fd stays the caller's, as it was. The descriptor is known for a session by
 * its answer to CORDBG_LIST_BREAKPOINTS with no room for an entry.
 *
 * Return: 0; -EBADF (@fd is not open, or was opened with O_PATH), -EINVAL (@fd
 * is something else than /dev/cordbg), -ENOTCONN (it is not bound to a process),
 * -ESRCH (its process is gone), -ENOMEM, -EINTR.
 */
int cordbg_from_fd(int fd, struct cordbg_process **process);

/**
 * cordbg_fd() - file descriptor of a session
 * @process: The session.
 *
 * For passing the session to another program, and for ioctls made directly. The
 * library keeps owning it: do not close it.
 *
 * Return: The file descriptor. This function cannot fail.
 */
int cordbg_fd(const struct cordbg_process *process);

/**
 * cordbg_detach() - end a session
 * @process: The session, or NULL, which does nothing.
 *
 * Closes the file descriptor and frees @process. If no copy of the descriptor is
 * open elsewhere, the session's breakpoints are cleared; breakpoints that
 * another session has set too stay.
 */
void cordbg_detach(struct cordbg_process *process);

/**
 * cordbg_write_memory() - write the program's bytes, behind breakpoints
 * @process: The session.
 * @address: First address to write.
 * @size: Bytes to write. 0 succeeds and touches nothing.
 * @buffer: The data, @size bytes; may be NULL if @size is 0. Never modified.
 * @written: May be NULL. Otherwise it is set to 0 at first, and to the exact
 *	number of bytes written at the end, also on error.
 *
 * The whole range is verified to be mapped, present and writable before its
 * first byte is written. Up to CORDBG_WINDOW bytes (64 MiB) land whole or not at
 * all, whatever the process does to its mappings meanwhile; a longer range is
 * verified whole and then written window by window.
 *
 * Breakpoint opcodes inside the range stay in memory at every instant. The data
 * for these places is what reads show, and what clearing puts into memory.
 *
 * Do not write breakpoint opcodes with this function: they are data like any
 * other, and cordbg will not hide them. Use cordbg_set_unmanaged_breakpoint().
 * Do not write into memory that belongs to a managed runtime (its heap, its
 * compiled code, its tables) unless you know what the runtime expects there: a
 * careless write corrupts it.
 *
 * Return: 0; -EACCES, -EFAULT (@buffer), -ENXIO, -EOVERFLOW, -ESRCH, -ENOMEM,
 * -EINTR. Except for -EFAULT, -ESRCH and -EINTR nothing was written; for those
 * @written tells.
 */
int cordbg_write_memory(struct cordbg_process *process, uint64_t address,
			uint32_t size, const void *buffer, size_t *written);

/**
 * cordbg_write_memory_ex() - cordbg_write_memory() with options
 * @process: The session.
 * @address: First address to write.
 * @size: Bytes to write.
 * @buffer: The data, @size bytes; may be NULL if @size is 0, or with
 *	CORDBG_PROBE.
 * @flags: 0, or any of CORDBG_FORCE (accept private mappings that are not
 *	writable, for instance program text) and CORDBG_PROBE (verify the range
 *	and write nothing).
 * @written: May be NULL. As for cordbg_write_memory().
 * @failed_address: May be NULL. For -EACCES and -ENXIO it receives the first
 *	address of the range that failed; otherwise it is unchanged.
 *
 * Return: As for cordbg_write_memory(), and -EINVAL for @flags.
 */
int cordbg_write_memory_ex(struct cordbg_process *process, uint64_t address,
			   uint32_t size, const void *buffer,
			   unsigned int flags, size_t *written,
			   uint64_t *failed_address);

/**
 * cordbg_read_memory() - read the program's bytes, breakpoints hidden
 * @process: The session.
 * @address: First address to read.
 * @size: Bytes to read. 0 succeeds and touches nothing.
 * @buffer: Room for @size bytes; may be NULL if @size is 0. Its content is
 *	undefined after an error.
 * @read: May be NULL. Otherwise it is set to 0 at first, and to the exact number
 *	of bytes read at the end, also on error.
 *
 * The whole range is verified to be mapped, present and readable before its
 * first byte is read.
 *
 * Return: 0; -EACCES, -EFAULT (@buffer), -ENXIO, -EOVERFLOW, -ESRCH, -ENOMEM,
 * -EINTR.
 */
int cordbg_read_memory(struct cordbg_process *process, uint64_t address,
		       uint32_t size, void *buffer, size_t *read);

/**
 * cordbg_read_memory_ex() - cordbg_read_memory() with options
 * @process: The session.
 * @address: First address to read.
 * @size: Bytes to read.
 * @buffer: Room for @size bytes; may be NULL if @size is 0, or with CORDBG_PROBE.
 * @flags: 0, or any of CORDBG_FORCE (accept mappings that are not readable but
 *	could be made so), CORDBG_PROBE (verify the range and read nothing) and
 *	CORDBG_RAW (memory as it is, breakpoint opcodes visible).
 * @read: May be NULL. As for cordbg_read_memory().
 * @failed_address: May be NULL. For -EACCES and -ENXIO it receives the first
 *	address of the range that failed; otherwise it is unchanged.
 *
 * Return: As for cordbg_read_memory(), and -EINVAL for @flags.
 */
int cordbg_read_memory_ex(struct cordbg_process *process, uint64_t address,
			  uint32_t size, void *buffer, unsigned int flags,
			  size_t *read, uint64_t *failed_address);

/**
 * cordbg_set_unmanaged_breakpoint() - plant a breakpoint opcode
 * @process: The session.
 * @address: Where to plant it. On arm64 a multiple of 4.
 * @bufsize: Bytes of room at @buffer.
 * @buffer: Receives the program's bytes under the opcode; may be NULL if @bufsize
 *	is 0. Its content is undefined after an error.
 * @buflen: May be NULL. Otherwise it receives the opcode's length in bytes, also
 *	if the call fails with -ERANGE because @bufsize is smaller than that. It
 *	is 0 after any other error. CORDBG_OPCODE_MAX bytes of room are always
 *	enough.
 *
 * The opcode is that of the kernel's architecture: INT3 (1 byte) on x86, BRK (4
 * bytes) on arm64. A thread that runs into it gets SIGTRAP. All sessions on one
 * process share its breakpoints: setting one that another session has set
 * succeeds, and the program's own bytes are returned.
 *
 * Return: 0; -EACCES (a shared mapping that is not writable), -EBUSY, -EEXIST,
 * -EFAULT (@buffer), -EINVAL (@address is misaligned), -ENOSPC, -ENXIO,
 * -EOVERFLOW, -ERANGE, -ESRCH, -ENOMEM, -EINTR.
 */
int cordbg_set_unmanaged_breakpoint(struct cordbg_process *process,
				    uint64_t address, uint32_t bufsize,
				    uint8_t *buffer, uint32_t *buflen);

/**
 * cordbg_clear_unmanaged_breakpoint() - take a breakpoint away
 * @process: The session.
 * @address: Where this session has set it.
 *
 * If no other session has set it too, the program's bytes, as last written, are
 * put back; unless the program has overwritten the opcode, then memory stays as
 * it is.
 *
 * Return: 0; -ENOENT, -ESRCH, -ENOMEM, -EINTR.
 */
int cordbg_clear_unmanaged_breakpoint(struct cordbg_process *process,
				      uint64_t address);

/**
 * cordbg_list_breakpoints() - list the breakpoints of the process
 * @process: The session.
 * @list: Receives the breakpoints by ascending address, those of every session;
 *	see struct cordbg_breakpoint in <linux/cordbg.h>. May be NULL if @capacity
 *	is 0.
 * @capacity: Entries of room at @list.
 * @count: Receives the number of breakpoints of the process, 0 on error. The
 *	first @capacity of them are in @list; entries beyond are unchanged.
 *
 * Return: 0; -EFAULT (@list), -ESRCH, -ENOMEM, -EINTR.
 */
int cordbg_list_breakpoints(struct cordbg_process *process,
			    struct cordbg_breakpoint *list, size_t capacity,
			    size_t *count);

/**
 * cordbg_list_breakpoints_ex() - list the breakpoints from an address on
 * @process: The session.
 * @start: Breakpoints below this address are neither listed nor counted.
 * @list: As for cordbg_list_breakpoints().
 * @capacity: Entries of room at @list.
 * @count: Receives the number of breakpoints at or above @start, 0 on error.
 *
 * To walk a long list in pieces, go on one above the last address listed, until
 * @count is not larger than @capacity.
 *
 * Return: As for cordbg_list_breakpoints().
 */
int cordbg_list_breakpoints_ex(struct cordbg_process *process, uint64_t start,
			       struct cordbg_breakpoint *list, size_t capacity,
			       size_t *count);

/**
 * cordbg_batch() - carry out many operations in one call
 * @process: The session.
 * @operations: The operations, which receive their results; see struct
 *	cordbg_operation in <linux/cordbg.h>. May be NULL if @count is 0.
 * @count: Operations at @operations. 0 succeeds and does nothing.
 * @flags: 0 or CORDBG_BATCH_ATOMIC.
 * @done: May be NULL. Otherwise it is set to 0 at first, and at the end, also on
 *	error, to the number of operations whose results have been stored: the
 *	first ones of the array.
 *
 * Operations are carried out in their order, each as the function of its own
 * would do it. Each has a status of its own, 0 or one of the errors above: the
 * call returns 0 although some were refused, and goes on after them. It ends early
 * with -EINTR and -ESRCH, which is the last status then, and with -EFAULT, if
 * @operations cannot be loaded or stored. What comes after the first @done
 * operations has not happened.
 *
 * With CORDBG_BATCH_ATOMIC all of them happen or none does. None: then the call
 * returns the error of one that was refused, which has it as its status, and all
 * others have -ECANCELED. All: then breakpoints were set first and cleared last,
 * and transfers were done in their order. It is one step for the breakpoints of
 * other sessions and for their transfers of up to 64 KiB; but not for the program,
 * which is not stopped. There may be CORDBG_ATOMIC_OPERATIONS operations (1024),
 * which transfer or probe CORDBG_ATOMIC_BYTES bytes (16 MiB) together; of two that
 * set or clear at one address the second is refused with -EINVAL. Memory whose
 * pages cannot be held, that of some devices, is -EACCES.
 *
 * Return: 0; -EINVAL (@flags, or @count is above UINT32_MAX), -EFAULT
 * (@operations), -EMSGSIZE, -ESRCH, -ENOMEM, -EINTR; with CORDBG_BATCH_ATOMIC the
 * errors of the functions whose operations are in the batch, too.
 */
int cordbg_batch(struct cordbg_process *process,
		 struct cordbg_operation *operations, size_t count,
		 unsigned int flags, size_t *done);

/**
 * cordbg_hresult() - the HRESULT of an error
 * @error: What a function of this library returned. The positive errno is taken
 *	as well.
 *
 * For programs whose callers speak ICorDebug. Codes that .NET's implementation
 * returns for the same failure come first, then the closest general ones:
 *
 *   0			S_OK						0x00000000
 *   -EINVAL		E_INVALIDARG					0x80070057
 *   -ENOMEM		E_OUTOFMEMORY					0x8007000E
 *   -EPERM		E_ACCESSDENIED					0x80070005
 *   -ESRCH		CORDBG_E_PROCESS_TERMINATED			0x80131301
 *   -ENOENT		CORDBG_E_NO_NATIVE_PATCH_AT_ADDR		0x80131C05
 *   -EEXIST		CORDBG_E_NATIVE_PATCH_ALREADY_AT_ADDR		0x80131C07
 *   -ENXIO		ERROR_INVALID_ADDRESS				0x800701E7
 *   -EACCES		ERROR_NOACCESS					0x800703E6
 *   -EOVERFLOW		ERROR_ARITHMETIC_OVERFLOW			0x80070216
 *   -EINTR		ERROR_PARTIAL_COPY				0x8007012B
 *   -EFAULT		E_POINTER					0x80004003
 *   -ERANGE		ERROR_INSUFFICIENT_BUFFER			0x8007007A
 *   -EBUSY		ERROR_BUSY					0x800700AA
 *   -ENOSPC		ERROR_NOT_ENOUGH_QUOTA				0x80070718
 *   -ECANCELED		E_ABORT						0x80004004
 *   -EMSGSIZE		ERROR_BAD_LENGTH				0x80070018
 *   -EBADF		E_HANDLE					0x80070006
 *   -ENOTCONN		ERROR_NOT_CONNECTED				0x800708CA
 *   -ENODEV		ERROR_DEV_NOT_EXIST				0x80070037
 *   -EMFILE, -ENFILE	ERROR_TOO_MANY_OPEN_FILES			0x80070004
 *   -E2BIG, -ENOSYS, -ENOTTY
 *			E_NOTIMPL					0x80004001
 *   anything else	E_FAIL						0x80004005
 *
 * CORDBG_E_READVIRTUAL_FAILURE does not occur: an errno does not tell a read
 * from a write, and -ENXIO and -EACCES say more.
 *
 * Return: The HRESULT; negative for every error.
 */
int32_t cordbg_hresult(int error);

/**
 * cordbg_strerror() - describe an error
 * @error: What a function of this library returned. The positive errno is taken
 *	as well.
 *
 * strerror(3) describes what an errno means in general; this is what it means
 * here, such as "the memory is not mapped" for -ENXIO.
 *
 * Return: A text in English, never NULL and never to be freed; the same for every
 * error this library does not return.
 */
const char *cordbg_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif /* CORDBG_H */
