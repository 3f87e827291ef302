// SPDX-License-Identifier: GPL-2.0-only
/*
 * What file.bpf.c knows of the kernel's structures: the members it reads, wherever they are (CO-RE relocates them).
 */
#ifndef FAULTWIRE_KERNEL_BPF_H
#define FAULTWIRE_KERNEL_BPF_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block {
	__u32 s_dev;
};

struct inode {
	__u16 i_mode;
	unsigned long i_ino;
};

struct qstr {
	union {
		struct {
			__u32 hash;
			__u32 len;
		};
	};
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags;
};

struct linux_binprm {
	struct file *file;
};

struct iattr {
	unsigned int ia_valid;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup;
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup_subsys_state *subsys[1];
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct cred;
struct task_struct {
	const struct cred *real_cred;
	const struct cred *cred;
	struct css_set *cgroups;
	struct task_struct *group_leader;
	struct pid *thread_pid;
};

#pragma clang attribute pop

/* Where a container's processes are counted, in a hierarchy of its own: cgroup v1. */
enum cgroup_subsys_id { pids_cgrp_id };

#endif
