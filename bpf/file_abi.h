/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract of the programs at the kernel's file hooks, beside abi.h.
 */
#ifndef FAULTWIRE_FILE_ABI_H
#define FAULTWIRE_FILE_ABI_H

#include "bpf/abi.h"

/* What is done to a file, as faultwire.dev/io's "methods" name it; a mask of them has bit i for method i. */
enum fw_method {
	FW_METHOD_OPEN,
	FW_METHOD_READ,
	FW_METHOD_WRITE,
	FW_METHOD_FSYNC, /* fdatasync and sync_file_range too */
	FW_METHOD_GETATTR,
	FW_METHOD_SETATTR,
	FW_METHOD_CREATE,
	FW_METHOD_UNLINK,
	FW_METHOD_RENAME,
	FW_METHOD_MKDIR,
	FW_METHOD_RMDIR,
	FW_METHOD_LINK,
	FW_METHOD_SYMLINK,
	FW_METHOD_READLINK,
	FW_METHOD_READDIR,
	FW_METHOD_TRUNCATE,
	FW_METHOD_STATFS,
	FW_METHOD_MMAP,
	FW_METHOD_EXEC,
	FW_METHODS,
};

#endif
