/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/cordbg: write another process's memory behind breakpoints
 *
 * One open file of /dev/cordbg is one session. CORDBG_ATTACH binds it to the
 * image that a process runs at that moment; every other ioctl then acts on
 * that image and on no later one. Breakpoint opcodes planted through any
 * session stay in the process while writes and reads see, and change, the
 * program's own bytes. The interface follows ICorDebugProcess::WriteMemory and
 * ICorDebugProcess2::SetUnmanagedBreakpoint ("the page" below).
 *
 * Structures. Every ioctl takes a pointer to a structure whose first member,
 * @argsz, is its size in bytes as the caller was compiled. Each structure has
 * the same layout for 32-bit and 64-bit callers; pointers are __u64. A caller
 * compiled against a longer structure works as long as the tail this kernel
 * does not know is zero; see copy_struct_from_user(). The size of each
 * structure's first version, the least @argsz, is CORDBG_..._SIZE_VER0.
 *
 * Return value. 0 on success; -1 with errno otherwise. An errno has one meaning
 * for every ioctl:
 *
 *   E2BIG      @argsz is larger than this kernel's structure, and a byte past
 *              its end is not zero; or larger than a page
 *   EACCES     the target range is mapped but its protection forbids the
 *              access; a breakpoint cannot be planted there
 *   EBUSY      ATTACH: the session is bound already.
 *              SET: the breakpoint would overlap another one, or a breakpoint
 *              opcode that is not cordbg's stands there already
 *   ECANCELED  BATCH with CORDBG_BATCH_ATOMIC, as a status: not carried out,
 *              because another operation was refused
 *   EEXIST     SET: this session has a breakpoint at that address
 *   EFAULT     the *caller's* memory: a structure, buffer or @written pointer
 *   EINTR      a fatal signal arrived; @written is exact
 *   EINVAL     unknown flag, non-zero reserved member, @argsz below the
 *              structure's first version, or a value that makes no sense
 *   EMSGSIZE   BATCH with CORDBG_BATCH_ATOMIC: too many operations or bytes
 *   ENOENT     CLEAR: this session has no breakpoint at that address
 *   ENOMEM     the kernel is out of memory
 *   ENOSPC     SET: the session holds as many breakpoints as the module
 *              parameter max_breakpoints allows
 *   ENOTCONN   the session is not bound to a process yet
 *   ENOTTY     unknown ioctl
 *   ENXIO      some byte of the *target* range is not mapped, or its page cannot
 *              be brought in (past the end of a file, memfd_secret(2), a
 *              userfaultfd(2) hole, an exhausted hugetlb pool)
 *   EOVERFLOW  address + size wraps
 *   EPERM      ATTACH: the caller may not debug that process
 *   ERANGE     SET: the buffer is smaller than the opcode
 *   ESRCH      there is no such process, or the image the session is bound to
 *              is gone: it exited or was replaced by execve(2)
 *
 * A refused call changes no byte of the target. Where a transfer can fail after it
 * has begun (beyond CORDBG_WINDOW bytes, by a fatal signal, because the caller
 * takes its own buffer away), @written is exact.
 */
#ifndef _LINUX_CORDBG_H
#define _LINUX_CORDBG_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Numbers 0x40 to 0x4f of type 0xDB. */
#define CORDBG_TYPE			0xDB

/*
 * CORDBG_ATTACH - bind the session to a process
 *
 * The caller must be the process itself, the ptrace(2) tracer of one of its
 * threads (and then the process dumpable, as for PTRACE_POKEDATA), or have
 * CAP_SYS_PTRACE in the user namespace of the process's memory and of its
 * credentials. Permission is decided here, once: whoever holds the file
 * descriptor later has the session's rights, as with one of /proc/PID/mem.
 *
 * EINVAL (also an ID that is not positive), EFAULT, EPERM, EBUSY, ESRCH (also a
 * kernel thread, a zombie, or the ID of a thread that is not a group leader),
 * EINTR, ENOMEM.
 */
#define CORDBG_ATTACH			_IO(CORDBG_TYPE, 0x40)

/**
 * struct cordbg_attach - argument of CORDBG_ATTACH
 * @argsz: In: size of this structure in bytes.
 * @flags: In: none is defined; must be 0.
 * @pid: In: process (thread group) ID, in the caller's PID namespace.
 * @reserved: In: must be 0.
 */
struct cordbg_attach {
	__u32 argsz;
	__u32 flags;
	__s32 pid;
	__u32 reserved;
};

#define CORDBG_ATTACH_SIZE_VER0	16

