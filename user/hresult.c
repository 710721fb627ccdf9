// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The HRESULT of each error
 */

#include "private.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define S_OK	0
#define E_FAIL	0x80004005

static const struct {
	int error;
	uint32_t hresult;
} hresults[] = {
	{ EINVAL, 0x80070057 },		/* E_INVALIDARG */
	{ ENOMEM, 0x8007000e },		/* E_OUTOFMEMORY */
	{ EPERM, 0x80070005 },		/* E_ACCESSDENIED */
	{ ESRCH, 0x80131301 },		/* CORDBG_E_PROCESS_TERMINATED */
	{ ENOENT, 0x80131c05 },		/* CORDBG_E_NO_NATIVE_PATCH_AT_ADDR */
	{ EEXIST, 0x80131c07 },		/* CORDBG_E_NATIVE_PATCH_ALREADY_AT_ADDR */
	{ ENXIO, 0x800701e7 },		/* ERROR_INVALID_ADDRESS */
	{ EACCES, 0x800703e6 },		/* ERROR_NOACCESS */
	{ EOVERFLOW, 0x80070216 },	/* ERROR_ARITHMETIC_OVERFLOW */
	{ EINTR, 0x8007012b },		/* ERROR_PARTIAL_COPY */
	{ EFAULT, 0x80004003 },		/* E_POINTER */
	{ ERANGE, 0x8007007a },		/* ERROR_INSUFFICIENT_BUFFER */
	{ EBUSY, 0x800700aa },		/* ERROR_BUSY */
	{ ENOSPC, 0x80070718 },		/* ERROR_NOT_ENOUGH_QUOTA */
	{ ECANCELED, 0x80004004 },	/* E_ABORT */
	{ EMSGSIZE, 0x80070018 },	/* ERROR_BAD_LENGTH */
	{ EBADF, 0x80070006 },		/* E_HANDLE */
	{ ENOTCONN, 0x800708ca },	/* ERROR_NOT_CONNECTED */
	{ ENODEV, 0x80070037 },		/* ERROR_DEV_NOT_EXIST */
	{ EMFILE, 0x80070004 },		/* ERROR_TOO_MANY_OPEN_FILES */
	{ ENFILE, 0x80070004 },
	{ E2BIG, 0x80004001 },		/* E_NOTIMPL */
	{ ENOSYS, 0x80004001 },
	{ ENOTTY, 0x80004001 },
};

CORDBG_EXPORT int32_t cordbg_hresult(int error)
{
	size_t i;

	if (!error)
		return S_OK;
	for (i = 0; i < ARRAY_SIZE(hresults); i++)
		if (error == hresults[i].error || error == -hresults[i].error)
			return (int32_t)hresults[i].hresult;
	return (int32_t)E_FAIL;
}
