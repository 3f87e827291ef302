/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs of file.bpf.c: loaded one by one as methods need them, pinned, attached by pinned links, as BPF LSM or as fmod_ret.
 */
#ifndef FAULTWIRE_FILES_BPF_H
#define FAULTWIRE_FILES_BPF_H

#include "bpf/file_abi.h"
#include "lib/error.h"
#include "lib/util.h"

enum files_mode { FILES_NONE, FILES_LSM, FILES_FMOD_RET, FILES_MODES };

enum files_map {
	FILES_RULES,
	FILES_CALENDARS,
	FILES_FILES,
	FILES_SCOPES,
	FILES_VERDICTS,
	FILES_ARMING,
	FILES_ANCHORS,
	FILES_ACCEPTS,
	FILES_GLOBS,
	FILES_BSS,
	FILES_MAPS
};

struct files_node {
	char build[32]; /* the pin directory's name behind FW_FILE_PIN */
	int maps[FILES_MAPS];
};
#define _cleanup_files_node_ __attribute__((cleanup(files_node_close)))
#define FILES_NODE_EMPTY                                \
	{                                               \
		.maps = { [0 ... FILES_MAPS - 1] = -1 } \
	}

/* The pins of the programs that this binary carries. */
const char *files_build(void);

/* Whether there is a place for pins. -ENOTSUP with the remedy. */
int files_check_pins(struct error *err);

/* Arms a program on the caller and opens a file: whether it fails as told, in 'mode'; else *err says what is in the way. */
bool files_probe(enum files_mode mode, struct error *err);

/* Opens the maps of a build. -ENOENT. */
int files_node_open(const char *build, struct files_node *ret, struct error *err);
/* Loads and pins of this build what the methods need and is not there yet, and opens the maps. Under the lock. */
int files_node_load(enum files_mode mode, bool cgroup_v1, uint32_t methods, struct files_node *ret, struct error *err);
void files_node_close(struct files_node *node);

/* Attaches this build's programs that the methods need and takes others off. 0 = all off. Under the lock. */
int files_attach(uint32_t methods, struct error *err);
/* Whether anything of any build is pinned. */
bool files_pinned(void);
/* Takes all away of builds that are not in 'used'. Under the lock. */
void files_unpin_unused(const char *const *used, size_t n);

/* Verdicts of before are void. */
void files_bump(const struct files_node *node);

#endif