/*
 * CORDBG_WRITE_MEMORY - write the program's bytes, behind breakpoints
 *
 * The whole range is verified before the first byte is written: every page
 * mapped, writable and present (copy-on-write done, swapped in, inside its
 * file). Up to CORDBG_WINDOW bytes the write then lands whole or not at all,
 * even if the process unmaps or protects pages meanwhile. A longer range is
 * verified whole, then written window by window, and @written is exact.
 *
 * Where the range touches a breakpoint whose opcode stands in memory, the opcode
 * stays there at every instant and the data becomes the bytes that reads show
 * and that clearing puts back. Any value is data, the opcode's own bytes
 * included: do not plant breakpoints with this ioctl, use
 * CORDBG_SET_UNMANAGED_BREAKPOINT. Writing into memory that belongs to a
 * managed runtime can corrupt that runtime.
 *
 * CORDBG_READ_MEMORY - read the program's bytes, breakpoints hidden
 *
 * The same in the other direction; the range is verified to be readable.
 *
 * Two calls on overlapping ranges at the same time are not atomic against each
 * other. If the caller is the target, buffer and range must not overlap.
 *
 * EINVAL, EFAULT, EOVERFLOW, ENXIO, EACCES, ESRCH, EINTR, ENOMEM, ENOTCONN.
 */
#define CORDBG_WRITE_MEMORY		_IO(CORDBG_TYPE, 0x41)
#define CORDBG_READ_MEMORY		_IO(CORDBG_TYPE, 0x42)

/* Bytes that CORDBG_WRITE_MEMORY writes whole or not at all: 64 MiB. */
#define CORDBG_WINDOW			(64U << 20)

/*
 * Flags of struct cordbg_transfer.
 *
 * CORDBG_FORCE: a write accepts private mappings that are not writable, for
 *	instance program text, the way a debugger patches code (FOLL_FORCE).
 *	The program gets its own copy of a page of a file; the file does not
 *	change. Shared mappings that are not writable stay EACCES. A read
 *	accepts any mapping that could be made readable (VM_MAYREAD).
 * CORDBG_PROBE: verify the range and transfer nothing; @buffer is not used and
 *	@written is 0.
 * CORDBG_RAW: CORDBG_READ_MEMORY only: memory as it is, opcodes visible.
 */
#define CORDBG_FORCE			(1U << 0)
#define CORDBG_PROBE			(1U << 1)
#define CORDBG_RAW			(1U << 2)

/**
 * struct cordbg_transfer - argument of CORDBG_WRITE_MEMORY and CORDBG_READ_MEMORY
 * @argsz: In: size of this structure in bytes.
 * @flags: In: CORDBG_FORCE, CORDBG_PROBE, CORDBG_RAW.
 * @address: In: first address of the range, in the process.
 * @buffer: In: pointer to the caller's buffer of @size bytes. Never modified
 *	by a write.
 * @written: In: pointer to a __u64 of the caller, or 0 to ignore it. Set to 0
 *	before the transfer, and at the end to the number of bytes written
 *	(or read).
 * @failed_address: Out: for EACCES and ENXIO, the first address in the range
 *	that failed; otherwise unchanged.
 * @size: In: bytes to transfer. 0 succeeds and touches no target memory.
 * @reserved: In: must be 0.
 */
struct cordbg_transfer {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 address;
	__aligned_u64 buffer;
	__aligned_u64 written;
	__aligned_u64 failed_address;
	__u32 size;
	__u32 reserved;
};

#define CORDBG_TRANSFER_SIZE_VER0	48

/*
 * CORDBG_SET_UNMANAGED_BREAKPOINT - plant a breakpoint opcode
 *
 * Plants the opcode of the kernel's architecture (INT3 on x86, 1 byte; BRK on
 * arm64, 4 bytes, aligned) in any private mapping, whatever its protection. A
 * shared mapping is EACCES: others, and forked children, would run into the
 * opcode, and in a file it would outlive the process. So is hugetlb memory, whose
 * pages cannot be copied on demand for a forked child.
 *
 * All sessions on one process share its breakpoints: setting one that another
 * session has set succeeds, and memory is restored when the last session clears
 * it or is closed. A thread that runs into the opcode gets SIGTRAP, as from any
 * other breakpoint: on x86 with the instruction pointer after the opcode, on
 * arm64 at it.
 *
 * Threads, vfork(2) and CLONE_VM share the breakpoints. A child of fork(2) has
 * none: it runs its first instruction with the program's own bytes. munmap(2), a
 * new mapping in its place and mremap(2) drop the breakpoints inside; bytes that
 * mremap(2) carries to another address are put back there. execve(2) and exit
 * drop all.
 *
 * EEXIST, EBUSY, EACCES, ENXIO, ENOSPC, ERANGE, EINVAL (misaligned address),
 * EFAULT, EOVERFLOW, ESRCH, EINTR, ENOMEM, ENOTCONN.
 */
