// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs at the kernel's file hooks: a container's calls fail as its rules say. Loaded once a node; attached, by engine/files.c, where
 * some container has a rule for the hook, as BPF LSM or as fmod_ret of the same function.
 *
 * A container's rules count from the exec of its own program on, which puts its cgroup into 'scopes'.
 */
#include "bpf/fault.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "bpf/kernel.bpf.h"
#include "bpf/path.bpf.h"
#include "bpf/scope.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define PID_DEPTH 8
#define S_IFMT 0170000
#define S_IFDIR 0040000
#define EXEC_FLAG 0x20U /* __FMODE_EXEC: opened to be executed */
#define MAY_WRITE 2
#define MAY_READ 4
#define ATTR_SIZE (1U << 3)
#define ATTR_FORCE (1U << 9) /* no call asked for it: a write that takes a set-uid bit away */

/* The place of the dentry among the arguments of inode_setattr, which changed. */
const volatile __u32 fw_setattr_arg;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FW_FILE_SLOTS + 1);
	__type(key, __u32);
	__type(value, struct fw_file);
} fw_files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4 * FW_FILE_SLOTS);
	__type(key, struct fw_task);
	__type(value, __u32);
} fw_arming SEC(".maps");

/* ---- whether it is to happen */

/* The error that a rule lets the event fail with; 0 = it lets it be. */
__attribute__((noinline)) int rule_error(__u32 key, __u64 now)
{
	struct fw_rule *r = bpf_map_lookup_elem(&fw_rules, &key);
	__u64 window, n;

	if (!r || !fault_open(r, key, now, &window) || !fault_gate(r, 1, &n))
		return 0;
	fault_injected(r, 1);
	return r->params[0];
}

struct verdict {
	__u64 mask, now;
	__u32 slot, error;
};

/* A rule behind one that lets the call fail does not count. */
static long verdict_rule(__u32 i, struct verdict *v)
{
	__u32 rule = i & (FW_RULES - 1);

	if (!(v->mask >> rule))
		return 1;
	if (v->mask >> rule & 1)
		v->error = rule_error(v->slot * FW_RULES + rule, v->now);
	return v->error != 0;
}

/* Under another's credentials it is the kernel that acts: overlayfs on the files below it, of which the container's own call was one event. */
static __always_inline bool file_is_inner(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->cred != task->real_cred;
}

static __noinline long file_act(__u32 slot, __u32 method, struct dentry *d, struct dentry *other)
{
	struct verdict v = { .slot = slot };
	const struct fw_control *node;
	const struct fw_file *file;
	__u32 zero = 0;
	__u64 matched;
	long ret;

	file = bpf_map_lookup_elem(&fw_files, &slot);
	node = bpf_map_lookup_elem(&fw_control, &zero);
	if (!file || !node || file->aborted || node->aborted || file_is_inner())
		return 0;
	v.mask = file->methods[method & (FW_METHOD_SLOTS - 1)] & ~file->disarmed;
	if (!v.mask)
		return 0;
	matched = path_matches(slot, v.mask, d);
	if (other)
		matched |= path_matches(slot, v.mask, other);
	v.mask = matched;
	if (!v.mask)
		return 0;
	v.now = bpf_ktime_get_ns();
	bpf_loop(FW_RULES, verdict_rule, &v, 0);
	ret = -(long)v.error;
	barrier_var(ret);
	return ret > 0 || ret < -4095 ? 0 : ret; /* no other may a hook return */
}

/* ---- from the container's own program on */

/* What 'arming' says of the current process, as any of its pid namespaces numbers it. */
__attribute__((noinline)) int file_task(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pid *pid = task->group_leader->thread_pid;
	__u32 level = pid->level;

	for (__u32 i = 0; i < PID_DEPTH && i <= level; i++) {
		struct {
			__s32 nr;
			struct pid_namespace *ns;
		} number = {};
		struct fw_task key = {};
		struct pid_namespace *ns;
		const __u32 *slot;

		if (bpf_probe_read_kernel(&number, sizeof(number), (const void *)&pid->numbers[0] + i * sizeof(number)))
			break;
		key.pid = number.nr;
		ns = number.ns;
		key.ns = BPF_CORE_READ(ns, ns.inum);
		slot = bpf_map_lookup_elem(&fw_arming, &key);
		if (!slot)
			continue;
		if (*slot != FW_PROBE) {
			__u32 ret = *slot;

			bpf_map_delete_elem(&fw_arming, &key);
			return ret;
		}
		return FW_PROBE;
	}
	return 0;
}

SEC("lsm/bprm_committed_creds")
long fw_begin(__u64 *ctx)
{
	__u32 slot = file_task();
	struct fw_file *file = bpf_map_lookup_elem(&fw_files, &slot);
	__u64 cgroup;

	if (!slot || !file)
		return 0;
	cgroup = scope_cgroup();
	bpf_map_update_elem(&fw_scopes, &cgroup, &slot, BPF_ANY);
	__sync_fetch_and_add(&fw_generation, 1);
	file->running = 1;
	return 0;
}

