// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots of containers in the file hooks' programs: see files.h.
 *
 * Order of a start: record, programs, the slot's tables, links, and last 'arming', by which the exec of the container's own program makes it live.
 */
#include "engine/cgroup.h"
#include "engine/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "engine/bpf.h"
#include "engine/cgroup.h"
#include "engine/file.h"
#include "engine/files_bpf.h"
#include "engine/files_path.h"
#include "lib/gate.h"
#include "lib/util.h"

#define HOOKS_PATH STATE_DIR "/file-hooks"

/* ---- what the node has */

static const struct {
	const char *name, *why;
} modes[] = {
	[FILES_LSM] = { "lsm", "by BPF LSM" },
	[FILES_FMOD_RET] = { "fmod_ret", "by fmod_ret, bpf not being an active LSM" },
};

/* Why there are none, for as long as the process lives. */
static char none_why[512];

static enum files_mode mode_kept(void)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;

	if (file_read(HOOKS_PATH, &text, &n, NULL))
		return FILES_MODES;
	for (enum files_mode mode = FILES_LSM; mode < FILES_MODES; mode++)
		if (util_streq(text, modes[mode].name))
			return mode;
	snprintf(none_why, sizeof(none_why), "%s", text);
	return FILES_NONE;
}

static enum files_mode mode_probe(void)
{
	struct error lsm = {}, fmod_ret = {};

	if (files_probe(FILES_LSM, &lsm))
		return FILES_LSM;
	if (files_probe(FILES_FMOD_RET, &fmod_ret))
		return FILES_FMOD_RET;
	snprintf(none_why, sizeof(none_why), "BPF LSM: %.200s; fmod_ret: %.200s", lsm.msg, fmod_ret.msg);
	return FILES_NONE;
}

static enum files_mode mode_of_node(void)
{
	enum files_mode mode = mode_kept();

	if (mode < FILES_MODES)
		return mode;
	mode = mode_probe();
	mkdir(STATE_DIR, 0700);
	(void)file_write(HOOKS_PATH, HOOKS_PATH ".tmp", mode ? modes[mode].name : none_why, NULL);
	return mode;
}

void files_env(struct plan_env *env, bool afresh)
{
	enum files_mode mode = FILES_NONE;
	struct error err = {};

	if (files_check_pins(&err))
		snprintf(none_why, sizeof(none_why), "%.500s", err.msg);
	else
		mode = afresh ? mode_probe() : mode_of_node();
	env->files = mode != FILES_NONE;
	env->files_why = mode ? modes[mode].why : none_why;
}

/* ---- the cgroup */

/* What is done to a cgroup that others share would be done to them. */
static int check_cgroup(uint64_t init, bool *ret_v1, struct error *err)
{
	char proc[64], theirs[PATH_MAX] = "", ours[PATH_MAX] = "";
	const char *v1 = "pids"; /* of the controllers, that which counts processes */

	*ret_v1 = cgroup_path("/proc/self/cgroup", v1, ours);
	if (!*ret_v1) {
		v1 = NULL;
		(void)cgroup_path("/proc/self/cgroup", v1, ours);
	}
	snprintf(proc, sizeof(proc), "/proc/%llu/cgroup", (unsigned long long)init);
	(void)cgroup_path(proc, v1, theirs);
	if (theirs[0] && !util_streq(theirs, "/") && !util_streq(theirs, ours))
		return 0;
	return error_set(
		err, ENOTSUP,
		"the container has no cgroup of its own ('%s'), by which its processes are told from others: run it with one, "
		"or give its io faults backend 'seccomp'",
		theirs);
}

/* ---- a slot's tables */

static int map_set(int fd, const void *key, const void *value, const char *what, struct error *err)
{
	if (bpf_map_update_elem(fd, key, value, BPF_ANY))
		return error_set(err, errno, "cannot put %s into the kernel: %s", what,
				 errno == E2BIG ? "too many of all containers together" : strerror(errno));
	return 0;
}

/* Removes the entries of a hash that are the slot's. */
static void map_clear(int fd, size_t key_size, size_t value_size,
		      bool (*is_mine)(const void *key, const void *value, uint32_t slot), uint32_t slot)
{
	char key[32], next[32];
	_cleanup_free_ void *value = util_alloc(1, value_size);
	int r = bpf_map_get_next_key(fd, NULL, next);

	while (!r) {
		memcpy(key, next, key_size);
		r = bpf_map_get_next_key(fd, key, next);
		if (!bpf_map_lookup_elem(fd, key, value) && is_mine(key, value, slot))
			bpf_map_delete_elem(fd, key);
	}
}