#define CORDBG_SET_UNMANAGED_BREAKPOINT	_IO(CORDBG_TYPE, 0x43)

/**
 * struct cordbg_set_breakpoint - argument of CORDBG_SET_UNMANAGED_BREAKPOINT
 * @argsz: In: size of this structure in bytes.
 * @flags: In: none is defined; must be 0.
 * @address: In: address of the opcode's first byte.
 * @buffer: In: pointer to room for the program's bytes under the opcode. After
 *	an error its contents are undefined.
 * @bufsize: In: bytes of room at @buffer.
 * @buflen: Out: the opcode's length in bytes, also on ERANGE.
 */
struct cordbg_set_breakpoint {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 address;
	__aligned_u64 buffer;
	__u32 bufsize;
	__u32 buflen;
};

#define CORDBG_SET_BREAKPOINT_SIZE_VER0	32

/*
 * CORDBG_CLEAR_UNMANAGED_BREAKPOINT - take a breakpoint of this session away
 *
 * If no other session has set it too, the program's bytes, as last written, are
 * put back, provided that the opcode still stands in memory. If it stands in
 * memory that cannot be written now (userfaultfd(2) write protection), the call
 * fails with EACCES or ENXIO and the breakpoint stays.
 *
 * ENOENT, EACCES, ENXIO, EINVAL, EFAULT, ESRCH, EINTR, ENOMEM, ENOTCONN.
 */
#define CORDBG_CLEAR_UNMANAGED_BREAKPOINT _IO(CORDBG_TYPE, 0x44)

/**
 * struct cordbg_clear_breakpoint - argument of CORDBG_CLEAR_UNMANAGED_BREAKPOINT
 * @argsz: In: size of this structure in bytes.
 * @flags: In: none is defined; must be 0.
 * @address: In: the address the breakpoint was set at.
 */
struct cordbg_clear_breakpoint {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 address;
};

#define CORDBG_CLEAR_BREAKPOINT_SIZE_VER0	16

/*
 * CORDBG_LIST_BREAKPOINTS - list the breakpoints of the process
 *
 * Lists those of every session, by ascending address. Breakpoints set or
 * cleared while the call runs may or may not be listed.
 *
 * EINVAL, EFAULT, ESRCH, EINTR, ENOMEM, ENOTCONN.
 */
#define CORDBG_LIST_BREAKPOINTS		_IO(CORDBG_TYPE, 0x45)

/* The most bytes an opcode has on any architecture. */
#define CORDBG_OPCODE_MAX		8

/*
 * Flags of struct cordbg_breakpoint.
 *
 * CORDBG_BREAKPOINT_PLANTED: the opcode stands in memory. Without it the program
 *	has rewritten that memory or given its contents up (MADV_DONTNEED):
 *	reads and writes then see memory as it is, and clearing leaves it alone.
 * CORDBG_BREAKPOINT_MINE: set by this session, maybe by others too.
 */
#define CORDBG_BREAKPOINT_PLANTED	(1U << 0)
#define CORDBG_BREAKPOINT_MINE		(1U << 1)

/**
 * struct cordbg_breakpoint - one breakpoint, as listed
 * @address: Address of the opcode's first byte.
 * @length: The opcode's length in bytes.
 * @flags: CORDBG_BREAKPOINT_PLANTED, CORDBG_BREAKPOINT_MINE.
 * @original: The program's bytes under the opcode; @length of them count, the
 *	rest is 0. Without CORDBG_BREAKPOINT_PLANTED, those of when it was last
 *	there: memory has the program's bytes.
 */
struct cordbg_breakpoint {
	__aligned_u64 address;
	__u32 length;
	__u32 flags;
	__u8 original[CORDBG_OPCODE_MAX];
};

/**
 * struct cordbg_list_breakpoints - argument of CORDBG_LIST_BREAKPOINTS
 * @argsz: In: size of this structure in bytes.
 * @flags: In: none is defined; must be 0.
 * @start: In: list only breakpoints at or above this address.
 * @breakpoints: In: pointer to an array of struct cordbg_breakpoint.
 * @capacity: In: entries of room in the array.
 * @count: Out: breakpoints of the process at or above @start; the array holds
 *	the first @capacity of them.
 */
struct cordbg_list_breakpoints {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 breakpoints;
	__u32 capacity;
	__u32 count;
};

#define CORDBG_LIST_BREAKPOINTS_SIZE_VER0	32