/* ---- the hooks */

SEC("lsm/file_open")
long fw_probe(__u64 *ctx)
{
	return (__u32)file_task() == FW_PROBE ? -(long)FW_PROBE_ERRNO : 0;
}

#define EVENT(method, first, second)                                    \
	({                                                              \
		__u32 slot = scope_slot();                              \
		slot ? file_act(slot, (method), (first), (second)) : 0; \
	})

SEC("lsm/file_open")
long fw_open(__u64 *ctx)
{
	struct file *f = (struct file *)ctx[0];
	__u32 slot = scope_slot();

	if (!slot || f->f_flags & EXEC_FLAG)
		return 0;
	return file_act(slot, FW_METHOD_OPEN, f->f_path.dentry, 0);
}

/* What the kernel reads of a program that it executes is part of the exec. */
SEC("lsm/file_permission")
long fw_access(__u64 *ctx)
{
	struct file *f = (struct file *)ctx[0];
	__u32 slot = scope_slot(), mask = ctx[1], method;

	if (!slot || f->f_flags & EXEC_FLAG || !(mask & (MAY_READ | MAY_WRITE)))
		return 0;
	method = (f->f_inode->i_mode & S_IFMT) == S_IFDIR ? FW_METHOD_READDIR : mask & MAY_WRITE ? FW_METHOD_WRITE : FW_METHOD_READ;
	return file_act(slot, method, f->f_path.dentry, 0);
}

SEC("lsm/mmap_file")
long fw_mmap(__u64 *ctx)
{
	struct file *f = (struct file *)ctx[0];
	__u32 slot = scope_slot();

	if (!slot || !f || f->f_flags & EXEC_FLAG)
		return 0;
	return file_act(slot, FW_METHOD_MMAP, f->f_path.dentry, 0);
}

SEC("lsm/inode_getattr")
long fw_getattr(__u64 *ctx)
{
	return EVENT(FW_METHOD_GETATTR, ((struct path *)ctx[0])->dentry, 0);
}

static __always_inline long file_setattr(struct dentry *d, struct iattr *attr)
{
	__u32 slot = scope_slot();

	if (!slot || attr->ia_valid & ATTR_FORCE)
		return 0;
	return file_act(slot, attr->ia_valid & ATTR_SIZE ? FW_METHOD_TRUNCATE : FW_METHOD_SETATTR, d, 0);
}

SEC("lsm/inode_setattr")
long fw_setattr(__u64 *ctx)
{
	if (fw_setattr_arg)
		return file_setattr((struct dentry *)ctx[1], (struct iattr *)ctx[2]);
	return file_setattr((struct dentry *)ctx[0], (struct iattr *)ctx[1]);
}

SEC("lsm/inode_create")
long fw_create(__u64 *ctx)
{
	return EVENT(FW_METHOD_CREATE, (struct dentry *)ctx[1], 0);
}

SEC("lsm/inode_mknod")
long fw_mknod(__u64 *ctx)
{
	return EVENT(FW_METHOD_CREATE, (struct dentry *)ctx[1], 0);
}

SEC("lsm/inode_unlink")
long fw_unlink(__u64 *ctx)
{
	return EVENT(FW_METHOD_UNLINK, (struct dentry *)ctx[1], 0);
}

SEC("lsm/inode_rename")
long fw_rename(__u64 *ctx)
{
	return EVENT(FW_METHOD_RENAME, (struct dentry *)ctx[1], (struct dentry *)ctx[3]);
}

SEC("lsm/inode_mkdir")
long fw_mkdir(__u64 *ctx)
{
	return EVENT(FW_METHOD_MKDIR, (struct dentry *)ctx[1], 0);
}

SEC("lsm/inode_rmdir")
long fw_rmdir(__u64 *ctx)
{
	return EVENT(FW_METHOD_RMDIR, (struct dentry *)ctx[1], 0);
}

SEC("lsm/inode_link")
long fw_link(__u64 *ctx)
{
	return EVENT(FW_METHOD_LINK, (struct dentry *)ctx[2], (struct dentry *)ctx[0]);
}

SEC("lsm/inode_symlink")
long fw_symlink(__u64 *ctx)
{
	return EVENT(FW_METHOD_SYMLINK, (struct dentry *)ctx[1], 0);
}

SEC("lsm/inode_readlink")
long fw_readlink(__u64 *ctx)
{
	return EVENT(FW_METHOD_READLINK, (struct dentry *)ctx[0], 0);
}

SEC("lsm/sb_statfs")
long fw_statfs(__u64 *ctx)
{
	return EVENT(FW_METHOD_STATFS, (struct dentry *)ctx[0], 0);
}

SEC("lsm/bprm_check_security")
long fw_exec(__u64 *ctx)
{
	return EVENT(FW_METHOD_EXEC, ((struct linux_binprm *)ctx[0])->file->f_path.dentry, 0);
}