static bool is_value(const void *key, const void *value, uint32_t slot)
{
	(void)key;
	return *(const uint32_t *)value == slot;
}

static bool is_anchor(const void *key, const void *value, uint32_t slot)
{
	(void)value;
	return ((const struct fw_anchor_key *)key)->slot == slot;
}

static bool is_accept(const void *key, const void *value, uint32_t slot)
{
	(void)value;
	return ((const struct fw_accept_key *)key)->rule / FW_RULES == slot;
}

/* Live no more first; its processes are nobody's before what they would find goes. */
static void slot_clear(const struct files_node *node, uint32_t slot)
{
	static const struct fw_file nothing;

	map_clear(node->maps[FILES_ARMING], sizeof(struct fw_task), sizeof(uint32_t), is_value, slot);
	(void)bpf_map_update_elem(node->maps[FILES_FILES], &slot, &nothing, BPF_ANY);
	map_clear(node->maps[FILES_SCOPES], sizeof(uint64_t), sizeof(uint32_t), is_value, slot);
	files_bump(node);
	map_clear(node->maps[FILES_ANCHORS], sizeof(struct fw_anchor_key), sizeof(struct fw_anchor), is_anchor, slot);
	map_clear(node->maps[FILES_ACCEPTS], sizeof(struct fw_accept_key), sizeof(struct fw_glob_set), is_accept, slot);
	for (uint32_t key = slot * FW_RULES; key < (slot + 1) * FW_RULES; key++) {
		bpf_map_delete_elem(node->maps[FILES_GLOBS], &key);
		bpf_map_delete_elem(node->maps[FILES_CALENDARS], &key);
	}
}

/* The rules at one place share its entry. */
static int put_anchor(const struct files_node *node, uint32_t slot, uint32_t rule, const struct files_anchor *a, struct error *err)
{
	const struct fw_anchor_key key = { a->ino, a->dev, slot };
	const struct fw_accept_key accept = { a->ino, a->dev, slot * FW_RULES + rule };
	struct fw_anchor anchor = {};
	int r = 0;

	(void)bpf_map_lookup_elem(node->maps[FILES_ANCHORS], &key, &anchor);
	if (a->whole)
		anchor.whole |= 1ULL << rule;
	else
		anchor.part |= 1ULL << rule;
	if (!a->whole)
		r = map_set(node->maps[FILES_ACCEPTS], &accept, &a->states, "a path", err);
	return r ? r : map_set(node->maps[FILES_ANCHORS], &key, &anchor, "a path", err);
}

static int put_path(const struct files_node *node, uint32_t slot, uint32_t rule, const struct files_path *path, struct error *err)
{
	uint32_t key = slot * FW_RULES + rule;
	int r = path->has_glob ? map_set(node->maps[FILES_GLOBS], &key, &path->glob, "a path", err) : 0;

	for (size_t i = 0; !r && i < path->n; i++)
		r = put_anchor(node, slot, rule, &path->anchors[i], err);
	return r;
}

static int put_rule(const struct files_node *node, const struct container *c, uint32_t rule, const struct files_root *root,
		    struct error *err)
{
	const struct plan_file *f = &plan_files(&c->plan)->rules[rule];
	uint32_t slot = (uint32_t)c->files_slot, key = slot * FW_RULES + rule;
	struct fw_rule gate = f->common.rule;
	struct files_path path = {};
	int r = files_path_find(root, &f->io, f->common.name, &path, err);

	gate_begin(&gate, c->created_mono_ns);
	gate.params[0] = f->io.error;
	if (!r)
		r = put_path(node, slot, rule, &path, err);
	if (!r && f->common.calendar)
		r = map_set(node->maps[FILES_CALENDARS], &key, &f->common.calendar->fields, "a schedule", err);
	if (!r)
		r = map_set(node->maps[FILES_RULES], &key, &gate, "a rule", err);
	files_path_cleanup(&path);
	return r;
}