/*
 * CORDBG_BATCH - carry out many operations in one call
 *
 * Operations are carried out in their order, each as the ioctl of its own would,
 * and each has a status of its own: the call returns 0 although some were refused.
 * It ends early, with an error, if an operation gets EINTR or ESRCH, which is its
 * status, too, or if the array cannot be loaded or stored (EFAULT, E2BIG). @done is
 * always the number of operations that have their results: the first ones. Nothing
 * after them happened, unless the caller takes the array away while the call runs.
 *
 * With CORDBG_BATCH_ATOMIC everything is verified first, pages are held and memory
 * is allocated. Then either all operations happen and the call returns 0, or none
 * does: then it returns the error of one that was refused, which has it as its
 * status, and all others have ECANCELED. EINTR and ESRCH can be the error of no one
 * operation: then all have ECANCELED. Breakpoints are set first and cleared
 * last, whatever the order of the operations; transfers are in their order, but
 * what is written is loaded from the caller before anything read is stored. For
 * the breakpoints of other sessions, and their transfers of up to 64 KiB, it is one
 * step. The program is not stopped and can see a part of it. A transfer of memory
 * whose pages cannot be held (vm_ops->access of a device) is EACCES. On arm64 a
 * write to code can fail while it is carried out, if the program unmaps it in that
 * moment: then the call returns ENXIO, and each operation has its own status.
 *
 * EINVAL, E2BIG, EFAULT, EMSGSIZE, ESRCH, EINTR, ENOMEM, ENOTCONN; with
 * CORDBG_BATCH_ATOMIC the errors of the operations, too.
 */
#define CORDBG_BATCH			_IO(CORDBG_TYPE, 0x46)

/*
 * Flags of struct cordbg_batch.
 *
 * CORDBG_BATCH_ATOMIC: all or nothing. At most CORDBG_ATOMIC_OPERATIONS operations
 *	that transfer or probe at most CORDBG_ATOMIC_BYTES bytes. More operations
 *	are EMSGSIZE, and @done is 0; the operation that makes too many bytes is
 *	refused with EMSGSIZE. Of two that set or clear at one address the second
 *	is refused with EINVAL.
 */
#define CORDBG_BATCH_ATOMIC		(1U << 0)

#define CORDBG_ATOMIC_OPERATIONS	1024
#define CORDBG_ATOMIC_BYTES		(16U << 20)

/* What an operation does: see the ioctl of the same name. */
#define CORDBG_OP_WRITE_MEMORY		1
#define CORDBG_OP_READ_MEMORY		2
#define CORDBG_OP_SET_BREAKPOINT	3
#define CORDBG_OP_CLEAR_BREAKPOINT	4

/**
 * struct cordbg_operation - one operation of a batch
 * @op: In: CORDBG_OP_WRITE_MEMORY, CORDBG_OP_READ_MEMORY,
 *	CORDBG_OP_SET_BREAKPOINT or CORDBG_OP_CLEAR_BREAKPOINT.
 * @flags: In: of a transfer: CORDBG_FORCE, CORDBG_PROBE, CORDBG_RAW; otherwise 0.
 * @address: In: first address in the process.
 * @buffer: In: of a transfer: pointer to the caller's buffer; otherwise 0.
 * @size: In: of a transfer: bytes; otherwise 0.
 * @done: Out: of a transfer: bytes written or read; of a breakpoint that was set:
 *	the opcode's length in bytes; otherwise 0.
 * @status: Out: 0, or the negative errno of the refusal.
 * @reserved: In: must be 0.
 * @failed_address: Out: of a transfer refused with EACCES or ENXIO: the first
 *	address that failed; otherwise unchanged.
 * @original: Out: of a breakpoint that was set: the program's bytes under the
 *	opcode, @done of them; otherwise unchanged.
 */
struct cordbg_operation {
	__u32 op;
	__u32 flags;
	__aligned_u64 address;
	__aligned_u64 buffer;
	__u32 size;
	__u32 done;
	__s32 status;
	__u32 reserved;
	__aligned_u64 failed_address;
	__u8 original[CORDBG_OPCODE_MAX];
};

#define CORDBG_OPERATION_SIZE_VER0	56

/**
 * struct cordbg_batch - argument of CORDBG_BATCH
 * @argsz: In: size of this structure in bytes.
 * @flags: In: CORDBG_BATCH_ATOMIC.
 * @operations: In: pointer to an array of struct cordbg_operation.
 * @count: In: operations in the array.
 * @operation_size: In: size of one operation in bytes, as the caller was compiled;
 *	what holds for @argsz holds for it.
 * @done: Out: operations whose results have been stored.
 * @reserved: In: must be 0.
 */
struct cordbg_batch {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 operations;
	__u32 count;
	__u32 operation_size;
	__u32 done;
	__u32 reserved;
};

#define CORDBG_BATCH_SIZE_VER0		32

#endif /* _LINUX_CORDBG_H */
