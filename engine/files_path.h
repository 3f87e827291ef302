/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths inside a container as anchors: directories by device and inode, resolved in the container's own root while its runtime sets it up, with its
 * mounts in place and its program not yet there.
 */
#ifndef FAULTWIRE_FILES_PATH_H
#define FAULTWIRE_FILES_PATH_H

#include <sys/types.h>

#include "bpf/file_abi.h"
#include "lib/fault.h"

struct files_mount {
	uint64_t id;
	uint32_t dev;  /* the super block's */
	char *point;   /* within the container: "" is its root, else "/..."; NULL = outside */
	bool unsteady; /* directories get other inode numbers when the kernel has forgotten them */
};

struct files_root {
	int fd;
	char *path; /* of the root, as its mount namespace has it */
	struct files_mount *mounts;
	size_t n_mounts;
};
#define FILES_ROOT_EMPTY \
	{                \
		.fd = -1 \
	}
#define _cleanup_files_root_ __attribute__((cleanup(files_root_close)))

/* The root of the container that 'pid' is to be, by the root.path of the bundle's config.json. */
int files_root_open(pid_t pid, const char *bundle, struct files_root *ret, struct error *err);
void files_root_close(struct files_root *root);

/* Of one rule. Whole, or with the states that the glob has there. */
struct files_anchor {
	uint64_t ino;
	uint32_t dev;
	bool whole;
	struct fw_glob_set states;
};

struct files_path {
	struct files_anchor *anchors;
	size_t n;
	bool has_glob; /* some anchor is not whole */
	struct fw_glob glob;
};

/*
 * Where the files of an io fault are; 'what' is its name in messages. -EINVAL where a volumePath is no mount; -E2BIG for a glob that is too
 * long. *ret is the caller's (files_path_cleanup).
 */
int files_path_find(const struct files_root *root, const struct fault_io *io, const char *what, struct files_path *ret,
		    struct error *err);
void files_path_cleanup(struct files_path *path);

#endif