static int put_slot(const struct files_node *node, const struct container *c, struct error *err)
{
	const struct plan_files *plan = plan_files(&c->plan);
	struct fw_file file = { .aborted = container_born_aborted(c) };
	uint32_t slot = (uint32_t)c->files_slot;

	for (size_t i = 0; i < plan->n_rules; i++) {
		file.disarmed |= plan->rules[i].common.armed ? 0 : 1ULL << i;
		for (int m = 0; m < FW_METHODS; m++)
			file.methods[m] |= plan->rules[i].io.methods >> m & 1 ? 1ULL << i : 0;
	}
	return map_set(node->maps[FILES_FILES], &slot, &file, "a container", err);
}

static int put_all(const struct files_node *node, const struct container *c, const char *bundle, struct error *err)
{
	_cleanup_files_root_ struct files_root root = FILES_ROOT_EMPTY;
	int r = files_root_open((pid_t)c->init.pid, bundle, &root, err);

	if (!r)
		slot_clear(node, (uint32_t)c->files_slot);
	for (uint32_t i = 0; !r && i < plan_files(&c->plan)->n_rules; i++)
		r = put_rule(node, c, i, &root, err);
	return r ? r : put_slot(node, c, err);
}

static int arm(const struct files_node *node, const struct container *c, struct error *err)
{
	uint32_t slot = (uint32_t)c->files_slot;
	struct fw_task task;
	struct stat ns;

	/* pids are the caller's namespace's */
	if (stat("/proc/self/ns/pid", &ns))
		return error_set(err, errno, "cannot look at the hook's own pid namespace: %s", strerror(errno));
	task = (struct fw_task){ (uint32_t)c->init.pid, (uint32_t)ns.st_ino };
	return map_set(node->maps[FILES_ARMING], &task, &slot, "a process", err);
}

/* The control map, in which the wall clock's offset is that of now. */
static int refresh_clock(struct error *err)
{
	struct fw_control *control = NULL;
	int r = bpf_control_map(&control, err);

	bpf_control_unmap(control);
	return r;
}

/* ---- who uses them */

static uint32_t methods_of(const struct plan *plan)
{
	const struct plan_files *files = plan_files(plan);
	uint32_t methods = 0;

	for (size_t i = 0; files && i < files->n_rules; i++)
		methods |= files->rules[i].io.methods;
	return methods;
}

/* Makes programs and links what the records of containers want. */
static int reconcile(const struct containers *list, struct error *err)
{
	_cleanup_free_ const char **used = util_alloc(list->n + 1, sizeof(*used));
	uint32_t methods = 0;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < list->n; i++) {
		const struct container *c = &list->containers[i];

		if (!c->files_slot)
			continue;
		used[n++] = c->files_build;
		if (util_streq(c->files_build, files_build()))
			methods |= methods_of(&c->plan);
	}
	r = access(FW_PIN_ROOT, F_OK) ? 0 : files_attach(methods, err);
	files_unpin_unused(used, n);
	return r;
}

static int reconcile_now(struct error *err)
{
	_cleanup_containers_ struct containers list = {};
	int r = container_list(&list, err);

	return r ? r : reconcile(&list, err);
}

static int choose_slot(const struct containers *list, uint64_t *ret, struct error *err)
{
	bool used[FW_FILE_SLOTS + 1] = {};

	for (size_t i = 0; i < list->n; i++)
		if (list->containers[i].files_slot <= FW_FILE_SLOTS)
			used[list->containers[i].files_slot] = true;
	for (uint64_t slot = 1; slot <= FW_FILE_SLOTS; slot++) {
		if (used[slot])
			continue;
		*ret = slot;
		return 0;
	}
	return error_set(
		err, ENOSPC,
		"this node has %d containers with io faults in the kernel already: wait until one ends, or give these backend "
		"'seccomp'",
		FW_FILE_SLOTS);
}

static int record(struct container *c, struct error *err)
{
	_cleanup_containers_ struct containers list = {};
	int r = container_list(&list, err);

	if (!r)
		r = choose_slot(&list, &c->files_slot, err);
	if (r)
		return r;
	free(c->files_build);
	c->files_build = util_strdup(files_build());
	return container_save(c, err);
}

int files_start(struct container *c, const char *bundle, struct error *err)
{
	_cleanup_files_node_ struct files_node node = FILES_NODE_EMPTY;
	bool v1 = false;
	int r;

	if (!plan_files(&c->plan))
		return 0;
	r = check_cgroup(c->init.pid, &v1, err);
	if (!r)
		r = record(c, err);
	if (!r)
		r = files_node_load(mode_of_node(), v1, methods_of(&c->plan), &node, err);
	if (!r)
		r = refresh_clock(err);
	if (!r)
		r = put_all(&node, c, bundle, err);
	if (!r)
		r = reconcile_now(err);
	if (!r)
		r = arm(&node, c, err);
	if (r)
		files_stop(c);
	return r;
}

void files_stop(const struct container *c)
{
	_cleanup_files_node_ struct files_node node = FILES_NODE_EMPTY;

	if (!c->files_slot)
		return;
	if (!files_node_open(c->files_build, &node, NULL))
		slot_clear(&node, (uint32_t)c->files_slot);
	container_remove(c->id, -1);
	(void)reconcile_now(NULL);
}

/* Whether a record wants the programs, or they are there. */
static bool is_anything(void)
{
	_cleanup_containers_ struct containers list = {};
	bool any = files_pinned();

	(void)container_list(&list, NULL);
	for (size_t i = 0; i < list.n; i++)
		any |= list.containers[i].files_slot;
	return any;
}

void files_sweep(bool locked)
{
	_cleanup_containers_ struct containers list = {};
	_cleanup_lock_ int lock = -1;

	container_sweep();
	if (!is_anything() || (!locked && state_lock(&lock, NULL)) || container_list(&list, NULL))
		return;
	for (size_t i = 0; i < list.n; i++)
		if (list.containers[i].files_slot && container_has_ended(&list.containers[i]))
			files_stop(&list.containers[i]);
	(void)reconcile_now(NULL);
}

/* ---- the operator's */

static int slot_open(const struct container *c, struct files_node *ret, struct error *err)
{
	if (!c->files_slot || c->files_slot > FW_FILE_SLOTS)
		return error_set(err, ENOENT, "container '%.64s' has no faults in the kernel's file hooks", c->id);
	return files_node_open(c->files_build, ret, err);
}

/* One store, which the programs see with the next call. */
static int slot_mark(const struct container *c, size_t offset, uint64_t bits, bool on, struct error *err)
{
	_cleanup_files_node_ struct files_node node = FILES_NODE_EMPTY;
	size_t size = (FW_FILE_SLOTS + 1) * sizeof(struct fw_file);
	char *map;
	int r = c->files_slot ? slot_open(c, &node, err) : 0;

	if (r || !c->files_slot)
		return r;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, node.maps[FILES_FILES], 0);
	if (map == MAP_FAILED)
		return error_set(err, errno, "cannot map the containers of the file hooks: %s", strerror(errno));
	map += c->files_slot * sizeof(struct fw_file);
	if (on)
		__atomic_fetch_or((uint64_t *)(map + offset), bits, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and((uint64_t *)(map + offset), ~bits, __ATOMIC_SEQ_CST);
	munmap(map - c->files_slot * sizeof(struct fw_file), size);
	return 0;
}

int files_abort(const struct container *c, uint64_t bits, bool on, struct error *err)
{
	return slot_mark(c, offsetof(struct fw_file, aborted), bits, on, err);
}

int files_disarm(const struct container *c, uint64_t bits, bool on, struct error *err)
{
	return slot_mark(c, offsetof(struct fw_file, disarmed), bits, on, err);
}

int files_get(const struct container *c, struct fw_file *ret, struct fw_rule rules[FW_RULES], struct error *err)
{
	_cleanup_files_node_ struct files_node node = FILES_NODE_EMPTY;
	uint32_t slot = (uint32_t)c->files_slot;
	int r = slot_open(c, &node, err);

	if (r)
		return r;
	if (bpf_map_lookup_elem(node.maps[FILES_FILES], &slot, ret))
		return error_set(err, errno, "cannot read a container of the file hooks: %s", strerror(errno));
	for (uint32_t i = 0; i < FW_RULES; i++) {
		uint32_t key = slot * FW_RULES + i;

		if (bpf_map_lookup_elem(node.maps[FILES_RULES], &key, &rules[i]))
			return error_set(err, errno, "cannot read a rule of the file hooks: %s", strerror(errno));
	}
	return 0;
}
